// Graph → program: every node's dispatches in the order of the nodes, then those that nothing needs are left out.
#include "internal.h"

#include <math.h>
#include <string.h>

// ---- regions --------------------------------------------------------------------------------------------------

vc_region program_region(const struct program *p, const vc_tensor *t) {
  uint64_t offset;
  const vc_tensor *root = tensor_root(t, &offset);
  if (root->kind == VC_KIND_FEED) offset += p->feed_offset[root->id];
  return (vc_region){p->resource_of[root->id], offset, vc_shape_count(t->shape) * vc_dtype_bytes(t->dtype)};
}

vc_region vc_emit_tensor(vc_emitter *e, const vc_tensor *t) {
  return program_region(e->program, t);
}

vc_region vc_region_slice(vc_region r, uint64_t offset, uint64_t n_bytes) {
  VC_ASSERT(offset % BIND_ALIGN == 0 && offset <= r.n_bytes && n_bytes <= r.n_bytes - offset);
  return (vc_region){r.resource, r.offset + offset, n_bytes};
}

static vc_status add_resource(vc_arena *arena, struct program *p, struct program_resource r, uint32_t *out) {
  VC_TRY(grow(arena, (void **)&p->resources, sizeof r, p->n_resources, &p->resources_capacity));
  p->resources[p->n_resources] = r;
  p->resources[p->n_resources].origin = p->n_resources;
  *out = p->n_resources++;
  return VC_OK;
}

vc_region vc_emit_scratch(vc_emitter *e, uint64_t n_bytes) {
  struct program_resource r = {.kind = PROGRAM_SCRATCH, .owner = e->node, .n_bytes = VC_MAX(n_bytes, 4)};
  uint32_t index = 0;
  vc_status status = add_resource(e->arena, e->program, r, &index);
  if (e->status == VC_OK) e->status = status;
  return (vc_region){index, 0, n_bytes};
}

// Gives every tensor with memory of its own a resource; feeds share the first, equal slots one.
static vc_status make_resources(vc_arena *arena, struct program *p) {
  const vc_graph *g = p->graph;
  uint32_t feeds;
  VC_TRY(VC_NEW(arena, g->n_tensors, &p->resource_of));
  VC_TRY(VC_NEW(arena, g->n_tensors, &p->feed_offset));
  VC_TRY(add_resource(arena, p, (struct program_resource){.kind = PROGRAM_FEEDS}, &feeds));
  for (uint32_t id = 0; id < g->n_tensors; id++) {
    const vc_tensor *t = g->tensors[id];
    uint64_t n_bytes = vc_shape_count(t->shape) * vc_dtype_bytes(t->dtype);
    if (t->kind == VC_KIND_FEED) {
      p->resource_of[id] = feeds;
      p->feed_offset[id] = p->resources[feeds].n_bytes;
      p->resources[feeds].n_bytes += vc_round_up(n_bytes, BIND_ALIGN);
    } else if (t->kind == VC_KIND_SLOT) {
      uint32_t r = 0;
      while (r < p->n_resources && p->resources[r].slot != t->slot) r++;
      struct program_resource slot = {.kind = PROGRAM_SLOT, .owner = t, .slot = t->slot, .n_bytes = t->slot->n_bytes};
      if (r == p->n_resources) VC_TRY(add_resource(arena, p, slot, &r));
      p->resource_of[id] = r;
    } else if (t->kind == VC_KIND_NODE && !t->place) {
      struct program_resource node = {.kind = PROGRAM_NODE, .owner = t, .n_bytes = n_bytes};
      VC_TRY(add_resource(arena, p, node, &p->resource_of[id]));
    }
  }
  for (uint32_t id = 0; id < g->n_tensors; id++) {
    if (g->tensors[id]->keep) p->resources[program_region(p, g->tensors[id]).resource].keep = true;
  }
  return VC_OK;
}

// ---- dispatches -----------------------------------------------------------------------------------------------

const struct vc_caps *vc_emit_caps(const vc_emitter *e) {
  return e->caps;
}

void vc_emit_fold(const vc_emitter *e, uint64_t n_groups, uint32_t out_groups[3]) {
  const uint32_t *max = e->caps->max_workgroup_count;
  uint64_t n = VC_MAX(n_groups, 1);
  uint64_t planes = vc_div_up(n, (uint64_t)max[0] * max[1]);
  uint64_t in_plane = vc_div_up(n, planes);
  uint64_t rows = vc_div_up(in_plane, max[0]);
  out_groups[0] = (uint32_t)vc_div_up(in_plane, rows);
  out_groups[1] = (uint32_t)rows;
  out_groups[2] = (uint32_t)VC_MIN(planes, UINT32_MAX); // too many: vc_emit refuses it
}

uint64_t vc_emit_range(const vc_emitter *e, uint64_t n_items, uint64_t least_bytes, uint64_t most_bytes) {
  const uint64_t most = e->caps->max_buffer_range / most_bytes;
  const uint64_t unit = BIND_ALIGN / VC_MIN(least_bytes & -least_bytes, BIND_ALIGN); // items between aligned ones
  return n_items <= most ? n_items : VC_MIN(VC_MAX(most / unit, 1) * unit, n_items);
}

static vc_status check_binding(const vc_emitter *e, const struct vc_dispatch *d, uint32_t i, bool by_address) {
  const struct program *p = e->program;
  vc_region r = d->bindings[i];
  if (r.resource >= p->n_resources || r.n_bytes == 0 || r.n_bytes > p->resources[r.resource].n_bytes ||
      r.offset > p->resources[r.resource].n_bytes - r.n_bytes) {
    return VC_FAIL(VC_E_INTERNAL, "binding %u of %s lies outside its memory", i, d->kernel);
  }
  if (r.offset % BIND_ALIGN) {
    return VC_FAIL(VC_E_SHAPE, "binding %u of %s starts at byte %llu, which is no multiple of %d", i, d->kernel,
                   (unsigned long long)r.offset, BIND_ALIGN);
  }
  if (!by_address && r.n_bytes > e->caps->max_buffer_range) {
    const double most = (double)e->caps->max_buffer_range, share = most / (double)r.n_bytes;
    if (p->resources[r.resource].kind == PROGRAM_SLOT) {
      return VC_FAIL(VC_E_NOMEM,
                     "weights of %.0f MiB, where the device's kernels can reach %.0f MiB at once; "
                     "make model.base %.0f %% of what it is, or model.depth less",
                     (double)r.n_bytes / 1048576.0, most / 1048576.0, floor(100 * sqrt(share)));
    }
    return VC_FAIL(VC_E_NOMEM,
                   "a tensor of %.0f MiB, where the device's kernels can reach %.0f MiB at once; "
                   "make the crop's side %.0f %% of what it is, or the batch or model.base %.0f %%",
                   (double)r.n_bytes / 1048576.0, most / 1048576.0, floor(100 * sqrt(share)), floor(100 * share));
  }
  return VC_OK;
}

static vc_status check_dispatch(const vc_emitter *e, const struct vc_dispatch *d, const struct emit_kernel *kernel) {
  if (d->n_bindings != kernel->n_bindings || d->push_bytes != kernel->push_bytes || d->n_spec < kernel->n_spec ||
      d->n_spec > VC_EMIT_MAX_SPEC) {
    return VC_FAIL(VC_E_INTERNAL,
                   "kernel %s takes %u bindings, %u bytes of parameters and %u constants, not %u, %u and %u", d->kernel,
                   kernel->n_bindings, kernel->push_bytes, kernel->n_spec, d->n_bindings, d->push_bytes, d->n_spec);
  }
  if (!kernel->by_address && d->n_bindings > e->caps->max_stage_buffers) {
    return VC_FAIL(VC_E_UNSUPPORTED, "kernel %s binds %u buffers, the device %u", d->kernel, d->n_bindings,
                   e->caps->max_stage_buffers);
  }
  for (int i = 0; i < 3; i++) {
    if (d->groups[i] == 0 || d->groups[i] > e->caps->max_workgroup_count[i]) {
      return VC_FAIL(VC_E_UNSUPPORTED,
                     "kernel %s in %u x %u x %u workgroups: more than the device starts at once; "
                     "make the crop or the batch smaller",
                     d->kernel, d->groups[0], d->groups[1], d->groups[2]);
    }
  }
  for (uint32_t i = 0; i < d->n_bindings; i++) VC_TRY(check_binding(e, d, i, kernel->by_address));
  return VC_OK;
}

vc_status vc_emit(vc_emitter *e, const struct vc_dispatch *d) {
  VC_TRY(e->status);
  struct program *p = e->program;
  struct emit_kernel kernel;
  const char *name = d->kernel;
  VC_TRY(e->lookup(name, &kernel));
  if (e->half && kernel.half && !d->full) {
    name = kernel.half;
    VC_TRY(e->lookup(name, &kernel));
  }
  VC_TRY(check_dispatch(e, d, &kernel));
  VC_TRY(grow(e->arena, (void **)&p->dispatches, sizeof *p->dispatches, p->n_dispatches, &p->dispatches_capacity));
  struct program_dispatch *out = &p->dispatches[p->n_dispatches];
  const bool starts = p->n_dispatches == 0 || out[-1].node != e->node;
  *out = (struct program_dispatch){
      .node = e->node, .starts = starts, .job = e->job, .variant = e->row ? e->row->name : NULL, .d = *d};
  out->d.kernel = name;
  if (d->push_bytes) {
    void *push;
    VC_TRY(vc_arena_alloc(e->arena, d->push_bytes, 1, &push));
    memcpy(push, d->push, d->push_bytes);
    out->d.push = push;
  }
  memcpy(out->access, kernel.access, sizeof out->access);
  p->n_dispatches++;
  return VC_OK;
}

// ---- blocks ---------------------------------------------------------------------------------------------------

// Elements of each block that placed tensors cover, by the block's id.
static vc_status count_covered(vc_arena *arena, const vc_graph *g, uint64_t **out_covered) {
  VC_TRY(VC_NEW(arena, g->n_tensors, out_covered));
  for (uint32_t id = 0; id < g->n_tensors; id++) {
    const vc_tensor *t = g->tensors[id];
    if (t->place) (*out_covered)[tensor_root(t, NULL)->id] += vc_shape_count(t->shape);
  }
  return VC_OK;
}

// Before the first tensor that is placed in a block with gaps: zeroes the block.
static vc_status zero_gaps(vc_emitter *e, const vc_tensor *t, uint64_t *covered) {
  if (!t->place) return VC_OK;
  const vc_tensor *root = tensor_root(t, NULL);
  if (!graph_is_block(root) || covered[root->id] >= vc_shape_count(root->shape)) return VC_OK;
  covered[root->id] = UINT64_MAX;
  e->node = root;
  return graph_emit_fill(e, vc_emit_tensor(e, root), 0);
}

// ---- nodes ----------------------------------------------------------------------------------------------------

// The work of dispatches first.. of node t, where emit has not told it.
static void estimate_work(struct program *p, uint32_t first, const vc_tensor *t) {
  struct vc_dispatch *heaviest = NULL;
  bool told = false;
  for (uint32_t i = first; i < p->n_dispatches; i++) {
    struct vc_dispatch *d = &p->dispatches[i].d;
    told = told || d->flops > 0;
    if (!(d->bytes > 0)) {
      for (uint32_t j = 0; j < d->n_bindings; j++) d->bytes += (double)d->bindings[j].n_bytes;
    }
    if (!heaviest || d->bytes > heaviest->bytes) heaviest = d;
  }
  if (heaviest && !told && t->op->flops) heaviest->flops = t->op->flops(t);
}

static vc_status emit_node(vc_emitter *e, const vc_tensor *t, uint64_t *covered) {
  VC_TRY(zero_gaps(e, t, covered));
  e->node = t;
  e->half = t->op->half_inputs && t->dtype == VC_F16;
  for (uint32_t i = 0; i < t->n_in; i++) {
    e->half |= (t->op->half_inputs >> i & 1) && t->in[i] && t->in[i]->dtype == VC_F16;
  }
  uint32_t first = e->program->n_dispatches;
  VC_TRY(t->op->emit(e, t));
  VC_TRY(e->status);
  estimate_work(e->program, first, t);
  return VC_OK;
}

static vc_status emit_nodes(vc_emitter *e) {
  const vc_graph *g = e->program->graph;
  uint64_t *covered;
  VC_TRY(count_covered(e->arena, g, &covered));
  for (uint32_t id = 0; id < g->n_tensors; id++) {
    const vc_tensor *t = g->tensors[id];
    if (t->kind == VC_KIND_NODE) VC_TRY_CTX(emit_node(e, t, covered), "%s: %s", t->path, t->op->name);
  }
  return VC_OK;
}

// ---- what is needed -------------------------------------------------------------------------------------------

// A node is needed if it is kept, writes a slot, is an input of a needed one, or writes memory whose owner is needed.
struct liveness {
  const struct program *p;
  bool *needed; // [n_tensors]
  uint32_t *stack, n_stack;
  uint32_t *writers; // [n_resources] the latest dispatch that writes it, + 1
  uint32_t *next;    // [n_dispatches * VC_EMIT_MAX_BINDINGS] the one before, + 1, by dispatch and binding
};

static void need(struct liveness *l, const vc_tensor *t) {
  if (l->needed[t->id]) return;
  l->needed[t->id] = true;
  l->stack[l->n_stack++] = t->id;
}

static vc_status start_liveness(vc_arena *arena, const struct program *p, struct liveness *l) {
  size_t n_bindings = (size_t)p->n_dispatches * VC_EMIT_MAX_BINDINGS;
  l->p = p;
  VC_TRY(VC_NEW(arena, p->graph->n_tensors, &l->needed));
  VC_TRY(VC_NEW(arena, p->graph->n_tensors, &l->stack));
  VC_TRY(VC_NEW(arena, p->n_resources, &l->writers));
  VC_TRY(VC_NEW(arena, n_bindings, &l->next));
  for (uint32_t i = 0; i < p->n_dispatches; i++) {
    const struct program_dispatch *d = &p->dispatches[i];
    for (uint32_t j = 0; j < d->d.n_bindings; j++) {
      if (!(d->access[j] & 2)) continue;
      uint32_t r = d->d.bindings[j].resource, at = i * VC_EMIT_MAX_BINDINGS + j;
      l->next[at] = l->writers[r];
      l->writers[r] = at + 1;
      if (p->resources[r].kind == PROGRAM_SLOT) need(l, d->node);
    }
  }
  for (uint32_t id = 0; id < p->graph->n_tensors; id++) {
    if (p->graph->tensors[id]->keep) need(l, p->graph->tensors[id]);
  }
  return VC_OK;
}

static void find_needed(struct liveness *l) {
  const struct program *p = l->p;
  while (l->n_stack) {
    const vc_tensor *t = p->graph->tensors[l->stack[--l->n_stack]];
    for (uint32_t i = 0; i < t->n_in; i++) {
      if (t->in[i]) need(l, t->in[i]);
    }
    const vc_tensor *root = tensor_root(t, NULL);
    if (root != t) need(l, root);
    if (t->kind != VC_KIND_NODE || t->place) continue;
    for (uint32_t at = l->writers[p->resource_of[t->id]]; at; at = l->next[at - 1]) {
      need(l, p->dispatches[(at - 1) / VC_EMIT_MAX_BINDINGS].node);
    }
  }
}

static vc_status drop_unneeded(vc_arena *arena, struct program *p) {
  struct liveness l = {0};
  VC_TRY(start_liveness(arena, p, &l));
  find_needed(&l);
  uint32_t n = 0;
  for (uint32_t i = 0; i < p->n_dispatches; i++) {
    if (l.needed[p->dispatches[i].node->id]) p->dispatches[n++] = p->dispatches[i];
  }
  p->n_dispatches = n;
  n = 0;
  for (uint32_t i = 0; i < p->n_uses; i++) {
    if (l.needed[p->uses[i].node->id]) p->uses[n++] = p->uses[i];
  }
  p->n_uses = n;
  return VC_OK;
}

// Fails where a kernel reads work memory that no earlier kernel has written.
static vc_status check_order(vc_arena *arena, const struct program *p) {
  bool *written;
  VC_TRY(VC_NEW(arena, p->n_resources, &written));
  for (uint32_t i = 0; i < p->n_dispatches; i++) {
    const struct program_dispatch *d = &p->dispatches[i];
    for (uint32_t j = 0; j < d->d.n_bindings; j++) {
      if (d->access[j] & 2) written[d->d.bindings[j].resource] = true;
    }
    for (uint32_t j = 0; j < d->d.n_bindings; j++) {
      const struct program_resource *r = &p->resources[d->d.bindings[j].resource];
      bool own = r->kind == PROGRAM_FEEDS || r->kind == PROGRAM_SLOT;
      if (own || written[d->d.bindings[j].resource]) continue;
      return VC_FAIL(VC_E_INTERNAL, "%s: %s reads %s before anything has been written there", d->node->path,
                     d->d.kernel, r->owner->path);
    }
  }
  return VC_OK;
}

vc_status program_make(vc_arena *arena, const vc_graph *g, const struct vc_caps *caps,
                       const struct emit_choosing *choosing, emit_lookup lookup, struct program **out) {
  VC_TRY(vc_graph_status(g));
  struct program *p;
  VC_TRY(VC_NEW(arena, 1, &p));
  p->graph = g;
  VC_TRY(make_resources(arena, p));
  vc_emitter e = {.arena = arena, .caps = caps, .choosing = *choosing, .lookup = lookup, .program = p};
  VC_TRY(emit_nodes(&e));
  VC_TRY(drop_unneeded(arena, p));
  VC_TRY(program_hoist(arena, p));
  VC_TRY(check_order(arena, p));
  *out = p;
  return VC_OK;
}

vc_status program_plan(vc_arena *arena, const struct program *p, const struct vc_caps *caps, struct vc_plan **out) {
  struct vc_plan_dispatch *dispatches;
  struct vc_plan_resource *resources;
  VC_TRY(VC_NEW(arena, p->n_dispatches, &dispatches));
  VC_TRY(VC_NEW(arena, p->n_resources, &resources));
  for (uint32_t i = 0; i < p->n_dispatches; i++) {
    const struct program_dispatch *d = &p->dispatches[i];
    dispatches[i].n_access = d->d.n_bindings;
    for (uint32_t j = 0; j < d->d.n_bindings; j++) {
      vc_region r = d->d.bindings[j];
      dispatches[i].access[j] = (struct vc_plan_access){r.resource, d->access[j], r.offset, r.n_bytes};
    }
  }
  for (uint32_t i = 0; i < p->n_resources; i++) {
    const struct program_resource *r = &p->resources[i];
    bool planned = r->kind == PROGRAM_NODE || r->kind == PROGRAM_SCRATCH;
    resources[i] = (struct vc_plan_resource){r->n_bytes, planned, r->keep};
  }
  return vc_plan_make(arena, dispatches, p->n_dispatches, resources, p->n_resources, caps->max_allocation_bytes,
                      BIND_ALIGN, out);
}
