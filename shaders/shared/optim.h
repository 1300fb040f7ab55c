// Push block and specialisation constants of optim_*.comp.
#ifndef VC_SHARED_OPTIM_H
#define VC_SHARED_OPTIM_H

#include "ops.h"

VC_STRUCT(vc_optim_push) {
  VC_UINT n;      // parameters
  VC_UINT stride; // invocations
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_optim_push pc; };
#endif

#endif
