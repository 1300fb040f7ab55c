// The ops of the graph room: sums, views with their adjoints, blocks.
#include "support/optest.h"

// ---- add ------------------------------------------------------------------------------------------------------

static const struct optest_case add_cases[] = {
    {.name = "one element", .in = {{.shape = {1, 1, 1, 1}}, {.shape = {1, 1, 1, 1}}}, .out = {1, 1, 1, 1}},
    {.name = "odd sizes", .in = {{.shape = {2, 3, 5, 7}}, {.shape = {2, 3, 5, 7}}}, .out = {2, 3, 5, 7}},
    {.name = "several workgroups", .in = {{.shape = {1, 5, 33, 41}}, {.shape = {1, 5, 33, 41}}}, .out = {1, 5, 33, 41}},
    {.name = "whole workgroups", .in = {{.shape = {1, 16, 8, 16}}, {.shape = {1, 16, 8, 16}}}, .out = {1, 16, 8, 16}},
    {.name = "other shape",
     .in = {{.shape = {1, 3, 5, 7}}, {.shape = {1, 3, 7, 5}}},
     .fails = VC_E_SHAPE,
     .message = "add: shapes 1 x 3 x 5 x 7 and 1 x 3 x 7 x 5 differ"},
    {.name = "integers",
     .in = {{.shape = {1, 3, 5, 7}}, {.shape = {1, 3, 5, 7}, .dtype = VC_U32}},
     .fails = VC_E_SHAPE,
     .message = "F32"},
};
static const struct optest_op add_op = OPTEST_OF(ref_add, add_cases);

// ---- a tensor with several readers ------------------------------------------------------------------------------

static vc_tensor *build_shared(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  vc_tensor *twice = vc_add(g, in[0], in[0]);
  return vc_add(g, vc_add(g, twice, in[0]), vc_add(g, twice, in[1]));
}

static void shared(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = 5 * in[0]->v[i] + in[1]->v[i];
}

static const struct optest_case shared_cases[] = {
    {.name = "five times", .in = {{.shape = {1, 2, 9, 5}}, {.shape = {1, 2, 9, 5}}}, .out = {1, 2, 9, 5}},
};
static const struct optest_op shared_op = OPTEST_OP("shared", build_shared, shared, shared_cases);

// ---- views ----------------------------------------------------------------------------------------------------

struct view_attr {
  uint32_t offset;
  struct vc_shape shape;
};

// A view, and another of the same memory from element 64 on, reshaped.
static vc_tensor *build_view(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct view_attr *a = attr;
  vc_tensor *reshaped = vc_view(g, in[0], (struct vc_shape){1, (uint32_t)vc_shape_count(in[0]->shape), 1, 1}, 0);
  vc_tensor *one = vc_view(g, reshaped, a->shape, a->offset);
  vc_tensor *other = vc_view(g, in[0], a->shape, 64);
  return vc_add(g, one, vc_add(g, other, one));
}

static void view(optest_array *const *in, optest_array *out, const void *attr) {
  const struct view_attr *a = attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = 2 * in[0]->v[a->offset + i] + in[0]->v[64 + i];
}

static const struct view_attr first_view = {0, {1, 1, 10, 9}}, last_view = {256, {1, 2, 9, 2}};
static const struct optest_case view_cases[] = {
    {.name = "from the start",
     .in = {{.shape = {2, 2, 9, 10}}},
     .out = {1, 1, 10, 9},
     .attr = &first_view,
     .linear = 1},
    {.name = "to the end", .in = {{.shape = {1, 292, 1, 1}}}, .out = {1, 2, 9, 2}, .attr = &last_view, .linear = 1},
    {.name = "beyond the end",
     .in = {{.shape = {1, 291, 1, 1}}},
     .attr = &last_view,
     .fails = VC_E_SHAPE,
     .message = "view: 36 elements from 256 on"},
};
static const struct optest_op view_op = OPTEST_OP("view", build_view, view, view_cases);

// ---- no gradient ------------------------------------------------------------------------------------------------

static vc_tensor *build_stopped(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_add(g, vc_stop_gradient(g, vc_add(g, in[0], in[1])), in[1]);
}

static void stopped(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = in[0]->v[i] + 2 * in[1]->v[i];
}

// The first term and half of the second are constants to the gradient.
static void stopped_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                        optest_array *const *grad_in, const void *attr) {
  (void)in, (void)out, (void)attr;
  for (uint64_t i = 0; i < grad_out->count; i++) grad_in[1]->v[i] += grad_out->v[i];
}

static const struct optest_case stopped_cases[] = {
    {.name = "behind one reader", .in = {{.shape = {40, 3, 5, 7}}, {.shape = {40, 3, 5, 7}}}, .out = {40, 3, 5, 7}},
};
static const struct optest_op stopped_op = {.name = "stop_gradient",
                                            .build = build_stopped,
                                            .reference = stopped,
                                            .reference_vjp = stopped_vjp,
                                            .vjp_is_definition = true,
                                            .cases = stopped_cases,
                                            .n_cases = VC_COUNT_OF(stopped_cases)};

// ---- blocks ---------------------------------------------------------------------------------------------------

// Two sums side by side in a block with a gap between and behind them, read whole and in part.
static vc_tensor *build_block(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  vc_tensor *block = vc_block(g, (struct vc_shape){1, 320, 1, 1}, VC_F32);
  vc_tensor *early = vc_view(g, block, block->shape, 0);
  vc_place(g, vc_add(g, in[0], in[0]), block, 0);
  vc_place(g, in[1], vc_view(g, block, (struct vc_shape){1, 192, 1, 1}, 64), 64);
  return vc_add(g, vc_add(g, block, early), vc_add(g, in[2], vc_view(g, in[2], block->shape, 0)));
}

static void block(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = 2 * in[2]->v[i];
  for (uint64_t i = 0; i < in[0]->count; i++) out->v[i] += 4 * in[0]->v[i];
  for (uint64_t i = 0; i < in[1]->count; i++) out->v[128 + i] += 2 * in[1]->v[i];
}

static const struct optest_case block_cases[] = {
    {.name = "with gaps",
     .in = {{.shape = {1, 10, 5, 2}}, {.shape = {1, 3, 4, 5}}, {.shape = {1, 320, 1, 1}}},
     .out = {1, 320, 1, 1}},
    {.name = "without",
     .in = {{.shape = {1, 128, 1, 1}}, {.shape = {1, 128, 1, 1}}, {.shape = {1, 320, 1, 1}}},
     .out = {1, 320, 1, 1}},
};
static const struct optest_op block_op = OPTEST_OP("block", build_block, block, block_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &add_op, &shared_op, &view_op, &stopped_op, &block_op, NULL);
}
