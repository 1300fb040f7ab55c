// What comes out the same at every run, as it depends on constant memory alone (packed or cut weights): computed in the
// first run and kept. A rewrite of the dispatch list that knows no ops.
#include "internal.h"

// The most that is kept: less is gained by more, where weights are large and images small.
static const uint64_t MOST_BYTES = 64 << 20;

struct once {
  struct program *p;
  const vc_slot *constant;
  uint32_t *n_writers; // [n_resources] dispatches that write it
  bool *is_once;       // [n_resources] written by a dispatch that runs once
  uint64_t n_bytes;    // of those
};

// Whether dispatch d reads nothing that changes from run to run, and is the only one to write its results, which are
// not too large.
static bool runs_once(const struct once *o, const struct program_dispatch *d) {
  uint64_t n_bytes = o->n_bytes;
  for (uint32_t j = 0; j < d->d.n_bindings; j++) {
    const uint32_t r = d->d.bindings[j].resource;
    const struct program_resource *resource = &o->p->resources[r];
    const bool is_work = resource->kind == PROGRAM_NODE || resource->kind == PROGRAM_SCRATCH;
    const bool holds = (resource->kind == PROGRAM_SLOT && resource->slot == o->constant) || o->is_once[r];
    const bool writes = d->access[j] & 2;
    if (writes ? d->access[j] != 2 || !is_work || o->n_writers[r] != 1 : !holds) return false;
    n_bytes += writes ? resource->n_bytes : 0;
  }
  return n_bytes <= MOST_BYTES;
}

// Keeps what d writes, as memory of its own to every other dispatch.
static void keep_results(struct once *o, const struct program_dispatch *d) {
  for (uint32_t j = 0; j < d->d.n_bindings; j++) {
    const uint32_t r = d->d.bindings[j].resource;
    if (!(d->access[j] & 2)) continue;
    o->is_once[r] = true;
    o->n_bytes += o->p->resources[r].n_bytes;
    o->p->resources[r].kind = PROGRAM_NODE;
    o->p->resources[r].keep = true;
  }
}

vc_status program_once(vc_arena *arena, struct program *p, const vc_slot *constant) {
  struct once o = {.p = p, .constant = constant};
  struct program_dispatch *dispatches;
  bool *is_first;
  uint32_t n = 0;
  VC_TRY(VC_NEW(arena, p->n_resources, &o.n_writers));
  VC_TRY(VC_NEW(arena, p->n_resources, &o.is_once));
  VC_TRY(VC_NEW(arena, p->n_dispatches, &is_first));
  VC_TRY(VC_NEW(arena, p->dispatches_capacity, &dispatches));
  for (uint32_t i = 0; i < p->n_dispatches; i++) {
    const struct program_dispatch *d = &p->dispatches[i];
    for (uint32_t j = 0; j < d->d.n_bindings; j++) o.n_writers[d->d.bindings[j].resource] += (d->access[j] & 2) != 0;
  }
  for (uint32_t i = 0; i < p->n_dispatches; i++) {
    is_first[i] = runs_once(&o, &p->dispatches[i]);
    if (!is_first[i]) continue;
    keep_results(&o, &p->dispatches[i]);
    dispatches[n++] = p->dispatches[i];
  }
  p->n_once = n;
  for (uint32_t i = 0; i < p->n_dispatches; i++) {
    if (!is_first[i]) dispatches[n++] = p->dispatches[i];
  }
  for (uint32_t i = 0; i < n; i++) dispatches[i].starts = i == 0 || dispatches[i].node != dispatches[i - 1].node;
  p->dispatches = dispatches;
  return VC_OK;
}
