// Convolutions of side 1 and 3 and their two gradients. Equations: docs/equations.md [CONV 1..3].
//
// The gradients are ops of their own, and as each of the three is linear in both operands, each is differentiated by
// the other two.
#include "conv.h"

#include "internal.h"

#include <string.h>

struct conv_attr {
  uint32_t side, padding, relu;
  struct vc_shape x_shape; // of conv2d_dx
};

static uint32_t origin_of(uint32_t side, uint32_t padding) {
  return padding == VC_PAD_SAME ? (side - 1) / 2 : 0;
}

static double flops_of(struct vc_shape x, struct vc_shape y, uint32_t side) {
  return 2.0 * side * side * x.c * (double)vc_shape_count(y);
}

vc_status conv_want_f32(const vc_tensor *t, const char *name) {
  return ops_want_dtype(t, VC_F32, name);
}

vc_status conv_want_bias(const vc_tensor *bias, uint32_t k) {
  if (!bias) return VC_OK;
  VC_TRY(conv_want_f32(bias, "the bias"));
  return ops_want_shape(bias, (struct vc_shape){1, k, 1, 1}, "the bias");
}

// The output's shape for input x and weights of K x C x side x side.
static vc_status output_shape(struct vc_shape x, struct vc_shape w, uint32_t padding, struct vc_shape *out) {
  if (w.h != w.w || (w.h != 1 && w.h != 3)) {
    return VC_FAIL(VC_E_SHAPE, "the weights' sides are %u x %u; there are kernels for 1 x 1 and 3 x 3", w.h, w.w);
  }
  if (x.c != w.c) return VC_FAIL(VC_E_SHAPE, "C %u != weight C %u", x.c, w.c);
  uint32_t lost = padding == VC_PAD_SAME ? 0 : w.h - 1;
  if (x.h <= lost || x.w <= lost) {
    return VC_FAIL(VC_E_SHAPE, "an image of %u x %u is too small for a %u x %u convolution without padding", x.h, x.w,
                   w.h, w.w);
  }
  *out = (struct vc_shape){x.n, w.n, x.h - lost, x.w - lost};
  return VC_OK;
}

static uint32_t lost_of(const struct conv_attr *a) {
  return a->padding == VC_PAD_SAME ? 0 : a->side - 1;
}

// in[0] as the one image of h x w pixels.
static void resize_image(const vc_tensor *out, uint32_t h, uint32_t w, struct vc_shape *in, void *attr) {
  (void)out, (void)attr;
  in[0] = (struct vc_shape){1, in[0].c, h, w};
}

static void naive_push(struct vc_shape x, struct vc_shape y, const struct conv_attr *a, uint64_t n_out, uint32_t flags,
                       struct vc_conv_naive_push *out) {
  *out = (struct vc_conv_naive_push){.n_out = (uint32_t)n_out,
                                     .in_h = x.h,
                                     .in_w = x.w,
                                     .in_c = x.c,
                                     .out_h = y.h,
                                     .out_w = y.w,
                                     .out_c = y.c,
                                     .side = a->side,
                                     .origin = origin_of(a->side, a->padding),
                                     .flags = flags};
}

// ---- forward [CONV 1]: in x, w, b, add (b, add may be NULL)
// -------------------------------------------------------------------------------

static vc_status fwd_infer(vc_tensor *out) {
  const struct conv_attr *a = ops_attr(out);
  VC_TRY(conv_want_f32(out->in[0], "the image"));
  VC_TRY(conv_want_f32(out->in[1], "the weights"));
  VC_TRY(output_shape(out->in[0]->shape, out->in[1]->shape, a->padding, &out->shape));
  out->dtype = VC_F32;
  if (out->in[3]) {
    VC_TRY(conv_want_f32(out->in[3], "what is added"));
    VC_TRY(ops_want_shape(out->in[3], out->shape, "what is added"));
  }
  return conv_want_bias(out->in[2], out->shape.c);
}

static struct conv_product fwd_product(const vc_tensor *out) {
  const struct conv_attr *a = ops_attr(out);
  return (struct conv_product){.in = out->in[0],
                               .w = out->in[1],
                               .bias = out->in[2],
                               .add = out->in[3],
                               .out = out,
                               .grid_h = out->shape.h,
                               .grid_w = out->shape.w,
                               .cols = out->shape.c,
                               .side = a->side,
                               .stride = 1,
                               .origin = origin_of(a->side, a->padding),
                               .up = 1,
                               .weights = CONV_WEIGHTS_COLUMN,
                               .relu = a->relu};
}

static vc_status fwd_naive(vc_emitter *e, const vc_tensor *out) {
  const struct conv_attr *a = ops_attr(out);
  const vc_tensor *x = out->in[0], *b = out->in[2], *add = out->in[3];
  uint64_t n = vc_shape_count(out->shape);
  struct vc_conv_naive_push push;
  struct conv_product p = fwd_product(out);
  naive_push(x->shape, out->shape, a, n, conv_flags_of(&p), &push);
  struct vc_dispatch d = {.kernel = "conv2d_fwd",
                          .n_bindings = 5,
                          .bindings = {vc_emit_tensor(e, x), vc_emit_tensor(e, out->in[1]),
                                       vc_emit_tensor(e, b ? b : x), vc_emit_tensor(e, add ? add : x),
                                       vc_emit_tensor(e, out)},
                          .push = &push,
                          .push_bytes = sizeof push};
  vc_emit_fold(e, vc_div_up(n, CONV_NAIVE_LOCAL), d.groups);
  return vc_emit(e, &d);
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

static vc_status fwd_coop2(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = fwd_product(out);
  return conv_coop2_emit(e, &p);
}

static vc_status fwd_winograd(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = fwd_product(out);
  return conv_winograd_emit(e, &p);
}

static vc_status fwd_winograd_gpu(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = fwd_product(out);
  return conv_winograd_gpu_emit(e, &p);
}

static vc_status fwd_emit(vc_emitter *e, const vc_tensor *out) {
  static const struct vc_variant table[] = {CONV_VARIANTS(fwd_naive, fwd_simd, fwd_tiled, fwd_coop),
                                            CONV_COOP2(fwd_coop2), CONV_SIMD_WIDE(fwd_simd),
                                            CONV_WINOGRAD(fwd_winograd, fwd_winograd_gpu)};
  return vc_emit_variant(e, "conv2d_fwd", table, VC_COUNT_OF(table), out);
}

static void fwd_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct conv_attr *a = ops_attr(out);
  vc_tensor *x = out->in[0], *w = out->in[1];
  vc_tensor *gz, **gb = want[2] ? &grad_in[2] : NULL;
  vc_bias_grad(g, grad_out, a->relu ? out : NULL, &gz, gb);
  if (want[1]) grad_in[1] = vc_conv2d_dw(g, x, gz, a->side, (enum vc_padding)a->padding);
  if (want[0]) grad_in[0] = vc_conv2d_dx(g, gz, w, x->shape, (enum vc_padding)a->padding);
  if (want[3]) grad_in[3] = gz;
}

static double fwd_flops(const vc_tensor *out) {
  return flops_of(out->in[0]->shape, out->shape, out->in[1]->shape.h);
}

static void fwd_resize(const vc_tensor *out, uint32_t h, uint32_t w, struct vc_shape *in, void *attr) {
  resize_image(out, h, w, in, attr);
  in[3] = (struct vc_shape){1, in[3].c, h - lost_of(attr), w - lost_of(attr)};
}

static const struct vc_op conv2d = {.name = "conv2d",
                                    .infer = fwd_infer,
                                    .emit = fwd_emit,
                                    .vjp = fwd_vjp,
                                    .half_inputs = 1 | 8,
                                    .half_leads = true,
                                    .half_result = true,
                                    .flops = fwd_flops,
                                    .resize = fwd_resize,
                                    .in_place = 8};

vc_tensor *vc_conv2d(vc_graph *g, vc_tensor *x, vc_tensor *w, vc_tensor *b, struct vc_conv2d_desc desc) {
  struct conv_attr attr = {.side = w->shape.h, .padding = desc.padding, .relu = desc.relu};
  return vc_node(g, &conv2d, (vc_tensor *[]){x, w, b, desc.add}, desc.add ? 4 : 3, &attr, sizeof attr);
}

// ---- gradient to the input [CONV 2]: in gz, w -------------------------------------------------------------------

static vc_status dx_infer(vc_tensor *out) {
  const struct conv_attr *a = ops_attr(out);
  struct vc_shape y;
  VC_TRY(conv_want_f32(out->in[0], "the gradient"));
  VC_TRY(conv_want_f32(out->in[1], "the weights"));
  VC_TRY(output_shape(a->x_shape, out->in[1]->shape, a->padding, &y));
  VC_TRY(ops_want_shape(out->in[0], y, "the gradient"));
  out->shape = a->x_shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status dx_naive(vc_emitter *e, const vc_tensor *out) {
  uint64_t n = vc_shape_count(out->shape);
  struct vc_conv_naive_push push;
  naive_push(out->shape, out->in[0]->shape, ops_attr(out), n, 0, &push);
  struct vc_dispatch d = {
      .kernel = "conv2d_dx",
      .n_bindings = 3,
      .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out)},
      .push = &push,
      .push_bytes = sizeof push};
  vc_emit_fold(e, vc_div_up(n, CONV_NAIVE_LOCAL), d.groups);
  return vc_emit(e, &d);
}

// A convolution of gz by the weights turned around, over the grid of x.
static struct conv_product dx_product(const vc_tensor *out) {
  const struct conv_attr *a = ops_attr(out);
  return (struct conv_product){.in = out->in[0],
                               .w = out->in[1],
                               .out = out,
                               .grid_h = out->shape.h,
                               .grid_w = out->shape.w,
                               .cols = out->shape.c,
                               .side = a->side,
                               .stride = 1,
                               .origin = a->side - 1 - origin_of(a->side, a->padding),
                               .up = 1,
                               .weights = CONV_WEIGHTS_CHANNEL};
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

static vc_status dx_coop2(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = dx_product(out);
  return conv_coop2_emit(e, &p);
}

static vc_status dx_winograd(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = dx_product(out);
  return conv_winograd_emit(e, &p);
}

static vc_status dx_winograd_gpu(vc_emitter *e, const vc_tensor *out) {
  struct conv_product p = dx_product(out);
  return conv_winograd_gpu_emit(e, &p);
}

static vc_status dx_emit(vc_emitter *e, const vc_tensor *out) {
  static const struct vc_variant table[] = {CONV_VARIANTS(dx_naive, dx_simd, dx_tiled, dx_coop), CONV_COOP2(dx_coop2),
                                            CONV_SIMD_WIDE(dx_simd), CONV_WINOGRAD(dx_winograd, dx_winograd_gpu)};
  return vc_emit_variant(e, "conv2d_dx", table, VC_COUNT_OF(table), out);
}

static void dx_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct conv_attr *a = ops_attr(out);
  enum vc_padding padding = (enum vc_padding)a->padding;
  if (want[0]) grad_in[0] = vc_conv2d(g, grad_out, out->in[1], NULL, (struct vc_conv2d_desc){.padding = padding});
  if (want[1]) grad_in[1] = vc_conv2d_dw(g, grad_out, out->in[0], a->side, padding);
}

static double dx_flops(const vc_tensor *out) {
  return flops_of(out->shape, out->in[0]->shape, out->in[1]->shape.h);
}

static void dx_resize(const vc_tensor *out, uint32_t h, uint32_t w, struct vc_shape *in, void *attr) {
  struct conv_attr *a = attr;
  resize_image(out, h, w, in, attr);
  a->x_shape = (struct vc_shape){1, a->x_shape.c, h + lost_of(a), w + lost_of(a)};
}

static const struct vc_op conv2d_dx = {.name = "conv2d_dx",
                                       .infer = dx_infer,
                                       .emit = dx_emit,
                                       .vjp = dx_vjp,
                                       .half_inputs = 1,
                                       .half_leads = true,
                                       .half_result = true,
                                       .flops = dx_flops,
                                       .resize = dx_resize};

vc_tensor *vc_conv2d_dx(vc_graph *g, vc_tensor *gz, vc_tensor *w, struct vc_shape x_shape, enum vc_padding padding) {
  struct conv_attr attr = {.side = w->shape.h, .padding = padding, .x_shape = x_shape};
  return vc_node(g, &conv2d_dx, (vc_tensor *[]){gz, w}, 2, &attr, sizeof attr);
}

// ---- gradient to the weights [CONV 3]: in x, gz -----------------------------------------------------------------

static vc_status dw_infer(vc_tensor *out) {
  const struct conv_attr *a = ops_attr(out);
  struct vc_shape x = out->in[0]->shape, gz = out->in[1]->shape, y;
  VC_TRY(conv_want_f32(out->in[0], "the image"));
  VC_TRY(conv_want_f32(out->in[1], "the gradient"));
  out->shape = (struct vc_shape){gz.c, x.c, a->side, a->side};
  out->dtype = VC_F32;
  VC_TRY(output_shape(x, out->shape, a->padding, &y));
  return ops_want_shape(out->in[1], y, "the gradient");
}

static vc_status dw_naive(vc_emitter *e, const vc_tensor *out) {
  const struct conv_attr *a = ops_attr(out);
  const vc_tensor *gz = out->in[1];
  return conv_partial_emit_naive(e, "conv2d_dw", out->in[0], gz, out, a->side, origin_of(a->side, a->padding),
                                 gz->shape.n * gz->shape.h, gz->shape.w);
}

static struct conv_gradient dw_gradient(const vc_tensor *out) {
  const struct conv_attr *a = ops_attr(out);
  return (struct conv_gradient){.rows = out->in[1],
                                .cols = out->in[0],
                                .out = out,
                                .side = a->side,
                                .stride = 1,
                                .origin = origin_of(a->side, a->padding)};
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

static vc_status dw_coop2(vc_emitter *e, const vc_tensor *out) {
  struct conv_gradient p = dw_gradient(out);
  return conv_coop2_emit_gradient(e, &p);
}

static vc_status dw_winograd(vc_emitter *e, const vc_tensor *out) {
  struct conv_gradient p = dw_gradient(out);
  return conv_winograd_emit_gradient(e, &p);
}

static vc_status dw_winograd_gpu(vc_emitter *e, const vc_tensor *out) {
  struct conv_gradient p = dw_gradient(out);
  return conv_winograd_gpu_emit_gradient(e, &p);
}

static vc_status dw_emit(vc_emitter *e, const vc_tensor *out) {
  static const struct vc_variant table[] = {CONV_VARIANTS(dw_naive, dw_simd, dw_tiled, dw_coop), CONV_COOP2(dw_coop2),
                                            CONV_SIMD_WIDE(dw_simd), CONV_WINOGRAD(dw_winograd, dw_winograd_gpu)};
  return vc_emit_variant(e, "conv2d_dw", table, VC_COUNT_OF(table), out);
}

static void dw_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  enum vc_padding padding = (enum vc_padding)((const struct conv_attr *)ops_attr(out))->padding;
  vc_tensor *x = out->in[0], *gz = out->in[1];
  if (want[0]) grad_in[0] = vc_conv2d_dx(g, gz, grad_out, x->shape, padding);
  if (want[1]) grad_in[1] = vc_conv2d(g, x, grad_out, NULL, (struct vc_conv2d_desc){.padding = padding});
}

static double dw_flops(const vc_tensor *out) {
  return flops_of(out->in[0]->shape, out->in[1]->shape, out->shape.h);
}

static void dw_resize(const vc_tensor *out, uint32_t h, uint32_t w, struct vc_shape *in, void *attr) {
  const struct conv_attr *a = attr;
  resize_image(out, h, w, in, attr);
  in[1] = (struct vc_shape){1, in[1].c, h - lost_of(a), w - lost_of(a)};
}

static const struct vc_op conv2d_dw = {.name = "conv2d_dw",
                                       .infer = dw_infer,
                                       .emit = dw_emit,
                                       .vjp = dw_vjp,
                                       .half_inputs = 3,
                                       .half_leads = true,
                                       .flops = dw_flops,
                                       .resize = dw_resize};

vc_tensor *vc_conv2d_dw(vc_graph *g, vc_tensor *x, vc_tensor *gz, uint32_t side, enum vc_padding padding) {
  struct conv_attr attr = {.side = side, .padding = padding};
  return vc_node(g, &conv2d_dw, (vc_tensor *[]){x, gz}, 2, &attr, sizeof attr);
}
