// Matching clusters to classes against every possible assignment.
#include "scratch.h"
#include "train/matching.h"

static uint64_t overlap_of(const uint64_t *overlaps, uint32_t n_clusters, const uint8_t *class_of) {
  uint64_t sum = 0;
  for (uint32_t k = 0; k < n_clusters; k++) sum += overlaps[class_of[k] * n_clusters + k];
  return sum;
}

// The largest sum over all ways to give the clusters from k on different classes, or (where there are more clusters
// than classes) none.
static uint64_t best_of_all(const uint64_t *overlaps, uint32_t n_classes, uint32_t n_clusters, uint32_t k,
                            uint32_t used) {
  if (k == n_clusters) return 0;
  uint64_t best = best_of_all(overlaps, n_classes, n_clusters, k + 1, used);
  for (uint32_t c = 0; c < n_classes; c++) {
    if (used >> c & 1) continue;
    const uint64_t with =
        overlaps[c * n_clusters + k] + best_of_all(overlaps, n_classes, n_clusters, k + 1, used | 1u << c);
    best = VC_MAX(best, with);
  }
  return best;
}

static void one_to_one_is_the_best_of_all_assignments(void **state) {
  (void)state;
  vc_rng rng = vc_rng_at(3, VC_RNG_TEST, 0, 0);
  for (int round = 0; round < 400; round++) {
    const uint32_t n_classes = 2 + vc_rng_below(&rng, 4), n_clusters = 2 + vc_rng_below(&rng, 6);
    uint64_t overlaps[5 * 7];
    uint8_t class_of[7];
    // Few different numbers make ties; very large ones would show sums that overflow 32 bits.
    const uint64_t scale = round % 2 ? 1 : 1u << 30;
    for (uint32_t i = 0; i < n_classes * n_clusters; i++) overlaps[i] = scale * vc_rng_below(&rng, round % 3 ? 100 : 3);
    vc_match(VC_MATCH_ONE_TO_ONE, overlaps, n_classes, n_clusters, class_of);
    uint32_t used = 0, n_twice = 0;
    for (uint32_t k = 0; k < n_clusters; k++) {
      assert_true(class_of[k] < n_classes);
      n_twice += used >> class_of[k] & 1;
      used |= 1u << class_of[k];
    }
    assert_int_equal(n_twice, n_clusters > n_classes ? n_clusters - n_classes : 0);
    const uint64_t best = best_of_all(overlaps, n_classes, n_clusters, 0, 0);
    if (n_clusters <= n_classes)
      assert_true(overlap_of(overlaps, n_clusters, class_of) == best);
    else
      assert_true(overlap_of(overlaps, n_clusters, class_of) >= best); // those left over overlap something as well
  }
}

static void left_over_clusters_take_the_class_they_overlap_most(void **state) {
  (void)state;
  // [class][cluster]
  static const uint64_t overlaps[2 * 4] = {90, 40, 1, 0, /**/ 5, 50, 8, 0};
  uint8_t class_of[4];
  vc_match(VC_MATCH_ONE_TO_ONE, overlaps, 2, 4, class_of);
  assert_memory_equal(class_of, ((uint8_t[]){0, 1, 1, 0}), 4);
}

static void many_to_one_takes_the_largest_overlap(void **state) {
  (void)state;
  static const uint64_t overlaps[3 * 4] = {7, 2, 5, 0, /**/ 3, 2, 6, 0, /**/ 1, 2, 6, 0};
  uint8_t class_of[4];
  uint64_t confusion[9];
  vc_match(VC_MATCH_MANY_TO_ONE, overlaps, 3, 4, class_of);
  assert_memory_equal(class_of, ((uint8_t[]){0, 0, 1, 0}), 4);
  vc_match_confusion(overlaps, 3, 4, class_of, confusion);
  static const uint64_t want[9] = {9, 5, 0, 5, 6, 0, 3, 6, 0};
  assert_memory_equal(confusion, want, sizeof want);
}

static void a_crossed_pair_is_seen_as_a_whole(void **state) {
  (void)state;
  // The largest overlap of all, 10, must be given up: 9 + 9 > 10 + 1.
  static const uint64_t overlaps[2 * 2] = {10, 9, /**/ 9, 1};
  uint8_t class_of[2];
  vc_match(VC_MATCH_ONE_TO_ONE, overlaps, 2, 2, class_of);
  assert_memory_equal(class_of, ((uint8_t[]){1, 0}), 2);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_to_one_is_the_best_of_all_assignments),
      cmocka_unit_test(left_over_clusters_take_the_class_they_overlap_most),
      cmocka_unit_test(many_to_one_takes_the_largest_overlap),
      cmocka_unit_test(a_crossed_pair_is_seen_as_a_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
