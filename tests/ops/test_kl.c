// The KL consistency loss: [KL 1..4].
#include "support/optest.h"

#include <vulcyte/ops.h>

// One class certain in each pixel, the others exactly 0: the logarithms meet their floor.
static void certain(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  uint32_t n_c = out->shape.c;
  for (uint64_t i = 0; i < out->count / n_c; i++) out->v[i * n_c + vc_rng_below(rng, n_c)] = 1;
}

static const struct vc_kl_desc plain = {0, 0}, confident = {0.6f, 0}, sharp = {0, 0.4f}, flat = {0, 3},
                               cold = {0, 0.005f}, both = {0.55f, 0.5f}, one = {0, 1}, never = {1.5f, 0},
                               negative = {0, -1};
#define P(n, c, h, w)       {.shape = {n, c, h, w}, .fill = REF_SIMPLEX}
#define T(n, c, h, w)       {.shape = {n, c, h, w}, .fill = REF_SIMPLEX, .no_grad = true}
#define CERTAIN(n, c, h, w) {.shape = {n, c, h, w}, .make = certain, .no_grad = true}
#define MASK(n, h, w)       {.shape = {n, 1, h, w}, .fill = REF_MASK, .no_grad = true}
#define ALL(n, h, w)        {.shape = {n, 1, h, w}, .fill = REF_CONST, .lo = 1, .no_grad = true}
#define NONE(n, h, w)       {.shape = {n, 1, h, w}, .fill = REF_ZERO, .no_grad = true}
#define SCALAR              {1, 1, 1, 1}
static const struct optest_case cases[] = {
    {.name = "one pixel", .in = {T(1, 2, 1, 1), P(1, 2, 1, 1), ALL(1, 1, 1)}, .out = SCALAR, .attr = &plain},
    {.name = "two classes", .in = {T(2, 2, 5, 7), P(2, 2, 5, 7), MASK(2, 5, 7)}, .out = SCALAR, .attr = &plain},
    {.name = "five classes", .in = {T(1, 5, 5, 7), P(1, 5, 5, 7), MASK(1, 5, 7)}, .out = SCALAR, .attr = &plain},
    {.name = "64 classes", .in = {T(1, 64, 5, 7), P(1, 64, 5, 7), MASK(1, 5, 7)}, .out = SCALAR, .attr = &plain},
    {.name = "one class", .in = {T(1, 1, 5, 7), P(1, 1, 5, 7), MASK(1, 5, 7)}, .out = SCALAR, .attr = &plain},
    {.name = "none valid", .in = {T(1, 2, 5, 7), P(1, 2, 5, 7), NONE(1, 5, 7)}, .out = SCALAR, .attr = &plain},
    {.name = "many pixels", .in = {T(2, 3, 97, 99), P(2, 3, 97, 99), MASK(2, 97, 99)}, .out = SCALAR, .attr = &plain},
    {.name = "certain target",
     .in = {CERTAIN(1, 3, 5, 7), P(1, 3, 5, 7), MASK(1, 5, 7)},
     .out = SCALAR,
     .attr = &plain},
    // No gradient: under the floor it is 0 although the other side of it is steep.
    {.name = "prediction of zeros",
     .in = {T(1, 3, 5, 7), CERTAIN(1, 3, 5, 7), ALL(1, 5, 7)},
     .out = SCALAR,
     .attr = &plain,
     .no_vjp = true},
    {.name = "confident pixels",
     .in = {T(2, 2, 9, 7), P(2, 2, 9, 7), MASK(2, 9, 7)},
     .out = SCALAR,
     .attr = &confident},
    {.name = "none confident", .in = {T(1, 2, 5, 7), P(1, 2, 5, 7), ALL(1, 5, 7)}, .out = SCALAR, .attr = &never},
    {.name = "sharpened", .in = {T(2, 3, 5, 7), P(2, 3, 5, 7), MASK(2, 5, 7)}, .out = SCALAR, .attr = &sharp},
    {.name = "flattened", .in = {T(2, 3, 5, 7), P(2, 3, 5, 7), MASK(2, 5, 7)}, .out = SCALAR, .attr = &flat},
    {.name = "temperature 1", .in = {T(2, 3, 5, 7), P(2, 3, 5, 7), MASK(2, 5, 7)}, .out = SCALAR, .attr = &one},
    // 1e-3: the 200th power of a ratio of fp32 multiplies its rounding by 200.
    {.name = "very cold",
     .in = {T(1, 40, 5, 7), P(1, 40, 5, 7), ALL(1, 5, 7)},
     .out = SCALAR,
     .attr = &cold,
     .tolerance = 1e-3},
    {.name = "certain target, sharpened",
     .in = {CERTAIN(1, 3, 5, 7), P(1, 3, 5, 7), MASK(1, 5, 7)},
     .out = SCALAR,
     .attr = &sharp},
    {.name = "confident and sharpened",
     .in = {T(2, 2, 9, 7), P(2, 2, 9, 7), MASK(2, 9, 7)},
     .out = SCALAR,
     .attr = &both},
    {.name = "negative temperature",
     .in = {T(1, 2, 5, 7), P(1, 2, 5, 7), ALL(1, 5, 7)},
     .attr = &negative,
     .fails = VC_E_SHAPE,
     .message = "temperature -1"},
    {.name = "other classes",
     .in = {T(1, 2, 5, 7), P(1, 3, 5, 7), ALL(1, 5, 7)},
     .attr = &plain,
     .fails = VC_E_SHAPE,
     .message = "the prediction is 1 x 3 x 5 x 7"},
};
static const struct optest_op op = OPTEST_OF(ref_kl, cases);

// The target is a constant, even where its gradient is wanted, and so is a prediction under the floor.
static const struct optest_case constant_cases[] = {
    {.name = "gradient wanted", .in = {P(2, 3, 5, 7), P(2, 3, 5, 7), MASK(2, 5, 7)}, .out = SCALAR, .attr = &plain},
    {.name = "under the floor",
     .in = {P(1, 3, 5, 7), {.shape = {1, 3, 5, 7}, .make = certain}, ALL(1, 5, 7)},
     .out = SCALAR,
     .attr = &plain},
};
static const struct optest_op constant_op = {.name = "kl, constant target",
                                             .of = &ref_kl,
                                             .vjp_is_definition = true,
                                             .cases = constant_cases,
                                             .n_cases = VC_COUNT_OF(constant_cases)};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &op, &constant_op, NULL);
}
