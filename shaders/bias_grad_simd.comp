// bias_grad_fwd for SIMD CPUs: the same sums in the same order. A workgroup takes one part and a block of channels: a
// step is BIAS_GRAD_STEP elements, of `group` pixels or of one.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_control_flow_attributes : require
#include "act.glsl"
#include "bias_grad.h"
#include "pairs.glsl"
#include "sum.glsl"

layout(local_size_x_id = SC_BIAS_GRAD_LANES) in;
layout(constant_id = SC_BIAS_GRAD_LANES) const uint LANES = 8;
layout(constant_id = SC_BIAS_GRAD_MASK) const uint MASK = 1;
layout(push_constant) uniform Push {
  In gy;
  In y;
  Out gz;
  Sums partial;
  vc_bias_grad_push p;
};

const uint PAIRS = BIAS_GRAD_STEP / (2 * LANES); // of a lane; an even number

void main() {
  const uint group = vc_group_index(), part = group / p.blocks, block = group - part * p.blocks;
  if (part >= p.parts) return;
  const uint first = part * p.chunk, end = min(first + p.chunk, p.pixels);
  uint64_t from[PAIRS], at[PAIRS];
  [[unroll]] for (uint k = 0; k < PAIRS; k++) {
    uint e = 2 * (gl_LocalInvocationIndex + LANES * k), j = p.blocks > 1 ? 0 : e / p.c;
    uint channel = block * BIAS_GRAD_STEP + e - j * p.c, pixel = first + j;
    from[k] = uint64_t(gy) + (uint64_t(pixel) * p.pitch + p.first + channel) * VC_ACT_BYTES;
    at[k] = (uint64_t(pixel) * p.c + channel) * VC_ACT_BYTES;
  }
  vc_acc4 acc[PAIRS / 2];
  [[unroll]] for (uint k = 0; k < PAIRS / 2; k++) acc[k] = vc_acc4(vec4(0.0), vec4(0.0));
  for (uint pixel = first; pixel < end; pixel += p.group) {
    vec4 g[PAIRS / 2];
    [[unroll]] for (uint k = 0; k < PAIRS / 2; k++) {
      g[k] = vc_load_pairs(from[2 * k], from[2 * k + 1]);
      if (MASK != 0) {
        vec4 gate = vc_load_pairs(uint64_t(y) + at[2 * k], uint64_t(y) + at[2 * k + 1]);
        g[k] = mix(vec4(0.0), g[k], greaterThan(gate, vec4(0.0)));
      }
    }
    [[unroll]] for (uint k = 0; k < PAIRS / 2; k++) {
      vc_store_pairs(uint64_t(gz) + at[2 * k], uint64_t(gz) + at[2 * k + 1], g[k]);
      vc_acc_add(acc[k], g[k]);
    }
    [[unroll]] for (uint k = 0; k < PAIRS; k++) {
      from[k] += VC_ACT_BYTES * p.group * p.pitch;
      at[k] += VC_ACT_BYTES * p.group * p.c;
    }
  }
  const uint64_t sums = uint64_t(partial) + (part * p.blocks + block) * (BIAS_GRAD_STEP * 4) + 8 * gl_LocalInvocationIndex;
  [[unroll]] for (uint k = 0; k < PAIRS; k++) {
    vec4 both = vc_acc_value(acc[k / 2]);
    Sums(sums + 8 * LANES * k).v = k % 2 == 0 ? both.xy : both.zw;
  }
}
