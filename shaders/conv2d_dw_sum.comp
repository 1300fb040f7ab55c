// gw[i] = sum over slabs s of part[s][i], in their order, compensated. One invocation a weight, or with WIDE four. LOADS are
// on their way at once; CPUs need no more than one, and each takes long to compile.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "conv.h"

#ifdef WIDE
#define ELEMENT vec4
#define SUM     vc_acc4
#else
#define ELEMENT float
#define SUM     vc_acc
#endif

layout(local_size_x = CONV_NAIVE_LOCAL) in;
layout(constant_id = SC_CONV_SUM_LOADS) const uint LOADS = 4;
#include "sum.glsl"
layout(binding = 0) readonly buffer P { ELEMENT part[]; };
layout(binding = 1) writeonly buffer W { ELEMENT gw[]; };
layout(push_constant) uniform Push { vc_conv_dw_sum_push p; };

void main() {
  uint i = vc_thread_index(), s = 0;
  if (i >= p.n_items) return;
  SUM sum = SUM(ELEMENT(0.0), ELEMENT(0.0));
  if (LOADS == 4) {
    for (; s + 4 <= p.n_slabs; s += 4) {
      ELEMENT x[4];
      [[unroll]] for (uint j = 0; j < 4; j++) x[j] = part[(s + j) * p.n_items + i];
      [[unroll]] for (uint j = 0; j < 4; j++) vc_acc_add(sum, x[j]);
    }
  }
  for (; s < p.n_slabs; s++) vc_acc_add(sum, part[s * p.n_items + i]);
  gw[i] = vc_acc_value(sum);
}
