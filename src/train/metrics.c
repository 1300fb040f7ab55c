// Scores of a segmentation from its confusion matrices.
#include "vulcyte/train.h"

#include <math.h>
#include <string.h>

#include "train/instances.h"

void vc_metrics_begin(struct vc_metrics *m, uint32_t n_classes) {
  VC_ASSERT(n_classes >= 1 && n_classes <= VC_MAX_CLASSES);
  memset(m, 0, sizeof *m);
  m->n_classes = n_classes;
}

struct class_counts {
  double both, reference, predicted; // pixels
};

static struct class_counts count_class(const uint64_t *confusion, uint32_t n, uint32_t c) {
  struct class_counts counts = {.both = (double)confusion[c * n + c]};
  for (uint32_t i = 0; i < n; i++) {
    counts.reference += (double)confusion[c * n + i];
    counts.predicted += (double)confusion[i * n + c];
  }
  return counts;
}

// NaN for a class that is in neither.
static double iou_of(struct class_counts c) {
  double either = c.reference + c.predicted - c.both;
  return either > 0 ? c.both / either : NAN;
}

static double dice_of(struct class_counts c) {
  double sum = c.reference + c.predicted;
  return sum > 0 ? 2 * c.both / sum : NAN;
}

// Mean over the classes that are there; NaN where none is.
static double mean_iou_of(const uint64_t *confusion, uint32_t n) {
  double sum = 0;
  uint32_t n_present = 0;
  for (uint32_t c = 0; c < n; c++) {
    double iou = iou_of(count_class(confusion, n, c));
    if (isnan(iou)) continue;
    sum += iou;
    n_present++;
  }
  return n_present ? sum / n_present : NAN;
}

// Until vc_metrics_finish, image_mean_iou is the running mean of the images and image_mean_iou_sd the running sum of
// squared distances to it (Welford 1962).
void vc_metrics_add_image(struct vc_metrics *m, const uint32_t *confusion) {
  uint64_t one[VC_MAX_CLASSES * VC_MAX_CLASSES];
  uint32_t n = m->n_classes;
  for (uint32_t i = 0; i < n * n; i++) {
    one[i] = confusion[i];
    m->confusion[i] += confusion[i];
  }
  double iou = mean_iou_of(one, n);
  if (isnan(iou)) return; // not one pixel that counts
  m->n_images++;
  double distance = iou - m->image_mean_iou;
  m->image_mean_iou += distance / m->n_images;
  m->image_mean_iou_sd += distance * (iou - m->image_mean_iou);
}

void vc_metrics_finish(struct vc_metrics *m) {
  uint32_t n = m->n_classes;
  double total = 0, right = 0;
  for (uint32_t c = 0; c < n; c++) {
    struct class_counts counts = count_class(m->confusion, n, c);
    m->iou[c] = iou_of(counts);
    m->dice[c] = dice_of(counts);
    right += counts.both;
    total += counts.reference;
  }
  m->mean_iou = mean_iou_of(m->confusion, n);
  m->accuracy = total > 0 ? right / total : NAN;
  // Everything but class 0, taken as one class.
  struct class_counts background = count_class(m->confusion, n, 0);
  double foreground = total - background.reference, predicted = total - background.predicted;
  double neither = background.both;
  m->foreground_iou = iou_of((struct class_counts){
      .both = foreground + predicted - (total - neither), .reference = foreground, .predicted = predicted});
  m->image_mean_iou_sd = m->n_images ? sqrt(m->image_mean_iou_sd / m->n_images) : NAN;
  if (m->n_images == 0) m->image_mean_iou = NAN;
  vc_instances_finish(&m->instances);
}

static void put_list(vc_json_writer *w, const char *key, const double *values, uint32_t n) {
  vc_json_begin_array(w, key);
  for (uint32_t i = 0; i < n; i++) vc_json_put_number(w, NULL, values[i]);
  vc_json_end_array(w);
}

void vc_metrics_json_members(vc_json_writer *w, const struct vc_metrics *m, const char *const *class_names,
                             int64_t epoch) {
  uint32_t n = m->n_classes;
  vc_json_put_number(w, "mean_iou", m->mean_iou);
  vc_json_put_number(w, "image_mean_iou", m->image_mean_iou);
  vc_json_put_number(w, "image_mean_iou_sd", m->image_mean_iou_sd);
  vc_json_put_number(w, "foreground_iou", m->foreground_iou);
  put_list(w, "iou", m->iou, n);
  put_list(w, "dice", m->dice, n);
  vc_json_put_number(w, "accuracy", m->accuracy);
  if (epoch >= 0) vc_json_put_number(w, "epoch", (double)epoch);
  vc_json_put_number(w, "images", m->n_images);
  if (m->instances.n_images) vc_instances_json(w, "instances", &m->instances);
  if (class_names) {
    vc_json_begin_array(w, "classes");
    for (uint32_t c = 0; c < n; c++) vc_json_put_string(w, NULL, class_names[c]);
    vc_json_end_array(w);
  }
  vc_json_begin_array(w, "confusion");
  for (uint32_t c = 0; c < n; c++) {
    vc_json_begin_array(w, NULL);
    for (uint32_t i = 0; i < n; i++) vc_json_put_number(w, NULL, (double)m->confusion[c * n + i]);
    vc_json_end_array(w);
  }
  vc_json_end_array(w);
}

void vc_metrics_json(vc_json_writer *w, const char *key, const struct vc_metrics *m, const char *const *class_names,
                     int64_t epoch) {
  vc_json_begin_object(w, key);
  vc_metrics_json_members(w, m, class_names, epoch);
  vc_json_end_object(w);
}
