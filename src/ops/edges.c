// Strength of the edges of images. Equation: docs/equations.md [EDGE 1].
#include "internal.h"

#include "shaders/shared/edges.h"

static vc_status infer(vc_tensor *out) {
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the images"));
  out->shape = out->in[0]->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status emit(vc_emitter *e, const vc_tensor *out) {
  const struct vc_shape s = out->shape;
  const uint64_t n = vc_shape_count(s);
  const struct ops_grid grid = ops_grid_for(e, n, 4);
  const struct vc_edges_push push = {.n = (uint32_t)n, .stride = grid.stride, .c = s.c, .w = s.w, .h = s.h};
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "edges_fwd",
                        .n_bindings = 2,
                        .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out)},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {grid.groups[0], 1, 1},
                    });
}

static const struct vc_op edges = {.name = "edges", .infer = infer, .emit = emit};

vc_tensor *vc_edges(vc_graph *g, vc_tensor *x) {
  return vc_node(g, &edges, &x, 1, NULL, 0);
}
