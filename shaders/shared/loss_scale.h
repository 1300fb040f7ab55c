// Push block of loss_scale_fwd.comp.
#ifndef VC_SHARED_LOSS_SCALE_H
#define VC_SHARED_LOSS_SCALE_H

#include "ops.h"

VC_STRUCT(vc_loss_scale_push) {
  VC_FLOAT growth_steps; // steps without overflow after which the scale doubles
  VC_FLOAT least, most;  // the scale's limits
};

#endif
