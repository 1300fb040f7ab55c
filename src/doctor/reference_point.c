// Elementwise functions, softmax, gates: [RELU 1..2], [DROP 1], [SOFTMAX 1..4], [GATE 1..2].
#include "doctor/reference.h"

#include <math.h>

static vc_tensor *build_relu(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_relu(g, in[0]);
}

static void relu(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = in[0]->v[i] < 0 ? 0 : in[0]->v[i]; // NaN passes
}

static void relu_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
                     const void *attr) {
  (void)in, (void)attr;
  for (uint64_t i = 0; i < out->count; i++) grad_in[0]->v[i] += out->v[i] > 0 ? grad_out->v[i] : 0;
}

const struct ref_op ref_relu = {.name = "relu", .build = build_relu, .reference = relu, .vjp = relu_vjp};

static vc_tensor *build_relu_grad(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_relu_grad(g, in[0], in[1]);
}

static void relu_grad(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = in[1]->v[i] > 0 ? in[0]->v[i] : 0;
}

const struct ref_op ref_relu_grad = {.name = "relu_grad", .build = build_relu_grad, .reference = relu_grad};

static vc_tensor *build_combine(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_factors *f = attr;
  return vc_combine(g, in[0], f->a, in[1], f->b);
}

static void combine(ref_array *const *in, ref_array *out, const void *attr) {
  const struct ref_factors *f = attr;
  for (uint64_t i = 0; i < out->count; i++) {
    out->v[i] = (double)f->a * in[0]->v[i] + (in[1] ? (double)f->b * in[1]->v[i] : 0);
  }
}

const struct ref_op ref_combine = {.name = "combine", .build = build_combine, .reference = combine};

static vc_tensor *build_scale(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_factors *f = attr;
  return vc_scale(g, vc_scale(g, in[0], 1), f->a);
}

static void scale(ref_array *const *in, ref_array *out, const void *attr) {
  const struct ref_factors *f = attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = (double)f->a * in[0]->v[i];
}

const struct ref_op ref_scale = {.name = "scale", .build = build_scale, .reference = scale};

static vc_tensor *build_mul(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_mul(g, in[0], in[1]);
}

static void mul(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = in[0]->v[i] * in[1]->v[i];
}

const struct ref_op ref_mul = {.name = "mul", .build = build_mul, .reference = mul};

static vc_tensor *build_add(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_add(g, in[0], in[1]);
}

static void add(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = in[0]->v[i] + in[1]->v[i];
}

const struct ref_op ref_add = {.name = "add", .build = build_add, .reference = add};

// attr: rate, and the element that the mask begins at.
static vc_tensor *build_dropout(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const float *a = attr;
  return vc_dropout(g, in[0], a[0], in[1], (uint64_t)a[1]);
}

static void dropout(ref_array *const *in, ref_array *out, const void *attr) {
  float rate = ((const float *)attr)[0];
  uint64_t first = (uint64_t)((const float *)attr)[1];
  const uint32_t key[2] = {(uint32_t)in[1]->v[0], (uint32_t)in[1]->v[1]};
  for (uint64_t i = 0; i < out->count; i++) {
    uint32_t words[4], counter[4] = {(uint32_t)((first + i) / 4), 0, 0, 0};
    vc_philox(key, counter, words);
    if (words[i % 4] >= rate * 4294967296.0) out->v[i] = in[0]->v[i] / (1 - (double)rate);
  }
}

const struct ref_op ref_dropout = {.name = "dropout", .build = build_dropout, .reference = dropout};

// ---- classes ----------------------------------------------------------------------------------------------------

static vc_tensor *build_softmax(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_softmax(g, in[0]);
}

static vc_tensor *build_log_softmax(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_log_softmax(g, in[0]);
}

static void log_softmax(ref_array *const *in, ref_array *out, const void *attr) {
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

static void softmax(ref_array *const *in, ref_array *out, const void *attr) {
  log_softmax(in, out, attr);
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = exp(out->v[i]);
}

static void softmax_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out,
                        ref_array *const *grad_in, const void *attr) {
  (void)in, (void)attr;
  uint32_t n_c = out->shape.c;
  for (uint64_t i = 0; i < out->count; i += n_c) {
    double mean = 0;
    for (uint32_t c = 0; c < n_c; c++) mean += out->v[i + c] * grad_out->v[i + c];
    for (uint32_t c = 0; c < n_c; c++) grad_in[0]->v[i + c] += out->v[i + c] * (grad_out->v[i + c] - mean);
  }
}

const struct ref_op ref_softmax = {.name = "softmax", .build = build_softmax, .reference = softmax, .vjp = softmax_vjp};

const struct ref_op ref_log_softmax = {.name = "log_softmax", .build = build_log_softmax, .reference = log_softmax};

static vc_tensor *build_argmax(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_argmax(g, in[0]);
}

static void argmax(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  uint32_t n_c = in[0]->shape.c;
  for (uint64_t i = 0; i < out->count; i++) {
    const double *x = in[0]->v + i * n_c;
    for (uint32_t c = 1; c < n_c; c++) {
      if (x[c] > x[(uint32_t)out->v[i]]) out->v[i] = c;
    }
  }
}

const struct ref_op ref_argmax = {.name = "argmax", .build = build_argmax, .reference = argmax, .no_vjp = true};

static vc_tensor *build_tsa(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_tsa_labels(g, in[0], in[1], in[2]);
}

static void tsa(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  uint32_t n_c = in[1]->shape.c;
  for (uint64_t i = 0; i < out->count; i++) {
    double label = in[0]->v[i];
    bool is_known = label < n_c && in[1]->v[i * n_c + (uint32_t)label] > in[2]->v[0];
    out->v[i] = is_known ? VC_IGNORE : label;
  }
}

const struct ref_op ref_tsa_labels = {.name = "tsa_labels", .build = build_tsa, .reference = tsa, .no_vjp = true};

static vc_tensor *build_mask(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_confident_mask(g, in[0], in[1], *(const float *)attr);
}

static void mask(ref_array *const *in, ref_array *out, const void *attr) {
  uint32_t n_c = in[1]->shape.c;
  for (uint64_t i = 0; i < out->count; i++) {
    double largest = 0;
    for (uint32_t c = 0; c < n_c; c++) largest = fmax(largest, in[1]->v[i * n_c + c]);
    out->v[i] = largest > (double)*(const float *)attr ? in[0]->v[i] : 0;
  }
}

const struct ref_op ref_confident_mask = {
    .name = "confident_mask", .build = build_mask, .reference = mask, .no_vjp = true};
