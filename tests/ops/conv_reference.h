// The definition of a convolution in double, and its builder, for the tests of convolutions.
#ifndef VULCYTE_TESTS_CONV_REFERENCE_H
#define VULCYTE_TESTS_CONV_REFERENCE_H

#include "support/optest.h"

#include <vulcyte/ops.h>

struct conv_attr {
  enum vc_padding padding;
  bool relu;
  struct vc_shape x_shape; // of the input gradient
  uint32_t side;           // of the weight gradient
};

// Visits every product w[k,c,r,s] x[n,c,y,x] that counts in output (n,k,i,j).
typedef void (*visit_product)(double *x, double *w, double *y);
static inline void visit(const optest_array *x, const optest_array *w, const optest_array *y, enum vc_padding padding,
                         visit_product fn) {
  uint32_t side = w->shape.h, o = padding == VC_PAD_SAME ? (side - 1) / 2 : 0;
  for (uint32_t n = 0; n < y->shape.n; n++) {
    for (uint32_t i = 0; i < y->shape.h; i++) {
      for (uint32_t j = 0; j < y->shape.w; j++) {
        for (uint32_t tap = 0; tap < side * side; tap++) {
          uint32_t r = tap / side, s = tap % side, u = i + r - o, v = j + s - o;
          if (u >= x->shape.h || v >= x->shape.w) continue;
          for (uint32_t k = 0; k < y->shape.c; k++) {
            for (uint32_t c = 0; c < x->shape.c; c++) {
              fn(optest_at(x, n, c, u, v), optest_at(w, k, c, r, s), optest_at(y, n, k, i, j));
            }
          }
        }
      }
    }
  }
}

static inline void to_y(double *x, double *w, double *y) {
  *y += *x * *w;
}
static inline void to_x(double *x, double *w, double *y) {
  *x += *y * *w;
}
static inline void to_w(double *x, double *w, double *y) {
  *w += *x * *y;
}

static inline vc_tensor *build_conv(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct conv_attr *a = attr;
  return vc_conv2d(g, in[0], in[1], in[2], (struct vc_conv2d_desc){.padding = a->padding, .relu = a->relu});
}

static inline void reference_conv(optest_array *const *in, optest_array *out, const void *attr) {
  const struct conv_attr *a = attr;
  visit(in[0], in[1], out, a->padding, to_y);
  for (uint64_t i = 0; i < out->count; i++) {
    if (in[2]) out->v[i] += in[2]->v[i % out->shape.c];
    if (a->relu && out->v[i] < 0) out->v[i] = 0; // NaN stays
  }
}

static inline void reference_conv_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                                      optest_array *const *grad_in, const void *attr) {
  const struct conv_attr *a = attr;
  optest_array gz = *grad_out;
  double before[64 * 1024];
  VC_ASSERT(gz.count <= VC_COUNT_OF(before));
  for (uint64_t i = 0; i < gz.count; i++) before[i] = a->relu && !(out->v[i] > 0) ? 0 : grad_out->v[i];
  gz.v = before;
  if (grad_in[0]) visit(grad_in[0], in[1], &gz, a->padding, to_x);
  if (grad_in[1]) visit(in[0], grad_in[1], &gz, a->padding, to_w);
  for (uint64_t i = 0; grad_in[2] && i < gz.count; i++) grad_in[2]->v[i % gz.shape.c] += gz.v[i];
}

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
