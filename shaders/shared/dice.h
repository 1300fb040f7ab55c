// Push block and specialisation constants of dice_*.comp.
#ifndef VC_SHARED_DICE_H
#define VC_SHARED_DICE_H

#include "ops.h"

#define SC_DICE_SUM 0
#define SC_DICE_GENERALISED 1

VC_STRUCT(vc_dice_push) {
  VC_UINT pixels; // of all samples
  VC_UINT c;      // classes
  VC_UINT rows;   // sums: rows of partial sums
  VC_UINT stride; // dx: invocations
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_dice_push pc; };
#endif

#endif
