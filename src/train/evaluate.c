#include "train/evaluate.h"

#include <math.h>

#include "train/instances.h"

struct scored {
  struct vc_image image;
  uint8_t *reference, *prediction;
};

static void argmax_classes(const float *probabilities, uint32_t n_classes, size_t n_pixels, uint8_t *out) {
  for (size_t i = 0; i < n_pixels; i++) {
    uint32_t best = 0;
    for (uint32_t c = 1; c < n_classes; c++)
      if (probabilities[c * n_pixels + i] > probabilities[best * n_pixels + i]) best = c;
    out[i] = (uint8_t)best;
  }
}

// Joins clusters to classes, and notes how often the two meet.
static vc_status join_clusters(const struct vc_clusters *c, const float *answer, size_t n_pixels, vc_arena *arena,
                               const uint8_t *reference, float **out_probabilities) {
  uint8_t *winners;
  VC_TRY(VC_NEW(arena, n_pixels, &winners));
  VC_TRY(VC_NEW(arena, c->n_classes * n_pixels, out_probabilities));
  argmax_classes(answer, c->n, n_pixels, winners);
  for (size_t i = 0; i < n_pixels; i++)
    if (reference[i] < c->n_classes) c->overlaps[reference[i] * c->n + winners[i]]++;
  for (uint32_t k = 0; k < c->n; k++) {
    float *sum = *out_probabilities + c->class_of[k] * n_pixels;
    for (size_t i = 0; i < n_pixels; i++) sum[i] += answer[k * n_pixels + i];
  }
  return VC_OK;
}

static vc_status score_image(vc_predictor *p, const vc_dataset *d, uint32_t sample, uint32_t tile,
                             const struct vc_clusters *clusters, vc_arena *arena, struct scored *s,
                             uint32_t *confusion) {
  VC_TRY(vc_dataset_image(d, sample, arena, &s->image));
  VC_TRY(vc_dataset_classes(d, sample, arena, &s->reference));
  const uint32_t n = clusters ? clusters->n_classes : vc_predictor_classes(p);
  const size_t n_pixels = (size_t)s->image.width * s->image.height;
  float *probabilities;
  VC_TRY(VC_NEW(arena, vc_predictor_classes(p) * n_pixels, &probabilities));
  VC_TRY(VC_NEW(arena, n_pixels, &s->prediction));
  VC_TRY_CTX(vc_predictor_run(p, &s->image, tile, probabilities), "%s", d->samples[sample].image_path);
  if (clusters) VC_TRY(join_clusters(clusters, probabilities, n_pixels, arena, s->reference, &probabilities));
  argmax_classes(probabilities, n, n_pixels, s->prediction);
  for (size_t i = 0; i < n_pixels; i++)
    if (s->reference[i] < n) confusion[s->reference[i] * n + s->prediction[i]]++;
  return VC_OK;
}

static vc_status write_overlay(const char *out_dir, const char *stem, const struct scored *s, uint32_t n_classes,
                               vc_arena *arena) {
  char *dir, *path;
  VC_TRY(vc_path_join(arena, out_dir, "overlays", &dir));
  VC_TRY(vc_path_make_dirs(dir));
  VC_TRY(vc_arena_printf(arena, &path, "%s/%s.png", dir, stem));
  return vc_overlay_write(path, &s->image, s->reference, s->prediction, n_classes);
}

static vc_status score_instances(const vc_dataset *d, uint32_t sample, const struct scored *s, vc_arena *arena,
                                 struct vc_metrics *m) {
  struct vc_instance_image image = {
      .width = s->image.width, .height = s->image.height, .reference = s->reference, .prediction = s->prediction};
  uint32_t *labels;
  VC_TRY(vc_dataset_labels(d, sample, arena, &labels));
  image.labels = labels;
  return vc_instances_add_image(arena, &image, m);
}

bool vc_is_bad_input(vc_status status) {
  return status == VC_E_FORMAT || status == VC_E_INPUT || status == VC_E_IO;
}

static vc_status evaluate_one(vc_predictor *p, const vc_dataset *d, uint32_t sample,
                              const struct vc_evaluate_options *options, bool overlay,
                              const struct vc_clusters *clusters, struct vc_metrics *m) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  struct scored s;
  uint32_t confusion[VC_MAX_CLASSES * VC_MAX_CLASSES] = {0};
  vc_status status = score_image(p, d, sample, options->tile, clusters, arena, &s, confusion);
  if (status == VC_OK && m->n_classes == 2) status = score_instances(d, sample, &s, arena, m);
  if (status == VC_OK) vc_metrics_add_image(m, confusion);
  if (vc_is_bad_input(status) && options->skip_bad) {
    vc_log(VC_LOG_WARNING, "left out: %s", vc_error_message());
    status = VC_OK;
  } else if (status == VC_OK && overlay) {
    status = write_overlay(options->out_dir, d->samples[sample].stem, &s, m->n_classes, arena);
  }
  vc_arena_destroy(arena);
  return status;
}

vc_status vc_evaluate_samples(vc_predictor *p, const vc_dataset *dataset, const uint32_t *samples, uint32_t n,
                              const struct vc_evaluate_options *options, uint32_t max_overlays,
                              const struct vc_clusters *clusters, struct vc_metrics *out) {
  vc_metrics_begin(out, clusters ? clusters->n_classes : vc_predictor_classes(p));
  for (uint32_t i = 0; i < n; i++) {
    VC_TRY(evaluate_one(p, dataset, samples[i], options, options->out_dir && i < max_overlays, clusters, out));
    const struct vc_progress progress = {.phase = "test",
                                         .done = i + 1,
                                         .total = n,
                                         .loss_supervised = (double)NAN,
                                         .loss_unsupervised = (double)NAN,
                                         .mean_iou = (double)NAN};
    if (options->progress && !options->progress(options->context, &progress))
      return VC_FAIL(VC_E_INTERRUPTED, "evaluation: interrupted after %u of %u images; start it again", i + 1, n);
  }
  vc_metrics_finish(out);
  return VC_OK;
}

vc_status vc_evaluate(vc_predictor *p, const struct vc_evaluate_options *options, struct vc_metrics *out) {
  const struct vc_config *config = vc_predictor_config(p);
  if (!vc_predictor_is_matched(p))
    return VC_FAIL(VC_E_USAGE,
                   "the model's clusters stand for no classes, as it was trained without masks; predict with "
                   "it, or train with masks for the validation images");
  const struct vc_dataset_desc desc = {.images = options->images,
                                       .masks = options->masks,
                                       .mask_pattern = config->data.mask_pattern,
                                       .classes = config->data.classes,
                                       .n_classes = config->data.n_classes,
                                       .channels = config->data.channels,
                                       .mask_channel = config->data.mask_channel,
                                       .skip_bad = options->skip_bad};
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_dataset *dataset;
  uint32_t *samples;
  vc_status status = vc_dataset_open(arena, &desc, vc_cpu_count(), &dataset);
  if (status == VC_OK) status = VC_NEW(arena, dataset->n_samples, &samples);
  if (status == VC_OK) {
    for (uint32_t i = 0; i < dataset->n_paired; i++) samples[i] = i;
    status = vc_evaluate_samples(p, dataset, samples, dataset->n_paired, options, UINT32_MAX, NULL, out);
  }
  vc_arena_destroy(arena);
  return status;
}
