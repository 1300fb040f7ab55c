// From the samples of a file to an image or to labels, whatever the file's format.
#include "vulcyte/data.h"

#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- files ----

size_t image_file_read(const struct image_file *file, uint64_t offset, void *out, size_t n) {
  size_t n_done = 0;
  while (n_done < n) {
    ssize_t got = pread(file->fd, (uint8_t *)out + n_done, n - n_done, (off_t)(offset + n_done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    n_done += (size_t)got;
  }
  return n_done;
}

vc_status image_file_open(const char *path, struct image_file *out) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a named pipe is refused below, not waited for
  if (fd < 0) {
    bool is_missing = errno == ENOENT || errno == ENOTDIR;
    return VC_FAIL(is_missing ? VC_E_INPUT : VC_E_IO, "%s: cannot be opened: %s; check the path and its permissions",
                   path, strerror(errno));
  }
  struct stat info;
  vc_status status = VC_OK;
  if (fstat(fd, &info) != 0) {
    status = VC_FAIL(VC_E_IO, "%s: cannot be read: %s", path, strerror(errno));
  } else if (S_ISDIR(info.st_mode)) {
    status = VC_FAIL(VC_E_INPUT, "%s: is a folder; name an image file", path);
  } else if (!S_ISREG(info.st_mode)) {
    status = VC_FAIL(VC_E_INPUT, "%s: not a regular file; name an image file", path);
  } else if (info.st_size == 0) {
    status = VC_FAIL(VC_E_FORMAT, "%s: the file is empty; export or copy it again", path);
  }
  if (status != VC_OK) {
    close(fd);
    return status;
  }
  *out = (struct image_file){.path = path, .fd = fd, .n_bytes = (uint64_t)info.st_size};
  return VC_OK;
}

vc_status image_find_type(const struct image_file *file, enum image_file_type *out) {
  static const struct {
    const char *magic;
    size_t n_bytes;
    const char *name;
  } others[] = {{"\xFF\xD8\xFF", 3, "a JPEG file"}, {"GIF8", 4, "a GIF file"}, {"BM", 2, "a BMP file"}};
  uint8_t head[8] = {0};
  size_t n = image_file_read(file, 0, head, sizeof head);
  if (n == 8 && memcmp(head, "\x89PNG\r\n\x1A\n", 8) == 0) {
    *out = IMAGE_FILE_PNG;
    return VC_OK;
  }
  bool is_little = memcmp(head, "II*\0", 4) == 0 || memcmp(head, "II+\0", 4) == 0;
  bool is_big = memcmp(head, "MM\0*", 4) == 0 || memcmp(head, "MM\0+", 4) == 0;
  if (n >= 4 && (is_little || is_big)) {
    *out = IMAGE_FILE_TIFF;
    return VC_OK;
  }
  for (size_t i = 0; i < VC_COUNT_OF(others); i++) {
    if (n >= others[i].n_bytes && memcmp(head, others[i].magic, others[i].n_bytes) == 0) {
      return VC_FAIL(VC_E_FORMAT, "%s: is %s; convert it to PNG or TIFF", file->path, others[i].name);
    }
  }
  return VC_FAIL(VC_E_FORMAT, "%s: neither PNG nor TIFF by its first bytes; convert it, or copy it again if damaged",
                 file->path);
}

// ---- rasters ----

static vc_status fail_size(const char *path, const struct raster *r) {
  return VC_FAIL(VC_E_INPUT, "%s: %u x %u pixels of %u x %u bits are too many to be read at once; cut it into tiles",
                 path, r->width, r->height, r->n_samples, r->bits);
}

vc_status raster_check(const char *path, const struct raster *r) {
  if (r->width == 0 || r->height == 0) {
    return VC_FAIL(VC_E_FORMAT, "%s: %u x %u pixels; an image needs at least one", path, r->width, r->height);
  }
  if (r->n_samples == 0 || r->n_samples > IMAGE_MAX_SAMPLES) {
    return VC_FAIL(VC_E_INPUT, "%s: %u samples a pixel; 1 to %d can be read", path, r->n_samples, IMAGE_MAX_SAMPLES);
  }
  if (r->width > IMAGE_MAX_SIDE || r->height > IMAGE_MAX_SIDE) return fail_size(path, r);
  return VC_OK;
}

vc_status raster_alloc(const char *path, struct raster *r) {
  uint64_t n = (uint64_t)r->width * r->height * r->n_samples;
  if (n * (r->bits / 8) > IMAGE_MAX_BYTES) return fail_size(path, r);
  r->data = calloc((size_t)n, r->bits / 8);
  if (r->data) return VC_OK;
  return VC_FAIL(VC_E_NOMEM, "%s: no memory for %u x %u pixels", path, r->width, r->height);
}

size_t raster_row_bytes(const struct raster *r) {
  return (size_t)r->width * r->n_samples * (r->bits / 8);
}

static enum vc_pixel_format format_of(const struct raster *r) {
  if (r->has_palette) return VC_PIXEL_U8;
  if (r->kind != RASTER_UINT || r->bits > 16) return VC_PIXEL_F32;
  return r->bits == 8 ? VC_PIXEL_U8 : VC_PIXEL_U16;
}

static uint32_t channels_of(const struct raster *r) {
  return r->has_palette ? 3 : r->n_channels;
}

static uint64_t uint_at(const struct raster *r, size_t i) {
  switch (r->bits) {
  case 8: return ((const uint8_t *)r->data)[i];
  case 16: return ((const uint16_t *)r->data)[i];
  case 32: return ((const uint32_t *)r->data)[i];
  default: return ((const uint64_t *)r->data)[i];
  }
}

static int64_t int_at(const struct raster *r, size_t i) {
  switch (r->bits) {
  case 8: return ((const int8_t *)r->data)[i];
  case 16: return ((const int16_t *)r->data)[i];
  case 32: return ((const int32_t *)r->data)[i];
  default: return ((const int64_t *)r->data)[i];
  }
}

static double half_value(uint16_t h) {
  int exponent = (h >> 10) & 31, fraction = h & 1023;
  double magnitude = exponent == 0    ? ldexp(fraction, -24)
                     : exponent == 31 ? (fraction ? NAN : INFINITY)
                                      : ldexp(1024 + fraction, exponent - 25);
  return h & 0x8000 ? -magnitude : magnitude;
}

static double float_at(const struct raster *r, size_t i) {
  switch (r->bits) {
  case 16: return half_value(((const uint16_t *)r->data)[i]);
  case 32: return ((const float *)r->data)[i];
  default: return ((const double *)r->data)[i];
  }
}

// A sample as an image shows it: depths under 8 bits stretched to 0..255, white-is-zero turned round.
static double image_value(const struct raster *r, size_t i) {
  if (r->kind == RASTER_FLOAT) return float_at(r, i);
  if (r->kind == RASTER_INT) return (double)int_at(r, i);
  uint64_t value = uint_at(r, i);
  if (r->is_inverted) value = (UINT64_MAX >> (64 - r->depth)) - value;
  if (r->depth < 8) {
    uint64_t max = (1u << r->depth) - 1;
    value = (255 * value + max / 2) / max;
  }
  return (double)value;
}

// ---- images ----

vc_status image_check_channels(const char *path, uint32_t n_stored, uint32_t n_channels) {
  bool fits = n_channels == 0 || n_channels == n_stored || (n_channels == 1 && n_stored == 3) ||
              (n_channels == 3 && n_stored == 1);
  if (fits) return VC_OK;
  return VC_FAIL(VC_E_INPUT, "%s: has %u channels where %u are wanted; set data.channels to %u or convert the image",
                 path, n_stored, n_channels, n_stored);
}

static void store(const struct vc_image *image, size_t i, double value) {
  switch (image->format) {
  case VC_PIXEL_U8: ((uint8_t *)image->pixels)[i] = (uint8_t)value; break;
  case VC_PIXEL_U16: ((uint16_t *)image->pixels)[i] = (uint16_t)value; break;
  case VC_PIXEL_F32: ((float *)image->pixels)[i] = (float)value; break;
  }
}

static double luma(const double rgb[3], bool is_integer) {
  double sum = 299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2];
  return is_integer ? floor((sum + 500) / 1000) : sum / 1000;
}

static vc_status convert_pixels(const char *where, const struct raster *r, const struct vc_image *image) {
  double values[IMAGE_MAX_SAMPLES] = {0};
  uint32_t n_stored = channels_of(r), n_wanted = image->channels;
  bool is_float = image->format == VC_PIXEL_F32;
  size_t n_pixels = (size_t)r->width * r->height;
  for (size_t p = 0; p < n_pixels; p++) {
    for (uint32_t c = 0; c < n_stored; c++) {
      values[c] = r->has_palette ? r->palette[3 * (uint_at(r, p) & 255) + c] : image_value(r, p * r->n_samples + c);
      if (is_float && !isfinite((float)values[c])) {
        return VC_FAIL(VC_E_INPUT,
                       "%s: the pixel at column %u, row %u is not a finite number (%g); replace such pixels", where,
                       (uint32_t)(p % r->width), r->top + (uint32_t)(p / r->width), values[c]);
      }
    }
    if (n_wanted == 1 && n_stored == 3) {
      store(image, p, luma(values, !is_float));
    } else {
      for (uint32_t c = 0; c < n_wanted; c++) store(image, p * n_wanted + c, values[n_stored == 1 ? 0 : c]);
    }
  }
  return VC_OK;
}

static vc_status check_size(const char *where, const struct vc_image *image) {
  const uint64_t n = (uint64_t)image->width * image->height * image->channels;
  if (n * vc_pixel_bytes(image->format) <= IMAGE_MAX_BYTES) return VC_OK;
  return VC_FAIL(VC_E_INPUT, "%s: %u x %u pixels are too many to be read at once; cut it into tiles", where,
                 image->width, image->height);
}

vc_status image_describe(const char *where, const struct raster *r, uint32_t n_channels, struct vc_image *out) {
  VC_TRY(image_check_channels(where, channels_of(r), n_channels));
  *out = (struct vc_image){.width = r->width, .height = r->height, .format = format_of(r)};
  out->channels = n_channels ? n_channels : channels_of(r);
  return VC_OK;
}

vc_status image_convert(const char *where, const struct raster *r, const struct vc_image *image) {
  bool is_same = r->kind == RASTER_UINT && r->depth >= 8 && r->bits <= 16 && !r->is_inverted && !r->has_palette &&
                 r->n_samples == image->channels;
  if (!is_same) return convert_pixels(where, r, image);
  memcpy(image->pixels, r->data, (size_t)r->width * r->height * r->n_samples * (r->bits / 8));
  return VC_OK;
}

static vc_status raster_to_image(vc_arena *arena, const char *where, const struct raster *r, uint32_t n_channels,
                                 struct vc_image *out) {
  struct vc_image image;
  VC_TRY(image_describe(where, r, n_channels, &image));
  VC_TRY(check_size(where, &image));
  size_t n = (size_t)image.width * image.height * image.channels;
  VC_TRY_CTX(vc_arena_alloc(arena, n, vc_pixel_bytes(image.format), &image.pixels), "%s", where);
  VC_TRY(image_convert(where, r, &image));
  *out = image;
  return VC_OK;
}

// ---- labels ----

struct label_reader {
  const struct raster *raster;
  const char *where;
};

static vc_status label_at(const struct label_reader *l, size_t i, uint32_t *out) {
  const struct raster *r = l->raster;
  size_t pixel = i / r->n_samples;
  uint32_t column = (uint32_t)(pixel % r->width), row = (uint32_t)(pixel / r->width);
  uint64_t value = 0;
  if (r->kind == RASTER_FLOAT) {
    double number = float_at(r, i);
    if (!(number >= 0 && number <= UINT32_MAX && number == floor(number))) {
      return VC_FAIL(VC_E_INPUT,
                     "%s: %g at column %u, row %u is not a label; a mask holds whole numbers from 0 to 4294967295",
                     l->where, number, column, row);
    }
    value = (uint64_t)number;
  } else if (r->kind == RASTER_INT && int_at(r, i) < 0) {
    return VC_FAIL(VC_E_INPUT, "%s: the label %lld at column %u, row %u is negative; use 0 and up", l->where,
                   (long long)int_at(r, i), column, row);
  } else {
    value = r->kind == RASTER_INT ? (uint64_t)int_at(r, i) : uint_at(r, i);
  }
  if (value > UINT32_MAX) {
    return VC_FAIL(VC_E_INPUT, "%s: the label %llu at column %u, row %u is over 4294967295", l->where,
                   (unsigned long long)value, column, row);
  }
  *out = (uint32_t)value;
  return VC_OK;
}

// Colour: the red value where green and blue are zero all over, else the three as one number.
static vc_status colour_labels(const struct label_reader *l, size_t n_pixels, uint32_t *out) {
  const struct raster *r = l->raster;
  bool is_red_only = true;
  for (size_t p = 0; p < n_pixels && is_red_only; p++) {
    uint32_t green, blue;
    VC_TRY(label_at(l, p * r->n_samples + 1, &green));
    VC_TRY(label_at(l, p * r->n_samples + 2, &blue));
    is_red_only = green == 0 && blue == 0;
  }
  for (size_t p = 0; p < n_pixels; p++) {
    uint32_t rgb[3] = {0, 0, 0};
    for (uint32_t c = 0; c < (is_red_only ? 1u : 3u); c++) VC_TRY(label_at(l, p * r->n_samples + c, &rgb[c]));
    if (!is_red_only && (rgb[0] > 255 || rgb[1] > 255 || rgb[2] > 255)) {
      return VC_FAIL(VC_E_INPUT,
                     "%s: a colour mask of more than 8 bits a channel; set data.mask_channel to the channel "
                     "that holds the labels (0, 1 or 2)",
                     l->where);
    }
    out[p] = is_red_only ? rgb[0] : rgb[0] * 65536 + rgb[1] * 256 + rgb[2];
  }
  return VC_OK;
}

static vc_status raster_to_labels(const struct label_reader *l, int channel, size_t n_pixels, uint32_t *out) {
  const struct raster *r = l->raster;
  if (channel < 0 && r->n_channels == 3) return colour_labels(l, n_pixels, out);
  if (channel < 0 && r->n_channels != 1) {
    return VC_FAIL(VC_E_INPUT, "%s: a mask of %u channels; set data.mask_channel to the one that holds the labels",
                   l->where, r->n_channels);
  }
  size_t first = channel < 0 ? 0 : (size_t)channel;
  if (first >= r->n_samples) {
    return VC_FAIL(VC_E_INPUT, "%s: has no channel %d (it has %u, counted from 0); check data.mask_channel", l->where,
                   channel, r->n_samples);
  }
  for (size_t p = 0; p < n_pixels; p++) VC_TRY(label_at(l, p * r->n_samples + first, &out[p]));
  return VC_OK;
}

// ---- reading ----

// A page's name in messages: the file's, with the page where there are several.
static vc_status page_name(vc_arena *arena, const char *path, uint32_t page, uint32_t n_pages, const char **out) {
  char *name;
  *out = path;
  if (n_pages <= 1) return VC_OK;
  VC_TRY(vc_arena_printf(arena, &name, "%s, page %u", path, page + 1));
  *out = name;
  return VC_OK;
}

static vc_status read_tiff_page(const struct image_file *file, uint32_t page, struct raster *out, uint32_t *out_n) {
  image_tiff *tiff;
  VC_TRY(image_tiff_open(file, &tiff));
  *out_n = image_tiff_n_pages(tiff);
  vc_status status = image_tiff_read(tiff, page, out);
  image_tiff_close(tiff);
  return status;
}

static vc_status read_page(const char *path, uint32_t page, struct raster *out, uint32_t *out_n) {
  struct image_file file;
  enum image_file_type type;
  VC_TRY(image_file_open(path, &file));
  vc_status status = image_find_type(&file, &type);
  if (status == VC_OK && type == IMAGE_FILE_TIFF) {
    status = read_tiff_page(&file, page, out, out_n);
  } else if (status == VC_OK && page > 0) {
    status = VC_FAIL(VC_E_INPUT, "%s: has 1 page; page %u was asked for", path, page + 1);
  } else if (status == VC_OK) {
    *out_n = 1;
    status = image_png_read(&file, true, out);
  }
  close(file.fd);
  return status;
}

vc_status vc_image_read(vc_arena *arena, const char *path, uint32_t page, uint32_t n_channels, struct vc_image *out) {
  struct raster raster = {0};
  uint32_t n_pages;
  const char *where;
  VC_TRY(read_page(path, page, &raster, &n_pages));
  vc_status status = page_name(arena, path, page, n_pages, &where);
  if (status == VC_OK) status = raster_to_image(arena, where, &raster, n_channels, out);
  free(raster.data);
  return status;
}

vc_status vc_mask_read(vc_arena *arena, const char *path, uint32_t page, int channel, uint32_t *out_width,
                       uint32_t *out_height, uint32_t **out_labels) {
  struct raster raster = {0};
  struct label_reader reader = {.raster = &raster};
  uint32_t n_pages, *labels = NULL;
  VC_TRY(read_page(path, page, &raster, &n_pages));
  size_t n_pixels = (size_t)raster.width * raster.height;
  vc_status status = page_name(arena, path, page, n_pages, &reader.where);
  if (status == VC_OK) status = VC_NEW(arena, n_pixels, &labels);
  if (status == VC_OK) status = raster_to_labels(&reader, channel, n_pixels, labels);
  free(raster.data);
  VC_TRY(status);
  *out_width = raster.width;
  *out_height = raster.height;
  *out_labels = labels;
  return VC_OK;
}

static struct vc_image_info info_of(const struct raster *r, uint32_t n_pages) {
  return (struct vc_image_info){r->width, r->height, channels_of(r), n_pages, format_of(r)};
}

static vc_status read_headers(const struct image_file *file, enum image_file_type type,
                              struct vc_image_info **out_infos, uint32_t *out_n) {
  image_tiff *tiff = NULL;
  if (type == IMAGE_FILE_TIFF) VC_TRY(image_tiff_open(file, &tiff));
  uint32_t n = tiff ? image_tiff_n_pages(tiff) : 1;
  struct vc_image_info *infos = calloc(n, sizeof *infos);
  vc_status status = infos ? VC_OK : VC_FAIL(VC_E_NOMEM, "%s: no memory for %u pages", file->path, n);
  for (uint32_t page = 0; page < n && status == VC_OK; page++) {
    struct raster raster = {0};
    status = tiff ? image_tiff_describe(tiff, page, &raster) : image_png_read(file, false, &raster);
    if (status == VC_OK) infos[page] = info_of(&raster, n);
  }
  image_tiff_close(tiff);
  if (status != VC_OK) {
    free(infos);
    return status;
  }
  *out_infos = infos;
  *out_n = n;
  return VC_OK;
}

static vc_status read_pages(const char *path, struct vc_image_info **out_infos, uint32_t *out_n) {
  struct image_file file;
  enum image_file_type type;
  VC_TRY(image_file_open(path, &file));
  vc_status status = image_find_type(&file, &type);
  if (status == VC_OK) status = read_headers(&file, type, out_infos, out_n);
  close(file.fd);
  return status;
}

vc_status image_read_pages(const char *path, struct vc_image_info **out_infos, uint32_t *out_n) {
  struct vc_image_info *infos;
  uint32_t n;
  VC_TRY(read_pages(path, &infos, &n));
  vc_status status = VC_OK;
  for (uint32_t i = 0; i < n && status == VC_OK; i++) {
    const struct vc_image page = {infos[i].width, infos[i].height, infos[i].channels, infos[i].format, NULL};
    status = check_size(path, &page);
  }
  if (status != VC_OK) {
    free(infos);
    return status;
  }
  *out_infos = infos;
  *out_n = n;
  return VC_OK;
}

vc_status vc_image_info_read(const char *path, struct vc_image_info *out) {
  struct vc_image_info *infos;
  uint32_t n;
  VC_TRY(read_pages(path, &infos, &n));
  *out = infos[0];
  free(infos);
  return VC_OK;
}

double vc_image_value(const struct vc_image *image, size_t i) {
  switch (image->format) {
  case VC_PIXEL_U8: return ((const uint8_t *)image->pixels)[i];
  case VC_PIXEL_U16: return ((const uint16_t *)image->pixels)[i];
  default: return ((const float *)image->pixels)[i];
  }
}
