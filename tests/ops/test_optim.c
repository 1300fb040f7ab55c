// Optimiser steps: [ADAM 1], [RMSPROP 1].
#include "support/optest.h"

#include <math.h>
#include <vulcyte/ops.h>

enum { LR, REST1, BETA2, REST2, EPS, C1, C2, SCALE }; // REST: one minus beta

// Step 3 with PyTorch's defaults and a gradient scale of 1/8.
static void adam_hyper(vc_rng *rng, optest_array *out, const void *attr) {
  (void)rng, (void)attr;
  const double b1 = 0.9, b2 = 0.999;
  const double values[8] = {0.01, 1 - b1, b2, 1 - b2, 1e-8, 1 / (1 - pow(b1, 3)), 1 / (1 - pow(b2, 3)), 0.125};
  for (int i = 0; i < 8; i++) out->v[i] = (float)values[i];
}

static vc_tensor *build_adam(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_adam(g, in[0], in[1], in[2], in[3], in[4]);
}

static void adam(optest_array *const *in, optest_array *out, const void *attr) {
  (void)out, (void)attr;
  const double *h = in[4]->v;
  double *p = in[0]->v, *m = in[2]->v, *v = in[3]->v;
  for (uint64_t i = 0; i < in[0]->count; i++) {
    double g = h[SCALE] * in[1]->v[i];
    m[i] = (1 - h[REST1]) * m[i] + h[REST1] * g;
    v[i] = h[BETA2] * v[i] + h[REST2] * g * g;
    p[i] -= h[LR] * (m[i] * h[C1]) / (sqrt(v[i] * h[C2]) + h[EPS]);
  }
}

#define PARAMS(k)  {.shape = {1, k, 1, 1}, .in_place = true}
#define GRAD(k)    {.shape = {1, k, 1, 1}, .no_grad = true}
#define SQUARES(k) {.shape = {1, k, 1, 1}, .lo = 0, .hi = 0.01, .in_place = true}
#define FRESH(k)   {.shape = {1, k, 1, 1}, .fill = OPTEST_ZERO, .in_place = true}
#define HYPER      {.shape = {1, 8, 1, 1}, .make = adam_hyper, .no_grad = true}
static const struct optest_case adam_cases[] = {
    {.name = "one", .in = {PARAMS(1), GRAD(1), PARAMS(1), SQUARES(1), HYPER}},
    {.name = "odd", .in = {PARAMS(1003), GRAD(1003), PARAMS(1003), SQUARES(1003), HYPER}},
    {.name = "in fours", .in = {PARAMS(256), GRAD(256), PARAMS(256), SQUARES(256), HYPER}},
    {.name = "many", .in = {PARAMS(100002), GRAD(100002), PARAMS(100002), SQUARES(100002), HYPER}},
    {.name = "first step", .in = {PARAMS(99), GRAD(99), FRESH(99), FRESH(99), HYPER}},
    {.name = "no gradient", .in = {PARAMS(9), {.shape = {1, 9, 1, 1}, .fill = OPTEST_ZERO}, FRESH(9), FRESH(9), HYPER}},
    {.name = "a short state",
     .in = {PARAMS(9), GRAD(9), PARAMS(8), SQUARES(9), HYPER},
     .fails = VC_E_SHAPE,
     .message = "the first state is 1 x 8"},
};
static const struct optest_op adam_op = {.name = "adam",
                                         .build = build_adam,
                                         .reference = adam,
                                         .cases = adam_cases,
                                         .n_cases = VC_COUNT_OF(adam_cases),
                                         .no_vjp = true,
                                         .no_result = true};

static vc_tensor *build_rmsprop(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_rmsprop(g, in[0], in[1], in[2], in[3]);
}

static void rmsprop(optest_array *const *in, optest_array *out, const void *attr) {
  (void)out, (void)attr;
  const double *h = in[3]->v;
  double *p = in[0]->v, *s = in[2]->v;
  for (uint64_t i = 0; i < in[0]->count; i++) {
    double g = h[SCALE] * in[1]->v[i];
    s[i] = h[BETA2] * s[i] + h[REST2] * g * g;
    p[i] -= h[LR] * g / (sqrt(s[i]) + h[EPS]);
  }
}

static const struct optest_case rmsprop_cases[] = {
    {.name = "odd", .in = {PARAMS(1003), GRAD(1003), SQUARES(1003), HYPER}},
    {.name = "in fours", .in = {PARAMS(256), GRAD(256), SQUARES(256), HYPER}},
    {.name = "first step", .in = {PARAMS(99), GRAD(99), FRESH(99), HYPER}},
    {.name = "no gradient", .in = {PARAMS(9), {.shape = {1, 9, 1, 1}, .fill = OPTEST_ZERO}, FRESH(9), HYPER}},
};
static const struct optest_op rmsprop_op = {.name = "rmsprop",
                                            .build = build_rmsprop,
                                            .reference = rmsprop,
                                            .cases = rmsprop_cases,
                                            .n_cases = VC_COUNT_OF(rmsprop_cases),
                                            .no_vjp = true,
                                            .no_result = true};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &adam_op, &rmsprop_op, NULL);
}
