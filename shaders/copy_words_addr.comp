#version 460
// copy_words with its buffers by address: dst[i] = src[i] for n_words words, four an invocation.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference : require
#include "copy_words.h"

layout(local_size_x = 64) in;
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Src { uvec4 at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) writeonly buffer Dst { uvec4 at[]; };
layout(push_constant) uniform Push {
  Src src;
  Dst dst;
  vc_copy_words_push p;
};

void main() {
  const uint i = vc_thread_index();
  if (i < p.n_words / VC_COPY_WORDS_EACH) {
    dst.at[i] = src.at[i];
  } else if (i == p.n_words / VC_COPY_WORDS_EACH) {
    for (uint k = 0; k < p.n_words % VC_COPY_WORDS_EACH; k++) dst.at[i][k] = src.at[i][k];
  }
}
