// y = 0, as integers: what counts are added to.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "reduce.h"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) writeonly buffer Y { uint y[]; };

void main() {
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.lanes) y[i] = 0u;
}
