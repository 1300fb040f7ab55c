// Push block and specialisation constants of pool_*.comp.
#ifndef VC_SHARED_POOL_H
#define VC_SHARED_POOL_H

#include "ops.h"

#define SC_POOL_WIDTH 0 // channels an invocation takes at once: 1 or 4

VC_STRUCT(vc_pool_push) {
  VC_UINT n;      // elements of the pooled tensor / width
  VC_UINT stride; // invocations
  VC_UINT c;      // channels / width
  VC_UINT w;      // of the pooled tensor
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_pool_push pc; };
#endif

#endif
