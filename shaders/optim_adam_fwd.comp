// [ADAM 1] m = m + (1-b1) (g - m), v = b2 v + (1-b2) g², p = p - lr (m c1) / (sqrt(v c2) + eps), g = scale times the
// gradient; in place. hyper = lr, 1-b1, b2, 1-b2, eps, c1 = 1/(1-b1^t), c2 = 1/(1-b2^t), scale: the complements come
// rounded from double, since 1 - 0.999 in float is off by 1e-5. An invocation takes every stride-th group of four; the
// first ones take the n mod 4 parameters that are left. A scale of 0 leaves everything as it is.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "optim.h"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_OPTIM_REST) const bool REST = true;
layout(binding = 0) buffer P1 { float p1[]; };
layout(binding = 0) buffer P4 { vec4 p4[]; };
layout(binding = 1) readonly buffer G1 { float g1[]; };
layout(binding = 1) readonly buffer G4 { vec4 g4[]; };
layout(binding = 2) buffer M1 { float m1[]; };
layout(binding = 2) buffer M4 { vec4 m4[]; };
layout(binding = 3) buffer V1 { float v1[]; };
layout(binding = 3) buffer V4 { vec4 v4[]; };
layout(binding = 4) readonly buffer H { float hyper[]; };

float h[8]; // read once

void step_four(inout vec4 p, vec4 g, inout vec4 m, inout vec4 v) {
  g *= h[7];
  m += h[1] * (g - m);
  v = h[2] * v + h[3] * g * g;
  p -= h[0] * (m * h[5]) / (sqrt(v * h[6]) + h[4]);
}

void main() {
  for (uint k = 0u; k < 8u; k++) h[k] = hyper[k];
  if (h[7] == 0.0) return; // a step that is left out
  uint id = gl_GlobalInvocationID.x, n4 = pc.n / 4u;
  for (uint i = id; i < n4; i += pc.stride) {
    vec4 p = p4[i], m = m4[i], v = v4[i];
    step_four(p, g4[i], m, v);
    p4[i] = p;
    m4[i] = m;
    v4[i] = v;
  }
  if (REST && id < (pc.n & 3u)) {
    uint i = 4u * n4 + id;
    vec4 p = vec4(p1[i]), m = vec4(m1[i]), v = vec4(v1[i]);
    step_four(p, vec4(g1[i]), m, v);
    p1[i] = p.x;
    m1[i] = m.x;
    v1[i] = v.x;
  }
}
