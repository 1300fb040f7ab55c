// One joint matrix of [IID 1] per workgroup, as the loss and the gradient's terms need it: normalised, made symmetric,
// with its marginals.
#ifndef VC_SHARED_IID_GLSL
#define VC_SHARED_IID_GLSL
#include "iid.h"
#include "sum.glsl"

layout(local_size_x = IID_LOCAL) in;
layout(binding = 0) readonly buffer S { float sums[]; };
shared float part[IID_LOCAL];
shared float marginal[IID_MAX_CLASSES];

const float FLOOR = 2.2e-16; // under the logarithms

uint n_entries() { return pc.c * pc.c; }
uint first_entry() { return gl_WorkGroupID.x * n_entries(); }

// The sum of v over the workgroup, pairwise, for all of it.
float group_sum(float v) {
  uint id = gl_LocalInvocationID.x;
  barrier();
  part[id] = v;
  for (uint half_count = IID_LOCAL / 2u; half_count > 0u; half_count /= 2u) {
    barrier();
    if (id < half_count) part[id] += part[id + half_count];
  }
  barrier();
  return part[0];
}

// 1 / sum of the matrix, or 0 where no pair of pixels counted: then every entry is 0, the loss and its gradient too.
float inverse_sum() {
  vc_acc acc = vc_acc(0.0, 0.0);
  for (uint k = gl_LocalInvocationID.x; k < n_entries(); k += IID_LOCAL) vc_acc_add(acc, sums[first_entry() + k]);
  float s = group_sum(vc_acc_value(acc));
  return s == 0.0 ? 0.0 : 1.0 / s;
}

// [IID 2] P_ij of the normalised, symmetric matrix.
float joint(uint i, uint j, float inverse) {
  return 0.5 * inverse * (sums[first_entry() + i * pc.c + j] + sums[first_entry() + j * pc.c + i]);
}

// Fills marginal[i] = sum_j P_ij.
void find_marginals(float inverse) {
  uint i = gl_LocalInvocationID.x;
  if (i < pc.c) {
    vc_acc acc = vc_acc(0.0, 0.0);
    for (uint j = 0u; j < pc.c; j++) vc_acc_add(acc, joint(i, j, inverse));
    marginal[i] = vc_acc_value(acc);
  }
  barrier();
}

float safe_log(float v) { return log(max(v, FLOOR)); }

#endif
