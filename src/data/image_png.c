// PNG by libpng, the only file that knows it.
#include "image.h"
#include "image_writer.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES = 160 };

// What a callback of libpng can reach. Everything that changes after setjmp stands here or behind a pointer.
struct png_job {
  const struct image_file *file;
  uint64_t position;
  char message[MESSAGE_BYTES];
  png_structp png;
  png_infop info;
};

static void on_error(png_structp png, png_const_charp text) {
  struct png_job *job = png_get_error_ptr(png);
  size_t n = VC_MIN(strlen(text), MESSAGE_BYTES - 1);
  memcpy(job->message, text, n);
  job->message[n] = '\0';
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png; // libpng warns of what it could read all the same
  (void)text;
}

static void on_read(png_structp png, png_bytep out, size_t n) {
  struct png_job *job = png_get_io_ptr(png);
  if (image_file_read(job->file, job->position, out, n) != n) png_error(png, "the file ends too early");
  job->position += n;
}

// ---- reading ----

// The sides as the first chunk has them, looked at before libpng sees (and words) them.
static vc_status check_sides(const struct image_file *file) {
  uint8_t b[24];
  if (image_file_read(file, 0, b, sizeof b) != sizeof b || memcmp(b + 12, "IHDR", 4) != 0) {
    return VC_FAIL(VC_E_FORMAT, "%s: the PNG header is damaged or cut short; export or copy the file again",
                   file->path);
  }
  struct raster r = {.n_samples = 1, .bits = 8};
  r.width = (uint32_t)b[16] << 24 | (uint32_t)b[17] << 16 | (uint32_t)b[18] << 8 | b[19];
  r.height = (uint32_t)b[20] << 24 | (uint32_t)b[21] << 16 | (uint32_t)b[22] << 8 | b[23];
  return raster_check(file->path, &r);
}

static vc_status read_header(struct png_job *job, struct raster *out) {
  png_structp png = job->png;
  png_set_user_limits(png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
  png_set_read_fn(png, job, on_read);
  png_read_info(png, job->info);
  int colour = png_get_color_type(png, job->info);
  out->width = png_get_image_width(png, job->info);
  out->height = png_get_image_height(png, job->info);
  out->n_samples = png_get_channels(png, job->info);
  out->n_channels = colour & PNG_COLOR_MASK_ALPHA ? out->n_samples - 1 : out->n_samples;
  out->depth = png_get_bit_depth(png, job->info);
  out->bits = out->depth == 16 ? 16 : 8;
  out->kind = RASTER_UINT;
  out->has_palette = colour == PNG_COLOR_TYPE_PALETTE;
  VC_TRY(raster_check(job->file->path, out));
  // Deflate packs at most 1032 to 1: a header that promises more lies, and is not worth the memory.
  uint64_t row_bytes = ((uint64_t)out->width * out->n_samples * out->depth + 7) / 8;
  if (row_bytes * out->height / 1100 > job->file->n_bytes) {
    return VC_FAIL(VC_E_FORMAT, "%s: too short for %u x %u pixels; export or copy the file again", job->file->path,
                   out->width, out->height);
  }
  return VC_OK;
}

// The palette, and samples as a raster has them. *out_passes: how often all rows are to be read.
static void begin_rows(struct png_job *job, struct raster *out, int *out_passes) {
  png_structp png = job->png;
  png_colorp colours;
  int n_colours = 0;
  if (out->has_palette && png_get_PLTE(png, job->info, &colours, &n_colours) != 0) {
    for (int i = 0; i < VC_MIN(n_colours, 256); i++) {
      out->palette[3 * i] = colours[i].red;
      out->palette[3 * i + 1] = colours[i].green;
      out->palette[3 * i + 2] = colours[i].blue;
    }
  }
  png_set_packing(png); // depths under 8 arrive one sample a byte, not stretched
  uint16_t one = 1;
  if (out->bits == 16 && *(const uint8_t *)&one == 1) png_set_swap(png);
  *out_passes = png_set_interlace_handling(png);
  png_read_update_info(png, job->info);
  VC_ASSERT(png_get_rowbytes(png, job->info) == raster_row_bytes(out));
}

static vc_status read_pixels(struct png_job *job, struct raster *out) {
  png_structp png = job->png;
  const size_t row_bytes = raster_row_bytes(out);
  int n_passes;
  begin_rows(job, out, &n_passes);
  VC_TRY(raster_alloc(job->file->path, out));
  for (int pass = 0; pass < n_passes; pass++) {
    for (uint32_t y = 0; y < out->height; y++) png_read_row(png, (png_bytep)out->data + y * row_bytes, NULL);
  }
  png_read_end(png, NULL); // a file without its end is a cut one
  return VC_OK;
}

static vc_status fail_decode(const struct png_job *job) {
  return VC_FAIL(VC_E_FORMAT,
                 "%s: cannot be decoded as PNG (%s); the file is damaged or cut short, export or copy it again",
                 job->file->path, job->message);
}

static vc_status create_reader(struct png_job *job) {
  job->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, on_error, on_warning);
  job->info = job->png ? png_create_info_struct(job->png) : NULL;
  return job->info ? VC_OK : VC_FAIL(VC_E_NOMEM, "%s: out of memory", job->file->path);
}

static vc_status read_guarded(struct png_job *job, bool with_pixels, struct raster *out) {
  if (setjmp(png_jmpbuf(job->png))) return fail_decode(job);
  VC_TRY(read_header(job, out));
  return with_pixels ? read_pixels(job, out) : VC_OK;
}

vc_status image_png_read(const struct image_file *file, bool with_pixels, struct raster *out) {
  VC_TRY(check_sides(file));
  struct png_job job = {.file = file};
  vc_status status = create_reader(&job);
  if (status == VC_OK) status = read_guarded(&job, with_pixels, out);
  png_destroy_read_struct(&job.png, &job.info, NULL);
  if (status != VC_OK) {
    free(out->data);
    out->data = NULL;
  }
  return status;
}

// ---- reading row by row ----

struct image_png {
  struct png_job job;
  struct raster shape;
  uint8_t *skipped; // room for a row that nobody asked for
  uint32_t next;    // the row that comes next
};

static vc_status begin_guarded(image_png *p) {
  int n_passes;
  if (setjmp(png_jmpbuf(p->job.png))) return fail_decode(&p->job);
  VC_TRY(read_header(&p->job, &p->shape));
  begin_rows(&p->job, &p->shape, &n_passes);
  return VC_OK;
}

static vc_status restart(image_png *p) {
  png_destroy_read_struct(&p->job.png, &p->job.info, NULL);
  p->job.position = p->next = 0;
  VC_TRY(create_reader(&p->job));
  return begin_guarded(p);
}

vc_status image_png_open(const struct image_file *file, image_png **out) {
  VC_TRY(check_sides(file));
  image_png *p = calloc(1, sizeof *p);
  if (!p) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", file->path);
  p->job.file = file;
  vc_status status = restart(p);
  if (status == VC_OK) p->skipped = malloc(raster_row_bytes(&p->shape));
  if (status == VC_OK && !p->skipped) status = VC_FAIL(VC_E_NOMEM, "%s: out of memory", file->path);
  if (status == VC_OK)
    *out = p;
  else
    image_png_close(p);
  return status;
}

void image_png_close(image_png *p) {
  if (!p) return;
  png_destroy_read_struct(&p->job.png, &p->job.info, NULL);
  free(p->skipped);
  free(p);
}

bool image_png_is_interlaced(const image_png *p) {
  return png_get_interlace_type(p->job.png, p->job.info) != PNG_INTERLACE_NONE;
}

void image_png_describe(const image_png *p, struct raster *out) {
  *out = p->shape;
}

static vc_status read_rows_guarded(image_png *p, uint32_t first, const struct raster *out) {
  png_structp png = p->job.png;
  if (setjmp(png_jmpbuf(png))) return fail_decode(&p->job);
  for (; p->next < first + out->height; p->next++) {
    uint8_t *wanted = (uint8_t *)out->data + (p->next - first) * raster_row_bytes(out);
    png_read_row(png, p->next < first ? p->skipped : wanted, NULL);
  }
  if (p->next == p->shape.height) png_read_end(png, NULL); // a file without its end is a cut one
  return VC_OK;
}

vc_status image_png_read_rows(image_png *p, uint32_t first, uint32_t n, struct raster *out) {
  if (first < p->next) VC_TRY(restart(p));
  *out = p->shape;
  out->top = first;
  out->height = n;
  VC_TRY(raster_alloc(p->job.file->path, out));
  const vc_status status = read_rows_guarded(p, first, out);
  if (status == VC_OK) return VC_OK;
  free(out->data);
  out->data = NULL;
  p->next = UINT32_MAX; // libpng cannot go on
  return status;
}

// ---- writing ----

struct png_writer {
  vc_image_writer base;
  png_structp png;
  png_infop info;
  struct vc_image shape;
  vc_status write_status; // of the file, whose message stands
  char message[MESSAGE_BYTES];
};

static void on_write_error(png_structp png, png_const_charp text) {
  struct png_writer *w = png_get_error_ptr(png);
  snprintf(w->message, MESSAGE_BYTES, "%s", text);
  png_longjmp(png, 1);
}

static void on_write(png_structp png, png_bytep data, size_t n) {
  struct png_writer *w = png_get_io_ptr(png);
  w->write_status = vc_file_writer_append(w->base.file, data, n);
  if (w->write_status != VC_OK) png_error(png, "write failed");
}

static void on_flush(png_structp png) {
  (void)png;
}

static vc_status fail_write(const struct png_writer *w) {
  if (w->write_status != VC_OK) return w->write_status;
  return VC_FAIL(VC_E_INTERNAL, "%s: PNG could not be written: %s", w->base.path, w->message);
}

static vc_status begin(struct png_writer *w, const uint8_t *palette_rgb) {
  static const int colours[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGBA};
  png_structp png = w->png;
  const struct vc_image *image = &w->shape;
  if (setjmp(png_jmpbuf(png))) return fail_write(w);
  png_set_write_fn(png, w, on_write, on_flush);
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_IHDR(png, w->info, image->width, image->height, image->format == VC_PIXEL_U16 ? 16 : 8,
               palette_rgb ? PNG_COLOR_TYPE_PALETTE : colours[image->channels - 1], PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (palette_rgb) {
    png_color entries[256];
    for (size_t i = 0; i < 256; i++) {
      entries[i] = (png_color){palette_rgb[3 * i], palette_rgb[3 * i + 1], palette_rgb[3 * i + 2]};
    }
    png_set_PLTE(png, w->info, entries, 256);
  }
  png_write_info(png, w->info);
  uint16_t one = 1;
  if (image->format == VC_PIXEL_U16 && *(const uint8_t *)&one == 1) png_set_swap(png);
  return VC_OK;
}

static vc_status append_rows(vc_image_writer *base, const void *pixels, uint32_t n) {
  struct png_writer *w = (struct png_writer *)base;
  const size_t row_bytes = (size_t)w->shape.width * w->shape.channels * vc_pixel_bytes(w->shape.format);
  if (setjmp(png_jmpbuf(w->png))) return fail_write(w);
  for (uint32_t y = 0; y < n; y++) png_write_row(w->png, (png_const_bytep)pixels + y * row_bytes);
  return VC_OK;
}

static vc_status end_png(vc_image_writer *base) {
  struct png_writer *w = (struct png_writer *)base;
  if (setjmp(png_jmpbuf(w->png))) return fail_write(w);
  png_write_end(w->png, NULL);
  return VC_OK;
}

static void free_png(vc_image_writer *base) {
  struct png_writer *w = (struct png_writer *)base;
  png_destroy_write_struct(&w->png, &w->info);
  free(w);
}

vc_status vc_png_writer_open(const char *path, const struct vc_image *shape, const uint8_t *palette_rgb,
                             vc_image_writer **out) {
  VC_ASSERT(shape->format != VC_PIXEL_F32 && shape->channels >= 1 && shape->channels <= 4);
  VC_ASSERT(!palette_rgb || (shape->format == VC_PIXEL_U8 && shape->channels == 1));
  vc_image_writer *base;
  VC_TRY(image_writer_create(path, sizeof(struct png_writer), &base));
  struct png_writer *w = (struct png_writer *)base;
  w->base.append = append_rows;
  w->base.finish = end_png;
  w->base.destroy = free_png;
  w->shape = *shape;
  w->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, w, on_write_error, on_warning);
  w->info = w->png ? png_create_info_struct(w->png) : NULL;
  vc_status status = w->info ? begin(w, palette_rgb) : VC_FAIL(VC_E_NOMEM, "%s: out of memory", path);
  if (status != VC_OK) {
    vc_image_writer_discard(&w->base);
    return status;
  }
  *out = &w->base;
  return VC_OK;
}

vc_status vc_png_encode(vc_arena *arena, const struct vc_image *image, uint8_t **out_data, size_t *out_n_bytes) {
  VC_ASSERT(image->format == VC_PIXEL_U8 && (image->channels == 1 || image->channels == 3));
  png_image png = {.version = PNG_IMAGE_VERSION,
                   .width = image->width,
                   .height = image->height,
                   .format = image->channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
  png_alloc_size_t n_bytes = PNG_IMAGE_PNG_SIZE_MAX(png);
  VC_TRY(VC_NEW(arena, n_bytes, out_data));
  if (!png_image_write_to_memory(&png, *out_data, &n_bytes, 0, image->pixels, 0, NULL))
    return VC_FAIL(VC_E_NOMEM, "a PNG of %ux%u pixels could not be made: %s", image->width, image->height, png.message);
  *out_n_bytes = n_bytes;
  return VC_OK;
}
