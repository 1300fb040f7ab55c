// Push block and specialisation constants of cross_entropy_*.comp.
#ifndef VC_SHARED_CROSS_ENTROPY_H
#define VC_SHARED_CROSS_ENTROPY_H

#include "ops.h"

VC_STRUCT(vc_cross_entropy_push) {
  VC_UINT pixels; // of all samples
  VC_UINT c;      // classes
  VC_UINT rows;   // sums: rows of partial sums
  VC_UINT stride; // dx: invocations
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_cross_entropy_push pc; };
#endif

#endif
