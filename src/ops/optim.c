// Optimiser steps over all parameters at once, in place. Equations: docs/equations.md [ADAM 1], [RMSPROP 1].
#include "internal.h"

#include "shaders/shared/optim.h"

// in[] = parameters, gradients, states..., hyper.
static vc_status infer(vc_tensor *out) {
  static const char *const names[] = {"the parameters", "the gradients", "the first state", "the second state"};
  const vc_tensor *hyper = out->in[out->n_in - 1];
  for (uint32_t i = 0; i + 1 < out->n_in; i++) {
    VC_TRY(ops_want_dtype(out->in[i], VC_F32, names[i]));
    VC_TRY(ops_want_shape(out->in[i], out->in[0]->shape, names[i]));
    if (i != 1 && out->in[i]->kind != VC_KIND_SLOT) return VC_FAIL(VC_E_SHAPE, "%s do not live in a slot", names[i]);
  }
  VC_TRY(ops_want_dtype(hyper, VC_F32, "the hyperparameters"));
  VC_TRY(ops_want_shape(hyper, (struct vc_shape){1, 8, 1, 1}, "the hyperparameters"));
  out->shape = out->in[0]->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status emit(vc_emitter *e, const vc_tensor *out, const char *kernel) {
  const uint64_t n = vc_shape_count(out->shape), most = vc_emit_range(e, n, 4, 4);
  const uint32_t n_blocks = out->n_in - 1; // as long as the parameters
  for (uint64_t first = 0; first < n; first += most) {
    const uint64_t n_here = VC_MIN(most, n - first);
    struct ops_grid grid = ops_grid_for(e, vc_div_up(n_here, 4), 8);
    struct vc_optim_push push = {.n = (uint32_t)n_here, .stride = grid.stride};
    struct vc_dispatch d = {.kernel = kernel,
                            .n_bindings = out->n_in,
                            .n_spec = SC_OPTIM_REST + 1,
                            .spec = {[SC_OPTIM_REST] = n % 4 != 0},
                            .push = &push,
                            .push_bytes = sizeof push,
                            .groups = {grid.groups[0], 1, 1}};
    for (uint32_t i = 0; i < n_blocks; i++) {
      vc_region block = vc_emit_tensor(e, i == 0 ? out : out->in[i]); // in the parameters' memory
      d.bindings[i] = vc_region_slice(block, first * 4, n_here * 4);
    }
    d.bindings[n_blocks] = vc_emit_tensor(e, out->in[n_blocks]);
    VC_TRY(vc_emit(e, &d));
  }
  return VC_OK;
}

static vc_tensor *step(vc_graph *g, const struct vc_op *op, vc_tensor *const *in, uint32_t n_in) {
  vc_tensor *out = vc_node(g, op, in, n_in, NULL, 0);
  vc_place(g, out, in[0], 0);
  return out;
}

static vc_status adam_emit(vc_emitter *e, const vc_tensor *out) {
  return emit(e, out, "optim_adam_fwd");
}

static const struct vc_op adam = {.name = "adam", .infer = infer, .emit = adam_emit};

vc_tensor *vc_adam(vc_graph *g, vc_tensor *params, vc_tensor *gradients, vc_tensor *m, vc_tensor *v, vc_tensor *hyper) {
  return step(g, &adam, (vc_tensor *[]){params, gradients, m, v, hyper}, 5);
}

static vc_status rmsprop_emit(vc_emitter *e, const vc_tensor *out) {
  return emit(e, out, "optim_rmsprop_fwd");
}

static const struct vc_op rmsprop = {.name = "rmsprop", .infer = infer, .emit = rmsprop_emit};

vc_tensor *vc_rmsprop(vc_graph *g, vc_tensor *params, vc_tensor *gradients, vc_tensor *s, vc_tensor *hyper) {
  return step(g, &rmsprop, (vc_tensor *[]){params, gradients, s, hyper}, 4);
}
