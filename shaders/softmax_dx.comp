// [SOFTMAX 3] gz_c = p_c (g_c - sum_k g_k p_k) from the probabilities p.  [SOFTMAX 4], LOG: gz_c = g_c - exp(q_c)
// sum_k g_k from the log-probabilities q. An invocation takes every stride-th pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "softmax.h"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_SOFTMAX_LOG) const bool LOG = false;
layout(binding = 0) readonly buffer P { float p[]; };
layout(binding = 1) readonly buffer G { float g[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    uint first = i * pc.c;
    float sum = 0.0;
    for (uint c = 0u; c < pc.c; c++) sum += LOG ? g[first + c] : g[first + c] * p[first + c];
    for (uint c = 0u; c < pc.c; c++) {
      float v = p[first + c], gv = g[first + c];
      y[first + c] = LOG ? gv - exp(v) * sum : v * (gv - sum);
    }
  }
}
