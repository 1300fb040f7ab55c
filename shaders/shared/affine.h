// Push block and specialisation constants of affine_*.comp.
#ifndef VC_SHARED_AFFINE_H
#define VC_SHARED_AFFINE_H

#include "ops.h"

#define SC_AFFINE_CHANNELS 0 // channels an invocation takes at once: 1 to 4, a divisor of C
#define SC_AFFINE_ZERO     1 // affine_fwd: 0 where the position lies outside the image
#define SC_AFFINE_SECOND   0 // affine_valid_fwd: there are samplers_b
#define AFFINE_IGNORE      0xFFFFFFFFu

VC_STRUCT(vc_affine_push) {
  VC_UINT n;       // of one sample: pixels times c
  VC_UINT stride;  // invocations of one sample
  VC_UINT c, w, h; // c: channels / CHANNELS
};

#ifdef VULKAN
layout(push_constant) uniform Push {
  vc_affine_push pc;
};
#endif

#endif
