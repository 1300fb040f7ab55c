// The U-Net as a graph, to be read beside Figure 1 of Ronneberger et al. 2015.
#include "vulcyte/nn.h"

#include <string.h>

struct unet {
  vc_graph *g;
  const vc_model *model;
  vc_tensor *const *params;
  uint32_t next; // parameters are used in the order of the table
};

void vc_model_bind(vc_graph *g, const vc_model *model, vc_tensor *block, vc_tensor **out_params) {
  for (uint32_t i = 0; i < model->n_params; i++) {
    vc_graph_push(g, "%s", model->params[i].name);
    out_params[i] = vc_view(g, block, model->params[i].shape, model->params[i].offset);
    vc_graph_pop(g);
  }
}

static vc_tensor *conv(struct unet *u, vc_tensor *x, bool relu) {
  vc_tensor *w = u->params[u->next++], *b = u->params[u->next++];
  return vc_conv2d(u->g, x, w, b, (struct vc_conv2d_desc){.padding = u->model->desc.padding, .relu = relu});
}

static vc_tensor *double_conv(struct unet *u, const char *stage, uint32_t level, vc_tensor *x) {
  vc_graph_push(u->g, "%s%u", stage, level);
  for (uint32_t i = 0; i < 2; i++) {
    vc_graph_push(u->g, "conv%u", i);
    x = conv(u, x, true);
    vc_graph_pop(u->g);
  }
  vc_graph_pop(u->g);
  return x;
}

static vc_tensor *up(struct unet *u, uint32_t level, vc_tensor *x) {
  vc_graph_push(u->g, "up%u", level);
  vc_tensor *w = u->params[u->next++], *b = u->params[u->next++];
  vc_tensor *y = vc_conv_transpose2x2(u->g, x, w, b);
  vc_graph_pop(u->g);
  return y;
}

static vc_tensor *head(struct unet *u, const char *name, vc_tensor *x, uint32_t h, uint32_t w) {
  vc_graph_push(u->g, "%s", name);
  vc_tensor *z = conv(u, x, false);
  if (x->shape.h != h || x->shape.w != w) z = vc_crop(u->g, z, 0, 0, h, w);
  vc_graph_pop(u->g);
  return z;
}

struct vc_unet_out vc_unet(vc_graph *g, const vc_model *model, vc_tensor *const *params, vc_tensor *x,
                           vc_tensor *dropout_key) {
  struct unet u = {.g = g, .model = model, .params = params};
  const uint32_t depth = model->desc.depth, multiple = 1u << depth, h = x->shape.h, w = x->shape.w;
  vc_graph_push(g, "unet");
  const uint32_t bottom = (multiple - h % multiple) % multiple, right = (multiple - w % multiple) % multiple;
  if (bottom || right) x = vc_pad_reflect(g, x, 0, bottom, 0, right);

  vc_tensor *skip[8] = {0};
  for (uint32_t level = 0; level < depth; level++) {
    skip[level] = double_conv(&u, "enc", level, x);
    x = vc_max_pool2x2(g, skip[level]);
  }
  x = double_conv(&u, "enc", depth, x);
  if (dropout_key && model->desc.dropout > 0) x = vc_dropout(g, x, model->desc.dropout, dropout_key);
  for (uint32_t level = depth; level-- > 0;) {
    x = up(&u, level, x);
    x = vc_concat_channels(g, skip[level], x);
    x = double_conv(&u, "dec", level, x);
  }
  struct vc_unet_out out = {.logits = head(&u, "head", x, h, w)};
  if (model->desc.aux_classes) out.aux_logits = head(&u, "head_aux", x, h, w);
  vc_graph_pop(g);
  return out;
}
