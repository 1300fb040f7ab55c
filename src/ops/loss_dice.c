// The Dice loss: sums per class once, then the loss and its gradient from the sums. Equations: docs/equations.md
// [DICE 1..4].
#include "internal.h"

#include "shaders/shared/dice.h"

struct dice_attr {
  uint32_t sum, generalised; // denominator; weights
};

static uint32_t pixels_of(const vc_tensor *p) {
  return p->shape.n * p->shape.h * p->shape.w;
}

// ---- the sums {1,3C,1,1}: p g, p² or p, g -----------------------------------------------------------------------

static vc_status sums_infer(vc_tensor *out) {
  struct vc_shape s = out->in[0]->shape;
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the probabilities"));
  VC_TRY(ops_want_dtype(out->in[1], VC_U32, "the labels"));
  VC_TRY(ops_want_shape(out->in[1], (struct vc_shape){s.n, 1, s.h, s.w}, "the labels"));
  out->shape = (struct vc_shape){1, 3 * s.c, 1, 1};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status sums_emit(vc_emitter *e, const vc_tensor *out) {
  const struct dice_attr *a = ops_attr(out);
  const vc_tensor *p = out->in[0];
  uint32_t n_rows = ops_rows(e, pixels_of(p), p->shape.c);
  vc_region partial = vc_emit_scratch(e, (uint64_t)n_rows * out->shape.c * sizeof(float));
  struct vc_dice_push push = {.pixels = pixels_of(p), .c = p->shape.c, .rows = n_rows};
  VC_TRY(vc_emit(e, &(struct vc_dispatch){
                        .kernel = "dice_sums_fwd",
                        .n_bindings = 3,
                        .bindings = {vc_emit_tensor(e, p), vc_emit_tensor(e, out->in[1]), partial},
                        .n_spec = 1,
                        .spec = {[SC_DICE_SUM] = a->sum},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {ops_grid_of(n_rows * p->shape.c).groups[0], 1, 1},
                    }));
  return ops_emit_column_sums(e, partial, n_rows, out->shape.c, 1, 0, vc_emit_tensor(e, out));
}

static const struct vc_op dice_sums = {.name = "dice_sums", .infer = sums_infer, .emit = sums_emit};

// ---- the gradient's terms {1,2C,1,1} from the sums and the loss's gradient -----------------------------------------

static vc_status emit_from_sums(vc_emitter *e, const char *kernel, const struct dice_attr *a, uint32_t n_classes,
                                const vc_region *bindings, uint32_t n_bindings) {
  struct vc_dice_push push = {.c = n_classes};
  struct vc_dispatch d = {.kernel = kernel,
                          .n_bindings = n_bindings,
                          .n_spec = 2,
                          .spec = {[SC_DICE_SUM] = a->sum, [SC_DICE_GENERALISED] = a->generalised},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .groups = {ops_grid_of(n_classes).groups[0], 1, 1}};
  for (uint32_t i = 0; i < n_bindings; i++) d.bindings[i] = bindings[i];
  return vc_emit(e, &d);
}

static vc_status terms_infer(vc_tensor *out) {
  out->shape = (struct vc_shape){1, out->in[0]->shape.c / 3 * 2, 1, 1};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status terms_emit(vc_emitter *e, const vc_tensor *out) {
  vc_region r[] = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out)};
  return emit_from_sums(e, "dice_terms_fwd", ops_attr(out), out->in[0]->shape.c / 3, r, 3);
}

static const struct vc_op dice_terms = {.name = "dice_terms", .infer = terms_infer, .emit = terms_emit};

// ---- the gradient -----------------------------------------------------------------------------------------------

static vc_status grad_infer(vc_tensor *out) {
  out->shape = out->in[0]->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status grad_emit(vc_emitter *e, const vc_tensor *out) {
  const struct dice_attr *a = ops_attr(out);
  const vc_tensor *p = out->in[0];
  struct ops_grid grid = ops_grid_for(e, vc_shape_count(p->shape), 8);
  struct vc_dice_push push = {.pixels = pixels_of(p), .c = p->shape.c, .stride = grid.stride};
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "dice_dx",
                        .n_bindings = 4,
                        .bindings = {vc_emit_tensor(e, p), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out->in[2]),
                                     vc_emit_tensor(e, out)},
                        .n_spec = 1,
                        .spec = {[SC_DICE_SUM] = a->sum},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {grid.groups[0], 1, 1},
                    });
}

static const struct vc_op dice_grad = {.name = "dice_dx", .infer = grad_infer, .emit = grad_emit};

// ---- the loss ---------------------------------------------------------------------------------------------------

static vc_status loss_infer(vc_tensor *out) {
  out->shape = (struct vc_shape){1, 1, 1, 1};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status loss_emit(vc_emitter *e, const vc_tensor *out) {
  vc_region r[] = {vc_emit_tensor(e, out->in[2]), vc_emit_tensor(e, out)};
  return emit_from_sums(e, "dice_loss_fwd", ops_attr(out), out->in[0]->shape.c, r, 2);
}

static void loss_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct dice_attr *a = ops_attr(out);
  if (!want[0]) return;
  vc_tensor *terms = vc_node(g, &dice_terms, (vc_tensor *[]){out->in[2], grad_out}, 2, a, sizeof *a);
  grad_in[0] = vc_node(g, &dice_grad, (vc_tensor *[]){out->in[0], out->in[1], terms}, 3, a, sizeof *a);
}

static const struct vc_op dice_loss = {.name = "dice_loss", .infer = loss_infer, .emit = loss_emit, .vjp = loss_vjp};

vc_tensor *vc_dice_loss(vc_graph *g, vc_tensor *p, vc_tensor *labels, struct vc_dice_desc desc) {
  struct dice_attr attr = {.sum = desc.denominator == VC_DICE_SUM, .generalised = desc.weights == VC_DICE_GENERALISED};
  vc_tensor *sums = vc_node(g, &dice_sums, (vc_tensor *[]){p, labels}, 2, &attr, sizeof attr);
  return vc_node(g, &dice_loss, (vc_tensor *[]){p, labels, sums}, 3, &attr, sizeof attr);
}
