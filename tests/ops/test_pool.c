// Max pooling: [POOL 1..2].
#include "support/optest.h"

#include <math.h>
#include <vulcyte/ops.h>

static void with_nan(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = vc_rng_below(rng, 5) ? vc_rng_below(rng, 3) : NAN;
}

#define X(n, c, h, w) {.shape = {n, c, h, w}, .fill = REF_APART}
static const struct optest_case cases[] = {
    {.name = "one window", .in = {X(1, 1, 2, 2)}, .out = {1, 1, 1, 1}},
    {.name = "odd channels, batch", .in = {X(2, 3, 6, 10)}, .out = {2, 3, 3, 5}},
    {.name = "channels in fours", .in = {X(2, 12, 4, 6)}, .out = {2, 12, 2, 3}},
    {.name = "a row", .in = {X(1, 5, 2, 34)}, .out = {1, 5, 1, 17}},
    {.name = "many", .in = {X(1, 8, 66, 130)}, .out = {1, 8, 33, 65}},
    {.name = "many, odd", .in = {X(1, 7, 66, 130)}, .out = {1, 7, 33, 65}},
    {.name = "an odd side", .in = {X(1, 1, 4, 5)}, .fails = VC_E_SHAPE, .message = "4 x 5 are not even"},
};
static const struct optest_op distinct = OPTEST_OF(ref_max_pool2x2, cases);

// Ties and NaN, where no derivative is: the gradient's rule is the definition.
static const struct optest_case tie_cases[] = {
    {.name = "equal values", .in = {{.shape = {2, 4, 8, 10}, .fill = REF_INTEGER, .hi = 1}}, .out = {2, 4, 4, 5}},
    {.name = "equal values, odd", .in = {{.shape = {2, 3, 8, 10}, .fill = REF_INTEGER, .hi = 1}}, .out = {2, 3, 4, 5}},
    {.name = "constant", .in = {{.shape = {1, 4, 8, 10}, .fill = REF_CONST, .lo = -3}}, .out = {1, 4, 4, 5}},
    {.name = "some NaN", .in = {{.shape = {1, 4, 16, 10}, .make = with_nan}}, .out = {1, 4, 8, 5}},
    {.name = "some NaN, odd", .in = {{.shape = {1, 1, 16, 10}, .make = with_nan}}, .out = {1, 1, 8, 5}},
};
static const struct optest_op ties = {.name = "max_pool2x2 with ties",
                                      .of = &ref_max_pool2x2,
                                      .vjp_is_definition = true,
                                      .cases = tie_cases,
                                      .n_cases = VC_COUNT_OF(tie_cases)};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &distinct, &ties, NULL);
}
