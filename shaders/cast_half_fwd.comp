// y = x in 16-bit floats, to the nearest or towards zero as the device rounds; cast_float_fwd: 16-bit x in 32 bits, exact.
// A workgroup takes 256 groups of four elements; the first invocations take the n mod 4 left over.
#version 450
#extension GL_GOOGLE_include_directive : require
#define VC_HALF
#include "act.glsl"
#include "vc.h"

#ifdef TO_FLOAT
#define FROM  vc_act
#define FROM4 vc_act4
#define TO    float
#define TO4   vec4
#else
#define FROM  float
#define FROM4 vec4
#define TO    vc_act
#define TO4   vc_act4
#endif

layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer X1 { FROM x1[]; };
layout(binding = 0) readonly buffer X4 { FROM4 x4[]; };
layout(binding = 1) writeonly buffer Y1 { TO y1[]; };
layout(binding = 1) writeonly buffer Y4 { TO4 y4[]; };
layout(push_constant) uniform Push { uint n; } pc;

void main() {
  uint n4 = pc.n / 4u, lane = gl_LocalInvocationID.x, first = vc_group_index() * 256u + lane;
  uint end = min(first - lane + 256u, n4); // a bound that is not constant: unrolled, the loop takes long to compile
  for (uint i = first; i < end; i += 64u) y4[i] = TO4(x4[i]);
  if (first < (pc.n & 3u)) {
    uint i = 4u * n4 + lane;
    y1[i] = TO(x1[i]);
  }
}
