// Sums, norms and counts. Sums take two passes in a fixed order, compensated: reduce_sum or a loss's own first pass
// writes rows of partial sums, reduce_final adds the rows.
#include "internal.h"

#include "vulcyte/variant.h"

#include "shaders/shared/reduce.h"

enum { FINAL_COLUMNS = 8 }; // of a workgroup, where there are several

const uint32_t ops_sum_shuffles = OPS_SUM_SHUFFLES;

bool ops_subgroup_sums_fit(const struct vc_caps *caps, const vc_tensor *out) {
  (void)out;
  return caps->subgroup_size_control && REDUCE_LOCAL % caps->subgroup_size == 0;
}

vc_status ops_emit_column_sums(vc_emitter *e, vc_region partial, uint32_t n_rows, uint32_t n_columns, float factor,
                               uint32_t flags, vc_region out) {
  uint32_t columns = n_columns == 1 ? 1 : n_columns == 2 ? 2 : FINAL_COLUMNS;
  struct vc_reduce_push push = {.n_rows = n_rows, .n_columns = n_columns, .columns = columns, .factor = factor};
  const bool shuffles = flags & OPS_SUM_SHUFFLES;
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = shuffles ? "reduce_final_subgroup" : "reduce_final_fwd",
                        .required_subgroup = shuffles ? vc_emit_caps(e)->subgroup_size : 0,
                        .n_bindings = 2,
                        .bindings = {partial, out},
                        .n_spec = 1,
                        .spec = {[SC_REDUCE_ROOT] = flags & OPS_SUM_ROOT},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {(uint32_t)vc_div_up(n_columns, columns), 1, 1},
                    });
}

// ---- sums -------------------------------------------------------------------------------------------------------

struct sum_attr {
  uint32_t per_channel, squares, root;
  float factor;
};

static vc_status sum_infer(vc_tensor *out) {
  const struct sum_attr *a = ops_attr(out);
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the operand"));
  out->shape = (struct vc_shape){1, a->per_channel ? out->in[0]->shape.c : 1, 1, 1};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status emit_sum(vc_emitter *e, const vc_tensor *out) {
  const uint32_t *flags = vc_emit_data(e);
  const struct sum_attr *a = ops_attr(out);
  const uint32_t columns = out->shape.c, width = columns == 1 || columns % 4 == 0 ? 4 : 1;
  const uint32_t n_lanes = (uint32_t)vc_div_up(columns, width); // of one row
  const uint64_t pixel_bytes = (uint64_t)columns * vc_dtype_bytes(out->in[0]->dtype);
  const uint64_t n = vc_shape_count(out->in[0]->shape) / columns, most = vc_emit_range(e, n, pixel_bytes, pixel_bytes);
  const uint32_t n_ranges = (uint32_t)vc_div_up(n, most);
  uint32_t n_rows = ops_rows(e, vc_div_up(most * columns, (uint64_t)n_lanes * width), n_lanes); // of a range
  if (n_ranges > 1)
    n_rows = (uint32_t)vc_round_up(n_rows, VC_VIEW_ALIGN / sizeof(float)); // each has bindings of its own
  const uint32_t lanes = n_rows * n_lanes;
  const uint64_t partial_bytes = (uint64_t)lanes * width * sizeof(float);
  if (columns == 1) n_rows = lanes * width; // partial sums stand one a row
  const bool is_final = n_ranges * n_rows == 1 && !a->root && a->factor == 1;
  vc_region x = vc_emit_tensor(e, out->in[0]), y = vc_emit_tensor(e, out);
  vc_region partial = is_final ? y : vc_emit_scratch(e, n_ranges * partial_bytes);
  for (uint32_t i = 0; i < n_ranges; i++) {
    const uint64_t first = i * most, n_here = VC_MIN(most, n - first);
    struct vc_reduce_push push = {.n = (uint32_t)(n_here * columns), .lanes = lanes};
    VC_TRY(vc_emit(e, &(struct vc_dispatch){
                          .kernel = "reduce_sum_fwd",
                          .n_bindings = 2,
                          .bindings = {vc_region_slice(x, first * pixel_bytes, n_here * pixel_bytes),
                                       vc_region_slice(partial, i * partial_bytes, partial_bytes)},
                          .n_spec = 2,
                          .spec = {[SC_REDUCE_WIDTH] = width, [SC_REDUCE_SQUARES] = a->squares},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .groups = {ops_grid_of(lanes).groups[0], 1, 1},
                      }));
  }
  if (is_final) return VC_OK;
  return ops_emit_column_sums(e, partial, n_ranges * n_rows, columns, a->factor,
                              (flags ? *flags : 0) | (a->root ? OPS_SUM_ROOT : 0), y);
}

static vc_status sum_emit(vc_emitter *e, const vc_tensor *out) {
  static const struct vc_variant table[] = OPS_SUM_VARIANTS(emit_sum);
  return vc_emit_variant(e, out->op->name, table, VC_COUNT_OF(table), out);
}

static void sum_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct sum_attr *a = ops_attr(out);
  if (want[0]) grad_in[0] = ops_broadcast(g, grad_out, out->in[0]->shape, a->factor);
}

static const struct vc_op sum = {.name = "sum", .infer = sum_infer, .emit = sum_emit, .vjp = sum_vjp};
static const struct vc_op mean = {.name = "mean", .infer = sum_infer, .emit = sum_emit, .vjp = sum_vjp};
static const struct vc_op sum_pixels = {
    .name = "sum_pixels", .infer = sum_infer, .emit = sum_emit, .vjp = sum_vjp, .half_inputs = 1};
static const struct vc_op l2_norm = {.name = "l2_norm", .infer = sum_infer, .emit = sum_emit};

static vc_tensor *sum_node(vc_graph *g, const struct vc_op *op, vc_tensor *x, struct sum_attr attr) {
  return vc_node(g, op, &x, 1, &attr, sizeof attr);
}

vc_tensor *vc_sum(vc_graph *g, vc_tensor *x) {
  return sum_node(g, &sum, x, (struct sum_attr){.factor = 1});
}

vc_tensor *vc_mean(vc_graph *g, vc_tensor *x) {
  uint64_t n = vc_shape_count(x->shape);
  return sum_node(g, &mean, x, (struct sum_attr){.factor = (float)(1.0 / (double)VC_MAX(n, 1))});
}

vc_tensor *vc_sum_pixels(vc_graph *g, vc_tensor *x) {
  return sum_node(g, &sum_pixels, x, (struct sum_attr){.per_channel = 1, .factor = 1});
}

vc_tensor *vc_l2_norm(vc_graph *g, vc_tensor *x) {
  return sum_node(g, &l2_norm, x, (struct sum_attr){.squares = 1, .root = 1, .factor = 1});
}

// ---- a sum over a count -----------------------------------------------------------------------------------------

vc_status ops_emit_ratio(vc_emitter *e, vc_region sums, vc_region out) {
  struct vc_reduce_push push = {0};
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "reduce_ratio_fwd",
                        .n_bindings = 2,
                        .bindings = {sums, out},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {1, 1, 1},
                    });
}

// ---- counts -----------------------------------------------------------------------------------------------------

struct count_attr {
  uint32_t n; // bins, classes
};

static vc_status emit_clear(vc_emitter *e, const vc_tensor *out) {
  uint64_t n = vc_shape_count(out->shape);
  struct ops_grid grid = ops_grid_for(e, n, 16);
  struct vc_reduce_push push = {.n = (uint32_t)n, .lanes = grid.stride};
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "reduce_clear_fwd",
                        .n_bindings = 1,
                        .bindings = {vc_emit_tensor(e, out)},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {grid.groups[0], 1, 1},
                    });
}

static vc_status histogram_infer(vc_tensor *out) {
  const struct count_attr *a = ops_attr(out);
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the operand"));
  out->shape = (struct vc_shape){out->in[0]->shape.n, out->in[0]->shape.c, 1, a->n};
  out->dtype = VC_U32;
  return VC_OK;
}

static vc_status histogram_emit(vc_emitter *e, const vc_tensor *out) {
  struct vc_shape x = out->in[0]->shape;
  uint32_t pixels = x.h * x.w, maps = x.n * x.c;
  VC_TRY(emit_clear(e, out));
  uint32_t lanes = ops_rows(e, pixels, maps);
  struct vc_reduce_push push = {.lanes = lanes, .samples = x.n, .pixels = pixels, .c = x.c, .bins = out->shape.w};
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "reduce_histogram_fwd",
                        .n_bindings = 2,
                        .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out)},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {ops_grid_of(lanes * maps).groups[0], 1, 1},
                    });
}

static const struct vc_op histogram = {.name = "histogram", .infer = histogram_infer, .emit = histogram_emit};

vc_tensor *vc_histogram(vc_graph *g, vc_tensor *x, uint32_t bins) {
  if (bins < 2 || bins > 65536) return vc_poison(g, VC_E_SHAPE, "histogram: %u bins; 2 to 65536 can be had", bins);
  return vc_node(g, &histogram, &x, 1, &(struct count_attr){bins}, sizeof(struct count_attr));
}

static vc_status confusion_infer(vc_tensor *out) {
  const struct count_attr *a = ops_attr(out);
  struct vc_shape s = out->in[0]->shape;
  VC_TRY(ops_want_dtype(out->in[0], VC_U32, "the prediction"));
  VC_TRY(ops_want_dtype(out->in[1], VC_U32, "the labels"));
  VC_TRY(ops_want_shape(out->in[0], (struct vc_shape){s.n, 1, s.h, s.w}, "the prediction"));
  VC_TRY(ops_want_shape(out->in[1], s, "the labels"));
  out->shape = (struct vc_shape){1, a->n * a->n, 1, 1};
  out->dtype = VC_U32;
  return VC_OK;
}

static vc_status confusion_emit(vc_emitter *e, const vc_tensor *out) {
  const struct count_attr *a = ops_attr(out);
  uint64_t n = vc_shape_count(out->in[0]->shape);
  struct ops_grid grid = ops_grid_for(e, n, 16);
  VC_TRY(emit_clear(e, out));
  struct vc_reduce_push push = {.n = (uint32_t)n, .lanes = grid.stride, .c = a->n};
  return vc_emit(e,
                 &(struct vc_dispatch){
                     .kernel = "reduce_confusion_fwd",
                     .n_bindings = 3,
                     .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out)},
                     .push = &push,
                     .push_bytes = sizeof push,
                     .groups = {grid.groups[0], 1, 1},
                 });
}

static const struct vc_op confusion = {.name = "confusion", .infer = confusion_infer, .emit = confusion_emit};

vc_tensor *vc_confusion(vc_graph *g, vc_tensor *predicted, vc_tensor *labels, uint32_t n_classes) {
  if (n_classes < 1 || n_classes > 256)
    return vc_poison(g, VC_E_SHAPE, "confusion: %u classes; 1 to 256 can be had", n_classes);
  return vc_node(g, &confusion, (vc_tensor *[]){predicted, labels}, 2, &(struct count_attr){n_classes},
                 sizeof(struct count_attr));
}
