// What the gradient of a layer begins with: the ReLU's gate, the sum of a skip connection's two gradients, and the
// bias's gradient, in one pass over memory. Equations: docs/equations.md [RELU 2], [POOL 2].
//
// The first pass writes the gradient, and rows of partial sums into a block beside it, which a second one adds.
#include "internal.h"

#include "vulcyte/variant.h"

#include "shaders/shared/bias_grad.h"

// Partial sums: enough to fill the device, each of enough pixels to be worth a row.
enum { CPU_SUMS = 8192, GPU_SUMS = 131072, MIN_ROW_PIXELS = 8 };

struct bias_grad_attr {
  struct vc_shape shape; // of the gradient
  uint32_t first;        // channel of in[0] that it begins with
};

// The rows over n_pixels, as bias_grad.h has them.
struct rows {
  uint32_t group, chunk, parts;
};

static struct rows rows_of(uint32_t n_pixels, uint32_t c, uint32_t n_sums) {
  struct rows r = {.group = BIAS_GRAD_STEP % c == 0 ? BIAS_GRAD_STEP / c : 1};
  uint32_t most = n_pixels / (MIN_ROW_PIXELS * r.group), wanted = n_sums / (r.group * c);
  r.parts = VC_MAX(VC_MIN(most, wanted), 1);
  r.chunk = (uint32_t)vc_round_up(vc_div_up(n_pixels, r.parts), r.group);
  r.parts = (uint32_t)vc_div_up(n_pixels, r.chunk);
  return r;
}

static uint32_t sums_wanted(const struct vc_caps *caps) {
  return caps->type == VC_DEVICE_CPU ? CPU_SUMS : GPU_SUMS;
}

// ---- first pass: in gy, y (may be NULL), gp (of a skip connection, else NULL), the partial sums ---------------------

static bool is_skip(const vc_tensor *out) {
  return out->in[2] != NULL;
}

// What the rows are made of: pixels, or the windows of a skip connection.
static uint32_t summed_pixels(const vc_tensor *out) {
  const struct bias_grad_attr *a = ops_attr(out);
  struct vc_shape s = is_skip(out) ? out->in[2]->shape : a->shape;
  return s.n * s.h * s.w;
}

static vc_status infer(vc_tensor *out) {
  const struct bias_grad_attr *a = ops_attr(out);
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the gradient"));
  if (out->in[1]) VC_TRY(ops_want_shape(out->in[1], a->shape, "the layer's result"));
  out->shape = a->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

// d: the kernel, with what its form needs; width: channels that an invocation takes, 0: a workgroup takes a block.
static vc_status emit(vc_emitter *e, const vc_tensor *out, struct vc_dispatch d, uint32_t width) {
  const struct bias_grad_attr *a = ops_attr(out);
  struct rows r = rows_of(summed_pixels(out), a->shape.c, sums_wanted(vc_emit_caps(e)));
  uint32_t n_sums = r.parts * r.group * a->shape.c;
  struct vc_bias_grad_push push = {.c = a->shape.c,
                                   .pitch = out->in[0]->shape.c,
                                   .first = a->first,
                                   .pixels = summed_pixels(out),
                                   .chunk = r.chunk,
                                   .group = r.group,
                                   .parts = r.parts,
                                   .blocks = (uint32_t)vc_div_up(a->shape.c, BIAS_GRAD_STEP),
                                   .w = is_skip(out) ? out->in[2]->shape.w : 0};
  vc_region gy = vc_emit_tensor(e, out->in[0]), sums = vc_emit_tensor(e, out->in[3]);
  d.bindings[d.n_bindings++] = gy;
  d.bindings[d.n_bindings++] = out->in[1] ? vc_emit_tensor(e, out->in[1]) : gy;
  if (is_skip(out)) d.bindings[d.n_bindings++] = vc_emit_tensor(e, out->in[2]);
  d.bindings[d.n_bindings++] = vc_emit_tensor(e, out);
  d.bindings[d.n_bindings++] = vc_region_slice(sums, 0, (uint64_t)n_sums * sizeof(float));
  d.n_spec = is_skip(out) ? 1 : SC_BIAS_GRAD_MASK + 1;
  d.spec[SC_BIAS_GRAD_MASK] = out->in[1] != NULL;
  d.push = &push;
  d.push_bytes = sizeof push;
  vc_emit_fold(e, width ? vc_div_up(n_sums / width, OPS_LOCAL) : (uint64_t)r.parts * push.blocks, d.groups);
  return vc_emit(e, &d);
}

static vc_status emit_naive(vc_emitter *e, const vc_tensor *out) {
  const struct bias_grad_attr *a = ops_attr(out);
  uint32_t width = (a->shape.c | out->in[0]->shape.c | a->first) % 4 == 0 ? 4 : 1;
  struct vc_dispatch d = {.kernel = is_skip(out) ? "skip_grad_fwd" : "bias_grad_fwd",
                          .spec = {[SC_BIAS_GRAD_WIDTH] = width}};
  return emit(e, out, d, width);
}

static vc_status emit_simd(vc_emitter *e, const vc_tensor *out) {
  const struct vc_caps *caps = vc_emit_caps(e);
  struct vc_dispatch d = {.kernel = is_skip(out) ? "skip_grad_simd" : "bias_grad_simd",
                          .spec = {[SC_BIAS_GRAD_LANES] = caps->subgroup_size},
                          .required_subgroup = caps->subgroup_size_control ? caps->subgroup_size : 0};
  return emit(e, out, d, 0);
}

// Channels come in pairs; a step fills a block of channels, or whole groups of pixels, of windows in one row.
static bool simd_fits(const struct vc_caps *caps, const vc_tensor *out) {
  const struct bias_grad_attr *a = ops_attr(out);
  uint32_t lanes = caps->subgroup_size, c = a->shape.c;
  uint32_t across = is_skip(out) ? out->in[2]->shape.w : summed_pixels(out);
  bool fills = c % BIAS_GRAD_STEP == 0 || (BIAS_GRAD_STEP % c == 0 && across % (BIAS_GRAD_STEP / c) == 0);
  return caps->int64 && (lanes & (lanes - 1)) == 0 && (c | out->in[0]->shape.c | a->first) % 2 == 0 && fills;
}

static vc_status emit_job(vc_emitter *e, const vc_tensor *out) {
  static const struct vc_variant table[] = {
      {.name = "naive", .takes_half = true, .rank_cpu = 1, .rank_gpu = 1, .emit = emit_naive},
      {.name = "simd",
       .min_subgroup = 4,
       .max_subgroup = 16,
       .needs_address = true,
       .takes_half = true,
       .fits = simd_fits,
       .rank_cpu = 2,
       .rank_gpu = 0.5f,
       .emit = emit_simd}};
  return vc_emit_variant(e, is_skip(out) ? "skip_grad" : "bias_grad", table, VC_COUNT_OF(table), out);
}

static const struct vc_op bias_grad = {
    .name = "bias_grad", .infer = infer, .emit = emit_job, .half_inputs = 7, .half_result = true, .in_place = 3};
static const struct vc_op skip_grad = {
    .name = "skip_grad", .infer = infer, .emit = emit_job, .half_inputs = 7, .half_result = true, .in_place = 3};

// ---- second pass: in the partial sums -------------------------------------------------------------------------------

struct sum_rows_attr {
  uint32_t n_pixels, c;
};

static vc_status rows_infer(vc_tensor *out) {
  const struct sum_rows_attr *a = ops_attr(out);
  out->shape = (struct vc_shape){1, a->c, 1, 1};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status emit_rows(vc_emitter *e, const vc_tensor *out) {
  const uint32_t *flags = vc_emit_data(e);
  const struct sum_rows_attr *a = ops_attr(out);
  struct rows r = rows_of(a->n_pixels, a->c, sums_wanted(vc_emit_caps(e)));
  uint32_t n_rows = r.parts * r.group;
  vc_region partial = vc_region_slice(vc_emit_tensor(e, out->in[0]), 0, (uint64_t)n_rows * a->c * sizeof(float));
  return ops_emit_column_sums(e, partial, n_rows, a->c, 1, flags ? *flags : 0, vc_emit_tensor(e, out));
}

static vc_status rows_emit(vc_emitter *e, const vc_tensor *out) {
  static const struct vc_variant table[] = OPS_SUM_VARIANTS(emit_rows);
  return vc_emit_variant(e, "sum_rows", table, VC_COUNT_OF(table), out);
}

static const struct vc_op sum_rows = {.name = "sum_rows", .infer = rows_infer, .emit = rows_emit};

// ---- both -----------------------------------------------------------------------------------------------------------

// Whether gy is the sum of a gradient and that of a pooling of y; then both.
static bool is_of_skip(vc_tensor *gy, const vc_tensor *y, vc_tensor **out_skip, vc_tensor **out_gp) {
  *out_skip = gy;
  *out_gp = y && vc_is_add(gy) ? ops_max_pool_grad_of(gy->in[1], y) : NULL;
  if (*out_gp) *out_skip = gy->in[0];
  return *out_gp;
}

void vc_bias_grad(vc_graph *g, vc_tensor *gy, vc_tensor *y, vc_tensor **out_gz, vc_tensor **out_gb) {
  struct bias_grad_attr attr = {.shape = gy->shape};
  vc_tensor *from, *gp;
  const bool skip = is_of_skip(gy, y, &from, &gp);
  const bool sliced = ops_is_channel_slice(from, &attr.first);
  if (!y && !sliced) {
    *out_gz = gy;
    if (out_gb) *out_gb = vc_sum_pixels(g, gy);
    return;
  }
  const struct vc_shape s = skip ? gp->shape : gy->shape;
  const struct sum_rows_attr rows = {s.n * s.h * s.w, s.c};
  const struct rows most = rows_of(rows.n_pixels, s.c, GPU_SUMS); // no device has more
  vc_tensor *sums = vc_block(g, (struct vc_shape){1, most.parts * most.group * s.c, 1, 1}, VC_F32);
  vc_tensor *in[] = {sliced ? from->in[0] : from, y, gp, sums};
  *out_gz = vc_node(g, skip ? &skip_grad : &bias_grad, in, VC_COUNT_OF(in), &attr, sizeof attr);
  if (out_gb) *out_gb = vc_node(g, &sum_rows, &sums, 1, &rows, sizeof rows);
}
