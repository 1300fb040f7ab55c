// [CONV 4] drop: out[r][s][c] = b[c] + add[r][s][c] + sum over points (i, j) of D[r][i] D[s][j] m[point][tile][c], with D = A^T for the 4 x 4
// pixels of a tile, G^T for the 3 x 3 taps of a filter's gradient.
// An invocation drops a pair of channels of one tile; its neighbours the neighbouring pairs (winograd.glsl).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "winograd.glsl"

#ifdef WINOGRAD_GPU
layout(binding = 0) readonly buffer Lifted { vec2 lifted_[]; };
layout(binding = 1) readonly buffer Bias { vec2 biases_[]; };
layout(binding = 2) readonly buffer Add { winograd_pair add_[]; };
layout(binding = 3) writeonly buffer Image { winograd_pair image_[]; };
layout(push_constant) uniform Push { vc_winograd_push p; };
const uint lifted = 0, image = 0;

vec2 load(uint at) {
  return lifted_[at / 8];
}
vec2 load_bias(uint at) {
  return (p.flags & CONV_BIAS) != 0 ? biases_[at / 8] : vec2(0.0);
}
vec2 load_add(uint at) {
  return winograd_unpack(add_[at / WINOGRAD_PAIR_BYTES]);
}
void store(uint at, vec2 v) {
  image_[at / WINOGRAD_PAIR_BYTES] = winograd_pack(v);
}
#else
layout(push_constant) uniform Push {
  In2 lifted;
  In2 bias;
  In2 add;
  Out2 image;
  vc_winograd_push p;
};

vec2 load(uint64_t at) {
  uint64_t both = In2(at).v;
  return uintBitsToFloat(uvec2(uint(both), uint(both >> 32)));
}
vec2 load_bias(uint at) {
  vec2 v = load((p.flags & CONV_BIAS) != 0 ? uint64_t(bias) + at : uint64_t(lifted));
  return (p.flags & CONV_BIAS) != 0 ? v : vec2(0.0);
}
vec2 load_add(uint64_t at) {
  return load(at + (uint64_t(add) - uint64_t(image)));
}
void store(uint64_t at, vec2 v) {
  Out2(at).v = uint64_t(floatBitsToUint(v.x)) | uint64_t(floatBitsToUint(v.y)) << 32;
}
#endif

const uint SIDE = WINOGRAD_SIDE, PATCH = KIND == WINOGRAD_IMAGE ? 4 : 3;

// D m; the first PATCH values count.
vec2[4] drop(vec2 m[SIDE]) {
  vec2 a = m[1] + m[2], b = m[1] - m[2], e = m[3] + m[4], f = m[3] - m[4];
  if (KIND == WINOGRAD_IMAGE) return vec2[](m[0] + a + e, b + 2.0 * f, a + 4.0 * e, b + 8.0 * f + m[5]);
  return vec2[](0.25 * m[0] - a * (1.0 / 6.0) + e * (1.0 / 24.0), f * (1.0 / 12.0) - b * (1.0 / 6.0),
                (e - a) * (1.0 / 6.0) + m[5], vec2(0.0));
}

void main() {
  const winograd_share mine = winograd_mine(p.first, p.columns, p.rows, p.tiles, p.tiles_x);
  const uint sample_ = mine.tile_row / p.tiles_y, pixel_bytes = p.image_c * WINOGRAD_ELEMENT_BYTES;
  const uint x0 = mine.tile_x * WINOGRAD_TILE, y0 = (mine.tile_row - sample_ * p.tiles_y) * WINOGRAD_TILE;

  const uint at = min(mine.column, p.columns - 2);
  winograd_at from = winograd_at(lifted) + (mine.row * p.pitch + at * 4);
  vec2 m[SIDE * SIDE];
  [[unroll]] for (uint i = 0; i < SIDE * SIDE; i++) {
    m[i] = load(from);
    from += p.plane;
  }
#ifdef WINOGRAD_GPU
  for (uint slab = 1; slab < p.slabs; slab++) {
    from = mine.row * p.pitch + at * 4 + slab * p.slab;
    [[unroll]] for (uint i = 0; i < SIDE * SIDE; i++) {
      m[i] += load(from);
      from += p.plane;
    }
  }
#endif
  vec2 half_[PATCH * SIDE]; // [r][j]
  [[unroll]] for (uint j = 0; j < SIDE; j++) {
    vec2 d[4] = drop(vec2[](m[j], m[SIDE + j], m[2 * SIDE + j], m[3 * SIDE + j], m[4 * SIDE + j], m[5 * SIDE + j]));
    [[unroll]] for (uint r = 0; r < PATCH; r++) half_[r * SIDE + j] = d[r];
  }
  const vec2 floor_ = vec2((p.flags & CONV_RELU) != 0 ? 0.0 : uintBitsToFloat(0xFF800000u));
  const vec2 bias_ = load_bias((p.channel + at) * 4);
  if (mine.is_none || !mine.is_tile) return;
  uint to_row = ((sample_ * p.image_h + y0) * p.image_w + x0) * pixel_bytes + (p.channel + mine.column) * WINOGRAD_ELEMENT_BYTES;
  [[unroll]] for (uint r = 0; r < PATCH; r++) {
    vec2 d[4] = drop(vec2[](half_[r * SIDE], half_[r * SIDE + 1], half_[r * SIDE + 2], half_[r * SIDE + 3],
                            half_[r * SIDE + 4], half_[r * SIDE + 5]));
    winograd_at to = winograd_at(image) + to_row;
    [[unroll]] for (uint s = 0; s < PATCH; s++) {
      if (y0 + r < p.image_h && x0 + s < p.image_w) {
        vec2 value = d[s] + bias_;
        if ((p.flags & CONV_ADD) != 0) value += load_add(to);
        value = mix(value, floor_, lessThan(value, floor_)); // NaN stays
        store(to, value);
      }
      to += pixel_bytes;
    }
    to_row += p.image_w * pixel_bytes;
  }
}
