// Alignment of probability maps with its exact adjoint, and the validity mask. Equations: docs/equations.md [AFFINE 3,
// 4].
#include "affine.h"

static const struct vc_op align, align_grad;

static vc_status align_infer(vc_tensor *out) {
  return affine_infer(out, VC_F32);
}

static vc_status align_emit(vc_emitter *e, const vc_tensor *out) {
  return affine_emit(e, out, "affine_fwd", 2, true);
}

static vc_status align_grad_emit(vc_emitter *e, const vc_tensor *out) {
  return affine_emit(e, out, "affine_align_dx", 1, false);
}

// Each is linear in in[0] and the other's adjoint; the samplers are constants.
static void align_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct vc_op *adjoint = out->op == &align ? &align_grad : &align;
  if (want[0]) grad_in[0] = vc_node(g, adjoint, (vc_tensor *[]){grad_out, out->in[1]}, 2, NULL, 0);
}

static const struct vc_op align = {.name = "align", .infer = align_infer, .emit = align_emit, .vjp = align_vjp};
static const struct vc_op align_grad = {
    .name = "align_dx", .infer = align_infer, .emit = align_grad_emit, .vjp = align_vjp};

vc_tensor *vc_align(vc_graph *g, vc_tensor *p, vc_tensor *samplers) {
  return vc_node(g, &align, (vc_tensor *[]){p, samplers}, 2, NULL, 0);
}

// ---- validity ---------------------------------------------------------------------------------------------------

struct valid_attr {
  uint32_t n, h, w;
};

static vc_status valid_infer(vc_tensor *out) {
  const struct valid_attr *a = ops_attr(out);
  if (!a->n || !a->h || !a->w) return VC_FAIL(VC_E_SHAPE, "a mask of %u x 1 x %u x %u", a->n, a->h, a->w);
  VC_TRY(affine_want_samplers(out->in[0], a->n));
  VC_TRY(ops_want_dtype(out->in[1], VC_F32, "the rectangles"));
  VC_TRY(ops_want_shape(out->in[1], (struct vc_shape){1, 4 * a->n, 1, 1}, "the rectangles"));
  if (out->in[2]) VC_TRY(affine_want_samplers(out->in[2], a->n));
  out->shape = (struct vc_shape){a->n, 1, a->h, a->w};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status valid_emit(vc_emitter *e, const vc_tensor *out) {
  const vc_tensor *second = out->in[2] ? out->in[2] : out->in[0];
  struct vc_dispatch d = {
      .kernel = "affine_valid_fwd",
      .n_bindings = 4,
      .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, second),
                   vc_emit_tensor(e, out)},
      .n_spec = 1,
      .spec = {[SC_AFFINE_SECOND] = out->in[2] != NULL},
  };
  struct vc_affine_push push;
  affine_dispatch(e, out, 1, &d, &push);
  return vc_emit(e, &d);
}

static const struct vc_op valid_mask = {.name = "valid_mask", .infer = valid_infer, .emit = valid_emit};

vc_tensor *vc_valid_mask(vc_graph *g, vc_tensor *samplers_a, vc_tensor *rects, vc_tensor *samplers_b, uint32_t n,
                         uint32_t h, uint32_t w) {
  return vc_node(g, &valid_mask, (vc_tensor *[]){samplers_a, rects, samplers_b}, 3, &(struct valid_attr){n, h, w},
                 sizeof(struct valid_attr));
}
