// The cross-entropy loss from log-probabilities. Equations: docs/equations.md [CE 1..2].
#include "internal.h"

#include "shaders/shared/cross_entropy.h"

static uint32_t pixels_of(const vc_tensor *p) {
  return p->shape.n * p->shape.h * p->shape.w;
}

// ---- {1,2,1,1}: sum of -log p[label], counted pixels -------------------------------------------------------------

static vc_status sums_infer(vc_tensor *out) {
  struct vc_shape s = out->in[0]->shape;
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the log-probabilities"));
  VC_TRY(ops_want_dtype(out->in[1], VC_U32, "the labels"));
  VC_TRY(ops_want_shape(out->in[1], (struct vc_shape){s.n, 1, s.h, s.w}, "the labels"));
  out->shape = (struct vc_shape){1, 2, 1, 1};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status sums_emit(vc_emitter *e, const vc_tensor *out) {
  const vc_tensor *p = out->in[0];
  uint32_t n_rows = ops_rows(e, pixels_of(p), 1);
  vc_region partial = vc_emit_scratch(e, (uint64_t)n_rows * 2 * sizeof(float));
  struct vc_cross_entropy_push push = {.pixels = pixels_of(p), .c = p->shape.c, .rows = n_rows};
  VC_TRY(vc_emit(e, &(struct vc_dispatch){
                        .kernel = "cross_entropy_sums_fwd",
                        .n_bindings = 3,
                        .bindings = {vc_emit_tensor(e, p), vc_emit_tensor(e, out->in[1]), partial},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {ops_grid_of(n_rows).groups[0], 1, 1},
                    }));
  return ops_emit_column_sums(e, partial, n_rows, 2, 1, 0, vc_emit_tensor(e, out));
}

static const struct vc_op cross_entropy_sums = {.name = "cross_entropy_sums", .infer = sums_infer, .emit = sums_emit};

// ---- the gradient: in[] = labels, sums, the loss's gradient -----------------------------------------------------

struct grad_attr {
  struct vc_shape shape;
};

static vc_status grad_infer(vc_tensor *out) {
  const struct grad_attr *a = ops_attr(out);
  out->shape = a->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status grad_emit(vc_emitter *e, const vc_tensor *out) {
  struct ops_grid grid = ops_grid_for(e, vc_shape_count(out->shape), 8);
  struct vc_cross_entropy_push push = {.pixels = pixels_of(out), .c = out->shape.c, .stride = grid.stride};
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "cross_entropy_dx",
                        .n_bindings = 4,
                        .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]),
                                     vc_emit_tensor(e, out->in[2]), vc_emit_tensor(e, out)},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {grid.groups[0], 1, 1},
                    });
}

static const struct vc_op cross_entropy_grad = {.name = "cross_entropy_dx", .infer = grad_infer, .emit = grad_emit};

// ---- the loss: in[] = log-probabilities, labels, sums -----------------------------------------------------------

static vc_status loss_infer(vc_tensor *out) {
  out->shape = (struct vc_shape){1, 1, 1, 1};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status loss_emit(vc_emitter *e, const vc_tensor *out) {
  return ops_emit_ratio(e, vc_emit_tensor(e, out->in[2]), vc_emit_tensor(e, out));
}

static void loss_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  if (!want[0]) return;
  struct grad_attr attr = {out->in[0]->shape};
  grad_in[0] =
      vc_node(g, &cross_entropy_grad, (vc_tensor *[]){out->in[1], out->in[2], grad_out}, 3, &attr, sizeof attr);
}

static const struct vc_op cross_entropy = {
    .name = "cross_entropy", .infer = loss_infer, .emit = loss_emit, .vjp = loss_vjp};

vc_tensor *vc_cross_entropy_loss(vc_graph *g, vc_tensor *log_p, vc_tensor *labels) {
  vc_tensor *sums = vc_node(g, &cross_entropy_sums, (vc_tensor *[]){log_p, labels}, 2, NULL, 0);
  return vc_node(g, &cross_entropy, (vc_tensor *[]){log_p, labels, sums}, 3, NULL, 0);
}
