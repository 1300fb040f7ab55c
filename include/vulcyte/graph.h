// vulcyte/graph.h: a training step as one static list of dispatches: tensors and nodes, reverse-mode differentiation by
// emitted nodes, a pure planner, and an executor that records once and replays.
//
// Life of a step:  build nodes → vc_grad adds the adjoint nodes → vc_exec_create (emit, plan) → vc_exec_bind (memory,
// record) → per step: vc_exec_feed, vc_exec_run, vc_exec_report of an earlier step.
//
// Constructors of nodes never fail visibly: the first error sticks to the graph, later nodes are poison, and
// vc_exec_create returns it with the node's path ("unet/enc1/conv0: ..."). They never return NULL.
#ifndef VULCYTE_GRAPH_H
#define VULCYTE_GRAPH_H

#include "base.h"
#include "caps.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vc_gpu; // gpu.h
typedef struct vc_graph vc_graph;
typedef struct vc_emitter vc_emitter;
typedef struct vc_exec vc_exec;
typedef struct vc_slot vc_slot;
typedef struct vc_tensor vc_tensor;
struct vc_choices; // variant.h

// ---- tensors --------------------------------------------------------------------------------------------------

typedef enum vc_dtype { VC_F32, VC_U32, VC_F16 } vc_dtype;
uint32_t vc_dtype_bytes(vc_dtype dtype);

// Logical order N,C,H,W. In memory tensors are channels-last and dense: with shape {N,C,H,W} element (n,c,y,x) stands
// at ((n*H + y)*W + x)*C + c. A vector of k values has shape {1,k,1,1}.
struct vc_shape {
  uint32_t n, c, h, w;
};
uint64_t vc_shape_count(struct vc_shape s); // elements
bool vc_shape_equal(struct vc_shape a, struct vc_shape b);

enum { VC_MAX_INPUTS = 8, VC_MAX_ATTR_BYTES = 64 };
enum { VC_VIEW_ALIGN = 256 }; // bytes: where a view must start for kernels to bind it
enum vc_tensor_kind {
  VC_KIND_NODE, // computed by its op in each step; memory planned, reused after the last reader
  VC_KIND_FEED, // small, written by the host before each step
  VC_KIND_SLOT, // lives in a vc_slot, outlives graphs: parameters, optimiser state, the data set
  VC_KIND_VIEW, // an element range of in[0]'s memory; costs nothing
};

// One value of the graph and the node that makes it. Read-only outside src/graph, except to an op's infer.
struct vc_tensor {
  const struct vc_op *op; // NULL for feeds, slots and views
  enum vc_tensor_kind kind;
  struct vc_shape shape;
  vc_dtype dtype;
  uint32_t id; // position in the graph: inputs come before their readers
  uint32_t n_in;
  vc_tensor *in[VC_MAX_INPUTS];         // NULL for an absent optional input
  uint64_t attr[VC_MAX_ATTR_BYTES / 8]; // the op's attributes: a plain struct of the op's own
  const char *path;                     // "unet/enc1/conv0"
  bool no_grad;                         // gradients stop here
  bool keep;                            // readable after the step (vc_output)
  vc_slot *slot;                        // of VC_KIND_SLOT
  uint64_t view_offset;                 // elements, of VC_KIND_VIEW and VC_KIND_SLOT
  vc_tensor *place; // not NULL: this node's result is written into place's memory at place_offset elements
  uint64_t place_offset;
};

// One kind of node. Adding an op: its shaders, one C file with this struct, one constructor in ops.h, its test cases.
struct vc_op {
  const char *name;
  // Checks out->in[] and out->attr, sets out->shape and out->dtype. On a misfit: VC_FAIL(VC_E_SHAPE, "C %u != ...").
  vc_status (*infer)(vc_tensor *out);
  // Appends the dispatches that compute out (vc_emit).
  vc_status (*emit)(vc_emitter *e, const vc_tensor *out);
  // Adds nodes for the gradients: for each i with want[i], sets grad_in[i] to a tensor of in[i]'s shape, or leaves it
  // NULL: zero. No vjp: not differentiable, an error where a gradient is wanted through it.
  void (*vjp)(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in);
  // Mixed precision: the inputs (bit i for in[i]) that may be F16 in memory, all together, and with half_result the
  // result with them: always with half_leads, else where one of these inputs is so already. The op's kernels that touch
  // them have a twin NAME_h for that (shared/act.glsl), which vc_emit takes by itself.
  uint32_t half_inputs;
  bool half_leads, half_result;
  // Floating-point operations of one evaluation; NULL: counted as 0 (bandwidth-bound).
  double (*flops)(const vc_tensor *out);
  // Makes shapes of inputs and attributes, which come in as out's, those of the same node with one image of h x w
  // pixels as in[0]: what variants are measured on (variant.h). NULL: they are not measured.
  void (*resize)(const vc_tensor *out, uint32_t h, uint32_t w, struct vc_shape *inout_in, void *inout_attr);
  // Bit i: the result may be written over in[i], where nothing reads that afterwards. For ops whose invocations read of
  // in[i] only the elements that they then write, and no others touch the result.
  uint32_t in_place;
  // a + b, both results of this op, where that is simpler than to add them; NULL: it is not. May be NULL.
  vc_tensor *(*sum)(vc_graph *g, vc_tensor *a, vc_tensor *b);
};

// ---- building -------------------------------------------------------------------------------------------------

vc_status vc_graph_create(vc_arena *arena, vc_graph **out); // owned by the arena, as are its tensors
vc_status vc_graph_status(const vc_graph *g);               // the first error, with its message set again
// Path segment for the nodes made until the matching pop.
void vc_graph_push(vc_graph *g, const char *fmt, ...) VC_PRINTF(2, 3);
void vc_graph_pop(vc_graph *g);

// For op constructors: copies attr; runs op->infer; poison if an input is poison.
vc_tensor *vc_node(vc_graph *g, const struct vc_op *op, vc_tensor *const *in, uint32_t n_in, const void *attr,
                   size_t attr_bytes);
// Marks the graph failed for a reason the constructor sees itself, and gives a poison tensor.
vc_tensor *vc_poison(vc_graph *g, vc_status status, const char *fmt, ...) VC_PRINTF(3, 4);
vc_tensor *vc_feed(vc_graph *g, const char *name, vc_dtype dtype, uint32_t count); // {1,count,1,1}, at most 64 KiB
vc_tensor *vc_bind(vc_graph *g, const char *name, struct vc_shape shape, vc_dtype dtype, vc_slot *slot,
                   uint64_t offset_elements);
// `shape` over in's elements from offset on (a batch slice, a reshape); offset*4 bytes must be a multiple of
// VC_VIEW_ALIGN for kernels to bind it. Gradients: zero outside the range.
vc_tensor *vc_view(vc_graph *g, vc_tensor *in, struct vc_shape shape, uint64_t offset_elements);
vc_tensor *vc_stop_gradient(vc_graph *g, vc_tensor *in);
// Elementwise, equal shapes; also what sums the gradients of a tensor with several readers.
vc_tensor *vc_add(vc_graph *g, vc_tensor *a, vc_tensor *b);
bool vc_is_add(const vc_tensor *t);
// Keeps t's memory until the step's end so that vc_exec_read can fetch it. report: also copied to the host after every
// step, for vc_exec_report (at most 4 KiB each).
void vc_output(vc_graph *g, vc_tensor *t);
void vc_report(vc_graph *g, vc_tensor *t);
// Makes t's result appear in block's memory from offset on (block a slot, a vc_block or a view of them; offset as for
// views): gradients of all parameters side by side, parts of a concatenation without a copy. Where t has a place
// already or no memory of its own (a view, a feed, a slot) a copy of it is placed. Gradients flow from a block to what
// fills it.
void vc_place(vc_graph *g, vc_tensor *t, vc_tensor *block, uint64_t offset_elements);
// A node with no own contents, memory only: the block that placed tensors fill. Readers of it must come after them.
// Elements that no placed tensor covers read as zero (one more dispatch; a slot as block spares it).
vc_tensor *vc_block(vc_graph *g, struct vc_shape shape, vc_dtype dtype);

// Adds the adjoint nodes of scalar `loss` ({1,1,1,1}) with respect to wrt[0..n): out_grads[i] has wrt[i]'s shape, or is
// NULL where loss does not depend on it. seed: gradient of loss itself (e.g. a fed loss scale), NULL: 1. With a seed of
// its shape loss may have any shape: the gradients are then those of sum(seed * loss).
void vc_grad(vc_graph *g, vc_tensor *loss, vc_tensor *seed, vc_tensor *const *wrt, uint32_t n, vc_tensor **out_grads);

// ---- emitting (for ops) -----------------------------------------------------------------------------------------

enum { VC_EMIT_MAX_BINDINGS = 12, VC_EMIT_MAX_SPEC = 16 };
// A piece of memory as a kernel sees it: a tensor's, or scratch.
typedef struct vc_region {
  uint32_t resource;
  uint64_t offset, n_bytes;
} vc_region;
vc_region vc_emit_tensor(vc_emitter *e, const vc_tensor *t);
vc_region vc_emit_scratch(vc_emitter *e, uint64_t n_bytes); // lives while the current node's dispatches run
vc_region vc_region_slice(vc_region r, uint64_t offset, uint64_t n_bytes); // offset a multiple of 256
struct vc_dispatch {
  const char *kernel; // an embedded shader; its reflection gives the access of each binding
  uint32_t n_bindings;
  vc_region bindings[VC_EMIT_MAX_BINDINGS]; // an absent input: repeat any valid region, the kernel must not read it
  bool full; // of a node of F16: what is bound is F32 nonetheless, so not the kernel's twin
  uint32_t n_spec, spec[VC_EMIT_MAX_SPEC];
  uint32_t required_subgroup; // 0: none
  const void *push;           // copied
  uint32_t push_bytes;
  uint32_t groups[3];  // each at most caps.max_workgroup_count: see vc_emit_fold
  double flops, bytes; // for bench; 0: the bindings' bytes; no flops in any dispatch of a node: the one of most bytes
                       // gets the node's
};
vc_status vc_emit(vc_emitter *e, const struct vc_dispatch *d);
const struct vc_caps *vc_emit_caps(const vc_emitter *e);
// Folds n workgroups into x,y,z within the device's limits; kernels read vc_group_index() of vc.h and test it against
// n.
void vc_emit_fold(const vc_emitter *e, uint64_t n_groups, uint32_t out_groups[3]);
// How many of n_items one dispatch takes whose bindings hold least_bytes to most_bytes of each, all multiples of the
// least: all of them, or where the device's bindings end before as many as fit and let the next begin on VC_VIEW_ALIGN.
uint64_t vc_emit_range(const vc_emitter *e, uint64_t n_items, uint64_t least_bytes, uint64_t most_bytes);

// ---- running --------------------------------------------------------------------------------------------------

// Device storage that outlives graphs. Zeroed at creation. Owned by the arena. gpu NULL: no memory, to plan with only.
enum vc_slot_memory { VC_SLOT_DEVICE, VC_SLOT_HOST_VISIBLE };
vc_status vc_slot_create(vc_arena *arena, struct vc_gpu *gpu, uint64_t n_bytes, enum vc_slot_memory memory,
                         const char *label, vc_slot **out);
uint64_t vc_slot_bytes(const vc_slot *slot);
void *vc_slot_host(vc_slot *slot); // NULL for VC_SLOT_DEVICE; the caller orders its writes against running steps
vc_status vc_slot_write(vc_slot *slot, uint64_t offset, const void *data, uint64_t n_bytes); // blocking
vc_status vc_slot_read(vc_slot *slot, uint64_t offset, void *out_data, uint64_t n_bytes);    // blocking

struct vc_exec_options {
  const char *variants;       // kernels forced or excluded (variant.h), or NULL
  struct vc_choices *choices; // measured ones, added to (variant.h); NULL: by rank
  bool timestamps;            // measure every dispatch (vc_exec_timing)
  bool poison;                // tests: work memory is filled with NaN before each step, which then waits
  bool mixed;                 // activations in 16 bits where ops can; rewrites the graph, tensors keep their identity
  bool all_mixed;             // with mixed: half_inputs without a leader too, to prove their kernels
  bool any_size;              // rows that are forced run where they do not pay, too (variant.h), to prove their kernels
  uint64_t memory;         // bytes that vc_exec_work_bytes should stay within: tensors that would have to be kept for
                           // long are computed again, with the same bits in every result. 0: no limit
  const vc_slot *constant; // its contents stay the same from the first run on (weights): what depends on them alone is
                           // computed in that run only, where vc_exec_bind gives the workspace to one executable
  const struct vc_caps *caps; // plan for these instead of the device's; gpu may then be NULL: a plan to look at
};
// Emits and plans; allocates no device memory yet. The plan's peak is known from here on. options may be NULL.
// A limit of memory that cannot be met is no error here; the plan is then the smallest that was found.
// Kept are the nodes that outputs, reports and writes to slots need; others cost nothing.
vc_status vc_exec_create(vc_arena *arena, struct vc_gpu *gpu, vc_graph *graph, const struct vc_exec_options *options,
                         vc_exec **out);
uint64_t vc_exec_work_bytes(const vc_exec *exec);  // planned device memory besides slots
double vc_exec_repeated_work(const vc_exec *exec); // of what is computed again, as a share of all the rest
vc_status vc_exec_print_plan(const vc_exec *exec, vc_arena *arena, char **out_text);
// Allocates one workspace that these executables share (they never run at once), and records their command lists.
vc_status vc_exec_bind(vc_arena *arena, vc_exec *const *execs, uint32_t n_execs);
// Sets a feed for the next run; every feed keeps its last value. n_bytes must equal the feed's size.
vc_status vc_exec_feed(vc_exec *exec, const vc_tensor *feed, const void *data, size_t n_bytes);
// Submits one step and returns; waits only if two steps of this executable are still under way.
vc_status vc_exec_run(vc_exec *exec, uint64_t *out_step); // steps count from 1
// Copies a reported tensor of a step; waits for that step. Only the two latest steps are kept.
vc_status vc_exec_report(vc_exec *exec, uint64_t step, const vc_tensor *t, void *out_data, size_t n_bytes);
// Waits for everything and reads an output's memory as it is now.
vc_status vc_exec_read(vc_exec *exec, const vc_tensor *t, void *out_data, size_t n_bytes);
vc_status vc_exec_wait(vc_exec *exec);
// Every dispatch of a run, in order, but what the first one computes for all (options.constant). Texts are borrowed
// from exec.
struct vc_timing {
  const char *path, *op, *kernel, *job, *variant; // job, variant: of its vc_emit_variant; NULL: there was no choice
  double seconds, flops, bytes;                   // seconds: in the last run with options.timestamps, else 0
};
vc_status vc_exec_timing(vc_exec *exec, const struct vc_timing **out, size_t *out_n);
// Whether options.mixed made any activation F16.
bool vc_exec_is_mixed(const vc_exec *exec);

// ---- the plan (pure) --------------------------------------------------------------------------------------------

enum { VC_PLAN_MAX_ACCESS = 12 };
// The planner's view of a dispatch list: which resources each dispatch reads and writes.
struct vc_plan_access {
  uint32_t resource;
  uint8_t access; // 1 read, 2 write, 3 both
  uint64_t offset, n_bytes;
};
struct vc_plan_dispatch {
  uint32_t n_access;
  struct vc_plan_access access[VC_PLAN_MAX_ACCESS];
};
struct vc_plan_resource {
  uint64_t n_bytes;
  bool planned; // false: memory of its own elsewhere (slots, feeds); only its hazards matter
  bool keep;    // alive to the end of the list
};
struct vc_plan {
  uint32_t n_slabs;
  uint64_t *slab_bytes;           // [n_slabs]
  uint32_t *slab;                 // [n_resources] slab of each planned resource
  uint64_t *offset;               // [n_resources] bytes within the slab
  uint8_t *barrier_before;        // [n_dispatches] 1: a barrier must stand before it
  uint64_t peak_bytes, sum_bytes; // sum of slabs; sum of all resources without reuse
};
// Lifetimes, offsets (aligned), and barriers (RAW, WAR, WAW on overlapping ranges, through aliased memory too) of a
// list. No resource is larger than max_slab_bytes, else VC_E_NOMEM. Deterministic.
vc_status vc_plan_make(vc_arena *arena, const struct vc_plan_dispatch *dispatches, uint32_t n_dispatches,
                       const struct vc_plan_resource *resources, uint32_t n_resources, uint64_t max_slab_bytes,
                       uint32_t align, struct vc_plan **out);

#ifdef __cplusplus
}
#endif
#endif
