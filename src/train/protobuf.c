#include "train/protobuf.h"

#include <stdlib.h>
#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { LENGTH_BYTES = 5 };

static uint8_t *extend(struct protobuf *p, size_t n_bytes) {
  if (!p->has_failed && p->capacity - p->n_bytes < n_bytes) {
    const size_t capacity = VC_MAX(2 * p->capacity, p->n_bytes + n_bytes + 4096);
    uint8_t *grown = realloc(p->data, capacity);
    p->has_failed = !grown;
    if (grown) {
      p->data = grown;
      p->capacity = capacity;
    }
  }
  if (p->has_failed) return NULL;
  p->n_bytes += n_bytes;
  return p->data + p->n_bytes - n_bytes;
}

// Seven bits a byte, the lowest first; all but the last have their top bit set.
static void put_varint(struct protobuf *p, uint64_t value) {
  uint8_t bytes[10];
  size_t n = 0;
  for (; value >= 128; value >>= 7) bytes[n++] = (uint8_t)(value | 128);
  bytes[n++] = (uint8_t)value;
  uint8_t *out = extend(p, n);
  if (out) memcpy(out, bytes, n);
}

static void put_key(struct protobuf *p, uint32_t field, enum wire_type type) {
  put_varint(p, (uint64_t)field << 3 | type);
}

void protobuf_int(struct protobuf *p, uint32_t field, int64_t value) {
  put_key(p, field, WIRE_VARINT);
  put_varint(p, (uint64_t)value);
}

void protobuf_float(struct protobuf *p, uint32_t field, float value) {
  put_key(p, field, WIRE_32);
  uint8_t *out = extend(p, sizeof value);
  if (out) memcpy(out, &value, sizeof value);
}

void protobuf_bytes(struct protobuf *p, uint32_t field, const void *data, size_t n_bytes) {
  put_key(p, field, WIRE_BYTES);
  put_varint(p, n_bytes);
  uint8_t *out = extend(p, n_bytes);
  if (out && n_bytes > 0) memcpy(out, data, n_bytes);
}

void protobuf_text(struct protobuf *p, uint32_t field, const char *text) {
  protobuf_bytes(p, field, text, strlen(text));
}

size_t protobuf_begin(struct protobuf *p, uint32_t field) {
  put_key(p, field, WIRE_BYTES);
  extend(p, LENGTH_BYTES);
  return p->n_bytes;
}

void protobuf_end(struct protobuf *p, size_t begin) {
  if (p->has_failed) return;
  uint64_t length = p->n_bytes - begin;
  for (int i = 0; i < LENGTH_BYTES; i++, length >>= 7)
    p->data[begin - LENGTH_BYTES + (size_t)i] = (uint8_t)((length & 127) | (i + 1 < LENGTH_BYTES ? 128 : 0));
}
