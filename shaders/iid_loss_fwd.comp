// [IID 3] y[t] = sum_ij P_ij (-log P_ij + lambda log P_i + lambda log P_j) of matrix t, logarithms of max(., d). A
// workgroup takes a matrix: its invocations every IID_LOCAL-th entry, compensated, then pairwise among each other.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "iid.glsl"

layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  float inverse = inverse_sum();
  find_marginals(inverse);
  vc_acc acc = vc_acc(0.0, 0.0);
  for (uint k = gl_LocalInvocationID.x; k < n_entries(); k += IID_LOCAL) {
    uint i = k / pc.c, j = k % pc.c;
    float p = joint(i, j, inverse);
    vc_acc_add(acc, p * (pc.lambda * (safe_log(marginal[i]) + safe_log(marginal[j])) - safe_log(p)));
  }
  float loss = group_sum(vc_acc_value(acc));
  if (gl_LocalInvocationID.x == 0u) y[gl_WorkGroupID.x] = loss;
}
