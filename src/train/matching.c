// Matching clusters to classes.
#include "train/matching.h"

#include <string.h>

enum { MAX = VC_MAX_CLASSES };

static uint8_t largest_class(const uint64_t *overlaps, uint32_t n_classes, uint32_t n_clusters, uint32_t cluster) {
  uint32_t best = 0;
  for (uint32_t c = 1; c < n_classes; c++)
    if (overlaps[c * n_clusters + cluster] > overlaps[best * n_clusters + cluster]) best = c;
  return (uint8_t)best;
}

// The assignment of least cost by shortest augmenting paths (Jonker and Volgenant 1987) on an n x n matrix; rows and
// columns count from 1, 0 is none. out_row[column].
struct assignment {
  uint32_t n;
  int64_t cost[MAX + 1][MAX + 1];
  int64_t row_potential[MAX + 1], column_potential[MAX + 1];
  uint32_t row_of[MAX + 1]; // of a column
};

// Finds the shortest path from a free row, which stands as column 0's, to a free column, and turns it round.
static void augment(struct assignment *a) {
  int64_t distance[MAX + 1];
  uint32_t previous[MAX + 1];
  bool done[MAX + 1] = {false};
  for (uint32_t j = 0; j <= a->n; j++) distance[j] = INT64_MAX;
  uint32_t column = 0;
  do {
    done[column] = true;
    const uint32_t row = a->row_of[column];
    int64_t step = INT64_MAX;
    uint32_t next = 0;
    for (uint32_t j = 1; j <= a->n; j++) {
      if (done[j]) continue;
      const int64_t reduced = a->cost[row][j] - a->row_potential[row] - a->column_potential[j];
      if (reduced < distance[j]) {
        distance[j] = reduced;
        previous[j] = column;
      }
      if (distance[j] < step) {
        step = distance[j];
        next = j;
      }
    }
    for (uint32_t j = 0; j <= a->n; j++) {
      if (done[j]) {
        a->row_potential[a->row_of[j]] += step;
        a->column_potential[j] -= step;
      } else if (j > 0) {
        distance[j] -= step;
      }
    }
    column = next;
  } while (a->row_of[column] != 0);
  while (column != 0) {
    a->row_of[column] = a->row_of[previous[column]];
    column = previous[column];
  }
}

// Classes are rows, clusters columns; the missing ones of either overlap nothing.
static void match_one_to_one(const uint64_t *overlaps, uint32_t n_classes, uint32_t n_clusters, uint8_t *out_class_of) {
  struct assignment a = {.n = VC_MAX(n_classes, n_clusters)};
  for (uint32_t c = 0; c < n_classes; c++)
    for (uint32_t k = 0; k < n_clusters; k++) a.cost[c + 1][k + 1] = -(int64_t)overlaps[c * n_clusters + k];
  for (uint32_t row = 1; row <= a.n; row++) {
    a.row_of[0] = row;
    augment(&a);
  }
  for (uint32_t k = 0; k < n_clusters; k++) {
    const uint32_t class_index = a.row_of[k + 1] - 1;
    out_class_of[k] =
        class_index < n_classes ? (uint8_t)class_index : largest_class(overlaps, n_classes, n_clusters, k);
  }
}

void vc_match(enum vc_match_rule rule, const uint64_t *overlaps, uint32_t n_classes, uint32_t n_clusters,
              uint8_t *out_class_of) {
  VC_ASSERT(n_classes <= MAX && n_clusters <= MAX);
  if (rule == VC_MATCH_ONE_TO_ONE) {
    match_one_to_one(overlaps, n_classes, n_clusters, out_class_of);
    return;
  }
  for (uint32_t k = 0; k < n_clusters; k++) out_class_of[k] = largest_class(overlaps, n_classes, n_clusters, k);
}

void vc_match_confusion(const uint64_t *overlaps, uint32_t n_classes, uint32_t n_clusters, const uint8_t *class_of,
                        uint64_t *out_confusion) {
  memset(out_confusion, 0, (size_t)n_classes * n_classes * sizeof *out_confusion);
  for (uint32_t c = 0; c < n_classes; c++)
    for (uint32_t k = 0; k < n_clusters; k++)
      out_confusion[c * n_classes + class_of[k]] += overlaps[c * n_clusters + k];
}
