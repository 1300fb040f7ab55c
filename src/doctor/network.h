// network.h: a U-Net and its Dice loss in double, with gradients.
#ifndef VC_DOCTOR_NETWORK_H
#define VC_DOCTOR_NETWORK_H

#include "doctor/reference.h"

// The loss of one batch and its gradient. x {N,C,H,W}, labels {N,1,H,W}; the sides are multiples of 2^depth. block and
// out_gradient hold model->block_elements numbers in the order of the device's block; out_gradient is zero before.
// Padding "same", no norm, no dropout.
vc_status network_loss(vc_arena *arena, const vc_model *model, double *block, ref_array *x, ref_array *labels,
                       struct vc_dice_desc dice, double *out_loss, double *out_gradient);

#endif
