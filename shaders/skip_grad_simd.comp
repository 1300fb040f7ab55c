// skip_grad_fwd for SIMD CPUs: the same sums in the same order. A workgroup takes one part and a block of channels: a
// step is BIAS_GRAD_STEP elements of the pooled tensor, of `group` windows of one row or of one window.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_control_flow_attributes : require
#include "act.glsl"
#include "bias_grad.h"
#include "pairs.glsl"
#include "skip_grad.glsl"
#include "sum.glsl"

layout(local_size_x_id = SC_BIAS_GRAD_LANES) in;
layout(constant_id = SC_BIAS_GRAD_LANES) const uint LANES = 8;
layout(push_constant) uniform Push {
  In gs;
  In y;
  In gp;
  Out gz;
  Sums partial;
  vc_bias_grad_push p;
};

const uint PAIRS = BIAS_GRAD_STEP / (2 * LANES); // of a lane; an even number

void main() {
  const uint group = vc_group_index(), part = group / p.blocks, block = group - part * p.blocks;
  if (part >= p.parts) return;
  const uint first = part * p.chunk, end = min(first + p.chunk, p.pixels);
  uint row = first / p.w, column = first - row * p.w;
  uint channel[PAIRS], shift[PAIRS]; // of a pair: its channel, and its window behind the step's first
  [[unroll]] for (uint k = 0; k < PAIRS; k++) {
    uint e = 2 * (gl_LocalInvocationIndex + LANES * k);
    shift[k] = p.blocks > 1 ? 0 : e / p.c;
    channel[k] = block * BIAS_GRAD_STEP + e - shift[k] * p.c;
  }
  vc_acc4 acc[PAIRS / 2];
  [[unroll]] for (uint k = 0; k < PAIRS / 2; k++) acc[k] = vc_acc4(vec4(0.0), vec4(0.0));
  for (uint window = first; window < end; window += p.group) {
    const uint corner = 4 * row * p.w + 2 * column;
    [[unroll]] for (uint k = 0; k < PAIRS / 2; k++) {
      uint64_t at[2], from[2], pooled[2];
      [[unroll]] for (uint h = 0; h < 2; h++) {
        uint pixel = corner + 2 * shift[2 * k + h];
        at[h] = (uint64_t(pixel) * p.c + channel[2 * k + h]) * VC_ACT_BYTES;
        from[h] = uint64_t(gs) + (uint64_t(pixel) * p.pitch + p.first + channel[2 * k + h]) * VC_ACT_BYTES;
        pooled[h] = uint64_t(gp) + (uint64_t(window + shift[2 * k + h]) * p.c + channel[2 * k + h]) * VC_ACT_BYTES;
      }
      vec4 gate[4], z[4];
      [[unroll]] for (uint i = 0; i < 4; i++) {
        uint64_t pixel = (i & 1) + (i >> 1) * 2 * p.w;
        gate[i] = vc_load_pairs(uint64_t(y) + at[0] + pixel * p.c * VC_ACT_BYTES, uint64_t(y) + at[1] + pixel * p.c * VC_ACT_BYTES);
        z[i] = vc_load_pairs(from[0] + pixel * p.pitch * VC_ACT_BYTES, from[1] + pixel * p.pitch * VC_ACT_BYTES);
      }
      skip_gradient(gate, vc_load_pairs(pooled[0], pooled[1]), z);
      [[unroll]] for (uint i = 0; i < 4; i++) {
        uint64_t pixel = (i & 1) + (i >> 1) * 2 * p.w;
        vc_store_pairs(uint64_t(gz) + at[0] + pixel * p.c * VC_ACT_BYTES, uint64_t(gz) + at[1] + pixel * p.c * VC_ACT_BYTES, z[i]);
        vc_acc_add(acc[k], z[i]);
      }
    }
    column += p.group;
    if (column == p.w) {
      column = 0;
      row++;
    }
  }
  const uint64_t sums = uint64_t(partial) + (part * p.blocks + block) * (BIAS_GRAD_STEP * 4) + 8 * gl_LocalInvocationIndex;
  [[unroll]] for (uint k = 0; k < PAIRS; k++) {
    vec4 both = vc_acc_value(acc[k / 2]);
    Sums(sums + 8 * LANES * k).v = k % 2 == 0 ? both.xy : both.zw;
  }
}
