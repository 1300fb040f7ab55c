// Max pooling. Equations: docs/equations.md [POOL 1..2].
#include "internal.h"

#include "shaders/shared/pool.h"

// Both kernels walk over the pooled tensor's elements; it is `small`. One of its rows is made of two of the others.
static vc_status emit_pool(vc_emitter *e, const char *kernel, const vc_tensor *small, const vc_tensor *const *operands,
                           uint32_t n_operands) {
  const struct vc_shape s = small->shape;
  const uint32_t width = s.c % 4 == 0 ? 4 : 1;
  const uint64_t n_rows = (uint64_t)s.n * s.h, row_bytes = (uint64_t)s.w * s.c * vc_dtype_bytes(small->dtype);
  const uint64_t most = vc_emit_range(e, n_rows, row_bytes, 4 * row_bytes);
  for (uint64_t first = 0; first < n_rows; first += most) {
    const uint64_t n_here = VC_MIN(most, n_rows - first), n = n_here * s.w * s.c / width;
    struct ops_grid grid = ops_grid_for(e, n, 4);
    struct vc_pool_push push = {.n = (uint32_t)n, .stride = grid.stride, .c = s.c / width, .w = s.w};
    struct vc_dispatch d = {.kernel = kernel,
                            .n_bindings = n_operands,
                            .n_spec = 1,
                            .spec = {[SC_POOL_WIDTH] = width},
                            .push = &push,
                            .push_bytes = sizeof push,
                            .groups = {grid.groups[0], 1, 1}};
    for (uint32_t i = 0; i < n_operands; i++) {
      const uint64_t bytes = vc_shape_equal(operands[i]->shape, s) ? row_bytes : 4 * row_bytes;
      d.bindings[i] = vc_region_slice(vc_emit_tensor(e, operands[i]), first * bytes, n_here * bytes);
    }
    VC_TRY(vc_emit(e, &d));
  }
  return VC_OK;
}

static vc_status grad_infer(vc_tensor *out) {
  struct vc_shape x = out->in[0]->shape;
  VC_TRY(ops_want_dtype(out->in[1], VC_F32, "the gradient"));
  VC_TRY(ops_want_shape(out->in[1], (struct vc_shape){x.n, x.c, x.h / 2, x.w / 2}, "the gradient"));
  out->shape = x;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status grad_emit(vc_emitter *e, const vc_tensor *out) {
  return emit_pool(e, "pool_max_dx", out->in[1], (const vc_tensor *[]){out->in[0], out->in[1], out}, 3);
}

static const struct vc_op max_pool_grad = {
    .name = "max_pool2x2_dx", .infer = grad_infer, .emit = grad_emit, .half_inputs = 3, .half_result = true};

vc_tensor *ops_max_pool_grad_of(const vc_tensor *t, const vc_tensor *x) {
  return t->op == &max_pool_grad && t->in[0] == x ? t->in[1] : NULL;
}

static vc_status infer(vc_tensor *out) {
  struct vc_shape x = out->in[0]->shape;
  VC_TRY(ops_want_dtype(out->in[0], VC_F32, "the operand"));
  if (x.h % 2 != 0 || x.w % 2 != 0 || x.h == 0 || x.w == 0) {
    return VC_FAIL(VC_E_SHAPE, "the sides %u x %u are not even; pad by reflection before pooling", x.h, x.w);
  }
  out->shape = (struct vc_shape){x.n, x.c, x.h / 2, x.w / 2};
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status emit(vc_emitter *e, const vc_tensor *out) {
  return emit_pool(e, "pool_max_fwd", out, (const vc_tensor *[]){out->in[0], out}, 2);
}

static void vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  if (want[0]) grad_in[0] = vc_node(g, &max_pool_grad, (vc_tensor *[]){out->in[0], grad_out}, 2, NULL, 0);
}

static const struct vc_op max_pool = {
    .name = "max_pool2x2", .infer = infer, .emit = emit, .vjp = vjp, .half_inputs = 1, .half_result = true};

vc_tensor *vc_max_pool2x2(vc_graph *g, vc_tensor *x) {
  return vc_node(g, &max_pool, &x, 1, NULL, 0);
}
