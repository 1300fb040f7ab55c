// [POOL 1] y[n,c,i,j] = max of x[n,c,2i..2i+1,2j..2j+1]; a NaN in the window wins. x {N,C,2H,2W} → y {N,C,H,W}.
// An invocation takes every stride-th WIDTH channels of an output pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "pool.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_POOL_WIDTH) const uint WIDTH = 1; // 4: C is a multiple of 4, all counts are in fours
layout(binding = 0) readonly buffer X1 { vc_act x1[]; };
layout(binding = 0) readonly buffer X4 { vc_act4 x4[]; };
layout(binding = 1) writeonly buffer Y1 { vc_act y1[]; };
layout(binding = 1) writeonly buffer Y4 { vc_act4 y4[]; };

vec4 load(uint i) { return WIDTH == 4u ? vec4(x4[i]) : vec4(float(x1[i])); }

vec4 larger(vec4 m, vec4 x) { return mix(m, x, bvec4(uvec4(greaterThan(x, m)) | uvec4(isnan(x)))); }

void main() {
  uvec3 radix = uvec3(pc.c, pc.w, ~0u); // of the output: channel, column, row of all samples
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  uint row = 2u * pc.w * pc.c; // of the input
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    uint from = 2u * at.z * row + 2u * at.y * pc.c + at.x;
    vec4 m = load(from);
    m = larger(m, load(from + pc.c));
    m = larger(m, load(from + row));
    m = larger(m, load(from + row + pc.c));
    if (WIDTH == 4u) y4[i] = vc_act4(m);
    else y1[i] = vc_act(m.x);
    at = vc_advance(at, step, radix);
  }
}
