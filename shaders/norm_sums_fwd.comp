// [STAT 1] First pass: partial sums of v and v² over the pixels of a segment, v = x less the segment's first pixel,
// which keeps their difference exact. Invocation (segment, row, WIDTH channels) takes the pixels row, row + rows, ...;
// compensated. Row r of the result holds those of v [segment][channel], then those of v².
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "norm.h"
#include "sum.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_NORM_WIDTH) const uint WIDTH = 1;
layout(binding = 0) readonly buffer X1 { vc_act x1[]; };
layout(binding = 0) readonly buffer X4 { vc_act4 x4[]; };
layout(binding = 1) readonly buffer F1 { vc_act f1[]; }; // where the segments begin: x, which may be bound in parts
layout(binding = 1) readonly buffer F4 { vc_act4 f4[]; };
layout(binding = 2) writeonly buffer Y1 { float y1[]; };
layout(binding = 2) writeonly buffer Y4 { vec4 y4[]; };

#define LOAD(name, i) (WIDTH == 4u ? vec4(name##4[i]) : vec4(float(name##1[i]), 0.0, 0.0, 0.0))

void store(uint i, vec4 v) {
  if (WIDTH == 4u)
    y4[i] = v;
  else
    y1[i] = v.x;
}

void main() {
  uint columns = pc.c / WIDTH, c = gl_GlobalInvocationID.x % columns, k = gl_GlobalInvocationID.x / columns;
  uint row = k % pc.rows, s = k / pc.rows;
  if (s >= pc.segments) return;
  uint first = s * pc.pixels * columns + c;
  vec4 shift = LOAD(f, first);
  vc_acc4 sum = vc_acc4(vec4(0.0), vec4(0.0)), squares = sum;
  for (uint i = row; i < pc.pixels; i += pc.rows) {
    vec4 v = LOAD(x, first + i * columns) - shift;
    vc_acc_add(sum, v);
    vc_acc_add(squares, v * v);
  }
  uint at = (2u * row * pc.segments + s) * columns + c;
  store(at, vc_acc_value(sum));
  store(at + pc.segments * columns, vc_acc_value(squares));
}
