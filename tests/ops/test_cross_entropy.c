// The cross-entropy loss: [CE 1..2].
#include "support/optest.h"

#include <math.h>
#include <vulcyte/ops.h>

static void some_ignored(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = vc_rng_below(rng, 5) ? vc_rng_below(rng, 2) : VC_IGNORE;
}

#define LOG_P(n, c, h, w)    {.shape = {n, c, h, w}, .lo = -5, .hi = -0.01}
#define LABELS(n, h, w, top) {.shape = {n, 1, h, w}, .dtype = VC_U32, .fill = REF_INTEGER, .hi = top}
#define MADE(n, h, w, how)   {.shape = {n, 1, h, w}, .dtype = VC_U32, .make = how}
#define SAME(n, h, w, value) {.shape = {n, 1, h, w}, .dtype = VC_U32, .fill = REF_CONST, .lo = value}
#define SCALAR               {1, 1, 1, 1}
static const struct optest_case cases[] = {
    {.name = "one pixel", .in = {LOG_P(1, 2, 1, 1), LABELS(1, 1, 1, 1)}, .out = SCALAR, .linear = 1},
    {.name = "two classes", .in = {LOG_P(2, 2, 5, 7), MADE(2, 5, 7, some_ignored)}, .out = SCALAR, .linear = 1},
    {.name = "one class", .in = {LOG_P(1, 1, 5, 7), LABELS(1, 5, 7, 0)}, .out = SCALAR, .linear = 1},
    {.name = "64 classes", .in = {LOG_P(1, 64, 6, 7), LABELS(1, 6, 7, 63)}, .out = SCALAR, .linear = 1},
    {.name = "all ignored", .in = {LOG_P(1, 2, 5, 7), SAME(1, 5, 7, VC_IGNORE)}, .out = SCALAR, .linear = 1},
    {.name = "labels that are no class", .in = {LOG_P(1, 3, 5, 7), LABELS(1, 5, 7, 6)}, .out = SCALAR, .linear = 1},
    {.name = "many pixels", .in = {LOG_P(2, 3, 101, 97), LABELS(2, 101, 97, 2)}, .out = SCALAR, .linear = 1},
    {.name = "other sides",
     .in = {LOG_P(1, 2, 5, 7), LABELS(1, 7, 5, 1)},
     .fails = VC_E_SHAPE,
     .message = "the labels is 1 x 1 x 7 x 5"},
};
static const struct optest_op op = OPTEST_OF(ref_cross_entropy, cases);

// From logits, as in training.
static vc_tensor *build_logits(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_cross_entropy_loss(g, vc_log_softmax(g, in[0]), in[1]);
}

static void logits(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  uint32_t n_c = in[0]->shape.c;
  double sum = 0, count = 0;
  for (uint64_t i = 0; i < in[1]->count; i++) {
    if (in[1]->v[i] >= n_c) continue;
    double total = 0;
    for (uint32_t c = 0; c < n_c; c++) total += exp(in[0]->v[i * n_c + c]);
    sum += log(total) - in[0]->v[i * n_c + (uint32_t)in[1]->v[i]];
    count += 1;
  }
  out->v[0] = count > 0 ? sum / count : 0;
}

#define LOGITS(n, c, h, w) {.shape = {n, c, h, w}, .lo = -3, .hi = 3}
static const struct optest_case logits_cases[] = {
    {.name = "two classes", .in = {LOGITS(2, 2, 5, 7), MADE(2, 5, 7, some_ignored)}, .out = SCALAR},
    {.name = "five classes", .in = {LOGITS(1, 5, 5, 7), LABELS(1, 5, 7, 4)}, .out = SCALAR},
};
static const struct optest_op logits_op = OPTEST_OP("cross_entropy of logits", build_logits, logits, logits_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &op, &logits_op, NULL);
}
