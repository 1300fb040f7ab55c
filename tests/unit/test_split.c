// Splits: counts, nesting, groups, files.
#include "vulcyte/data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_SAMPLES = 200 };

static vc_arena *arena;
static char path[] = "/tmp/vulcyte-split-XXXXXX";

static int set_up(void **state) {
  (void)state;
  int fd = mkstemp(path);
  return fd >= 0 && close(fd) == 0 && vc_arena_create(&arena) == VC_OK ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  vc_arena_destroy(arena);
  return unlink(path);
}

// n_paired samples "p000"... and n_extra ones "u000"... without masks; no files.
static vc_dataset *fake_dataset(uint32_t n_paired, uint32_t n_extra) {
  static struct vc_sample samples[MAX_SAMPLES];
  static char stems[MAX_SAMPLES][16];
  static vc_dataset d;
  for (uint32_t i = 0; i < n_paired + n_extra; i++) {
    bool is_paired = i < n_paired;
    snprintf(stems[i], sizeof stems[i], "%c%03u", is_paired ? 'p' : 'u', is_paired ? i : i - n_paired);
    samples[i] = (struct vc_sample){.stem = stems[i], .image_path = "i", .mask_path = is_paired ? "m" : NULL};
  }
  d = (vc_dataset){.samples = samples,
                   .n_samples = n_paired + n_extra,
                   .n_own = n_paired,
                   .n_paired = n_paired,
                   .desc = {.masks = "m"}};
  return &d;
}

static struct vc_split make(const vc_dataset *d, const struct vc_split_desc *desc) {
  struct vc_split split;
  if (vc_split_make(arena, d, desc, &split) != VC_OK) fail_msg("%s", vc_error_message());
  return split;
}

// Every sample stands in one list at most, and the lists ascend.
static uint32_t check_lists(const struct vc_split *s, uint32_t n_samples) {
  const uint32_t *lists[] = {s->train_labelled, s->train_unlabelled, s->val, s->test};
  const uint32_t ns[] = {s->n_labelled, s->n_unlabelled, s->n_val, s->n_test};
  bool is_seen[MAX_SAMPLES] = {false};
  uint32_t n_all = 0;
  for (int k = 0; k < 4; k++) {
    for (uint32_t i = 0; i < ns[k]; i++, n_all++) {
      assert_true(lists[k][i] < n_samples);
      assert_false(is_seen[lists[k][i]]);
      is_seen[lists[k][i]] = true;
      if (i > 0) assert_true(lists[k][i - 1] < lists[k][i]);
    }
  }
  return n_all;
}

static void rounds_half_up(void **state) {
  static const struct {
    uint32_t n, train, val, test;
  } rows[] = {{1, 1, 0, 0},  {2, 1, 0, 1},   {3, 2, 0, 1},   {7, 5, 1, 1},
              {10, 7, 2, 1}, {24, 17, 4, 3}, {61, 43, 9, 9}, {200, 140, 30, 30}};
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(rows); i++) {
    struct vc_split_desc desc = {.seed = i, .train = 0.7, .val = 0.15, .test = 0.15, .labelled_fraction = 0.1};
    struct vc_split s = make(fake_dataset(rows[i].n, 0), &desc);
    assert_int_equal(check_lists(&s, rows[i].n), rows[i].n);
    assert_int_equal(s.n_labelled + s.n_unlabelled, rows[i].train);
    assert_int_equal(s.n_val, rows[i].val);
    assert_int_equal(s.n_test, rows[i].test);
    uint32_t n_labelled = (rows[i].train + 5) / 10; // a tenth, half up
    assert_int_equal(s.n_labelled, n_labelled > 0 ? n_labelled : 1);
  }
}

static void shares_of_zero_stay_empty(void **state) {
  (void)state;
  for (uint32_t n = 1; n < 40; n++) {
    struct vc_split_desc desc = {.train = 3, .val = 1, .labelled_fraction = 1};
    struct vc_split s = make(fake_dataset(n, 0), &desc);
    assert_int_equal(s.n_test, 0);
    assert_int_equal(s.n_labelled + s.n_val, n);
    desc.val = 0;
    s = make(fake_dataset(n, 0), &desc);
    assert_int_equal(s.n_labelled, n);
  }
}

static void labelled_subsets_are_nested(void **state) {
  (void)state;
  vc_dataset *d = fake_dataset(100, 5);
  struct vc_split_desc desc = {.seed = 3, .train = 0.7, .val = 0.15, .test = 0.15, .labelled_count = 1};
  struct vc_split smaller = make(d, &desc);
  for (desc.labelled_count = 2; desc.labelled_count <= 70; desc.labelled_count++) {
    struct vc_split larger = make(d, &desc);
    assert_int_equal(larger.n_labelled, desc.labelled_count);
    assert_int_equal(larger.n_unlabelled, 75 - desc.labelled_count); // with the five of the extra folder
    assert_int_equal(larger.train_unlabelled[larger.n_unlabelled - 1], 104);
    assert_memory_equal(larger.test, smaller.test, 15 * sizeof *larger.test);
    for (uint32_t i = 0, k = 0; i < smaller.n_labelled; i++, k++) {
      while (larger.train_labelled[k] < smaller.train_labelled[i]) k++;
      assert_int_equal(larger.train_labelled[k], smaller.train_labelled[i]);
    }
    smaller = larger;
  }
  struct vc_split other;
  desc.labelled_count = 71;
  assert_int_equal(vc_split_make(arena, d, &desc, &other), VC_E_CONFIG);
  desc.labelled_count = 70;
  desc.seed = 4;
  other = make(d, &desc);
  assert_memory_not_equal(other.train_labelled, smaller.train_labelled, 70 * sizeof *other.train_labelled);
}

static void groups_stay_together(void **state) {
  (void)state;
  vc_dataset *d = fake_dataset(100, 0); // ten groups of ten: p00x, p01x, ...
  struct vc_split_desc desc = {.train = 0.7, .val = 0.15, .test = 0.15, .labelled_fraction = 0.25};
  desc.group = "^p([0-9]{2})";
  for (desc.seed = 0; desc.seed < 20; desc.seed++) {
    struct vc_split s = make(d, &desc);
    assert_int_equal(check_lists(&s, 100), 100);
    assert_int_equal(s.n_labelled + s.n_unlabelled, 70);
    assert_int_equal(s.n_labelled, 18); // 17.5
    assert_int_equal(s.n_val, 20);      // 15 is as near to 10 as to 20: up
    for (uint32_t i = 0; i < s.n_val; i++) assert_int_equal(s.val[i] / 10, s.val[i / 10 * 10] / 10);
  }
  struct vc_split s;
  desc.group = "^q([0-9])";
  assert_int_equal(vc_split_make(arena, d, &desc, &s), VC_E_INPUT);
  desc.group = "^p";
  assert_int_equal(vc_split_make(arena, d, &desc, &s), VC_E_CONFIG);
  desc.group = "(";
  assert_int_equal(vc_split_make(arena, d, &desc, &s), VC_E_CONFIG);
}

static void refuses_shares_that_are_none(void **state) {
  static const struct vc_split_desc bad[] = {
      {.train = 0, .val = 1, .labelled_fraction = 1},
      {.train = 1, .val = -1, .labelled_fraction = 1},
      {.train = 1, .labelled_fraction = 0},
      {.train = 1, .labelled_fraction = 1.5},
  };
  struct vc_split s;
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(bad); i++) {
    assert_int_equal(vc_split_make(arena, fake_dataset(9, 0), &bad[i], &s), VC_E_CONFIG);
  }
}

static void writes_what_it_reads(void **state) {
  struct vc_split back;
  (void)state;
  vc_dataset *d = fake_dataset(30, 4);
  struct vc_split_desc desc = {.seed = 9, .train = 0.7, .val = 0.3, .labelled_fraction = 0.3};
  struct vc_split s = make(d, &desc);
  assert_int_equal(vc_split_write(d, &s, path), VC_OK);
  if (vc_split_read(arena, d, path, &back) != VC_OK) fail_msg("%s", vc_error_message());
  assert_int_equal(back.n_labelled, s.n_labelled);
  assert_int_equal(back.n_unlabelled, s.n_unlabelled);
  assert_int_equal(back.n_val, s.n_val);
  assert_int_equal(back.n_test, 0);
  assert_memory_equal(back.train_labelled, s.train_labelled, s.n_labelled * sizeof *s.val);
  assert_memory_equal(back.train_unlabelled, s.train_unlabelled, s.n_unlabelled * sizeof *s.val);
  assert_memory_equal(back.val, s.val, s.n_val * sizeof *s.val);
}

static void refuses_wrong_split_files(void **state) {
  static const struct {
    const char *text, *part;
  } bad[] = {
      {"[]", "JSON object"},
      {"{\"train_labelled\": [\"p001\"], \"train_unlabelled\": [], \"val\": []}", "'test' is missing"},
      {"{\"train_labelled\": [\"p001\"], \"train_unlabelled\": [], \"val\": [], \"test\": [], \"rest\": []}", "'rest'"},
      {"{\"train_labelled\": [\"p001\", 3], \"train_unlabelled\": [], \"val\": [], \"test\": []}", "not a stem"},
      {"{\"train_labelled\": [\"p009\"],\n \"train_unlabelled\": [], \"val\": [], \"test\": []}", ":1: no image"},
      {"{\"train_labelled\": [\"p001\"],\n \"train_unlabelled\": [], \"val\": [\"p001\"], \"test\": []}", ":2: 'p001'"},
      {"{\"train_labelled\": [\"u000\"], \"train_unlabelled\": [], \"val\": [], \"test\": []}", "has no mask"},
      {"{\"train_labelled\": \"p001\", \"train_unlabelled\": [], \"val\": [], \"test\": []}", "array of stems"},
  };
  struct vc_split s;
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(bad); i++) {
    assert_int_equal(vc_file_write(path, bad[i].text, strlen(bad[i].text)), VC_OK);
    assert_int_equal(vc_split_read(arena, fake_dataset(5, 1), path, &s), VC_E_INPUT);
    if (!strstr(vc_error_message(), bad[i].part)) fail_msg("'%s' lacks '%s'", vc_error_message(), bad[i].part);
    assert_non_null(strstr(vc_error_message(), path));
  }
}

static void leaves_out_what_a_file_does_not_name(void **state) {
  static const char text[] = "{\"train_labelled\": [\"p003\", \"p001\"], // order does not matter\n"
                             "\"train_unlabelled\": [\"u000\"], \"val\": [], \"test\": [\"p000\"]}";
  struct vc_split s;
  (void)state;
  assert_int_equal(vc_file_write(path, text, strlen(text)), VC_OK);
  assert_int_equal(vc_split_read(arena, fake_dataset(5, 2), path, &s), VC_OK);
  assert_int_equal(s.n_labelled, 2);
  assert_int_equal(s.train_labelled[0], 1);
  assert_int_equal(s.train_labelled[1], 3);
  assert_int_equal(s.train_unlabelled[0], 5);
  assert_int_equal(s.n_val, 0);
}

static void everything_is_unlabelled_without_masks(void **state) {
  (void)state;
  struct vc_split_desc desc = {.train = 0.7, .val = 0.3, .labelled_fraction = 0.1};
  struct vc_split s = make(fake_dataset(0, 12), &desc);
  assert_int_equal(s.n_unlabelled, 12);
  assert_int_equal(s.n_labelled + s.n_val + s.n_test, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rounds_half_up),
      cmocka_unit_test(shares_of_zero_stay_empty),
      cmocka_unit_test(labelled_subsets_are_nested),
      cmocka_unit_test(groups_stay_together),
      cmocka_unit_test(refuses_shares_that_are_none),
      cmocka_unit_test(writes_what_it_reads),
      cmocka_unit_test(refuses_wrong_split_files),
      cmocka_unit_test(leaves_out_what_a_file_does_not_name),
      cmocka_unit_test(everything_is_unlabelled_without_masks),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
