// Push block of gate_*.comp.
#ifndef VC_SHARED_GATE_H
#define VC_SHARED_GATE_H

#include "ops.h"

VC_STRUCT(vc_gate_push) {
  VC_UINT pixels; // of all samples
  VC_UINT c;      // classes
  VC_UINT stride; // invocations
  VC_FLOAT threshold; // valid
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_gate_push pc; };
#endif

#endif
