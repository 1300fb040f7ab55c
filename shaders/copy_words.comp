#version 460
// dst[i] = src[i] for n_words words. One invocation copies four neighbouring words; the last one those that are left.
#extension GL_GOOGLE_include_directive : require
#include "copy_words.h"

layout(local_size_x = 64) in;
layout(binding = 0, std430) readonly buffer Src { uvec4 src[]; };
layout(binding = 1, std430) writeonly buffer Dst { uvec4 dst[]; };
layout(push_constant) uniform Push { vc_copy_words_push p; };

void main() {
  const uint i = vc_thread_index();
  if (i < p.n_words / VC_COPY_WORDS_EACH) {
    dst[i] = src[i];
  } else if (i == p.n_words / VC_COPY_WORDS_EACH) {
    for (uint k = 0; k < p.n_words % VC_COPY_WORDS_EACH; k++) dst[i][k] = src[i][k];
  }
}
