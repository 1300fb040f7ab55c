// Packs weights for conv2d_simd: word (((block*SPAN + b)*pairs + pair)*taps + t)*LANES + lane = {w(t, c, n), w(t, c+1, n)} with
// c = 2*pair, n = (block*LANES + lane)*SPAN + b; zeros where n >= cols. Not paired: one channel a word of 32 bits.
// One invocation takes all taps of a run of pairs for a lane: neighbouring channels stand in one cache line.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#include "conv.h"

layout(local_size_x = CONV_NAIVE_LOCAL) in;
layout(constant_id = SC_CONV_LANES) const uint LANES = 8;
layout(constant_id = SC_CONV_PAIRED) const uint PAIRED = 1;
layout(constant_id = SC_CONV_SPAN) const uint SPAN = 1;

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer In { float v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 8) writeonly buffer Out { uint64_t v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer Out1 { float v[]; };
layout(push_constant) uniform Push {
  In weights;
  Out packed;
  vc_conv_pack_push p;
};

// Where w(t, c, n) stands.
uint place(uint t, uint c, uint n) {
  return p.weights == CONV_WEIGHTS_COLUMN ? (n * p.taps + t) * p.in_c + c : (c * p.taps + p.taps - 1 - t) * p.cols + n;
}

void main() {
  uint i = vc_thread_index();
  if (i >= p.n_items) return;
  uint n_pairs = p.in_c / (1 + PAIRED), runs = (n_pairs + CONV_PACK_RUN - 1) / CONV_PACK_RUN;
  uint lane = i % LANES, block = i / LANES / runs, first = (i / LANES - block * runs) * CONV_PACK_RUN;
  uint n = (block / SPAN * LANES + lane) * SPAN + block % SPAN, column = min(n, p.cols - 1);
  uint end = min(first + CONV_PACK_RUN, n_pairs), next = place(0, 1, column) - place(0, 0, column);
  for (uint t = 0; t < p.taps; t++) {
    uint from = place(t, first * (1 + PAIRED), column), to = ((block * n_pairs + first) * p.taps + t) * LANES + lane;
    for (uint pair = first; pair < end; pair++) {
      if (PAIRED == 0) {
        float a = weights.v[from];
        Out1(packed).v[to] = n < p.cols ? a : 0.0;
      } else {
        uint a = floatBitsToUint(weights.v[from]), b = floatBitsToUint(weights.v[from + next]);
        packed.v[to] = n < p.cols ? uint64_t(a) | uint64_t(b) << 32 : 0;
      }
      from += next * (1 + PAIRED);
      to += p.taps * LANES;
    }
  }
}
