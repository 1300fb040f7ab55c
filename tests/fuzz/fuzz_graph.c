// A stack machine over the graph: each byte is an instruction on tensors made so far, its operands the bytes behind it.
// Whatever is built must end in an error with a message or in a plan that keeps its promises.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/dry_caps.h"
#include "vulcyte/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { MAX_TENSORS = 256, MAX_GRADS = 3 };

struct machine {
  const uint8_t *data;
  size_t n_bytes, at;
  vc_graph *g;
  vc_slot *slots[2];
  vc_tensor *tensors[MAX_TENSORS];
  uint32_t n_tensors, n_grads, depth;
};

static uint32_t byte(struct machine *m) {
  return m->at < m->n_bytes ? m->data[m->at++] : 0;
}

// Mostly small, sometimes anything.
static uint32_t number(struct machine *m) {
  uint32_t b = byte(m);
  if (b < 200) return b;
  if (b < 250) return (b - 200) * 64;
  return byte(m) << 24 | byte(m) << 16 | byte(m) << 8 | byte(m);
}

static struct vc_shape shape(struct machine *m) {
  struct vc_shape s = {1, 1, 1, 1};
  uint32_t which = byte(m);
  if (which & 1) s.n = number(m);
  if (which & 2) s.h = number(m);
  if (which & 4) s.w = number(m);
  s.c = number(m);
  return s;
}

static vc_tensor *tensor(struct machine *m) {
  return m->tensors[byte(m) % m->n_tensors];
}

static void keep(struct machine *m, vc_tensor *t) {
  if (!t) abort(); // constructors never give NULL
  if (m->n_tensors < MAX_TENSORS) m->tensors[m->n_tensors++] = t;
}

static void differentiate(struct machine *m) {
  vc_tensor *wrt[4], *grads[4], *loss = tensor(m), *seed = byte(m) & 1 ? tensor(m) : NULL;
  uint32_t n = 1 + byte(m) % 4;
  for (uint32_t i = 0; i < n; i++) wrt[i] = tensor(m);
  if (m->n_grads++ >= MAX_GRADS) return;
  vc_grad(m->g, loss, seed, wrt, n, grads);
  for (uint32_t i = 0; i < n; i++) {
    if (!grads[i]) continue;
    if (vc_graph_status(m->g) == VC_OK && !vc_shape_equal(grads[i]->shape, wrt[i]->shape)) abort();
    keep(m, grads[i]);
  }
}

static void step(struct machine *m) {
  vc_graph *g = m->g;
  vc_tensor *t = tensor(m), *other;
  switch (byte(m) % 14) {
  case 0: keep(m, vc_feed(g, "feed", byte(m) & 1 ? VC_U32 : VC_F32, number(m))); break;
  case 1: keep(m, vc_bind(g, "bind", shape(m), VC_F32, m->slots[byte(m) & 1], number(m))); break;
  case 2: keep(m, vc_view(g, t, shape(m), number(m))); break;
  case 3: keep(m, vc_view(g, t, t->shape, 0)); break;
  case 4: keep(m, vc_stop_gradient(g, t)); break;
  case 5: keep(m, vc_add(g, t, tensor(m))); break;
  case 6: keep(m, vc_add(g, t, t)); break;
  case 7: keep(m, vc_block(g, shape(m), VC_F32)); break;
  case 8: vc_place(g, t, tensor(m), number(m)); break;
  case 9:
    other = vc_block(g, t->shape, VC_F32);
    vc_place(g, t, other, 0);
    keep(m, other);
    break;
  case 10: vc_output(g, t); break;
  case 11: vc_report(g, t); break;
  case 12:
    if (m->depth > 0 && byte(m) & 1) {
      vc_graph_pop(g);
      m->depth--;
    } else if (m->depth < 20) {
      vc_graph_push(g, "level%u", m->depth++);
    }
    break;
  default: differentiate(m); break;
  }
}

static vc_status run(vc_arena *arena, struct machine *m) {
  const struct vc_caps caps = dry_caps();
  const struct vc_exec_options options = {.caps = &caps};
  vc_exec *exec;
  char *text;
  VC_TRY(vc_graph_create(arena, &m->g));
  VC_TRY(vc_slot_create(arena, NULL, 8192, VC_SLOT_DEVICE, "params", &m->slots[0]));
  VC_TRY(vc_slot_create(arena, NULL, 1 << 20, VC_SLOT_DEVICE, "images", &m->slots[1]));
  keep(m, vc_bind(m->g, "first", (struct vc_shape){1, 64, 1, 1}, VC_F32, m->slots[0], 0));
  while (m->at < m->n_bytes && vc_graph_status(m->g) == VC_OK) step(m);
  VC_TRY(vc_exec_create(arena, NULL, m->g, &options, &exec));
  return vc_exec_print_plan(exec, arena, &text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  struct machine m = {.data = data, .n_bytes = n_bytes < 4096 ? n_bytes : 4096};
  vc_arena *arena;
  if (vc_arena_create(&arena) != VC_OK) return 0;
  vc_status status = run(arena, &m);
  if (status != VC_OK && vc_error_message()[0] == '\0') abort();
  vc_arena_destroy(arena);
  return 0;
}
