// [CONV 1] on matrix units: out[p][n] = b[n] + add[p][n] + sum over taps t and channels c of in[p + t][c] * w(t, c, n), see conv.h, as a
// matrix product whose left factor is gathered from the image: TILE_M pixels x TILE_N columns a workgroup, COOP_STEP terms at a
// time through two stages in shared memory: while one is multiplied, the next is on its way in registers. Activations of 16
// bits; weights packed by conv2d_coop_pack; 32-bit sums. in_c, cols and the channels of out are multiples of 8: eight
// neighbouring terms lie in one tap and are moved at once.
// The workgroup's subgroups divide the tile into SUBGROUPS_M x SUBGROUPS_N parts, each of FRAGS_M x FRAGS_N matrices.
// Order of sums: terms in steps of COOP_K, channels fastest, then taps in row order; within a step the device's.
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
layout(binding = 0) readonly buffer In { uvec4 in_[]; };
layout(binding = 1) readonly buffer Weights { uvec4 weights[]; }; // [column][term], padded with zeros to whole tiles
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) readonly buffer Add { uvec4 add[]; };
layout(binding = 4) writeonly buffer Out { uvec4 out_[]; };
layout(push_constant) uniform Push { vc_conv_push p; };

const uint CHUNKS = COOP_STEP / 8;  // of a row of a stage
const uint PITCH = CHUNKS + 1;      // one more, so that rows begin in different banks
const uint STAGE_M = TILE_M * PITCH, STAGE_N = TILE_N * PITCH;
const uint ROWS_AT_ONCE = LOCAL / CHUNKS, PASSES_M = TILE_M / ROWS_AT_ONCE, PASSES_N = TILE_N / ROWS_AT_ONCE;
const uint SUBGROUPS_M = LOCAL / COOP_LANES / SUBGROUPS_N;
const uint FRAGS_M = TILE_M / COOP_M / SUBGROUPS_M, FRAGS_N = TILE_N / COOP_N / SUBGROUPS_N;
shared uvec4 left_[2 * STAGE_M];
shared uvec4 right_[2 * STAGE_N];
shared float results_[LOCAL / COOP_LANES * COOP_M * COOP_N];

VC_COOP_DECLARE

void main() {
  const uint id = gl_LocalInvocationID.x, group = vc_group_index();
  if (group >= p.n_groups) return; // the whole workgroup
  const uint m0 = group / p.tiles_x * TILE_M, n0 = group % p.tiles_x * TILE_N;
  const uint n_pixels = p.samples * p.grid_h * p.grid_w, n_terms = SIDE * SIDE * p.in_c;
  const uint n_steps = (n_terms + COOP_STEP - 1) / COOP_STEP, pitch_w = n_steps * CHUNKS;

  // This invocation fetches chunk my_chunk of every ROWS_AT_ONCE-th pixel and column.
  const uint my_chunk = id % CHUNKS, my_row = id / CHUNKS;
  uint base[PASSES_M], at_y[PASSES_M], at_x[PASSES_M];
  [[unroll]] for (uint i = 0; i < PASSES_M; i++) {
    uint m = m0 + i * ROWS_AT_ONCE + my_row, row = m / p.grid_w, sample_ = row / p.grid_h;
    base[i] = sample_ * p.in_h;
    at_y[i] = m < n_pixels ? (row - sample_ * p.grid_h) * STRIDE - p.origin : 0x80000000u; // wraps to huge where negative
    at_x[i] = (m - row * p.grid_w) * STRIDE - p.origin;
  }
  uvec4 next_m[PASSES_M], next_n[PASSES_N];

  const uint subgroup = gl_SubgroupID, lane = gl_SubgroupInvocationID;
  const uint part_m = subgroup / SUBGROUPS_N * FRAGS_M, part_n = subgroup % SUBGROUPS_N * FRAGS_N; // its first matrix
  coop_sums sum[FRAGS_M * FRAGS_N];
  [[unroll]] for (uint i = 0; i < FRAGS_M * FRAGS_N; i++) coop_clear(sum[i]);

  for (uint step_ = 0; step_ <= n_steps; step_++) {
    if (step_ < n_steps) {
      uint at = step_ * COOP_STEP + my_chunk * 8, t = at / p.in_c, c = at - t * p.in_c, r = t / SIDE, s = t - r * SIDE;
      [[unroll]] for (uint i = 0; i < PASSES_M; i++) {
        uint y = at_y[i] + r, x = at_x[i] + s;
        next_m[i] = uvec4(0);
        if (at < n_terms && y < p.in_h && x < p.in_w) next_m[i] = in_[(((base[i] + y) * p.in_w + x) * p.in_c + c) / 8];
      }
      [[unroll]] for (uint i = 0; i < PASSES_N; i++) {
        next_n[i] = weights[(n0 + i * ROWS_AT_ONCE + my_row) * pitch_w + step_ * CHUNKS + my_chunk];
      }
    }
    if (step_ > 0) {
      const uint from = (step_ - 1) % 2;
      [[unroll]] for (uint k = 0; k < COOP_STEP / COOP_K; k++) {
        coop_left(a[FRAGS_M]);
        [[unroll]] for (uint i = 0; i < FRAGS_M; i++) {
          coop_load_left(a[i], from * STAGE_M + (part_m + i) * COOP_M * PITCH + k * COOP_K / 8, PITCH);
        }
        [[unroll]] for (uint j = 0; j < FRAGS_N; j++) {
          coop_right(b);
          coop_load_right_turned(b, from * STAGE_N + (part_n + j) * COOP_N * PITCH + k * COOP_K / 8, PITCH);
          [[unroll]] for (uint i = 0; i < FRAGS_M; i++) coop_multiply_add(sum[i * FRAGS_N + j], a[i], b);
        }
      }
    }
    if (step_ < n_steps) {
      const uint to = step_ % 2;
      [[unroll]] for (uint i = 0; i < PASSES_M; i++) {
        left_[to * STAGE_M + (i * ROWS_AT_ONCE + my_row) * PITCH + my_chunk] = next_m[i];
      }
      [[unroll]] for (uint i = 0; i < PASSES_N; i++) {
        right_[to * STAGE_N + (i * ROWS_AT_ONCE + my_row) * PITCH + my_chunk] = next_n[i];
      }
      memoryBarrierShared();
      barrier();
    }
  }

  // One matrix after the other through the subgroup's part of results_, eight columns of a pixel a lane.
  const uint out_c = p.cols / (p.up * p.up), out_w = p.grid_w * p.up, mine = subgroup * COOP_M * COOP_N;
  [[unroll]] for (uint f = 0; f < FRAGS_M * FRAGS_N; f++) {
    coop_store(sum[f], mine);
    subgroupMemoryBarrierShared();
    subgroupBarrier();
    for (uint chunk = lane; chunk < COOP_M * COOP_N / 8; chunk += COOP_LANES) {
      uint i = chunk * 8 / COOP_N, j = chunk * 8 % COOP_N;
      uint m = m0 + (part_m + f / FRAGS_N) * COOP_M + i, n = n0 + (part_n + f % FRAGS_N) * COOP_N + j;
      if (m >= n_pixels || n >= p.cols) continue;
      uint row = m / p.grid_w, x = m - row * p.grid_w, tap = n / out_c, k = n - tap * out_c;
      uint to = (((row * p.up + tap / p.up) * out_w + x * p.up + tap % p.up) * out_c + k) / 8;
      uvec4 packed = (p.flags & CONV_ADD) != 0 ? add[to] : uvec4(0);
      [[unroll]] for (uint e = 0; e < 4; e++) {
        vec2 y = vec2(results_[mine + chunk * 8 + 2 * e], results_[mine + chunk * 8 + 2 * e + 1]) + unpackHalf2x16(packed[e]);
        if ((p.flags & CONV_BIAS) != 0) y += vec2(bias[k + 2 * e], bias[k + 2 * e + 1]);
        if ((p.flags & CONV_RELU) != 0) y = mix(y, vec2(0.0), lessThan(y, vec2(0.0))); // NaN stays
        packed[e] = packHalf2x16(y);
      }
      out_[to] = packed;
    }
    subgroupMemoryBarrierShared();
    subgroupBarrier();
  }
}
