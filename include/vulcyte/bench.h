// vulcyte/bench.h: what a step costs, kernel by kernel, beside what the device can do at best.
//
// Everything runs on images made in memory: no file is read. Times are medians over steps.
#ifndef VULCYTE_BENCH_H
#define VULCYTE_BENCH_H

#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

// What the device reaches where nothing but arithmetic, or nothing but memory, is in the way; the best of several
// tries. 0 where it could not be measured.
struct vc_bench_ceilings {
  double flops_per_second;        // fp32 multiply-adds, each counted as two, in registers
  double bytes_per_second;        // a copy larger than caches, bytes read plus bytes written
  double matrix_flops_per_second; // a large product of matrices of 16-bit floats on matrix units; 0: there are none
};
vc_status vc_bench_ceilings(struct vc_gpu *gpu, struct vc_bench_ceilings *out);
// Operations a second of the product of two side x side matrices of 16-bit floats with 32-bit sums, by the kernel that
// `variants` or the device chooses for convolutions of side 1; side a square, and a multiple of 8. 0 where the device
// has no timestamps or no 16-bit storage.
vc_status vc_bench_matrices(struct vc_gpu *gpu, uint32_t side, const char *variants, double *out);

// What is measured for a configuration: a training step of its method as vc_train runs it, or its network forward on
// one image. data.crop is the images' side; where it is null they have 512 pixels a side.
enum vc_bench_work { VC_BENCH_TRAIN, VC_BENCH_PREDICT };
struct vc_bench_result {
  const char *name; // "supervised", "uda", "iic", "predict"
  uint32_t base, depth, channels, classes, width, height, batch;
  uint64_t work_bytes;          // planned device memory besides parameters, optimiser and images
  double first_seconds;         // of the first step: drivers compile kernels then
  uint32_t n_steps;             // measured, of each kind below
  double seconds, best_seconds; // of a step without timestamps
  double timed_seconds;         // of a step with timestamps, which cost
  struct vc_timing *dispatches; // medians with timestamps; none where the device has no timestamps
  size_t n_dispatches;
};
// n_steps 0: as many as about three seconds hold, 3 to 50. config is borrowed during the call; out's texts and lists
// are owned by the arena. progress may be NULL; false stops: VC_E_INTERRUPTED.
vc_status vc_bench(vc_arena *arena, struct vc_gpu *gpu, const struct vc_config *config, enum vc_bench_work work,
                   uint32_t n_steps, vc_progress_fn progress, void *context, struct vc_bench_result *out);

// Measures the choices among kernels that vc_bench of the same work would leave open.
vc_status vc_bench_tune(struct vc_gpu *gpu, const struct vc_config *config, enum vc_bench_work work,
                        struct vc_choices *choices);

// Dispatches that belong together, summed.
enum vc_bench_key { VC_BENCH_BY_KERNEL, VC_BENCH_BY_LAYER };
struct vc_bench_group {
  const char *path;                  // by layer: forward and gradients together
  const char *op, *kernel, *variant; // by kernel; variant NULL where there is no choice
  uint32_t n_calls;
  double seconds, share; // share of all dispatches' time
  double flops, bytes;
  double floor_seconds; // max(flops / ceiling, bytes / ceiling) of each dispatch, summed
};
// By kernel: the longest first. By layer: in the order of the step.
vc_status vc_bench_groups(vc_arena *arena, const struct vc_bench_result *result,
                          const struct vc_bench_ceilings *ceilings, enum vc_bench_key key, struct vc_bench_group **out,
                          size_t *out_n);

// All dispatches together.
struct vc_bench_group vc_bench_total(const struct vc_bench_result *result, const struct vc_bench_ceilings *ceilings);

// A result with its groups as one JSON object under key.
vc_status vc_bench_put_json(vc_json_writer *w, const char *key, const struct vc_bench_result *result,
                            const struct vc_bench_ceilings *ceilings);
// A trace for chrome://tracing or Perfetto: each result a process, its dispatches end to end.
vc_status vc_bench_trace(vc_arena *arena, const struct vc_bench_result *results, uint32_t n_results,
                         const char **out_text, size_t *out_bytes);

#ifdef __cplusplus
}
#endif
#endif
