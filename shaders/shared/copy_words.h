// copy_words: dst[i] = src[i] for i in [0, n_words).
#ifndef VC_SHARED_COPY_WORDS_H
#define VC_SHARED_COPY_WORDS_H

#include "vc.h"

// Words that one invocation copies.
#define VC_COPY_WORDS_EACH 4u

VC_STRUCT(vc_copy_words_push) {
  VC_UINT n_words;
};

#endif
