// [CONV 3] for SIMD CPUs: dw[row][t][col] = sum over grid pixels p of rows[p][row] * cols[tap t of p][col], see conv.h.
// One subgroup a workgroup; lanes are rows, or neighbouring pairs of them (ROWS = 2; their number is even); a workgroup sums
// its rows x COLS columns x all taps over one slab of the grid, in steps of 4 x 4 pixels. The patch of the columns' tensor is
// gathered with a pixel and channel (pair) a lane and spread by constant broadcasts; what lies outside the image or the grid
// reads the tensor's first element and counts as zero.
// part[slab][row][t][col]; conv2d_dw_sum adds the slabs.
// Order of sums: four pixels of a row as two pairs, then the rows of a block, then the blocks of a row, then the rows.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "conv.h"

layout(local_size_x_id = SC_CONV_LANES) in;
layout(constant_id = SC_CONV_LANES) const uint LANES = 8;
layout(constant_id = SC_CONV_SIDE) const uint SIDE = 3;
layout(constant_id = SC_CONV_STRIDE) const uint STRIDE = 1;
layout(constant_id = SC_CONV_PAIRED) const uint PAIRED = 1;
layout(constant_id = SC_CONV_COLS) const uint COLS = 8;
layout(constant_id = SC_CONV_ROWS) const uint ROWS = 1;

layout(buffer_reference, scalar, buffer_reference_align = VC_ACT_BYTES) readonly buffer Act { vc_act v; };
layout(buffer_reference, scalar, buffer_reference_align = 2 * VC_ACT_BYTES) readonly buffer Act2 { vc_pair v; };
layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer Out { float v; };
layout(push_constant) uniform Push {
  Act rows_;
  Act cols_;
  Out part;
  vc_conv_dw_push p;
};

const uint BLOCK = CONV_SIMD_BLOCK, TAPS = SIDE * SIDE;
const uint PATCH = (BLOCK - 1) * STRIDE + SIDE;                 // side of the columns' patch
const uint SHARED_ROWS = SIDE - STRIDE;                         // of the patch, between neighbouring rows of pixels
const uint CHANNELS = 1 + PAIRED, WORDS = COLS / CHANNELS;      // a word: what a lane loads; words of a pixel
const uint N_LOADS = (PATCH * PATCH * WORDS + LANES - 1) / LANES;

vec2 load(uint64_t at, bool both_) {
  return both_ ? vc_unpack_pair(Act2(at).v) : vec2(float(Act(at).v), 0.0);
}

void main() {
  const uint lane = gl_SubgroupInvocationID;
  const uint group = vc_group_index();
  if (group >= p.n_groups) return;
  const uint n_blocks = p.row_blocks * p.col_blocks;
  // Neighbours write neighbouring columns while the lines that they share are still in the caches, but not at once.
  const uint n_rows = p.row_blocks % 4 == 0 ? 4 : p.row_blocks, place = group % n_blocks;
  const uint row_block = place % n_rows + place / (n_rows * p.col_blocks) * n_rows;
  const uint row = (row_block * LANES + lane) * ROWS, col0 = place / n_rows % p.col_blocks * COLS;
  const uint slab = group / n_blocks;
  const uint blocks_y = (p.grid_h + BLOCK - 1) / BLOCK;

  float sum[ROWS * COLS * TAPS];
  [[unroll]] for (uint i = 0; i < ROWS * COLS * TAPS; i++) sum[i] = 0.0;
  const uint64_t row_base = uint64_t(rows_) + VC_ACT_BYTES * min(row, p.rows - ROWS);
  for (uint step_ = slab * p.slab_steps; step_ < min((slab + 1) * p.slab_steps, p.steps); step_++) {
    const uint sample_ = step_ / blocks_y, y0 = step_ % blocks_y * BLOCK;
    uint64_t from[N_LOADS];
    uint at_x[N_LOADS];
    [[unroll]] for (uint g = 0; g < N_LOADS; g++) {
      uint i = min(g * LANES + lane, PATCH * PATCH * WORDS - 1);
      uint pixel = i / WORDS, c = col0 + i % WORDS * CHANNELS;
      uint y = y0 * STRIDE + pixel / PATCH - p.origin; // wraps to huge where negative
      at_x[g] = y < p.in_h && c < p.cols ? pixel % PATCH - p.origin : 0x80000000u;
      from[g] = uint64_t(cols_) + (uint64_t((sample_ * p.in_h + y) * p.in_w) * p.cols + c) * VC_ACT_BYTES;
    }
    uint64_t row_from = row_base + uint64_t((sample_ * p.grid_h + y0) * p.grid_w) * (VC_ACT_BYTES * p.rows);
    for (uint x0 = 0; x0 < p.grid_w; x0 += BLOCK) {
      vec2 v[N_LOADS];
      vec2 a[BLOCK * BLOCK];
      [[unroll]] for (uint g = 0; g < N_LOADS; g++) {
        bool inside = at_x[g] < p.in_w;
        vec2 word = load(inside ? from[g] + at_x[g] * (VC_ACT_BYTES * p.cols) : uint64_t(cols_), PAIRED == 1);
        v[g] = inside ? word : vec2(0.0);
        at_x[g] += BLOCK * STRIDE;
      }
      [[unroll]] for (uint i = 0; i < BLOCK * BLOCK; i++) {
        bool inside = x0 + i % BLOCK < p.grid_w && y0 + i / BLOCK < p.grid_h;
        uint64_t at = row_from + (i / BLOCK * p.grid_w + i % BLOCK) * (VC_ACT_BYTES * p.rows);
        vec2 of_lane = load(inside ? at : row_base, ROWS == 2);
        a[i] = inside ? of_lane : vec2(0.0);
      }
      row_from += BLOCK * VC_ACT_BYTES * p.rows;
      [[unroll]] for (uint c = 0; c < COLS; c++) {
        float patch_[PATCH * PATCH];
        [[unroll]] for (uint i = 0; i < SHARED_ROWS * PATCH; i++) {
          uint word = i * WORDS + c / CHANNELS;
          patch_[i] = subgroupBroadcast(v[word / LANES][c % CHANNELS], word % LANES);
        }
        [[unroll]] for (uint y = 0; y < BLOCK; y++) {
          [[unroll]] for (uint j = 0; j < STRIDE * PATCH; j++) {
            uint i = (y * STRIDE + SHARED_ROWS) * PATCH + j, word = i * WORDS + c / CHANNELS;
            patch_[i] = subgroupBroadcast(v[word / LANES][c % CHANNELS], word % LANES);
          }
          [[unroll]] for (uint t = 0; t < TAPS; t++) {
            [[unroll]] for (uint b = 0; b < ROWS; b++) {
              uint first = (y * STRIDE + t / SIDE) * PATCH + t % SIDE, i = y * BLOCK;
              float left = patch_[first] * a[i][b] + patch_[first + STRIDE] * a[i + 1][b];
              float right = patch_[first + 2 * STRIDE] * a[i + 2][b] + patch_[first + 3 * STRIDE] * a[i + 3][b];
              sum[(b * COLS + c) * TAPS + t] += left + right;
            }
          }
        }
      }
    }
  }

  uint64_t to = uint64_t(part) + (uint64_t(slab * p.rows + row) * TAPS * p.cols + col0) * 4;
  [[unroll]] for (uint b = 0; b < ROWS; b++) {
    [[unroll]] for (uint c = 0; c < COLS; c++) {
      if (row < p.rows && col0 + c < p.cols) {
        [[unroll]] for (uint t = 0; t < TAPS; t++) {
          Out(to + ((b * TAPS + t) * p.cols + c) * 4).v = sum[(b * COLS + c) * TAPS + t];
        }
      }
    }
  }
}
