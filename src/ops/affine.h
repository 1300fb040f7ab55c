// What affine.c and align.c share.
#ifndef VC_OPS_AFFINE_H
#define VC_OPS_AFFINE_H

#include "internal.h"

#include "shaders/shared/affine.h"

// F32 {1,6n,1,1}.
vc_status affine_want_samplers(const vc_tensor *samplers, uint32_t n);
// y of x's shape and dtype, sampled.
vc_status affine_infer(vc_tensor *out, vc_dtype dtype);
// A dispatch over out's elements, `channels` of them an invocation, with a row of workgroups for each sample. The
// caller adds what is special; d->push and out_push must live until vc_emit.
void affine_dispatch(const vc_emitter *e, const vc_tensor *out, uint32_t channels, struct vc_dispatch *d,
                     struct vc_affine_push *out_push);
// Emits a kernel that reads in[0] at the samplers in[1], channels together where it can. n_spec: how many of CHANNELS,
// ZERO the kernel has.
vc_status affine_emit(vc_emitter *e, const vc_tensor *out, const char *kernel, uint32_t n_spec, bool zero);

#endif
