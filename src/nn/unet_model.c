// The parameter table of the U-Net (Ronneberger et al. 2015): names, shapes and places of all its tensors.
#include "vulcyte/nn.h"

#include <math.h>
#include <string.h>

enum { PARAM_ALIGN = 64 }; // elements: 256 bytes, so that every parameter can be bound by itself

struct builder {
  vc_arena *arena;
  vc_model *model;
};

static struct vc_param *add_param(struct builder *b, uint32_t n_dims, const uint32_t *dims, char *name) {
  vc_model *m = b->model;
  struct vc_param *p = &m->params[m->n_params++];
  p->name = name;
  p->n_dims = n_dims;
  if (n_dims) memcpy(p->dims, dims, n_dims * sizeof *dims);
  const uint32_t *d = p->dims;
  if (n_dims == 4)
    p->shape = (struct vc_shape){d[0], d[1], d[2], d[3]};
  else
    p->shape = (struct vc_shape){1, n_dims ? d[0] : 1, 1, 1};
  return p;
}

// A layer's weight and bias. transposed: weights stand as [in,out,side,side] and every output sees one tap of each
// input.
static vc_status add_layer(struct builder *b, const char *name, uint32_t in, uint32_t out, uint32_t side,
                           bool transposed) {
  char *weight, *bias;
  VC_TRY(vc_arena_printf(b->arena, &weight, "%s.weight", name));
  VC_TRY(vc_arena_printf(b->arena, &bias, "%s.bias", name));
  const uint32_t dims[4] = {transposed ? in : out, transposed ? out : in, side, side};
  add_param(b, 4, dims, weight)->fan_in = transposed ? in : in * side * side;
  add_param(b, 1, &out, bias);
  return VC_OK;
}

// What PyTorch's BatchNorm2d, GroupNorm or affine InstanceNorm2d holds.
static vc_status add_norm(struct builder *b, const char *name, uint32_t channels) {
  static const struct {
    const char *name;
    uint32_t n_dims;
    float initial;
    bool is_state, is_integer;
  } parts[] = {{"weight", 1, 1, false, false},
               {"bias", 1, 0, false, false},
               {"running_mean", 1, 0, true, false},
               {"running_var", 1, 1, true, false},
               {"num_batches_tracked", 0, 0, true, true}};
  const size_t n_parts = b->model->desc.norm == VC_NORM_BATCH ? VC_COUNT_OF(parts) : 2;
  for (size_t i = 0; i < n_parts; i++) {
    char *full;
    VC_TRY(vc_arena_printf(b->arena, &full, "%s.%s", name, parts[i].name));
    struct vc_param *p = add_param(b, parts[i].n_dims, &channels, full);
    p->initial = parts[i].initial;
    p->is_state = parts[i].is_state;
    p->is_integer = parts[i].is_integer;
  }
  return VC_OK;
}

static vc_status add_block(struct builder *b, const char *stage, uint32_t level, uint32_t in, uint32_t out) {
  for (uint32_t i = 0; i < 2; i++) {
    char *name;
    VC_TRY(vc_arena_printf(b->arena, &name, "%s%u.conv%u", stage, level, i));
    VC_TRY(add_layer(b, name, i == 0 ? in : out, out, 3, false));
    if (b->model->desc.norm == VC_NORM_NONE) continue;
    VC_TRY(vc_arena_printf(b->arena, &name, "%s%u.norm%u", stage, level, i));
    VC_TRY(add_norm(b, name, out));
  }
  return VC_OK;
}

static vc_status check_desc(const struct vc_unet_desc *d) {
  if (d->channels < 1 || d->channels > 4)
    return VC_FAIL(VC_E_SHAPE, "model: %u input channels; 1 to 4 are possible", d->channels);
  if (d->classes < 2 || d->classes > 64)
    return VC_FAIL(VC_E_SHAPE, "model: %u classes; 2 to 64 are possible", d->classes);
  if (d->aux_classes > 64)
    return VC_FAIL(VC_E_SHAPE, "model: %u auxiliary classes; at most 64 are possible", d->aux_classes);
  if (d->base < 1 || d->base > 1024) return VC_FAIL(VC_E_SHAPE, "model.base: %u; 1 to 1024 are possible", d->base);
  if (d->depth < 1 || d->depth > 8) return VC_FAIL(VC_E_SHAPE, "model.depth: %u; 1 to 8 are possible", d->depth);
  if (((uint64_t)d->base << d->depth) > 65536)
    return VC_FAIL(VC_E_SHAPE,
                   "model: base %u at depth %u gives more than 65536 feature maps; use a smaller base or depth",
                   d->base, d->depth);
  if (d->norm == VC_NORM_GROUP && d->base % VC_NORM_GROUPS != 0)
    return VC_FAIL(VC_E_SHAPE, "model.norm: %u feature maps do not make %d groups; set model.base to a multiple of %d",
                   d->base, VC_NORM_GROUPS, VC_NORM_GROUPS);
  return VC_OK;
}

// Trained tensors first, then the running statistics, so that the optimiser sees one range.
static void place_params(vc_model *m) {
  for (int state = 0; state < 2; state++) {
    for (uint32_t i = 0; i < m->n_params; i++) {
      struct vc_param *p = &m->params[i];
      if (p->is_state != (state == 1)) continue;
      const uint64_t count = vc_shape_count(p->shape);
      p->offset = m->block_elements;
      m->block_elements += vc_round_up(count, PARAM_ALIGN);
      if (state == 0) m->n_weights += count;
    }
    if (state == 0) m->trained_elements = m->block_elements;
  }
}

vc_status vc_unet_model(vc_arena *arena, const struct vc_unet_desc *desc, vc_model **out) {
  VC_TRY(check_desc(desc));
  struct builder b = {.arena = arena};
  VC_TRY(VC_NEW(arena, 1, &b.model));
  b.model->desc = *desc;
  const uint32_t depth = desc->depth, base = desc->base, seen = (desc->edges ? 2 : 1) * desc->channels;
  const uint32_t per_block = 4 + 2 * 5; // two convolutions, two norms
  VC_TRY(VC_NEW(arena, per_block * (2 * depth + 1) + 2 * depth + 4, &b.model->params));
  for (uint32_t level = 0; level <= depth; level++)
    VC_TRY(add_block(&b, "enc", level, level == 0 ? seen : base << (level - 1), base << level));
  for (uint32_t level = depth; level-- > 0;) {
    char *name;
    VC_TRY(vc_arena_printf(arena, &name, "up%u", level));
    VC_TRY(add_layer(&b, name, base << (level + 1), base << level, 2, true));
    VC_TRY(add_block(&b, "dec", level, base << (level + 1), base << level));
  }
  VC_TRY(add_layer(&b, "head", base, desc->classes, 1, false));
  if (desc->aux_classes) VC_TRY(add_layer(&b, "head_aux", base, desc->aux_classes, 1, false));
  place_params(b.model);
  *out = b.model;
  return VC_OK;
}

void vc_model_init(const vc_model *model, uint64_t seed, float *block) {
  memset(block, 0, model->block_elements * sizeof *block);
  for (uint32_t i = 0; i < model->n_params; i++) {
    const struct vc_param *p = &model->params[i];
    const uint64_t count = vc_shape_count(p->shape);
    if (p->fan_in == 0) {
      for (uint64_t k = 0; k < count; k++) block[p->offset + k] = p->initial;
      continue;
    }
    vc_rng rng = vc_rng_at(seed, VC_RNG_INIT, 0, i);
    const double sd = sqrt(2.0 / p->fan_in);
    // Draws follow memory order; any order gives the same distribution, this one is fixed by the shape alone.
    for (uint64_t k = 0; k < count; k++) block[p->offset + k] = (float)(sd * vc_rng_normal(&rng));
  }
}

// PyTorch's order is [a][b][r][s], that of the block [a][r][s][b].
void vc_param_to_block(const struct vc_param *param, const float *torch, float *block) {
  const struct vc_shape s = param->shape;
  const uint64_t area = (uint64_t)s.h * s.w;
  float *to = block + param->offset;
  for (uint64_t a = 0; a < s.n; a++)
    for (uint64_t k = 0; k < area; k++)
      for (uint64_t b = 0; b < s.c; b++) *to++ = torch[(a * s.c + b) * area + k];
}

void vc_param_from_block(const struct vc_param *param, const float *block, float *torch) {
  const struct vc_shape s = param->shape;
  const uint64_t area = (uint64_t)s.h * s.w;
  const float *from = block + param->offset;
  for (uint64_t a = 0; a < s.n; a++)
    for (uint64_t k = 0; k < area; k++)
      for (uint64_t b = 0; b < s.c; b++) torch[(a * s.c + b) * area + k] = *from++;
}
