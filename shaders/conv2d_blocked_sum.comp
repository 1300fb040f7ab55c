// [CONV 1] second pass of conv2d_blocked where its terms are split: out[p][n] = b[n] + add[p][n] + sum over slabs s of sums[s][p][n], in
// their order, compensated. One invocation four neighbouring columns of a grid pixel.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "conv.h"
#include "sum.glsl"

layout(local_size_x = CONV_NAIVE_LOCAL) in;
layout(constant_id = SC_CONV_SLABS) const uint SLABS = 2;
layout(binding = 0) readonly buffer Sums { vec4 sums[]; };
layout(binding = 1) readonly buffer Bias { vec4 bias[]; };
layout(binding = 2) readonly buffer Add { vc_quad add[]; };
layout(binding = 3) writeonly buffer Out { vc_quad out_[]; };
layout(push_constant) uniform Push { vc_conv_push p; };

#include "conv_out.glsl"

void main() {
  const uint fours = p.cols / 4, n_items = p.samples * p.grid_h * p.grid_w * fours, i = vc_thread_index();
  if (i >= n_items) return;
  vc_acc4 sum = vc_acc4(vec4(0.0), vec4(0.0));
  for (uint s = 0; s < SLABS; s++) vc_acc_add(sum, sums[s * n_items + i]);
  conv_put(i / fours, i % fours * 4, vc_acc_value(sum));
}
