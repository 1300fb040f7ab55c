// Images and masks in and out. The files of tests/fuzz/corpus/ were written by other programs (support/make_images.py);
// their pixels are known by formula.
#include "vulcyte/data.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { WIDTH = 7, HEIGHT = 5, PATH_BYTES = 512 };

static vc_arena *arena;
static char folder[] = "/tmp/vulcyte-image-XXXXXX";

static int set_up(void **state) {
  (void)state;
  return mkdtemp(folder) && vc_arena_create(&arena) == VC_OK ? 0 : -1;
}

static int tear_down(void **state) {
  char command[PATH_BYTES];
  (void)state;
  vc_arena_destroy(arena);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

// A file of the corpus (kind "png" or "tiff").
static const char *corpus(const char *name) {
  static char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/fuzz/corpus/%s/%s", VC_TEST_DIR, strstr(name, ".png") ? "png" : "tiff", name);
  return path;
}

static const char *scratch(const char *name) {
  static char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void expect_message(const char *part) {
  if (!strstr(vc_error_message(), part)) fail_msg("'%s' does not tell '%s'", vc_error_message(), part);
  assert_null(strchr(vc_error_message(), '\n'));
}

// The formulas of make_images.py, for unsigned samples of up to 16 bits, signed ones and floats.
static uint32_t uint_sample(uint32_t x, uint32_t y, uint32_t c, uint32_t page, uint32_t depth) {
  uint32_t value = depth <= 8 ? 37 * x + 11 * y + 101 * c + 59 * page : 4001 * x + 257 * y + 9001 * c + 13007 * page;
  return value & ((1u << depth) - 1);
}
static double float_sample(uint32_t x, uint32_t y, uint32_t c, uint32_t page) {
  return 1.5 * x - 0.25 * y + 10.0 * c + 100.0 * page;
}
static double int_sample(uint32_t x, uint32_t y) {
  return 3.0 * x - 10.0 * y;
}
static double uint32_sample(uint32_t x, uint32_t y) {
  return 600000000.0 * x + 70001.0 * y;
}

enum content { UINT, FLOAT, INT, UINT32, INVERTED, PALETTE };

struct file_case {
  const char *name;
  uint32_t n_pages, n_channels, depth;
  enum content content;
  enum vc_pixel_format format;
};

static const struct file_case cases[] = {
    {"grey1.png", 1, 1, 1, UINT, VC_PIXEL_U8},
    {"grey2.png", 1, 1, 2, UINT, VC_PIXEL_U8},
    {"grey4.png", 1, 1, 4, UINT, VC_PIXEL_U8},
    {"grey8.png", 1, 1, 8, UINT, VC_PIXEL_U8},
    {"grey16.png", 1, 1, 16, UINT, VC_PIXEL_U16},
    {"grey4_interlaced.png", 1, 1, 4, UINT, VC_PIXEL_U8},
    {"rgb16_interlaced.png", 1, 3, 16, UINT, VC_PIXEL_U16},
    {"grey16_transparent.png", 1, 1, 16, UINT, VC_PIXEL_U16},
    {"rgb8.png", 1, 3, 8, UINT, VC_PIXEL_U8},
    {"grey_alpha8.png", 1, 1, 8, UINT, VC_PIXEL_U8},
    {"rgba8.png", 1, 3, 8, UINT, VC_PIXEL_U8},
    {"rgba16.png", 1, 3, 16, UINT, VC_PIXEL_U16},
    {"palette2.png", 1, 3, 2, PALETTE, VC_PIXEL_U8},
    {"palette8.png", 1, 3, 8, PALETTE, VC_PIXEL_U8},
    {"uint1.tif", 1, 1, 1, UINT, VC_PIXEL_U8},
    {"uint8.tif", 1, 1, 8, UINT, VC_PIXEL_U8},
    {"uint12.tif", 1, 1, 12, UINT, VC_PIXEL_U16},
    {"uint16.tif", 1, 1, 16, UINT, VC_PIXEL_U16},
    {"uint32.tif", 1, 1, 32, UINT32, VC_PIXEL_F32},
    {"int16.tif", 1, 1, 16, INT, VC_PIXEL_F32},
    {"int32.tif", 1, 1, 32, INT, VC_PIXEL_F32},
    {"float16.tif", 1, 1, 16, FLOAT, VC_PIXEL_F32},
    {"float32.tif", 1, 1, 32, FLOAT, VC_PIXEL_F32},
    {"float64.tif", 1, 1, 64, FLOAT, VC_PIXEL_F32},
    {"uint16_big_endian.tif", 1, 1, 16, UINT, VC_PIXEL_U16},
    {"float32_big_endian.tif", 1, 1, 32, FLOAT, VC_PIXEL_F32},
    {"uint16_lzw_predictor.tif", 1, 1, 16, UINT, VC_PIXEL_U16},
    {"float32_deflate_predictor.tif", 1, 1, 32, FLOAT, VC_PIXEL_F32},
    {"uint8_packbits.tif", 1, 1, 8, UINT, VC_PIXEL_U8},
    {"uint16_tiles_deflate.tif", 1, 1, 16, UINT, VC_PIXEL_U16},
    {"rgb8.tif", 1, 3, 8, UINT, VC_PIXEL_U8},
    {"rgb16_separate.tif", 1, 3, 16, UINT, VC_PIXEL_U16},
    {"rgba8.tif", 1, 3, 8, UINT, VC_PIXEL_U8},
    {"grey_alpha16.tif", 1, 1, 16, UINT, VC_PIXEL_U16},
    {"five_channels8.tif", 1, 5, 8, UINT, VC_PIXEL_U8},
    {"white_is_zero8.tif", 1, 1, 8, INVERTED, VC_PIXEL_U8},
    {"palette8.tif", 1, 3, 8, PALETTE, VC_PIXEL_U8},
    {"pages.tif", 3, 1, 16, UINT, VC_PIXEL_U16},
    {"imagej_channels.tif", 3, 2, 16, UINT, VC_PIXEL_U16},
    {"imagej_one_directory.tif", 3, 2, 16, UINT, VC_PIXEL_U16},
    {"ome_channels.ome.tif", 3, 2, 16, UINT, VC_PIXEL_U16},
    {"ome_slices.ome.tif", 3, 1, 16, UINT, VC_PIXEL_U16},
};

static double expected_sample(const struct file_case *c, uint32_t x, uint32_t y, uint32_t channel, uint32_t page) {
  uint32_t value = c->depth <= 16 ? uint_sample(x, y, c->content == PALETTE ? 0 : channel, page, c->depth) : 0;
  switch (c->content) {
  case UINT: return c->depth < 8 ? 255 * value / ((1u << c->depth) - 1) : value; // divides for depths 1, 2 and 4
  case FLOAT: return float_sample(x, y, channel, page);
  case INT: return int_sample(x, y);
  case UINT32: return (float)uint32_sample(x, y);
  case INVERTED: return 255 - value;
  default: return (uint8_t)(channel == 0 ? 3 * value : channel == 1 ? 255 - value : 7 * value);
  }
}

static double image_sample(const struct vc_image *image, uint32_t x, uint32_t y, uint32_t channel) {
  size_t i = ((size_t)y * image->width + x) * image->channels + channel;
  switch (image->format) {
  case VC_PIXEL_U8: return ((const uint8_t *)image->pixels)[i];
  case VC_PIXEL_U16: return ((const uint16_t *)image->pixels)[i];
  default: return ((const float *)image->pixels)[i];
  }
}

static void reads_every_encoding(void **state) {
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(cases); i++) {
    const struct file_case *c = &cases[i];
    struct vc_image_info info;
    if (vc_image_info_read(corpus(c->name), &info) != VC_OK) fail_msg("%s", vc_error_message());
    assert_int_equal(info.width, WIDTH);
    assert_int_equal(info.height, HEIGHT);
    assert_int_equal(info.channels, c->n_channels);
    assert_int_equal(info.pages, c->n_pages);
    assert_int_equal(info.format, c->format);
    for (uint32_t page = 0; page < c->n_pages; page++) {
      struct vc_image image;
      if (vc_image_read(arena, corpus(c->name), page, 0, &image) != VC_OK) fail_msg("%s", vc_error_message());
      assert_int_equal(image.format, c->format);
      assert_int_equal(image.channels, c->n_channels);
      for (uint32_t k = 0; k < WIDTH * HEIGHT * c->n_channels; k++) {
        uint32_t channel = k % c->n_channels, x = k / c->n_channels % WIDTH, y = k / c->n_channels / WIDTH;
        double want = expected_sample(c, x, y, channel, page), have = image_sample(&image, x, y, channel);
        if (want != have) {
          fail_msg("%s page %u (%u, %u) channel %u: %g, not %g", c->name, page, x, y, channel, have, want);
        }
      }
    }
  }
}

static void changes_channels_on_request(void **state) {
  struct vc_image rgb, grey, tripled;
  (void)state;
  assert_int_equal(vc_image_read(arena, corpus("rgb8.png"), 0, 0, &rgb), VC_OK);
  assert_int_equal(vc_image_read(arena, corpus("rgb8.png"), 0, 1, &grey), VC_OK);
  assert_int_equal(grey.channels, 1);
  for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
    const uint8_t *p = (const uint8_t *)rgb.pixels + 3 * i;
    assert_int_equal(((const uint8_t *)grey.pixels)[i], (299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000);
  }
  assert_int_equal(vc_image_read(arena, corpus("float32.tif"), 0, 3, &tripled), VC_OK);
  assert_int_equal(tripled.channels, 3);
  for (uint32_t c = 0; c < 3; c++) assert_true(image_sample(&tripled, 2, 3, c) == float_sample(2, 3, 0, 0));
  assert_int_equal(vc_image_read(arena, corpus("five_channels8.tif"), 0, 3, &grey), VC_E_INPUT);
  expect_message("five_channels8.tif");
  expect_message("data.channels");
}

static uint32_t *read_labels(const char *name, uint32_t page, int channel) {
  uint32_t width, height, *labels;
  if (vc_mask_read(arena, corpus(name), page, channel, &width, &height, &labels) != VC_OK) {
    fail_msg("%s", vc_error_message());
  }
  assert_int_equal(width, WIDTH);
  assert_int_equal(height, HEIGHT);
  return labels;
}

static void keeps_the_labels_of_masks(void **state) {
  static const struct {
    const char *name;
    uint32_t depth;
    int channel;
    uint32_t of_channel; // whose formula the labels follow
  } masks[] = {{"grey1.png", 1, -1, 0},        {"grey4.png", 4, -1, 0},          {"grey4_interlaced.png", 4, -1, 0},
               {"palette2.png", 2, -1, 0},     {"palette8.tif", 8, -1, 0},       {"grey16.png", 16, -1, 0},
               {"uint1.tif", 1, -1, 0},        {"white_is_zero8.tif", 8, -1, 0}, {"grey_alpha8.png", 8, -1, 0},
               {"rgb8.png", 8, 1, 1},          {"rgba8.png", 8, 3, 3},           {"rgba16.png", 16, 2, 2},
               {"grey_alpha16.tif", 16, 1, 1}, {"five_channels8.tif", 8, 3, 3}};
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(masks); i++) {
    uint32_t *labels = read_labels(masks[i].name, 0, masks[i].channel);
    for (uint32_t k = 0; k < WIDTH * HEIGHT; k++) {
      assert_int_equal(labels[k], uint_sample(k % WIDTH, k / WIDTH, masks[i].of_channel, 0, masks[i].depth));
    }
  }
  uint32_t *wide = read_labels("uint32.tif", 0, -1), *page = read_labels("pages.tif", 2, -1);
  uint32_t *real = read_labels("labels_float32.tif", 0, -1);
  for (uint32_t k = 0; k < WIDTH * HEIGHT; k++) {
    assert_int_equal(wide[k], (uint32_t)uint32_sample(k % WIDTH, k / WIDTH));
    assert_int_equal(page[k], uint_sample(k % WIDTH, k / WIDTH, 0, 2, 16));
    assert_int_equal(real[k], (uint32_t)floor(fabs(float_sample(k % WIDTH, k / WIDTH, 0, 0))));
  }
}

static void reads_colour_masks(void **state) {
  uint8_t pixels[2 * 4] = {3, 0, 0, 255, 200, 0, 0, 255};
  struct vc_image image = {2, 1, 4, VC_PIXEL_U8, pixels};
  uint32_t width, height, *labels;
  (void)state;
  assert_int_equal(vc_png_write(scratch("c.png"), &image, NULL), VC_OK);
  assert_int_equal(vc_mask_read(arena, scratch("c.png"), 0, -1, &width, &height, &labels), VC_OK);
  assert_int_equal(labels[0], 3); // red alone
  assert_int_equal(labels[1], 200);
  pixels[6] = 9;
  assert_int_equal(vc_png_write(scratch("c.png"), &image, NULL), VC_OK);
  assert_int_equal(vc_mask_read(arena, scratch("c.png"), 0, -1, &width, &height, &labels), VC_OK);
  assert_int_equal(labels[0], 3 * 65536); // one blue pixel makes all of them triples
  assert_int_equal(labels[1], 200 * 65536 + 9);
  assert_int_equal(vc_mask_read(arena, corpus("rgba16.png"), 0, -1, &width, &height, &labels), VC_E_INPUT);
  expect_message("mask_channel");
}

static void refuses_what_is_no_label(void **state) {
  static const struct {
    const char *name, *part;
    int channel;
  } bad[] = {{"float32.tif", "1.5 at column 1, row 0", -1},
             {"int16.tif", "-10 at column 0, row 1", -1},
             {"five_channels8.tif", "5 channels", -1},
             {"grey8.png", "no channel 2", 2}};
  uint32_t width, height, *labels;
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(bad); i++) {
    assert_int_equal(vc_mask_read(arena, corpus(bad[i].name), 0, bad[i].channel, &width, &height, &labels), VC_E_INPUT);
    expect_message(bad[i].part);
    expect_message(bad[i].name);
  }
}

static void refuses_numbers_that_are_not_finite(void **state) {
  float pixels[4] = {0, 1, 2, NAN};
  struct vc_image image = {2, 2, 1, VC_PIXEL_F32, pixels}, read;
  (void)state;
  for (int i = 0; i < 2; i++, pixels[3] = -INFINITY) {
    assert_int_equal(vc_tiff_write(scratch("nan.tif"), &image), VC_OK);
    assert_int_equal(vc_image_read(arena, scratch("nan.tif"), 0, 0, &read), VC_E_INPUT);
    expect_message("column 1, row 1");
  }
}

static void writes_what_it_reads_back(void **state) {
  (void)state;
  for (int format = VC_PIXEL_U8; format <= VC_PIXEL_F32; format++) {
    for (uint32_t channels = 1; channels <= 5; channels++) {
      uint32_t pixels[70 * 3 * 5]; // wide enough for any format
      struct vc_image image = {70, 3, channels, (enum vc_pixel_format)format, pixels}, read;
      size_t n = 70u * 3 * channels;
      for (size_t i = 0; i < n; i++) {
        if (format == VC_PIXEL_U8) ((uint8_t *)pixels)[i] = (uint8_t)(7 * i);
        if (format == VC_PIXEL_U16) ((uint16_t *)pixels)[i] = (uint16_t)(7919 * i);
        if (format == VC_PIXEL_F32) ((float *)pixels)[i] = 0.1f * (float)i - 3;
      }
      assert_int_equal(vc_tiff_write(scratch("w.tif"), &image), VC_OK);
      assert_int_equal(vc_image_read(arena, scratch("w.tif"), 0, channels == 4 ? 4 : 0, &read), VC_OK);
      assert_int_equal(read.channels, channels);
      assert_memory_equal(read.pixels, pixels, n * vc_pixel_bytes(image.format));
      if (format == VC_PIXEL_F32 || channels > 4) continue;
      assert_int_equal(vc_png_write(scratch("w.png"), &image, NULL), VC_OK);
      assert_int_equal(vc_image_read(arena, scratch("w.png"), 0, 0, &read), VC_OK);
      assert_int_equal(read.channels, channels - (channels % 2 == 0)); // without alpha
      assert_true(image_sample(&read, 69, 2, 0) == image_sample(&image, 69, 2, 0));
    }
  }
}

static void writes_palettes(void **state) {
  uint8_t indices[3] = {0, 1, 255}, palette[3 * 256] = {0};
  struct vc_image image = {3, 1, 1, VC_PIXEL_U8, indices}, read;
  uint32_t width, height, *labels;
  (void)state;
  memcpy(palette + 3, "\x10\x20\x30", 3);
  memcpy(palette + 3 * 255, "\xFF\xFE\xFD", 3);
  assert_int_equal(vc_png_write(scratch("p.png"), &image, palette), VC_OK);
  assert_int_equal(vc_image_read(arena, scratch("p.png"), 0, 0, &read), VC_OK);
  assert_memory_equal(read.pixels, "\0\0\0\x10\x20\x30\xFF\xFE\xFD", 9);
  assert_int_equal(vc_mask_read(arena, scratch("p.png"), 0, -1, &width, &height, &labels), VC_OK);
  assert_int_equal(labels[2], 255);
}

static uint8_t *read_bytes(const char *path, size_t *out_n) {
  uint8_t *bytes;
  assert_int_equal(vc_file_read(arena, path, 0, &bytes, out_n), VC_OK);
  return bytes;
}

// Without the flush to disk of vc_file_write.
static void write_quickly(const char *path, const uint8_t *bytes, size_t n) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, n, file), n);
  assert_int_equal(fclose(file), 0);
}

// However short a file was cut: an error, or (where the cut took nothing of the pixels) the whole image; never half of
// one.
static void refuses_cut_files(void **state) {
  static const char *const names[] = {"grey8.png",
                                      "rgb16_interlaced.png",
                                      "uint16.tif",
                                      "uint16_lzw_predictor.tif",
                                      "uint8_packbits.tif",
                                      "uint16_tiles_deflate.tif",
                                      "imagej_one_directory.tif"};
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(names); i++) {
    size_t n_bytes, n_refused = 0;
    struct vc_image whole, cut;
    uint8_t *bytes = read_bytes(corpus(names[i]), &n_bytes);
    uint32_t page = strstr(names[i], "imagej") ? 2 : 0;
    assert_int_equal(vc_image_read(arena, corpus(names[i]), page, 0, &whole), VC_OK);
    for (size_t n = 0; n < n_bytes; n += 1 + n_bytes / 300) {
      write_quickly(scratch("cut"), bytes, n);
      vc_status status = vc_image_read(arena, scratch("cut"), page, 0, &cut);
      if (status != VC_OK) {
        bool is_page_missing = page > 0 && status == VC_E_INPUT; // the cut took the description of the stack
        if (status != VC_E_FORMAT && !is_page_missing)
          fail_msg("%s cut to %zu: %d: %s", names[i], n, status, vc_error_message());
        expect_message("/cut: ");
        n_refused++;
        continue;
      }
      assert_int_equal(cut.height, HEIGHT);
      assert_memory_equal(cut.pixels, whole.pixels,
                          (size_t)WIDTH * HEIGHT * whole.channels * vc_pixel_bytes(whole.format));
    }
    assert_true(n_refused > 50);
  }
}

static void names_the_file_and_the_trouble(void **state) {
  struct vc_image image;
  struct vc_image_info info;
  size_t n_bytes;
  (void)state;
  assert_int_equal(vc_image_read(arena, scratch("none.png"), 0, 0, &image), VC_E_INPUT);
  expect_message("none.png: cannot be opened");
  assert_int_equal(vc_image_info_read(folder, &info), VC_E_INPUT);
  expect_message("is a folder");
  assert_int_equal(vc_file_write(scratch("empty.tif"), "", 0), VC_OK);
  assert_int_equal(vc_image_read(arena, scratch("empty.tif"), 0, 0, &image), VC_E_FORMAT);
  expect_message("empty.tif: the file is empty");
  assert_int_equal(vc_file_write(scratch("photo.png"), "\xFF\xD8\xFF\xE0JFIF", 8), VC_OK);
  assert_int_equal(vc_image_read(arena, scratch("photo.png"), 0, 0, &image), VC_E_FORMAT);
  expect_message("JPEG");
  assert_int_equal(vc_image_read(arena, corpus("pages.tif"), 3, 0, &image), VC_E_INPUT);
  expect_message("page 4");
  assert_int_equal(vc_image_read(arena, corpus("grey8.png"), 1, 0, &image), VC_E_INPUT);

  uint8_t *png = read_bytes(corpus("grey8.png"), &n_bytes); // sides at bytes 16 and 20
  memset(png + 16, 0, 4);
  assert_int_equal(vc_file_write(scratch("zero.png"), png, n_bytes), VC_OK);
  assert_int_equal(vc_image_info_read(scratch("zero.png"), &info), VC_E_FORMAT);
  expect_message("0 x 5 pixels");
  memcpy(png + 16, "\0\x20\0\0", 4);
  assert_int_equal(vc_file_write(scratch("huge.png"), png, n_bytes), VC_OK);
  assert_int_equal(vc_image_info_read(scratch("huge.png"), &info), VC_E_INPUT);
  expect_message("too many");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_every_encoding),      cmocka_unit_test(changes_channels_on_request),
      cmocka_unit_test(keeps_the_labels_of_masks), cmocka_unit_test(reads_colour_masks),
      cmocka_unit_test(refuses_what_is_no_label),  cmocka_unit_test(refuses_numbers_that_are_not_finite),
      cmocka_unit_test(writes_what_it_reads_back), cmocka_unit_test(writes_palettes),
      cmocka_unit_test(refuses_cut_files),         cmocka_unit_test(names_the_file_and_the_trouble),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
