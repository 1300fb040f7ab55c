// Measuring a step: first as it is, then with a timestamp at every dispatch.
#include "vulcyte/bench.h"

#include <math.h>
#include <stdlib.h>

#include "train/kernels.h"
#include "train/predict.h"
#include "train/synthetic.h"
#include "vulcyte/gpu.h"

enum { MIN_STEPS = 3, MAX_STEPS = 50, N_WARM = 2 };
static const double AUTO_SECONDS = 3;

// One thing that is done again and again. begin submits it, finish waits for it; ahead: the next one is begun before
// the last is waited for, as training does.
struct work {
  vc_exec *exec;
  bool ahead;
  vc_status (*begin)(struct work *w);
  vc_status (*finish)(struct work *w);
  struct vc_run *run;
  struct vc_pending_step pending[2]; // the older first
  uint32_t n_pending;
};

struct job {
  struct vc_gpu *gpu;
  const struct vc_config *config;
  enum vc_bench_work kind;
  vc_choices *choices;
  vc_progress_fn progress;
  void *context;
  uint64_t n_done, n_all;
};

// ---- the two kinds of work ----------------------------------------------------------------------------------------

static vc_status begin_training_step(struct work *w) {
  return vc_run_begin_step(w->run, &w->pending[w->n_pending++]);
}

static vc_status finish_training_step(struct work *w) {
  struct vc_step_result result;
  VC_TRY(vc_run_finish_step(w->run, &w->pending[0], &result));
  w->pending[0] = w->pending[1];
  w->n_pending--;
  return VC_OK;
}

static vc_status create_training(vc_arena *arena, const struct job *job, bool timestamps, struct work *out) {
  *out = (struct work){.ahead = true, .begin = begin_training_step, .finish = finish_training_step};
  VC_TRY(vc_run_create_synthetic(arena, job->gpu, job->config, timestamps, job->choices, &out->run));
  VC_ASSERT(out->run->n_train_steps == 1);
  out->exec = out->run->steps[0].exec;
  return vc_run_start_steps(out->run);
}

static vc_status begin_forward(struct work *w) {
  return vc_exec_run(w->exec, NULL);
}

static vc_status finish_forward(struct work *w) {
  return vc_exec_wait(w->exec);
}

static uint32_t side_of(const struct vc_config *config) {
  return config->data.crop ? config->data.crop : VC_SYNTHETIC_SIDE;
}

// The network forward on one image that is on the device already.
static vc_status create_forward(vc_arena *arena, const struct job *job, bool timestamps, struct work *out) {
  *out = (struct work){.begin = begin_forward, .finish = finish_forward};
  struct vc_unet_desc desc;
  vc_model *model;
  float *block;
  vc_slot *params;
  vc_config_unet(job->config, &desc);
  VC_TRY(vc_unet_model(arena, &desc, &model));
  VC_TRY(VC_NEW(arena, model->block_elements, &block));
  vc_model_init(model, job->config->seed, block);
  VC_TRY(vc_slot_create(arena, job->gpu, model->block_elements * sizeof(float), VC_SLOT_DEVICE, "params", &params));
  VC_TRY(vc_slot_write(params, 0, block, model->block_elements * sizeof(float)));
  struct vc_forward f = {.arena = arena, .w = side_of(job->config), .h = side_of(job->config)};
  const struct vc_exec_options options = {
      .variants = job->config->variants, .choices = job->choices, .timestamps = timestamps};
  VC_TRY(vc_forward_build(job->gpu, model, job->config->data.channels, params, &options, &f));
  VC_TRY(vc_exec_bind(arena, &f.exec, 1));
  const struct vc_window window = {
      .width = f.w, .height = f.h, .format = VC_PIXEL_U8, .channels = job->config->data.channels};
  const float range[8] = {0, 1, 0, 1, 0, 1, 0, 1};
  VC_TRY(vc_exec_feed(f.exec, f.window, &window, sizeof window));
  VC_TRY(vc_exec_feed(f.exec, f.range, range, 2 * job->config->data.channels * sizeof *range));
  out->exec = f.exec;
  return VC_OK;
}

static vc_status create_work(vc_arena *arena, const struct job *job, bool timestamps, struct work *out) {
  return job->kind == VC_BENCH_TRAIN ? create_training(arena, job, timestamps, out)
                                     : create_forward(arena, job, timestamps, out);
}

// ---- medians ------------------------------------------------------------------------------------------------------

static int compare_numbers(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Sorts values.
static double median(double *values, uint32_t n) {
  qsort(values, n, sizeof *values, compare_numbers);
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static bool step_done(struct job *job) {
  if (!job->progress) return true;
  const struct vc_progress p = {.phase = "bench",
                                .done = ++job->n_done,
                                .total = VC_MAX(job->n_all, job->n_done),
                                .loss_supervised = NAN,
                                .loss_unsupervised = NAN,
                                .mean_iou = NAN};
  return job->progress(job->context, &p);
}

// ---- without timestamps -------------------------------------------------------------------------------------------

// out_seconds[n]: from the end of the step before to its own end.
static vc_status run_steps(struct job *job, struct work *w, uint32_t n, double *out_seconds) {
  double last = vc_time_seconds();
  VC_TRY(w->begin(w));
  for (uint32_t i = 0; i < n; i++) {
    if (w->ahead && i + 1 < n) VC_TRY(w->begin(w));
    VC_TRY(w->finish(w));
    const double now = vc_time_seconds();
    out_seconds[i] = now - last;
    last = now;
    if (!w->ahead && i + 1 < n) VC_TRY(w->begin(w));
    if (!step_done(job)) return VC_FAIL(VC_E_INTERRUPTED, "bench: interrupted");
  }
  return VC_OK;
}

static vc_status measure_plain(vc_arena *arena, struct job *job, uint32_t n_steps, struct vc_bench_result *out) {
  struct work w;
  double warm[N_WARM], *seconds;
  VC_TRY(create_work(arena, job, false, &w));
  out->work_bytes = vc_exec_work_bytes(w.exec);
  for (uint32_t i = 0; i < N_WARM; i++) VC_TRY(run_steps(job, &w, 1, &warm[i]));
  out->first_seconds = warm[0];
  const double fit = AUTO_SECONDS / VC_MAX(warm[N_WARM - 1], 1e-6);
  out->n_steps = n_steps ? n_steps : (uint32_t)VC_MIN(VC_MAX(fit, (double)MIN_STEPS), (double)MAX_STEPS);
  job->n_all = 2 * (N_WARM + (uint64_t)out->n_steps);
  VC_TRY(VC_NEW(arena, out->n_steps, &seconds));
  VC_TRY(run_steps(job, &w, out->n_steps, seconds));
  out->seconds = median(seconds, out->n_steps);
  out->best_seconds = seconds[0];
  return VC_OK;
}

// ---- with timestamps ----------------------------------------------------------------------------------------------

// samples[dispatch * n + step]. Steps run one by one: the timestamps of a list are those of its latest run.
static vc_status sample_dispatches(struct job *job, struct work *w, uint32_t n, double *out_seconds, double *samples) {
  const struct vc_timing *timings;
  size_t n_dispatches;
  for (uint32_t i = 0; i < n; i++) {
    VC_TRY(run_steps(job, w, 1, &out_seconds[i]));
    VC_TRY(vc_exec_timing(w->exec, &timings, &n_dispatches));
    for (size_t d = 0; d < n_dispatches; d++) samples[d * n + i] = timings[d].seconds;
  }
  return VC_OK;
}

static vc_status keep_medians(vc_arena *arena, struct work *w, double *samples, struct vc_bench_result *out) {
  const struct vc_timing *timings;
  VC_TRY(vc_exec_timing(w->exec, &timings, &out->n_dispatches));
  VC_TRY(VC_NEW(arena, out->n_dispatches, &out->dispatches));
  for (size_t d = 0; d < out->n_dispatches; d++) {
    char *path; // the other texts are part of the program
    out->dispatches[d] = timings[d];
    out->dispatches[d].seconds = median(samples + d * out->n_steps, out->n_steps);
    VC_TRY(vc_arena_strdup(arena, timings[d].path, &path));
    out->dispatches[d].path = path;
  }
  return VC_OK;
}

static vc_status measure_timed(vc_arena *arena, vc_arena *scratch, struct job *job, struct vc_bench_result *out) {
  struct work w;
  const struct vc_timing *timings;
  size_t n_dispatches;
  double warm[N_WARM], *seconds, *samples;
  VC_TRY(create_work(scratch, job, true, &w));
  VC_TRY(vc_exec_timing(w.exec, &timings, &n_dispatches));
  VC_TRY(VC_NEW(scratch, out->n_steps, &seconds));
  VC_TRY(VC_NEW(scratch, n_dispatches * out->n_steps, &samples));
  VC_TRY(run_steps(job, &w, N_WARM, warm));
  VC_TRY(sample_dispatches(job, &w, out->n_steps, seconds, samples));
  out->timed_seconds = median(seconds, out->n_steps);
  return keep_medians(arena, &w, samples, out);
}

// ---- all ----------------------------------------------------------------------------------------------------------

static void describe(const struct job *job, struct vc_bench_result *out) {
  const struct vc_config *c = job->config;
  const bool trains = job->kind == VC_BENCH_TRAIN;
  *out = (struct vc_bench_result){
      .name = !trains                      ? "predict"
              : c->method == VC_METHOD_IIC ? "iic"
              : c->method == VC_METHOD_UDA ? "uda"
                                           : "supervised",
      .base = c->model.base,
      .depth = c->model.depth,
      .channels = c->data.channels,
      .classes = c->data.n_classes,
      .width = side_of(c),
      .height = side_of(c),
      .batch = trains ? c->train.batch : 1,
  };
}

// Each half in an arena of its own, so that their device memory does not add up.
static vc_status measure(vc_arena *arena, struct job *job, uint32_t n_steps, struct vc_bench_result *out) {
  vc_arena *half;
  VC_TRY(vc_kernels_open(arena, job->gpu, VC_TUNE_FIRST_USE, &job->choices));
  VC_TRY(vc_arena_create(&half));
  vc_status status = measure_plain(half, job, n_steps, out);
  vc_arena_destroy(half);
  VC_TRY(status);
  VC_TRY(vc_arena_create(&half));
  status = measure_timed(arena, half, job, out);
  vc_arena_destroy(half);
  if (status != VC_E_UNSUPPORTED) return status;
  vc_log(VC_LOG_WARNING, "%s; kernels are not timed", vc_error_message());
  return VC_OK;
}

vc_status vc_bench(vc_arena *arena, struct vc_gpu *gpu, const struct vc_config *config, enum vc_bench_work work,
                   uint32_t n_steps, vc_progress_fn progress, void *context, struct vc_bench_result *out) {
  struct job job = {.gpu = gpu, .config = config, .kind = work, .progress = progress, .context = context};
  struct vc_bench_result result;
  describe(&job, &result);
  VC_TRY_CTX(measure(arena, &job, n_steps, &result), "bench %s", result.name);
  *out = result;
  return VC_OK;
}

vc_status vc_bench_tune(struct vc_gpu *gpu, const struct vc_config *config, enum vc_bench_work work,
                        struct vc_choices *choices) {
  const struct job job = {.gpu = gpu, .config = config, .kind = work, .choices = choices};
  struct work made;
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = create_work(arena, &job, false, &made);
  vc_arena_destroy(arena);
  return status;
}
