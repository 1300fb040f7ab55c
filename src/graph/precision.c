// Mixed precision as a rewrite of a whole graph, gradients included: where an op can, its activations become F16 in
// memory. Between such an op and any other stands a cast. What is seen from outside (slots, feeds, outputs), what is
// placed or viewed stays F32, and so do all results that an op does not call activations: gradients of parameters,
// sums, losses.
#include "internal.h"

// ---- cast -------------------------------------------------------------------------------------------------------

struct cast_attr {
  uint32_t dtype;
};

static vc_status cast_infer(vc_tensor *out) {
  const struct cast_attr *a = (const struct cast_attr *)out->attr;
  out->shape = out->in[0]->shape;
  out->dtype = (vc_dtype)a->dtype;
  return VC_OK;
}

static vc_status cast_emit(vc_emitter *e, const vc_tensor *out) {
  enum { PER_GROUP = 1024 };
  const uint64_t n = vc_shape_count(out->shape), most = vc_emit_range(e, n, 2, 4);
  const uint32_t from_bytes = vc_dtype_bytes(out->in[0]->dtype), to_bytes = vc_dtype_bytes(out->dtype);
  vc_region from = vc_emit_tensor(e, out->in[0]), to = vc_emit_tensor(e, out);
  for (uint64_t first = 0; first < n; first += most) {
    uint32_t push = (uint32_t)VC_MIN(most, n - first);
    struct vc_dispatch d = {.kernel = out->dtype == VC_F16 ? "cast_half_fwd" : "cast_float_fwd",
                            .n_bindings = 2,
                            .bindings = {vc_region_slice(from, first * from_bytes, (uint64_t)push * from_bytes),
                                         vc_region_slice(to, first * to_bytes, (uint64_t)push * to_bytes)},
                            .push = &push,
                            .push_bytes = sizeof push};
    vc_emit_fold(e, vc_div_up(push, PER_GROUP), d.groups);
    VC_TRY(vc_emit(e, &d));
  }
  return VC_OK;
}

static const struct vc_op cast_op = {.name = "cast", .infer = cast_infer, .emit = cast_emit};

// t in the other type; casts[id]: made already. Memory that may change between two readers is cast for each.
static vc_tensor *cast_of(vc_graph *g, vc_tensor *t, vc_tensor **casts) {
  const vc_tensor *root = tensor_root(t, NULL);
  bool lasts = root->kind == VC_KIND_NODE && !graph_is_block(root);
  if (lasts && casts[t->id]) return casts[t->id];
  struct cast_attr attr = {t->dtype == VC_F16 ? VC_F32 : VC_F16};
  vc_tensor *cast = vc_node(g, &cast_op, &t, 1, &attr, sizeof attr);
  if (g->status != VC_OK) return cast;
  cast->path = t->path;
  if (lasts) casts[t->id] = cast;
  return cast;
}

// ---- the rewrite ------------------------------------------------------------------------------------------------

static bool can_be_half(const vc_tensor *t, bool all) {
  if (t->kind != VC_KIND_NODE || !t->op->half_inputs || (t->op->half_result && t->dtype != VC_F32)) return false;
  bool begun = all || t->op->half_leads;
  for (uint32_t i = 0; i < t->n_in; i++) {
    if (!(t->op->half_inputs >> i & 1) || !t->in[i]) continue;
    if (t->in[i]->dtype == VC_U32) return false;
    begun |= t->in[i]->dtype == VC_F16;
  }
  return begun;
}

static vc_status rewrite(vc_graph *g, vc_tensor *t, bool all, vc_tensor **casts) {
  bool half = can_be_half(t, all);
  for (uint32_t i = 0; i < t->n_in; i++) {
    vc_tensor *in = t->in[i];
    if (!in || in->dtype == VC_U32) continue;
    vc_dtype want = half && (t->op->half_inputs >> i & 1) ? VC_F16 : VC_F32;
    if (in->dtype != want) t->in[i] = cast_of(g, in, casts);
    VC_TRY(vc_graph_status(g));
  }
  if (!half || !t->op->half_result) return graph_append(g, t);
  if (!t->keep && !t->place) {
    t->dtype = VC_F16;
    return graph_append(g, t);
  }
  // Others look at its memory: what they see becomes a cast of it.
  vc_tensor *result;
  VC_TRY(VC_NEW(g->arena, 1, &result));
  *result = *t;
  result->keep = false;
  result->place = NULL;
  result->dtype = VC_F16;
  VC_TRY(graph_append(g, result));
  t->op = &cast_op;
  t->n_in = 1;
  t->in[0] = result;
  return graph_append(g, t);
}

vc_status graph_use_half(vc_graph *g, bool all) {
  VC_TRY(vc_graph_status(g));
  vc_tensor **old = g->tensors, **casts;
  const uint32_t n = g->n_tensors;
  VC_TRY(VC_NEW(g->arena, 2 * (size_t)n, &casts)); // at most one cast for each
  g->tensors = NULL;
  g->n_tensors = g->capacity = 0;
  for (uint32_t i = 0; i < n; i++) VC_TRY(rewrite(g, old[i], all, casts));
  return VC_OK;
}
