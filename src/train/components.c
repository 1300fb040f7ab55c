// Two passes over the image with a union-find forest: trees of provisional labels, then final numbers.
#include "components.h"

#include "vulcyte/terms.h"

static uint32_t find_root(uint32_t *parent, uint32_t label) {
  while (parent[label] != label) {
    parent[label] = parent[parent[label]];
    label = parent[label];
  }
  return label;
}

// The smaller root stays, so that a component keeps the label of its first pixel.
static uint32_t join(uint32_t *parent, uint32_t a, uint32_t b) {
  a = find_root(parent, a);
  b = find_root(parent, b);
  if (a < b) return parent[b] = a;
  return parent[a] = b;
}

vc_status components_label(vc_arena *arena, const uint8_t *classes, uint32_t width, uint32_t height,
                           uint32_t **out_labels, uint32_t *out_n) {
  size_t n_pixels = (size_t)width * height;
  if (n_pixels > UINT32_MAX - 1)
    return VC_FAIL(VC_E_INPUT, "an image of %ux%u pixels has too many to number", width, height);
  uint32_t *labels, *parent, n_labels = 1, n = 0;
  VC_TRY(VC_NEW(arena, n_pixels, &labels));
  VC_TRY(VC_NEW(arena, n_pixels / 2 + 2, &parent)); // a new label has no labelled neighbour left of or above it
  for (size_t i = 0; i < n_pixels; i++) {
    if (classes[i] == 0 || classes[i] == VC_IGNORE_U8) continue;
    uint32_t left = i % width > 0 ? labels[i - 1] : 0, above = i >= width ? labels[i - width] : 0;
    if (left == 0 && above == 0) {
      parent[n_labels] = n_labels;
      labels[i] = n_labels++;
    } else {
      labels[i] = left && above ? join(parent, left, above) : left ? left : above;
    }
  }
  uint32_t *number;
  VC_TRY(VC_NEW(arena, n_labels, &number));
  for (uint32_t label = 1; label < n_labels; label++) { // roots come before what hangs on them
    uint32_t root = find_root(parent, label);
    number[label] = root == label ? ++n : number[root];
  }
  for (size_t i = 0; i < n_pixels; i++) labels[i] = number[labels[i]];
  *out_labels = labels;
  *out_n = n;
  return VC_OK;
}
