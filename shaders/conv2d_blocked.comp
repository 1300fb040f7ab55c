// [CONV 1] for GPUs: out[p][n] = b[n] + sum over taps t and channels c of in[p + t][c] * w(t, c, n), see conv.h, as a matrix
// product whose left factor is gathered from the image. A workgroup computes TILE_M pixels x TILE_N columns, DEPTH terms at a time
// through two stages in shared memory: while one is multiplied, the next is on its way in registers. in_c, cols and the
// channels of out are multiples of 4: four neighbouring terms lie in one tap and are moved at once.
// An invocation computes 8 pixels x 4 * FOURS_N columns, in blocks of 4 x 4 that lie half a tile apart, so that eight neighbours
// read 128 bytes side by side and four rows of them the same columns. Compiled for several tile shapes (variants.list).
// Where tiles are few, SLABS workgroups share the terms of one and leave sums[slab][p][n], which conv2d_blocked_sum adds.
// Order of sums: a slab's terms one after the other, channels fastest, then taps in row order.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#extension GL_EXT_control_flow_attributes : require
#include "conv.h"

#ifndef TILE_M
#define TILE_M 128
#define TILE_N 128
#endif
#ifndef FOURS_N
#define FOURS_N 2
#endif
#define LOCAL (TILE_M * TILE_N / (32 * FOURS_N))

layout(local_size_x = LOCAL) in;
layout(constant_id = SC_CONV_SIDE) const uint SIDE = 3;
layout(constant_id = SC_CONV_STRIDE) const uint STRIDE = 1;
layout(constant_id = SC_CONV_WEIGHTS) const uint WEIGHTS = CONV_WEIGHTS_COLUMN;
layout(constant_id = SC_CONV_TURN) const uint TURN = 2;
layout(constant_id = SC_CONV_SLABS) const uint SLABS = 1;
layout(constant_id = SC_CONV_SETS) const uint SETS = 1;
layout(binding = 0) readonly buffer In { vc_quad in_[]; };
layout(binding = 1) readonly buffer Weights { vec4 weights[]; };
layout(binding = 2) readonly buffer Bias { vec4 bias[]; };
layout(binding = 3) readonly buffer Add { vc_quad add[]; };
layout(binding = 4) writeonly buffer Out { vc_quad out_[]; };
layout(binding = 4) writeonly buffer Sums { vec4 sums[]; };
layout(push_constant) uniform Push { vc_conv_push p; };

#include "conv_out.glsl"

const uint DEPTH = CONV_BLOCKED_DEPTH, CHUNKS = DEPTH / 4;       // a chunk: four terms
const uint PITCH_M = TILE_M / 4 + 1, PITCH_N = TILE_N / 4 + 1;   // of a term in a stage: one more, so that the terms of a chunk
const uint STAGE_M = DEPTH * PITCH_M, STAGE_N = DEPTH * PITCH_N; // are written to different banks
const uint ROWS_AT_ONCE = LOCAL / CHUNKS, TERMS_AT_ONCE = LOCAL / (TILE_N / 4);
const uint PASSES_M = TILE_M / ROWS_AT_ONCE, PASSES_N = (TILE_N * CHUNKS + LOCAL - 1) / LOCAL;
const uint ACROSS = TILE_N / (4 * FOURS_N), NEAR = min(ACROSS, 8u); // invocations side by side, in a patch of 32
shared vec4 left[2 * STAGE_M];
shared vec4 right[2 * STAGE_N];

void main() {
  const uint id = gl_LocalInvocationID.x, group = vc_group_index() / SLABS, slab = vc_group_index() % SLABS;
  if (group * SLABS >= p.n_groups) return; // the whole workgroup
  const uint m0 = group / p.tiles_x * TILE_M, n0 = group % p.tiles_x * TILE_N;
  const uint n_pixels = p.samples * p.grid_h * p.grid_w, taps = SIDE * SIDE, n_terms = taps * p.in_c;
  const uint n_steps = (n_terms + DEPTH - 1) / DEPTH, slab_steps = (n_steps + SLABS - 1) / SLABS;
  const uint first = slab * slab_steps, end = min(first + slab_steps, n_steps);
  const uint w0 = SETS > 1 ? m0 / (n_pixels / SETS) * (n_terms * p.cols) : 0; // of the set

  // This invocation fetches chunk my_chunk of every ROWS_AT_ONCE-th pixel, which stands in tap t from channel c on. Of the
  // right factor it fetches the same of columns, or four columns of every TERMS_AT_ONCE-th term.
  const uint my_chunk = id % CHUNKS, my_row = id / CHUNKS;
  const uint my_four = id % (TILE_N / 4), my_term = id / (TILE_N / 4);
  const bool fetches = id < TILE_N * CHUNKS;
  uint t = (first * DEPTH + my_chunk * 4) / p.in_c, c = (first * DEPTH + my_chunk * 4) % p.in_c, t_w[PASSES_N], c_w[PASSES_N];
  [[unroll]] for (uint i = 0; i < PASSES_N; i++) {
    t_w[i] = (first * DEPTH + my_term + i * TERMS_AT_ONCE) / p.in_c;
    c_w[i] = (first * DEPTH + my_term + i * TERMS_AT_ONCE) % p.in_c;
  }
  uint base[PASSES_M], at_y[PASSES_M], at_x[PASSES_M];
  [[unroll]] for (uint i = 0; i < PASSES_M; i++) {
    uint m = m0 + i * ROWS_AT_ONCE + my_row, row = m / p.grid_w, sample_ = row / p.grid_h;
    base[i] = sample_ * p.in_h;
    at_y[i] = m < n_pixels ? (row - sample_ * p.grid_h) * STRIDE - p.origin : 0x80000000u; // wraps to huge where negative
    at_x[i] = (m - row * p.grid_w) * STRIDE - p.origin;
  }
  vc_quad next_m[PASSES_M];
  vec4 next_n[PASSES_N];

  const uint tx = id / 32 % (ACROSS / NEAR) * NEAR + id % NEAR;
  const uint ty = id / 32 / (ACROSS / NEAR) * (32 / NEAR) + id % 32 / NEAR;
  vec4 sum[8 * FOURS_N];
  [[unroll]] for (uint i = 0; i < 8 * FOURS_N; i++) sum[i] = vec4(0.0);

  for (uint step_ = first; step_ <= end; step_++) {
    if (step_ < end) {
      const uint r = t / SIDE, s = t - r * SIDE;
      [[unroll]] for (uint i = 0; i < PASSES_M; i++) {
        uint y = at_y[i] + r, x = at_x[i] + s;
        next_m[i] = vc_quad(0);
        if (t < taps && y < p.in_h && x < p.in_w) next_m[i] = in_[(((base[i] + y) * p.in_w + x) * p.in_c + c) / 4];
      }
      [[unroll]] for (uint i = 0; i < PASSES_N; i++) {
        next_n[i] = vec4(0.0);
        if (WEIGHTS == CONV_WEIGHTS_COLUMN) {
          uint n = n0 + i * ROWS_AT_ONCE + my_row;
          if (fetches && t < taps && n < p.cols) next_n[i] = weights[(w0 + n * n_terms + t * p.in_c + c) / 4];
        } else {
          uint n = n0 + my_four * 4;
          if (fetches && t_w[i] < taps && n < p.cols) next_n[i] = weights[(w0 + (c_w[i] * taps + taps - 1 - t_w[i]) * p.cols + n) / 4];
          for (c_w[i] += DEPTH; c_w[i] >= p.in_c; c_w[i] -= p.in_c) t_w[i]++;
        }
      }
      for (c += DEPTH; c >= p.in_c; c -= p.in_c) t++;
    }
    if (step_ > first) {
      const uint from = (step_ - 1) % 2, at_m = from * STAGE_M + ty, at_n = from * STAGE_N + tx;
      [[dont_unroll]] for (uint k = 0; k < DEPTH; k += TURN) {
        [[unroll]] for (uint d = 0; d < TURN; d++) {
          vec4 a[2] = {left[at_m + (k + d) * PITCH_M], left[at_m + (k + d) * PITCH_M + TILE_M / 8]}, b[FOURS_N];
          [[unroll]] for (uint j = 0; j < FOURS_N; j++) b[j] = right[at_n + (k + d) * PITCH_N + j * ACROSS];
          [[unroll]] for (uint i = 0; i < 8; i++) {
            [[unroll]] for (uint j = 0; j < FOURS_N; j++) sum[i * FOURS_N + j] += a[i / 4][i % 4] * b[j];
          }
        }
      }
    }
    if (step_ < end) {
      const uint to_m = step_ % 2 * STAGE_M, to_n = step_ % 2 * STAGE_N;
      [[unroll]] for (uint i = 0; i < PASSES_M; i++) {
        uint m = i * ROWS_AT_ONCE + my_row;
        vec4 four = vc_unpack_quad(next_m[i]);
        [[unroll]] for (uint j = 0; j < 4; j++) left[to_m + (my_chunk * 4 + j) * PITCH_M + m / 4][m % 4] = four[j];
      }
      [[unroll]] for (uint i = 0; i < PASSES_N; i++) {
        if (!fetches) continue;
        if (WEIGHTS == CONV_WEIGHTS_COLUMN) {
          uint n = i * ROWS_AT_ONCE + my_row;
          [[unroll]] for (uint j = 0; j < 4; j++) right[to_n + (my_chunk * 4 + j) * PITCH_N + n / 4][n % 4] = next_n[i][j];
        } else {
          right[to_n + (my_term + i * TERMS_AT_ONCE) * PITCH_N + my_four] = next_n[i];
        }
      }
      memoryBarrierShared();
      barrier();
    }
  }

  [[unroll]] for (uint j = 0; j < FOURS_N; j++) {
    uint n = n0 + (tx + j * ACROSS) * 4;
    if (n >= p.cols) break;
    [[unroll]] for (uint i = 0; i < 8; i++) {
      uint m = m0 + i / 4 * (TILE_M / 2) + ty * 4 + i % 4;
      if (m >= n_pixels) break;
      if (SLABS > 1) sums[((slab * n_pixels + m) * p.cols + n) / 4] = sum[i * FOURS_N + j];
      else conv_put(m, n, sum[i * FOURS_N + j]);
    }
  }
}
