// Convolutions on GPUs: tiles in shared memory, no assumption on subgroups; gradients of weights in slabs.
#include "conv.h"

// The tiles of shaders/variants.list. Of the tiled kernels few columns, or few rows, take the thin ones: half of
// another tile would be idle.
enum { FEW = 32 };
static const struct conv_tiles thin = {{"conv2d_tiled_thin", 256, 16, CONV_TILED_LOCAL},
                                       {"conv2d_tiled_dw_thin", 16, 256, CONV_TILED_LOCAL}};
const struct conv_tiles conv_tiles_wide = {{"conv2d_tiled", 64, 64, CONV_TILED_LOCAL},
                                           {"conv2d_tiled_dw", 64, 64, CONV_TILED_LOCAL}};
const struct conv_tiles conv_blocked_128x128 = {{"conv2d_blocked", 128, 128, 256},
                                                {"conv2d_blocked_dw", 128, 128, 256}};
const struct conv_tiles conv_blocked_128x64 = {{"conv2d_blocked_128x64", 128, 64, 128},
                                               {"conv2d_blocked_dw_64x128", 64, 128, 128}};
const struct conv_tiles conv_blocked_64x64 = {{"conv2d_blocked_64x64", 64, 64, 64},
                                              {"conv2d_blocked_dw_64x64", 64, 64, 64}};
const struct conv_tiles conv_blocked_128x32 = {{"conv2d_blocked_128x32", 128, 32, 64},
                                               {"conv2d_blocked_dw_32x128", 32, 128, 64}};
const struct conv_tiles conv_blocked_256x16 = {{"conv2d_blocked_256x16", 256, 16, 128},
                                               {"conv2d_blocked_dw_16x256", 16, 256, 128}};

static const struct conv_tiles *tiles_for(const vc_emitter *e, uint32_t n) {
  const struct conv_tiles *tiles = vc_emit_data(e);
  return tiles == &conv_tiles_wide && n <= FEW ? &thin : tiles;
}

// Invocations that a weight gradient is split into at least, two rounds of a large GPU, and the most pixels that one
// workgroup sums: beyond that digits are lost. A slab of fewer pixels than SLAB_MIN_PIXELS costs more in the second
// pass than it saves.
enum { MIN_INVOCATIONS = 131072, SLAB_PIXELS = 4096, SLAB_MIN_PIXELS = 256 };
// Of a product that is split, as many as a large GPU or a small one runs at once; each sums enough terms to be worth
// the second pass.
enum { MANY_INVOCATIONS = 65536, SOME_INVOCATIONS = 8192, SLAB_MIN_TERMS = 256 };
// Workgroups of a tile that leave no unit of a large GPU idle, and of a small one.
enum { MANY_GROUPS = 96, SOME_GROUPS = 12 };

static bool runs_groups_of(const struct vc_caps *caps, uint32_t local) {
  return caps->max_workgroup_invocations >= local && caps->max_workgroup_size[0] >= local;
}

bool conv_tiled_fits(const struct vc_caps *caps, const vc_tensor *out) {
  (void)out;
  return runs_groups_of(caps, CONV_TILED_LOCAL);
}

// Columns of a product, rows of a gradient.
static uint32_t columns_of(const vc_tensor *out) {
  const struct vc_shape in = out->in[0]->shape, shape = out->shape;
  if (!out->op->half_result) return shape.n;
  return shape.h == 2 * in.h && shape.w == 2 * in.w ? 4 * shape.c : shape.c;
}

static bool blocked_fits(const struct vc_caps *caps, const vc_tensor *out, const struct conv_tiles *tiles,
                         uint32_t min_columns, uint32_t max_columns) {
  const uint32_t columns = columns_of(out);
  return columns >= min_columns && columns <= max_columns && conv_in_units(out, 4) && columns % 4 == 0 &&
         runs_groups_of(caps, tiles->product.local);
}

uint32_t conv_tiled_groups(const struct vc_caps *caps) {
  return caps->type == VC_DEVICE_DISCRETE ? MANY_GROUPS : SOME_GROUPS;
}

uint32_t conv_tiled_invocations(const struct vc_caps *caps) {
  return caps->type == VC_DEVICE_DISCRETE ? MANY_INVOCATIONS : SOME_INVOCATIONS;
}

// A gradient is split until it fills a GPU.
static bool fills(const struct vc_caps *caps, const vc_tensor *out, const struct conv_tile *tile) {
  const uint64_t n_groups = conv_tiled_groups(caps);
  return !out->op->half_result || vc_shape_count(out->shape) >= n_groups * tile->m * tile->n;
}

bool conv_blocked_fits_128x128(const struct vc_caps *caps, const vc_tensor *out) {
  return blocked_fits(caps, out, &conv_blocked_128x128, 65, UINT32_MAX);
}

bool conv_blocked_fits_128x64(const struct vc_caps *caps, const vc_tensor *out) {
  return blocked_fits(caps, out, &conv_blocked_128x64, 33, UINT32_MAX);
}

bool conv_blocked_fits_64x64(const struct vc_caps *caps, const vc_tensor *out) {
  return blocked_fits(caps, out, &conv_blocked_64x64, 33, UINT32_MAX);
}

bool conv_blocked_fits_128x32(const struct vc_caps *caps, const vc_tensor *out) {
  return blocked_fits(caps, out, &conv_blocked_128x32, 17, 32);
}

bool conv_blocked_fits_256x16(const struct vc_caps *caps, const vc_tensor *out) {
  return blocked_fits(caps, out, &conv_blocked_256x16, 1, 16);
}

bool conv_blocked_pays_128x128(const struct vc_caps *caps, const vc_tensor *out) {
  return fills(caps, out, &conv_blocked_128x128.product);
}

bool conv_blocked_pays_128x64(const struct vc_caps *caps, const vc_tensor *out) {
  return fills(caps, out, &conv_blocked_128x64.product);
}

// Parts that the terms of a blocked product are split into: few tiles with many terms would leave a GPU idle.
static uint32_t slabs_of(const vc_emitter *e, const struct conv_product *p, const struct conv_tile *tile,
                         uint32_t n_tiles) {
  const uint32_t n_terms = p->side * p->side * p->in->shape.c;
  const uint32_t n_steps = (uint32_t)vc_div_up(n_terms, CONV_BLOCKED_DEPTH);
  uint32_t wanted = conv_tiled_invocations(vc_emit_caps(e));
  if (vc_emit_data(e) == &conv_tiles_wide) return 1;
  wanted = VC_MIN(wanted / tile->local / n_tiles, n_terms / SLAB_MIN_TERMS);
  wanted = VC_MAX(VC_MIN(wanted, conv_partial_limit(e, p->out)), 1);
  return (uint32_t)vc_div_up(n_steps, vc_div_up(n_steps, wanted)); // none empty
}

static vc_status emit_sum(vc_emitter *e, const struct conv_product *p, const struct vc_conv_push *push,
                          uint32_t n_slabs, vc_region sums) {
  struct vc_dispatch d = {.kernel = "conv2d_blocked_sum",
                          .n_bindings = 4,
                          .bindings = {sums, p->bias ? vc_emit_tensor(e, p->bias) : sums,
                                       p->add ? vc_emit_tensor(e, p->add) : sums, vc_emit_tensor(e, p->out)},
                          .n_spec = SC_CONV_SLABS + 1,
                          .spec = {[SC_CONV_SLABS] = n_slabs},
                          .push = push,
                          .push_bytes = sizeof *push};
  vc_emit_fold(e, vc_div_up(vc_shape_count(p->out->shape) / 4, CONV_NAIVE_LOCAL), d.groups);
  return vc_emit(e, &d);
}

vc_status conv_tiled_emit(vc_emitter *e, const struct conv_product *p) {
  const struct conv_tile *tile = &tiles_for(e, p->cols)->product;
  struct vc_conv_push push = conv_push_of(p);
  push.tiles_x = (uint32_t)vc_div_up(p->cols, tile->n);
  push.tiles_y = (uint32_t)vc_div_up((uint64_t)push.samples * p->grid_h * p->grid_w, tile->m);
  const uint32_t n_slabs = slabs_of(e, p, tile, push.tiles_x * push.tiles_y);
  push.n_groups = push.tiles_x * push.tiles_y * n_slabs;
  vc_region x = vc_emit_tensor(e, p->in);
  vc_region out = n_slabs == 1 ? vc_emit_tensor(e, p->out)
                               : vc_emit_scratch(e, vc_shape_count(p->out->shape) * sizeof(float) * n_slabs);
  struct vc_dispatch d = {.kernel = tile->kernel,
                          .n_bindings = 5,
                          .bindings = {x, vc_emit_tensor(e, p->w), p->bias ? vc_emit_tensor(e, p->bias) : x,
                                       p->add && n_slabs == 1 ? vc_emit_tensor(e, p->add) : x, out},
                          .n_spec = (vc_emit_data(e) == &conv_tiles_wide ? SC_CONV_TURN : SC_CONV_SETS) + 1,
                          .spec = {[SC_CONV_SIDE] = p->side,
                                   [SC_CONV_STRIDE] = p->stride,
                                   [SC_CONV_WEIGHTS] = p->weights,
                                   [SC_CONV_TURN] = CONV_TILED_TURN,
                                   [SC_CONV_SLABS] = n_slabs,
                                   [SC_CONV_SETS] = 1},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .flops = p->out->op->flops(p->out)};
  vc_emit_fold(e, push.n_groups, d.groups);
  VC_TRY(vc_emit(e, &d));
  return n_slabs == 1 ? VC_OK : emit_sum(e, p, &push, n_slabs, out);
}

vc_status conv_tiled_emit_gradient(vc_emitter *e, const struct conv_gradient *p) {
  const struct conv_tile *tile = &tiles_for(e, p->rows->shape.c)->gradient;
  struct vc_conv_dw_push push = conv_dw_push_of(p);
  push.row_blocks = (uint32_t)vc_div_up(push.rows, tile->m);
  push.col_blocks = (uint32_t)vc_div_up((uint64_t)p->side * p->side * push.cols, tile->n);
  const struct conv_slabs slabs = {MIN_INVOCATIONS / tile->local, SLAB_MIN_PIXELS, SLAB_PIXELS, CONV_TILED_DEPTH};
  const uint32_t n_slabs = conv_partial_split(e, p->out, slabs, &push);
  vc_region partial = conv_partial_begin(e, p->out, n_slabs);
  struct vc_dispatch d = {
      .kernel = tile->kernel,
      .n_bindings = 3,
      .bindings = {vc_emit_tensor(e, p->rows), vc_emit_tensor(e, p->cols), partial},
      .n_spec = SC_CONV_TURN + 1,
      .spec = {[SC_CONV_SIDE] = p->side, [SC_CONV_STRIDE] = p->stride, [SC_CONV_TURN] = CONV_TILED_TURN},
      .push = &push,
      .push_bytes = sizeof push,
      .flops = p->out->op->flops(p->out)};
  vc_emit_fold(e, push.n_groups, d.groups);
  VC_TRY(vc_emit(e, &d));
  return conv_partial_end(e, p->out, partial, n_slabs);
}
