// evaluate.h: scoring a model on samples of a data set, for `vulcyte evaluate` and for the test at the end of a run.
#ifndef VC_TRAIN_EVALUATE_H
#define VC_TRAIN_EVALUATE_H

#include "vulcyte/train.h"

enum { VC_MAX_OVERLAYS = 16 }; // of the test at the end of a run

// How to take the clusters of a predictor that answers in clusters.
struct vc_clusters {
  uint32_t n, n_classes;
  const uint8_t *class_of;
  uint64_t *overlaps; // [class * n + cluster]: the pixels met are added
};
// Scores p on samples[0..n). Overlays (image | reference | prediction | difference) of the first max_overlays go to
// out_dir/overlays if out_dir is not NULL. options: skip_bad, tile, progress and context are used. clusters NULL: p
// answers in classes.
vc_status vc_evaluate_samples(vc_predictor *p, const vc_dataset *dataset, const uint32_t *samples, uint32_t n,
                              const struct vc_evaluate_options *options, uint32_t max_overlays,
                              const struct vc_clusters *clusters, struct vc_metrics *out);

// Whether a failure is a file that is bad or does not fit, which --skip-bad leaves out.
bool vc_is_bad_input(vc_status status);

#endif
