// Sections of volumes: every voxel format, between voxels and at the nearest one, in one slab and in several.
#include "support/optest.h"

#include <vulcyte/ops.h>

#include <math.h>
#include <string.h>

enum { MAX_SLICES = 3 };

struct slice_case {
  struct vc_shape shape;
  struct vc_slab slab;
  float samplers[MAX_SLICES][9];
  bool is_linear;
};

static void make_slab(vc_rng *rng, optest_array *out, const void *attr) {
  const struct slice_case *a = attr;
  uint32_t words[8];
  (void)rng;
  memcpy(words, &a->slab, sizeof words);
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = words[i];
}

static void make_samplers(vc_rng *rng, optest_array *out, const void *attr) {
  const struct slice_case *a = attr;
  (void)rng;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = (double)a->samplers[i / 9][i % 9];
}

// Random words; where the volume holds floats, numbers in [1, 100).
static void make_pool(vc_rng *rng, optest_array *out, const void *attr) {
  const struct slice_case *a = attr;
  for (uint64_t i = 0; i < out->count; i++) {
    float value = (float)vc_rng_uniform(rng, 1, 100);
    uint32_t word = vc_rng_u32(rng);
    if (a->slab.format == VC_PIXEL_F32 && a->is_linear) memcpy(&word, &value, sizeof word);
    out->v[i] = word;
  }
}

static uint32_t stored(const optest_array *pool, const struct vc_slab *slab, const int64_t at[3]) {
  uint64_t i = ((uint64_t)(at[2] - slab->first) * slab->height + (uint64_t)at[1]) * slab->width + (uint64_t)at[0];
  uint32_t bytes = slab->format == VC_PIXEL_U8 ? 1 : slab->format == VC_PIXEL_U16 ? 2 : 4;
  uint32_t word = (uint32_t)pool->v[i * bytes / 4], shift = 8 * (uint32_t)(i * bytes % 4);
  return bytes == 4 ? word : word >> shift & ((1u << 8 * bytes) - 1);
}

static double value(const optest_array *pool, const struct vc_slab *slab, const int64_t at[3]) {
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
static float interpolate(const optest_array *pool, const struct vc_slab *slab, const float p[3]) {
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
  OPTEST_CHECK(fabs((double)corner[0] - sum) <= 4e-7 * largest); // a dozen roundings
  return corner[0];
}

static uint32_t slice_pixel(const optest_array *pool, const struct slice_case *a, const float p[3]) {
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
  const struct slice_case *a = attr;
  return vc_slice_volume(g, in[0], in[1], in[2], a->shape, a->is_linear);
}

static void reference(optest_array *const *in, optest_array *out, const void *attr) {
  const struct slice_case *a = attr;
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
        *optest_at(out, n, 0, y, x) = slice_pixel(in[0], a, p);
      }
    }
  }
}

#define TURNED {0.71f, 0.62f, -0.33f, -0.55f, 0.78f, 0.29f, 4.1f, 3.3f, 2.2f}
#define FLAT   {1, 0, 0, 0, 1, 0, 4, 3, 2}
#define STEEP  {0.05f, -0.6f, 0.8f, 1.02f, 0.11f, 0.02f, 3.9f, 2.8f, 2.4f}

#define WHOLE(pixels) {.width = 9, .height = 7, .depth = 5, .end = 5, .format = (pixels)}
#define CASE(name, pixels, linear) \
  static const struct slice_case name = {{3, 1, 11, 13}, WHOLE(pixels), {TURNED, FLAT, STEEP}, linear}
CASE(bytes, VC_PIXEL_U8, true);
CASE(shorts, VC_PIXEL_U16, true);
CASE(floats, VC_PIXEL_F32, true);
CASE(byte_labels, VC_PIXEL_U8, false);
CASE(short_labels, VC_PIXEL_U16, false);
CASE(word_labels, VC_PIXEL_F32, false);
// The middle slab of three: planes 1, 2 and, for interpolation, 3.
static const struct slice_case middle = {
    {3, 1, 11, 13},
    {.width = 9, .height = 7, .depth = 5, .first = 1, .end = 3, .format = VC_PIXEL_U16},
    {TURNED, FLAT, STEEP},
    true};
static const struct slice_case middle_labels = {
    {3, 1, 11, 13},
    {.width = 9, .height = 7, .depth = 5, .first = 1, .end = 3, .format = VC_PIXEL_U16},
    {TURNED, FLAT, STEEP},
    false};
static const struct slice_case last = {
    {2, 1, 6, 7},
    {.width = 9, .height = 7, .depth = 5, .first = 4, .end = 5, .format = VC_PIXEL_U8},
    {STEEP, {1, 0, 0, 0, 1, 0, 4, 3, 4.49f}},
    true};
// On, half a voxel before and just behind the outermost voxels' centres.
static const struct slice_case rims = {
    {3, 1, 9, 11},
    WHOLE(VC_PIXEL_U8),
    {{1, 0, 0, 0, 1, 0, 4.5f, 3.5f, -0.5f}, {1, 0, 0, 0, 1, 0, 3.75f, 2.75f, 4.4375f}, {1, 0, 0, 0, 1, 0, 4, 3, 4.5f}},
    true};
static const struct slice_case rim_labels = {
    {3, 1, 9, 11},
    WHOLE(VC_PIXEL_U8),
    {{1, 0, 0, 0, 1, 0, 4.5f, 3.5f, -0.5f}, {1, 0, 0, 0, 1, 0, 3.75f, 2.75f, 4.4375f}, {1, 0, 0, 0, 1, 0, 4, 3, 4.5f}},
    false};
static const struct slice_case thin = {{1, 1, 5, 4},
                                       {.width = 1, .height = 1, .depth = 1, .end = 1, .format = VC_PIXEL_F32},
                                       {{0.2f, 0, 0, 0, 0.2f, 0, 0, 0, 0.25f}},
                                       true};
static const struct slice_case wide = {{2, 1, 130, 170},
                                       {.width = 60, .height = 50, .depth = 40, .end = 40, .format = VC_PIXEL_U8},
                                       {{0.31f, 0.12f, -0.2f, -0.05f, 0.28f, 0.17f, 29.5f, 24.5f, 19.5f},
                                        {0.02f, 0.33f, 0.11f, 0.3f, -0.02f, 0.21f, 28, 24, 20}},
                                       true};

#define POOL(words) {.shape = {1, (words), 1, 1}, .dtype = VC_U32, .make = make_pool}
#define SLAB        {.shape = {1, 8, 1, 1}, .dtype = VC_U32, .make = make_slab}
#define SAMPLERS(n) {.shape = {1, 9 * (n), 1, 1}, .make = make_samplers}

static const struct optest_case cases[] = {
    {.name = "8 bits", .in = {POOL(79), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &bytes},
    {.name = "16 bits", .in = {POOL(158), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &shorts},
    {.name = "floats", .in = {POOL(315), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &floats},
    {.name = "labels of 8 bits", .in = {POOL(79), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &byte_labels},
    {.name = "labels of 16 bits", .in = {POOL(158), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &short_labels},
    {.name = "labels of 32 bits", .in = {POOL(315), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &word_labels},
    {.name = "middle slab", .in = {POOL(95), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &middle},
    {.name = "labels of a middle slab",
     .in = {POOL(63), SLAB, SAMPLERS(3)},
     .out = {3, 1, 11, 13},
     .attr = &middle_labels},
    {.name = "last plane alone", .in = {POOL(16), SLAB, SAMPLERS(2)}, .out = {2, 1, 6, 7}, .attr = &last},
    {.name = "rims", .in = {POOL(79), SLAB, SAMPLERS(3)}, .out = {3, 1, 9, 11}, .attr = &rims},
    {.name = "labels at rims", .in = {POOL(79), SLAB, SAMPLERS(3)}, .out = {3, 1, 9, 11}, .attr = &rim_labels},
    {.name = "one voxel", .in = {POOL(1), SLAB, SAMPLERS(1)}, .out = {1, 1, 5, 4}, .attr = &thin},
    {.name = "many workgroups", .in = {POOL(30000), SLAB, SAMPLERS(2)}, .out = {2, 1, 130, 170}, .attr = &wide},
    {.name = "too few samplers",
     .in = {POOL(79), SLAB, SAMPLERS(2)},
     .attr = &bytes,
     .fails = VC_E_SHAPE,
     .message = "the samplers is 1 x 18 x 1 x 1"},
    {.name = "a pool of floats",
     .in = {{.shape = {1, 79, 1, 1}}, SLAB, SAMPLERS(3)},
     .attr = &bytes,
     .fails = VC_E_SHAPE,
     .message = "the pool is F32"},
};
static const struct optest_op slice = {.name = "slice_volume",
                                       .build = build,
                                       .reference = reference,
                                       .cases = cases,
                                       .n_cases = VC_COUNT_OF(cases),
                                       .no_vjp = true}; // results are U32: every bit counts

int main(int argc, char **argv) {
  return optest_main(argc, argv, &slice, NULL);
}
