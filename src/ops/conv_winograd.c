// 3 x 3 convolutions by Winograd's F(4x4, 3x3) on SIMD CPUs [CONV 4]: lift, 36 products, drop, in strips that stay in
// caches.
#include "conv.h"

#include "shaders/shared/winograd.h"

// Bytes of lifted tiles and of lifted weights (of a gradient: of its lifted result) that are worked on at a time.
enum { TILE_BYTES = 6 << 20, WEIGHT_BYTES = 16 << 20 };
// Bytes between rows, and of a plane beyond whole pages, so that neighbours do not fall into one cache set.
enum { ROW_GAP = 64, PAGE = 4096, PLANE_GAP = 128 };

// Where the transforms cost less than the products save: channels each way, and tiles that share the lifted weights
// (measured on lavapipe). A row of tiles is lifted at once.
enum { MIN_CHANNELS = 64, MIN_TILES = 64, MAX_ROW_BYTES = 64 << 20 };

struct vc_shape conv_winograd_weights(const vc_tensor *out) {
  return out->op->half_result ? out->in[1]->shape : out->shape;
}

// Of the tensor that is cut into tiles.
static struct vc_shape grid_of(const vc_tensor *out) {
  return out->op->half_result ? out->shape : out->in[1]->shape;
}

bool conv_winograd_fits(const struct vc_caps *caps, const vc_tensor *out) {
  const struct vc_shape w = conv_winograd_weights(out);
  const uint64_t row_bytes = vc_div_up(grid_of(out).w, WINOGRAD_TILE) * WINOGRAD_POINTS * 4 * ((uint64_t)w.n + w.c);
  return conv_simd_fits(caps, out) && w.h == 3 && w.n % WINOGRAD_DEPTH == 0 && w.c % WINOGRAD_DEPTH == 0 &&
         row_bytes <= MAX_ROW_BYTES;
}

bool conv_winograd_pays(const struct vc_caps *caps, const vc_tensor *out) {
  (void)caps;
  const struct vc_shape w = conv_winograd_weights(out), grid = grid_of(out);
  const uint64_t tiles = grid.n * vc_div_up(grid.h, WINOGRAD_TILE) * vc_div_up(grid.w, WINOGRAD_TILE);
  return VC_MIN(w.n, w.c) >= MIN_CHANNELS && tiles >= MIN_TILES;
}

// Lifted values in scratch.
struct lifted {
  vc_region at;
  uint32_t pitch, plane;
};

static uint32_t block_columns(const vc_emitter *e) {
  return WINOGRAD_VECTORS * vc_emit_caps(e)->subgroup_size;
}

static uint64_t row_bytes(const vc_emitter *e, uint32_t columns) {
  return vc_round_up(columns, block_columns(e)) * 4 + ROW_GAP;
}

static struct lifted new_lifted(vc_emitter *e, uint64_t rows, uint32_t columns) {
  const uint64_t unit = VC_MAX(WINOGRAD_ROWS, block_columns(e)), pitch = row_bytes(e, columns);
  const uint64_t plane = vc_round_up(vc_round_up(rows, unit) * pitch, PAGE) + PLANE_GAP;
  return (struct lifted){vc_emit_scratch(e, plane * WINOGRAD_POINTS), (uint32_t)pitch, (uint32_t)plane};
}

// A tensor cut into tiles.
struct image {
  vc_region at;
  uint32_t kind;                // WINOGRAD_*
  uint32_t tiles_x, tile_rows;  // tile rows of all samples
  struct vc_winograd_push push; // what describes the tensor
};

static struct image tiles_of(vc_emitter *e, const vc_tensor *t, uint32_t kind, uint32_t grid_h, uint32_t grid_w,
                             uint32_t origin) {
  struct vc_shape s = t->shape;
  uint32_t tiles_y = (uint32_t)vc_div_up(grid_h, WINOGRAD_TILE);
  return (struct image){vc_emit_tensor(e, t),
                        kind,
                        (uint32_t)vc_div_up(grid_w, WINOGRAD_TILE),
                        s.n * tiles_y,
                        {.tiles_y = tiles_y, .image_h = s.h, .image_w = s.w, .image_c = s.c, .origin = origin}};
}

// Tile rows [first, first + rows) and channels [channel, channel + columns) of an image.
struct part {
  uint32_t first, rows, channel, columns;
};

static vc_status emit_transform(vc_emitter *e, const char *kernel, const struct image *image, struct part part,
                                const struct lifted *l, uint32_t flags, const vc_region *bindings,
                                uint32_t n_bindings) {
  const struct vc_caps *caps = vc_emit_caps(e);
  struct vc_winograd_push push = image->push;
  push.first = part.first;
  push.channel = part.channel;
  push.columns = part.columns;
  push.pitch = l->pitch;
  push.plane = l->plane;
  push.flags = flags;
  struct vc_dispatch d = {
      .kernel = kernel,
      .n_bindings = n_bindings,
      .n_spec = SC_WINOGRAD_KIND + 1,
      .spec = {[SC_WINOGRAD_LANES] = caps->subgroup_size, [SC_WINOGRAD_KIND] = image->kind},
      .required_subgroup = conv_simd_subgroup(caps),
      .push = &push,
      .push_bytes = sizeof push,
      .groups = {image->tiles_x, part.rows, (uint32_t)vc_div_up(part.columns, 2 * (uint64_t)caps->subgroup_size)}};
  for (uint32_t i = 0; i < n_bindings; i++) d.bindings[i] = bindings[i];
  return vc_emit(e, &d);
}

static vc_status emit_lift(vc_emitter *e, const struct image *image, struct part part, uint32_t flags,
                           const struct lifted *out) {
  return emit_transform(e, "conv2d_winograd_lift", image, part, out, flags, (vc_region[]){image->at, out->at}, 2);
}

static vc_status emit_drop(vc_emitter *e, const struct lifted *l, const struct image *image, struct part part,
                           vc_region bias, vc_region add, uint32_t flags) {
  return emit_transform(e, "conv2d_winograd_drop", image, part, l, flags, (vc_region[]){l->at, bias, add, image->at},
                        4);
}

struct product {
  const struct lifted *a, *b, *out;
  uint32_t along; // WINOGRAD_*_ALONG
  uint32_t rows, columns, depth;
  bool accumulate;
};

static vc_status emit_mul(vc_emitter *e, const struct product *m) {
  const struct vc_caps *caps = vc_emit_caps(e);
  struct vc_winograd_mul_push push = {.depth = m->depth,
                                      .a_pitch = m->a->pitch,
                                      .a_plane = m->a->plane,
                                      .b_pitch = m->b->pitch,
                                      .b_plane = m->b->plane,
                                      .pitch = m->out->pitch,
                                      .plane = m->out->plane,
                                      .accumulate = m->accumulate};
  struct vc_dispatch d = {.kernel = "conv2d_winograd_mul",
                          .n_bindings = 3,
                          .bindings = {m->a->at, m->b->at, m->out->at},
                          .n_spec = SC_WINOGRAD_ALONG + 1,
                          .spec = {[SC_WINOGRAD_LANES] = caps->subgroup_size, [SC_WINOGRAD_ALONG] = m->along},
                          .required_subgroup = conv_simd_subgroup(caps),
                          .push = &push,
                          .push_bytes = sizeof push,
                          .groups = {(uint32_t)vc_div_up(m->rows, WINOGRAD_ROWS),
                                     (uint32_t)vc_div_up(m->columns, block_columns(e)), WINOGRAD_POINTS},
                          .flops = 2.0 * WINOGRAD_POINTS * m->rows * m->columns * m->depth};
  return vc_emit(e, &d);
}

// The size of equal steps through n, multiples of `unit`, where one of n takes each_bytes and a step at most n_bytes,
// if it can.
static uint32_t step_of(uint32_t n, uint32_t unit, uint64_t each_bytes, uint64_t n_bytes) {
  uint64_t most = VC_MAX(n_bytes / each_bytes / unit, 1) * unit;
  return (uint32_t)VC_MIN(vc_round_up(vc_div_up(n, vc_div_up(n, most)), unit), n);
}

vc_status conv_winograd_emit(vc_emitter *e, const struct conv_product *p) {
  const bool by_column = p->weights == CONV_WEIGHTS_COLUMN;
  const uint32_t depth = p->in->shape.c;
  struct image in = tiles_of(e, p->in, WINOGRAD_IMAGE, p->grid_h, p->grid_w, p->origin),
               out = tiles_of(e, p->out, WINOGRAD_IMAGE, p->grid_h, p->grid_w, 0),
               w = tiles_of(e, p->w, WINOGRAD_WEIGHTS, 1, 1, 0);
  const uint32_t columns = step_of(p->cols, block_columns(e), WINOGRAD_POINTS * row_bytes(e, depth), WEIGHT_BYTES);
  const uint64_t tile_bytes = WINOGRAD_POINTS * (row_bytes(e, depth) + row_bytes(e, columns));
  const uint32_t rows = step_of(in.tile_rows, 1, tile_bytes * in.tiles_x, TILE_BYTES);
  struct lifted v = new_lifted(e, (uint64_t)rows * in.tiles_x, depth),
                m = new_lifted(e, (uint64_t)rows * in.tiles_x, columns),
                u = by_column ? new_lifted(e, columns, depth) : new_lifted(e, depth, columns);
  vc_region bias = p->bias ? vc_emit_tensor(e, p->bias) : m.at, add = p->add ? vc_emit_tensor(e, p->add) : m.at;
  for (uint32_t n = 0; n < p->cols; n += columns) {
    const uint32_t n_columns = VC_MIN(columns, p->cols - n);
    VC_TRY(emit_lift(e, &w, by_column ? (struct part){n, n_columns, 0, depth} : (struct part){0, depth, n, n_columns},
                     by_column ? 0 : WINOGRAD_TURN, &u));
    for (uint32_t y = 0; y < in.tile_rows; y += rows) {
      const uint32_t n_rows = VC_MIN(rows, in.tile_rows - y);
      if (n == 0 || rows < in.tile_rows) VC_TRY(emit_lift(e, &in, (struct part){y, n_rows, 0, depth}, 0, &v));
      struct product mul = {.a = &v,
                            .b = &u,
                            .out = &m,
                            .along = WINOGRAD_A_ALONG | (by_column ? WINOGRAD_B_ALONG : 0),
                            .rows = n_rows * in.tiles_x,
                            .columns = n_columns,
                            .depth = depth};
      VC_TRY(emit_mul(e, &mul));
      VC_TRY(emit_drop(e, &m, &out, (struct part){y, n_rows, n, n_columns}, bias, add, conv_flags_of(p)));
    }
  }
  return VC_OK;
}

vc_status conv_winograd_emit_gradient(vc_emitter *e, const struct conv_gradient *p) {
  struct vc_shape gz = p->rows->shape;
  const uint32_t columns = p->cols->shape.c;
  struct image x = tiles_of(e, p->cols, WINOGRAD_IMAGE, gz.h, gz.w, p->origin),
               z = tiles_of(e, p->rows, WINOGRAD_GRADIENT, gz.h, gz.w, 0),
               out = tiles_of(e, p->out, WINOGRAD_WEIGHTS, 1, 1, 0);
  // Tiles are the depth of the product: whole steps. A tile right of the image has a gradient of zero.
  x.tiles_x = z.tiles_x = (uint32_t)vc_round_up(x.tiles_x, WINOGRAD_DEPTH);
  const uint32_t filters = step_of(gz.c, WINOGRAD_ROWS, WINOGRAD_POINTS * row_bytes(e, columns), WEIGHT_BYTES);
  const uint64_t tile_bytes = WINOGRAD_POINTS * (row_bytes(e, columns) + row_bytes(e, filters));
  const uint32_t rows = step_of(x.tile_rows, 1, tile_bytes * x.tiles_x, TILE_BYTES);
  struct lifted v = new_lifted(e, (uint64_t)rows * x.tiles_x, columns),
                g = new_lifted(e, (uint64_t)rows * x.tiles_x, filters), m = new_lifted(e, filters, columns);
  for (uint32_t f = 0; f < gz.c; f += filters) {
    const uint32_t n_filters = VC_MIN(filters, gz.c - f);
    for (uint32_t y = 0; y < x.tile_rows; y += rows) {
      const uint32_t n_rows = VC_MIN(rows, x.tile_rows - y);
      if (f == 0 || rows < x.tile_rows) VC_TRY(emit_lift(e, &x, (struct part){y, n_rows, 0, columns}, 0, &v));
      VC_TRY(emit_lift(e, &z, (struct part){y, n_rows, f, n_filters}, 0, &g));
      struct product mul = {.a = &g,
                            .b = &v,
                            .out = &m,
                            .rows = n_filters,
                            .columns = columns,
                            .depth = n_rows * x.tiles_x,
                            .accumulate = y > 0};
      VC_TRY(emit_mul(e, &mul));
    }
    VC_TRY(emit_drop(e, &m, &out, (struct part){f, n_filters, 0, columns}, m.at, m.at, 0));
  }
  return VC_OK;
}
