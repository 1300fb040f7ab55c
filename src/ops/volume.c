// Plane sections of volumes. Equation: docs/equations.md [SLICE 1].
#include "internal.h"

#include "shaders/shared/volume.h"

#define SLAB_AT(member, number) \
  _Static_assert(offsetof(struct vc_slab, member) == 4 * (number), "struct vc_slab differs from volume.h")
SLAB_AT(width, VOLUME_WIDTH);
SLAB_AT(height, VOLUME_HEIGHT);
SLAB_AT(depth, VOLUME_DEPTH);
SLAB_AT(first, VOLUME_FIRST);
SLAB_AT(end, VOLUME_END);
SLAB_AT(format, VOLUME_FORMAT);
_Static_assert(sizeof(struct vc_slab) == 4 * VOLUME_SLAB_WORDS, "struct vc_slab differs from volume.h");
_Static_assert(VOLUME_U8 == (int)VC_PIXEL_U8 && VOLUME_U16 == (int)VC_PIXEL_U16 && VOLUME_F32 == (int)VC_PIXEL_F32,
               "enum vc_pixel_format differs from volume.h");
_Static_assert(VOLUME_IGNORE == VC_IGNORE, "terms.h differs from volume.h");

struct slice_attr {
  struct vc_shape shape;
  bool is_linear;
};

static vc_status slice_infer(vc_tensor *out) {
  const struct slice_attr *a = ops_attr(out);
  struct vc_shape s = a->shape;
  VC_TRY(ops_want_dtype(out->in[0], VC_U32, "the pool"));
  VC_TRY(ops_want_dtype(out->in[1], VC_U32, "the slab"));
  VC_TRY(ops_want_dtype(out->in[2], VC_F32, "the samplers"));
  VC_TRY(ops_want_shape(out->in[1], (struct vc_shape){1, VOLUME_SLAB_WORDS, 1, 1}, "the slab"));
  VC_TRY(ops_want_shape(out->in[2], (struct vc_shape){1, 9 * s.n, 1, 1}, "the samplers"));
  if (s.c != 1 || vc_shape_count(s) == 0) {
    return VC_FAIL(VC_E_SHAPE, "slices of %u x %u x %u x %u; they have one channel", s.n, s.c, s.h, s.w);
  }
  out->shape = s;
  out->dtype = VC_U32;
  return VC_OK;
}

static vc_status slice_emit(vc_emitter *e, const vc_tensor *out) {
  const struct slice_attr *a = ops_attr(out);
  uint64_t n = (uint64_t)out->shape.h * out->shape.w;
  struct ops_grid grid = ops_grid_for(e, n, 4);
  struct vc_volume_push push = {.n = (uint32_t)n, .stride = grid.stride, .w = out->shape.w, .h = out->shape.h};
  struct vc_dispatch d = {.kernel = "volume_slice_fwd",
                          .n_bindings = 4,
                          .n_spec = 1,
                          .spec = {[SC_VOLUME_LINEAR] = a->is_linear},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .groups = {grid.groups[0], out->shape.n, 1}};
  for (uint32_t i = 0; i < 3; i++) d.bindings[i] = vc_emit_tensor(e, out->in[i]);
  d.bindings[3] = vc_emit_tensor(e, out);
  return vc_emit(e, &d);
}

static const struct vc_op slice_volume = {.name = "slice_volume", .infer = slice_infer, .emit = slice_emit};

vc_tensor *vc_slice_volume(vc_graph *g, vc_tensor *pool, vc_tensor *slab, vc_tensor *samplers, struct vc_shape shape,
                           bool linear) {
  return vc_node(g, &slice_volume, (vc_tensor *[]){pool, slab, samplers}, 3, &(struct slice_attr){shape, linear},
                 sizeof(struct slice_attr));
}
