// Which predicted object belongs to a reference object needs no table of overlaps: for average precision and for SEG it
// has to cover more than half of the reference object, so it is the majority among that object's pixels, found by
// Boyer and Moore's vote (1981) in one pass over the image and counted in a second.
#include "train/instances.h"

#include <math.h>
#include <stdlib.h>

#include "train/components.h"

enum {
  MAX_COLOURS = 4,       // as many colours tell the neighbours on any plane map apart
  MAX_MEAN_FRAGMENTS = 4 // pieces for each label, on average, that objects may have fallen into
};

// ---- the reference's objects ----------------------------------------------------------------------------------------

static int compare_u32(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static bool is_foreground(uint8_t class_index) {
  return class_index != 0 && class_index != VC_IGNORE_U8;
}

// Whether foreground of one label goes on from pixel i - 1 to i; rows follow one another.
static bool goes_on(const struct vc_instance_image *image, size_t i) {
  return i > 0 && is_foreground(image->reference[i - 1]) && image->labels[i - 1] == image->labels[i];
}

// The distinct labels of the foreground, ascending.
static vc_status distinct_labels(vc_arena *arena, const struct vc_instance_image *image, uint32_t **out_values,
                                 uint32_t *out_n) {
  size_t n_pixels = (size_t)image->width * image->height, n_runs = 0, k = 0;
  for (size_t i = 0; i < n_pixels; i++) n_runs += is_foreground(image->reference[i]) && !goes_on(image, i);
  uint32_t *values, n = 0;
  VC_TRY(VC_NEW(arena, n_runs, &values));
  for (size_t i = 0; i < n_pixels; i++)
    if (is_foreground(image->reference[i]) && !goes_on(image, i)) values[k++] = image->labels[i];
  if (n_runs > 1) qsort(values, n_runs, sizeof *values, compare_u32);
  for (size_t i = 0; i < n_runs; i++)
    if (n == 0 || values[n - 1] != values[i]) values[n++] = values[i];
  *out_values = values;
  *out_n = n;
  return VC_OK;
}

vc_status vc_instances_of_reference(vc_arena *arena, const struct vc_instance_image *image, uint32_t **out_objects,
                                    uint32_t *out_n) {
  size_t n_pixels = (size_t)image->width * image->height;
  uint32_t *values, n_values, *objects, *pieces, n_pieces;
  VC_TRY(distinct_labels(arena, image, &values, &n_values));
  VC_TRY(VC_NEW(arena, n_pixels, &objects));
  for (size_t i = 0; i < n_pixels; i++) {
    if (!is_foreground(image->reference[i])) continue;
    if (goes_on(image, i)) {
      objects[i] = objects[i - 1];
    } else {
      const uint32_t *found = bsearch(&image->labels[i], values, n_values, sizeof *values, compare_u32);
      objects[i] = (uint32_t)(found - values) + 1;
    }
  }
  VC_TRY(components_label_equal(arena, objects, image->width, image->height, &pieces, &n_pieces));
  bool are_numbers = n_values > MAX_COLOURS && n_pieces <= (uint64_t)MAX_MEAN_FRAGMENTS * n_values;
  *out_objects = are_numbers ? objects : pieces;
  *out_n = are_numbers ? n_values : n_pieces;
  return VC_OK;
}

// ---- matching -------------------------------------------------------------------------------------------------------

struct reference_object {
  uint32_t area;
  uint32_t candidate, votes; // the predicted object (0: none) that alone can have the majority of the area
  uint32_t shared;           // pixels with the candidate
};

struct matching {
  struct reference_object *objects; // [1..n_objects]
  uint32_t *areas;                  // of the predicted objects, [1..n_predicted]; pixels that count
  uint32_t n_objects, n_predicted;
  uint64_t n_counted; // pixels that are not ignored
};

static void vote(struct reference_object *r, uint32_t predicted) {
  r->area++;
  if (r->votes == 0) r->candidate = predicted;
  if (r->candidate == predicted)
    r->votes++;
  else
    r->votes--;
}

static vc_status match(vc_arena *arena, const struct vc_instance_image *image, struct matching *out) {
  size_t n_pixels = (size_t)image->width * image->height;
  uint32_t *reference, *predicted;
  VC_TRY(vc_instances_of_reference(arena, image, &reference, &out->n_objects));
  VC_TRY(components_label(arena, image->prediction, image->width, image->height, &predicted, &out->n_predicted));
  VC_TRY(VC_NEW(arena, (size_t)out->n_objects + 1, &out->objects));
  VC_TRY(VC_NEW(arena, (size_t)out->n_predicted + 1, &out->areas));
  out->n_counted = 0;
  for (size_t i = 0; i < n_pixels; i++) {
    if (image->reference[i] == VC_IGNORE_U8) continue;
    out->n_counted++;
    out->areas[predicted[i]]++;
    if (reference[i]) vote(&out->objects[reference[i]], predicted[i]);
  }
  for (size_t i = 0; i < n_pixels; i++) {
    struct reference_object *r = &out->objects[reference[i]];
    r->shared += reference[i] && r->candidate == predicted[i];
  }
  return VC_OK;
}

// ---- scores ---------------------------------------------------------------------------------------------------------

// Of an image; 1 where both sides are empty. The comparison IoU > t is made in whole numbers.
static double precision_at(const struct matching *m, uint32_t threshold_percent, uint32_t n_predicted) {
  uint32_t n_true = 0;
  for (uint32_t i = 1; i <= m->n_objects; i++) {
    const struct reference_object *r = &m->objects[i];
    if (r->candidate == 0) continue;
    uint64_t either = (uint64_t)r->area + m->areas[r->candidate] - r->shared;
    n_true += 100 * (uint64_t)r->shared > threshold_percent * either;
  }
  uint32_t n_all = m->n_objects + n_predicted - n_true;
  return n_all ? (double)n_true / n_all : 1;
}

static double sum_of_jaccard(const struct matching *m) {
  double sum = 0;
  for (uint32_t i = 1; i <= m->n_objects; i++) {
    const struct reference_object *r = &m->objects[i];
    if (r->candidate == 0 || 2 * (uint64_t)r->shared <= r->area) continue;
    sum += r->shared / ((double)r->area + m->areas[r->candidate] - r->shared);
  }
  return sum;
}

vc_status vc_instances_add_image(vc_arena *arena, const struct vc_instance_image *image, struct vc_metrics *m) {
  struct vc_instance_scores *scores = &m->instances;
  struct matching matching;
  VC_TRY(match(arena, image, &matching));
  if (matching.n_counted == 0) return VC_OK;
  uint32_t n_predicted = 0;
  for (uint32_t i = 1; i <= matching.n_predicted; i++) n_predicted += matching.areas[i] > 0;
  scores->n_images++;
  scores->n_objects += matching.n_objects;
  for (uint32_t k = 0; k < VC_N_AP; k++) scores->ap[k] += precision_at(&matching, 50 + 5 * k, n_predicted);
  scores->seg += sum_of_jaccard(&matching);
  return VC_OK;
}

void vc_instances_finish(struct vc_instance_scores *scores) {
  double sum = 0;
  for (uint32_t k = 0; k < VC_N_AP; k++) {
    scores->ap[k] = scores->n_images ? scores->ap[k] / scores->n_images : NAN;
    sum += scores->ap[k];
  }
  scores->mean_ap = sum / VC_N_AP;
  scores->seg = scores->n_objects ? scores->seg / (double)scores->n_objects : NAN;
}

void vc_instances_json(vc_json_writer *w, const char *key, const struct vc_instance_scores *scores) {
  vc_json_begin_object(w, key);
  vc_json_put_number(w, "ap50", scores->ap[0]);
  vc_json_put_number(w, "ap75", scores->ap[5]);
  vc_json_put_number(w, "map", scores->mean_ap);
  vc_json_put_number(w, "seg", scores->seg);
  vc_json_put_number(w, "objects", (double)scores->n_objects);
  vc_json_end_object(w);
}
