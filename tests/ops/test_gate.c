// Gates by probability: [GATE 1..2].
#include "support/optest.h"

#include <vulcyte/ops.h>

// A fifth of the pixels ignored.
static void some_ignored(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = vc_rng_below(rng, 5) ? vc_rng_below(rng, 2) : VC_IGNORE;
}

// Probabilities of exactly one half, or one.
static void halves(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i += 2) {
    uint32_t kind = vc_rng_below(rng, 3);
    out->v[i] = kind == 0 ? 1 : kind == 1 ? 0.5 : 0;
    out->v[i + 1] = 1 - out->v[i];
  }
}

static const float half = 0.5f, low = 0, high = 0.9f;
#define P(n, c, h, w)        {.shape = {n, c, h, w}, .fill = REF_SIMPLEX}
#define HALVES(n, c, h, w)   {.shape = {n, c, h, w}, .make = halves}
#define LABELS(n, h, w, top) {.shape = {n, 1, h, w}, .dtype = VC_U32, .fill = REF_INTEGER, .hi = top}
#define MADE(n, h, w, how)   {.shape = {n, 1, h, w}, .dtype = VC_U32, .make = how}
#define MASK(n, h, w)        {.shape = {n, 1, h, w}, .fill = REF_MASK}
#define VALUE(x)             {.shape = {1, 1, 1, 1}, .fill = REF_CONST, .lo = x}
static const struct optest_case label_cases[] = {
    {.name = "one pixel", .in = {LABELS(1, 1, 1, 1), P(1, 2, 1, 1), VALUE(0.5)}, .out = {1, 1, 1, 1}},
    {.name = "two classes", .in = {MADE(2, 5, 7, some_ignored), P(2, 2, 5, 7), VALUE(0.6)}, .out = {2, 1, 5, 7}},
    {.name = "five classes", .in = {LABELS(1, 9, 7, 4), P(1, 5, 9, 7), VALUE(0.25)}, .out = {1, 1, 9, 7}},
    {.name = "labels that are no class", .in = {LABELS(1, 9, 7, 6), P(1, 3, 9, 7), VALUE(0.1)}, .out = {1, 1, 9, 7}},
    {.name = "at the threshold", .in = {LABELS(1, 9, 7, 1), HALVES(1, 2, 9, 7), VALUE(0.5)}, .out = {1, 1, 9, 7}},
    {.name = "all known", .in = {LABELS(1, 9, 7, 1), P(1, 2, 9, 7), VALUE(0)}, .out = {1, 1, 9, 7}},
    {.name = "none known", .in = {LABELS(1, 9, 7, 1), P(1, 2, 9, 7), VALUE(1)}, .out = {1, 1, 9, 7}},
    {.name = "many pixels", .in = {LABELS(2, 199, 201, 2), P(2, 3, 199, 201), VALUE(0.4)}, .out = {2, 1, 199, 201}},
    {.name = "other sides",
     .in = {LABELS(1, 7, 5, 1), P(1, 2, 5, 7), VALUE(0.5)},
     .fails = VC_E_SHAPE,
     .message = "the labels is 1 x 1 x 7 x 5"},
    {.name = "labels as F32",
     .in = {MASK(1, 5, 7), P(1, 2, 5, 7), VALUE(0.5)},
     .fails = VC_E_SHAPE,
     .message = "the labels is F32"},
    {.name = "two thresholds",
     .in = {LABELS(1, 5, 7, 1), P(1, 2, 5, 7), {.shape = {1, 2, 1, 1}}},
     .fails = VC_E_SHAPE,
     .message = "the threshold is 1 x 2"},
};
static const struct optest_case mask_cases[] = {
    {.name = "one pixel", .in = {MASK(1, 1, 1), P(1, 2, 1, 1)}, .out = {1, 1, 1, 1}, .attr = &half},
    {.name = "two classes", .in = {MASK(2, 5, 7), P(2, 2, 5, 7)}, .out = {2, 1, 5, 7}, .attr = &high},
    {.name = "five classes", .in = {MASK(1, 9, 7), P(1, 5, 9, 7)}, .out = {1, 1, 9, 7}, .attr = &half},
    {.name = "at the threshold", .in = {MASK(1, 9, 7), HALVES(1, 2, 9, 7)}, .out = {1, 1, 9, 7}, .attr = &half},
    {.name = "all confident", .in = {MASK(1, 9, 7), P(1, 2, 9, 7)}, .out = {1, 1, 9, 7}, .attr = &low},
    {.name = "many pixels", .in = {MASK(2, 199, 201), P(2, 3, 199, 201)}, .out = {2, 1, 199, 201}, .attr = &half},
    {.name = "other sides",
     .in = {MASK(1, 7, 5), P(1, 2, 5, 7)},
     .attr = &half,
     .fails = VC_E_SHAPE,
     .message = "the validity mask is 1 x 1 x 7 x 5"},
};
static const struct optest_op ops[] = {OPTEST_OF(ref_tsa_labels, label_cases),
                                       OPTEST_OF(ref_confident_mask, mask_cases)};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &ops[0], &ops[1], NULL);
}
