// y[i] = fa v[i mod k]: one value (k = 1) or one value a channel (k = C) for every pixel; the adjoint of the sums.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "pointwise.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer V { float v[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  uvec3 radix = uvec3(pc.k, ~0u, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    y[i] = pc.fa * v[at.x];
    at = vc_advance(at, step, radix);
  }
}
