// matching.h: which class a cluster stands for, from how often the two meet. Pure functions.
#ifndef VC_TRAIN_MATCHING_H
#define VC_TRAIN_MATCHING_H

#include "vulcyte/train.h"

// overlaps[class * n_clusters + cluster]: pixels of both.
// one-to-one: the assignment of clusters to different classes with the largest sum of overlaps (Kuhn 1955, Munkres
// 1957). Clusters beyond the number of classes take the class that they overlap most, so that every pixel has one;
// where there are fewer clusters, some classes are never predicted.
// many-to-one: each cluster takes the class that it overlaps most. Of equal ones the lowest class, so a cluster that
// never occurs becomes class 0.
enum vc_match_rule { VC_MATCH_ONE_TO_ONE, VC_MATCH_MANY_TO_ONE };
void vc_match(enum vc_match_rule rule, const uint64_t *overlaps, uint32_t n_classes, uint32_t n_clusters,
              uint8_t *out_class_of);
static inline enum vc_match_rule vc_match_rule_of(enum vc_head head) {
  return head == VC_HEAD_MAIN ? VC_MATCH_ONE_TO_ONE : VC_MATCH_MANY_TO_ONE;
}
// The confusion matrix [reference * n_classes + predicted] of the clusters taken as those classes.
void vc_match_confusion(const uint64_t *overlaps, uint32_t n_classes, uint32_t n_clusters, const uint8_t *class_of,
                        uint64_t *out_confusion);

#endif
