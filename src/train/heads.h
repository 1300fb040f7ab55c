// heads.h: the test of a model with two heads.
#ifndef VC_TRAIN_HEADS_H
#define VC_TRAIN_HEADS_H

#include "train/run.h"

// Scores both heads on the test images and writes the object `key` of evaluation.json: the chosen head's scores as
// those of other methods, then both heads' with the classes that the validation images gave their clusters, then both
// with those that the test images themselves would give. Without masks there are no scores, only which head it is.
vc_status vc_test_heads(struct vc_run *run, vc_predictor *p, const char *key, uint32_t epoch,
                        const struct vc_evaluate_options *options, vc_json_writer *w);

#endif
