// [CONV 3] gw[k,c,r,s] = sum_{n,i,j} gz[n,k,i,j] x[n,c,i+r-o,j+s-o], over one slab of output rows (all samples' rows counted on).
// One invocation a weight and slab: part[slab][k][r][s][c]; sums along a row, then over the slab's rows. conv2d_dw_sum adds
// the slabs.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "conv.h"

layout(local_size_x = CONV_NAIVE_LOCAL) in;
layout(binding = 0) readonly buffer X { vc_act x[]; };
layout(binding = 1) readonly buffer G { vc_act gz[]; };
layout(binding = 2) writeonly buffer P { float part[]; };
layout(push_constant) uniform Push { vc_conv_naive_dw_push p; };

void main() {
  uint at = vc_thread_index();
  if (at >= p.n_weights * p.n_slabs) return;
  uint weight = at % p.n_weights, slab = at / p.n_weights;
  uint c = weight % p.in_c, s = weight / p.in_c % p.side, r = weight / (p.in_c * p.side) % p.side;
  uint k = weight / (p.in_c * p.side * p.side);
  float sum = 0.0;
  for (uint row = slab * p.slab_rows; row < min((slab + 1) * p.slab_rows, p.n_rows); row++) {
    uint n = row / p.out_h, in_y = row % p.out_h + r - p.origin; // wraps to huge where negative
    if (in_y >= p.in_h) continue;
    float along = 0.0;
    for (uint j = 0; j < p.out_w; j++) {
      uint in_x = j + s - p.origin;
      if (in_x < p.in_w) {
        along += float(gz[(row * p.out_w + j) * p.out_c + k]) *
                 float(x[((n * p.in_h + in_y) * p.in_w + in_x) * p.in_c + c]);
      }
    }
    sum += along;
  }
  part[at] = sum;
}
