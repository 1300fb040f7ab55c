// What every training step has in common: parameters in, one loss down, one update.
#include "train/run.h"

#include <math.h>
#include <string.h>

#include "vulcyte/gpu.h"

vc_tensor *vc_step_words(vc_graph *g, const char *name, vc_slot *slot) {
  return vc_bind(g, name, (struct vc_shape){1, (uint32_t)(vc_slot_bytes(slot) / 4), 1, 1}, VC_U32, slot, 0);
}

uint64_t vc_step_widest_bytes(const struct vc_run *run, uint32_t n, struct vc_shape x) {
  const struct vc_shape widest = {n * x.n, 2 * run->model->desc.base, x.h, x.w};
  return vc_shape_count(widest) * sizeof(float);
}

vc_tensor *vc_step_logits(struct vc_run *run, struct vc_train_step *step, vc_tensor *x,
                          const struct vc_unet_training *training) {
  vc_graph *g = step->graph;
  const uint32_t n = x->shape.n, pass = VC_MIN(step->pass_samples, n);
  vc_tensor *logits = NULL;
  for (uint32_t first = 0; first < n; first += pass) {
    struct vc_unet_training part = *training;
    part.first_sample += first;
    vc_tensor *samples = vc_slice_batch(g, x, first, VC_MIN(pass, n - first));
    vc_tensor *z = vc_unet(g, run->model, step->params, samples, &part).logits;
    logits = logits ? vc_concat_batch(g, logits, z) : z;
  }
  return logits;
}

vc_status vc_step_begin(struct vc_run *run, struct vc_train_step *step, bool training) {
  VC_TRY(vc_graph_create(run->arena, &step->graph));
  vc_graph *g = step->graph;
  const vc_model *model = run->model;
  vc_tensor *block =
      vc_bind(g, "params", (struct vc_shape){1, (uint32_t)model->block_elements, 1, 1}, VC_F32, run->params, 0);
  VC_TRY(VC_NEW(run->arena, model->n_params, &step->params));
  vc_model_bind(g, model, block, step->params);
  step->range = vc_feed(g, "range", VC_F32, 2 * run->config->data.channels);
  if (training && model->desc.dropout > 0) step->dropout_key = vc_feed(g, "dropout_key", VC_U32, 2);
  return vc_graph_status(g);
}

vc_status vc_step_backward(struct vc_run *run, struct vc_train_step *step, vc_tensor *loss) {
  vc_graph *g = step->graph;
  const uint32_t n = run->model->n_params;
  vc_tensor **grads, *seed = NULL;
  VC_TRY(VC_NEW(run->arena, n, &grads));
  if (run->loss_scale) seed = vc_bind(g, "loss_scale", (struct vc_shape){1, 1, 1, 1}, VC_F32, run->loss_scale, 0);
  vc_grad(g, loss, seed, step->params, n, grads);
  for (uint32_t i = 0; i < n && step->grads; i++) {
    const bool both = grads[i] && step->grads[i];
    grads[i] = both ? vc_add(g, step->grads[i], grads[i]) : grads[i] ? grads[i] : step->grads[i];
  }
  step->grads = grads;
  return vc_graph_status(g);
}

vc_status vc_step_finish(struct vc_run *run, struct vc_train_step *step, vc_tensor *loss) {
  vc_graph *g = step->graph;
  const vc_model *model = run->model;
  const struct vc_shape block_shape = {1, (uint32_t)model->trained_elements, 1, 1};
  vc_tensor *params = vc_bind(g, "params", block_shape, VC_F32, run->params, 0);
  vc_tensor *gradients = vc_bind(g, "gradients", block_shape, VC_F32, run->gradients, 0);
  step->hyper = vc_feed(g, "hyper", VC_F32, 8);
  vc_tensor *hyper = step->hyper;

  // Every gradient is written into its place of one block, so that the optimiser is a single dispatch.
  VC_TRY(vc_step_backward(run, step, loss));
  for (uint32_t i = 0; i < model->n_params; i++)
    if (step->grads[i]) vc_place(g, step->grads[i], gradients, model->params[i].offset);

  step->grad_norm = vc_l2_norm(g, gradients);
  if (run->loss_scale) {
    step->loss_scale = vc_bind(g, "loss_scale", (struct vc_shape){1, 4, 1, 1}, VC_F32, run->loss_scale, 0);
    hyper = vc_loss_scale(g, hyper, step->grad_norm, step->loss_scale);
  }
  vc_tensor *moment2 = vc_bind(g, "moment2", block_shape, VC_F32, run->moment2, 0);
  if (run->config->optimizer.name == VC_OPTIMIZER_ADAM) {
    vc_tensor *moment1 = vc_bind(g, "moment1", block_shape, VC_F32, run->moment1, 0);
    vc_adam(g, params, gradients, moment1, moment2, hyper);
  } else {
    vc_rmsprop(g, params, gradients, moment2, hyper);
  }
  if (step->loss_supervised) vc_report(g, step->loss_supervised);
  if (step->loss_unsupervised) vc_report(g, step->loss_unsupervised);
  for (uint32_t h = 0; h < VC_N_HEADS; h++)
    if (step->loss_heads[h]) vc_report(g, step->loss_heads[h]);
  vc_report(g, step->grad_norm);
  if (step->loss_scale) vc_report(g, step->loss_scale);
  const struct vc_exec_options options = {.variants = run->config->variants,
                                          .choices = run->choices,
                                          .timestamps = run->timestamps,
                                          .mixed = step->loss_scale != NULL,
                                          .memory = vc_run_work_budget(run)};
  return vc_exec_create(run->arena, run->gpu, g, &options, &step->exec);
}

vc_status vc_step_feed_common(struct vc_run *run, struct vc_train_step *step, double lr) {
  const uint64_t t = run->state.step + 1;
  const double beta1 = 0.9, beta2 = 0.999, alpha = 0.99, eps = 1e-8;
  const double decay = run->config->optimizer.name == VC_OPTIMIZER_ADAM ? beta2 : alpha; // of the mean square
  const float hyper[8] = {(float)lr,
                          (float)(1 - beta1),
                          (float)decay,
                          (float)(1 - decay),
                          (float)eps,
                          (float)(1.0 / (1.0 - pow(beta1, (double)t))),
                          (float)(1.0 / (1.0 - pow(beta2, (double)t))),
                          1.0f};
  VC_TRY(vc_exec_feed(step->exec, step->hyper, hyper, sizeof hyper));
  VC_TRY(vc_exec_feed(step->exec, step->range, run->range, 2 * run->config->data.channels * sizeof(float)));
  if (step->dropout_key) {
    vc_rng rng =
        vc_rng_at(run->config->seed, VC_RNG_DROPOUT, (uint32_t)(run->state.step >> 32), (uint32_t)run->state.step);
    const uint32_t key[2] = {vc_rng_u32(&rng), vc_rng_u32(&rng)};
    VC_TRY(vc_exec_feed(step->exec, step->dropout_key, key, sizeof key));
  }
  return VC_OK;
}

void vc_run_window(struct vc_run *run, uint32_t stream, struct vc_visit visit, uint32_t entry, struct vc_size size,
                   struct vc_window *out_image, struct vc_window *out_labels) {
  *out_image = vc_pool_image_window(run->pool, entry, visit.sample);
  if (run->part) {
    out_image->left = run->part->left;
    out_image->top = run->part->top;
  } else {
    vc_crop_draw(run->config->seed, stream, visit, out_image->width, out_image->height, size.w, size.h,
                 &out_image->left, &out_image->top);
  }
  if (!out_labels) return;
  *out_labels = vc_pool_label_window(run->pool, entry, visit.sample);
  out_labels->left = out_image->left;
  out_labels->top = out_image->top;
}

void vc_window_rect(const struct vc_window *window, struct vc_size size, float out_rect[4]) {
  const int64_t right = (int64_t)window->width - window->left, bottom = (int64_t)window->height - window->top;
  out_rect[0] = (float)VC_MAX(0, -window->left);
  out_rect[1] = (float)VC_MAX(0, -window->top);
  out_rect[2] = (float)(VC_MIN((int64_t)size.w, right) - 1);
  out_rect[3] = (float)(VC_MIN((int64_t)size.h, bottom) - 1);
}

void vc_sampler_of(vc_affine map, float out_sampler[6]) {
  for (int i = 0; i < 6; i++) out_sampler[i] = (float)map.m[i];
}

void vc_draw_unlabelled(struct vc_run *run, const struct vc_train_step *step, uint32_t i, struct vc_visit visit,
                        const struct vc_strong *strong, struct vc_unlabelled_draws *out) {
  vc_run_window(run, VC_STREAM_UNLABELLED, visit, vc_run_entry(run, step, VC_STREAM_UNLABELLED, i), step->unlabelled,
                &out->windows[i], NULL);
  vc_window_rect(&out->windows[i], step->unlabelled, out->rects[i]);
  for (uint32_t k = 0; k < step->u.n_ops; k++) {
    out->ops[k][i][0] = k < strong->n_ops ? strong->op[k] : VC_AUG_NONE;
    memcpy(&out->ops[k][i][1], &strong->magnitude[k], sizeof(float));
  }
}

vc_status vc_feed_unlabelled(const struct vc_train_step *step, const struct vc_unlabelled_draws *draws) {
  const struct vc_stream_feeds *u = &step->u;
  const uint32_t n = step->batch;
  VC_TRY(vc_exec_feed(step->exec, u->windows, draws->windows, n * sizeof *draws->windows));
  VC_TRY(vc_exec_feed(step->exec, u->weak, draws->weak, n * sizeof *draws->weak));
  VC_TRY(vc_exec_feed(step->exec, u->strong, draws->strong, n * sizeof *draws->strong));
  VC_TRY(vc_exec_feed(step->exec, u->rects, draws->rects, n * sizeof *draws->rects));
  if (u->align) VC_TRY(vc_exec_feed(step->exec, u->align, draws->align, n * sizeof *draws->align));
  for (uint32_t k = 0; k < u->n_ops; k++)
    VC_TRY(vc_exec_feed(step->exec, u->ops[k], draws->ops[k], n * sizeof draws->ops[k][0]));
  return VC_OK;
}
