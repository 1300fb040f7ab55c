// Convolutions on GPUs: tiles in shared memory, no assumption on subgroups; gradients of weights in slabs.
#include "conv.h"

// The tiles of shaders/variants.list. Few columns, or few rows, take the thin ones whatever the row of the table: half
// of another tile would be idle.
enum { FEW = 32 };
static const struct conv_tiles thin = {{"conv2d_tiled_thin", 256, 16}, {"conv2d_tiled_dw_thin", 16, 256}};
const struct conv_tiles conv_tiles_wide = {{"conv2d_tiled", 64, 64}, {"conv2d_tiled_dw", 64, 64}};
const struct conv_tiles conv_tiles_large = {{"conv2d_tiled_large", 128, 64}, {"conv2d_tiled_dw_large", 64, 128}};

static const struct conv_tiles *tiles_for(const vc_emitter *e, uint32_t n) {
  return n <= FEW ? &thin : vc_emit_data(e);
}

// Workgroups that a weight gradient is split into at least, to fill a GPU, and the most pixels that one sums: beyond
// that digits are lost. A slab of fewer pixels than SLAB_MIN_PIXELS costs more in the second pass than it saves.
enum { MIN_GROUPS = 512, SLAB_PIXELS = 4096, SLAB_MIN_PIXELS = 256 };

bool conv_tiled_fits(const struct vc_caps *caps, const vc_tensor *out) {
  (void)out;
  return caps->max_workgroup_invocations >= CONV_TILED_LOCAL && caps->max_workgroup_size[0] >= CONV_TILED_LOCAL;
}

vc_status conv_tiled_emit(vc_emitter *e, const struct conv_product *p) {
  const struct conv_tile *tile = &tiles_for(e, p->cols)->product;
  struct vc_conv_push push = conv_push_of(p);
  push.tiles_x = (uint32_t)vc_div_up(p->cols, tile->n);
  push.tiles_y = (uint32_t)vc_div_up((uint64_t)push.samples * p->grid_h * p->grid_w, tile->m);
  push.n_groups = push.tiles_x * push.tiles_y;
  vc_region x = vc_emit_tensor(e, p->in);
  struct vc_dispatch d = {
      .kernel = tile->kernel,
      .n_bindings = 4,
      .bindings = {x, vc_emit_tensor(e, p->w), p->bias ? vc_emit_tensor(e, p->bias) : x, vc_emit_tensor(e, p->out)},
      .n_spec = SC_CONV_WEIGHTS + 1,
      .spec = {[SC_CONV_SIDE] = p->side, [SC_CONV_STRIDE] = p->stride, [SC_CONV_WEIGHTS] = p->weights},
      .push = &push,
      .push_bytes = sizeof push,
      .flops = p->out->op->flops(p->out)};
  vc_emit_fold(e, push.n_groups, d.groups);
  return vc_emit(e, &d);
}

vc_status conv_tiled_emit_gradient(vc_emitter *e, const struct conv_gradient *p) {
  const struct conv_tile *tile = &tiles_for(e, p->rows->shape.c)->gradient;
  struct vc_conv_dw_push push = conv_dw_push_of(p);
  push.row_blocks = (uint32_t)vc_div_up(push.rows, tile->m);
  push.col_blocks = (uint32_t)vc_div_up((uint64_t)p->side * p->side * push.cols, tile->n);
  const struct conv_slabs slabs = {MIN_GROUPS, SLAB_MIN_PIXELS, SLAB_PIXELS, CONV_TILED_DEPTH};
  const uint32_t n_slabs = conv_partial_split(e, p->out, slabs, &push);
  vc_region partial = conv_partial_begin(e, p->out, n_slabs);
  struct vc_dispatch d = {.kernel = tile->kernel,
                          .n_bindings = 3,
                          .bindings = {vc_emit_tensor(e, p->rows), vc_emit_tensor(e, p->cols), partial},
                          .n_spec = SC_CONV_STRIDE + 1,
                          .spec = {[SC_CONV_SIDE] = p->side, [SC_CONV_STRIDE] = p->stride},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .flops = p->out->op->flops(p->out)};
  vc_emit_fold(e, push.n_groups, d.groups);
  VC_TRY(vc_emit(e, &d));
  return conv_partial_end(e, p->out, partial, n_slabs);
}
