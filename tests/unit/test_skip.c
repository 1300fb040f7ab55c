// Skip connections in the plan of a training step: the convolution behind one is a sum of two in one place, or is of a
// concatenation where that moves less.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <vulcyte/nn.h>

#include <cmocka.h>

#include "support/dry_caps.h"

static vc_arena *arena;
static char *text; // the plan

// The plan of the gradients of a network's parameters, for an image of side x side pixels.
static vc_status make_plan(uint32_t base, uint32_t side) {
  vc_graph *g;
  vc_slot *slot, *pixels;
  vc_model *model;
  vc_exec *exec;
  vc_tensor *params[32], *grads[32];
  const struct vc_caps caps = dry_caps();
  const struct vc_shape image = {1, 1, side, side};
  const struct vc_unet_desc desc = {.channels = 1, .classes = 2, .base = base, .depth = 1};
  VC_TRY(vc_unet_model(arena, &desc, &model));
  VC_TRY(vc_graph_create(arena, &g));
  VC_TRY(vc_slot_create(arena, NULL, model->block_elements * 4, VC_SLOT_DEVICE, "params", &slot));
  VC_TRY(vc_slot_create(arena, NULL, vc_shape_count(image) * 4, VC_SLOT_DEVICE, "image", &pixels));
  const struct vc_shape all = {1, (uint32_t)model->block_elements, 1, 1};
  vc_model_bind(g, model, vc_bind(g, "params", all, VC_F32, slot, 0), params);
  vc_tensor *x = vc_bind(g, "image", image, VC_F32, pixels, 0);
  vc_tensor *loss = vc_mean(g, vc_softmax(g, vc_unet(g, model, params, x, NULL).logits));
  vc_grad(g, loss, NULL, params, model->n_params, grads);
  for (uint32_t i = 0; i < model->n_params; i++) vc_output(g, grads[i]);
  VC_TRY(vc_exec_create(arena, NULL, g, &(struct vc_exec_options){.caps = &caps}, &exec));
  return vc_exec_print_plan(exec, arena, &text);
}

static int tear_down(void **state) {
  (void)state;
  vc_arena_destroy(arena);
  return 0;
}

static void plan(uint32_t base, uint32_t side) {
  assert_int_equal(vc_arena_create(&arena), VC_OK);
  if (make_plan(base, side) != VC_OK) fail_msg("%s", vc_error_message());
}

static void large_images_are_not_concatenated(void **state) {
  char add[64] = "", out[64] = "?";
  (void)state;
  plan(8, 64);
  assert_null(strstr(text, " unet/dec0/conv0 concat_channels "));
  assert_null(strstr(text, "pad_zero")); // the weights' gradients lie side by side
  assert_non_null(strstr(text, " grad/unet/dec0/conv0 concat_channels "));
  const char *first = strstr(text, " unet/dec0/conv0 conv2d ");
  assert_non_null(first);
  const char *second = strstr(first + 1, " unet/dec0/conv0 conv2d ");
  assert_non_null(second);
  // Kernel, workgroups, image, weights, bias, what is added, result.
  assert_int_equal(sscanf(second, " %*s %*s %*s %*s %*s %*s %*s r:%*[^@]%63s w:%*[^@]%63s", add, out), 2);
  assert_string_equal(add, out);
}

static void small_images_are(void **state) {
  (void)state;
  plan(64, 8);
  assert_non_null(strstr(text, " unet/dec0/conv0 concat_channels "));
  assert_null(strstr(text, " unet/dec0/conv0 slice "));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(large_images_are_not_concatenated, tear_down),
      cmocka_unit_test_teardown(small_images_are, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
