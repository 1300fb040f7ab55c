// [CONV 1] y[n,k,i,j] = b[k] + sum_{c,r,s} w[k,c,r,s] x[n,c,i+r-o,j+s-o], zeros outside; then + a and max(y, 0) if asked for.
// One invocation an element of y {N,K,H',W'}; sums over c within a tap, then over the taps in row order.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "conv.h"

layout(local_size_x = CONV_NAIVE_LOCAL) in;
layout(binding = 0) readonly buffer X { vc_act x[]; };
layout(binding = 1) readonly buffer W { float w[]; };
layout(binding = 2) readonly buffer B { float b[]; };
layout(binding = 3) readonly buffer A { vc_act a[]; };
layout(binding = 4) writeonly buffer Y { vc_act y[]; };
layout(push_constant) uniform Push { vc_conv_naive_push p; };

void main() {
  uint at = vc_thread_index();
  if (at >= p.n_out) return;
  uint k = at % p.out_c, pixel = at / p.out_c;
  uint j = pixel % p.out_w, i = pixel / p.out_w % p.out_h, n = pixel / (p.out_w * p.out_h);
  float sum = 0.0;
  for (uint r = 0; r < p.side; r++) {
    for (uint s = 0; s < p.side; s++) {
      uint in_y = i + r - p.origin, in_x = j + s - p.origin; // wraps to huge where negative
      if (in_y >= p.in_h || in_x >= p.in_w) continue;
      uint from = ((n * p.in_h + in_y) * p.in_w + in_x) * p.in_c, weight = ((k * p.side + r) * p.side + s) * p.in_c;
      float tap = 0.0;
      for (uint c = 0; c < p.in_c; c++) tap += float(x[from + c]) * w[weight + c];
      sum += tap;
    }
  }
  if ((p.flags & CONV_BIAS) != 0) sum += b[k];
  if ((p.flags & CONV_ADD) != 0) sum += float(a[at]);
  y[at] = vc_act(mix(sum, 0.0, (p.flags & CONV_RELU) != 0 && sum < 0.0)); // NaN stays
}
