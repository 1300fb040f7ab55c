// The U-Net as a graph, to be read beside Figure 1 of Ronneberger et al. 2015.
#include "vulcyte/nn.h"

#include <string.h>

struct unet {
  vc_graph *g;
  const vc_model *model;
  vc_tensor *const *params;
  const struct vc_unet_training *training; // NULL: evaluation
  uint32_t next;                           // parameters are used in the order of the table
};

void vc_model_bind(vc_graph *g, const vc_model *model, vc_tensor *block, vc_tensor **out_params) {
  for (uint32_t i = 0; i < model->n_params; i++) {
    vc_graph_push(g, "%s", model->params[i].name);
    out_params[i] = vc_view(g, block, model->params[i].shape, model->params[i].offset);
    vc_graph_pop(g);
  }
}

// The convolution of x, or where there is a skip of [skip, x]: as a sum of two, unless it is less to move the images
// side by side than to cut the weights in two.
static vc_tensor *conv(struct unet *u, vc_tensor *skip, vc_tensor *x, bool relu) {
  vc_tensor *w = u->params[u->next++], *b = u->params[u->next++];
  struct vc_conv2d_desc desc = {.padding = u->model->desc.padding};
  if (skip && vc_shape_count(w->shape) > vc_shape_count(skip->shape) + vc_shape_count(x->shape)) {
    x = vc_concat_channels(u->g, skip, x);
  } else if (skip) {
    const uint32_t c = skip->shape.c;
    desc.add = vc_conv2d(u->g, skip, vc_slice_channels(u->g, w, 0, c), NULL, desc);
    w = vc_slice_channels(u->g, w, c, x->shape.c);
  }
  desc.relu = relu;
  return vc_conv2d(u->g, x, w, b, desc);
}

// Normalisation and ReLU, by the own statistics of x in training.
static vc_tensor *norm(struct unet *u, vc_tensor *x) {
  const enum vc_norm kind = u->model->desc.norm;
  vc_tensor *w = u->params[u->next++], *b = u->params[u->next++];
  struct vc_norm_running running = {0};
  if (kind == VC_NORM_BATCH) {
    running.mean = u->params[u->next++];
    running.variance = u->params[u->next++];
    running.count = u->params[u->next++];
    if (!u->training) return vc_normalise_by(u->g, x, w, b, running.mean, running.variance, true);
  }
  const bool tracks = u->training && !u->training->keep_statistics;
  return vc_normalise(u->g, x, w, b, (struct vc_norm_desc){.kind = kind, .relu = true}, tracks ? &running : NULL);
}

// Two convolutions; the first one of [skip, x] where skip is not NULL.
static vc_tensor *double_conv(struct unet *u, const char *stage, uint32_t level, vc_tensor *skip, vc_tensor *x) {
  vc_graph_push(u->g, "%s%u", stage, level);
  for (uint32_t i = 0; i < 2; i++) {
    const bool has_norm = u->model->desc.norm != VC_NORM_NONE;
    vc_graph_push(u->g, "conv%u", i);
    x = conv(u, i == 0 ? skip : NULL, x, !has_norm);
    vc_graph_pop(u->g);
    if (!has_norm) continue;
    vc_graph_push(u->g, "norm%u", i);
    x = norm(u, x);
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
  vc_tensor *z = conv(u, NULL, x, false);
  if (x->shape.h != h || x->shape.w != w) z = vc_crop(u->g, z, 0, 0, h, w);
  vc_graph_pop(u->g);
  return z;
}

// The smallest side of at least n pixels that unpadded convolutions can leave: 2^d (s - 4) + 4, s > 4 at the bottom.
static uint32_t valid_side(uint32_t n, uint32_t multiple) {
  const uint32_t bottom = VC_MAX((uint32_t)vc_div_up(n > 4 ? n - 4 : 0, multiple), 1u);
  return multiple * bottom + 4;
}

// The input as the contracting path takes it.
static vc_tensor *extend(struct unet *u, vc_tensor *x) {
  const uint32_t multiple = 1u << u->model->desc.depth, h = x->shape.h, w = x->shape.w;
  uint32_t margin = 0, bottom, right;
  if (u->model->desc.padding == VC_PAD_SAME) {
    bottom = (multiple - h % multiple) % multiple;
    right = (multiple - w % multiple) % multiple;
  } else {
    // The convolutions take 6·2^d - 4 pixels off each side.
    margin = 6 * multiple - 4;
    bottom = margin + valid_side(h, multiple) - h;
    right = margin + valid_side(w, multiple) - w;
  }
  return bottom || right ? vc_pad_reflect(u->g, x, margin, bottom, margin, right) : x;
}

// The middle of a skip connection, of the size of what comes up.
static vc_tensor *crop_to(struct unet *u, vc_tensor *skip, struct vc_shape s) {
  if (skip->shape.h == s.h && skip->shape.w == s.w) return skip;
  return vc_crop(u->g, skip, (skip->shape.h - s.h) / 2, (skip->shape.w - s.w) / 2, s.h, s.w);
}

struct vc_unet_out vc_unet(vc_graph *g, const vc_model *model, vc_tensor *const *params, vc_tensor *x,
                           const struct vc_unet_training *training) {
  struct unet u = {.g = g, .model = model, .params = params, .training = training};
  const uint32_t depth = model->desc.depth, h = x->shape.h, w = x->shape.w;
  vc_graph_push(g, "unet");
  if (model->desc.edges) x = vc_concat_channels(g, x, vc_edges(g, x));
  x = extend(&u, x);

  vc_tensor *skip[8] = {0};
  for (uint32_t level = 0; level < depth; level++) {
    skip[level] = double_conv(&u, "enc", level, NULL, x);
    x = vc_max_pool2x2(g, skip[level]);
  }
  x = double_conv(&u, "enc", depth, NULL, x);
  if (training && training->dropout_key) {
    const uint64_t sample = vc_shape_count(x->shape) / x->shape.n; // a multiple of 4 but in the smallest networks
    const uint64_t first = vc_round_up(training->first_sample * sample, 4);
    x = vc_dropout(g, x, model->desc.dropout, training->dropout_key, first);
  }
  for (uint32_t level = depth; level-- > 0;) {
    x = up(&u, level, x);
    x = double_conv(&u, "dec", level, crop_to(&u, skip[level], x->shape), x);
  }
  struct vc_unet_out out = {.logits = head(&u, "head", x, h, w)};
  if (model->desc.aux_classes) out.aux_logits = head(&u, "head_aux", x, h, w);
  vc_graph_pop(g);
  return out;
}
