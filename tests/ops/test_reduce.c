// Sums, norms, histograms, confusion matrices.
#include "support/optest.h"

#include <vulcyte/ops.h>

#define IN(n, c, h, w)      \
  {                         \
    .shape = { n, c, h, w } \
  }
// Values that rounding would eat one by one: 1000 beside terms of about 1e-4.
#define UNEVEN(n, c, h, w) {.shape = {n, c, h, w}, .make = uneven}

static void uneven(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = (float)vc_rng_uniform(rng, 0, 2e-4);
  for (uint32_t c = 0; c < out->shape.c; c++) out->v[c] = 1000;
}

// ---- sums -------------------------------------------------------------------------------------------------------

// 3e-7: the sum is exact to a rounding or two, whatever its length.
static const struct optest_case sum_cases[] = {
    {.name = "one element", .in = {IN(1, 1, 1, 1)}, .out = {1, 1, 1, 1}, .linear = 1},
    {.name = "three elements", .in = {IN(1, 3, 1, 1)}, .out = {1, 1, 1, 1}, .linear = 1},
    {.name = "odd", .in = {IN(2, 3, 5, 7)}, .out = {1, 1, 1, 1}, .linear = 1},
    {.name = "in fours", .in = {IN(2, 8, 5, 7)}, .out = {1, 1, 1, 1}, .linear = 1},
    {.name = "many", .in = {IN(1, 3, 211, 223)}, .out = {1, 1, 1, 1}, .linear = 1},
    {.name = "long and uneven",
     .in = {UNEVEN(1, 1, 1001, 501)},
     .out = {1, 1, 1, 1},
     .tolerance = 3e-7,
     .no_vjp = true},
};
static const struct optest_op sum_op = OPTEST_OF(ref_sum, sum_cases);

static const struct optest_case mean_cases[] = {
    {.name = "one element", .in = {IN(1, 1, 1, 1)}, .out = {1, 1, 1, 1}, .linear = 1},
    {.name = "odd", .in = {IN(2, 3, 5, 7)}, .out = {1, 1, 1, 1}, .linear = 1},
    {.name = "long and uneven",
     .in = {UNEVEN(1, 1, 1001, 501)},
     .out = {1, 1, 1, 1},
     .tolerance = 3e-7,
     .no_vjp = true},
};
static const struct optest_op mean_op = OPTEST_OF(ref_mean, mean_cases);

static const struct optest_case sum_pixels_cases[] = {
    {.name = "one pixel", .in = {IN(1, 5, 1, 1)}, .out = {1, 5, 1, 1}, .linear = 1},
    {.name = "one channel", .in = {IN(2, 1, 5, 7)}, .out = {1, 1, 1, 1}, .linear = 1},
    {.name = "two channels", .in = {IN(1, 2, 50, 70)}, .out = {1, 2, 1, 1}, .linear = 1},
    {.name = "odd", .in = {IN(2, 7, 15, 17)}, .out = {1, 7, 1, 1}, .linear = 1},
    {.name = "16 channels", .in = {IN(1, 16, 64, 64)}, .out = {1, 16, 1, 1}, .linear = 1},
    {.name = "33 channels, batch", .in = {IN(3, 33, 20, 24)}, .out = {1, 33, 1, 1}, .linear = 1},
    {.name = "1024 channels", .in = {IN(1, 1024, 4, 4)}, .out = {1, 1024, 1, 1}, .linear = 1},
    {.name = "long and uneven", .in = {UNEVEN(1, 4, 401, 300)}, .out = {1, 4, 1, 1}, .tolerance = 3e-7, .no_vjp = true},
    {.name = "long and uneven, odd",
     .in = {UNEVEN(1, 3, 401, 300)},
     .out = {1, 3, 1, 1},
     .tolerance = 3e-7,
     .no_vjp = true},
};
static const struct optest_op sum_pixels_op = OPTEST_OF(ref_sum_pixels, sum_pixels_cases);

// Sums of sums: the broadcast that is their adjoint is differentiated too.
static vc_tensor *build_nested(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  vc_tensor *by_channel = vc_sum_pixels(g, vc_mul(g, in[0], in[0]));
  return vc_sum(g, vc_mul(g, by_channel, by_channel));
}

static void nested(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  for (uint32_t c = 0; c < in[0]->shape.c; c++) {
    double s = 0;
    for (uint64_t i = c; i < in[0]->count; i += in[0]->shape.c) s += in[0]->v[i] * in[0]->v[i];
    out->v[0] += s * s;
  }
}

static const struct optest_case nested_cases[] = {
    {.name = "odd", .in = {IN(2, 3, 5, 7)}, .out = {1, 1, 1, 1}},
};
static const struct optest_op nested_op = OPTEST_OP("sums of sums", build_nested, nested, nested_cases);

static const struct optest_case norm_cases[] = {
    {.name = "one element", .in = {IN(1, 1, 1, 1)}, .out = {1, 1, 1, 1}},
    {.name = "odd", .in = {IN(1, 4999, 1, 1)}, .out = {1, 1, 1, 1}},
    {.name = "zero", .in = {{.shape = {1, 33, 1, 1}, .fill = REF_ZERO}}, .out = {1, 1, 1, 1}},
    {.name = "long and uneven", .in = {UNEVEN(1, 1, 1001, 501)}, .out = {1, 1, 1, 1}, .tolerance = 3e-7},
};
static const struct optest_op norm_op = OPTEST_OF(ref_l2_norm, norm_cases);

// ---- histogram --------------------------------------------------------------------------------------------------

// Steps of 1/1024 offset by 1/4096: never within a rounding of a border between bins.
static void off_borders(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = (vc_rng_below(rng, 1400) - 200.0) / 1024 + 1.0 / 4096;
}

static const uint32_t bins_256 = 256, bins_2 = 2, bins_10 = 10, bins_1 = 1;
#define GREY(n, c, h, w) {.shape = {n, c, h, w}, .make = off_borders}
static const struct optest_case histogram_cases[] = {
    {.name = "256 bins", .in = {GREY(1, 1, 65, 67)}, .out = {1, 1, 1, 256}, .attr = &bins_256},
    {.name = "batch, channels", .in = {GREY(2, 3, 33, 35)}, .out = {2, 3, 1, 10}, .attr = &bins_10},
    {.name = "two bins", .in = {GREY(3, 1, 5, 7)}, .out = {3, 1, 1, 2}, .attr = &bins_2},
    {.name = "one pixel", .in = {GREY(1, 2, 1, 1)}, .out = {1, 2, 1, 256}, .attr = &bins_256},
    {.name = "constant",
     .in = {{.shape = {2, 2, 40, 50}, .fill = REF_CONST, .lo = 0.25}},
     .out = {2, 2, 1, 256},
     .attr = &bins_256},
    {.name = "one bin", .in = {GREY(1, 1, 5, 7)}, .attr = &bins_1, .fails = VC_E_SHAPE, .message = "1 bins"},
};
static const struct optest_op histogram_op = OPTEST_OF(ref_histogram, histogram_cases);

// ---- confusion matrix -------------------------------------------------------------------------------------------

static void labels(vc_rng *rng, optest_array *out, const void *attr) {
  for (uint64_t i = 0; i < out->count; i++) {
    out->v[i] = vc_rng_below(rng, 5) ? vc_rng_below(rng, *(const uint32_t *)attr) : VC_IGNORE;
  }
}

static const uint32_t two = 2, seven = 7, many = 64, none = 0;
#define CLASS(n, h, w, top)  {.shape = {n, 1, h, w}, .dtype = VC_U32, .fill = REF_INTEGER, .hi = top}
#define LABELS(n, h, w)      {.shape = {n, 1, h, w}, .dtype = VC_U32, .make = labels}
#define SAME(n, h, w, value) {.shape = {n, 1, h, w}, .dtype = VC_U32, .fill = REF_CONST, .lo = value}
static const struct optest_case confusion_cases[] = {
    {.name = "two classes", .in = {CLASS(2, 33, 35, 1), LABELS(2, 33, 35)}, .out = {1, 4, 1, 1}, .attr = &two},
    {.name = "seven classes", .in = {CLASS(1, 70, 90, 6), LABELS(1, 70, 90)}, .out = {1, 49, 1, 1}, .attr = &seven},
    {.name = "64 classes", .in = {CLASS(1, 90, 80, 63), LABELS(1, 90, 80)}, .out = {1, 4096, 1, 1}, .attr = &many},
    {.name = "all ignored", .in = {CLASS(1, 9, 8, 1), SAME(1, 9, 8, VC_IGNORE)}, .out = {1, 4, 1, 1}, .attr = &two},
    {.name = "one pair", .in = {SAME(1, 90, 80, 1), SAME(1, 90, 80, 0)}, .out = {1, 4, 1, 1}, .attr = &two},
    {.name = "one pixel", .in = {CLASS(1, 1, 1, 1), CLASS(1, 1, 1, 1)}, .out = {1, 4, 1, 1}, .attr = &two},
    {.name = "no classes",
     .in = {CLASS(1, 9, 8, 1), LABELS(1, 9, 8)},
     .attr = &none,
     .fails = VC_E_SHAPE,
     .message = "0 classes"},
    {.name = "other sides",
     .in = {CLASS(1, 9, 8, 1), CLASS(1, 8, 9, 1)},
     .attr = &two,
     .fails = VC_E_SHAPE,
     .message = "the labels is 1 x 1 x 8 x 9"},
    {.name = "probabilities",
     .in = {IN(1, 1, 9, 8), CLASS(1, 9, 8, 1)},
     .attr = &two,
     .fails = VC_E_SHAPE,
     .message = "F32"},
};
static const struct optest_op confusion_op = OPTEST_OF(ref_confusion, confusion_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &sum_op, &mean_op, &sum_pixels_op, &nested_op, &norm_op, &histogram_op, &confusion_op,
                     NULL);
}
