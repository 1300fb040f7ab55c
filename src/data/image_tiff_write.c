// TIFF files written by libtiff, in strips, as the rows come.
#include "image_tiff_stream.h"
#include "image_writer.h"

#include <stdlib.h>
#include <string.h>

enum { STRIP_BYTES = 65536 };

struct tiff_writer {
  vc_image_writer base;
  struct tiff_stream stream;
  TIFF *tif;
  uint32_t height, n_strip_rows;
  size_t row_bytes, given_row_bytes; // in the file, and as appended: equal but for 16-bit labels, which come as 32
  size_t row_samples;
  uint8_t *strip;             // libtiff may change what it is handed
  uint32_t n_done, n_waiting; // rows in the file; in strip
};

static vc_status fail_write(const struct tiff_writer *w) {
  if (w->stream.write_status != VC_OK) return w->stream.write_status;
  return VC_FAIL(VC_E_INTERNAL, "%s: TIFF could not be written: %s", w->base.path, w->stream.message);
}

static vc_status write_strip(struct tiff_writer *w) {
  const tmsize_t n_bytes = (tmsize_t)(w->row_bytes * w->n_waiting);
  const uint32_t strip = w->n_done / w->n_strip_rows;
  if (n_bytes > 0 && TIFFWriteEncodedStrip(w->tif, strip, w->strip, n_bytes) != n_bytes) return fail_write(w);
  w->n_done += w->n_waiting;
  w->n_waiting = 0;
  return VC_OK;
}

static void put_row(const struct tiff_writer *w, const uint8_t *row, uint8_t *out) {
  if (w->given_row_bytes == w->row_bytes) {
    memcpy(out, row, w->row_bytes);
    return;
  }
  for (size_t i = 0; i < w->row_samples; i++) {
    uint32_t label;
    memcpy(&label, row + 4 * i, 4);
    const uint16_t narrow = (uint16_t)label;
    memcpy(out + 2 * i, &narrow, 2);
  }
}

static vc_status append_rows(vc_image_writer *base, const void *pixels, uint32_t n) {
  struct tiff_writer *w = (struct tiff_writer *)base;
  VC_ASSERT(n <= w->height - w->n_done - w->n_waiting);
  for (uint32_t y = 0; y < n; y++) {
    put_row(w, (const uint8_t *)pixels + y * w->given_row_bytes, w->strip + w->n_waiting * w->row_bytes);
    if (++w->n_waiting == w->n_strip_rows) VC_TRY(write_strip(w));
  }
  return VC_OK;
}

static vc_status finish_tiff(vc_image_writer *base) {
  struct tiff_writer *w = (struct tiff_writer *)base;
  VC_TRY(write_strip(w));
  VC_ASSERT(w->n_done == w->height);
  const bool is_written = TIFFFlush(w->tif);
  TIFFClose(w->tif);
  w->tif = NULL;
  return is_written && w->stream.write_status == VC_OK ? VC_OK : fail_write(w);
}

static void free_tiff(vc_image_writer *base) {
  struct tiff_writer *w = (struct tiff_writer *)base;
  w->stream.write_status = VC_E_IO; // the file is gone: what closing still writes is dropped
  if (w->tif) TIFFClose(w->tif);
  free(w->strip);
  free(w);
}

struct samples {
  uint32_t n; // of a pixel
  uint16_t bits;
  bool is_float;
};

static bool set_fields(struct tiff_writer *w, uint32_t width, struct samples samples) {
  uint16_t unspecified[IMAGE_MAX_SAMPLES] = {0};
  TIFF *tif = w->tif;
  const bool is_colour = samples.n == 3;
  bool is_set = TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, width) && TIFFSetField(tif, TIFFTAG_IMAGELENGTH, w->height) &&
                TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, (int)samples.n) &&
                TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, samples.bits) &&
                TIFFSetField(tif, TIFFTAG_SAMPLEFORMAT, samples.is_float ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT) &&
                TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, is_colour ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK) &&
                TIFFSetField(tif, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
                TIFFSetField(tif, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE) &&
                TIFFSetField(tif, TIFFTAG_ROWSPERSTRIP, w->n_strip_rows);
  if (is_set && !is_colour && samples.n > 1)
    is_set = TIFFSetField(tif, TIFFTAG_EXTRASAMPLES, (int)samples.n - 1, unspecified);
  return is_set;
}

static vc_status open_writer(const char *path, uint32_t width, uint32_t height, struct samples samples,
                             size_t given_sample_bytes, vc_image_writer **out) {
  VC_ASSERT(width > 0 && height > 0 && samples.n > 0 && samples.n <= IMAGE_MAX_SAMPLES);
  vc_image_writer *base;
  VC_TRY(image_writer_create(path, sizeof(struct tiff_writer), &base));
  struct tiff_writer *w = (struct tiff_writer *)base;
  w->base.append = append_rows;
  w->base.finish = finish_tiff;
  w->base.destroy = free_tiff;
  w->stream.writer = w->base.file;
  w->height = height;
  w->row_samples = (size_t)width * samples.n;
  w->row_bytes = w->row_samples * (samples.bits / 8);
  w->given_row_bytes = w->row_samples * given_sample_bytes;
  w->n_strip_rows = (uint32_t)VC_MAX(VC_MIN(STRIP_BYTES / w->row_bytes, height), 1);
  w->strip = malloc(w->row_bytes * w->n_strip_rows);
  const bool is_big = (uint64_t)w->row_bytes * height >= (uint64_t)4000 << 20; // 4 GiB less what deflate may add
  w->tif = w->strip ? tiff_stream_open(&w->stream, path, is_big ? "w8m" : "wm") : NULL;
  if (!w->tif || !set_fields(w, width, samples)) {
    vc_status status = w->strip ? fail_write(w) : VC_FAIL(VC_E_NOMEM, "%s: out of memory", path);
    vc_image_writer_discard(&w->base);
    return status;
  }
  *out = &w->base;
  return VC_OK;
}

vc_status vc_tiff_writer_open(const char *path, const struct vc_image *shape, vc_image_writer **out) {
  const uint32_t n_bytes = vc_pixel_bytes(shape->format);
  const struct samples samples = {shape->channels, (uint16_t)(8 * n_bytes), shape->format == VC_PIXEL_F32};
  return open_writer(path, shape->width, shape->height, samples, n_bytes, out);
}

vc_status vc_label_writer_open(const char *path, uint32_t width, uint32_t height, uint32_t max_label,
                               vc_image_writer **out) {
  const struct samples samples = {.n = 1, .bits = max_label > UINT16_MAX ? 32 : 16};
  return open_writer(path, width, height, samples, sizeof(uint32_t), out);
}
