// Building and differentiating graphs: ids, paths, errors that stick, which adjoints are made. No device.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "vulcyte/graph.h"

struct fixture {
  vc_arena *arena;
  vc_graph *g;
  vc_slot *slot; // 4 KiB, no memory
};

static int create(void **state) {
  static struct fixture f;
  if (vc_arena_create(&f.arena) || vc_graph_create(f.arena, &f.g) ||
      vc_slot_create(f.arena, NULL, 4096, VC_SLOT_DEVICE, "params", &f.slot)) {
    return -1;
  }
  *state = &f;
  return 0;
}

static int destroy(void **state) {
  vc_arena_destroy(((struct fixture *)*state)->arena);
  return 0;
}

static const struct vc_shape vector = {1, 64, 1, 1}, scalar = {1, 1, 1, 1};

static vc_tensor *param(struct fixture *f, const char *name, uint32_t index) {
  return vc_bind(f->g, name, vector, VC_F32, f->slot, (uint64_t)index * 64);
}

static void assert_error(const struct fixture *f, vc_status status, const char *message) {
  assert_int_equal(vc_graph_status(f->g), status);
  assert_string_equal(vc_error_message(), message);
}

// ---- an op for these tests: y = x, or, with an attribute, something broken -----------------------------------------

enum fault { WORKS, NO_VJP, WRONG_GRADIENT };

static vc_status probe_infer(vc_tensor *out) {
  out->shape = out->attr[0] == 0 ? out->in[0]->shape : scalar;
  return VC_OK;
}

static vc_status probe_emit(vc_emitter *e, const vc_tensor *out) {
  (void)e, (void)out;
  return VC_OK;
}

static bool wanted[VC_MAX_INPUTS];

static void probe_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  memcpy(wanted, want, sizeof wanted);
  for (uint32_t i = 0; i < out->n_in; i++) {
    if (want[i]) grad_in[i] = vc_add(g, grad_out, grad_out);
  }
}

static void wrong_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  (void)out, (void)want;
  grad_in[0] = vc_view(g, grad_out, scalar, 0);
}

static const struct vc_op probe_ops[] = {
    [WORKS] = {.name = "probe", .infer = probe_infer, .emit = probe_emit, .vjp = probe_vjp},
    [NO_VJP] = {.name = "opaque", .infer = probe_infer, .emit = probe_emit},
    [WRONG_GRADIENT] = {.name = "wrong", .infer = probe_infer, .emit = probe_emit, .vjp = wrong_vjp},
};

static vc_tensor *probe(vc_graph *g, enum fault fault, vc_tensor *a, vc_tensor *b) {
  vc_tensor *in[] = {a, b};
  return vc_node(g, &probe_ops[fault], in, b ? 2 : 1, NULL, 0);
}

// Whether t is, or is computed from, other.
static bool comes_from(const vc_tensor *t, const vc_tensor *other) {
  if (t == other) return true;
  for (uint32_t i = 0; i < t->n_in; i++) {
    if (t->in[i] && comes_from(t->in[i], other)) return true;
  }
  return false;
}

// ---- building -------------------------------------------------------------------------------------------------

static void inputs_stand_before_readers_and_paths_nest(void **state) {
  struct fixture *f = *state;
  vc_graph_push(f->g, "unet");
  vc_graph_push(f->g, "enc%d", 1);
  vc_tensor *a = param(f, "weight", 0), *b = param(f, "bias", 1);
  vc_tensor *sum = vc_add(f->g, a, b);
  vc_graph_pop(f->g);
  vc_tensor *outer = vc_add(f->g, sum, a);
  vc_graph_pop(f->g);
  vc_tensor *top = vc_add(f->g, outer, a);
  assert_string_equal(a->path, "unet/enc1/weight");
  assert_string_equal(b->path, "unet/enc1/bias");
  assert_string_equal(sum->path, "unet/enc1");
  assert_string_equal(outer->path, "unet");
  assert_string_equal(top->path, "add");
  assert_true(a->id < sum->id && b->id < sum->id && sum->id < outer->id && outer->id < top->id);
  assert_int_equal(vc_graph_status(f->g), VC_OK);
}

static void a_long_path_is_cut(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 30; i++) vc_graph_push(f->g, "a-rather-long-segment-%d", i);
  assert_in_range(strlen(param(f, "weight", 0)->path), 200, 300);
  for (int i = 0; i < 30; i++) vc_graph_pop(f->g);
  assert_string_equal(param(f, "weight", 0)->path, "weight");
}

static void the_first_error_sticks(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *small = vc_view(f->g, a, (struct vc_shape){1, 32, 1, 1}, 0);
  vc_graph_push(f->g, "unet/down2");
  vc_tensor *bad = vc_add(f->g, a, small);
  vc_graph_pop(f->g);
  const char *message = "unet/down2: add: shapes 1 x 64 x 1 x 1 and 1 x 32 x 1 x 1 differ";
  assert_error(f, VC_E_SHAPE, message);
  vc_tensor *later = vc_view(f->g, vc_add(f->g, bad, a), (struct vc_shape){7, 7, 7, 7}, 99);
  assert_non_null(later);
  assert_int_equal(vc_shape_count(later->shape), 1); // poison has a shape that arithmetic can use
  vc_place(f->g, later, bad, 0);
  vc_output(f->g, later);
  vc_report(f->g, later);
  vc_tensor *grad = NULL;
  vc_grad(f->g, later, NULL, &a, 1, &grad);
  assert_ptr_equal(grad, bad); // poison again, not "does not depend"
  assert_error(f, VC_E_SHAPE, message);
}

static void constructors_can_fail_with_their_own_reason(void **state) {
  struct fixture *f = *state;
  vc_graph_push(f->g, "head");
  vc_tensor *t = vc_poison(f->g, VC_E_CONFIG, "%d classes; at least %d", 1, 2);
  vc_graph_pop(f->g);
  assert_non_null(t);
  assert_error(f, VC_E_CONFIG, "head: 1 classes; at least 2");
}

static void ranges_are_checked(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0);
  assert_int_equal(vc_graph_status(f->g), VC_OK);
  vc_view(f->g, a, vector, 0);
  assert_int_equal(vc_graph_status(f->g), VC_OK);
  vc_view(f->g, a, vector, 1);
  assert_error(f, VC_E_SHAPE, "view: 64 elements from 1 on, of a, which has 64");
}

static void slots_are_checked(void **state) {
  struct fixture *f = *state;
  param(f, "last", 15);
  assert_int_equal(vc_graph_status(f->g), VC_OK);
  param(f, "beyond", 16);
  assert_error(f, VC_E_SHAPE, "beyond: elements 1024 to 1088 of slot params, which holds 1024");
}

static void offsets_do_not_wrap(void **state) {
  struct fixture *f = *state;
  vc_bind(f->g, "far", vector, VC_F32, f->slot, UINT64_MAX - 10);
  assert_int_equal(vc_graph_status(f->g), VC_E_SHAPE);
}

static void shapes_are_checked(void **state) {
  struct fixture *f = *state;
  vc_view(f->g, param(f, "a", 0), (struct vc_shape){1, 0, 1, 1}, 0);
  assert_error(f, VC_E_SHAPE, "view: a tensor of shape 1 x 0 x 1 x 1 has no element");
}

static void huge_shapes_do_not_wrap(void **state) {
  struct fixture *f = *state;
  vc_block(f->g, (struct vc_shape){1u << 31, 1u << 31, 4, 1}, VC_F32);
  assert_int_equal(vc_graph_status(f->g), VC_E_SHAPE);
}

static void feeds_are_small(void **state) {
  struct fixture *f = *state;
  assert_int_equal(vc_feed(f->g, "fits", VC_F32, 16384)->shape.c, 16384);
  vc_feed(f->g, "long", VC_F32, 16385);
  assert_error(f, VC_E_SHAPE, "feed long: 16385 elements; a feed holds 1 element to 64 KiB");
}

static void reports_are_small(void **state) {
  struct fixture *f = *state;
  vc_report(f->g, vc_feed(f->g, "fits", VC_F32, 1024));
  assert_int_equal(vc_graph_status(f->g), VC_OK);
  vc_report(f->g, vc_feed(f->g, "long", VC_F32, 1025));
  assert_error(f, VC_E_SHAPE, "long: a report of 1025 elements is longer than 4 KiB");
}

static void only_slots_and_blocks_take_placed_tensors(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *sum = vc_add(f->g, a, a), *block = vc_block(f->g, vector, VC_F32);
  vc_place(f->g, vc_add(f->g, a, a), block, 0);
  vc_place(f->g, vc_add(f->g, a, a), a, 0);
  assert_int_equal(vc_graph_status(f->g), VC_OK);
  vc_place(f->g, vc_add(f->g, a, a), sum, 0);
  assert_error(f, VC_E_SHAPE, "place: add is neither a slot nor a block");
}

static void what_is_placed_must_fit(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *block = vc_block(f->g, vector, VC_F32);
  vc_place(f->g, vc_add(f->g, a, a), block, 1);
  assert_error(f, VC_E_SHAPE, "place: 64 elements from 1 on, of block, which has 64");
}

static void element_types_must_agree(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *block = vc_block(f->g, vector, VC_U32);
  vc_place(f->g, vc_add(f->g, a, a), block, 0);
  assert_error(f, VC_E_SHAPE, "place: add and block have different element types");
}

// A view, a slot and what is placed already are placed by a copy.
static void what_has_a_place_is_copied(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *sum = vc_add(f->g, a, a);
  vc_tensor *block = vc_block(f->g, (struct vc_shape){4, 64, 1, 1}, VC_F32);
  vc_place(f->g, sum, block, 0);
  assert_ptr_equal(sum->place, block);
  vc_place(f->g, sum, block, 64);
  assert_int_equal(sum->place_offset, 0);
  vc_place(f->g, a, block, 128);
  assert_null(a->place);
  vc_place(f->g, vc_view(f->g, sum, vector, 0), block, 192);
  assert_int_equal(vc_graph_status(f->g), VC_OK);
}

// ---- gradients ------------------------------------------------------------------------------------------------

static void gradients_reach_only_what_the_loss_depends_on(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *b = param(f, "b", 1), *c = param(f, "c", 2);
  vc_tensor *sum = probe(f->g, WORKS, a, b);
  probe(f->g, NO_VJP, sum, c); // not below the loss: no one asks for its gradient
  vc_tensor *wrt[] = {a, c}, *grads[2], *seed = vc_bind(f->g, "seed", vector, VC_F32, f->slot, 256);
  vc_grad(f->g, sum, seed, wrt, 2, grads);
  assert_int_equal(vc_graph_status(f->g), VC_OK);
  assert_true(comes_from(grads[0], seed));
  assert_null(grads[1]);
  assert_true(wanted[0]);
  assert_false(wanted[1]); // b is not asked for
  assert_string_equal(grads[0]->path, "grad/probe");
}

static void gradients_stop_where_told(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *b = param(f, "b", 1);
  vc_tensor *opaque = probe(f->g, NO_VJP, a, NULL); // hidden from the gradient
  vc_tensor *loss = vc_view(f->g, vc_add(f->g, vc_stop_gradient(f->g, opaque), b), scalar, 0);
  vc_tensor *wrt[] = {a, b}, *grads[2];
  vc_grad(f->g, loss, NULL, wrt, 2, grads);
  assert_int_equal(vc_graph_status(f->g), VC_OK);
  assert_null(grads[0]);
  assert_true(vc_shape_equal(grads[1]->shape, vector));
}

static void feeds_carry_no_gradient_unless_asked(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *feed = vc_feed(f->g, "feed", VC_F32, 64);
  vc_tensor *loss = vc_view(f->g, vc_add(f->g, a, feed), scalar, 0), *grads[2];
  vc_tensor *wrt[] = {feed, a};
  vc_grad(f->g, loss, NULL, wrt, 2, grads);
  assert_non_null(grads[0]);
  assert_non_null(grads[1]);
}

// With respect to a tensor in the middle, to the loss itself, and twice to the same.
static void any_tensor_can_be_asked_for(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *middle = vc_add(f->g, a, a), *loss = vc_add(f->g, middle, middle);
  vc_tensor *seed = vc_bind(f->g, "seed", vector, VC_F32, f->slot, 256), *grads[4];
  vc_tensor *wrt[] = {loss, middle, a, a};
  vc_grad(f->g, loss, seed, wrt, 4, grads);
  assert_ptr_equal(grads[0], seed);
  assert_int_equal(grads[1]->n_in, 2); // seed + seed
  assert_ptr_equal(grads[1]->in[0], seed);
  assert_ptr_equal(grads[2]->in[0], grads[1]);
  assert_ptr_equal(grads[3], grads[2]);
}

// Gradients reach what fills a block, also for readers of a view made before it was filled.
static void gradients_pass_through_blocks(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *b = param(f, "b", 1);
  vc_tensor *block = vc_block(f->g, (struct vc_shape){2, 64, 1, 1}, VC_F32);
  vc_tensor *second = vc_view(f->g, block, vector, 64);
  vc_place(f->g, vc_add(f->g, a, a), block, 0);
  vc_place(f->g, b, block, 64);
  vc_tensor *loss = vc_view(f->g, vc_add(f->g, second, second), scalar, 0);
  vc_tensor *wrt[] = {a, b}, *grads[2];
  vc_grad(f->g, loss, NULL, wrt, 2, grads);
  assert_int_equal(vc_graph_status(f->g), VC_OK);
  assert_non_null(grads[0]); // zeros, through the block
  assert_non_null(grads[1]);
}

static void an_op_without_adjoint_is_an_error_where_one_is_wanted(void **state) {
  struct fixture *f = *state;
  vc_graph_push(f->g, "argmax");
  vc_tensor *a = param(f, "a", 0), *loss = vc_view(f->g, probe(f->g, NO_VJP, a, NULL), scalar, 0), *grad;
  vc_graph_pop(f->g);
  vc_grad(f->g, loss, NULL, &a, 1, &grad);
  assert_error(f, VC_E_UNSUPPORTED, "grad/argmax: opaque is not differentiable; vc_stop_gradient in front of it");
}

static void a_gradient_of_the_wrong_shape_is_an_error(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *loss = vc_view(f->g, probe(f->g, WRONG_GRADIENT, a, NULL), scalar, 0), *grad;
  vc_grad(f->g, loss, NULL, &a, 1, &grad);
  assert_error(f, VC_E_INTERNAL, "grad/wrong: wrong gives a gradient of the wrong shape for its input 0");
}

static void a_loss_is_scalar_or_has_a_seed(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *grad;
  vc_grad(f->g, vc_add(f->g, a, a), NULL, &a, 1, &grad);
  assert_error(f, VC_E_SHAPE, "gradient of add: not a scalar, and no seed is given");
}

static void a_seed_has_the_shape_of_the_loss(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *grad;
  vc_grad(f->g, vc_add(f->g, a, a), vc_view(f->g, a, scalar, 0), &a, 1, &grad);
  assert_error(f, VC_E_SHAPE, "gradient of add: the seed must be F32 and of its shape");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(inputs_stand_before_readers_and_paths_nest),
      TEST(a_long_path_is_cut),
      TEST(the_first_error_sticks),
      TEST(constructors_can_fail_with_their_own_reason),
      TEST(ranges_are_checked),
      TEST(slots_are_checked),
      TEST(offsets_do_not_wrap),
      TEST(shapes_are_checked),
      TEST(huge_shapes_do_not_wrap),
      TEST(feeds_are_small),
      TEST(reports_are_small),
      TEST(only_slots_and_blocks_take_placed_tensors),
      TEST(what_is_placed_must_fit),
      TEST(element_types_must_agree),
      TEST(what_has_a_place_is_copied),
      TEST(gradients_reach_only_what_the_loss_depends_on),
      TEST(gradients_stop_where_told),
      TEST(feeds_carry_no_gradient_unless_asked),
      TEST(any_tensor_can_be_asked_for),
      TEST(gradients_pass_through_blocks),
      TEST(an_op_without_adjoint_is_an_error_where_one_is_wanted),
      TEST(a_gradient_of_the_wrong_shape_is_an_error),
      TEST(a_loss_is_scalar_or_has_a_seed),
      TEST(a_seed_has_the_shape_of_the_loss),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
