// [DICE 2] L = 1 - mean_c (2 sum p g + e) / (sum p² + sum g + e); GENERALISED [DICE 3]: one ratio of the weighted
// sums over c. One invocation does it all.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "dice.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  if (gl_GlobalInvocationID.x != 0u) return;
  if (GENERALISED) {
    vec2 t = total_ratio(counted_pixels());
    y[0] = (t.y - t.x) / t.y;
    return;
  }
  float sum = 0.0;
  for (uint c = 0u; c < pc.c; c++) {
    vec2 t = class_ratio(c);
    sum += (t.y - t.x) / t.y; // 1 - ratio without its rounding
  }
  y[0] = sum / float(pc.c);
}
