// [POOL 2] + [RELU 2] of a skip connection: gz = gs + gp at the first maximum of each 2x2 window of y, gs at its other
// three places; 0 where y is not above 0. And its sums over the pixels of a row (bias_grad.h, of windows).
// gs {N,pitch,2H,2W}, of which C channels from `first` on; y, gz {N,C,2H,2W}; gp {N,C,H,W}; partial {rows, C}. An
// invocation takes WIDTH channels of one row, window by window, each in row order, compensated.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "bias_grad.h"
#include "sum.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_BIAS_GRAD_WIDTH) const uint WIDTH = 1; // 4: C, pitch and first are multiples of 4
layout(binding = 0) readonly buffer S1 { vc_act s1[]; };
layout(binding = 0) readonly buffer S4 { vc_act4 s4[]; };
layout(binding = 1) readonly buffer Y1 { vc_act y1[]; };
layout(binding = 1) readonly buffer Y4 { vc_act4 y4[]; };
layout(binding = 2) readonly buffer G1 { vc_act g1[]; };
layout(binding = 2) readonly buffer G4 { vc_act4 g4[]; };
layout(binding = 3) writeonly buffer Z1 { vc_act z1[]; };
layout(binding = 3) writeonly buffer Z4 { vc_act4 z4[]; };
layout(binding = 4) writeonly buffer P1 { float partial1[]; };
layout(binding = 4) writeonly buffer P4 { vec4 partial4[]; };
layout(push_constant) uniform Push { vc_bias_grad_push pc; };

#include "skip_grad.glsl"

void main() {
  uint c = pc.c / WIDTH, lanes = pc.group * c, part = gl_GlobalInvocationID.x / lanes;
  if (part >= pc.parts) return;
  uint e = gl_GlobalInvocationID.x - part * lanes, j = e / c, k = e - j * c;
  uint end = min((part + 1u) * pc.chunk, pc.pixels);
  vc_acc4 acc = vc_acc4(vec4(0.0), vec4(0.0));
  for (uint window = part * pc.chunk + j; window < end; window += pc.group) {
    uint row = window / pc.w, corner = 4u * row * pc.w + 2u * (window - row * pc.w);
    vec4 y[4], z[4];
    for (uint i = 0u; i < 4u; i++) {
      uint pixel = corner + (i & 1u) + (i >> 1) * 2u * pc.w;
      y[i] = WIDTH == 4u ? vec4(y4[pixel * c + k]) : vec4(float(y1[pixel * c + k]));
      uint from = (pixel * pc.pitch + pc.first) / WIDTH + k;
      z[i] = WIDTH == 4u ? vec4(s4[from]) : vec4(float(s1[from]));
    }
    skip_gradient(y, WIDTH == 4u ? vec4(g4[window * c + k]) : vec4(float(g1[window * c + k])), z);
    for (uint i = 0u; i < 4u; i++) {
      uint to = (corner + (i & 1u) + (i >> 1) * 2u * pc.w) * c + k;
      if (WIDTH == 4u) z4[to] = vc_act4(z[i]);
      else z1[to] = vc_act(z[i].x);
      vc_acc_add(acc, z[i]);
    }
  }
  if (WIDTH == 4u) partial4[gl_GlobalInvocationID.x] = vc_acc_value(acc);
  else partial1[gl_GlobalInvocationID.x] = vc_acc_value(acc).x;
}
