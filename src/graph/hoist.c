// Moving dispatches to where they free memory sooner: a node whose operands die with it, and that makes less than they
// take, goes right behind what made them. So the gradients of a second loss are added to those of the first one by one,
// and do not wait for each other until the last is there. Every result keeps its bits.
#include "internal.h"

#include <string.h>

struct hoist {
  struct program *p;
  uint32_t *first, *last; // [n_resources] dispatches that touch it
  struct program_dispatch *moved;
};

static void find_uses(struct hoist *h) {
  for (uint32_t r = 0; r < h->p->n_resources; r++) h->first[r] = UINT32_MAX;
  for (uint32_t i = 0; i < h->p->n_dispatches; i++) {
    const struct vc_dispatch *d = &h->p->dispatches[i].d;
    for (uint32_t j = 0; j < d->n_bindings; j++) {
      const uint32_t r = d->bindings[j].resource;
      h->first[r] = VC_MIN(h->first[r], i);
      h->last[r] = i;
    }
  }
}

static bool is_work(const struct hoist *h, uint32_t r) {
  const struct program_resource *resource = &h->p->resources[r];
  return (resource->kind == PROGRAM_NODE || resource->kind == PROGRAM_SCRATCH) && !resource->keep;
}

// Bytes of work memory that live behind dispatches first..end-1 less those that live before them.
static int64_t growth(const struct hoist *h, uint32_t first, uint32_t end) {
  int64_t n_bytes = 0;
  for (uint32_t i = first; i < end; i++) {
    const struct vc_dispatch *d = &h->p->dispatches[i].d;
    for (uint32_t j = 0; j < d->n_bindings; j++) {
      const uint32_t r = d->bindings[j].resource;
      uint32_t k = 0;
      while (d->bindings[k].resource != r) k++;
      if (k < j || !is_work(h, r)) continue;
      const bool before = h->first[r] < first, behind = h->last[r] >= end;
      if (h->first[r] == i && behind) n_bytes += (int64_t)h->p->resources[r].n_bytes;
      if (h->last[r] == i && before) n_bytes -= (int64_t)h->p->resources[r].n_bytes;
    }
  }
  return n_bytes;
}

// Whether b must stay behind a: they touch the same memory, and one writes there or it could no longer be let go
// behind b.
static bool depends(const struct hoist *h, const struct program_dispatch *a, const struct program_dispatch *b) {
  for (uint32_t i = 0; i < a->d.n_bindings; i++)
    for (uint32_t j = 0; j < b->d.n_bindings; j++) {
      const vc_region x = a->d.bindings[i], y = b->d.bindings[j];
      if (x.resource != y.resource) continue;
      if (is_work(h, x.resource)) return true;
      if (((a->access[i] | b->access[j]) & 2) && x.offset < y.offset + y.n_bytes && y.offset < x.offset + x.n_bytes)
        return true;
    }
  return false;
}

// The earliest start of a node's dispatches to which dispatches first..end-1 can move.
static uint32_t earliest(const struct hoist *h, uint32_t first, uint32_t end) {
  const struct program_dispatch *d = h->p->dispatches;
  uint32_t found = first;
  for (uint32_t at = first; at-- > 0;) {
    for (uint32_t i = first; i < end; i++)
      if (depends(h, &d[at], &d[i])) return found;
    if (d[at].starts) found = at;
  }
  return found;
}

vc_status program_hoist(vc_arena *arena, struct program *p) {
  struct hoist h = {.p = p};
  VC_TRY(VC_NEW(arena, p->n_resources, &h.first));
  VC_TRY(VC_NEW(arena, p->n_resources, &h.last));
  VC_TRY(VC_NEW(arena, p->n_dispatches, &h.moved));
  find_uses(&h);
  for (uint32_t first = 0, end; first < p->n_dispatches; first = end) {
    for (end = first + 1; end < p->n_dispatches && !p->dispatches[end].starts;) end++;
    if (growth(&h, first, end) >= 0) continue;
    const uint32_t to = earliest(&h, first, end), n = end - first;
    if (to == first) continue;
    memcpy(h.moved, p->dispatches + first, n * sizeof *h.moved);
    memmove(p->dispatches + to + n, p->dispatches + to, (first - to) * sizeof *h.moved);
    memcpy(p->dispatches + to, h.moved, n * sizeof *h.moved);
    find_uses(&h);
  }
  return VC_OK;
}
