// Softmax, its logarithm and the argmax over channels. Equations: docs/equations.md [SOFTMAX 1..4].
#include "internal.h"

#include "shaders/shared/softmax.h"

struct softmax_attr {
  uint32_t log; // 1: of log-probabilities
};

static vc_status infer(vc_tensor *out) {
  for (uint32_t i = 0; i < out->n_in; i++) {
    VC_TRY(ops_want_dtype(out->in[i], VC_F32, "the operand"));
    VC_TRY(ops_want_shape(out->in[i], out->in[0]->shape, "the gradient"));
  }
  out->shape = out->in[0]->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

// Kernels with one invocation a pixel, on all inputs and the result.
static vc_status emit_pixels(vc_emitter *e, const vc_tensor *out, const char *kernel, uint32_t n_spec, uint32_t log) {
  struct vc_shape s = out->in[0]->shape;
  uint64_t n_pixels = (uint64_t)s.n * s.h * s.w;
  struct ops_grid grid = ops_grid_for(e, n_pixels, 8);
  struct vc_softmax_push push = {.n = (uint32_t)n_pixels, .c = s.c, .stride = grid.stride};
  struct vc_dispatch d = {.kernel = kernel,
                          .n_spec = n_spec,
                          .spec = {[SC_SOFTMAX_LOG] = log},
                          .push = &push,
                          .push_bytes = sizeof push,
                          .groups = {grid.groups[0], 1, 1}};
  for (uint32_t i = 0; i < out->n_in; i++) d.bindings[d.n_bindings++] = vc_emit_tensor(e, out->in[i]);
  d.bindings[d.n_bindings++] = vc_emit_tensor(e, out);
  return vc_emit(e, &d);
}

static vc_status grad_emit(vc_emitter *e, const vc_tensor *out) {
  const struct softmax_attr *a = ops_attr(out);
  return emit_pixels(e, out, "softmax_dx", 1, a->log);
}

static const struct vc_op softmax_grad = {.name = "softmax_dx", .infer = infer, .emit = grad_emit};

static vc_status forward_emit(vc_emitter *e, const vc_tensor *out) {
  const struct softmax_attr *a = ops_attr(out);
  return emit_pixels(e, out, "softmax_fwd", 1, a->log);
}

static void forward_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  const struct softmax_attr *a = ops_attr(out);
  if (want[0]) grad_in[0] = vc_node(g, &softmax_grad, (vc_tensor *[]){out, grad_out}, 2, a, sizeof *a);
}

static const struct vc_op softmax = {.name = "softmax", .infer = infer, .emit = forward_emit, .vjp = forward_vjp};
static const struct vc_op log_softmax = {
    .name = "log_softmax", .infer = infer, .emit = forward_emit, .vjp = forward_vjp};

vc_tensor *vc_softmax(vc_graph *g, vc_tensor *z) {
  return vc_node(g, &softmax, &z, 1, &(struct softmax_attr){.log = 0}, sizeof(struct softmax_attr));
}

vc_tensor *vc_log_softmax(vc_graph *g, vc_tensor *z) {
  return vc_node(g, &log_softmax, &z, 1, &(struct softmax_attr){.log = 1}, sizeof(struct softmax_attr));
}

static vc_status argmax_infer(vc_tensor *out) {
  VC_TRY(infer(out));
  out->shape.c = 1;
  out->dtype = VC_U32;
  return VC_OK;
}

static vc_status argmax_emit(vc_emitter *e, const vc_tensor *out) {
  return emit_pixels(e, out, "softmax_argmax_fwd", 0, 0);
}

static const struct vc_op argmax = {.name = "argmax", .infer = argmax_infer, .emit = argmax_emit};

vc_tensor *vc_argmax(vc_graph *g, vc_tensor *x) {
  return vc_node(g, &argmax, &x, 1, NULL, 0);
}
