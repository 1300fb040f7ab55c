// Dispatches that are moved to where they free memory sooner: the order in the plan, and what it needs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/dry_caps.h"
#include "vulcyte/ops.h"

enum { N = 4, BYTES = 4096 };

struct fixture {
  vc_arena *arena;
  vc_graph *g;
  vc_slot *in, *out;
  struct vc_caps caps;
};

static int create(void **state) {
  static struct fixture f;
  memset(&f, 0, sizeof f);
  unsetenv("VULCYTE_VARIANTS");
  if (vc_arena_create(&f.arena) || vc_graph_create(f.arena, &f.g) ||
      vc_slot_create(f.arena, NULL, BYTES, VC_SLOT_DEVICE, "in", &f.in) ||
      vc_slot_create(f.arena, NULL, (uint64_t)2 * N * BYTES, VC_SLOT_DEVICE, "out", &f.out))
    return -1;
  f.caps = dry_caps();
  *state = &f;
  return 0;
}

static int destroy(void **state) {
  vc_arena_destroy(((struct fixture *)*state)->arena);
  return 0;
}

static const struct vc_shape vector = {1, BYTES / 4, 1, 1};

static vc_tensor *in_slot(struct fixture *f, vc_slot *slot, uint32_t index) {
  return vc_bind(f->g, "slot", vector, VC_F32, slot, (uint64_t)index * BYTES / 4);
}

static vc_tensor *named(struct fixture *f, const char *name, uint32_t i, vc_tensor *t, float factor) {
  vc_graph_push(f->g, "%s%u", name, i);
  t = vc_scale(f->g, t, factor);
  vc_graph_pop(f->g);
  return t;
}

static vc_exec *exec_of(struct fixture *f, char **out_text) {
  vc_exec *exec = NULL;
  const struct vc_exec_options options = {.caps = &f->caps};
  if (vc_exec_create(f->arena, NULL, f->g, &options, &exec) || vc_exec_print_plan(exec, f->arena, out_text))
    fail_msg("%s", vc_error_message());
  return exec;
}

// Terms are made one after the other, and only then added to what a slot holds, as the gradients of a second loss are.
static void sums_do_not_wait_for_each_other(void **state) {
  struct fixture *f = *state;
  vc_tensor *x = in_slot(f, f->in, 0), *terms[N];
  char *text;
  for (uint32_t i = 0; i < N; i++) terms[i] = named(f, "term", i, x, 2.0f + (float)i);
  for (uint32_t i = 0; i < N; i++) {
    vc_graph_push(f->g, "sum%u", i);
    vc_place(f->g, vc_add(f->g, in_slot(f, f->out, N + i), terms[i]), in_slot(f, f->out, i), 0);
    vc_graph_pop(f->g);
  }
  assert_int_equal(vc_exec_work_bytes(exec_of(f, &text)), 0); // each term where its sum will be
  for (uint32_t i = 0; i + 1 < N; i++) {
    char sum[8], term[8];
    snprintf(sum, sizeof sum, " sum%u ", i);
    snprintf(term, sizeof term, " term%u ", i + 1);
    assert_non_null(strstr(text, sum));
    assert_true(strstr(text, sum) < strstr(text, term));
  }
}

// The sum frees its operand only because it reads it last: it must not go ahead of the other reader.
static void other_readers_are_not_overtaken(void **state) {
  struct fixture *f = *state;
  char *text;
  vc_tensor *term = named(f, "term", 0, in_slot(f, f->in, 0), 2), *other = named(f, "other", 0, term, 3);
  vc_graph_push(f->g, "sum");
  vc_place(f->g, vc_add(f->g, in_slot(f, f->out, 1), term), in_slot(f, f->out, 0), 0);
  vc_graph_pop(f->g);
  vc_output(f->g, other);
  exec_of(f, &text);
  assert_true(strstr(text, " other0 ") < strstr(text, " sum "));
}

// A slot that is written and then read by what would free memory: it stays behind the write.
static void what_is_read_is_written_first(void **state) {
  struct fixture *f = *state;
  char *text;
  vc_tensor *term = named(f, "term", 0, in_slot(f, f->in, 0), 2), *base = in_slot(f, f->out, 1);
  vc_tensor *written = named(f, "base", 0, in_slot(f, f->in, 0), 4);
  vc_place(f->g, written, base, 0);
  vc_graph_push(f->g, "sum");
  vc_place(f->g, vc_add(f->g, written, term), in_slot(f, f->out, 0), 0);
  vc_graph_pop(f->g);
  exec_of(f, &text);
  assert_true(strstr(text, " base0 ") < strstr(text, " sum "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(sums_do_not_wait_for_each_other),
      TEST(other_readers_are_not_overtaken),
      TEST(what_is_read_is_written_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
