// What the files of a sweep share.
#ifndef VC_TRAIN_SWEEP_H
#define VC_TRAIN_SWEEP_H

#include "vulcyte/sweep.h"

// False where the key has no part in what a run with this configuration computes: the rule by which runs are merged.
bool sweep_key_matters(const struct vc_config *config, const char *key);
// The keys that matter, with their values: equal texts are equal trainings.
vc_status sweep_identity(vc_arena *arena, const struct vc_config *config, const char **out);
// The first key in which two configurations are different trainings; NULL: none.
vc_status sweep_difference(vc_arena *arena, const struct vc_config *a, const struct vc_config *b, const char **out_key);

#endif
