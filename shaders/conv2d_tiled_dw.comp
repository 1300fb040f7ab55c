// [CONV 3] for GPUs: dw[row][t][col] = sum over grid pixels p of rows[p][row] * cols[tap t of p][col], see conv.h, as a matrix
// product over the pixels of one slab. A workgroup computes TILE_M rows x TILE_N pairs (t, col), an invocation PARTS times 4 x 4 of them;
// DEPTH pixels at a time stand in shared memory. Compiled for several tile shapes (variants.list).
// part[slab][row][t][col]; conv2d_dw_sum adds the slabs. Order of sums: the slab's pixels one after the other.
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
layout(constant_id = SC_CONV_TURN) const uint TURN = 2;
layout(binding = 0) readonly buffer Rows { vc_act rows_[]; };
layout(binding = 1) readonly buffer Cols { vc_act cols_[]; };
layout(binding = 2) writeonly buffer Part { float part[]; };
layout(push_constant) uniform Push { vc_conv_dw_push p; };

const uint DEPTH = CONV_TILED_DEPTH, FOURS_M = TILE_M / 4, FOURS_N = TILE_N / 4;
const uint THREADS_M = CONV_TILED_LOCAL / FOURS_N, PARTS = FOURS_M / THREADS_M; // a part: THREADS_M fours of rows
const uint PASSES_N = (FOURS_N * DEPTH + CONV_TILED_LOCAL - 1) / CONV_TILED_LOCAL;
shared vec4 left[DEPTH * FOURS_M];
shared vec4 right[DEPTH * FOURS_N];

void main() {
  const uint id = gl_LocalInvocationID.x, group = vc_group_index();
  if (group >= p.n_groups) return; // the whole workgroup
  const uint m0 = group % p.row_blocks * TILE_M, n0 = group / p.row_blocks % p.col_blocks * TILE_N;
  const uint slab = group / (p.row_blocks * p.col_blocks);
  const uint first = slab * p.slab_steps, end = min(first + p.slab_steps, p.steps), n_cols = SIDE * SIDE * p.cols;

  // What this invocation fetches: four neighbouring columns of PASSES_N pixels, four neighbouring rows of a pixel.
  const uint right_four = id % FOURS_N, right_pixel = id / FOURS_N;
  uint tap_y[4], tap_x[4], col[4];
  [[unroll]] for (uint i = 0; i < 4; i++) {
    uint n = n0 + right_four * 4 + i, t = n / p.cols;
    tap_y[i] = n < n_cols ? t / SIDE - p.origin : 0x80000000u; // with the pixel's y: huge where outside or negative
    tap_x[i] = t % SIDE - p.origin;
    col[i] = n - t * p.cols;
  }
  const uint left_four = id % FOURS_M, left_pixel = id / FOURS_M;
  const bool fetches = id < FOURS_M * DEPTH;

  const uint tx = id % FOURS_N, ty = id / FOURS_N;
  vec4 sum[PARTS * 4];
  [[unroll]] for (uint i = 0; i < PARTS * 4; i++) sum[i] = vec4(0.0);
  for (uint p0 = first; p0 < end; p0 += DEPTH) {
    [[unroll]] for (uint pass = 0; pass < PASSES_N; pass++) {
      uint k = right_pixel + pass * (CONV_TILED_LOCAL / FOURS_N);
      uint pixel = p0 + k, row = pixel / p.grid_w, sample_ = row / p.grid_h;
      uint y0 = (row - sample_ * p.grid_h) * STRIDE, x0 = (pixel - row * p.grid_w) * STRIDE;
      vec4 four = vec4(0.0);
      [[unroll]] for (uint i = 0; i < 4; i++) {
        uint y = y0 + tap_y[i], x = x0 + tap_x[i];
        if (pixel < end && y < p.in_h && x < p.in_w) {
          four[i] = float(cols_[((sample_ * p.in_h + y) * p.in_w + x) * p.cols + col[i]]);
        }
      }
      right[k * FOURS_N + right_four] = four;
    }
    if (fetches) {
      uint pixel = p0 + left_pixel, row = m0 + left_four * 4;
      vec4 four = vec4(0.0);
      [[unroll]] for (uint i = 0; i < 4; i++) {
        if (pixel < end && row + i < p.rows) four[i] = float(rows_[pixel * p.rows + row + i]);
      }
      left[left_pixel * FOURS_M + left_four] = four;
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

  [[unroll]] for (uint i = 0; i < PARTS * 4; i++) {
    uint row = m0 + (i / 4 * THREADS_M + ty) * 4 + i % 4;
    if (row >= p.rows) break;
    [[unroll]] for (uint j = 0; j < 4; j++) {
      uint n = n0 + tx * 4 + j;
      if (n < n_cols) part[(slab * p.rows + row) * n_cols + n] = sum[i][j];
    }
  }
}
