// [EDGE 1] y[n,c] = the length of Sobel's gradient of x[n,c]; x, y {N,C,H,W}, neighbours outside are reflected about the
// centres of the border pixels. An invocation takes every stride-th element and adds row by row.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "edges.h"
#include "reflect.glsl"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  uvec3 radix = uvec3(pc.c, pc.w, pc.h);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    uint left = vc_reflect(float(at.y) - 1.0, pc.w), right = vc_reflect(float(at.y) + 1.0, pc.w);
    uint above = vc_reflect(float(at.z) - 1.0, pc.h), below = vc_reflect(float(at.z) + 1.0, pc.h);
    uint image = at.w * pc.h;
    uvec3 row = (image + uvec3(above, at.z, below)) * pc.w, column = uvec3(left, at.y, right);
    uvec3 a = (row.x + column) * pc.c + at.x, m = (row.y + column) * pc.c + at.x, b = (row.z + column) * pc.c + at.x;
    float across = (x[a.z] - x[a.x]) + 2.0 * (x[m.z] - x[m.x]) + (x[b.z] - x[b.x]);
    float down = (x[b.x] - x[a.x]) + 2.0 * (x[b.y] - x[a.y]) + (x[b.z] - x[a.z]);
    y[i] = 0.25 * sqrt(across * across + down * down);
    at = vc_advance(at, step, radix);
  }
}
