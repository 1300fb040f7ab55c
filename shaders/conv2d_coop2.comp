// [CONV 1] on matrix units, by matrices of a whole workgroup (coop2.glsl): out[p][n] = b[n] + add[p][n] + sum over taps t and
// channels c of in[p + t][c] * w(t, c, n), see conv.h; stride 1. A workgroup computes the TILE_H x TILE_W pixels of one sample and TILE_N
// columns: for each tap the box of the image that lies under the tile, moved by the tap, is the left factor, TILE_K
// channels at a time. Activations of 16 bits; weights packed by conv2d_coop_pack without padding; 32-bit sums. in_c and
// cols are multiples of 8.
// Order of sums: taps in row order, within a tap channels in steps of TILE_K; within a step the device's.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "coop2.glsl"
#include "conv.h"

#ifndef TILE_N
#define LOCAL  256
#define TILE_H 8
#define TILE_W 16
#define TILE_N 128
#endif

layout(local_size_x = LOCAL) in;
layout(constant_id = SC_COOP2_SIDE) const uint SIDE = 3;
layout(constant_id = SC_COOP2_K) const uint TILE_K = 16;
layout(binding = 0) readonly buffer In { coop2_half in_[]; };
layout(binding = 1) readonly buffer Weights { coop2_half weights[]; }; // [column][tap][channel]
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) readonly buffer Add { coop2_half add_[]; };
layout(binding = 4) writeonly buffer Out { coop2_half out_[]; };
layout(push_constant) uniform Push { vc_conv_push p; };

const uint TILE_M = TILE_H * TILE_W;

VC_COOP2_DECLARE

// from: the tile's first column, row and pixel of a row, and the first element of its sample.
float finish(const in uint i, const in uint j, const in float sum, const in uvec4 from) {
  const uint n = from.x + j, row = from.y + i / TILE_W, x = from.z + i % TILE_W;
  float y = sum;
  if ((p.flags & CONV_BIAS) != 0 && n < p.cols) y += bias[n];
  if ((p.flags & CONV_ADD) != 0 && n < p.cols && row < p.grid_h && x < p.grid_w) {
    y += coop2_element(add_, from.w + (row * p.grid_w + x) * p.cols + n);
  }
  if ((p.flags & CONV_RELU) != 0 && y < 0.0) y = 0.0; // NaN stays
  return y;
}

void main() {
  const uint group = vc_group_index();
  if (group >= p.n_groups) return; // the whole workgroup
  const uint in_c = p.in_c & ~7u, cols = p.cols & ~7u; // as they are: so that the compiler knows
  const uint across = (cols + TILE_N - 1) / TILE_N, tile = group / across, n0 = group % across * TILE_N;
  const uint row = tile / p.tiles_x, x0 = tile % p.tiles_x * TILE_W, y0 = row % p.tiles_y * TILE_H;
  const uint sample_ = row / p.tiles_y;
  const uint in_at = sample_ * p.in_h * p.in_w * in_c, out_at = sample_ * p.grid_h * p.grid_w * cols;
  coop2_layout image, columns, result;
  coop2_dims(image, p.in_h, p.in_w, in_c);
  coop2_dims(columns, cols, SIDE * SIDE, in_c);
  coop2_dims(result, p.grid_h, p.grid_w, cols);

  coop2_sums(sum);
  coop2_clear(sum);
  for (uint t = 0; t < SIDE * SIDE; t++) {
    const uint y = y0 + t / SIDE - p.origin, x = x0 + t % SIDE - p.origin; // of the box: -1 at the upper and left edges
    for (uint c = 0; c < in_c; c += TILE_K) {
      coop2_left(a);
      coop2_right(b);
      coop2_load_left(a, in_, in_at, coop2_box(image, y, TILE_H, x, TILE_W, c, TILE_K));
      coop2_load_right_turned(b, weights, 0, coop2_box(columns, n0, TILE_N, t, 1, c, TILE_K));
      coop2_multiply_add(sum, a, b);
    }
  }
  coop2_each(sum, finish, uvec4(n0, y0, x0, out_at));
  coop2_store_half(sum, out_, out_at, coop2_box(result, y0, TILE_H, x0, TILE_W, n0, TILE_N));
}
