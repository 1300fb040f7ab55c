// TIFF files read by libtiff.
#include "image_tiff_layout.h"
#include "image_tiff_stream.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STRIP_BYTES = 16 << 20 }; // decoded; larger strips are read row by row

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
  t->tif = tiff_stream_open(&t->stream, file->path,
                            "rm"); // m: no memory map, which a shrinking file would turn into a crash
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

static uint64_t rows_end(const struct raster *r) {
  return (uint64_t)r->top + r->height;
}

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

// A block of decoded rows, from column x, row y of the image; what lies above or below the raster is passed over.
// sample: of a separate plane.
static void copy_block(const struct target *target, const struct directory *d, const uint8_t *block, size_t row_bytes,
                       uint32_t x, uint32_t y, uint32_t n_columns, uint32_t n_rows, uint32_t sample) {
  struct raster *r = target->raster;
  const uint32_t first = y < r->top ? r->top - y : 0, end = (uint32_t)VC_MIN(n_rows, rows_end(r) - y);
  bool is_separate = d->planar == PLANARCONFIG_SEPARATE && d->n_samples > 1;
  bool is_strided = is_separate || r->n_samples != d->n_samples; // each copied sample belongs to another pixel
  for (uint32_t i = first; i < end; i++) {
    size_t at = ((size_t)(y + i - r->top) * r->width + x) * r->n_samples + target->first + sample;
    size_t n = is_strided ? n_columns : (size_t)n_columns * d->n_samples;
    copy_samples(block + i * row_bytes, d->bits, r, at, is_strided ? r->n_samples : 1, n);
  }
}

// Bytes of the file as this processor has them.
static void swap_samples(TIFF *tif, uint32_t bits, void *data, size_t n_bytes) {
  if (!TIFFIsByteSwapped(tif)) return;
  if (bits == 16) TIFFSwabArrayOfShort(data, (tmsize_t)(n_bytes / 2));
  if (bits == 32) TIFFSwabArrayOfLong(data, (tmsize_t)(n_bytes / 4));
  if (bits == 64) TIFFSwabArrayOfLong8(data, (tmsize_t)(n_bytes / 8));
}

// LZW and deflate pack less than 4096 to 1: a header that promises more lies, and is not worth the memory.
enum { MAX_RATIO = 4096 };

static bool is_plausible(const struct image_tiff *t, uint64_t n_decoded) {
  return n_decoded <= IMAGE_MAX_BYTES && n_decoded / MAX_RATIO <= t->stream.n_bytes;
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
    const struct raster *r = target->raster;
    for (uint64_t y = r->top - r->top % tile_height; y < rows_end(r) && status == VC_OK; y += tile_height) {
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

static vc_status read_strips(struct image_tiff *t, const struct directory *d, const struct target *target,
                             uint32_t n_strip_rows, size_t row_bytes) {
  const struct raster *r = target->raster;
  uint8_t *block = malloc(row_bytes * n_strip_rows);
  if (!block) return VC_FAIL(VC_E_NOMEM, "%s: no memory for a strip of %u rows", t->path, n_strip_rows);
  uint16_t n_planes = d->planar == PLANARCONFIG_SEPARATE ? d->n_samples : 1;
  vc_status status = VC_OK;
  for (uint16_t sample = 0; sample < n_planes && status == VC_OK; sample++) {
    for (uint64_t y = r->top - r->top % n_strip_rows; y < rows_end(r); y += n_strip_rows) {
      uint32_t n_rows = (uint32_t)VC_MIN(n_strip_rows, d->height - y);
      tmsize_t n_bytes = (tmsize_t)(n_rows * row_bytes);
      uint32_t strip = TIFFComputeStrip(t->tif, (uint32_t)y, sample);
      if (TIFFReadEncodedStrip(t->tif, strip, block, n_bytes) != n_bytes) {
        status = decode_fail(t);
        break;
      }
      copy_block(target, d, block, row_bytes, 0, (uint32_t)y, d->width, n_rows, sample);
    }
  }
  free(block);
  return status;
}

// Strips too large to be held decoded are read by rows. Where nothing is packed, a row is taken from where it stands;
// libtiff would read all of the strip.
static bool is_plain_strip(TIFF *tif, const struct directory *d) {
  uint16_t fill_order = FILLORDER_MSB2LSB;
  TIFFGetFieldDefaulted(tif, TIFFTAG_FILLORDER, &fill_order);
  return d->compression == COMPRESSION_NONE && d->bits % 8 == 0 && fill_order == FILLORDER_MSB2LSB;
}

static bool read_plain_row(struct image_tiff *t, const struct directory *d, uint32_t n_strip_rows, uint32_t y,
                           uint16_t sample, uint8_t *out, size_t row_bytes) {
  const uint32_t strip = TIFFComputeStrip(t->tif, y, sample);
  const uint64_t at = (uint64_t)(y % n_strip_rows) * row_bytes;
  if (at + row_bytes > TIFFGetStrileByteCount(t->tif, strip)) return false;
  const uint64_t offset = TIFFGetStrileOffset(t->tif, strip);
  if (offset > t->stream.n_bytes || image_file_read(t->stream.file, offset + at, out, row_bytes) != row_bytes)
    return false;
  swap_samples(t->tif, d->bits, out, row_bytes);
  return true;
}

// The row from which to decode so that row y comes out: packed strips know no other place than their beginning and
// where decoding stands.
static uint32_t first_to_decode(const struct image_tiff *t, uint32_t n_strip_rows, uint32_t y, uint16_t sample) {
  const uint32_t strip = TIFFComputeStrip(t->tif, y, sample), begin = y - y % n_strip_rows;
  const uint32_t at = TIFFCurrentRow(t->tif);
  return TIFFCurrentStrip(t->tif) == strip && at >= begin && at <= y ? at : begin;
}

static vc_status read_strip_rows(struct image_tiff *t, const struct directory *d, const struct target *target,
                                 uint32_t n_strip_rows, size_t row_bytes) {
  const struct raster *r = target->raster;
  const bool is_plain = is_plain_strip(t->tif, d);
  uint8_t *row = malloc(row_bytes);
  if (!row) return VC_FAIL(VC_E_NOMEM, "%s: no memory for a row of %zu bytes", t->path, row_bytes);
  uint16_t n_planes = d->planar == PLANARCONFIG_SEPARATE ? d->n_samples : 1;
  vc_status status = VC_OK;
  for (uint16_t sample = 0; sample < n_planes && status == VC_OK; sample++) {
    uint32_t y = is_plain ? r->top : first_to_decode(t, n_strip_rows, r->top, sample);
    for (; y < rows_end(r) && status == VC_OK; y++) {
      const bool is_read = is_plain ? read_plain_row(t, d, n_strip_rows, y, sample, row, row_bytes)
                                    : TIFFReadScanline(t->tif, row, y, sample) == 1;
      if (!is_read)
        status = decode_fail(t);
      else if (y >= r->top)
        copy_block(target, d, row, row_bytes, 0, y, d->width, 1, sample);
    }
  }
  free(row);
  return status;
}

static uint32_t strip_rows(TIFF *tif, const struct directory *d) {
  uint32_t n_rows = 0;
  TIFFGetFieldDefaulted(tif, TIFFTAG_ROWSPERSTRIP, &n_rows);
  return VC_MIN(n_rows, d->height);
}

static vc_status read_stripped(struct image_tiff *t, const struct directory *d, const struct target *target) {
  const uint32_t n_strip_rows = strip_rows(t->tif, d);
  const tmsize_t row_bytes = TIFFScanlineSize(t->tif);
  const bool is_sound = n_strip_rows > 0 && row_bytes > 0 && (uint64_t)row_bytes <= IMAGE_MAX_BYTES;
  if (!is_sound || !is_plausible(t, (uint64_t)row_bytes)) return decode_fail(t);
  const bool is_small = (uint64_t)row_bytes * n_strip_rows <= MAX_STRIP_BYTES;
  return is_small ? read_strips(t, d, target, n_strip_rows, (size_t)row_bytes)
                  : read_strip_rows(t, d, target, n_strip_rows, (size_t)row_bytes);
}

static vc_status read_directory(struct image_tiff *t, uint32_t number, const struct target *target) {
  const struct directory *d = &t->directories[number];
  t->stream.message[0] = '\0';
  // Left as it is, a directory goes on decoding where the rows before ended.
  if (TIFFCurrentDirOffset(t->tif) != d->offset && !TIFFSetSubDirectory(t->tif, d->offset)) return decode_fail(t);
  struct directory now = describe(t->tif);
  if (now.width != d->width || now.height != d->height || now.n_samples != d->n_samples || now.bits != d->bits) {
    return VC_FAIL(VC_E_IO, "%s: changed while it was read; is it still being written?", t->path);
  }
  VC_TRY(TIFFIsTiled(t->tif) ? read_tiles(t, d, target) : read_stripped(t, d, target));
  return t->stream.message[0] ? decode_fail(t) : VC_OK; // libtiff goes on after some errors, with zeros
}

static vc_status read_frame(struct image_tiff *t, uint32_t number, const struct target *target) {
  const struct directory *d = &t->directories[0];
  const struct raster *r = target->raster;
  size_t row_bytes = (size_t)d->width * d->n_samples * (d->bits / 8), n_bytes = row_bytes * r->height;
  uint64_t row = (uint64_t)number * d->height + r->top;
  void *frame = malloc(n_bytes);
  if (!frame) return VC_FAIL(VC_E_NOMEM, "%s: no memory for %zu bytes", t->path, n_bytes);
  vc_status status = VC_OK;
  if (image_file_read(t->stream.file, t->frame_offset + row * row_bytes, frame, n_bytes) != n_bytes) {
    status = decode_fail(t);
  } else {
    swap_samples(t->tif, d->bits, frame, n_bytes);
    copy_block(target, d, frame, row_bytes, 0, r->top, d->width, r->height, 0);
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

static vc_status check_length(const struct image_tiff *t, const char *where, const struct raster *r) {
  const uint64_t n_bytes = ((uint64_t)r->width * r->n_samples * r->depth + 7) / 8 * r->height;
  if (n_bytes / MAX_RATIO <= t->stream.n_bytes) return VC_OK;
  return VC_FAIL(VC_E_FORMAT, "%s: too short for %u x %u pixels; export or copy the file again", where, r->width,
                 r->height);
}

static vc_status page_name(const struct image_tiff *t, uint32_t page, char **out) {
  if (page >= t->layout.n_pages) {
    return VC_FAIL(VC_E_INPUT, "%s: has %u page%s; page %u was asked for", t->path, t->layout.n_pages,
                   t->layout.n_pages == 1 ? "" : "s", page + 1);
  }
  if (t->layout.n_pages == 1) return vc_arena_strdup(t->arena, t->path, out);
  return vc_arena_printf(t->arena, out, "%s, page %u", t->path, page + 1);
}

vc_status image_tiff_describe(image_tiff *t, uint32_t page, struct raster *out) {
  char *where;
  VC_TRY(page_name(t, page, &where));
  return describe_page(t, where, &t->layout.pages[page], out);
}

static vc_status read_planes(struct image_tiff *t, const struct tiff_page *page, struct raster *r) {
  for (uint32_t i = 0; i < page->n; i++) {
    uint32_t plane = t->layout.planes[page->first + i];
    struct target target = {.raster = r, .first = i};
    VC_TRY(t->layout.is_contiguous ? read_frame(t, plane, &target) : read_directory(t, plane, &target));
  }
  if (r->has_palette) read_palette(t, r->depth, r);
  return VC_OK;
}

vc_status image_tiff_read_rows(image_tiff *t, uint32_t page, uint32_t first, uint32_t n, struct raster *out) {
  char *where;
  VC_TRY(page_name(t, page, &where));
  VC_TRY(describe_page(t, where, &t->layout.pages[page], out));
  VC_ASSERT(n > 0 && first < out->height && n <= out->height - first);
  VC_TRY(check_length(t, where, out));
  out->top = first;
  out->height = n;
  VC_TRY(raster_alloc(where, out));
  vc_status status = read_planes(t, &t->layout.pages[page], out);
  if (status != VC_OK) {
    free(out->data);
    out->data = NULL;
  }
  return status;
}

vc_status image_tiff_read(image_tiff *t, uint32_t page, struct raster *out) {
  VC_TRY(image_tiff_describe(t, page, out));
  return image_tiff_read_rows(t, page, 0, out->height, out);
}

uint32_t image_tiff_block_rows(image_tiff *t, uint32_t page) {
  const struct tiff_page *p = &t->layout.pages[page];
  const struct directory *d = &t->directories[t->layout.is_contiguous ? 0 : t->layout.planes[p->first]];
  if (t->layout.is_contiguous || !TIFFSetSubDirectory(t->tif, d->offset)) return 1;
  uint32_t n_rows = 0;
  if (TIFFIsTiled(t->tif)) {
    TIFFGetField(t->tif, TIFFTAG_TILELENGTH, &n_rows);
    n_rows = VC_MIN(n_rows, d->height);
  } else if ((uint64_t)VC_MAX(TIFFScanlineSize(t->tif), 1) * strip_rows(t->tif, d) <= MAX_STRIP_BYTES) {
    n_rows = strip_rows(t->tif, d);
  }
  return VC_MAX(n_rows, 1);
}
