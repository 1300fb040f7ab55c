// The eight intensity operations.
#include "support/optest.h"

#include <vulcyte/ops.h>

#include <math.h>
#include <string.h>

enum { MAX_SAMPLES = 10, BINS = 256 };

struct intensity_case {
  struct {
    enum vc_augment_op op;
    float magnitude;
  } samples[MAX_SAMPLES];
  uint32_t levels; // values are multiples of 1 / (levels - 1); 0: any
  double lo, hi;   // of the values; 0, 0: all of [0, 1]
};

static void make_ops(vc_rng *rng, optest_array *out, const void *attr) {
  const struct intensity_case *a = attr;
  (void)rng;
  for (uint64_t i = 0; i < out->count / 2; i++) {
    uint32_t bits;
    memcpy(&bits, &a->samples[i].magnitude, sizeof bits);
    out->v[2 * i] = a->samples[i].op;
    out->v[2 * i + 1] = bits;
  }
}

// Squares of uniform values, so that histograms are not flat.
static void make_image(vc_rng *rng, optest_array *out, const void *attr) {
  const struct intensity_case *a = attr;
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

static double grey(const optest_array *x, uint32_t n, uint32_t row, uint32_t column) {
  const double *v = optest_at(x, n, 0, row, column);
  if (x->shape.c == 3) return 0.299 * v[0] + 0.587 * v[1] + 0.114 * v[2];
  double sum = 0;
  for (uint32_t c = 0; c < x->shape.c; c++) sum += v[c];
  return sum / x->shape.c;
}

static double mean_grey(const optest_array *x, uint32_t n) {
  double sum = 0;
  for (uint32_t row = 0; row < x->shape.h; row++) {
    for (uint32_t column = 0; column < x->shape.w; column++) sum += grey(x, n, row, column);
  }
  return sum / x->shape.h / x->shape.w;
}

static double smoothed(const optest_array *x, uint32_t n, uint32_t c, uint32_t row, uint32_t column) {
  double sum = 4 * *optest_at(x, n, c, row, column);
  if (row == 0 || column == 0 || row + 1 >= x->shape.h || column + 1 >= x->shape.w) return sum / 4;
  for (uint32_t k = 0; k < 9; k++) sum += *optest_at(x, n, c, row - 1 + k / 3, column - 1 + k % 3);
  return sum / 13;
}

// What one channel of one sample is made of.
struct channel {
  double lo, hi;
  bool equalize; // else it stays as it is
  double level[BINS];
};

// Counts are made of the float that the kernel makes too: a value at a bin's edge must fall to the same side.
static void look_at_channel(const optest_array *x, uint32_t n, uint32_t c, struct channel *out) {
  uint64_t count[BINS] = {0}, total = 0, last = 0, n_filled = 0, before = 0;
  *out = (struct channel){.lo = INFINITY, .hi = -INFINITY};
  for (uint32_t i = 0; i < x->shape.h * x->shape.w; i++) {
    double v = *optest_at(x, n, c, i / x->shape.w, i % x->shape.w);
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
    out->level[b] = fmin((double)((step / 2 + before) / step), 255) / 255;
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

static double changed(const struct intensity_case *a, const optest_array *x, const struct channel *k, double mean,
                      uint32_t n, uint32_t c, uint32_t row, uint32_t column) {
  double v = *optest_at(x, n, c, row, column), m = (double)a->samples[n].magnitude;
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

static void reference(optest_array *const *in, optest_array *out, const void *attr) {
  const struct intensity_case *a = attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    bool copied = a->samples[n].op == VC_AUG_NONE || a->samples[n].op == VC_AUG_ROTATE;
    double mean = mean_grey(in[0], n);
    for (uint32_t c = 0; c < s.c; c++) {
      struct channel k;
      look_at_channel(in[0], n, c, &k);
      for (uint32_t i = 0; i < s.h * s.w; i++) {
        double v = changed(a, in[0], &k, mean, n, c, i / s.w, i % s.w);
        *optest_at(out, n, c, i / s.w, i % s.w) = copied ? v : fmin(fmax(v, 0), 1);
      }
    }
  }
}

// Every operation, one a sample.
#define ALL_OPS                                                                                                \
  {VC_AUG_NONE, 0}, {VC_AUG_ROTATE, 1.5f}, {VC_AUG_AUTOCONTRAST, 0}, {VC_AUG_INVERT, 0}, {VC_AUG_EQUALIZE, 0}, \
      {VC_AUG_SOLARIZE, 0.4f}, {VC_AUG_CONTRAST, 1.7f}, {VC_AUG_COLOR, 0.3f}, {VC_AUG_BRIGHTNESS, 1.6f},       \
      {VC_AUG_SHARPNESS, 1.9f}

static const struct intensity_case any = {.samples = {ALL_OPS}}, bytes = {.samples = {ALL_OPS}, .levels = 256};
static const struct intensity_case narrow = {.samples = {ALL_OPS}, .lo = 0.2, .hi = 0.45};
static const struct intensity_case beyond = {.samples = {ALL_OPS}, .lo = -0.3, .hi = 1.4};
static const struct intensity_case two_levels = {.samples = {ALL_OPS}, .levels = 2};
static const struct intensity_case weak = {
    .samples = {{VC_AUG_CONTRAST, 0.1f}, {VC_AUG_BRIGHTNESS, 0.1f}, {VC_AUG_SHARPNESS, 0.1f}, {VC_AUG_COLOR, 1.9f}}};
static const struct intensity_case equalize = {.samples = {{VC_AUG_EQUALIZE, 0}}};
static const struct intensity_case equalize_bytes = {.samples = {{VC_AUG_EQUALIZE, 0}}, .levels = 256};
static const struct intensity_case solarize_ends = {.samples = {{VC_AUG_SOLARIZE, 0}, {VC_AUG_SOLARIZE, 1}},
                                                    .levels = 16};

#define IMAGES(n, c, h, w)   {.shape = {n, c, h, w}, .make = make_image}
#define CONSTANT(n, c, h, w) {.shape = {n, c, h, w}, .fill = OPTEST_CONST, .lo = 0.375}
#define OPS(n)               {.shape = {1, 2 * (n), 1, 1}, .dtype = VC_U32, .make = make_ops}

static const struct optest_case cases[] = {
    {.name = "all, 1 channel", .in = {IMAGES(10, 1, 40, 27), OPS(10)}, .out = {10, 1, 40, 27}, .attr = &any},
    {.name = "all, 2 channels", .in = {IMAGES(10, 2, 33, 28), OPS(10)}, .out = {10, 2, 33, 28}, .attr = &any},
    {.name = "all, 3 channels", .in = {IMAGES(10, 3, 31, 30), OPS(10)}, .out = {10, 3, 31, 30}, .attr = &any},
    {.name = "all, 4 channels", .in = {IMAGES(10, 4, 24, 24), OPS(10)}, .out = {10, 4, 24, 24}, .attr = &any},
    // 255 x is not a whole number in float: the table's slope of up to 255 levels a bin makes more of that.
    {.name = "all, 8 bits, 1 channel",
     .in = {IMAGES(10, 1, 40, 27), OPS(10)},
     .out = {10, 1, 40, 27},
     .attr = &bytes,
     .tolerance = 1e-4},
    {.name = "all, 8 bits, 3 channels",
     .in = {IMAGES(10, 3, 40, 27), OPS(10)},
     .out = {10, 3, 40, 27},
     .attr = &bytes,
     .tolerance = 1e-4}, // as above
    {.name = "all, low contrast", .in = {IMAGES(10, 1, 25, 41), OPS(10)}, .out = {10, 1, 25, 41}, .attr = &narrow},
    {.name = "all, beyond [0, 1]", .in = {IMAGES(10, 3, 25, 41), OPS(10)}, .out = {10, 3, 25, 41}, .attr = &beyond},
    {.name = "all, two levels", .in = {IMAGES(10, 1, 30, 40), OPS(10)}, .out = {10, 1, 30, 40}, .attr = &two_levels},
    {.name = "all, constant", .in = {CONSTANT(10, 3, 30, 20), OPS(10)}, .out = {10, 3, 30, 20}, .attr = &any},
    {.name = "all, one pixel", .in = {IMAGES(10, 3, 1, 1), OPS(10)}, .out = {10, 3, 1, 1}, .attr = &any},
    {.name = "all, width 2", .in = {IMAGES(10, 1, 9, 2), OPS(10)}, .out = {10, 1, 9, 2}, .attr = &any},
    {.name = "small factors", .in = {IMAGES(4, 3, 20, 21), OPS(4)}, .out = {4, 3, 20, 21}, .attr = &weak},
    {.name = "solarize at both ends",
     .in = {IMAGES(2, 1, 20, 21), OPS(2)},
     .out = {2, 1, 20, 21},
     .attr = &solarize_ends},
    {.name = "equalize, few pixels", .in = {IMAGES(1, 1, 13, 17), OPS(1)}, .out = {1, 1, 13, 17}, .attr = &equalize},
    {.name = "equalize, many parts",
     .in = {IMAGES(1, 2, 200, 230), OPS(1)},
     .out = {1, 2, 200, 230},
     .attr = &equalize},
    {.name = "equalize, 8 bits",
     .in = {IMAGES(1, 1, 200, 230), OPS(1)},
     .out = {1, 1, 200, 230},
     .attr = &equalize_bytes,
     .tolerance = 1e-4}, // as above
    {.name = "all, many parts", .in = {IMAGES(10, 1, 150, 130), OPS(10)}, .out = {10, 1, 150, 130}, .attr = &any},
    {.name = "too few operations",
     .in = {IMAGES(3, 1, 9, 9), OPS(2)},
     .attr = &any,
     .fails = VC_E_SHAPE,
     .message = "the operations is 1 x 4 x 1 x 1"},
    {.name = "operations as floats",
     .in = {IMAGES(1, 1, 9, 9), {.shape = {1, 2, 1, 1}}},
     .attr = &any,
     .fails = VC_E_SHAPE,
     .message = "the operations is F32"},
};
static const struct optest_op intensity = {.name = "intensity",
                                           .build = build,
                                           .reference = reference,
                                           .cases = cases,
                                           .n_cases = VC_COUNT_OF(cases),
                                           .no_vjp = true};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &intensity, NULL);
}
