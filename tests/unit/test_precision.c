// Mixed precision as a rewrite: which activations become F16, where casts stand, what stays F32. No device.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "support/dry_caps.h"
#include "vulcyte/ops.h"

struct fixture {
  vc_arena *arena;
  vc_graph *g;
  vc_tensor *image, *weights, *bias, *filled; // slots
  struct vc_caps caps;
};

static const struct vc_shape pixels = {1, 4, 8, 8};

static vc_tensor *slot(struct fixture *f, const char *name, struct vc_shape shape) {
  vc_slot *s = NULL;
  assert_int_equal(vc_slot_create(f->arena, NULL, vc_shape_count(shape) * 4, VC_SLOT_DEVICE, name, &s), VC_OK);
  return vc_bind(f->g, name, shape, VC_F32, s, 0);
}

static int create(void **state) {
  static struct fixture f;
  memset(&f, 0, sizeof f);
  if (vc_arena_create(&f.arena) || vc_graph_create(f.arena, &f.g)) return -1;
  f.caps = dry_caps();
  f.caps.fp16_storage = true;
  f.image = slot(&f, "image", pixels);
  f.weights = slot(&f, "weights", (struct vc_shape){4, 4, 3, 3});
  f.bias = slot(&f, "bias", (struct vc_shape){1, 4, 1, 1});
  f.filled = slot(&f, "filled", pixels);
  *state = &f;
  return 0;
}

static int destroy(void **state) {
  vc_arena_destroy(((struct fixture *)*state)->arena);
  return 0;
}

static vc_exec *plan(struct fixture *f) {
  const struct vc_exec_options options = {.mixed = true, .caps = &f->caps, .variants = "*=naive"};
  vc_exec *exec = NULL;
  if (vc_exec_create(f->arena, NULL, f->g, &options, &exec) != VC_OK) fail_msg("%s", vc_error_message());
  return exec;
}

// The kernels in their order, blank after each.
static void assert_kernels(vc_exec *exec, const char *want) {
  const struct vc_timing *timing;
  size_t n;
  char text[1024] = "";
  assert_int_equal(vc_exec_timing(exec, &timing, &n), VC_OK);
  for (size_t i = 0; i < n; i++) strcat(strcat(text, timing[i].kernel), " ");
  assert_string_equal(text, want);
}

static vc_tensor *conv(struct fixture *f, vc_tensor *x) {
  return vc_conv2d(f->g, x, f->weights, f->bias, (struct vc_conv2d_desc){.relu = true});
}

static void activations_between_ops_are_half(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = conv(f, f->image), *b = vc_max_pool2x2(f->g, a), *p = vc_softmax(f->g, b);
  vc_output(f->g, p);
  vc_exec *exec = plan(f);
  assert_true(vc_exec_is_mixed(exec));
  assert_kernels(exec, "cast_half_fwd conv2d_fwd_h pool_max_fwd_h cast_float_fwd softmax_fwd ");
  assert_int_equal(a->dtype, VC_F16);
  assert_int_equal(b->dtype, VC_F16);
  assert_int_equal(p->dtype, VC_F32);
}

static void a_cast_serves_all_readers(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = conv(f, f->image);
  vc_output(f->g, vc_add(f->g, vc_sum(f->g, a), vc_mean(f->g, a)));
  assert_kernels(plan(f), "cast_half_fwd conv2d_fwd_h cast_float_fwd reduce_sum_fwd reduce_final_fwd reduce_sum_fwd "
                          "reduce_final_fwd add_fwd "); // add does not begin with 16 bits, nor does a loss
}

static void what_is_kept_or_placed_is_seen_in_32_bits(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = conv(f, f->image), *b = conv(f, a);
  vc_output(f->g, a);
  vc_place(f->g, b, f->filled, 0);
  assert_kernels(plan(f), "cast_half_fwd conv2d_fwd_h cast_float_fwd cast_half_fwd conv2d_fwd_h cast_float_fwd ");
  assert_int_equal(a->dtype, VC_F32);
  assert_int_equal(b->dtype, VC_F32);
  assert_ptr_equal(b->place, f->filled);
}

static void gradients_of_parameters_are_32_bits(void **state) {
  struct fixture *f = *state;
  vc_tensor *wrt[] = {f->weights, f->bias}, *grads[2];
  vc_grad(f->g, vc_sum(f->g, conv(f, f->image)), NULL, wrt, 2, grads);
  for (int i = 0; i < 2; i++) vc_output(f->g, grads[i]);
  assert_kernels(plan(f), "cast_half_fwd conv2d_fwd_h fill_fwd pointwise_broadcast_fwd cast_half_fwd bias_grad_fwd_h "
                          "reduce_final_fwd cast_half_fwd conv2d_dw_h "); // a slot is cast for each
  assert_int_equal(grads[0]->dtype, VC_F32);
  assert_int_equal(grads[1]->dtype, VC_F32);
}

static void views_are_of_32_bits(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = conv(f, f->image), *v = vc_view(f->g, a, (struct vc_shape){1, 4, 4, 8}, 128);
  vc_output(f->g, vc_max_pool2x2(f->g, v));
  assert_kernels(plan(f), "cast_half_fwd conv2d_fwd_h cast_float_fwd pool_max_fwd ");
  assert_int_equal(v->dtype, VC_F32);
}

static void labels_stay_what_they_are(void **state) {
  struct fixture *f = *state;
  vc_tensor *l = vc_argmax(f->g, f->image);
  vc_output(f->g, vc_crop(f->g, l, 1, 1, 4, 4));
  vc_exec *exec = plan(f);
  assert_false(vc_exec_is_mixed(exec));
  assert_kernels(exec, "softmax_argmax_fwd shape_window_fwd ");
}

static void devices_without_16_bit_storage_are_refused(void **state) {
  struct fixture *f = *state;
  f->caps.fp16_storage = false;
  vc_output(f->g, conv(f, f->image));
  const struct vc_exec_options options = {.mixed = true, .caps = &f->caps};
  vc_exec *exec = NULL;
  assert_int_equal(vc_exec_create(f->arena, NULL, f->g, &options, &exec), VC_E_UNSUPPORTED);
  assert_non_null(strstr(vc_error_message(), "fp32"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(activations_between_ops_are_half, create, destroy),
      cmocka_unit_test_setup_teardown(a_cast_serves_all_readers, create, destroy),
      cmocka_unit_test_setup_teardown(what_is_kept_or_placed_is_seen_in_32_bits, create, destroy),
      cmocka_unit_test_setup_teardown(gradients_of_parameters_are_32_bits, create, destroy),
      cmocka_unit_test_setup_teardown(views_are_of_32_bits, create, destroy),
      cmocka_unit_test_setup_teardown(labels_stay_what_they_are, create, destroy),
      cmocka_unit_test_setup_teardown(devices_without_16_bit_storage_are_refused, create, destroy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
