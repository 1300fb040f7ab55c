// synthetic.h: a run on images made in memory, where a step is to be measured or proved and no data set is at hand.
#ifndef VC_TRAIN_SYNTHETIC_H
#define VC_TRAIN_SYNTHETIC_H

#include "train/run.h"

// The side of whole images, where the configuration has no crop.
enum { VC_SYNTHETIC_SIDE = 512 };

// A run ready for vc_run_start_steps whose labelled batch, and with UDA unlabelled batch, are smooth random images of
// the crop's size; labels follow their brightness. config is copied; its data folders and initial weights are not read.
// choices as in vc_exec_options. Everything is owned by the arena.
vc_status vc_run_create_synthetic(vc_arena *arena, struct vc_gpu *gpu, const struct vc_config *config, bool timestamps,
                                  vc_choices *choices, struct vc_run **out);

#endif
