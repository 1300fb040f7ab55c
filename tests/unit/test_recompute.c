// Plans within a budget: what is computed again, what must not be, and that a budget is met by no more than it takes.
// No device.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/dry_caps.h"
#include "vulcyte/graph.h"

enum { N = 64, BYTES = 4 * N, DEPTH = 8 };
static const struct vc_shape vector = {1, N, 1, 1};

struct fixture {
  vc_arena *arena;
  vc_graph *g;
  vc_slot *slot;
  vc_tensor *a, *b;    // of the slot
  vc_tensor *h[DEPTH]; // of build_chain
};

static int create(void **state) {
  static struct fixture f;
  memset(&f, 0, sizeof f);
  unsetenv("VULCYTE_VARIANTS");
  if (vc_arena_create(&f.arena) || vc_graph_create(f.arena, &f.g) ||
      vc_slot_create(f.arena, NULL, 65536, VC_SLOT_DEVICE, "slot", &f.slot)) {
    return -1;
  }
  f.a = vc_bind(f.g, "a", vector, VC_F32, f.slot, 0);
  f.b = vc_bind(f.g, "b", vector, VC_F32, f.slot, N);
  *state = &f;
  return 0;
}

static int destroy(void **state) {
  vc_arena_destroy(((struct fixture *)*state)->arena);
  return 0;
}

// ---- a layer: out = in0 + in1 by the kernel of the addition, but never in the place of an operand -------------------

static vc_status infer(vc_tensor *out) {
  out->shape = out->in[0]->shape;
  return VC_OK;
}

static vc_status emit(vc_emitter *e, const vc_tensor *out) {
  uint32_t n = N;
  return vc_emit(e, &(struct vc_dispatch){.kernel = "add_fwd",
                                          .n_bindings = 3,
                                          .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]),
                                                       vc_emit_tensor(e, out)},
                                          .push = &n,
                                          .push_bytes = 4,
                                          .groups = {1, 1, 1}});
}

static const struct vc_op layer_op = {.name = "layer", .infer = infer, .emit = emit};

static vc_tensor *layer(struct fixture *f, vc_tensor *x, vc_tensor *y) {
  return vc_node(f->g, &layer_op, (vc_tensor *[]){x, y}, 2, NULL, 0);
}

// Layers forward from x, which all wait for their turn backward, as in training.
static void build_chain(struct fixture *f, vc_tensor *x) {
  for (int i = 0; i < DEPTH; i++) x = f->h[i] = layer(f, x, x);
  for (int i = DEPTH - 1; i-- > 0;) x = layer(f, x, f->h[i]);
  vc_output(f->g, x);
}

static vc_exec *plan_with(struct fixture *f, const vc_slot *constant, uint64_t memory, char **out_text) {
  const struct vc_caps caps = dry_caps();
  const struct vc_exec_options options = {.caps = &caps, .memory = memory, .constant = constant};
  vc_exec *exec = NULL;
  if (vc_exec_create(f->arena, NULL, f->g, &options, &exec) != VC_OK) fail_msg("%s", vc_error_message());
  assert_int_equal(vc_exec_print_plan(exec, f->arena, out_text), VC_OK);
  return exec;
}

static vc_exec *plan(struct fixture *f, uint64_t memory, uint32_t *out_n_dispatches) {
  char *text = NULL;
  vc_exec *exec = plan_with(f, NULL, memory, &text);
  *out_n_dispatches = (uint32_t)strtoul(text, NULL, 10);
  return exec;
}

// ---- what is made of constant memory ------------------------------------------------------------------------------

// out = in0 + scratch, scratch = in1 + in1.
static vc_status emit_packed(vc_emitter *e, const vc_tensor *out) {
  uint32_t n = N;
  vc_region w = vc_emit_tensor(e, out->in[1]), packed = vc_emit_scratch(e, BYTES);
  struct vc_dispatch d = {.kernel = "add_fwd", .n_bindings = 3, .push = &n, .push_bytes = 4, .groups = {1, 1, 1}};
  d.bindings[0] = d.bindings[1] = w;
  d.bindings[2] = packed;
  VC_TRY(vc_emit(e, &d));
  d.bindings[0] = vc_emit_tensor(e, out->in[0]);
  d.bindings[1] = packed;
  d.bindings[2] = vc_emit_tensor(e, out);
  return vc_emit(e, &d);
}

// What the n-th dispatch of the node binds second, in the order of the plan; "" after the last.
static void second_binding(const char *text, const vc_tensor *node, uint32_t n, char out[64]) {
  char name[32];
  snprintf(name, sizeof name, " t%u packed packed add_fwd", node->id);
  *out = '\0';
  for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
    if (n-- == 0) sscanf(at + strlen(name), " %*s %*s %63s", out);
  }
}

// A layer that is repeated reads what it packed once, where that stays.
static void what_is_computed_once_is_not_repeated(void **state) {
  static const struct vc_op op = {.name = "packed", .infer = infer, .emit = emit_packed};
  struct fixture *f = *state;
  vc_tensor *x = vc_feed(f->g, "x", VC_F32, N), *packed[DEPTH];
  char *text, first[64], again[64];
  vc_graph_push(f->g, "packed");
  for (int i = 0; i < DEPTH; i++) x = packed[i] = vc_node(f->g, &op, (vc_tensor *[]){x, f->a}, 2, NULL, 0);
  vc_graph_pop(f->g);
  for (int i = DEPTH - 1; i-- > 0;) x = layer(f, x, packed[i]);
  vc_output(f->g, x);
  const uint64_t n_bytes = vc_exec_work_bytes(plan_with(f, f->slot, 0, &text));
  vc_exec *exec = plan_with(f, f->slot, n_bytes - 3 * BYTES, &text);
  assert_true(vc_exec_repeated_work(exec) > 0 && vc_exec_work_bytes(exec) <= n_bytes - 3 * BYTES);
  uint32_t n_repeated = 0;
  for (int i = 0; i < DEPTH; i++) {
    second_binding(text, packed[i], 1, first); // after the packing itself
    second_binding(text, packed[i], 2, again);
    if (*again) assert_string_equal(first, again);
    n_repeated += *again != '\0';
  }
  assert_true(n_repeated > 0);
  assert_int_equal(strtoul(text, NULL, 10), 3 * DEPTH - 1 + n_repeated);
}

// ---- tests --------------------------------------------------------------------------------------------------------

static void nothing_is_repeated_where_there_is_room(void **state) {
  struct fixture *f = *state;
  uint32_t n, n_roomy;
  build_chain(f, f->a);
  vc_exec *exec = plan(f, 0, &n), *roomy = plan(f, vc_exec_work_bytes(exec), &n_roomy);
  assert_int_equal(n, 2 * DEPTH - 1);
  assert_int_equal(n_roomy, n);
  assert_int_equal(vc_exec_work_bytes(exec), (DEPTH + 1) * BYTES);
  assert_true(vc_exec_repeated_work(exec) == 0 && vc_exec_repeated_work(roomy) == 0);
}

static void every_budget_is_met_and_less_memory_takes_more_work(void **state) {
  struct fixture *f = *state;
  uint32_t n_before, n;
  build_chain(f, f->a);
  plan(f, 0, &n_before);
  double work = 0;
  for (uint64_t memory = DEPTH * BYTES; memory >= 4 * BYTES; memory -= BYTES) {
    vc_exec *exec = plan(f, memory, &n);
    assert_in_range(vc_exec_work_bytes(exec), 1, memory);
    assert_true(n > n_before && vc_exec_repeated_work(exec) >= work);
    work = vc_exec_repeated_work(exec);
    n_before = n;
  }
}

// Three at once are needed by a layer itself: less is told as what it is.
static void a_budget_out_of_reach_gives_the_smallest_plan(void **state) {
  struct fixture *f = *state;
  uint32_t n;
  build_chain(f, f->a);
  const uint64_t least = vc_exec_work_bytes(plan(f, BYTES, &n));
  assert_in_range(least, 3 * BYTES, 4 * BYTES);
}

static void what_a_slot_held_is_not_read_again_after_a_change(void **state) {
  struct fixture *f = *state;
  uint32_t n;
  for (int i = 0; i < DEPTH; i++) f->h[i] = layer(f, f->a, i ? f->h[i - 1] : f->b);
  vc_place(f->g, layer(f, f->h[DEPTH - 1], f->b), f->a, 0);
  vc_tensor *x = f->h[DEPTH - 1];
  for (int i = DEPTH - 1; i-- > 0;) x = layer(f, x, f->h[i]);
  vc_output(f->g, x);
  vc_exec *exec = plan(f, 4 * BYTES, &n);
  assert_true(vc_exec_repeated_work(exec) == 0);
  assert_int_equal(n, 2 * DEPTH);
}

static void what_writes_a_slot_is_not_repeated(void **state) {
  struct fixture *f = *state;
  uint32_t n;
  vc_tensor *counter = vc_bind(f->g, "counter", vector, VC_F32, f->slot, 2 * N);
  vc_place(f->g, layer(f, counter, f->b), counter, 0);
  build_chain(f, f->a);
  vc_exec *exec = plan(f, 4 * BYTES, &n);
  char *text = NULL;
  assert_true(vc_exec_repeated_work(exec) > 0);
  assert_int_equal(vc_exec_print_plan(exec, f->arena, &text), VC_OK);
  int writes = 0;
  for (const char *at = text; (at = strstr(at, "w:slot(slot)+512")); at++) writes++;
  assert_int_equal(writes, 1);
}

static void outputs_are_kept_not_repeated(void **state) {
  struct fixture *f = *state;
  uint32_t n;
  build_chain(f, f->a);
  for (int i = 0; i < DEPTH; i++) vc_output(f->g, f->h[i]);
  assert_true(vc_exec_repeated_work(plan(f, 4 * BYTES, &n)) == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(nothing_is_repeated_where_there_is_room),
      TEST(every_budget_is_met_and_less_memory_takes_more_work),
      TEST(a_budget_out_of_reach_gives_the_smallest_plan),
      TEST(what_a_slot_held_is_not_read_again_after_a_change),
      TEST(what_writes_a_slot_is_not_repeated),
      TEST(outputs_are_kept_not_repeated),
      TEST(what_is_computed_once_is_not_repeated),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
