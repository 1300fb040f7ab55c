// [CONV 4] lift: v[point (i, j)][tile][c] = sum over pixels (r, s) of the tile's patch of L[i][r] L[j][s] x[r][s][c], with
// L = B^T for images, A for output gradients, G for weights; pixels outside the image count as zero.
// One subgroup a workgroup, which lifts one tile of 2 LANES channels; lanes are neighbouring pairs of channels.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#include "winograd.h"

layout(local_size_x_id = SC_WINOGRAD_LANES) in;
layout(constant_id = SC_WINOGRAD_LANES) const uint LANES = 8;
layout(constant_id = SC_WINOGRAD_KIND) const uint KIND = WINOGRAD_IMAGE;

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer In2 { uint64_t v; };
layout(buffer_reference, scalar, buffer_reference_align = 8) writeonly buffer Out2 { uint64_t v; };
layout(push_constant) uniform Push {
  In2 image;
  Out2 lifted;
  vc_winograd_push p;
};

const uint SIDE = WINOGRAD_SIDE, PATCH = KIND == WINOGRAD_IMAGE ? 6 : KIND == WINOGRAD_GRADIENT ? 4 : 3;

// L x, for the first PATCH values of d.
vec2[SIDE] lift(vec2 d[SIDE]) {
  if (KIND == WINOGRAD_IMAGE) {
    vec2 a = d[4] - 4.0 * d[2], b = d[3] - 4.0 * d[1], e = d[4] - d[2], f = 2.0 * (d[3] - d[1]);
    return vec2[](4.0 * (d[0] - d[2]) + e, a + b, a - b, e + f, e - f, 4.0 * (d[1] - d[3]) + (d[5] - d[3]));
  }
  if (KIND == WINOGRAD_GRADIENT) {
    vec2 a = d[0] + d[2], b = d[1] + d[3], e = d[0] + 4.0 * d[2], f = 2.0 * (d[1] + 4.0 * d[3]);
    return vec2[](d[0], a + b, a - b, e + f, e - f, d[3]);
  }
  vec2 a = (d[0] + d[2]) * (-1.0 / 6.0), b = d[1] * (1.0 / 6.0), e = d[0] * (1.0 / 24.0) + d[2] * (1.0 / 6.0), f = d[1] * (1.0 / 12.0);
  return vec2[](0.25 * d[0], a - b, a + b, e + f, e - f, d[2]);
}

void main() {
  const uint tile_row = p.first + gl_WorkGroupID.y, sample_ = tile_row / p.tiles_y;
  const uint column = (gl_WorkGroupID.z * LANES + gl_SubgroupInvocationID) * 2, pixel_bytes = p.image_c * 4;
  const uint x0 = gl_WorkGroupID.x * WINOGRAD_TILE, y0 = (tile_row - sample_ * p.tiles_y) * WINOGRAD_TILE;

  const uint at = (p.channel + min(column, p.columns - 2)) * 4 + sample_ * p.image_h * p.image_w * pixel_bytes;
  uint from_x[PATCH];
  bool inside_x[PATCH];
  [[unroll]] for (uint s = 0; s < PATCH; s++) {
    uint x = x0 + ((p.flags & WINOGRAD_TURN) != 0 ? PATCH - 1 - s : s) - p.origin; // wraps to huge where negative
    inside_x[s] = x < p.image_w;
    from_x[s] = min(x, p.image_w - 1) * pixel_bytes;
  }
  vec2 half_[SIDE * PATCH]; // [i][column of the patch]
  vec2 rows[PATCH * PATCH];
  [[unroll]] for (uint r = 0; r < PATCH; r++) {
    uint y = y0 + ((p.flags & WINOGRAD_TURN) != 0 ? PATCH - 1 - r : r) - p.origin;
    bool inside = y < p.image_h;
    uint64_t from = uint64_t(image) + (at + min(y, p.image_h - 1) * p.image_w * pixel_bytes);
    [[unroll]] for (uint s = 0; s < PATCH; s++) {
      uint64_t both = In2(from + from_x[s]).v;
      rows[r * PATCH + s] = inside && inside_x[s] ? uintBitsToFloat(uvec2(uint(both), uint(both >> 32))) : vec2(0.0);
    }
  }
  [[unroll]] for (uint s = 0; s < PATCH; s++) {
    vec2 d[SIDE];
    [[unroll]] for (uint r = 0; r < PATCH; r++) d[r] = rows[r * PATCH + s];
    vec2 l[SIDE] = lift(d);
    [[unroll]] for (uint i = 0; i < SIDE; i++) half_[i * PATCH + s] = l[i];
  }
  if (column >= p.columns) return;
  const uint row = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uint64_t to = uint64_t(lifted) + (row * p.pitch + column * 4);
  [[unroll]] for (uint i = 0; i < SIDE; i++) {
    vec2 d[SIDE];
    [[unroll]] for (uint s = 0; s < PATCH; s++) d[s] = half_[i * PATCH + s];
    vec2 l[SIDE] = lift(d);
    [[unroll]] for (uint j = 0; j < SIDE; j++) {
      Out2(to).v = uint64_t(floatBitsToUint(l[j].x)) | uint64_t(floatBitsToUint(l[j].y)) << 32;
      to += p.plane;
    }
  }
}
