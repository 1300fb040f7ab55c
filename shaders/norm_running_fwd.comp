// The statistics of [STAT 1..2] from running ones: mean, 1/sqrt(variance + epsilon), variance. An invocation makes those
// of one channel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "norm.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer M { float mean[]; };
layout(binding = 1) readonly buffer V { float variance[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  uint c = gl_GlobalInvocationID.x;
  if (c >= pc.c) return;
  y[c] = mean[c];
  y[pc.c + c] = 1.0 / sqrt(variance[c] + pc.epsilon);
  y[2u * pc.c + c] = variance[c];
}
