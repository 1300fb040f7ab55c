// What the files of the graph room share: the graph itself, and the program (dispatch list) that it is emitted to.
#ifndef VC_GRAPH_INTERNAL_H
#define VC_GRAPH_INTERNAL_H

#include <vulcyte/variant.h>

// ---- graph.c --------------------------------------------------------------------------------------------------

enum { MAX_PATH_DEPTH = 32, MAX_PATH_BYTES = 256, BIND_ALIGN = 256, MAX_FEED_BYTES = 65536, MAX_REPORT_BYTES = 4096 };

struct vc_graph {
  vc_arena *arena;
  vc_status status; // the first error, and its text
  char message[1024];
  vc_tensor poison;
  vc_tensor **tensors; // by id
  uint32_t n_tensors, capacity;
  vc_tensor **reports;
  uint32_t n_reports, reports_capacity;
  char path[MAX_PATH_BYTES];
  size_t path_bytes;
  size_t marks[MAX_PATH_DEPTH]; // path_bytes before each push
  uint32_t depth;
  const char *path_copy; // path in the arena; NULL after a change
};

struct vc_buffer;
struct vc_slot {
  struct vc_gpu *gpu; // NULL: only planned with
  struct vc_buffer *buffer;
  uint64_t n_bytes;
  const char *label;
};

// Gives t the next id.
vc_status graph_append(vc_graph *g, vc_tensor *t);
// True if t belongs to g and is no poison.
bool graph_owns(const vc_graph *g, const vc_tensor *t);
// The tensor whose memory t lives in, through views and placements, and where in it, in bytes.
const vc_tensor *tensor_root(const vc_tensor *t, uint64_t *out_offset_bytes);
// Makes path the whole path of the nodes to come until graph_restore_path.
struct graph_path {
  char path[MAX_PATH_BYTES];
  size_t path_bytes;
};
void graph_swap_path(vc_graph *g, struct graph_path *path);

// ---- basic.c: the ops that gradients and blocks need --------------------------------------------------------------

// Every element has these 32 bits.
vc_tensor *graph_fill(vc_graph *g, struct vc_shape shape, vc_dtype dtype, uint32_t bits);
// A tensor of `shape` that holds in from element offset on and zeros elsewhere: the adjoint of vc_view, or a copy.
vc_tensor *graph_unview(vc_graph *g, vc_tensor *in, struct vc_shape shape, uint64_t offset_elements);
bool graph_is_block(const vc_tensor *t);
// Appends a dispatch that fills region with bits.
vc_status graph_emit_fill(vc_emitter *e, vc_region region, uint32_t bits);

// ---- precision.c: mixed precision --------------------------------------------------------------------------------

// Makes the activations of the whole graph F16 where ops can (vc_op.half_inputs), with casts in between. all: as in
// vc_exec_options.
vc_status graph_use_half(vc_graph *g, bool all);

// ---- emit.c: graph → program ------------------------------------------------------------------------------------

// What emitting must know of a kernel.
struct emit_kernel {
  uint32_t n_bindings, push_bytes, n_spec;
  uint8_t access[VC_EMIT_MAX_BINDINGS]; // 1 read, 2 write, 3 both
  bool by_address;
  const char *half; // the kernel that takes activations as F16, NAME_h; NULL: there is none
};
typedef vc_status (*emit_lookup)(const char *kernel, struct emit_kernel *out);

enum program_kind { PROGRAM_FEEDS, PROGRAM_SLOT, PROGRAM_NODE, PROGRAM_SCRATCH };
struct program_resource {
  enum program_kind kind;
  const vc_tensor *owner; // the root tensor, or the node that asked for the scratch
  vc_slot *slot;
  uint64_t n_bytes;
  bool keep;
  uint32_t origin; // the resource that it holds the contents of again (recompute.c); itself: none
};
struct program_dispatch {
  const vc_tensor *node;
  bool starts;               // the first of its node's, which stand together
  bool repeated;             // computes again what was not kept
  const char *job, *variant; // NULL: emitted without a choice
  struct vc_dispatch d;      // owns its push bytes
  uint8_t access[VC_EMIT_MAX_BINDINGS];
};
// A graph as a list of dispatches over resources. Resource 0 holds the feeds.
struct program {
  const vc_graph *graph;
  struct program_resource *resources;
  uint32_t n_resources, resources_capacity;
  struct program_dispatch *dispatches;
  uint32_t n_dispatches, dispatches_capacity;
  uint32_t n_once;       // the first dispatches, whose results stay what they are from run to run (once.c)
  uint32_t *resource_of; // [n_tensors] of root tensors
  uint64_t *feed_offset; // [n_tensors] bytes in resource 0, of feeds
  struct vc_variant_use *uses;
  uint32_t n_uses, uses_capacity;
};
// What decides among variants.
struct emit_choosing {
  const char *variants, *env; // as in vc_exec_options; the same from the environment
  vc_choices *choices;        // NULL: by rank
  bool any_size;              // as in vc_exec_options
};
vc_status program_make(vc_arena *arena, const vc_graph *g, const struct vc_caps *caps,
                       const struct emit_choosing *choosing, emit_lookup lookup, struct program **out);
// Moves dispatches to where they free memory sooner (hoist.c).
vc_status program_hoist(vc_arena *arena, struct program *p);
// Puts the dispatches that depend on `constant` alone in front, n_once of them, and keeps their results (once.c).
vc_status program_once(vc_arena *arena, struct program *p, const vc_slot *constant);
// Gives results the place of operands that they may overwrite (share.c).
vc_status program_share(vc_arena *arena, struct program *p);
double program_repeated_work(const struct program *p); // as vc_exec_repeated_work
// A copy of p that shares places and is planned, with as little as possible computed again for a plan of at most budget
// bytes (recompute.c). Where none is found: the smallest that was.
vc_status program_fit(vc_arena *arena, const struct program *p, const struct vc_caps *caps, uint64_t budget,
                      struct program **out, struct vc_plan **out_plan);
vc_region program_region(const struct program *p, const vc_tensor *t);
vc_status program_plan(vc_arena *arena, const struct program *p, const struct vc_caps *caps, struct vc_plan **out);
vc_status program_print(vc_arena *arena, const struct program *p, const struct vc_plan *plan, char **out_text);

// Emitter state, for emit.c and variant.c.
struct vc_emitter {
  vc_arena *arena;
  const struct vc_caps *caps;
  struct emit_choosing choosing;
  emit_lookup lookup;
  struct program *program;
  const vc_tensor *node;        // being emitted
  bool half;                    // its activations are F16
  const char *job;              // of the variant being emitted, or NULL
  const struct vc_variant *row; // the variant
  vc_status status;             // of vc_emit_scratch, which cannot return one
};

// ---- choices.c ------------------------------------------------------------------------------------------------

double choices_seconds(const vc_choices *c);
// Around measuring: takes the file's lock and reads what others have added; writes it. *out_locked false: nothing is to
// be measured, and a warning has said why.
vc_status choices_begin(vc_choices *c, vc_arena *lock_arena, bool *out_locked);
vc_status choices_put(vc_choices *c, const struct vc_choice *choice); // copies
vc_status choices_end(vc_choices *c);
// Around a kernel's first runs. A driver may die of one, and the process with it: between the two a file names the
// kernel. One that two processes in a row have died of is fatal: it is warned of, remembered, and no longer to be
// tried.
void choices_try(vc_choices *c, const char *job, const char *variant);
void choices_tried(vc_choices *c);
bool choices_is_fatal(const vc_choices *c, const char *job, const char *variant);
bool choices_cut_off(const vc_choices *c); // choices_begin found that the process before had died in a trial

// ---- sample.c: the node that a choice is measured on --------------------------------------------------------------

// A node of the same kind on one image of h x w pixels.
struct sample {
  uint32_t h, w;
  struct vc_shape in[VC_MAX_INPUTS]; // of inputs that are there
  uint64_t attr[VC_MAX_ATTR_BYTES / 8];
  double flops; // about
};
// At the node's own size, rounded, and bounded by what such a device does in little time; false: the op cannot say, or
// row 0, which others are held against, cannot bind it.
bool sample_of(const vc_tensor *node, const struct vc_caps *caps, struct sample *out);
// The same with at most max_flops, or nearly so: never below 4 x 4 pixels.
void sample_shrink(const vc_tensor *node, const struct sample *from, double max_flops, struct sample *out);
// Bit i of rows: row i comes into question.
vc_status sample_key(vc_arena *arena, const char *job, const struct vc_variant *table, size_t n_rows, uint32_t rows,
                     const vc_tensor *node, const struct sample *sample, const char **out);

// ---- exec.c ---------------------------------------------------------------------------------------------------

const struct program *exec_program(const vc_exec *exec);
// Makes the kernels of some programs ready all at once, so that processors can share the compiling.
vc_status exec_prepare(struct vc_gpu *gpu, const struct program *const *programs, size_t n_programs);

// ---- tune.c ---------------------------------------------------------------------------------------------------

// Measures the undecided choices of p. *out_changed: there were any, so that p is to be made again.
vc_status tune_program(struct vc_gpu *gpu, const struct vc_caps *caps, const struct program *p, vc_choices *choices,
                       bool *out_changed);

// Makes room for one more element of *array; used elements are kept.
vc_status grow(vc_arena *arena, void **array, size_t element_bytes, uint32_t n, uint32_t *capacity);

#endif
