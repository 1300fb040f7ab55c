// [STAT 1..2] From the sums of a segment's channels: mean, 1/sqrt(variance + epsilon) and variance of the group that a
// channel belongs to, each [segment][channel]. An invocation makes those of one channel, adding its group's in order.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "norm.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer S { float sums[]; };
layout(binding = 1) readonly buffer X { vc_act x[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  uint id = gl_GlobalInvocationID.x, n = pc.segments * pc.c, s = id / pc.c, c = id % pc.c;
  if (id >= n) return;
  uint first = c - c % pc.group, shift = s * pc.pixels * pc.c;
  float pixels = float(pc.pixels), mean = 0.0, squares = 0.0;
  for (uint k = first; k < first + pc.group; k++) mean += (float(x[shift + k]) + sums[s * pc.c + k] / pixels) / float(pc.group);
  for (uint k = first; k < first + pc.group; k++) {
    float v = sums[s * pc.c + k], d = v / pixels, own = float(x[shift + k]) + d - mean;
    squares += max(sums[n + s * pc.c + k] - v * d, 0.0) + pixels * own * own;
  }
  float variance = squares / (pixels * float(pc.group));
  y[id] = mean;
  y[n + id] = 1.0 / sqrt(variance + pc.epsilon);
  y[2u * n + id] = variance;
}
