// Which kernels the device's runs take: remembered beside the pipeline cache, and in each run's folder.
#ifndef VC_TRAIN_KERNELS_H
#define VC_TRAIN_KERNELS_H

#include "vulcyte/variant.h"

struct vc_gpu;
// VC_TUNE_FIRST_USE: what is missing is measured for a few seconds at most, and nothing (nor is anything remembered
// used) where the environment has VULCYTE_TUNE=off. VC_TUNE_AHEAD: however long it takes. VC_TUNE_AGAIN: also what is
// there.
enum vc_tuning { VC_TUNE_FIRST_USE, VC_TUNE_AHEAD, VC_TUNE_AGAIN };
// The choices for this device, driver and these kernels.
vc_status vc_kernels_open(vc_arena *arena, const struct vc_gpu *gpu, enum vc_tuning tuning, vc_choices **out);
// The choices that executables were made with, as a JSON object by key; written to path, and pinned again from
// there if the file is still there.
vc_status vc_kernels_write(vc_exec *const *execs, uint32_t n_execs, const char *path);
vc_status vc_kernels_pin(vc_choices *choices, const char *path);

#endif
