// [CONV 4] drop: out[r][s][c] = b[c] + add[r][s][c] + sum over points (i, j) of D[r][i] D[s][j] m[point][tile][c], with D = A^T for the 4 x 4
// pixels of a tile, G^T for the 3 x 3 taps of a filter's gradient.
// One subgroup a workgroup, which drops one tile of 2 LANES channels; lanes are neighbouring pairs of channels.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#include "conv.h"
#include "winograd.h"

layout(local_size_x_id = SC_WINOGRAD_LANES) in;
layout(constant_id = SC_WINOGRAD_LANES) const uint LANES = 8;
layout(constant_id = SC_WINOGRAD_KIND) const uint KIND = WINOGRAD_IMAGE;

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer In2 { uint64_t v; };
layout(buffer_reference, scalar, buffer_reference_align = 8) writeonly buffer Out2 { uint64_t v; };
layout(push_constant) uniform Push {
  In2 lifted;
  In2 bias;
  In2 add;
  Out2 image;
  vc_winograd_push p;
};

const uint SIDE = WINOGRAD_SIDE, PATCH = KIND == WINOGRAD_IMAGE ? 4 : 3;

vec2 load(uint64_t at) {
  uint64_t both = In2(at).v;
  return uintBitsToFloat(uvec2(uint(both), uint(both >> 32)));
}

// D m; the first PATCH values count.
vec2[4] drop(vec2 m[SIDE]) {
  vec2 a = m[1] + m[2], b = m[1] - m[2], e = m[3] + m[4], f = m[3] - m[4];
  if (KIND == WINOGRAD_IMAGE) return vec2[](m[0] + a + e, b + 2.0 * f, a + 4.0 * e, b + 8.0 * f + m[5]);
  return vec2[](0.25 * m[0] - a * (1.0 / 6.0) + e * (1.0 / 24.0), f * (1.0 / 12.0) - b * (1.0 / 6.0),
                (e - a) * (1.0 / 6.0) + m[5], vec2(0.0));
}

void main() {
  const uint tile_row = p.first + gl_WorkGroupID.y, sample_ = tile_row / p.tiles_y;
  const uint column = (gl_WorkGroupID.z * LANES + gl_SubgroupInvocationID) * 2, pixel_bytes = p.image_c * 4;
  const uint x0 = gl_WorkGroupID.x * WINOGRAD_TILE, y0 = (tile_row - sample_ * p.tiles_y) * WINOGRAD_TILE;

  const uint row = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x, at = min(column, p.columns - 2) * 4;
  uint64_t from = uint64_t(lifted) + (row * p.pitch + at);
  vec2 m[SIDE * SIDE];
  [[unroll]] for (uint i = 0; i < SIDE * SIDE; i++) {
    m[i] = load(from);
    from += p.plane;
  }
  vec2 half_[PATCH * SIDE]; // [r][j]
  [[unroll]] for (uint j = 0; j < SIDE; j++) {
    vec2 d[4] = drop(vec2[](m[j], m[SIDE + j], m[2 * SIDE + j], m[3 * SIDE + j], m[4 * SIDE + j], m[5 * SIDE + j]));
    [[unroll]] for (uint r = 0; r < PATCH; r++) half_[r * SIDE + j] = d[r];
  }
  const vec2 floor_ = vec2((p.flags & CONV_RELU) != 0 ? 0.0 : uintBitsToFloat(0xFF800000u));
  vec2 bias_ = load((p.flags & CONV_BIAS) != 0 ? uint64_t(bias) + (p.channel * 4 + at) : uint64_t(lifted));
  if ((p.flags & CONV_BIAS) == 0) bias_ = vec2(0.0);
  if (column >= p.columns) return;
  uint to_row = ((sample_ * p.image_h + y0) * p.image_w + x0) * pixel_bytes + (p.channel + column) * 4;
  [[unroll]] for (uint r = 0; r < PATCH; r++) {
    vec2 d[4] = drop(vec2[](half_[r * SIDE], half_[r * SIDE + 1], half_[r * SIDE + 2], half_[r * SIDE + 3],
                            half_[r * SIDE + 4], half_[r * SIDE + 5]));
    uint64_t to = uint64_t(image) + to_row;
    [[unroll]] for (uint s = 0; s < PATCH; s++) {
      if (y0 + r < p.image_h && x0 + s < p.image_w) {
        vec2 value = d[s] + bias_;
        if ((p.flags & CONV_ADD) != 0) value += load(to + (uint64_t(add) - uint64_t(image)));
        value = mix(value, floor_, lessThan(value, floor_)); // NaN stays
        Out2(to).v = uint64_t(floatBitsToUint(value.x)) | uint64_t(floatBitsToUint(value.y)) << 32;
      }
      to += pixel_bytes;
    }
    to_row += p.image_w * pixel_bytes;
  }
}
