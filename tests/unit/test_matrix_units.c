// Which convolution kernels a device with matrix units is given. No device.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "support/dry_caps.h"
#include "vulcyte/gpu.h"
#include "vulcyte/ops.h"

// As a large GPU says of itself: products by subgroups, and by workgroups of 128 and 256.
static struct vc_caps large_gpu(void) {
  struct vc_caps caps = dry_caps();
  caps.type = VC_DEVICE_DISCRETE;
  caps.subgroup_size = caps.min_subgroup_size = caps.max_subgroup_size = 32;
  caps.max_workgroup_invocations = 1024;
  caps.max_shared_bytes = 49152;
  caps.fp16 = caps.fp16_storage = caps.coop_matrix = caps.coop_matrix2 = true;
  caps.n_coop_shapes = 1;
  caps.coop_shapes[0] = (struct vc_coop_shape){16, 16, 16};
  caps.n_coop_grains = 2;
  caps.coop_grains[0] = (struct vc_coop_grain){128, 32, 16, 16};
  caps.coop_grains[1] = (struct vc_coop_grain){256, 32, 32, 16};
  caps.coop_matrix2_max_side = 1024;
  return caps;
}

static vc_tensor *slot(vc_arena *arena, vc_graph *g, const char *name, struct vc_shape shape) {
  vc_slot *s = NULL;
  assert_int_equal(vc_slot_create(arena, NULL, vc_shape_count(shape) * 4, VC_SLOT_DEVICE, name, &s), VC_OK);
  return vc_bind(g, name, shape, VC_F32, s, 0);
}

// Expects that the kernels of a convolution of an image of `side`^2 pixels, or of its gradient to the weights, are
// among others that named one.
static void expect(const struct vc_caps *caps, bool is_gradient, uint32_t from, uint32_t to, uint32_t side,
                   const char *kernel) {
  const struct vc_exec_options options = {.mixed = true, .all_mixed = true, .caps = caps};
  const struct vc_timing *timing;
  vc_arena *arena;
  vc_graph *g;
  vc_exec *exec;
  size_t n, n_found = 0;
  assert_int_equal(vc_arena_create(&arena), VC_OK);
  assert_int_equal(vc_graph_create(arena, &g), VC_OK);
  vc_tensor *x = slot(arena, g, "image", (struct vc_shape){2, from, side, side});
  vc_tensor *other = is_gradient ? slot(arena, g, "gradient", (struct vc_shape){2, to, side, side})
                                 : slot(arena, g, "weights", (struct vc_shape){to, from, 3, 3});
  vc_output(g, is_gradient ? vc_conv2d_dw(g, x, other, 3, VC_PAD_SAME)
                           : vc_conv2d(g, x, other, NULL, (struct vc_conv2d_desc){.padding = VC_PAD_SAME}));
  if (vc_exec_create(arena, NULL, g, &options, &exec) != VC_OK) fail_msg("%s", vc_error_message());
  assert_int_equal(vc_exec_timing(exec, &timing, &n), VC_OK);
  for (size_t i = 0; i < n; i++) n_found += strcmp(timing[i].kernel, kernel) == 0;
  if (n_found != 1) fail_msg("%u to %u channels at %u: no %s", from, to, side, kernel);
  vc_arena_destroy(arena);
}

static bool has_kernels(void) {
  const struct vc_kernel_info *info;
  return vc_shader_info("conv2d_coop2", &info) == VC_OK;
}

static void workgroups_multiply_where_the_device_can(void **state) {
  (void)state;
  const struct vc_caps caps = large_gpu();
  if (!has_kernels()) skip(); // the build's shader tools did not know them
  expect(&caps, false, 128, 256, 32, "conv2d_coop2");
  expect(&caps, false, 128, 64, 32, "conv2d_coop2_slim");
  expect(&caps, false, 8, 8, 32, "conv2d_coop2_slim");
  expect(&caps, true, 128, 128, 32, "conv2d_coop2_dw");
  expect(&caps, true, 64, 128, 32, "conv2d_coop2_dw_small");
}

static void tiles_are_of_whole_grains(void **state) {
  (void)state;
  struct vc_caps caps = large_gpu();
  if (!has_kernels()) skip();
  caps.n_coop_grains = 1; // workgroups of 128
  expect(&caps, false, 128, 256, 32, "conv2d_coop2_small");
  caps.coop_grains[0].k = 64; // as many channels as there are in a step
  expect(&caps, false, 128, 256, 32, "conv2d_coop2_small");
  expect(&caps, false, 96, 256, 32, "conv2d_coop_small");
  caps.coop_grains[0].m = 48;
  expect(&caps, true, 128, 128, 32, "conv2d_coop_dw");
}

static void others_multiply_by_subgroups(void **state) {
  (void)state;
  struct vc_caps caps = large_gpu();
  caps.coop_matrix2_max_side = 32;
  expect(&caps, false, 128, 256, 256, "conv2d_coop");
  caps = large_gpu();
  expect(&caps, false, 128, 256, 3, "conv2d_coop_small"); // a workgroup's tile would be mostly empty
  caps.coop_matrix2 = false;
  expect(&caps, false, 128, 256, 256, "conv2d_coop");
  expect(&caps, true, 64, 128, 32, "conv2d_coop_dw");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(workgroups_multiply_where_the_device_can),
      cmocka_unit_test(tiles_are_of_whole_grains),
      cmocka_unit_test(others_multiply_by_subgroups),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
