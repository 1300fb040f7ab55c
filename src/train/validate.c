// Validation: every image of the validation set whole, without augmentation for the supervised loss and the IoU, and
// with draws that stay fixed over the run for the unsupervised loss.
#include "train/run.h"

#include <math.h>

struct vc_validator {
  struct vc_train_step *shapes; // one for each image size; labelled and unlabelled are the same image
  vc_tensor **confusion;        // of each shape
  uint32_t n_shapes;
};

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
  return vc_exec_create(run->arena, run->gpu, g, &(struct vc_exec_options){.variants = run->config->variants},
                        &step->exec);
}

static struct vc_train_step *shape_of(struct vc_validator *v, uint32_t w, uint32_t h) {
  for (uint32_t i = 0; i < v->n_shapes; i++)
    if (v->shapes[i].labelled.w == w && v->shapes[i].labelled.h == h) return &v->shapes[i];
  return NULL;
}

vc_status vc_validator_create(struct vc_run *run) {
  struct vc_validator *v;
  VC_TRY(VC_NEW(run->arena, 1, &v));
  VC_TRY(VC_NEW(run->arena, run->split.n_val, &v->shapes));
  VC_TRY(VC_NEW(run->arena, run->split.n_val, &v->confusion));
  for (uint32_t i = 0; i < run->split.n_val; i++) {
    const struct vc_sample *s = &run->dataset->samples[run->split.val[i]];
    if (shape_of(v, s->width, s->height)) continue;
    struct vc_train_step *step = &v->shapes[v->n_shapes];
    step->labelled = step->unlabelled = (struct vc_size){s->width, s->height};
    step->batch = 1;
    step->staged = true;
    VC_TRY_CTX(build(run, step, &v->confusion[v->n_shapes]), "validation of %ux%u images", s->width, s->height);
    v->n_shapes++;
  }
  run->validator = v;
  return VC_OK;
}

void vc_validator_execs(const struct vc_run *run, vc_exec **out_execs, uint32_t *inout_n) {
  for (uint32_t i = 0; i < run->validator->n_shapes; i++) out_execs[(*inout_n)++] = run->validator->shapes[i].exec;
}

uint32_t vc_validator_n_execs(const struct vc_run *run) {
  return run->validator->n_shapes;
}

static vc_status validate_image(struct vc_run *run, uint32_t sample, struct vc_validation *sums) {
  const struct vc_sample *s = &run->dataset->samples[sample];
  struct vc_train_step *step = shape_of(run->validator, s->width, s->height);
  const struct vc_visit visit = {.sample = sample, .walk = VC_WALK_FIXED};
  VC_TRY(vc_pool_stage(run->pool, sample));
  VC_TRY(vc_supervised_feed(run, step, &visit));
  if (step->loss_unsupervised) VC_TRY(vc_uda_feed(run, step, &visit));
  VC_TRY(vc_exec_feed(step->exec, step->range, run->range, 2 * run->model->desc.channels * sizeof(float)));
  uint64_t ticket;
  VC_TRY(vc_exec_run(step->exec, &ticket));
  float supervised, unsupervised = 0;
  VC_TRY(vc_exec_report(step->exec, ticket, step->loss_supervised, &supervised, sizeof supervised));
  if (step->loss_unsupervised)
    VC_TRY(vc_exec_report(step->exec, ticket, step->loss_unsupervised, &unsupervised, sizeof unsupervised));
  sums->supervised += (double)supervised;
  sums->unsupervised += (double)unsupervised;
  uint32_t confusion[VC_MAX_CLASSES * VC_MAX_CLASSES];
  const uint32_t n = run->model->desc.classes;
  VC_TRY(vc_exec_read(step->exec, run->validator->confusion[step - run->validator->shapes], confusion,
                      (size_t)n * n * sizeof *confusion));
  vc_metrics_add_image(&sums->metrics, confusion);
  return VC_OK;
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

vc_status vc_validate(struct vc_run *run, struct vc_validation *out) {
  *out = (struct vc_validation){0};
  vc_metrics_begin(&out->metrics, run->model->desc.classes);
  const uint32_t n = run->split.n_val;
  for (uint32_t i = 0; i < n; i++) {
    VC_TRY_CTX(validate_image(run, run->split.val[i], out), "%s", run->dataset->samples[run->split.val[i]].image_path);
    if (!vc_run_progress(run, "validate", i + 1, n)) return VC_E_INTERRUPTED;
  }
  vc_metrics_finish(&out->metrics);
  out->degenerate = is_degenerate(&out->metrics);
  out->supervised /= n;
  out->unsupervised = vc_run_is_uda(run) ? out->unsupervised / n : (double)NAN;
  return VC_OK;
}
