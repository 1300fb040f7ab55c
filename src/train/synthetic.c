// A run on images made in memory.
#include "train/synthetic.h"

#include <math.h>

static const struct vc_train_options no_options = {0};

// Smooth waves of a random phase with a little noise, 8 bits a channel; the classes are equal steps of brightness.
static vc_status read_waves(void *context, uint32_t sample, vc_arena *arena, struct vc_image *out,
                            uint8_t **out_classes) {
  const struct vc_run *run = context;
  const struct vc_sample *s = &run->dataset->samples[sample];
  const uint32_t n_channels = run->config->data.channels, n_classes = run->config->data.n_classes;
  vc_rng rng = vc_rng_at(run->config->seed, VC_RNG_SYNTH, 0, sample);
  const double phase = vc_rng_uniform(&rng, 0, 6.28);
  uint8_t *pixels, *classes;
  VC_TRY(VC_NEW(arena, (size_t)s->width * s->height * n_channels, &pixels));
  VC_TRY(VC_NEW(arena, (size_t)s->width * s->height, &classes));
  for (uint32_t y = 0; y < s->height; y++)
    for (uint32_t x = 0; x < s->width; x++) {
      const size_t at = (size_t)y * s->width + x;
      const double wave = 0.5 + 0.45 * sin(x / 7.0 + phase) * cos(y / 9.0 - phase);
      classes[at] = (uint8_t)(wave * n_classes);
      for (uint32_t c = 0; c < n_channels; c++)
        pixels[at * n_channels + c] = (uint8_t)(240 * wave + vc_rng_below(&rng, 12));
    }
  *out = (struct vc_image){
      .width = s->width, .height = s->height, .channels = n_channels, .format = VC_PIXEL_U8, .pixels = pixels};
  if (out_classes) *out_classes = classes;
  return VC_OK;
}

static vc_status make_samples(struct vc_run *run, uint32_t side) {
  const struct vc_config *config = run->config;
  const uint32_t batch = config->train.batch, n_labelled = vc_run_uses(run, VC_STREAM_LABELLED) ? batch : 0,
                 n_unlabelled = vc_run_uses(run, VC_STREAM_UNLABELLED) ? batch : 0;
  vc_dataset *d;
  VC_TRY(VC_NEW(run->arena, 1, &d));
  d->n_samples = n_labelled + n_unlabelled;
  d->n_own = d->n_paired = n_labelled;
  d->desc = (struct vc_dataset_desc){
      .classes = config->data.classes, .n_classes = config->data.n_classes, .channels = config->data.channels};
  VC_TRY(VC_NEW(run->arena, d->n_samples, &d->samples));
  VC_TRY(VC_NEW(run->arena, n_labelled, &run->split.train_labelled));
  VC_TRY(VC_NEW(run->arena, n_unlabelled, &run->split.train_unlabelled));
  for (uint32_t i = 0; i < d->n_samples; i++) {
    d->samples[i] = (struct vc_sample){
        .stem = "synthetic", .image_path = "synthetic", .width = side, .height = side, .format = VC_PIXEL_U8};
    if (i < n_labelled)
      run->split.train_labelled[run->split.n_labelled++] = i;
    else
      run->split.train_unlabelled[run->split.n_unlabelled++] = i;
  }
  run->dataset = d;
  return VC_OK;
}

vc_status vc_run_create_synthetic(vc_arena *arena, struct vc_gpu *gpu, const struct vc_config *config, bool timestamps,
                                  vc_choices *choices, struct vc_run **out) {
  struct vc_run *run;
  struct vc_config *copy;
  VC_TRY(VC_NEW(arena, 1, &run));
  VC_TRY(VC_NEW(arena, 1, &copy));
  *copy = *config;
  copy->data.residence = "device";
  copy->data.images = "synthetic images";
  copy->model.init = "he";
  *run = (struct vc_run){.arena = arena,
                         .work_arena = arena,
                         .gpu = gpu,
                         .config = copy,
                         .options = &no_options,
                         .timestamps = timestamps,
                         .choices = choices,
                         .read = read_waves};
  VC_TRY(make_samples(run, copy->data.crop ? copy->data.crop : VC_SYNTHETIC_SIDE));
  VC_TRY(vc_run_prepare(run));
  *out = run;
  return VC_OK;
}
