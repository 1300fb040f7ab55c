// Sums, norms, histograms, confusion matrices.
#include "doctor/reference.h"

#include <math.h>

static vc_tensor *build_sum(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_sum(g, in[0]);
}

static void sum(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < in[0]->count; i++) out->v[0] += in[0]->v[i];
}

const struct ref_op ref_sum = {.name = "sum", .build = build_sum, .reference = sum};

static vc_tensor *build_mean(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_mean(g, in[0]);
}

static void mean(ref_array *const *in, ref_array *out, const void *attr) {
  sum(in, out, attr);
  out->v[0] /= (double)in[0]->count;
}

const struct ref_op ref_mean = {.name = "mean", .build = build_mean, .reference = mean};

static vc_tensor *build_sum_pixels(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_sum_pixels(g, in[0]);
}

static void sum_pixels(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < in[0]->count; i++) out->v[i % in[0]->shape.c] += in[0]->v[i];
}

const struct ref_op ref_sum_pixels = {.name = "sum_pixels", .build = build_sum_pixels, .reference = sum_pixels};

static vc_tensor *build_norm(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_l2_norm(g, in[0]);
}

static void norm(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < in[0]->count; i++) out->v[0] += in[0]->v[i] * in[0]->v[i];
  out->v[0] = sqrt(out->v[0]);
}

const struct ref_op ref_l2_norm = {.name = "l2_norm", .build = build_norm, .reference = norm, .no_vjp = true};

static vc_tensor *build_histogram(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_histogram(g, in[0], *(const uint32_t *)attr);
}

// In float, as the kernel: a value on the border of two bins must fall the same way.
static void histogram(ref_array *const *in, ref_array *out, const void *attr) {
  uint32_t bins = *(const uint32_t *)attr;
  struct vc_shape s = in[0]->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      for (uint32_t i = 0; i < s.h * s.w; i++) {
        float v = (float)*ref_at(in[0], n, c, i / s.w, i % s.w);
        v = v < 0 ? 0 : v > 1 ? 1 : v;
        *ref_at(out, n, c, 0, (uint32_t)(v * (float)(bins - 1) + 0.5f)) += 1;
      }
    }
  }
}

const struct ref_op ref_histogram = {
    .name = "histogram", .build = build_histogram, .reference = histogram, .no_vjp = true};

static vc_tensor *build_confusion(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_confusion(g, in[0], in[1], *(const uint32_t *)attr);
}

static void confusion(ref_array *const *in, ref_array *out, const void *attr) {
  uint32_t n_c = *(const uint32_t *)attr;
  for (uint64_t i = 0; i < in[0]->count; i++) {
    uint64_t a = (uint64_t)in[1]->v[i], b = (uint64_t)in[0]->v[i];
    if (a < n_c && b < n_c) out->v[a * n_c + b] += 1;
  }
}

const struct ref_op ref_confusion = {
    .name = "confusion", .build = build_confusion, .reference = confusion, .no_vjp = true};
