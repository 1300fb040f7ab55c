// [CONV 1] for SIMD CPUs: out[p][n] = b[n] + add[p][n] + sum over taps t and channels c of in[p + t][c] * w(t, c, n), see conv.h.
// One subgroup a workgroup; lanes are output columns, or neighbouring pairs of them (SPAN = 2; their channels are even);
// a workgroup computes 8 x 8 pixels. The input patch of
// a channel (pair) is gathered with a pixel a lane and spread by constant broadcasts; pixels outside the image read pixel 0
// and count as zero, so that no branch stands in the channel loop.
// Loops to be unrolled have bounds that depend on no other loop: drivers unroll from the inside out.
// Weights are packed by conv2d_simd_pack: [column block][column of a lane][channel pair][tap][lane][2].
// Order of sums: for each channel the taps of a row, then the rows, then the channels of a step (sides 1 and 2), then the steps.
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
layout(constant_id = SC_CONV_DEPTH) const uint DEPTH = 1;
layout(constant_id = SC_CONV_SPAN) const uint SPAN = 1;
layout(constant_id = SC_CONV_ADD) const uint ADD = 0;

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer In { float v; };
layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer In2 { uint64_t v; };
layout(buffer_reference, scalar, buffer_reference_align = VC_ACT_BYTES) readonly buffer Act { vc_act v; };
layout(buffer_reference, scalar, buffer_reference_align = 2 * VC_ACT_BYTES) readonly buffer Act2 { vc_pair v; };
layout(buffer_reference, scalar, buffer_reference_align = VC_ACT_BYTES) writeonly buffer Out { vc_act v; };
layout(buffer_reference, scalar, buffer_reference_align = 2 * VC_ACT_BYTES) writeonly buffer Out2 { vc_pair v; };
layout(push_constant) uniform Push {
  Act in_;
  In weights;
  In bias;
  Act add;
  Out out_;
  vc_conv_push p;
};

const uint TILE = CONV_SIMD_TILE, TAPS = SIDE * SIDE;
const uint PATCH = (TILE - 1) * STRIDE + SIDE;              // side of the input patch
const uint N_LOADS = (PATCH * PATCH + LANES - 1) / LANES;   // gathers that fetch it
const uint SHARED_ROWS = SIDE - STRIDE;                     // rows of the patch that neighbouring rows of pixels share
const uint CHANNELS = 1 + PAIRED;                           // channels of one load; a step takes DEPTH times as many
const uint TOGETHER = SIDE == 3 ? 1 : CHANNELS * DEPTH;     // channels that are summed before the sum of a pixel is touched

vec2 load(uint64_t at) {
  return PAIRED == 0 ? vec2(float(Act(at).v), 0.0) : vc_unpack_pair(Act2(at).v);
}

vec2 load_weights(uint64_t at) {
  if (PAIRED == 0) return vec2(In(at).v, 0.0);
  uint64_t both = In2(at).v;
  return uintBitsToFloat(uvec2(uint(both), uint(both >> 32)));
}

void main() {
  const uint lane = gl_SubgroupInvocationID;
  const uint group = vc_group_index();
  if (group >= p.n_groups) return;
  const uint tile = group % (p.tiles_x * p.tiles_y * p.samples), block = group / (p.tiles_x * p.tiles_y * p.samples);
  const uint x0 = tile % p.tiles_x * TILE, y0 = tile / p.tiles_x % p.tiles_y * TILE;
  const uint sample_ = tile / (p.tiles_x * p.tiles_y);

  uint64_t from[N_LOADS];
  bool inside[N_LOADS];
  [[unroll]] for (uint g = 0; g < N_LOADS; g++) {
    uint i = min(g * LANES + lane, PATCH * PATCH - 1);
    uint y = y0 * STRIDE + i / PATCH - p.origin, x = x0 * STRIDE + i % PATCH - p.origin; // wraps to huge where negative
    inside[g] = y < p.in_h && x < p.in_w;
    uint pixel = inside[g] ? (sample_ * p.in_h + y) * p.in_w + x : 0;
    from[g] = uint64_t(in_) + uint64_t(pixel) * (VC_ACT_BYTES * p.in_c);
  }
  const uint block_bytes = p.in_c * TAPS * LANES * 4; // of packed weights
  uint64_t weight = uint64_t(weights) + uint64_t(block * SPAN) * block_bytes + lane * 4 * CHANNELS;

  float sum[SPAN * TILE * TILE];
  [[unroll]] for (uint i = 0; i < SPAN * TILE * TILE; i++) sum[i] = 0.0;
  for (uint c = 0; c < p.in_c; c += CHANNELS * DEPTH) {
    vec2 v[DEPTH * N_LOADS], w[SPAN * DEPTH * TAPS];
    [[unroll]] for (uint i = 0; i < DEPTH * N_LOADS; i++) {
      vec2 both = load(from[i % N_LOADS] + i / N_LOADS * VC_ACT_BYTES * CHANNELS);
      v[i] = inside[i % N_LOADS] ? both : vec2(0.0);
    }
    [[unroll]] for (uint g = 0; g < N_LOADS; g++) from[g] += VC_ACT_BYTES * CHANNELS * DEPTH;
    [[unroll]] for (uint t = 0; t < SPAN * DEPTH * TAPS; t++) {
      w[t] = load_weights(weight + t / (DEPTH * TAPS) * block_bytes + t % (DEPTH * TAPS) * LANES * 4 * CHANNELS);
    }
    weight += DEPTH * TAPS * LANES * 4 * CHANNELS;
    [[unroll]] for (uint turn = 0; turn < CHANNELS * DEPTH / TOGETHER; turn++) {
      float patch_[TOGETHER * PATCH * PATCH];
      [[unroll]] for (uint k = 0; k < TOGETHER; k++) {
        [[unroll]] for (uint i = 0; i < SHARED_ROWS * PATCH; i++) {
          uint c1 = turn * TOGETHER + k;
          patch_[k * PATCH * PATCH + i] = subgroupBroadcast(v[c1 / CHANNELS * N_LOADS + i / LANES][c1 % CHANNELS], i % LANES);
        }
      }
      [[unroll]] for (uint y = 0; y < TILE; y++) {
        [[unroll]] for (uint k = 0; k < TOGETHER; k++) {
          [[unroll]] for (uint j = 0; j < STRIDE * PATCH; j++) {
            uint c1 = turn * TOGETHER + k, i = (y * STRIDE + SHARED_ROWS) * PATCH + j;
            patch_[k * PATCH * PATCH + i] = subgroupBroadcast(v[c1 / CHANNELS * N_LOADS + i / LANES][c1 % CHANNELS], i % LANES);
          }
        }
        [[unroll]] for (uint i = 0; i < SPAN * TILE; i++) {
          uint x = i % TILE, b = i / TILE;
          float all = 0.0;
          [[unroll]] for (uint k = 0; k < TOGETHER; k++) {
            uint c1 = turn * TOGETHER + k;
            [[unroll]] for (uint r = 0; r < SIDE; r++) {
              float row = 0.0;
              [[unroll]] for (uint s = 0; s < SIDE; s++) {
                row += patch_[(k * PATCH + y * STRIDE + r) * PATCH + x * STRIDE + s] *
                       w[(b * DEPTH + c1 / CHANNELS) * TAPS + r * SIDE + s][c1 % CHANNELS];
              }
              all += row;
            }
          }
          sum[(b * TILE + y) * TILE + x] += all;
        }
      }
    }
  }

  const uint out_c = p.cols / (p.up * p.up), out_w = p.grid_w * p.up;
  const float floor_ = (p.flags & CONV_RELU) != 0 ? 0.0 : uintBitsToFloat(0xFF800000u);
  const uint n = (block * LANES + lane) * SPAN, tap = n / out_c, k = n - tap * out_c; // of the lane's first column
  // The place of that column for pixel (y0, x0).
  uint place = ((sample_ * p.grid_h + y0) * p.up + tap / p.up) * out_w + x0 * p.up + tap % p.up;
  const uint64_t offset = (uint64_t(place) * out_c + k) * VC_ACT_BYTES;
  float bias_[SPAN];
  [[unroll]] for (uint b = 0; b < SPAN; b++) {
    bias_[b] = 0.0;
    if ((p.flags & CONV_BIAS) != 0 && n < p.cols) bias_[b] = In(uint64_t(bias) + 4 * (k + b)).v;
  }
  if (n >= p.cols) return;
  const uint pixel_bytes = p.up * out_c * VC_ACT_BYTES, row_bytes = out_w * pixel_bytes;
  // Pixels beyond the grid take the place of its last ones, which are stored after them: no branch a pixel, which would
  // take long to compile.
  uint rows[TILE], columns[TILE];
  [[unroll]] for (uint i = 0; i < TILE; i++) {
    rows[i] = min(i, p.grid_h - 1 - y0) * row_bytes;
    columns[i] = min(i, p.grid_w - 1 - x0) * pixel_bytes;
  }
  if (ADD == 1) {
    [[unroll]] for (uint i = 0; i < TILE * TILE; i++) {
      uint64_t at = uint64_t(add) + offset + (rows[i / TILE] + columns[i % TILE]);
      vec2 more = SPAN == 1 ? vec2(float(Act(at).v)) : vc_unpack_pair(Act2(at).v);
      sum[i] += more.x;
      if (SPAN == 2) sum[(SPAN - 1) * TILE * TILE + i] += more.y;
    }
  }
  [[unroll]] for (uint i = TILE * TILE; i-- > 0;) {
    uint64_t at = uint64_t(out_) + offset + (rows[i / TILE] + columns[i % TILE]);
    vec2 value = vec2(sum[i] + bias_[0], sum[(SPAN - 1) * TILE * TILE + i] + bias_[SPAN - 1]);
    value = mix(value, vec2(floor_), lessThan(value, vec2(floor_))); // NaN stays
    if (SPAN == 1) Out(at).v = vc_act(value.x);
    else Out2(at).v = vc_pack_pair(value);
  }
}
