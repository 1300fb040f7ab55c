// The 2 x 2 up-convolution and its gradients as ops of their own: [UPCONV 1..3].
#include "support/optest.h"

#include <vulcyte/ops.h>

// Visits every product w[c,k,r,s] x[n,c,i,j], which counts in output (n,k,2i+r,2j+s).
typedef void (*visit_product)(double *x, double *w, double *y);
static void visit(const optest_array *x, const optest_array *w, const optest_array *y, visit_product fn) {
  for (uint32_t n = 0; n < x->shape.n; n++) {
    for (uint32_t i = 0; i < y->shape.h; i++) {
      for (uint32_t j = 0; j < y->shape.w; j++) {
        for (uint32_t k = 0; k < y->shape.c; k++) {
          for (uint32_t c = 0; c < x->shape.c; c++) {
            fn(optest_at(x, n, c, i / 2, j / 2), optest_at(w, c, k, i % 2, j % 2), optest_at(y, n, k, i, j));
          }
        }
      }
    }
  }
}

static void to_y(double *x, double *w, double *y) {
  *y += *x * *w;
}
static void to_x(double *x, double *w, double *y) {
  *x += *y * *w;
}
static void to_w(double *x, double *w, double *y) {
  *w += *x * *y;
}

static vc_tensor *build(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_conv_transpose2x2(g, in[0], in[1], in[2]);
}

static void reference(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  visit(in[0], in[1], out, to_y);
  for (uint64_t i = 0; in[2] && i < out->count; i++) out->v[i] += in[2]->v[i % out->shape.c];
}

static void reference_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                          optest_array *const *grad_in, const void *attr) {
  (void)out, (void)attr;
  if (grad_in[0]) visit(grad_in[0], in[1], grad_out, to_x);
  if (grad_in[1]) visit(in[0], grad_in[1], grad_out, to_w);
  for (uint64_t i = 0; grad_in[2] && i < grad_out->count; i++) {
    grad_in[2]->v[i % grad_out->shape.c] += grad_out->v[i];
  }
}

#define X(n, c, h, w)       \
  {                         \
    .shape = { n, c, h, w } \
  }
#define W(c, k) {.shape = {c, k, 2, 2}, .lo = -0.5, .hi = 0.5}
#define B(k)    {.shape = {1, k, 1, 1}}
#define NONE    {.absent = true}
#define BOTH    3 // linear in x and in w

static const struct optest_case cases[] = {
    {.name = "one pixel", .in = {X(1, 1, 1, 1), W(1, 1), NONE}, .out = {1, 1, 2, 2}, .linear = BOTH},
    {.name = "odd channels, batch", .in = {X(3, 5, 7, 4), W(5, 3), NONE}, .out = {3, 3, 14, 8}, .linear = BOTH},
    {.name = "halved channels", .in = {X(1, 16, 8, 8), W(16, 8), NONE}, .out = {1, 8, 16, 16}, .linear = BOTH},
    {.name = "columns over blocks", .in = {X(2, 6, 9, 5), W(6, 13), NONE}, .out = {2, 13, 18, 10}, .linear = BOTH},
    {.name = "deep", .in = {X(1, 72, 3, 5), W(72, 36), NONE}, .out = {1, 36, 6, 10}, .linear = BOTH},
    {.name = "with bias", .in = {X(2, 4, 5, 9), W(4, 6), B(6)}, .out = {2, 6, 10, 18}},
    {.name = "channels differ",
     .in = {X(1, 3, 4, 4), W(4, 2), NONE},
     .fails = VC_E_SHAPE,
     .message = "C 3 != weight C 4"},
    {.name = "3x3 weights", .in = {X(1, 3, 4, 4), {.shape = {3, 2, 3, 3}}, NONE}, .fails = VC_E_SHAPE},
    {.name = "bias of another length",
     .in = {X(1, 3, 4, 4), W(3, 2), B(3)},
     .fails = VC_E_SHAPE,
     .message = "the bias"},
};
static const struct optest_op forward = {.name = "conv_transpose2x2",
                                         .build = build,
                                         .reference = reference,
                                         .reference_vjp = reference_vjp,
                                         .cases = cases,
                                         .n_cases = VC_COUNT_OF(cases)};

// Sums over many pixels: slabs in every variant.
static const struct optest_case large_cases[] = {
    {.name = "many pixels", .in = {X(1, 8, 66, 70), W(8, 4), B(4)}, .out = {1, 4, 132, 140}},
};
static const struct optest_op large = {.name = "conv_transpose2x2, large",
                                       .build = build,
                                       .reference = reference,
                                       .reference_vjp = reference_vjp,
                                       .vjp_is_definition = true, // compared with differences in the small cases
                                       .cases = large_cases,
                                       .n_cases = VC_COUNT_OF(large_cases)};

static vc_tensor *build_dx(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_conv_transpose2x2_dx(g, in[0], in[1]);
}

static void reference_dx(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  visit(out, in[1], in[0], to_x);
}

static const struct optest_case dx_cases[] = {
    {.name = "even", .in = {X(2, 6, 10, 12), W(18, 6)}, .out = {2, 18, 5, 6}, .linear = BOTH},
    {.name = "odd channels", .in = {X(1, 3, 2, 6), W(5, 3)}, .out = {1, 5, 1, 3}, .linear = BOTH},
    {.name = "an odd side", .in = {X(1, 3, 3, 6), W(5, 3)}, .fails = VC_E_SHAPE, .message = "3 x 6 are not even"},
};
static const struct optest_op dx = OPTEST_OP("conv_transpose2x2_dx", build_dx, reference_dx, dx_cases);

static vc_tensor *build_dw(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_conv_transpose2x2_dw(g, in[0], in[1]);
}

static void reference_dw(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  visit(in[0], out, in[1], to_w);
}

static const struct optest_case dw_cases[] = {
    {.name = "even", .in = {X(2, 18, 5, 6), X(2, 6, 10, 12)}, .out = {18, 6, 2, 2}, .linear = BOTH},
    {.name = "odd channels", .in = {X(1, 5, 1, 3), X(1, 3, 2, 6)}, .out = {5, 3, 2, 2}, .linear = BOTH},
    {.name = "not twice the size", .in = {X(1, 5, 2, 3), X(1, 3, 2, 6)}, .fails = VC_E_SHAPE},
};
static const struct optest_op dw = OPTEST_OP("conv_transpose2x2_dw", build_dw, reference_dw, dw_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &forward, &large, &dx, &dw, NULL);
}
