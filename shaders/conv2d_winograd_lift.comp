// [CONV 4] lift: v[point (i, j)][tile][c] = sum over pixels (r, s) of the tile's patch of L[i][r] L[j][s] x[r][s][c], with
// L = B^T for images, A for output gradients, G for weights; pixels outside the image count as zero.
// An invocation lifts a pair of channels of one tile; its neighbours the neighbouring pairs (winograd.glsl).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "winograd.glsl"

#ifdef WINOGRAD_GPU
layout(binding = 0) readonly buffer Image { winograd_pair image_[]; };
layout(binding = 1) writeonly buffer Lifted { vec2 lifted_[]; };
layout(push_constant) uniform Push { vc_winograd_push p; };
const uint image = 0, lifted = 0;

vec2 load(uint at) {
  return winograd_unpack(image_[at / WINOGRAD_PAIR_BYTES]);
}
void store(uint at, vec2 v) {
  lifted_[at / 8] = v;
}
#else
layout(push_constant) uniform Push {
  In2 image;
  Out2 lifted;
  vc_winograd_push p;
};

vec2 load(uint64_t at) {
  uint64_t both = In2(at).v;
  return uintBitsToFloat(uvec2(uint(both), uint(both >> 32)));
}
void store(uint64_t at, vec2 v) {
  Out2(at).v = uint64_t(floatBitsToUint(v.x)) | uint64_t(floatBitsToUint(v.y)) << 32;
}
#endif

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
  const winograd_share mine = winograd_mine(p.first, p.columns, p.rows, p.tiles, p.tiles_x);
  const uint sample_ = mine.tile_row / p.tiles_y, pixel_bytes = p.image_c * WINOGRAD_ELEMENT_BYTES;
  const uint x0 = mine.tile_x * WINOGRAD_TILE, y0 = (mine.tile_row - sample_ * p.tiles_y) * WINOGRAD_TILE;

  const uint at = (p.channel + min(mine.column, p.columns - 2)) * WINOGRAD_ELEMENT_BYTES + sample_ * p.image_h * p.image_w * pixel_bytes;
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
    bool inside = y < p.image_h && mine.is_tile;
    winograd_at from = winograd_at(image) + (at + min(y, p.image_h - 1) * p.image_w * pixel_bytes);
    [[unroll]] for (uint s = 0; s < PATCH; s++) {
      vec2 value = load(from + from_x[s]);
      rows[r * PATCH + s] = inside && inside_x[s] ? value : vec2(0.0);
    }
  }
  [[unroll]] for (uint s = 0; s < PATCH; s++) {
    vec2 d[SIDE];
    [[unroll]] for (uint r = 0; r < PATCH; r++) d[r] = rows[r * PATCH + s];
    vec2 l[SIDE] = lift(d);
    [[unroll]] for (uint i = 0; i < SIDE; i++) half_[i * PATCH + s] = l[i];
  }
  if (mine.is_none) return;
  winograd_at to = winograd_at(lifted) + (mine.row * p.pitch + mine.column * 4);
  [[unroll]] for (uint i = 0; i < SIDE; i++) {
    vec2 d[SIDE];
    [[unroll]] for (uint s = 0; s < PATCH; s++) d[s] = half_[i * PATCH + s];
    vec2 l[SIDE] = lift(d);
    [[unroll]] for (uint j = 0; j < SIDE; j++) {
      store(to, l[j]);
      to += p.plane;
    }
  }
}
