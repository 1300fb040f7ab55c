// Image files written by rows, whatever their format.
#include "image_writer.h"

#include <stdlib.h>
#include <string.h>

vc_status image_writer_create(const char *path, size_t n_bytes, vc_image_writer **out) {
  vc_image_writer *w = calloc(1, n_bytes);
  char *copy = w ? strdup(path) : NULL;
  vc_status status = copy ? vc_file_writer_open(path, &w->file) : VC_FAIL(VC_E_NOMEM, "%s: out of memory", path);
  if (status != VC_OK) {
    free(copy);
    free(w);
    return status;
  }
  w->path = copy;
  *out = w;
  return VC_OK;
}

vc_status vc_image_writer_append(vc_image_writer *w, const void *pixels, uint32_t n) {
  return w->append(w, pixels, n);
}

static void free_writer(vc_image_writer *w) {
  free((char *)(uintptr_t)w->path);
  w->destroy(w);
}

vc_status vc_image_writer_commit(vc_image_writer *w) {
  vc_status status = w->finish(w);
  if (status == VC_OK)
    status = vc_file_writer_commit(w->file);
  else
    vc_file_writer_discard(w->file);
  free_writer(w);
  return status;
}

void vc_image_writer_discard(vc_image_writer *w) {
  if (!w) return;
  vc_file_writer_discard(w->file);
  free_writer(w);
}

static vc_status write_whole(vc_image_writer *w, const struct vc_image *image) {
  vc_status status = vc_image_writer_append(w, image->pixels, image->height);
  if (status == VC_OK) return vc_image_writer_commit(w);
  vc_image_writer_discard(w);
  return status;
}

vc_status vc_png_write(const char *path, const struct vc_image *image, const uint8_t *palette_rgb) {
  vc_image_writer *w;
  VC_TRY(vc_png_writer_open(path, image, palette_rgb, &w));
  return write_whole(w, image);
}

vc_status vc_tiff_write(const char *path, const struct vc_image *image) {
  vc_image_writer *w;
  VC_TRY(vc_tiff_writer_open(path, image, &w));
  return write_whole(w, image);
}
