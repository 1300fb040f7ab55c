// [DROP 1] y[i] = x[i] scale where word i mod 4 of Philox(key; F + i / 4, 0, 0, 0) >= threshold, else 0; i counts
// elements in memory order, F is first_group. Linear in x, so it is its own adjoint. An invocation takes every stride-th group of four
// elements.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "dropout.h"
#include "philox.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer X1 { vc_act x1[]; };
layout(binding = 0) readonly buffer X4 { vc_act4 x4[]; };
layout(binding = 1) readonly buffer K { uint key[]; };
layout(binding = 2) writeonly buffer Y1 { vc_act y1[]; };
layout(binding = 2) writeonly buffer Y4 { vc_act4 y4[]; };

bvec4 kept(uint group) {
  return greaterThanEqual(vc_philox(uvec2(key[0], key[1]), uvec4(pc.first_group + group, 0u, 0u, 0u)), uvec4(pc.threshold));
}

void main() {
  uint id = gl_GlobalInvocationID.x, n4 = pc.n / 4u;
  for (uint i = id; i < n4; i += pc.stride) y4[i] = vc_act4(mix(vec4(0.0), pc.scale * vec4(x4[i]), kept(i)));
  if (id < (pc.n & 3u)) {
    uint i = 4u * n4 + id;
    y1[i] = vc_act(kept(n4)[id] ? pc.scale * float(x1[i]) : 0.0);
  }
}
