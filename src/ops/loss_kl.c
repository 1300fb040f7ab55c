// The KL consistency loss between two probability maps. Equations: docs/equations.md [KL 1..4].
#include "internal.h"

#include "shaders/shared/kl.h"

struct kl_attr {
  float confidence, temperature;
};

static vc_status sums_infer(vc_tensor *out) {
  struct vc_shape s = out->in[0]->shape;
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the target"));
  VC_TRY(ops_want_dtype(out->in[1], VC_F32, "the prediction"));
  VC_TRY(ops_want_shape(out->in[1], s, "the prediction"));
  VC_TRY(ops_want_dtype(out->in[2], VC_F32, "the validity mask"));
  VC_TRY(ops_want_shape(out->in[2], (struct vc_shape){s.n, 1, s.h, s.w}, "the validity mask"));
  out->shape = (struct vc_shape){1, 2, 1, 1};
  out->dtype = VC_F32;
  return VC_OK;
}

// Dispatches a kernel over the pixels of the target: bindings are target, prediction, mask and then `more`.
static vc_status emit_pixels(vc_emitter *e, const vc_tensor *node, const char *kernel, uint32_t n_rows,
                             struct ops_grid grid, const vc_region *more, uint32_t n_more) {
  const struct kl_attr *a = ops_attr(node);
  struct vc_shape s = node->in[0]->shape;
  bool sharpen = a->temperature != 0 && a->temperature != 1;
  struct vc_kl_push push = {.pixels = s.n * s.h * s.w,
                            .c = s.c,
                            .rows = n_rows,
                            .stride = grid.stride,
                            .confidence = a->confidence,
                            .inverse_temperature = sharpen ? 1 / a->temperature : 1};
  struct vc_dispatch d = {.kernel = kernel,
                          .n_bindings = 3 + n_more,
                          .n_spec = 1,
                          .spec = {[SC_KL_SHARPEN] = sharpen},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .groups = {grid.groups[0], 1, 1}};
  for (uint32_t i = 0; i < 3; i++) d.bindings[i] = vc_emit_tensor(e, node->in[i]);
  for (uint32_t i = 0; i < n_more; i++) d.bindings[3 + i] = more[i];
  return vc_emit(e, &d);
}

// ---- {1,2,1,1}: the sum over counted pixels, valid pixels --------------------------------------------------------

static vc_status sums_emit(vc_emitter *e, const vc_tensor *out) {
  struct vc_shape s = out->in[0]->shape;
  uint32_t n_rows = ops_rows(e, (uint64_t)s.n * s.h * s.w, 1);
  vc_region partial = vc_emit_scratch(e, (uint64_t)n_rows * 2 * sizeof(float));
  VC_TRY(emit_pixels(e, out, "kl_sums_fwd", n_rows, ops_grid_of(n_rows), &partial, 1));
  return ops_emit_column_sums(e, partial, n_rows, 2, 1, 0, vc_emit_tensor(e, out));
}

static const struct vc_op kl_sums = {.name = "kl_sums", .infer = sums_infer, .emit = sums_emit};

// ---- the gradient: in[] = target, prediction, mask, sums, the loss's gradient ------------------------------------

static vc_status grad_infer(vc_tensor *out) {
  out->shape = out->in[0]->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status grad_emit(vc_emitter *e, const vc_tensor *out) {
  struct vc_shape s = out->shape;
  vc_region more[] = {vc_emit_tensor(e, out->in[3]), vc_emit_tensor(e, out->in[4]), vc_emit_tensor(e, out)};
  return emit_pixels(e, out, "kl_dx", 0, ops_grid_for(e, (uint64_t)s.n * s.h * s.w, 8), more, 3);
}

static const struct vc_op kl_grad = {.name = "kl_dx", .infer = grad_infer, .emit = grad_emit};

// ---- the loss: in[] = target, prediction, mask, sums --------------------------------------------------------------

static vc_status loss_infer(vc_tensor *out) {
  out->shape = (struct vc_shape){1, 1, 1, 1};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status loss_emit(vc_emitter *e, const vc_tensor *out) {
  return ops_emit_ratio(e, vc_emit_tensor(e, out->in[3]), vc_emit_tensor(e, out));
}

static void loss_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct kl_attr *a = ops_attr(out);
  if (!want[1]) return; // the target is a constant
  vc_tensor *in[] = {out->in[0], out->in[1], out->in[2], out->in[3], grad_out};
  grad_in[1] = vc_node(g, &kl_grad, in, 5, a, sizeof *a);
}

static const struct vc_op kl_loss = {.name = "kl_loss", .infer = loss_infer, .emit = loss_emit, .vjp = loss_vjp};

vc_tensor *vc_kl_loss(vc_graph *g, vc_tensor *target, vc_tensor *p, vc_tensor *valid, struct vc_kl_desc desc) {
  struct kl_attr attr = {desc.confidence, desc.temperature};
  if (!(desc.temperature >= 0))
    return vc_poison(g, VC_E_SHAPE, "kl: the temperature %g is negative", (double)desc.temperature);
  vc_tensor *sums = vc_node(g, &kl_sums, (vc_tensor *[]){target, p, valid}, 3, &attr, sizeof attr);
  return vc_node(g, &kl_loss, (vc_tensor *[]){target, p, valid, sums}, 4, &attr, sizeof attr);
}
