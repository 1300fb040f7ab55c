// Convolutions on matrix units by matrices of a whole workgroup, which the device itself moves from and to the tensors:
// activations of 16 bits, sums of 32. Rows that differ in the tile of a workgroup, and one that emulates the
// extension's instructions.
#include "conv.h"

// Workgroups that a gradient of weights is split into at least, and the pixels of a slab, as in conv_coop.c.
enum { MIN_GROUPS = 256, SLAB_PIXELS = 8192, SLAB_MIN_PIXELS = 512 };
// Columns up to which the slim product has fewer empty ones; rows and columns that fill a wide gradient's tile.
enum { FEW_COLUMNS = 64, MANY_COLUMNS = 96 };
enum { MIN_PIXELS = 32 };                // of a sample: tiles would be mostly empty
enum { MAX_DEPTH = 64, MIN_DEPTH = 16 }; // channels of a product's step

const struct conv_coop2_tiles conv_coop2_wide = {{"conv2d_coop2", 256, 8, 16, 128, 128},
                                                 {"conv2d_coop2_slim", 256, 16, 16, 256, 64},
                                                 {"conv2d_coop2_dw", 256, 4, 16, 128, 128},
                                                 false};
const struct conv_coop2_tiles conv_coop2_small = {{"conv2d_coop2_small", 128, 8, 8, 64, 64},
                                                  {"conv2d_coop2_small", 128, 8, 8, 64, 64},
                                                  {"conv2d_coop2_dw_small", 128, 4, 16, 64, 64},
                                                  false};
const struct conv_coop2_tiles conv_coop2_emulated = {{"conv2d_coop2_emulated", 128, 4, 8, 32, 64},
                                                     {"conv2d_coop2_emulated", 128, 4, 8, 32, 64},
                                                     {"conv2d_coop2_dw_emulated", 128, 2, 8, 32, 64},
                                                     true};

static bool is_gradient(const vc_tensor *out) {
  return !out->op->half_result;
}

static const struct conv_coop2_kernel *product_of(const struct conv_coop2_tiles *tiles, uint32_t columns) {
  return columns <= FEW_COLUMNS ? &tiles->slim_product : &tiles->product;
}

// Channels of a step: many, but none of them empty if that can be.
static uint32_t depth_of(const struct conv_coop2_tiles *tiles, uint32_t in_c) {
  uint32_t depth = tiles->is_emulated ? MIN_DEPTH : MAX_DEPTH;
  while (depth > MIN_DEPTH && in_c % depth != 0) depth /= 2;
  return depth;
}

// Both factors stand in shared memory as floats.
static bool emulates(const struct vc_caps *caps, const struct conv_coop2_kernel *kernel, uint32_t depth) {
  return (kernel->m + kernel->n) * depth * 4 <= caps->max_shared_bytes;
}

static bool multiplies(const struct vc_caps *caps, const struct conv_coop2_kernel *kernel, uint32_t depth) {
  if (!caps->coop_matrix2 || VC_MAX(kernel->m, kernel->n) > caps->coop_matrix2_max_side) return false;
  for (uint32_t i = 0; i < caps->n_coop_grains; i++) {
    const struct vc_coop_grain *g = &caps->coop_grains[i];
    if (g->invocations == kernel->local && kernel->m % g->m == 0 && kernel->n % g->n == 0 && depth % g->k == 0)
      return true;
  }
  return false;
}

static bool fits(const struct vc_caps *caps, const vc_tensor *out, const struct conv_coop2_tiles *tiles) {
  const struct conv_coop2_kernel *kernel = is_gradient(out) ? &tiles->gradient : product_of(tiles, out->shape.c);
  const uint32_t depth = is_gradient(out) ? kernel->h * kernel->w : depth_of(tiles, out->in[0]->shape.c);
  if (!conv_is_half(out) || !conv_in_units(out, 8) || kernel->local > caps->max_workgroup_invocations) return false;
  return tiles->is_emulated ? emulates(caps, kernel, depth) : multiplies(caps, kernel, depth);
}

bool conv_coop2_pays(const struct vc_caps *caps, const vc_tensor *out) {
  (void)caps;
  const struct vc_shape grid = is_gradient(out) ? out->in[1]->shape : out->shape;
  return grid.h * grid.w >= MIN_PIXELS;
}

bool conv_coop2_pays_wide(const struct vc_caps *caps, const vc_tensor *out) {
  const bool fills = !is_gradient(out) || (out->shape.n >= MANY_COLUMNS && out->shape.c >= MANY_COLUMNS);
  return fills && conv_coop2_pays(caps, out);
}

bool conv_coop2_fits_wide(const struct vc_caps *caps, const vc_tensor *out) {
  return fits(caps, out, &conv_coop2_wide);
}

bool conv_coop2_fits_small(const struct vc_caps *caps, const vc_tensor *out) {
  return fits(caps, out, &conv_coop2_small);
}

bool conv_coop2_fits_emulated(const struct vc_caps *caps, const vc_tensor *out) {
  return fits(caps, out, &conv_coop2_emulated);
}

vc_status conv_coop2_emit(vc_emitter *e, const struct conv_product *p) {
  const struct conv_coop2_tiles *tiles = vc_emit_data(e);
  const struct conv_coop2_kernel *kernel = product_of(tiles, p->cols);
  struct vc_conv_push push = conv_push_of(p);
  VC_ASSERT(p->stride == 1 && p->up == 1);
  push.tiles_x = (uint32_t)vc_div_up(p->grid_w, kernel->w);
  push.tiles_y = (uint32_t)vc_div_up(p->grid_h, kernel->h);
  push.n_groups = push.samples * push.tiles_y * push.tiles_x * (uint32_t)vc_div_up(p->cols, kernel->n);
  uint32_t chunks = p->side * p->side * push.in_c / 8;
  vc_region packed = vc_emit_scratch(e, (uint64_t)p->cols * chunks * 16), x = vc_emit_tensor(e, p->in);
  VC_TRY(conv_coop_emit_pack(e, p, p->cols, chunks, packed));
  struct vc_dispatch d = {.kernel = kernel->name,
                          .n_bindings = 5,
                          .bindings = {x, packed, p->bias ? vc_emit_tensor(e, p->bias) : x,
                                       p->add ? vc_emit_tensor(e, p->add) : x, vc_emit_tensor(e, p->out)},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .n_spec = SC_COOP2_K + 1,
                          .spec = {[SC_COOP2_SIDE] = p->side, [SC_COOP2_K] = depth_of(tiles, push.in_c)},
                          .flops = p->out->op->flops(p->out)};
  vc_emit_fold(e, push.n_groups, d.groups);
  return vc_emit(e, &d);
}

vc_status conv_coop2_emit_gradient(vc_emitter *e, const struct conv_gradient *p) {
  const struct conv_coop2_kernel *kernel = &((const struct conv_coop2_tiles *)vc_emit_data(e))->gradient;
  const uint32_t step = kernel->h * kernel->w;
  struct vc_conv_dw_push push = conv_dw_push_of(p);
  VC_ASSERT(p->stride == 1);
  push.row_blocks = (uint32_t)vc_div_up(push.rows, kernel->m);
  push.col_blocks = p->side * p->side * (uint32_t)vc_div_up(push.cols, kernel->n);
  push.steps = p->rows->shape.n * (uint32_t)(vc_div_up(push.grid_h, kernel->h) * vc_div_up(push.grid_w, kernel->w));
  const struct conv_slabs slabs = {MIN_GROUPS, SLAB_MIN_PIXELS / step, SLAB_PIXELS / step, 1};
  const uint32_t n_slabs = conv_partial_split(e, p->out, slabs, &push);
  vc_region partial = conv_partial_begin(e, p->out, n_slabs);
  struct vc_dispatch d = {.kernel = kernel->name,
                          .n_bindings = 3,
                          .bindings = {vc_emit_tensor(e, p->rows), vc_emit_tensor(e, p->cols), partial},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .n_spec = SC_COOP2_SIDE + 1,
                          .spec = {[SC_COOP2_SIDE] = p->side},
                          .flops = p->out->op->flops(p->out)};
  vc_emit_fold(e, push.n_groups, d.groups);
  VC_TRY(vc_emit(e, &d));
  return conv_partial_end(e, p->out, partial, n_slabs);
}
