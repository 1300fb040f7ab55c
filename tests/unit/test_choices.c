// What was measured of kernels, remembered in a file: damaged, foreign, shared by processes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "graph/internal.h"
#include "support/scratch.h"

static const char *const file = "kernels.json", *const key = "conv2d_fwd 1x2x8x8 #0123 naive|simd";

static vc_arena *arena;

static int enter(void **state) {
  return scratch_enter(state) == 0 && vc_arena_create(&arena) == VC_OK ? 0 : -1;
}

static int leave(void **state) {
  vc_arena_destroy(arena);
  return scratch_leave(state);
}

static vc_choices *open_with(struct vc_choices_desc desc) {
  vc_choices *c;
  assert_int_equal(vc_choices_create(arena, &desc, &c), VC_OK);
  return c;
}

static vc_choices *open_file(const char *path, const char *device) {
  return open_with((struct vc_choices_desc){.path = path, .device = device, .seconds = 5});
}

static void remember(vc_choices *c, const char *what, const char *variant, double seconds) {
  const struct vc_choice choice = {
      .key = what, .variant = variant, .n_times = 2, .times = {{"naive", (double)NAN}, {"simd", seconds}}};
  vc_arena *lock;
  bool is_locked;
  assert_int_equal(vc_arena_create(&lock), VC_OK);
  assert_int_equal(choices_begin(c, lock, &is_locked), VC_OK);
  assert_true(is_locked);
  assert_int_equal(choices_put(c, &choice), VC_OK);
  assert_int_equal(choices_end(c), VC_OK);
  vc_arena_destroy(lock);
}

static void assert_variant(const vc_choices *c, const char *what, const char *variant) {
  if (variant)
    assert_string_equal(vc_choices_variant(c, what), variant);
  else
    assert_null(vc_choices_variant(c, what));
}

static void what_was_measured_is_remembered(void **state) {
  const struct vc_choice *list;
  size_t n;
  (void)state;
  remember(open_file(file, "one"), key, "simd", 0.25);
  vc_choices *c = open_file(file, "one");
  assert_variant(c, key, "simd");
  assert_variant(c, "another", NULL);
  assert_int_equal(vc_choices_list(c, &list, &n), VC_OK);
  assert_int_equal(n, 1);
  assert_string_equal(list[0].key, key);
  assert_int_equal(list[0].n_times, 2);
  assert_true(isnan(list[0].times[0].seconds));
  assert_true(list[0].times[1].seconds == 0.25);
  assert_string_equal(list[0].times[1].variant, "simd");
}

static void another_device_has_its_own(void **state) {
  (void)state;
  remember(open_file(file, "one"), key, "simd", 1);
  vc_choices *c = open_file(file, "two");
  assert_variant(c, key, NULL);
  remember(c, key, "naive", 1); // made anew
  assert_variant(open_file(file, "two"), key, "naive");
  assert_variant(open_file(file, "one"), key, NULL);
}

static void a_damaged_file_is_made_anew(void **state) {
  vc_arena *scratch;
  uint8_t *whole;
  size_t n_bytes;
  (void)state;
  remember(open_file(file, "one"), key, "simd", 1);
  assert_int_equal(vc_arena_create(&scratch), VC_OK);
  assert_int_equal(vc_file_read(scratch, file, 0, &whole, &n_bytes), VC_OK);
  for (size_t n = 0; n + 3 < n_bytes; n += 41) { // cut short
    scratch_put(file, whole, n);
    assert_variant(open_file(file, "one"), key, NULL);
  }
  for (size_t i = 0; i < n_bytes; i += 5) { // one byte changed: nothing but a kernel's name or none comes of it
    uint8_t before = whole[i];
    whole[i] = (uint8_t)(before ^ 0x15);
    scratch_put(file, whole, n_bytes);
    whole[i] = before;
    const char *variant = vc_choices_variant(open_file(file, "one"), key);
    assert_true(!variant || strlen(variant) <= 5);
  }
  static const char *const others[] = {"",
                                       "[]",
                                       "{}",
                                       "7",
                                       "{\"format\": \"vulcyte kernel choices\"}",
                                       "{\"format\": 1, \"version\": 1, \"device\": \"one\", \"choices\": {}}"};
  for (size_t i = 0; i < VC_COUNT_OF(others); i++) {
    scratch_text(file, others[i]);
    vc_choices *c = open_file(file, "one");
    assert_variant(c, key, NULL);
    remember(c, key, "simd", 1);
    assert_variant(open_file(file, "one"), key, "simd");
  }
  vc_arena_destroy(scratch);
}

static void entries_that_make_no_sense_are_left_out(void **state) {
  (void)state;
  scratch_text(file, "{\"format\": \"vulcyte kernel choices\", \"version\": 1, \"device\": \"one\", \"choices\": ["
                     "1, {}, {\"key\": \"a\"}, {\"key\": 1, \"variant\": \"x\", \"seconds\": {}},"
                     "{\"key\": \"b\", \"variant\": \"x\", \"seconds\": {\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,"
                     "\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"10\":1,\"11\":1,\"12\":1,\"13\":1,"
                     "\"14\":1,\"15\":1,\"16\":1,\"17\":1}},"
                     "{\"key\": \"c\", \"variant\": \"simd\", \"seconds\": {\"simd\": \"soon\"}}]}");
  vc_choices *c = open_file(file, "one");
  assert_variant(c, "a", NULL);
  assert_variant(c, "b", NULL);
  assert_variant(c, "c", "simd");
}

static void a_pinned_choice_counts_but_is_not_remembered(void **state) {
  (void)state;
  vc_choices *c = open_file(file, "one");
  assert_int_equal(vc_choices_pin(c, key, "tiled"), VC_OK);
  assert_int_equal(vc_choices_pin(c, "pinned", "tiled"), VC_OK);
  remember(c, key, "simd", 1);
  assert_variant(c, key, "tiled");
  assert_variant(c, "pinned", "tiled");
  c = open_file(file, "one");
  assert_variant(c, key, "simd");
  assert_variant(c, "pinned", NULL);
}

static void what_is_there_can_be_measured_again(void **state) {
  const struct vc_choice by_rank = {.key = "unmeasured", .variant = "simd"};
  (void)state;
  vc_choices *c = open_file(file, "one");
  assert_int_equal(choices_put(c, &by_rank), VC_OK);
  remember(c, key, "simd", 1);
  c = open_with((struct vc_choices_desc){.path = file, .device = "one", .seconds = (double)INFINITY});
  assert_variant(c, key, "simd");
  assert_variant(c, "unmeasured", NULL); // there is time for it now
  c = open_with((struct vc_choices_desc){.path = file, .device = "one", .seconds = 5, .again = true});
  assert_variant(c, key, NULL);
  remember(c, "third", "simd", 1);
  c = open_file(file, "one");
  assert_variant(c, key, "simd"); // not lost
  assert_variant(c, "unmeasured", "simd");
  assert_variant(c, "third", "simd");
}

static void *measure_too(void *context) {
  vc_choices *c = context;
  vc_arena *lock;
  bool is_locked = false;
  if (vc_arena_create(&lock) != VC_OK) return NULL;
  vc_status status = choices_begin(c, lock, &is_locked); // waits for the other
  const char *variant = status == VC_OK && is_locked ? vc_choices_variant(c, key) : "";
  vc_arena_destroy(lock);
  return (void *)(uintptr_t)(variant && strcmp(variant, "simd") == 0);
}

// Both find the file empty; the second to get the lock takes what the first has measured.
static void who_comes_second_takes_what_the_first_has_measured(void **state) {
  const struct vc_choice choice = {.key = key, .variant = "simd", .n_times = 1, .times = {{"simd", 1}}};
  vc_arena *second_arena, *lock;
  vc_choices *first = open_file(file, "one"), *second;
  pthread_t thread;
  void *is_same;
  bool is_locked;
  (void)state;
  assert_int_equal(vc_arena_create(&second_arena), VC_OK);
  const struct vc_choices_desc desc = {.path = file, .device = "one", .seconds = 5};
  assert_int_equal(vc_choices_create(second_arena, &desc, &second), VC_OK);
  assert_int_equal(vc_arena_create(&lock), VC_OK);
  assert_int_equal(choices_begin(first, lock, &is_locked), VC_OK);
  assert_int_equal(pthread_create(&thread, NULL, measure_too, second), 0);
  assert_int_equal(choices_put(first, &choice), VC_OK);
  assert_int_equal(choices_end(first), VC_OK);
  vc_arena_destroy(lock);
  assert_int_equal(pthread_join(thread, &is_same), 0);
  assert_non_null(is_same);
  vc_arena_destroy(second_arena);
}

static void where_nothing_can_be_remembered_nothing_is_measured(void **state) {
  vc_arena *lock;
  bool is_locked = true;
  (void)state;
  vc_choices *c = open_file("missing/folder/kernels.json", "one");
  assert_true(choices_seconds(c) > 0);
  assert_int_equal(vc_arena_create(&lock), VC_OK);
  assert_int_equal(choices_begin(c, lock, &is_locked), VC_OK);
  assert_false(is_locked);
  assert_true(choices_seconds(c) == 0);
  vc_arena_destroy(lock);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

// A process that dies while it tries a kernel leaves its name behind.
static void die_of(const char *job, const char *variant, bool is_next) {
  vc_choices *c = open_file(file, "one");
  vc_arena *lock;
  bool is_locked;
  assert_int_equal(vc_arena_create(&lock), VC_OK);
  assert_int_equal(choices_begin(c, lock, &is_locked), VC_OK);
  assert_true(choices_cut_off(c) == is_next); // the process before has died, too
  choices_try(c, "conv2d_fwd", "tiled");
  choices_tried(c);
  choices_try(c, job, variant);
  vc_arena_destroy(lock);
}

static void a_kernel_that_two_processes_died_of_is_not_tried_again(void **state) {
  (void)state;
  die_of("conv2d_fwd", "simd", false);
  die_of("conv2d_dx", "simd", true); // the first got through this time
  die_of("conv2d_fwd", "simd", true);
  remember(open_file(file, "one"), key, "naive", 1);
  assert_false(choices_is_fatal(open_file(file, "one"), "conv2d_fwd", "simd"));
  die_of("conv2d_fwd", "simd", false);
  die_of("conv2d_fwd", "simd", true);
  remember(open_file(file, "one"), key, "naive", 1);
  vc_choices *c = open_file(file, "one");
  assert_true(choices_is_fatal(c, "conv2d_fwd", "simd"));
  assert_false(choices_is_fatal(c, "conv2d_dx", "simd"));
  assert_variant(c, key, "naive");
  c = open_with((struct vc_choices_desc){.path = file, .device = "one", .seconds = 5, .again = true});
  assert_false(choices_is_fatal(c, "conv2d_fwd", "simd"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_kernel_that_two_processes_died_of_is_not_tried_again, enter, leave),
      TEST(what_was_measured_is_remembered),
      TEST(another_device_has_its_own),
      TEST(a_damaged_file_is_made_anew),
      TEST(entries_that_make_no_sense_are_left_out),
      TEST(a_pinned_choice_counts_but_is_not_remembered),
      TEST(what_is_there_can_be_measured_again),
      TEST(who_comes_second_takes_what_the_first_has_measured),
      TEST(where_nothing_can_be_remembered_nothing_is_measured),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
