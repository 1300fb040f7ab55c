// [GATE 2] valid {N,1,H,W} where max_c p_c is above the threshold, else 0. p {N,C,H,W}. An invocation takes every
// stride-th pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "gate.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer V { float valid[]; };
layout(binding = 1) readonly buffer P { float p[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  for (uint i = gl_GlobalInvocationID.x; i < pc.pixels; i += pc.stride) {
    float largest = 0.0;
    for (uint c = 0u; c < pc.c; c++) largest = max(largest, p[i * pc.c + c]);
    y[i] = largest > pc.threshold ? valid[i] : 0.0;
  }
}
