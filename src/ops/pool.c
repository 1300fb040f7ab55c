// Max pooling. Equations: docs/equations.md [POOL 1..2].
#include "internal.h"

#include "shaders/shared/pool.h"

// Both kernels walk over the pooled tensor's elements; it is `small`.
static vc_status emit_pool(vc_emitter *e, const char *kernel, struct vc_shape small, const vc_region *bindings,
                           uint32_t n_bindings) {
  uint32_t width = small.c % 4 == 0 ? 4 : 1;
  uint64_t n = vc_shape_count(small) / width;
  struct ops_grid grid = ops_grid_for(e, n, 4);
  struct vc_pool_push push = {.n = (uint32_t)n, .stride = grid.stride, .c = small.c / width, .w = small.w};
  struct vc_dispatch d = {.kernel = kernel,
                          .n_bindings = n_bindings,
                          .n_spec = 1,
                          .spec = {[SC_POOL_WIDTH] = width},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .groups = {grid.groups[0], 1, 1}};
  for (uint32_t i = 0; i < n_bindings; i++) d.bindings[i] = bindings[i];
  return vc_emit(e, &d);
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
  vc_region r[] = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out)};
  return emit_pool(e, "pool_max_dx", out->in[1]->shape, r, 3);
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
  vc_region r[] = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out)};
  return emit_pool(e, "pool_max_fwd", out->shape, r, 2);
}

static void vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  if (want[0]) grad_in[0] = vc_node(g, &max_pool_grad, (vc_tensor *[]){out->in[0], grad_out}, 2, NULL, 0);
}

static const struct vc_op max_pool = {
    .name = "max_pool2x2", .infer = infer, .emit = emit, .vjp = vjp, .half_inputs = 1, .half_result = true};

vc_tensor *vc_max_pool2x2(vc_graph *g, vc_tensor *x) {
  return vc_node(g, &max_pool, &x, 1, NULL, 0);
}
