#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "vulcyte/base.h"

static int create(void **state) {
  return vc_arena_create((vc_arena **)state) == VC_OK ? 0 : -1;
}

static int destroy(void **state) {
  vc_arena_destroy(*state);
  return 0;
}

static bool is_zero(const uint8_t *bytes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

// Sizes on both sides of every block limit; each piece is filled with its number and must keep it.
static void pieces_are_zeroed_aligned_and_apart(void **state) {
  static const size_t sizes[] = {1, 15, 16, 17, 100, 1000, 1024, 1040, 4000, 4096, 5000, 70000, 300000, 1 << 20};
  enum { ROUNDS = 40 };
  uint8_t *pieces[ROUNDS * VC_COUNT_OF(sizes)];
  size_t n = 0;
  for (size_t round = 0; round < ROUNDS; round++) {
    for (size_t i = 0; i < VC_COUNT_OF(sizes); i++, n++) {
      if (round > 2 && sizes[i] > 5000) {
        pieces[n] = NULL;
        continue;
      }
      assert_int_equal(VC_NEW(*state, sizes[i], &pieces[n]), VC_OK);
      assert_int_equal((uintptr_t)pieces[n] % 16, 0);
      assert_true(is_zero(pieces[n], sizes[i]));
      memset(pieces[n], (int)(n % 255 + 1), sizes[i]);
    }
  }
  for (size_t k = 0; k < n; k++) {
    size_t size = sizes[k % VC_COUNT_OF(sizes)];
    for (size_t i = 0; pieces[k] && i < size; i++) assert_int_equal(pieces[k][i], k % 255 + 1);
  }
}

static void nothing_is_a_valid_pointer(void **state) {
  void *a = NULL, *b = NULL;
  assert_int_equal(vc_arena_alloc(*state, 0, 8, &a), VC_OK);
  assert_int_equal(vc_arena_alloc(*state, 8, 0, &b), VC_OK);
  assert_non_null(a);
  assert_non_null(b);
  assert_ptr_not_equal(a, b);
}

static void too_much_is_refused_and_out_is_untouched(void **state) {
  static const struct {
    size_t n, size;
  } rows[] = {
      {SIZE_MAX, 1},
      {SIZE_MAX / 2, 4},
      {1, SIZE_MAX},
      {SIZE_MAX / 16 + 1, 16},
      {(size_t)PTRDIFF_MAX, 1},
      {SIZE_MAX - 8, 1},
      {4, SIZE_MAX / 4 + 1},
      {(size_t)PTRDIFF_MAX / 2, 1}, // addressable in principle, so refused by the system
  };
  int marker;
  for (size_t i = 0; i < VC_COUNT_OF(rows); i++) {
    void *out = &marker;
    VC_FAIL(VC_OK, "none");
    assert_int_equal(vc_arena_alloc(*state, rows[i].n, rows[i].size, &out), VC_E_NOMEM);
    assert_ptr_equal(out, &marker);
    assert_non_null(strstr(vc_error_message(), "out of memory"));
  }
  int *number;
  assert_int_equal(VC_NEW(*state, 1, &number), VC_OK); // still usable
  *number = 3;
}

struct journal {
  int entries[200];
  int n;
};

struct entry {
  struct journal *journal;
  int number;
};

static void write_entry(void *object) {
  struct entry *entry = object;
  entry->journal->entries[entry->journal->n++] = entry->number;
}

static void destructors_run_in_reverse_before_memory_goes(void **state) {
  (void)state;
  struct journal journal = {.n = 0};
  vc_arena *arena;
  assert_int_equal(vc_arena_create(&arena), VC_OK);
  for (int i = 0; i < 200; i++) { // the objects live in the arena: a freed one would be seen by a sanitizer
    struct entry *entry;
    assert_int_equal(VC_NEW(arena, 1, &entry), VC_OK);
    *entry = (struct entry){.journal = &journal, .number = i};
    assert_int_equal(vc_arena_defer(arena, write_entry, entry), VC_OK);
  }
  assert_int_equal(journal.n, 0);
  vc_arena_destroy(arena);
  assert_int_equal(journal.n, 200);
  for (int i = 0; i < 200; i++) assert_int_equal(journal.entries[i], 199 - i);
}

static void destroying_null_is_allowed(void **state) {
  (void)state;
  vc_arena_destroy(NULL);
}

static void texts(void **state) {
  char source[] = "abc";
  char *copy, *made;
  assert_int_equal(vc_arena_strdup(*state, source, &copy), VC_OK);
  source[0] = 'x';
  assert_string_equal(copy, "abc");
  assert_int_equal(vc_arena_printf(*state, &made, "%s-%05d-%.2f", copy, 42, 1.5), VC_OK);
  assert_string_equal(made, "abc-00042-1.50");
  assert_int_equal(vc_arena_printf(*state, &made, "%5000s|", "x"), VC_OK);
  assert_int_equal(strlen(made), 5001);
  assert_string_equal(made + 4999, "x|");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(pieces_are_zeroed_aligned_and_apart, create, destroy),
      cmocka_unit_test_setup_teardown(nothing_is_a_valid_pointer, create, destroy),
      cmocka_unit_test_setup_teardown(too_much_is_refused_and_out_is_untouched, create, destroy),
      cmocka_unit_test(destructors_run_in_reverse_before_memory_goes),
      cmocka_unit_test(destroying_null_is_allowed),
      cmocka_unit_test_setup_teardown(texts, create, destroy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
