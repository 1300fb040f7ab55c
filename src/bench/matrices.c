// The ceiling of matrix units: a convolution of side 1 is a product of matrices, image by weights, without any
// gathering.
#include "vulcyte/bench.h"

#include <math.h>
#include <string.h>

#include "vulcyte/gpu.h"
#include "vulcyte/ops.h"

enum { TRIES = 5 };

// Numbers of no order: units that multiply zeros draw less power, and run faster than they do at work.
static vc_status fill(vc_slot *slot) {
  vc_arena *arena;
  float *values;
  const uint64_t n = vc_slot_bytes(slot) / sizeof *values;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = VC_NEW(arena, n, &values);
  if (status == VC_OK) {
    for (uint64_t i = 0; i < n; i++) values[i] = (float)((uint32_t)i * 2654435761u >> 22) / 1024.0f - 0.5f;
    status = vc_slot_write(slot, 0, values, n * sizeof *values);
  }
  vc_arena_destroy(arena);
  return status;
}

static vc_status bind_product(vc_arena *arena, struct vc_gpu *gpu, uint32_t side, const char *variants,
                              vc_exec **out_exec) {
  const uint32_t across = (uint32_t)lround(sqrt(side));
  const struct vc_shape shapes[2] = {{1, side, across, side / across}, {side, side, 1, 1}};
  vc_tensor *in[2];
  vc_graph *g;
  VC_TRY(vc_graph_create(arena, &g));
  for (int i = 0; i < 2; i++) {
    vc_slot *slot;
    VC_TRY(vc_slot_create(arena, gpu, vc_shape_count(shapes[i]) * 4, VC_SLOT_DEVICE, "matrix", &slot));
    VC_TRY(fill(slot));
    in[i] = vc_bind(g, "matrix", shapes[i], VC_F32, slot, 0);
  }
  vc_output(g, vc_conv2d(g, in[0], in[1], NULL, (struct vc_conv2d_desc){.padding = VC_PAD_SAME}));
  const struct vc_exec_options options = {.variants = variants, .timestamps = true, .mixed = true};
  VC_TRY(vc_exec_create(arena, gpu, g, &options, out_exec));
  return vc_exec_bind(arena, out_exec, 1);
}

// The fastest of some runs of the dispatch that multiplies.
static vc_status time_product(vc_exec *exec, double *out) {
  *out = 0;
  for (int i = 0; i < TRIES; i++) {
    const struct vc_timing *t;
    size_t n;
    VC_TRY(vc_exec_run(exec, NULL));
    VC_TRY(vc_exec_timing(exec, &t, &n));
    for (size_t k = 0; k < n; k++)
      if (t[k].seconds > 0) *out = VC_MAX(*out, t[k].flops / t[k].seconds);
  }
  return VC_OK;
}

vc_status vc_bench_matrices(struct vc_gpu *gpu, uint32_t side, const char *variants, double *out) {
  vc_arena *arena;
  vc_exec *exec;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = bind_product(arena, gpu, side, variants, &exec);
  if (status == VC_OK) status = time_product(exec, out);
  vc_arena_destroy(arena);
  if (status != VC_E_UNSUPPORTED) return status;
  *out = 0;
  return VC_OK;
}
