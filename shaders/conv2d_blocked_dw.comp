// [CONV 3] for GPUs: dw[row][t][col] = sum over grid pixels p of rows[p][row] * cols[tap t of p][col], see conv.h, as a matrix
// product over the pixels of one slab: TILE_M rows x TILE_N pairs (t, col) a workgroup, DEPTH pixels at a time through two
// stages in shared memory, 4 * FOURS_M x 8 of them an invocation, as in conv2d_blocked. rows and cols are multiples of 4.
// part[slab][row][t][col]; conv2d_dw_sum adds the slabs. Order of sums: the slab's pixels one after the other.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#extension GL_EXT_control_flow_attributes : require
#include "conv.h"

#ifndef TILE_M
#define TILE_M 128
#define TILE_N 128
#endif
#ifndef FOURS_M
#define FOURS_M 2
#endif
#define LOCAL (TILE_M * TILE_N / (32 * FOURS_M))

layout(local_size_x = LOCAL) in;
layout(constant_id = SC_CONV_SIDE) const uint SIDE = 3;
layout(constant_id = SC_CONV_STRIDE) const uint STRIDE = 1;
layout(constant_id = SC_CONV_TURN) const uint TURN = 2;
layout(binding = 0) readonly buffer Rows { vc_quad rows_[]; };
layout(binding = 1) readonly buffer Cols { vc_quad cols_[]; };
layout(binding = 2) writeonly buffer Part { vec4 part[]; };
layout(push_constant) uniform Push { vc_conv_dw_push p; };

const uint DEPTH = CONV_BLOCKED_DEPTH, PITCH_M = TILE_M / 4, PITCH_N = TILE_N / 4; // of a pixel in a stage
const uint STAGE_M = DEPTH * PITCH_M, STAGE_N = DEPTH * PITCH_N;
const uint AT_ONCE_M = LOCAL / PITCH_M, AT_ONCE_N = LOCAL / PITCH_N; // pixels that the workgroup fetches at once
const uint PASSES_M = (DEPTH + AT_ONCE_M - 1) / AT_ONCE_M, PASSES_N = DEPTH / AT_ONCE_N;
const uint DOWN = TILE_M / (4 * FOURS_M), NEAR = min(DOWN, 8u); // invocations one below the other, in a patch of 32
shared vec4 left[2 * STAGE_M];
shared vec4 right[2 * STAGE_N];

void main() {
  const uint id = gl_LocalInvocationID.x, group = vc_group_index();
  if (group >= p.n_groups) return; // the whole workgroup
  const uint m0 = group % p.row_blocks * TILE_M, n0 = group / p.row_blocks % p.col_blocks * TILE_N;
  const uint slab = group / (p.row_blocks * p.col_blocks);
  const uint first = slab * p.slab_steps, end = min(first + p.slab_steps, p.steps), n_cols = SIDE * SIDE * p.cols;
  const uint n_steps = (end - first + DEPTH - 1) / DEPTH;

  // This invocation fetches four rows of every AT_ONCE_M-th pixel and four columns of every AT_ONCE_N-th.
  const uint my_m = id % PITCH_M * 4, my_n = id % PITCH_N * 4, pixel_m = id / PITCH_M, pixel_n = id / PITCH_N;
  const uint t = (n0 + my_n) / p.cols, col = n0 + my_n - t * p.cols;
  const uint tap_y = t < SIDE * SIDE ? t / SIDE - p.origin : 0x80000000u; // with the pixel's y: huge where outside or negative
  const uint tap_x = t % SIDE - p.origin;
  uint at_x[PASSES_N], at_y[PASSES_N], base[PASSES_N]; // of the pixel of each pass
  [[unroll]] for (uint i = 0; i < PASSES_N; i++) {
    uint pixel = first + i * AT_ONCE_N + pixel_n, row = pixel / p.grid_w, sample_ = row / p.grid_h;
    at_x[i] = pixel - row * p.grid_w;
    at_y[i] = row - sample_ * p.grid_h;
    base[i] = sample_ * p.in_h;
  }
  vc_quad next_m[PASSES_M], next_n[PASSES_N];

  const uint ty = id / 32 % (DOWN / NEAR) * NEAR + id % NEAR;
  const uint tx = id / 32 / (DOWN / NEAR) * (32 / NEAR) + id % 32 / NEAR;
  vec4 sum[8 * FOURS_M];
  [[unroll]] for (uint i = 0; i < 8 * FOURS_M; i++) sum[i] = vec4(0.0);

  for (uint step_ = 0; step_ <= n_steps; step_++) {
    if (step_ < n_steps) {
      const uint p0 = first + step_ * DEPTH;
      [[unroll]] for (uint i = 0; i < PASSES_M; i++) {
        uint pixel = p0 + i * AT_ONCE_M + pixel_m;
        next_m[i] = vc_quad(0);
        if (pixel < end && m0 + my_m < p.rows) next_m[i] = rows_[(pixel * p.rows + m0 + my_m) / 4];
      }
      [[unroll]] for (uint i = 0; i < PASSES_N; i++) {
        uint y = at_y[i] * STRIDE + tap_y, x = at_x[i] * STRIDE + tap_x;
        next_n[i] = vc_quad(0);
        if (p0 + i * AT_ONCE_N + pixel_n < end && y < p.in_h && x < p.in_w) {
          next_n[i] = cols_[(((base[i] + y) * p.in_w + x) * p.cols + col) / 4];
        }
        at_x[i] += DEPTH;
        while (at_x[i] >= p.grid_w) {
          at_x[i] -= p.grid_w;
          if (++at_y[i] == p.grid_h) {
            at_y[i] = 0;
            base[i] += p.in_h;
          }
        }
      }
    }
    if (step_ > 0) {
      const uint from = (step_ - 1) % 2, at_m = from * STAGE_M + ty, at_n = from * STAGE_N + tx;
      [[dont_unroll]] for (uint k = 0; k < DEPTH; k += TURN) {
        [[unroll]] for (uint d = 0; d < TURN; d++) {
          vec4 a[FOURS_M], b[2] = {right[at_n + (k + d) * PITCH_N], right[at_n + (k + d) * PITCH_N + TILE_N / 8]};
          [[unroll]] for (uint i = 0; i < FOURS_M; i++) a[i] = left[at_m + (k + d) * PITCH_M + i * DOWN];
          [[unroll]] for (uint i = 0; i < 4 * FOURS_M; i++) {
            [[unroll]] for (uint j = 0; j < 2; j++) sum[i * 2 + j] += a[i / 4][i % 4] * b[j];
          }
        }
      }
    }
    if (step_ < n_steps) {
      const uint to_m = step_ % 2 * STAGE_M, to_n = step_ % 2 * STAGE_N;
      [[unroll]] for (uint i = 0; i < PASSES_M; i++) {
        uint k = i * AT_ONCE_M + pixel_m;
        if (k < DEPTH) left[to_m + k * PITCH_M + my_m / 4] = vc_unpack_quad(next_m[i]);
      }
      [[unroll]] for (uint i = 0; i < PASSES_N; i++) {
        right[to_n + (i * AT_ONCE_N + pixel_n) * PITCH_N + my_n / 4] = vc_unpack_quad(next_n[i]);
      }
      memoryBarrierShared();
      barrier();
    }
  }

  [[unroll]] for (uint i = 0; i < 4 * FOURS_M; i++) {
    uint row = m0 + (ty + i / 4 * DOWN) * 4 + i % 4;
    if (row >= p.rows) break;
    [[unroll]] for (uint j = 0; j < 2; j++) {
      uint n = n0 + j * (TILE_N / 2) + tx * 4;
      if (n < n_cols) part[((slab * p.rows + row) * n_cols + n) / 4] = sum[i * 2 + j];
    }
  }
}
