// The mutual-information loss: [IID 1..5].
#include "support/optest.h"

#include <vulcyte/ops.h>

// Each pixel mostly of one class, classes in diagonal stripes: two such maps share information, near pixels too.
static void stripes(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  struct vc_shape s = out->shape;
  for (uint64_t u = 0; u < out->count / s.c; u++) {
    uint64_t class = (u % s.w / 2 + u / s.w % s.h) % s.c;
    double *p = out->v + u * s.c, sum = 0;
    for (uint32_t c = 0; c < s.c; c++) sum += p[c] = vc_rng_uniform(rng, 0.05, 1) + (c == class ? 1.5 * s.c : 0);
    for (uint32_t c = 0; c < s.c; c++) p[c] = (double)(float)(p[c] / sum);
  }
}

// Class 0 is certain in every pixel, the others exactly 0: the logarithms meet their floor.
static void certain(vc_rng *rng, optest_array *out, const void *attr) {
  (void)rng, (void)attr;
  for (uint64_t i = 0; i < out->count; i += out->shape.c) out->v[i] = 1;
}

// Valid pixels in the first column alone: no pair at a displacement to the side.
static void first_column(vc_rng *rng, optest_array *out, const void *attr) {
  (void)rng, (void)attr;
  for (uint64_t i = 0; i < out->count; i += out->shape.w) out->v[i] = 1;
}

static const struct vc_iid_desc plain = {0, 1, false}, weighed = {0, 1.7f, false}, bare = {0, 0, false},
                                box1 = {1, 1, false}, box2 = {2, 1.3f, false}, sum1 = {1, 1, true},
                                sum2 = {2, 1.3f, true}, widest = {16, 1, false}, too_wide = {17, 1, false},
                                negative = {0, -1, false}, huge = {4294967295u, 1, false};
#define P(n, c, h, w)       {.shape = {n, c, h, w}, .make = stripes}
#define RANDOM(n, c, h, w)  {.shape = {n, c, h, w}, .fill = REF_SIMPLEX}
#define CERTAIN(n, c, h, w) {.shape = {n, c, h, w}, .make = certain}
#define MASK(n, h, w)       {.shape = {n, 1, h, w}, .fill = REF_MASK, .no_grad = true}
#define ALL(n, h, w)        {.shape = {n, 1, h, w}, .fill = REF_CONST, .lo = 1, .no_grad = true}
#define NONE(n, h, w)       {.shape = {n, 1, h, w}, .fill = REF_ZERO, .no_grad = true}
#define SCALAR              {1, 1, 1, 1}
#define CASE(label, n, c, h, w, mask, desc) \
  {.name = (label), .in = {P(n, c, h, w), P(n, c, h, w), mask(n, h, w)}, .out = SCALAR, .attr = &(desc)}
static const struct optest_case cases[] = {
    CASE("two classes", 2, 2, 5, 7, MASK, plain),
    CASE("one class", 1, 1, 5, 7, MASK, plain),
    CASE("three classes", 2, 3, 5, 7, MASK, plain),
    CASE("four classes", 1, 4, 5, 7, MASK, plain),
    CASE("five classes", 1, 5, 9, 7, MASK, plain),
    CASE("64 classes", 1, 64, 5, 7, MASK, plain),
    CASE("lambda", 1, 3, 5, 7, MASK, weighed),
    CASE("lambda 0", 1, 3, 5, 7, MASK, bare),
    CASE("none valid", 1, 2, 5, 7, NONE, plain),
    CASE("many pixels", 2, 2, 97, 99, MASK, plain),
    CASE("many pixels and classes", 1, 9, 61, 67, MASK, plain),
    CASE("box", 2, 2, 5, 7, MASK, box1),
    CASE("wider box", 2, 3, 6, 7, MASK, box2),
    CASE("box, collapsed", 2, 4, 5, 7, MASK, sum1),
    CASE("wider box, collapsed", 2, 3, 6, 7, MASK, sum2),
    CASE("box, many pixels", 1, 5, 47, 43, MASK, box2),
    CASE("box, collapsed, many pixels", 1, 5, 47, 43, MASK, sum2),
    CASE("box wider than the image", 2, 2, 2, 1, ALL, box2),
    CASE("none valid, box", 1, 2, 5, 7, NONE, box1),
    CASE("none valid, collapsed", 1, 2, 5, 7, NONE, sum1),
    CASE("widest box", 1, 2, 5, 20, ALL, widest),
    {.name = "some displacements without pairs",
     .in = {P(1, 2, 5, 7), P(1, 2, 5, 7), {.shape = {1, 1, 5, 7}, .make = first_column, .no_grad = true}},
     .out = SCALAR,
     .attr = &box1},
    // 5e-4: maps that share no information; what is left of entropies of order 1 is their rounding, 1e-7.
    {.name = "independent maps",
     .in = {RANDOM(2, 5, 31, 33), RANDOM(2, 5, 31, 33), MASK(2, 31, 33)},
     .out = SCALAR,
     .attr = &plain,
     .tolerance = 5e-4},
    {.name = "one pixel",
     .in = {RANDOM(1, 2, 1, 1), RANDOM(1, 2, 1, 1), ALL(1, 1, 1)},
     .out = SCALAR,
     .attr = &plain,
     .tolerance = 5e-4}, // the same
    {.name = "other classes",
     .in = {P(1, 2, 5, 7), P(1, 3, 5, 7), ALL(1, 5, 7)},
     .attr = &plain,
     .fails = VC_E_SHAPE,
     .message = "the second map is 1 x 3 x 5 x 7"},
    {.name = "other mask",
     .in = {P(1, 2, 5, 7), P(1, 2, 5, 7), ALL(1, 7, 5)},
     .attr = &plain,
     .fails = VC_E_SHAPE,
     .message = "the validity mask is 1 x 1 x 7 x 5"},
    {.name = "65 classes",
     .in = {P(1, 65, 5, 7), P(1, 65, 5, 7), ALL(1, 5, 7)},
     .attr = &plain,
     .fails = VC_E_SHAPE,
     .message = "65 classes"},
    {.name = "box too wide",
     .in = {P(1, 2, 5, 7), P(1, 2, 5, 7), ALL(1, 5, 7)},
     .attr = &too_wide,
     .fails = VC_E_SHAPE,
     .message = "displacements up to 17"},
    {.name = "box too wide to count",
     .in = {P(1, 2, 5, 7), P(1, 2, 5, 7), ALL(1, 5, 7)},
     .attr = &huge,
     .fails = VC_E_SHAPE,
     .message = "displacements up to 4294967295"},
    {.name = "too many matrices",
     .in = {P(1, 64, 5, 7), P(1, 64, 5, 7), ALL(1, 5, 7)},
     .attr = &widest,
     .fails = VC_E_SHAPE,
     .message = "with 64 classes"},
    {.name = "negative lambda",
     .in = {P(1, 2, 5, 7), P(1, 2, 5, 7), ALL(1, 5, 7)},
     .attr = &negative,
     .fails = VC_E_SHAPE,
     .message = "lambda -1"},
};
static const struct optest_op op = OPTEST_OF(ref_iid, cases);

// Entries of exactly 0: the derivative is taken as that of the floor, which differences do not see.
static const struct optest_case floor_cases[] = {
    {.name = "one class everywhere",
     .in = {CERTAIN(1, 3, 5, 7), CERTAIN(1, 3, 5, 7), MASK(1, 5, 7)},
     .out = SCALAR,
     .attr = &plain},
    {.name = "one class everywhere in one map",
     .in = {P(1, 3, 5, 7), CERTAIN(1, 3, 5, 7), MASK(1, 5, 7)},
     .out = SCALAR,
     .attr = &box1},
};
static const struct optest_op floor_op = {.name = "iid, at the floor",
                                          .of = &ref_iid,
                                          .vjp_is_definition = true,
                                          .cases = floor_cases,
                                          .n_cases = VC_COUNT_OF(floor_cases)};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &op, &floor_op, NULL);
}
