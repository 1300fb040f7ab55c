// Normalisation of feature maps over the batch, a sample's groups of channels, or each map. Equations:
// docs/equations.md [STAT 1..6].
#include "internal.h"

#include "shaders/shared/norm.h"

// Segments are the pixels that share statistics: one for the batch, or one a sample.
struct norm_attr {
  uint32_t segments, pixels; // pixels of a segment
  uint32_t c, group;         // channels; of a group
  uint32_t relu, fixed;      // fixed: the statistics do not depend on x
  uint32_t first;            // of param_dx
};

static const float momentum = 0.1f; // PyTorch's

static struct vc_norm_push push_of(const struct norm_attr *a) {
  return (struct vc_norm_push){.pixels = a->pixels,
                               .segments = a->segments,
                               .c = a->c,
                               .group = a->group,
                               .first = a->first,
                               .epsilon = VC_NORM_EPSILON,
                               .momentum = momentum,
                               .unbias = (float)((double)a->pixels / (double)VC_MAX(a->pixels - 1, 1u))};
}

static uint32_t width_of(const struct norm_attr *a) {
  return a->c % 4 == 0 ? 4 : 1;
}

static vc_status f32_of(vc_tensor *out, struct vc_shape shape) {
  out->shape = shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status want_channels(const vc_tensor *t, uint32_t c, const char *name) {
  VC_TRY(ops_want_dtype(t, VC_F32, name));
  return ops_want_shape(t, (struct vc_shape){1, c, 1, 1}, name);
}

// A kernel with one invocation for each of n values, on all inputs and the result.
static vc_status emit_values(vc_emitter *e, const vc_tensor *out, const char *kernel, uint32_t n) {
  struct vc_norm_push push = push_of(ops_attr(out));
  struct vc_dispatch d = {
      .kernel = kernel, .push = &push, .push_bytes = sizeof push, .groups = {ops_grid_of(n).groups[0], 1, 1}};
  for (uint32_t i = 0; i < out->n_in; i++) d.bindings[d.n_bindings++] = vc_emit_tensor(e, out->in[i]);
  d.bindings[d.n_bindings++] = vc_emit_tensor(e, out);
  return vc_emit(e, &d);
}

// How many of a segment's pixels a dispatch takes: all, unless there is one segment and a binding holds less of map x.
static uint32_t pixels_at_once(const vc_emitter *e, const vc_tensor *x, const struct norm_attr *a) {
  const uint64_t bytes = (uint64_t)a->c * vc_dtype_bytes(x->dtype);
  return a->segments == 1 ? (uint32_t)vc_emit_range(e, a->pixels, bytes, bytes) : a->pixels;
}

// Those pixels of t, where it is a map like x and not what all pixels share.
static vc_region part_of(vc_emitter *e, const vc_tensor *t, const vc_tensor *x, uint32_t first, uint32_t n_pixels) {
  const uint64_t bytes = (uint64_t)x->shape.c * vc_dtype_bytes(t->dtype);
  vc_region r = vc_emit_tensor(e, t);
  if (n_pixels == vc_shape_count(x->shape) / x->shape.c || !vc_shape_equal(t->shape, x->shape)) return r;
  return vc_region_slice(r, first * bytes, n_pixels * bytes);
}

// A kernel over the elements of x {N,C,H,W}, on all inputs and the result; option: the second constant.
static vc_status emit_elements(vc_emitter *e, const vc_tensor *out, const char *kernel, uint32_t option) {
  const struct norm_attr *a = ops_attr(out);
  uint32_t width = width_of(a);
  const uint32_t most = pixels_at_once(e, out, a);
  for (uint32_t first = 0; first < a->pixels; first += most) {
    struct vc_norm_push push = push_of(a);
    push.pixels = VC_MIN(most, a->pixels - first);
    struct ops_grid grid = ops_grid_for(e, (uint64_t)push.pixels * a->segments * a->c / width, 8);
    push.stride = grid.stride;
    struct vc_dispatch d = {.kernel = kernel,
                            .n_spec = 2,
                            .spec = {[SC_NORM_WIDTH] = width, [SC_NORM_RELU] = option},
                            .push = &push,
                            .push_bytes = sizeof push,
                            .groups = {grid.groups[0], 1, 1}};
    const uint32_t n_pixels = a->segments * push.pixels;
    for (uint32_t i = 0; i < out->n_in; i++) d.bindings[d.n_bindings++] = part_of(e, out->in[i], out, first, n_pixels);
    d.bindings[d.n_bindings++] = part_of(e, out, out, first, n_pixels);
    VC_TRY(vc_emit(e, &d));
  }
  return VC_OK;
}

// Two sums for each segment and channel into `sums`, from all inputs but those from n_in on, the first of which is x;
// with shift the kernel also takes where x begins.
static vc_status emit_sums(vc_emitter *e, const vc_tensor *node, const char *kernel, uint32_t n_in, bool shift,
                           vc_region sums) {
  const struct norm_attr *a = ops_attr(node);
  const vc_tensor *x = node->in[0];
  uint32_t width = width_of(a), n_columns = 2 * a->segments * a->c, n_lanes = a->segments * a->c / width;
  const uint32_t most = pixels_at_once(e, x, a), n_parts = (uint32_t)vc_div_up(a->pixels, most);
  uint32_t n_rows = ops_rows(e, most, n_lanes); // of a part
  if (n_parts > 1) n_rows = (uint32_t)vc_round_up(n_rows, VC_VIEW_ALIGN / sizeof(float));
  const uint64_t row_bytes = n_columns * sizeof(float);
  vc_region partial = vc_emit_scratch(e, n_parts * n_rows * row_bytes);
  for (uint32_t i = 0; i < n_parts; i++) {
    struct vc_norm_push push = push_of(a);
    push.pixels = VC_MIN(most, a->pixels - i * most);
    push.rows = n_rows;
    struct vc_dispatch d = {.kernel = kernel,
                            .n_spec = 1,
                            .spec = {[SC_NORM_WIDTH] = width},
                            .push = &push,
                            .push_bytes = sizeof push,
                            .groups = {ops_grid_of(n_rows * n_lanes).groups[0], 1, 1}};
    const uint32_t n_pixels = a->segments * push.pixels;
    for (uint32_t k = 0; k < n_in; k++) d.bindings[d.n_bindings++] = part_of(e, node->in[k], x, i * most, n_pixels);
    if (shift) d.bindings[d.n_bindings++] = part_of(e, x, x, 0, a->segments * most);
    d.bindings[d.n_bindings++] = vc_region_slice(partial, i * n_rows * row_bytes, n_rows * row_bytes);
    VC_TRY(vc_emit(e, &d));
  }
  return ops_emit_column_sums(e, partial, n_parts * n_rows, n_columns, 1, 0, sums);
}

// ---- statistics {1,3SC,1,1}: mean, 1/sqrt(variance + epsilon), variance -------------------------------------------

static vc_status stats_infer(vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the operand"));
  return f32_of(out, (struct vc_shape){1, 3 * a->segments * a->c, 1, 1});
}

static vc_status stats_emit(vc_emitter *e, const vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  const vc_tensor *x = out->in[0];
  uint32_t n = a->segments * a->c;
  vc_region sums = vc_emit_scratch(e, 2 * (uint64_t)n * sizeof(float));
  vc_region begin = part_of(e, x, x, 0, a->segments * pixels_at_once(e, x, a)); // with the first pixel of each segment
  struct vc_norm_push push = push_of(a);
  VC_TRY(emit_sums(e, out, "norm_sums_fwd", 1, true, sums));
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "norm_stats_fwd",
                        .n_bindings = 3,
                        .bindings = {sums, begin, vc_emit_tensor(e, out)},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {ops_grid_of(n).groups[0], 1, 1},
                    });
}

static const struct vc_op norm_stats = {
    .name = "norm_stats", .infer = stats_infer, .emit = stats_emit, .half_inputs = 1};

static vc_status running_infer(vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  VC_TRY(want_channels(out->in[0], a->c, "the running mean"));
  VC_TRY(want_channels(out->in[1], a->c, "the running variance"));
  return f32_of(out, (struct vc_shape){1, 3 * a->c, 1, 1});
}

static vc_status running_emit(vc_emitter *e, const vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  return emit_values(e, out, "norm_running_fwd", a->c);
}

static const struct vc_op norm_running = {.name = "norm_running", .infer = running_infer, .emit = running_emit};

// ---- running statistics, in place: in[] = mean, variance, count, statistics ----------------------------------------

static vc_status track_infer(vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  VC_TRY(want_channels(out->in[0], a->c, "the running mean"));
  VC_TRY(want_channels(out->in[1], a->c, "the running variance"));
  VC_TRY(want_channels(out->in[2], 1, "the count of batches"));
  return f32_of(out, out->in[0]->shape);
}

static vc_status track_emit(vc_emitter *e, const vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  struct vc_norm_push push = push_of(a);
  return vc_emit(
      e, &(struct vc_dispatch){
             .kernel = "norm_track_fwd",
             .n_bindings = 4,
             .bindings = {vc_emit_tensor(e, out), // in the running mean's memory
                          vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out->in[2]), vc_emit_tensor(e, out->in[3])},
             .push = &push,
             .push_bytes = sizeof push,
             .groups = {ops_grid_of(a->c).groups[0], 1, 1},
         });
}

static const struct vc_op norm_track = {.name = "norm_track", .infer = track_infer, .emit = track_emit};

// ---- gradients ----------------------------------------------------------------------------------------------------

// {1,2SC,1,1} sums of g and g h: in[] = x, g, statistics.
static vc_status grad_sums_infer(vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  return f32_of(out, (struct vc_shape){1, 2 * a->segments * a->c, 1, 1});
}

static vc_status grad_sums_emit(vc_emitter *e, const vc_tensor *out) {
  return emit_sums(e, out, "norm_sums_dx", 3, false, vc_emit_tensor(e, out));
}

static const struct vc_op norm_grad_sums = {
    .name = "norm_sums_dx", .infer = grad_sums_infer, .emit = grad_sums_emit, .half_inputs = 3};

// {1,2SC,1,1} group means of w g and w g h: in[] = sums, w.
static vc_status terms_emit(vc_emitter *e, const vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  return emit_values(e, out, "norm_terms_dx", a->segments * a->c);
}

static const struct vc_op norm_terms = {.name = "norm_terms_dx", .infer = grad_sums_infer, .emit = terms_emit};

// {1,C,1,1} the gradient to w or b: in[] = sums.
static vc_status param_infer(vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  return f32_of(out, (struct vc_shape){1, a->c, 1, 1});
}

static vc_status param_emit(vc_emitter *e, const vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  return emit_values(e, out, "norm_param_dx", a->c);
}

static const struct vc_op norm_param = {.name = "norm_param_dx", .infer = param_infer, .emit = param_emit};

// The gradient to x: in[] = x, g, statistics, w, terms.
static vc_status grad_infer(vc_tensor *out) {
  return f32_of(out, out->in[0]->shape);
}

static vc_status grad_emit(vc_emitter *e, const vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  return emit_elements(e, out, "norm_dx", a->fixed);
}

static const struct vc_op norm_grad = {
    .name = "norm_dx", .infer = grad_infer, .emit = grad_emit, .half_inputs = 3, .half_result = true, .in_place = 3};

// ---- the normalised map: in[] = x, statistics, w, b ---------------------------------------------------------------

static vc_status apply_infer(vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  VC_TRY(want_channels(out->in[2], a->c, "the weight"));
  VC_TRY(want_channels(out->in[3], a->c, "the bias"));
  return f32_of(out, out->in[0]->shape);
}

static vc_status apply_emit(vc_emitter *e, const vc_tensor *out) {
  const struct norm_attr *a = ops_attr(out);
  return emit_elements(e, out, "norm_apply_fwd", a->relu);
}

// To x through its statistics too (unless they are fixed): nothing is passed to in[1].
static void apply_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  struct norm_attr a = *(const struct norm_attr *)ops_attr(out);
  vc_tensor *x = out->in[0], *stats = out->in[1], *w = out->in[2];
  vc_tensor *gz = grad_out;
  if (a.relu) vc_bias_grad(g, grad_out, out, &gz, NULL);
  vc_tensor *sums = vc_node(g, &norm_grad_sums, (vc_tensor *[]){x, gz, stats}, 3, &a, sizeof a);
  if (want[0]) {
    vc_tensor *terms = a.fixed ? sums : vc_node(g, &norm_terms, (vc_tensor *[]){sums, w}, 2, &a, sizeof a);
    grad_in[0] = vc_node(g, &norm_grad, (vc_tensor *[]){x, gz, stats, w, terms}, 5, &a, sizeof a);
  }
  if (want[3]) grad_in[3] = vc_node(g, &norm_param, &sums, 1, &a, sizeof a);
  a.first = a.segments * a.c;
  if (want[2]) grad_in[2] = vc_node(g, &norm_param, &sums, 1, &a, sizeof a);
}

static const struct vc_op norm_apply = {.name = "norm",
                                        .infer = apply_infer,
                                        .emit = apply_emit,
                                        .vjp = apply_vjp,
                                        .half_inputs = 1,
                                        .half_result = true,
                                        .in_place = 1};

// ---- constructors -------------------------------------------------------------------------------------------------

vc_tensor *vc_normalise(vc_graph *g, vc_tensor *x, vc_tensor *w, vc_tensor *b, struct vc_norm_desc desc,
                        const struct vc_norm_running *track) {
  struct vc_shape s = x->shape;
  bool is_batch = desc.kind == VC_NORM_BATCH;
  uint32_t n_groups = desc.kind == VC_NORM_GROUP ? VC_NORM_GROUPS : s.c;
  VC_ASSERT(desc.kind != VC_NORM_NONE);
  if (s.c % n_groups != 0)
    return vc_poison(g, VC_E_SHAPE, "norm: %u channels do not make %u equal groups", s.c, n_groups);
  struct norm_attr a = {.segments = is_batch ? 1 : s.n,
                        .pixels = s.h * s.w * (is_batch ? s.n : 1),
                        .c = s.c,
                        .group = s.c / n_groups,
                        .relu = desc.relu};
  vc_tensor *stats = vc_node(g, &norm_stats, &x, 1, &a, sizeof a);
  if (is_batch && track) {
    vc_tensor *in[] = {track->mean, track->variance, track->count, stats};
    vc_place(g, vc_node(g, &norm_track, in, 4, &a, sizeof a), track->mean, 0);
  }
  return vc_node(g, &norm_apply, (vc_tensor *[]){x, stats, w, b}, 4, &a, sizeof a);
}

vc_tensor *vc_normalise_by(vc_graph *g, vc_tensor *x, vc_tensor *w, vc_tensor *b, vc_tensor *mean, vc_tensor *variance,
                           bool relu) {
  struct vc_shape s = x->shape;
  struct norm_attr a = {.segments = 1, .pixels = s.n * s.h * s.w, .c = s.c, .group = 1, .relu = relu, .fixed = true};
  vc_tensor *stats = vc_node(g, &norm_running, (vc_tensor *[]){mean, variance}, 2, &a, sizeof a);
  return vc_node(g, &norm_apply, (vc_tensor *[]){x, vc_stop_gradient(g, stats), w, b}, 4, &a, sizeof a);
}
