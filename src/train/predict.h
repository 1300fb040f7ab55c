// predict.h: the network forward over one tile, as prediction runs it.
#ifndef VC_TRAIN_PREDICT_H
#define VC_TRAIN_PREDICT_H

#include "vulcyte/train.h"

struct vc_forward {
  vc_arena *arena; // owns all of it
  uint32_t w, h;
  vc_slot *words; // one tile's pixels
  vc_exec *exec;
  enum vc_head head;
  vc_tensor *window, *range, *probabilities; // feeds: struct vc_window, lo and scale per channel; output {1,C,h,w}
};
// Builds and plans, for f's arena, sides and head. channels: of the image. params_slot holds the parameter block, which
// must not change after the first run.
vc_status vc_forward_build(struct vc_gpu *gpu, const vc_model *model, uint32_t channels, vc_slot *params_slot,
                           const struct vc_exec_options *options, struct vc_forward *f);

// Takes the kernels that a run's file names (kernels.h), so that its answers repeat.
vc_status vc_predictor_pin(vc_predictor *p, const char *kernels_path);
const struct vc_heads *vc_predictor_heads(const vc_predictor *p);
// The predictor answers in clusters from now on, whatever classes are known for them.
void vc_predictor_use_clusters(vc_predictor *p);

#endif
