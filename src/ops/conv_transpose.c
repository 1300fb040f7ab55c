// The up-convolution: 2 x 2 transposed convolution of stride 2, and its two gradients. Equations: docs/equations.md
// [UPCONV 1..3]. As with conv.c, each of the three is differentiated by the other two.
#include "conv.h"

#include "internal.h"

static vc_status want_weights(const vc_tensor *w, uint32_t c) {
  VC_TRY(conv_want_f32(w, "the weights"));
  if (w->shape.h != 2 || w->shape.w != 2) {
    return VC_FAIL(VC_E_SHAPE, "the weights' sides are %u x %u; an up-convolution has 2 x 2", w->shape.h, w->shape.w);
  }
  if (c != 0 && w->shape.n != c) return VC_FAIL(VC_E_SHAPE, "C %u != weight C %u", c, w->shape.n);
  return VC_OK;
}

static vc_status emit_naive(vc_emitter *e, const char *kernel, const vc_tensor *x, const vc_tensor *y,
                            const vc_region *bindings, uint32_t n_bindings, const vc_tensor *out, uint32_t flags) {
  uint64_t n = vc_shape_count(out->shape);
  struct vc_conv_naive_push push = {.n_out = (uint32_t)n,
                                    .in_h = x->shape.h,
                                    .in_w = x->shape.w,
                                    .in_c = x->shape.c,
                                    .out_h = y->shape.h,
                                    .out_w = y->shape.w,
                                    .out_c = y->shape.c,
                                    .side = 2,
                                    .flags = flags};
  struct vc_dispatch d = {.kernel = kernel, .n_bindings = n_bindings, .push = &push, .push_bytes = sizeof push};
  for (uint32_t i = 0; i < n_bindings; i++) d.bindings[i] = bindings[i];
  vc_emit_fold(e, vc_div_up(n, CONV_NAIVE_LOCAL), d.groups);
  return vc_emit(e, &d);
}

static double flops_of(struct vc_shape x, uint32_t k) {
  return 8.0 * k * (double)vc_shape_count(x);
}

// in[0] as the one image of h x w pixels, even for the input gradient.
static void resize_image(const vc_tensor *out, uint32_t h, uint32_t w, struct vc_shape *in, void *attr) {
  (void)out, (void)attr;
  in[0] = (struct vc_shape){1, in[0].c, h, w};
}

// ---- forward [UPCONV 1]: in x, w, b -----------------------------------------------------------------------------

static vc_status fwd_infer(vc_tensor *out) {
  struct vc_shape x = out->in[0]->shape;
  VC_TRY(conv_want_f32(out->in[0], "the image"));
  VC_TRY(want_weights(out->in[1], x.c));
  out->shape = (struct vc_shape){x.n, out->in[1]->shape.c, 2 * x.h, 2 * x.w};
  out->dtype = VC_F32;
  return conv_want_bias(out->in[2], out->shape.c);
}

static vc_status fwd_naive(vc_emitter *e, const vc_tensor *out) {
  const vc_tensor *x = out->in[0], *b = out->in[2];
  vc_region r[] = {vc_emit_tensor(e, x), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, b ? b : x),
                   vc_emit_tensor(e, out)};
  return emit_naive(e, "conv_transpose_fwd", x, out, r, 4, out, b ? CONV_BIAS : 0);
}

static struct conv_product fwd_product(const vc_tensor *out) {
  const vc_tensor *x = out->in[0];
  return (struct conv_product){.in = x,
                               .w = out->in[1],
                               .bias = out->in[2],
                               .out = out,
                               .grid_h = x->shape.h,
                               .grid_w = x->shape.w,
                               .cols = 4 * out->shape.c,
                               .side = 1,
                               .stride = 1,
                               .up = 2,
                               .weights = CONV_WEIGHTS_CHANNEL};
}

static vc_status fwd_simd(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = fwd_product(out);
  return conv_simd_emit(e, &p);
}

static vc_status fwd_tiled(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = fwd_product(out);
  return conv_tiled_emit(e, &p);
}

static vc_status fwd_coop(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = fwd_product(out);
  return conv_coop_emit(e, &p);
}

static vc_status fwd_emit(vc_emitter *e, const vc_tensor *out) {
  static const struct vc_variant table[] = {CONV_VARIANTS(fwd_naive, fwd_simd, fwd_tiled, fwd_coop),
                                            CONV_SIMD_WIDE(fwd_simd)};
  return vc_emit_variant(e, "conv_transpose_fwd", table, VC_COUNT_OF(table), out);
}

static void fwd_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  vc_tensor *gz;
  vc_bias_grad(g, grad_out, NULL, &gz, want[2] ? &grad_in[2] : NULL);
  if (want[1]) grad_in[1] = vc_conv_transpose2x2_dw(g, out->in[0], gz);
  if (want[0]) grad_in[0] = vc_conv_transpose2x2_dx(g, gz, out->in[1]);
}

static double fwd_flops(const vc_tensor *out) {
  return flops_of(out->in[0]->shape, out->shape.c);
}

static const struct vc_op conv_transpose = {.name = "conv_transpose2x2",
                                            .infer = fwd_infer,
                                            .emit = fwd_emit,
                                            .vjp = fwd_vjp,
                                            .half_inputs = 1,
                                            .half_leads = true,
                                            .half_result = true,
                                            .flops = fwd_flops,
                                            .resize = resize_image};

vc_tensor *vc_conv_transpose2x2(vc_graph *g, vc_tensor *x, vc_tensor *w, vc_tensor *b) {
  return vc_node(g, &conv_transpose, (vc_tensor *[]){x, w, b}, 3, NULL, 0);
}

// ---- gradient to the input [UPCONV 2]: in gy, w -----------------------------------------------------------------

// Of an output gradient; the input's sides are half of it.
static vc_status want_even(const vc_tensor *gy) {
  VC_TRY(conv_want_f32(gy, "the gradient"));
  if (gy->shape.h % 2 != 0 || gy->shape.w % 2 != 0) {
    return VC_FAIL(VC_E_SHAPE, "the gradient's sides %u x %u are not even", gy->shape.h, gy->shape.w);
  }
  return VC_OK;
}

static vc_status dx_infer(vc_tensor *out) {
  struct vc_shape gy = out->in[0]->shape, w = out->in[1]->shape;
  VC_TRY(want_even(out->in[0]));
  VC_TRY(want_weights(out->in[1], 0));
  if (gy.c != w.c) return VC_FAIL(VC_E_SHAPE, "K %u != weight K %u", gy.c, w.c);
  out->shape = (struct vc_shape){gy.n, w.n, gy.h / 2, gy.w / 2};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status dx_naive(vc_emitter *e, const vc_tensor *out) {
  vc_region r[] = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out)};
  return emit_naive(e, "conv_transpose_dx", out, out->in[0], r, 3, out, 0);
}

static struct conv_product dx_product(const vc_tensor *out) {
  return (struct conv_product){.in = out->in[0],
                               .w = out->in[1],
                               .out = out,
                               .grid_h = out->shape.h,
                               .grid_w = out->shape.w,
                               .cols = out->shape.c,
                               .side = 2,
                               .stride = 2,
                               .up = 1,
                               .weights = CONV_WEIGHTS_COLUMN};
}

static vc_status dx_simd(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = dx_product(out);
  return conv_simd_emit(e, &p);
}

static vc_status dx_tiled(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = dx_product(out);
  return conv_tiled_emit(e, &p);
}

static vc_status dx_coop(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = dx_product(out);
  return conv_coop_emit(e, &p);
}

static vc_status dx_emit(vc_emitter *e, const vc_tensor *out) {
  static const struct vc_variant table[] = {CONV_VARIANTS(dx_naive, dx_simd, dx_tiled, dx_coop),
                                            CONV_SIMD_WIDE(dx_simd)};
  return vc_emit_variant(e, "conv_transpose_dx", table, VC_COUNT_OF(table), out);
}

static void dx_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  if (want[0]) grad_in[0] = vc_conv_transpose2x2(g, grad_out, out->in[1], NULL);
  if (want[1]) grad_in[1] = vc_conv_transpose2x2_dw(g, grad_out, out->in[0]);
}

static double dx_flops(const vc_tensor *out) {
  return flops_of(out->shape, out->in[0]->shape.c);
}

static const struct vc_op conv_transpose_dx = {.name = "conv_transpose2x2_dx",
                                               .infer = dx_infer,
                                               .emit = dx_emit,
                                               .vjp = dx_vjp,
                                               .half_inputs = 1,
                                               .half_leads = true,
                                               .half_result = true,
                                               .flops = dx_flops,
                                               .resize = resize_image};

vc_tensor *vc_conv_transpose2x2_dx(vc_graph *g, vc_tensor *gy, vc_tensor *w) {
  return vc_node(g, &conv_transpose_dx, (vc_tensor *[]){gy, w}, 2, NULL, 0);
}

// ---- gradient to the weights [UPCONV 3]: in x, gy ---------------------------------------------------------------

static vc_status dw_infer(vc_tensor *out) {
  struct vc_shape x = out->in[0]->shape, gy = out->in[1]->shape;
  VC_TRY(conv_want_f32(out->in[0], "the image"));
  VC_TRY(want_even(out->in[1]));
  VC_TRY(ops_want_shape(out->in[1], (struct vc_shape){x.n, gy.c, 2 * x.h, 2 * x.w}, "the gradient"));
  out->shape = (struct vc_shape){x.c, gy.c, 2, 2};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status dw_naive(vc_emitter *e, const vc_tensor *out) {
  const vc_tensor *x = out->in[0];
  return conv_partial_emit_naive(e, "conv_transpose_dw", x, out->in[1], out, 2, 0, x->shape.n * x->shape.h, x->shape.w);
}

static struct conv_gradient dw_gradient(const vc_tensor *out) {
  return (struct conv_gradient){.rows = out->in[0], .cols = out->in[1], .out = out, .side = 2, .stride = 2};
}

static vc_status dw_simd(vc_emitter *e, const vc_tensor *out) {
  struct conv_gradient p = dw_gradient(out);
  return conv_simd_emit_gradient(e, &p);
}

static vc_status dw_tiled(vc_emitter *e, const vc_tensor *out) {
  struct conv_gradient p = dw_gradient(out);
  return conv_tiled_emit_gradient(e, &p);
}

static vc_status dw_coop(vc_emitter *e, const vc_tensor *out) {
  struct conv_gradient p = dw_gradient(out);
  return conv_coop_emit_gradient(e, &p);
}

static vc_status dw_emit(vc_emitter *e, const vc_tensor *out) {
  static const struct vc_variant table[] = {CONV_VARIANTS(dw_naive, dw_simd, dw_tiled, dw_coop)};
  return vc_emit_variant(e, "conv_transpose_dw", table, VC_COUNT_OF(table), out);
}

static void dw_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  if (want[0]) grad_in[0] = vc_conv_transpose2x2_dx(g, out->in[1], grad_out);
  if (want[1]) grad_in[1] = vc_conv_transpose2x2(g, out->in[0], grad_out, NULL);
}

static double dw_flops(const vc_tensor *out) {
  return flops_of(out->in[0]->shape, out->in[1]->shape.c);
}

static void dw_resize(const vc_tensor *out, uint32_t h, uint32_t w, struct vc_shape *in, void *attr) {
  resize_image(out, h, w, in, attr);
  in[1] = (struct vc_shape){1, in[1].c, 2 * h, 2 * w};
}

static const struct vc_op conv_transpose_dw = {.name = "conv_transpose2x2_dw",
                                               .infer = dw_infer,
                                               .emit = dw_emit,
                                               .vjp = dw_vjp,
                                               .half_inputs = 3,
                                               .half_leads = true,
                                               .flops = dw_flops,
                                               .resize = dw_resize};

vc_tensor *vc_conv_transpose2x2_dw(vc_graph *g, vc_tensor *x, vc_tensor *gy) {
  return vc_node(g, &conv_transpose_dw, (vc_tensor *[]){x, gy}, 2, NULL, 0);
}
