// [NORM 1] y[n,c,i,j] = (pixel - lo[c]) scale[c], the pixel that of channel c at row top + i, column left + j of window
// n's image, reflected about the centres of its border pixels. y {N,C,h,w}. Workgroup row n makes sample n; an
// invocation takes every stride-th element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "sample.h"
#include "reflect.glsl"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer Pool { uint pool[]; };
layout(binding = 1) readonly buffer Windows { uint windows[]; };
layout(binding = 2) readonly buffer Range { float range[]; }; // lo, scale of each channel
layout(binding = 3) writeonly buffer Y { float y[]; };

// Pixels of 32 >> shift bits, packed from a word's low bits on.
float pixel(uint word, uint i, uint format) {
  uint shift = format == SAMPLE_U8 ? 2u : format == SAMPLE_U16 ? 1u : 0u, bits = 32u >> shift;
  uint v = pool[word + (i >> shift)];
  if (format == SAMPLE_F32) return uintBitsToFloat(v);
  return float(v >> (bits * (i & ((1u << shift) - 1u))) & (0xFFFFFFFFu >> (32u - bits)));
}

void main() {
  uint at_window = SAMPLE_WINDOW_WORDS * gl_WorkGroupID.y, first = gl_WorkGroupID.y * pc.n;
  uint word = windows[at_window + SAMPLE_WORD], format = windows[at_window + SAMPLE_FORMAT];
  uint width = windows[at_window + SAMPLE_WIDTH], height = windows[at_window + SAMPLE_HEIGHT];
  uint channels = windows[at_window + SAMPLE_CHANNELS];
  int left = int(windows[at_window + SAMPLE_LEFT]), top = int(windows[at_window + SAMPLE_TOP]);
  uvec3 radix = uvec3(pc.c, pc.w, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    uint column = vc_reflect(float(left + int(at.y)), width), row = vc_reflect(float(top + int(at.z)), height);
    float v = pixel(word, (row * width + column) * channels + at.x, format);
    y[first + i] = (v - range[2u * at.x]) * range[2u * at.x + 1u];
    at = vc_advance(at, step, radix);
  }
}
