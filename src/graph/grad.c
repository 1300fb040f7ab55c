// Reverse-mode differentiation: walks the nodes from the loss back and adds the nodes of their adjoints.
//
// A tensor's gradient is complete when its last reader has been visited; ids fall along the walk, so that is so when
// the walk reaches it. A block is older than what fills it and is therefore completed when the first of its fillers is
// reached.
#include "internal.h"

#include <stdio.h>
#include <string.h>

struct grad_state {
  vc_graph *g;
  uint32_t n;       // tensors 0..n-1 stood before the adjoints
  bool *depends;    // [n] a gradient with respect to some wrt flows through it
  vc_tensor **grad; // [n] what has been summed so far
  bool *flushed;    // [n] of blocks: grad is complete
};

// The block that t is placed in and the element offset there; NULL if t is not placed or is placed in a slot.
static vc_tensor *block_of(const vc_graph *g, const vc_tensor *t, uint64_t *out_offset) {
  if (!t->place) return NULL;
  uint64_t offset_bytes;
  const vc_tensor *root = tensor_root(t, &offset_bytes);
  if (!graph_is_block(root)) return NULL;
  *out_offset = offset_bytes / vc_dtype_bytes(t->dtype);
  return g->tensors[root->id];
}

// Marks what depends on wrt. Blocks depend on later tensors, so passes are repeated until nothing changes.
static void mark_dependent(struct grad_state *s, vc_tensor *const *wrt, uint32_t n_wrt) {
  for (uint32_t i = 0; i < n_wrt; i++) {
    if (wrt[i]->id < s->n) s->depends[wrt[i]->id] = true;
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t id = 0; id < s->n; id++) {
      const vc_tensor *t = s->g->tensors[id];
      bool depends = s->depends[id];
      for (uint32_t i = 0; i < t->n_in && !depends && !t->no_grad; i++) {
        depends = t->in[i] && t->in[i]->id < s->n && s->depends[t->in[i]->id];
      }
      if (depends && !s->depends[id]) s->depends[id] = true;
      uint64_t offset;
      const vc_tensor *block = depends ? block_of(s->g, t, &offset) : NULL;
      if (block && block->id < s->n && !block->no_grad && !s->depends[block->id]) {
        s->depends[block->id] = true;
        changed = true;
      }
    }
  }
}

// What several readers of a tensor give it.
static vc_tensor *sum_of(vc_graph *g, vc_tensor *a, vc_tensor *b) {
  vc_tensor *sum = a->op && a->op == b->op && a->op->sum ? a->op->sum(g, a, b) : NULL;
  return sum ? sum : vc_add(g, a, b);
}

static void accumulate(struct grad_state *s, const vc_tensor *t, vc_tensor *grad) {
  vc_tensor **sum = &s->grad[t->id];
  if (!vc_shape_equal(grad->shape, t->shape)) grad = vc_view(s->g, grad, t->shape, 0);
  *sum = *sum ? sum_of(s->g, *sum, grad) : grad;
}

static void push_view(struct grad_state *s, const vc_tensor *view, vc_tensor *grad) {
  const vc_tensor *in = view->in[0];
  if (view->no_grad || !s->depends[in->id]) return;
  if (vc_shape_count(in->shape) == vc_shape_count(view->shape)) {
    accumulate(s, in, vc_view(s->g, grad, in->shape, 0));
  } else {
    accumulate(s, in, graph_unview(s->g, grad, in->shape, view->view_offset));
  }
}

// True if view reaches root through views alone, along which gradients flow.
static bool is_view_of(const vc_tensor *view, const vc_tensor *root) {
  while (view->kind == VC_KIND_VIEW) view = view->in[0];
  return view == root;
}

// Brings the gradients of all views of a block home to it.
static void flush_block(struct grad_state *s, const vc_tensor *block) {
  if (s->flushed[block->id]) return;
  s->flushed[block->id] = true;
  for (uint32_t id = s->n; id-- > block->id + 1;) {
    const vc_tensor *t = s->g->tensors[id];
    if (t->kind != VC_KIND_VIEW || !s->grad[id] || !is_view_of(t, block)) continue;
    push_view(s, t, s->grad[id]);
    s->flushed[id] = true; // its own turn comes later: nothing is left to do then
  }
}

static void visit_node(struct grad_state *s, vc_tensor *t, vc_tensor *grad) {
  vc_graph *g = s->g;
  bool want[VC_MAX_INPUTS] = {false}, any = false;
  vc_tensor *grad_in[VC_MAX_INPUTS] = {NULL};
  for (uint32_t i = 0; i < t->n_in; i++) {
    const vc_tensor *in = t->in[i];
    want[i] = in && s->depends[in->id] && in->dtype != VC_U32;
    any = any || want[i];
  }
  if (!any || t->no_grad) return;
  struct graph_path path;
  int n = snprintf(path.path, sizeof path.path, "grad/%s", t->path);
  path.path_bytes = VC_MIN((size_t)(n < 0 ? 0 : n), sizeof path.path - 1);
  graph_swap_path(g, &path);
  if (t->op->vjp) {
    t->op->vjp(g, t, grad, want, grad_in);
  } else {
    vc_poison(g, VC_E_UNSUPPORTED, "%s is not differentiable; vc_stop_gradient in front of it", t->op->name);
  }
  for (uint32_t i = 0; i < t->n_in && g->status == VC_OK; i++) {
    if (!want[i] || !grad_in[i]) continue;
    if (vc_shape_count(grad_in[i]->shape) != vc_shape_count(t->in[i]->shape)) {
      vc_poison(g, VC_E_INTERNAL, "%s gives a gradient of the wrong shape for its input %u", t->op->name, i);
      break;
    }
    accumulate(s, t->in[i], grad_in[i]);
  }
  graph_swap_path(g, &path);
}

static void visit(struct grad_state *s, vc_tensor *t) {
  uint64_t offset;
  vc_tensor *block = block_of(s->g, t, &offset);
  if (block && block->id < s->n && s->depends[block->id] && !t->no_grad) {
    flush_block(s, block);
    if (s->grad[block->id]) accumulate(s, t, vc_view(s->g, s->grad[block->id], t->shape, offset));
  }
  vc_tensor *grad = s->grad[t->id];
  if (!grad || !s->depends[t->id] || s->flushed[t->id]) return;
  if (t->kind == VC_KIND_VIEW) {
    push_view(s, t, grad);
  } else if (t->kind == VC_KIND_NODE) {
    visit_node(s, t, grad);
  }
}

static vc_status start(struct grad_state *s, vc_graph *g) {
  s->g = g;
  s->n = g->n_tensors;
  VC_TRY(VC_NEW(g->arena, s->n, &s->depends));
  VC_TRY(VC_NEW(g->arena, s->n, &s->grad));
  return VC_NEW(g->arena, s->n, &s->flushed);
}

static void differentiate(struct grad_state *s, vc_tensor *loss, vc_tensor *seed, vc_tensor *const *wrt, uint32_t n) {
  const uint32_t one = 0x3f800000; // 1.0f
  mark_dependent(s, wrt, n);
  if (!s->depends[loss->id]) return;
  s->grad[loss->id] = seed ? seed : graph_fill(s->g, loss->shape, VC_F32, one);
  // Fillers of a block that the loss reads are older than the loss, so nothing beyond it matters.
  for (uint32_t id = loss->id + 1; id-- > 0 && s->g->status == VC_OK;) visit(s, s->g->tensors[id]);
}

void vc_grad(vc_graph *g, vc_tensor *loss, vc_tensor *seed, vc_tensor *const *wrt, uint32_t n, vc_tensor **out_grads) {
  for (uint32_t i = 0; i < n; i++) out_grads[i] = &g->poison;
  if (g->status != VC_OK) return;
  struct vc_shape want = loss->shape;
  if (!seed && vc_shape_count(want) != 1) {
    vc_poison(g, VC_E_SHAPE, "gradient of %s: not a scalar, and no seed is given", loss->path);
    return;
  }
  if (seed && (!vc_shape_equal(seed->shape, want) || seed->dtype != VC_F32)) {
    vc_poison(g, VC_E_SHAPE, "gradient of %s: the seed must be F32 and of its shape", loss->path);
    return;
  }
  struct grad_state s;
  vc_status status = start(&s, g);
  if (status != VC_OK) {
    vc_poison(g, status, "gradient: out of memory");
    return;
  }
  vc_graph_push(g, "grad");
  differentiate(&s, loss, seed, wrt, n);
  vc_graph_pop(g);
  if (g->status != VC_OK) return;
  for (uint32_t i = 0; i < n; i++) out_grads[i] = s.grad[wrt[i]->id];
}
