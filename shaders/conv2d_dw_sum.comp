// gw[i] = sum over slabs s of part[s][i], in their order, compensated. One invocation a weight.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "conv.h"

layout(local_size_x = CONV_NAIVE_LOCAL) in;
#include "sum.glsl"
layout(binding = 0) readonly buffer P { float part[]; };
layout(binding = 1) writeonly buffer W { float gw[]; };
layout(push_constant) uniform Push { vc_conv_dw_sum_push p; };

void main() {
  uint i = vc_thread_index();
  if (i >= p.n_weights) return;
  vc_acc sum = vc_acc(0.0, 0.0);
  for (uint s = 0; s < p.n_slabs; s++) vc_acc_add(sum, part[s * p.n_weights + i]);
  gw[i] = vc_acc_value(sum);
}
