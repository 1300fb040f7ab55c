// The semi-supervised step (Unsupervised Data Augmentation, Xie et al. 2019, for segmentation):
//   1  L_sup of the labelled batch (supervised.c)
//   2  Y' = f(W x_u), with KL a constant target without dropout;  Y'' = f(W S x_u)
//   3  if S rotates by R: Y'' is brought to the frame of Y' by the map A = W R⁻¹ W⁻¹
//   4  L = L_sup + w KL(Y' || A Y''), or L_sup + w IID(Y', A Y''), which teaches through both;  one update
#include "train/run.h"

#include <string.h>

#include "vulcyte/gpu.h"

static bool strong_rotates(const struct vc_strong_desc *s) {
  return s->num_ops > 0 && (s->op_mask >> VC_AUG_ROTATE & 1u);
}

struct vc_unlabelled_pair vc_uda_inputs(struct vc_run *run, struct vc_train_step *step) {
  vc_graph *g = step->graph;
  const struct vc_strong_desc *strong = &run->config->augment.strong;
  const uint32_t n = step->batch;
  const struct vc_shape shape = {n, run->config->data.channels, step->unlabelled.h, step->unlabelled.w};
  vc_tensor *images = vc_step_words(g, "images", vc_pool_images(run->pool));
  struct vc_stream_feeds *u = &step->u;
  u->windows = vc_feed(g, "unlabelled_windows", VC_U32, 8 * n);
  u->weak = vc_feed(g, "unlabelled_weak", VC_F32, 6 * n);
  u->strong = vc_feed(g, "unlabelled_strong", VC_F32, 6 * n);
  u->rects = vc_feed(g, "unlabelled_rects", VC_F32, 4 * n);
  u->align = strong_rotates(strong) ? vc_feed(g, "alignment", VC_F32, 6 * n) : NULL;

  // Intensity operations see the unwarped crop; the spatial ones are one resampling.
  vc_tensor *x = vc_crop_images(g, images, u->windows, step->range, shape), *intense = x;
  for (u->n_ops = 0; u->n_ops < strong->num_ops; u->n_ops++) {
    u->ops[u->n_ops] = vc_feed(g, "strong_op", VC_U32, 2 * n);
    intense = vc_intensity(g, intense, u->ops[u->n_ops]);
  }
  return (struct vc_unlabelled_pair){.weak = vc_affine_image(g, x, u->weak),
                                     .strong = vc_affine_image(g, intense, u->strong),
                                     .valid = vc_valid_mask(g, u->weak, u->rects, u->align, n, shape.h, shape.w),
                                     .window = x};
}

static vc_tensor *kl_loss(const struct vc_config *config, vc_graph *g, struct vc_unlabelled_pair pair,
                          vc_tensor *weak_logits, vc_tensor *p) {
  vc_tensor *target = vc_stop_gradient(g, vc_softmax(g, weak_logits));
  const struct vc_kl_desc desc = {.confidence = (float)config->uda.confidence,
                                  .temperature = (float)config->uda.temperature};
  return vc_kl_loss(g, target, p, pair.valid, desc);
}

// choice: confidence is that of Y' as predicted; sharpened, Y' still carries its gradient.
static vc_tensor *iid_loss(const struct vc_config *config, vc_graph *g, struct vc_unlabelled_pair pair,
                           vc_tensor *weak_logits, vc_tensor *p) {
  vc_tensor *valid = pair.valid;
  if (config->uda.confidence > 0)
    valid = vc_confident_mask(g, valid, vc_softmax(g, weak_logits), (float)config->uda.confidence);
  vc_tensor *sharpened = vc_softmax(g, vc_scale(g, weak_logits, (float)(1 / config->uda.temperature)));
  const struct vc_iid_desc desc = {.displacement = config->uda.displacement,
                                   .lambda = (float)config->uda.lambda,
                                   .collapsed = config->uda.collapsed};
  return vc_iid_loss(g, sharpened, p, valid, desc);
}

vc_tensor *vc_uda_loss(const struct vc_config *config, struct vc_train_step *step, struct vc_unlabelled_pair pair,
                       vc_tensor *weak_logits, vc_tensor *strong_logits) {
  vc_tensor *p = vc_softmax(step->graph, strong_logits);
  if (step->u.align) p = vc_align(step->graph, p, step->u.align);
  return config->uda.loss == VC_UDA_KL ? kl_loss(config, step->graph, pair, weak_logits, p)
                                       : iid_loss(config, step->graph, pair, weak_logits, p);
}

enum { LABELLED, STRONG, WEAK, MAX_IMAGES };
// Feature maps of this size keep every device busy.
enum { JOINED_BYTES = 64 << 20 };

// Whether the images that need gradients go through the network as one batch, which takes fewer dispatches but holds
// everything at once: where their sizes agree, a pass may take so many, and a dispatch is not busy enough with fewer.
// With batch norm each kind of image has statistics of its own.
static bool joins(const struct vc_run *run, const struct vc_train_step *step, vc_tensor *const *x, uint32_t n) {
  const struct vc_shape s = x[0]->shape, out = {s.n, run->model->desc.classes, s.h, s.w};
  bool same = true;
  for (uint32_t i = 1; i < n; i++) same = same && vc_shape_equal(s, x[i]->shape);
  return same && vc_shape_count(out) * sizeof(float) % VC_VIEW_ALIGN == 0 && // views must begin at such places
         run->model->desc.norm != VC_NORM_BATCH && n * s.n <= step->pass_samples &&
         vc_step_widest_bytes(run, n, s) <= VC_MIN(JOINED_BYTES, vc_gpu_caps(run->gpu)->max_buffer_range);
}

static void forward_joined(struct vc_run *run, struct vc_train_step *step, vc_tensor *const *x, uint32_t n,
                           vc_tensor **out_logits) {
  vc_graph *g = step->graph;
  vc_tensor *batch = x[0];
  for (uint32_t i = 1; i < n; i++) batch = vc_concat_batch(g, batch, x[i]);
  const struct vc_unet_training training = {.dropout_key = step->dropout_key};
  vc_tensor *z = vc_unet(g, run->model, step->params, batch, &training).logits;
  const struct vc_shape out = {x[0]->shape.n, z->shape.c, z->shape.h, z->shape.w};
  for (uint32_t i = 0; i < n; i++) out_logits[i] = vc_view(g, z, out, i * vc_shape_count(out));
}

// choice: the running statistics of batch norm follow the images as evaluation sees them, not the strongly changed
// ones.
static vc_tensor *forward_one(struct vc_run *run, struct vc_train_step *step, vc_tensor *const *x, uint32_t i) {
  const struct vc_unet_training training = {
      .dropout_key = step->dropout_key, .keep_statistics = i == STRONG, .first_sample = i * step->batch};
  return vc_step_logits(run, step, x[i], &training);
}

// The labels that L_sup counts: all, or with annealing those that the network is not sure of yet.
static vc_tensor *counted_labels(struct vc_run *run, struct vc_train_step *step, vc_tensor *logits, vc_tensor *labels) {
  if (run->config->uda.tsa == VC_TSA_NONE) return labels;
  step->tsa = vc_feed(step->graph, "tsa_threshold", VC_F32, 1);
  return vc_tsa_labels(step->graph, labels, vc_softmax(step->graph, logits), step->tsa);
}

vc_status vc_uda_build(struct vc_run *run, struct vc_train_step *step) {
  VC_TRY(vc_step_begin(run, step, true));
  vc_graph *g = step->graph;
  const struct vc_config *config = run->config;
  const struct vc_labelled_batch l = vc_supervised_inputs(run, step, true);
  const struct vc_unlabelled_pair u = vc_uda_inputs(run, step);

  // choice: where gradients flow through Y' too, it is made with dropout, as Y and Y'' are.
  vc_tensor *const x[MAX_IMAGES] = {l.x, u.strong, u.weak};
  vc_tensor *z[MAX_IMAGES];
  const bool weak_learns = config->uda.loss == VC_UDA_IID;
  const uint32_t n_learn = weak_learns ? 3 : 2;
  const bool joined = joins(run, step, x, n_learn);
  if (joined)
    forward_joined(run, step, x, n_learn, z);
  else
    z[LABELLED] = forward_one(run, step, x, LABELLED);
  vc_tensor *labels = counted_labels(run, step, z[LABELLED], l.labels);
  step->loss_supervised = vc_supervised_loss(config, g, z[LABELLED], labels);
  // What separate labelled images leave for their gradients is gone when the others come.
  if (!joined) VC_TRY(vc_step_backward(run, step, step->loss_supervised));
  if (!weak_learns) z[WEAK] = vc_step_logits(run, step, u.weak, &(struct vc_unet_training){0});
  for (uint32_t i = STRONG; i < n_learn && !joined; i++) z[i] = forward_one(run, step, x, i);
  step->loss_unsupervised = vc_uda_loss(config, step, u, z[WEAK], z[STRONG]);
  vc_tensor *unsupervised = step->loss_unsupervised;
  if (config->uda.ramp > 0) {
    step->ramp = vc_feed(g, "ramp", VC_F32, 1);
    unsupervised = vc_mul(g, unsupervised, step->ramp);
  }
  const float weight = (float)config->uda.weight;
  return vc_step_finish(run, step,
                        joined ? vc_combine(g, step->loss_supervised, 1.0f, unsupervised, weight)
                               : vc_scale(g, unsupervised, weight));
}

vc_status vc_uda_feed(struct vc_run *run, struct vc_train_step *step, const struct vc_visit *visits) {
  const struct vc_config *config = run->config;
  struct vc_unlabelled_draws d;
  for (uint32_t i = 0; i < step->batch; i++) {
    const vc_affine w = vc_weak_draw(&config->augment.weak, config->seed, VC_STREAM_UNLABELLED, visits[i]);
    const struct vc_strong s = vc_strong_draw(&config->augment.strong, config->seed, visits[i]);
    const vc_affine wr = vc_affine_multiply(w, s.rotation), w_inverse = vc_affine_inverse(w);
    vc_sampler_of(w_inverse, d.weak[i]);
    vc_sampler_of(vc_affine_inverse(wr), d.strong[i]);
    vc_sampler_of(vc_affine_multiply(wr, w_inverse), d.align[i]); // A⁻¹ = W R W⁻¹
    vc_draw_unlabelled(run, step, i, visits[i], &s, &d);
  }
  if (step->tsa) {
    const double progress = (double)run->state.step / (double)run->n_steps;
    const float threshold = (float)vc_tsa_threshold(config->uda.tsa, progress, run->model->desc.classes);
    VC_TRY(vc_exec_feed(step->exec, step->tsa, &threshold, sizeof threshold));
  }
  if (step->ramp) {
    const double epoch = (double)run->state.step / (double)run->steps_per_epoch;
    const float share = (float)vc_ramp_up(epoch, config->uda.ramp);
    VC_TRY(vc_exec_feed(step->exec, step->ramp, &share, sizeof share));
  }
  return vc_feed_unlabelled(step, &d);
}
