// [UPCONV 3] gw[c,k,r,s] = sum_{n,i,j} x[n,c,i,j] gy[n,k,2i+r,2j+s], over one slab of x's rows (all samples' rows counted on).
// One invocation a weight and slab: part[slab][c][r][s][k]; sums along a row, then over the slab's rows. conv2d_dw_sum adds
// the slabs.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "conv.h"

layout(local_size_x = CONV_NAIVE_LOCAL) in;
layout(binding = 0) readonly buffer X { vc_act x[]; };
layout(binding = 1) readonly buffer G { vc_act gy[]; };
layout(binding = 2) writeonly buffer P { float part[]; };
layout(push_constant) uniform Push { vc_conv_naive_dw_push p; };

void main() {
  uint at = vc_thread_index();
  if (at >= p.n_weights * p.n_slabs) return;
  uint weight = at % p.n_weights, slab = at / p.n_weights;
  uint k = weight % p.out_c, t = weight / p.out_c % 4, c = weight / (p.out_c * 4);
  float sum = 0.0;
  for (uint row = slab * p.slab_rows; row < min((slab + 1) * p.slab_rows, p.n_rows); row++) {
    uint from = row * p.in_w * p.in_c + c, to = (2 * row + t / 2) * p.out_w * p.out_c + t % 2 * p.out_c + k;
    float along = 0.0;
    for (uint j = 0; j < p.in_w; j++) along += float(x[from + j * p.in_c]) * float(gy[to + 2 * j * p.out_c]);
    sum += along;
  }
  part[at] = sum;
}
