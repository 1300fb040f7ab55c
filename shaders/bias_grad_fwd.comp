// [RELU 2] gz = gy where y > 0, else 0 (without MASK: gy), and its sums over the pixels of a row (bias_grad.h).
// gy {N,pitch,H,W}, of which C channels from `first` on; y, gz {N,C,H,W}; partial {rows, C}. An invocation takes WIDTH
// channels of one row, in the order of the pixels, compensated.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "bias_grad.h"
#include "sum.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_BIAS_GRAD_WIDTH) const uint WIDTH = 1; // 4: C, pitch and first are multiples of 4
layout(constant_id = SC_BIAS_GRAD_MASK) const uint MASK = 1;
layout(binding = 0) readonly buffer G1 { vc_act g1[]; };
layout(binding = 0) readonly buffer G4 { vc_act4 g4[]; };
layout(binding = 1) readonly buffer Y1 { vc_act y1[]; };
layout(binding = 1) readonly buffer Y4 { vc_act4 y4[]; };
layout(binding = 2) writeonly buffer Z1 { vc_act z1[]; };
layout(binding = 2) writeonly buffer Z4 { vc_act4 z4[]; };
layout(binding = 3) writeonly buffer P1 { float partial1[]; };
layout(binding = 3) writeonly buffer P4 { vec4 partial4[]; };
layout(push_constant) uniform Push { vc_bias_grad_push pc; };

void main() {
  uint c = pc.c / WIDTH, lanes = pc.group * c, part = gl_GlobalInvocationID.x / lanes;
  if (part >= pc.parts) return;
  uint e = gl_GlobalInvocationID.x - part * lanes, j = e / c, k = e - j * c;
  uint end = min((part + 1u) * pc.chunk, pc.pixels);
  vc_acc4 acc = vc_acc4(vec4(0.0), vec4(0.0));
  for (uint pixel = part * pc.chunk + j; pixel < end; pixel += pc.group) {
    uint from = (pixel * pc.pitch + pc.first) / WIDTH + k, to = pixel * c + k;
    vec4 g = WIDTH == 4u ? vec4(g4[from]) : vec4(float(g1[from]));
    if (MASK != 0u) g = mix(vec4(0.0), g, greaterThan(WIDTH == 4u ? vec4(y4[to]) : vec4(float(y1[to])), vec4(0.0)));
    if (WIDTH == 4u) z4[to] = vc_act4(g);
    else z1[to] = vc_act(g.x);
    vc_acc_add(acc, g);
  }
  if (WIDTH == 4u) partial4[gl_GlobalInvocationID.x] = vc_acc_value(acc);
  else partial1[gl_GlobalInvocationID.x] = vc_acc_value(acc).x;
}
