// What a product and a gradient are to any kernel.
#include "conv.h"

uint32_t conv_flags_of(const struct conv_product *p) {
  return (p->bias ? CONV_BIAS : 0) | (p->relu ? CONV_RELU : 0) | (p->add ? CONV_ADD : 0);
}

struct vc_conv_push conv_push_of(const struct conv_product *p) {
  const struct vc_shape in = p->in->shape;
  return (struct vc_conv_push){.samples = in.n,
                               .in_h = in.h,
                               .in_w = in.w,
                               .in_c = in.c,
                               .grid_h = p->grid_h,
                               .grid_w = p->grid_w,
                               .cols = p->cols,
                               .origin = p->origin,
                               .up = p->up,
                               .flags = conv_flags_of(p)};
}

struct vc_conv_dw_push conv_dw_push_of(const struct conv_gradient *p) {
  const struct vc_shape rows = p->rows->shape, cols = p->cols->shape;
  return (struct vc_conv_dw_push){.in_h = cols.h,
                                  .in_w = cols.w,
                                  .grid_h = rows.h,
                                  .grid_w = rows.w,
                                  .rows = rows.c,
                                  .cols = cols.c,
                                  .origin = p->origin,
                                  .steps = rows.n * rows.h * rows.w};
}

static const vc_tensor *image_in(const vc_tensor *out, uint32_t i) {
  return out->op->half_inputs >> i & 1 ? out->in[i] : NULL;
}

bool conv_in_units(const vc_tensor *out, uint32_t unit) {
  for (uint32_t i = 0; i < out->n_in; i++) {
    const vc_tensor *in = image_in(out, i);
    if (in && in->shape.c % unit != 0) return false;
  }
  return out->shape.c % unit == 0;
}

bool conv_is_half(const vc_tensor *out) {
  for (uint32_t i = 0; i < out->n_in; i++) {
    const vc_tensor *in = image_in(out, i);
    if (in && in->dtype != VC_F16) return false;
  }
  return true;
}
