// Several starts: each trains a few epochs from weights of its own; the run then begins with the weights whose start
// came to the lowest loss. As a start repeats the run's own first epochs, nothing but its number has to be remembered:
// the best one is trained again.
#include "train/run.h"

#include <math.h>
#include <string.h>

uint32_t vc_starts_left(const struct vc_run *run) {
  const uint32_t n = run->config->iic.restarts;
  return vc_run_is_iic(run) && n > 1 && run->state.start < n ? n - run->state.start : 0;
}

// Start 0 has the weights of a run that has no choice.
static uint64_t seed_of(const struct vc_run *run, uint32_t start) {
  if (start == 0) return run->config->seed;
  vc_rng rng = vc_rng_at(run->config->seed, VC_RNG_INIT, start, 0);
  const uint64_t high = vc_rng_u32(&rng);
  return high << 32 | vc_rng_u32(&rng);
}

static vc_status begin(struct vc_run *run, uint32_t start) {
  struct vc_train_state *s = &run->state;
  for (uint32_t i = 0; i < run->n_train_steps; i++) VC_TRY(vc_exec_wait(run->steps[i].exec)); // of one that diverged
  s->step = 0;
  s->epoch = s->step_in_epoch = 0;
  memset(s->sums, 0, sizeof s->sums);
  return vc_run_create_weights(run, seed_of(run, start));
}

// The loss by which starts are compared: on the validation images, or, where there are none, *inout_loss: the training
// loss of the last epoch.
static vc_status score(struct vc_run *run, double *inout_loss) {
  if (run->split.n_val == 0) return VC_OK;
  if (run->statistics) VC_TRY(vc_statistics_estimate(run));
  struct vc_validation v;
  run->state.epoch--; // the last that was trained
  const vc_status status = vc_validate(run, &v);
  run->state.epoch++;
  if (status == VC_E_INTERRUPTED) return vc_run_interrupted(run);
  VC_TRY(status);
  *inout_loss = v.degenerate ? (double)INFINITY : v.unsupervised;
  return VC_OK;
}

static vc_status train_start(struct vc_run *run, double *out_loss) {
  VC_TRY(vc_run_start_steps(run));
  struct vc_train_state *s = &run->state;
  while (s->step < run->n_steps || s->step_in_epoch > 0) {
    VC_TRY(vc_run_epoch_steps(run));
    *out_loss = s->sums[1] / VC_MAX(s->sums[2], 1.0);
    memset(s->sums, 0, sizeof s->sums);
    s->step_in_epoch = 0;
    s->epoch++;
  }
  return score(run, out_loss);
}

static vc_status try_start(struct vc_run *run) {
  struct vc_train_state *s = &run->state;
  double loss = (double)INFINITY;
  const vc_status status = train_start(run, &loss);
  if (status == VC_E_DIVERGED)
    loss = (double)INFINITY;
  else
    VC_TRY(status);
  vc_json_writer *w = vc_runlog_begin(run->log, "start");
  vc_json_put_number(w, "start", s->start + 1);
  vc_json_put_number(w, "loss", loss);
  VC_TRY(vc_runlog_end(run->log));
  if (loss < s->best_start_loss) {
    s->best_start_loss = loss;
    s->best_start = s->start;
  }
  s->start++;
  if (vc_starts_left(run)) {
    VC_TRY(begin(run, s->start));
    return vc_keep_last(run);
  }
  if (!isfinite(s->best_start_loss))
    VC_TRY(vc_runlog_warn(run->log,
                          "every start diverged or gave all pixels one cluster; the first one is taken: lower "
                          "optimizer.lr or raise iic.lambda"));
  vc_log(VC_LOG_INFO, "training begins at start %u of %u", s->best_start + 1, run->config->iic.restarts);
  VC_TRY(begin(run, s->best_start));
  return vc_keep_last(run);
}

vc_status vc_starts_choose(struct vc_run *run) {
  const uint64_t n_steps = run->n_steps;
  run->n_steps = VC_MIN(n_steps, (uint64_t)run->steps_per_epoch * run->config->iic.restart_epochs);
  while (vc_starts_left(run)) VC_TRY(try_start(run));
  run->n_steps = n_steps;
  return VC_OK;
}
