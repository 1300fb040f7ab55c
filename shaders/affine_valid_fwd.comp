// [AFFINE 4] y[n,0,v,u] = 1 where the position that sampler a[n] gives for (u, v) lies in rectangle n, widened by half
// a pixel, and, with SECOND, that of sampler b[n] inside the image; else 0. y {N,1,h,w}. Workgroup row n makes sample
// n; an invocation takes every stride-th pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "affine.h"
#include "affine.glsl"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_AFFINE_SECOND) const bool SECOND = false;
layout(binding = 0) readonly buffer A { float a[]; };
layout(binding = 1) readonly buffer R { float rects[]; };
layout(binding = 2) readonly buffer B { float b[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

void main() {
  uint n = gl_WorkGroupID.y, first = n * pc.n;
  vc_sampler at_a = vc_sampler_of(a, n);
  vc_sampler at_b = at_a;
  if (SECOND) at_b = vc_sampler_of(b, n);
  vec2 low = vec2(rects[4u * n], rects[4u * n + 1u]) - 0.5, high = vec2(rects[4u * n + 2u], rects[4u * n + 3u]) + 0.5;
  uvec3 radix = uvec3(pc.w, ~0u, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    vec2 p = vc_affine_position(at_a, at.x, at.y, pc.w, pc.h);
    bool valid = all(greaterThanEqual(p, low)) && all(lessThan(p, high));
    if (SECOND) valid = valid && vc_affine_inside(vc_affine_position(at_b, at.x, at.y, pc.w, pc.h), pc.w, pc.h);
    y[first + i] = valid ? 1.0 : 0.0;
    at = vc_advance(at, step, radix);
  }
}
