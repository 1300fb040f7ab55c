// The supervised step: W(x_l), W(m_l) with one weak draw W; Y = f(W x_l); L_sup = Dice(Y, W m_l); one update.
#include "train/run.h"

static bool weak_is_on(const struct vc_weak_desc *w) {
  return w->scale_lo != 1 || w->scale_hi != 1 || w->rotate_deg != 0 || w->flip != 0;
}

struct vc_labelled_batch vc_supervised_inputs(struct vc_run *run, struct vc_train_step *step, bool augment) {
  vc_graph *g = step->graph;
  const uint32_t n = step->batch, c = run->config->data.channels;
  const struct vc_shape shape = {n, c, step->labelled.h, step->labelled.w};
  vc_tensor *images = vc_step_words(g, "images", vc_pool_images(run->pool));
  vc_tensor *masks = vc_step_words(g, "masks", vc_pool_labels(run->pool));
  step->l.windows = vc_feed(g, "labelled_windows", VC_U32, 8 * n);
  step->l.label_windows = vc_feed(g, "label_windows", VC_U32, 8 * n);
  struct vc_labelled_batch b = {
      .x = vc_crop_images(g, images, step->l.windows, step->range, shape),
      .labels = vc_crop_labels(g, masks, step->l.label_windows, (struct vc_shape){n, 1, shape.h, shape.w})};
  b.window = b.x;
  if (augment && weak_is_on(&run->config->augment.weak)) {
    step->l.weak = vc_feed(g, "labelled_weak", VC_F32, 6 * n);
    b.x = vc_affine_image(g, b.x, step->l.weak);
    b.labels = vc_affine_labels(g, b.labels, step->l.weak);
  }
  return b;
}

vc_tensor *vc_supervised_loss(const struct vc_config *config, vc_graph *g, vc_tensor *logits, vc_tensor *labels) {
  vc_tensor *dice = NULL, *cross_entropy = NULL;
  if (config->supervised_loss.name != VC_LOSS_CROSS_ENTROPY)
    dice = vc_dice_loss(g, vc_softmax(g, logits), labels, config->supervised_loss.dice);
  if (config->supervised_loss.name != VC_LOSS_DICE)
    cross_entropy = vc_cross_entropy_loss(g, vc_log_softmax(g, logits), labels);
  return dice && cross_entropy ? vc_add(g, dice, cross_entropy) : dice ? dice : cross_entropy;
}

vc_status vc_supervised_build(struct vc_run *run, struct vc_train_step *step) {
  VC_TRY(vc_step_begin(run, step, true));
  struct vc_labelled_batch b = vc_supervised_inputs(run, step, true);
  const struct vc_unet_training training = {.dropout_key = step->dropout_key};
  vc_tensor *logits = vc_step_logits(run, step, b.x, &training);
  step->loss_supervised = vc_supervised_loss(run->config, step->graph, logits, b.labels);
  return vc_step_finish(run, step, step->loss_supervised);
}

vc_status vc_supervised_feed(struct vc_run *run, struct vc_train_step *step, const struct vc_visit *visits) {
  const struct vc_config *config = run->config;
  const uint32_t n = step->batch;
  struct vc_window windows[VC_MAX_BATCH], label_windows[VC_MAX_BATCH];
  float weak[VC_MAX_BATCH][6];
  for (uint32_t i = 0; i < n; i++) {
    vc_run_window(run, VC_STREAM_LABELLED, visits[i], vc_run_entry(run, step, VC_STREAM_LABELLED, i), step->labelled,
                  &windows[i], &label_windows[i]);
    const vc_affine w = vc_weak_draw(&config->augment.weak, config->seed, VC_STREAM_LABELLED, visits[i]);
    vc_sampler_of(vc_affine_inverse(w), weak[i]);
  }
  VC_TRY(vc_exec_feed(step->exec, step->l.windows, windows, n * sizeof *windows));
  VC_TRY(vc_exec_feed(step->exec, step->l.label_windows, label_windows, n * sizeof *windows));
  return step->l.weak ? vc_exec_feed(step->exec, step->l.weak, weak, n * sizeof *weak) : VC_OK;
}
