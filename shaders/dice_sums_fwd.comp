// [DICE 1] First pass: per class c, partial sums over counted pixels of p_c g_c, of p_c² (SUM: p_c) and of g_c, g
// one-hot of the labels; a pixel counts when its label is a class. Row r = i / C of the result holds those of class c
// = i mod C at c, C + c, 2C + c. Invocation i takes the pixels r, r + rows, ...; sums are compensated.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "dice.h"
#include "sum.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_DICE_SUM) const bool SUM = false;
layout(binding = 0) readonly buffer P { float p[]; };
layout(binding = 1) readonly buffer L { uint labels[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  uint row = gl_GlobalInvocationID.x / pc.c, c = gl_GlobalInvocationID.x % pc.c;
  if (row >= pc.rows) return;
  vc_acc both = vc_acc(0.0, 0.0), size = vc_acc(0.0, 0.0);
  uint count = 0u;
  for (uint i = row; i < pc.pixels; i += pc.rows) {
    uint label = labels[i];
    if (label >= pc.c) continue;
    float v = p[i * pc.c + c];
    vc_acc_add(size, SUM ? v : v * v);
    if (label == c) {
      vc_acc_add(both, v);
      count++;
    }
  }
  uint at = 3u * row * pc.c + c;
  y[at] = vc_acc_value(both);
  y[at + pc.c] = vc_acc_value(size);
  y[at + 2u * pc.c] = float(count);
}
