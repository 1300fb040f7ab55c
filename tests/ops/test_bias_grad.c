// What a layer's gradient begins with: [RELU 2] and [POOL 2] in one pass, and sums over pixels.
#include "support/optest.h"

#include <math.h>
#include <vulcyte/ops.h>

static void with_nan(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = vc_rng_below(rng, 5) ? vc_rng_below(rng, 3) - 1.0 : NAN;
}

#define X(n, c, h, w)       \
  {                         \
    .shape = { n, c, h, w } \
  }
#define APART(n, c, h, w) {.shape = {n, c, h, w}, .fill = REF_APART}
#define NONE              {.absent = true}
#define OF(c, from)                  \
  &(const struct ref_bias_grad) {    \
    .channels = (c), .first = (from) \
  }
#define SUMS(c, from)                              \
  &(const struct ref_bias_grad) {                  \
    .channels = (c), .first = (from), .sums = true \
  }

static const struct optest_case cases[] = {
    {.name = "gated", .in = {X(2, 16, 6, 10), APART(2, 16, 6, 10)}, .out = {2, 16, 6, 10}, .attr = OF(16, 0)},
    {.name = "gated, wide", .in = {X(1, 192, 7, 9), APART(1, 192, 7, 9)}, .out = {1, 192, 7, 9}, .attr = OF(192, 0)},
    {.name = "gated, odd", .in = {X(2, 7, 5, 3), APART(2, 7, 5, 3)}, .out = {2, 7, 5, 3}, .attr = OF(7, 0)},
    {.name = "sliced", .in = {X(1, 32, 8, 6), NONE}, .out = {1, 16, 8, 6}, .attr = OF(16, 16)},
    {.name = "sliced, thin", .in = {X(1, 6, 8, 8), NONE}, .out = {1, 2, 8, 8}, .attr = OF(2, 4)},
    {.name = "sliced, odd", .in = {X(1, 7, 5, 6), NONE}, .out = {1, 3, 5, 6}, .attr = OF(3, 2)},
    {.name = "sliced and gated", .in = {X(1, 12, 8, 6), APART(1, 4, 8, 6)}, .out = {1, 4, 8, 6}, .attr = OF(4, 4)},
};
static const struct optest_case sums_cases[] = {
    {.name = "a pixel", .in = {X(1, 8, 1, 1), APART(1, 8, 1, 1)}, .out = {1, 8, 1, 1}, .attr = SUMS(8, 0)},
    {.name = "plain", .in = {X(2, 5, 7, 3), NONE}, .out = {1, 5, 1, 1}, .attr = SUMS(5, 0)},
    {.name = "gated", .in = {X(2, 16, 6, 10), APART(2, 16, 6, 10)}, .out = {1, 16, 1, 1}, .attr = SUMS(16, 0)},
    {.name = "groups cut", .in = {X(1, 16, 7, 9), APART(1, 16, 7, 9)}, .out = {1, 16, 1, 1}, .attr = SUMS(16, 0)},
    {.name = "no groups", .in = {X(1, 24, 33, 9), APART(1, 24, 33, 9)}, .out = {1, 24, 1, 1}, .attr = SUMS(24, 0)},
    {.name = "blocks", .in = {X(1, 128, 13, 17), APART(1, 128, 13, 17)}, .out = {1, 128, 1, 1}, .attr = SUMS(128, 0)},
    {.name = "many", .in = {X(1, 8, 104, 120), APART(1, 8, 104, 120)}, .out = {1, 8, 1, 1}, .attr = SUMS(8, 0)},
    {.name = "many, odd", .in = {X(1, 3, 131, 120), APART(1, 3, 131, 120)}, .out = {1, 3, 1, 1}, .attr = SUMS(3, 0)},
    {.name = "sliced", .in = {X(1, 32, 8, 6), NONE}, .out = {1, 16, 1, 1}, .attr = SUMS(16, 16)},
};
#define SKIP(n, c, h, w, pitch) {X(n, pitch, 2 * (h), 2 * (w)), APART(n, c, 2 * (h), 2 * (w)), X(n, c, h, w)}
static const struct optest_case skip_cases[] = {
    {.name = "gradient", .in = SKIP(2, 16, 3, 8, 32), .out = {2, 16, 6, 16}, .attr = OF(16, 0)},
    {.name = "gradient, groups cut", .in = SKIP(1, 16, 3, 5, 32), .out = {1, 16, 6, 10}, .attr = OF(16, 0)},
    {.name = "gradient, wide", .in = SKIP(2, 64, 2, 3, 128), .out = {2, 64, 4, 6}, .attr = OF(64, 64)},
    {.name = "gradient, odd", .in = SKIP(1, 5, 3, 5, 9), .out = {1, 5, 6, 10}, .attr = OF(5, 1)},
    {.name = "sums", .in = SKIP(2, 16, 3, 8, 32), .out = {1, 16, 1, 1}, .attr = SUMS(16, 0)},
    {.name = "sums, blocks", .in = SKIP(1, 128, 9, 7, 256), .out = {1, 128, 1, 1}, .attr = SUMS(128, 0)},
    {.name = "sums, many", .in = SKIP(1, 8, 56, 64, 16), .out = {1, 8, 1, 1}, .attr = SUMS(8, 0)},
    {.name = "sums, odd", .in = SKIP(1, 3, 33, 17, 6), .out = {1, 3, 1, 1}, .attr = SUMS(3, 0)},
    {.name = "ties and NaN",
     .in = {X(1, 32, 8, 16), {.shape = {1, 16, 8, 16}, .make = with_nan}, X(1, 16, 4, 8)},
     .out = {1, 16, 8, 16},
     .attr = OF(16, 0)},
};
static const struct optest_op gated = OPTEST_OF(ref_bias_grad, cases);
static const struct optest_op sums = {
    .name = "bias_grad sums", .of = &ref_bias_grad, .cases = sums_cases, .n_cases = VC_COUNT_OF(sums_cases)};
static const struct optest_op skip = {
    .name = "skip_grad", .of = &ref_bias_grad, .cases = skip_cases, .n_cases = VC_COUNT_OF(skip_cases)};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &gated, &sums, &skip, NULL);
}
