// predict.h: the network forward over one tile, as prediction runs it.
#ifndef VC_TRAIN_PREDICT_H
#define VC_TRAIN_PREDICT_H

#include "vulcyte/train.h"

struct vc_forward {
  vc_arena *arena; // owns all of it
  uint32_t w, h;
  vc_slot *words; // one tile's pixels
  vc_exec *exec;
  vc_tensor *window, *range, *probabilities; // feeds: struct vc_window, lo and scale per channel; output {1,C,h,w}
};
// Builds and plans, for f's arena and sides. params_slot holds the parameter block.
vc_status vc_forward_build(struct vc_gpu *gpu, const vc_model *model, vc_slot *params_slot,
                           const struct vc_exec_options *options, struct vc_forward *f);

#endif
