// Resampling of images and labels by affine maps. Equations: docs/equations.md [AFFINE 1, 2].
#include "affine.h"

_Static_assert(AFFINE_IGNORE == VC_IGNORE, "terms.h differs from affine.h");

vc_status affine_want_samplers(const vc_tensor *samplers, uint32_t n) {
  VC_TRY(ops_want_dtype(samplers, VC_F32, "the samplers"));
  return ops_want_shape(samplers, (struct vc_shape){1, 6 * n, 1, 1}, "the samplers");
}

vc_status affine_infer(vc_tensor *out, vc_dtype dtype) {
  VC_TRY(ops_want_dtype(out->in[0], dtype, "the operand"));
  VC_TRY(affine_want_samplers(out->in[1], out->in[0]->shape.n));
  out->shape = out->in[0]->shape;
  out->dtype = dtype;
  return VC_OK;
}

void affine_dispatch(const vc_emitter *e, const vc_tensor *out, uint32_t channels, struct vc_dispatch *d,
                     struct vc_affine_push *out_push) {
  struct vc_shape s = out->shape;
  uint64_t n = (uint64_t)s.c / channels * s.h * s.w;
  struct ops_grid grid = ops_grid_for(e, n, 4);
  *out_push = (struct vc_affine_push){.n = (uint32_t)n, .stride = grid.stride, .c = s.c / channels, .w = s.w, .h = s.h};
  d->push = out_push;
  d->push_bytes = sizeof *out_push;
  d->groups[0] = grid.groups[0];
  d->groups[1] = s.n;
  d->groups[2] = 1;
}

vc_status affine_emit(vc_emitter *e, const vc_tensor *out, const char *kernel, uint32_t n_spec, bool zero) {
  uint32_t channels = 4;
  while (out->shape.c % channels) channels--;
  struct vc_dispatch d = {
      .kernel = kernel,
      .n_bindings = 3,
      .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out)},
      .n_spec = n_spec,
      .spec = {[SC_AFFINE_CHANNELS] = channels, [SC_AFFINE_ZERO] = zero},
  };
  struct vc_affine_push push;
  affine_dispatch(e, out, channels, &d, &push);
  return vc_emit(e, &d);
}

static vc_status image_infer(vc_tensor *out) {
  return affine_infer(out, VC_F32);
}

static vc_status image_emit(vc_emitter *e, const vc_tensor *out) {
  return affine_emit(e, out, "affine_fwd", 2, false);
}

static const struct vc_op affine_image = {.name = "affine_image", .infer = image_infer, .emit = image_emit};

vc_tensor *vc_affine_image(vc_graph *g, vc_tensor *x, vc_tensor *samplers) {
  return vc_node(g, &affine_image, (vc_tensor *[]){x, samplers}, 2, NULL, 0);
}

static vc_status labels_infer(vc_tensor *out) {
  struct vc_shape s = out->in[0]->shape;
  VC_TRY(ops_want_shape(out->in[0], (struct vc_shape){s.n, 1, s.h, s.w}, "the labels"));
  return affine_infer(out, VC_U32);
}

static vc_status labels_emit(vc_emitter *e, const vc_tensor *out) {
  return affine_emit(e, out, "affine_labels_fwd", 0, false);
}

static const struct vc_op affine_labels = {.name = "affine_labels", .infer = labels_infer, .emit = labels_emit};

vc_tensor *vc_affine_labels(vc_graph *g, vc_tensor *labels, vc_tensor *samplers) {
  return vc_node(g, &affine_labels, (vc_tensor *[]){labels, samplers}, 2, NULL, 0);
}
