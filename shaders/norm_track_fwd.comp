// [STAT 6] In place: running mean and variance move by `momentum` towards the batch's, the variance made unbiased; the
// count of batches grows by one. An invocation takes one channel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "norm.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) buffer M { float mean[]; };
layout(binding = 1) buffer V { float variance[]; };
layout(binding = 2) buffer N { float count[]; };
layout(binding = 3) readonly buffer S { float stats[]; };

void main() {
  uint c = gl_GlobalInvocationID.x;
  if (c >= pc.c) return;
  mean[c] = (1.0 - pc.momentum) * mean[c] + pc.momentum * stats[c];
  variance[c] = (1.0 - pc.momentum) * variance[c] + pc.momentum * (stats[2u * pc.c + c] * pc.unbias);
  if (c == 0u) count[0] += 1.0;
}
