// A program and its plan as text that stays the same from run to run.
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>

// Text that grows; a failure sticks and is told at the end.
struct text {
  vc_arena *arena;
  char *bytes;
  size_t n, capacity;
  vc_status status;
};

static void put(struct text *t, const char *fmt, ...) VC_PRINTF(2, 3);

static void put(struct text *t, const char *fmt, ...) {
  if (t->status != VC_OK) return;
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  if (t->n + (size_t)n + 1 > t->capacity) {
    size_t capacity = t->capacity * 2 + (size_t)n + 1;
    char *bytes;
    t->status = VC_NEW(t->arena, capacity, &bytes);
    if (t->status == VC_OK) {
      if (t->n) snprintf(bytes, capacity, "%s", t->bytes);
      t->bytes = bytes;
      t->capacity = capacity;
    }
  }
  if (t->status == VC_OK) t->n += (size_t)vsnprintf(t->bytes + t->n, t->capacity - t->n, fmt, again);
  va_end(again);
}

static void put_region(struct text *t, const struct program *p, const struct vc_plan *plan, vc_region r,
                       uint8_t access) {
  static const char *const access_names[] = {"-", "r", "w", "rw"};
  const struct program_resource *resource = &p->resources[r.resource];
  unsigned long long offset = r.offset, n_bytes = r.n_bytes;
  put(t, " %s:", access_names[access & 3]);
  switch (resource->kind) {
  case PROGRAM_FEEDS: put(t, "feeds"); break;
  case PROGRAM_SLOT: put(t, "slot(%s)", resource->slot->label); break;
  case PROGRAM_NODE: put(t, "t%u", resource->owner->id); break;
  case PROGRAM_SCRATCH: put(t, "scratch"); break;
  }
  if (resource->kind == PROGRAM_NODE || resource->kind == PROGRAM_SCRATCH) {
    put(t, "@%u", plan->slab[r.resource]);
    offset += plan->offset[r.resource];
  }
  put(t, "+%llu:%llu", offset, n_bytes);
}

static void put_dispatch(struct text *t, const struct program *p, const struct vc_plan *plan, uint32_t i) {
  const struct program_dispatch *d = &p->dispatches[i];
  put(t, "%4u %s t%u %s %s %s", i, plan->barrier_before[i] ? "|" : " ", d->node->id, d->node->path, d->node->op->name,
      d->d.kernel);
  for (uint32_t j = 0; j < d->d.n_spec; j++) {
    put(t, "%s%u%s", j ? "," : "<", d->d.spec[j], j + 1 == d->d.n_spec ? ">" : "");
  }
  put(t, " %ux%ux%u", d->d.groups[0], d->d.groups[1], d->d.groups[2]);
  for (uint32_t j = 0; j < d->d.n_bindings; j++) put_region(t, p, plan, d->d.bindings[j], d->access[j]);
  put(t, "\n");
}

vc_status program_print(vc_arena *arena, const struct program *p, const struct vc_plan *plan, char **out_text) {
  struct text t = {.arena = arena};
  uint32_t n_barriers = 0;
  for (uint32_t i = 0; i < p->n_dispatches; i++) n_barriers += plan->barrier_before[i];
  put(&t, "%u dispatches, %u barriers, %llu bytes of work memory, %llu without reuse\n", p->n_dispatches, n_barriers,
      (unsigned long long)plan->peak_bytes, (unsigned long long)plan->sum_bytes);
  for (uint32_t i = 0; i < plan->n_slabs; i++) {
    put(&t, "slab %u: %llu bytes\n", i, (unsigned long long)plan->slab_bytes[i]);
  }
  for (uint32_t i = 0; i < p->graph->n_tensors; i++) {
    const vc_tensor *tensor = p->graph->tensors[i];
    if (tensor->kind != VC_KIND_FEED) continue;
    put(&t, "feed %s at %llu\n", tensor->path, (unsigned long long)p->feed_offset[i]);
  }
  put(&t, "   # barrier, node, path, op, kernel<constants>, workgroups, access:memory@slab+offset:bytes\n");
  for (uint32_t i = 0; i < p->n_dispatches; i++) put_dispatch(&t, p, plan, i);
  VC_TRY(t.status);
  *out_text = t.bytes;
  return VC_OK;
}
