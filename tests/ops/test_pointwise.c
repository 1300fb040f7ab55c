// Elementwise functions: [RELU 1..2] and linear combinations.
#include "support/optest.h"

#include <math.h>
#include <vulcyte/ops.h>

struct factors {
  float a, b;
};

// ---- relu -------------------------------------------------------------------------------------------------------

static vc_tensor *build_relu(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_relu(g, in[0]);
}

static void relu(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = in[0]->v[i] < 0 ? 0 : in[0]->v[i]; // NaN passes
}

static void relu_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                     optest_array *const *grad_in, const void *attr) {
  (void)in, (void)attr;
  for (uint64_t i = 0; i < out->count; i++) grad_in[0]->v[i] += out->v[i] > 0 ? grad_out->v[i] : 0;
}

static void with_nan(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = vc_rng_below(rng, 4) ? vc_rng_uniform(rng, -1, 1) : NAN;
}

#define AWAY(n, c, h, w) {.shape = {n, c, h, w}, .fill = OPTEST_AWAY}
static const struct optest_case relu_cases[] = {
    {.name = "one element", .in = {AWAY(1, 1, 1, 1)}, .out = {1, 1, 1, 1}},
    {.name = "three elements", .in = {AWAY(1, 3, 1, 1)}, .out = {1, 3, 1, 1}},
    {.name = "odd", .in = {AWAY(2, 3, 5, 7)}, .out = {2, 3, 5, 7}},
    {.name = "in fours", .in = {AWAY(2, 8, 4, 4)}, .out = {2, 8, 4, 4}},
    {.name = "many", .in = {AWAY(1, 5, 101, 131)}, .out = {1, 5, 101, 131}},
    {.name = "zeros", .in = {{.shape = {1, 3, 5, 7}, .fill = OPTEST_ZERO}}, .out = {1, 3, 5, 7}},
    {.name = "NaN passes", .in = {{.shape = {1, 3, 5, 7}, .make = with_nan}}, .out = {1, 3, 5, 7}, .no_vjp = true},
    {.name = "integers",
     .in = {{.shape = {1, 3, 5, 7}, .dtype = VC_U32}},
     .fails = VC_E_SHAPE,
     .message = "the operand is U32"},
};
static const struct optest_op relu_op = {.name = "relu",
                                         .build = build_relu,
                                         .reference = relu,
                                         .reference_vjp = relu_vjp,
                                         .vjp_is_definition = true, // at zero, where the gradient is 0
                                         .cases = relu_cases,
                                         .n_cases = VC_COUNT_OF(relu_cases)};

static const struct optest_case relu_smooth_cases[] = {
    {.name = "finite differences", .in = {AWAY(2, 3, 5, 7)}, .out = {2, 3, 5, 7}},
};
static const struct optest_op relu_smooth = OPTEST_OP("relu away from 0", build_relu, relu, relu_smooth_cases);

// ---- relu_grad --------------------------------------------------------------------------------------------------

static vc_tensor *build_relu_grad(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_relu_grad(g, in[0], in[1]);
}

static void relu_grad(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = in[1]->v[i] > 0 ? in[0]->v[i] : 0;
}

#define STEP(n, c, h, w) {.shape = {n, c, h, w}, .fill = OPTEST_AWAY, .no_grad = true}
static const struct optest_case relu_grad_cases[] = {
    {.name = "odd", .in = {AWAY(2, 3, 5, 7), STEP(2, 3, 5, 7)}, .out = {2, 3, 5, 7}, .linear = 1},
    {.name = "in fours", .in = {AWAY(1, 8, 5, 7), STEP(1, 8, 5, 7)}, .out = {1, 8, 5, 7}, .linear = 1},
    {.name = "zeros",
     .in = {AWAY(1, 8, 5, 7), {.shape = {1, 8, 5, 7}, .fill = OPTEST_ZERO, .no_grad = true}},
     .out = {1, 8, 5, 7},
     .linear = 1},
    {.name = "other shape",
     .in = {AWAY(1, 3, 5, 7), STEP(1, 3, 7, 5)},
     .fails = VC_E_SHAPE,
     .message = "the second operand is 1 x 3 x 7 x 5"},
};
static const struct optest_op relu_grad_op = OPTEST_OP("relu_grad", build_relu_grad, relu_grad, relu_grad_cases);

// ---- linear combinations ----------------------------------------------------------------------------------------

static vc_tensor *build_combine(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct factors *f = attr;
  return vc_combine(g, in[0], f->a, in[1], f->b);
}

static void combine(optest_array *const *in, optest_array *out, const void *attr) {
  const struct factors *f = attr;
  for (uint64_t i = 0; i < out->count; i++) {
    out->v[i] = (double)f->a * in[0]->v[i] + (in[1] ? (double)f->b * in[1]->v[i] : 0);
  }
}

static const struct factors half_and_minus_two = {0.5f, -2}, ones = {1, 1}, third = {1.0f / 3, 0};
#define IN(n, c, h, w)      \
  {                         \
    .shape = { n, c, h, w } \
  }
static const struct optest_case combine_cases[] = {
    {.name = "two", .in = {IN(2, 3, 5, 7), IN(2, 3, 5, 7)}, .out = {2, 3, 5, 7}, .attr = &half_and_minus_two},
    {.name = "ones", .in = {IN(1, 4, 5, 7), IN(1, 4, 5, 7)}, .out = {1, 4, 5, 7}, .attr = &ones},
    {.name = "scalars", .in = {IN(1, 1, 1, 1), IN(1, 1, 1, 1)}, .out = {1, 1, 1, 1}, .attr = &half_and_minus_two},
    {.name = "many",
     .in = {IN(1, 2, 128, 130), IN(1, 2, 128, 130)},
     .out = {1, 2, 128, 130},
     .attr = &half_and_minus_two},
    {.name = "one alone", .in = {IN(2, 3, 5, 7), {.absent = true}}, .out = {2, 3, 5, 7}, .attr = &third, .linear = 1},
};
static const struct optest_op combine_op = OPTEST_OP("combine", build_combine, combine, combine_cases);

static vc_tensor *build_scale(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct factors *f = attr;
  return vc_scale(g, vc_scale(g, in[0], 1), f->a);
}

static void scale(optest_array *const *in, optest_array *out, const void *attr) {
  const struct factors *f = attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = (double)f->a * in[0]->v[i];
}

static const struct optest_case scale_cases[] = {
    {.name = "odd", .in = {IN(2, 3, 5, 7)}, .out = {2, 3, 5, 7}, .attr = &third, .linear = 1},
};
static const struct optest_op scale_op = OPTEST_OP("scale", build_scale, scale, scale_cases);

// ---- product ----------------------------------------------------------------------------------------------------

static vc_tensor *build_mul(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_mul(g, in[0], in[1]);
}

static void mul(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = in[0]->v[i] * in[1]->v[i];
}

static const struct optest_case mul_cases[] = {
    {.name = "odd", .in = {IN(2, 3, 5, 7), IN(2, 3, 5, 7)}, .out = {2, 3, 5, 7}, .linear = 3},
    {.name = "in fours", .in = {IN(1, 8, 5, 7), IN(1, 8, 5, 7)}, .out = {1, 8, 5, 7}, .linear = 3},
    {.name = "other shape",
     .in = {IN(1, 3, 5, 7), IN(1, 1, 5, 7)},
     .fails = VC_E_SHAPE,
     .message = "the second operand"},
};
static const struct optest_op mul_op = OPTEST_OP("mul", build_mul, mul, mul_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &relu_op, &relu_smooth, &relu_grad_op, &combine_op, &scale_op, &mul_op, NULL);
}
