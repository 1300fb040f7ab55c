// Public sets in the arrangements of their sites, in small; what becomes of them is opened as a data set.
#include "data/import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { W = 6, H = 4, PATH_BYTES = 512, LOG_BYTES = 4096 };

static vc_arena *arena;
static char folder[64], warnings[LOG_BYTES];
static const uint32_t zero = 0;
static const struct vc_class classes[2] = {{"background", &zero, 1, false}, {"cell", NULL, 0, true}};

static void on_log(void *context, enum vc_log_level level, const char *line) {
  (void)context;
  if (level == VC_LOG_WARNING) strncat(warnings, line, sizeof warnings - strlen(warnings) - 1);
}

// Each test runs in an empty folder of its own and uses relative names.
static int enter(void **state) {
  (void)state;
  strcpy(folder, "/tmp/vulcyte-import-XXXXXX");
  warnings[0] = '\0';
  vc_log_set_sink(on_log, NULL);
  return mkdtemp(folder) && chdir(folder) == 0 && vc_arena_create(&arena) == VC_OK ? 0 : -1;
}

static int leave(void **state) {
  char command[128];
  (void)state;
  vc_arena_destroy(arena);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void assert_fails(vc_status status, vc_status expected, const char *part) {
  assert_int_equal(status, expected);
  if (!strstr(vc_error_message(), part)) fail_msg("'%s' does not tell '%s'", vc_error_message(), part);
  assert_null(strchr(vc_error_message(), '\n'));
}

// ---- files ----

// A picture from one character a pixel: '.' is 0, '1'..'9' their values, letters 10 and up.
static void write_image(const char *path, const char *rows, uint32_t channels, enum vc_pixel_format format) {
  uint16_t pixels[W * H * 4];
  uint8_t bytes[W * H * 4];
  char *dir;
  size_t n = strlen(rows);
  struct vc_image image = {.width = W, .height = (uint32_t)(n / W), .channels = channels, .format = format};
  assert_true(n % W == 0 && n <= W * H);
  for (size_t i = 0; i < n * channels; i++) {
    char c = rows[i / channels];
    uint32_t value = c == '.' ? 0 : c <= '9' ? (uint32_t)(c - '0') : 10 + (uint32_t)(c - 'a');
    if (channels == 4 && i % 4 > 0) value = i % 4 == 3 ? 255 : 0; // a colour index in red
    pixels[i] = (uint16_t)value;
    bytes[i] = (uint8_t)value;
  }
  image.pixels = format == VC_PIXEL_U8 ? (void *)bytes : (void *)pixels;
  assert_int_equal(vc_path_dir(arena, path, &dir), VC_OK);
  assert_int_equal(vc_path_make_dirs(dir), VC_OK);
  vc_status status = strstr(path, ".tif") ? vc_tiff_write(path, &image) : vc_png_write(path, &image, NULL);
  assert_int_equal(status, VC_OK);
}

static void write_text(const char *path, const char *text) {
  assert_int_equal(vc_file_write(path, text, strlen(text)), VC_OK);
}

static const char picture[] = "123456"
                              "abcdef"
                              "999999"
                              "abc123";

static void assert_labels(const char *path, const char *rows) {
  uint32_t width, height, *labels;
  if (vc_mask_read(arena, path, 0, -1, &width, &height, &labels) != VC_OK) fail_msg("%s", vc_error_message());
  assert_int_equal(width, W);
  assert_int_equal(height, H);
  for (size_t i = 0; i < W * H; i++) {
    uint32_t want = rows[i] == '.' ? 0 : (uint32_t)(rows[i] - '0');
    if (labels[i] != want) fail_msg("%s: pixel %zu is %u, not %u", path, i, labels[i], want);
  }
}

static void assert_same_file(const char *a, const char *b) {
  char command[2 * PATH_BYTES];
  snprintf(command, sizeof command, "cmp -s '%s' '%s'", a, b);
  assert_int_equal(system(command), 0);
}

static const vc_json *description(void) {
  uint8_t *text;
  size_t n;
  vc_json *json;
  assert_int_equal(vc_file_read(arena, "out/dataset.json", 0, &text, &n), VC_OK);
  assert_int_equal(vc_json_parse(arena, "dataset.json", (const char *)text, n, &json), VC_OK);
  return json;
}

static const vc_dataset *open_set(bool has_unlabelled) {
  vc_dataset *d;
  struct vc_dataset_desc desc = {.images = "out/images",
                                 .masks = "out/masks",
                                 .unlabelled = has_unlabelled ? "out/unlabelled" : NULL,
                                 .classes = classes,
                                 .n_classes = 2,
                                 .channels = 1,
                                 .mask_channel = -1};
  if (vc_dataset_open(arena, &desc, 1, &d) != VC_OK) fail_msg("%s", vc_error_message());
  for (uint32_t i = 0; i < d->n_paired; i++) {
    uint8_t *map;
    assert_int_equal(vc_dataset_classes(d, i, arena, &map), VC_OK);
  }
  return d;
}

static vc_status import(enum vc_import_kind kind, struct vc_import_desc desc, struct vc_import_result *out) {
  desc.source = desc.source ? desc.source : "src";
  desc.out_dir = "out";
  desc.n_threads = 2;
  return vc_import(kind, &desc, out);
}

// A failed import leaves the folder as it was.
static void assert_nothing_written(void) {
  assert_false(vc_path_exists("out"));
  assert_false(vc_path_exists(".out.tmp"));
}

// ---- Cell Tracking Challenge ----

static const char cells[] = "11...."
                            "11..2."
                            "....2."
                            "......";
static const char other_cells[] = "......"
                                  ".333.."
                                  "......"
                                  ".....4";

static void make_ctc(const char *root) {
  static const char *const images[] = {"01/t000.tif", "01/t001.tif", "01/t002.tif", "02/t000.tif"};
  static const struct {
    const char *name, *rows;
  } masks[] = {{"01_GT/SEG/man_seg001.tif", cells},
               {"01_ST/SEG/man_seg000.tif", other_cells},
               {"01_ST/SEG/man_seg001.tif", other_cells},
               {"01_GT/TRA/man_track002.tif", cells},
               {"02_ST/SEG/man_seg0000.tif", cells}}; // digits differ from the frame's
  char path[PATH_BYTES];
  for (size_t i = 0; i < VC_COUNT_OF(images); i++) {
    snprintf(path, sizeof path, "%s/%s", root, images[i]);
    write_image(path, picture, 1, VC_PIXEL_U8);
  }
  for (size_t i = 0; i < VC_COUNT_OF(masks); i++) {
    snprintf(path, sizeof path, "%s/%s", root, masks[i].name);
    write_image(path, masks[i].rows, 1, VC_PIXEL_U16);
  }
}

static void ctc_takes_gold_before_silver(void **state) {
  struct vc_import_result result;
  (void)state;
  make_ctc("src");
  assert_int_equal(import(VC_IMPORT_CTC, (struct vc_import_desc){0}, &result), VC_OK);
  assert_int_equal(result.n_labelled, 3);
  assert_int_equal(result.n_unlabelled, 1);
  assert_labels("out/masks/01_t000.tif", other_cells);
  assert_labels("out/masks/01_t001.tif", cells);
  assert_labels("out/masks/02_t000.tif", cells);
  assert_same_file("src/01/t002.tif", "out/unlabelled/01_t002.tif");
  assert_same_file("src/02/t000.tif", "out/images/02_t000.tif");
  const vc_dataset *d = open_set(true);
  assert_int_equal(d->n_paired, 3);
  assert_int_equal(d->n_samples, 4);
  const vc_json *json = description();
  assert_string_equal(vc_json_string(vc_json_get(json, "group")), "^([0-9]+)_");
  assert_string_equal(vc_json_string(vc_json_get(json, "name")), "src");
  assert_string_equal(vc_json_string(vc_json_get(json, "unlabelled")), "unlabelled");
  assert_string_equal(warnings, "");
}

static void ctc_takes_one_truth_on_request(void **state) {
  struct vc_import_result result;
  (void)state;
  make_ctc("src/PhC"); // one folder deeper, as unpacked
  assert_int_equal(import(VC_IMPORT_CTC, (struct vc_import_desc){.truth = VC_TRUTH_GOLD}, &result), VC_OK);
  assert_int_equal(result.n_labelled, 1);
  assert_int_equal(result.n_unlabelled, 3);
  assert_int_equal(system("rm -r out"), 0);
  assert_int_equal(import(VC_IMPORT_CTC, (struct vc_import_desc){.truth = VC_TRUTH_SILVER}, &result), VC_OK);
  assert_int_equal(result.n_labelled, 3);
  assert_labels("out/masks/01_t001.tif", other_cells);
}

static void ctc_refuses_what_it_cannot_take(void **state) {
  struct vc_import_result result;
  (void)state;
  assert_fails(import(VC_IMPORT_CTC, (struct vc_import_desc){0}, &result), VC_E_INPUT, "src: ");
  make_ctc("src");
  write_image("src/02_GT/SEG/man_seg000_003.tif", cells, 1, VC_PIXEL_U16);
  assert_fails(import(VC_IMPORT_CTC, (struct vc_import_desc){0}, &result), VC_E_INPUT,
               "man_seg000_003.tif: the truth of one plane of a three-dimensional frame");
  assert_int_equal(system("rm -r src/02_GT"), 0);

  char command[PATH_BYTES];
  snprintf(command, sizeof command, "cp '%s/fuzz/corpus/tiff/pages.tif' src/01/t003.tif", VC_TEST_DIR);
  assert_int_equal(system(command), 0);
  assert_fails(import(VC_IMPORT_CTC, (struct vc_import_desc){0}, &result), VC_E_INPUT, "t003.tif: a stack of 3 planes");
  assert_int_equal(unlink("src/01/t003.tif"), 0);

  write_image("src/02_ST/SEG/man_seg0000.tif", "111111222222", 1, VC_PIXEL_U16);
  assert_fails(import(VC_IMPORT_CTC, (struct vc_import_desc){0}, &result), VC_E_INPUT,
               "man_seg0000.tif: 6 x 2 pixels where the image has 6 x 4");
  assert_nothing_written();
  assert_int_equal(import(VC_IMPORT_CTC, (struct vc_import_desc){.skip_bad = true}, &result), VC_OK);
  assert_int_equal(result.n_labelled, 2);
  assert_int_equal(result.n_skipped, 1);
  assert_non_null(strstr(warnings, "man_seg0000.tif: 6 x 2 pixels"));
  assert_int_equal(open_set(true)->n_paired, 2);
  assert_fails(import(VC_IMPORT_CTC, (struct vc_import_desc){0}, &result), VC_E_INPUT, "out: exists already");
}

static void ctc_warns_of_strays(void **state) {
  struct vc_import_result result;
  (void)state;
  make_ctc("src");
  write_image("src/01/shown.tif", picture, 1, VC_PIXEL_U8);
  write_image("src/01_GT/SEG/man_seg009.tif", cells, 1, VC_PIXEL_U16);
  assert_int_equal(import(VC_IMPORT_CTC, (struct vc_import_desc){0}, &result), VC_OK);
  assert_int_equal(result.n_labelled, 3);
  assert_non_null(strstr(warnings, "shown.tif"));
  assert_non_null(strstr(warnings, "man_seg009.tif: no frame belongs to it"));
}

// ---- BBBC039 ----

static void bbbc039_numbers_regions(void **state) {
  struct vc_import_result result;
  vc_dataset *d;
  struct vc_split split;
  (void)state;
  write_image("src/images/A.tif", picture, 1, VC_PIXEL_U16);
  write_image("src/images/B.tif", picture, 1, VC_PIXEL_U16);
  write_image("src/images/C.tif", picture, 1, VC_PIXEL_U16);
  write_image("src/images/D.tif", picture, 1, VC_PIXEL_U16);
  write_image("src/masks/A.png",
              "11.1.."
              "112..1"
              "..2.1."
              "3.2...",
              4, VC_PIXEL_U8);
  write_image("src/masks/B.png", "........................", 4, VC_PIXEL_U8);
  write_image("src/masks/C.png", "111111111111111111111111", 4, VC_PIXEL_U8);
  assert_int_equal(vc_path_make_dirs("src/metadata"), VC_OK);
  write_text("src/metadata/training.txt", "A.png\r\n");
  write_text("src/metadata/validation.txt", "C.png\nZ.png\n");
  write_text("src/metadata/test.txt", "\nB.png");
  assert_int_equal(import(VC_IMPORT_BBBC039, (struct vc_import_desc){0}, &result), VC_OK);
  assert_int_equal(result.n_labelled, 3);
  assert_int_equal(result.n_unlabelled, 1);
  assert_labels("out/masks/A.png", "11.2.."
                                   "113..4"
                                   "..3.4."
                                   "5.3...");
  assert_labels("out/masks/B.png", "........................");
  assert_non_null(strstr(warnings, "validation.txt: 1 of its 2 images are not there"));
  assert_string_equal(vc_json_string(vc_json_get(description(), "split_file")), "split.json");
  d = (vc_dataset *)open_set(true);
  assert_int_equal(vc_split_read(arena, d, "out/split.json", &split), VC_OK);
  assert_int_equal(split.n_labelled, 1);
  assert_string_equal(d->samples[split.train_labelled[0]].stem, "A");
  assert_int_equal(split.n_unlabelled, 1);
  assert_string_equal(d->samples[split.train_unlabelled[0]].stem, "D");
  assert_string_equal(d->samples[split.val[0]].stem, "C");
  assert_string_equal(d->samples[split.test[0]].stem, "B");
}

static void bbbc039_needs_its_folders(void **state) {
  struct vc_import_result result;
  (void)state;
  write_image("src/images/A.tif", picture, 1, VC_PIXEL_U16);
  assert_fails(import(VC_IMPORT_BBBC039, (struct vc_import_desc){0}, &result), VC_E_INPUT,
               "src: no folders images and masks");
  write_image("src/masks/A.png", cells, 1, VC_PIXEL_U8);
  write_text("src/training.txt", "A.png\n");
  write_text("src/test.txt", "A.png\n");
  assert_fails(import(VC_IMPORT_BBBC039, (struct vc_import_desc){0}, &result), VC_E_INPUT, "test.txt: A is in another");
  assert_nothing_written();
}

// ---- folders ----

// The small one wins where it lies on a large one, the first of two of one size; what is covered wholly gets no number.
static void folder_merges_instances(void **state) {
  static const char *const layouts[][2] = {{"src/images/X.png", "src/masks/X"}, {"src/X/images/X.png", "src/X/masks"}};
  struct vc_import_result result;
  char path[PATH_BYTES];
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(layouts); i++) {
    static const char *const masks[] = {"1111..1111..............", "..11..................11",
                                        ".......9..9..9..........", "..11..................11",
                                        "........................"};
    write_image(layouts[i][0], picture, 3, VC_PIXEL_U8);
    for (size_t k = 0; k < VC_COUNT_OF(masks); k++) {
      snprintf(path, sizeof path, "%s/%c.png", layouts[i][1], (char)('e' - (int)k));
      write_image(path, masks[VC_COUNT_OF(masks) - 1 - k], 1, VC_PIXEL_U8);
    }
    assert_int_equal(import(VC_IMPORT_FOLDER, (struct vc_import_desc){0}, &result), VC_OK);
    assert_int_equal(result.n_labelled, 1);
    assert_labels("out/masks/X.png", "1122..13113..3........22");
    assert_true(vc_json_number(vc_json_get(description(), "channels")) == 1); // grey, though stored as colours
    assert_int_equal(system("rm -r out src"), 0);
  }
}

static void folder_pairs_by_name(void **state) {
  static const char *const masks[] = {"X_mask.png", "X_masks.tif", "X_cp_masks.png", "X_seg.png"};
  struct vc_import_result result;
  char path[PATH_BYTES];
  (void)state;
  for (size_t i = 0; i < 2 * VC_COUNT_OF(masks); i++) {
    bool is_flat = i >= VC_COUNT_OF(masks);
    write_image(is_flat ? "src/X.tif" : "src/images/X.tif", picture, 1, VC_PIXEL_U16);
    write_image(is_flat ? "src/X_2.tif" : "src/images/X_2.tif", picture, 1, VC_PIXEL_U16);
    snprintf(path, sizeof path, "src/%s%s", is_flat ? "" : "masks/", masks[i % VC_COUNT_OF(masks)]);
    write_image(path, cells, 1, VC_PIXEL_U8);
    assert_int_equal(import(VC_IMPORT_FOLDER, (struct vc_import_desc){0}, &result), VC_OK);
    assert_int_equal(result.n_labelled, 1);
    assert_int_equal(result.n_unlabelled, 1);
    assert_labels(strstr(masks[i % VC_COUNT_OF(masks)], ".tif") ? "out/masks/X.tif" : "out/masks/X.png", cells);
    assert_same_file(is_flat ? "src/X_2.tif" : "src/images/X_2.tif", "out/unlabelled/X_2.tif");
    assert_int_equal(system("rm -r out src"), 0);
  }
}

static void folder_without_masks_is_a_set(void **state) {
  struct vc_import_result result;
  (void)state;
  write_image("src/A.png", picture, 3, VC_PIXEL_U8);
  write_image("src/B.png", picture, 1, VC_PIXEL_U8);
  assert_int_equal(import(VC_IMPORT_FOLDER, (struct vc_import_desc){0}, &result), VC_OK);
  assert_int_equal(result.n_unlabelled, 2);
  assert_true(vc_path_exists("out/images/A.png"));
  assert_null(vc_json_get(description(), "masks"));
  assert_null(vc_json_get(description(), "unlabelled"));
}

static void folder_refuses_doubtful_pairs(void **state) {
  struct vc_import_result result;
  (void)state;
  write_image("src/images/X.png", picture, 1, VC_PIXEL_U8);
  write_image("src/masks/X.png", cells, 1, VC_PIXEL_U8);
  write_image("src/masks/X_mask.png", cells, 1, VC_PIXEL_U8);
  assert_fails(import(VC_IMPORT_FOLDER, (struct vc_import_desc){0}, &result), VC_E_INPUT, "two masks of one image");
  assert_int_equal(unlink("src/masks/X_mask.png"), 0);
  write_image("src/images/X.tif", picture, 1, VC_PIXEL_U8);
  assert_fails(import(VC_IMPORT_FOLDER, (struct vc_import_desc){0}, &result), VC_E_INPUT, "two images of one name");
  assert_int_equal(unlink("src/images/X.tif"), 0);
  write_text("src/images/Y.png", "no image at all");
  assert_fails(import(VC_IMPORT_FOLDER, (struct vc_import_desc){0}, &result), VC_E_FORMAT, "src/images/Y.png");
  assert_nothing_written();
  assert_int_equal(vc_path_make_dirs("none/at"), VC_OK);
  assert_fails(import(VC_IMPORT_FOLDER, (struct vc_import_desc){.source = "none"}, &result), VC_E_INPUT,
               "none: no PNG or TIFF images");
  assert_fails(import(VC_IMPORT_FOLDER, (struct vc_import_desc){.source = "src/images/X.png"}, &result), VC_E_INPUT,
               "X.png: is no folder");
}

static bool stop(void *context, uint64_t done, uint64_t total) {
  (void)context;
  (void)done;
  return total == 0;
}

static void can_be_stopped(void **state) {
  struct vc_import_result result;
  (void)state;
  write_image("src/A.png", picture, 1, VC_PIXEL_U8);
  assert_fails(import(VC_IMPORT_FOLDER, (struct vc_import_desc){.progress = stop}, &result), VC_E_INTERRUPTED, "out");
  assert_nothing_written();
}

// ---- regions against a flood fill ----

static void flood(const uint32_t *labels, int w, int h, int x, int y, uint32_t id, uint32_t *ids) {
  ids[y * w + x] = id;
  for (int ny = VC_MAX(y - 1, 0); ny < VC_MIN(y + 2, h); ny++) {
    for (int nx = VC_MAX(x - 1, 0); nx < VC_MIN(x + 2, w); nx++) {
      if (labels[ny * w + nx] == labels[y * w + x] && ids[ny * w + nx] == 0) flood(labels, w, h, nx, ny, id, ids);
    }
  }
}

static void regions_agree_with_a_flood_fill(void **state) {
  enum { SIDE = 24 };
  vc_rng rng = vc_rng_at(1, VC_RNG_TEST, 0, 0);
  (void)state;
  for (int turn = 0; turn < 200; turn++) {
    int w = 1 + (int)vc_rng_below(&rng, SIDE), h = 1 + (int)vc_rng_below(&rng, SIDE);
    uint32_t labels[SIDE * SIDE], want[SIDE * SIDE] = {0}, n_want = 0, n_ids, *ids;
    uint32_t n_labels = 2 + vc_rng_below(&rng, 3);
    for (int i = 0; i < w * h; i++) labels[i] = vc_rng_below(&rng, n_labels);
    for (int i = 0; i < w * h; i++) {
      if (labels[i] && !want[i]) flood(labels, w, h, i % w, i / w, ++n_want, want);
    }
    assert_int_equal(import_components(arena, labels, (uint32_t)w, (uint32_t)h, &ids, &n_ids), VC_OK);
    assert_int_equal(n_ids, n_want);
    assert_memory_equal(ids, want, sizeof(uint32_t) * (size_t)(w * h));
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
  const struct CMUnitTest tests[] = {
      TEST(ctc_takes_gold_before_silver),
      TEST(ctc_takes_one_truth_on_request),
      TEST(ctc_refuses_what_it_cannot_take),
      TEST(ctc_warns_of_strays),
      TEST(bbbc039_numbers_regions),
      TEST(bbbc039_needs_its_folders),
      TEST(folder_merges_instances),
      TEST(folder_pairs_by_name),
      TEST(folder_without_masks_is_a_set),
      TEST(folder_refuses_doubtful_pairs),
      TEST(can_be_stopped),
      TEST(regions_agree_with_a_flood_fill),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
