// The walk over epochs and steps. The host runs one step ahead: while the device computes step s it reads the report of
// s-1.
#include "train/run.h"

#include <math.h>
#include <string.h>

bool vc_run_is_uda(const struct vc_run *run) {
  return run->config->method == VC_METHOD_UDA;
}

bool vc_run_is_iic(const struct vc_run *run) {
  return run->config->method == VC_METHOD_IIC;
}

bool vc_run_uses(const struct vc_run *run, uint32_t stream) {
  return stream == VC_STREAM_LABELLED ? !vc_run_is_iic(run) : run->config->method != VC_METHOD_SUPERVISED;
}

uint32_t vc_run_entry(const struct vc_run *run, const struct vc_train_step *step, uint32_t stream, uint32_t i) {
  if (step->staged) return VC_POOL_STAGED + i;
  return stream == VC_STREAM_UNLABELLED && vc_run_uses(run, VC_STREAM_LABELLED) ? step->batch + i : i;
}

vc_status vc_run_order(const struct vc_run *run, uint32_t stream, vc_arena *arena, vc_order **out) {
  const struct vc_split *s = &run->split;
  const bool labelled = stream == VC_STREAM_LABELLED;
  const struct vc_order_desc desc = {.seed = run->config->seed,
                                     .stream = stream,
                                     .shuffle = run->config->data.shuffle,
                                     .list = labelled ? s->train_labelled : s->train_unlabelled,
                                     .n = labelled ? s->n_labelled : s->n_unlabelled,
                                     .n_other = labelled ? s->n_unlabelled : s->n_labelled,
                                     .batch = run->config->train.batch};
  return vc_order_create(arena, &desc, out);
}

void vc_run_visits(const struct vc_run *run, vc_order *order, uint64_t step, struct vc_visit *out_visits) {
  vc_order_visits(order, (uint32_t)(step / run->steps_per_epoch), (uint32_t)(step % run->steps_per_epoch), out_visits);
}

bool vc_run_progress(struct vc_run *run, const char *phase, uint64_t done, uint64_t total) {
  if (!run->options->progress) return true;
  // The first step compiles kernels, so the rate counts from its end.
  const uint64_t steps = run->session_finished > 1 ? run->session_finished - 1 : 0;
  const double rate = steps ? (double)steps / (run->last_finished - run->first_finished) : 0;
  const struct vc_progress p = {.phase = phase,
                                .done = done,
                                .total = total,
                                .epoch = run->state.epoch + 1,
                                .n_epochs = run->config->train.epochs,
                                .steps_per_second = rate,
                                .seconds_left =
                                    rate > 0 ? (double)(run->n_steps - run->state.step) / rate : (double)NAN,
                                .loss_supervised = run->last_supervised,
                                .loss_unsupervised = run->last_unsupervised,
                                .mean_iou = run->last_iou};
  return run->options->progress(run->options->context, &p);
}

// ---- shapes of steps
// ----------------------------------------------------------------------------------------------------

struct vc_size vc_run_crop_size(const struct vc_run *run, uint32_t sample) {
  const struct vc_sample *s = &run->dataset->samples[sample];
  const uint32_t crop = run->config->data.crop;
  return crop ? (struct vc_size){crop, crop} : (struct vc_size){s->width, s->height};
}

static bool size_equal(struct vc_size a, struct vc_size b) {
  return a.w == b.w && a.h == b.h;
}

static struct vc_train_step *find_step(struct vc_run *run, struct vc_size l, struct vc_size u) {
  for (uint32_t i = 0; i < run->n_train_steps; i++)
    if (size_equal(run->steps[i].labelled, l) && size_equal(run->steps[i].unlabelled, u)) return &run->steps[i];
  return NULL;
}

// The distinct sizes of a list of samples.
static uint32_t distinct_sizes(const struct vc_run *run, const uint32_t *samples, uint32_t n, struct vc_size *out) {
  uint32_t n_out = 0;
  for (uint32_t i = 0; i < n; i++) {
    const struct vc_size s = vc_run_crop_size(run, samples[i]);
    uint32_t k = 0;
    while (k < n_out && !size_equal(out[k], s)) k++;
    if (k == n_out) out[n_out++] = s;
  }
  return n_out;
}

static vc_status bind_all(struct vc_run *run) {
  uint32_t n = 0;
  VC_TRY(VC_NEW(run->arena, 2 * run->n_train_steps + vc_validator_n_execs(run), &run->execs));
  vc_exec **execs = run->execs;
  for (uint32_t i = 0; i < run->n_train_steps; i++) {
    execs[n++] = run->steps[i].exec;
    if (run->statistics) execs[n++] = run->statistics[i].exec;
  }
  vc_validator_execs(run, execs, &n);
  run->n_execs = n;
  uint64_t work_bytes = 0;
  for (uint32_t i = 0; i < n; i++) work_bytes = VC_MAX(work_bytes, vc_exec_work_bytes(execs[i]));
  vc_run_tell_memory(run, work_bytes);
  VC_TRY_CTX(vc_exec_bind(run->work_arena, execs, n),
             "training with crop %u, batch %u, base %u; smaller ones need less memory", run->config->data.crop,
             run->config->train.batch, run->config->model.base);
  return VC_OK;
}

vc_status vc_run_build(struct vc_run *run) {
  const struct vc_split *s = &run->split;
  struct vc_size *l, *u;
  VC_TRY(VC_NEW(run->arena, s->n_labelled + 1, &l));
  VC_TRY(VC_NEW(run->arena, s->n_unlabelled + 1, &u));
  uint32_t n_l = 1, n_u = 1; // 0x0
  if (vc_run_uses(run, VC_STREAM_LABELLED)) n_l = distinct_sizes(run, s->train_labelled, s->n_labelled, l);
  if (vc_run_uses(run, VC_STREAM_UNLABELLED)) n_u = distinct_sizes(run, s->train_unlabelled, s->n_unlabelled, u);
  if (run->config->train.batch > 1 && (n_l > 1 || n_u > 1))
    return VC_FAIL(VC_E_CONFIG,
                   "train.batch: %u whole images of different sizes make no batch; set data.crop, or train.batch 1",
                   run->config->train.batch);
  VC_TRY(VC_NEW(run->arena, (size_t)n_l * n_u, &run->steps));
  for (uint32_t i = 0; i < n_l; i++)
    for (uint32_t k = 0; k < n_u; k++) VC_TRY(vc_run_fit_step(run, l[i], u[k], &run->steps[run->n_train_steps++]));
  if (vc_run_is_iic(run) && run->config->model.norm == VC_NORM_BATCH) VC_TRY(vc_statistics_build(run));
  VC_TRY(vc_validator_create(run));
  return bind_all(run);
}

// ---- steps
// ------------------------------------------------------------------------------------------------------------------

static vc_status log_step(struct vc_run *run, const struct vc_pending_step *p, const struct vc_step_result *result,
                          double seconds) {
  vc_json_writer *w = vc_runlog_begin(run->log, "step");
  vc_json_put_number(w, "step", (double)p->number + 1);
  vc_json_put_number(w, "epoch", p->epoch + 1);
  if (p->step->loss_supervised) vc_json_put_number(w, "loss_supervised", result->supervised);
  if (p->step->loss_unsupervised) vc_json_put_number(w, "loss_unsupervised", result->unsupervised);
  if (vc_run_is_iic(run)) {
    vc_json_put_number(w, "loss_main", result->heads[VC_HEAD_MAIN]);
    vc_json_put_number(w, "loss_aux", result->heads[VC_HEAD_AUX]);
  }
  vc_json_put_number(w, "grad_norm", result->grad_norm);
  if (result->loss_scale > 0) vc_json_put_number(w, "loss_scale", result->loss_scale);
  vc_json_put_number(w, "lr", p->lr);
  vc_json_put_number(w, "seconds", seconds);
  return vc_runlog_end(run->log);
}

// Notes when a step ended; returns how long it took.
static double clock_step(struct vc_run *run, const struct vc_pending_step *p) {
  // The device begins a step when the one before has ended.
  const double now = vc_time_seconds(), seconds = now - VC_MAX(p->start, run->last_finished);
  run->last_finished = now;
  if (run->session_finished++ == 0) run->first_finished = now;
  return seconds;
}

static vc_status read_report(const struct vc_pending_step *pending, const vc_tensor *number, double *out) {
  float value;
  if (!number) return VC_OK;
  VC_TRY(vc_exec_report(pending->step->exec, pending->ticket, number, &value, sizeof value));
  *out = (double)value;
  return VC_OK;
}

vc_status vc_run_finish_step(struct vc_run *run, const struct vc_pending_step *pending, struct vc_step_result *out) {
  const struct vc_train_step *s = pending->step;
  struct vc_step_result r = {0};
  float scaling[4] = {1, 0, 0, 1};
  VC_TRY(read_report(pending, s->loss_supervised, &r.supervised));
  VC_TRY(read_report(pending, s->loss_unsupervised, &r.unsupervised));
  for (uint32_t h = 0; h < VC_N_HEADS; h++) VC_TRY(read_report(pending, s->loss_heads[h], &r.heads[h]));
  VC_TRY(read_report(pending, s->grad_norm, &r.grad_norm));
  if (s->loss_scale) VC_TRY(vc_exec_report(s->exec, pending->ticket, s->loss_scale, scaling, sizeof scaling));
  vc_pool_release(run->pool, pending->number);
  r.grad_norm /= (double)scaling[3];
  if (s->loss_scale) r.loss_scale = (double)scaling[3];
  *out = r;
  return VC_OK;
}

// Waits for a step, adds up its losses, logs it.
static vc_status finish_step(struct vc_run *run, struct vc_pending_step *p) {
  if (!p->step) return VC_OK;
  struct vc_step_result result;
  const struct vc_pending_step done = *p;
  VC_TRY(vc_run_finish_step(run, p, &result));
  p->step = NULL;
  const double seconds = clock_step(run, &done);
  const bool is_left_out = !isfinite(result.grad_norm) && result.loss_scale > 1; // a smaller scale may do
  if (!isfinite(result.supervised) || !isfinite(result.unsupervised) || (!isfinite(result.grad_norm) && !is_left_out))
    return VC_FAIL(VC_E_DIVERGED,
                   "%s: step %llu: loss %g, unsupervised loss %g, gradient norm %g; the last good state is kept: lower "
                   "optimizer.lr (now %g) and train again",
                   run->options->out_dir, (unsigned long long)p->number + 1, result.supervised, result.unsupervised,
                   result.grad_norm, p->lr);
  run->state.sums[0] += result.supervised;
  run->state.sums[1] += result.unsupervised;
  run->state.sums[2] += 1;
  for (uint32_t h = 0; h < VC_N_HEADS; h++) run->state.sums[3 + h] += result.heads[h];
  run->last_supervised = done.step->loss_supervised ? result.supervised : (double)NAN;
  run->last_unsupervised = done.step->loss_unsupervised ? result.unsupervised : (double)NAN;
  return vc_starts_left(run) ? VC_OK : log_step(run, &done, &result, seconds);
}

vc_status vc_run_begin_step(struct vc_run *run, struct vc_pending_step *out) {
  const struct vc_config *config = run->config;
  struct vc_visit labelled[VC_MAX_BATCH], unlabelled[VC_MAX_BATCH];
  VC_TRY(vc_pool_next(run->pool));
  struct vc_size l = {0, 0}, u = {0, 0};
  if (vc_run_uses(run, VC_STREAM_LABELLED)) {
    vc_run_visits(run, run->orders[VC_STREAM_LABELLED], run->state.step, labelled);
    l = vc_run_crop_size(run, labelled[0].sample);
  }
  if (vc_run_uses(run, VC_STREAM_UNLABELLED)) {
    vc_run_visits(run, run->orders[VC_STREAM_UNLABELLED], run->state.step, unlabelled);
    u = vc_run_crop_size(run, unlabelled[0].sample);
  }
  struct vc_train_step *step = find_step(run, l, u);
  VC_ASSERT(step);
  const double lr =
      vc_learning_rate(&config->optimizer.schedule, config->optimizer.lr, run->state.epoch, config->train.epochs);
  VC_TRY(vc_step_feed_common(run, step, lr));
  if (vc_run_uses(run, VC_STREAM_LABELLED)) VC_TRY(vc_supervised_feed(run, step, labelled));
  if (vc_run_uses(run, VC_STREAM_UNLABELLED))
    VC_TRY(vc_run_is_iic(run) ? vc_iic_feed(run, step, unlabelled) : vc_uda_feed(run, step, unlabelled));
  *out = (struct vc_pending_step){
      .step = step, .number = run->state.step, .epoch = run->state.epoch, .lr = lr, .start = vc_time_seconds()};
  VC_TRY(vc_exec_run(step->exec, &out->ticket));
  run->state.step++;
  run->state.step_in_epoch++;
  return VC_OK;
}

vc_status vc_run_interrupted(struct vc_run *run) {
  VC_TRY(vc_keep_last(run));
  return VC_FAIL(VC_E_INTERRUPTED, "%s: interrupted after step %llu; the state is saved: go on with --resume",
                 run->options->out_dir, (unsigned long long)run->state.step);
}

vc_status vc_run_epoch_steps(struct vc_run *run) {
  struct vc_pending_step previous = {0}, current = {0};
  run->heads = (struct vc_heads){0}; // the weights move on
  bool go_on = true;
  while (go_on && run->state.step_in_epoch < run->steps_per_epoch && run->state.step < run->n_steps) {
    VC_TRY(vc_run_begin_step(run, &current));
    VC_TRY(finish_step(run, &previous));
    previous = current;
    go_on = vc_run_progress(run, vc_starts_left(run) ? "choose a start" : "train", run->state.step, run->n_steps);
  }
  VC_TRY(finish_step(run, &previous));
  return go_on ? VC_OK : vc_run_interrupted(run);
}

// Whether this epoch ends with a validation: every validate_every epochs, and at the end of the run.
static bool validates(const struct vc_run *run) {
  const uint32_t every = run->config->train.validate_every;
  return run->split.n_val > 0 && ((run->state.epoch + 1) % every == 0 || run->state.step >= run->n_steps);
}

static vc_status end_epoch(struct vc_run *run) {
  struct vc_validation validation;
  const bool validated = validates(run);
  if (run->statistics && (validated || run->split.n_val == 0)) VC_TRY(vc_statistics_estimate(run));
  if (validated) {
    const vc_status status = vc_validate(run, &validation);
    if (status == VC_E_INTERRUPTED) return vc_run_interrupted(run);
    VC_TRY(status);
    run->last_iou = validation.metrics.mean_iou;
  }
  const double n = VC_MAX(run->state.sums[2], 1.0);
  struct vc_step_result train = {.supervised = run->state.sums[0] / n, .unsupervised = run->state.sums[1] / n};
  for (uint32_t h = 0; h < VC_N_HEADS; h++) train.heads[h] = run->state.sums[3 + h] / n;
  memset(run->state.sums, 0, sizeof run->state.sums);
  run->state.step_in_epoch = 0;
  run->state.epoch++;
  return vc_keep_epoch(run, &train, validated ? &validation : NULL);
}

vc_status vc_run_start_steps(struct vc_run *run) {
  for (uint32_t stream = 0; stream < 2; stream++)
    if (vc_run_uses(run, stream) && !run->orders[stream])
      VC_TRY(vc_run_order(run, stream, run->arena, &run->orders[stream]));
  return vc_pool_start(run->pool, run->state.step);
}

vc_status vc_run_loop(struct vc_run *run) {
  run->session_start = vc_time_seconds();
  if (vc_starts_left(run)) VC_TRY(vc_starts_choose(run));
  VC_TRY(vc_run_start_steps(run));
  while (run->state.epoch < run->config->train.epochs &&
         (run->state.step < run->n_steps || run->state.step_in_epoch > 0)) {
    VC_TRY(vc_run_epoch_steps(run));
    VC_TRY(end_epoch(run));
  }
  return VC_OK;
}
