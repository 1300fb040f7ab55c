// Rows of a and rows of b, side by side: y[r] = (a[r], b[r]). A concatenation of channels has a row a pixel, one of
// samples a single row. Elements are moved as they are. An invocation
// takes every stride-th WIDTH words of a, then of b.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "shape.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_SHAPE_WIDTH) const uint WIDTH = 1; // 4: all counts are in fours
layout(binding = 0) readonly buffer A1 { vc_word a1[]; };
layout(binding = 0) readonly buffer A4 { vc_word4 a4[]; };
layout(binding = 1) readonly buffer B1 { vc_word b1[]; };
layout(binding = 1) readonly buffer B4 { vc_word4 b4[]; };
layout(binding = 2) writeonly buffer Y1 { vc_word y1[]; };
layout(binding = 2) writeonly buffer Y4 { vc_word4 y4[]; };

void main() {
  uint id = gl_GlobalInvocationID.x, row = pc.a + pc.b;
  uvec3 radix = uvec3(pc.a, ~0u, ~0u);
  uvec4 at = vc_digits(id, radix), step = vc_digits(pc.stride, radix);
  for (uint i = id; i < pc.n * pc.a; i += pc.stride) {
    uint to = at.y * row + at.x;
    if (WIDTH == 4u) y4[to] = a4[i];
    else y1[to] = a1[i];
    at = vc_advance(at, step, radix);
  }
  radix.x = pc.b;
  at = vc_digits(id, radix);
  step = vc_digits(pc.stride, radix);
  for (uint i = id; i < pc.n * pc.b; i += pc.stride) {
    uint to = at.y * row + pc.a + at.x;
    if (WIDTH == 4u) y4[to] = b4[i];
    else y1[to] = b1[i];
    at = vc_advance(at, step, radix);
  }
}
