// [KL 1] First pass: row r of the result holds the partial sum of sum_c t_c (log max(t_c, d) - log max(p_c, d)) over
// counted pixels and the number of valid ones, over the pixels r, r + rows, ...; compensated.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "kl.glsl"
#include "sum.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 3) writeonly buffer Y { float y[]; };

void main() {
  uint row = gl_GlobalInvocationID.x, count = 0u;
  if (row >= pc.rows) return;
  vc_acc sum = vc_acc(0.0, 0.0);
  for (uint i = row; i < pc.pixels; i += pc.rows) {
    kl_pixel x = kl_pixel_at(i);
    if (x.is_valid) count++;
    if (!x.is_counted) continue;
    for (uint c = 0u; c < pc.c; c++) {
      float t = kl_target(x, c);
      vc_acc_add(sum, t * (log(max(t, FLOOR)) - log(max(p[x.first + c], FLOOR))));
    }
  }
  y[2u * row] = vc_acc_value(sum);
  y[2u * row + 1u] = float(count);
}
