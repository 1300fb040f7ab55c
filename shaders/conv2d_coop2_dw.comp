// [CONV 3] on matrix units, by matrices of a whole workgroup (coop2.glsl): dw[row][t][col] = sum over grid pixels p of
// rows[p][row] * cols[tap t of p][col], see conv.h; stride 1. A workgroup computes TILE_M rows x TILE_N columns of one tap,
// over the steps of one slab: blocks of STEP_H x STEP_W grid pixels of a sample. Of a block's pixels those outside the grid
// are zero in rows. Activations of 16 bits, 32-bit sums; rows and cols are multiples of 8.
// part[slab][row][t][col]; conv2d_dw_sum adds the slabs.
// Order of sums: blocks in row order, then samples; within a block the device's.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "coop2.glsl"
#include "conv.h"

#ifndef TILE_N
#define LOCAL  256
#define TILE_M 128
#define TILE_N 128
#define STEP_H 4
#define STEP_W 16
#endif

layout(local_size_x = LOCAL) in;
layout(constant_id = SC_COOP2_SIDE) const uint SIDE = 3;
layout(binding = 0) readonly buffer Rows { coop2_half rows_[]; };
layout(binding = 1) readonly buffer Cols { coop2_half cols_[]; };
layout(binding = 2) writeonly buffer Part { coop2_float part[]; };
layout(push_constant) uniform Push { vc_conv_dw_push p; };

const uint TILE_K = STEP_H * STEP_W;

VC_COOP2_DECLARE

void main() {
  const uint group = vc_group_index();
  if (group >= p.n_groups) return; // the whole workgroup
  const uint n_rows = p.rows & ~7u, n_cols = p.cols & ~7u; // as they are: so that the compiler knows
  const uint across = (n_cols + TILE_N - 1) / TILE_N, m0 = group % p.row_blocks * TILE_M;
  const uint column = group / p.row_blocks % p.col_blocks, t = column / across, n0 = column % across * TILE_N;
  const uint slab = group / (p.row_blocks * p.col_blocks);
  const uint first = slab * p.slab_steps, end = min(first + p.slab_steps, p.steps);
  const uint blocks_x = (p.grid_w + STEP_W - 1) / STEP_W, blocks_y = (p.grid_h + STEP_H - 1) / STEP_H;
  coop2_layout rows, cols, result;
  coop2_dims(rows, p.grid_h, p.grid_w, n_rows);
  coop2_dims(cols, p.in_h, p.in_w, n_cols);
  coop2_dims(result, n_rows, SIDE * SIDE, n_cols);

  coop2_sums(sum);
  coop2_clear(sum);
  for (uint step_ = first; step_ < end; step_++) {
    const uint row = step_ / blocks_x, x0 = step_ % blocks_x * STEP_W, y0 = row % blocks_y * STEP_H;
    const uint sample_ = row / blocks_y, y = y0 + t / SIDE - p.origin, x = x0 + t % SIDE - p.origin;
    const uint rows_at = sample_ * p.grid_h * p.grid_w * n_rows, cols_at = sample_ * p.in_h * p.in_w * n_cols;
    coop2_left(a);
    coop2_right(b);
    coop2_load_left_turned(a, rows_, rows_at, coop2_box(rows, y0, STEP_H, x0, STEP_W, m0, TILE_M));
    coop2_load_right(b, cols_, cols_at, coop2_box(cols, y, STEP_H, x, STEP_W, n0, TILE_N));
    coop2_multiply_add(sum, a, b);
  }
  coop2_store(sum, part, slab * n_rows * SIDE * SIDE * n_cols, coop2_box(result, m0, TILE_M, t, 1, n0, TILE_N));
}
