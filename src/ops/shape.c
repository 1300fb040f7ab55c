// Concatenations, and windows: crops, slices, padding, and their adjoints.
#include "internal.h"

#include "shaders/shared/shape.h"

#include <string.h>

// ---- concatenation ----------------------------------------------------------------------------------------------

static vc_status concat_infer(vc_tensor *out, bool channels) {
  const vc_tensor *a = out->in[0], *b = out->in[1];
  struct vc_shape want = channels ? (struct vc_shape){a->shape.n, b->shape.c, a->shape.h, a->shape.w}
                                  : (struct vc_shape){b->shape.n, a->shape.c, a->shape.h, a->shape.w};
  if (a->dtype == VC_F16 || (channels && a->dtype != VC_F32)) VC_TRY(ops_want_dtype(a, VC_F32, "the first part"));
  VC_TRY(ops_want_dtype(b, a->dtype, "the second part"));
  VC_TRY(ops_want_shape(b, want, "the second part"));
  out->shape = a->shape;
  if (channels)
    out->shape.c += b->shape.c;
  else
    out->shape.n += b->shape.n;
  out->dtype = a->dtype;
  return VC_OK;
}

// Rows of row_a and row_b words side by side, n_rows times.
static vc_status concat_emit(vc_emitter *e, const vc_tensor *out, uint64_t row_a, uint64_t row_b, uint64_t n_rows) {
  uint32_t width = row_a % 4 == 0 && row_b % 4 == 0 ? 4 : 1;
  struct ops_grid grid = ops_grid_for(e, (row_a + row_b) * n_rows / width, 8);
  struct vc_shape_push push = {
      .n = (uint32_t)n_rows, .stride = grid.stride, .a = (uint32_t)(row_a / width), .b = (uint32_t)(row_b / width)};
  return vc_emit(e,
                 &(struct vc_dispatch){
                     .kernel = "shape_concat_fwd",
                     .n_bindings = 3,
                     .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out)},
                     .n_spec = 1,
                     .spec = {[SC_SHAPE_WIDTH] = width},
                     .push = &push,
                     .push_bytes = sizeof push,
                     .groups = {grid.groups[0], 1, 1},
                 });
}

static vc_status concat_channels_infer(vc_tensor *out) {
  return concat_infer(out, true);
}

static vc_status concat_channels_emit(vc_emitter *e, const vc_tensor *out) {
  struct vc_shape s = out->shape;
  return concat_emit(e, out, out->in[0]->shape.c, out->in[1]->shape.c, (uint64_t)s.n * s.h * s.w);
}

static void concat_channels_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want,
                                vc_tensor **grad_in) {
  uint32_t c = out->in[0]->shape.c;
  if (want[0]) grad_in[0] = vc_slice_channels(g, grad_out, 0, c);
  if (want[1]) grad_in[1] = vc_slice_channels(g, grad_out, c, out->in[1]->shape.c);
}

static const struct vc_op concat_channels = {.name = "concat_channels",
                                             .infer = concat_channels_infer,
                                             .emit = concat_channels_emit,
                                             .vjp = concat_channels_vjp,
                                             .half_inputs = 3,
                                             .half_result = true};

vc_tensor *vc_concat_channels(vc_graph *g, vc_tensor *a, vc_tensor *b) {
  return vc_node(g, &concat_channels, (vc_tensor *[]){a, b}, 2, NULL, 0);
}

static vc_status concat_batch_infer(vc_tensor *out) {
  return concat_infer(out, false);
}

static vc_status concat_batch_emit(vc_emitter *e, const vc_tensor *out) {
  return concat_emit(e, out, vc_shape_count(out->in[0]->shape), vc_shape_count(out->in[1]->shape), 1);
}

// ---- windows ----------------------------------------------------------------------------------------------------

// y(u) = x(u + from); outside x: 0, or reflected along H and W.
struct window_attr {
  struct vc_shape shape;
  int32_t from_n, from_c, from_y, from_x;
  uint32_t reflect;
};

static vc_status window_infer(vc_tensor *out) {
  const struct window_attr *a = ops_attr(out);
  if (out->in[0]->dtype == VC_F16) VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the operand"));
  out->shape = a->shape;
  out->dtype = out->in[0]->dtype;
  return VC_OK;
}

static struct vc_shape_push window_push(const struct window_attr *a, struct vc_shape x, uint32_t width) {
  return (struct vc_shape_push){
      .out_c = a->shape.c / width,
      .out_w = a->shape.w,
      .out_h = a->shape.h,
      .in_c = x.c / width,
      .in_w = x.w,
      .in_h = x.h,
      .in_n = x.n,
      .from_c = a->from_c / (int32_t)width,
      .from_x = a->from_x,
      .from_y = a->from_y,
      .from_n = a->from_n,
  };
}

static vc_status window_emit(vc_emitter *e, const vc_tensor *out) {
  const struct window_attr *a = ops_attr(out);
  struct vc_shape x = out->in[0]->shape;
  uint32_t width = x.c % 4 == 0 && a->shape.c % 4 == 0 && a->from_c % 4 == 0 ? 4 : 1;
  uint64_t n = vc_shape_count(out->shape) / width;
  struct ops_grid grid = ops_grid_for(e, n, 8);
  struct vc_shape_push push = window_push(a, x, width);
  push.n = (uint32_t)n;
  push.stride = grid.stride;
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "shape_window_fwd",
                        .n_bindings = 2,
                        .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out)},
                        .n_spec = 2,
                        .spec = {[SC_SHAPE_WIDTH] = width, [SC_SHAPE_REFLECT] = a->reflect},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {grid.groups[0], 1, 1},
                    });
}

static void window_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in);

// Channels that stand side by side are concatenated: the gradients of slices that make up a tensor.
static vc_tensor *sum_padded(vc_graph *g, vc_tensor *a, vc_tensor *b) {
  const struct vc_shape s = a->shape, first = a->in[0]->shape, second = b->in[0]->shape;
  const int32_t at = ((const struct window_attr *)ops_attr(a))->from_c;
  if (at < 0) return ((const struct window_attr *)ops_attr(b))->from_c < 0 ? NULL : sum_padded(g, b, a);
  const struct window_attr low = {.shape = s}, high = {.shape = s, .from_c = -(int32_t)first.c};
  const bool fills = first.c + second.c == s.c && s.n == first.n && s.h == first.h && s.w == first.w &&
                     memcmp(ops_attr(a), &low, sizeof low) == 0 && memcmp(ops_attr(b), &high, sizeof high) == 0;
  return fills ? vc_concat_channels(g, a->in[0], b->in[0]) : NULL;
}

static const struct vc_op crop = {.name = "crop",
                                  .infer = window_infer,
                                  .emit = window_emit,
                                  .vjp = window_vjp,
                                  .half_inputs = 1,
                                  .half_result = true};
static const struct vc_op slice = {.name = "slice",
                                   .infer = window_infer,
                                   .emit = window_emit,
                                   .vjp = window_vjp,
                                   .half_inputs = 1,
                                   .half_result = true};
static const struct vc_op pad_zero = {.name = "pad_zero",
                                      .infer = window_infer,
                                      .emit = window_emit,
                                      .vjp = window_vjp,
                                      .half_inputs = 1,
                                      .half_result = true,
                                      .sum = sum_padded};

// The transposed window reads the same pairs of places the other way round.
static void window_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct window_attr *a = ops_attr(out);
  if (!want[0]) return;
  struct window_attr back = {.shape = out->in[0]->shape,
                             .from_n = -a->from_n,
                             .from_c = -a->from_c,
                             .from_y = -a->from_y,
                             .from_x = -a->from_x};
  grad_in[0] = vc_node(g, out->op == &pad_zero ? &crop : &pad_zero, &grad_out, 1, &back, sizeof back);
}

// A view where its memory can be bound, else a copy.
vc_tensor *vc_slice_batch(vc_graph *g, vc_tensor *x, uint32_t first, uint32_t count) {
  struct vc_shape s = x->shape;
  if (vc_graph_status(g) == VC_OK && (count == 0 || first > s.n || count > s.n - first)) {
    return vc_poison(g, VC_E_SHAPE, "slice: samples %u to %u do not lie in the tensor's %u", first, first + count, s.n);
  }
  if (first == 0 && count == s.n) return x;
  uint64_t offset = first * (vc_shape_count(s) / s.n);
  s.n = count;
  if (offset * vc_dtype_bytes(x->dtype) % 256 == 0) return vc_view(g, x, s, offset);
  struct window_attr attr = {.shape = s, .from_n = (int32_t)first};
  return vc_node(g, &slice, &x, 1, &attr, sizeof attr);
}

static void concat_batch_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  uint32_t n = out->in[0]->shape.n;
  if (want[0]) grad_in[0] = vc_slice_batch(g, grad_out, 0, n);
  if (want[1]) grad_in[1] = vc_slice_batch(g, grad_out, n, out->in[1]->shape.n);
}

static const struct vc_op concat_batch = {
    .name = "concat_batch", .infer = concat_batch_infer, .emit = concat_batch_emit, .vjp = concat_batch_vjp};

vc_tensor *vc_concat_batch(vc_graph *g, vc_tensor *a, vc_tensor *b) {
  return vc_node(g, &concat_batch, (vc_tensor *[]){a, b}, 2, NULL, 0);
}

vc_tensor *vc_slice_channels(vc_graph *g, vc_tensor *x, uint32_t first, uint32_t count) {
  struct vc_shape s = x->shape;
  if (vc_graph_status(g) == VC_OK && (count == 0 || first > s.c || count > s.c - first)) {
    return vc_poison(g, VC_E_SHAPE, "slice: channels %u to %u do not lie in the tensor's %u", first, first + count,
                     s.c);
  }
  if (first == 0 && count == s.c) return x;
  struct window_attr attr = {.shape = {s.n, count, s.h, s.w}, .from_c = (int32_t)first};
  return vc_node(g, &slice, &x, 1, &attr, sizeof attr);
}

vc_tensor *vc_crop(vc_graph *g, vc_tensor *x, uint32_t top, uint32_t left, uint32_t h, uint32_t w) {
  struct vc_shape s = x->shape;
  bool inside = h > 0 && w > 0 && top <= s.h && h <= s.h - top && left <= s.w && w <= s.w - left;
  if (vc_graph_status(g) == VC_OK && !inside) {
    return vc_poison(g, VC_E_SHAPE, "crop: the window of %u x %u at row %u, column %u does not lie in %u x %u", h, w,
                     top, left, s.h, s.w);
  }
  if (h == s.h && w == s.w) return x;
  struct window_attr attr = {.shape = {s.n, s.c, h, w}, .from_y = (int32_t)top, .from_x = (int32_t)left};
  return vc_node(g, &crop, &x, 1, &attr, sizeof attr);
}

bool ops_is_channel_slice(const vc_tensor *t, uint32_t *out_first) {
  const struct window_attr *a = ops_attr(t);
  if (t->op != &slice || a->shape.n != t->in[0]->shape.n) return false;
  if (out_first) *out_first = (uint32_t)a->from_c;
  return true;
}

// ---- padding by reflection --------------------------------------------------------------------------------------

// Here shape and offset are those of the padding whose adjoint this is: gx(u) = sum of gy over what was filled from u.
static vc_status reflect_grad_emit(vc_emitter *e, const vc_tensor *out) {
  const struct window_attr *a = ops_attr(out);
  uint64_t n = vc_shape_count(out->shape);
  struct ops_grid grid = ops_grid_for(e, n, 4);
  struct vc_shape_push push = window_push(a, out->in[0]->shape, 1);
  push.n = (uint32_t)n;
  push.stride = grid.stride;
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "shape_reflect_dx",
                        .n_bindings = 2,
                        .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out)},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {grid.groups[0], 1, 1},
                    });
}

static const struct vc_op pad_reflect_grad = {
    .name = "pad_reflect_dx", .infer = window_infer, .emit = reflect_grad_emit};

static void pad_reflect_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct window_attr *a = ops_attr(out);
  if (!want[0]) return;
  struct window_attr back = {.shape = out->in[0]->shape, .from_y = -a->from_y, .from_x = -a->from_x};
  grad_in[0] = vc_node(g, &pad_reflect_grad, &grad_out, 1, &back, sizeof back);
}

static const struct vc_op pad_reflect = {
    .name = "pad_reflect", .infer = window_infer, .emit = window_emit, .vjp = pad_reflect_vjp};

vc_tensor *vc_pad_reflect(vc_graph *g, vc_tensor *x, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right) {
  enum { MAX_MARGIN = 1 << 24 }; // positions stay in 32 bits
  struct vc_shape s = x->shape;
  if (top > MAX_MARGIN || bottom > MAX_MARGIN || left > MAX_MARGIN || right > MAX_MARGIN) {
    return vc_poison(g, VC_E_SHAPE, "pad: a margin of more than %d pixels", MAX_MARGIN);
  }
  if (top + bottom + left + right == 0) return x;
  struct window_attr attr = {.shape = {s.n, s.c, s.h + top + bottom, s.w + left + right},
                             .from_y = -(int32_t)top,
                             .from_x = -(int32_t)left,
                             .reflect = 1};
  return vc_node(g, &pad_reflect, &x, 1, &attr, sizeof attr);
}
