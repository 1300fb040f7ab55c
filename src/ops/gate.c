// Which pixels take part in a loss, by the network's own probabilities. Equations: docs/equations.md [GATE 1..2].
#include "internal.h"

#include "shaders/shared/gate.h"

struct gate_attr {
  float threshold;
};

// in[0]: what is gated, {N,1,H,W}; in[1]: probabilities {N,C,H,W}.
static vc_status infer(vc_tensor *out, vc_dtype dtype, const char *name) {
  struct vc_shape s = out->in[1]->shape;
  VC_TRY(ops_want_dtype(out->in[0], dtype, name));
  VC_TRY(ops_want_dtype(out->in[1], VC_F32, "the probabilities"));
  VC_TRY(ops_want_shape(out->in[0], (struct vc_shape){s.n, 1, s.h, s.w}, name));
  out->shape = out->in[0]->shape;
  out->dtype = dtype;
  return VC_OK;
}

static vc_status emit(vc_emitter *e, const vc_tensor *out, const char *kernel, float threshold) {
  uint64_t n_pixels = vc_shape_count(out->shape);
  struct ops_grid grid = ops_grid_for(e, n_pixels, 8);
  struct vc_gate_push push = {
      .pixels = (uint32_t)n_pixels, .c = out->in[1]->shape.c, .stride = grid.stride, .threshold = threshold};
  struct vc_dispatch d = {.kernel = kernel, .push = &push, .push_bytes = sizeof push, .groups = {grid.groups[0], 1, 1}};
  for (uint32_t i = 0; i < out->n_in; i++) d.bindings[d.n_bindings++] = vc_emit_tensor(e, out->in[i]);
  d.bindings[d.n_bindings++] = vc_emit_tensor(e, out);
  return vc_emit(e, &d);
}

static vc_status labels_infer(vc_tensor *out) {
  VC_TRY(infer(out, VC_U32, "the labels"));
  VC_TRY(ops_want_dtype(out->in[2], VC_F32, "the threshold"));
  return ops_want_shape(out->in[2], (struct vc_shape){1, 1, 1, 1}, "the threshold");
}

static vc_status labels_emit(vc_emitter *e, const vc_tensor *out) {
  return emit(e, out, "gate_labels_fwd", 0);
}

static const struct vc_op gate_labels = {.name = "gate_labels", .infer = labels_infer, .emit = labels_emit};

vc_tensor *vc_tsa_labels(vc_graph *g, vc_tensor *labels, vc_tensor *p, vc_tensor *threshold) {
  return vc_node(g, &gate_labels, (vc_tensor *[]){labels, p, threshold}, 3, NULL, 0);
}

static vc_status valid_infer(vc_tensor *out) {
  return infer(out, VC_F32, "the validity mask");
}

static vc_status valid_emit(vc_emitter *e, const vc_tensor *out) {
  const struct gate_attr *a = ops_attr(out);
  return emit(e, out, "gate_valid_fwd", a->threshold);
}

static const struct vc_op gate_valid = {.name = "gate_valid", .infer = valid_infer, .emit = valid_emit};

vc_tensor *vc_confident_mask(vc_graph *g, vc_tensor *valid, vc_tensor *p, float threshold) {
  return vc_node(g, &gate_valid, (vc_tensor *[]){valid, p}, 2, &(struct gate_attr){threshold},
                 sizeof(struct gate_attr));
}
