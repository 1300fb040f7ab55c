// Packs weights for conv2d_simd: word ((block*pairs + pair)*taps + t)*LANES + lane = {w(t, c, n), w(t, c+1, n)} with c = 2*pair,
// n = block*LANES + lane; zeros where n >= cols. Not paired: one channel a word of 32 bits. One invocation a word.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#include "conv.h"

layout(local_size_x = CONV_NAIVE_LOCAL) in;
layout(constant_id = SC_CONV_LANES) const uint LANES = 8;
layout(constant_id = SC_CONV_PAIRED) const uint PAIRED = 1;

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer In { float v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 8) writeonly buffer Out { uint64_t v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer Out1 { float v[]; };
layout(push_constant) uniform Push {
  In weights;
  Out packed;
  vc_conv_pack_push p;
};

uint place(uint t, uint c, uint n) {
  return p.weights == CONV_WEIGHTS_COLUMN ? (n * p.taps + t) * p.in_c + c : (c * p.taps + p.taps - 1 - t) * p.cols + n;
}

void main() {
  uint i = vc_thread_index();
  if (i >= p.n_words) return;
  uint lane = i % LANES, t = i / LANES % p.taps, pair = i / (LANES * p.taps);
  uint n_pairs = (p.in_c + PAIRED) / (1 + PAIRED), n = pair / n_pairs * LANES + lane, c = pair % n_pairs * (1 + PAIRED);
  uint column = min(n, p.cols - 1);
  float a = weights.v[place(t, c, column)];
  if (n >= p.cols) a = 0.0;
  if (PAIRED == 0) {
    Out1(packed).v[i] = a;
  } else {
    float b = weights.v[place(t, c + 1, column)];
    if (n >= p.cols) b = 0.0;
    packed.v[i] = uint64_t(floatBitsToUint(a)) | uint64_t(floatBitsToUint(b)) << 32;
  }
}
