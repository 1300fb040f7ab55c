// safetensors files: 8 bytes of header length (little-endian), a JSON header, then the tensors without gaps.
// A file is not believed: every length and offset is checked before it is used.
#include "vulcyte/train.h"

#include "train/checksum.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are read and written as they stand in memory: a little-endian processor is needed"
#endif

enum { MAX_HEADER_BYTES = 100 << 20, MAX_DIMS = 8 }; // the format's own limit; more dimensions no file has

static const struct {
  const char *name;
  uint32_t n_bytes;
} dtypes[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"I64", 8},  {"I32", 4},     {"I16", 2},    {"I8", 1},
              {"U64", 8}, {"U32", 4}, {"U16", 2},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

// Two checksums, of 16 digits each: of the header's text with zeros for both, and of the tensors' bytes one after the
// other. Where the first does not agree another program has written the file anew, and may have changed tensors on
// purpose.
static const char checksum_key[] = "xxh64", no_checksum[] = "00000000000000000000000000000000";

// The digits in a header's text, NULL if there are none. Within a string the quotes of the key would be escaped.
static char *checksum_in(char *header) {
  static const char before[] = "\"xxh64\":\"";
  char *found = strstr(header, before);
  if (!found) return NULL;
  found += sizeof before - 1;
  return strspn(found, "0123456789abcdef") == sizeof no_checksum - 1 ? found : NULL;
}

static void print_checksum(uint64_t checksum, char *digits) {
  char text[17];
  snprintf(text, sizeof text, "%016" PRIx64, checksum);
  memcpy(digits, text, 16);
}

static vc_status data_of(const struct vc_safetensors *s, uint32_t i, const void **out) {
  *out = s->tensors[i].data;
  return s->fetch ? s->fetch(s->context, i, out) : VC_OK;
}

static vc_status checksum_of_tensors(const struct vc_safetensors *s, uint64_t *out) {
  *out = 0;
  for (uint32_t i = 0; i < s->n_tensors; i++) {
    const void *data;
    VC_TRY(data_of(s, i, &data));
    *out = checksum_bytes(data, s->tensors[i].n_bytes, *out);
  }
  return VC_OK;
}

static uint32_t dtype_bytes(const char *name) {
  for (size_t i = 0; i < VC_COUNT_OF(dtypes); i++) {
    if (strcmp(dtypes[i].name, name) == 0) return dtypes[i].n_bytes;
  }
  return 0;
}

struct reader {
  vc_arena *arena;
  const char *path;
  const uint8_t *data; // behind the header
  uint64_t n_bytes;
};

static vc_status fail_tensor(const struct reader *r, const char *name, const char *what) {
  return VC_FAIL(VC_E_FORMAT, "%s: tensor \"%.100s\": %s; the file is damaged or no safetensors file", r->path, name,
                 what);
}

// A whole number from 0 to 2^53.
static bool read_whole(const vc_json *value, uint64_t *out) {
  if (!value || vc_json_type_of(value) != VC_JSON_NUMBER) return false;
  double number = vc_json_number(value);
  if (!(number >= 0 && number <= 9007199254740992.0)) return false;
  *out = (uint64_t)number;
  return (double)*out == number;
}

static vc_status read_tensor(const struct reader *r, const vc_json *value, struct vc_named_tensor *out) {
  const char *name = vc_json_key(value);
  const vc_json *dtype = vc_json_get(value, "dtype"), *shape = vc_json_get(value, "shape"),
                *offsets = vc_json_get(value, "data_offsets");
  if (!dtype || vc_json_type_of(dtype) != VC_JSON_STRING) return fail_tensor(r, name, "no dtype");
  uint64_t n_bytes = dtype_bytes(vc_json_string(dtype)), begin, end;
  if (n_bytes == 0) return fail_tensor(r, name, "unknown dtype");
  if (!shape || vc_json_type_of(shape) != VC_JSON_ARRAY) return fail_tensor(r, name, "no shape");
  if (vc_json_size(shape) > MAX_DIMS) return fail_tensor(r, name, "more than 8 dimensions");
  out->n_dims = (uint32_t)vc_json_size(shape);
  for (uint32_t i = 0; i < out->n_dims; i++) {
    uint64_t dim;
    if (!read_whole(vc_json_at(shape, i), &dim)) return fail_tensor(r, name, "a dimension is no whole number");
    if (dim != 0 && n_bytes > UINT64_MAX / dim) return fail_tensor(r, name, "its size overflows");
    out->dims[i] = dim;
    n_bytes *= dim;
  }
  if (!offsets || vc_json_type_of(offsets) != VC_JSON_ARRAY || vc_json_size(offsets) != 2 ||
      !read_whole(vc_json_at(offsets, 0), &begin) || !read_whole(vc_json_at(offsets, 1), &end)) {
    return fail_tensor(r, name, "no data_offsets");
  }
  if (begin > end || end > r->n_bytes) return fail_tensor(r, name, "its data lies outside the file");
  if (end - begin != n_bytes) return fail_tensor(r, name, "its shape and its data differ in size");
  char *copy, *copy_dtype;
  VC_TRY(vc_arena_strdup(r->arena, name, &copy));
  VC_TRY(vc_arena_strdup(r->arena, vc_json_string(dtype), &copy_dtype));
  out->name = copy;
  out->dtype = copy_dtype;
  out->data = r->data + begin;
  out->n_bytes = n_bytes;
  return VC_OK;
}

static int compare_places(const void *a, const void *b) {
  const struct vc_named_tensor *left = *(const struct vc_named_tensor *const *)a,
                               *right = *(const struct vc_named_tensor *const *)b;
  if (left->data != right->data) return (const uint8_t *)left->data < (const uint8_t *)right->data ? -1 : 1;
  return (left->n_bytes > right->n_bytes) - (left->n_bytes < right->n_bytes); // empty ones first
}

// The tensors fill the data from its first byte to its last, one after the other.
static vc_status check_gapless(const struct reader *r, const struct vc_safetensors *s) {
  const struct vc_named_tensor **sorted;
  VC_TRY(VC_NEW(r->arena, s->n_tensors, &sorted));
  for (uint32_t i = 0; i < s->n_tensors; i++) sorted[i] = &s->tensors[i];
  if (s->n_tensors > 1) qsort(sorted, s->n_tensors, sizeof *sorted, compare_places);
  uint64_t at = 0;
  for (uint32_t i = 0; i < s->n_tensors; i++) {
    uint64_t begin = (uint64_t)((const uint8_t *)sorted[i]->data - r->data);
    if (begin < at) return fail_tensor(r, sorted[i]->name, "its data overlaps another tensor's");
    if (begin > at) return fail_tensor(r, sorted[i]->name, "there is a gap before its data");
    at += sorted[i]->n_bytes;
  }
  if (at != r->n_bytes) {
    return VC_FAIL(VC_E_FORMAT, "%s: %llu bytes belong to no tensor; the file is damaged or no safetensors file",
                   r->path, (unsigned long long)(r->n_bytes - at));
  }
  return VC_OK;
}

static vc_status read_metadata(const struct reader *r, const vc_json *object, struct vc_safetensors *out) {
  if (vc_json_type_of(object) != VC_JSON_OBJECT) {
    return VC_FAIL(VC_E_FORMAT, "%s: __metadata__ is no object; the file is damaged or no safetensors file", r->path);
  }
  size_t n = vc_json_size(object);
  VC_TRY(VC_NEW(r->arena, n, &out->keys));
  VC_TRY(VC_NEW(r->arena, n, &out->values));
  for (size_t i = 0; i < n; i++) {
    const vc_json *value = vc_json_at(object, i);
    if (vc_json_type_of(value) != VC_JSON_STRING) {
      return VC_FAIL(VC_E_FORMAT,
                     "%s: __metadata__ \"%.100s\" is no string; the file is damaged or no safetensors file", r->path,
                     vc_json_key(value));
    }
    out->keys[i] = vc_json_key(value); // the document lives in the same arena
    out->values[i] = vc_json_string(value);
  }
  out->n_metadata = (uint32_t)n;
  return VC_OK;
}

static vc_status read_header(struct reader *r, const uint8_t *file, size_t n_file, vc_json **out) {
  uint64_t n_header = 0;
  if (n_file < 8) return VC_FAIL(VC_E_FORMAT, "%s: only %zu bytes; no safetensors file, or cut off", r->path, n_file);
  memcpy(&n_header, file, 8);
  if (n_header > n_file - 8 || n_header > MAX_HEADER_BYTES || n_header < 2 || file[8] != '{') {
    return VC_FAIL(VC_E_FORMAT, "%s: no safetensors header; another kind of file, or cut off", r->path);
  }
  char *name;
  VC_TRY(vc_arena_printf(r->arena, &name, "%s (header)", r->path));
  VC_TRY(vc_json_parse(r->arena, name, (const char *)file + 8, (size_t)n_header, out));
  r->data = file + 8 + n_header;
  r->n_bytes = n_file - 8 - n_header;
  return VC_OK;
}

static vc_status check_checksum(const struct reader *r, const char *header, size_t n_header,
                                const struct vc_safetensors *s) {
  char *text, written[sizeof no_checksum], is[sizeof no_checksum] = "", *digits;
  uint64_t of_tensors;
  while (n_header > 0 && header[n_header - 1] == ' ') n_header--;
  VC_TRY(vc_arena_printf(r->arena, &text, "%.*s", (int)n_header, header));
  if (strlen(text) != n_header || !(digits = checksum_in(text))) return VC_OK;
  memcpy(written, digits, sizeof written - 1);
  memcpy(digits, no_checksum, sizeof no_checksum - 1);
  print_checksum(checksum_bytes(text, n_header, 0), is);
  if (memcmp(is, written, 16) != 0) return VC_OK;
  VC_TRY(checksum_of_tensors(s, &of_tensors));
  print_checksum(of_tensors, is + 16);
  if (memcmp(is, written, sizeof is - 1) == 0) return VC_OK;
  return VC_FAIL(
      VC_E_FORMAT,
      "%s: the tensors do not agree with the checksum written with them, so the file is damaged; use another "
      "copy or checkpoint",
      r->path);
}

vc_status vc_safetensors_read(vc_arena *arena, const char *path, struct vc_safetensors *out) {
  struct reader r = {.arena = arena, .path = path};
  struct vc_safetensors s = {0};
  uint8_t *file;
  size_t n_file;
  vc_json *header;
  VC_TRY(vc_file_read(arena, path, 0, &file, &n_file));
  VC_TRY(read_header(&r, file, n_file, &header));
  VC_TRY(VC_NEW(arena, vc_json_size(header), &s.tensors));
  for (size_t i = 0; i < vc_json_size(header); i++) {
    const vc_json *value = vc_json_at(header, i);
    if (strcmp(vc_json_key(value), "__metadata__") == 0)
      VC_TRY(read_metadata(&r, value, &s));
    else
      VC_TRY(read_tensor(&r, value, &s.tensors[s.n_tensors++]));
  }
  VC_TRY(check_gapless(&r, &s));
  VC_TRY(check_checksum(&r, (const char *)file + 8, (size_t)(r.data - file) - 8, &s));
  *out = s;
  return VC_OK;
}

const char *vc_safetensors_metadata(const struct vc_safetensors *s, const char *key) {
  for (uint32_t i = 0; i < s->n_metadata; i++) {
    if (strcmp(s->keys[i], key) == 0) return s->values[i];
  }
  return NULL;
}

// ---- writing ------------------------------------------------------------------------------------------------------

static void put_header(vc_json_writer *w, const struct vc_safetensors *s) {
  vc_json_begin_object(w, NULL);
  vc_json_begin_object(w, "__metadata__");
  for (uint32_t i = 0; i < s->n_metadata; i++) {
    if (strcmp(s->keys[i], checksum_key) != 0) vc_json_put_string(w, s->keys[i], s->values[i]);
  }
  vc_json_put_string(w, checksum_key, no_checksum);
  vc_json_end_object(w);
  uint64_t at = 0;
  for (uint32_t i = 0; i < s->n_tensors; i++) {
    const struct vc_named_tensor *t = &s->tensors[i];
    vc_json_begin_object(w, t->name);
    vc_json_put_string(w, "dtype", t->dtype);
    vc_json_begin_array(w, "shape");
    for (uint32_t d = 0; d < t->n_dims; d++) vc_json_put_number(w, NULL, (double)t->dims[d]);
    vc_json_end_array(w);
    vc_json_begin_array(w, "data_offsets");
    vc_json_put_number(w, NULL, (double)at);
    at += t->n_bytes;
    vc_json_put_number(w, NULL, (double)at);
    vc_json_end_array(w);
    vc_json_end_object(w);
  }
  vc_json_end_object(w);
}

static vc_status write_parts(vc_file_writer *file, const char *header, size_t n_header,
                             const struct vc_safetensors *s) {
  uint64_t n_padded = vc_round_up(n_header, 8); // so that the tensors are aligned
  VC_TRY(vc_file_writer_append(file, &n_padded, 8));
  VC_TRY(vc_file_writer_append(file, header, n_header));
  VC_TRY(vc_file_writer_append(file, "        ", (size_t)(n_padded - n_header)));
  for (uint32_t i = 0; i < s->n_tensors; i++) {
    const void *data;
    VC_TRY(data_of(s, i, &data));
    VC_TRY(vc_file_writer_append(file, data, (size_t)s->tensors[i].n_bytes));
  }
  return VC_OK;
}

static vc_status write_file(vc_arena *arena, const char *path, const struct vc_safetensors *s) {
  vc_json_writer *w;
  const char *text;
  char *header, *digits;
  size_t n_header;
  VC_TRY(vc_json_writer_create(arena, 0, &w));
  put_header(w, s);
  VC_TRY(vc_json_writer_text(w, &text, &n_header));
  VC_TRY(vc_arena_strdup(arena, text, &header));
  digits = checksum_in(header);
  VC_ASSERT(digits);
  const uint64_t of_header = checksum_bytes(header, n_header, 0);
  uint64_t of_tensors;
  VC_TRY(checksum_of_tensors(s, &of_tensors));
  print_checksum(of_header, digits);
  print_checksum(of_tensors, digits + 16);
  vc_file_writer *file;
  VC_TRY(vc_file_writer_open(path, &file));
  vc_status status = write_parts(file, header, n_header, s);
  if (status == VC_OK) return vc_file_writer_commit(file);
  vc_file_writer_discard(file);
  return status;
}

vc_status vc_safetensors_write(const char *path, const struct vc_safetensors *content) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = write_file(arena, path, content);
  vc_arena_destroy(arena);
  return status;
}
