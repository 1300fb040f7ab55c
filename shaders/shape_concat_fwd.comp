// Rows of a and rows of b, side by side: y[r] = (a[r], b[r]). A concatenation of channels has a row a pixel, one of samples
// a single row. Elements are moved as 32-bit words. An invocation takes every stride-th WIDTH words of y.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shape.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_SHAPE_WIDTH) const uint WIDTH = 1; // 4: both row lengths are multiples of 4, all counts are in fours
layout(binding = 0) readonly buffer A1 { uint a1[]; };
layout(binding = 0) readonly buffer A4 { uvec4 a4[]; };
layout(binding = 1) readonly buffer B1 { uint b1[]; };
layout(binding = 1) readonly buffer B4 { uvec4 b4[]; };
layout(binding = 2) writeonly buffer Y1 { uint y1[]; };
layout(binding = 2) writeonly buffer Y4 { uvec4 y4[]; };

void main() {
  uvec3 radix = uvec3(pc.a + pc.b, ~0u, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    if (at.x < pc.a) {
      uint from = at.y * pc.a + at.x;
      if (WIDTH == 4u) y4[i] = a4[from];
      else y1[i] = a1[from];
    } else {
      uint from = at.y * pc.b + at.x - pc.a;
      if (WIDTH == 4u) y4[i] = b4[from];
      else y1[i] = b1[from];
    }
    at = vc_advance(at, step, radix);
  }
}
