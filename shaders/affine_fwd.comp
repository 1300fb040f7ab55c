// [AFFINE 1, 3] y[n,c,v,u] = bilinear x[n,c] at the position that sampler n gives for (u, v); taps outside are
// reflected about the centres of the border pixels. With ZERO: 0 where the position lies outside the image. x, y
// {N,C,H,W}. Workgroup row n makes sample n; an invocation takes every stride-th group of CHANNELS channels of a pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "affine.h"
#include "affine.glsl"
#include "reflect.glsl"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_AFFINE_CHANNELS) const uint CHANNELS = 1;
layout(constant_id = SC_AFFINE_ZERO) const bool ZERO = false;
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer S { float s[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

vec4 load(uint at) {
  vec4 v = vec4(x[at], 0.0, 0.0, 0.0);
  if (CHANNELS > 1u) v.y = x[at + 1u];
  if (CHANNELS > 2u) v.z = x[at + 2u];
  if (CHANNELS > 3u) v.w = x[at + 3u];
  return v;
}

void main() {
  vc_sampler read_at = vc_sampler_of(s, gl_WorkGroupID.y);
  uint first = gl_WorkGroupID.y * pc.n;
  uvec3 radix = uvec3(pc.c, pc.w, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    vec2 p = vc_affine_position(read_at, at.y, at.z, pc.w, pc.h), corner = floor(p), f = p - corner;
    uint left = vc_reflect(corner.x, pc.w), right = vc_reflect(corner.x + 1.0, pc.w);
    uint top = vc_reflect(corner.y, pc.h) * pc.w, bottom = vc_reflect(corner.y + 1.0, pc.h) * pc.w;
    uint base = first + at.x;
    vec4 above = (1.0 - f.x) * load((base + (top + left) * pc.c) * CHANNELS) +
                 f.x * load((base + (top + right) * pc.c) * CHANNELS);
    vec4 below = (1.0 - f.x) * load((base + (bottom + left) * pc.c) * CHANNELS) +
                 f.x * load((base + (bottom + right) * pc.c) * CHANNELS);
    vec4 v = (1.0 - f.y) * above + f.y * below;
    if (ZERO && !vc_affine_inside(p, pc.w, pc.h)) v = vec4(0.0);
    uint to = (first + i) * CHANNELS;
    y[to] = v.x;
    if (CHANNELS > 1u) y[to + 1u] = v.y;
    if (CHANNELS > 2u) y[to + 2u] = v.z;
    if (CHANNELS > 3u) y[to + 3u] = v.w;
    at = vc_advance(at, step, radix);
  }
}
