// The host side of the op tests: inputs, and gradients of the references.
#ifndef VULCYTE_TESTS_OPTEST_REFERENCE_H
#define VULCYTE_TESTS_OPTEST_REFERENCE_H

#include "optest.h"

enum { OPTEST_MAX_DIRECTIONS = 4 };

// What is known of one input's gradient.
struct optest_grad {
  optest_array *values; // NULL: not differentiated
  bool *known;          // NULL: every element is
  uint32_t n_directions;
  double *direction[OPTEST_MAX_DIRECTIONS]; // unit steps over all elements
  double slope[OPTEST_MAX_DIRECTIONS];      // of sum(seed * f) along them
};

struct optest_problem {
  const struct optest_op *op;
  const struct optest_case *c;
  uint32_t n_in;
  optest_array *const *in;
  const optest_array *out, *seed;
  const bool *want; // [n_in]
};

uint32_t optest_n_inputs(const struct optest_case *c);
// NULL, or what is wrong with a table of cases.
const char *optest_check_table(const struct optest_op *op);
// The gradients of sum(seed * f): by reference_vjp, checked by finite differences where the case is small, or by those
// differences alone. NULL, or a complaint.
const char *optest_reference_grads(vc_arena *arena, const struct optest_problem *p, vc_rng *rng,
                                   struct optest_grad *out_grads);
// NULL if <gradient, direction k> agrees with the slope along it.
const char *optest_check_direction(const struct optest_grad *grad, uint32_t k, const float *gradient, double tolerance);

#endif
