// 3 x 3 convolutions by Winograd's F(4x4, 3x3) on GPUs [CONV 4]: lift, 36 products by the blocked kernels, drop, in
// strips. A product of all points is one 1 x 1 convolution whose pixels are the tiles, point after point, each point
// with weights of its own; that of a gradient sums each point's tiles as a slab of its own.
#include "conv.h"

#include "shaders/shared/winograd.h"

// Bytes that are worked on at a time: of lifted tiles, and of lifted weights or a gradient's sums. So many on a large
// GPU, and on a small one, that a dispatch takes longer than its start; more would only leave the second-level cache.
struct budget {
  uint64_t tile_bytes, weight_bytes;
};
static const struct budget large = {48 << 20, 36 << 20}, small = {16 << 20, 12 << 20};
// Blocks that channels are cut into, and so many that the least strip of tiles stays within a binding. Tiles that a
// slab of a gradient sums at least.
enum { BLOCK = 64, MAX_CHANNELS = 4096, SLAB_MIN_TILES = 256 };
enum { FLOAT_BYTES = 4 * WINOGRAD_POINTS }; // of a lifted value at all points

bool conv_winograd_gpu_fits(const struct vc_caps *caps, const vc_tensor *out) {
  const struct vc_shape w = conv_winograd_weights(out);
  return w.h == 3 && VC_MAX(w.n, w.c) <= MAX_CHANNELS && conv_in_units(out, 4) &&
         caps->max_shared_bytes >= CONV_BLOCKED_SHARED_BYTES(BLOCK, BLOCK);
}

// The largest of the blocked tiles of which none would be half empty, nor a unit of the GPU idle.
static const struct conv_tile *tile_for(const vc_emitter *e, bool is_gradient, uint32_t rows, uint32_t columns) {
  static const struct conv_tiles *const all[] = {&conv_blocked_128x128, &conv_blocked_128x64, &conv_blocked_64x64};
  const struct vc_caps *caps = vc_emit_caps(e);
  const struct conv_tile *tile = NULL;
  for (size_t i = 0; i < VC_COUNT_OF(all); i++) {
    tile = is_gradient ? &all[i]->gradient : &all[i]->product;
    const uint64_t n_groups = WINOGRAD_POINTS * vc_div_up(rows, tile->m) * vc_div_up(columns, tile->n);
    if (2 * rows > tile->m && 2 * columns > tile->n && n_groups >= conv_tiled_groups(caps) &&
        tile->local <= VC_MIN(caps->max_workgroup_invocations, caps->max_workgroup_size[0]) &&
        CONV_BLOCKED_SHARED_BYTES(tile->m, tile->n) <= caps->max_shared_bytes)
      break;
  }
  return tile;
}

// The size of equal steps through n, multiples of `unit`, where one of n takes each_bytes and a step at most n_bytes,
// if it can.
static uint32_t step_of(uint32_t n, uint32_t unit, uint64_t each_bytes, uint64_t n_bytes) {
  const uint64_t most = VC_MAX(n_bytes / each_bytes / unit, 1) * unit;
  return (uint32_t)vc_round_up(vc_div_up(n, vc_div_up(n, most)), unit);
}

static struct budget budget_of(const vc_emitter *e) {
  return vc_emit_caps(e)->type == VC_DEVICE_DISCRETE ? large : small;
}

// ---- lift and drop --------------------------------------------------------------------------------------------

// A tensor cut into tiles.
struct image {
  vc_region at;
  uint32_t kind;                // WINOGRAD_*
  struct vc_winograd_push push; // what describes the tensor
};

static struct image tiles_of(vc_emitter *e, const vc_tensor *t, uint32_t kind, uint32_t grid_h, uint32_t grid_w,
                             uint32_t origin) {
  const struct vc_shape s = t->shape;
  const uint32_t tiles_x = (uint32_t)vc_div_up(grid_w, WINOGRAD_TILE),
                 tiles_y = (uint32_t)vc_div_up(grid_h, WINOGRAD_TILE);
  return (struct image){vc_emit_tensor(e, t),
                        kind,
                        {.tiles_x = tiles_x,
                         .tiles_y = tiles_y,
                         .tiles = s.n * tiles_y * tiles_x,
                         .image_h = s.h,
                         .image_w = s.w,
                         .image_c = s.c,
                         .origin = origin}};
}

// Rows of lifted values for the tiles [first, first + rows) and channels [channel, channel + columns) of an image;
// for a drop, sums over slabs of them.
struct part {
  uint32_t first, rows, channel, columns, slabs;
};

static vc_status emit_transform(vc_emitter *e, const char *kernel, const struct image *image, struct part part,
                                uint32_t flags, const vc_region *bindings, uint32_t n_bindings) {
  struct vc_winograd_push push = image->push;
  push.first = part.first;
  push.channel = part.channel;
  push.columns = part.columns;
  push.rows = part.rows;
  push.pitch = part.columns * 4;
  push.slabs = part.slabs;
  push.slab = part.rows * push.pitch;
  push.plane = push.slab * part.slabs;
  push.flags = flags;
  struct vc_dispatch d = {.kernel = kernel,
                          .full = image->kind == WINOGRAD_WEIGHTS,
                          .n_bindings = n_bindings,
                          .n_spec = SC_WINOGRAD_KIND + 1,
                          .spec = {[SC_WINOGRAD_KIND] = image->kind},
                          .push = &push,
                          .push_bytes = sizeof push};
  for (uint32_t i = 0; i < n_bindings; i++) d.bindings[i] = bindings[i];
  vc_emit_fold(e, vc_div_up((uint64_t)part.rows * part.columns / 2, WINOGRAD_LOCAL), d.groups);
  return vc_emit(e, &d);
}

static vc_status emit_lift(vc_emitter *e, const struct image *image, struct part part, uint32_t flags, vc_region out) {
  part.slabs = 1;
  return emit_transform(e, "conv2d_winograd_lift_gpu", image, part, flags, (vc_region[]){image->at, out}, 2);
}

static vc_status emit_drop(vc_emitter *e, vc_region m, const struct image *image, struct part part, vc_region bias,
                           vc_region add, uint32_t flags) {
  return emit_transform(e, "conv2d_winograd_drop_gpu", image, part, flags, (vc_region[]){m, bias, add, image->at}, 4);
}

// ---- products -------------------------------------------------------------------------------------------------

struct product {
  const struct conv_tile *tile;
  vc_region a, b, out;
  uint32_t rows, columns, depth;
  uint32_t weights; // CONV_WEIGHTS_*
};

static vc_status emit_mul(vc_emitter *e, const struct product *m) {
  const uint32_t pixels = WINOGRAD_POINTS * m->rows;
  struct vc_conv_push push = {.samples = 1,
                              .in_h = 1,
                              .in_w = pixels,
                              .in_c = m->depth,
                              .grid_h = 1,
                              .grid_w = pixels,
                              .cols = m->columns,
                              .up = 1,
                              .tiles_x = (uint32_t)vc_div_up(m->columns, m->tile->n),
                              .tiles_y = pixels / m->tile->m};
  push.n_groups = push.tiles_x * push.tiles_y;
  struct vc_dispatch d = {.kernel = m->tile->kernel,
                          .full = true,
                          .n_bindings = 5,
                          .bindings = {m->a, m->b, m->a, m->a, m->out},
                          .n_spec = SC_CONV_SETS + 1,
                          .spec = {[SC_CONV_SIDE] = 1,
                                   [SC_CONV_STRIDE] = 1,
                                   [SC_CONV_WEIGHTS] = m->weights,
                                   [SC_CONV_TURN] = CONV_TILED_TURN,
                                   [SC_CONV_SLABS] = 1,
                                   [SC_CONV_SETS] = WINOGRAD_POINTS},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .flops = 2.0 * pixels * m->columns * m->depth};
  vc_emit_fold(e, push.n_groups, d.groups);
  return vc_emit(e, &d);
}

vc_status conv_winograd_gpu_emit(vc_emitter *e, const struct conv_product *p) {
  const bool by_column = p->weights == CONV_WEIGHTS_COLUMN;
  const uint32_t depth = p->in->shape.c;
  const struct image in = tiles_of(e, p->in, WINOGRAD_IMAGE, p->grid_h, p->grid_w, p->origin),
                     out = tiles_of(e, p->out, WINOGRAD_IMAGE, p->grid_h, p->grid_w, 0),
                     w = tiles_of(e, p->w, WINOGRAD_WEIGHTS, 1, 1, 0);
  const uint32_t columns =
      VC_MIN(step_of(p->cols, BLOCK, (uint64_t)FLOAT_BYTES * depth, budget_of(e).weight_bytes), p->cols);
  struct product mul = {.tile = tile_for(e, false, in.push.tiles, columns), .depth = depth, .weights = p->weights};
  const uint64_t each_bytes = (uint64_t)FLOAT_BYTES * (depth + columns);
  const uint32_t rows = step_of(in.push.tiles, mul.tile->m, each_bytes, budget_of(e).tile_bytes);
  mul.a = vc_emit_scratch(e, (uint64_t)FLOAT_BYTES * rows * depth);
  mul.b = vc_emit_scratch(e, (uint64_t)FLOAT_BYTES * columns * depth);
  mul.out = vc_emit_scratch(e, (uint64_t)FLOAT_BYTES * rows * columns);
  const vc_region bias = p->bias ? vc_emit_tensor(e, p->bias) : mul.out;
  const vc_region add = p->add ? vc_emit_tensor(e, p->add) : mul.out;
  for (uint32_t n = 0; n < p->cols; n += columns) {
    mul.columns = VC_MIN(columns, p->cols - n);
    const struct part lifted = by_column ? (struct part){.first = n, .rows = mul.columns, .columns = depth}
                                         : (struct part){.rows = depth, .channel = n, .columns = mul.columns};
    VC_TRY(emit_lift(e, &w, lifted, by_column ? 0 : WINOGRAD_TURN, mul.b));
    for (uint32_t t = 0; t < in.push.tiles; t += rows) {
      mul.rows = (uint32_t)VC_MIN(rows, vc_round_up(in.push.tiles - t, mul.tile->m));
      if (n == 0 || rows < in.push.tiles)
        VC_TRY(emit_lift(e, &in, (struct part){.first = t, .rows = mul.rows, .columns = depth}, 0, mul.a));
      VC_TRY(emit_mul(e, &mul));
      const struct part dropped = {t, mul.rows, n, mul.columns, 1};
      VC_TRY(emit_drop(e, mul.out, &out, dropped, bias, add, conv_flags_of(p)));
    }
  }
  return VC_OK;
}

// ---- the gradient of weights ----------------------------------------------------------------------------------

// Sums of rows x columns values at each point, over slabs of `depth` of the tiles.
static vc_status emit_sums(vc_emitter *e, const struct product *m, uint32_t slabs) {
  const uint32_t pixels = WINOGRAD_POINTS * slabs * m->depth;
  struct vc_conv_dw_push push = {.in_h = 1,
                                 .in_w = pixels,
                                 .grid_h = 1,
                                 .grid_w = pixels,
                                 .rows = m->rows,
                                 .cols = m->columns,
                                 .row_blocks = (uint32_t)vc_div_up(m->rows, m->tile->m),
                                 .col_blocks = (uint32_t)vc_div_up(m->columns, m->tile->n),
                                 .steps = pixels,
                                 .slab_steps = m->depth};
  push.n_groups = push.row_blocks * push.col_blocks * WINOGRAD_POINTS * slabs;
  struct vc_dispatch d = {.kernel = m->tile->kernel,
                          .full = true,
                          .n_bindings = 3,
                          .bindings = {m->a, m->b, m->out},
                          .n_spec = SC_CONV_TURN + 1,
                          .spec = {[SC_CONV_SIDE] = 1, [SC_CONV_STRIDE] = 1, [SC_CONV_TURN] = CONV_TILED_TURN},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .flops = 2.0 * pixels * m->rows * m->columns};
  vc_emit_fold(e, push.n_groups, d.groups);
  return vc_emit(e, &d);
}

// Slabs that the tiles of a strip are split into, so that they fill a GPU.
static uint32_t slabs_of(const vc_emitter *e, const struct conv_tile *tile, uint32_t rows, uint32_t columns,
                         uint32_t tiles) {
  const uint64_t n_groups = WINOGRAD_POINTS * vc_div_up(rows, tile->m) * vc_div_up(columns, tile->n);
  uint64_t slabs = conv_tiled_invocations(vc_emit_caps(e)) / (n_groups * tile->local);
  slabs = VC_MIN(slabs, tiles / SLAB_MIN_TILES);
  slabs = VC_MIN(slabs, budget_of(e).weight_bytes / ((uint64_t)FLOAT_BYTES * rows * columns));
  return (uint32_t)VC_MAX(slabs, 1);
}

vc_status conv_winograd_gpu_emit_gradient(vc_emitter *e, const struct conv_gradient *p) {
  const struct vc_shape gz = p->rows->shape;
  const uint32_t columns = p->cols->shape.c;
  const struct image x = tiles_of(e, p->cols, WINOGRAD_IMAGE, gz.h, gz.w, p->origin),
                     z = tiles_of(e, p->rows, WINOGRAD_GRADIENT, gz.h, gz.w, 0),
                     out = tiles_of(e, p->out, WINOGRAD_WEIGHTS, 1, 1, 0);
  const uint32_t filters =
      VC_MIN(step_of(gz.c, BLOCK, (uint64_t)FLOAT_BYTES * columns, budget_of(e).weight_bytes), gz.c);
  const uint64_t each_bytes = (uint64_t)FLOAT_BYTES * (columns + filters);
  const uint32_t tiles = step_of(x.push.tiles, CONV_BLOCKED_DEPTH, each_bytes, budget_of(e).tile_bytes);
  struct product mul = {.tile = tile_for(e, true, filters, columns), .columns = columns};
  const uint32_t slabs = slabs_of(e, mul.tile, filters, columns, tiles);
  const uint64_t rows = vc_round_up(tiles, (uint64_t)slabs * CONV_BLOCKED_DEPTH); // zeros beyond the tiles
  mul.a = vc_emit_scratch(e, FLOAT_BYTES * rows * filters);
  mul.b = vc_emit_scratch(e, FLOAT_BYTES * rows * columns);
  mul.out = vc_emit_scratch(e, (uint64_t)FLOAT_BYTES * slabs * filters * columns);
  for (uint32_t f = 0; f < gz.c; f += filters) {
    mul.rows = VC_MIN(filters, gz.c - f);
    for (uint32_t t = 0; t < x.push.tiles; t += (uint32_t)rows) {
      mul.depth = (uint32_t)VC_MIN(rows, vc_round_up(x.push.tiles - t, (uint64_t)slabs * CONV_BLOCKED_DEPTH)) / slabs;
      const uint32_t lifted = mul.depth * slabs;
      if (f == 0 || rows < x.push.tiles)
        VC_TRY(emit_lift(e, &x, (struct part){.first = t, .rows = lifted, .columns = columns}, 0, mul.b));
      const struct part part = {.first = t, .rows = lifted, .channel = f, .columns = mul.rows};
      VC_TRY(emit_lift(e, &z, part, 0, mul.a));
      VC_TRY(emit_sums(e, &mul, slabs));
      const struct part dropped = {f, mul.rows, 0, columns, slabs};
      VC_TRY(emit_drop(e, mul.out, &out, dropped, mul.out, out.at, t > 0 ? CONV_ADD : 0));
    }
  }
  return VC_OK;
}
