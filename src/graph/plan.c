// The planner: where each resource lies, and where barriers stand. A pure function of the dispatch list.
#include <vulcyte/graph.h>

#include <stdlib.h>
#include <string.h>

enum { NO_SLAB = UINT32_MAX };

struct lifetime {
  uint32_t first, last; // dispatches, both included; first > last: never used
};

// Placed resources of one slab in the order of their offsets.
struct placed {
  uint32_t *resources;
  uint32_t n;
};

struct planner {
  const struct vc_plan_dispatch *dispatches;
  uint32_t n_dispatches;
  const struct vc_plan_resource *resources;
  uint32_t n_resources;
  uint64_t max_slab_bytes;
  uint32_t align;
  struct lifetime *life; // [n_resources]
  struct vc_plan *plan;
  struct placed *slabs; // [plan->n_slabs], grows
  uint32_t slabs_capacity;
};

static void find_lifetimes(struct planner *p) {
  for (uint32_t r = 0; r < p->n_resources; r++) p->life[r] = (struct lifetime){UINT32_MAX, 0};
  for (uint32_t i = 0; i < p->n_dispatches; i++) {
    const struct vc_plan_dispatch *d = &p->dispatches[i];
    for (uint32_t j = 0; j < d->n_access; j++) {
      struct lifetime *life = &p->life[d->access[j].resource];
      life->first = VC_MIN(life->first, i);
      life->last = i;
    }
  }
  for (uint32_t r = 0; r < p->n_resources; r++) {
    struct lifetime *life = &p->life[r];
    if (!p->resources[r].keep) continue;
    if (life->first == UINT32_MAX) life->first = 0;
    life->last = p->n_dispatches;
  }
}

static bool overlap_in_time(struct lifetime a, struct lifetime b) {
  return a.first <= b.last && b.first <= a.last;
}

// The smallest hole among the resources alive at the same time that holds n_bytes, else the end of the last of them.
static uint64_t find_offset(const struct planner *p, const struct placed *slab, uint32_t r, uint64_t n_bytes) {
  uint64_t end = 0, best = UINT64_MAX, best_waste = UINT64_MAX;
  for (uint32_t i = 0; i < slab->n; i++) {
    uint32_t other = slab->resources[i];
    if (!overlap_in_time(p->life[r], p->life[other])) continue;
    uint64_t offset = p->plan->offset[other];
    if (offset > end && offset - end >= n_bytes && offset - end - n_bytes < best_waste) {
      best = end;
      best_waste = offset - end - n_bytes;
    }
    end = VC_MAX(end, offset + vc_round_up(p->resources[other].n_bytes, p->align));
  }
  return best != UINT64_MAX ? best : end;
}

static void insert(struct planner *p, uint32_t slab_index, uint32_t r, uint64_t offset) {
  struct placed *slab = &p->slabs[slab_index];
  uint32_t at = slab->n++;
  while (at > 0 && p->plan->offset[slab->resources[at - 1]] > offset) {
    slab->resources[at] = slab->resources[at - 1];
    at--;
  }
  slab->resources[at] = r;
  p->plan->slab[r] = slab_index;
  p->plan->offset[r] = offset;
  uint64_t end = offset + vc_round_up(p->resources[r].n_bytes, p->align);
  p->plan->slab_bytes[slab_index] = VC_MAX(p->plan->slab_bytes[slab_index], end);
}

static vc_status add_slab(vc_arena *arena, struct planner *p) {
  if (p->plan->n_slabs == p->slabs_capacity) {
    uint32_t capacity = p->slabs_capacity ? p->slabs_capacity * 2 : 4;
    struct placed *slabs;
    uint64_t *bytes;
    VC_TRY(VC_NEW(arena, capacity, &slabs));
    VC_TRY(VC_NEW(arena, capacity, &bytes));
    for (uint32_t i = 0; i < p->plan->n_slabs; i++) {
      slabs[i] = p->slabs[i];
      bytes[i] = p->plan->slab_bytes[i];
    }
    p->slabs = slabs;
    p->plan->slab_bytes = bytes;
    p->slabs_capacity = capacity;
  }
  VC_TRY(VC_NEW(arena, p->n_resources, &p->slabs[p->plan->n_slabs].resources));
  p->plan->n_slabs++;
  return VC_OK;
}

struct order_key {
  uint64_t n_bytes;
  uint32_t first, resource;
};

static int largest_first(const void *a, const void *b) {
  const struct order_key *x = a, *y = b;
  if (x->n_bytes != y->n_bytes) return x->n_bytes < y->n_bytes ? 1 : -1;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return x->resource < y->resource ? -1 : x->resource > y->resource;
}

// Largest first, each at the best-fitting hole of the first slab that can take it.
static vc_status place_resources(vc_arena *arena, struct planner *p) {
  struct order_key *order;
  uint32_t n = 0;
  VC_TRY(VC_NEW(arena, p->n_resources, &order));
  for (uint32_t r = 0; r < p->n_resources; r++) {
    p->plan->slab[r] = NO_SLAB;
    if (!p->resources[r].planned || p->life[r].first > p->life[r].last) continue;
    uint64_t n_bytes = vc_round_up(p->resources[r].n_bytes, p->align);
    if (n_bytes > p->max_slab_bytes) {
      return VC_FAIL(VC_E_NOMEM, "a tensor of %.1f MiB is larger than the %.1f MiB that the device gives in one piece",
                     (double)n_bytes / 1048576.0, (double)p->max_slab_bytes / 1048576.0);
    }
    order[n++] = (struct order_key){n_bytes, p->life[r].first, r};
    p->plan->sum_bytes += n_bytes;
  }
  if (n) qsort(order, n, sizeof *order, largest_first);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t r = order[i].resource;
    for (uint32_t slab = 0;; slab++) {
      if (slab == p->plan->n_slabs) VC_TRY(add_slab(arena, p));
      uint64_t offset = find_offset(p, &p->slabs[slab], r, order[i].n_bytes);
      if (offset > p->max_slab_bytes - order[i].n_bytes) continue;
      insert(p, slab, r, offset);
      break;
    }
  }
  for (uint32_t i = 0; i < p->plan->n_slabs; i++) p->plan->peak_bytes += p->plan->slab_bytes[i];
  return VC_OK;
}

// A range of memory touched since the last barrier. Slabs are spaces 0..n_slabs-1, other resources have one each.
struct touch {
  uint64_t space, begin, end;
  bool write;
};

static struct touch touch_of(const struct planner *p, const struct vc_plan_access *a) {
  bool planned = p->resources[a->resource].planned;
  uint64_t base = planned ? p->plan->offset[a->resource] : 0;
  uint64_t space = planned ? p->plan->slab[a->resource] : (uint64_t)p->plan->n_slabs + a->resource;
  return (struct touch){space, base + a->offset, base + a->offset + a->n_bytes, (a->access & 2) != 0};
}

static bool is_hazard(const struct touch *a, const struct touch *b) {
  return a->space == b->space && a->begin < b->end && b->begin < a->end && (a->write || b->write);
}

static vc_status place_barriers(vc_arena *arena, struct planner *p) {
  size_t n_total = 0, n_open = 0;
  for (uint32_t i = 0; i < p->n_dispatches; i++) n_total += p->dispatches[i].n_access;
  struct touch *open;
  VC_TRY(VC_NEW(arena, n_total, &open));
  for (uint32_t i = 0; i < p->n_dispatches; i++) {
    const struct vc_plan_dispatch *d = &p->dispatches[i];
    bool hazard = false;
    for (uint32_t j = 0; j < d->n_access && !hazard; j++) {
      struct touch now = touch_of(p, &d->access[j]);
      for (size_t k = 0; k < n_open && !hazard; k++) hazard = is_hazard(&now, &open[k]);
    }
    p->plan->barrier_before[i] = hazard;
    if (hazard) n_open = 0;
    for (uint32_t j = 0; j < d->n_access; j++) open[n_open++] = touch_of(p, &d->access[j]);
  }
  return VC_OK;
}

vc_status vc_plan_make(vc_arena *arena, const struct vc_plan_dispatch *dispatches, uint32_t n_dispatches,
                       const struct vc_plan_resource *resources, uint32_t n_resources, uint64_t max_slab_bytes,
                       uint32_t align, struct vc_plan **out) {
  struct planner p = {.dispatches = dispatches,
                      .n_dispatches = n_dispatches,
                      .resources = resources,
                      .n_resources = n_resources,
                      .max_slab_bytes = max_slab_bytes / align * align,
                      .align = align};
  VC_TRY(VC_NEW(arena, 1, &p.plan));
  VC_TRY(VC_NEW(arena, n_resources, &p.life));
  VC_TRY(VC_NEW(arena, n_resources, &p.plan->slab));
  VC_TRY(VC_NEW(arena, n_resources, &p.plan->offset));
  VC_TRY(VC_NEW(arena, n_dispatches, &p.plan->barrier_before));
  find_lifetimes(&p);
  VC_TRY(place_resources(arena, &p));
  VC_TRY(place_barriers(arena, &p));
  *out = p.plan;
  return VC_OK;
}
