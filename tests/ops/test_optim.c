// Optimiser steps: [ADAM 1], [RMSPROP 1].
#include "support/optest.h"

#include <vulcyte/ops.h>

#define PARAMS(k)  {.shape = {1, k, 1, 1}, .in_place = true}
#define GRAD(k)    {.shape = {1, k, 1, 1}, .no_grad = true}
#define SQUARES(k) {.shape = {1, k, 1, 1}, .lo = 0, .hi = 0.01, .in_place = true}
#define FRESH(k)   {.shape = {1, k, 1, 1}, .fill = REF_ZERO, .in_place = true}
#define HYPER      {.shape = {1, 8, 1, 1}, .make = ref_make_adam_hyper, .no_grad = true}
static const struct optest_case adam_cases[] = {
    {.name = "one", .in = {PARAMS(1), GRAD(1), PARAMS(1), SQUARES(1), HYPER}},
    {.name = "odd", .in = {PARAMS(1003), GRAD(1003), PARAMS(1003), SQUARES(1003), HYPER}},
    {.name = "in fours", .in = {PARAMS(256), GRAD(256), PARAMS(256), SQUARES(256), HYPER}},
    {.name = "many", .in = {PARAMS(100002), GRAD(100002), PARAMS(100002), SQUARES(100002), HYPER}},
    {.name = "first step", .in = {PARAMS(99), GRAD(99), FRESH(99), FRESH(99), HYPER}},
    {.name = "no gradient", .in = {PARAMS(9), {.shape = {1, 9, 1, 1}, .fill = REF_ZERO}, FRESH(9), FRESH(9), HYPER}},
    {.name = "a short state",
     .in = {PARAMS(9), GRAD(9), PARAMS(8), SQUARES(9), HYPER},
     .fails = VC_E_SHAPE,
     .message = "the first state is 1 x 8"},
};
static const struct optest_op adam_op = OPTEST_OF(ref_adam, adam_cases);

static const struct optest_case rmsprop_cases[] = {
    {.name = "odd", .in = {PARAMS(1003), GRAD(1003), SQUARES(1003), HYPER}},
    {.name = "in fours", .in = {PARAMS(256), GRAD(256), SQUARES(256), HYPER}},
    {.name = "first step", .in = {PARAMS(99), GRAD(99), FRESH(99), HYPER}},
    {.name = "no gradient", .in = {PARAMS(9), {.shape = {1, 9, 1, 1}, .fill = REF_ZERO}, FRESH(9), HYPER}},
};
static const struct optest_op rmsprop_op = OPTEST_OF(ref_rmsprop, rmsprop_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &adam_op, &rmsprop_op, NULL);
}
