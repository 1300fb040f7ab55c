// The U-Net from the references: a list of ops, forward, then backward in the reverse order.
#include "doctor/network.h"

#include <string.h>

enum { MAX_OPS = 128, MAX_DEPTH = 8 };

// A value with its gradient.
struct value {
  ref_array *v, *grad; // grad NULL: not wanted
};
struct step {
  const struct ref_op *op;
  const void *attr;
  uint32_t n_in;
  struct value in[3], out;
};
struct tape {
  vc_arena *arena;
  vc_status status; // the first failure; everything after it does nothing
  struct step steps[MAX_OPS];
  uint32_t n;
  const vc_model *model;
  double *block, *gradient;
  uint32_t next; // parameters are used in the order of the table
};

static struct value new_value(struct tape *t, struct vc_shape shape) {
  struct value x = {NULL, NULL};
  if (t->status == VC_OK) t->status = ref_array_create(t->arena, shape, VC_F32, &x.v);
  if (t->status == VC_OK) t->status = ref_array_create(t->arena, shape, VC_F32, &x.grad);
  return x;
}

// The next parameter: an array over its part of the blocks.
static struct value next_param(struct tape *t) {
  const struct vc_param *p = &t->model->params[t->next++];
  struct value x = {NULL, NULL};
  if (t->status == VC_OK) t->status = VC_NEW(t->arena, 1, &x.v);
  if (t->status == VC_OK) t->status = VC_NEW(t->arena, 1, &x.grad);
  if (t->status != VC_OK) return x;
  *x.v = (ref_array){p->shape, VC_F32, vc_shape_count(p->shape), t->block + p->offset};
  *x.grad = (ref_array){p->shape, VC_F32, vc_shape_count(p->shape), t->gradient + p->offset};
  return x;
}

static struct value apply(struct tape *t, const struct ref_op *op, const void *attr, struct vc_shape shape,
                          uint32_t n_in, const struct value *in) {
  struct step s = {.op = op, .attr = attr, .n_in = n_in, .out = new_value(t, shape)};
  ref_array *values[REF_MAX_INPUTS] = {NULL};
  if (t->status != VC_OK) return s.out;
  VC_ASSERT(t->n < MAX_OPS);
  for (uint32_t i = 0; i < n_in; i++) {
    s.in[i] = in[i];
    values[i] = in[i].v;
  }
  op->reference(values, s.out.v, attr);
  t->steps[t->n++] = s;
  return s.out;
}

static void go_back(struct tape *t) {
  while (t->n > 0) {
    const struct step *s = &t->steps[--t->n];
    ref_array *values[REF_MAX_INPUTS] = {NULL}, *grads[REF_MAX_INPUTS] = {NULL};
    for (uint32_t i = 0; i < s->n_in; i++) {
      values[i] = s->in[i].v;
      grads[i] = s->in[i].grad;
    }
    s->op->vjp(values, s->out.v, s->out.grad, grads, s->attr);
  }
}

// ---- layers -------------------------------------------------------------------------------------------------------

static struct value conv(struct tape *t, struct value x, bool relu) {
  static const struct ref_conv_attr plain = {.padding = VC_PAD_SAME},
                                    with_relu = {.padding = VC_PAD_SAME, .relu = true};
  const struct value w = next_param(t), b = next_param(t);
  if (t->status != VC_OK) return x;
  struct vc_shape shape = x.v->shape;
  shape.c = w.v->shape.n;
  return apply(t, &ref_conv2d, relu ? &with_relu : &plain, shape, 3, (struct value[]){x, w, b});
}

static struct value pool(struct tape *t, struct value x) {
  if (t->status != VC_OK) return x;
  struct vc_shape s = x.v->shape;
  return apply(t, &ref_max_pool2x2, NULL, (struct vc_shape){s.n, s.c, s.h / 2, s.w / 2}, 1, &x);
}

static struct value up_and_join(struct tape *t, struct value x, struct value skip) {
  const struct value w = next_param(t), b = next_param(t);
  if (t->status != VC_OK) return x;
  struct vc_shape shape = skip.v->shape;
  shape.c = w.v->shape.c;
  x = apply(t, &ref_conv_transpose2x2, NULL, shape, 3, (struct value[]){x, w, b});
  shape.c += skip.v->shape.c;
  return apply(t, &ref_concat_channels, NULL, shape, 2, (struct value[]){skip, x});
}

static struct value unet(struct tape *t, struct value x) {
  const uint32_t depth = t->model->desc.depth;
  struct value skip[MAX_DEPTH];
  for (uint32_t level = 0; level <= depth; level++) {
    if (level > 0) x = pool(t, x);
    x = conv(t, conv(t, x, true), true);
    if (level < depth) skip[level] = x;
  }
  for (uint32_t level = depth; level-- > 0;) {
    x = up_and_join(t, x, skip[level]);
    x = conv(t, conv(t, x, true), true);
  }
  return conv(t, x, false);
}

vc_status network_loss(vc_arena *arena, const vc_model *model, double *block, ref_array *x, ref_array *labels,
                       struct vc_dice_desc dice, double *out_loss, double *out_gradient) {
  struct tape *t;
  VC_ASSERT(model->desc.depth <= MAX_DEPTH && model->desc.dropout <= 0);
  VC_TRY(VC_NEW(arena, 1, &t));
  *t = (struct tape){.arena = arena, .model = model, .block = block, .gradient = out_gradient};
  const struct value logits = unet(t, (struct value){x, NULL});
  VC_TRY(t->status);
  const struct value p = apply(t, &ref_softmax, NULL, logits.v->shape, 1, &logits);
  const struct value both[] = {p, {labels, NULL}};
  const struct value loss = apply(t, &ref_dice, &dice, (struct vc_shape){1, 1, 1, 1}, 2, both);
  VC_TRY(t->status);
  *out_loss = loss.v->v[0];
  loss.grad->v[0] = 1;
  go_back(t);
  return VC_OK;
}
