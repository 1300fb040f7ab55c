// Validation: every image of the validation set whole, without augmentation for the supervised loss and the IoU, and
// with draws that stay fixed over the run for the unsupervised loss. An image that the device cannot hold whole is
// seen in parts, side by side; its losses are then the parts' means, weighed by their pixels.
#include "train/run.h"

#include <math.h>
#include <string.h>

#include "train/matching.h"
#include "vulcyte/gpu.h"

// One size of image. Labelled and unlabelled are the same image.
struct shape {
  uint32_t w, h;
  struct vc_train_step step; // of the whole image, or of a part
  vc_tensor *confusion;      // NULL with IIC
  struct vc_head_outputs heads;
};

// What IIC's heads gave over all images.
struct head_sums {
  double loss, size[VC_MAX_CLASSES];
  uint64_t overlaps[VC_MAX_CLASSES * VC_MAX_CLASSES]; // [class * side + cluster]
};

struct vc_validator {
  struct shape *shapes;
  uint32_t n_shapes;
  struct head_sums heads[VC_N_HEADS];
};

static vc_status build_iic(struct vc_run *run, struct shape *shape) {
  struct vc_train_step *step = &shape->step;
  VC_TRY(vc_step_begin(run, step, false));
  vc_iic_build_validation(run, step, &shape->heads);
  return vc_exec_create(run->arena, run->gpu, step->graph,
                        &(struct vc_exec_options){.variants = run->config->variants, .choices = run->choices},
                        &step->exec);
}

static vc_status build(struct vc_run *run, struct vc_train_step *step, vc_tensor **out_confusion) {
  VC_TRY(vc_step_begin(run, step, false));
  vc_graph *g = step->graph;
  const struct vc_labelled_batch b = vc_supervised_inputs(run, step, false);
  vc_tensor *logits = vc_unet(g, run->model, step->params, b.x, NULL).logits;
  step->loss_supervised = vc_supervised_loss(run->config, g, logits, b.labels);
  vc_report(g, step->loss_supervised);
  *out_confusion = vc_confusion(g, vc_argmax(g, logits), b.labels, run->model->desc.classes);
  vc_output(g, *out_confusion);
  if (vc_run_is_uda(run)) {
    const struct vc_unlabelled_pair u = vc_uda_inputs(run, step);
    vc_tensor *weak = vc_unet(g, run->model, step->params, u.weak, NULL).logits;
    vc_tensor *strong = vc_unet(g, run->model, step->params, u.strong, NULL).logits;
    step->loss_unsupervised = vc_uda_loss(run->config, step, u, weak, strong);
    vc_report(g, step->loss_unsupervised);
  }
  const struct vc_exec_options options = {.variants = run->config->variants, .choices = run->choices};
  return vc_exec_create(run->arena, run->gpu, g, &options, &step->exec);
}

static struct shape *shape_of(struct vc_validator *v, uint32_t w, uint32_t h) {
  for (uint32_t i = 0; i < v->n_shapes; i++)
    if (v->shapes[i].w == w && v->shapes[i].h == h) return &v->shapes[i];
  return NULL;
}

// Whether kernels can bind the first level's feature maps at once. They could take larger ones in parts, but a
// validation in parts costs hardly more time, and less memory.
static bool is_handy(const struct vc_run *run, struct vc_size size) {
  return (uint64_t)size.w * size.h * run->model->desc.base * sizeof(float) <= vc_gpu_caps(run->gpu)->max_buffer_range;
}

static vc_status check_memory(const struct vc_run *run, const struct vc_train_step *step) {
  const uint64_t budget = vc_run_work_budget(run);
  if (vc_exec_work_bytes(step->exec) <= budget) return VC_OK;
  return VC_FAIL(VC_E_NOMEM, "%llu MiB of device memory are needed, %llu MiB are free",
                 (unsigned long long)(vc_exec_work_bytes(step->exec) >> 20), (unsigned long long)(budget >> 20));
}

// Halves the longer side, to a multiple of what the network divides by.
static void halve(const struct vc_run *run, struct vc_size *inout) {
  const uint32_t multiple = 1u << run->model->desc.depth;
  uint32_t *side = inout->w >= inout->h ? &inout->w : &inout->h;
  *side = (uint32_t)vc_round_up(vc_div_up(*side, 2), multiple);
}

static vc_status build_shape(struct vc_run *run, struct shape *shape) {
  const uint32_t smallest = 4u << run->model->desc.depth;
  struct vc_size size = {shape->w, shape->h};
  while (!is_handy(run, size) && VC_MAX(size.w, size.h) > smallest) halve(run, &size);
  for (;;) {
    shape->step = (struct vc_train_step){.labelled = size, .unlabelled = size, .batch = 1, .staged = true};
    vc_status status = vc_run_is_iic(run) ? build_iic(run, shape) : build(run, &shape->step, &shape->confusion);
    if (status == VC_OK) status = check_memory(run, &shape->step);
    if (status != VC_E_NOMEM || VC_MAX(size.w, size.h) <= smallest) return status;
    halve(run, &size);
  }
}

vc_status vc_validator_create(struct vc_run *run) {
  struct vc_validator *v;
  VC_TRY(VC_NEW(run->arena, 1, &v));
  VC_TRY(VC_NEW(run->arena, run->split.n_val, &v->shapes));
  for (uint32_t i = 0; i < run->split.n_val; i++) {
    const struct vc_sample *s = &run->dataset->samples[run->split.val[i]];
    if (shape_of(v, s->width, s->height)) continue;
    struct shape *shape = &v->shapes[v->n_shapes];
    shape->w = s->width;
    shape->h = s->height;
    VC_TRY_CTX(build_shape(run, shape), "validation of %ux%u images", s->width, s->height);
    v->n_shapes++;
    const struct vc_size part = shape->step.labelled;
    if (part.w < shape->w || part.h < shape->h)
      vc_log(VC_LOG_INFO, "validation sees images of %ux%u pixels in parts of %ux%u: the device cannot hold them whole",
             shape->w, shape->h, part.w, part.h);
  }
  run->validator = v;
  return VC_OK;
}

void vc_validator_execs(const struct vc_run *run, vc_exec **out_execs, uint32_t *inout_n) {
  for (uint32_t i = 0; i < run->validator->n_shapes; i++) out_execs[(*inout_n)++] = run->validator->shapes[i].step.exec;
}

uint32_t vc_validator_n_execs(const struct vc_run *run) {
  return run->validator->n_shapes;
}

// Adds the losses of a part, times `weight`, and its confusion matrix.
static vc_status validate_part(struct vc_run *run, struct shape *shape, uint32_t sample, double weight,
                               struct vc_validation *sums, uint32_t *inout_confusion) {
  struct vc_train_step *step = &shape->step;
  const struct vc_visit visit = {.sample = sample, .walk = VC_WALK_FIXED};
  VC_TRY(vc_supervised_feed(run, step, &visit));
  if (step->loss_unsupervised) VC_TRY(vc_uda_feed(run, step, &visit));
  VC_TRY(vc_exec_feed(step->exec, step->range, run->range, 2 * run->config->data.channels * sizeof(float)));
  uint64_t ticket;
  VC_TRY(vc_exec_run(step->exec, &ticket));
  float supervised, unsupervised = 0;
  VC_TRY(vc_exec_report(step->exec, ticket, step->loss_supervised, &supervised, sizeof supervised));
  if (step->loss_unsupervised)
    VC_TRY(vc_exec_report(step->exec, ticket, step->loss_unsupervised, &unsupervised, sizeof unsupervised));
  sums->supervised += weight * (double)supervised;
  sums->unsupervised += weight * (double)unsupervised;
  uint32_t confusion[VC_MAX_CLASSES * VC_MAX_CLASSES];
  const uint32_t n = run->model->desc.classes;
  VC_TRY(vc_exec_read(step->exec, shape->confusion, confusion, (size_t)n * n * sizeof *confusion));
  for (uint32_t i = 0; i < n * n; i++) inout_confusion[i] += confusion[i];
  return VC_OK;
}

// The same for IIC's heads, into the validator's sums.
static vc_status validate_heads(struct vc_run *run, struct shape *shape, uint32_t sample, double weight) {
  struct vc_train_step *step = &shape->step;
  const struct vc_visit visit = {.sample = sample, .walk = VC_WALK_FIXED};
  VC_TRY(vc_iic_feed(run, step, &visit));
  if (step->l.label_windows) {
    struct vc_window window, label_window;
    vc_run_window(run, VC_STREAM_UNLABELLED, visit, VC_POOL_STAGED, step->labelled, &window, &label_window);
    VC_TRY(vc_exec_feed(step->exec, step->l.label_windows, &label_window, sizeof label_window));
  }
  VC_TRY(vc_exec_feed(step->exec, step->range, run->range, 2 * run->config->data.channels * sizeof(float)));
  uint64_t ticket;
  VC_TRY(vc_exec_run(step->exec, &ticket));
  for (uint32_t h = 0; h < VC_N_HEADS; h++) {
    struct head_sums *sums = &run->validator->heads[h];
    const uint32_t k = shape->heads.n_clusters[h], side = shape->heads.side[h];
    float loss, sizes[VC_MAX_CLASSES];
    uint32_t overlaps[VC_MAX_CLASSES * VC_MAX_CLASSES];
    VC_TRY(vc_exec_report(step->exec, ticket, step->loss_heads[h], &loss, sizeof loss));
    VC_TRY(vc_exec_read(step->exec, shape->heads.sizes[h], sizes, k * sizeof *sizes));
    VC_TRY(vc_exec_read(step->exec, shape->heads.overlaps[h], overlaps, (size_t)side * side * sizeof *overlaps));
    sums->loss += weight * (double)loss;
    for (uint32_t i = 0; i < k; i++) sums->size[i] += (double)sizes[i];
    for (uint32_t i = 0; i < side * side; i++) sums->overlaps[i] += overlaps[i];
  }
  return VC_OK;
}

static vc_status validate_parts(struct vc_run *run, struct shape *shape, uint32_t sample, struct vc_validation *sums) {
  const struct vc_size part = shape->step.labelled;
  uint32_t confusion[VC_MAX_CLASSES * VC_MAX_CLASSES] = {0};
  VC_TRY(vc_pool_stage(run->pool, sample, 0));
  for (uint32_t top = 0; top < shape->h; top += part.h)
    for (uint32_t left = 0; left < shape->w; left += part.w) {
      const struct vc_part at = {(int32_t)left, (int32_t)top};
      const double n_pixels = (double)VC_MIN(part.w, shape->w - left) * VC_MIN(part.h, shape->h - top);
      run->part = &at;
      const double weight = n_pixels / ((double)shape->w * shape->h);
      const vc_status status = vc_run_is_iic(run) ? validate_heads(run, shape, sample, weight)
                                                  : validate_part(run, shape, sample, weight, sums, confusion);
      run->part = NULL;
      VC_TRY(status);
    }
  if (!vc_run_is_iic(run)) vc_metrics_add_image(&sums->metrics, confusion);
  return VC_OK;
}

static vc_status validate_image(struct vc_run *run, uint32_t sample, struct vc_validation *sums) {
  const struct vc_sample *s = &run->dataset->samples[sample];
  return validate_parts(run, shape_of(run->validator, s->width, s->height), sample, sums);
}

// Whether only one class was ever predicted, although the reference has more.
static bool is_degenerate(const struct vc_metrics *m) {
  uint32_t n_predicted = 0, n_present = 0;
  for (uint32_t c = 0; c < m->n_classes; c++) {
    uint64_t predicted = 0, present = 0;
    for (uint32_t k = 0; k < m->n_classes; k++) {
      predicted += m->confusion[k * m->n_classes + c];
      present += m->confusion[c * m->n_classes + k];
    }
    n_predicted += predicted > 0;
    n_present += present > 0;
  }
  return n_predicted < 2 && n_present > 1;
}

// Entropy of the clusters' sizes, share of the largest possible.
static double entropy_of(const double *sizes, uint32_t n) {
  double sum = 0, entropy = 0;
  for (uint32_t i = 0; i < n; i++) sum += sizes[i];
  for (uint32_t i = 0; i < n; i++)
    if (sizes[i] > 0) entropy -= sizes[i] / sum * log(sizes[i] / sum);
  return entropy / log(n);
}

// Whether every pixel has the same cluster.
static bool is_constant(const struct head_sums *sums, uint32_t side) {
  uint32_t n_met = 0;
  for (uint32_t k = 0; k < side; k++) {
    uint64_t n = 0;
    for (uint32_t c = 0; c < side; c++) n += sums->overlaps[c * side + k];
    n_met += n > 0;
  }
  return n_met < 2;
}

// One head's scores; with masks the classes of its clusters, and the metrics that these give.
static void finish_head(struct vc_run *run, enum vc_head head, struct vc_head_validation *out,
                        struct vc_metrics *out_metrics) {
  const struct head_sums *sums = &run->validator->heads[head];
  const struct vc_head_outputs *outputs = &run->validator->shapes[0].heads;
  const uint32_t k = outputs->n_clusters[head], side = outputs->side[head], n_classes = run->config->data.n_classes;
  out->loss = sums->loss / run->split.n_val;
  out->entropy = entropy_of(sums->size, k);
  out->degenerate = is_constant(sums, side) || out->entropy < run->config->iic.min_entropy;
  out->mean_iou = (double)NAN;
  run->heads.matched[head] = run->dataset->n_paired > 0;
  if (!run->heads.matched[head]) return;
  uint64_t overlaps[VC_MAX_CLASSES * VC_MAX_CLASSES];
  for (uint32_t c = 0; c < n_classes; c++)
    for (uint32_t i = 0; i < k; i++) overlaps[c * k + i] = sums->overlaps[c * side + i];
  vc_match(vc_match_rule_of(head), overlaps, n_classes, k, run->heads.class_of[head]);
  vc_metrics_begin(out_metrics, n_classes);
  vc_match_confusion(overlaps, n_classes, k, run->heads.class_of[head], out_metrics->confusion);
  vc_metrics_finish(out_metrics);
  out->mean_iou = out_metrics->mean_iou;
}

// choice: the head that answers is the one of higher IoU, the main one without masks; a degenerate one does not answer
// where the other is sound.
static void finish_heads(struct vc_run *run, struct vc_validation *out) {
  struct vc_metrics metrics[VC_N_HEADS] = {0};
  for (uint32_t h = 0; h < VC_N_HEADS; h++) {
    finish_head(run, h, &out->heads[h], &metrics[h]);
    if (vc_iic_has_begun(run->config, h, run->state.epoch)) out->unsupervised += out->heads[h].loss;
  }
  const struct vc_head_validation *main = &out->heads[VC_HEAD_MAIN], *aux = &out->heads[VC_HEAD_AUX];
  const bool prefers_aux =
      main->degenerate != aux->degenerate ? main->degenerate : aux->mean_iou > main->mean_iou; // false for NaN
  run->heads.chosen = prefers_aux ? VC_HEAD_AUX : VC_HEAD_MAIN;
  out->metrics = metrics[run->heads.chosen];
  if (out->metrics.n_classes == 0) out->metrics.mean_iou = (double)NAN;
  out->degenerate = main->degenerate && aux->degenerate;
  out->supervised = (double)NAN;
}

vc_status vc_validate(struct vc_run *run, struct vc_validation *out) {
  *out = (struct vc_validation){0};
  memset(run->validator->heads, 0, sizeof run->validator->heads);
  vc_metrics_begin(&out->metrics, run->model->desc.classes);
  const uint32_t n = run->split.n_val;
  for (uint32_t i = 0; i < n; i++) {
    VC_TRY_CTX(validate_image(run, run->split.val[i], out), "%s", run->dataset->samples[run->split.val[i]].image_path);
    if (!vc_run_progress(run, "validate", i + 1, n)) return VC_E_INTERRUPTED;
  }
  if (vc_run_is_iic(run)) {
    finish_heads(run, out);
    return VC_OK;
  }
  vc_metrics_finish(&out->metrics);
  out->degenerate = is_degenerate(&out->metrics);
  out->supervised /= n;
  out->unsupervised = vc_run_is_uda(run) ? out->unsupervised / n : (double)NAN;
  return VC_OK;
}
