// [AFFINE 2] y[n,0,v,u] = the label at the pixel nearest to the position that sampler n gives for (u, v), halves
// upwards; IGNORE where the position lies outside the image. x, y {N,1,H,W}. Workgroup row n makes sample n; an
// invocation takes every stride-th pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "affine.h"
#include "affine.glsl"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer X { uint x[]; };
layout(binding = 1) readonly buffer S { float s[]; };
layout(binding = 2) writeonly buffer Y { uint y[]; };

void main() {
  vc_sampler read_at = vc_sampler_of(s, gl_WorkGroupID.y);
  uint first = gl_WorkGroupID.y * pc.n;
  uvec3 radix = uvec3(pc.w, ~0u, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    vec2 p = vc_affine_position(read_at, at.x, at.y, pc.w, pc.h);
    uint label = AFFINE_IGNORE;
    if (vc_affine_inside(p, pc.w, pc.h)) {
      uvec2 from = min(uvec2(floor(p + 0.5)), uvec2(pc.w, pc.h) - 1u); // min: p + 1/2 may round up to the side
      label = x[first + from.y * pc.w + from.x];
    }
    y[first + i] = label;
    at = vc_advance(at, step, radix);
  }
}
