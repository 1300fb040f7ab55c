// Results that take the memory of an operand: where the operand's last reader is an op that may write over it
// (vc_op.in_place), both are given one place. That spares memory, and where the result has a fixed place (a gradient
// in its block) the operand is computed there already.
#include "internal.h"

struct sharing {
  struct program *p;
  uint32_t *first, *last; // [n_resources] dispatches that touch it
};

static void find_uses(struct sharing *s) {
  for (uint32_t r = 0; r < s->p->n_resources; r++) s->first[r] = UINT32_MAX;
  for (uint32_t i = 0; i < s->p->n_dispatches; i++) {
    const struct vc_dispatch *d = &s->p->dispatches[i].d;
    for (uint32_t j = 0; j < d->n_bindings; j++) {
      uint32_t r = d->bindings[j].resource;
      s->first[r] = VC_MIN(s->first[r], i);
      s->last[r] = i;
    }
  }
}

// Whether dispatches first..end-1 leave the region alone.
static bool is_untouched(const struct program *p, vc_region region, uint32_t first, uint32_t end) {
  for (uint32_t i = first; i < end; i++) {
    const struct vc_dispatch *d = &p->dispatches[i].d;
    for (uint32_t j = 0; j < d->n_bindings; j++) {
      vc_region b = d->bindings[j];
      if (b.resource == region.resource && b.offset < region.offset + region.n_bytes &&
          region.offset < b.offset + b.n_bytes)
        return false;
    }
  }
  return true;
}

// Moves all of resource `from` to where `to` lies; dispatch i is the last that touches it.
static void move(struct sharing *s, uint32_t from, vc_region to, uint32_t i) {
  for (uint32_t k = s->first[from]; k <= i; k++) {
    struct vc_dispatch *d = &s->p->dispatches[k].d;
    for (uint32_t j = 0; j < d->n_bindings; j++) {
      vc_region *b = &d->bindings[j];
      if (b->resource == from) *b = (vc_region){to.resource, to.offset + b->offset, b->n_bytes};
    }
  }
  s->first[to.resource] = VC_MIN(s->first[to.resource], s->first[from]);
}

// The binding of dispatch d that is of in's memory, which nothing else lies in; UINT32_MAX: none.
static uint32_t find_operand(const struct program *p, const struct vc_dispatch *d, const vc_tensor *in) {
  const vc_tensor *root = tensor_root(in, NULL);
  for (uint32_t j = 0; j < d->n_bindings; j++) {
    const struct program_resource *r = &p->resources[d->bindings[j].resource];
    if (r->kind == PROGRAM_NODE && r->owner == root && !r->keep) return j;
  }
  return UINT32_MAX;
}

// Whether dispatches up to `last`, of one node that begins with `start`, take all of an operand's memory, at once or
// part by part, and write the same parts of a result; *whole is then the result's place.
static bool find_result(const struct program *p, uint32_t start, uint32_t last, uint32_t operand, uint32_t out,
                        vc_region *whole) {
  const vc_region from = p->dispatches[last].d.bindings[operand], to = p->dispatches[last].d.bindings[out];
  const uint64_t n_bytes = p->resources[from.resource].n_bytes;
  uint64_t left = n_bytes; // that no part has been found for, from the operand's beginning on
  *whole = (vc_region){to.resource, to.offset - from.offset, n_bytes};
  for (uint32_t i = last + 1; left > 0 && i-- > start;) {
    const vc_region *b = p->dispatches[i].d.bindings, part = b[operand], result = b[out];
    if (part.resource != from.resource || part.offset + part.n_bytes != left || result.resource != to.resource ||
        result.offset != whole->offset + part.offset || result.n_bytes != part.n_bytes)
      return false;
    left = part.offset;
  }
  return left == 0;
}

static void share(struct sharing *s, uint32_t i) {
  const struct program_dispatch *d = &s->p->dispatches[i];
  const vc_tensor *node = d->node;
  uint32_t start = i; // of the node's dispatches, which may write the result in parts
  while (!s->p->dispatches[start].starts) start--;
  uint32_t out = 0;
  while (out < d->d.n_bindings && !(d->access[out] & 2)) out++;
  if (out == d->d.n_bindings) return;
  for (uint32_t k = 0; k < node->n_in; k++) {
    if (!(node->op->in_place >> k & 1u) || !node->in[k]) continue;
    uint32_t operand = find_operand(s->p, &d->d, node->in[k]);
    if (operand == UINT32_MAX) continue;
    uint32_t from = d->d.bindings[operand].resource;
    vc_region to;
    if (!find_result(s->p, start, i, operand, out, &to) || from == to.resource || s->last[from] != i) continue;
    if (!is_untouched(s->p, to, s->first[from], start)) continue;
    move(s, from, to, i);
    return;
  }
}

vc_status program_share(vc_arena *arena, struct program *p) {
  struct sharing s = {.p = p};
  VC_TRY(VC_NEW(arena, p->n_resources, &s.first));
  VC_TRY(VC_NEW(arena, p->n_resources, &s.last));
  find_uses(&s);
  for (uint32_t i = 0; i < p->n_dispatches; i++) share(&s, i);
  return VC_OK;
}
