// Pairing, classes and ranges; and that nothing but the two functions for it opens a mask.
#include "vulcyte/data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { PATH_BYTES = 512, SIDE = 4 };

static vc_arena *arena;
static char folder[64];
static char warnings[4096];
static const uint32_t zero = 0;
static const struct vc_class cell_classes[2] = {{"background", &zero, 1, false}, {"cell", NULL, 0, true}};

static void on_log(void *context, enum vc_log_level level, const char *line) {
  (void)context;
  if (level == VC_LOG_WARNING) strncat(warnings, line, sizeof warnings - strlen(warnings) - 1);
}

static int set_up(void **state) {
  (void)state;
  strcpy(folder, "/tmp/vulcyte-dataset-XXXXXX");
  warnings[0] = '\0';
  vc_log_set_sink(on_log, NULL);
  return mkdtemp(folder) && vc_arena_create(&arena) == VC_OK ? 0 : -1;
}

static int tear_down(void **state) {
  char command[PATH_BYTES];
  (void)state;
  vc_arena_destroy(arena);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static const char *in_folder(const char *name) {
  static char paths[4][PATH_BYTES];
  static int turn;
  char *path = paths[turn++ % 4];
  snprintf(path, PATH_BYTES, "%s/%s", folder, name);
  return path;
}

static void make_folder(const char *name) {
  assert_int_equal(vc_path_make_dirs(in_folder(name)), VC_OK);
}

static void write_text(const char *name, const char *text) {
  FILE *file = fopen(in_folder(name), "wb");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

// An 8-bit image of `side` squared pixels: first, first + 1, ...
static void write_image(const char *name, uint32_t side, uint8_t first) {
  uint8_t pixels[64];
  struct vc_image image = {side, side, 1, VC_PIXEL_U8, pixels};
  for (uint32_t i = 0; i < side * side; i++) pixels[i] = (uint8_t)(first + i);
  assert_int_equal(vc_png_write(in_folder(name), &image, NULL), VC_OK);
}

static struct vc_dataset_desc usual_desc(void) {
  static char images[PATH_BYTES], masks[PATH_BYTES];
  snprintf(images, PATH_BYTES, "%s/images", folder);
  snprintf(masks, PATH_BYTES, "%s/masks", folder);
  return (struct vc_dataset_desc){
      .images = images, .masks = masks, .classes = cell_classes, .n_classes = 2, .channels = 1, .mask_channel = -1};
}

static void expect_failure(const struct vc_dataset_desc *desc, vc_status status, const char *part) {
  vc_dataset *d;
  assert_int_equal(vc_dataset_open(arena, desc, 2, &d), status);
  if (!strstr(vc_error_message(), part)) fail_msg("'%s' does not tell '%s'", vc_error_message(), part);
}

static vc_dataset *open_set(const struct vc_dataset_desc *desc) {
  vc_dataset *d;
  if (vc_dataset_open(arena, desc, 2, &d) != VC_OK) fail_msg("%s", vc_error_message());
  return d;
}

static void write_usual_set(void) {
  make_folder("images");
  make_folder("masks");
  write_image("images/b.png", SIDE, 10);
  write_image("images/a.png", SIDE + 1, 5);
  write_image("masks/a.png", SIDE + 1, 0);
  write_image("masks/b.png", SIDE, 0);
}

static void pairs_by_stem_in_order(void **state) {
  (void)state;
  write_usual_set();
  make_folder("more");
  write_image("more/A.png", SIDE, 100);
  write_text("images/notes.txt", "not an image");
  write_image("masks/stray.png", SIDE, 0);
  struct vc_dataset_desc desc = usual_desc();
  desc.unlabelled = in_folder("more");
  vc_dataset *d = open_set(&desc);
  assert_int_equal(d->n_samples, 3);
  assert_int_equal(d->n_paired, 2);
  assert_string_equal(d->samples[0].stem, "a");
  assert_string_equal(d->samples[0].mask_path, in_folder("masks/a.png"));
  assert_int_equal(d->samples[0].width, SIDE + 1);
  assert_string_equal(d->samples[1].stem, "b");
  assert_string_equal(d->samples[2].stem, "A"); // of the extra folder, so last
  assert_null(d->samples[2].mask_path);
  assert_non_null(strstr(warnings, "notes.txt"));
  assert_non_null(strstr(warnings, "stray.png"));
}

static void follows_the_mask_pattern(void **state) {
  (void)state;
  make_folder("images");
  write_image("images/x.png", SIDE, 1);
  write_image("images/x_mask.png", SIDE, 0); // both kinds in one folder
  write_image("images/y.png", SIDE, 1);
  write_image("images/y_mask.png", SIDE, 0);
  struct vc_dataset_desc desc = usual_desc();
  desc.masks = desc.images;
  desc.mask_pattern = "{stem}_mask";
  vc_dataset *d = open_set(&desc);
  assert_int_equal(d->n_samples, 2);
  assert_string_equal(d->samples[1].mask_path, in_folder("images/y_mask.png"));
  assert_string_equal(warnings, "");
  desc.mask_pattern = "mask";
  expect_failure(&desc, VC_E_CONFIG, "{stem}");
}

static void makes_samples_of_pages(void **state) {
  char source[PATH_BYTES];
  uint8_t *bytes;
  size_t n_bytes;
  struct vc_image image;
  uint32_t *labels;
  (void)state;
  make_folder("images");
  make_folder("masks");
  snprintf(source, sizeof source, "%s/fuzz/corpus/tiff/pages.tif", VC_TEST_DIR);
  assert_int_equal(vc_file_read(arena, source, 0, &bytes, &n_bytes), VC_OK);
  assert_int_equal(vc_file_write(in_folder("images/stack.tif"), bytes, n_bytes), VC_OK);
  assert_int_equal(vc_file_write(in_folder("masks/stack.tif"), bytes, n_bytes), VC_OK);
  struct vc_dataset_desc desc = usual_desc();
  vc_dataset *d = open_set(&desc);
  assert_int_equal(d->n_samples, 3);
  assert_string_equal(d->samples[0].stem, "stack");
  assert_string_equal(d->samples[1].stem, "stack#2");
  assert_int_equal(d->samples[2].page, 2);
  assert_int_equal(vc_dataset_image(d, 2, arena, &image), VC_OK);
  assert_int_equal(vc_dataset_labels(d, 2, arena, &labels), VC_OK);
  assert_int_equal(((uint16_t *)image.pixels)[0], 2 * 13007);
  assert_int_equal(labels[0], 2 * 13007);
}

static void refuses_what_does_not_fit(void **state) {
  (void)state;
  struct vc_dataset_desc desc = usual_desc();
  expect_failure(&desc, VC_E_INPUT, "images");
  make_folder("images");
  make_folder("masks");
  expect_failure(&desc, VC_E_INPUT, "no image files");
  write_text("images/a.jpg", "x");
  expect_failure(&desc, VC_E_INPUT, "a.jpg");
  write_image("images/a.png", SIDE, 0);
  write_image("images/b.png", SIDE, 0);
  write_image("masks/a.png", SIDE, 0);
  expect_failure(&desc, VC_E_INPUT, "b.png: no mask");
  write_image("masks/b.png", SIDE, 0);
  write_image("masks/b.tif", SIDE, 0);
  expect_failure(&desc, VC_E_INPUT, "two masks of the stem 'b'");
  assert_int_equal(remove(in_folder("masks/b.tif")), 0);
  write_image("images/a.tiff", SIDE, 0);
  expect_failure(&desc, VC_E_INPUT, "two images of one stem, 'a'");
  assert_int_equal(remove(in_folder("images/a.tiff")), 0);
  desc.unlabelled = desc.images;
  expect_failure(&desc, VC_E_INPUT, "two images of one stem");
  desc.unlabelled = NULL;
  desc.channels = 2;
  expect_failure(&desc, VC_E_INPUT, "data.channels");
}

static void leaves_bad_files_out(void **state) {
  (void)state;
  write_usual_set();
  char source[PATH_BYTES];
  uint8_t *bytes;
  size_t n_bytes;
  snprintf(source, sizeof source, "%s/fuzz/corpus/png/grey8.png", VC_TEST_DIR);
  assert_int_equal(vc_file_read(arena, source, 0, &bytes, &n_bytes), VC_OK);
  assert_int_equal(vc_file_write(in_folder("images/cut.png"), bytes, n_bytes - 20), VC_OK); // its header is whole
  write_image("masks/cut.png", SIDE, 0);
  write_text("images/empty.png", "");
  write_image("masks/empty.png", SIDE, 0);
  write_image("images/nomask.png", SIDE, 0);
  struct vc_dataset_desc desc = usual_desc();
  desc.skip_bad = true;
  vc_dataset *d = open_set(&desc);
  assert_int_equal(d->n_samples, 2);
  assert_non_null(strstr(warnings, "cut.png"));
  assert_non_null(strstr(warnings, "empty.png"));
  assert_non_null(strstr(warnings, "nomask.png"));
}

static void maps_labels_to_classes(void **state) {
  static const uint32_t values[] = {2, 3};
  static const struct vc_class classes[] = {{"other", NULL, 0, true}, {"two", values, 2, false}};
  static const struct vc_class closed[] = {{"zero", &zero, 1, false}, {"two", values, 2, false}};
  uint8_t *found;
  uint32_t *labels;
  (void)state;
  write_usual_set();
  struct vc_dataset_desc desc = usual_desc();
  desc.classes = classes;
  vc_dataset *d = open_set(&desc);
  assert_int_equal(vc_dataset_classes(d, 1, arena, &found), VC_OK); // labels 0, 1, 2, ...
  for (uint32_t i = 0; i < SIDE * SIDE; i++) assert_int_equal(found[i], i == 2 || i == 3);
  assert_int_equal(vc_dataset_labels(d, 1, arena, &labels), VC_OK);
  assert_int_equal(labels[15], 15);
  desc.classes = closed;
  d = open_set(&desc);
  assert_int_equal(vc_dataset_classes(d, 1, arena, &found), VC_E_INPUT);
  assert_non_null(strstr(vc_error_message(), "b.png: the label 1 at column 1, row 0"));
  write_image("masks/b.png", SIDE + 1, 0);
  assert_int_equal(vc_dataset_classes(d, 1, arena, &found), VC_E_INPUT);
  assert_non_null(strstr(vc_error_message(), "5 x 5"));
  assert_non_null(strstr(vc_error_message(), "4 x 4"));
}

static void finds_the_range(void **state) {
  double low[3], high[3];
  uint32_t both[2] = {0, 1}, one[1] = {1};
  (void)state;
  write_usual_set();
  struct vc_dataset_desc desc = usual_desc();
  desc.channels = 3;
  vc_dataset *d = open_set(&desc);
  assert_int_equal(vc_dataset_range(d, both, 2, 2, low, high), VC_OK);
  for (int c = 0; c < 3; c++) {
    assert_true(low[c] == 5);
    assert_true(high[c] == 5 + 24);
  }
  assert_int_equal(vc_dataset_range(d, one, 1, 0, low, high), VC_OK);
  assert_true(low[0] == 10 && high[0] == 25);
}

// Opening, reading images, ranges and splits work with masks that nobody could read.
static void opens_no_mask_of_itself(void **state) {
  double low, high;
  struct vc_image image;
  struct vc_split split;
  uint8_t *classes;
  uint32_t both[2] = {0, 1};
  (void)state;
  write_usual_set();
  assert_int_equal(remove(in_folder("masks/a.png")), 0);
  assert_int_equal(mkfifo(in_folder("masks/a.png"), 0600), 0); // has a name, but nothing to read
  write_text("masks/b.png", "garbage");
  struct vc_dataset_desc desc = usual_desc();
  vc_dataset *d = open_set(&desc);
  assert_int_equal(d->n_paired, 2);
  assert_int_equal(vc_dataset_image(d, 0, arena, &image), VC_OK);
  assert_int_equal(vc_dataset_range(d, both, 2, 2, &low, &high), VC_OK);
  struct vc_split_desc split_desc = {.train = 1, .labelled_fraction = 0.5};
  assert_int_equal(vc_split_make(arena, d, &split_desc, &split), VC_OK);
  assert_int_equal(vc_dataset_classes(d, 1, arena, &classes), VC_E_FORMAT);
}

static void works_without_masks(void **state) {
  (void)state;
  write_usual_set();
  struct vc_dataset_desc desc = usual_desc();
  desc.masks = NULL;
  desc.n_classes = 0;
  vc_dataset *d = open_set(&desc);
  assert_int_equal(d->n_samples, 2);
  assert_int_equal(d->n_paired, 0);
  assert_null(d->samples[0].mask_path);
}

static void takes_globs(void **state) {
  char pattern[PATH_BYTES];
  (void)state;
  write_usual_set();
  snprintf(pattern, sizeof pattern, "%s/im*/b*.png", folder);
  struct vc_dataset_desc desc = usual_desc();
  desc.images = pattern;
  vc_dataset *d = open_set(&desc);
  assert_int_equal(d->n_samples, 1);
  assert_string_equal(d->samples[0].stem, "b");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(pairs_by_stem_in_order), TEST(follows_the_mask_pattern),
      TEST(makes_samples_of_pages), TEST(refuses_what_does_not_fit),
      TEST(leaves_bad_files_out),   TEST(maps_labels_to_classes),
      TEST(finds_the_range),        TEST(opens_no_mask_of_itself),
      TEST(works_without_masks),    TEST(takes_globs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
