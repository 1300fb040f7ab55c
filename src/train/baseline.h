// baseline.h: what a test set gives without any training, to hold a network's scores against.
#ifndef VC_TRAIN_BASELINE_H
#define VC_TRAIN_BASELINE_H

#include "train/run.h"

// Otsu's threshold: of 256 equal bins between the image's smallest and largest value, the cut that makes the two sides'
// means differ most. out[i] is 1 where pixel i (of one channel) lies in a bin above it, else 0.
void vc_otsu_segment(const struct vc_image *image, uint8_t *out);

// Scores it on the run's test images, each with a threshold of its own, into baselines.json: {"otsu": SCORES}. Nothing
// where it does not apply: several channels, other than two classes, no test images.
vc_status vc_baseline_write(struct vc_run *run);

#endif
