// Fitting a program into a budget of memory by computing tensors again instead of keeping them.
//
// A tensor that waits between two of its readers can be let go after the first; the dispatches that made it are then
// repeated in front of the second, and before them those of the operands that are gone as well. They are the same
// kernels on the same operands, so every result keeps its bits. Greedy: as long as the program needs too much, the
// tensor goes that waits at the peak and costs least work for its size, unless the peak would not fall by it.
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum {
  MAX_REPEATS = 24,    // nodes repeated for one tensor
  MAX_REFUSALS = 64,   // nodes that were found not to be worth it, for one tensor
  SMALL_SHARE = 16,    // operands smaller than this share of the tensor are kept rather than computed again
  MAX_CANDIDATES = 512 // tensors weighed at one peak
};
// Arithmetic that a device does in the time of moving a byte.
static const double FLOPS_PER_BYTE = 10;
// A program of more memory than this is made smaller whatever the budget, as long as it costs next to nothing: no more
// than this share of its work.
static const uint64_t SPARE_ABOVE = 256 << 20;
static const double NEXT_TO_NOTHING = 0.02;

// ---- how the resources of a program are used ------------------------------------------------------------------------

struct uses {
  uint32_t *first, *last; // [n_resources] dispatches that touch it; first UINT32_MAX: none
  uint32_t *written;      // the first of them that writes it; UINT32_MAX: none
  uint32_t *maker;        // first dispatch of the node that writes it
  uint32_t *n_makers;
};

static vc_status find_uses(vc_arena *arena, const struct program *p, struct uses *u) {
  VC_TRY(VC_NEW(arena, p->n_resources, &u->first));
  VC_TRY(VC_NEW(arena, p->n_resources, &u->last));
  VC_TRY(VC_NEW(arena, p->n_resources, &u->written));
  VC_TRY(VC_NEW(arena, p->n_resources, &u->maker));
  VC_TRY(VC_NEW(arena, p->n_resources, &u->n_makers));
  for (uint32_t r = 0; r < p->n_resources; r++) u->first[r] = u->written[r] = u->maker[r] = UINT32_MAX;
  uint32_t start = 0;
  for (uint32_t i = 0; i < p->n_dispatches; i++) {
    const struct program_dispatch *d = &p->dispatches[i];
    if (d->starts) start = i;
    for (uint32_t j = 0; j < d->d.n_bindings; j++) {
      uint32_t r = d->d.bindings[j].resource;
      u->first[r] = VC_MIN(u->first[r], i);
      u->last[r] = i;
      if (d->access[j] & 2) u->written[r] = VC_MIN(u->written[r], i);
      if (!(d->access[j] & 2) || u->maker[r] == start) continue;
      u->maker[r] = start;
      u->n_makers[r]++;
    }
  }
  return VC_OK;
}

// The end of the node's dispatches that begin at start.
static uint32_t end_of(const struct program *p, uint32_t start) {
  uint32_t end = start + 1;
  while (end < p->n_dispatches && !p->dispatches[end].starts) end++;
  return end;
}

static double cost_of(const struct program_dispatch *d) {
  return d->d.flops / FLOPS_PER_BYTE + d->d.bytes;
}

// ---- what must be repeated for a tensor --------------------------------------------------------------------------

struct repeat {
  uint32_t start, resource; // the node's dispatches, what they make
};
// Letting go a resource until dispatch `at`: the nodes to repeat there, in order.
struct eviction {
  const struct program *p;
  const struct uses *u;
  uint32_t resource, at;
  struct repeat repeats[MAX_REPEATS];
  uint32_t n_repeats;
  double cost;
  uint32_t refused[MAX_REFUSALS], n_refused; // resources that cannot be made there: tried once, not for every reader
};

static bool is_written_between(const struct program *p, vc_region region, uint32_t first, uint32_t end) {
  for (uint32_t i = first; i < end; i++) {
    const struct program_dispatch *d = &p->dispatches[i];
    for (uint32_t j = 0; j < d->d.n_bindings; j++) {
      vc_region b = d->d.bindings[j];
      if (b.resource == region.resource && (d->access[j] & 2) && b.offset < region.offset + region.n_bytes &&
          region.offset < b.offset + b.n_bytes)
        return true;
    }
  }
  return false;
}

// Whether the node that makes r makes nothing else, and would find its operands unchanged at `at`.
static bool can_repeat(const struct eviction *v, uint32_t r) {
  const struct program *p = v->p;
  if (p->resources[r].kind != PROGRAM_NODE || p->resources[r].keep || v->u->n_makers[r] != 1) return false;
  uint32_t start = v->u->maker[r], end = end_of(p, start);
  for (uint32_t i = start; i < end; i++) {
    const struct program_dispatch *d = &p->dispatches[i];
    for (uint32_t j = 0; j < d->d.n_bindings; j++) {
      uint32_t s = d->d.bindings[j].resource;
      enum program_kind kind = p->resources[s].kind;
      if (s == r || kind == PROGRAM_SCRATCH) continue;
      if (d->access[j] & 2) return false;
      if ((kind == PROGRAM_NODE && v->u->n_makers[s] == 1) || v->u->written[s] >= v->at) continue;
      if (is_written_between(p, d->d.bindings[j], end, v->at)) return false;
    }
  }
  return true;
}

// The copy of s that is alive at dispatch `at`, or UINT32_MAX. latest: else the one that was so last.
static uint32_t find_copy(const struct eviction *v, uint32_t s, bool latest) {
  const struct program *p = v->p;
  uint32_t found = UINT32_MAX;
  for (uint32_t r = 0; r < p->n_resources; r++) {
    if (p->resources[r].origin != p->resources[s].origin || v->u->first[r] >= v->at || r == v->resource) continue;
    if (v->u->last[r] < v->at && !latest) continue;
    if (found == UINT32_MAX || v->u->last[r] > v->u->last[found]) found = r;
  }
  return found;
}

static uint32_t find_repeat(const struct eviction *v, uint32_t s) {
  uint32_t i = 0;
  while (i < v->n_repeats && v->p->resources[v->repeats[i].resource].origin != v->p->resources[s].origin) i++;
  return i;
}

static bool add_repeat(struct eviction *v, uint32_t r, uint32_t depth);

// Whether a repeated node can have s at hand: it is there, is computed again too, or may be kept till then.
static bool add_operand(struct eviction *v, uint32_t s, uint32_t depth) {
  const struct program *p = v->p;
  if (find_repeat(v, s) < v->n_repeats || find_copy(v, s, false) != UINT32_MAX) return true;
  if (p->resources[s].n_bytes * SMALL_SHARE <= p->resources[v->resource].n_bytes) return true;
  return add_repeat(v, s, depth) || find_copy(v, s, true) != UINT32_MAX;
}

static bool add_node(struct eviction *v, uint32_t r, uint32_t depth) {
  const struct program *p = v->p;
  if (depth == MAX_REPEATS || !can_repeat(v, r)) return false;
  uint32_t start = v->u->maker[r], end = end_of(p, start);
  for (uint32_t i = start; i < end; i++) {
    const struct program_dispatch *d = &p->dispatches[i];
    for (uint32_t j = 0; j < d->d.n_bindings; j++) {
      uint32_t s = d->d.bindings[j].resource;
      if (s == r || p->resources[s].kind != PROGRAM_NODE) continue;
      if (!add_operand(v, s, depth + 1)) return false;
    }
  }
  if (v->n_repeats == MAX_REPEATS) return false;
  v->repeats[v->n_repeats++] = (struct repeat){start, r};
  for (uint32_t i = start; i < end; i++) v->cost += cost_of(&p->dispatches[i]);
  return true;
}

// Adds the node that makes r, after those that it needs. false: it cannot be, or is too much; nothing is added then.
static bool add_repeat(struct eviction *v, uint32_t r, uint32_t depth) {
  const uint32_t n_before = v->n_repeats;
  const double cost_before = v->cost;
  for (uint32_t i = 0; i < v->n_refused; i++)
    if (v->refused[i] == r) return false;
  if (v->n_refused < MAX_REFUSALS && add_node(v, r, depth)) return true;
  if (v->n_refused < MAX_REFUSALS) v->refused[v->n_refused++] = r;
  v->n_repeats = n_before;
  v->cost = cost_before;
  return false;
}

// ---- carrying it out -----------------------------------------------------------------------------------------------

static vc_status copy_program(vc_arena *arena, const struct program *p, uint32_t n_more_dispatches,
                              uint32_t n_more_resources, struct program *out) {
  *out = *p;
  out->dispatches_capacity = p->n_dispatches + n_more_dispatches;
  out->resources_capacity = p->n_resources + n_more_resources;
  VC_TRY(VC_NEW(arena, out->dispatches_capacity, &out->dispatches));
  VC_TRY(VC_NEW(arena, out->resources_capacity, &out->resources));
  if (p->n_dispatches) memcpy(out->dispatches, p->dispatches, p->n_dispatches * sizeof *p->dispatches);
  if (p->n_resources) memcpy(out->resources, p->resources, p->n_resources * sizeof *p->resources);
  return VC_OK;
}

static uint32_t add_copy(struct program *q, uint32_t r) {
  q->resources[q->n_resources] = q->resources[r];
  return q->n_resources++;
}

// Appends the dispatches of repeat i; made[k] is the new copy of what repeat k makes.
static void append_repeat(const struct eviction *v, uint32_t i, uint32_t *made, struct program *q) {
  const struct program *p = v->p;
  uint32_t start = v->repeats[i].start, end = end_of(p, start), scratch = q->n_resources + 1;
  made[i] = add_copy(q, v->repeats[i].resource);
  // The scratch of a node lies side by side in the order of its asking.
  uint32_t first_scratch = UINT32_MAX, n_scratch = 0;
  for (uint32_t k = start; k < end; k++) {
    for (uint32_t j = 0; j < p->dispatches[k].d.n_bindings; j++) {
      uint32_t s = p->dispatches[k].d.bindings[j].resource;
      if (p->resources[s].kind != PROGRAM_SCRATCH) continue;
      first_scratch = VC_MIN(first_scratch, s);
      n_scratch = VC_MAX(n_scratch, s + 1);
    }
  }
  for (uint32_t s = first_scratch; s < n_scratch; s++) q->resources[add_copy(q, s)].keep = false;
  for (uint32_t k = start; k < end; k++) {
    struct program_dispatch *d = &q->dispatches[q->n_dispatches++];
    *d = p->dispatches[k];
    d->repeated = true;
    for (uint32_t j = 0; j < d->d.n_bindings; j++) {
      uint32_t *s = &d->d.bindings[j].resource;
      if (*s == v->repeats[i].resource)
        *s = made[i];
      else if (p->resources[*s].kind == PROGRAM_SCRATCH)
        *s = scratch + (*s - first_scratch);
      else if (p->resources[*s].kind == PROGRAM_NODE)
        *s = find_repeat(v, *s) < i ? made[find_repeat(v, *s)] : find_copy(v, *s, true);
    }
  }
}

static vc_status evict(vc_arena *arena, const struct eviction *v, struct program *q) {
  const struct program *p = v->p;
  uint32_t made[MAX_REPEATS], n_dispatches = 0, n_resources = 0;
  for (uint32_t i = 0; i < v->n_repeats; i++) {
    n_dispatches += end_of(p, v->repeats[i].start) - v->repeats[i].start;
    n_resources += 1 + n_dispatches * VC_EMIT_MAX_BINDINGS;
  }
  VC_TRY(copy_program(arena, p, n_dispatches, n_resources, q));
  q->n_dispatches = v->at;
  for (uint32_t i = 0; i < v->n_repeats; i++) append_repeat(v, i, made, q);
  for (uint32_t i = v->at; i < p->n_dispatches; i++) {
    struct program_dispatch *d = &q->dispatches[q->n_dispatches++];
    *d = p->dispatches[i];
    for (uint32_t j = 0; j < d->d.n_bindings; j++)
      if (d->d.bindings[j].resource == v->resource) d->d.bindings[j].resource = made[v->n_repeats - 1];
  }
  return VC_OK;
}

// ---- peaks ------------------------------------------------------------------------------------------------------

struct peak {
  uint64_t n_bytes;
  uint32_t at, n; // the first dispatch that needs so much, and how many do
};

static bool is_lower(struct peak a, struct peak b) {
  return a.n_bytes < b.n_bytes || (a.n_bytes == b.n_bytes && a.n < b.n);
}

// Of the program with its results in the places of operands: dispatches keep their numbers.
static vc_status find_peak(const struct program *p, struct peak *out) {
  vc_arena *arena;
  struct program shared;
  struct uses u;
  int64_t *change;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = copy_program(arena, p, 0, 0, &shared);
  if (status == VC_OK) status = program_share(arena, &shared);
  if (status == VC_OK) status = find_uses(arena, &shared, &u);
  if (status == VC_OK) status = VC_NEW(arena, (size_t)p->n_dispatches + 1, &change);
  *out = (struct peak){0};
  int64_t now = 0;
  for (uint32_t r = 0; r < p->n_resources && status == VC_OK; r++) {
    const struct program_resource *resource = &shared.resources[r];
    if (u.first[r] == UINT32_MAX || (resource->kind != PROGRAM_NODE && resource->kind != PROGRAM_SCRATCH)) continue;
    const int64_t n_bytes = (int64_t)vc_round_up(resource->n_bytes, BIND_ALIGN);
    change[u.first[r]] += n_bytes;
    if (!resource->keep) change[u.last[r] + 1] -= n_bytes;
  }
  for (uint32_t i = 0; i < p->n_dispatches && status == VC_OK; i++) {
    now += change[i];
    if ((uint64_t)now > out->n_bytes) *out = (struct peak){(uint64_t)now, i, 0};
    out->n += (uint64_t)now == out->n_bytes;
  }
  vc_arena_destroy(arena);
  return status;
}

// ---- choosing -----------------------------------------------------------------------------------------------------

struct candidate {
  uint32_t resource, at;
  double cost; // for a byte
};

static int cheapest_first(const void *a, const void *b) {
  const struct candidate *x = a, *y = b;
  if (x->cost != y->cost) return x->cost < y->cost ? -1 : 1;
  return x->resource < y->resource ? -1 : x->resource > y->resource;
}

// The first dispatch of the node that touches r next after dispatch i; UINT32_MAX: dispatch i's own does.
static uint32_t next_reader(const struct program *p, uint32_t r, uint32_t i) {
  uint32_t start = i;
  for (uint32_t k = i; k < p->n_dispatches; k++) {
    if (p->dispatches[k].starts) start = k;
    for (uint32_t j = 0; j < p->dispatches[k].d.n_bindings; j++)
      if (p->dispatches[k].d.bindings[j].resource == r) return start > i ? start : UINT32_MAX;
  }
  return UINT32_MAX;
}

static struct eviction plan_eviction(const struct program *p, const struct uses *u, uint32_t r, uint32_t at) {
  struct eviction v = {.p = p, .u = u, .resource = r, .at = at};
  if (!add_repeat(&v, r, 0)) v.n_repeats = 0;
  return v;
}

static uint32_t find_candidates(const struct program *p, const struct uses *u, uint32_t i, struct candidate *out) {
  uint32_t n = 0;
  for (uint32_t r = 0; r < p->n_resources && n < MAX_CANDIDATES; r++) {
    if (p->resources[r].kind != PROGRAM_NODE || u->first[r] >= i || u->last[r] <= i) continue;
    uint32_t at = next_reader(p, r, i);
    if (at == UINT32_MAX) continue;
    struct eviction v = plan_eviction(p, u, r, at);
    if (v.n_repeats) out[n++] = (struct candidate){r, at, v.cost / (double)p->resources[r].n_bytes};
  }
  qsort(out, n, sizeof *out, cheapest_first);
  return n;
}

// One tensor less at the peak, if that lowers it. On true, out and its peak are in a new arena.
static vc_status lower(const struct program *p, struct peak peak, vc_arena **out_arena, struct program *out,
                       struct peak *out_peak, bool *out_lowered) {
  vc_arena *scratch;
  struct uses u;
  struct candidate *candidates;
  uint32_t n = 0;
  *out_lowered = false;
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = find_uses(scratch, p, &u);
  if (status == VC_OK) status = VC_NEW(scratch, MAX_CANDIDATES, &candidates);
  if (status == VC_OK) n = find_candidates(p, &u, peak.at, candidates);
  for (uint32_t i = 0; i < n && status == VC_OK && !*out_lowered; i++) {
    const struct eviction v = plan_eviction(p, &u, candidates[i].resource, candidates[i].at);
    status = vc_arena_create(out_arena);
    if (status != VC_OK) break;
    status = evict(*out_arena, &v, out);
    if (status == VC_OK) status = find_peak(out, out_peak);
    *out_lowered = status == VC_OK && is_lower(*out_peak, peak);
    if (!*out_lowered) vc_arena_destroy(*out_arena);
  }
  vc_arena_destroy(scratch);
  return status;
}

static vc_status finish(vc_arena *arena, const struct program *p, const struct vc_caps *caps, struct program **out,
                        struct vc_plan **out_plan) {
  VC_TRY(VC_NEW(arena, 1, out));
  VC_TRY(copy_program(arena, p, 0, 0, *out));
  VC_TRY(program_share(arena, *out));
  return program_plan(arena, *out, caps, out_plan);
}

// What the plan of p needs, which is a little more than its peak where tensors leave holes.
static vc_status measure(const struct program *p, const struct vc_caps *caps, uint64_t *out_bytes) {
  vc_arena *arena;
  struct program *shared;
  struct vc_plan *plan;
  VC_TRY(vc_arena_create(&arena));
  const vc_status status = finish(arena, p, caps, &shared, &plan);
  if (status == VC_OK) *out_bytes = plan->peak_bytes;
  vc_arena_destroy(arena);
  return status;
}

// Work that is done again, as a share of what is done once.
double program_repeated_work(const struct program *p) {
  double once = 0, again = 0;
  for (uint32_t i = 0; i < p->n_dispatches; i++)
    *(p->dispatches[i].repeated ? &again : &once) += cost_of(&p->dispatches[i]);
  return once > 0 ? again / once : 0;
}

vc_status program_fit(vc_arena *arena, const struct program *p, const struct vc_caps *caps, uint64_t budget,
                      struct program **out, struct vc_plan **out_plan) {
  vc_arena *owner = NULL; // of `now`, once it is not p
  struct program now = *p;
  struct peak peak;
  uint64_t n_bytes = UINT64_MAX;
  vc_status status = find_peak(p, &peak);
  while (status == VC_OK) {
    if (peak.n_bytes <= budget && n_bytes > budget) status = measure(&now, caps, &n_bytes);
    const bool fits = n_bytes <= budget;
    if (status != VC_OK || (fits && peak.n_bytes <= SPARE_ABOVE)) break;
    vc_arena *next_owner;
    struct program next;
    bool lowered;
    status = lower(&now, peak, &next_owner, &next, &peak, &lowered);
    if (status != VC_OK || !lowered) break;
    if (fits && program_repeated_work(&next) > NEXT_TO_NOTHING) {
      vc_arena_destroy(next_owner);
      break;
    }
    if (owner) vc_arena_destroy(owner);
    owner = next_owner;
    now = next;
  }
  if (status == VC_OK) status = finish(arena, &now, caps, out, out_plan);
  if (owner) vc_arena_destroy(owner);
  return status;
}
