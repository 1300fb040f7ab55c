// Push block and specialisation constants of kl_*.comp.
#ifndef VC_SHARED_KL_H
#define VC_SHARED_KL_H

#include "ops.h"

#define SC_KL_SHARPEN 0

VC_STRUCT(vc_kl_push) {
  VC_UINT pixels; // of all samples
  VC_UINT c;      // classes
  VC_UINT rows;   // sums: rows of partial sums
  VC_UINT stride; // dx: invocations
  VC_FLOAT confidence, inverse_temperature;
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_kl_push pc; };
#endif

#endif
