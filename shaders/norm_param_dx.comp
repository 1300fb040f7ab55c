// [STAT 4] y_c = sum over the segments of sums[first + segment C + c]: the gradient to b (first = 0) or w. An invocation
// makes one channel's, in order.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "norm.h"
#include "sum.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer S { float sums[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  uint c = gl_GlobalInvocationID.x;
  if (c >= pc.c) return;
  vc_acc acc = vc_acc(0.0, 0.0);
  for (uint s = 0u; s < pc.segments; s++) vc_acc_add(acc, sums[pc.first + s * pc.c + c]);
  y[c] = vc_acc_value(acc);
}
