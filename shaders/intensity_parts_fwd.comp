// First pass of the statistics of [AUG 1, 3, 5]: workgroup (p, c, n) looks at part p of channel c of sample n and
// writes a row of BINS words: Equalize counts of floor(255 x + 1/2); AutoContrast each invocation's minimum, then each
// one's maximum; Contrast (c = 0) each invocation's compensated sum of grey levels. Nothing for the other ops. x
// {N,C,H,W}. An invocation takes every stride-th pixel; counts are integers, so their order does not matter.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "intensity.h"
#include "sum.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Ops { uint ops[]; };
layout(binding = 2) writeonly buffer Parts { uint parts[]; };
shared uint bins[INTENSITY_BINS];
#include "grey.glsl"

uint bin_of(float v) {
  precise float level = clamp(v, 0.0, 1.0) * 255.0 + 0.5;
  return min(uint(level), 255u); // min: a NaN may become any integer
}

// Runs of equal bins are added at once.
void count(uint first, uint end) {
  uint last = 0u, run = 0u;
  for (uint i = first; i < end; i += pc.stride) {
    uint bin = bin_of(x[(gl_WorkGroupID.z * pc.pixels + i) * pc.c + gl_WorkGroupID.y]);
    if (bin != last) {
      if (run > 0u) atomicAdd(bins[last], run);
      last = bin;
      run = 0u;
    }
    run++;
  }
  if (run > 0u) atomicAdd(bins[last], run);
}

void main() {
  uint id = gl_LocalInvocationID.x, op = ops[2u * gl_WorkGroupID.z];
  uint first = gl_WorkGroupID.x * OPS_LOCAL + id;
  uint row = ((gl_WorkGroupID.z * pc.c + gl_WorkGroupID.y) * pc.n_parts + gl_WorkGroupID.x) * INTENSITY_BINS;

  for (uint b = id; b < INTENSITY_BINS; b += OPS_LOCAL) bins[b] = 0u;
  barrier();
  count(first, op == INTENSITY_EQUALIZE ? pc.pixels : 0u);
  barrier();

  if (op == INTENSITY_EQUALIZE) {
    for (uint b = id; b < INTENSITY_BINS; b += OPS_LOCAL) parts[row + b] = bins[b];
  } else if (op == INTENSITY_AUTOCONTRAST) {
    float low = uintBitsToFloat(0x7F800000u), high = -low; // infinities
    for (uint i = first; i < pc.pixels; i += pc.stride) {
      float v = x[(gl_WorkGroupID.z * pc.pixels + i) * pc.c + gl_WorkGroupID.y];
      low = min(low, v);
      high = max(high, v);
    }
    parts[row + id] = floatBitsToUint(low);
    parts[row + OPS_LOCAL + id] = floatBitsToUint(high);
  } else if (op == INTENSITY_CONTRAST && gl_WorkGroupID.y == 0u) {
    vc_acc acc = vc_acc(0.0, 0.0);
    for (uint i = first; i < pc.pixels; i += pc.stride) {
      vc_acc_add(acc, grey((gl_WorkGroupID.z * pc.pixels + i) * pc.c));
    }
    parts[row + id] = floatBitsToUint(vc_acc_value(acc));
  }
}
