// Weight gradients are summed in slabs of the image, so that there is work for many workgroups and no long chain of
// additions; a second pass adds the slabs in their order.
#include "conv.h"

// A slab of more pixels than this would lose digits and leave a GPU idle; scratch beyond this many bytes is not worth
// it.
enum { NAIVE_SLAB_PIXELS = 1024, MAX_PARTIAL_BYTES = 32 << 20 };

uint32_t conv_partial_limit(const vc_emitter *e, const vc_tensor *out) {
  uint64_t n_bytes = vc_shape_count(out->shape) * 4;
  uint64_t limit = VC_MIN(MAX_PARTIAL_BYTES, vc_emit_caps(e)->max_buffer_range) / n_bytes;
  return (uint32_t)VC_MAX(limit, 1);
}

uint32_t conv_partial_split(const vc_emitter *e, const vc_tensor *out, struct conv_slabs want,
                            struct vc_conv_dw_push *inout_push) {
  struct vc_conv_dw_push *push = inout_push;
  uint64_t wanted = vc_div_up(want.min_groups, (uint64_t)push->row_blocks * push->col_blocks);
  wanted = VC_MIN(wanted, vc_div_up(push->steps, want.min_pixels));
  wanted = VC_MAX(wanted, vc_div_up(push->steps, want.max_pixels));
  const uint32_t n_most = (uint32_t)VC_MIN(wanted, conv_partial_limit(e, out));
  push->slab_steps = (uint32_t)vc_round_up(vc_div_up(push->steps, n_most), want.multiple);
  const uint32_t n_slabs = (uint32_t)vc_div_up(push->steps, push->slab_steps);
  push->n_groups = push->row_blocks * push->col_blocks * n_slabs;
  return n_slabs;
}

vc_region conv_partial_begin(vc_emitter *e, const vc_tensor *out, uint32_t n_slabs) {
  if (n_slabs == 1) return vc_emit_tensor(e, out);
  return vc_emit_scratch(e, vc_shape_count(out->shape) * 4 * n_slabs);
}

vc_status conv_partial_end(vc_emitter *e, const vc_tensor *out, vc_region partial, uint32_t n_slabs) {
  if (n_slabs == 1) return VC_OK;
  const uint32_t n_weights = (uint32_t)vc_shape_count(out->shape);
  const bool wide = n_weights % 4 == 0;
  struct vc_conv_dw_sum_push push = {.n_items = wide ? n_weights / 4 : n_weights, .n_slabs = n_slabs};
  struct vc_dispatch d = {.kernel = wide ? "conv2d_dw_sum_wide" : "conv2d_dw_sum",
                          .n_bindings = 2,
                          .bindings = {partial, vc_emit_tensor(e, out)},
                          .n_spec = SC_CONV_SUM_LOADS + 1,
                          .spec = {[SC_CONV_SUM_LOADS] = vc_emit_caps(e)->type == VC_DEVICE_CPU ? 1 : 4},
                          .push = &push,
                          .push_bytes = sizeof push};
  vc_emit_fold(e, vc_div_up(push.n_items, CONV_NAIVE_LOCAL), d.groups);
  return vc_emit(e, &d);
}

vc_status conv_partial_emit_naive(vc_emitter *e, const char *kernel, const vc_tensor *x, const vc_tensor *y,
                                  const vc_tensor *out, uint32_t side, uint32_t origin, uint32_t rows,
                                  uint32_t row_pixels) {
  uint32_t slab_rows = VC_MAX(NAIVE_SLAB_PIXELS / row_pixels, 1);
  slab_rows = VC_MAX(slab_rows, (uint32_t)vc_div_up(rows, conv_partial_limit(e, out)));
  uint32_t n_slabs = (uint32_t)vc_div_up(rows, slab_rows), n_weights = (uint32_t)vc_shape_count(out->shape);
  vc_region partial = conv_partial_begin(e, out, n_slabs);
  struct vc_conv_naive_dw_push push = {.n_weights = n_weights,
                                       .n_slabs = n_slabs,
                                       .slab_rows = slab_rows,
                                       .n_rows = rows,
                                       .in_h = x->shape.h,
                                       .in_w = x->shape.w,
                                       .in_c = x->shape.c,
                                       .out_h = y->shape.h,
                                       .out_w = y->shape.w,
                                       .out_c = y->shape.c,
                                       .side = side,
                                       .origin = origin};
  struct vc_dispatch d = {.kernel = kernel,
                          .n_bindings = 3,
                          .bindings = {vc_emit_tensor(e, x), vc_emit_tensor(e, y), partial},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .flops = out->op->flops(out)};
  vc_emit_fold(e, vc_div_up((uint64_t)n_weights * n_slabs, CONV_NAIVE_LOCAL), d.groups);
  VC_TRY(vc_emit(e, &d));
  return conv_partial_end(e, out, partial, n_slabs);
}
