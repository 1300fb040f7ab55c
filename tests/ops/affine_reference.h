// What the references of test_affine.c and test_align.c share.
#ifndef VULCYTE_TESTS_AFFINE_REFERENCE_H
#define VULCYTE_TESTS_AFFINE_REFERENCE_H

#include "support/optest.h"

#include <math.h>

enum { MAX_SAMPLES = 3 };

// Attributes of a case: a sampler and a rectangle for each sample, and for the mask a second sampler.
struct affine_case {
  float samplers[MAX_SAMPLES][6], second[MAX_SAMPLES][6], rects[MAX_SAMPLES][4];
};

static inline void make_samplers(vc_rng *rng, optest_array *out, const void *attr) {
  const struct affine_case *a = attr;
  (void)rng;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = a->samplers[i / 6][i % 6];
}

// The position that output pixel (x, y) reads, in float and in the order of the definition: a reading jumps where a
// position crosses an image's edge or a half, so the reference must cross where the kernel does.
static inline void affine_position(const optest_array *samplers, uint32_t n, uint32_t x, uint32_t y, uint32_t w,
                                   uint32_t h, double out[2]) {
  const double *s = samplers->v + 6 * n;
  float centre_x = 0.5f * (float)(w - 1), centre_y = 0.5f * (float)(h - 1);
  float u = (float)x - centre_x, v = (float)y - centre_y;
  float source_x = (float)s[0] * u + (float)s[1] * v + (float)s[2];
  float source_y = (float)s[3] * u + (float)s[4] * v + (float)s[5];
  out[0] = (double)(source_x + centre_x);
  out[1] = (double)(source_y + centre_y);
}

static inline bool affine_inside(const double p[2], uint32_t w, uint32_t h) {
  return p[0] >= -0.5 && p[0] < w - 0.5 && p[1] >= -0.5 && p[1] < h - 0.5;
}

static inline uint32_t reflected(int64_t i, uint32_t n) {
  if (n == 1) return 0;
  for (;;) {
    if (i < 0) i = -i;
    if (i < n) return (uint32_t)i;
    i = 2 * ((int64_t)n - 1) - i;
  }
}

// The four taps of a bilinear reading at p.
struct affine_taps {
  uint32_t x[4], y[4];
  double weight[4];
};
static inline struct affine_taps affine_taps(const double p[2], uint32_t w, uint32_t h) {
  struct affine_taps t;
  double left = floor(p[0]), top = floor(p[1]);
  for (int k = 0; k < 4; k++) {
    int right = k & 1, below = k >> 1;
    t.x[k] = reflected((int64_t)left + right, w);
    t.y[k] = reflected((int64_t)top + below, h);
    t.weight[k] = (right ? p[0] - left : 1 - (p[0] - left)) * (below ? p[1] - top : 1 - (p[1] - top));
  }
  return t;
}

#endif
