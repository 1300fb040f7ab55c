// Elementwise functions of one or two equal tensors, by MODE:
//   RELU [RELU 1] y = max(a, 0)   RELU_GRAD [RELU 2] y = a where b > 0, else 0   SCALE y = fa a
//   COMBINE y = fa a + fb b       MUL y = a b
// An invocation takes every stride-th group of four elements; the first invocations take the n mod 4 that are left.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "pointwise.h"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_POINTWISE_MODE) const uint MODE = POINTWISE_RELU;
layout(binding = 0) readonly buffer A1 { vc_act a1[]; };
layout(binding = 0) readonly buffer A4 { vc_act4 a4[]; };
layout(binding = 1) readonly buffer B1 { vc_act b1[]; }; // RELU and SCALE do not read it
layout(binding = 1) readonly buffer B4 { vc_act4 b4[]; };
layout(binding = 2) writeonly buffer Y1 { vc_act y1[]; };
layout(binding = 2) writeonly buffer Y4 { vc_act4 y4[]; };

const bool UNARY = MODE == POINTWISE_RELU || MODE == POINTWISE_SCALE;

// Comparisons are turned so that NaN passes through RELU.
vec4 f(vec4 a, vec4 b) {
  if (MODE == POINTWISE_RELU) return mix(a, vec4(0.0), lessThan(a, vec4(0.0)));
  if (MODE == POINTWISE_RELU_GRAD) return mix(vec4(0.0), a, greaterThan(b, vec4(0.0)));
  if (MODE == POINTWISE_SCALE) return pc.fa * a;
  if (MODE == POINTWISE_COMBINE) return pc.fa * a + pc.fb * b;
  return a * b;
}

void main() {
  uint id = gl_GlobalInvocationID.x, n4 = pc.n / 4u;
  for (uint i = id; i < n4; i += pc.stride) {
    vec4 a = vec4(a4[i]);
    y4[i] = vc_act4(f(a, UNARY ? a : vec4(b4[i])));
  }
  if (id < (pc.n & 3u)) {
    uint i = 4u * n4 + id;
    float a = float(a1[i]);
    y1[i] = vc_act(f(vec4(a), vec4(UNARY ? a : float(b1[i]))).x);
  }
}
