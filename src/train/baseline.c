#include "train/baseline.h"

#include <math.h>
#include <string.h>

#include "train/evaluate.h"
#include "train/instances.h"

enum { N_BINS = 256 };

struct bins {
  double lo, per_unit; // bin of v: (v - lo) * per_unit
  uint64_t counts[N_BINS];
};

static uint32_t bin_of(const struct bins *bins, double value) {
  return VC_MIN((uint32_t)((value - bins->lo) * bins->per_unit), N_BINS - 1u);
}

static void count(const struct vc_image *image, struct bins *out) {
  const size_t n = (size_t)image->width * image->height;
  double lo = INFINITY, hi = -INFINITY;
  for (size_t i = 0; i < n; i++) {
    lo = fmin(lo, vc_image_value(image, i));
    hi = fmax(hi, vc_image_value(image, i));
  }
  *out = (struct bins){.lo = lo, .per_unit = hi > lo ? N_BINS / (hi - lo) : 0};
  for (size_t i = 0; i < n; i++) out->counts[bin_of(out, vc_image_value(image, i))]++;
}

// The last bin below the threshold.
static uint32_t cut_of(const struct bins *bins) {
  double n = 0, sum = 0, n_below = 0, sum_below = 0, best = -1;
  uint32_t cut = N_BINS - 1;
  for (uint32_t i = 0; i < N_BINS; i++) {
    n += (double)bins->counts[i];
    sum += i * (double)bins->counts[i];
  }
  for (uint32_t i = 0; i + 1 < N_BINS; i++) {
    n_below += (double)bins->counts[i];
    sum_below += i * (double)bins->counts[i];
    if (n_below == 0 || n_below == n) continue;
    const double apart = sum_below / n_below - (sum - sum_below) / (n - n_below);
    const double variance = n_below * (n - n_below) * apart * apart;
    if (variance <= best) continue;
    best = variance;
    cut = i;
  }
  return cut;
}

void vc_otsu_segment(const struct vc_image *image, uint8_t *out) {
  struct bins bins;
  count(image, &bins);
  const uint32_t cut = cut_of(&bins);
  const size_t n = (size_t)image->width * image->height;
  for (size_t i = 0; i < n; i++) out[i] = bin_of(&bins, vc_image_value(image, i)) > cut;
}

static vc_status score_image(const vc_dataset *d, uint32_t sample, vc_arena *arena, struct vc_metrics *m) {
  struct vc_image image;
  uint8_t *reference, *prediction;
  uint32_t *labels, confusion[2 * 2] = {0};
  VC_TRY(vc_dataset_image(d, sample, arena, &image));
  VC_TRY(vc_dataset_classes(d, sample, arena, &reference));
  VC_TRY(vc_dataset_labels(d, sample, arena, &labels));
  const size_t n = (size_t)image.width * image.height;
  VC_TRY(VC_NEW(arena, n, &prediction));
  vc_otsu_segment(&image, prediction);
  for (size_t i = 0; i < n; i++)
    if (reference[i] < 2) confusion[reference[i] * 2 + prediction[i]]++;
  const struct vc_instance_image instances = {
      .width = image.width, .height = image.height, .reference = reference, .prediction = prediction, .labels = labels};
  VC_TRY(vc_instances_add_image(arena, &instances, m));
  vc_metrics_add_image(m, confusion);
  return VC_OK;
}

static vc_status score(const struct vc_run *run, struct vc_metrics *out) {
  vc_metrics_begin(out, 2);
  for (uint32_t i = 0; i < run->split.n_test; i++) {
    vc_arena *arena;
    VC_TRY(vc_arena_create(&arena));
    const vc_status status = score_image(run->dataset, run->split.test[i], arena, out);
    vc_arena_destroy(arena);
    if (vc_is_bad_input(status) && run->options->skip_bad) continue; // evaluation has said so
    VC_TRY(status);
  }
  vc_metrics_finish(out);
  return VC_OK;
}

vc_status vc_baseline_write(struct vc_run *run) {
  const struct vc_config *c = run->config;
  if (c->data.channels != 1 || c->data.n_classes != 2 || !c->data.masks || run->split.n_test == 0) return VC_OK;
  const char *names[2] = {c->data.classes[0].name, c->data.classes[1].name}, *text;
  struct vc_metrics metrics;
  vc_json_writer *w;
  size_t n_bytes;
  char *path;
  VC_TRY(score(run, &metrics));
  VC_TRY(vc_json_writer_create(run->arena, 2, &w));
  vc_json_begin_object(w, NULL);
  vc_metrics_json(w, "otsu", &metrics, names, -1);
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  VC_TRY(vc_keep_path(run, "baselines.json", &path));
  return vc_file_write(path, text, n_bytes);
}
