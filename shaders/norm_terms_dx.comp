// [STAT 5] From the sums of [STAT 4]: the means of w g and of w g h over the group that a channel belongs to, each
// [segment][channel]. An invocation makes those of one channel, adding its group's in order.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "norm.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer S { float sums[]; };
layout(binding = 1) readonly buffer W { float w[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  uint id = gl_GlobalInvocationID.x, n = pc.segments * pc.c, s = id / pc.c, c = id % pc.c;
  if (id >= n) return;
  uint first = c - c % pc.group;
  float a = 0.0, b = 0.0, count = float(pc.pixels) * float(pc.group);
  for (uint k = first; k < first + pc.group; k++) {
    a += w[k] * sums[s * pc.c + k];
    b += w[k] * sums[n + s * pc.c + k];
  }
  y[id] = a / count;
  y[n + id] = b / count;
}
