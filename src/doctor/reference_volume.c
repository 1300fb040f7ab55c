// Slices of volumes.
#include "doctor/reference.h"

#include <math.h>
#include <string.h>

void ref_make_slab(vc_rng *rng, ref_array *out, const void *attr) {
  const struct ref_slices *a = attr;
  uint32_t words[8];
  (void)rng;
  memcpy(words, &a->slab, sizeof words);
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = words[i];
}

void ref_make_slice_samplers(vc_rng *rng, ref_array *out, const void *attr) {
  const struct ref_slices *a = attr;
  (void)rng;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = (double)a->samplers[i / 9][i % 9];
}

// Random words; where the volume holds floats, numbers in [1, 100).
void ref_make_volume(vc_rng *rng, ref_array *out, const void *attr) {
  const struct ref_slices *a = attr;
  for (uint64_t i = 0; i < out->count; i++) {
    float value = (float)vc_rng_uniform(rng, 1, 100);
    uint32_t word = vc_rng_u32(rng);
    if (a->slab.format == VC_PIXEL_F32 && a->is_linear) memcpy(&word, &value, sizeof word);
    out->v[i] = word;
  }
}

static uint32_t stored(const ref_array *pool, const struct vc_slab *slab, const int64_t at[3]) {
  uint64_t i = ((uint64_t)(at[2] - slab->first) * slab->height + (uint64_t)at[1]) * slab->width + (uint64_t)at[0];
  uint32_t bytes = slab->format == VC_PIXEL_U8 ? 1 : slab->format == VC_PIXEL_U16 ? 2 : 4;
  uint32_t word = (uint32_t)pool->v[i * bytes / 4], shift = 8 * (uint32_t)(i * bytes % 4);
  return bytes == 4 ? word : word >> shift & ((1u << 8 * bytes) - 1);
}

static double value(const ref_array *pool, const struct vc_slab *slab, const int64_t at[3]) {
  uint32_t word = stored(pool, slab, at);
  float number;
  memcpy(&number, &word, sizeof number);
  return slab->format == VC_PIXEL_F32 ? (double)number : word;
}

static float mix(float v, float next, float t) {
  float change = next - v, part = t * change;
  return v + part;
}

// In single precision, step by step as it is defined; in double by weights, to see that this is interpolation.
static float interpolate(const ref_array *pool, const struct vc_slab *slab, const float p[3]) {
  const int64_t size[3] = {slab->width, slab->height, slab->depth};
  float corner[8], t[3];
  double sum = 0, largest = 0;
  for (int k = 0; k < 8; k++) {
    double weight = 1;
    int64_t at[3];
    for (int i = 0; i < 3; i++) {
      float low = floorf(p[i]);
      t[i] = p[i] - low;
      weight *= k >> i & 1 ? (double)t[i] : 1 - (double)t[i];
      at[i] = VC_MIN(VC_MAX((int64_t)low + (k >> i & 1), 0), size[i] - 1);
    }
    corner[k] = (float)value(pool, slab, at);
    sum += weight * (double)corner[k];
    largest = VC_MAX(largest, fabs((double)corner[k]));
  }
  for (int i = 0; i < 3; i++) {
    for (int k = 0; k < 4 >> i; k++) corner[k] = mix(corner[2 * k], corner[2 * k + 1], t[i]);
  }
  VC_ASSERT(fabs((double)corner[0] - sum) <= 4e-7 * largest); // a dozen roundings
  return corner[0];
}

static uint32_t slice_pixel(const ref_array *pool, const struct ref_slices *a, const float p[3]) {
  const struct vc_slab *slab = &a->slab;
  const int64_t size[3] = {slab->width, slab->height, slab->depth};
  int64_t at[3];
  for (int i = 0; i < 3; i++) {
    if (!(p[i] >= -0.5f && p[i] < (float)size[i] - 0.5f)) return VC_IGNORE;
    at[i] = (int64_t)floorf(a->is_linear ? p[i] : p[i] + 0.5f);
    at[i] = VC_MIN(VC_MAX(at[i], 0), size[i] - 1);
  }
  if (at[2] < slab->first || at[2] >= slab->end) return VC_IGNORE;
  if (!a->is_linear) return stored(pool, slab, at);
  float number = interpolate(pool, slab, p);
  uint32_t word;
  memcpy(&word, &number, sizeof word);
  return word;
}

static vc_tensor *build(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_slices *a = attr;
  return vc_slice_volume(g, in[0], in[1], in[2], a->shape, a->is_linear);
}

static void slice_volume(ref_array *const *in, ref_array *out, const void *attr) {
  const struct ref_slices *a = attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    const float *m = a->samplers[n];
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        float u = (float)x - 0.5f * (float)(s.w - 1), v = (float)y - 0.5f * (float)(s.h - 1), p[3];
        for (int i = 0; i < 3; i++) {
          float au = m[i] * u, bv = m[3 + i] * v, sum = au + bv;
          p[i] = sum + m[6 + i];
        }
        *ref_at(out, n, 0, y, x) = slice_pixel(in[0], a, p);
      }
    }
  }
}

const struct ref_op ref_slice_volume = {
    .name = "slice_volume", .build = build, .reference = slice_volume, .no_vjp = true};
