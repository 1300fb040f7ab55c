// The mutual-information loss between two probability maps: joint matrices of classes once, then the loss and both
// gradients from them. Equations: docs/equations.md [IID 1..5].
#include "internal.h"

#include "shaders/shared/iid.h"

enum { MAX_DISPLACEMENT = 16, MAX_ENTRIES = 1 << 18 }; // of all matrices

struct iid_attr {
  uint32_t c, side;    // classes; of the box of displacements
  uint32_t matrices;   // 1 where the box is summed into one
  uint32_t transposed; // of the gradient: to b
  float lambda;
};

static uint32_t pixels_of(const vc_tensor *p) {
  return p->shape.n * p->shape.h * p->shape.w;
}

static struct vc_iid_push push_of(const struct iid_attr *a, const vc_tensor *map) {
  return (struct vc_iid_push){.pixels = pixels_of(map),
                              .c = a->c,
                              .w = map->shape.w,
                              .h = map->shape.h,
                              .side = a->side,
                              .lambda = a->lambda,
                              .factor = 1.0f / (float)a->matrices};
}

// ---- the joint matrices {1,matrices*C*C,1,1}: in[] = a, b, mask ---------------------------------------------------

static vc_status sums_infer(vc_tensor *out) {
  const struct iid_attr *a = ops_attr(out);
  struct vc_shape s = out->in[0]->shape;
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the first map"));
  VC_TRY(ops_want_dtype(out->in[1], VC_F32, "the second map"));
  VC_TRY(ops_want_shape(out->in[1], s, "the second map"));
  VC_TRY(ops_want_dtype(out->in[2], VC_F32, "the validity mask"));
  VC_TRY(ops_want_shape(out->in[2], (struct vc_shape){s.n, 1, s.h, s.w}, "the validity mask"));
  out->shape = (struct vc_shape){1, a->matrices * a->c * a->c, 1, 1};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status sums_emit(vc_emitter *e, const vc_tensor *out) {
  const struct iid_attr *a = ops_attr(out);
  uint32_t box = a->side * a->side, n_entries = a->c * a->c, tile = a->c <= 2 ? 2 : 4;
  struct vc_iid_push push = push_of(a, out->in[0]);
  push.tiles = (uint32_t)vc_div_up(a->c, tile);
  uint32_t n_lanes = box * push.tiles * push.tiles;
  push.rows = ops_rows(e, push.pixels, n_lanes);
  vc_region partial = vc_emit_scratch(e, (uint64_t)push.rows * box * n_entries * sizeof(float));
  VC_TRY(vc_emit(e, &(struct vc_dispatch){
                        .kernel = "iid_sums_fwd",
                        .n_bindings = 4,
                        .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]),
                                     vc_emit_tensor(e, out->in[2]), partial},
                        .n_spec = 1,
                        .spec = {[SC_IID_TILE] = tile},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {ops_grid_of(push.rows * n_lanes).groups[0], 1, 1},
                    }));
  uint32_t n_columns = a->matrices * n_entries;
  return ops_emit_column_sums(e, partial, push.rows * (box / a->matrices), n_columns, 1, 0, vc_emit_tensor(e, out));
}

static const struct vc_op iid_sums = {.name = "iid_sums", .infer = sums_infer, .emit = sums_emit};

// ---- kernels with one workgroup for each matrix -------------------------------------------------------------------

static vc_status emit_matrices(vc_emitter *e, const vc_tensor *node, const char *kernel, const vc_region *bindings,
                               uint32_t n_bindings) {
  const struct iid_attr *a = ops_attr(node);
  struct vc_iid_push push = push_of(a, node->in[0]);
  struct vc_dispatch d = {.kernel = kernel,
                          .n_bindings = n_bindings,
                          .push = &push,
                          .push_bytes = sizeof push,
                          .groups = {a->matrices, 1, 1}};
  for (uint32_t i = 0; i < n_bindings; i++) d.bindings[i] = bindings[i];
  return vc_emit(e, &d);
}

// ---- the gradient's terms, of the shape of the matrices: in[] = matrices, the loss's gradient ---------------------

static vc_status terms_infer(vc_tensor *out) {
  out->shape = out->in[0]->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status terms_emit(vc_emitter *e, const vc_tensor *out) {
  vc_region r[] = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out)};
  return emit_matrices(e, out, "iid_terms_fwd", r, 3);
}

static const struct vc_op iid_terms = {.name = "iid_terms", .infer = terms_infer, .emit = terms_emit};

// ---- the gradient to one map: in[] = the other map, mask, terms ---------------------------------------------------

static vc_status grad_infer(vc_tensor *out) {
  out->shape = out->in[0]->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status grad_emit(vc_emitter *e, const vc_tensor *out) {
  const struct iid_attr *a = ops_attr(out);
  struct ops_grid grid = ops_grid_for(e, vc_shape_count(out->shape), 8);
  struct vc_iid_push push = push_of(a, out);
  push.stride = grid.stride;
  push.matrix = a->matrices == 1 ? 0 : a->c * a->c;
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "iid_dx",
                        .n_bindings = 4,
                        .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]),
                                     vc_emit_tensor(e, out->in[2]), vc_emit_tensor(e, out)},
                        .n_spec = 1,
                        .spec = {[SC_IID_TRANSPOSED] = a->transposed},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {grid.groups[0], 1, 1},
                    });
}

static double grad_flops(const vc_tensor *out) {
  const struct iid_attr *a = ops_attr(out);
  return 2.0 * a->side * a->side * a->c * (double)vc_shape_count(out->shape);
}

static const struct vc_op iid_grad = {.name = "iid_dx", .infer = grad_infer, .emit = grad_emit, .flops = grad_flops};

// ---- the loss: in[] = matrices, a, b, mask ------------------------------------------------------------------------

static vc_status loss_infer(vc_tensor *out) {
  out->shape = (struct vc_shape){1, 1, 1, 1};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status loss_emit(vc_emitter *e, const vc_tensor *out) {
  const struct iid_attr *a = ops_attr(out);
  vc_region y = vc_emit_tensor(e, out);
  vc_region each = a->matrices == 1 ? y : vc_emit_scratch(e, a->matrices * sizeof(float));
  VC_TRY(emit_matrices(e, out, "iid_loss_fwd", (vc_region[]){vc_emit_tensor(e, out->in[0]), each}, 2));
  if (a->matrices == 1) return VC_OK;
  return ops_emit_column_sums(e, each, a->matrices, 1, 1.0f / (float)a->matrices, 0, y);
}

static void loss_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  struct iid_attr a = *(const struct iid_attr *)ops_attr(out);
  if (!want[1] && !want[2]) return;
  vc_tensor *terms = vc_node(g, &iid_terms, (vc_tensor *[]){out->in[0], grad_out}, 2, &a, sizeof a);
  for (uint32_t to_b = 0; to_b < 2; to_b++) {
    if (!want[1 + to_b]) continue;
    a.transposed = to_b;
    grad_in[1 + to_b] = vc_node(g, &iid_grad, (vc_tensor *[]){out->in[2 - to_b], out->in[3], terms}, 3, &a, sizeof a);
  }
}

static const struct vc_op iid_loss = {.name = "iid_loss", .infer = loss_infer, .emit = loss_emit, .vjp = loss_vjp};

vc_tensor *vc_iid_loss(vc_graph *g, vc_tensor *a, vc_tensor *b, vc_tensor *valid, struct vc_iid_desc desc) {
  uint32_t c = a->shape.c, d = desc.displacement, side = 2 * VC_MIN(d, (uint32_t)MAX_DISPLACEMENT) + 1;
  if (c > IID_MAX_CLASSES)
    return vc_poison(g, VC_E_SHAPE, "iid: %u classes; at most %d can be had", c, IID_MAX_CLASSES);
  if (d > MAX_DISPLACEMENT || side * side * c * c > MAX_ENTRIES)
    return vc_poison(g, VC_E_SHAPE, "iid: displacements up to %u with %u classes are too many; lower one of them", d,
                     c);
  if (!(desc.lambda >= 0)) return vc_poison(g, VC_E_SHAPE, "iid: lambda %g is negative", (double)desc.lambda);
  struct iid_attr attr = {.c = c, .side = side, .matrices = desc.collapsed ? 1 : side * side, .lambda = desc.lambda};
  vc_tensor *sums = vc_node(g, &iid_sums, (vc_tensor *[]){a, b, valid}, 3, &attr, sizeof attr);
  return vc_node(g, &iid_loss, (vc_tensor *[]){sums, a, b, valid}, 4, &attr, sizeof attr);
}
