// What everything rests on: transfers, copies, plain arithmetic. Kernels that no op uses.
#include "doctor/prove.h"

#include <math.h>
#include <string.h>

#include "shaders/shared/copy_words.h"
#include "shaders/shared/peak.h"
#include "vulcyte/gpu.h"

enum { N_WORDS = 100003, N_THREADS = 200, N_ROUNDS = 2 }; // no multiples of a workgroup

static vc_status run_kernel(vc_arena *arena, vc_gpu *gpu, const char *name, const struct vc_binding *bindings,
                            uint32_t n_bindings, const void *push, uint32_t push_bytes, uint64_t n_threads) {
  vc_kernel *kernel;
  vc_cmd *cmd;
  uint64_t ticket;
  const uint32_t groups[3] = {(uint32_t)vc_div_up(n_threads, 64), 1, 1};
  VC_TRY(vc_kernel_get(gpu, name, NULL, 0, 0, &kernel));
  VC_TRY(vc_cmd_create(arena, gpu, &cmd));
  VC_TRY(vc_cmd_dispatch(cmd, kernel, bindings, n_bindings, push, push_bytes, groups));
  VC_TRY(vc_cmd_finish(cmd));
  VC_TRY(vc_gpu_submit(gpu, &cmd, 1, &ticket));
  return vc_gpu_wait(gpu, ticket);
}

// Every word arrives, and no word beyond them.
static vc_status copy(vc_arena *arena, vc_gpu *gpu, const char *kernel, const char **out_failure) {
  const uint64_t n_bytes = N_WORDS * 4, all_bytes = vc_round_up(n_bytes, 16) + 16;
  uint32_t *sent, *got;
  vc_buffer *src, *dst;
  VC_TRY(VC_NEW(arena, all_bytes / 4, &sent));
  VC_TRY(VC_NEW(arena, all_bytes / 4, &got));
  vc_rng rng = vc_rng_at(1, VC_RNG_TEST, 0, 0);
  for (uint64_t i = 0; i < all_bytes / 4; i++) sent[i] = vc_rng_u32(&rng) | 1;
  VC_TRY(vc_buffer_create(arena, gpu, all_bytes, VC_MEM_DEVICE, "source", &src));
  VC_TRY(vc_buffer_create(arena, gpu, all_bytes, VC_MEM_DEVICE, "target", &dst));
  VC_TRY(vc_gpu_upload(gpu, src, 0, sent, all_bytes));
  VC_TRY(vc_gpu_clear(gpu, dst, 0, all_bytes));
  const struct vc_binding bindings[2] = {{src, 0, all_bytes}, {dst, 0, all_bytes}};
  const vc_copy_words_push push = {N_WORDS};
  VC_TRY(run_kernel(arena, gpu, kernel, bindings, 2, &push, sizeof push, vc_div_up(N_WORDS, VC_COPY_WORDS_EACH)));
  VC_TRY(vc_gpu_download(gpu, dst, 0, got, all_bytes));
  if (memcmp(sent, got, n_bytes) != 0) *out_failure = "words arrive changed";
  for (uint64_t i = N_WORDS; i < all_bytes / 4; i++)
    if (got[i] != 0) *out_failure = "words beyond the end are written";
  return VC_OK;
}

static vc_status multiply_add(vc_arena *arena, vc_gpu *gpu, double *out_error) {
  const vc_peak_push push = {N_THREADS, N_ROUNDS, 0.99f, 0.25f};
  float got[N_THREADS];
  double want[N_THREADS];
  vc_buffer *sums;
  VC_TRY(vc_buffer_create(arena, gpu, sizeof got, VC_MEM_DEVICE, "sums", &sums));
  const struct vc_binding binding = {sums, 0, sizeof got};
  VC_TRY(run_kernel(arena, gpu, "peak_fma", &binding, 1, &push, sizeof push, N_THREADS));
  VC_TRY(vc_gpu_download(gpu, sums, 0, got, sizeof got));
  for (int t = 0; t < N_THREADS; t++) {
    want[t] = 0;
    for (int chain = 0; chain < PEAK_CHAINS; chain++) {
      double a = t + chain;
      for (int i = 0; i < PEAK_ROUND / PEAK_CHAINS * N_ROUNDS; i++) a = a * (double)push.factor + (double)push.term;
      want[t] += a;
    }
  }
  *out_error = doctor_error(got, want, N_THREADS);
  return VC_OK;
}

static vc_status prove_one(struct doctor *d, const char *op, const char *kernel) {
  vc_arena *arena;
  double error = 0;
  const char *failure = NULL;
  const bool copies = strcmp(kernel, "peak_fma") != 0;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = copies ? copy(arena, d->gpu, kernel, &failure) : multiply_add(arena, d->gpu, &error);
  vc_arena_destroy(arena);
  if (status == VC_E_DEVICE_LOST) return VC_FAIL_CONTEXT(status, "%s", kernel);
  if (status != VC_OK) failure = vc_error_message();
  if (error > REF_TOLERANCE) failure = "sums are off";
  struct vc_doctor_check *check = doctor_check(d, op, NULL, NULL, false);
  doctor_note_kernel(check, kernel);
  return doctor_note_case(d, check, failure ? (double)INFINITY : error, REF_TOLERANCE, failure);
}

vc_status doctor_prove_buffers(struct doctor *d) {
  VC_TRY(prove_one(d, "copy", "copy_words"));
  if (vc_gpu_caps(d->gpu)->buffer_address) VC_TRY(prove_one(d, "copy by address", "copy_words_addr"));
  VC_TRY(prove_one(d, "multiply-add", "peak_fma"));
  return doctor_progress(d);
}
