// Adjoint of [AFFINE 3], in gather form: gx[n,c,y,x] = sum over outputs (u, v) of weight(y) weight(x) gy[n,c,v,u], the
// weights being those with which affine_fwd reads (x, y) for (u, v). Candidates are the outputs in the box around the
// map's image of the square of positions that can touch the pixel; their positions are made again exactly as forward.
// Rows of (u, v) in order. gx, gy {N,C,H,W}. Workgroup row n makes sample n; an invocation takes every stride-th group
// of CHANNELS channels of a pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "affine.h"
#include "affine.glsl"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_AFFINE_CHANNELS) const uint CHANNELS = 1;
layout(binding = 0) readonly buffer G { float g[]; };
layout(binding = 1) readonly buffer S { float s[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

vec4 load(uint at) {
  vec4 v = vec4(g[at], 0.0, 0.0, 0.0);
  if (CHANNELS > 1u) v.y = g[at + 1u];
  if (CHANNELS > 2u) v.z = g[at + 2u];
  if (CHANNELS > 3u) v.w = g[at + 3u];
  return v;
}

float tent(float distance) { return max(1.0 - abs(distance), 0.0); }

// What pixel `to` of a side 0..last weighs in a reading at p inside the image: as a tap itself, and as what the taps at
// -1 and last + 1 are reflected to.
float weight(float p, float to, float last) {
  if (last == 0.0) return 1.0;
  float w = tent(p - to);
  if (to > 0.0) w += tent(p + to);
  if (to < last) w += tent(2.0 * last - to - p);
  return w;
}

void main() {
  vc_sampler read_at = vc_sampler_of(s, gl_WorkGroupID.y);
  float det = read_at.x.x * read_at.y.y - read_at.x.y * read_at.y.x;
  vec2 back_x = vec2(read_at.y.y, -read_at.x.y) / det, back_y = vec2(-read_at.y.x, read_at.x.x) / det;
  vec2 side = vec2(float(pc.w), float(pc.h)), last = side - 1.0, centre = 0.5 * last;
  float margin = 0.015 + 4e-6 * (side.x + side.y); // covers the rounding of positions and of the inverse
  uint first = gl_WorkGroupID.y * pc.n;
  uvec3 radix = uvec3(pc.c, pc.w, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    vec2 to = vec2(at.yz);
    vec2 low = mix(to - 1.0, vec2(-0.5), equal(to, vec2(1.0))); // pixel 1 also serves as tap -1
    vec2 high = mix(to + 1.0, last + 0.5, equal(to, last - 1.0));
    vec2 middle = 0.5 * (low + high) - centre - vec2(read_at.x.z, read_at.y.z), reach = 0.5 * (high - low) + margin;
    vec2 u = vec2(dot(back_x, middle), dot(back_y, middle)) + centre;
    vec2 around = vec2(dot(abs(back_x), reach), dot(abs(back_y), reach)) + margin;
    ivec2 from = ivec2(clamp(ceil(u - around), vec2(0.0), side));
    ivec2 until = ivec2(clamp(floor(u + around), vec2(-1.0), last));
    vec4 sum = vec4(0.0);
    for (int row = from.y; row <= until.y; row++) {
      for (int column = from.x; column <= until.x; column++) {
        vec2 p = vc_affine_position(read_at, uint(column), uint(row), pc.w, pc.h);
        float w = vc_affine_inside(p, pc.w, pc.h) ? weight(p.y, to.y, last.y) * weight(p.x, to.x, last.x) : 0.0;
        if (w > 0.0) sum += w * load((first + (uint(row) * pc.w + uint(column)) * pc.c + at.x) * CHANNELS);
      }
    }
    uint out_at = (first + i) * CHANNELS;
    y[out_at] = sum.x;
    if (CHANNELS > 1u) y[out_at + 1u] = sum.y;
    if (CHANNELS > 2u) y[out_at + 2u] = sum.z;
    if (CHANNELS > 3u) y[out_at + 3u] = sum.w;
    at = vc_advance(at, step, radix);
  }
}
