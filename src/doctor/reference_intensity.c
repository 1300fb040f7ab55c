// The eight intensity operations: [AUG 1..8].
#include "doctor/reference.h"

#include <math.h>
#include <string.h>

enum { BINS = 256 };

void ref_make_intensities(vc_rng *rng, ref_array *out, const void *attr) {
  const struct ref_intensities *a = attr;
  (void)rng;
  for (uint64_t i = 0; i < out->count / 2; i++) {
    uint32_t bits;
    memcpy(&bits, &a->samples[i].magnitude, sizeof bits);
    out->v[2 * i] = a->samples[i].op;
    out->v[2 * i + 1] = bits;
  }
}

// Squares of uniform values, so that histograms are not flat.
void ref_make_grey(vc_rng *rng, ref_array *out, const void *attr) {
  const struct ref_intensities *a = attr;
  for (uint64_t i = 0; i < out->count; i++) {
    double u = vc_rng_uniform(rng, 0, 1), v = u * u;
    if (a->hi > a->lo || a->hi < 0) v = a->lo + (a->hi - a->lo) * v;
    if (a->levels) v = floor(v * a->levels) / (a->levels - 1);
    out->v[i] = (double)(float)v;
  }
}

static vc_tensor *build(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_intensity(g, in[0], in[1]);
}

static double grey(const ref_array *x, uint32_t n, uint32_t row, uint32_t column) {
  const double *v = ref_at(x, n, 0, row, column);
  if (x->shape.c == 3) return 0.299 * v[0] + 0.587 * v[1] + 0.114 * v[2];
  double sum = 0;
  for (uint32_t c = 0; c < x->shape.c; c++) sum += v[c];
  return sum / x->shape.c;
}

static double mean_grey(const ref_array *x, uint32_t n) {
  double sum = 0;
  for (uint32_t row = 0; row < x->shape.h; row++) {
    for (uint32_t column = 0; column < x->shape.w; column++) sum += grey(x, n, row, column);
  }
  return sum / x->shape.h / x->shape.w;
}

static double smoothed(const ref_array *x, uint32_t n, uint32_t c, uint32_t row, uint32_t column) {
  double sum = 4 * *ref_at(x, n, c, row, column);
  if (row == 0 || column == 0 || row + 1 >= x->shape.h || column + 1 >= x->shape.w) return sum / 4;
  for (uint32_t k = 0; k < 9; k++) sum += *ref_at(x, n, c, row - 1 + k / 3, column - 1 + k % 3);
  return sum / 13;
}

// What one channel of one sample is made of.
struct channel {
  double lo, hi;
  bool equalize; // else it stays as it is
  double level[BINS];
};

// Counts are made of the float that the kernel makes too: a value at a bin's edge must fall to the same side.
static void look_at_channel(const ref_array *x, uint32_t n, uint32_t c, struct channel *out) {
  uint64_t count[BINS] = {0}, total = 0, last = 0, n_filled = 0, before = 0;
  *out = (struct channel){.lo = INFINITY, .hi = -INFINITY};
  for (uint32_t i = 0; i < x->shape.h * x->shape.w; i++) {
    double v = *ref_at(x, n, c, i / x->shape.w, i % x->shape.w);
    out->lo = fmin(out->lo, v);
    out->hi = fmax(out->hi, v);
    float scaled = (float)fmin(fmax(v, 0), 1) * 255.0f, level = scaled + 0.5f;
    count[(int)level]++;
  }
  for (int b = 0; b < BINS; b++) {
    total += count[b];
    n_filled += count[b] > 0;
    if (count[b]) last = count[b];
  }
  uint64_t step = (total - last) / 255;
  out->equalize = n_filled > 1 && step > 0;
  for (int b = 0; b < BINS && out->equalize; b++) {
    uint64_t level = (step / 2 + before) / step; // whole, as the definition has it
    out->level[b] = (double)VC_MIN(level, 255) / 255;
    before += count[b];
  }
}

static double equalized(const struct channel *k, double v, bool bytes) {
  if (!k->equalize) return v;
  double at = 255 * fmin(fmax(v, 0), 1);
  if (bytes) return k->level[(int)floor(at + 0.5)]; // a plain table of 256 levels
  int b = (int)at;
  return k->level[b] + (at - b) * (k->level[b < 255 ? b + 1 : 255] - k->level[b]);
}

static double towards(double degenerate, double v, double factor) {
  return degenerate + factor * (v - degenerate);
}

static double changed(const struct ref_intensities *a, const ref_array *x, const struct channel *k, double mean,
                      uint32_t n, uint32_t c, uint32_t row, uint32_t column) {
  double v = *ref_at(x, n, c, row, column), m = (double)a->samples[n].magnitude;
  switch (a->samples[n].op) {
  case VC_AUG_AUTOCONTRAST: return k->hi > k->lo ? (v - k->lo) / (k->hi - k->lo) : v;
  case VC_AUG_INVERT: return 1 - v;
  case VC_AUG_EQUALIZE: return equalized(k, v, a->levels == BINS);
  case VC_AUG_SOLARIZE: return v >= m ? 1 - v : v;
  case VC_AUG_CONTRAST: return towards(mean, v, m);
  case VC_AUG_COLOR: return towards(grey(x, n, row, column), v, m);
  case VC_AUG_BRIGHTNESS: return m * v;
  case VC_AUG_SHARPNESS: return towards(smoothed(x, n, c, row, column), v, m);
  default: return v;
  }
}

static void intensity(ref_array *const *in, ref_array *out, const void *attr) {
  const struct ref_intensities *a = attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    bool copied = a->samples[n].op == VC_AUG_NONE || a->samples[n].op == VC_AUG_ROTATE;
    double mean = mean_grey(in[0], n);
    for (uint32_t c = 0; c < s.c; c++) {
      struct channel k;
      look_at_channel(in[0], n, c, &k);
      for (uint32_t i = 0; i < s.h * s.w; i++) {
        double v = changed(a, in[0], &k, mean, n, c, i / s.w, i % s.w);
        *ref_at(out, n, c, i / s.w, i % s.w) = copied ? v : fmin(fmax(v, 0), 1);
      }
    }
  }
}

const struct ref_op ref_intensity = {.name = "intensity", .build = build, .reference = intensity, .no_vjp = true};
