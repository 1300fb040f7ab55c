// What a choice among variants is measured on: the same kind of node with one image whose sides are powers of two.
#include "internal.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

// Sizes above these tell no more: they only take longer, or lose a device that has a watchdog to a bad kernel.
static const double MAX_FLOPS_CPU = 1e9, MAX_FLOPS = 1e10, MAX_BYTES = 64 << 20;
enum { MIN_PIXELS_LOG2 = 4 };

static uint64_t pixels_of(const vc_tensor *t) {
  return (uint64_t)t->shape.n * t->shape.h * t->shape.w;
}

static void resize(const vc_tensor *node, uint32_t pixels_log2, struct sample *out) {
  double scale = (double)((uint64_t)1 << pixels_log2) / (double)pixels_of(node->in[0]);
  *out = (struct sample){.h = 1u << pixels_log2 / 2, .w = 1u << (pixels_log2 - pixels_log2 / 2)};
  for (uint32_t i = 0; i < node->n_in; i++) {
    if (node->in[i]) out->in[i] = node->in[i]->shape;
  }
  memcpy(out->attr, node->attr, sizeof out->attr);
  node->op->resize(node, out->h, out->w, out->in, out->attr);
  out->flops = node->op->flops ? node->op->flops(node) * scale : 0;
}

// Whether row 0 can bind all that the sample's node touches: weights have their own size in every sample.
static bool can_bind(const struct vc_caps *caps, const vc_tensor *node, const struct sample *sample) {
  vc_tensor in[VC_MAX_INPUTS], probe = *node;
  memcpy(probe.attr, sample->attr, sizeof probe.attr);
  for (uint32_t i = 0; i < node->n_in; i++) {
    if (!node->in[i]) continue;
    in[i] = *node->in[i];
    in[i].shape = sample->in[i];
    if (in[i].dtype == VC_F16) in[i].dtype = VC_F32; // as it was before the rewrite
    probe.in[i] = &in[i];
    if (vc_shape_count(in[i].shape) * 4 > caps->max_buffer_range) return false;
  }
  return node->op->infer(&probe) == VC_OK && vc_shape_count(probe.shape) * 4 <= caps->max_buffer_range;
}

bool sample_of(const vc_tensor *node, const struct vc_caps *caps, struct sample *out) {
  if (!node->op->resize) return false;
  uint64_t n_pixels = pixels_of(node->in[0]);
  uint32_t pixels_log2 = MIN_PIXELS_LOG2;
  double flops = node->op->flops ? node->op->flops(node) : 0, n_bytes = (double)vc_shape_count(node->shape) * 4;
  for (uint32_t i = 0; i < node->n_in; i++) {
    if (node->in[i]) n_bytes += (double)vc_shape_count(node->in[i]->shape) * 4;
  }
  double share = 1 / (double)n_pixels, most = caps->type == VC_DEVICE_CPU ? MAX_FLOPS_CPU : MAX_FLOPS;
  for (uint64_t n = 2 << MIN_PIXELS_LOG2; n < 2 * n_pixels; n *= 2) {
    if (flops * share * (double)n > most || n_bytes * share * (double)n > MAX_BYTES) break;
    pixels_log2++;
  }
  resize(node, pixels_log2, out);
  return can_bind(caps, node, out);
}

void sample_shrink(const vc_tensor *node, const struct sample *from, double max_flops, struct sample *out) {
  uint32_t pixels_log2 = 0;
  double flops = from->flops;
  while ((1u << pixels_log2) < from->h * from->w) pixels_log2++;
  for (; pixels_log2 > MIN_PIXELS_LOG2 && flops > max_flops; pixels_log2--) flops /= 2;
  resize(node, pixels_log2, out);
}

vc_status sample_key(vc_arena *arena, const char *job, const struct vc_variant *table, size_t n_rows, uint32_t rows,
                     const vc_tensor *node, const struct sample *sample, const char **out) {
  char text[512], *copy;
  size_t used = (size_t)snprintf(text, sizeof text, "%s", job);
  for (uint32_t i = 0; i < node->n_in && used < sizeof text; i++) {
    const struct vc_shape *s = &sample->in[i];
    static const char *const kinds[] = {[VC_F32] = "", [VC_U32] = "u", [VC_F16] = "h"};
    int n = node->in[i] ? snprintf(text + used, sizeof text - used, " %ux%ux%ux%u%s", s->n, s->c, s->h, s->w,
                                   kinds[node->in[i]->dtype])
                        : snprintf(text + used, sizeof text - used, " -");
    used += (size_t)VC_MAX(n, 0);
  }
  const uint64_t hash = hash_bytes_fnv(sample->attr, sizeof sample->attr);
  if (used < sizeof text)
    used += (size_t)snprintf(text + used, sizeof text - used, " #%08x ", (uint32_t)(hash ^ hash >> 32));
  const char *separator = "";
  for (size_t i = 0; i < n_rows && used < sizeof text; i++) {
    if (!(rows >> i & 1)) continue;
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", separator, table[i].name);
    separator = "|";
  }
  VC_TRY(vc_arena_strdup(arena, text, &copy));
  *out = copy;
  return VC_OK;
}
