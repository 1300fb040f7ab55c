// y[a C + b] += pixels of reference class a that are predicted as b; pixels with a or b not below C are left out. An
// invocation takes every lanes-th pixel and adds runs of equal pairs at once; integer atomics, whose order does not
// matter.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "reduce.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer P { uint predicted[]; };
layout(binding = 1) readonly buffer L { uint labels[]; };
layout(binding = 2) buffer Y { uint y[]; };

void main() {
  uint last = 0u, run = 0u;
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.lanes) {
    uint a = labels[i], b = predicted[i];
    if (a >= pc.c || b >= pc.c) continue;
    uint cell = a * pc.c + b;
    if (cell != last) {
      if (run > 0u) atomicAdd(y[last], run);
      last = cell;
      run = 0u;
    }
    run++;
  }
  if (run > 0u) atomicAdd(y[last], run);
}
