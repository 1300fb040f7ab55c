// Push block and specialisation constants of reduce_*.comp.
#ifndef VC_SHARED_REDUCE_H
#define VC_SHARED_REDUCE_H

#include "ops.h"

#define REDUCE_LOCAL 128 // invocations of a workgroup of the second pass: what every device has
#define SC_REDUCE_WIDTH 0   // reduce_sum
#define SC_REDUCE_SQUARES 1
#define SC_REDUCE_ROOT 0    // reduce_final

VC_STRUCT(vc_reduce_push) {
  VC_UINT n;         // elements; confusion: pixels
  VC_UINT lanes;     // invocations that share them; histogram: of one sample and channel
  VC_UINT n_rows, n_columns, columns; // final: partial sums, and the columns of a workgroup
  VC_FLOAT factor;   // final
  VC_UINT samples, pixels, c, bins;   // histogram: pixels of a sample; confusion: c classes
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_reduce_push pc; };
#endif

#endif
