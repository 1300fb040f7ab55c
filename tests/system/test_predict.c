// Prediction: tiles give what the whole image gives; images of several sizes and formats through one predictor.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vulcyte/gpu.h>
#include <vulcyte/train.h>

#include <cmocka.h>

#include "data/image.h"

static vc_arena *arena;
static vc_gpu *gpu;
static vc_predictor *predictor; // of the plain network
static vc_predictor *unpadded;  // of one without padding, with batch norm
static vc_predictor *edged;     // of one that sees edges too
static char model_path[] = "/tmp/vulcyte-predict-XXXXXX", image_path[sizeof model_path + 4];

// An untrained network: its output depends on every pixel of the receptive field, which is what tiles must get right.
static void write_model(const char *options) {
  struct vc_unet_desc desc;
  vc_model *model;
  float *block;
  struct vc_config config;
  char *text;
  assert_int_equal(
      vc_arena_printf(arena, &text,
                      "{\"data\": {\"classes\": [{\"name\": \"a\", \"values\": [0]}, {\"name\": \"b\", \"values\": "
                      "[1]}, {\"name\": \"c\", \"values\": \"rest\"}]}, \"model\": {\"base\": 6, \"depth\": 2%s}}",
                      options),
      VC_OK);
  const double min = 0, max = 65535;
  assert_int_equal(vc_config_parse(arena, "test", "/tmp", text, strlen(text), NULL, 0, &config), VC_OK);
  vc_config_unet(&config, &desc);
  assert_int_equal(vc_unet_model(arena, &desc, &model), VC_OK);
  assert_int_equal(VC_NEW(arena, model->block_elements, &block), VC_OK);
  vc_model_init(model, 3, block);
  assert_int_equal(vc_checkpoint_write(model_path, model, block, &config, &min, &max, NULL, NULL), VC_OK);
}

static int set_up(void **state) {
  (void)state;
  if (vc_arena_create(&arena) != VC_OK || vc_gpu_open(arena, NULL, &gpu) != VC_OK) return -1;
  const int file = mkstemp(model_path);
  if (file < 0) return -1;
  close(file);
  snprintf(image_path, sizeof image_path, "%s.tif", model_path);
  write_model("");
  if (vc_predictor_create(arena, gpu, model_path, NULL, &predictor) != VC_OK) return -1;
  write_model(", \"norm\": \"batch\", \"padding\": \"valid\"");
  if (vc_predictor_create(arena, gpu, model_path, NULL, &unpadded) != VC_OK) return -1;
  write_model(", \"edges\": true");
  return vc_predictor_create(arena, gpu, model_path, NULL, &edged);
}

static int tear_down(void **state) {
  (void)state;
  const uint64_t n_messages = vc_gpu_validation_messages(gpu);
  vc_arena_destroy(arena);
  unlink(model_path);
  unlink(image_path);
  return n_messages ? -1 : 0;
}

static struct vc_image noise(uint32_t width, uint32_t height, enum vc_pixel_format format) {
  struct vc_image image = {.width = width, .height = height, .channels = 1, .format = format};
  vc_rng rng = vc_rng_at(1, VC_RNG_TEST, width, height);
  assert_int_equal(vc_arena_alloc(arena, (size_t)width * height, vc_pixel_bytes(format), &image.pixels), VC_OK);
  for (size_t i = 0; i < (size_t)width * height; i++) {
    const uint32_t v = vc_rng_below(&rng, 65536);
    if (format == VC_PIXEL_U8) ((uint8_t *)image.pixels)[i] = (uint8_t)(v >> 8);
    if (format == VC_PIXEL_U16) ((uint16_t *)image.pixels)[i] = (uint16_t)v;
    if (format == VC_PIXEL_F32) ((float *)image.pixels)[i] = (float)v;
  }
  return image;
}

static float *predict_by(vc_predictor *by, const struct vc_image *image, uint32_t tile) {
  float *p;
  assert_int_equal(VC_NEW(arena, (size_t)3 * image->width * image->height, &p), VC_OK);
  if (vc_predictor_run(by, image, tile, p) != VC_OK) fail_msg("%s", vc_error_message());
  return p;
}

static float *predict(const struct vc_image *image, uint32_t tile) {
  return predict_by(predictor, image, tile);
}

static double largest_difference(const float *a, const float *b, size_t n) {
  double worst = 0;
  for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
  return worst;
}

static void test_tiles_equal_the_whole(void **state) {
  (void)state;
  static const uint32_t sizes[][2] = {{211, 190}, {128, 301}, {333, 64}};
  for (size_t i = 0; i < VC_COUNT_OF(sizes); i++) {
    const struct vc_image image = noise(sizes[i][0], sizes[i][1], VC_PIXEL_U16);
    const size_t n = (size_t)3 * image.width * image.height;
    const float *whole = predict(&image, 0);
    // Tiles of 144 keep the full margin (36 of depth 2): the same sums, so nothing but rounding of the blend differs.
    assert_true(largest_difference(whole, predict(&image, 144), n) < 1e-5);
    // The smallest tiles see less than the receptive field: close, not equal, and still probabilities.
    const float *small = predict(&image, 16);
    assert_true(largest_difference(whole, small, n) > 1e-5);
    for (size_t k = 0; k < n / 3; k++)
      assert_true(fabsf(small[k] + small[n / 3 + k] + small[2 * n / 3 + k] - 1) < 1e-5f);
  }
}

struct taken {
  float *out;
  const struct vc_image *image;
  uint32_t n_rows;
};

static vc_status take(void *context, uint32_t first, uint32_t n, const float *probabilities, size_t plane,
                      const void *pixels) {
  struct taken *t = context;
  const size_t w = t->image->width, h = t->image->height;
  assert_int_equal(first, t->n_rows);
  assert_memory_equal(pixels, (const uint16_t *)t->image->pixels + first * w, 2 * n * w);
  for (size_t c = 0; c < 3; c++) memcpy(t->out + (c * h + first) * w, probabilities + c * plane, 4 * n * w);
  t->n_rows += n;
  return VC_OK;
}

// From a file, band by band, with nothing of it held whole: the same bits.
static void test_rows_equal_the_image(void **state) {
  (void)state;
  const struct vc_image image = noise(190, 523, VC_PIXEL_U16);
  const size_t n = (size_t)3 * image.width * image.height;
  assert_int_equal(vc_tiff_write(image_path, &image), VC_OK);
  for (uint32_t tile = 16; tile <= 144; tile += 64) {
    struct taken taken = {.image = &image};
    struct vc_predict_rows desc = {.tile = tile, .take = take, .context = &taken};
    assert_int_equal(VC_NEW(arena, n, &taken.out), VC_OK);
    assert_int_equal(image_rows_open(arena, image_path, 0, 1, 0, 1, &desc.image), VC_OK);
    if (vc_predictor_run_rows(predictor, &desc) != VC_OK) fail_msg("%s", vc_error_message());
    assert_int_equal(taken.n_rows, image.height);
    assert_memory_equal(taken.out, predict(&image, tile), n * sizeof(float));
  }
}

// Without padding every tile ends where the image does: the borders are the whole image's too.
static void test_unpadded_tiles_equal_the_whole(void **state) {
  (void)state;
  static const uint32_t sizes[][2] = {{211, 190}, {129, 301}};
  for (size_t i = 0; i < VC_COUNT_OF(sizes); i++) {
    const struct vc_image image = noise(sizes[i][0], sizes[i][1], VC_PIXEL_U16);
    const size_t n = (size_t)3 * image.width * image.height;
    assert_true(largest_difference(predict_by(unpadded, &image, 0), predict_by(unpadded, &image, 152), n) < 1e-5);
  }
}

// Sides that poolings do not divide: padded image and last tile must agree on the edges at the border, too.
static void test_tiles_see_the_same_edges(void **state) {
  (void)state;
  const struct vc_image image = noise(211, 190, VC_PIXEL_U16);
  const size_t n = (size_t)3 * image.width * image.height;
  const float *whole = predict_by(edged, &image, 0);
  assert_true(largest_difference(whole, predict_by(edged, &image, 144), n) < 1e-5);
  assert_true(largest_difference(whole, predict(&image, 0), n) > 1e-3);
}

static void test_formats_agree(void **state) {
  (void)state;
  struct vc_image sixteen = noise(70, 45, VC_PIXEL_U16), floats = noise(70, 45, VC_PIXEL_F32);
  assert_memory_equal(predict(&sixteen, 0), predict(&floats, 0), sizeof(float) * 3 * 70 * 45);
}

static void test_tiny_images(void **state) {
  (void)state;
  vc_predictor *const by[] = {predictor, unpadded, edged};
  for (uint32_t side = 1; side < 6; side++) {
    const struct vc_image image = noise(side, 6 - side, VC_PIXEL_U8);
    for (int kind = 0; kind < 3; kind++) {
      const float *p = predict_by(by[kind], &image, 0);
      const size_t n = (size_t)side * (6 - side);
      for (size_t k = 0; k < n; k++) assert_true(fabsf(p[k] + p[n + k] + p[2 * n + k] - 1) < 1e-5f);
    }
  }
}

static void test_wrong_channels_are_refused(void **state) {
  (void)state;
  struct vc_image image = noise(32, 16, VC_PIXEL_U8);
  float p[3 * 16 * 16];
  image.width = 16;
  image.channels = 2;
  assert_int_equal(vc_predictor_run(predictor, &image, 0, p), VC_E_SHAPE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tiles_equal_the_whole),
      cmocka_unit_test(test_rows_equal_the_image),
      cmocka_unit_test(test_unpadded_tiles_equal_the_whole),
      cmocka_unit_test(test_tiles_see_the_same_edges),
      cmocka_unit_test(test_formats_agree),
      cmocka_unit_test(test_tiny_images),
      cmocka_unit_test(test_wrong_channels_are_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
