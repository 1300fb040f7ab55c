// The self-supervised step (Invariant Information Clustering, Ji et al. 2019, for segmentation): no mask is read.
//   1  x and R x, R a rotation by U(0°, 360°)
//   2  both heads on both: Y = f(x), Y' = f(R x)
//   3  Y' is brought back to the frame of x by R⁻¹; pixels that either view lacks do not count
//   4  L = sum over the heads of w_h IIC(Y_h, R⁻¹ Y'_h); one update.  w is 0 for a head whose turn it is not
#include "train/run.h"

#include <string.h>

enum { VIEW, TURNED, N_VIEWS };

struct views {
  vc_tensor *x[N_VIEWS];
  vc_tensor *valid; // pixels of x that both views show
};

static struct views inputs(struct vc_run *run, struct vc_train_step *step) {
  vc_graph *g = step->graph;
  const struct vc_config *config = run->config;
  const uint32_t n = step->batch;
  const struct vc_shape shape = {n, config->data.channels, step->unlabelled.h, step->unlabelled.w};
  vc_tensor *images = vc_step_words(g, "images", vc_pool_images(run->pool));
  struct vc_stream_feeds *u = &step->u;
  u->windows = vc_feed(g, "windows", VC_U32, 8 * n);
  u->weak = vc_feed(g, "identity", VC_F32, 6 * n);
  u->strong = vc_feed(g, "turn_back", VC_F32, 6 * n);
  u->align = vc_feed(g, "turn", VC_F32, 6 * n);
  u->rects = vc_feed(g, "rects", VC_F32, 4 * n);

  vc_tensor *x = vc_crop_images(g, images, u->windows, step->range, shape), *second = x;
  const uint32_t n_ops = config->iic.strong ? config->augment.strong.num_ops : 0;
  for (u->n_ops = 0; u->n_ops < n_ops; u->n_ops++) {
    u->ops[u->n_ops] = vc_feed(g, "strong_op", VC_U32, 2 * n);
    second = vc_intensity(g, second, u->ops[u->n_ops]);
  }
  return (struct views){.x = {x, vc_affine_image(g, second, u->strong)},
                        .valid = vc_valid_mask(g, u->weak, u->rects, u->align, n, shape.h, shape.w)};
}

static vc_tensor *logits_of(const struct vc_unet_out *z, enum vc_head head) {
  return head == VC_HEAD_MAIN ? z->logits : z->aux_logits;
}

static vc_tensor *loss_of_head(const struct vc_run *run, struct vc_train_step *step, enum vc_head head,
                               const struct vc_unet_out *z, vc_tensor *valid) {
  vc_graph *g = step->graph;
  const struct vc_iid_desc desc = {.displacement = run->config->iic.displacement,
                                   .lambda = (float)run->config->iic.lambda,
                                   .collapsed = run->config->iic.collapsed};
  vc_tensor *y = vc_softmax(g, logits_of(&z[VIEW], head));
  vc_tensor *back = vc_align(g, vc_softmax(g, logits_of(&z[TURNED], head)), step->u.align);
  return vc_iid_loss(g, y, back, valid, desc);
}

vc_status vc_iic_build(struct vc_run *run, struct vc_train_step *step) {
  VC_TRY(vc_step_begin(run, step, true));
  vc_graph *g = step->graph;
  const struct views v = inputs(run, step);
  struct vc_unet_out z[N_VIEWS];
  for (uint32_t i = 0; i < N_VIEWS; i++) {
    // With batch norm each view has statistics of its own.
    // choice: the running ones follow the images as evaluation sees them.
    const struct vc_unet_training training = {
        .dropout_key = step->dropout_key, .first_sample = i * step->batch, .keep_statistics = i == TURNED};
    z[i] = vc_unet(g, run->model, step->params, v.x[i], &training);
  }
  step->head_weights[VC_HEAD_MAIN] = vc_feed(g, "main_weight", VC_F32, 1);
  step->head_weights[VC_HEAD_AUX] = vc_feed(g, "aux_weight", VC_F32, 1);
  vc_tensor *weighed[VC_N_HEADS];
  for (uint32_t h = 0; h < VC_N_HEADS; h++) {
    step->loss_heads[h] = loss_of_head(run, step, h, z, v.valid);
    weighed[h] = vc_mul(g, step->loss_heads[h], step->head_weights[h]);
  }
  step->loss_unsupervised = vc_add(g, weighed[VC_HEAD_MAIN], weighed[VC_HEAD_AUX]);
  return vc_step_finish(run, step, step->loss_unsupervised);
}

void vc_iic_build_validation(struct vc_run *run, struct vc_train_step *step, struct vc_head_outputs *out) {
  vc_graph *g = step->graph;
  const struct views v = inputs(run, step);
  struct vc_unet_out z[N_VIEWS];
  for (uint32_t i = 0; i < N_VIEWS; i++) z[i] = vc_unet(g, run->model, step->params, v.x[i], NULL);
  vc_tensor *labels = NULL;
  if (run->dataset->n_paired > 0) {
    const struct vc_shape shape = {1, 1, step->labelled.h, step->labelled.w};
    step->l.label_windows = vc_feed(g, "label_windows", VC_U32, 8);
    labels = vc_crop_labels(g, vc_step_words(g, "masks", vc_pool_labels(run->pool)), step->l.label_windows, shape);
  }
  for (uint32_t h = 0; h < VC_N_HEADS; h++) {
    vc_tensor *logits = logits_of(&z[VIEW], h);
    step->loss_heads[h] = loss_of_head(run, step, h, z, v.valid);
    vc_report(g, step->loss_heads[h]);
    out->n_clusters[h] = logits->shape.c;
    out->sizes[h] = vc_sum_pixels(g, vc_softmax(g, logits));
    vc_output(g, out->sizes[h]);
    vc_tensor *clusters = vc_argmax(g, logits);
    // Pixels outside the image, where validation sees a part, are counted as the confusion matrix counts them: not.
    out->side[h] = VC_MAX(out->n_clusters[h], run->config->data.n_classes);
    out->overlaps[h] = vc_confusion(g, clusters, labels ? labels : clusters, out->side[h]);
    vc_output(g, out->overlaps[h]);
  }
}

bool vc_iic_has_begun(const struct vc_config *config, enum vc_head head, uint32_t epoch) {
  const bool waits = head == VC_HEAD_MAIN && config->iic.heads == VC_HEADS_ALTERNATE; // for the auxiliary head's epoch
  return head == VC_HEAD_AUX || epoch >= config->iic.aux_epochs + (waits ? 1 : 0);
}

// Whether a head learns in this epoch.
static bool learns(const struct vc_config *config, enum vc_head head, uint32_t epoch) {
  if (epoch < config->iic.aux_epochs) return head == VC_HEAD_AUX;
  if (config->iic.heads == VC_HEADS_JOINT) return true;
  const bool is_main_turn = (epoch - config->iic.aux_epochs) % 2 == 1;
  return (head == VC_HEAD_MAIN) == is_main_turn;
}

vc_status vc_iic_feed(struct vc_run *run, struct vc_train_step *step, const struct vc_visit *visits) {
  const struct vc_config *config = run->config;
  // Rotations come from the views' own draw.
  struct vc_strong_desc intensities = config->augment.strong;
  intensities.op_mask &= ~(1u << VC_AUG_ROTATE);
  struct vc_unlabelled_draws d;
  for (uint32_t i = 0; i < step->batch; i++) {
    const vc_affine r = vc_turn_draw(config->seed, VC_STREAM_UNLABELLED, visits[i]);
    vc_sampler_of(vc_affine_identity(), d.weak[i]);
    vc_sampler_of(vc_affine_inverse(r), d.strong[i]); // R x reads x at R⁻¹
    vc_sampler_of(r, d.align[i]);                     // R⁻¹ y reads y at R
    const struct vc_strong s = vc_strong_draw(&intensities, config->seed, visits[i]);
    vc_draw_unlabelled(run, step, i, visits[i], &s, &d);
  }
  for (uint32_t h = 0; h < VC_N_HEADS && step->head_weights[h]; h++) {
    const float weight = learns(config, h, run->state.epoch) ? 1 : 0;
    VC_TRY(vc_exec_feed(step->exec, step->head_weights[h], &weight, sizeof weight));
  }
  return vc_feed_unlabelled(step, &d);
}
