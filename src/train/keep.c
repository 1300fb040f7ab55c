// What a run keeps on disk: the best-supervised, best-final and last states, and the log line of an epoch.
#include "train/run.h"

#include <math.h>
#include <string.h>

enum {
  DEGENERATE_PENALTY = 1000000, // more than any loss
  SAVE_EVERY_SECONDS = 30
}; // last.state is written at most this often within a run; resuming replays what is newer

vc_status vc_keep_path(const struct vc_run *run, const char *file, char **out_path) {
  return vc_path_join(run->arena, run->options->out_dir, file, out_path);
}

// Parts of the run's blocks, one at a time in memory.
struct keeper {
  struct vc_run *run;
  float *part;
};

static vc_status make_keeper(vc_arena *arena, struct vc_run *run, struct keeper *out) {
  uint64_t n_most = VC_STATE_PART;
  for (uint32_t i = 0; i < run->model->n_params; i++)
    n_most = VC_MAX(n_most, vc_shape_count(run->model->params[i].shape));
  out->run = run;
  return VC_NEW(arena, n_most, &out->part);
}

static vc_status fetch(struct keeper *k, vc_slot *slot, uint64_t first, uint64_t n, const float **out) {
  *out = k->part;
  if (slot) return vc_slot_read(slot, first * sizeof *k->part, k->part, n * sizeof *k->part);
  memset(k->part, 0, n * sizeof *k->part);
  return VC_OK;
}

static vc_status fetch_params(void *context, uint64_t first, uint64_t n, const float **out) {
  struct keeper *k = context;
  return fetch(k, k->run->params, first, n, out);
}

static vc_status fetch_block(void *context, enum vc_state_block which, uint64_t first, uint64_t n, const float **out) {
  struct keeper *k = context;
  vc_slot *const slots[VC_N_STATE_BLOCKS] = {k->run->params, k->run->moment1, k->run->moment2};
  return fetch(k, slots[which], first, n, out);
}

static vc_status write_weights(struct keeper *k, const char *file, const char *metrics_json) {
  struct vc_run *run = k->run;
  char *path;
  VC_TRY(vc_keep_path(run, file, &path));
  return vc_checkpoint_write_from(path, run->model, fetch_params, k, run->config, run->min, run->max,
                                  vc_run_is_iic(run) ? &run->heads : NULL, metrics_json);
}

static vc_status keep_last(struct vc_run *run, vc_arena *scratch) {
  struct keeper k;
  struct vc_train_state *s = &run->state;
  char *path;
  VC_TRY(make_keeper(scratch, run, &k));
  VC_TRY(write_weights(&k, "checkpoints/last.safetensors", NULL));
  if (run->loss_scale) VC_TRY(vc_slot_read(run->loss_scale, 0, s->loss_scale, sizeof s->loss_scale));
  VC_TRY(vc_keep_path(run, "checkpoints/last.state", &path));
  s->n_block = run->model->block_elements;
  s->log_bytes = vc_runlog_bytes(run->log);
  return vc_train_state_write(path, s, run->config_text, fetch_block, &k);
}

vc_status vc_keep_last(struct vc_run *run) {
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  const vc_status status = keep_last(run, scratch);
  vc_arena_destroy(scratch);
  run->last_saved = vc_time_seconds();
  return status;
}

vc_status vc_keep_resume(struct vc_run *run, bool *out_found) {
  char *path;
  VC_TRY(vc_keep_path(run, "checkpoints/last.state", &path));
  *out_found = vc_path_exists(path);
  if (!*out_found) return VC_OK;
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  struct vc_train_state s;
  const uint64_t n_bytes = run->model->block_elements * sizeof(float);
  vc_status status = vc_train_state_read(scratch, path, run->config_text, &s);
  if (status == VC_OK && s.n_block != run->model->block_elements)
    status = VC_FAIL(VC_E_FORMAT, "%s: holds another network; start the run anew in another folder", path);
  vc_slot *const slots[VC_N_STATE_BLOCKS] = {run->params, run->moment1, run->moment2};
  for (uint32_t b = 0; b < VC_N_STATE_BLOCKS; b++)
    if (status == VC_OK && slots[b]) status = vc_slot_write(slots[b], 0, s.blocks[b], n_bytes);
  if (status == VC_OK && run->loss_scale) status = vc_slot_write(run->loss_scale, 0, s.loss_scale, sizeof s.loss_scale);
  if (status == VC_OK) {
    run->state = s;
    memset(run->state.blocks, 0, sizeof run->state.blocks);
  }
  vc_arena_destroy(scratch);
  return status;
}

static void log_heads(const struct vc_run *run, vc_json_writer *w, const struct vc_validation *v) {
  static const char *const keys[VC_N_HEADS][3] = {{"val_loss_main", "val_entropy_main", "val_mean_iou_main"},
                                                  {"val_loss_aux", "val_entropy_aux", "val_mean_iou_aux"}};
  for (uint32_t h = 0; h < VC_N_HEADS; h++) {
    vc_json_put_number(w, keys[h][0], v->heads[h].loss);
    vc_json_put_number(w, keys[h][1], v->heads[h].entropy);
    if (run->heads.matched[h]) vc_json_put_number(w, keys[h][2], v->heads[h].mean_iou);
  }
}

static void log_validation(const struct vc_run *run, vc_json_writer *w, const struct vc_validation *v) {
  if (!vc_run_is_iic(run)) vc_json_put_number(w, "val_loss_supervised", v->supervised);
  if (vc_run_uses(run, VC_STREAM_UNLABELLED)) vc_json_put_number(w, "val_loss_unsupervised", v->unsupervised);
  if (vc_run_is_iic(run)) log_heads(run, w, v);
  if (v->metrics.n_classes == 0) return;
  vc_json_put_number(w, "val_mean_iou", v->metrics.mean_iou);
  vc_json_begin_array(w, "val_iou");
  for (uint32_t i = 0; i < v->metrics.n_classes; i++) vc_json_put_number(w, NULL, v->metrics.iou[i]);
  vc_json_end_array(w);
}

static vc_status log_epoch(struct vc_run *run, const struct vc_step_result *train, const struct vc_validation *v) {
  const struct vc_config *c = run->config;
  vc_json_writer *w = vc_runlog_begin(run->log, "epoch");
  vc_json_put_number(w, "epoch", run->state.epoch);
  vc_json_put_number(w, "step", (double)run->state.step);
  if (!vc_run_is_iic(run)) vc_json_put_number(w, "loss_supervised", train->supervised);
  if (vc_run_uses(run, VC_STREAM_UNLABELLED)) vc_json_put_number(w, "loss_unsupervised", train->unsupervised);
  if (vc_run_is_iic(run)) {
    vc_json_put_number(w, "loss_main", train->heads[VC_HEAD_MAIN]);
    vc_json_put_number(w, "loss_aux", train->heads[VC_HEAD_AUX]);
  }
  if (v) log_validation(run, w, v);
  vc_json_put_number(w, "lr",
                     vc_learning_rate(&c->optimizer.schedule, c->optimizer.lr, run->state.epoch - 1, c->train.epochs));
  vc_json_put_number(w, "seconds", vc_time_seconds() - run->session_start);
  return vc_runlog_end(run->log);
}

static vc_status log_best(struct vc_run *run, const char *state, double loss) {
  vc_json_writer *w = vc_runlog_begin(run->log, "best");
  vc_json_put_string(w, "state", state);
  vc_json_put_number(w, "epoch", run->state.epoch);
  vc_json_put_number(w, "loss", loss);
  return vc_runlog_end(run->log);
}

// Keeps the network as best-NAME if its loss is below the best so far. A degenerate state ranks behind every other.
static vc_status keep_if_best(struct vc_run *run, const char *name, double loss, double *best, uint32_t *best_epoch,
                              const struct vc_validation *v) {
  const double rank = loss + (v && v->degenerate ? DEGENERATE_PENALTY : 0);
  if (!(rank < *best)) return VC_OK;
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  vc_json_writer *w;
  char *file;
  const char *metrics = NULL;
  vc_status status = vc_arena_printf(scratch, &file, "checkpoints/%s.safetensors", name);
  if (status == VC_OK) status = vc_json_writer_create(scratch, 0, &w);
  if (status == VC_OK) {
    vc_json_begin_object(w, NULL);
    vc_json_put_number(w, "epoch", run->state.epoch);
    vc_json_put_number(w, "loss", loss);
    if (v && v->metrics.n_classes > 0) vc_json_put_number(w, "val_mean_iou", v->metrics.mean_iou);
    vc_json_end_object(w);
    size_t n_bytes;
    status = vc_json_writer_text(w, &metrics, &n_bytes);
  }
  struct keeper k;
  if (status == VC_OK) status = make_keeper(scratch, run, &k);
  if (status == VC_OK) status = write_weights(&k, file, metrics);
  vc_arena_destroy(scratch);
  VC_TRY(status);
  *best = rank;
  *best_epoch = run->state.epoch;
  return log_best(run, name, loss);
}

// The losses that choose the best states. Without validation images the training loss chooses.
static void losses_of(const struct vc_run *run, const struct vc_step_result *train, const struct vc_validation *v,
                      double *out_supervised, double *out_final) {
  const double unsupervised = v ? v->unsupervised : train->unsupervised;
  *out_supervised = v ? v->supervised : train->supervised;
  *out_final = *out_supervised + (vc_run_is_uda(run) ? run->config->uda.weight * unsupervised : 0);
  if (!vc_run_is_iic(run)) return;
  // choice: masks, where there are some for validation, choose "supervised" by the IoU; nothing but the loss that is
  // trained, which knows no masks, chooses "final".
  *out_final = unsupervised;
  *out_supervised = v && v->metrics.n_classes > 0 ? 1 - v->metrics.mean_iou : unsupervised;
}

static vc_status warn_degenerate(struct vc_run *run, const struct vc_validation *v) {
  static const char *const names[VC_N_HEADS] = {"main", "auxiliary"};
  if (!vc_run_is_iic(run)) {
    if (!v->degenerate) return VC_OK;
    return vc_runlog_warn(run->log,
                          "epoch %u: the network gives every pixel of the validation images the same class; if this "
                          "lasts, lower uda.weight or optimizer.lr, or label more images",
                          run->state.epoch);
  }
  for (uint32_t h = 0; h < VC_N_HEADS; h++)
    if (v->heads[h].degenerate && vc_iic_has_begun(run->config, h, run->state.epoch - 1))
      VC_TRY(vc_runlog_warn(run->log,
                            "epoch %u: the %s head gives almost every pixel of the validation images the same cluster "
                            "(entropy %.3g of its sizes); if this lasts, lower optimizer.lr, raise iic.lambda, or try "
                            "iic.restarts",
                            run->state.epoch, names[h], v->heads[h].entropy));
  return VC_OK;
}

vc_status vc_keep_epoch(struct vc_run *run, const struct vc_step_result *train, const struct vc_validation *v) {
  struct vc_train_state *s = &run->state;
  VC_TRY(log_epoch(run, train, v));
  if (v || run->split.n_val == 0) { // without a validation this epoch nothing chooses
    double supervised, final;
    losses_of(run, train, v, &supervised, &final);
    VC_TRY(keep_if_best(run, "best-supervised", supervised, &s->best_supervised, &s->best_supervised_epoch, v));
    VC_TRY(keep_if_best(run, "best-final", final, &s->best_final, &s->best_final_epoch, v));
  }
  if (v) VC_TRY(warn_degenerate(run, v));
  const bool over = s->step >= run->n_steps;
  return over || vc_time_seconds() - run->last_saved >= SAVE_EVERY_SECONDS ? vc_keep_last(run) : VC_OK;
}
