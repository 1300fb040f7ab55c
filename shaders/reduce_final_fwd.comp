// Second pass of all sums: y[c] = factor * sum_r x[r][c], its square root with ROOT. A workgroup takes `columns`
// columns; the invocations of a column add every (REDUCE_LOCAL / columns)-th row, compensated, then pairwise among
// each other: SUBGROUPS, for full subgroups, in registers as soon as one holds all that is left. The pairs are the same.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_shuffle_relative : require
#endif
#include "reduce.h"
#include "sum.glsl"

layout(local_size_x = REDUCE_LOCAL) in;
layout(constant_id = SC_REDUCE_ROOT) const bool ROOT = false;
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };
shared float part[REDUCE_LOCAL];

void main() {
#ifdef SUBGROUPS
  const uint id = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID, together = gl_SubgroupSize;
#else
  const uint id = gl_LocalInvocationID.x, together = 1u;
#endif
  uint rows = REDUCE_LOCAL / pc.columns;
  uint c = gl_WorkGroupID.x * pc.columns + id % pc.columns;
  vc_acc acc = vc_acc(0.0, 0.0);
  if (c < pc.n_columns) {
    uint r = id / pc.columns;
    for (; r + 3u * rows < pc.n_rows; r += 4u * rows) { // four loads on their way at once
      float v[4];
      for (uint j = 0u; j < 4u; j++) v[j] = x[(r + j * rows) * pc.n_columns + c];
      for (uint j = 0u; j < 4u; j++) vc_acc_add(acc, v[j]);
    }
    for (; r < pc.n_rows; r += rows) vc_acc_add(acc, x[r * pc.n_columns + c]);
  }
  part[id] = vc_acc_value(acc);
  uint half_count = REDUCE_LOCAL / 2u;
  // Unrolled, with a barrier in each turn, it takes llvmpipe several times as long to compile.
  [[dont_unroll]] for (; half_count >= max(pc.columns, together); half_count /= 2u) {
    barrier();
    if (id < half_count) part[id] += part[id + half_count];
  }
#ifdef SUBGROUPS
  barrier();
  float v = part[id];
  for (; half_count >= pc.columns; half_count /= 2u) v += subgroupShuffleDown(v, half_count);
#else
  float v = part[id];
#endif
  if (id < pc.columns && c < pc.n_columns) {
    v *= pc.factor;
    y[c] = ROOT ? sqrt(v) : v;
  }
}
