// Max pooling: [POOL 1..2].
#include "support/optest.h"

#include <math.h>
#include <vulcyte/ops.h>

static vc_tensor *build(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_max_pool2x2(g, in[0]);
}

// The first maximum of a window in row order; a NaN wins.
static double *largest(const optest_array *x, uint32_t n, uint32_t c, uint32_t i, uint32_t j) {
  double *best = optest_at(x, n, c, 2 * i, 2 * j);
  for (uint32_t k = 1; k < 4; k++) {
    double *v = optest_at(x, n, c, 2 * i + k / 2, 2 * j + k % 2);
    if (*v > *best || isnan(*v)) best = v;
  }
  return best;
}

static void pool(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      for (uint32_t i = 0; i < s.h; i++) {
        for (uint32_t j = 0; j < s.w; j++) *optest_at(out, n, c, i, j) = *largest(in[0], n, c, i, j);
      }
    }
  }
}

static void pool_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                     optest_array *const *grad_in, const void *attr) {
  (void)attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      for (uint32_t i = 0; i < s.h; i++) {
        for (uint32_t j = 0; j < s.w; j++) {
          grad_in[0]->v[largest(in[0], n, c, i, j) - in[0]->v] += *optest_at(grad_out, n, c, i, j);
        }
      }
    }
  }
}

static void with_nan(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = vc_rng_below(rng, 5) ? vc_rng_below(rng, 3) : NAN;
}

#define X(n, c, h, w) {.shape = {n, c, h, w}, .fill = OPTEST_APART}
static const struct optest_case cases[] = {
    {.name = "one window", .in = {X(1, 1, 2, 2)}, .out = {1, 1, 1, 1}},
    {.name = "odd channels, batch", .in = {X(2, 3, 6, 10)}, .out = {2, 3, 3, 5}},
    {.name = "channels in fours", .in = {X(2, 12, 4, 6)}, .out = {2, 12, 2, 3}},
    {.name = "a row", .in = {X(1, 5, 2, 34)}, .out = {1, 5, 1, 17}},
    {.name = "many", .in = {X(1, 8, 66, 130)}, .out = {1, 8, 33, 65}},
    {.name = "many, odd", .in = {X(1, 7, 66, 130)}, .out = {1, 7, 33, 65}},
    {.name = "an odd side", .in = {X(1, 1, 4, 5)}, .fails = VC_E_SHAPE, .message = "4 x 5 are not even"},
};
static const struct optest_op distinct = OPTEST_OP("max_pool2x2", build, pool, cases);

// Ties and NaN, where no derivative is: the gradient's rule is the definition.
static const struct optest_case tie_cases[] = {
    {.name = "equal values", .in = {{.shape = {2, 4, 8, 10}, .fill = OPTEST_INTEGER, .hi = 1}}, .out = {2, 4, 4, 5}},
    {.name = "equal values, odd",
     .in = {{.shape = {2, 3, 8, 10}, .fill = OPTEST_INTEGER, .hi = 1}},
     .out = {2, 3, 4, 5}},
    {.name = "constant", .in = {{.shape = {1, 4, 8, 10}, .fill = OPTEST_CONST, .lo = -3}}, .out = {1, 4, 4, 5}},
    {.name = "some NaN", .in = {{.shape = {1, 4, 16, 10}, .make = with_nan}}, .out = {1, 4, 8, 5}},
    {.name = "some NaN, odd", .in = {{.shape = {1, 1, 16, 10}, .make = with_nan}}, .out = {1, 1, 8, 5}},
};
static const struct optest_op ties = {.name = "max_pool2x2 with ties",
                                      .build = build,
                                      .reference = pool,
                                      .reference_vjp = pool_vjp,
                                      .vjp_is_definition = true,
                                      .cases = tie_cases,
                                      .n_cases = VC_COUNT_OF(tie_cases)};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &distinct, &ties, NULL);
}
