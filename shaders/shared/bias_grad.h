// Push blocks and specialisation constants of bias_grad_*.comp and skip_grad_*.comp.
//
// Partial sums stand in rows of C. A part is `chunk` pixels in memory order; its row j adds the pixels j, j + group,
// j + 2 group, ... of it. Where pixels are narrower than a step of the simd kernels, a step takes `group` pixels.
#ifndef VC_SHARED_BIAS_GRAD_H
#define VC_SHARED_BIAS_GRAD_H

#include "ops.h"

#define BIAS_GRAD_STEP 64  // elements that a simd kernel takes at once
#define SC_BIAS_GRAD_WIDTH 0 // channels an invocation takes at once: 1 or 4
#define SC_BIAS_GRAD_LANES 0 // simd: the subgroup's size
#define SC_BIAS_GRAD_MASK 1  // bias_grad: 0: y is not looked at

VC_STRUCT(vc_bias_grad_push) {
  VC_UINT c;             // channels
  VC_UINT pitch, first;  // of gy: its channels, and the first of them that counts
  VC_UINT pixels;        // skip: of the pooled tensor
  VC_UINT chunk, group, parts;
  VC_UINT blocks;        // simd: of BIAS_GRAD_STEP channels, a workgroup each
  VC_UINT w;             // skip: of the pooled tensor
};

#endif
