// Synthetic sets: the same bytes for the same address, masks that fit, images that are neither empty nor trivial.
#include "vulcyte/data.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PATH_BYTES = 256, SIZE = 96, COUNT = 4 };

static vc_arena *arena;
static char folder[] = "/tmp/vulcyte-synth-XXXXXX";
static const char *const names[] = {"fluo", "phase", "tissue"};

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

static const char *file(const char *set, const char *part, int kind, int index) {
  static char paths[2][PATH_BYTES];
  static int turn;
  char *path = paths[turn++ % 2];
  snprintf(path, PATH_BYTES, "%s/%s/%s/%s_%04d.png", folder, set, part, names[kind], index);
  return path;
}

static void write_set(const char *set, int kind, uint32_t count, uint64_t seed, int n_threads) {
  char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s", folder, set);
  if (vc_synth_write((enum vc_synth_kind)kind, count, SIZE, seed, path, n_threads) != VC_OK) {
    fail_msg("%s", vc_error_message());
  }
}

static bool is_same_file(const char *a, const char *b) {
  uint8_t *x, *y;
  size_t n_x, n_y;
  assert_int_equal(vc_file_read(arena, a, 0, &x, &n_x), VC_OK);
  assert_int_equal(vc_file_read(arena, b, 0, &y, &n_y), VC_OK);
  return n_x == n_y && memcmp(x, y, n_x) == 0;
}

static void makes_the_same_bytes_again(void **state) {
  (void)state;
  for (int kind = 0; kind < 3; kind++) {
    write_set("a", kind, COUNT, 1, 2);
    write_set("b", kind, 2, 1, 0);
    write_set("c", kind, 1, 2, 0);
    for (int i = 0; i < 2; i++) {
      assert_true(is_same_file(file("a", "images", kind, i), file("b", "images", kind, i)));
      assert_true(is_same_file(file("a", "masks", kind, i), file("b", "masks", kind, i)));
    }
    assert_false(is_same_file(file("a", "images", kind, 0), file("a", "images", kind, 1)));
    assert_false(is_same_file(file("a", "images", kind, 0), file("c", "images", kind, 0)));
  }
}

// Instance ids run from 1 to n without a gap, each in one place of a believable size.
static uint32_t check_instances(const uint32_t *labels) {
  uint32_t counts[1000] = {0}, low_x[1000], high_x[1000], n = 0;
  memset(low_x, 0xFF, sizeof low_x);
  memset(high_x, 0, sizeof high_x);
  for (uint32_t i = 0; i < SIZE * SIZE; i++) {
    assert_true(labels[i] < 1000);
    n = VC_MAX(n, labels[i]);
    counts[labels[i]]++;
    low_x[labels[i]] = VC_MIN(low_x[labels[i]], i % SIZE);
    high_x[labels[i]] = VC_MAX(high_x[labels[i]], i % SIZE);
  }
  for (uint32_t id = 1; id <= n; id++) {
    assert_true(counts[id] > 0);
    assert_true(high_x[id] - low_x[id] < 0.9 * SIZE);
  }
  assert_true(counts[0] > SIZE * SIZE / 4);
  return n;
}

static bool has_touching_cells(const uint32_t *labels) {
  for (uint32_t i = 1; i < SIZE * SIZE; i++) {
    if (i % SIZE != 0 && labels[i] != 0 && labels[i - 1] != 0 && labels[i] != labels[i - 1]) return true;
  }
  return false;
}

static void cells_have_exact_masks(void **state) {
  (void)state;
  for (int kind = 0; kind < 2; kind++) {
    double inside = 0, outside = 0, n_inside = 0, n_outside = 0, square = 0;
    bool is_touching = false;
    write_set("cells", kind, COUNT, 5, 2);
    for (int i = 0; i < COUNT; i++) {
      struct vc_image image;
      uint32_t width, height, *labels;
      assert_int_equal(vc_image_read(arena, file("cells", "images", kind, i), 0, 0, &image), VC_OK);
      assert_int_equal(vc_mask_read(arena, file("cells", "masks", kind, i), 0, -1, &width, &height, &labels), VC_OK);
      assert_int_equal(image.format, VC_PIXEL_U16);
      assert_int_equal(image.channels, 1);
      assert_true(image.width == SIZE && width == SIZE && image.height == SIZE && height == SIZE);
      assert_true(check_instances(labels) >= 2);
      is_touching = is_touching || has_touching_cells(labels);
      for (uint32_t k = 0; k < SIZE * SIZE; k++) {
        double value = ((const uint16_t *)image.pixels)[k];
        inside += labels[k] ? value : 0;
        outside += labels[k] ? 0 : value;
        n_inside += labels[k] != 0;
        n_outside += labels[k] == 0;
        square += labels[k] ? 0 : value * value;
      }
    }
    inside /= n_inside;
    outside /= n_outside;
    double deviation = sqrt(square / n_outside - outside * outside);
    assert_true(is_touching);
    assert_true(deviation > 1); // noise
    if (kind == VC_SYNTH_FLUO) assert_true(inside > 1.3 * outside);
    if (kind == VC_SYNTH_PHASE) assert_true(fabs(inside - outside) < deviation); // brightness alone does not tell
  }
}

static void tissue_has_four_classes(void **state) {
  uint32_t counts[4] = {0};
  (void)state;
  write_set("tissue", VC_SYNTH_TISSUE, COUNT, 5, 2);
  for (int i = 0; i < COUNT; i++) {
    struct vc_image image;
    uint32_t width, height, *labels;
    assert_int_equal(vc_image_read(arena, file("tissue", "images", 2, i), 0, 0, &image), VC_OK);
    assert_int_equal(image.format, VC_PIXEL_U8);
    assert_int_equal(image.channels, 3);
    assert_int_equal(vc_mask_read(arena, file("tissue", "masks", 2, i), 0, -1, &width, &height, &labels), VC_OK);
    for (uint32_t k = 0; k < SIZE * SIZE; k++) {
      assert_true(labels[k] < 4);
      counts[labels[k]]++;
    }
  }
  for (int c = 0; c < 4; c++) assert_true(counts[c] > COUNT * SIZE * SIZE / 200);
}

static void describes_the_set(void **state) {
  char path[PATH_BYTES];
  uint8_t *text;
  size_t n_bytes;
  vc_json *json;
  (void)state;
  write_set("described", VC_SYNTH_TISSUE, 1, 5, 0);
  snprintf(path, sizeof path, "%s/described/dataset.json", folder);
  assert_int_equal(vc_file_read(arena, path, 0, &text, &n_bytes), VC_OK);
  assert_int_equal(vc_json_parse(arena, path, (const char *)text, n_bytes, &json), VC_OK);
  assert_string_equal(vc_json_string(vc_json_get(json, "images")), "images");
  assert_int_equal(vc_json_size(vc_json_get(json, "classes")), 4);
}

static void refuses_odd_sizes(void **state) {
  (void)state;
  assert_int_equal(vc_synth_write(VC_SYNTH_FLUO, 1, 8, 0, folder, 0), VC_E_USAGE);
  assert_int_equal(vc_synth_write(VC_SYNTH_FLUO, 1, 100000, 0, folder, 0), VC_E_USAGE);
  assert_int_equal(vc_synth_write(VC_SYNTH_FLUO, 0, 64, 0, folder, 0), VC_E_USAGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(makes_the_same_bytes_again), cmocka_unit_test(cells_have_exact_masks),
      cmocka_unit_test(tissue_has_four_classes),    cmocka_unit_test(describes_the_set),
      cmocka_unit_test(refuses_odd_sizes),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
