// Windows of the pool, resampling, intensity: [NORM 1], [AFFINE 1..4], [AUG 1..8].
#include "doctor/reference.h"

#include <math.h>
#include <string.h>

void ref_make_windows(vc_rng *rng, ref_array *out, const void *attr) {
  const struct ref_crops *a = attr;
  (void)rng;
  for (uint64_t i = 0; i < out->count; i++) {
    uint32_t words[8];
    memcpy(words, &a->windows[i / 8], sizeof words);
    out->v[i] = words[i % 8];
  }
}

// Random words; numbers in [-100, 100) where an image holds floats; one byte of eight is 255.
void ref_make_pool(vc_rng *rng, ref_array *out, const void *attr) {
  const struct ref_crops *a = attr;
  for (uint64_t i = 0; i < out->count; i++) {
    uint32_t word = vc_rng_u32(rng);
    for (int k = 0; k < 4; k++) {
      if (vc_rng_below(rng, 8) == 0) word |= 255u << 8 * k;
    }
    out->v[i] = word;
  }
  for (uint32_t n = 0; n < a->shape.n; n++) {
    const struct vc_window *w = &a->windows[n];
    for (uint32_t i = 0; w->format == VC_PIXEL_F32 && i < w->width * w->height * w->channels; i++) {
      float value = (float)vc_rng_uniform(rng, -100, 100);
      uint32_t word;
      memcpy(&word, &value, sizeof word);
      out->v[w->word + i] = word;
    }
  }
}

// Element i of the image that starts at word `first`, from the pool's bytes.
static double element(const ref_array *pool, uint32_t first, uint64_t i, uint32_t format) {
  uint32_t bytes = format == VC_PIXEL_U8 ? 1 : format == VC_PIXEL_U16 ? 2 : 4;
  uint32_t word = (uint32_t)pool->v[first + i * bytes / 4];
  float value;
  if (bytes == 4) {
    memcpy(&value, &word, sizeof value);
    return (double)value;
  }
  uint32_t byte = (uint32_t)(i * bytes % 4);
  return (double)((word >> 8 * byte) & (bytes == 1 ? 0xFFu : 0xFFFFu));
}

static vc_tensor *build_images(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_crops *a = attr;
  return vc_crop_images(g, in[0], in[1], in[2], a->shape);
}

static void images(ref_array *const *in, ref_array *out, const void *attr) {
  const struct ref_crops *a = attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    const struct vc_window *w = &a->windows[n];
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        for (uint32_t c = 0; c < s.c; c++) {
          uint64_t row = ref_reflect((int64_t)w->top + y, w->height),
                   column = ref_reflect((int64_t)w->left + x, w->width);
          double v = element(in[0], w->word, (row * w->width + column) * w->channels + c, w->format);
          *ref_at(out, n, c, y, x) = (v - in[2]->v[2 * c]) * in[2]->v[2 * c + 1];
        }
      }
    }
  }
}

const struct ref_op ref_crop_images = {
    .name = "crop_images", .build = build_images, .reference = images, .no_vjp = true, .tolerance = 1e-6};
// two roundings

static vc_tensor *build_labels(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_crops *a = attr;
  return vc_crop_labels(g, in[0], in[1], a->shape);
}

static void labels(ref_array *const *in, ref_array *out, const void *attr) {
  const struct ref_crops *a = attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    const struct vc_window *w = &a->windows[n];
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        int64_t row = (int64_t)w->top + y, column = (int64_t)w->left + x;
        double *to = ref_at(out, n, 0, y, x);
        *to = VC_IGNORE;
        if (row < 0 || row >= w->height || column < 0 || column >= w->width) continue;
        double v = element(in[0], w->word, (uint64_t)(row * w->width + column), VC_PIXEL_U8);
        if (v != VC_IGNORE_U8) *to = v;
      }
    }
  }
}

const struct ref_op ref_crop_labels = {
    .name = "crop_labels", .build = build_labels, .reference = labels, .no_vjp = true};

// ---- maps -------------------------------------------------------------------------------------------------------

void ref_make_samplers(vc_rng *rng, ref_array *out, const void *attr) {
  const struct ref_samplers *a = attr;
  (void)rng;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = a->samplers[i / 6][i % 6];
}

// The position that output pixel (x, y) reads, in float and in the order of the definition: a reading jumps where a
// position crosses an image's edge or a half, so the reference must cross where the kernel does.
static void affine_position(const ref_array *samplers, uint32_t n, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
                            double out[2]) {
  const double *s = samplers->v + 6 * n;
  float centre_x = 0.5f * (float)(w - 1), centre_y = 0.5f * (float)(h - 1);
  float u = (float)x - centre_x, v = (float)y - centre_y;
  float source_x = (float)s[0] * u + (float)s[1] * v + (float)s[2];
  float source_y = (float)s[3] * u + (float)s[4] * v + (float)s[5];
  out[0] = (double)(source_x + centre_x);
  out[1] = (double)(source_y + centre_y);
}

static bool affine_inside(const double p[2], uint32_t w, uint32_t h) {
  return p[0] >= -0.5 && p[0] < w - 0.5 && p[1] >= -0.5 && p[1] < h - 0.5;
}

// The four taps of a bilinear reading at p.
struct affine_taps {
  uint32_t x[4], y[4];
  double weight[4];
};
static struct affine_taps affine_taps(const double p[2], uint32_t w, uint32_t h) {
  struct affine_taps t;
  double left = floor(p[0]), top = floor(p[1]);
  for (int k = 0; k < 4; k++) {
    int right = k & 1, below = k >> 1;
    t.x[k] = ref_reflect((int64_t)left + right, w);
    t.y[k] = ref_reflect((int64_t)top + below, h);
    t.weight[k] = (right ? p[0] - left : 1 - (p[0] - left)) * (below ? p[1] - top : 1 - (p[1] - top));
  }
  return t;
}

void ref_make_second_samplers(vc_rng *rng, ref_array *out, const void *attr) {
  const struct ref_samplers *a = attr;
  (void)rng;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = a->second[i / 6][i % 6];
}

void ref_make_rects(vc_rng *rng, ref_array *out, const void *attr) {
  const struct ref_samplers *a = attr;
  (void)rng;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = a->rects[i / 4][i % 4];
}

static vc_tensor *build_image(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_affine_image(g, in[0], in[1]);
}

static void image(ref_array *const *in, ref_array *out, const void *attr) {
  struct vc_shape s = out->shape;
  (void)attr;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        double p[2];
        affine_position(in[1], n, x, y, s.w, s.h, p);
        struct affine_taps t = affine_taps(p, s.w, s.h);
        for (uint32_t c = 0; c < s.c; c++) {
          double *to = ref_at(out, n, c, y, x);
          for (int k = 0; k < 4; k++) *to += t.weight[k] * *ref_at(in[0], n, c, t.y[k], t.x[k]);
        }
      }
    }
  }
}

const struct ref_op ref_affine_image = {
    .name = "affine_image", .build = build_image, .reference = image, .no_vjp = true, .tolerance = 1e-6};

static vc_tensor *build_affine_labels(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_affine_labels(g, in[0], in[1]);
}

static void affine_labels(ref_array *const *in, ref_array *out, const void *attr) {
  struct vc_shape s = out->shape;
  (void)attr;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        double p[2];
        affine_position(in[1], n, x, y, s.w, s.h, p);
        uint32_t from_x = (uint32_t)VC_MIN(floor((double)(float)(p[0] + 0.5)), s.w - 1);
        uint32_t from_y = (uint32_t)VC_MIN(floor((double)(float)(p[1] + 0.5)), s.h - 1);
        *ref_at(out, n, 0, y, x) = affine_inside(p, s.w, s.h) ? *ref_at(in[0], n, 0, from_y, from_x) : VC_IGNORE;
      }
    }
  }
}

const struct ref_op ref_affine_labels = {
    .name = "affine_labels", .build = build_affine_labels, .reference = affine_labels, .no_vjp = true};

static vc_tensor *build_align(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_align(g, in[0], in[1]);
}

static void align(ref_array *const *in, ref_array *out, const void *attr) {
  struct vc_shape s = out->shape;
  (void)attr;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        double p[2];
        affine_position(in[1], n, x, y, s.w, s.h, p);
        if (!affine_inside(p, s.w, s.h)) continue;
        struct affine_taps t = affine_taps(p, s.w, s.h);
        for (uint32_t c = 0; c < s.c; c++) {
          double *to = ref_at(out, n, c, y, x);
          for (int k = 0; k < 4; k++) *to += t.weight[k] * *ref_at(in[0], n, c, t.y[k], t.x[k]);
        }
      }
    }
  }
}

// Scatters, where the kernel gathers.
static void align_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
                      const void *attr) {
  struct vc_shape s = out->shape;
  (void)attr;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        double p[2];
        affine_position(in[1], n, x, y, s.w, s.h, p);
        if (!affine_inside(p, s.w, s.h)) continue;
        struct affine_taps t = affine_taps(p, s.w, s.h);
        for (uint32_t c = 0; c < s.c; c++) {
          double g = *ref_at(grad_out, n, c, y, x);
          for (int k = 0; k < 4; k++) *ref_at(grad_in[0], n, c, t.y[k], t.x[k]) += t.weight[k] * g;
        }
      }
    }
  }
}

const struct ref_op ref_align = {
    .name = "align", .build = build_align, .reference = align, .vjp = align_vjp, .tolerance = 2e-6};

static vc_tensor *build_valid(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_valid_mask(g, in[0], in[1], in[2], in[0]->shape.c / 6, 26, 31);
}

static void valid(ref_array *const *in, ref_array *out, const void *attr) {
  struct vc_shape s = out->shape;
  (void)attr;
  for (uint32_t n = 0; n < s.n; n++) {
    const double *r = in[1]->v + 4 * n;
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        double p[2], q[2] = {0, 0};
        affine_position(in[0], n, x, y, s.w, s.h, p);
        if (in[2]) affine_position(in[2], n, x, y, s.w, s.h, q);
        bool in_rect = p[0] >= r[0] - 0.5 && p[0] < r[2] + 0.5 && p[1] >= r[1] - 0.5 && p[1] < r[3] + 0.5;
        *ref_at(out, n, 0, y, x) = in_rect && affine_inside(q, s.w, s.h) ? 1 : 0;
      }
    }
  }
}

const struct ref_op ref_valid_mask = {.name = "valid_mask", .build = build_valid, .reference = valid, .no_vjp = true};
