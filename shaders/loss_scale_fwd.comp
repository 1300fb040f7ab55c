// [SCALE 1] The step's verdict on its loss scale. state = scale, steps since it changed, steps left out in all, scale of
// this step. Where norm, of the gradients of scale times the loss, is a number: y = hyper with the gradient scale divided
// by the scale, which doubles after GROWTH_STEPS such steps. Else the gradient scale is 0 (optimisers leave everything as
// it is) and the scale is halved. One invocation does it all.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "loss_scale.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer H { float hyper[]; };
layout(binding = 1) readonly buffer N { float norm[]; };
layout(binding = 2) buffer S { float state[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };
layout(push_constant) uniform Push { vc_loss_scale_push pc; };

void main() {
  if (gl_GlobalInvocationID.x != 0u) return;
  bool is_number = (floatBitsToUint(norm[0]) & 0x7f800000u) != 0x7f800000u; // by its bits: drivers may believe in no NaN
  float scale = state[0], since = state[1] + 1.0;
  for (uint i = 0u; i < 7u; i++) y[i] = hyper[i];
  y[7] = is_number ? hyper[7] / scale : 0.0;
  bool grows = is_number && since >= pc.growth_steps;
  state[0] = !is_number ? max(0.5 * scale, pc.least) : grows ? min(2.0 * scale, pc.most) : scale;
  state[1] = !is_number || grows ? 0.0 : since;
  if (!is_number) state[2] += 1.0;
  state[3] = scale;
}
