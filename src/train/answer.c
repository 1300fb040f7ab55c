// What a prediction leaves: each row goes to its files as soon as no tile can change it any more.
#include "answer.h"

#include "components.h"
#include "npy.h"
#include "overlay.h"

#include <unistd.h>

enum { SLICE = 64 }; // rows whose classes are found together

struct vc_answer {
  vc_arena *arena;
  char *overlays;                       // the folder
  bool has_made_dir, has_made_overlays; // and would leave them empty
  struct vc_answer_desc desc;
  uint32_t width, height;
  uint8_t *classes; // SLICE rows
  size_t pixel_bytes;
  vc_image_writer *mask, *instances;
  vc_file_writer *npy;
  size_t npy_head_bytes;
  struct overlay_rows *overlay;
  struct component_rows *components;
};

static void discard(void *object) {
  vc_answer *a = object;
  vc_image_writer_discard(a->mask);
  vc_image_writer_discard(a->instances);
  if (a->npy) vc_file_writer_discard(a->npy);
  if (a->has_made_overlays) rmdir(a->overlays); // unless there is something in it
  if (a->has_made_dir) rmdir(a->desc.dir);
}

static vc_status result_path(const vc_answer *a, const char *ending, char **out) {
  return vc_arena_printf(a->arena, out, "%s/%s%s", a->desc.dir, a->desc.stem, ending);
}

static vc_status open_mask(vc_answer *a) {
  char *path;
  const struct vc_image shape = {.width = a->width, .height = a->height, .channels = 1, .format = VC_PIXEL_U8};
  VC_TRY(result_path(a, ".png", &path));
  return vc_png_writer_open(path, &shape, a->desc.palette_rgb, &a->mask);
}

static vc_status open_npy(vc_answer *a) {
  const uint32_t shape[3] = {a->desc.n_classes, a->height, a->width};
  char head[VC_NPY_HEAD_BYTES], *path;
  a->npy_head_bytes = vc_npy_head(shape, 3, head);
  VC_TRY(result_path(a, ".npy", &path));
  VC_TRY(vc_file_writer_open(path, &a->npy));
  return vc_file_writer_append(a->npy, head, a->npy_head_bytes);
}

static vc_status open_overlay(vc_answer *a, vc_image_rows *image) {
  char *path;
  VC_TRY(vc_path_join(a->arena, a->desc.dir, "overlays", &a->overlays));
  a->has_made_overlays = !vc_path_exists(a->overlays);
  VC_TRY(vc_path_make_dirs(a->overlays));
  VC_TRY(vc_arena_printf(a->arena, &path, "%s/%s.png", a->overlays, a->desc.stem));
  return overlay_rows_open(a->arena, path, image, &a->overlay);
}

vc_status vc_answer_open(vc_arena *arena, const struct vc_answer_desc *desc, vc_image_rows *image, vc_answer **out) {
  vc_answer *a;
  VC_TRY(VC_NEW(arena, 1, &a));
  const struct vc_image_info *info = vc_image_rows_info(image);
  *a = (struct vc_answer){.arena = arena,
                          .desc = *desc,
                          .width = info->width,
                          .height = info->height,
                          .pixel_bytes = (size_t)info->channels * vc_pixel_bytes(info->format)};
  VC_TRY(vc_arena_defer(arena, discard, a));
  VC_TRY(VC_NEW(arena, (size_t)SLICE * a->width, &a->classes));
  a->has_made_dir = !vc_path_exists(desc->dir);
  VC_TRY(vc_path_make_dirs(desc->dir));
  if (desc->kinds & VC_ANSWER_MASK) VC_TRY(open_mask(a));
  if (desc->kinds & VC_ANSWER_PROBABILITIES) VC_TRY(open_npy(a));
  if (desc->kinds & VC_ANSWER_OVERLAY) VC_TRY(open_overlay(a, image));
  if (desc->kinds & VC_ANSWER_INSTANCES) VC_TRY(component_rows_create(arena, desc->dir, a->width, &a->components));
  *out = a;
  return VC_OK;
}

static void find_classes(const vc_answer *a, const float *probabilities, size_t plane, size_t n_pixels) {
  for (size_t i = 0; i < n_pixels; i++) {
    uint32_t best = 0;
    for (uint32_t c = 1; c < a->desc.n_classes; c++) {
      if (probabilities[c * plane + i] > probabilities[best * plane + i]) best = c;
    }
    a->classes[i] = (uint8_t)best;
  }
}

vc_status vc_answer_take(void *answer, uint32_t first, uint32_t n, const float *probabilities, size_t plane,
                         const void *pixels) {
  vc_answer *a = answer;
  const size_t w = a->width, row_bytes = w * a->pixel_bytes;
  for (uint32_t c = 0; a->npy && c < a->desc.n_classes; c++) {
    const uint64_t at = a->npy_head_bytes + 4 * w * ((uint64_t)c * a->height + first);
    VC_TRY(vc_file_writer_write_at(a->npy, at, probabilities + c * plane, 4 * w * n));
  }
  for (uint32_t y = 0; y < n; y += SLICE) {
    const uint32_t n_rows = VC_MIN(SLICE, n - y);
    find_classes(a, probabilities + y * w, plane, n_rows * w);
    if (a->mask) VC_TRY(vc_image_writer_append(a->mask, a->classes, n_rows));
    if (a->overlay) VC_TRY(overlay_rows_add(a->overlay, (const uint8_t *)pixels + y * row_bytes, a->classes, n_rows));
    if (a->components) VC_TRY(component_rows_add(a->components, a->classes, n_rows));
  }
  return VC_OK;
}

static vc_status append_labels(vc_answer *a, vc_image_writer *file) {
  uint32_t *row;
  VC_TRY(VC_NEW(a->arena, a->width, &row));
  for (uint32_t y = 0; y < a->height; y++) {
    VC_TRY(component_rows_next(a->components, row));
    VC_TRY(vc_image_writer_append(file, row, 1));
  }
  return VC_OK;
}

static vc_status write_instances(vc_answer *a) {
  char *path;
  uint32_t n;
  VC_TRY(component_rows_finish(a->components, &n));
  VC_TRY(result_path(a, ".tif", &path));
  VC_TRY(vc_label_writer_open(path, a->width, a->height, n, &a->instances));
  return append_labels(a, a->instances);
}

static vc_status commit_image(vc_image_writer **inout_writer) {
  vc_image_writer *w = *inout_writer;
  *inout_writer = NULL;
  return w ? vc_image_writer_commit(w) : VC_OK;
}

vc_status vc_answer_commit(vc_answer *a) {
  vc_file_writer *npy = a->npy;
  if (a->components) VC_TRY(write_instances(a));
  VC_TRY(commit_image(&a->mask));
  VC_TRY(commit_image(&a->instances));
  if (a->overlay) VC_TRY(overlay_rows_commit(a->overlay));
  a->npy = NULL;
  return npy ? vc_file_writer_commit(npy) : VC_OK;
}
