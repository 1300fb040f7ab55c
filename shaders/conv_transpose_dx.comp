// [UPCONV 2] gx[n,c,i,j] = sum_{k,r,s} w[c,k,r,s] gy[n,k,2i+r,2j+s]; w in memory [c][r][s][k].
// One invocation an element of gx {N,C,H,W}; sums over k within a tap, then over the taps in row order.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "conv.h"

layout(local_size_x = CONV_NAIVE_LOCAL) in;
layout(binding = 0) readonly buffer G { vc_act gy[]; };
layout(binding = 1) readonly buffer W { float w[]; };
layout(binding = 2) writeonly buffer X { vc_act gx[]; };
layout(push_constant) uniform Push { vc_conv_naive_push p; };

void main() {
  uint at = vc_thread_index();
  if (at >= p.n_out) return;
  uint c = at % p.in_c, pixel = at / p.in_c;
  uint j = pixel % p.in_w, i = pixel / p.in_w % p.in_h, n = pixel / (p.in_w * p.in_h);
  float sum = 0.0;
  for (uint t = 0; t < 4; t++) {
    uint from = ((n * p.out_h + 2 * i + t / 2) * p.out_w + 2 * j + t % 2) * p.out_c, weight = (c * 4 + t) * p.out_c;
    float tap = 0.0;
    for (uint k = 0; k < p.out_c; k++) tap += float(gy[from + k]) * w[weight + k];
    sum += tap;
  }
  gx[at] = vc_act(sum);
}
