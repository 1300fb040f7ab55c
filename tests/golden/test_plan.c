// The plan of a small training step as text, against tests/golden/plan.txt. After a change that is meant:
// VULCYTE_GOLDEN=update golden_plan, then read the difference.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/dry_caps.h"
#include "vulcyte/graph.h"

static const char path[] = VC_TEST_DIR "/golden/plan.txt";
static const struct vc_shape image = {2, 4, 16, 16};

// A layer with parameters of its own and two readers of its input, as a convolution with a skip connection has.
static vc_tensor *layer(vc_graph *g, const char *name, vc_tensor *x, vc_slot *params, uint64_t index,
                        vc_tensor **out_param) {
  vc_graph_push(g, "%s", name);
  *out_param = vc_bind(g, "weight", image, VC_F32, params, index * vc_shape_count(image));
  vc_tensor *y = vc_add(g, vc_add(g, x, *out_param), x);
  vc_graph_pop(g);
  return y;
}

static vc_status make_plan(vc_arena *arena, char **out_text) {
  vc_graph *g;
  vc_slot *params, *images;
  vc_tensor *param[2], *grads[2];
  vc_exec *exec;
  const struct vc_caps caps = dry_caps();
  const struct vc_exec_options options = {.caps = &caps};
  VC_TRY(vc_graph_create(arena, &g));
  VC_TRY(vc_slot_create(arena, NULL, 2 * vc_shape_count(image) * 4, VC_SLOT_DEVICE, "params", &params));
  VC_TRY(vc_slot_create(arena, NULL, vc_shape_count(image) * 4, VC_SLOT_DEVICE, "images", &images));

  vc_tensor *offset = vc_feed(g, "offset", VC_F32, 64), *rate = vc_feed(g, "rate", VC_F32, 1);
  vc_tensor *x = vc_bind(g, "image", image, VC_F32, images, 0);
  vc_tensor *h = layer(g, "enc0", x, params, 0, &param[0]);
  vc_tensor *y = layer(g, "enc1", h, params, 1, &param[1]);
  vc_graph_push(g, "loss");
  vc_tensor *kept = vc_view(g, y, (struct vc_shape){1, 64, 1, 1}, vc_shape_count(image) - 64);
  vc_tensor *loss =
      vc_view(g, vc_add(g, vc_add(g, kept, offset), vc_stop_gradient(g, kept)), (struct vc_shape){1, 1, 1, 1}, 0);
  vc_graph_pop(g);
  vc_add(g, h, h); // needed by nothing
  vc_grad(g, loss, NULL, param, 2, grads);
  vc_graph_push(g, "update");
  vc_tensor *all = vc_block(g, (struct vc_shape){4, 4, 16, 16}, VC_F32);
  for (uint32_t i = 0; i < 2; i++) vc_place(g, grads[i], all, i * vc_shape_count(image));
  for (uint32_t i = 0; i < 2; i++) {
    vc_tensor *grad = vc_view(g, all, image, i * vc_shape_count(image));
    vc_place(g, vc_add(g, param[i], grad), param[i], 0);
  }
  vc_graph_pop(g);
  vc_report(g, loss);
  vc_report(g, rate);
  VC_TRY(vc_exec_create(arena, NULL, g, &options, &exec));
  return vc_exec_print_plan(exec, arena, out_text);
}

static void print_difference(const char *want, const char *got) {
  for (int line = 1; *want || *got; line++) {
    size_t n_want = strcspn(want, "\n"), n_got = strcspn(got, "\n");
    if (n_want != n_got || strncmp(want, got, n_want) != 0) {
      printf("%s:%d:\n-%.*s\n+%.*s\n", path, line, (int)n_want, want, (int)n_got, got);
    }
    want += n_want + (want[n_want] != '\0');
    got += n_got + (got[n_got] != '\0');
  }
}

static vc_status run(vc_arena *arena, int *out_result) {
  char *text;
  uint8_t *golden;
  size_t n_golden;
  const char *update = getenv("VULCYTE_GOLDEN");
  VC_TRY(make_plan(arena, &text));
  if (update && strcmp(update, "update") == 0) VC_TRY(vc_file_write(path, text, strlen(text)));
  VC_TRY(vc_file_read(arena, path, 0, &golden, &n_golden));
  *out_result = strcmp(text, (const char *)golden) != 0;
  if (*out_result) print_difference((const char *)golden, text);
  return VC_OK;
}

int main(void) {
  vc_arena *arena;
  int result = 1;
  unsetenv("VULCYTE_VARIANTS");
  if (vc_arena_create(&arena) != VC_OK) return 1;
  if (run(arena, &result) != VC_OK) printf("%s\n", vc_error_message());
  vc_arena_destroy(arena);
  return result;
}
