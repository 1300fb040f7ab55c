// Softmax, log-softmax, argmax: [SOFTMAX 1..4].
#include "support/optest.h"

#include <math.h>
#include <vulcyte/ops.h>

static vc_tensor *build_softmax(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_softmax(g, in[0]);
}

static vc_tensor *build_log_softmax(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_log_softmax(g, in[0]);
}

static void log_softmax(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  uint32_t n_c = out->shape.c;
  for (uint64_t i = 0; i < out->count; i += n_c) {
    const double *z = in[0]->v + i;
    double m = z[0], sum = 0;
    for (uint32_t c = 1; c < n_c; c++) m = fmax(m, z[c]);
    for (uint32_t c = 0; c < n_c; c++) sum += exp(z[c] - m);
    for (uint32_t c = 0; c < n_c; c++) out->v[i + c] = z[c] - m - log(sum);
  }
}

static void softmax(optest_array *const *in, optest_array *out, const void *attr) {
  log_softmax(in, out, attr);
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = exp(out->v[i]);
}

#define IN(n, c, h, w)  {.shape = {n, c, h, w}, .lo = -3, .hi = 3}
#define FAR(n, c, h, w) {.shape = {n, c, h, w}, .lo = -90, .hi = 300}
#define CASES                                                                                 \
  {.name = "two classes", .in = {IN(2, 2, 5, 7)}, .out = {2, 2, 5, 7}},                       \
      {.name = "four classes", .in = {IN(1, 4, 5, 7)}, .out = {1, 4, 5, 7}},                  \
      {.name = "one class", .in = {IN(1, 1, 5, 7)}, .out = {1, 1, 5, 7}},                     \
      {.name = "64 classes", .in = {IN(1, 64, 3, 5)}, .out = {1, 64, 3, 5}},                  \
      {.name = "many pixels", .in = {IN(1, 3, 97, 131)}, .out = {1, 3, 97, 131}},             \
      {.name = "large logits", .in = {FAR(1, 5, 9, 7)}, .out = {1, 5, 9, 7}, .no_vjp = true}, \
      {.name = "integers",                                                                    \
       .in = {{.shape = {1, 3, 5, 7}, .dtype = VC_U32}},                                      \
       .fails = VC_E_SHAPE,                                                                   \
       .message = "the operand is U32"},
static const struct optest_case cases[] = {CASES};
static const struct optest_op softmax_op = OPTEST_OP("softmax", build_softmax, softmax, cases);
static const struct optest_op log_softmax_op = OPTEST_OP("log_softmax", build_log_softmax, log_softmax, cases);

static vc_tensor *build_argmax(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_argmax(g, in[0]);
}

static void argmax(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  uint32_t n_c = in[0]->shape.c;
  for (uint64_t i = 0; i < out->count; i++) {
    const double *x = in[0]->v + i * n_c;
    for (uint32_t c = 1; c < n_c; c++) {
      if (x[c] > x[(uint32_t)out->v[i]]) out->v[i] = c;
    }
  }
}

static const struct optest_case argmax_cases[] = {
    {.name = "two classes", .in = {IN(2, 2, 5, 7)}, .out = {2, 1, 5, 7}},
    {.name = "one class", .in = {IN(1, 1, 5, 7)}, .out = {1, 1, 5, 7}},
    {.name = "64 classes, many pixels", .in = {IN(1, 64, 40, 50)}, .out = {1, 1, 40, 50}},
    {.name = "equal values", .in = {{.shape = {1, 5, 20, 7}, .fill = OPTEST_INTEGER, .hi = 2}}, .out = {1, 1, 20, 7}},
    {.name = "all equal", .in = {{.shape = {1, 5, 4, 7}, .fill = OPTEST_CONST, .lo = -1}}, .out = {1, 1, 4, 7}},
};
static const struct optest_op argmax_op = OPTEST_OP("argmax", build_argmax, argmax, argmax_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &softmax_op, &log_softmax_op, &argmax_op, NULL);
}
