// Which 3 x 3 convolutions a GPU computes by Winograd's algorithm, and what memory it may take. No device.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <string.h>

#include "support/dry_caps.h"
#include "vulcyte/ops.h"

static struct vc_caps gpu_of(enum vc_device_type type) {
  struct vc_caps caps = dry_caps();
  caps.type = type;
  caps.subgroup_size = caps.min_subgroup_size = caps.max_subgroup_size = 32;
  caps.max_workgroup_invocations = caps.max_workgroup_size[0] = 1024;
  caps.max_shared_bytes = 49152;
  caps.max_buffer_range = caps.max_allocation_bytes = caps.heap_bytes = UINT32_MAX;
  return caps;
}

static vc_tensor *slot(vc_arena *arena, vc_graph *g, const char *name, struct vc_shape shape) {
  vc_slot *s = NULL;
  assert_int_equal(vc_slot_create(arena, NULL, vc_shape_count(shape) * 4, VC_SLOT_DEVICE, name, &s), VC_OK);
  return vc_bind(g, name, shape, VC_F32, s, 0);
}

// A convolution of an image of side^2 pixels, or its gradient to the weights.
struct layer {
  bool is_gradient;
  uint32_t samples, from, to, side;
};

// The kernel of the products, and the memory besides the slots of what comes in.
static const char *plan(const struct vc_caps *caps, struct layer l, uint32_t *out_lifts, uint64_t *out_scratch_bytes) {
  static char kernel[64];
  const struct vc_exec_options options = {.caps = caps};
  const struct vc_timing *timing;
  vc_arena *arena;
  vc_graph *g;
  vc_exec *exec;
  size_t n;
  double most = 0;
  assert_int_equal(vc_arena_create(&arena), VC_OK);
  assert_int_equal(vc_graph_create(arena, &g), VC_OK);
  vc_tensor *x = slot(arena, g, "image", (struct vc_shape){l.samples, l.from, l.side, l.side});
  vc_tensor *other = l.is_gradient ? slot(arena, g, "gradient", (struct vc_shape){l.samples, l.to, l.side, l.side})
                                   : slot(arena, g, "weights", (struct vc_shape){l.to, l.from, 3, 3});
  vc_tensor *out = l.is_gradient ? vc_conv2d_dw(g, x, other, 3, VC_PAD_SAME)
                                 : vc_conv2d(g, x, other, NULL, (struct vc_conv2d_desc){.padding = VC_PAD_SAME});
  vc_output(g, out);
  if (vc_exec_create(arena, NULL, g, &options, &exec) != VC_OK) fail_msg("%s", vc_error_message());
  assert_int_equal(vc_exec_timing(exec, &timing, &n), VC_OK);
  *out_lifts = 0;
  for (size_t i = 0; i < n; i++) {
    *out_lifts += strcmp(timing[i].kernel, "conv2d_winograd_lift_gpu") == 0;
    if (timing[i].flops <= most) continue;
    most = timing[i].flops;
    snprintf(kernel, sizeof kernel, "%s", timing[i].kernel);
  }
  *out_scratch_bytes = vc_exec_work_bytes(exec) - vc_shape_count(out->shape) * 4;
  vc_arena_destroy(arena);
  return kernel;
}

static void expect(const struct vc_caps *caps, struct layer l, const char *kernel, uint32_t lifts) {
  uint64_t scratch_bytes;
  uint32_t n_lifts;
  assert_string_equal(plan(caps, l, &n_lifts, &scratch_bytes), kernel);
  assert_int_equal(n_lifts, lifts);
}

static void deep_layers_are_lifted(void **state) {
  (void)state;
  const struct vc_caps caps = gpu_of(VC_DEVICE_DISCRETE);
  expect(&caps, (struct layer){false, 1, 128, 256, 32}, "conv2d_blocked_64x64", 2);
  expect(&caps, (struct layer){false, 1, 512, 512, 64}, "conv2d_blocked", 2);
  expect(&caps, (struct layer){false, 1, 64, 64, 128}, "conv2d_blocked_128x64", 2);
  expect(&caps, (struct layer){true, 1, 256, 256, 64}, "conv2d_blocked_dw", 2);
  expect(&caps, (struct layer){true, 1, 64, 64, 64}, "conv2d_blocked_dw_64x64", 2);
}

static void others_are_not(void **state) {
  (void)state;
  struct vc_caps caps = gpu_of(VC_DEVICE_DISCRETE);
  expect(&caps, (struct layer){false, 1, 32, 128, 64}, "conv2d_blocked_64x64", 0);  // too few channels
  expect(&caps, (struct layer){false, 1, 512, 512, 16}, "conv2d_blocked_64x64", 0); // and tiles
  caps.max_shared_bytes = 8192;
  expect(&caps, (struct layer){false, 1, 512, 512, 64}, "conv2d_fwd", 0);
  caps = gpu_of(VC_DEVICE_CPU);
  expect(&caps, (struct layer){false, 1, 128, 128, 32}, "conv2d_fwd", 0);
}

// Weights that do not fit at once take turns, and so do strips of the image.
static void memory_is_bounded(void **state) {
  (void)state;
  static const struct layer layers[] = {{false, 4, 64, 64, 1024},   {false, 4, 1024, 1024, 64},
                                        {false, 1, 2048, 2048, 64}, {true, 4, 64, 64, 1024},
                                        {true, 4, 1024, 1024, 64},  {true, 1, 2048, 2048, 64}};
  for (int small = 0; small < 2; small++) {
    const struct vc_caps caps = gpu_of(small ? VC_DEVICE_INTEGRATED : VC_DEVICE_DISCRETE);
    for (size_t i = 0; i < VC_COUNT_OF(layers); i++) {
      uint64_t scratch_bytes;
      uint32_t n_lifts;
      plan(&caps, layers[i], &n_lifts, &scratch_bytes);
      // Strips are not cut below a workgroup of 128 tiles.
      const uint64_t most = (layers[i].from == 2048 ? 84 : small ? 36 : 86) << 20;
      assert_true(n_lifts > 2);
      if (scratch_bytes > most) fail_msg("layer %zu: %.1f MiB", i, (double)scratch_bytes / 1048576);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(deep_layers_are_lifted),
      cmocka_unit_test(others_are_not),
      cmocka_unit_test(memory_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
