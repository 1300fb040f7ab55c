// Protocol Buffers' wire format, as far as writing needs it: a message grows in memory.
#ifndef VC_TRAIN_PROTOBUF_H
#define VC_TRAIN_PROTOBUF_H

#include "vulcyte/base.h"

struct protobuf {
  uint8_t *data; // malloc'd; the caller frees it
  size_t n_bytes, capacity;
  bool has_failed; // out of memory; what is written after that is dropped
};
void protobuf_int(struct protobuf *p, uint32_t field, int64_t value);
void protobuf_float(struct protobuf *p, uint32_t field, float value);
void protobuf_bytes(struct protobuf *p, uint32_t field, const void *data, size_t n_bytes);
void protobuf_text(struct protobuf *p, uint32_t field, const char *text);
// A message inside: what is written between begin and end, which takes begin's result. Its length, not known before,
// has five bytes always.
size_t protobuf_begin(struct protobuf *p, uint32_t field);
void protobuf_end(struct protobuf *p, size_t begin);

#endif
