// The mutual-information loss: [IID 1..5].
#include "support/optest.h"

#include <math.h>
#include <string.h>
#include <vulcyte/ops.h>

static vc_tensor *build(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_iid_loss(g, in[0], in[1], in[2], *(const struct vc_iid_desc *)attr);
}

enum { MAX_CLASSES = 64 };

// A joint matrix and the derivative of its loss with respect to each entry before the division by their sum.
struct matrix {
  double sums[MAX_CLASSES][MAX_CLASSES], slope[MAX_CLASSES][MAX_CLASSES];
};

// Calls visit for each pair of valid pixels, u and u displaced by (dx, dy), with the elements of their class 0.
typedef void (*visit_fn)(optest_array *const *in, struct matrix *m, uint64_t u, uint64_t other, void *context);
static void each_pair(optest_array *const *in, int dx, int dy, struct matrix *m, visit_fn visit, void *context) {
  struct vc_shape s = in[0]->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (int y = 0; y < (int)s.h; y++) {
      for (int x = 0; x < (int)s.w; x++) {
        if (x + dx < 0 || y + dy < 0 || x + dx >= (int)s.w || y + dy >= (int)s.h) continue;
        uint64_t u = ((uint64_t)n * s.h + (uint64_t)y) * s.w + (uint64_t)x;
        uint64_t other = ((uint64_t)n * s.h + (uint64_t)(y + dy)) * s.w + (uint64_t)(x + dx);
        if (in[2]->v[u] != 0 && in[2]->v[other] != 0) visit(in, m, u * s.c, other * s.c, context);
      }
    }
  }
}

static void add_pair(optest_array *const *in, struct matrix *m, uint64_t u, uint64_t other, void *context) {
  (void)context;
  uint32_t n_c = in[0]->shape.c;
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) m->sums[i][j] += in[0]->v[u + i] * in[1]->v[other + j];
  }
}

static double floored_log(double v) {
  return log(fmax(v, 2.2e-16));
}

// d/dx of x log max(x, floor).
static double log_slope(double v) {
  return floored_log(v) + (v >= 2.2e-16 ? 1 : 0);
}

// The loss of a matrix; fills its slopes.
static double matrix_loss(struct matrix *m, uint32_t n_c, double lambda) {
  double total = 0, loss = 0, mean = 0, p[MAX_CLASSES][MAX_CLASSES], row[MAX_CLASSES] = {0}, column[MAX_CLASSES] = {0};
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) total += m->sums[i][j];
  }
  memset(m->slope, 0, sizeof m->slope);
  if (total == 0) return 0;
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) {
      p[i][j] = (m->sums[i][j] / total + m->sums[j][i] / total) / 2;
      row[i] += p[i][j];
      column[j] += p[i][j];
    }
  }
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) {
      loss += p[i][j] * (-floored_log(p[i][j]) + lambda * floored_log(row[i]) + lambda * floored_log(column[j]));
      m->slope[i][j] = -log_slope(p[i][j]) + lambda * log_slope(row[i]) + lambda * log_slope(column[j]);
      mean += m->slope[i][j] * p[i][j];
    }
  }
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) m->slope[i][j] = (m->slope[i][j] - mean) / total;
  }
  return loss;
}

struct grads {
  optest_array *const *to;
  double scale;
};

static void spread_pair(optest_array *const *in, struct matrix *m, uint64_t u, uint64_t other, void *context) {
  const struct grads *g = context;
  uint32_t n_c = in[0]->shape.c;
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) {
      if (g->to[0]) g->to[0]->v[u + i] += g->scale * m->slope[i][j] * in[1]->v[other + j];
      if (g->to[1]) g->to[1]->v[other + j] += g->scale * m->slope[i][j] * in[0]->v[u + i];
    }
  }
}

// The loss, and its gradients where grads is not NULL.
static double iid(optest_array *const *in, const struct vc_iid_desc *d, const struct grads *grads) {
  static struct matrix m; // too large for the stack
  int r = (int)d->displacement;
  double sum = 0, box = (2 * r + 1) * (2 * r + 1);
  memset(&m, 0, sizeof m);
  for (int dy = -r; dy <= r; dy++) {
    for (int dx = -r; dx <= r; dx++) {
      if (!d->collapsed) memset(&m, 0, sizeof m);
      each_pair(in, dx, dy, &m, add_pair, NULL);
      if (d->collapsed) continue;
      sum += matrix_loss(&m, in[0]->shape.c, (double)d->lambda) / box;
      if (grads) each_pair(in, dx, dy, &m, spread_pair, &(struct grads){grads->to, grads->scale / box});
    }
  }
  if (!d->collapsed) return sum;
  sum = matrix_loss(&m, in[0]->shape.c, (double)d->lambda);
  for (int dy = -r; dy <= r && grads; dy++) {
    for (int dx = -r; dx <= r; dx++) each_pair(in, dx, dy, &m, spread_pair, &(struct grads){grads->to, grads->scale});
  }
  return sum;
}

static void reference(optest_array *const *in, optest_array *out, const void *attr) {
  out->v[0] = iid(in, attr, NULL);
}

static void reference_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                          optest_array *const *grad_in, const void *attr) {
  (void)out;
  iid(in, attr, &(struct grads){grad_in, grad_out->v[0]});
}

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
#define RANDOM(n, c, h, w)  {.shape = {n, c, h, w}, .fill = OPTEST_SIMPLEX}
#define CERTAIN(n, c, h, w) {.shape = {n, c, h, w}, .make = certain}
#define MASK(n, h, w)       {.shape = {n, 1, h, w}, .fill = OPTEST_MASK, .no_grad = true}
#define ALL(n, h, w)        {.shape = {n, 1, h, w}, .fill = OPTEST_CONST, .lo = 1, .no_grad = true}
#define NONE(n, h, w)       {.shape = {n, 1, h, w}, .fill = OPTEST_ZERO, .no_grad = true}
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
static const struct optest_op op = {.name = "iid",
                                    .build = build,
                                    .reference = reference,
                                    .reference_vjp = reference_vjp,
                                    .cases = cases,
                                    .n_cases = VC_COUNT_OF(cases)};

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
                                          .build = build,
                                          .reference = reference,
                                          .reference_vjp = reference_vjp,
                                          .vjp_is_definition = true,
                                          .cases = floor_cases,
                                          .n_cases = VC_COUNT_OF(floor_cases)};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &op, &floor_op, NULL);
}
