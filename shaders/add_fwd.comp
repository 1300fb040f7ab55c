// y = a + b, elementwise. A workgroup takes 256 groups of four elements; the first invocations take the n mod 4 left over.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "vc.h"

layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer A1 { vc_act a1[]; };
layout(binding = 0) readonly buffer A4 { vc_act4 a4[]; };
layout(binding = 1) readonly buffer B1 { vc_act b1[]; };
layout(binding = 1) readonly buffer B4 { vc_act4 b4[]; };
layout(binding = 2) writeonly buffer Y1 { vc_act y1[]; };
layout(binding = 2) writeonly buffer Y4 { vc_act4 y4[]; };
layout(push_constant) uniform Push { uint n; } pc;

void main() {
  uint n4 = pc.n / 4u, lane = gl_LocalInvocationID.x, first = vc_group_index() * 256u + lane;
  uint end = min(first - lane + 256u, n4); // a bound that is not constant: unrolled, the loop takes long to compile
  for (uint i = first; i < end; i += 64u) y4[i] = vc_act4(vec4(a4[i]) + vec4(b4[i]));
  if (first < (pc.n & 3u)) {
    uint i = 4u * n4 + lane;
    y1[i] = vc_act(float(a1[i]) + float(b1[i]));
  }
}
