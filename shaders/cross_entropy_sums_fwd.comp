// [CE 1] First pass: row r of the result holds the partial sum of -log p[label] and the number of counted pixels
// (label below C) over the pixels r, r + rows, ...; compensated.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "cross_entropy.h"
#include "sum.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer P { float log_p[]; };
layout(binding = 1) readonly buffer L { uint labels[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  uint row = gl_GlobalInvocationID.x, count = 0u;
  if (row >= pc.rows) return;
  vc_acc sum = vc_acc(0.0, 0.0);
  for (uint i = row; i < pc.pixels; i += pc.rows) {
    uint label = labels[i];
    if (label >= pc.c) continue;
    vc_acc_add(sum, -log_p[i * pc.c + label]);
    count++;
  }
  y[2u * row] = vc_acc_value(sum);
  y[2u * row + 1u] = float(count);
}
