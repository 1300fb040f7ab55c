// The KL consistency loss: [KL 1..4].
#include "support/optest.h"

#include <math.h>
#include <vulcyte/ops.h>

static vc_tensor *build(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_kl_loss(g, in[0], in[1], in[2], *(const struct vc_kl_desc *)attr);
}

enum { MAX_CLASSES = 64 };

// The target of a pixel as the loss takes it; its return says whether the pixel counts in the sum.
static bool take_target(const struct vc_kl_desc *d, const double *target, uint32_t n_c, double *out_t) {
  double power = d->temperature > 0 ? 1 / (double)d->temperature : 1, largest = 0, norm = 0;
  for (uint32_t c = 0; c < n_c; c++) largest = fmax(largest, target[c]);
  for (uint32_t c = 0; c < n_c; c++) norm += pow(target[c] / largest, power);
  for (uint32_t c = 0; c < n_c; c++) {
    out_t[c] = d->temperature > 0 ? pow(target[c] / largest, power) / norm : target[c];
  }
  return d->confidence <= 0 || largest > d->confidence;
}

static double count_valid(const optest_array *valid) {
  double n = 0;
  for (uint64_t i = 0; i < valid->count; i++) n += valid->v[i];
  return fmax(n, 1);
}

static void kl(optest_array *const *in, optest_array *out, const void *attr) {
  uint32_t n_c = in[0]->shape.c;
  double sum = 0, t[MAX_CLASSES];
  for (uint64_t i = 0; i < in[2]->count; i++) {
    const double *p = in[1]->v + i * n_c;
    if (in[2]->v[i] == 0 || !take_target(attr, in[0]->v + i * n_c, n_c, t)) continue;
    for (uint32_t c = 0; c < n_c; c++) sum += t[c] * (log(fmax(t[c], 2.2e-16)) - log(fmax(p[c], 2.2e-16)));
  }
  out->v[0] = sum / count_valid(in[2]);
}

// To the prediction alone.
static void kl_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                   optest_array *const *grad_in, const void *attr) {
  (void)out;
  uint32_t n_c = in[0]->shape.c;
  double t[MAX_CLASSES];
  for (uint64_t i = 0; i < in[2]->count; i++) {
    const double *p = in[1]->v + i * n_c;
    if (in[2]->v[i] == 0 || !take_target(attr, in[0]->v + i * n_c, n_c, t)) continue;
    for (uint32_t c = 0; c < n_c; c++) {
      if (p[c] >= 2.2e-16) grad_in[1]->v[i * n_c + c] -= grad_out->v[0] * t[c] / p[c] / count_valid(in[2]);
    }
  }
}

// One class certain in each pixel, the others exactly 0: the logarithms meet their floor.
static void certain(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  uint32_t n_c = out->shape.c;
  for (uint64_t i = 0; i < out->count / n_c; i++) out->v[i * n_c + vc_rng_below(rng, n_c)] = 1;
}

static const struct vc_kl_desc plain = {0, 0}, confident = {0.6f, 0}, sharp = {0, 0.4f}, flat = {0, 3},
                               cold = {0, 0.005f}, both = {0.55f, 0.5f}, one = {0, 1}, never = {1.5f, 0},
                               negative = {0, -1};
#define P(n, c, h, w)       {.shape = {n, c, h, w}, .fill = OPTEST_SIMPLEX}
#define T(n, c, h, w)       {.shape = {n, c, h, w}, .fill = OPTEST_SIMPLEX, .no_grad = true}
#define CERTAIN(n, c, h, w) {.shape = {n, c, h, w}, .make = certain, .no_grad = true}
#define MASK(n, h, w)       {.shape = {n, 1, h, w}, .fill = OPTEST_MASK, .no_grad = true}
#define ALL(n, h, w)        {.shape = {n, 1, h, w}, .fill = OPTEST_CONST, .lo = 1, .no_grad = true}
#define NONE(n, h, w)       {.shape = {n, 1, h, w}, .fill = OPTEST_ZERO, .no_grad = true}
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
static const struct optest_op op = {.name = "kl",
                                    .build = build,
                                    .reference = kl,
                                    .reference_vjp = kl_vjp,
                                    .cases = cases,
                                    .n_cases = VC_COUNT_OF(cases)};

// The target is a constant, even where its gradient is wanted, and so is a prediction under the floor.
static const struct optest_case constant_cases[] = {
    {.name = "gradient wanted", .in = {P(2, 3, 5, 7), P(2, 3, 5, 7), MASK(2, 5, 7)}, .out = SCALAR, .attr = &plain},
    {.name = "under the floor",
     .in = {P(1, 3, 5, 7), {.shape = {1, 3, 5, 7}, .make = certain}, ALL(1, 5, 7)},
     .out = SCALAR,
     .attr = &plain},
};
static const struct optest_op constant_op = {.name = "kl, constant target",
                                             .build = build,
                                             .reference = kl,
                                             .reference_vjp = kl_vjp,
                                             .vjp_is_definition = true,
                                             .cases = constant_cases,
                                             .n_cases = VC_COUNT_OF(constant_cases)};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &op, &constant_op, NULL);
}
