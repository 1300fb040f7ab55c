// One intensity operation per sample, in three dispatches: statistics of parts, tables, the result. The kernels look at
// the ops' numbers, so a sample whose operation needs no statistics costs next to nothing in the first two. Equations:
// docs/equations.md [AUG 1..8].
#include "internal.h"

#include "shaders/shared/intensity.h"

_Static_assert(INTENSITY_AUTOCONTRAST == (int)VC_AUG_AUTOCONTRAST && INTENSITY_INVERT == (int)VC_AUG_INVERT &&
                   INTENSITY_EQUALIZE == (int)VC_AUG_EQUALIZE && INTENSITY_SOLARIZE == (int)VC_AUG_SOLARIZE &&
                   INTENSITY_CONTRAST == (int)VC_AUG_CONTRAST && INTENSITY_COLOR == (int)VC_AUG_COLOR &&
                   INTENSITY_BRIGHTNESS == (int)VC_AUG_BRIGHTNESS && INTENSITY_SHARPNESS == (int)VC_AUG_SHARPNESS,
               "enum vc_augment_op differs from intensity.h");
_Static_assert(INTENSITY_BINS >= 2 * OPS_LOCAL, "a part holds two floats of each invocation");

enum { MAX_PARTS = 64 };

static vc_status infer(vc_tensor *out) {
  const vc_tensor *x = out->in[0], *ops = out->in[1];
  VC_TRY(ops_want_dtype(x, VC_F32, "the images"));
  VC_TRY(ops_want_dtype(ops, VC_U32, "the operations"));
  VC_TRY(ops_want_shape(ops, (struct vc_shape){1, 2 * x->shape.n, 1, 1}, "the operations"));
  out->shape = x->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status emit(vc_emitter *e, const vc_tensor *out) {
  struct vc_shape s = out->shape;
  uint32_t pixels = s.h * s.w;
  uint32_t n_parts = VC_MIN(ops_rows(e, vc_div_up(pixels, OPS_LOCAL), OPS_LOCAL), MAX_PARTS);
  uint64_t table_bytes = (uint64_t)s.n * s.c * INTENSITY_BINS * sizeof(float);
  vc_region x = vc_emit_tensor(e, out->in[0]), ops = vc_emit_tensor(e, out->in[1]);
  vc_region parts = vc_emit_scratch(e, n_parts * table_bytes), table = vc_emit_scratch(e, table_bytes);
  struct vc_intensity_push push = {
      .pixels = pixels, .stride = n_parts * OPS_LOCAL, .n_parts = n_parts, .c = s.c, .w = s.w, .h = s.h};
  VC_TRY(vc_emit(e, &(struct vc_dispatch){
                        .kernel = "intensity_parts_fwd",
                        .n_bindings = 3,
                        .bindings = {x, ops, parts},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {n_parts, s.c, s.n},
                    }));
  VC_TRY(vc_emit(e, &(struct vc_dispatch){
                        .kernel = "intensity_table_fwd",
                        .n_bindings = 3,
                        .bindings = {ops, parts, table},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {s.c, s.n, 1},
                    }));
  struct ops_grid grid = ops_grid_for(e, (uint64_t)pixels * s.c, 4);
  push.stride = grid.stride;
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "intensity_fwd",
                        .n_bindings = 4,
                        .bindings = {x, ops, table, vc_emit_tensor(e, out)},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {grid.groups[0], s.n, 1},
                    });
}

static const struct vc_op intensity = {.name = "intensity", .infer = infer, .emit = emit};

vc_tensor *vc_intensity(vc_graph *g, vc_tensor *x, vc_tensor *ops) {
  return vc_node(g, &intensity, (vc_tensor *[]){x, ops}, 2, NULL, 0);
}
