// y at position u = x at position u + offset, digit by digit in (c, x, y, n); places outside x give 0 or, with
// REFLECT, the pixel reflected about the centres of x's border pixels. Crops, slices, their adjoints, and padding are
// all such windows. Elements are moved as they are. An invocation takes every stride-th WIDTH channels of y.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "shape.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_SHAPE_WIDTH) const uint WIDTH = 1; // 4: channel counts and offset are in fours
layout(constant_id = SC_SHAPE_REFLECT) const bool REFLECT = false;
layout(binding = 0) readonly buffer X1 { vc_word x1[]; };
layout(binding = 0) readonly buffer X4 { vc_word4 x4[]; };
layout(binding = 1) writeonly buffer Y1 { vc_word y1[]; };
layout(binding = 1) writeonly buffer Y4 { vc_word4 y4[]; };

int reflected(int i, uint n) {
  uint period = max(2u * (n - 1u), 1u);
  uint m = uint(abs(i)) % period;
  return int(m < n ? m : period - m);
}

void main() {
  uvec3 radix = uvec3(pc.out_c, pc.out_w, pc.out_h);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    ivec4 u = ivec4(at) + ivec4(pc.from_c, pc.from_x, pc.from_y, pc.from_n);
    if (REFLECT) u.yz = ivec2(reflected(u.y, pc.in_w), reflected(u.z, pc.in_h));
    uvec4 v = uvec4(u); // a negative position becomes a large one
    bool inside = v.x < pc.in_c && v.y < pc.in_w && v.z < pc.in_h && v.w < pc.in_n;
    uint from = inside ? ((v.w * pc.in_h + v.z) * pc.in_w + v.y) * pc.in_c + v.x : 0u;
    if (WIDTH == 4u) y4[i] = vc_word4(inside ? uvec4(x4[from]) : uvec4(0u));
    else y1[i] = vc_word(inside ? uint(x1[from]) : 0u);
    at = vc_advance(at, step, radix);
  }
}
