// TIFF by libtiff, the only file that knows it.
#include "image.h"
#include "image_tiff_layout.h"

#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

#if TIFFLIB_VERSION < 20221213
#error "libtiff 4.5 or newer is needed: older ones report errors through one global handler"
#endif

enum { MESSAGE_BYTES = 200 };

// What libtiff's callbacks see: a file to read or memory to write, and the first error told.
struct tiff_stream {
  const struct image_file *file; // NULL when writing
  uint8_t *memory;               // malloc'd
  uint64_t n_bytes, capacity, position;
  char message[MESSAGE_BYTES];
};

// A directory of the file, in libtiff's words.
struct directory {
  uint64_t offset;
  uint32_t width, height;
  uint16_t n_samples, bits, sample_format, photometric, planar, compression;
  bool has_alpha; // as the last sample
};

struct image_tiff {
  vc_arena *arena;
  struct tiff_stream stream;
  TIFF *tif;
  const char *path;
  struct directory *directories;
  uint32_t n_directories;
  struct tiff_layout layout;
  uint64_t frame_offset; // of the first frame where the layout is contiguous
};

// ---- libtiff's callbacks ----

static tmsize_t on_read(thandle_t handle, void *out, tmsize_t n) {
  struct tiff_stream *s = (struct tiff_stream *)handle;
  if (n <= 0 || s->position >= s->n_bytes) return 0;
  size_t n_left = (size_t)VC_MIN((uint64_t)n, s->n_bytes - s->position), n_done = n_left;
  if (s->file) {
    n_done = image_file_read(s->file, s->position, out, n_left);
  } else {
    memcpy(out, s->memory + s->position, n_left);
  }
  s->position += n_done;
  return (tmsize_t)n_done;
}

static tmsize_t on_write(thandle_t handle, void *data, tmsize_t n) {
  struct tiff_stream *s = (struct tiff_stream *)handle;
  if (s->file || n <= 0) return 0;
  uint64_t end = s->position + (uint64_t)n;
  if (end > s->capacity) {
    uint64_t capacity = VC_MAX(end, 2 * s->capacity);
    uint8_t *grown = realloc(s->memory, capacity);
    if (!grown) return 0;
    memset(grown + s->capacity, 0, capacity - s->capacity);
    s->memory = grown;
    s->capacity = capacity;
  }
  memcpy(s->memory + s->position, data, (size_t)n);
  s->position = end;
  s->n_bytes = VC_MAX(s->n_bytes, end);
  return n;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  struct tiff_stream *s = (struct tiff_stream *)handle;
  uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s->position : s->n_bytes;
  s->position = base + offset;
  return s->position;
}

static toff_t on_size(thandle_t handle) {
  return ((struct tiff_stream *)handle)->n_bytes;
}

static int on_close(thandle_t handle) {
  (void)handle;
  return 0;
}

static int on_error(TIFF *tif, void *user, const char *module, const char *fmt, va_list args) {
  struct tiff_stream *s = user;
  (void)tif;
  (void)module;
  if (s->message[0] == '\0' && vsnprintf(s->message, MESSAGE_BYTES, fmt, args) < 0) s->message[0] = '\0';
  return 1; // told: no other handler is to print it
}

static int on_warning(TIFF *tif, void *user, const char *module, const char *fmt, va_list args) {
  (void)tif;
  (void)user;
  (void)module;
  (void)fmt;
  (void)args;
  return 1;
}

static TIFF *stream_open(struct tiff_stream *s, const char *path, const char *mode) {
  TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
  if (!options) return NULL;
  TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, s);
  TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, s);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)IMAGE_MAX_BYTES);
  TIFF *tif =
      TIFFClientOpenExt(path, mode, (thandle_t)s, on_read, on_write, on_seek, on_close, on_size, NULL, NULL, options);
  TIFFOpenOptionsFree(options);
  return tif;
}

static vc_status decode_fail(const struct image_tiff *t) {
  const char *reason = t->stream.message[0] ? t->stream.message : "pixels are missing";
  return VC_FAIL(VC_E_FORMAT,
                 "%s: cannot be decoded as TIFF (%s); the file is damaged or cut short, export or copy it again",
                 t->path, reason);
}

// ---- directories ----

static struct directory describe(TIFF *tif) {
  struct directory d = {.offset = TIFFCurrentDirOffset(tif)};
  uint16_t n_extra = 0, *extra = NULL;
  TIFFGetField(tif, TIFFTAG_IMAGEWIDTH, &d.width);
  TIFFGetField(tif, TIFFTAG_IMAGELENGTH, &d.height);
  TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLESPERPIXEL, &d.n_samples);
  TIFFGetFieldDefaulted(tif, TIFFTAG_BITSPERSAMPLE, &d.bits);
  TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLEFORMAT, &d.sample_format);
  TIFFGetFieldDefaulted(tif, TIFFTAG_PLANARCONFIG, &d.planar);
  TIFFGetFieldDefaulted(tif, TIFFTAG_COMPRESSION, &d.compression);
  if (!TIFFGetField(tif, TIFFTAG_PHOTOMETRIC, &d.photometric)) {
    d.photometric = d.n_samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
  }
  TIFFGetFieldDefaulted(tif, TIFFTAG_EXTRASAMPLES, &n_extra, &extra);
  bool is_marked = n_extra > 0 && extra &&
                   (extra[n_extra - 1] == EXTRASAMPLE_ASSOCALPHA || extra[n_extra - 1] == EXTRASAMPLE_UNASSALPHA);
  // The fourth sample of RGB is alpha also where the writer did not say so.
  d.has_alpha = d.n_samples > 1 && (is_marked || (d.photometric == PHOTOMETRIC_RGB && d.n_samples == 4));
  return d;
}

// Thumbnails, the lower steps of pyramids and transparency masks are no images of their own.
static bool is_auxiliary(TIFF *tif) {
  uint32_t type = 0;
  TIFFGetFieldDefaulted(tif, TIFFTAG_SUBFILETYPE, &type);
  return (type & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) != 0;
}

static vc_status add_directory(struct image_tiff *t, uint32_t *capacity) {
  if (t->n_directories == *capacity) {
    uint32_t grown_capacity = *capacity ? 2 * *capacity : 16;
    struct directory *grown;
    VC_TRY(VC_NEW(t->arena, grown_capacity, &grown));
    if (t->n_directories > 0) memcpy(grown, t->directories, t->n_directories * sizeof *grown);
    t->directories = grown;
    *capacity = grown_capacity;
  }
  t->directories[t->n_directories++] = describe(t->tif);
  return VC_OK;
}

// Frames of the first directory's size from its first strip to the end of the file, if its pixels lie there in one
// piece.
static uint64_t count_frames(struct image_tiff *t, uint64_t *out_offset) {
  const struct directory *d = &t->directories[0];
  bool is_plain = d->compression == COMPRESSION_NONE && !TIFFIsTiled(t->tif) && d->bits % 8 == 0 &&
                  (d->planar == PLANARCONFIG_CONTIG || d->n_samples == 1);
  if (!is_plain) return 1;
  uint64_t offset = TIFFGetStrileOffset(t->tif, 0), end = offset;
  uint32_t n_strips = TIFFNumberOfStrips(t->tif);
  for (uint32_t i = 0; i < n_strips; i++) {
    if (TIFFGetStrileOffset(t->tif, i) != end) return 1;
    end += TIFFGetStrileByteCount(t->tif, i);
  }
  uint64_t frame_bytes = (uint64_t)d->width * d->height * d->n_samples * (d->bits / 8);
  if (frame_bytes == 0 || offset >= t->stream.n_bytes) return 1;
  *out_offset = offset;
  return VC_MAX((t->stream.n_bytes - offset) / frame_bytes, 1);
}

static vc_status read_directories(struct image_tiff *t) {
  char *description = NULL;
  const char *text;
  uint32_t capacity = 0;
  uint64_t n_frames = 1;
  for (;;) {
    if (!is_auxiliary(t->tif)) VC_TRY(add_directory(t, &capacity));
    if (t->n_directories == 1 && capacity > 0 && !description) {
      VC_TRY(
          vc_arena_strdup(t->arena, TIFFGetField(t->tif, TIFFTAG_IMAGEDESCRIPTION, &text) ? text : "", &description));
      if (strncmp(description, "ImageJ=", 7) == 0) n_frames = count_frames(t, &t->frame_offset);
    }
    if (TIFFLastDirectory(t->tif)) break;
    if (!TIFFReadDirectory(t->tif)) return decode_fail(t);
  }
  if (t->n_directories == 0) {
    return VC_FAIL(VC_E_FORMAT, "%s: holds thumbnails or masks only, no image; export it again", t->path);
  }
  return tiff_layout_make(t->arena, t->path, description, t->n_directories, n_frames, t->directories[0].n_samples,
                          &t->layout);
}

vc_status image_tiff_open(const struct image_file *file, image_tiff **out) {
  vc_arena *arena;
  struct image_tiff *t;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = VC_NEW(arena, 1, &t);
  if (status != VC_OK) {
    vc_arena_destroy(arena);
    return status;
  }
  t->arena = arena;
  t->path = file->path;
  t->stream.file = file;
  t->stream.n_bytes = file->n_bytes;
  t->tif =
      stream_open(&t->stream, file->path, "rm"); // m: no memory map, which a shrinking file would turn into a crash
  status = t->tif ? read_directories(t) : decode_fail(t);
  if (status != VC_OK) {
    image_tiff_close(t);
    return status;
  }
  *out = t;
  return VC_OK;
}

void image_tiff_close(image_tiff *t) {
  if (!t) return;
  if (t->tif) TIFFClose(t->tif);
  vc_arena_destroy(t->arena);
}

uint32_t image_tiff_n_pages(const image_tiff *t) {
  return t->layout.n_pages;
}

// ---- what can be read ----

static vc_status check_encoding(const char *path, const struct directory *d) {
  switch (d->compression) {
  case COMPRESSION_NONE:
  case COMPRESSION_LZW:
  case COMPRESSION_ADOBE_DEFLATE:
  case COMPRESSION_DEFLATE:
  case COMPRESSION_PACKBITS: break;
  default:
    return VC_FAIL(VC_E_FORMAT, "%s: TIFF compression %u is not read; save it uncompressed or with LZW or deflate",
                   path, d->compression);
  }
  switch (d->photometric) {
  case PHOTOMETRIC_MINISWHITE:
  case PHOTOMETRIC_MINISBLACK:
  case PHOTOMETRIC_RGB: return VC_OK;
  case PHOTOMETRIC_PALETTE:
    if (d->n_samples == 1 && d->bits <= 8) return VC_OK;
    return VC_FAIL(VC_E_FORMAT, "%s: a palette of %u bits is not read; save it as grey or RGB", path, d->bits);
  default:
    return VC_FAIL(VC_E_FORMAT, "%s: TIFF colour space %u is not read; save it as grey or RGB", path, d->photometric);
  }
}

static vc_status describe_samples(const char *path, const struct directory *d, struct raster *out) {
  bool is_whole = d->bits == 8 || d->bits == 16 || d->bits == 32 || d->bits == 64;
  bool is_known = false;
  switch (d->sample_format) {
  case SAMPLEFORMAT_UINT:
  case SAMPLEFORMAT_VOID:
    out->kind = RASTER_UINT;
    is_known = is_whole || (d->bits >= 1 && d->bits < 16);
    break;
  case SAMPLEFORMAT_INT:
    out->kind = RASTER_INT;
    is_known = is_whole;
    break;
  case SAMPLEFORMAT_IEEEFP:
    out->kind = RASTER_FLOAT;
    is_known = is_whole && d->bits != 8;
    break;
  default: break;
  }
  if (!is_known) {
    return VC_FAIL(VC_E_FORMAT,
                   "%s: samples of %u bits in TIFF sample format %u are not read; save them as 8-, 16- or 32-bit", path,
                   d->bits, d->sample_format);
  }
  out->depth = d->bits;
  out->bits = d->bits <= 8 ? 8 : d->bits <= 16 ? 16 : d->bits;
  return VC_OK;
}

static vc_status describe_page(const struct image_tiff *t, const char *where, const struct tiff_page *page,
                               struct raster *out) {
  const uint32_t *planes = t->layout.planes + page->first;
  const struct directory *d = &t->directories[t->layout.is_contiguous ? 0 : planes[0]];
  VC_TRY(check_encoding(where, d));
  *out = (struct raster){.width = d->width, .height = d->height};
  VC_TRY(describe_samples(where, d, out));
  out->n_samples = d->n_samples;
  out->n_channels = d->has_alpha ? d->n_samples - 1u : d->n_samples;
  out->is_inverted = d->photometric == PHOTOMETRIC_MINISWHITE;
  out->has_palette = d->photometric == PHOTOMETRIC_PALETTE && out->kind == RASTER_UINT;
  if (page->n > 1) {
    for (uint32_t i = 0; i < page->n && !t->layout.is_contiguous; i++) {
      const struct directory *other = &t->directories[planes[i]];
      bool is_same = other->width == d->width && other->height == d->height && other->bits == d->bits &&
                     other->sample_format == d->sample_format && other->photometric == d->photometric &&
                     other->n_samples == 1 && check_encoding(where, other) == VC_OK;
      if (!is_same) {
        return VC_FAIL(VC_E_FORMAT, "%s: its channels differ in size or format; export each to a file of its own",
                       where);
      }
    }
    if (out->has_palette || d->n_samples != 1) {
      return VC_FAIL(VC_E_FORMAT, "%s: its channels are colour images; export each to a file of its own", where);
    }
    out->n_samples = out->n_channels = page->n;
  }
  return raster_check(where, out);
}

// ---- pixels ----

// Where the samples of one directory go in the raster: at `first` of each pixel, `stride` samples on for the next
// pixel.
struct target {
  struct raster *raster;
  uint32_t first;
};

// Copies n samples, packed as libtiff leaves them, to samples `at`, `at + stride`, ... of the raster.
static void copy_samples(const uint8_t *row, uint32_t depth, struct raster *r, size_t at, size_t stride, size_t n) {
  size_t n_bytes = r->bits / 8;
  uint8_t *out = (uint8_t *)r->data + at * n_bytes;
  if (depth == r->bits) {
    if (stride == 1) {
      memcpy(out, row, n * n_bytes);
    } else {
      for (size_t i = 0; i < n; i++) memcpy(out + i * stride * n_bytes, row + i * n_bytes, n_bytes);
    }
    return;
  }
  for (size_t i = 0; i < n; i++) { // most significant bit first
    uint32_t value = 0;
    for (size_t bit = i * depth; bit < (i + 1) * depth; bit++) value = value << 1 | (row[bit / 8] >> (7 - bit % 8) & 1);
    if (r->bits == 8) {
      out[i * stride] = (uint8_t)value;
    } else {
      uint16_t wide = (uint16_t)value;
      memcpy(out + i * stride * n_bytes, &wide, n_bytes);
    }
  }
}

// A block of decoded rows, from column x, row y of the image; sample: of a separate plane.
static void copy_block(const struct target *target, const struct directory *d, const uint8_t *block, size_t row_bytes,
                       uint32_t x, uint32_t y, uint32_t n_columns, uint32_t n_rows, uint32_t sample) {
  struct raster *r = target->raster;
  bool is_separate = d->planar == PLANARCONFIG_SEPARATE && d->n_samples > 1;
  bool is_strided = is_separate || r->n_samples != d->n_samples; // each copied sample belongs to another pixel
  for (uint32_t i = 0; i < n_rows; i++) {
    size_t at = ((size_t)(y + i) * r->width + x) * r->n_samples + target->first + sample;
    size_t n = is_strided ? n_columns : (size_t)n_columns * d->n_samples;
    copy_samples(block + i * row_bytes, d->bits, r, at, is_strided ? r->n_samples : 1, n);
  }
}

// LZW and deflate pack less than 4096 to 1: a header that promises more lies, and is not worth the memory.
static bool is_plausible(const struct image_tiff *t, uint64_t n_decoded) {
  return n_decoded <= IMAGE_MAX_BYTES && n_decoded / 4096 <= t->stream.n_bytes;
}

static vc_status read_tiles(struct image_tiff *t, const struct directory *d, const struct target *target) {
  uint32_t tile_width = 0, tile_height = 0;
  TIFFGetField(t->tif, TIFFTAG_TILEWIDTH, &tile_width);
  TIFFGetField(t->tif, TIFFTAG_TILELENGTH, &tile_height);
  tmsize_t tile_bytes = TIFFTileSize(t->tif), row_bytes = TIFFTileRowSize(t->tif);
  if (tile_width == 0 || tile_height == 0 || tile_bytes <= 0 || !is_plausible(t, (uint64_t)tile_bytes)) {
    return decode_fail(t);
  }
  uint8_t *block = malloc((size_t)tile_bytes);
  if (!block) return VC_FAIL(VC_E_NOMEM, "%s: no memory for a tile of %lld bytes", t->path, (long long)tile_bytes);
  uint16_t n_planes = d->planar == PLANARCONFIG_SEPARATE ? d->n_samples : 1;
  vc_status status = VC_OK;
  for (uint16_t sample = 0; sample < n_planes && status == VC_OK; sample++) {
    for (uint64_t y = 0; y < d->height && status == VC_OK; y += tile_height) {
      for (uint64_t x = 0; x < d->width && status == VC_OK; x += tile_width) {
        uint32_t tile = TIFFComputeTile(t->tif, (uint32_t)x, (uint32_t)y, 0, sample);
        if (TIFFReadEncodedTile(t->tif, tile, block, tile_bytes) != tile_bytes) {
          status = decode_fail(t);
          break;
        }
        copy_block(target, d, block, (size_t)row_bytes, (uint32_t)x, (uint32_t)y,
                   (uint32_t)VC_MIN(tile_width, d->width - x), (uint32_t)VC_MIN(tile_height, d->height - y), sample);
      }
    }
  }
  free(block);
  return status;
}

static vc_status read_strips(struct image_tiff *t, const struct directory *d, const struct target *target) {
  uint32_t n_strip_rows = 0;
  TIFFGetFieldDefaulted(t->tif, TIFFTAG_ROWSPERSTRIP, &n_strip_rows);
  n_strip_rows = VC_MIN(n_strip_rows, d->height);
  tmsize_t row_bytes = TIFFScanlineSize(t->tif);
  bool is_sound = n_strip_rows > 0 && row_bytes > 0 && (uint64_t)row_bytes <= IMAGE_MAX_BYTES;
  if (!is_sound || !is_plausible(t, (uint64_t)row_bytes * n_strip_rows)) return decode_fail(t);
  uint8_t *block = malloc((size_t)row_bytes * n_strip_rows);
  if (!block) return VC_FAIL(VC_E_NOMEM, "%s: no memory for a strip of %u rows", t->path, n_strip_rows);
  uint16_t n_planes = d->planar == PLANARCONFIG_SEPARATE ? d->n_samples : 1;
  vc_status status = VC_OK;
  for (uint16_t sample = 0; sample < n_planes && status == VC_OK; sample++) {
    for (uint64_t y = 0; y < d->height; y += n_strip_rows) {
      uint32_t n_rows = (uint32_t)VC_MIN(n_strip_rows, d->height - y);
      tmsize_t n_bytes = (tmsize_t)n_rows * row_bytes;
      uint32_t strip = TIFFComputeStrip(t->tif, (uint32_t)y, sample);
      if (TIFFReadEncodedStrip(t->tif, strip, block, n_bytes) != n_bytes) {
        status = decode_fail(t);
        break;
      }
      copy_block(target, d, block, (size_t)row_bytes, 0, (uint32_t)y, d->width, n_rows, sample);
    }
  }
  free(block);
  return status;
}

static vc_status read_directory(struct image_tiff *t, uint32_t number, const struct target *target) {
  const struct directory *d = &t->directories[number];
  t->stream.message[0] = '\0';
  if (!TIFFSetSubDirectory(t->tif, d->offset)) return decode_fail(t);
  struct directory now = describe(t->tif);
  if (now.width != d->width || now.height != d->height || now.n_samples != d->n_samples || now.bits != d->bits) {
    return VC_FAIL(VC_E_IO, "%s: changed while it was read; is it still being written?", t->path);
  }
  VC_TRY(TIFFIsTiled(t->tif) ? read_tiles(t, d, target) : read_strips(t, d, target));
  return t->stream.message[0] ? decode_fail(t) : VC_OK; // libtiff goes on after some errors, with zeros
}

static vc_status read_frame(struct image_tiff *t, uint32_t number, const struct target *target) {
  const struct directory *d = &t->directories[0];
  size_t n_samples = (size_t)d->width * d->height * d->n_samples, n_bytes = n_samples * (d->bits / 8);
  void *frame = malloc(n_bytes);
  if (!frame) return VC_FAIL(VC_E_NOMEM, "%s: no memory for %zu bytes", t->path, n_bytes);
  vc_status status = VC_OK;
  if (image_file_read(t->stream.file, t->frame_offset + (uint64_t)number * n_bytes, frame, n_bytes) != n_bytes) {
    status = decode_fail(t);
  } else {
    if (TIFFIsByteSwapped(t->tif)) {
      if (d->bits == 16) TIFFSwabArrayOfShort(frame, (tmsize_t)n_samples);
      if (d->bits == 32) TIFFSwabArrayOfLong(frame, (tmsize_t)n_samples);
      if (d->bits == 64) TIFFSwabArrayOfLong8(frame, (tmsize_t)n_samples);
    }
    copy_block(target, d, frame, n_bytes / d->height, 0, 0, d->width, d->height, 0);
  }
  free(frame);
  return status;
}

static void read_palette(struct image_tiff *t, uint32_t depth, struct raster *out) {
  uint16_t *colours[3];
  if (!TIFFGetField(t->tif, TIFFTAG_COLORMAP, &colours[0], &colours[1], &colours[2])) return;
  uint32_t n = 1u << depth;
  bool is_wide = false; // some writers leave 8-bit values in the 16-bit table
  for (uint32_t i = 0; i < 3 * n; i++) is_wide = is_wide || colours[i % 3][i / 3] > 255;
  for (uint32_t i = 0; i < 3 * n; i++) {
    out->palette[i] = (uint8_t)(is_wide ? colours[i % 3][i / 3] >> 8 : colours[i % 3][i / 3]);
  }
}

static vc_status read_page_pixels(struct image_tiff *t, const char *where, const struct tiff_page *page,
                                  struct raster *out) {
  uint64_t n_bytes = ((uint64_t)out->width * out->n_samples * out->depth + 7) / 8 * out->height;
  if (!is_plausible(t, n_bytes)) {
    return VC_FAIL(VC_E_FORMAT, "%s: too short for %u x %u pixels; export or copy the file again", where, out->width,
                   out->height);
  }
  VC_TRY(raster_alloc(where, out));
  for (uint32_t i = 0; i < page->n; i++) {
    uint32_t plane = t->layout.planes[page->first + i];
    struct target target = {.raster = out, .first = i};
    VC_TRY(t->layout.is_contiguous ? read_frame(t, plane, &target) : read_directory(t, plane, &target));
  }
  if (out->has_palette) read_palette(t, out->depth, out);
  return VC_OK;
}

vc_status image_tiff_read(image_tiff *t, uint32_t page, bool with_pixels, struct raster *out) {
  char *where;
  if (page >= t->layout.n_pages) {
    return VC_FAIL(VC_E_INPUT, "%s: has %u page%s; page %u was asked for", t->path, t->layout.n_pages,
                   t->layout.n_pages == 1 ? "" : "s", page + 1);
  }
  VC_TRY(vc_arena_strdup(t->arena, t->path, &where));
  if (t->layout.n_pages > 1) VC_TRY(vc_arena_printf(t->arena, &where, "%s, page %u", t->path, page + 1));
  const struct tiff_page *planes = &t->layout.pages[page];
  VC_TRY(describe_page(t, where, planes, out));
  if (!with_pixels) return VC_OK;
  vc_status status = read_page_pixels(t, where, planes, out);
  if (status != VC_OK) {
    free(out->data);
    out->data = NULL;
  }
  return status;
}

// ---- writing ----

static bool write_image(TIFF *tif, const struct vc_image *image) {
  uint16_t bits = (uint16_t)(8 * vc_pixel_bytes(image->format)), unspecified[IMAGE_MAX_SAMPLES] = {0};
  size_t row_bytes = (size_t)image->width * image->channels * (bits / 8);
  uint32_t n_strip_rows = (uint32_t)VC_MAX(VC_MIN(65536 / row_bytes, image->height), 1);
  bool is_colour = image->channels == 3;
  bool is_set = TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, image->width) &&
                TIFFSetField(tif, TIFFTAG_IMAGELENGTH, image->height) &&
                TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, (int)image->channels) &&
                TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, bits) &&
                TIFFSetField(tif, TIFFTAG_SAMPLEFORMAT,
                             image->format == VC_PIXEL_F32 ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT) &&
                TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, is_colour ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK) &&
                TIFFSetField(tif, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
                TIFFSetField(tif, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE) &&
                TIFFSetField(tif, TIFFTAG_ROWSPERSTRIP, n_strip_rows);
  if (is_set && !is_colour && image->channels > 1) {
    is_set = TIFFSetField(tif, TIFFTAG_EXTRASAMPLES, (int)image->channels - 1, unspecified);
  }
  uint8_t *strip = is_set ? malloc(row_bytes * n_strip_rows) : NULL; // libtiff may change what it is handed
  if (!strip) return false;
  bool is_written = true;
  for (uint32_t y = 0; y < image->height && is_written; y += n_strip_rows) {
    size_t n_bytes = row_bytes * VC_MIN(n_strip_rows, image->height - y);
    memcpy(strip, (const uint8_t *)image->pixels + y * row_bytes, n_bytes);
    is_written = TIFFWriteEncodedStrip(tif, y / n_strip_rows, strip, (tmsize_t)n_bytes) == (tmsize_t)n_bytes;
  }
  free(strip);
  return is_written && TIFFFlush(tif);
}

vc_status vc_tiff_write(const char *path, const struct vc_image *image) {
  VC_ASSERT(image->width > 0 && image->height > 0 && image->channels > 0 && image->channels <= IMAGE_MAX_SAMPLES);
  struct tiff_stream stream = {0};
  TIFF *tif = stream_open(&stream, path, "wm");
  bool is_written = tif && write_image(tif, image);
  if (tif) TIFFClose(tif);
  vc_status status = is_written ? vc_file_write(path, stream.memory, (size_t)stream.n_bytes)
                                : VC_FAIL(VC_E_INTERNAL, "%s: TIFF could not be written: %s", path, stream.message);
  free(stream.memory);
  return status;
}
