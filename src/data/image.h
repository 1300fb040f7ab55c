// Private to the readers: an open image file, and its samples as the file has them, before they become an image or
// labels.
#ifndef VC_DATA_IMAGE_H
#define VC_DATA_IMAGE_H

#include "vulcyte/base.h"
#include "vulcyte/data.h"
#include "vulcyte/rows.h"

enum {
  IMAGE_MAX_SIDE = 1 << 20,
  IMAGE_MAX_SAMPLES = 256, // of a pixel
};
#define IMAGE_MAX_BYTES ((uint64_t)1 << 31) // of a page's pixels

struct image_file {
  const char *path;
  int fd;
  uint64_t n_bytes;
};
// A regular file that is not empty, open for reading; close(out->fd) ends it. path stays borrowed.
vc_status image_file_open(const char *path, struct image_file *out);
// Bytes read, fewer than n at the end of the file or on an error.
size_t image_file_read(const struct image_file *file, uint64_t offset, void *out, size_t n);

enum raster_kind { RASTER_UINT, RASTER_INT, RASTER_FLOAT };

// One page, or some rows of it. Samples are interleaved, in native byte order, each in a container of `bits` bits.
struct raster {
  uint32_t width, height;
  uint32_t top;        // the page's row that is the first here
  uint32_t n_samples;  // of a pixel, alpha included
  uint32_t n_channels; // without alpha, which comes last
  uint32_t bits;       // 8, 16, 32 or 64
  uint32_t depth;      // bits in use: 1..16 for UINT in 8 or 16, else equal to bits
  enum raster_kind kind;
  bool is_inverted;         // 0 is white
  bool has_palette;         // samples are indices (n_samples 1, kind UINT)
  uint8_t palette[3 * 256]; // RGB; filled with the pixels
  void *data;               // malloc'd; NULL after reading a header only
};
// VC_E_FORMAT for sides of 0, VC_E_INPUT for sides and samples beyond the limits above.
vc_status raster_check(const char *path, const struct raster *r);
// Allocates data for the raster's shape; VC_E_INPUT where that is over IMAGE_MAX_BYTES.
vc_status raster_alloc(const char *path, struct raster *r);

size_t raster_row_bytes(const struct raster *r);

// PNG. with_pixels false: the header only. On failure out->data is NULL.
vc_status image_png_read(const struct image_file *file, bool with_pixels, struct raster *out);

// PNG by rows. file stays borrowed. Interlaced ones have no rows before the end: they are for image_png_read.
typedef struct image_png image_png;
vc_status image_png_open(const struct image_file *file, image_png **out);
void image_png_close(image_png *p);
bool image_png_is_interlaced(const image_png *p);
void image_png_describe(const image_png *p, struct raster *out);
// Rows first .. first + n - 1, as a raster of n rows. Going up starts again at the top of the file. On failure
// out->data is NULL.
vc_status image_png_read_rows(image_png *p, uint32_t first, uint32_t n, struct raster *out);

// TIFF: opened once, then any of its pages. file stays borrowed.
typedef struct image_tiff image_tiff;
vc_status image_tiff_open(const struct image_file *file, image_tiff **out);
void image_tiff_close(image_tiff *t);
uint32_t image_tiff_n_pages(const image_tiff *t);
vc_status image_tiff_describe(image_tiff *t, uint32_t page, struct raster *out); // without pixels
vc_status image_tiff_read(image_tiff *t, uint32_t page, struct raster *out);
// Rows first .. first + n - 1 of a page, as a raster of n rows. On failure out->data is NULL.
vc_status image_tiff_read_rows(image_tiff *t, uint32_t page, uint32_t first, uint32_t n, struct raster *out);
// How many rows are decoded together: bands that start and end at multiples of it decode nothing twice.
uint32_t image_tiff_block_rows(image_tiff *t, uint32_t page);

enum image_file_type { IMAGE_FILE_PNG, IMAGE_FILE_TIFF };
// By the first bytes; VC_E_FORMAT for others.
vc_status image_find_type(const struct image_file *file, enum image_file_type *out);
// What an image made of the raster is like; n_channels as vc_image_read.
vc_status image_describe(const char *where, const struct raster *r, uint32_t n_channels, struct vc_image *out);
// Fills the pixels of an image so described.
vc_status image_convert(const char *where, const struct raster *r, const struct vc_image *image);
// vc_image_rows_open, where pages of up to whole_bytes are held whole and chunk_bytes are decoded at once, unless the
// file's tiles are larger.
vc_status image_rows_open(vc_arena *arena, const char *path, uint32_t page, uint32_t n_channels, uint64_t whole_bytes,
                          uint64_t chunk_bytes, vc_image_rows **out);
// The header of every page of a file, each small enough for vc_image_read; *out_infos is malloc'd.
vc_status image_read_pages(const char *path, struct vc_image_info **out_infos, uint32_t *out_n);
// Fails if an image of that many channels cannot be read as n_channels (as vc_image_read).
vc_status image_check_channels(const char *path, uint32_t n_stored, uint32_t n_channels);

#endif
