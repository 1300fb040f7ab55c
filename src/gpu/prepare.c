// Kernels made ahead of their first use, by all processors.
//
// llvmpipe makes machine code when a kernel is first dispatched, on the one thread that runs the device's queue, and
// keeps it in a cache on disk. So kernels are dispatched with no workgroup; where that shows that the cache is cold,
// the rest is shared with devices of their own that leave their code in the cache.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu_private.h"

enum { MIN_KERNELS = 8, PER_THREAD = 4, MAX_THREADS = 16, COLD_KERNELS = 2 };
static const double COLD_SECONDS = 0.01; // to fetch a short kernel from the cache takes a tenth of it

struct entry {
  struct vc_kernel_want want;
  vc_kernel *kernel; // NULL: cannot be made
  double seconds;    // that its pipeline took
};
struct prepare {
  vc_gpu *gpu;
  struct entry *entries; // what is not there yet, each once
  size_t n;
  atomic_size_t next; // to be compiled
};

static bool same(const struct vc_kernel_want *a, const struct vc_kernel_want *b) {
  return a->required_subgroup == b->required_subgroup && a->n_spec == b->n_spec && strcmp(a->name, b->name) == 0 &&
         (a->n_spec == 0 || memcmp(a->spec, b->spec, a->n_spec * sizeof *a->spec) == 0);
}

static vc_status choose(vc_arena *arena, struct prepare *p, const struct vc_kernel_want *wants, size_t n) {
  VC_TRY(VC_NEW(arena, n, &p->entries));
  for (size_t i = 0; i < n; i++) {
    bool known = gpu_kernel_find(p->gpu, &wants[i]) != NULL;
    for (size_t k = 0; k < p->n && !known; k++) known = same(&p->entries[k].want, &wants[i]);
    if (known) continue;
    VC_TRY(VC_NEW(p->gpu->arena, 1, &p->entries[p->n].kernel));
    p->entries[p->n++].want = wants[i];
  }
  return VC_OK;
}

static vc_status make_pipeline(void *context, size_t i) {
  struct prepare *p = context;
  struct entry *e = &p->entries[i];
  const double start = vc_time_seconds();
  if (gpu_kernel_make(p->gpu, &e->want, e->kernel) != VC_OK) e->kernel = NULL;
  e->seconds = vc_time_seconds() - start;
  return VC_OK;
}

// ---- machine code -----------------------------------------------------------------------------------------------

static vc_status dispatch_nothing(vc_arena *arena, vc_gpu *gpu, vc_kernel *kernel) {
  const uint8_t push[VC_MAX_PUSH_BYTES] = {0};
  const uint32_t no_groups[3] = {0, 1, 1};
  struct vc_binding bindings[VC_MAX_BINDINGS];
  vc_buffer *buffer;
  vc_cmd *cmd;
  uint64_t ticket;
  VC_TRY(vc_buffer_create(arena, gpu, 256, VC_MEM_DEVICE, "nothing", &buffer));
  for (size_t i = 0; i < VC_MAX_BINDINGS; i++) bindings[i] = (struct vc_binding){buffer, 0, 256};
  VC_TRY(vc_cmd_create(arena, gpu, &cmd));
  VC_TRY(vc_cmd_dispatch(cmd, kernel, bindings, kernel->info.n_bindings, push, kernel->info.push_bytes, no_groups));
  VC_TRY(vc_cmd_finish(cmd));
  VC_TRY(vc_gpu_submit(gpu, &cmd, 1, &ticket));
  return vc_gpu_wait(gpu, ticket);
}

static void compile(vc_gpu *gpu, vc_kernel *kernel) {
  vc_arena *arena;
  if (!kernel || vc_arena_create(&arena) != VC_OK) return;
  (void)dispatch_nothing(arena, gpu, kernel);
  vc_arena_destroy(arena);
}

static vc_status compile_on_own_device(struct prepare *p, vc_arena *arena) {
  char uuid[33];
  vc_gpu *gpu;
  for (int i = 0; i < 16; i++) snprintf(uuid + 2 * i, 3, "%02x", p->gpu->info.uuid[i]);
  VC_TRY(vc_gpu_open(arena, uuid, &gpu));
  for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < p->n;) {
    const struct vc_kernel_want *w = &p->entries[i].want;
    vc_kernel *kernel = NULL;
    if (p->entries[i].kernel) VC_TRY(vc_kernel_get(gpu, w->name, w->spec, w->n_spec, w->required_subgroup, &kernel));
    compile(gpu, kernel);
  }
  return VC_OK;
}

static vc_status compile_share(void *context, size_t thread) {
  struct prepare *p = context;
  vc_arena *arena;
  if (thread == 0) {
    for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < p->n;) compile(p->gpu, p->entries[i].kernel);
  } else if (vc_arena_create(&arena) == VC_OK) {
    (void)compile_on_own_device(p, arena);
    vc_arena_destroy(arena);
  }
  return VC_OK;
}

// Those whose pipelines take long take long to compile.
static int compare_entries(const void *a, const void *b) {
  const struct entry *x = a, *y = b;
  return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

// The shortest ones alone until it shows that the cache is cold; then the longest first, so that none ends alone.
static void compile_all(struct prepare *p) {
  int n_cold = 0;
  qsort(p->entries, p->n, sizeof *p->entries, compare_entries);
  while (p->n > 0 && n_cold < COLD_KERNELS) {
    const double start = vc_time_seconds();
    compile(p->gpu, p->entries[--p->n].kernel);
    n_cold += vc_time_seconds() - start > COLD_SECONDS;
  }
  const size_t n_threads = VC_MIN(VC_MIN((size_t)vc_cpu_count(), p->n / PER_THREAD + 1), MAX_THREADS);
  (void)vc_parallel_for((int)n_threads, n_threads, compile_share, p);
}

// ---- all --------------------------------------------------------------------------------------------------------

static vc_status prepare(vc_arena *arena, struct prepare *p, const struct vc_kernel_want *wants, size_t n) {
  const struct vc_kernel_info *info;
  VC_TRY(choose(arena, p, wants, n));
  if (p->n < MIN_KERNELS) return VC_OK;
  VC_TRY(vc_shader_info(p->entries[0].want.name, &info)); // all are reflected here, once
  VC_TRY(vc_parallel_for(VC_MIN(vc_cpu_count(), MAX_THREADS), p->n, make_pipeline, p));
  for (size_t i = 0; i < p->n; i++) {
    if (p->entries[i].kernel) gpu_kernel_keep(p->gpu, p->entries[i].kernel);
  }
  if (p->gpu->is_llvmpipe) compile_all(p);
  return VC_OK;
}

void vc_gpu_prepare(vc_gpu *gpu, const struct vc_kernel_want *wants, size_t n) {
  struct prepare p = {.gpu = gpu};
  vc_arena *arena;
  if (vc_arena_create(&arena) != VC_OK) return;
  if (prepare(arena, &p, wants, n) != VC_OK) vc_log(VC_LOG_DEBUG, "kernels: %s", vc_error_message());
  vc_arena_destroy(arena);
}
