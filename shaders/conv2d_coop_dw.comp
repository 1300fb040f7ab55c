// [CONV 3] on matrix units: dw[row][t][col] = sum over grid pixels p of rows[p][row] * cols[tap t of p][col], see conv.h, as a
// matrix product over the pixels of one slab: TILE_M rows x TILE_N pairs (t, col) a workgroup, COOP_STEP pixels at a time through
// two stages in shared memory, as in conv2d_coop. Activations of 16 bits, 32-bit sums; rows and cols are multiples of 8.
// part[slab][row][t][col]; conv2d_dw_sum adds the slabs.
// Order of sums: pixels in steps of COOP_K; within a step the device's.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "coop.glsl"
#extension GL_EXT_control_flow_attributes : require
#include "conv.h"

#ifndef TILE_M
#define TILE_M 128
#define TILE_N 128
#endif

layout(local_size_x_id = SC_COOP_LOCAL) in;
layout(constant_id = SC_COOP_LOCAL) const uint LOCAL = 128;
layout(constant_id = SC_CONV_SIDE) const uint SIDE = 3;
layout(constant_id = SC_CONV_STRIDE) const uint STRIDE = 1;
layout(constant_id = SC_COOP_LANES) const uint COOP_LANES = 32;
layout(constant_id = SC_COOP_M) const uint COOP_M = 16;
layout(constant_id = SC_COOP_N) const uint COOP_N = 16;
layout(constant_id = SC_COOP_K) const uint COOP_K = 16;
layout(constant_id = SC_COOP_SUBGROUPS_N) const uint SUBGROUPS_N = 2;
layout(binding = 0) readonly buffer Rows { uvec4 rows_[]; };
layout(binding = 1) readonly buffer Cols { uvec4 cols_[]; };
layout(binding = 2) writeonly buffer Part { vec4 part[]; };
layout(push_constant) uniform Push { vc_conv_dw_push p; };

const uint CHUNKS_M = TILE_M / 8, CHUNKS_N = TILE_N / 8; // of a pixel in a stage
const uint PITCH_M = CHUNKS_M + 1, PITCH_N = CHUNKS_N + 1;
const uint STAGE_M = COOP_STEP * PITCH_M, STAGE_N = COOP_STEP * PITCH_N;
const uint AT_ONCE_M = LOCAL / CHUNKS_M, AT_ONCE_N = LOCAL / CHUNKS_N; // pixels that the workgroup fetches at once
const uint PASSES_M = COOP_STEP / AT_ONCE_M, PASSES_N = COOP_STEP / AT_ONCE_N;
const uint SUBGROUPS_M = LOCAL / COOP_LANES / SUBGROUPS_N;
const uint FRAGS_M = TILE_M / COOP_M / SUBGROUPS_M, FRAGS_N = TILE_N / COOP_N / SUBGROUPS_N;
shared uvec4 left_[2 * STAGE_M];
shared uvec4 right_[2 * STAGE_N];
shared float results_[LOCAL / COOP_LANES * COOP_M * COOP_N];

VC_COOP_DECLARE

void main() {
  const uint id = gl_LocalInvocationID.x, group = vc_group_index();
  if (group >= p.n_groups) return; // the whole workgroup
  const uint m0 = group % p.row_blocks * TILE_M, n0 = group / p.row_blocks % p.col_blocks * TILE_N;
  const uint slab = group / (p.row_blocks * p.col_blocks);
  const uint first = slab * p.slab_steps, end = min(first + p.slab_steps, p.steps), n_cols = SIDE * SIDE * p.cols;
  const uint n_steps = (end - first + COOP_STEP - 1) / COOP_STEP;

  // This invocation fetches one chunk of rows and one of columns of every AT_ONCE-th pixel.
  const uint my_m = m0 + id % CHUNKS_M * 8, my_n = n0 + id % CHUNKS_N * 8, t = my_n / p.cols, col = my_n - t * p.cols;
  const uint tap_y = my_n < n_cols ? t / SIDE - p.origin : 0x80000000u; // with the pixel's y: huge where outside or negative
  const uint tap_x = t % SIDE - p.origin;
  uint at_x[PASSES_N], at_y[PASSES_N], base[PASSES_N]; // of the pixel of each pass
  [[unroll]] for (uint i = 0; i < PASSES_N; i++) {
    uint pixel = first + i * AT_ONCE_N + id / CHUNKS_N, row = pixel / p.grid_w, sample_ = row / p.grid_h;
    at_x[i] = pixel - row * p.grid_w;
    at_y[i] = row - sample_ * p.grid_h;
    base[i] = sample_ * p.in_h;
  }
  uvec4 next_m[PASSES_M], next_n[PASSES_N];

  const uint subgroup = gl_SubgroupID, lane = gl_SubgroupInvocationID;
  const uint part_m = subgroup / SUBGROUPS_N * FRAGS_M, part_n = subgroup % SUBGROUPS_N * FRAGS_N; // its first matrix
  coop_sums sum[FRAGS_M * FRAGS_N];
  [[unroll]] for (uint i = 0; i < FRAGS_M * FRAGS_N; i++) coop_clear(sum[i]);

  for (uint step_ = 0; step_ <= n_steps; step_++) {
    if (step_ < n_steps) {
      const uint p0 = first + step_ * COOP_STEP;
      [[unroll]] for (uint i = 0; i < PASSES_M; i++) {
        uint pixel = p0 + i * AT_ONCE_M + id / CHUNKS_M;
        next_m[i] = uvec4(0);
        if (pixel < end && my_m < p.rows) next_m[i] = rows_[(pixel * p.rows + my_m) / 8];
      }
      [[unroll]] for (uint i = 0; i < PASSES_N; i++) {
        uint y = at_y[i] * STRIDE + tap_y, x = at_x[i] * STRIDE + tap_x;
        next_n[i] = uvec4(0);
        if (p0 + i * AT_ONCE_N + id / CHUNKS_N < end && y < p.in_h && x < p.in_w) {
          next_n[i] = cols_[(((base[i] + y) * p.in_w + x) * p.cols + col) / 8];
        }
        at_x[i] += COOP_STEP;
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
      const uint from = (step_ - 1) % 2;
      [[unroll]] for (uint k = 0; k < COOP_STEP / COOP_K; k++) {
        coop_left(a[FRAGS_M]);
        [[unroll]] for (uint i = 0; i < FRAGS_M; i++) {
          coop_load_left_turned(a[i], from * STAGE_M + k * COOP_K * PITCH_M + (part_m + i) * COOP_M / 8, PITCH_M);
        }
        [[unroll]] for (uint j = 0; j < FRAGS_N; j++) {
          coop_right(b);
          coop_load_right(b, from * STAGE_N + k * COOP_K * PITCH_N + (part_n + j) * COOP_N / 8, PITCH_N);
          [[unroll]] for (uint i = 0; i < FRAGS_M; i++) coop_multiply_add(sum[i * FRAGS_N + j], a[i], b);
        }
      }
    }
    if (step_ < n_steps) {
      const uint to = step_ % 2;
      [[unroll]] for (uint i = 0; i < PASSES_M; i++) {
        left_[to * STAGE_M + (i * AT_ONCE_M + id / CHUNKS_M) * PITCH_M + id % CHUNKS_M] = next_m[i];
      }
      [[unroll]] for (uint i = 0; i < PASSES_N; i++) {
        right_[to * STAGE_N + (i * AT_ONCE_N + id / CHUNKS_N) * PITCH_N + id % CHUNKS_N] = next_n[i];
      }
      memoryBarrierShared();
      barrier();
    }
  }

  // One matrix after the other through the subgroup's part of results_, four columns of a row a lane.
  const uint mine = subgroup * COOP_M * COOP_N;
  [[unroll]] for (uint f = 0; f < FRAGS_M * FRAGS_N; f++) {
    coop_store(sum[f], mine);
    subgroupMemoryBarrierShared();
    subgroupBarrier();
    for (uint four = lane; four < COOP_M * COOP_N / 4; four += COOP_LANES) {
      uint i = four * 4 / COOP_N, j = four * 4 % COOP_N, from = mine + four * 4;
      uint m = m0 + (part_m + f / FRAGS_N) * COOP_M + i, n = n0 + (part_n + f % FRAGS_N) * COOP_N + j;
      if (m >= p.rows || n >= n_cols) continue;
      part[((slab * p.rows + m) * n_cols + n) / 4] =
          vec4(results_[from], results_[from + 1], results_[from + 2], results_[from + 3]);
    }
    subgroupMemoryBarrierShared();
    subgroupBarrier();
  }
}
