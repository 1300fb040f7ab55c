// [CE 2] Gradient to log p: -gradient / counted pixels at the label's channel of counted pixels, else 0. sums = {sum,
// counted}. An invocation takes every stride-th element of log p {N,C,H,W}.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "cross_entropy.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer L { uint labels[]; };
layout(binding = 1) readonly buffer S { float sums[]; };
layout(binding = 2) readonly buffer G { float grad[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

void main() {
  uvec3 radix = uvec3(pc.c, ~0u, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  float value = -grad[0] / max(sums[1], 1.0);
  for (uint i = gl_GlobalInvocationID.x; i < pc.pixels * pc.c; i += pc.stride) {
    y[i] = labels[at.y] == at.x ? value : 0.0;
    at = vc_advance(at, step, radix);
  }
}
