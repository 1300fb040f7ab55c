// Convolutions on matrix units: activations of 16 bits, sums of 32. Rows that differ in the tile of a workgroup, and
// one that emulates the matrix instructions, which proves the rest of the kernels on devices without any.
#include "conv.h"

// Workgroups that a gradient of weights is split into at least, and the pixels of a slab, as in conv_tiled.c.
enum { MIN_GROUPS = 256, SLAB_PIXELS = 8192, SLAB_MIN_PIXELS = 512 };
// Workgroups of the wide tile that leave no GPU idle.
enum { MANY_GROUPS = 96 };
enum { LOCAL = 128, MAX_SUBGROUPS = 8, UINT_EIGHT_HALVES = 16 };

const struct conv_coop_tile conv_coop_wide = {"conv2d_coop", "conv2d_coop_dw", 128, 128, false};
const struct conv_coop_tile conv_coop_small = {"conv2d_coop_small", "conv2d_coop_dw_small", 64, 64, false};
const struct conv_coop_tile conv_coop_emulated = {"conv2d_coop_emulated", "conv2d_coop_dw_emulated", 64, 64, true};

// How a workgroup divides its tile.
struct division {
  struct vc_coop_shape shape;
  uint32_t local, lanes, subgroups_n;
};

static bool divides(const struct conv_coop_tile *tile, struct vc_coop_shape s, struct division *out) {
  bool whole = s.m && s.n && s.k && s.m % 8 == 0 && s.n % 8 == 0 && s.k % 8 == 0 && COOP_STEP % s.k == 0 &&
               tile->m % s.m == 0 && tile->n % s.n == 0;
  if (!whole) return false;
  uint32_t subgroups = out->local / out->lanes, across = 1;
  while (4 * across * across <= subgroups) across *= 2;
  out->shape = s;
  out->subgroups_n = across;
  return subgroups % across == 0 && tile->m / s.m % (subgroups / across) == 0 && tile->n / s.n % across == 0;
}

// The largest matrices that the device has and the tile holds.
static bool divide(const struct vc_caps *caps, const struct conv_coop_tile *tile, struct division *out) {
  static const struct vc_coop_shape emulated = {16, 16, 16};
  const struct vc_coop_shape *shapes = tile->is_emulated ? &emulated : caps->coop_shapes;
  uint32_t n = tile->is_emulated ? 1 : caps->n_coop_shapes, best = 0, lanes = caps->subgroup_size;
  bool one_size = caps->subgroup_size_control || caps->min_subgroup_size == caps->max_subgroup_size;
  if (!one_size || lanes < 8 || lanes > LOCAL / 2 || caps->max_workgroup_invocations < LOCAL) return false;
  struct division d = {.lanes = lanes, .local = VC_MIN(LOCAL, MAX_SUBGROUPS * lanes)};
  for (uint32_t i = 0; i < n; i++) {
    uint32_t size = shapes[i].m * shapes[i].n * shapes[i].k;
    if (size <= best || !divides(tile, shapes[i], &d)) continue;
    *out = d;
    best = size;
  }
  return best > 0;
}

// Of two stages of both factors, each row with one uvec4 more, and of a matrix of sums for each subgroup. A gradient's
// stages have fewer rows, and longer ones.
static uint32_t shared_bytes(const struct conv_coop_tile *tile, const struct division *d) {
  uint32_t stages = 2 * (tile->m + tile->n) * (COOP_STEP / 8 + 1) * UINT_EIGHT_HALVES;
  return stages + d->local / d->lanes * d->shape.m * d->shape.n * 4;
}

static bool fits(const struct vc_caps *caps, const vc_tensor *out, const struct conv_coop_tile *tile) {
  struct division d;
  return conv_is_half(out) && conv_in_units(out, 8) && divide(caps, tile, &d) &&
         shared_bytes(tile, &d) <= caps->max_shared_bytes;
}

// A large tile moves less; but every unit of the device must have one.
bool conv_coop_pays_wide(const struct vc_caps *caps, const vc_tensor *out) {
  (void)caps;
  const bool is_gradient = !out->op->half_result;
  return is_gradient ? out->shape.n >= 96 : vc_shape_count(out->shape) >= (uint64_t)MANY_GROUPS * 128 * 128;
}

bool conv_coop_fits_wide(const struct vc_caps *caps, const vc_tensor *out) {
  return fits(caps, out, &conv_coop_wide);
}

bool conv_coop_fits_small(const struct vc_caps *caps, const vc_tensor *out) {
  return fits(caps, out, &conv_coop_small);
}

bool conv_coop_fits_emulated(const struct vc_caps *caps, const vc_tensor *out) {
  return fits(caps, out, &conv_coop_emulated);
}

vc_status conv_coop_emit_pack(vc_emitter *e, const struct conv_product *p, uint32_t columns, uint32_t chunks,
                              vc_region packed) {
  struct vc_conv_coop_pack_push push = {.in_c = p->in->shape.c,
                                        .cols = p->cols,
                                        .taps = p->side * p->side,
                                        .weights = p->weights,
                                        .columns = columns,
                                        .chunks = chunks};
  struct vc_dispatch d = {.kernel = "conv2d_coop_pack",
                          .n_bindings = 2,
                          .bindings = {vc_emit_tensor(e, p->w), packed},
                          .push = &push,
                          .push_bytes = sizeof push};
  vc_emit_fold(e, vc_div_up((uint64_t)columns * chunks, CONV_NAIVE_LOCAL), d.groups);
  return vc_emit(e, &d);
}

static void set_constants(const struct vc_caps *caps, const struct division *division, uint32_t side, uint32_t stride,
                          struct vc_dispatch *d) {
  d->n_spec = SC_COOP_SUBGROUPS_N + 1;
  d->spec[SC_COOP_LOCAL] = division->local;
  d->spec[SC_CONV_SIDE] = side;
  d->spec[SC_CONV_STRIDE] = stride;
  d->spec[SC_COOP_LANES] = division->lanes;
  d->spec[SC_COOP_M] = division->shape.m;
  d->spec[SC_COOP_N] = division->shape.n;
  d->spec[SC_COOP_K] = division->shape.k;
  d->spec[SC_COOP_SUBGROUPS_N] = division->subgroups_n;
  d->required_subgroup = caps->subgroup_size_control ? division->lanes : 0;
}

vc_status conv_coop_emit(vc_emitter *e, const struct conv_product *p) {
  const struct conv_coop_tile *tile = vc_emit_data(e);
  const struct vc_caps *caps = vc_emit_caps(e);
  struct division division = {0};
  VC_ASSERT(divide(caps, tile, &division));
  struct vc_conv_push push = conv_push_of(p);
  push.tiles_x = (uint32_t)vc_div_up(p->cols, tile->n);
  push.tiles_y = (uint32_t)vc_div_up((uint64_t)push.samples * p->grid_h * p->grid_w, tile->m);
  push.n_groups = push.tiles_x * push.tiles_y;
  uint32_t columns = push.tiles_x * tile->n, steps = (uint32_t)vc_div_up(p->side * p->side * push.in_c, COOP_STEP);
  vc_region packed = vc_emit_scratch(e, (uint64_t)columns * steps * COOP_STEP * 2), x = vc_emit_tensor(e, p->in);
  VC_TRY(conv_coop_emit_pack(e, p, columns, steps * COOP_STEP / 8, packed));
  struct vc_dispatch d = {.kernel = tile->product,
                          .n_bindings = 5,
                          .bindings = {x, packed, p->bias ? vc_emit_tensor(e, p->bias) : x,
                                       p->add ? vc_emit_tensor(e, p->add) : x, vc_emit_tensor(e, p->out)},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .flops = p->out->op->flops(p->out)};
  set_constants(caps, &division, p->side, p->stride, &d);
  vc_emit_fold(e, push.n_groups, d.groups);
  return vc_emit(e, &d);
}

vc_status conv_coop_emit_gradient(vc_emitter *e, const struct conv_gradient *p) {
  const struct conv_coop_tile *tile = vc_emit_data(e);
  const struct vc_caps *caps = vc_emit_caps(e);
  struct division division = {0};
  VC_ASSERT(divide(caps, tile, &division));
  struct vc_conv_dw_push push = conv_dw_push_of(p);
  push.row_blocks = (uint32_t)vc_div_up(push.rows, tile->m);
  push.col_blocks = (uint32_t)vc_div_up((uint64_t)p->side * p->side * push.cols, tile->n);
  const struct conv_slabs slabs = {MIN_GROUPS, SLAB_MIN_PIXELS, SLAB_PIXELS, COOP_STEP};
  const uint32_t n_slabs = conv_partial_split(e, p->out, slabs, &push);
  vc_region partial = conv_partial_begin(e, p->out, n_slabs);
  struct vc_dispatch d = {.kernel = tile->gradient,
                          .n_bindings = 3,
                          .bindings = {vc_emit_tensor(e, p->rows), vc_emit_tensor(e, p->cols), partial},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .flops = p->out->op->flops(p->out)};
  set_constants(caps, &division, p->side, p->stride, &d);
  vc_emit_fold(e, push.n_groups, d.groups);
  VC_TRY(vc_emit(e, &d));
  return conv_partial_end(e, p->out, partial, n_slabs);
}
