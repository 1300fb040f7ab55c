#include "optest_reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  SMALL_CASE = 2048, // elements of all inputs together up to which reference_vjp is checked
  FULL_INPUT = 256,  // elements up to which each one is perturbed
  N_SAMPLES = 96,    // elements perturbed beyond that
};
static const double STEP = 1e-3;

optest_array *optest_array_new(vc_arena *arena, struct vc_shape shape, vc_dtype dtype) {
  optest_array *a = NULL;
  if (!OPTEST_OK(ref_array_create(arena, shape, dtype, &a))) exit(1);
  return a;
}

uint32_t optest_n_inputs(const struct optest_case *c) {
  uint32_t n = 0;
  while (n < OPTEST_MAX_INPUTS && (c->in[n].shape.h || c->in[n].absent)) n++;
  return n;
}

static bool is_small(const struct optest_case *c) {
  uint64_t count = 0;
  for (uint32_t i = 0; i < optest_n_inputs(c); i++) count += c->in[i].absent ? 0 : vc_shape_count(c->in[i].shape);
  return count <= SMALL_CASE;
}

const char *optest_check_table(const struct optest_op *op) {
  bool checked = !op->reference_vjp || op->vjp_is_definition;
  for (size_t i = 0; i < op->n_cases; i++) {
    const struct optest_case *c = &op->cases[i];
    if (!c->name) return "a case has no name";
    for (size_t k = 0; k < i; k++) {
      if (strcmp(op->cases[k].name, c->name) == 0) return "two cases have the same name";
    }
    if (!c->fails && !op->no_result && vc_shape_count(c->out) == 0) return "a case does not say its result's shape";
    checked = checked || (!c->fails && !c->no_vjp && is_small(c));
  }
  return checked ? NULL : "no case is small enough to check reference_vjp by finite differences";
}

// ---- finite differences ---------------------------------------------------------------------------------------

// The problem with room to evaluate it at other inputs.
struct prober {
  const struct optest_problem *p;
  optest_array *in[OPTEST_MAX_INPUTS]; // copies, for references that write in place
  optest_array *out;
};

static void start_prober(vc_arena *arena, const struct optest_problem *p, struct prober *out) {
  *out = (struct prober){.p = p};
  out->out = optest_array_new(arena, p->out->shape, p->out->dtype);
  for (uint32_t i = 0; i < p->n_in; i++) {
    out->in[i] = p->in[i] ? optest_array_new(arena, p->in[i]->shape, p->in[i]->dtype) : NULL;
  }
}

// sum(seed * f) with input i moved by step along direction, or, where that is NULL, in its element `at` alone.
static double probe(struct prober *q, uint32_t i, const double *direction, uint64_t at, double step) {
  const struct optest_problem *p = q->p;
  for (uint32_t k = 0; k < p->n_in; k++) {
    if (p->in[k]) memcpy(q->in[k]->v, p->in[k]->v, p->in[k]->count * sizeof(double));
  }
  if (direction) {
    for (uint64_t k = 0; k < q->in[i]->count; k++) q->in[i]->v[k] += step * direction[k];
  } else {
    q->in[i]->v[at] += step;
  }
  memset(q->out->v, 0, q->out->count * sizeof(double));
  p->op->reference(q->in, q->out, p->c->attr);
  double sum = 0;
  for (uint64_t k = 0; k < q->out->count; k++) sum += p->seed->v[k] * q->out->v[k];
  return sum;
}

// Two estimates of a slope with different steps; far apart where there is a kink.
struct slope {
  double value, disagreement;
};

static struct slope find_slope(struct prober *q, uint32_t i, const double *direction, uint64_t at) {
  double one = (probe(q, i, direction, at, STEP) - probe(q, i, direction, at, -STEP)) / (2 * STEP);
  double two = (probe(q, i, direction, at, 2 * STEP) - probe(q, i, direction, at, -2 * STEP)) / (4 * STEP);
  return (struct slope){(4 * one - two) / 3, fabs(one - two)};
}

static bool is_smooth(struct slope s, double scale) {
  return s.disagreement <= 1e-3 * (fabs(s.value) + scale);
}

static void probe_directions(vc_arena *arena, struct prober *q, uint32_t i, vc_rng *rng, double scale,
                             struct optest_grad *out) {
  uint64_t count = q->p->in[i]->count;
  for (uint32_t k = 0; k < OPTEST_MAX_DIRECTIONS; k++) {
    double *direction = optest_array_new(arena, q->p->in[i]->shape, VC_F32)->v;
    for (uint64_t j = 0; j < count; j++) direction[j] = vc_rng_below(rng, 2) ? 1 : -1;
    struct slope s = find_slope(q, i, direction, 0);
    if (!is_smooth(s, scale)) continue;
    out->direction[out->n_directions] = direction;
    out->slope[out->n_directions++] = s.value;
  }
}

// The gradient of input i where finite differences tell it. NULL, or a complaint.
static const char *differences(vc_arena *arena, struct prober *q, uint32_t i, vc_rng *rng, struct optest_grad *out) {
  const optest_array *in = q->p->in[i];
  bool full = in->count <= FULL_INPUT;
  uint64_t n = full ? in->count : N_SAMPLES, n_kinks = 0;
  double squares = 0, *disagreement = optest_array_new(arena, in->shape, VC_F32)->v;
  out->values = optest_array_new(arena, in->shape, VC_F32);
  if (!OPTEST_OK(VC_NEW(arena, in->count, &out->known))) exit(1);
  for (uint64_t k = 0; k < n; k++) {
    uint64_t at = full ? k : vc_rng_below(rng, (uint32_t)in->count);
    struct slope s = find_slope(q, i, NULL, at);
    out->known[at] = true;
    out->values->v[at] = s.value;
    disagreement[at] = s.disagreement;
    squares += s.value * s.value;
  }
  double scale = sqrt(squares / (double)n) + 1e-6;
  for (uint64_t at = 0; at < in->count; at++) {
    if (!out->known[at] || is_smooth((struct slope){out->values->v[at], disagreement[at]}, scale)) continue;
    out->known[at] = false;
    n_kinks++;
  }
  if (!full) probe_directions(arena, q, i, rng, scale, out);
  return 5 * n_kinks > n ? "too many kinks for finite differences: use other inputs or give reference_vjp" : NULL;
}

// ---- gradients ------------------------------------------------------------------------------------------------

static const char *compare_vjp(const struct optest_grad *vjp, const struct optest_grad *fd, uint32_t i) {
  static char text[160];
  double squares = 0;
  for (uint64_t k = 0; k < fd->values->count; k++) squares += fd->values->v[k] * fd->values->v[k];
  double scale = sqrt(squares / (double)fd->values->count);
  for (uint64_t k = 0; k < fd->values->count; k++) {
    double got = vjp->values->v[k], want = fd->values->v[k];
    if (!fd->known[k] || fabs(got - want) <= 1e-5 * (fabs(want) + scale + 1e-3)) continue; // differences err by 1e-9
    snprintf(text, sizeof text, "reference_vjp, input %u, element %llu: %.9g, finite differences say %.9g", i,
             (unsigned long long)k, got, want);
    return text;
  }
  return NULL;
}

const char *optest_reference_grads(vc_arena *arena, const struct optest_problem *p, vc_rng *rng,
                                   struct optest_grad *out_grads) {
  struct prober q;
  start_prober(arena, p, &q);
  optest_array *vjp[OPTEST_MAX_INPUTS] = {NULL};
  if (p->op->reference_vjp) {
    for (uint32_t i = 0; i < p->n_in; i++) {
      if (p->want[i]) vjp[i] = optest_array_new(arena, p->in[i]->shape, VC_F32);
    }
    p->op->reference_vjp(p->in, p->out, p->seed, vjp, p->c->attr);
  }
  for (uint32_t i = 0; i < p->n_in; i++) {
    if (!p->want[i]) continue;
    struct optest_grad fd = {0};
    const char *complaint = NULL;
    if (!vjp[i] || (is_small(p->c) && !p->op->vjp_is_definition)) complaint = differences(arena, &q, i, rng, &fd);
    if (vjp[i]) {
      out_grads[i].values = vjp[i];
      if (fd.values) complaint = compare_vjp(&out_grads[i], &fd, i);
    } else {
      out_grads[i] = fd;
    }
    if (complaint) return complaint;
  }
  return NULL;
}

const char *optest_check_direction(const struct optest_grad *grad, uint32_t k, const float *gradient,
                                   double tolerance) {
  static char text[128];
  double slope = 0, squares = 0;
  for (uint64_t i = 0; i < grad->values->count; i++) {
    slope += (double)gradient[i] * grad->direction[k][i];
    squares += (double)gradient[i] * gradient[i];
  }
  double want = grad->slope[k];
  if (fabs(slope - want) <= tolerance * (fabs(want) + sqrt(squares) + 1e-3)) return NULL;
  snprintf(text, sizeof text, "the slope along a random direction is %.9g, finite differences say %.9g", slope, want);
  return text;
}
