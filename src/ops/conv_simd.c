// Convolutions on SIMD CPUs: weights packed into scratch, then the product; gradients of weights in slabs.
#include "conv.h"

// Workgroups that a weight gradient is split into at least, for load balance. What a slab reads should stay in a core's
// second-level cache, and its pixels be few enough to lose no digits.
enum { MIN_GROUPS = 48, SLAB_BYTES = 1 << 20, SLAB_PIXELS = 4096 };

bool conv_simd_fits(const struct vc_caps *caps, const vc_tensor *out) {
  (void)out;
  uint32_t lanes = caps->subgroup_size;
  return caps->int64 && caps->subgroup_ballot && (lanes & (lanes - 1)) == 0;
}

// The data of the rows that compute two lanes' worth of columns (of a gradient: rows): what is gathered and spread over
// the lanes serves twice as many products, for a kernel that takes twice as long to compile.
const char conv_simd_wide;
// From where that pays with cold caches. Thin kernels, which do few products with what they gather, gain more.
static const double WIDE_FLOPS = 2e8, WIDE_FLOPS_THIN = 3e7;

static bool is_product(const vc_tensor *out) {
  return out->op->half_result;
}

bool conv_simd_fits_wide(const struct vc_caps *caps, const vc_tensor *out) {
  if (!is_product(out))
    return conv_simd_fits(caps, out) && out->shape.h == 3 && out->shape.n % 2 == 0 &&
           out->shape.n > caps->subgroup_size;
  const bool is_up = out->shape.h > out->in[0]->shape.h && out->in[1]->shape.h == 2;
  const uint32_t n = out->shape.c;
  return conv_simd_fits(caps, out) && n % 2 == 0 && (is_up ? 4 * n : n) > caps->subgroup_size;
}

bool conv_simd_pays_wide(const struct vc_caps *caps, const vc_tensor *out) {
  (void)caps;
  const bool is_thin = is_product(out) && out->in[1]->shape.h < 3;
  return out->op->flops(out) >= (is_thin ? WIDE_FLOPS_THIN : WIDE_FLOPS);
}

static bool is_wide(const vc_emitter *e) {
  return vc_emit_data(e) == &conv_simd_wide;
}

uint32_t conv_simd_subgroup(const struct vc_caps *caps) {
  return caps->subgroup_size_control ? caps->subgroup_size : 0;
}

static vc_status emit_pack(vc_emitter *e, const struct conv_product *p, uint32_t packed_cols, uint32_t span,
                           uint32_t paired, vc_region packed) {
  uint32_t lanes = vc_emit_caps(e)->subgroup_size;
  struct vc_conv_pack_push push = {.n_items =
                                       packed_cols * (uint32_t)vc_div_up(p->in->shape.c / (1 + paired), CONV_PACK_RUN),
                                   .in_c = p->in->shape.c,
                                   .cols = p->cols,
                                   .taps = p->side * p->side,
                                   .weights = p->weights};
  struct vc_dispatch d = {.kernel = "conv2d_simd_pack",
                          .n_bindings = 2,
                          .bindings = {vc_emit_tensor(e, p->w), packed},
                          .n_spec = SC_CONV_SPAN + 1,
                          .spec = {[SC_CONV_LANES] = lanes, [SC_CONV_PAIRED] = paired, [SC_CONV_SPAN] = span},
                          .push = &push,
                          .push_bytes = sizeof push};
  vc_emit_fold(e, vc_div_up(push.n_items, CONV_NAIVE_LOCAL), d.groups);
  return vc_emit(e, &d);
}

vc_status conv_simd_emit(vc_emitter *e, const struct conv_product *p) {
  const struct vc_caps *caps = vc_emit_caps(e);
  struct vc_shape in = p->in->shape;
  uint32_t lanes = caps->subgroup_size, paired = in.c % 2 == 0;
  uint32_t span = is_wide(e) ? 2 : 1,
           depth = p->side == 1 && in.c % 8 == 0 ? 4 : 1; // channels of one addition
  uint32_t blocks = (uint32_t)vc_div_up(p->cols, span * lanes), packed_cols = blocks * span * lanes;
  vc_region packed = vc_emit_scratch(e, (uint64_t)packed_cols * in.c * p->side * p->side * 4);
  VC_TRY(emit_pack(e, p, packed_cols, span, paired, packed));
  struct vc_conv_push push = conv_push_of(p);
  push.tiles_x = (uint32_t)vc_div_up(p->grid_w, CONV_SIMD_TILE);
  push.tiles_y = (uint32_t)vc_div_up(p->grid_h, CONV_SIMD_TILE);
  push.n_groups = push.tiles_x * push.tiles_y * in.n * blocks;
  vc_region x = vc_emit_tensor(e, p->in);
  struct vc_dispatch d = {.kernel = "conv2d_simd",
                          .n_bindings = 5,
                          .bindings = {x, packed, p->bias ? vc_emit_tensor(e, p->bias) : x,
                                       p->add ? vc_emit_tensor(e, p->add) : x, vc_emit_tensor(e, p->out)},
                          .n_spec = SC_CONV_ADD + 1,
                          .spec = {[SC_CONV_LANES] = lanes,
                                   [SC_CONV_SIDE] = p->side,
                                   [SC_CONV_STRIDE] = p->stride,
                                   [SC_CONV_PAIRED] = paired,
                                   [SC_CONV_DEPTH] = depth,
                                   [SC_CONV_SPAN] = span,
                                   [SC_CONV_ADD] = p->add != NULL},
                          .required_subgroup = conv_simd_subgroup(caps),
                          .push = &push,
                          .push_bytes = sizeof push,
                          .flops = p->out->op->flops(p->out)};
  vc_emit_fold(e, push.n_groups, d.groups);
  return vc_emit(e, &d);
}

// Columns of one workgroup: as many sums as registers and code size carry well (measured on lavapipe), fewer where
// there are fewer columns.
static uint32_t gradient_columns(uint32_t side, uint32_t cols, uint32_t paired, uint32_t lane_rows) {
  uint32_t most = side == 3 ? 8 : (side == 2 ? 16 : 32) / lane_rows, few = 1 + paired;
  while (few < most && few < cols) few *= 2;
  return few;
}

vc_status conv_simd_emit_gradient(vc_emitter *e, const struct conv_gradient *p) {
  const struct vc_caps *caps = vc_emit_caps(e);
  struct vc_shape rows = p->rows->shape, cols = p->cols->shape;
  uint32_t lanes = caps->subgroup_size, paired = cols.c % 2 == 0;
  uint32_t lane_rows = (p->side < 3 || is_wide(e)) && rows.c % 2 == 0 && rows.c > lanes ? 2 : 1;
  uint32_t group_cols = gradient_columns(p->side, cols.c, paired, lane_rows);
  struct vc_conv_dw_push push = conv_dw_push_of(p);
  push.row_blocks = (uint32_t)vc_div_up(rows.c, lanes * lane_rows);
  push.col_blocks = (uint32_t)vc_div_up(cols.c, group_cols);
  push.steps = rows.n * (uint32_t)vc_div_up(rows.h, CONV_SIMD_BLOCK);
  uint64_t for_load = vc_div_up(MIN_GROUPS, (uint64_t)push.row_blocks * push.col_blocks);
  uint64_t n_pixels = (uint64_t)rows.n * rows.h * rows.w, n_bytes = (vc_shape_count(rows) + vc_shape_count(cols)) * 4;
  uint64_t wanted = VC_MAX(for_load, VC_MAX(vc_div_up(n_pixels, SLAB_PIXELS), vc_div_up(n_bytes, SLAB_BYTES)));
  uint32_t n_slabs = (uint32_t)VC_MIN(wanted, conv_partial_limit(e, p->out));
  push.slab_steps = (uint32_t)vc_div_up(push.steps, n_slabs);
  n_slabs = (uint32_t)vc_div_up(push.steps, push.slab_steps);
  push.n_groups = push.row_blocks * push.col_blocks * n_slabs;
  vc_region partial = conv_partial_begin(e, p->out, n_slabs);
  struct vc_dispatch d = {.kernel = "conv2d_simd_dw",
                          .n_bindings = 3,
                          .bindings = {vc_emit_tensor(e, p->rows), vc_emit_tensor(e, p->cols), partial},
                          .n_spec = SC_CONV_ROWS + 1,
                          .spec = {[SC_CONV_LANES] = lanes,
                                   [SC_CONV_SIDE] = p->side,
                                   [SC_CONV_STRIDE] = p->stride,
                                   [SC_CONV_PAIRED] = paired,
                                   [SC_CONV_COLS] = group_cols,
                                   [SC_CONV_ROWS] = lane_rows},
                          .required_subgroup = conv_simd_subgroup(caps),
                          .push = &push,
                          .push_bytes = sizeof push,
                          .flops = p->out->op->flops(p->out)};
  vc_emit_fold(e, push.n_groups, d.groups);
  VC_TRY(vc_emit(e, &d));
  return conv_partial_end(e, p->out, partial, n_slabs);
}
