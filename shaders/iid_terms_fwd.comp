// [IID 4] y_ij = gradient factor (W_ij - sum_kl W_kl P_kl) / sum of the matrix: the gradient to each product a_i b_j
// that it was summed from. W_ij = lambda (g(P_i) + g(P_j)) - g(P_ij), g(v) = log max(v, d) + [v >= d]. A workgroup
// takes a matrix.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "iid.glsl"

layout(binding = 1) readonly buffer G { float grad[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

float g(float v) { return safe_log(v) + (v >= FLOOR ? 1.0 : 0.0); }

float weight(uint k, float inverse) {
  uint i = k / pc.c, j = k % pc.c;
  return pc.lambda * (g(marginal[i]) + g(marginal[j])) - g(joint(i, j, inverse));
}

void main() {
  float inverse = inverse_sum();
  find_marginals(inverse);
  vc_acc acc = vc_acc(0.0, 0.0);
  for (uint k = gl_LocalInvocationID.x; k < n_entries(); k += IID_LOCAL)
    vc_acc_add(acc, weight(k, inverse) * joint(k / pc.c, k % pc.c, inverse));
  float mean = group_sum(vc_acc_value(acc)), scale = grad[0] * pc.factor * inverse;
  for (uint k = gl_LocalInvocationID.x; k < n_entries(); k += IID_LOCAL)
    y[first_entry() + k] = scale * (weight(k, inverse) - mean);
}
