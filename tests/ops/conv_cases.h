// What cases of convolutions are written with.
#ifndef VULCYTE_TESTS_CONV_CASES_H
#define VULCYTE_TESTS_CONV_CASES_H

#include "support/optest.h"

// x {N,C,H,W}, weights {K,C,R,R}; scaled so that outputs are of order 1.
#define X(n, c, h, w)       \
  {                         \
    .shape = { n, c, h, w } \
  }
#define W(k, c, r) {.shape = {k, c, r, r}, .lo = -0.3, .hi = 0.3}
#define B(k)       {.shape = {1, k, 1, 1}}
#define NONE       {.absent = true}
#define BOTH       3 // linear in x and in w

#endif
