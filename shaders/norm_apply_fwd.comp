// [STAT 3] y = w (x - mean) rstd + b, with RELU max(y, 0). An invocation takes every stride-th group of WIDTH channels
// of a pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "norm.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_NORM_WIDTH) const uint WIDTH = 1;
layout(constant_id = SC_NORM_RELU) const bool RELU = false;
layout(binding = 0) readonly buffer X1 { vc_act x1[]; };
layout(binding = 0) readonly buffer X4 { vc_act4 x4[]; };
layout(binding = 1) readonly buffer S1 { float s1[]; };
layout(binding = 1) readonly buffer S4 { vec4 s4[]; };
layout(binding = 2) readonly buffer W1 { float w1[]; };
layout(binding = 2) readonly buffer W4 { vec4 w4[]; };
layout(binding = 3) readonly buffer B1 { float b1[]; };
layout(binding = 3) readonly buffer B4 { vec4 b4[]; };
layout(binding = 4) writeonly buffer Y1 { vc_act y1[]; };
layout(binding = 4) writeonly buffer Y4 { vc_act4 y4[]; };

void main() {
  uint columns = pc.c / WIDTH, n_stats = pc.segments * columns;
  uvec3 radix = uvec3(columns, pc.pixels, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < n_stats * pc.pixels; i += pc.stride) {
    uint c = at.x, k = at.z * columns + c;
    if (WIDTH == 4u) {
      vec4 v = w4[c] * ((vec4(x4[i]) - s4[k]) * s4[n_stats + k]) + b4[c];
      y4[i] = vc_act4(RELU ? mix(v, vec4(0.0), lessThan(v, vec4(0.0))) : v); // NaN passes through
    } else {
      float v = w1[c] * ((float(x1[i]) - s1[k]) * s1[n_stats + k]) + b1[c];
      y1[i] = vc_act(RELU && v < 0.0 ? 0.0 : v);
    }
    at = vc_advance(at, step, radix);
  }
}
