// What the ops of pool, shape, pointwise, softmax, reduce, loss and optim share with each other.
#ifndef VC_OPS_INTERNAL_H
#define VC_OPS_INTERNAL_H

#include <vulcyte/ops.h>

// The op's attributes as the struct that its constructor gave to vc_node.
static inline const void *ops_attr(const vc_tensor *t) {
  return t->attr;
}

// One line of a kernel launch: workgroups of OPS_LOCAL invocations that stride over n_items, and how many invocations
// that makes. At least min_items each, so that a launch on few items stays small; never more than fit in groups[0].
struct ops_grid {
  uint32_t groups[3];
  uint32_t stride; // invocations in all
};
struct ops_grid ops_grid_for(const vc_emitter *e, uint64_t n_items, uint32_t min_items);
// Exactly n invocations, rounded up to whole workgroups; n at most 4194240.
struct ops_grid ops_grid_of(uint32_t n);

// How many rows of partial sums a reduction over n_items makes, each row being n_lanes invocations wide: a function of
// the device type and the sizes alone, so results repeat. 1..n_items.
uint32_t ops_rows(const vc_emitter *e, uint64_t n_items, uint32_t n_lanes);

// Checks for infer: VC_E_SHAPE with the operand's name in the message.
vc_status ops_want_dtype(const vc_tensor *t, vc_dtype dtype, const char *name);
vc_status ops_want_shape(const vc_tensor *t, struct vc_shape shape, const char *name);

// ---- nodes that gradients are made of -----------------------------------------------------------------------------

// y of `shape`, y[i] = factor v[i mod k] with k = the number of v's elements: 1, or shape.c.
vc_tensor *ops_broadcast(vc_graph *g, vc_tensor *v, struct vc_shape shape, float factor);
// Whether t is a slice of in[0]'s channels alone; out_first may be NULL.
bool ops_is_channel_slice(const vc_tensor *t, uint32_t *out_first);
// gy, where t is the gradient of vc_max_pool2x2(x) for an output gradient gy; else NULL.
vc_tensor *ops_max_pool_grad_of(const vc_tensor *t, const vc_tensor *x);

// ---- emitting ---------------------------------------------------------------------------------------------------

// Second pass of a sum: out[c] = factor * sum over n_rows of partial[r][c]. OPS_SUM_ROOT: its square root. The last
// terms are added in shared memory, or with OPS_SUM_SHUFFLES within a subgroup: the same pairs, so the same bits.
enum { OPS_SUM_ROOT = 1, OPS_SUM_SHUFFLES = 2 };
vc_status ops_emit_column_sums(vc_emitter *e, vc_region partial, uint32_t n_rows, uint32_t n_columns, float factor,
                               uint32_t flags, vc_region out);
// The kernels of an op that ends so; vc_emit_data gives the emit function its flags, or NULL for none.
extern const uint32_t ops_sum_shuffles;
bool ops_subgroup_sums_fit(const struct vc_caps *caps, const vc_tensor *out);
#define OPS_SUM_VARIANTS(sum_emit)                                                             \
  {                                                                                            \
      {.name = "naive", .takes_half = true, .rank_cpu = 1, .rank_gpu = 1, .emit = (sum_emit)}, \
      {.name = "subgroup",                                                                     \
       .needs_shuffle = true,                                                                  \
       .takes_half = true,                                                                     \
       .fits = ops_subgroup_sums_fit,                                                          \
       .rank_cpu = 0.5f,                                                                       \
       .rank_gpu = 2,                                                                          \
       .emit = (sum_emit),                                                                     \
       .data = &ops_sum_shuffles},                                                             \
  }
// out[0] = sums[0] / max(sums[1], 1): a sum over counted pixels becomes their mean.
vc_status ops_emit_ratio(vc_emitter *e, vc_region sums, vc_region out);

#endif
