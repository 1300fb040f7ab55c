// [POOL 2] gx = gy at the first maximum of each 2x2 window in row order, 0 at its other three places. The maximum is
// found again from x. x, gx {N,C,2H,2W}, gy {N,C,H,W}. An invocation takes every stride-th WIDTH channels of a
// window.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "pool.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_POOL_WIDTH) const uint WIDTH = 1; // 4: C is a multiple of 4, all counts are in fours
layout(binding = 0) readonly buffer X1 { vc_act x1[]; };
layout(binding = 0) readonly buffer X4 { vc_act4 x4[]; };
layout(binding = 1) readonly buffer G1 { vc_act g1[]; };
layout(binding = 1) readonly buffer G4 { vc_act4 g4[]; };
layout(binding = 2) writeonly buffer Y1 { vc_act y1[]; };
layout(binding = 2) writeonly buffer Y4 { vc_act4 y4[]; };

vec4 load(uint i) { return WIDTH == 4u ? vec4(x4[i]) : vec4(float(x1[i])); }

void compare(inout vec4 m, inout uvec4 place, vec4 x, uint k) {
  bvec4 take = bvec4(uvec4(greaterThan(x, m)) | uvec4(isnan(x)));
  m = mix(m, x, take);
  place = mix(place, uvec4(k), take);
}

void store(uint i, vec4 g, uvec4 place, uint k) {
  vec4 v = mix(vec4(0.0), g, equal(place, uvec4(k)));
  if (WIDTH == 4u) y4[i] = vc_act4(v);
  else y1[i] = vc_act(v.x);
}

void main() {
  uvec3 radix = uvec3(pc.c, pc.w, ~0u); // of gy: channel, column, row of all samples
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  uint row = 2u * pc.w * pc.c; // of x
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    uint from = 2u * at.z * row + 2u * at.y * pc.c + at.x;
    vec4 m = load(from);
    uvec4 place = uvec4(0u);
    compare(m, place, load(from + pc.c), 1u);
    compare(m, place, load(from + row), 2u);
    compare(m, place, load(from + row + pc.c), 3u);
    vec4 g = WIDTH == 4u ? vec4(g4[i]) : vec4(float(g1[i]));
    store(from, g, place, 0u);
    store(from + pc.c, g, place, 1u);
    store(from + row, g, place, 2u);
    store(from + row + pc.c, g, place, 3u);
    at = vc_advance(at, step, radix);
  }
}
