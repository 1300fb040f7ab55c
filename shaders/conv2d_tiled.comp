// [CONV 1] for GPUs: out[p][n] = b[n] + add[p][n] + sum over taps t and channels c of in[p + t][c] * w(t, c, n), see conv.h, as a matrix
// product whose left factor is gathered from the image. A workgroup computes TILE_M pixels x TILE_N columns, an invocation
// PARTS times 4 x 4 of them; DEPTH terms at a time stand in shared memory. Compiled for several tile shapes (variants.list).
// Order of sums: terms one after the other, channels fastest, then taps in row order.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#extension GL_EXT_control_flow_attributes : require
#include "conv.h"

#ifndef TILE_M
#define TILE_M 64
#define TILE_N 64
#endif

layout(local_size_x = CONV_TILED_LOCAL) in;
layout(constant_id = SC_CONV_SIDE) const uint SIDE = 3;
layout(constant_id = SC_CONV_STRIDE) const uint STRIDE = 1;
layout(constant_id = SC_CONV_WEIGHTS) const uint WEIGHTS = CONV_WEIGHTS_COLUMN;
layout(constant_id = SC_CONV_TURN) const uint TURN = 2;
layout(binding = 0) readonly buffer In { vc_act in_[]; };
layout(binding = 1) readonly buffer Weights { float weights[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) readonly buffer Add { vc_act add[]; };
layout(binding = 4) writeonly buffer Out { vc_act out_[]; };
layout(push_constant) uniform Push { vc_conv_push p; };

const uint DEPTH = CONV_TILED_DEPTH, FOURS_M = TILE_M / 4, FOURS_N = TILE_N / 4;
const uint THREADS_M = CONV_TILED_LOCAL / FOURS_N, PARTS = FOURS_M / THREADS_M; // a part: THREADS_M fours of pixels
const uint PASSES_M = FOURS_M * DEPTH / CONV_TILED_LOCAL; // fours of pixels that an invocation fetches in a step
shared vec4 left[DEPTH * FOURS_M];
shared vec4 right[DEPTH * FOURS_N];

// Term `at` of column n of the right factor.
float weight(uint at, uint t, uint c, uint n, uint n_terms) {
  if (at >= n_terms || n >= p.cols) return 0.0;
  if (WEIGHTS == CONV_WEIGHTS_COLUMN) return weights[n * n_terms + at];
  return weights[(c * SIDE * SIDE + SIDE * SIDE - 1 - t) * p.cols + n];
}

void main() {
  const uint id = gl_LocalInvocationID.x, group = vc_group_index();
  if (group >= p.n_groups) return; // the whole workgroup
  const uint m0 = group / p.tiles_x * TILE_M, n0 = group % p.tiles_x * TILE_N;
  const uint n_pixels = p.samples * p.grid_h * p.grid_w, n_terms = SIDE * SIDE * p.in_c;

  // What this invocation fetches: term id % DEPTH of some pixels; for the right factor neighbouring terms or columns.
  const uint my_term = id % DEPTH, my_four = id / DEPTH;
  const bool fetches = id < FOURS_N * DEPTH;
  const uint right_term = WEIGHTS == CONV_WEIGHTS_COLUMN ? my_term : id / FOURS_N;
  const uint right_four = WEIGHTS == CONV_WEIGHTS_COLUMN ? my_four : id % FOURS_N;
  uint base[PASSES_M * 4], at_y[PASSES_M * 4], at_x[PASSES_M * 4];
  [[unroll]] for (uint i = 0; i < PASSES_M * 4; i++) {
    uint m = m0 + (i / 4 * (CONV_TILED_LOCAL / DEPTH) + my_four) * 4 + i % 4;
    uint row = m / p.grid_w, sample_ = row / p.grid_h;
    base[i] = sample_ * p.in_h;
    at_y[i] = m < n_pixels ? (row - sample_ * p.grid_h) * STRIDE - p.origin : 0x80000000u; // wraps to huge where negative
    at_x[i] = (m - row * p.grid_w) * STRIDE - p.origin;
  }

  const uint tx = id % FOURS_N, ty = id / FOURS_N;
  vec4 sum[PARTS * 4];
  [[unroll]] for (uint i = 0; i < PARTS * 4; i++) sum[i] = vec4(0.0);
  for (uint k0 = 0; k0 < n_terms; k0 += DEPTH) {
    uint at = k0 + my_term, t = at / p.in_c, c = at - t * p.in_c, r = t / SIDE, s = t - r * SIDE;
    [[unroll]] for (uint pass = 0; pass < PASSES_M; pass++) {
      vec4 four = vec4(0.0);
      [[unroll]] for (uint i = 0; i < 4; i++) {
        uint y = at_y[pass * 4 + i] + r, x = at_x[pass * 4 + i] + s;
        if (at < n_terms && y < p.in_h && x < p.in_w) {
          four[i] = float(in_[((base[pass * 4 + i] + y) * p.in_w + x) * p.in_c + c]);
        }
      }
      left[my_term * FOURS_M + pass * (CONV_TILED_LOCAL / DEPTH) + my_four] = four;
    }
    if (fetches) {
      uint at_w = k0 + right_term, t_w = at_w / p.in_c, c_w = at_w - t_w * p.in_c, n = n0 + right_four * 4;
      vec4 four;
      [[unroll]] for (uint i = 0; i < 4; i++) four[i] = weight(at_w, t_w, c_w, n + i, n_terms);
      right[right_term * FOURS_N + right_four] = four;
    }
    memoryBarrierShared();
    barrier();
    [[dont_unroll]] for (uint k = 0; k < DEPTH; k += TURN) {
      [[unroll]] for (uint d = 0; d < TURN; d++) {
        vec4 b = right[(k + d) * FOURS_N + tx];
        [[unroll]] for (uint part = 0; part < PARTS; part++) {
          vec4 a = left[(k + d) * FOURS_M + part * THREADS_M + ty];
          [[unroll]] for (uint i = 0; i < 4; i++) sum[part * 4 + i] += a[i] * b;
        }
      }
    }
    memoryBarrierShared();
    barrier();
  }

  const uint out_c = p.cols / (p.up * p.up), out_w = p.grid_w * p.up;
  [[unroll]] for (uint j = 0; j < 4; j++) {
    uint n = n0 + tx * 4 + j;
    if (n >= p.cols) break;
    uint tap = n / out_c, k = n - tap * out_c;
    float b = (p.flags & CONV_BIAS) != 0 ? bias[k] : 0.0;
    [[unroll]] for (uint i = 0; i < PARTS * 4; i++) {
      uint m = m0 + (i / 4 * THREADS_M + ty) * 4 + i % 4;
      if (m >= n_pixels) break;
      uint row = m / p.grid_w, x = m - row * p.grid_w;
      uint to = ((row * p.up + tap / p.up) * out_w + x * p.up + tap % p.up) * out_c + k;
      float y = sum[i][j] + b;
      if ((p.flags & CONV_ADD) != 0) y += float(add[to]);
      y = mix(y, 0.0, (p.flags & CONV_RELU) != 0 && y < 0.0); // NaN stays
      out_[to] = vc_act(y);
    }
  }
}
