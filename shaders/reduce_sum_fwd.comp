// First pass of the sums: invocation i of `lanes` adds every lanes-th group of WIDTH elements from i on, compensated,
// and writes its sums at i. When lanes * WIDTH is a multiple of C, each sum stays within one channel. SQUARES: of x².
#version 450
#extension GL_GOOGLE_include_directive : require
#include "act.glsl"
#include "reduce.h"
#include "sum.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_REDUCE_WIDTH) const uint WIDTH = 1; // 4: the n mod 4 last elements go to the first invocations
layout(constant_id = SC_REDUCE_SQUARES) const bool SQUARES = false;
layout(binding = 0) readonly buffer X1 { vc_act x1[]; };
layout(binding = 0) readonly buffer X4 { vc_act4 x4[]; };
layout(binding = 1) writeonly buffer Y1 { float y1[]; };
layout(binding = 1) writeonly buffer Y4 { vec4 y4[]; };

void main() {
  uint id = gl_GlobalInvocationID.x, n = pc.n / WIDTH;
  if (id >= pc.lanes) return;
  if (WIDTH == 4u) {
    vc_acc4 acc = vc_acc4(vec4(0.0), vec4(0.0));
    for (uint i = id; i < n; i += pc.lanes) {
      vec4 x = vec4(x4[i]);
      vc_acc_add(acc, SQUARES ? x * x : x);
    }
    for (uint i = 4u * n + id; i < pc.n; i += pc.lanes) {
      float x = float(x1[i]);
      vc_acc_add(acc, vec4(SQUARES ? x * x : x, 0.0, 0.0, 0.0));
    }
    y4[id] = vc_acc_value(acc);
  } else {
    vc_acc acc = vc_acc(0.0, 0.0);
    for (uint i = id; i < n; i += pc.lanes) {
      float x = float(x1[i]);
      vc_acc_add(acc, SQUARES ? x * x : x);
    }
    y1[id] = vc_acc_value(acc);
  }
}
