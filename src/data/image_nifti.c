// The voxels of NIfTI files, plain or compressed, read plane by plane; and their writing.
#include "nifti.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zlib.h>

enum {
  INPUT_BYTES = 1 << 18, // of the compressed file at a time
  CHUNK_BYTES = 1 << 18, // of voxels at a time
  TAIL_BYTES = 1 << 16,  // of what follows the voxels, looked through for the end of the stream
};

struct vc_volume {
  struct image_file file;
  struct nifti_header header;
  struct vc_volume_info info;
  bool is_compressed;
  bool has_ended;  // the compressed stream, with a sound checksum; another one may follow in the file
  bool is_checked; // the end of the last voxels' stream was sound
  z_stream z;
  uint64_t file_at; // of the compressed file: what was read
  uint64_t at;      // in the unpacked file
  uint8_t *input, *chunk;
};

// ---- bytes of the unpacked file ----

static vc_status fail_damaged(const vc_volume *v, const char *what) {
  return VC_FAIL(VC_E_FORMAT, "%s: damaged compressed file (%s); copy or download it again", v->file.path, what);
}

static vc_status fail_short(const vc_volume *v) {
  return VC_FAIL(VC_E_FORMAT, "%s: ends after %llu bytes%s, within its voxels; copy or download it again", v->file.path,
                 (unsigned long long)v->at, v->is_compressed ? " (unpacked)" : "");
}

// False at the end of the file.
static bool refill(vc_volume *v) {
  if (v->z.avail_in > 0) return true;
  size_t got = image_file_read(&v->file, v->file_at, v->input, INPUT_BYTES);
  v->file_at += got;
  v->z.next_in = v->input;
  v->z.avail_in = (uInt)got;
  return got > 0;
}

static vc_status inflate_some(vc_volume *v) {
  int result = inflate(&v->z, Z_NO_FLUSH);
  v->has_ended = result == Z_STREAM_END;
  if (result == Z_MEM_ERROR) return VC_FAIL(VC_E_NOMEM, "%s: no memory to unpack it", v->file.path);
  if (result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END) return VC_OK;
  return fail_damaged(v, v->z.msg ? v->z.msg : "no deflate data");
}

// Unpacks up to n bytes, of several compressed streams if they follow each other; fewer only where the file ends.
static vc_status unpack(vc_volume *v, uint8_t *out, size_t n, size_t *out_n) {
  v->z.next_out = out;
  v->z.avail_out = (uInt)n;
  while (v->z.avail_out > 0) {
    if (!refill(v)) break;
    if (v->has_ended && inflateReset(&v->z) != Z_OK) return fail_damaged(v, "cannot be started again");
    VC_TRY(inflate_some(v));
  }
  *out_n = n - v->z.avail_out;
  v->at += *out_n;
  return VC_OK;
}

static vc_status read_bytes(vc_volume *v, void *out, size_t n) {
  size_t got;
  if (v->is_compressed) {
    VC_TRY(unpack(v, out, n, &got));
  } else {
    got = image_file_read(&v->file, v->at, out, n);
    v->at += got;
  }
  return got == n ? VC_OK : fail_short(v);
}

static vc_status move_to(vc_volume *v, uint64_t at) {
  if (!v->is_compressed) {
    v->at = at;
    return VC_OK;
  }
  if (at < v->at) {
    if (inflateReset(&v->z) != Z_OK) return fail_damaged(v, "cannot be started again");
    v->z.avail_in = 0;
    v->file_at = v->at = 0;
    v->has_ended = false;
  }
  while (v->at < at) VC_TRY(read_bytes(v, v->chunk, (size_t)VC_MIN(at - v->at, (uint64_t)CHUNK_BYTES)));
  return VC_OK;
}

// Once the last voxel was read: is the checksum of its stream there, and right?
static vc_status check_end(vc_volume *v) {
  uint8_t tail[1024];
  if (!v->is_compressed || v->is_checked) return VC_OK;
  for (size_t n_done = 0; n_done < TAIL_BYTES && !v->has_ended; n_done += sizeof tail - v->z.avail_out) {
    v->z.next_out = tail;
    v->z.avail_out = sizeof tail;
    if (!refill(v)) return fail_damaged(v, "cut off at its end");
    VC_TRY(inflate_some(v));
  }
  v->is_checked = true;
  v->at = UINT64_MAX; // whatever is read next lies before
  return VC_OK;
}

// ---- opening ----

static void close_volume(void *object) {
  vc_volume *v = object;
  if (v->is_compressed) inflateEnd(&v->z);
  free(v->input);
  free(v->chunk);
  close(v->file.fd);
}

static vc_status fail_type(const vc_volume *v, const uint8_t first[4]) {
  if (memcmp(first, "\x89HDF", 4) == 0 || memcmp(first, "CDF", 3) == 0) {
    return VC_FAIL(VC_E_FORMAT, "%s: is a MINC file; convert it to NIfTI (mnc2nii)", v->file.path);
  }
  return VC_FAIL(VC_E_FORMAT, "%s: not a NIfTI file by its first bytes; convert it, or copy it again if damaged",
                 v->file.path);
}

static vc_status read_header(vc_volume *v) {
  uint8_t bytes[NIFTI_2_BYTES];
  if (read_bytes(v, bytes, 4) != VC_OK) return VC_FAIL_CONTEXT(VC_E_FORMAT, "no NIfTI header");
  uint32_t n_bytes = nifti_header_bytes(bytes);
  if (n_bytes == 0) return fail_type(v, bytes);
  VC_TRY_CTX(read_bytes(v, bytes + 4, n_bytes - 4), "incomplete NIfTI header");
  VC_TRY(nifti_parse(v->file.path, bytes, &v->header));
  const struct nifti_header *h = &v->header;
  uint64_t end = h->data_offset + (uint64_t)h->size[0] * h->size[1] * h->size[2] * (h->bits / 8);
  // Deflate packs at most 1032 to 1.
  if (end / (v->is_compressed ? 1032 : 1) > v->file.n_bytes) {
    return VC_FAIL(VC_E_FORMAT, "%s: too short for %u x %u x %u voxels of %u bits; copy or download it again",
                   v->file.path, h->size[0], h->size[1], h->size[2], h->bits);
  }
  return VC_OK;
}

static vc_status open_stream(vc_volume *v) {
  uint8_t first[2] = {0};
  image_file_read(&v->file, 0, first, 2);
  v->chunk = malloc(CHUNK_BYTES);
  if (!v->chunk) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", v->file.path);
  if (first[0] != 0x1F || first[1] != 0x8B) return VC_OK;
  v->input = malloc(INPUT_BYTES);
  if (!v->input || inflateInit2(&v->z, 15 + 16) != Z_OK) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", v->file.path);
  v->is_compressed = true;
  return VC_OK;
}

static void describe(vc_volume *v) {
  const struct nifti_header *h = &v->header;
  bool is_plain = h->kind == RASTER_UINT && h->bits <= 16 && !h->is_scaled;
  bool is_label = h->kind != RASTER_FLOAT && h->bits <= 16 && !h->is_scaled;
  v->info.format = !is_plain ? VC_PIXEL_F32 : h->bits == 8 ? VC_PIXEL_U8 : VC_PIXEL_U16;
  v->info.label_bytes = is_label ? h->bits / 8 : 4;
  memcpy(v->info.size, h->size, sizeof h->size);
  memcpy(v->info.to_world, h->to_world, sizeof h->to_world);
}

vc_status vc_volume_open(vc_arena *arena, const char *path, vc_volume **out) {
  vc_volume *v;
  char *name;
  VC_TRY(VC_NEW(arena, 1, &v));
  VC_TRY(vc_arena_strdup(arena, path, &name));
  VC_TRY(image_file_open(name, &v->file));
  VC_TRY(vc_arena_defer(arena, close_volume, v));
  VC_TRY(open_stream(v));
  VC_TRY(read_header(v));
  describe(v);
  *out = v;
  return VC_OK;
}

const struct vc_volume_info *vc_volume_info_of(const vc_volume *v) {
  return &v->info;
}

// ---- voxels ----

static void swap_voxels(uint8_t *bytes, size_t n, uint32_t width) {
  for (size_t i = 0; i < n; i++, bytes += width) {
    for (uint32_t k = 0; k < width / 2; k++) {
      uint8_t byte = bytes[k];
      bytes[k] = bytes[width - 1 - k];
      bytes[width - 1 - k] = byte;
    }
  }
}

// A voxel as stored. Whole numbers of 64 bits are exact up to 2^53.
static double voxel(const struct nifti_header *h, const uint8_t *chunk, size_t i) {
  const void *data = chunk; // aligned by malloc
  if (h->kind == RASTER_FLOAT) return h->bits == 32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
  if (h->kind == RASTER_INT) {
    switch (h->bits) {
    case 8: return ((const int8_t *)data)[i];
    case 16: return ((const int16_t *)data)[i];
    case 32: return ((const int32_t *)data)[i];
    default: return (double)((const int64_t *)data)[i];
    }
  }
  switch (h->bits) {
  case 8: return ((const uint8_t *)data)[i];
  case 16: return ((const uint16_t *)data)[i];
  case 32: return ((const uint32_t *)data)[i];
  default: return (double)((const uint64_t *)data)[i];
  }
}

struct place {
  char text[64];
};

static struct place place_of(const vc_volume *v, uint64_t index) {
  const uint32_t *size = v->info.size;
  struct place place;
  snprintf(place.text, sizeof place.text, "voxel %llu, %llu, %llu", (unsigned long long)(index % size[0]),
           (unsigned long long)(index / size[0] % size[1]), (unsigned long long)(index / size[0] / size[1]));
  return place;
}

// n voxels of the chunk, the first of them number `index` of the volume, to position `at` of out.
static vc_status store_intensities(const vc_volume *v, uint64_t index, size_t n, void *out, size_t at) {
  const struct nifti_header *h = &v->header;
  if (v->info.format != VC_PIXEL_F32) {
    memcpy((uint8_t *)out + at * (h->bits / 8), v->chunk, n * (h->bits / 8));
    return VC_OK;
  }
  for (size_t i = 0; i < n; i++) {
    double value = voxel(h, v->chunk, i);
    if (h->is_scaled) value = h->slope * value + h->intercept;
    float stored = (float)value;
    if (!isfinite(stored)) {
      return VC_FAIL(VC_E_INPUT, "%s: %s is not a finite number (%g); replace such voxels", v->file.path,
                     place_of(v, index + i).text, value);
    }
    ((float *)out)[at + i] = stored;
  }
  return VC_OK;
}

static vc_status store_labels(const vc_volume *v, uint64_t index, size_t n, void *out, size_t at) {
  const struct nifti_header *h = &v->header;
  uint32_t width = v->info.label_bytes;
  if (h->kind == RASTER_UINT && !h->is_scaled && h->bits == 8 * width) {
    memcpy((uint8_t *)out + at * width, v->chunk, n * width);
    return VC_OK;
  }
  for (size_t i = 0; i < n; i++) {
    double value = voxel(h, v->chunk, i);
    if (h->is_scaled) value = h->slope * value + h->intercept;
    if (!(value >= 0 && value <= UINT32_MAX && value == floor(value))) {
      return VC_FAIL(VC_E_INPUT, "%s: %g at %s is not a label; whole numbers from 0 to 4294967295 are", v->file.path,
                     value, place_of(v, index + i).text);
    }
    switch (width) {
    case 1: ((uint8_t *)out)[at + i] = (uint8_t)value; break;
    case 2: ((uint16_t *)out)[at + i] = (uint16_t)value; break;
    default: ((uint32_t *)out)[at + i] = (uint32_t)value; break;
    }
  }
  return VC_OK;
}

static vc_status read_planes(vc_volume *v, uint32_t first, uint32_t n, bool as_labels, void *out) {
  const struct nifti_header *h = &v->header;
  VC_ASSERT(first <= h->size[2] && n <= h->size[2] - first);
  uint32_t width = h->bits / 8;
  uint64_t plane = (uint64_t)h->size[0] * h->size[1], index = first * plane, end = index + n * plane;
  VC_TRY(move_to(v, h->data_offset + index * width));
  for (size_t at = 0; index < end;) {
    size_t n_voxels = (size_t)VC_MIN(end - index, (uint64_t)CHUNK_BYTES / width);
    VC_TRY(read_bytes(v, v->chunk, n_voxels * width));
    if (h->is_swapped) swap_voxels(v->chunk, n_voxels, width);
    VC_TRY(as_labels ? store_labels(v, index, n_voxels, out, at) : store_intensities(v, index, n_voxels, out, at));
    at += n_voxels;
    index += n_voxels;
  }
  return first + n == h->size[2] ? check_end(v) : VC_OK;
}

vc_status vc_volume_read(vc_volume *v, uint32_t first, uint32_t n, void *out_voxels) {
  return read_planes(v, first, n, false, out_voxels);
}

vc_status vc_volume_read_labels(vc_volume *v, uint32_t first, uint32_t n, void *out_labels) {
  return read_planes(v, first, n, true, out_labels);
}

// ---- writing ----

static vc_status pack(vc_file_writer *w, z_stream *z, const char *path, const uint8_t *data, uint64_t n, bool is_last) {
  uint8_t packed[1 << 14];
  do {
    size_t n_now = (size_t)VC_MIN(n, (uint64_t)CHUNK_BYTES);
    z->next_in = (z_const Bytef *)(uintptr_t)data;
    z->avail_in = (uInt)n_now;
    data += n_now;
    n -= n_now;
    do {
      z->next_out = packed;
      z->avail_out = sizeof packed;
      if (deflate(z, is_last && n == 0 ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR) {
        return VC_FAIL(VC_E_INTERNAL, "%s: cannot be compressed", path);
      }
      VC_TRY(vc_file_writer_append(w, packed, sizeof packed - z->avail_out));
    } while (z->avail_out == 0);
  } while (n > 0);
  return VC_OK;
}

static vc_status write_content(vc_file_writer *w, const char *path, const uint8_t *header, const void *voxels,
                               uint64_t n_bytes) {
  size_t n_path = strlen(path);
  if (n_path < 3 || strcasecmp(path + n_path - 3, ".gz") != 0) {
    VC_TRY(vc_file_writer_append(w, header, NIFTI_FILE_BYTES));
    return vc_file_writer_append(w, voxels, n_bytes);
  }
  z_stream z = {0};
  if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return VC_FAIL(VC_E_NOMEM, "%s: out of memory", path);
  }
  vc_status status = pack(w, &z, path, header, NIFTI_FILE_BYTES, false);
  if (status == VC_OK) status = pack(w, &z, path, voxels, n_bytes, true);
  deflateEnd(&z);
  return status;
}

vc_status vc_volume_write(const char *path, const struct vc_volume_info *info, const void *voxels) {
  uint8_t header[NIFTI_FILE_BYTES];
  vc_file_writer *w;
  VC_TRY(nifti_make(path, info, header));
  uint64_t n_bytes = (uint64_t)info->size[0] * info->size[1] * info->size[2] * vc_pixel_bytes(info->format);
  VC_TRY(vc_file_writer_open(path, &w));
  vc_status status = write_content(w, path, header, voxels, n_bytes);
  if (status != VC_OK) {
    vc_file_writer_discard(w);
    return status;
  }
  return vc_file_writer_commit(w);
}
