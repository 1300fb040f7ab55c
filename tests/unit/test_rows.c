// Images read and written by rows give what they give whole; objects numbered by rows have the numbers of the whole.
#include "data/image.h"
#include "scratch.h"
#include "train/components.h"
#include "train/overlay.h"

#include <dirent.h>

enum { PATH_BYTES = 512 };

// ---- reading --------------------------------------------------------------------------------------------------------

// Bands of `step` + `overlap` rows, as tiles ask for them.
static void check_bands(vc_image_rows *rows, const struct vc_image *want, uint32_t step, uint32_t overlap) {
  const struct vc_image_info *info = vc_image_rows_info(rows);
  const size_t row_bytes = (size_t)want->width * want->channels * vc_pixel_bytes(want->format);
  assert_int_equal(info->width, want->width);
  assert_int_equal(info->height, want->height);
  assert_int_equal(info->channels, want->channels);
  assert_int_equal(info->format, want->format);
  for (uint32_t y = 0; y < want->height; y += step) {
    const void *pixels;
    const uint32_t n = VC_MIN(step + overlap, want->height - y);
    ASSERT_OK(vc_image_rows_get(rows, y, n, &pixels));
    assert_memory_equal(pixels, (const uint8_t *)want->pixels + y * row_bytes, n * row_bytes);
  }
}

static void check_file(vc_arena *arena, const char *path) {
  struct vc_image_info info;
  ASSERT_OK(vc_image_info_read(path, &info));
  for (uint32_t page = 0; page < info.pages; page++) {
    struct vc_image image;
    vc_image_rows *rows;
    double min[IMAGE_MAX_SAMPLES], max[IMAGE_MAX_SAMPLES];
    ASSERT_OK(vc_image_read(arena, path, page, 0, &image));
    ASSERT_OK(image_rows_open(arena, path, page, 0, 0, 1, &rows)); // never whole, as few rows at once as can be
    check_bands(rows, &image, 1, 0);
    check_bands(rows, &image, 2, 1); // again from the top
    ASSERT_OK(vc_image_rows_range(rows, min, max));
    check_bands(rows, &image, image.height, 0);
    const size_t n = (size_t)image.width * image.height;
    for (uint32_t c = 0; c < image.channels; c++) {
      double lo = vc_image_value(&image, c), hi = lo;
      for (size_t i = 0; i < n; i++) {
        lo = VC_MIN(lo, vc_image_value(&image, i * image.channels + c));
        hi = VC_MAX(hi, vc_image_value(&image, i * image.channels + c));
      }
      assert_true(min[c] == lo && max[c] == hi);
    }
  }
}

static void test_bands_equal_the_whole(void **state) {
  const char *const kinds[] = {"tiff", "png"};
  uint32_t n_files = 0;
  for (size_t k = 0; k < VC_COUNT_OF(kinds); k++) {
    char folder[PATH_BYTES], **paths;
    size_t n;
    snprintf(folder, sizeof folder, "%s/fuzz/corpus/%s", VC_TEST_DIR, kinds[k]);
    ASSERT_OK(vc_path_list(*state, folder, &paths, &n));
    for (size_t i = 0; i < n; i++) check_file(*state, paths[i]);
    n_files += (uint32_t)n;
  }
  assert_true(n_files > 30);
}

// An uncompressed 16-bit TIFF of one strip, big-endian, by hand: entries are tag, type (3: 16 bits, 4: 32), count,
// value.
static void write_one_strip(const char *path, uint32_t width, uint32_t height, size_t n_pixel_bytes) {
  enum { N = 9, OFFSET = 8 + 2 + 12 * N + 4 };
  const uint32_t entries[N][3] = {{256, 4, width}, {257, 4, height}, {258, 3, 16},
                                  {259, 3, 1},     {262, 3, 1},      {273, 4, OFFSET},
                                  {277, 3, 1},     {278, 4, height}, {279, 4, 2 * width * height}};
  uint8_t head[OFFSET] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, N};
  for (uint32_t i = 0; i < N; i++) {
    uint8_t *e = head + 10 + 12 * i;
    const uint32_t value = entries[i][1] == 3 ? entries[i][2] << 16 : entries[i][2];
    e[0] = (uint8_t)(entries[i][0] >> 8), e[1] = (uint8_t)entries[i][0], e[3] = (uint8_t)entries[i][1], e[7] = 1;
    for (int b = 0; b < 4; b++) e[8 + b] = (uint8_t)(value >> (24 - 8 * b));
  }
  vc_file_writer *file;
  ASSERT_OK(vc_file_writer_open(path, &file));
  ASSERT_OK(vc_file_writer_append(file, head, sizeof head));
  uint8_t row[2 * 4096];
  for (uint32_t y = 0; y < height; y++) {
    for (uint32_t x = 0; x < width; x++) row[2 * x] = (uint8_t)(x + y), row[2 * x + 1] = (uint8_t)(3 * y);
    const size_t at = (size_t)2 * width * y, n = at < n_pixel_bytes ? VC_MIN(n_pixel_bytes - at, 2 * width) : 0;
    ASSERT_OK(vc_file_writer_append(file, row, n));
  }
  ASSERT_OK(vc_file_writer_commit(file));
}

// A strip larger than is held at once.
static void test_a_large_strip(void **state) {
  enum { W = 4096, H = 2100 };
  vc_image_rows *rows;
  const void *pixels;
  write_one_strip("large.tif", W, H, (size_t)2 * W * H);
  ASSERT_OK(image_rows_open(*state, "large.tif", 0, 1, 0, 1, &rows));
  for (uint32_t y = 0; y < H; y += 97) {
    ASSERT_OK(vc_image_rows_get(rows, y, 1, &pixels));
    for (uint32_t x = 0; x < W; x++)
      assert_int_equal(((const uint16_t *)pixels)[x], ((x + y) & 255) << 8 | ((3 * y) & 255));
  }
  write_one_strip("cut.tif", W, H, (size_t)2 * W * 1000 + 7);
  ASSERT_OK(image_rows_open(*state, "cut.tif", 0, 1, 0, 1, &rows));
  ASSERT_OK(vc_image_rows_get(rows, 990, 10, &pixels));
  ASSERT_FAILS(vc_image_rows_get(rows, 1000, 1, &pixels), VC_E_FORMAT, "cut.tif: cannot be decoded as TIFF");
}

// Damage is met where it is; what lies above stays readable, again from the top.
static void test_a_cut_png(void **state) {
  enum { W = 500, H = 400 };
  static uint8_t row[W];
  vc_image_writer *w;
  vc_image_rows *rows;
  const void *pixels;
  uint8_t *file;
  size_t n;
  const struct vc_image shape = {.width = W, .height = H, .channels = 1, .format = VC_PIXEL_U8};
  vc_rng rng = vc_rng_at(4, VC_RNG_TEST, 0, 0);
  ASSERT_OK(vc_png_writer_open("whole.png", &shape, NULL, &w));
  for (uint32_t y = 0; y < H; y++) {
    for (uint32_t x = 0; x < W; x++) row[x] = (uint8_t)(x == 0 ? y & 255 : vc_rng_below(&rng, 256));
    ASSERT_OK(vc_image_writer_append(w, row, 1));
  }
  ASSERT_OK(vc_image_writer_commit(w));
  ASSERT_OK(vc_file_read(*state, "whole.png", 0, &file, &n));
  scratch_put("cut.png", file, n / 2);
  ASSERT_OK(image_rows_open(*state, "cut.png", 0, 1, 0, 1, &rows));
  for (int again = 0; again < 2; again++) {
    for (uint32_t y = 0; y < H / 4; y += 40) {
      ASSERT_OK(vc_image_rows_get(rows, y, 2, &pixels));
      assert_int_equal(((const uint8_t *)pixels)[W], y + 1);
    }
    ASSERT_FAILS(vc_image_rows_get(rows, H - 1, 1, &pixels), VC_E_FORMAT, "cut.png: cannot be decoded as PNG");
  }
  scratch_put("endless.png", file, n - 12); // all rows, but no end
  ASSERT_OK(image_rows_open(*state, "endless.png", 0, 1, 0, 1, &rows));
  ASSERT_FAILS(vc_image_rows_get(rows, H - 1, 1, &pixels), VC_E_FORMAT, "endless.png: cannot be decoded as PNG");
  ASSERT_FAILS(image_rows_open(*state, "whole.png", 1, 1, 0, 1, &rows), VC_E_INPUT, "whole.png: has 1 page");
}

static void test_lying_headers(void **state) {
  vc_image_rows *rows;
  const void *pixels;
  // Sides up to 2^20 are believed where the file could hold them.
  write_one_strip("tall.tif", 4096, 1 << 20, 0);
  ASSERT_OK(image_rows_open(*state, "tall.tif", 0, 1, 0, 1, &rows));
  ASSERT_FAILS(vc_image_rows_get(rows, 0, 1, &pixels), VC_E_FORMAT, "tall.tif: too short for 4096 x 1048576 pixels");
  write_one_strip("taller.tif", 16, (1 << 20) + 1, 64);
  ASSERT_FAILS(image_rows_open(*state, "taller.tif", 0, 1, 0, 1, &rows), VC_E_INPUT, "taller.tif: ");
}

// ---- writing --------------------------------------------------------------------------------------------------------

static struct vc_image noise(vc_arena *arena, uint32_t width, uint32_t height, uint32_t channels,
                             enum vc_pixel_format format) {
  struct vc_image image = {.width = width, .height = height, .channels = channels, .format = format};
  vc_rng rng = vc_rng_at(3, VC_RNG_TEST, width, height);
  const size_t n = (size_t)width * height * channels;
  ASSERT_OK(vc_arena_alloc(arena, n, vc_pixel_bytes(format), &image.pixels));
  for (size_t i = 0; i < n; i++) {
    const uint32_t v = vc_rng_below(&rng, 256);
    if (format == VC_PIXEL_U8) ((uint8_t *)image.pixels)[i] = (uint8_t)v;
    if (format == VC_PIXEL_U16) ((uint16_t *)image.pixels)[i] = (uint16_t)(v * 257);
    if (format == VC_PIXEL_F32) ((float *)image.pixels)[i] = (float)v / 3;
  }
  return image;
}

static void check_written(vc_arena *arena, const char *path, const struct vc_image *want) {
  struct vc_image got;
  ASSERT_OK(vc_image_read(arena, path, 0, 0, &got));
  assert_int_equal(got.width, want->width);
  assert_int_equal(got.height, want->height);
  assert_int_equal(got.format, want->format);
  assert_memory_equal(got.pixels, want->pixels,
                      (size_t)want->width * want->height * want->channels * vc_pixel_bytes(want->format));
}

static void append_by(vc_image_writer *w, const struct vc_image *image, uint32_t step) {
  const size_t row_bytes = (size_t)image->width * image->channels * vc_pixel_bytes(image->format);
  for (uint32_t y = 0; y < image->height; y += step)
    ASSERT_OK(
        vc_image_writer_append(w, (const uint8_t *)image->pixels + y * row_bytes, VC_MIN(step, image->height - y)));
}

static void test_written_by_rows(void **state) {
  vc_image_writer *w;
  struct vc_image image = noise(*state, 33, 3001, 3, VC_PIXEL_U8); // several strips
  ASSERT_OK(vc_tiff_writer_open("rgb.tif", &image, &w));
  append_by(w, &image, 7);
  assert_false(vc_path_exists("rgb.tif"));
  ASSERT_OK(vc_image_writer_commit(w));
  check_written(*state, "rgb.tif", &image);
  ASSERT_OK(vc_png_writer_open("rgb.png", &image, NULL, &w));
  append_by(w, &image, 1000);
  ASSERT_OK(vc_image_writer_commit(w));
  check_written(*state, "rgb.png", &image);
  image = noise(*state, 40, 5, 1, VC_PIXEL_F32);
  ASSERT_OK(vc_tiff_writer_open("float.tif", &image, &w));
  append_by(w, &image, 5);
  ASSERT_OK(vc_image_writer_commit(w));
  check_written(*state, "float.tif", &image);
}

static void test_labels_are_as_wide_as_they_must(void **state) {
  const uint32_t labels[2][3] = {{0, 65535, 1}, {7, 65536, 3000000}}, n[2] = {65535, 3000000};
  for (uint32_t i = 0; i < 2; i++) {
    vc_image_writer *w;
    uint32_t width, height, *got;
    struct vc_image_info info;
    ASSERT_OK(vc_label_writer_open("labels.tif", 3, 1, n[i], &w));
    ASSERT_OK(vc_image_writer_append(w, labels[i], 1));
    ASSERT_OK(vc_image_writer_commit(w));
    ASSERT_OK(vc_image_info_read("labels.tif", &info));
    assert_int_equal(info.format, i ? VC_PIXEL_F32 : VC_PIXEL_U16); // what 32-bit integers are read as
    ASSERT_OK(vc_mask_read(*state, "labels.tif", 0, -1, &width, &height, &got));
    assert_memory_equal(got, labels[i], sizeof labels[i]);
  }
}

static void test_discarded_files_are_gone(void **state) {
  const struct vc_image image = noise(*state, 300, 900, 1, VC_PIXEL_U16);
  vc_image_writer *tiff, *png;
  ASSERT_OK(vc_tiff_writer_open("a.tif", &image, &tiff));
  ASSERT_OK(vc_png_writer_open("a.png", &image, NULL, &png));
  append_by(tiff, &image, 900);
  ASSERT_OK(vc_image_writer_append(png, image.pixels, 100));
  vc_image_writer_discard(tiff);
  vc_image_writer_discard(png);
  vc_image_writer_discard(NULL);
  DIR *dir = opendir(".");
  assert_non_null(dir);
  for (const struct dirent *entry; (entry = readdir(dir));)
    assert_int_equal(strspn(entry->d_name, "."), strlen(entry->d_name));
  closedir(dir);
}

// ---- objects and overlays -------------------------------------------------------------------------------------------

static void check_components(vc_arena *arena, const uint8_t *classes, uint32_t width, uint32_t height) {
  struct component_rows *c;
  uint32_t *want, *got, n_want, n_got;
  ASSERT_OK(components_label(arena, classes, width, height, &want, &n_want));
  ASSERT_OK(VC_NEW(arena, width, &got));
  ASSERT_OK(component_rows_create(arena, ".", width, &c));
  for (uint32_t y = 0; y < height; y += 3)
    ASSERT_OK(component_rows_add(c, classes + (size_t)y * width, VC_MIN(3, height - y)));
  ASSERT_OK(component_rows_finish(c, &n_got));
  assert_int_equal(n_got, n_want);
  for (uint32_t y = 0; y < height; y++) {
    ASSERT_OK(component_rows_next(c, got));
    assert_memory_equal(got, want + (size_t)y * width, width * sizeof *got);
  }
}

static void test_components_by_rows(void **state) {
  static const char spiral[] = "#######"
                               "#.....#"
                               "#.###.#"
                               "#.#.#.#"
                               "#.#...#"
                               "#.#####";
  uint8_t classes[64 * 41] = {0};
  for (uint32_t i = 0; i < 42; i++) classes[i] = spiral[i] == '#';
  check_components(*state, classes, 7, 6);
  for (uint32_t k = 0; k < 40; k++) {
    const uint32_t width = 1 + 7 * k % 64, height = 1 + 11 * k % 41;
    vc_rng rng = vc_rng_at(9, VC_RNG_TEST, 0, k);
    for (uint32_t i = 0; i < width * height; i++) {
      const bool is_object = vc_rng_below(&rng, 100) < 20 + 15 * (k % 5);
      classes[i] = is_object ? (uint8_t)(1 + vc_rng_below(&rng, 2)) : vc_rng_below(&rng, 9) ? 0 : VC_IGNORE_U8;
    }
    check_components(*state, classes, width, height);
  }
}

static void test_overlays_by_rows(void **state) {
  static const uint32_t heights[] = {1, 2, 3, 64, 65, 66, 131, 200};
  for (size_t k = 0; k < VC_COUNT_OF(heights); k++) {
    const uint32_t w = 23, h = heights[k], steps[] = {1, 2, 63, 64, 200};
    const struct vc_image image = noise(*state, w, h, k % 2 ? 1 : 3, k % 3 ? VC_PIXEL_U8 : VC_PIXEL_F32);
    uint8_t classes[23 * 200];
    struct vc_image want;
    for (uint32_t i = 0; i < w * h; i++) classes[i] = (uint8_t)((i % w + i / w / 2) / 6 % 3);
    ASSERT_OK(vc_overlay_write("whole.png", &image, NULL, classes, 3));
    ASSERT_OK(vc_image_read(*state, "whole.png", 0, 0, &want));
    for (size_t s = 0; s < VC_COUNT_OF(steps); s++) {
      vc_image_rows *rows;
      struct overlay_rows *o;
      const void *pixels;
      ASSERT_OK(vc_image_rows_of(*state, &image, &rows));
      ASSERT_OK(overlay_rows_open(*state, "rows.png", rows, &o));
      for (uint32_t y = 0; y < h; y += steps[s]) {
        const uint32_t n = VC_MIN(steps[s], h - y);
        ASSERT_OK(vc_image_rows_get(rows, y, n, &pixels));
        ASSERT_OK(overlay_rows_add(o, pixels, classes + y * w, n));
      }
      ASSERT_OK(overlay_rows_commit(o));
      check_written(*state, "rows.png", &want);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SCRATCH_TEST(test_bands_equal_the_whole),
      SCRATCH_TEST(test_a_large_strip),
      SCRATCH_TEST(test_a_cut_png),
      SCRATCH_TEST(test_lying_headers),
      SCRATCH_TEST(test_written_by_rows),
      SCRATCH_TEST(test_labels_are_as_wide_as_they_must),
      SCRATCH_TEST(test_discarded_files_are_gone),
      SCRATCH_TEST(test_components_by_rows),
      SCRATCH_TEST(test_overlays_by_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
