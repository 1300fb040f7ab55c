// [SOFTMAX 1] p_c = exp(z_c - m) / sum_k exp(z_k - m), m = max_k z_k.  [SOFTMAX 2], LOG: log p_c, without the quotient.
// Over the channels of a pixel, in their order. An invocation takes every stride-th pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "softmax.h"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_SOFTMAX_LOG) const bool LOG = false;
layout(binding = 0) readonly buffer Z { float z[]; };
layout(binding = 1) writeonly buffer P { float p[]; };

void main() {
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    uint first = i * pc.c;
    float m = z[first], sum = 0.0;
    for (uint c = 1u; c < pc.c; c++) m = max(m, z[first + c]);
    for (uint c = 0u; c < pc.c; c++) sum += exp(z[first + c] - m);
    float log_sum = LOG ? log(sum) : 0.0;
    for (uint c = 0u; c < pc.c; c++) {
      float d = z[first + c] - m;
      p[first + c] = LOG ? d - log_sum : exp(d) / sum;
    }
  }
}
