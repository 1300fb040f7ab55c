// y = sums[0] / max(sums[1], 1): a sum over counted pixels becomes their mean. One invocation.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "reduce.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer S { float sums[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  if (gl_GlobalInvocationID.x == 0u) y[0] = sums[0] / max(sums[1], 1.0);
}
