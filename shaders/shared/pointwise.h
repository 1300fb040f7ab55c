// Push block and specialisation constants of pointwise_*.comp.
#ifndef VC_SHARED_POINTWISE_H
#define VC_SHARED_POINTWISE_H

#include "ops.h"

#define SC_POINTWISE_MODE 0
#define POINTWISE_RELU 0
#define POINTWISE_RELU_GRAD 1
#define POINTWISE_SCALE 2
#define POINTWISE_COMBINE 3
#define POINTWISE_MUL 4

VC_STRUCT(vc_pointwise_push) {
  VC_UINT n;      // elements
  VC_UINT stride; // invocations
  VC_FLOAT fa, fb;
  VC_UINT k;      // broadcast: elements of its operand
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_pointwise_push pc; };
#endif

#endif
