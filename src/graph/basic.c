// The ops that the graph itself needs: sums of gradients, constants, adjoints of views, and blocks of memory.
#include "internal.h"

#include <string.h>

enum { WORDS_PER_GROUP = 1024 }; // of the kernels here

static vc_status emit_words(vc_emitter *e, const char *kernel, const vc_region *bindings, uint32_t n_bindings,
                            const void *push, uint32_t push_bytes, uint64_t n_words) {
  struct vc_dispatch d = {.kernel = kernel, .n_bindings = n_bindings, .push = push, .push_bytes = push_bytes};
  memcpy(d.bindings, bindings, n_bindings * sizeof *bindings);
  vc_emit_fold(e, vc_div_up(n_words, WORDS_PER_GROUP), d.groups);
  return vc_emit(e, &d);
}

// The same for elements of so many bytes, in as many dispatches as the device's bindings ask for. push begins with the
// number of elements.
static vc_status emit_elements(vc_emitter *e, const char *kernel, const vc_region *bindings, uint32_t n_bindings,
                               uint64_t bytes, uint32_t *push, uint32_t push_bytes) {
  const uint64_t n = *push, most = vc_emit_range(e, n, bytes, bytes);
  for (uint64_t first = 0; first < n; first += most) {
    vc_region part[VC_EMIT_MAX_BINDINGS];
    *push = (uint32_t)VC_MIN(most, n - first);
    for (uint32_t i = 0; i < n_bindings; i++) part[i] = vc_region_slice(bindings[i], first * bytes, *push * bytes);
    VC_TRY(emit_words(e, kernel, part, n_bindings, push, push_bytes, *push));
  }
  return VC_OK;
}

// ---- add ------------------------------------------------------------------------------------------------------

static vc_status add_infer(vc_tensor *out) {
  const vc_tensor *a = out->in[0], *b = out->in[1];
  if (!vc_shape_equal(a->shape, b->shape)) {
    return VC_FAIL(VC_E_SHAPE, "shapes %u x %u x %u x %u and %u x %u x %u x %u differ", a->shape.n, a->shape.c,
                   a->shape.h, a->shape.w, b->shape.n, b->shape.c, b->shape.h, b->shape.w);
  }
  if (a->dtype != VC_F32 || b->dtype != VC_F32) return VC_FAIL(VC_E_SHAPE, "both terms must be F32");
  out->shape = a->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status add_emit(vc_emitter *e, const vc_tensor *out) {
  uint32_t push = (uint32_t)vc_shape_count(out->shape);
  vc_region r[] = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out->in[1]), vc_emit_tensor(e, out)};
  return emit_elements(e, "add_fwd", r, 3, vc_dtype_bytes(out->dtype), &push, sizeof push);
}

static void add_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  (void)g;
  (void)out;
  for (int i = 0; i < 2; i++) {
    if (want[i]) grad_in[i] = grad_out;
  }
}

static double add_flops(const vc_tensor *out) {
  return (double)vc_shape_count(out->shape);
}

static const struct vc_op add_op = {.name = "add",
                                    .infer = add_infer,
                                    .emit = add_emit,
                                    .vjp = add_vjp,
                                    .half_inputs = 3,
                                    .half_result = true,
                                    .flops = add_flops,
                                    .in_place = 3};

bool vc_is_add(const vc_tensor *t) {
  return t->op == &add_op;
}

vc_tensor *vc_add(vc_graph *g, vc_tensor *a, vc_tensor *b) {
  vc_tensor *in[] = {a, b};
  return vc_node(g, &add_op, in, 2, NULL, 0);
}

// ---- fill -----------------------------------------------------------------------------------------------------

struct fill_attr {
  struct vc_shape shape;
  uint32_t dtype, bits;
};

static const struct fill_attr *fill_attr_of(const vc_tensor *t) {
  return (const struct fill_attr *)t->attr;
}

static vc_status fill_infer(vc_tensor *out) {
  out->shape = fill_attr_of(out)->shape;
  out->dtype = (vc_dtype)fill_attr_of(out)->dtype;
  if (out->dtype == VC_F16) return VC_FAIL(VC_E_SHAPE, "elements must be of 32 bits");
  return VC_OK;
}

vc_status graph_emit_fill(vc_emitter *e, vc_region region, uint32_t bits) {
  uint32_t push[] = {(uint32_t)(region.n_bytes / 4), bits};
  return emit_elements(e, "fill_fwd", &region, 1, 4, push, sizeof push);
}

static vc_status fill_emit(vc_emitter *e, const vc_tensor *out) {
  return graph_emit_fill(e, vc_emit_tensor(e, out), fill_attr_of(out)->bits);
}

static void fill_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  (void)g, (void)out, (void)grad_out, (void)want, (void)grad_in; // has no input
}

static const struct vc_op fill_op = {.name = "fill", .infer = fill_infer, .emit = fill_emit, .vjp = fill_vjp};

vc_tensor *graph_fill(vc_graph *g, struct vc_shape shape, vc_dtype dtype, uint32_t bits) {
  struct fill_attr attr = {shape, dtype, bits};
  return vc_node(g, &fill_op, NULL, 0, &attr, sizeof attr);
}

// ---- unview ---------------------------------------------------------------------------------------------------

struct unview_attr {
  struct vc_shape shape;
  uint64_t offset;
};

static const struct unview_attr *unview_attr_of(const vc_tensor *t) {
  return (const struct unview_attr *)t->attr;
}

static vc_status unview_infer(vc_tensor *out) {
  out->shape = unview_attr_of(out)->shape;
  out->dtype = out->in[0]->dtype;
  if (out->dtype == VC_F16) return VC_FAIL(VC_E_SHAPE, "elements must be of 32 bits");
  return VC_OK;
}

static vc_status unview_emit(vc_emitter *e, const vc_tensor *out) {
  uint64_t count = vc_shape_count(out->shape);
  uint32_t push[] = {(uint32_t)count, (uint32_t)unview_attr_of(out)->offset,
                     (uint32_t)vc_shape_count(out->in[0]->shape)};
  vc_region r[] = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out)};
  return emit_words(e, "unview_fwd", r, 2, push, sizeof push, count);
}

static void unview_vjp(vc_graph *g, vc_tensor *out, vc_tensor *grad_out, const bool *want, vc_tensor **grad_in) {
  if (want[0]) grad_in[0] = vc_view(g, grad_out, out->in[0]->shape, unview_attr_of(out)->offset);
}

static const struct vc_op unview_op = {.name = "unview", .infer = unview_infer, .emit = unview_emit, .vjp = unview_vjp};

vc_tensor *graph_unview(vc_graph *g, vc_tensor *in, struct vc_shape shape, uint64_t offset_elements) {
  struct unview_attr attr = {shape, offset_elements};
  return vc_node(g, &unview_op, &in, 1, &attr, sizeof attr);
}

// ---- block ----------------------------------------------------------------------------------------------------

// What placed tensors leave uncovered is zeroed where they are emitted (emit.c).
static vc_status block_emit(vc_emitter *e, const vc_tensor *out) {
  (void)e, (void)out;
  return VC_OK;
}

static const struct vc_op block_op = {.name = "block", .infer = fill_infer, .emit = block_emit, .vjp = fill_vjp};

bool graph_is_block(const vc_tensor *t) {
  return t->op == &block_op;
}

vc_tensor *vc_block(vc_graph *g, struct vc_shape shape, vc_dtype dtype) {
  struct fill_attr attr = {shape, dtype, 0};
  return vc_node(g, &block_op, NULL, 0, &attr, sizeof attr);
}
