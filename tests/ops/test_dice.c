// The Dice loss: [DICE 1..4].
#include "support/optest.h"

#include <vulcyte/ops.h>

// Classes up to c of the probabilities, a fifth of the pixels ignored.
static void some_ignored(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = vc_rng_below(rng, 5) ? vc_rng_below(rng, 2) : VC_IGNORE;
}

// Class 1 in one pixel alone.
static void one_pixel(vc_rng *rng, optest_array *out, const void *attr) {
  (void)rng, (void)attr;
  out->v[out->count / 2] = 1;
}

static const struct vc_dice_desc kinds[] = {
    {VC_DICE_SQUARES, VC_DICE_UNIFORM},
    {VC_DICE_SUM, VC_DICE_UNIFORM},
    {VC_DICE_SQUARES, VC_DICE_GENERALISED},
    {VC_DICE_SUM, VC_DICE_GENERALISED},
};

#define P(n, c, h, w)        {.shape = {n, c, h, w}, .fill = REF_SIMPLEX}
#define LABELS(n, h, w, top) {.shape = {n, 1, h, w}, .dtype = VC_U32, .fill = REF_INTEGER, .hi = top}
#define MADE(n, h, w, how)   {.shape = {n, 1, h, w}, .dtype = VC_U32, .make = how}
#define SAME(n, h, w, value) {.shape = {n, 1, h, w}, .dtype = VC_U32, .fill = REF_CONST, .lo = value}
#define SCALAR               {1, 1, 1, 1}
#define CASES(kind)                                                                                                   \
  {.name = "one pixel", .in = {P(1, 2, 1, 1), LABELS(1, 1, 1, 1)}, .out = SCALAR, .attr = kind},                      \
      {.name = "two classes", .in = {P(2, 2, 5, 7), MADE(2, 5, 7, some_ignored)}, .out = SCALAR, .attr = kind},       \
      {.name = "one class", .in = {P(1, 1, 5, 7), LABELS(1, 5, 7, 0)}, .out = SCALAR, .attr = kind},                  \
      {.name = "five classes", .in = {P(1, 5, 9, 7), LABELS(1, 9, 7, 4)}, .out = SCALAR, .attr = kind},               \
      {.name = "64 classes", .in = {P(1, 64, 6, 7), LABELS(1, 6, 7, 63)}, .out = SCALAR, .attr = kind},               \
      {.name = "classes absent", .in = {P(1, 4, 9, 7), MADE(1, 9, 7, some_ignored)}, .out = SCALAR, .attr = kind},    \
      {.name = "one pixel of a class", .in = {P(1, 2, 9, 9), MADE(1, 9, 9, one_pixel)}, .out = SCALAR, .attr = kind}, \
      {.name = "all ignored", .in = {P(1, 2, 5, 7), SAME(1, 5, 7, VC_IGNORE)}, .out = SCALAR, .attr = kind},          \
      {.name = "labels that are no class", .in = {P(1, 3, 5, 7), LABELS(1, 5, 7, 6)}, .out = SCALAR, .attr = kind},   \
      {.name = "many pixels", .in = {P(2, 3, 101, 97), LABELS(2, 101, 97, 2)}, .out = SCALAR, .attr = kind},          \
      {.name = "many classes and pixels",                                                                             \
       .in = {P(1, 33, 61, 67), LABELS(1, 61, 67, 32)},                                                               \
       .out = SCALAR,                                                                                                 \
       .attr = kind},

static const struct optest_case squares[] = {
    CASES(&kinds[0]){.name = "other sides",
                     .in = {P(1, 2, 5, 7), LABELS(1, 7, 5, 1)},
                     .attr = &kinds[0],
                     .fails = VC_E_SHAPE,
                     .message = "the labels is 1 x 1 x 7 x 5"},
    {.name = "labels as F32",
     .in = {P(1, 2, 5, 7), P(1, 1, 5, 7)},
     .attr = &kinds[0],
     .fails = VC_E_SHAPE,
     .message = "the labels is F32"},
};
static const struct optest_case sums[] = {CASES(&kinds[1])};
static const struct optest_case generalised[] = {CASES(&kinds[2])};
static const struct optest_case generalised_sums[] = {CASES(&kinds[3])};
static const struct optest_op ops[] = {
    OPTEST_OF(ref_dice, squares),
    {.name = "dice, sums", .of = &ref_dice, .cases = sums, .n_cases = VC_COUNT_OF(sums)},
    {.name = "generalised dice", .of = &ref_dice, .cases = generalised, .n_cases = VC_COUNT_OF(generalised)},
    {.name = "generalised dice, sums",
     .of = &ref_dice,
     .cases = generalised_sums,
     .n_cases = VC_COUNT_OF(generalised_sums)},
};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &ops[0], &ops[1], &ops[2], &ops[3], NULL);
}
