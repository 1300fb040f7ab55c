// [CONV 2] gx[n,c,u,v] = sum_{k,r,s} w[k,c,r,s] gz[n,k,u-r+o,v-s+o], gz zero outside {N,K,H',W'}.
// One invocation an element of gx {N,C,H,W}; sums over k within a tap, then over the taps in row order.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "conv.h"

layout(local_size_x = CONV_NAIVE_LOCAL) in;
layout(binding = 0) readonly buffer G { vc_act gz[]; };
layout(binding = 1) readonly buffer W { float w[]; };
layout(binding = 2) writeonly buffer X { vc_act gx[]; };
layout(push_constant) uniform Push { vc_conv_naive_push p; };

void main() {
  uint at = vc_thread_index();
  if (at >= p.n_out) return;
  uint c = at % p.in_c, pixel = at / p.in_c;
  uint v = pixel % p.in_w, u = pixel / p.in_w % p.in_h, n = pixel / (p.in_w * p.in_h);
  float sum = 0.0;
  for (uint r = 0; r < p.side; r++) {
    for (uint s = 0; s < p.side; s++) {
      uint i = u + p.origin - r, j = v + p.origin - s; // wraps to huge where negative
      if (i >= p.out_h || j >= p.out_w) continue;
      uint from = ((n * p.out_h + i) * p.out_w + j) * p.out_c, weight = (r * p.side + s) * p.in_c + c;
      float tap = 0.0;
      for (uint k = 0; k < p.out_c; k++) tap += float(gz[from + k]) * w[weight + k * p.side * p.side * p.in_c];
      sum += tap;
    }
  }
  gx[at] = vc_act(sum);
}
