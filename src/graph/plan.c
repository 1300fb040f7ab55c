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
  p->slabs[p->plan->n_slabs].n = 0;
  p->plan->slab_bytes[p->plan->n_slabs] = 0;
  VC_TRY(VC_NEW(arena, p->n_resources, &p->slabs[p->plan->n_slabs].resources));
  p->plan->n_slabs++;
  return VC_OK;
}

// Resources in the order in which they are placed.
struct order {
  struct order_key {
    uint64_t weight; // the largest first
    uint32_t first, resource;
  } *keys;
  uint32_t n;
};

static int heaviest_first(const void *a, const void *b) {
  const struct order_key *x = a, *y = b;
  if (x->weight != y->weight) return x->weight < y->weight ? 1 : -1;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return x->resource < y->resource ? -1 : x->resource > y->resource;
}

static uint64_t bytes_of(const struct planner *p, uint32_t r) {
  return vc_round_up(p->resources[r].n_bytes, p->align);
}

// Each at the best-fitting hole of the first slab that can take it. *out_last: the place in the order of the last one
// that made a slab larger.
static vc_status place_in_order(vc_arena *arena, struct planner *p, const struct order *order, uint32_t *out_last) {
  for (uint32_t s = 0; s < p->plan->n_slabs; s++) p->slabs[s].n = p->plan->slab_bytes[s] = 0;
  p->plan->peak_bytes = 0;
  for (uint32_t i = 0; i < order->n; i++) {
    const uint32_t r = order->keys[i].resource;
    const uint64_t n_bytes = bytes_of(p, r);
    for (uint32_t slab = 0;; slab++) {
      if (slab == p->plan->n_slabs) VC_TRY(add_slab(arena, p));
      const uint64_t offset = find_offset(p, &p->slabs[slab], r, n_bytes), before = p->plan->slab_bytes[slab];
      if (offset > p->max_slab_bytes - n_bytes) continue;
      insert(p, slab, r, offset);
      if (p->plan->slab_bytes[slab] > before) *out_last = i;
      p->plan->peak_bytes += p->plan->slab_bytes[slab] - before;
      break;
    }
  }
  while (p->plan->n_slabs && p->plan->slab_bytes[p->plan->n_slabs - 1] == 0) p->plan->n_slabs--;
  return VC_OK;
}

static vc_status collect(vc_arena *arena, struct planner *p, struct order *out) {
  VC_TRY(VC_NEW(arena, p->n_resources, &out->keys));
  for (uint32_t r = 0; r < p->n_resources; r++) {
    p->plan->slab[r] = NO_SLAB;
    if (!p->resources[r].planned || p->life[r].first > p->life[r].last) continue;
    const uint64_t n_bytes = bytes_of(p, r);
    if (n_bytes > p->max_slab_bytes) {
      return VC_FAIL(VC_E_NOMEM, "a tensor of %.1f MiB is larger than the %.1f MiB that the device gives in one piece",
                     (double)n_bytes / 1048576.0, (double)p->max_slab_bytes / 1048576.0);
    }
    out->keys[out->n++] = (struct order_key){n_bytes, p->life[r].first, r};
    p->plan->sum_bytes += n_bytes;
  }
  return VC_OK;
}

// What is alive at once at the most: no plan needs less.
static vc_status least_bytes(vc_arena *arena, const struct planner *p, const struct order *order, uint64_t *out) {
  int64_t *change, now = 0;
  VC_TRY(VC_NEW(arena, (size_t)p->n_dispatches + 2, &change));
  for (uint32_t i = 0; i < order->n; i++) {
    const uint32_t r = order->keys[i].resource;
    change[p->life[r].first] += (int64_t)bytes_of(p, r);
    change[p->life[r].last + 1] -= (int64_t)bytes_of(p, r);
  }
  *out = 0;
  for (uint32_t i = 0; i <= p->n_dispatches; i++) {
    now += change[i];
    *out = VC_MAX(*out, (uint64_t)now);
  }
  return VC_OK;
}

// Moves what stands at `place` to the front.
static void promote(struct order *order, uint32_t place) {
  const struct order_key key = order->keys[place];
  memmove(order->keys + 1, order->keys, place * sizeof key);
  order->keys[0] = key;
}

// The largest first; where that leaves holes, the order is mended: what lay on top goes first the next time.
static vc_status place_resources(vc_arena *arena, struct planner *p) {
  enum { ROUNDS = 100, ENOUGH = 256 }; // ENOUGH: within this part of the least
  struct order order = {0}, best = {0};
  uint64_t least, best_bytes;
  uint32_t last = 0;
  VC_TRY(collect(arena, p, &order));
  if (order.n == 0) return VC_OK;
  VC_TRY(least_bytes(arena, p, &order, &least));
  const uint64_t enough = least + least / ENOUGH;
  qsort(order.keys, order.n, sizeof *order.keys, heaviest_first);
  VC_TRY(place_in_order(arena, p, &order, &last));
  if (p->plan->peak_bytes <= enough) return VC_OK;
  best.n = order.n;
  best_bytes = p->plan->peak_bytes;
  VC_TRY(VC_NEW(arena, best.n, &best.keys));
  memcpy(best.keys, order.keys, best.n * sizeof *best.keys);
  for (uint32_t i = 0; i < order.n; i++) {
    const uint32_t r = order.keys[i].resource;
    order.keys[i].weight *= p->life[r].last - p->life[r].first + 1;
  }
  qsort(order.keys, order.n, sizeof *order.keys, heaviest_first);
  for (uint32_t round = 0; round < ROUNDS && best_bytes > enough; round++) {
    VC_TRY(place_in_order(arena, p, &order, &last));
    if (p->plan->peak_bytes < best_bytes) {
      best_bytes = p->plan->peak_bytes;
      memcpy(best.keys, order.keys, best.n * sizeof *best.keys);
    }
    promote(&order, last);
  }
  return place_in_order(arena, p, &best, &last);
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
