#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vulcyte/base.h"

// The vectors that the authors of Philox publish with their library Random123 (philox4x32, 10 rounds).
static void philox_known_answers(void **state) {
  (void)state;
  static const struct {
    uint32_t counter[4], key[2], want[4];
  } rows[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t i = 0; i < VC_COUNT_OF(rows); i++) {
    uint32_t out[4];
    vc_philox(rows[i].key, rows[i].counter, out);
    assert_memory_equal(out, rows[i].want, sizeof out);
  }
}

static void stream_is_the_blocks_of_its_address(void **state) {
  (void)state;
  vc_rng rng = vc_rng_at(0x1122334455667788u, VC_RNG_WEAK, 9, 1000);
  for (uint32_t block = 0; block < 3; block++) {
    uint32_t want[4];
    vc_philox((uint32_t[]){0x55667788, 0x11223344}, (uint32_t[]){block, VC_RNG_WEAK, 9, 1000}, want);
    for (int i = 0; i < 4; i++) assert_int_equal(vc_rng_u32(&rng), want[i]);
  }
}

static int compare_u64(const void *a, const void *b) {
  uint64_t left, right;
  memcpy(&left, a, sizeof left);
  memcpy(&right, b, sizeof right);
  return (left > right) - (left < right);
}

static void streams_of_different_addresses_differ(void **state) {
  (void)state;
  enum { SEEDS = 4, PURPOSES = 9, EPOCHS = 5, SAMPLES = 11, STREAMS = SEEDS * PURPOSES * EPOCHS * SAMPLES };
  static const uint64_t seeds[SEEDS] = {0, 1, (uint64_t)1 << 32, UINT64_MAX};
  static uint64_t first[STREAMS];
  size_t n = 0;
  for (int seed = 0; seed < SEEDS; seed++) {
    for (int purpose = VC_RNG_INIT; purpose <= VC_RNG_TEST; purpose++) {
      for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        for (uint32_t sample = 0; sample < SAMPLES; sample++) {
          vc_rng rng = vc_rng_at(seeds[seed], (enum vc_rng_purpose)purpose, epoch, sample);
          uint64_t high = vc_rng_u32(&rng);
          first[n++] = high << 32 | vc_rng_u32(&rng);
        }
      }
    }
  }
  assert_int_equal(n, STREAMS);
  qsort(first, n, sizeof *first, compare_u64);
  for (size_t i = 1; i < n; i++) assert_true(first[i] != first[i - 1]);
}

static void uniform_range_and_moments(void **state) {
  (void)state;
  enum { N = 100000 };
  vc_rng rng = vc_rng_at(1, VC_RNG_TEST, 0, 0);
  double sum = 0, sum_sq = 0;
  for (int i = 0; i < N; i++) {
    double u = vc_rng_uniform(&rng, -2, 6);
    assert_true(u >= -2 && u < 6);
    sum += u;
    sum_sq += u * u;
  }
  double mean = sum / N, variance = sum_sq / N - mean * mean;
  assert_true(fabs(mean - 2) < 0.037);             // 5 standard errors: 5 * sqrt(64 / 12 / N)
  assert_true(fabs(variance - 64.0 / 12) < 0.076); // 5 * sqrt(64^2 / 180 / N)
}

static void uniform_never_gives_the_upper_end(void **state) {
  (void)state;
  vc_rng rng = vc_rng_at(2, VC_RNG_TEST, 0, 0);
  double hi = nextafter(1e16, 1e17);
  for (int i = 0; i < 1000; i++) assert_true(vc_rng_uniform(&rng, 1e16, hi) == 1e16); // the only double in [lo, hi)
  assert_true(vc_rng_uniform(&rng, 3, 3) == 3);
}

static void normal_moments(void **state) {
  (void)state;
  enum { N = 200000 };
  vc_rng rng = vc_rng_at(3, VC_RNG_TEST, 0, 0);
  double sum = 0, sum_sq = 0, sum_4 = 0, largest = 0;
  for (int i = 0; i < N; i++) {
    double x = vc_rng_normal(&rng);
    assert_true(isfinite(x));
    sum += x;
    sum_sq += x * x;
    sum_4 += x * x * x * x;
    largest = fmax(largest, fabs(x));
  }
  assert_true(fabs(sum / N) < 0.0112);         // 5 / sqrt(N)
  assert_true(fabs(sum_sq / N - 1) < 0.0158);  // 5 * sqrt(2 / N)
  assert_true(fabs(sum_4 / N - 3) < 0.11);     // 5 * sqrt(96 / N)
  assert_true(largest > 3.5 && largest < 6.7); // sqrt(2 * 32 * ln 2) = 6.66 is the end of the range
}

static void below_is_in_range_and_even(void **state) {
  (void)state;
  vc_rng rng = vc_rng_at(4, VC_RNG_TEST, 0, 0);
  for (int i = 0; i < 100; i++) assert_int_equal(vc_rng_below(&rng, 1), 0);
  enum { BINS = 7, N = 70000 };
  int counts[BINS] = {0};
  for (int i = 0; i < N; i++) {
    uint32_t k = vc_rng_below(&rng, BINS);
    assert_true(k < BINS);
    counts[k]++;
  }
  double chi_sq = 0;
  for (int k = 0; k < BINS; k++) chi_sq += (counts[k] - N / BINS) * (double)(counts[k] - N / BINS) / (N / BINS);
  assert_true(chi_sq < 27.9); // 6 degrees of freedom: exceeded once in 10^4 seeds
  // Taking the remainder of 32 bits would put 2/3 of the draws into the lower half of this range.
  int n_low = 0;
  for (int i = 0; i < 10000; i++) n_low += vc_rng_below(&rng, 0xC0000000u) < 0x60000000u;
  assert_true(abs(n_low - 5000) < 250); // 5 standard deviations
}

static void permutation_holds_each_once_and_repeats(void **state) {
  (void)state;
  enum { N = 1000 };
  uint32_t a[N], b[N];
  bool is_seen[N] = {false};
  vc_rng rng = vc_rng_at(5, VC_RNG_SHUFFLE, 1, 0), same = rng, other = vc_rng_at(5, VC_RNG_SHUFFLE, 2, 0);
  vc_rng_permutation(&rng, N, a);
  for (int i = 0; i < N; i++) {
    assert_true(a[i] < N && !is_seen[a[i]]);
    is_seen[a[i]] = true;
  }
  vc_rng_permutation(&same, N, b);
  assert_memory_equal(a, b, sizeof a);
  vc_rng_permutation(&other, N, b);
  assert_memory_not_equal(a, b, sizeof a);
  vc_rng_permutation(&other, 0, b);
}

static void permutations_are_equally_likely(void **state) {
  (void)state;
  enum { N = 24000 };
  int counts[256] = {0};
  for (uint32_t i = 0; i < N; i++) {
    vc_rng rng = vc_rng_at(6, VC_RNG_SHUFFLE, i, 0);
    uint32_t order[4];
    vc_rng_permutation(&rng, 4, order);
    counts[order[0] << 6 | order[1] << 4 | order[2] << 2 | order[3]]++;
  }
  int n_kinds = 0;
  double chi_sq = 0;
  for (int k = 0; k < 256; k++) {
    if (counts[k] == 0) continue;
    n_kinds++;
    chi_sq += (counts[k] - N / 24) * (double)(counts[k] - N / 24) / (N / 24);
  }
  assert_int_equal(n_kinds, 24);
  assert_true(chi_sq < 56); // 23 degrees of freedom: exceeded once in 10^4 seeds
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(philox_known_answers),
      cmocka_unit_test(stream_is_the_blocks_of_its_address),
      cmocka_unit_test(streams_of_different_addresses_differ),
      cmocka_unit_test(uniform_range_and_moments),
      cmocka_unit_test(uniform_never_gives_the_upper_end),
      cmocka_unit_test(normal_moments),
      cmocka_unit_test(below_is_in_range_and_even),
      cmocka_unit_test(permutation_holds_each_once_and_repeats),
      cmocka_unit_test(permutations_are_equally_likely),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
