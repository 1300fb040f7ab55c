// Whole training steps: the supervised one against the network in double, the semi-supervised one with the device's
// choice of kernels against the naive ones.
#include "doctor/prove.h"

#include <math.h>
#include <string.h>

#include "doctor/network.h"
#include "train/synthetic.h"
#include "vulcyte/gpu.h"

// Rounding of some thousand products and sums, layer upon layer.
static const double TOLERANCE = 5e-4;
// Of a parameter's gradient as a whole, with activations of 11 binary digits: one ReLU or maximum in two thousand falls
// to the other side, so a layer's gradient is off by the root of that, 2 %, and ten layers add up.
static const double MIXED_TOLERANCE = 0.25;

static const char config_text[] =
    "{\"name\": \"doctor\", \"data\": {\"images\": \"none\", \"masks\": \"none\", \"crop\": 20},"
    " \"model\": {\"base\": 4, \"depth\": 2, \"dropout\": 0}}";

// What a step computed.
struct outcome {
  float *gradients, *params; // after it; block_elements each
  struct vc_step_result losses;
};

static vc_status run_step(vc_arena *arena, struct vc_run *run, struct outcome *out) {
  const uint64_t n = run->model->block_elements;
  struct vc_pending_step pending;
  VC_TRY(VC_NEW(arena, n, &out->gradients));
  VC_TRY(VC_NEW(arena, n, &out->params));
  VC_TRY(vc_run_start_steps(run));
  VC_TRY(vc_run_begin_step(run, &pending));
  VC_TRY(vc_run_finish_step(run, &pending, &out->losses));
  VC_TRY(vc_slot_read(run->gradients, 0, out->gradients, n * sizeof(float)));
  return vc_slot_read(run->params, 0, out->params, n * sizeof(float));
}

enum step { SUPERVISED, MIXED, UDA };

static vc_status configure(vc_arena *arena, enum step step, const char *variants, struct vc_config *out) {
  // Mixed: eights of channels, which matrix units take.
  static const char *const sets[][4] = {
      [SUPERVISED] = {"method=supervised", "augment=false"},
      [MIXED] = {"method=supervised", "augment=false", "precision=mixed", "model.base=8"},
      [UDA] = {"method=uda"}};
  size_t n_sets = 0;
  while (n_sets < VC_COUNT_OF(sets[step]) && sets[step][n_sets]) n_sets++;
  VC_TRY(vc_config_parse(arena, "doctor", ".", config_text, sizeof config_text - 1, sets[step], n_sets, out));
  out->variants = variants;
  return VC_OK;
}

// |got - want| / |want| of a vector.
static double error_of_all(const float *got, const double *want, uint64_t n) {
  double off = 0, all = 0;
  for (uint64_t i = 0; i < n; i++) {
    off += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
    all += want[i] * want[i];
  }
  return isfinite(off) ? sqrt(off / (all + 1e-12)) : (double)INFINITY;
}

// The largest error over the parameters, each in its own scale; losses count too.
static double compare(const vc_model *model, enum step step, const float *got, const double *want, double got_loss,
                      double want_loss) {
  double worst = fabs(got_loss - want_loss) / (fabs(want_loss) + 1e-3);
  if (!isfinite(worst)) return (double)INFINITY;
  for (uint32_t i = 0; i < model->n_params; i++) {
    const struct vc_param *p = &model->params[i];
    const uint64_t n = vc_shape_count(p->shape);
    const double error = step == MIXED ? error_of_all(got + p->offset, want + p->offset, n)
                                       : doctor_error(got + p->offset, want + p->offset, n);
    worst = VC_MAX(worst, error);
  }
  return worst;
}

static vc_status note(struct doctor *d, const char *op, enum step step, double error, const char *failure) {
  struct vc_doctor_check *check = doctor_check(d, op, NULL, NULL, step == MIXED);
  const double tolerance = step == MIXED ? MIXED_TOLERANCE : TOLERANCE;
  check->is_default = true;
  if (!failure && error > tolerance) failure = "gradients or loss are off";
  return doctor_note_case(d, check, error, tolerance, failure);
}

// Image and labels of the run's one sample, as the step sees them.
static vc_status read_sample(vc_arena *arena, struct vc_run *run, ref_array **out_x, ref_array **out_labels) {
  struct vc_image image;
  uint8_t *classes;
  VC_TRY(run->read(run, 0, arena, &image, &classes));
  const struct vc_shape shape = {1, 1, image.height, image.width};
  VC_TRY(ref_array_create(arena, shape, VC_F32, out_x));
  VC_TRY(ref_array_create(arena, shape, VC_U32, out_labels));
  for (uint64_t i = 0; i < (*out_x)->count; i++) {
    (*out_x)->v[i] = (((const uint8_t *)image.pixels)[i] - (double)run->range[0]) * (double)run->range[1];
    (*out_labels)->v[i] = classes[i];
  }
  return VC_OK;
}

static vc_status prove_supervised(struct doctor *d, vc_arena *arena, const char *op, enum step step,
                                  const char *variants) {
  struct vc_config config;
  struct vc_run *run, *again;
  struct outcome once, twice;
  ref_array *x, *labels;
  double *block, *gradient, loss;
  float *weights; // the initial ones
  VC_TRY(configure(arena, step, variants, &config));
  VC_TRY(vc_run_create_synthetic(arena, d->gpu, &config, false, NULL, &run));
  VC_TRY(vc_run_create_synthetic(arena, d->gpu, &config, false, NULL, &again));
  const uint64_t n = run->model->block_elements;
  VC_TRY(VC_NEW(arena, n, &block));
  VC_TRY(VC_NEW(arena, n, &gradient));
  VC_TRY(VC_NEW(arena, n, &weights));
  VC_TRY(vc_slot_read(run->params, 0, weights, n * sizeof *weights));
  for (uint64_t i = 0; i < n; i++) block[i] = (double)weights[i];
  VC_TRY(read_sample(arena, run, &x, &labels));
  VC_TRY(network_loss(arena, run->model, block, x, labels, config.supervised_loss.dice, &loss, gradient));
  VC_TRY(run_step(arena, run, &once));
  VC_TRY(run_step(arena, again, &twice));
  for (uint64_t i = 0; i < n && step == MIXED; i++) once.gradients[i] /= (float)once.losses.loss_scale;
  const bool repeats = memcmp(once.params, twice.params, n * sizeof(float)) == 0;
  return note(d, op, step, compare(run->model, step, once.gradients, gradient, once.losses.supervised, loss),
              repeats ? NULL : "a second step from the same start gives other bits");
}

static vc_status prove_uda(struct doctor *d, vc_arena *arena) {
  struct vc_config config, naive;
  struct vc_run *run, *other;
  struct outcome own, plain;
  double *want;
  VC_TRY(configure(arena, UDA, NULL, &config));
  VC_TRY(configure(arena, UDA, "*=naive", &naive));
  VC_TRY(vc_run_create_synthetic(arena, d->gpu, &config, false, NULL, &run));
  VC_TRY(vc_run_create_synthetic(arena, d->gpu, &naive, false, NULL, &other));
  VC_TRY(run_step(arena, run, &own));
  VC_TRY(run_step(arena, other, &plain));
  VC_TRY(VC_NEW(arena, run->model->block_elements, &want));
  for (uint64_t i = 0; i < run->model->block_elements; i++) want[i] = (double)plain.gradients[i];
  return note(d, "semi-supervised step", UDA,
              compare(run->model, UDA, own.gradients, want, own.losses.unsupervised, plain.losses.unsupervised), NULL);
}

vc_status doctor_prove_steps(struct doctor *d) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = prove_supervised(d, arena, "training step", SUPERVISED, NULL);
  if (status == VC_OK) status = prove_supervised(d, arena, "training step, naive kernels", SUPERVISED, "*=naive");
  if (status == VC_OK) status = prove_uda(d, arena);
  if (status == VC_OK && vc_gpu_caps(d->gpu)->fp16_storage) {
    status = prove_supervised(d, arena, "training step", MIXED, NULL);
    if (status == VC_OK) status = prove_supervised(d, arena, "training step, coop_emulated", MIXED, "*=coop_emulated");
  }
  vc_arena_destroy(arena);
  VC_TRY_CTX(status, "a training step");
  return doctor_progress(d);
}
