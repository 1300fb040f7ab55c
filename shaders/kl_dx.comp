// [KL 4] gp_c = -gradient t_c / p_c / max(valid pixels, 1) in counted pixels where p_c >= d, else 0. sums = {sum,
// valid pixels}. An invocation takes every stride-th pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "kl.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 3) readonly buffer S { float sums[]; };
layout(binding = 4) readonly buffer G { float grad[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };

void main() {
  float scale = -grad[0] / max(sums[1], 1.0);
  for (uint i = gl_GlobalInvocationID.x; i < pc.pixels; i += pc.stride) {
    kl_pixel x = kl_pixel_at(i);
    for (uint c = 0u; c < pc.c; c++) {
      float v = p[x.first + c];
      y[x.first + c] = x.is_counted && v >= FLOOR ? scale * kl_target(x, c) / v : 0.0;
    }
  }
}
