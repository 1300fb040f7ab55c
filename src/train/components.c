// Two passes over the image with a union-find forest: trees of provisional labels, then final numbers.
#include "components.h"

#include "base/forest.h"
#include "vulcyte/terms.h"

// What is labelled: one of the two is not NULL.
struct picture {
  const uint8_t *classes;
  const uint32_t *values;
  uint32_t width, height;
};

static inline bool is_object(const struct picture *p, size_t i) {
  return p->values ? p->values[i] != 0 : p->classes[i] != 0 && p->classes[i] != VC_IGNORE_U8;
}

// Of two neighbours that are objects' pixels.
static inline bool is_same(const struct picture *p, size_t i, size_t j) {
  return !p->values || p->values[i] == p->values[j];
}

static uint32_t label_provisionally(const struct picture *p, size_t n_pixels, uint32_t *parent, uint32_t *labels) {
  uint32_t n_labels = 1, width = p->width;
  for (size_t i = 0; i < n_pixels; i++) {
    if (!is_object(p, i)) continue;
    uint32_t left = i % width > 0 ? labels[i - 1] : 0, above = i >= width ? labels[i - width] : 0;
    if (left && !is_same(p, i, i - 1)) left = 0;
    if (above && !is_same(p, i, i - width)) above = 0;
    if (left == 0 && above == 0) {
      parent[n_labels] = n_labels;
      labels[i] = n_labels++;
    } else {
      labels[i] = left && above ? forest_join(parent, left, above) : left ? left : above;
    }
  }
  return n_labels;
}

// max_labels: how many pixels can be neither below nor right of one of their component.
static vc_status label_picture(vc_arena *arena, const struct picture *p, size_t max_labels, uint32_t **out_labels,
                               uint32_t *out_n) {
  size_t n_pixels = (size_t)p->width * p->height;
  if (n_pixels > UINT32_MAX - 1)
    return VC_FAIL(VC_E_INPUT, "an image of %ux%u pixels has too many to number", p->width, p->height);
  uint32_t *labels, *parent, *number, n = 0;
  VC_TRY(VC_NEW(arena, n_pixels, &labels));
  VC_TRY(VC_NEW(arena, max_labels + 1, &parent));
  uint32_t n_labels = label_provisionally(p, n_pixels, parent, labels);
  VC_TRY(VC_NEW(arena, n_labels, &number));
  for (uint32_t label = 1; label < n_labels; label++) { // roots come before what hangs on them
    uint32_t root = forest_root(parent, label);
    number[label] = root == label ? ++n : number[root];
  }
  for (size_t i = 0; i < n_pixels; i++) labels[i] = number[labels[i]];
  *out_labels = labels;
  *out_n = n;
  return VC_OK;
}

vc_status components_label(vc_arena *arena, const uint8_t *classes, uint32_t width, uint32_t height,
                           uint32_t **out_labels, uint32_t *out_n) {
  const struct picture p = {.classes = classes, .width = width, .height = height};
  return label_picture(arena, &p, (size_t)width * height / 2 + 1, out_labels, out_n); // no two of them are neighbours
}

vc_status components_label_equal(vc_arena *arena, const uint32_t *values, uint32_t width, uint32_t height,
                                 uint32_t **out_labels, uint32_t *out_n) {
  const struct picture p = {.values = values, .width = width, .height = height};
  return label_picture(arena, &p, (size_t)width * height, out_labels, out_n);
}
