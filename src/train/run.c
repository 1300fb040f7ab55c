// A training run from its configuration to its evaluation.
#include "train/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/baseline.h"
#include "train/evaluate.h"
#include "train/gallery.h"
#include "train/heads.h"
#include "train/predict.h"
#include "vulcyte/gpu.h"

static int n_workers(const struct vc_config *c) {
  return c->data.workers < 0 ? vc_cpu_count() : c->data.workers;
}

// ---- data
// ---------------------------------------------------------------------------------------------------------------

static vc_status check_split(const struct vc_run *run) {
  const struct vc_split *s = &run->split;
  const char *name = run->config->name;
  if (vc_run_is_iic(run) && s->n_unlabelled == 0)
    return VC_FAIL(VC_E_INPUT, "%s: no training image is left; raise the first share of data.split", name);
  if (!vc_run_is_iic(run) && s->n_labelled == 0)
    return VC_FAIL(VC_E_INPUT,
                   "%s: no labelled training image is left; raise data.labelled or the first share of data.split",
                   name);
  if (vc_run_is_uda(run) && s->n_unlabelled == 0)
    return VC_FAIL(
        VC_E_INPUT,
        "%s: method \"uda\" needs training images without labels, but all %u are labelled; lower data.labelled, "
        "give data.unlabelled, or choose method \"supervised\"",
        name, s->n_labelled);
  return VC_OK;
}

// Takes the samples whose masks cannot be used out of a list.
static vc_status drop_bad_masks(const vc_dataset *d, uint32_t *samples, uint32_t *inout_n) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < *inout_n; i++) {
    vc_arena *scratch;
    uint8_t *classes;
    VC_TRY(vc_arena_create(&scratch));
    const vc_status status = vc_dataset_classes(d, samples[i], scratch, &classes);
    vc_arena_destroy(scratch);
    if (status != VC_OK && !vc_is_bad_input(status)) return status;
    if (status == VC_OK)
      samples[n++] = samples[i];
    else
      vc_log(VC_LOG_WARNING, "left out: %s", vc_error_message());
  }
  *inout_n = n;
  return VC_OK;
}

static int compare_samples(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

// Method iic learns from all training images alike, without their masks.
static vc_status forget_labels(struct vc_run *run) {
  struct vc_split *s = &run->split;
  const uint32_t n = s->n_labelled + s->n_unlabelled;
  uint32_t *all;
  VC_TRY(VC_NEW(run->arena, n, &all));
  memcpy(all, s->train_labelled, s->n_labelled * sizeof *all);
  memcpy(all + s->n_labelled, s->train_unlabelled, s->n_unlabelled * sizeof *all);
  qsort(all, n, sizeof *all, compare_samples);
  s->train_unlabelled = all;
  s->n_unlabelled = n;
  s->n_labelled = 0;
  return VC_OK;
}

static vc_status open_data(struct vc_run *run) {
  const struct vc_config *c = run->config;
  const struct vc_dataset_desc desc = {.images = c->data.images,
                                       .masks = c->data.masks,
                                       .unlabelled = c->data.unlabelled,
                                       .mask_pattern = c->data.mask_pattern,
                                       .classes = c->data.classes,
                                       .n_classes = c->data.n_classes,
                                       .channels = c->data.channels,
                                       .mask_channel = c->data.mask_channel,
                                       .skip_bad = run->options->skip_bad};
  VC_TRY(vc_dataset_open(run->arena, &desc, n_workers(c), &run->dataset));
  const struct vc_split_desc split = {.seed = c->seed,
                                      .train = c->data.split[0],
                                      .val = c->data.split[1],
                                      .test = c->data.split[2],
                                      .labelled_fraction = vc_run_is_iic(run) ? 1 : c->data.labelled_fraction,
                                      .labelled_count = vc_run_is_iic(run) ? 0 : c->data.labelled_count,
                                      .group = c->data.group};
  VC_TRY(c->data.split_file ? vc_split_read(run->arena, run->dataset, c->data.split_file, &run->split)
                            : vc_split_make(run->arena, run->dataset, &split, &run->split));
  if (run->options->skip_bad && run->dataset->n_paired > 0) {
    if (!vc_run_is_iic(run)) VC_TRY(drop_bad_masks(run->dataset, run->split.train_labelled, &run->split.n_labelled));
    VC_TRY(drop_bad_masks(run->dataset, run->split.val, &run->split.n_val));
    VC_TRY(drop_bad_masks(run->dataset, run->split.test, &run->split.n_test));
  }
  if (vc_run_is_iic(run)) VC_TRY(forget_labels(run));
  return check_split(run);
}

// Runs on loader threads, so with an order of its own.
static vc_status samples_of_stream(const struct vc_run *run, vc_arena *scratch, uint32_t stream, uint64_t step,
                                   uint32_t *out_samples) {
  vc_order *order;
  struct vc_visit visits[VC_MAX_BATCH];
  VC_TRY(vc_run_order(run, stream, scratch, &order));
  vc_run_visits(run, order, step, visits);
  for (uint32_t i = 0; i < run->config->train.batch; i++) out_samples[i] = visits[i].sample;
  return VC_OK;
}

static vc_status samples_of_step(void *context, uint64_t step, vc_arena *scratch, uint32_t *out_samples) {
  const struct vc_run *run = context;
  for (uint32_t stream = 0; stream < 2; stream++) {
    if (!vc_run_uses(run, stream)) continue;
    VC_TRY(samples_of_stream(run, scratch, stream, step, out_samples));
    out_samples += run->config->train.batch;
  }
  return VC_OK;
}

static vc_status read_images(struct vc_run *run) {
  const struct vc_pool_desc desc = {.gpu = run->gpu,
                                    .caps = vc_gpu_caps(run->gpu),
                                    .dataset = run->dataset,
                                    .split = &run->split,
                                    .residence = run->config->data.residence,
                                    .memory = run->config->memory,
                                    .n_workers = n_workers(run->config),
                                    .batch = run->config->train.batch,
                                    .n_staged = vc_run_is_iic(run) ? run->config->train.batch : 1,
                                    .n_streams = vc_run_is_uda(run) ? 2 : 1,
                                    .samples_of_step = samples_of_step,
                                    .read = run->read,
                                    .context = run};
  VC_TRY(vc_pool_create(run->arena, &desc, &run->pool));
  vc_pool_range(run->pool, run->min, run->max);
  for (uint32_t c = 0; c < run->config->data.channels; c++) {
    if (!(run->max[c] > run->min[c]))
      return VC_FAIL(VC_E_INPUT,
                     "%s: all pixels of the training images have the value %g; nothing can be learnt from them",
                     run->config->data.images, run->min[c]);
    if (!isnormal((float)(1.0 / (run->max[c] - run->min[c]))))
      return VC_FAIL(VC_E_INPUT,
                     "%s: the pixels' values, %g to %g, are beyond what 32-bit numbers can normalise; rescale them",
                     run->config->data.images, run->min[c], run->max[c]);
    run->range[2 * c] = (float)run->min[c];
    run->range[2 * c + 1] = (float)(1.0 / (run->max[c] - run->min[c]));
  }
  return VC_OK;
}

// ---- network
// --------------------------------------------------------------------------------------------------------------

static vc_status create_weights(struct vc_run *run, vc_arena *scratch, uint64_t seed) {
  static const float loss_scale[4] = {65536, 0, 0, 65536};
  const uint64_t n = run->model->block_elements, n_bytes = n * sizeof(float);
  float *block;
  VC_TRY(VC_NEW(scratch, n, &block));
  if (run->loss_scale) VC_TRY(vc_slot_write(run->loss_scale, 0, loss_scale, sizeof loss_scale));
  if (run->moment1) VC_TRY(vc_slot_write(run->moment1, 0, block, n_bytes));
  VC_TRY(vc_slot_write(run->moment2, 0, block, n_bytes));
  vc_model_init(run->model, seed, block);
  const char *init = run->config->model.init;
  if (strcmp(init, "he") != 0) VC_TRY(vc_checkpoint_load_weights(init, run->model, block, false));
  return vc_slot_write(run->params, 0, block, n_bytes);
}

vc_status vc_run_create_weights(struct vc_run *run, uint64_t seed) {
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  const vc_status status = create_weights(run, scratch, seed);
  vc_arena_destroy(scratch);
  return status;
}

// Activations in 16 bits, where the configuration asks for them.
static vc_status create_loss_scale(struct vc_run *run) {
  if (run->config->precision != VC_PRECISION_MIXED) return VC_OK;
  if (!vc_gpu_caps(run->gpu)->fp16_storage)
    return VC_FAIL(VC_E_UNSUPPORTED,
                   "precision: %s cannot hold 16-bit floats, which \"mixed\" needs; set \"fp32\" or \"auto\"",
                   vc_gpu_info(run->gpu)->name);
  return vc_slot_create(run->arena, run->gpu, 4 * sizeof(float), VC_SLOT_DEVICE, "loss scale", &run->loss_scale);
}

static vc_status create_model(struct vc_run *run) {
  struct vc_unet_desc desc;
  vc_config_unet(run->config, &desc);
  VC_TRY(vc_unet_model(run->arena, &desc, &run->model));
  const uint64_t n_bytes = run->model->block_elements * sizeof(float);
  VC_TRY(vc_slot_create(run->arena, run->gpu, n_bytes, VC_SLOT_DEVICE, "params", &run->params));
  VC_TRY(vc_slot_create(run->arena, run->gpu, n_bytes, VC_SLOT_DEVICE, "gradients", &run->gradients));
  VC_TRY(vc_slot_create(run->arena, run->gpu, n_bytes, VC_SLOT_DEVICE, "moment2", &run->moment2));
  if (run->config->optimizer.name == VC_OPTIMIZER_ADAM)
    VC_TRY(vc_slot_create(run->arena, run->gpu, n_bytes, VC_SLOT_DEVICE, "moment1", &run->moment1));
  VC_TRY(create_loss_scale(run));
  // A run that goes on has its own weights: a file to begin from need not be there any more.
  if (run->options->resume) {
    char *state;
    VC_TRY(vc_keep_path(run, "checkpoints/last.state", &state));
    if (vc_path_exists(state)) return VC_OK;
  }
  return vc_run_create_weights(run, run->config->seed);
}

// ---- the run folder
// -----------------------------------------------------------------------------------------------------

static vc_status check_folder(const struct vc_run *run) {
  char *log;
  VC_TRY(vc_keep_path(run, "log.jsonl", &log));
  if (!run->options->resume && vc_path_exists(log))
    return VC_FAIL(VC_E_USAGE, "%s: holds a run already; go on with --resume, or choose another folder with --out",
                   run->options->out_dir);
  return VC_OK;
}

// The log first: it is locked against another process that goes on with the same run.
static vc_status create_folder(struct vc_run *run) {
  char *dir, *log, *config, *kernels, *split;
  VC_TRY(vc_keep_path(run, "checkpoints", &dir));
  VC_TRY(vc_path_make_dirs(dir));
  VC_TRY(vc_keep_path(run, "log.jsonl", &log));
  VC_TRY(vc_runlog_open(run->arena, log, run->state.log_bytes, &run->log));
  VC_TRY(vc_keep_path(run, "config.json", &config));
  VC_TRY(vc_keep_path(run, "split.json", &split));
  const char *text;
  VC_TRY(vc_config_text(run->arena, run->config, 2, &text));
  VC_TRY(vc_file_write(config, text, strlen(text)));
  VC_TRY(vc_keep_path(run, "kernels.json", &kernels));
  VC_TRY(vc_kernels_write(run->execs, run->n_execs, kernels));
  return vc_split_write(run->dataset, &run->split, split);
}

static vc_status fail_changed(const struct vc_run *run, const char *file) {
  return VC_FAIL(VC_E_INPUT,
                 "%s: the images are not those that the run began with (see %s); restore them, or train into another "
                 "folder",
                 run->options->out_dir, file);
}

// A run goes on with the same images on the same sides of the split. Files that are gone are not missed.
static vc_status check_same_images(const struct vc_run *run, vc_arena *scratch) {
  char *path;
  const char *text;
  uint8_t *saved;
  size_t n_bytes;
  struct vc_safetensors last;
  VC_TRY(vc_path_join(scratch, run->options->out_dir, "split.json", &path));
  if (vc_path_exists(path)) {
    VC_TRY(vc_file_read(scratch, path, 0, &saved, &n_bytes));
    VC_TRY(vc_split_text(scratch, run->dataset, &run->split, &text));
    if (n_bytes != strlen(text) || memcmp(saved, text, n_bytes) != 0) return fail_changed(run, "split.json");
  }
  VC_TRY(vc_path_join(scratch, run->options->out_dir, "checkpoints/last.safetensors", &path));
  if (!vc_path_exists(path)) return VC_OK;
  VC_TRY(vc_safetensors_read(scratch, path, &last));
  VC_TRY(vc_checkpoint_range_text(scratch, run->min, run->max, run->config->data.channels, &text));
  const char *range = vc_safetensors_metadata(&last, "normalisation");
  return !range || strcmp(range, text) == 0 ? VC_OK : fail_changed(run, "the normalisation in last.safetensors");
}

static vc_status resume(struct vc_run *run, bool *out_found) {
  VC_TRY(vc_keep_resume(run, out_found));
  if (!*out_found) return VC_OK;
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  const vc_status status = check_same_images(run, scratch);
  vc_arena_destroy(scratch);
  return status;
}

static vc_status start(struct vc_run *run) {
  run->state.best_supervised = run->state.best_final = run->state.best_start_loss = (double)INFINITY;
  run->last_supervised = run->last_unsupervised = run->last_iou = (double)NAN;
  bool found = false;
  if (run->options->resume) VC_TRY(resume(run, &found));
  VC_TRY(create_folder(run));
  if (found)
    vc_log(VC_LOG_INFO, "%s: going on after step %llu", run->options->out_dir, (unsigned long long)run->state.step);
  else if (run->split.n_val == 0)
    VC_TRY(vc_runlog_warn(run->log, "no validation images: the best states are chosen by the training loss"));
  if (!found && run->split.n_test == 0)
    VC_TRY(vc_runlog_warn(run->log, "no test images: evaluation.json will hold no scores"));
  run->last_saved = vc_time_seconds();
  return VC_OK;
}

static void count_steps(struct vc_run *run) {
  const struct vc_config *c = run->config;
  // A supervised run takes as many steps an epoch as a semi-supervised one on the same split, to be comparable.
  run->steps_per_epoch = vc_steps_per_epoch(run->split.n_labelled, run->split.n_unlabelled, c->train.batch);
  run->n_steps = (uint64_t)run->steps_per_epoch * c->train.epochs;
  if (c->train.max_steps) run->n_steps = VC_MIN(run->n_steps, c->train.max_steps);
}

// ---- the end
// ----------------------------------------------------------------------------------------------------------------

static vc_status test_state(struct vc_run *run, const char *name, uint32_t epoch, bool overlays, vc_json_writer *w) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  char *file, *path, *kernels;
  vc_predictor *predictor;
  struct vc_metrics metrics;
  const struct vc_evaluate_options options = {.out_dir = overlays ? run->options->out_dir : NULL,
                                              .skip_bad = run->options->skip_bad,
                                              .progress = run->options->progress,
                                              .context = run->options->context};
  vc_status status = vc_arena_printf(arena, &file, "checkpoints/%s.safetensors", name);
  if (status == VC_OK) status = vc_keep_path(run, file, &path);
  if (status == VC_OK) status = vc_predictor_create(arena, run->gpu, path, run->config->variants, &predictor);
  if (status == VC_OK) status = vc_keep_path(run, "kernels.json", &kernels);
  if (status == VC_OK) status = vc_predictor_pin(predictor, kernels);
  if (status == VC_OK)
    status = vc_run_is_iic(run) ? vc_test_heads(run, predictor, name, epoch, &options, w)
                                : vc_evaluate_samples(predictor, run->dataset, run->split.test, run->split.n_test,
                                                      &options, VC_MAX_OVERLAYS, NULL, &metrics);
  if (status == VC_OK && !vc_run_is_iic(run)) {
    const char *class_names[VC_MAX_CLASSES];
    for (uint32_t i = 0; i < run->config->data.n_classes; i++) class_names[i] = run->config->data.classes[i].name;
    vc_metrics_json(w, name, &metrics, class_names, epoch);
  }
  vc_arena_destroy(arena);
  if (status == VC_E_INTERRUPTED)
    return VC_FAIL(status, "%s: interrupted while testing; the state is saved: go on with --resume",
                   run->options->out_dir);
  return status;
}

static vc_status test(struct vc_run *run) {
  vc_json_writer *w;
  VC_TRY(vc_json_writer_create(run->arena, 2, &w));
  vc_json_begin_object(w, NULL);
  VC_TRY(test_state(run, "best-supervised", run->state.best_supervised_epoch, false, w));
  VC_TRY(test_state(run, "best-final", run->state.best_final_epoch, true, w));
  vc_json_end_object(w);
  const char *text;
  size_t n_bytes;
  char *path;
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  VC_TRY(vc_keep_path(run, "evaluation.json", &path));
  return vc_file_write(path, text, n_bytes);
}

static vc_status finish(struct vc_run *run) {
  VC_TRY(test(run));
  VC_TRY(vc_baseline_write(run));
  VC_TRY(vc_gallery_write(run));
  vc_json_writer *w = vc_runlog_begin(run->log, "end");
  vc_json_put_string(w, "device", vc_gpu_info(run->gpu)->name);
  vc_json_put_number(w, "step", (double)run->state.step);
  vc_json_put_number(w, "epoch", run->state.epoch);
  vc_json_put_number(w, "seconds", vc_time_seconds() - run->session_start);
  VC_TRY(vc_runlog_end(run->log));
  char *path;
  VC_TRY(vc_keep_path(run, "report.html", &path));
  return vc_report_write(run->options->out_dir, path);
}

vc_status vc_run_prepare(struct vc_run *run) {
  count_steps(run);
  VC_TRY(read_images(run));
  VC_TRY(create_model(run));
  return vc_run_build(run);
}

// A run that goes on takes the kernels that it began with, whatever has been measured since.
static vc_status open_kernels(struct vc_run *run) {
  char *path;
  VC_TRY(vc_kernels_open(run->arena, run->gpu, VC_TUNE_FIRST_USE, &run->choices));
  VC_TRY(vc_keep_path(run, "kernels.json", &path));
  return run->options->resume ? vc_kernels_pin(run->choices, path) : VC_OK;
}

static vc_status train(struct vc_run *run) {
  VC_TRY(vc_config_text(run->arena, run->config, 0, &run->config_text));
  VC_TRY(check_folder(run));
  VC_TRY(open_data(run));
  VC_TRY(open_kernels(run));
  VC_TRY(vc_run_prepare(run));
  VC_TRY(start(run));
  VC_TRY(vc_run_loop(run));
  vc_arena_destroy(run->work_arena);
  run->work_arena = NULL;
  return finish(run);
}

vc_status vc_train(struct vc_gpu *gpu, const struct vc_config *config, const struct vc_train_options *options) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  struct vc_run *run;
  vc_status status = VC_NEW(arena, 1, &run);
  if (status == VC_OK) {
    run->arena = arena;
    run->gpu = gpu;
    run->config = config;
    run->options = options;
    status = vc_arena_create(&run->work_arena);
    if (status == VC_OK) status = train(run);
    vc_arena_destroy(run->work_arena);
  }
  vc_arena_destroy(arena);
  return status;
}
