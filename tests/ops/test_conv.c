// Convolutions of side 1 and 3 and their gradients as ops of their own: [CONV 1..3].
#include "support/optest.h"

#include <vulcyte/ops.h>

struct attr {
  enum vc_padding padding;
  bool relu;
  struct vc_shape x_shape; // of the input gradient
  uint32_t side;           // of the weight gradient
};

// Visits every product w[k,c,r,s] x[n,c,y,x] that counts in output (n,k,i,j).
typedef void (*visit_product)(double *x, double *w, double *y);
static void visit(const optest_array *x, const optest_array *w, const optest_array *y, enum vc_padding padding,
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

static void to_y(double *x, double *w, double *y) {
  *y += *x * *w;
}
static void to_x(double *x, double *w, double *y) {
  *x += *y * *w;
}
static void to_w(double *x, double *w, double *y) {
  *w += *x * *y;
}

// ---- forward --------------------------------------------------------------------------------------------------

static vc_tensor *build(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct attr *a = attr;
  return vc_conv2d(g, in[0], in[1], in[2], (struct vc_conv2d_desc){.padding = a->padding, .relu = a->relu});
}

static void reference(optest_array *const *in, optest_array *out, const void *attr) {
  const struct attr *a = attr;
  visit(in[0], in[1], out, a->padding, to_y);
  for (uint64_t i = 0; i < out->count; i++) {
    if (in[2]) out->v[i] += in[2]->v[i % out->shape.c];
    if (a->relu && !(out->v[i] > 0)) out->v[i] = 0;
  }
}

static void reference_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                          optest_array *const *grad_in, const void *attr) {
  const struct attr *a = attr;
  optest_array gz = *grad_out;
  double before[64 * 1024];
  VC_ASSERT(gz.count <= VC_COUNT_OF(before));
  for (uint64_t i = 0; i < gz.count; i++) before[i] = a->relu && !(out->v[i] > 0) ? 0 : grad_out->v[i];
  gz.v = before;
  if (grad_in[0]) visit(grad_in[0], in[1], &gz, a->padding, to_x);
  if (grad_in[1]) visit(in[0], grad_in[1], &gz, a->padding, to_w);
  for (uint64_t i = 0; grad_in[2] && i < gz.count; i++) grad_in[2]->v[i % gz.shape.c] += gz.v[i];
}

static const struct attr same = {.padding = VC_PAD_SAME}, valid = {.padding = VC_PAD_VALID};
static const struct attr same_relu = {.padding = VC_PAD_SAME, .relu = true},
                         valid_relu = {.padding = VC_PAD_VALID, .relu = true};

// x {N,C,H,W}, weights {K,C,R,R}; scaled so that outputs are of order 1.
#define X(n, c, h, w)       \
  {                         \
    .shape = { n, c, h, w } \
  }
#define W(k, c, r) {.shape = {k, c, r, r}, .lo = -0.3, .hi = 0.3}
#define B(k)       {.shape = {1, k, 1, 1}}
#define NONE       {.absent = true}
#define BOTH       3 // linear in x and in w

static const struct optest_case linear_cases[] = {
    {.name = "1 channel",
     .in = {X(1, 1, 9, 13), W(5, 1, 3), NONE},
     .out = {1, 5, 9, 13},
     .attr = &same,
     .linear = BOTH},
    {.name = "2 classes, 1x1",
     .in = {X(2, 16, 11, 9), W(2, 16, 1), NONE},
     .out = {2, 2, 11, 9},
     .attr = &same,
     .linear = BOTH},
    {.name = "1x1 image", .in = {X(1, 6, 1, 1), W(7, 6, 3), NONE}, .out = {1, 7, 1, 1}, .attr = &same, .linear = BOTH},
    {.name = "1x1 image, 1x1 weights",
     .in = {X(1, 3, 1, 1), W(3, 3, 1), NONE},
     .out = {1, 3, 1, 1},
     .attr = &valid,
     .linear = BOTH},
    {.name = "odd sides and channels",
     .in = {X(3, 5, 17, 10), W(19, 5, 3), NONE},
     .out = {3, 19, 17, 10},
     .attr = &same,
     .linear = BOTH},
    {.name = "valid",
     .in = {X(2, 6, 12, 19), W(18, 6, 3), NONE},
     .out = {2, 18, 10, 17},
     .attr = &valid,
     .linear = BOTH},
    {.name = "valid, one pixel left",
     .in = {X(1, 4, 3, 3), W(4, 4, 3), NONE},
     .out = {1, 4, 1, 1},
     .attr = &valid,
     .linear = BOTH},
    {.name = "whole tiles",
     .in = {X(1, 16, 16, 16), W(16, 16, 3), NONE},
     .out = {1, 16, 16, 16},
     .attr = &same,
     .linear = BOTH},
    {.name = "many columns",
     .in = {X(1, 10, 9, 7), W(70, 10, 3), NONE},
     .out = {1, 70, 9, 7},
     .attr = &same,
     .linear = BOTH},
    {.name = "deep", .in = {X(1, 72, 5, 6), W(33, 72, 3), NONE}, .out = {1, 33, 5, 6}, .attr = &same, .linear = BOTH},
    {.name = "deep, 1x1",
     .in = {X(2, 72, 9, 10), W(36, 72, 1), NONE},
     .out = {2, 36, 9, 10},
     .attr = &same,
     .linear = BOTH},
    {.name = "a column of pixels",
     .in = {X(2, 2, 37, 1), W(4, 2, 3), NONE},
     .out = {2, 4, 37, 1},
     .attr = &same,
     .linear = BOTH},
    {.name = "with bias", .in = {X(1, 4, 10, 11), W(6, 4, 3), B(6)}, .out = {1, 6, 10, 11}, .attr = &same},
    {.name = "1x1 with bias", .in = {X(2, 8, 10, 11), W(3, 8, 1), B(3)}, .out = {2, 3, 10, 11}, .attr = &same},
    {.name = "channels differ",
     .in = {X(1, 3, 4, 4), W(4, 5, 3), NONE},
     .attr = &same,
     .fails = VC_E_SHAPE,
     .message = "C 3 != weight C 5"},
    {.name = "5x5 weights", .in = {X(1, 3, 8, 8), W(4, 3, 5), NONE}, .attr = &same, .fails = VC_E_SHAPE},
    {.name = "too small for valid", .in = {X(1, 3, 2, 9), W(4, 3, 3), NONE}, .attr = &valid, .fails = VC_E_SHAPE},
    {.name = "bias of another length",
     .in = {X(1, 3, 4, 4), W(4, 3, 3), B(5)},
     .attr = &same,
     .fails = VC_E_SHAPE,
     .message = "the bias"},
};
static const struct optest_op linear = {.name = "conv2d",
                                        .build = build,
                                        .reference = reference,
                                        .reference_vjp = reference_vjp,
                                        .cases = linear_cases,
                                        .n_cases = VC_COUNT_OF(linear_cases)};

static const struct optest_case relu_cases[] = {
    {.name = "same", .in = {X(2, 6, 9, 10), W(9, 6, 3), B(9)}, .out = {2, 9, 9, 10}, .attr = &same_relu},
    {.name = "valid", .in = {X(1, 3, 9, 10), W(4, 3, 3), B(4)}, .out = {1, 4, 7, 8}, .attr = &valid_relu},
    {.name = "no bias", .in = {X(1, 16, 8, 8), W(16, 16, 3), NONE}, .out = {1, 16, 8, 8}, .attr = &same_relu},
    {.name = "1x1", .in = {X(1, 8, 8, 8), W(5, 8, 1), B(5)}, .out = {1, 5, 8, 8}, .attr = &same_relu},
};
static const struct optest_op with_relu = {.name = "conv2d with ReLU",
                                           .build = build,
                                           .reference = reference,
                                           .reference_vjp = reference_vjp,
                                           .vjp_is_definition = true, // some outputs are near the kink
                                           .cases = relu_cases,
                                           .n_cases = VC_COUNT_OF(relu_cases)};

// Sums over many pixels: slabs in every variant.
static const struct optest_case large_cases[] = {
    {.name = "many pixels", .in = {X(1, 4, 66, 70), W(6, 4, 3), B(6)}, .out = {1, 6, 66, 70}, .attr = &same},
    {.name = "many pixels, 1x1", .in = {X(2, 6, 70, 66), W(2, 6, 1), B(2)}, .out = {2, 2, 70, 66}, .attr = &same},
    {.name = "many samples", .in = {X(9, 1, 31, 33), W(3, 1, 3), B(3)}, .out = {9, 3, 29, 31}, .attr = &valid},
};
static const struct optest_op large = {.name = "conv2d, large",
                                       .build = build,
                                       .reference = reference,
                                       .reference_vjp = reference_vjp,
                                       .vjp_is_definition = true, // compared with differences in the small cases
                                       .cases = large_cases,
                                       .n_cases = VC_COUNT_OF(large_cases)};

// ---- the gradients, and through them -----------------------------------------------------------------------------

static vc_tensor *build_dx(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct attr *a = attr;
  return vc_conv2d_dx(g, in[0], in[1], a->x_shape, a->padding);
}

static void reference_dx(optest_array *const *in, optest_array *out, const void *attr) {
  visit(out, in[1], in[0], ((const struct attr *)attr)->padding, to_x);
}

static const struct attr dx_same = {.x_shape = {2, 6, 9, 12}},
                         dx_valid = {.x_shape = {1, 3, 9, 12}, .padding = VC_PAD_VALID};
static const struct optest_case dx_cases[] = {
    {.name = "same", .in = {X(2, 18, 9, 12), W(18, 6, 3)}, .out = {2, 6, 9, 12}, .attr = &dx_same, .linear = BOTH},
    {.name = "1x1", .in = {X(2, 3, 9, 12), W(3, 6, 1)}, .out = {2, 6, 9, 12}, .attr = &dx_same, .linear = BOTH},
    {.name = "valid", .in = {X(1, 4, 7, 10), W(4, 3, 3)}, .out = {1, 3, 9, 12}, .attr = &dx_valid, .linear = BOTH},
    {.name = "another size", .in = {X(1, 4, 7, 9), W(4, 3, 3)}, .attr = &dx_valid, .fails = VC_E_SHAPE},
};
static const struct optest_op dx = OPTEST_OP("conv2d_dx", build_dx, reference_dx, dx_cases);

static vc_tensor *build_dw(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct attr *a = attr;
  return vc_conv2d_dw(g, in[0], in[1], a->side, a->padding);
}

static void reference_dw(optest_array *const *in, optest_array *out, const void *attr) {
  visit(in[0], out, in[1], ((const struct attr *)attr)->padding, to_w);
}

static const struct attr dw_same = {.side = 3}, dw_1x1 = {.side = 1}, dw_valid = {.side = 3, .padding = VC_PAD_VALID};
static const struct optest_case dw_cases[] = {
    {.name = "same", .in = {X(2, 6, 9, 7), X(2, 18, 9, 7)}, .out = {18, 6, 3, 3}, .attr = &dw_same, .linear = BOTH},
    {.name = "1x1", .in = {X(2, 6, 9, 7), X(2, 3, 9, 7)}, .out = {3, 6, 1, 1}, .attr = &dw_1x1, .linear = BOTH},
    {.name = "valid", .in = {X(1, 3, 9, 8), X(1, 4, 7, 6)}, .out = {4, 3, 3, 3}, .attr = &dw_valid, .linear = BOTH},
    {.name = "another size", .in = {X(1, 3, 9, 8), X(1, 4, 9, 8)}, .attr = &dw_valid, .fails = VC_E_SHAPE},
};
static const struct optest_op dw = OPTEST_OP("conv2d_dw", build_dw, reference_dw, dw_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &linear, &with_relu, &large, &dx, &dw, NULL);
}
