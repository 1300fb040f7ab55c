// A file without a name, for what does not fit memory: it goes with the process, however that ends.
#ifndef VC_BASE_SCRATCH_H
#define VC_BASE_SCRATCH_H

#include "vulcyte/base.h"

typedef struct vc_scratch vc_scratch;
vc_status vc_scratch_open(vc_arena *arena, const char *dir, vc_scratch **out); // on dir's disk; closed with the arena
vc_status vc_scratch_append(vc_scratch *s, const void *data, size_t n_bytes);
vc_status vc_scratch_rewind(vc_scratch *s); // from here on it is read
vc_status vc_scratch_read(vc_scratch *s, void *out, size_t n_bytes);

#endif
