// All n words of y = bits. A workgroup takes 256 groups of four words; the first invocations take the n mod 4 left over.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "vc.h"

layout(local_size_x = 64) in;
layout(binding = 0) writeonly buffer Y1 { uint y1[]; };
layout(binding = 0) writeonly buffer Y4 { uvec4 y4[]; };
layout(push_constant) uniform Push { uint n, bits; } pc;

void main() {
  uint n4 = pc.n / 4u, lane = gl_LocalInvocationID.x, first = vc_group_index() * 256u + lane;
  uint end = min(first - lane + 256u, n4); // a bound that is not constant: unrolled, the loop takes long to compile
  for (uint i = first; i < end; i += 64u) y4[i] = uvec4(pc.bits);
  if (first < (pc.n & 3u)) y1[4u * n4 + lane] = pc.bits;
}
