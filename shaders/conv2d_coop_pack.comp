// Packs weights for conv2d_coop: eight neighbouring terms (tap, channel) of a column as 16-bit floats in one uvec4, at
// [column][chunk of terms]; zeros beyond the last column and term. One invocation a chunk: chunks of a column follow each
// other, or columns of a chunk, as the weights stand in memory.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "conv.h"

layout(local_size_x = CONV_NAIVE_LOCAL) in;
layout(binding = 0) readonly buffer Weights { float w[]; };
layout(binding = 1) writeonly buffer Packed { uvec4 packed[]; };
layout(push_constant) uniform Push { vc_conv_coop_pack_push p; };

// Where w(t, c, n) stands.
uint place(uint t, uint c, uint n) {
  return p.weights == CONV_WEIGHTS_COLUMN ? (n * p.taps + t) * p.in_c + c : (c * p.taps + p.taps - 1 - t) * p.cols + n;
}

void main() {
  uint i = vc_thread_index();
  if (i >= p.chunks * p.columns) return;
  bool by_column = p.weights == CONV_WEIGHTS_COLUMN;
  uint n = by_column ? i / p.chunks : i % p.columns, chunk = by_column ? i % p.chunks : i / p.columns;
  uint t = chunk * 8 / p.in_c, c = chunk * 8 - t * p.in_c;
  uvec4 eight = uvec4(0);
  if (t < p.taps && n < p.cols) {
    for (uint e = 0; e < 4; e++) eight[e] = packHalf2x16(vec2(w[place(t, c + 2 * e, n)], w[place(t, c + 2 * e + 1, n)]));
  }
  packed[n * p.chunks + chunk] = eight;
}
