// Private to the writers of image files: what they share.
#ifndef VC_DATA_IMAGE_WRITER_H
#define VC_DATA_IMAGE_WRITER_H

#include "vulcyte/rows.h"

// The first member of each format's own writer, which destroy frees with everything but the file.
struct vc_image_writer {
  vc_status (*append)(struct vc_image_writer *w, const void *pixels, uint32_t n);
  vc_status (*finish)(struct vc_image_writer *w); // after the last row
  void (*destroy)(struct vc_image_writer *w);
  const char *path; // owned
  vc_file_writer *file;
};

// A zeroed writer of n_bytes with its file open.
vc_status image_writer_create(const char *path, size_t n_bytes, vc_image_writer **out);

#endif
