// y[i] = x[i - offset] for offset <= i < offset + count, else 0: n words, of which x fills a range. The adjoint of a view;
// with offset 0 and count = n a copy. A workgroup takes 1024 words.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "vc.h"

layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer X { uint x[]; };
layout(binding = 1) writeonly buffer Y { uint y[]; };
layout(push_constant) uniform Push { uint n, offset, count; } pc;

void main() {
  uint first = vc_group_index() * 1024u + gl_LocalInvocationID.x;
  uint end = min(first - gl_LocalInvocationID.x + 1024u, pc.n); // not constant: unrolled, the loop takes long to compile
  for (uint i = first; i < end; i += 64u) {
    uint from = i - pc.offset; // wraps around below offset
    y[i] = from < pc.count ? x[from] : 0u;
  }
}
