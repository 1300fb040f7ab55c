// Building a graph: tensors, nodes, paths and the error that sticks.
#include "internal.h"

#include <stdio.h>
#include <string.h>

vc_status grow(vc_arena *arena, void **array, size_t element_bytes, uint32_t n, uint32_t *capacity) {
  if (n < *capacity) return VC_OK;
  uint32_t wanted = *capacity ? *capacity * 2 : 16;
  void *bigger = NULL;
  VC_TRY(vc_arena_alloc(arena, wanted, element_bytes, &bigger));
  if (n) memcpy(bigger, *array, n * element_bytes);
  *array = bigger;
  *capacity = wanted;
  return VC_OK;
}

uint32_t vc_dtype_bytes(vc_dtype dtype) {
  return dtype == VC_F16 ? 2 : 4;
}

uint64_t vc_shape_count(struct vc_shape s) {
  return (uint64_t)s.n * s.c * s.h * s.w;
}

bool vc_shape_equal(struct vc_shape a, struct vc_shape b) {
  return a.n == b.n && a.c == b.c && a.h == b.h && a.w == b.w;
}

vc_status vc_graph_create(vc_arena *arena, vc_graph **out) {
  vc_graph *g;
  VC_TRY(VC_NEW(arena, 1, &g));
  g->arena = arena;
  g->poison.path = "poison";
  g->poison.shape = (struct vc_shape){1, 1, 1, 1};
  *out = g;
  return VC_OK;
}

vc_status vc_graph_status(const vc_graph *g) {
  if (g->status == VC_OK) return VC_OK;
  return VC_FAIL(g->status, "%s", g->message);
}

// Makes the calling thread's last failure the graph's, unless it has one already.
static vc_tensor *stick(vc_graph *g, vc_status status) {
  if (g->status == VC_OK) {
    g->status = status;
    snprintf(g->message, sizeof g->message, "%s", vc_error_message());
  }
  return &g->poison;
}

static vc_tensor *stick_at(vc_graph *g, vc_status status, const char *what) {
  if (g->path_bytes) return stick(g, vc_fail_context(status, "%s: %s", g->path, what));
  return stick(g, vc_fail_context(status, "%s", what));
}

vc_tensor *vc_poison(vc_graph *g, vc_status status, const char *fmt, ...) {
  if (g->status != VC_OK) return &g->poison;
  char text[sizeof g->message];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (g->path_bytes) return stick(g, VC_FAIL(status, "%s: %s", g->path, text));
  return stick(g, VC_FAIL(status, "%s", text));
}

bool graph_owns(const vc_graph *g, const vc_tensor *t) {
  return t && t != &g->poison && t->id < g->n_tensors && g->tensors[t->id] == t;
}

// ---- paths ----------------------------------------------------------------------------------------------------

void vc_graph_push(vc_graph *g, const char *fmt, ...) {
  VC_ASSERT(g->depth < MAX_PATH_DEPTH);
  g->marks[g->depth++] = g->path_bytes;
  size_t at = g->path_bytes;
  if (at && at + 1 < sizeof g->path) g->path[at++] = '/';
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(g->path + at, sizeof g->path - at, fmt, args);
  va_end(args);
  g->path_bytes = n < 0 ? at : VC_MIN(at + (size_t)n, sizeof g->path - 1);
  g->path_copy = NULL;
}

void vc_graph_pop(vc_graph *g) {
  VC_ASSERT(g->depth > 0);
  g->path_bytes = g->marks[--g->depth];
  g->path[g->path_bytes] = '\0';
  g->path_copy = NULL;
}

void graph_swap_path(vc_graph *g, struct graph_path *path) {
  struct graph_path now;
  memcpy(now.path, g->path, sizeof now.path);
  now.path_bytes = g->path_bytes;
  memcpy(g->path, path->path, sizeof g->path);
  g->path_bytes = path->path_bytes;
  g->path_copy = NULL;
  *path = now;
}

// The path of a node made now; `name` is its last segment where given, and all of it at the top level.
static vc_status make_path(vc_graph *g, const char *name, bool append, const char **out) {
  if (append || !g->path_bytes) {
    char *text;
    VC_TRY(vc_arena_printf(g->arena, &text, "%s%s%s", g->path, g->path_bytes ? "/" : "", name));
    *out = text;
    return VC_OK;
  }
  if (!g->path_copy) {
    char *text;
    VC_TRY(vc_arena_strdup(g->arena, g->path, &text));
    g->path_copy = text;
  }
  *out = g->path_copy;
  return VC_OK;
}

// ---- tensors --------------------------------------------------------------------------------------------------

static vc_status check_shape(struct vc_shape s) {
  const uint64_t limit = (uint64_t)1 << 40;
  uint64_t pixels = (uint64_t)s.h * s.w, samples = (uint64_t)s.n * s.c;
  if (pixels == 0 || samples == 0) {
    return VC_FAIL(VC_E_SHAPE, "a tensor of shape %u x %u x %u x %u has no element", s.n, s.c, s.h, s.w);
  }
  if (pixels > limit / samples) {
    return VC_FAIL(VC_E_SHAPE, "a tensor of shape %u x %u x %u x %u is too large", s.n, s.c, s.h, s.w);
  }
  return VC_OK;
}

vc_status graph_append(vc_graph *g, vc_tensor *t) {
  VC_TRY(grow(g->arena, (void **)&g->tensors, sizeof(vc_tensor *), g->n_tensors, &g->capacity));
  t->id = g->n_tensors;
  g->tensors[g->n_tensors++] = t;
  return VC_OK;
}

static vc_status make_tensor(vc_graph *g, enum vc_tensor_kind kind, const char *name, bool append_name,
                             vc_tensor **out) {
  VC_TRY(VC_NEW(g->arena, 1, out));
  (*out)->kind = kind;
  return make_path(g, name, append_name, &(*out)->path);
}

static vc_status make_node(vc_graph *g, const struct vc_op *op, vc_tensor *const *in, uint32_t n_in, const void *attr,
                           size_t attr_bytes, vc_tensor **out) {
  vc_tensor *t;
  VC_TRY(make_tensor(g, VC_KIND_NODE, op->name, false, &t));
  t->op = op;
  t->n_in = n_in;
  for (uint32_t i = 0; i < n_in; i++) t->in[i] = in[i];
  if (attr_bytes) memcpy(t->attr, attr, attr_bytes);
  VC_TRY(op->infer(t));
  VC_TRY(check_shape(t->shape));
  VC_TRY(graph_append(g, t));
  *out = t;
  return VC_OK;
}

vc_tensor *vc_node(vc_graph *g, const struct vc_op *op, vc_tensor *const *in, uint32_t n_in, const void *attr,
                   size_t attr_bytes) {
  VC_ASSERT(n_in <= VC_MAX_INPUTS && attr_bytes <= VC_MAX_ATTR_BYTES);
  if (g->status != VC_OK) return &g->poison;
  for (uint32_t i = 0; i < n_in; i++) VC_ASSERT(!in[i] || graph_owns(g, in[i]));
  vc_tensor *t;
  vc_status status = make_node(g, op, in, n_in, attr, attr_bytes, &t);
  return status == VC_OK ? t : stick_at(g, status, op->name);
}

vc_tensor *vc_feed(vc_graph *g, const char *name, vc_dtype dtype, uint32_t count) {
  if (g->status != VC_OK) return &g->poison;
  if (count == 0 || (uint64_t)count * vc_dtype_bytes(dtype) > MAX_FEED_BYTES) {
    return vc_poison(g, VC_E_SHAPE, "feed %s: %u elements; a feed holds 1 element to 64 KiB", name, count);
  }
  vc_tensor *t;
  vc_status status = make_tensor(g, VC_KIND_FEED, name, true, &t);
  if (status == VC_OK) status = graph_append(g, t);
  if (status != VC_OK) return stick_at(g, status, name);
  t->shape = (struct vc_shape){1, count, 1, 1};
  t->dtype = dtype;
  t->no_grad = true;
  return t;
}

vc_tensor *vc_bind(vc_graph *g, const char *name, struct vc_shape shape, vc_dtype dtype, vc_slot *slot,
                   uint64_t offset_elements) {
  if (g->status != VC_OK) return &g->poison;
  vc_tensor *t;
  vc_status status = check_shape(shape);
  if (status == VC_OK) {
    uint64_t room = slot->n_bytes / vc_dtype_bytes(dtype), count = vc_shape_count(shape);
    if (offset_elements > room || count > room - offset_elements) {
      status =
          VC_FAIL(VC_E_SHAPE, "elements %llu to %llu of slot %s, which holds %llu", (unsigned long long)offset_elements,
                  (unsigned long long)(offset_elements + count), slot->label, (unsigned long long)room);
    }
  }
  if (status == VC_OK) status = make_tensor(g, VC_KIND_SLOT, name, true, &t);
  if (status == VC_OK) status = graph_append(g, t);
  if (status != VC_OK) return stick_at(g, status, name);
  t->shape = shape;
  t->dtype = dtype;
  t->slot = slot;
  t->view_offset = offset_elements;
  return t;
}

static vc_status check_range(struct vc_shape shape, const vc_tensor *in, uint64_t offset_elements) {
  VC_TRY(check_shape(shape));
  uint64_t room = vc_shape_count(in->shape), count = vc_shape_count(shape);
  if (offset_elements > room || count > room - offset_elements) {
    return VC_FAIL(VC_E_SHAPE, "%llu elements from %llu on, of %s, which has %llu", (unsigned long long)count,
                   (unsigned long long)offset_elements, in->path, (unsigned long long)room);
  }
  return VC_OK;
}

vc_tensor *vc_view(vc_graph *g, vc_tensor *in, struct vc_shape shape, uint64_t offset_elements) {
  if (g->status != VC_OK) return &g->poison;
  VC_ASSERT(graph_owns(g, in));
  vc_tensor *t;
  vc_status status = check_range(shape, in, offset_elements);
  if (status == VC_OK) status = make_tensor(g, VC_KIND_VIEW, "view", false, &t);
  if (status == VC_OK) status = graph_append(g, t);
  if (status != VC_OK) return stick_at(g, status, "view");
  t->shape = shape;
  t->dtype = in->dtype;
  t->n_in = 1;
  t->in[0] = in;
  t->view_offset = offset_elements;
  return t;
}

vc_tensor *vc_stop_gradient(vc_graph *g, vc_tensor *in) {
  vc_tensor *t = vc_view(g, in, in->shape, 0);
  if (t != &g->poison) t->no_grad = true;
  return t;
}

// ---- marks ----------------------------------------------------------------------------------------------------

void vc_output(vc_graph *g, vc_tensor *t) {
  if (g->status == VC_OK) t->keep = true;
}

void vc_report(vc_graph *g, vc_tensor *t) {
  if (g->status != VC_OK) return;
  VC_ASSERT(graph_owns(g, t));
  if (vc_shape_count(t->shape) * vc_dtype_bytes(t->dtype) > MAX_REPORT_BYTES) {
    vc_poison(g, VC_E_SHAPE, "%s: a report of %llu elements is longer than 4 KiB", t->path,
              (unsigned long long)vc_shape_count(t->shape));
    return;
  }
  vc_status status = grow(g->arena, (void **)&g->reports, sizeof(vc_tensor *), g->n_reports, &g->reports_capacity);
  if (status != VC_OK) {
    stick(g, status);
    return;
  }
  t->keep = true;
  g->reports[g->n_reports++] = t;
}

const vc_tensor *tensor_root(const vc_tensor *t, uint64_t *out_offset_bytes) {
  uint64_t offset = 0;
  for (;;) {
    if (t->kind == VC_KIND_VIEW) {
      offset += t->view_offset * vc_dtype_bytes(t->dtype);
      t = t->in[0];
    } else if (t->place) {
      offset += t->place_offset * vc_dtype_bytes(t->dtype);
      t = t->place;
    } else {
      break;
    }
  }
  if (t->kind == VC_KIND_SLOT) offset += t->view_offset * vc_dtype_bytes(t->dtype);
  if (out_offset_bytes) *out_offset_bytes = offset;
  return t;
}

void vc_place(vc_graph *g, vc_tensor *t, vc_tensor *block, uint64_t offset_elements) {
  if (g->status != VC_OK) return;
  VC_ASSERT(graph_owns(g, t) && graph_owns(g, block));
  vc_status status = check_range(t->shape, block, offset_elements);
  const vc_tensor *root = tensor_root(block, NULL);
  if (status == VC_OK && t->dtype != block->dtype) {
    status = VC_FAIL(VC_E_SHAPE, "%s and %s have different element types", t->path, block->path);
  }
  if (status == VC_OK && root->kind != VC_KIND_SLOT && !graph_is_block(root)) {
    status = VC_FAIL(VC_E_SHAPE, "%s is neither a slot nor a block", block->path);
  }
  if (status == VC_OK && graph_is_block(t)) {
    status = VC_FAIL(VC_E_SHAPE, "%s is a block; place what fills it", t->path);
  }
  if (status != VC_OK) {
    stick_at(g, status, "place");
    return;
  }
  if (t->kind != VC_KIND_NODE || t->place) t = graph_unview(g, t, t->shape, 0);
  if (g->status != VC_OK) return;
  t->place = block;
  t->place_offset = offset_elements;
}
