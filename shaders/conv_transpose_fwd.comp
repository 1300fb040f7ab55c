// [UPCONV 1] y[n,k,2i+r,2j+s] = b[k] + sum_c w[c,k,r,s] x[n,c,i,j]; w in memory [c][r][s][k].
// One invocation an element of y {N,K,2H,2W}; sums over c.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "conv.h"

layout(local_size_x = CONV_NAIVE_LOCAL) in;
layout(binding = 0) readonly buffer X { vc_act x[]; };
layout(binding = 1) readonly buffer W { float w[]; };
layout(binding = 2) readonly buffer B { float b[]; };
layout(binding = 3) writeonly buffer Y { vc_act y[]; };
layout(push_constant) uniform Push { vc_conv_naive_push p; };

void main() {
  uint at = vc_thread_index();
  if (at >= p.n_out) return;
  uint k = at % p.out_c, pixel = at / p.out_c;
  uint out_x = pixel % p.out_w, out_y = pixel / p.out_w % p.out_h, n = pixel / (p.out_w * p.out_h);
  uint from = ((n * p.in_h + out_y / 2) * p.in_w + out_x / 2) * p.in_c;
  uint weight = (out_y % 2 * 2 + out_x % 2) * p.out_c + k;
  float sum = 0.0;
  for (uint c = 0; c < p.in_c; c++) sum += float(x[from + c]) * w[weight + c * 4 * p.out_c];
  if ((p.flags & CONV_BIAS) != 0) sum += b[k];
  y[at] = vc_act(sum);
}
