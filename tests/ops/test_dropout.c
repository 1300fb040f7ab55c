// Dropout [DROP 1] against the mask that vc_philox gives.
#include "support/optest.h"

#include <vulcyte/ops.h>

static const float half[] = {0.5f, 0}, tenth[] = {0.1f, 0}, most[] = {0.999f, 0}, one[] = {1, 0},
                   negative[] = {-0.5f, 0}, zero[] = {0, 0}, later[] = {0.5f, 1236}, between[] = {0.5f, 6};
#define IN(n, c, h, w) {.shape = {n, c, h, w}, .fill = REF_AWAY}
#define KEY            {.shape = {1, 2, 1, 1}, .dtype = VC_U32, .fill = REF_INTEGER, .hi = 4294967294.0}
static const struct optest_case cases[] = {
    {.name = "odd", .in = {IN(2, 3, 5, 7), KEY}, .out = {2, 3, 5, 7}, .attr = half, .linear = 1},
    {.name = "in fours", .in = {IN(1, 8, 6, 6), KEY}, .out = {1, 8, 6, 6}, .attr = tenth, .linear = 1},
    {.name = "one element", .in = {IN(1, 1, 1, 1), KEY}, .out = {1, 1, 1, 1}, .attr = tenth, .linear = 1},
    {.name = "many", .in = {IN(1, 64, 31, 33), KEY}, .out = {1, 64, 31, 33}, .attr = half, .linear = 1},
    {.name = "nearly all", .in = {IN(1, 16, 16, 16), KEY}, .out = {1, 16, 16, 16}, .attr = most, .linear = 1},
    {.name = "a part of a larger tensor", .in = {IN(2, 3, 5, 7), KEY}, .out = {2, 3, 5, 7}, .attr = later, .linear = 1},
    {.name = "rate 1", .in = {IN(1, 1, 2, 2), KEY}, .attr = one, .fails = VC_E_SHAPE, .message = "rate 1"},
    {.name = "negative rate",
     .in = {IN(1, 1, 2, 2), KEY},
     .attr = negative,
     .fails = VC_E_SHAPE,
     .message = "rate -0.5"},
    {.name = "a part that begins within four",
     .in = {IN(1, 1, 2, 2), KEY},
     .attr = between,
     .fails = VC_E_SHAPE,
     .message = "element 6"},
    {.name = "a short key",
     .in = {IN(1, 1, 2, 2), {.shape = {1, 1, 1, 1}, .dtype = VC_U32}},
     .attr = half,
     .fails = VC_E_SHAPE,
     .message = "the key"},
};
static const struct optest_op dropout_op = OPTEST_OF(ref_dropout, cases);

// Rate 0 is no node at all.
static vc_tensor *build_none(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_combine(g, ref_dropout.build(g, in, attr), 1, in[0], 1);
}

static void doubled(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = 2 * in[0]->v[i];
}

static const struct optest_case none_cases[] = {
    {.name = "rate 0", .in = {IN(2, 3, 5, 7), KEY}, .out = {2, 3, 5, 7}, .attr = zero, .linear = 1},
};
static const struct optest_op none_op = OPTEST_OP("dropout off", build_none, doubled, none_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &dropout_op, &none_op, NULL);
}
