// vulcyte/variant.h: several kernels for one job: what each needs of a device, and which one is taken.
#ifndef VULCYTE_VARIANT_H
#define VULCYTE_VARIANT_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

// A row of a job's table. Row 0 is the naive kernel, the definition, which always fits. A new variant is one row.
struct vc_variant {
  const char *name;                    // "naive", "tiled", "simd"
  uint32_t min_subgroup, max_subgroup; // 0: any; else the device's subgroup size must lie within
  uint32_t shared_bytes;               // needed
  bool needs_address, needs_shuffle, needs_fp16, needs_coop_matrix;
  bool takes_half; // its kernels have twins NAME_h; row 0 must, where the op has half_inputs
  bool (*fits)(const struct vc_caps *caps, const vc_tensor *out); // NULL: every shape
  float rank_cpu, rank_gpu; // what is expected of it: the choice where none is forced, highest rank that fits
  vc_status (*emit)(vc_emitter *e, const vc_tensor *out);
  const void *data; // what emit reads of its row by vc_emit_data: tile sizes, for rows that share an emit
};
// Emits out by a variant of the job. Two lists count, the exec's options.variants before the environment variable
// VULCYTE_VARIANTS: "JOB=NAME,JOB=-NAME,...". NAME forces a kernel, -NAME excludes one. A JOB "conv2d" means its family
// (conv2d_fwd, conv2d_dx ...), "*" all jobs; the job's own name counts most. A NAME that the job has not is an error,
// given for a family or "*" it leaves the job its own choice. A forced one that does not fit this shape falls back to
// row 0, which cannot be excluded.
vc_status vc_emit_variant(vc_emitter *e, const char *job, const struct vc_variant *table, size_t n_rows,
                          const vc_tensor *out);
const void *vc_emit_data(const vc_emitter *e); // of the row being emitted

// The choice of each vc_emit_variant, in the order of the nodes. Borrowed from exec.
struct vc_variant_use {
  const char *job, *path;
  const struct vc_variant *table;
  size_t n_rows, chosen; // chosen: the row that was emitted
};
void vc_exec_variants(const vc_exec *exec, const struct vc_variant_use **out, size_t *out_n);

#ifdef __cplusplus
}
#endif
#endif
