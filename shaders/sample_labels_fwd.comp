// y[n,0,i,j] = the byte at row top + i, column left + j of window n's class map; IGNORE outside the map and where the
// byte says so. y {N,1,h,w}. Workgroup row n makes sample n; an invocation takes every stride-th pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "sample.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer Pool { uint pool[]; };
layout(binding = 1) readonly buffer Windows { uint windows[]; };
layout(binding = 2) writeonly buffer Y { uint y[]; };

void main() {
  uint at_window = SAMPLE_WINDOW_WORDS * gl_WorkGroupID.y, first = gl_WorkGroupID.y * pc.n;
  uint word = windows[at_window + SAMPLE_WORD];
  uint width = windows[at_window + SAMPLE_WIDTH], height = windows[at_window + SAMPLE_HEIGHT];
  uint left = windows[at_window + SAMPLE_LEFT], top = windows[at_window + SAMPLE_TOP];
  uvec3 radix = uvec3(pc.w, ~0u, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    uint column = left + at.x, row = top + at.y; // a negative one becomes a large one
    uint label = SAMPLE_IGNORE;
    if (column < width && row < height) {
      uint from = row * width + column;
      label = pool[word + (from >> 2u)] >> (8u * (from & 3u)) & 255u;
      if (label == SAMPLE_IGNORE_U8) label = SAMPLE_IGNORE;
    }
    y[first + i] = label;
    at = vc_advance(at, step, radix);
  }
}
