// Windows of the pool: images of every format, class maps.
#include "support/optest.h"

#include <vulcyte/ops.h>

#include <string.h>

enum { MAX_WINDOWS = 4 };

struct sample_case {
  struct vc_shape shape;
  struct vc_window windows[MAX_WINDOWS];
};

static uint32_t reflected(int64_t i, uint32_t n) {
  if (n == 1) return 0;
  int64_t period = 2 * ((int64_t)n - 1);
  i = ((i % period) + period) % period;
  return (uint32_t)(i < n ? i : period - i);
}

static void make_windows(vc_rng *rng, optest_array *out, const void *attr) {
  const struct sample_case *a = attr;
  (void)rng;
  for (uint64_t i = 0; i < out->count; i++) {
    uint32_t words[8];
    memcpy(words, &a->windows[i / 8], sizeof words);
    out->v[i] = words[i % 8];
  }
}

// Random words; numbers in [-100, 100) where an image holds floats; one byte of eight is 255.
static void make_pool(vc_rng *rng, optest_array *out, const void *attr) {
  const struct sample_case *a = attr;
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
static double element(const optest_array *pool, uint32_t first, uint64_t i, uint32_t format) {
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

// ---- images ---------------------------------------------------------------------------------------------------

static vc_tensor *build_images(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct sample_case *a = attr;
  return vc_crop_images(g, in[0], in[1], in[2], a->shape);
}

static void images(optest_array *const *in, optest_array *out, const void *attr) {
  const struct sample_case *a = attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    const struct vc_window *w = &a->windows[n];
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        for (uint32_t c = 0; c < s.c; c++) {
          uint64_t row = reflected((int64_t)w->top + y, w->height), column = reflected((int64_t)w->left + x, w->width);
          double v = element(in[0], w->word, (row * w->width + column) * w->channels + c, w->format);
          *optest_at(out, n, c, y, x) = (v - in[2]->v[2 * c]) * in[2]->v[2 * c + 1];
        }
      }
    }
  }
}

static const struct sample_case bytes = {
    {1, 1, 9, 11}, {{.word = 3, .width = 17, .height = 12, .left = 4, .top = 2, .format = VC_PIXEL_U8, .channels = 1}}};
static const struct sample_case shorts = {
    {1, 1, 7, 8}, {{.word = 1, .width = 9, .height = 8, .left = 1, .top = 0, .format = VC_PIXEL_U16, .channels = 1}}};
static const struct sample_case floats = {
    {1, 2, 6, 5}, {{.word = 0, .width = 6, .height = 7, .left = 1, .top = 1, .format = VC_PIXEL_F32, .channels = 2}}};
static const struct sample_case mixed = {
    {4, 3, 10, 12},
    {{.word = 0, .width = 13, .height = 11, .left = 0, .top = 1, .format = VC_PIXEL_U8, .channels = 3},
     {.word = 200, .width = 12, .height = 10, .format = VC_PIXEL_U16, .channels = 3},
     {.word = 400, .width = 5, .height = 9, .left = -2, .top = -3, .format = VC_PIXEL_F32, .channels = 3},
     {.word = 550, .width = 3, .height = 4, .left = -20, .top = 7, .format = VC_PIXEL_U16, .channels = 3}}};
static const struct sample_case narrow = {
    {3, 1, 5, 4},
    {{.word = 0, .width = 1, .height = 1, .left = -1, .top = -2, .format = VC_PIXEL_U8, .channels = 1},
     {.word = 1, .width = 1, .height = 6, .left = 3, .top = -9, .format = VC_PIXEL_U16, .channels = 1},
     {.word = 4, .width = 2, .height = 2, .left = -5, .top = 5, .format = VC_PIXEL_U8, .channels = 1}}};
static const struct sample_case far = {
    {1, 1, 3, 3},
    {{.word = 0, .width = 7, .height = 5, .left = -1000003, .top = 16000001, .format = VC_PIXEL_U8, .channels = 1}}};
static const struct sample_case wide = {
    {2, 1, 61, 203},
    {{.word = 5, .width = 251, .height = 67, .left = 44, .top = 1, .format = VC_PIXEL_U8, .channels = 1},
     {.word = 0, .width = 210, .height = 64, .left = -3, .top = 9, .format = VC_PIXEL_U16, .channels = 1}}};

#define POOL(words) {.shape = {1, (words), 1, 1}, .dtype = VC_U32, .make = make_pool}
#define WINDOWS(n)  {.shape = {1, 8 * (n), 1, 1}, .dtype = VC_U32, .make = make_windows}
#define RANGE(c)    {.shape = {1, 2 * (c), 1, 1}, .lo = 0.001, .hi = 2}

static const struct optest_case images_cases[] = {
    {.name = "8 bits", .in = {POOL(54), WINDOWS(1), RANGE(1)}, .out = {1, 1, 9, 11}, .attr = &bytes},
    {.name = "16 bits", .in = {POOL(37), WINDOWS(1), RANGE(1)}, .out = {1, 1, 7, 8}, .attr = &shorts},
    {.name = "floats", .in = {POOL(84), WINDOWS(1), RANGE(2)}, .out = {1, 2, 6, 5}, .attr = &floats},
    {.name = "all formats", .in = {POOL(600), WINDOWS(4), RANGE(3)}, .out = {4, 3, 10, 12}, .attr = &mixed},
    {.name = "sides of one and two", .in = {POOL(5), WINDOWS(3), RANGE(1)}, .out = {3, 1, 5, 4}, .attr = &narrow},
    {.name = "far outside", .in = {POOL(9), WINDOWS(1), RANGE(1)}, .out = {1, 1, 3, 3}, .attr = &far},
    {.name = "many workgroups", .in = {POOL(7000), WINDOWS(2), RANGE(1)}, .out = {2, 1, 61, 203}, .attr = &wide},
    {.name = "too few windows",
     .in = {POOL(600), WINDOWS(3), RANGE(3)},
     .attr = &mixed,
     .fails = VC_E_SHAPE,
     .message = "the windows is 1 x 24 x 1 x 1"},
    {.name = "a range of other channels",
     .in = {POOL(600), WINDOWS(4), RANGE(1)},
     .attr = &mixed,
     .fails = VC_E_SHAPE,
     .message = "the range"},
    {.name = "a pool of floats",
     .in = {{.shape = {1, 600, 1, 1}}, WINDOWS(4), RANGE(3)},
     .attr = &mixed,
     .fails = VC_E_SHAPE,
     .message = "the pool is F32"},
};
static const struct optest_op images_op = {.name = "crop_images",
                                           .build = build_images,
                                           .reference = images,
                                           .cases = images_cases,
                                           .n_cases = VC_COUNT_OF(images_cases),
                                           .no_vjp = true,
                                           .tolerance = 1e-6}; // two roundings

// ---- labels ---------------------------------------------------------------------------------------------------

static vc_tensor *build_labels(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct sample_case *a = attr;
  return vc_crop_labels(g, in[0], in[1], a->shape);
}

static void labels(optest_array *const *in, optest_array *out, const void *attr) {
  const struct sample_case *a = attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    const struct vc_window *w = &a->windows[n];
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        int64_t row = (int64_t)w->top + y, column = (int64_t)w->left + x;
        double *to = optest_at(out, n, 0, y, x);
        *to = VC_IGNORE;
        if (row < 0 || row >= w->height || column < 0 || column >= w->width) continue;
        double v = element(in[0], w->word, (uint64_t)(row * w->width + column), VC_PIXEL_U8);
        if (v != VC_IGNORE_U8) *to = v;
      }
    }
  }
}

static const struct sample_case three_maps = {
    {3, 1, 6, 9},
    {{.word = 2, .width = 11, .height = 8, .left = 1, .top = 2, .channels = 1},
     {.word = 24, .width = 5, .height = 4, .left = -2, .top = -1, .channels = 1},
     {.word = 29, .width = 9, .height = 6, .left = 3, .top = -40, .channels = 1}}};
static const struct sample_case big_map = {
    {1, 1, 70, 130}, {{.word = 0, .width = 133, .height = 75, .left = 4, .top = 7, .channels = 1}}};
static const struct sample_case two_channels = {{1, 2, 9, 11}, {{.width = 17, .height = 12, .channels = 1}}};

static const struct optest_case labels_cases[] = {
    {.name = "inside, across and outside", .in = {POOL(43), WINDOWS(3)}, .out = {3, 1, 6, 9}, .attr = &three_maps},
    {.name = "many workgroups", .in = {POOL(2494), WINDOWS(1)}, .out = {1, 1, 70, 130}, .attr = &big_map},
    {.name = "two channels",
     .in = {POOL(54), WINDOWS(1)},
     .attr = &two_channels,
     .fails = VC_E_SHAPE,
     .message = "labels of 2 channels"},
};
static const struct optest_op labels_op = OPTEST_OP("crop_labels", build_labels, labels, labels_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &images_op, &labels_op, NULL);
}
