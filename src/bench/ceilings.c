// The two ceilings: arithmetic in registers, and memory. Timed by the host's clock over dispatches long enough that the
// submission does not count, so that devices without timestamps are measured too.
#include "vulcyte/bench.h"

#include "shaders/shared/copy_words.h"
#include "shaders/shared/peak.h"
#include "vulcyte/gpu.h"

enum { CPU_GROUPS = 256, GPU_GROUPS = 8192, MAX_ROUNDS = 1 << 16, MIN_TRIES = 3 };
// A try is long against a submission (0.05 ms) and short against the time slices that other programs take.
static const double LONG_ENOUGH = 0.005, ALL_TRIES = 0.4; // seconds
enum { MATRIX_SIDE = 4096 };
static const uint64_t COPY_BYTES = (uint64_t)256 << 20, CPU_COPY_BYTES = (uint64_t)64 << 20;

// Seconds of the fastest of some runs of a command list.
static vc_status time_list(vc_gpu *gpu, vc_cmd *cmd, double all_tries, double *out) {
  const double start = vc_time_seconds();
  *out = 0;
  for (int i = 0; i < MIN_TRIES || vc_time_seconds() - start < all_tries; i++) {
    uint64_t ticket;
    const double before = vc_time_seconds();
    VC_TRY(vc_gpu_submit(gpu, &cmd, 1, &ticket));
    VC_TRY(vc_gpu_wait(gpu, ticket));
    const double seconds = vc_time_seconds() - before;
    if (i == 0 || seconds < *out) *out = seconds;
  }
  return VC_OK;
}

// ---- arithmetic -------------------------------------------------------------------------------------------------

static vc_status time_rounds(vc_arena *arena, vc_gpu *gpu, vc_kernel *kernel, vc_buffer *out_sums, uint32_t n_groups,
                             uint32_t n_rounds, double all_tries, double *out_seconds) {
  const vc_peak_push push = {n_groups * PEAK_LOCAL, n_rounds, 0.999f, 0.001f};
  const struct vc_binding binding = {out_sums, 0, vc_buffer_bytes(out_sums)};
  const uint32_t groups[3] = {n_groups, 1, 1};
  vc_cmd *cmd;
  VC_TRY(vc_cmd_create(arena, gpu, &cmd));
  VC_TRY(vc_cmd_dispatch(cmd, kernel, &binding, 1, &push, sizeof push, groups));
  VC_TRY(vc_cmd_finish(cmd));
  return time_list(gpu, cmd, all_tries, out_seconds);
}

static vc_status measure_flops(vc_arena *arena, vc_gpu *gpu, double *out) {
  const uint32_t n_groups = vc_gpu_caps(gpu)->type == VC_DEVICE_CPU ? CPU_GROUPS : GPU_GROUPS;
  vc_kernel *kernel;
  vc_buffer *sums;
  double seconds = 0;
  uint32_t n_rounds = 4;
  VC_TRY(vc_kernel_get(gpu, "peak_fma", NULL, 0, 0, &kernel));
  VC_TRY(vc_buffer_create(arena, gpu, (uint64_t)n_groups * PEAK_LOCAL * 4, VC_MEM_DEVICE, "sums", &sums));
  for (;; n_rounds *= 2) {
    VC_TRY(time_rounds(arena, gpu, kernel, sums, n_groups, n_rounds, 0, &seconds));
    if (seconds >= LONG_ENOUGH || n_rounds >= MAX_ROUNDS) break;
  }
  VC_TRY(time_rounds(arena, gpu, kernel, sums, n_groups, n_rounds, ALL_TRIES, &seconds));
  *out = 2.0 * PEAK_ROUND * n_rounds * n_groups * PEAK_LOCAL / seconds;
  return VC_OK;
}

// ---- memory -----------------------------------------------------------------------------------------------------

struct copy {
  vc_buffer *src, *dst;
  uint64_t n_bytes;
};

static vc_status make_buffers(vc_arena *arena, vc_gpu *gpu, struct copy *out) {
  const struct vc_caps *caps = vc_gpu_caps(gpu);
  uint64_t limit = VC_MIN(VC_MIN(caps->max_buffer_range, caps->max_allocation_bytes), caps->heap_bytes / 8);
  out->n_bytes = caps->type == VC_DEVICE_CPU ? CPU_COPY_BYTES : COPY_BYTES;
  while (out->n_bytes > limit) out->n_bytes /= 2;
  VC_TRY(vc_buffer_create(arena, gpu, out->n_bytes, VC_MEM_DEVICE, "copy source", &out->src));
  VC_TRY(vc_buffer_create(arena, gpu, out->n_bytes, VC_MEM_DEVICE, "copy target", &out->dst));
  VC_TRY(vc_gpu_clear(gpu, out->src, 0, out->n_bytes));
  return vc_gpu_clear(gpu, out->dst, 0, out->n_bytes);
}

// kernel NULL: the driver's own copy.
static vc_status time_copy(vc_arena *arena, vc_gpu *gpu, const struct copy *c, vc_kernel *kernel, double *out_seconds) {
  vc_cmd *cmd;
  VC_TRY(vc_cmd_create(arena, gpu, &cmd));
  if (kernel) {
    const uint32_t *max = vc_gpu_caps(gpu)->max_workgroup_count;
    const vc_copy_words_push push = {(uint32_t)(c->n_bytes / 4)};
    const struct vc_binding bindings[2] = {{c->src, 0, c->n_bytes}, {c->dst, 0, c->n_bytes}};
    const uint64_t n_groups = vc_div_up(c->n_bytes / 4, (uint64_t)64 * VC_COPY_WORDS_EACH);
    const uint32_t rows = (uint32_t)vc_div_up(n_groups, max[0]);
    const uint32_t groups[3] = {(uint32_t)vc_div_up(n_groups, rows), rows, 1};
    VC_TRY(vc_cmd_dispatch(cmd, kernel, bindings, 2, &push, sizeof push, groups));
  } else {
    VC_TRY(vc_cmd_copy(cmd, c->src, 0, c->dst, 0, c->n_bytes));
  }
  VC_TRY(vc_cmd_finish(cmd));
  return time_list(gpu, cmd, ALL_TRIES, out_seconds);
}

static vc_status measure_bytes(vc_arena *arena, vc_gpu *gpu, double *out) {
  static const char *const kernels[] = {NULL, "copy_words", "copy_words_addr"};
  struct copy c;
  double best = 0;
  VC_TRY(make_buffers(arena, gpu, &c));
  for (size_t i = 0; i < VC_COUNT_OF(kernels); i++) {
    vc_kernel *kernel = NULL;
    double seconds;
    if (i == 2 && !vc_gpu_caps(gpu)->buffer_address) continue;
    if (kernels[i]) VC_TRY(vc_kernel_get(gpu, kernels[i], NULL, 0, 0, &kernel));
    VC_TRY(time_copy(arena, gpu, &c, kernel, &seconds));
    if (best <= 0 || seconds < best) best = seconds;
  }
  *out = 2.0 * (double)c.n_bytes / best;
  return VC_OK;
}

vc_status vc_bench_ceilings(struct vc_gpu *gpu, struct vc_bench_ceilings *out) {
  struct vc_bench_ceilings c = {0};
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = measure_flops(arena, gpu, &c.flops_per_second);
  if (status == VC_OK) status = measure_bytes(arena, gpu, &c.bytes_per_second);
  if (status == VC_OK && vc_gpu_caps(gpu)->coop_matrix)
    status = vc_bench_matrices(gpu, MATRIX_SIDE, NULL, &c.matrix_flops_per_second);
  vc_arena_destroy(arena);
  VC_TRY_CTX(status, "measuring what the device can do");
  *out = c;
  return VC_OK;
}
