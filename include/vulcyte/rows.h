// vulcyte/rows.h: images that are read and written a few rows at a time, so that they may be larger than memory.
#ifndef VULCYTE_ROWS_H
#define VULCYTE_ROWS_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- reading ----------------------------------------------------------------------------------------------------

typedef struct vc_image_rows vc_image_rows;
// A page of a file, converted as vc_image_read does it. A page of more than 64 MiB of pixels is decoded as its rows are
// asked for, and may have more than 2^31 bytes; only an interlaced PNG is held whole. path is borrowed; closed with the
// arena.
vc_status vc_image_rows_open(vc_arena *arena, const char *path, uint32_t page, uint32_t n_channels,
                             vc_image_rows **out);
// The rows of an image in memory, which is borrowed.
vc_status vc_image_rows_of(vc_arena *arena, const struct vc_image *image, vc_image_rows **out);
const struct vc_image_info *vc_image_rows_info(const vc_image_rows *r); // pages is not told (0)
// Rows first .. first + n - 1, channels interleaved, valid until the next call. Ascending calls decode nothing twice
// that they share; an earlier row starts again from there. Memory: those rows and one row of tiles.
vc_status vc_image_rows_get(vc_image_rows *r, uint32_t first, uint32_t n, const void **out_pixels);
// Minimum and maximum of each channel, in a pass over all rows.
vc_status vc_image_rows_range(vc_image_rows *r, double *out_min, double *out_max);

// ---- writing ----------------------------------------------------------------------------------------------------

// A file that appears whole with commit, or not at all. shape: an image whose pixels are not looked at.
typedef struct vc_image_writer vc_image_writer;
vc_status vc_png_writer_open(const char *path, const struct vc_image *shape, const uint8_t *palette_rgb,
                             vc_image_writer **out); // as vc_png_write
vc_status vc_tiff_writer_open(const char *path, const struct vc_image *shape,
                              vc_image_writer **out); // as vc_tiff_write; BigTIFF where 4 GiB may not do
// Labels 0 .. max_label: samples of 16 bits, of 32 where they need more. Rows are appended as uint32_t.
vc_status vc_label_writer_open(const char *path, uint32_t width, uint32_t height, uint32_t max_label,
                               vc_image_writer **out);
// The next n rows.
vc_status vc_image_writer_append(vc_image_writer *w, const void *pixels, uint32_t n);
vc_status vc_image_writer_commit(vc_image_writer *w); // all rows are there; frees w, also on failure
void vc_image_writer_discard(vc_image_writer *w);     // leaves no file; frees w; NULL is allowed

#ifdef __cplusplus
}
#endif
#endif
