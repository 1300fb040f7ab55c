// Dropout with a mask that is made anew from its key wherever it is needed. Equation: docs/equations.md [DROP 1].
#include "internal.h"

#include "shaders/shared/dropout.h"

struct dropout_attr {
  float rate;
  uint32_t first_group; // of four elements
};

static vc_status infer(vc_tensor *out) {
  const vc_tensor *x = out->in[0], *key = out->in[1];
  VC_TRY(ops_want_dtype(x, VC_F32, "the operand"));
  VC_TRY(ops_want_dtype(key, VC_U32, "the key"));
  VC_TRY(ops_want_shape(key, (struct vc_shape){1, 2, 1, 1}, "the key"));
  out->shape = x->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status emit(vc_emitter *e, const vc_tensor *out) {
  const struct dropout_attr *a = ops_attr(out);
  uint64_t n = vc_shape_count(out->shape);
  struct ops_grid grid = ops_grid_for(e, vc_div_up(n, 4), 4);
  struct vc_dropout_push push = {
      .n = (uint32_t)n,
      .stride = grid.stride,
      .threshold = (uint32_t)(a->rate * 0x1p32), // exact: rate < 1 has 24 bits
      .first_group = a->first_group,
      .scale = 1.0f / (1.0f - a->rate),
  };
  return vc_emit(e,
                 &(struct vc_dispatch){
                     .kernel = "dropout_fwd",
                     .n_bindings = 3,
                     .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out)},
                     .push = &push,
                     .push_bytes = sizeof push,
                     .groups = {grid.groups[0], 1, 1},
                 });
}

static void vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct dropout_attr *a = ops_attr(out);
  if (want[0]) grad_in[0] = vc_dropout(g, grad_out, a->rate, out->in[1], 4 * (uint64_t)a->first_group);
}

static const struct vc_op dropout = {
    .name = "dropout", .infer = infer, .emit = emit, .vjp = vjp, .half_inputs = 1, .half_result = true, .in_place = 1};

vc_tensor *vc_dropout(vc_graph *g, vc_tensor *x, float rate, vc_tensor *key, uint64_t first) {
  if (!(rate >= 0 && rate < 1)) return vc_poison(g, VC_E_SHAPE, "dropout: the rate %g is not in [0, 1)", (double)rate);
  if (first % 4 != 0 || first / 4 > UINT32_MAX)
    return vc_poison(g, VC_E_SHAPE, "dropout: no mask begins at element %llu", (unsigned long long)first);
  if (rate == 0) return x;
  struct dropout_attr attr = {rate, (uint32_t)(first / 4)};
  return vc_node(g, &dropout, (vc_tensor *[]){x, key}, 2, &attr, sizeof attr);
}
