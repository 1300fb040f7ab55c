// Push block and specialisation constant of optim_*.comp.
#ifndef VC_SHARED_OPTIM_H
#define VC_SHARED_OPTIM_H

#include "ops.h"

#define SC_OPTIM_REST 0 // whether n is no multiple of 4

VC_STRUCT(vc_optim_push) {
  VC_UINT n;      // parameters
  VC_UINT stride; // invocations
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_optim_push pc; };
#endif

#endif
