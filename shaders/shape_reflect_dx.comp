// Adjoint of padding by reflection, in gather form: gx[n,c,y,x] = sum of gy[n,c,i,j] over the places (i,j) that
// padding filled from (y,x). Along one axis those are i = y + top and i = -y + top modulo the period 2(H-1); on a
// border pixel both are one. Rows in the order of the two progressions, columns likewise. An invocation takes every
// stride-th element of gx.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shape.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer G { float g[]; };  // {N,C,in_h,in_w}
layout(binding = 1) writeonly buffer Y { float y[]; }; // {N,C,out_h,out_w}

// The first places >= 0 of both progressions; .y beyond any place where there is only one progression.
uvec2 starts(uint i, uint n, uint margin, uint period) {
  uint up = (i + margin) % period;
  uint down = (margin % period + period - i % period) % period;
  return uvec2(up, i == 0u || i == n - 1u ? ~0u : down);
}

float row_sum(uint base, uvec2 start, uint period, uint c) {
  float sum = 0.0;
  for (uint j = start.x; j < pc.in_w; j += period) sum += g[(base + j) * pc.in_c + c];
  for (uint j = start.y; j < pc.in_w; j += period) sum += g[(base + j) * pc.in_c + c];
  return sum;
}

void main() {
  uvec3 radix = uvec3(pc.out_c, pc.out_w, pc.out_h);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  uint period_x = max(2u * (pc.out_w - 1u), 1u), period_y = max(2u * (pc.out_h - 1u), 1u);
  for (uint k = gl_GlobalInvocationID.x; k < pc.n; k += pc.stride) {
    uvec2 xs = starts(at.y, pc.out_w, uint(pc.from_x), period_x);
    uvec2 ys = starts(at.z, pc.out_h, uint(pc.from_y), period_y);
    uint base = at.w * pc.in_h;
    float sum = 0.0;
    for (uint i = ys.x; i < pc.in_h; i += period_y) sum += row_sum((base + i) * pc.in_w, xs, period_x, at.x);
    for (uint i = ys.y; i < pc.in_h; i += period_y) sum += row_sum((base + i) * pc.in_w, xs, period_x, at.x);
    y[k] = sum;
    at = vc_advance(at, step, radix);
  }
}
