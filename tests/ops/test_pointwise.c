// Elementwise functions: [RELU 1..2] and linear combinations.
#include "support/optest.h"

#include <math.h>
#include <vulcyte/ops.h>

// ---- relu -------------------------------------------------------------------------------------------------------

static void with_nan(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = vc_rng_below(rng, 4) ? vc_rng_uniform(rng, -1, 1) : NAN;
}

#define AWAY(n, c, h, w) {.shape = {n, c, h, w}, .fill = REF_AWAY}
static const struct optest_case relu_cases[] = {
    {.name = "one element", .in = {AWAY(1, 1, 1, 1)}, .out = {1, 1, 1, 1}},
    {.name = "three elements", .in = {AWAY(1, 3, 1, 1)}, .out = {1, 3, 1, 1}},
    {.name = "odd", .in = {AWAY(2, 3, 5, 7)}, .out = {2, 3, 5, 7}},
    {.name = "in fours", .in = {AWAY(2, 8, 4, 4)}, .out = {2, 8, 4, 4}},
    {.name = "many", .in = {AWAY(1, 5, 101, 131)}, .out = {1, 5, 101, 131}},
    {.name = "zeros", .in = {{.shape = {1, 3, 5, 7}, .fill = REF_ZERO}}, .out = {1, 3, 5, 7}},
    {.name = "NaN passes", .in = {{.shape = {1, 3, 5, 7}, .make = with_nan}}, .out = {1, 3, 5, 7}, .no_vjp = true},
    {.name = "integers",
     .in = {{.shape = {1, 3, 5, 7}, .dtype = VC_U32}},
     .fails = VC_E_SHAPE,
     .message = "the operand is U32"},
};
static const struct optest_op relu_op = {.of = &ref_relu,
                                         .vjp_is_definition = true, // at zero, where the gradient is 0
                                         .cases = relu_cases,
                                         .n_cases = VC_COUNT_OF(relu_cases)};

static const struct optest_case relu_smooth_cases[] = {
    {.name = "finite differences", .in = {AWAY(2, 3, 5, 7)}, .out = {2, 3, 5, 7}},
};
static const struct optest_op relu_smooth = {
    .name = "relu away from 0", .of = &ref_relu, .cases = relu_smooth_cases, .n_cases = VC_COUNT_OF(relu_smooth_cases)};

// ---- relu_grad --------------------------------------------------------------------------------------------------

#define STEP(n, c, h, w) {.shape = {n, c, h, w}, .fill = REF_AWAY, .no_grad = true}
static const struct optest_case relu_grad_cases[] = {
    {.name = "odd", .in = {AWAY(2, 3, 5, 7), STEP(2, 3, 5, 7)}, .out = {2, 3, 5, 7}, .linear = 1},
    {.name = "in fours", .in = {AWAY(1, 8, 5, 7), STEP(1, 8, 5, 7)}, .out = {1, 8, 5, 7}, .linear = 1},
    {.name = "zeros",
     .in = {AWAY(1, 8, 5, 7), {.shape = {1, 8, 5, 7}, .fill = REF_ZERO, .no_grad = true}},
     .out = {1, 8, 5, 7},
     .linear = 1},
    {.name = "other shape",
     .in = {AWAY(1, 3, 5, 7), STEP(1, 3, 7, 5)},
     .fails = VC_E_SHAPE,
     .message = "the second operand is 1 x 3 x 7 x 5"},
};
static const struct optest_op relu_grad_op = OPTEST_OF(ref_relu_grad, relu_grad_cases);

// ---- linear combinations ----------------------------------------------------------------------------------------

static const struct ref_factors half_and_minus_two = {0.5f, -2}, ones = {1, 1}, third = {1.0f / 3, 0};
#define IN(n, c, h, w)      \
  {                         \
    .shape = { n, c, h, w } \
  }
static const struct optest_case combine_cases[] = {
    {.name = "two", .in = {IN(2, 3, 5, 7), IN(2, 3, 5, 7)}, .out = {2, 3, 5, 7}, .attr = &half_and_minus_two},
    {.name = "ones", .in = {IN(1, 4, 5, 7), IN(1, 4, 5, 7)}, .out = {1, 4, 5, 7}, .attr = &ones},
    {.name = "scalars", .in = {IN(1, 1, 1, 1), IN(1, 1, 1, 1)}, .out = {1, 1, 1, 1}, .attr = &half_and_minus_two},
    {.name = "many",
     .in = {IN(1, 2, 128, 130), IN(1, 2, 128, 130)},
     .out = {1, 2, 128, 130},
     .attr = &half_and_minus_two},
    {.name = "one alone", .in = {IN(2, 3, 5, 7), {.absent = true}}, .out = {2, 3, 5, 7}, .attr = &third, .linear = 1},
};
static const struct optest_op combine_op = OPTEST_OF(ref_combine, combine_cases);

static const struct optest_case scale_cases[] = {
    {.name = "odd", .in = {IN(2, 3, 5, 7)}, .out = {2, 3, 5, 7}, .attr = &third, .linear = 1},
};
static const struct optest_op scale_op = OPTEST_OF(ref_scale, scale_cases);

// ---- product ----------------------------------------------------------------------------------------------------

static const struct optest_case mul_cases[] = {
    {.name = "odd", .in = {IN(2, 3, 5, 7), IN(2, 3, 5, 7)}, .out = {2, 3, 5, 7}, .linear = 3},
    {.name = "in fours", .in = {IN(1, 8, 5, 7), IN(1, 8, 5, 7)}, .out = {1, 8, 5, 7}, .linear = 3},
    {.name = "other shape",
     .in = {IN(1, 3, 5, 7), IN(1, 1, 5, 7)},
     .fails = VC_E_SHAPE,
     .message = "the second operand"},
};
static const struct optest_op mul_op = OPTEST_OF(ref_mul, mul_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &relu_op, &relu_smooth, &relu_grad_op, &combine_op, &scale_op, &mul_op, NULL);
}
