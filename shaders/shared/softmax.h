// Push block and specialisation constants of softmax_*.comp.
#ifndef VC_SHARED_SOFTMAX_H
#define VC_SHARED_SOFTMAX_H

#include "ops.h"

#define SC_SOFTMAX_LOG 0

VC_STRUCT(vc_softmax_push) {
  VC_UINT n;      // pixels of all samples
  VC_UINT c;      // channels
  VC_UINT stride; // invocations
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_softmax_push pc; };
#endif

#endif
