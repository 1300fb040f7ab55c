// [DICE 4] gp_c = a_c g_c + b_c p_c (SUM: a_c g_c + b_c) in counted pixels, 0 in the others. terms = {a, b}. An
// invocation takes every stride-th element of p {N,C,H,W}.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "dice.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_DICE_SUM) const bool SUM = false;
layout(binding = 0) readonly buffer P { float p[]; };
layout(binding = 1) readonly buffer L { uint labels[]; };
layout(binding = 2) readonly buffer T { float terms[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

void main() {
  uvec3 radix = uvec3(pc.c, ~0u, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.pixels * pc.c; i += pc.stride) {
    uint label = labels[at.y];
    float v = SUM ? 1.0 : p[i];
    float g = terms[pc.c + at.x] * v + (label == at.x ? terms[at.x] : 0.0);
    y[i] = label < pc.c ? g : 0.0;
    at = vc_advance(at, step, radix);
  }
}
