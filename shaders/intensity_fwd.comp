// [AUG 1..8] y = the operation of each sample applied to x {N,C,H,W}, clamped to [0, 1]; the statistics that some need
// stand in table[n][c][BINS]. Other op numbers copy. Workgroup row n makes sample n; an invocation takes every
// stride-th element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "intensity.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Ops { uint ops[]; };
layout(binding = 2) readonly buffer Table { float table[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };
#include "grey.glsl"

// 3x3 mean of weights 1, 5 at the centre; the image's border is copied.
float smoothed(uint at, uint column, uint row) {
  if (column == 0u || row == 0u || column + 1u >= pc.w || row + 1u >= pc.h) return x[at];
  uint line = pc.w * pc.c;
  float above = x[at - line - pc.c] + x[at - line] + x[at - line + pc.c];
  float below = x[at + line - pc.c] + x[at + line] + x[at + line + pc.c];
  return (above + (x[at - pc.c] + 5.0 * x[at] + x[at + pc.c]) + below) / 13.0;
}

float equalized(float v, uint map) {
  if (table[map] < 0.0) return v;
  float level = 255.0 * clamp(v, 0.0, 1.0), low = floor(level);
  uint b = min(uint(low), 255u);
  float from = table[map + b], to = table[map + min(b + 1u, 255u)];
  return from + (level - low) * (to - from);
}

void main() {
  uint n = gl_WorkGroupID.y, op = ops[2u * n], count = pc.pixels * pc.c, first = n * count;
  float magnitude = uintBitsToFloat(ops[2u * n + 1u]);
  uvec3 radix = uvec3(pc.c, pc.w, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < count; i += pc.stride) {
    uint from = first + i, map = (n * pc.c + at.x) * INTENSITY_BINS;
    float v = x[from];
    bool changed = true;
    if (op == INTENSITY_AUTOCONTRAST) {
      float low = table[map], high = table[map + 1u];
      if (high > low) v = (v - low) / (high - low);
    } else if (op == INTENSITY_INVERT) {
      v = 1.0 - v;
    } else if (op == INTENSITY_EQUALIZE) {
      v = equalized(v, map);
    } else if (op == INTENSITY_SOLARIZE) {
      if (v >= magnitude) v = 1.0 - v;
    } else if (op == INTENSITY_CONTRAST) {
      float degenerate = table[n * pc.c * INTENSITY_BINS];
      v = degenerate + magnitude * (v - degenerate);
    } else if (op == INTENSITY_COLOR) {
      float degenerate = grey(from - at.x);
      v = degenerate + magnitude * (v - degenerate);
    } else if (op == INTENSITY_BRIGHTNESS) {
      v = magnitude * v;
    } else if (op == INTENSITY_SHARPNESS) {
      float degenerate = smoothed(from, at.y, at.z);
      v = degenerate + magnitude * (v - degenerate);
    } else {
      changed = false;
    }
    y[from] = changed ? clamp(v, 0.0, 1.0) : v;
    at = vc_advance(at, step, radix);
  }
}
