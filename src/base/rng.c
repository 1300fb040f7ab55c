// Counter-based random streams.
#include "vulcyte/base.h"

#include <math.h>

void vc_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) {
  uint32_t k0 = key[0], k1 = key[1];
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0;
    uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)p1;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u; // golden ratio
    k1 += 0xBB67AE85u; // sqrt(3) - 1
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

// The seed is the whole key; purpose, epoch and sample are words of the counter beside the running block number. No two
// addresses share a (key, counter) pair within 2^32 blocks.
vc_rng vc_rng_at(uint64_t seed, enum vc_rng_purpose purpose, uint32_t epoch, uint32_t sample) {
  return (vc_rng){
      .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
      .counter = {0, (uint32_t)purpose, epoch, sample},
      .n_used = 4,
  };
}

uint32_t vc_rng_u32(vc_rng *rng) {
  if (rng->n_used == 4) {
    vc_philox(rng->key, rng->counter, rng->block);
    rng->counter[0]++;
    rng->n_used = 0;
  }
  return rng->block[rng->n_used++];
}

double vc_rng_uniform(vc_rng *rng, double lo, double hi) {
  double scaled = (hi - lo) * (vc_rng_u32(rng) * 0x1p-32);
  double value = lo + scaled;     // a statement of its own: never contracted into a fused multiply-add
  return value < hi ? value : lo; // the sum may round up to hi
}

double vc_rng_normal(vc_rng *rng) {
  double radius = sqrt(-2.0 * log((vc_rng_u32(rng) + 1.0) * 0x1p-32)); // of (0, 1]: the logarithm is finite
  return radius * cos(vc_rng_u32(rng) * (0x1p-32 * 6.283185307179586476925));
}

// The high word of a 32x32 product (Lemire 2019); low words under 2^32 mod n are drawn again.
uint32_t vc_rng_below(vc_rng *rng, uint32_t n) {
  VC_ASSERT(n > 0);
  uint32_t threshold = (uint32_t)(-n) % n;
  uint64_t product;
  do product = (uint64_t)vc_rng_u32(rng) * n;
  while ((uint32_t)product < threshold);
  return (uint32_t)(product >> 32);
}

void vc_rng_permutation(vc_rng *rng, uint32_t n, uint32_t *out) {
  for (uint32_t i = 0; i < n; i++) {
    uint32_t j = vc_rng_below(rng, i + 1);
    if (j != i) out[i] = out[j];
    out[j] = i;
  }
}
