// y[n,c,b] += pixels of sample n, channel c with floor(clamp(x, 0, 1) (bins - 1) + 1/2) = b. x {N,C,H,W}; y stands in
// memory as [n][b][c]. An invocation takes every stride-th pixel of one sample and channel and adds runs of equal
// bins at once; integer atomics, whose order does not matter.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "reduce.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) buffer Y { uint y[]; };

void main() {
  uint id = gl_GlobalInvocationID.x;
  uint c = id % pc.c, lane = id / pc.c % pc.lanes, sample_index = id / (pc.c * pc.lanes);
  if (sample_index >= pc.samples) return;
  uint last = 0u, run = 0u, base = sample_index * pc.bins;
  for (uint i = lane; i < pc.pixels; i += pc.lanes) {
    float v = clamp(x[(sample_index * pc.pixels + i) * pc.c + c], 0.0, 1.0);
    uint bin = min(uint(v * float(pc.bins - 1u) + 0.5), pc.bins - 1u); // min: a NaN may become any integer
    if (bin != last) {
      if (run > 0u) atomicAdd(y[(base + last) * pc.c + c], run);
      last = bin;
      run = 0u;
    }
    run++;
  }
  if (run > 0u) atomicAdd(y[(base + last) * pc.c + c], run);
}
