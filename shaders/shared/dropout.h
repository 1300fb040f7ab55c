// Push block and specialisation constants of dropout_fwd.comp.
#ifndef VC_SHARED_DROPOUT_H
#define VC_SHARED_DROPOUT_H

#include "ops.h"

VC_STRUCT(vc_dropout_push) {
  VC_UINT n;         // elements
  VC_UINT stride;    // invocations
  VC_UINT threshold; // rate * 2^32
  VC_UINT first_group;
  VC_FLOAT scale; // 1 / (1 - rate)
};

#ifdef VULKAN
layout(push_constant) uniform Push {
  vc_dropout_push pc;
};
#endif

#endif
