// [RMSPROP 1] s = a s + (1-a) g², p = p - lr g / (sqrt(s) + eps), g = scale times the gradient; in place. hyper = lr,
// -, a, 1-a, eps, -, -, scale. An invocation takes every stride-th group of four; the first ones take the n mod 4
// parameters that are left.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "optim.h"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_OPTIM_REST) const bool REST = true;
layout(binding = 0) buffer P1 { float p1[]; };
layout(binding = 0) buffer P4 { vec4 p4[]; };
layout(binding = 1) readonly buffer G1 { float g1[]; };
layout(binding = 1) readonly buffer G4 { vec4 g4[]; };
layout(binding = 2) buffer S1 { float s1[]; };
layout(binding = 2) buffer S4 { vec4 s4[]; };
layout(binding = 3) readonly buffer H { float hyper[]; };

float h[8]; // read once

void step_four(inout vec4 p, vec4 g, inout vec4 s) {
  g *= h[7];
  s = h[2] * s + h[3] * g * g;
  p -= h[0] * g / (sqrt(s) + h[4]);
}

void main() {
  for (uint k = 0u; k < 8u; k++) h[k] = hyper[k];
  if (h[7] == 0.0) return; // a step that is left out
  uint id = gl_GlobalInvocationID.x, n4 = pc.n / 4u;
  for (uint i = id; i < n4; i += pc.stride) {
    vec4 p = p4[i], s = s4[i];
    step_four(p, g4[i], s);
    p4[i] = p;
    s4[i] = s;
  }
  if (REST && id < (pc.n & 3u)) {
    uint i = 4u * n4 + id;
    vec4 p = vec4(p1[i]), s = vec4(s1[i]);
    step_four(p, vec4(g1[i]), s);
    p1[i] = p.x;
    s1[i] = s.x;
  }
}
