// [GATE 1] The label of a pixel, or VC_IGNORE where its probability is above the threshold: p {N,C,H,W}, labels
// {N,1,H,W}. A label that is no class stays as it is. An invocation takes every stride-th pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "gate.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer L { uint labels[]; };
layout(binding = 1) readonly buffer P { float p[]; };
layout(binding = 2) readonly buffer T { float threshold[]; };
layout(binding = 3) writeonly buffer Y { uint y[]; };

void main() {
  for (uint i = gl_GlobalInvocationID.x; i < pc.pixels; i += pc.stride) {
    uint label = labels[i];
    if (label < pc.c && p[i * pc.c + min(label, pc.c - 1u)] > threshold[0]) label = 0xFFFFFFFFu;
    y[i] = label;
  }
}
