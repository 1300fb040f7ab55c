// Normalisation and optimisers: [STAT 1..6], [ADAM 1], [RMSPROP 1].
#include "doctor/reference.h"

#include <math.h>

// in[] = x, w, b.
static vc_tensor *build_norm(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_normalise(g, in[0], in[1], in[2], *(const struct vc_norm_desc *)attr, NULL);
}

// in[] = x, w, b, running mean, variance, count.
static vc_tensor *build_tracked(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct vc_norm_running running = {in[3], in[4], in[5]};
  return vc_normalise(g, in[0], in[1], in[2], *(const struct vc_norm_desc *)attr, &running);
}

struct moments {
  double mean, variance, n;
};

// Of the pixels of sample `only` (of all samples where it is N) in channels first..first+count.
static struct moments find_moments(const ref_array *x, uint32_t only, uint32_t first, uint32_t count) {
  struct moments m = {0};
  for (int pass = 0; pass < 2; pass++) {
    double sum = 0, n = 0;
    for (uint32_t s = 0; s < x->shape.n; s++) {
      if (only < x->shape.n && s != only) continue;
      for (uint32_t c = first; c < first + count; c++) {
        for (uint32_t y = 0; y < x->shape.h; y++) {
          for (uint32_t w = 0; w < x->shape.w; w++, n++) {
            double v = *ref_at(x, s, c, y, w);
            sum += pass == 0 ? v : (v - m.mean) * (v - m.mean);
          }
        }
      }
    }
    *(pass == 0 ? &m.mean : &m.variance) = sum / n;
    m.n = n;
  }
  return m;
}

static void apply(const ref_array *x, uint32_t n, uint32_t c, struct moments m, double w, double b, bool relu,
                  ref_array *out) {
  for (uint32_t i = 0; i < x->shape.h; i++) {
    for (uint32_t j = 0; j < x->shape.w; j++) {
      double y = w * (*ref_at(x, n, c, i, j) - m.mean) / sqrt(m.variance + 1e-5) + b;
      *ref_at(out, n, c, i, j) = relu ? fmax(y, 0) : y;
    }
  }
}

static void norm(ref_array *const *in, ref_array *out, const void *attr) {
  const struct vc_norm_desc *d = attr;
  struct vc_shape s = in[0]->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      uint32_t group = d->kind == VC_NORM_GROUP ? s.c / 8 : 1;
      struct moments m = find_moments(in[0], d->kind == VC_NORM_BATCH ? s.n : n, c / group * group, group);
      apply(in[0], n, c, m, in[1]->v[c], in[2]->v[c], d->relu, out);
    }
  }
}

// The gradient of the elements of one set, which share statistics m: samples first_n..last_n, channels c0..c1.
struct set {
  uint32_t first_n, last_n, c0, c1;
  struct moments m;
  bool is_fixed, relu;
};

static void set_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
                    const struct set *s) {
  double scale = 1 / sqrt(s->m.variance + 1e-5), mean = 0, mean_h = 0, count = 0;
  for (int pass = s->is_fixed ? 1 : 0; pass < 2; pass++) {
    for (uint32_t n = s->first_n; n < s->last_n; n++) {
      for (uint32_t c = s->c0; c < s->c1; c++) {
        for (uint32_t y = 0; y < out->shape.h; y++) {
          for (uint32_t x = 0; x < out->shape.w; x++) {
            double h = (*ref_at(in[0], n, c, y, x) - s->m.mean) * scale, w = in[1]->v[c];
            double g = s->relu && *ref_at(out, n, c, y, x) <= 0 ? 0 : *ref_at(grad_out, n, c, y, x);
            if (pass == 0) {
              mean += w * g;
              mean_h += w * g * h;
              count += 1;
              continue;
            }
            if (grad_in[0]) *ref_at(grad_in[0], n, c, y, x) += scale * (w * g - mean - h * mean_h);
            if (grad_in[1]) grad_in[1]->v[c] += g * h;
            if (grad_in[2]) grad_in[2]->v[c] += g;
          }
        }
      }
    }
    if (pass == 0) {
      mean /= count;
      mean_h /= count;
    }
  }
}

static void norm_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
                     const void *attr) {
  const struct vc_norm_desc *d = attr;
  struct vc_shape s = in[0]->shape;
  bool is_batch = d->kind == VC_NORM_BATCH;
  uint32_t group = d->kind == VC_NORM_GROUP ? s.c / 8 : 1;
  for (uint32_t n = 0; n < (is_batch ? 1 : s.n); n++) {
    for (uint32_t c = 0; c < s.c; c += group) {
      struct moments m = find_moments(in[0], is_batch ? s.n : n, c, group);
      struct set set = {n, is_batch ? s.n : n + 1, c, c + group, m, false, d->relu};
      set_vjp(in, out, grad_out, grad_in, &set);
    }
  }
}

static void norm_tracked(ref_array *const *in, ref_array *out, const void *attr) {
  norm(in, out, attr);
  for (uint32_t c = 0; c < in[0]->shape.c; c++) {
    struct moments m = find_moments(in[0], in[0]->shape.n, c, 1);
    in[3]->v[c] = 0.9 * in[3]->v[c] + 0.1 * m.mean;
    in[4]->v[c] = 0.9 * in[4]->v[c] + 0.1 * m.variance * m.n / (m.n - 1);
  }
  in[5]->v[0] += 1;
}

// in[] = x, w, b, mean, variance.
static vc_tensor *build_by(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_normalise_by(g, in[0], in[1], in[2], in[3], in[4], *(const bool *)attr);
}

static void norm_by(ref_array *const *in, ref_array *out, const void *attr) {
  for (uint32_t n = 0; n < in[0]->shape.n; n++) {
    for (uint32_t c = 0; c < in[0]->shape.c; c++) {
      struct moments m = {.mean = in[3]->v[c], .variance = in[4]->v[c]};
      apply(in[0], n, c, m, in[1]->v[c], in[2]->v[c], *(const bool *)attr, out);
    }
  }
}

static void norm_by_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out,
                        ref_array *const *grad_in, const void *attr) {
  struct vc_shape s = in[0]->shape;
  for (uint32_t c = 0; c < s.c; c++) {
    struct moments m = {.mean = in[3]->v[c], .variance = in[4]->v[c]};
    struct set set = {0, s.n, c, c + 1, m, true, *(const bool *)attr};
    set_vjp(in, out, grad_out, grad_in, &set);
  }
}

const struct ref_op ref_norm = {.name = "norm", .build = build_norm, .reference = norm, .vjp = norm_vjp};

const struct ref_op ref_norm_tracked = {
    .name = "norm_tracked", .build = build_tracked, .reference = norm_tracked, .vjp = norm_vjp};

const struct ref_op ref_norm_by = {.name = "norm_by", .build = build_by, .reference = norm_by, .vjp = norm_by_vjp};

// ---- optimisers -------------------------------------------------------------------------------------------------

enum { LR, REST1, BETA2, REST2, EPS, C1, C2, SCALE }; // REST: one minus beta

// Step 3 with PyTorch's defaults and a gradient scale of 1/8.
void ref_make_adam_hyper(vc_rng *rng, ref_array *out, const void *attr) {
  (void)rng, (void)attr;
  const double b1 = 0.9, b2 = 0.999;
  const double values[8] = {0.01, 1 - b1, b2, 1 - b2, 1e-8, 1 / (1 - pow(b1, 3)), 1 / (1 - pow(b2, 3)), 0.125};
  for (int i = 0; i < 8; i++) out->v[i] = (float)values[i];
}

static vc_tensor *build_adam(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_adam(g, in[0], in[1], in[2], in[3], in[4]);
}

static void adam(ref_array *const *in, ref_array *out, const void *attr) {
  (void)out, (void)attr;
  const double *h = in[4]->v;
  double *p = in[0]->v, *m = in[2]->v, *v = in[3]->v;
  for (uint64_t i = 0; i < in[0]->count && h[SCALE] > 0; i++) {
    double g = h[SCALE] * in[1]->v[i];
    m[i] = (1 - h[REST1]) * m[i] + h[REST1] * g;
    v[i] = h[BETA2] * v[i] + h[REST2] * g * g;
    p[i] -= h[LR] * (m[i] * h[C1]) / (sqrt(v[i] * h[C2]) + h[EPS]);
  }
}

const struct ref_op ref_adam = {
    .name = "adam", .build = build_adam, .reference = adam, .no_vjp = true, .no_result = true};

static vc_tensor *build_rmsprop(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_rmsprop(g, in[0], in[1], in[2], in[3]);
}

static void rmsprop(ref_array *const *in, ref_array *out, const void *attr) {
  (void)out, (void)attr;
  const double *h = in[3]->v;
  double *p = in[0]->v, *s = in[2]->v;
  for (uint64_t i = 0; i < in[0]->count && h[SCALE] > 0; i++) {
    double g = h[SCALE] * in[1]->v[i];
    s[i] = h[BETA2] * s[i] + h[REST2] * g * g;
    p[i] -= h[LR] * g / (sqrt(s[i]) + h[EPS]);
  }
}

const struct ref_op ref_rmsprop = {
    .name = "rmsprop", .build = build_rmsprop, .reference = rmsprop, .no_vjp = true, .no_result = true};

void ref_make_zero_scale_hyper(vc_rng *rng, ref_array *out, const void *attr) {
  ref_make_adam_hyper(rng, out, attr);
  out->v[SCALE] = 0;
}

void ref_make_infinite(vc_rng *rng, ref_array *out, const void *attr) {
  (void)rng, (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = i % 2 ? (double)INFINITY : (double)NAN;
}

// ---- loss scaling -----------------------------------------------------------------------------------------------

void ref_make_loss_scale(vc_rng *rng, ref_array *out, const void *attr) {
  (void)rng;
  const struct ref_loss_scale *a = attr;
  const double values[4] = {a->scale, a->since, 3, 0};
  for (int i = 0; i < 4; i++) out->v[i] = values[i];
}

static vc_tensor *build_loss_scale(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_loss_scale(g, in[0], in[1], in[2]);
}

static void loss_scale(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  const bool is_number = isfinite(in[1]->v[0]);
  double *s = in[2]->v;
  for (int i = 0; i < SCALE; i++) out->v[i] = in[0]->v[i];
  out->v[SCALE] = is_number ? in[0]->v[SCALE] / s[0] : 0;
  s[3] = s[0];
  s[1]++;
  if (!is_number) {
    s[0] = VC_MAX(s[0] / 2, 1);
    s[1] = 0;
    s[2]++;
  } else if (s[1] >= 2000) {
    s[0] = VC_MIN(2 * s[0], 0x1p24);
    s[1] = 0;
  }
}

const struct ref_op ref_loss_scale = {
    .name = "loss_scale", .build = build_loss_scale, .reference = loss_scale, .no_vjp = true};
