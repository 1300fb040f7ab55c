// APPNOTE.TXT of PKWARE, version 2.0: local headers with the data, then the directory, then its end.
#include "train/zip.h"

#include <string.h>

enum { VERSION = 20, FIRST_OF_JANUARY_1980 = 1 << 5 | 1 }; // one date for all: the same content, the same bytes

struct entry {
  const char *name;
  uint8_t *data;
  size_t n_bytes;
  uint32_t crc, offset;
};

uint32_t vc_crc32(const void *data, size_t n_bytes) {
  uint32_t table[256], crc = UINT32_MAX;
  for (uint32_t i = 0; i < 256; i++) {
    table[i] = i;
    for (int bit = 0; bit < 8; bit++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xEDB88320u : 0);
  }
  for (size_t i = 0; i < n_bytes; i++) crc = crc >> 8 ^ table[(crc ^ ((const uint8_t *)data)[i]) & 255];
  return ~crc;
}

static uint8_t *put(uint8_t *out, uint32_t value, uint32_t n_bytes) {
  for (uint32_t i = 0; i < n_bytes; i++) *out++ = (uint8_t)(value >> 8 * i);
  return out;
}

// What local headers and directory have in common.
static uint8_t *put_facts(uint8_t *out, const struct entry *e) {
  out = put(out, VERSION, 2);
  out = put(out, 0, 2); // flags
  out = put(out, 0, 2); // stored
  out = put(out, 0, 2); // midnight
  out = put(out, FIRST_OF_JANUARY_1980, 2);
  out = put(out, e->crc, 4);
  out = put(out, (uint32_t)e->n_bytes, 4);
  out = put(out, (uint32_t)e->n_bytes, 4);
  out = put(out, (uint32_t)strlen(e->name), 2);
  return put(out, 0, 2); // no extra field
}

static vc_status append_local(vc_file_writer *file, const struct entry *e) {
  uint8_t head[30];
  put_facts(put(head, 0x04034b50, 4), e);
  VC_TRY(vc_file_writer_append(file, head, sizeof head));
  VC_TRY(vc_file_writer_append(file, e->name, strlen(e->name)));
  return vc_file_writer_append(file, e->data, e->n_bytes);
}

static vc_status append_directory(vc_file_writer *file, const struct entry *e) {
  uint8_t head[46];
  uint8_t *out = put_facts(put(put(head, 0x02014b50, 4), VERSION, 2), e);
  out = put(out, 0, 2); // comment
  out = put(out, 0, 2); // disk
  out = put(out, 0, 2); // attributes inside
  out = put(out, 0, 4); // and outside
  put(out, e->offset, 4);
  VC_TRY(vc_file_writer_append(file, head, sizeof head));
  return vc_file_writer_append(file, e->name, strlen(e->name));
}

static vc_status append_end(vc_file_writer *file, uint32_t n, uint32_t n_bytes, uint32_t offset) {
  uint8_t end[22];
  uint8_t *out = put(put(end, 0x06054b50, 4), 0, 4); // this disk, the directory's disk
  out = put(put(out, n, 2), n, 2);
  out = put(put(out, n_bytes, 4), offset, 4);
  put(out, 0, 2); // comment
  return vc_file_writer_append(file, end, sizeof end);
}

static vc_status append_all(vc_file_writer *file, const struct entry *entries, uint32_t n, uint32_t end) {
  uint32_t n_directory = 0;
  for (uint32_t i = 0; i < n; i++) VC_TRY(append_local(file, &entries[i]));
  for (uint32_t i = 0; i < n; i++) {
    VC_TRY(append_directory(file, &entries[i]));
    n_directory += 46 + (uint32_t)strlen(entries[i].name);
  }
  return append_end(file, n, n_directory, end);
}

static vc_status write_zip(vc_arena *arena, const char *out_path, const char *dir, const char *const *names,
                           uint32_t n) {
  struct entry *entries;
  uint64_t at = 0;
  VC_TRY(VC_NEW(arena, n, &entries));
  for (uint32_t i = 0; i < n; i++) {
    struct entry *e = &entries[i];
    char *path;
    e->name = names[i];
    e->offset = (uint32_t)at;
    VC_TRY(vc_path_join(arena, dir, names[i], &path));
    VC_TRY(vc_file_read(arena, path, 0, &e->data, &e->n_bytes));
    e->crc = vc_crc32(e->data, e->n_bytes);
    at += 30 + strlen(e->name) + e->n_bytes;
    if (at > UINT32_MAX - 65536) return VC_FAIL(VC_E_UNSUPPORTED, "%s: more than the 4 GiB of a ZIP file", out_path);
  }
  vc_file_writer *file;
  VC_TRY(vc_file_writer_open(out_path, &file));
  vc_status status = append_all(file, entries, n, (uint32_t)at);
  if (status == VC_OK) return vc_file_writer_commit(file);
  vc_file_writer_discard(file);
  return status;
}

vc_status vc_zip_write(const char *out_path, const char *dir, const char *const *names, uint32_t n) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = write_zip(arena, out_path, dir, names, n);
  vc_arena_destroy(arena);
  return status;
}
