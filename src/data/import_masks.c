// Masks of instances from masks of other kinds.
#include "import.h"

#include "base/forest.h"

#include <stdlib.h>
#include <string.h>

// ---- connected regions ----

// A forest over the pixels; the first pixel of a region is its root.
vc_status import_components(vc_arena *arena, const uint32_t *labels, uint32_t width, uint32_t height,
                            uint32_t **out_ids, uint32_t *out_n) {
  size_t n_pixels = (size_t)width * height;
  uint32_t *parent, *ids, n = 0;
  if (n_pixels >= UINT32_MAX) return VC_FAIL(VC_E_INPUT, "%u x %u pixels are too many to number", width, height);
  VC_TRY(VC_NEW(arena, n_pixels, &parent));
  VC_TRY(VC_NEW(arena, n_pixels, &ids));
  for (uint32_t i = 0; i < n_pixels; i++) parent[i] = i;
  for (uint32_t i = 0; i < n_pixels; i++) {
    uint32_t x = i % width, label = labels[i];
    if (label == 0) continue;
    if (x > 0 && labels[i - 1] == label) forest_join(parent, i - 1, i);
    if (i < width) continue;
    if (labels[i - width] == label) forest_join(parent, i - width, i);
    if (x > 0 && labels[i - width - 1] == label) forest_join(parent, i - width - 1, i);
    if (x + 1 < width && labels[i - width + 1] == label) forest_join(parent, i - width + 1, i);
  }
  for (uint32_t i = 0; i < n_pixels; i++) {
    if (labels[i] == 0) continue;
    uint32_t root = forest_root(parent, i);
    ids[i] = root == i ? ++n : ids[root];
  }
  *out_ids = ids;
  *out_n = n;
  return VC_OK;
}

// ---- one mask an instance ----

struct instance {
  size_t number; // of the file
  uint32_t *pixels;
  uint32_t n_pixels;
};

static vc_status list_pixels(vc_arena *arena, const uint32_t *labels, size_t n, struct instance *out) {
  uint32_t count = 0;
  for (size_t i = 0; i < n; i++) count += labels[i] != 0;
  VC_TRY(VC_NEW(arena, count, &out->pixels));
  for (size_t i = 0; i < n; i++) {
    if (labels[i] != 0) out->pixels[out->n_pixels++] = (uint32_t)i;
  }
  return VC_OK;
}

static vc_status read_instance(vc_arena *arena, const char *path, uint32_t width, uint32_t height,
                               struct instance *out) {
  vc_arena *scratch;
  uint32_t mask_width = 0, mask_height = 0, *labels = NULL;
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = vc_mask_read(scratch, path, 0, -1, &mask_width, &mask_height, &labels);
  if (status == VC_OK && (mask_width != width || mask_height != height)) {
    status = VC_FAIL(VC_E_INPUT, "%s: %u x %u pixels where the image has %u x %u", path, mask_width, mask_height, width,
                     height);
  }
  if (status == VC_OK) status = list_pixels(arena, labels, (size_t)width * height, out);
  vc_arena_destroy(scratch);
  return status;
}

// Painted in this order the smallest, of equals the first file, stays on top.
static int compare_for_painting(const void *a, const void *b) {
  const struct instance *p = a, *q = b;
  if (p->n_pixels != q->n_pixels) return p->n_pixels > q->n_pixels ? -1 : 1;
  return p->number > q->number ? -1 : 1;
}

vc_status import_merge(vc_arena *arena, char *const *paths, size_t n_paths, uint32_t width, uint32_t height,
                       uint32_t **out_ids, uint32_t *out_n) {
  size_t n_pixels = (size_t)width * height;
  struct instance *instances;
  uint32_t *owners, *numbers, n = 0; // owners: 1 + number of the file
  if (n_pixels >= UINT32_MAX) return VC_FAIL(VC_E_INPUT, "%u x %u pixels are too many to number", width, height);
  VC_TRY(VC_NEW(arena, n_paths, &instances));
  VC_TRY(VC_NEW(arena, n_paths + 1, &numbers));
  VC_TRY(VC_NEW(arena, n_pixels, &owners));
  for (size_t i = 0; i < n_paths; i++) {
    instances[i].number = i;
    VC_TRY(read_instance(arena, paths[i], width, height, &instances[i]));
  }
  if (n_paths > 1) qsort(instances, n_paths, sizeof *instances, compare_for_painting);
  for (size_t i = 0; i < n_paths; i++) {
    for (uint32_t k = 0; k < instances[i].n_pixels; k++) {
      owners[instances[i].pixels[k]] = (uint32_t)instances[i].number + 1;
    }
  }
  for (size_t i = 0; i < n_pixels; i++) numbers[owners[i]] = 1;
  for (size_t i = 1; i <= n_paths; i++) numbers[i] = numbers[i] ? ++n : 0;
  numbers[0] = 0;
  for (size_t i = 0; i < n_pixels; i++) owners[i] = numbers[owners[i]];
  *out_ids = owners;
  *out_n = n;
  return VC_OK;
}
