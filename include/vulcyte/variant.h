// vulcyte/variant.h: several kernels for one job: what each needs of a device, which one is taken, and how choices are
// measured and remembered.
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
  // Whether a shape is worth its while: NULL where every one is that fits. It is left out of the choice otherwise, even
  // where it is forced; options.any_size of an exec takes no heed of it, so that small images prove a row.
  bool (*pays)(const struct vc_caps *caps, const vc_tensor *out);
  float rank_cpu, rank_gpu; // what is expected of it: the choice where none is forced, highest rank that fits
  vc_status (*emit)(vc_emitter *e, const vc_tensor *out);
  const void *data; // what emit reads of its row by vc_emit_data: tile sizes, for rows that share an emit
};
// Emits out by a variant of the job. Two lists count, the exec's options.variants before the environment variable
// VULCYTE_VARIANTS: "JOB=NAME,JOB=-NAME,...". NAME forces a kernel, -NAME excludes one. A JOB "conv2d" means its family
// (conv2d_fwd, conv2d_dx ...), "*" all jobs; the job's own name counts most. A NAME that the job has not is an error,
// given for a family or "*" it leaves the job its own choice. A forced one that does not fit this shape falls back to
// row 0, which cannot be excluded; one that does not pay there, to the job's own choice.
vc_status vc_emit_variant(vc_emitter *e, const char *job, const struct vc_variant *table, size_t n_rows,
                          const vc_tensor *out);
const void *vc_emit_data(const vc_emitter *e); // of the row being emitted

// The choice of each vc_emit_variant whose node is needed, in the order of the nodes. Borrowed from exec.
struct vc_variant_use {
  const char *job, *path;
  const struct vc_variant *table;
  size_t n_rows, chosen; // chosen: the row that was emitted
  const char *key;       // what the choice is remembered by; NULL where nothing is, or the exec has no choices
  uint32_t rows;         // with a key: those that came into question, bit i row i
  const vc_tensor *node; // borrowed from the graph
  bool undecided;        // by rank so far, though the choices measure
};
void vc_exec_variants(const vc_exec *exec, const struct vc_variant_use **out, size_t *out_n);

// ---- measured choices -----------------------------------------------------------------------------------------

// Which row to take where several fit, by what was measured. A key names the job, the shapes with the images' pixels
// rounded to a power of two, and the rows that came into question; so images of similar sizes share a choice.
//
// vc_exec_create with options.choices takes what they hold and measures what is missing: every row against the naive
// kernel's numbers on a small image first (a row that is wrong is warned of and never taken; a job's only row is proven
// once for all shapes that run the same machine code), then the rows that promise something by rank on an image of the
// node's size, medians of several runs. Processes that share a file wait
// for each other, so all of them end with the same choices. What there was no time for is proven and remembered by
// rank.
typedef struct vc_choices vc_choices;
enum { VC_MAX_TIMES = 16 };
struct vc_choice {
  const char *key, *variant; // the row's name
  uint32_t n_times;          // 0: by rank, not measured
  struct vc_choice_time {
    const char *variant;
    double seconds; // 0: proven, but there was nothing to compare it with; NaN: wrong or failed
  } times[VC_MAX_TIMES];
};
struct vc_choices_desc {
  const char *path;   // the file where they are remembered; NULL: in memory only
  const char *device; // what they hold for; a file of another device, or a damaged one, counts as empty
  double seconds;     // the most that one vc_exec_create measures for; 0: nothing, INFINITY: also what is there by rank
  bool again;         // what the file holds is measured again
};
vc_status vc_choices_create(vc_arena *arena, const struct vc_choices_desc *desc, vc_choices **out);
// Sets a choice for this object's life: it is neither measured nor written to the file.
vc_status vc_choices_pin(vc_choices *c, const char *key, const char *variant);
// What is chosen for a key, pinned ones first; NULL: nothing, it is to be measured.
const char *vc_choices_variant(const vc_choices *c, const char *key);
// All there are but pinned ones, the oldest first. Borrowed until the next change.
vc_status vc_choices_list(vc_choices *c, const struct vc_choice **out, size_t *out_n);

#ifdef __cplusplus
}
#endif
#endif
