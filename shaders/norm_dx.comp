// [STAT 5] gx = rstd (w g - a - h b), h = (x - mean) rstd, a and b the group's means of w g and w g h; FIXED: rstd w g.
// An invocation takes every stride-th group of WIDTH channels of a pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "norm.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_NORM_WIDTH) const uint WIDTH = 1;
layout(constant_id = SC_NORM_FIXED) const bool FIXED = false;
layout(binding = 0) readonly buffer X1 { vc_act x1[]; };
layout(binding = 0) readonly buffer X4 { vc_act4 x4[]; };
layout(binding = 1) readonly buffer G1 { vc_act g1[]; };
layout(binding = 1) readonly buffer G4 { vc_act4 g4[]; };
layout(binding = 2) readonly buffer S1 { float s1[]; };
layout(binding = 2) readonly buffer S4 { vec4 s4[]; };
layout(binding = 3) readonly buffer W1 { float w1[]; };
layout(binding = 3) readonly buffer W4 { vec4 w4[]; };
layout(binding = 4) readonly buffer T1 { float t1[]; }; // FIXED does not read it
layout(binding = 4) readonly buffer T4 { vec4 t4[]; };
layout(binding = 5) writeonly buffer Y1 { vc_act y1[]; };
layout(binding = 5) writeonly buffer Y4 { vc_act4 y4[]; };

void main() {
  uint columns = pc.c / WIDTH, n_stats = pc.segments * columns;
  uvec3 radix = uvec3(columns, pc.pixels, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < n_stats * pc.pixels; i += pc.stride) {
    uint c = at.x, k = at.z * columns + c;
    if (WIDTH == 4u) {
      vec4 rstd = s4[n_stats + k], v = w4[c] * vec4(g4[i]);
      if (!FIXED) v = v - t4[k] - (vec4(x4[i]) - s4[k]) * rstd * t4[n_stats + k];
      y4[i] = vc_act4(rstd * v);
    } else {
      float rstd = s1[n_stats + k], v = w1[c] * float(g1[i]);
      if (!FIXED) v = v - t1[k] - (float(x1[i]) - s1[k]) * rstd * t1[n_stats + k];
      y1[i] = vc_act(rstd * v);
    }
    at = vc_advance(at, step, radix);
  }
}
