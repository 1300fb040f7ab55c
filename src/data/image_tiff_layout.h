// Private to the TIFF reader: which planes of a file make up which image. Pure text, no TIFF.
#ifndef VC_DATA_IMAGE_TIFF_LAYOUT_H
#define VC_DATA_IMAGE_TIFF_LAYOUT_H

#include "vulcyte/base.h"

struct tiff_page {
  uint32_t first, n; // of tiff_layout.planes: one plane, or one for each channel
};
struct tiff_layout {
  uint32_t n_pages;
  struct tiff_page *pages;
  uint32_t *planes;   // numbers of directories; of frames where is_contiguous
  bool is_contiguous; // ImageJ's large stacks: one directory, the frames follow each other in the file
};
// description: that of the first directory, or NULL. Without word of ImageJ or OME each directory is a page.
// n_frames: how many uncompressed frames the file has room for from its first directory's on. VC_E_FORMAT where the
// description does not fit what the file holds.
vc_status tiff_layout_make(vc_arena *arena, const char *path, const char *description, uint32_t n_directories,
                           uint64_t n_frames, uint32_t n_samples, struct tiff_layout *out);

#endif
