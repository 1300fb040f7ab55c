// y = the channel of the largest value of a pixel, the lowest of equals. An invocation takes every stride-th pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "softmax.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) writeonly buffer Y { uint y[]; };

void main() {
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    uint first = i * pc.c, best = 0u;
    float m = x[first];
    for (uint c = 1u; c < pc.c; c++) {
      float v = x[first + c];
      if (v > m) {
        m = v;
        best = c;
      }
    }
    y[i] = best;
  }
}
