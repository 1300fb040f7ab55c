// Dynamic loss scaling for mixed precision. Equation: docs/equations.md [SCALE 1].
#include "internal.h"

#include "shaders/shared/loss_scale.h"

static const struct vc_loss_scale_push limits = {.growth_steps = 2000, .least = 1, .most = 0x1p24f};

static vc_status infer(vc_tensor *out) {
  static const char *const names[] = {"the hyperparameters", "the gradients' norm", "the state"};
  const struct vc_shape shapes[] = {{1, 8, 1, 1}, {1, 1, 1, 1}, {1, 4, 1, 1}};
  for (uint32_t i = 0; i < 3; i++) {
    VC_TRY(ops_want_dtype(out->in[i], VC_F32, names[i]));
    VC_TRY(ops_want_shape(out->in[i], shapes[i], names[i]));
  }
  if (out->in[2]->kind != VC_KIND_SLOT) return VC_FAIL(VC_E_SHAPE, "the state does not live in a slot");
  out->shape = shapes[0];
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status emit(vc_emitter *e, const vc_tensor *out) {
  return vc_emit(e, &(struct vc_dispatch){
                        .kernel = "loss_scale_fwd",
                        .n_bindings = 4,
                        .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]),
                                     vc_emit_tensor(e, out->in[2]), vc_emit_tensor(e, out)},
                        .push = &limits,
                        .push_bytes = sizeof limits,
                        .groups = {1, 1, 1},
                    });
}

static const struct vc_op loss_scale = {.name = "loss_scale", .infer = infer, .emit = emit};

vc_tensor *vc_loss_scale(vc_graph *g, vc_tensor *hyper, vc_tensor *norm, vc_tensor *state) {
  return vc_node(g, &loss_scale, (vc_tensor *[]){hyper, norm, state}, 3, NULL, 0);
}
