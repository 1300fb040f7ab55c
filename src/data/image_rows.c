// Rows of an image as they are wanted: a window that moves down the page.
#include "image.h"
#include "vulcyte/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vc_image_rows {
  struct vc_image_info info;
  size_t row_bytes;
  const uint8_t *whole; // NULL: read from the file as follows
  struct image_file file;
  image_tiff *tiff; // or
  image_png *png;
  uint32_t page, chunk_rows;   // a multiple of what the file decodes together
  uint8_t *window;             // malloc'd
  uint32_t first, n, capacity; // rows there
};

static void close_rows(void *object) {
  vc_image_rows *r = object;
  image_tiff_close(r->tiff);
  image_png_close(r->png);
  close(r->file.fd);
  free(r->window);
}

static void set_shape(vc_image_rows *r, const struct vc_image *image) {
  r->info = (struct vc_image_info){
      .width = image->width, .height = image->height, .channels = image->channels, .format = image->format};
  r->row_bytes = (size_t)image->width * image->channels * vc_pixel_bytes(image->format);
}

vc_status vc_image_rows_of(vc_arena *arena, const struct vc_image *image, vc_image_rows **out) {
  vc_image_rows *r;
  VC_TRY(VC_NEW(arena, 1, &r));
  set_shape(r, image);
  r->whole = image->pixels;
  *out = r;
  return VC_OK;
}

static vc_status open_page(vc_image_rows *r, uint32_t page, struct raster *out_header, uint64_t *out_block_rows) {
  enum image_file_type type;
  VC_TRY(image_find_type(&r->file, &type));
  if (type == IMAGE_FILE_PNG) {
    VC_TRY(image_png_open(&r->file, &r->png));
    image_png_describe(r->png, out_header);
    *out_block_rows = 1;
    return VC_OK;
  }
  VC_TRY(image_tiff_open(&r->file, &r->tiff));
  VC_TRY(image_tiff_describe(r->tiff, page, out_header));
  *out_block_rows = image_tiff_block_rows(r->tiff, page);
  return VC_OK;
}

// r->chunk_rows stays 0 where the page is to be held whole.
static vc_status open_large(vc_image_rows *r, uint32_t page, uint32_t n_channels, uint64_t whole_bytes,
                            uint64_t chunk_bytes) {
  struct raster header;
  struct vc_image image;
  uint64_t n_block;
  VC_TRY(open_page(r, page, &header, &n_block));
  VC_TRY(image_describe(r->file.path, &header, n_channels, &image));
  set_shape(r, &image);
  const bool has_rows = !r->png || (page == 0 && !image_png_is_interlaced(r->png));
  if (!has_rows || r->row_bytes * image.height <= whole_bytes) return VC_OK;
  r->page = page;
  r->chunk_rows = (uint32_t)(n_block * VC_MAX(chunk_bytes / (r->row_bytes * n_block), 1));
  return VC_OK;
}

vc_status image_rows_open(vc_arena *arena, const char *path, uint32_t page, uint32_t n_channels, uint64_t whole_bytes,
                          uint64_t chunk_bytes, vc_image_rows **out) {
  vc_image_rows *r;
  VC_TRY(VC_NEW(arena, 1, &r));
  VC_TRY(image_file_open(path, &r->file));
  vc_status status = open_large(r, page, n_channels, whole_bytes, chunk_bytes);
  if (status == VC_OK && r->chunk_rows > 0) {
    *out = r;
    return vc_arena_defer(arena, close_rows, r);
  }
  close_rows(r);
  VC_TRY(status);
  struct vc_image image;
  VC_TRY(vc_image_read(arena, path, page, n_channels, &image));
  return vc_image_rows_of(arena, &image, out);
}

vc_status vc_image_rows_open(vc_arena *arena, const char *path, uint32_t page, uint32_t n_channels,
                             vc_image_rows **out) {
  return image_rows_open(arena, path, page, n_channels, (uint64_t)64 << 20, (uint64_t)8 << 20, out);
}

const struct vc_image_info *vc_image_rows_info(const vc_image_rows *r) {
  return &r->info;
}

// Forgets the rows above `first` and makes room down to row end - 1.
static vc_status move_window(vc_image_rows *r, uint32_t first, uint32_t end) {
  const uint32_t n_gone = first >= r->first && first - r->first < r->n ? first - r->first : r->n;
  r->n -= n_gone;
  if (r->n > 0) memmove(r->window, r->window + n_gone * r->row_bytes, r->n * r->row_bytes);
  r->first = r->n == 0 ? first : r->first + n_gone;
  if (end - r->first <= r->capacity) return VC_OK;
  uint8_t *grown = realloc(r->window, (size_t)(end - r->first) * r->row_bytes);
  if (!grown) return VC_FAIL(VC_E_NOMEM, "%s: no memory for %u rows", r->file.path, end - r->first);
  r->window = grown;
  r->capacity = end - r->first;
  return VC_OK;
}

// Decodes the chunk that holds the first row behind the window.
static vc_status read_chunk(vc_image_rows *r, uint32_t from) {
  const uint32_t top = from - from % r->chunk_rows, n = VC_MIN(r->chunk_rows, r->info.height - top);
  struct raster raster = {0};
  VC_TRY(r->png ? image_png_read_rows(r->png, top, n, &raster)
                : image_tiff_read_rows(r->tiff, r->page, top, n, &raster));
  const uint32_t n_above = from - top;
  const size_t row_bytes = raster_row_bytes(&raster);
  struct raster rows = raster; // those that are wanted
  rows.top = from;
  rows.height = n - n_above;
  rows.data = (uint8_t *)raster.data + n_above * row_bytes;
  const struct vc_image image = {.width = r->info.width,
                                 .height = rows.height,
                                 .channels = r->info.channels,
                                 .format = r->info.format,
                                 .pixels = r->window + (from - r->first) * r->row_bytes};
  const vc_status status = image_convert(r->file.path, &rows, &image);
  free(raster.data);
  if (status == VC_OK) r->n = from + rows.height - r->first;
  return status;
}

vc_status vc_image_rows_get(vc_image_rows *r, uint32_t first, uint32_t n, const void **out_pixels) {
  VC_ASSERT(n > 0 && first < r->info.height && n <= r->info.height - first);
  if (r->whole) {
    *out_pixels = r->whole + first * r->row_bytes;
    return VC_OK;
  }
  const uint64_t end = VC_MIN(vc_round_up((uint64_t)first + n, r->chunk_rows), r->info.height);
  VC_TRY(move_window(r, first, (uint32_t)end));
  while (r->first + r->n < first + n) VC_TRY(read_chunk(r, r->first + r->n));
  *out_pixels = r->window + (first - r->first) * r->row_bytes;
  return VC_OK;
}

static void widen(const struct vc_image *rows, double *min, double *max) {
  const size_t n = (size_t)rows->width * rows->height * rows->channels;
  for (size_t i = 0; i < n; i++) {
    const uint32_t c = (uint32_t)(i % rows->channels);
    const double value = vc_image_value(rows, i);
    min[c] = VC_MIN(min[c], value);
    max[c] = VC_MAX(max[c], value);
  }
}

vc_status vc_image_rows_range(vc_image_rows *r, double *out_min, double *out_max) {
  enum { ROWS = 64 };
  const struct vc_image_info *info = &r->info;
  for (uint32_t c = 0; c < info->channels; c++) out_min[c] = (double)INFINITY, out_max[c] = -(double)INFINITY;
  for (uint32_t y = 0; y < info->height; y += ROWS) {
    const void *pixels;
    const uint32_t n = VC_MIN(ROWS, info->height - y);
    VC_TRY(vc_image_rows_get(r, y, n, &pixels));
    const struct vc_image rows = {info->width, n, info->channels, info->format, (void *)(uintptr_t)pixels};
    widen(&rows, out_min, out_max);
  }
  return VC_OK;
}
