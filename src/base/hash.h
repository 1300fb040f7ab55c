// FNV-1a, 64 bits: for names and keys, not against forgery.
#ifndef VC_BASE_HASH_H
#define VC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t hash_bytes_fnv(const void *data, size_t n_bytes) {
  const uint8_t *p = (const uint8_t *)data;
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < n_bytes; i++) hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
  return hash;
}

#endif
