// Statistics of batch norm for evaluation. The running ones of training lag behind weights that move fast, and dropout
// changed what they saw; here they are measured on the network as it stands, over batches that stay the same over the
// run.
#include "train/run.h"

#include <string.h>

enum { MAX_BATCHES = 16 };

// f on a batch as training runs it, but without dropout; what counts is that it moves the running statistics.
static vc_status build(struct vc_run *run, const struct vc_train_step *train, struct vc_train_step *step) {
  *step = (struct vc_train_step){.unlabelled = train->unlabelled, .batch = train->batch, .staged = true};
  VC_TRY(vc_step_begin(run, step, false));
  vc_graph *g = step->graph;
  const struct vc_shape shape = {step->batch, run->config->data.channels, step->unlabelled.h, step->unlabelled.w};
  step->u.windows = vc_feed(g, "windows", VC_U32, 8 * step->batch);
  vc_tensor *images = vc_step_words(g, "images", vc_pool_images(run->pool));
  vc_tensor *x = vc_crop_images(g, images, step->u.windows, step->range, shape);
  vc_unet(g, run->model, step->params, x, &(struct vc_unet_training){0});
  return vc_exec_create(run->arena, run->gpu, g,
                        &(struct vc_exec_options){.variants = run->config->variants, .choices = run->choices},
                        &step->exec);
}

vc_status vc_statistics_build(struct vc_run *run) {
  VC_TRY(VC_NEW(run->arena, run->n_train_steps, &run->statistics));
  for (uint32_t i = 0; i < run->n_train_steps; i++) VC_TRY(build(run, &run->steps[i], &run->statistics[i]));
  return VC_OK;
}

// Sums over batches of the statistics that an exponential average starting at 0 gives after one batch.
struct sums {
  float *state;            // the block's part behind the trained parameters
  double *first, *squares; // of the values in it; squares where they are means
};

static struct vc_train_step *step_of(struct vc_run *run, uint32_t sample) {
  const struct vc_size size = vc_run_crop_size(run, sample);
  for (uint32_t i = 0; i < run->n_train_steps; i++)
    if (run->statistics[i].unlabelled.w == size.w && run->statistics[i].unlabelled.h == size.h)
      return &run->statistics[i];
  return NULL;
}

static vc_status run_batch(struct vc_run *run, const uint32_t *samples, struct sums *s) {
  const uint64_t offset = run->model->trained_elements * sizeof(float);
  const uint64_t n = run->model->block_elements - run->model->trained_elements;
  struct vc_train_step *step = step_of(run, samples[0]);
  struct vc_window windows[VC_MAX_BATCH];
  VC_ASSERT(step);
  for (uint32_t i = 0; i < step->batch; i++) {
    const struct vc_visit visit = {.sample = samples[i], .walk = VC_WALK_FIXED};
    VC_TRY(vc_pool_stage(run->pool, samples[i], i));
    vc_run_window(run, VC_STREAM_UNLABELLED, visit, VC_POOL_STAGED + i, step->unlabelled, &windows[i], NULL);
  }
  VC_TRY(vc_exec_feed(step->exec, step->u.windows, windows, step->batch * sizeof *windows));
  VC_TRY(vc_exec_feed(step->exec, step->range, run->range, 2 * run->config->data.channels * sizeof(float)));
  memset(s->state, 0, n * sizeof(float));
  VC_TRY(vc_slot_write(run->params, offset, s->state, n * sizeof(float)));
  VC_TRY(vc_exec_run(step->exec, NULL));
  VC_TRY(vc_exec_wait(step->exec));
  VC_TRY(vc_slot_read(run->params, offset, s->state, n * sizeof(float)));
  const double weight = 10; // one batch moved them by a tenth
  for (uint64_t i = 0; i < n; i++) {
    const double value = weight * (double)s->state[i];
    s->first[i] += value;
    s->squares[i] += value * value;
  }
  return VC_OK;
}

// The means over the batches; to the variances within batches that of the batches' means is added. Counts of batches
// stay what they were.
static void finish(const vc_model *model, const struct sums *s, const float *before, uint32_t n_batches) {
  memcpy(s->state, before, (model->block_elements - model->trained_elements) * sizeof(float));
  for (uint32_t p = 0; p + 1 < model->n_params; p++) {
    if (!model->params[p].is_state || model->params[p].is_integer || model->params[p].initial != 0) continue;
    // Mean and variance of a norm stand side by side in the table.
    const uint64_t mean = model->params[p].offset - model->trained_elements;
    const uint64_t variance = model->params[p + 1].offset - model->trained_elements;
    for (uint64_t c = 0; c < vc_shape_count(model->params[p].shape); c++) {
      const double m = s->first[mean + c] / n_batches;
      const double between = s->squares[mean + c] / n_batches - m * m;
      s->state[mean + c] = (float)m;
      s->state[variance + c] = (float)(s->first[variance + c] / n_batches + VC_MAX(between, 0.0));
    }
  }
}

static vc_status estimate(struct vc_run *run, vc_arena *scratch) {
  const uint64_t offset = run->model->trained_elements * sizeof(float);
  const uint64_t n = run->model->block_elements - run->model->trained_elements;
  const uint32_t batch = run->config->train.batch, n_samples = run->split.n_unlabelled;
  const uint32_t n_batches = VC_MIN((uint32_t)vc_div_up(n_samples, batch), (uint32_t)MAX_BATCHES);
  struct sums s;
  float *before;
  VC_TRY(VC_NEW(scratch, n, &s.state));
  VC_TRY(VC_NEW(scratch, n, &s.first));
  VC_TRY(VC_NEW(scratch, n, &s.squares));
  VC_TRY(VC_NEW(scratch, n, &before));
  VC_TRY(vc_slot_read(run->params, offset, before, n * sizeof(float)));
  for (uint32_t b = 0; b < n_batches; b++) {
    uint32_t samples[VC_MAX_BATCH];
    // Spread over the whole list.
    for (uint32_t i = 0; i < batch; i++)
      samples[i] = run->split.train_unlabelled[(uint64_t)(b * batch + i) * n_samples / ((uint64_t)n_batches * batch)];
    VC_TRY(run_batch(run, samples, &s));
  }
  finish(run->model, &s, before, n_batches);
  return vc_slot_write(run->params, offset, s.state, n * sizeof(float));
}

vc_status vc_statistics_estimate(struct vc_run *run) {
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  const vc_status status = estimate(run, scratch);
  vc_arena_destroy(scratch);
  return status;
}
