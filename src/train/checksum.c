// XXH64 (Yann Collet's xxHash, 64 bits).
#include "train/checksum.h"

#include <string.h>

#define PRIME1 0x9E3779B185EBCA87u
#define PRIME2 0xC2B2AE3D27D4EB4Fu
#define PRIME3 0x165667B19E3779F9u
#define PRIME4 0x85EBCA77C2B2AE63u
#define PRIME5 0x27D4EB2F165667C5u

static uint64_t rotate_left(uint64_t value, unsigned n) {
  return value << n | value >> (64 - n);
}

static uint64_t load64(const uint8_t *p) {
  uint64_t value;
  memcpy(&value, p, 8);
  return value;
}

static uint64_t hash_round(uint64_t sum, uint64_t input) {
  return rotate_left(sum + input * PRIME2, 31) * PRIME1;
}

static uint64_t hash_merge(uint64_t hash, uint64_t sum) {
  return (hash ^ hash_round(0, sum)) * PRIME1 + PRIME4;
}

uint64_t checksum_bytes(const void *data, uint64_t n, uint64_t seed) {
  const uint8_t *p = data, *end = p + n;
  uint64_t hash = seed + PRIME5;
  if (n >= 32) {
    uint64_t v[4] = {seed + PRIME1 + PRIME2, seed + PRIME2, seed, seed - PRIME1};
    for (; end - p >= 32; p += 32) {
      for (int i = 0; i < 4; i++) v[i] = hash_round(v[i], load64(p + 8 * i));
    }
    hash = rotate_left(v[0], 1) + rotate_left(v[1], 7) + rotate_left(v[2], 12) + rotate_left(v[3], 18);
    for (int i = 0; i < 4; i++) hash = hash_merge(hash, v[i]);
  }
  hash += n;
  for (; end - p >= 8; p += 8) hash = rotate_left(hash ^ hash_round(0, load64(p)), 27) * PRIME1 + PRIME4;
  if (end - p >= 4) {
    uint32_t word;
    memcpy(&word, p, 4);
    hash = rotate_left(hash ^ word * PRIME1, 23) * PRIME2 + PRIME3;
    p += 4;
  }
  for (; p < end; p++) hash = rotate_left(hash ^ *p * PRIME5, 11) * PRIME1;
  hash = (hash ^ hash >> 33) * PRIME2;
  hash = (hash ^ hash >> 29) * PRIME3;
  return hash ^ hash >> 32;
}
