// Elementwise functions, and the broadcast that is the adjoint of sums. Equations: docs/equations.md [RELU 1..2].
#include "internal.h"

#include "shaders/shared/pointwise.h"

struct pointwise_attr {
  float fa, fb;
};

static vc_status infer(vc_tensor *out) {
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the operand"));
  for (uint32_t i = 1; i < out->n_in; i++) {
    VC_TRY(ops_want_dtype(out->in[i], VC_F32, "the second operand"));
    VC_TRY(ops_want_shape(out->in[i], out->in[0]->shape, "the second operand"));
  }
  out->shape = out->in[0]->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status emit(vc_emitter *e, const vc_tensor *out, uint32_t mode, float fa, float fb) {
  const uint64_t n = vc_shape_count(out->shape), bytes = vc_dtype_bytes(out->dtype);
  const uint64_t most = vc_emit_range(e, n, bytes, bytes);
  const vc_tensor *const operands[] = {out->in[0], out->in[out->n_in - 1], out};
  for (uint64_t first = 0; first < n; first += most) {
    const uint64_t n_here = VC_MIN(most, n - first);
    struct ops_grid grid = ops_grid_for(e, vc_div_up(n_here, 4), 8);
    struct vc_pointwise_push push = {.n = (uint32_t)n_here, .stride = grid.stride, .fa = fa, .fb = fb};
    struct vc_dispatch d = {.kernel = "pointwise_fwd",
                            .n_bindings = 3,
                            .n_spec = 1,
                            .spec = {[SC_POINTWISE_MODE] = mode},
                            .push = &push,
                            .push_bytes = sizeof push,
                            .groups = {grid.groups[0], 1, 1}};
    for (uint32_t i = 0; i < 3; i++)
      d.bindings[i] = vc_region_slice(vc_emit_tensor(e, operands[i]), first * bytes, n_here * bytes);
    VC_TRY(vc_emit(e, &d));
  }
  return VC_OK;
}

// ---- relu -------------------------------------------------------------------------------------------------------

static vc_status relu_emit(vc_emitter *e, const vc_tensor *out) {
  return emit(e, out, POINTWISE_RELU, 0, 0);
}

static void relu_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  if (want[0]) grad_in[0] = vc_relu_grad(g, grad_out, out);
}

static const struct vc_op relu = {.name = "relu",
                                  .infer = infer,
                                  .emit = relu_emit,
                                  .vjp = relu_vjp,
                                  .half_inputs = 1,
                                  .half_result = true,
                                  .in_place = 1};

vc_tensor *vc_relu(vc_graph *g, vc_tensor *x) {
  return vc_node(g, &relu, &x, 1, NULL, 0);
}

static vc_status relu_grad_emit(vc_emitter *e, const vc_tensor *out) {
  return emit(e, out, POINTWISE_RELU_GRAD, 0, 0);
}

static void relu_grad_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  if (want[0]) grad_in[0] = vc_relu_grad(g, grad_out, out->in[1]);
}

static const struct vc_op relu_grad = {.name = "relu_grad",
                                       .infer = infer,
                                       .emit = relu_grad_emit,
                                       .vjp = relu_grad_vjp,
                                       .half_inputs = 3,
                                       .half_result = true,
                                       .in_place = 3};

vc_tensor *vc_relu_grad(vc_graph *g, vc_tensor *gy, vc_tensor *y) {
  return vc_node(g, &relu_grad, (vc_tensor *[]){gy, y}, 2, NULL, 0);
}

// ---- linear combinations ----------------------------------------------------------------------------------------

static vc_status combine_emit(vc_emitter *e, const vc_tensor *out) {
  const struct pointwise_attr *a = ops_attr(out);
  return emit(e, out, out->n_in == 2 ? POINTWISE_COMBINE : POINTWISE_SCALE, a->fa, a->fb);
}

static void combine_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct pointwise_attr *a = ops_attr(out);
  if (want[0]) grad_in[0] = vc_scale(g, grad_out, a->fa);
  if (out->n_in == 2 && want[1]) grad_in[1] = vc_scale(g, grad_out, a->fb);
}

static const struct vc_op scale = {
    .name = "scale", .infer = infer, .emit = combine_emit, .vjp = combine_vjp, .in_place = 1};
static const struct vc_op combine = {
    .name = "combine", .infer = infer, .emit = combine_emit, .vjp = combine_vjp, .in_place = 3};

vc_tensor *vc_scale(vc_graph *g, vc_tensor *x, float factor) {
  if (factor == 1.0f) return x;
  return vc_node(g, &scale, &x, 1, &(struct pointwise_attr){.fa = factor}, sizeof(struct pointwise_attr));
}

vc_tensor *vc_combine(vc_graph *g, vc_tensor *a, float fa, vc_tensor *b, float fb) {
  if (!b) return vc_scale(g, a, fa);
  struct pointwise_attr attr = {fa, fb};
  return vc_node(g, &combine, (vc_tensor *[]){a, b}, 2, &attr, sizeof attr);
}

// ---- product ----------------------------------------------------------------------------------------------------

static vc_status mul_emit(vc_emitter *e, const vc_tensor *out) {
  return emit(e, out, POINTWISE_MUL, 0, 0);
}

static void mul_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  for (uint32_t i = 0; i < 2; i++) {
    if (want[i]) grad_in[i] = vc_mul(g, grad_out, out->in[1 - i]);
  }
}

static const struct vc_op mul = {.name = "mul", .infer = infer, .emit = mul_emit, .vjp = mul_vjp, .in_place = 3};

vc_tensor *vc_mul(vc_graph *g, vc_tensor *a, vc_tensor *b) {
  return vc_node(g, &mul, (vc_tensor *[]){a, b}, 2, NULL, 0);
}

// ---- broadcast --------------------------------------------------------------------------------------------------

struct broadcast_attr {
  struct vc_shape shape;
  float factor;
};

static vc_status broadcast_infer(vc_tensor *out) {
  const struct broadcast_attr *a = ops_attr(out);
  uint64_t k = vc_shape_count(out->in[0]->shape);
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the operand"));
  if (k != 1 && k != a->shape.c) {
    return VC_FAIL(VC_E_SHAPE, "%llu values cannot be spread over %u channels", (unsigned long long)k, a->shape.c);
  }
  out->shape = a->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status broadcast_emit(vc_emitter *e, const vc_tensor *out) {
  const struct broadcast_attr *a = ops_attr(out);
  uint64_t n = vc_shape_count(out->shape);
  struct ops_grid grid = ops_grid_for(e, n, 8);
  struct vc_pointwise_push push = {
      .n = (uint32_t)n, .stride = grid.stride, .fa = a->factor, .k = (uint32_t)vc_shape_count(out->in[0]->shape)};
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "pointwise_broadcast_fwd",
                        .n_bindings = 2,
                        .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out)},
                        .push = &push,
                        .push_bytes = sizeof push,
                        .groups = {grid.groups[0], 1, 1},
                    });
}

static void broadcast_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct broadcast_attr *a = ops_attr(out);
  if (!want[0]) return;
  bool one = vc_shape_count(out->in[0]->shape) == 1;
  grad_in[0] = vc_scale(g, one ? vc_sum(g, grad_out) : vc_sum_pixels(g, grad_out), a->factor);
}

static const struct vc_op broadcast = {
    .name = "broadcast", .infer = broadcast_infer, .emit = broadcast_emit, .vjp = broadcast_vjp};

vc_tensor *ops_broadcast(vc_graph *g, vc_tensor *v, struct vc_shape shape, float factor) {
  return vc_node(g, &broadcast, &v, 1, &(struct broadcast_attr){shape, factor}, sizeof(struct broadcast_attr));
}
