// Optimiser steps: [ADAM 1], [RMSPROP 1].
#include "support/optest.h"

#include <vulcyte/ops.h>

#define PARAMS(k)  {.shape = {1, k, 1, 1}, .in_place = true}
#define GRAD(k)    {.shape = {1, k, 1, 1}, .no_grad = true}
#define SQUARES(k) {.shape = {1, k, 1, 1}, .lo = 0, .hi = 0.01, .in_place = true}
#define FRESH(k)   {.shape = {1, k, 1, 1}, .fill = REF_ZERO, .in_place = true}
#define SKIP       {.shape = {1, 8, 1, 1}, .make = ref_make_zero_scale_hyper, .no_grad = true}
#define BROKEN(k)  {.shape = {1, k, 1, 1}, .make = ref_make_infinite, .no_grad = true}
#define HYPER      {.shape = {1, 8, 1, 1}, .make = ref_make_adam_hyper, .no_grad = true}
static const struct optest_case adam_cases[] = {
    {.name = "one", .in = {PARAMS(1), GRAD(1), PARAMS(1), SQUARES(1), HYPER}},
    {.name = "odd", .in = {PARAMS(1003), GRAD(1003), PARAMS(1003), SQUARES(1003), HYPER}},
    {.name = "in fours", .in = {PARAMS(256), GRAD(256), PARAMS(256), SQUARES(256), HYPER}},
    {.name = "many", .in = {PARAMS(100002), GRAD(100002), PARAMS(100002), SQUARES(100002), HYPER}},
    {.name = "first step", .in = {PARAMS(99), GRAD(99), FRESH(99), FRESH(99), HYPER}},
    {.name = "no gradient", .in = {PARAMS(9), {.shape = {1, 9, 1, 1}, .fill = REF_ZERO}, FRESH(9), FRESH(9), HYPER}},
    {.name = "left out", .in = {PARAMS(99), BROKEN(99), PARAMS(99), SQUARES(99), SKIP}},
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
    {.name = "left out", .in = {PARAMS(99), BROKEN(99), SQUARES(99), SKIP}},
};
static const struct optest_op rmsprop_op = OPTEST_OF(ref_rmsprop, rmsprop_cases);

#define NORM   {.shape = {1, 1, 1, 1}, .lo = 1, .hi = 9}
#define STATE  {.shape = {1, 4, 1, 1}, .make = ref_make_loss_scale, .in_place = true}
#define RESULT .out = {1, 8, 1, 1}
static const struct ref_loss_scale begun = {65536, 5}, due = {1024, 1999}, most = {0x1p24, 1999}, least = {1, 7};
static const struct optest_case scale_cases[] = {
    {.name = "goes on", .in = {HYPER, NORM, STATE}, RESULT, .attr = &begun},
    {.name = "doubles", .in = {HYPER, NORM, STATE}, RESULT, .attr = &due},
    {.name = "at the most", .in = {HYPER, NORM, STATE}, RESULT, .attr = &most},
    {.name = "overflow", .in = {HYPER, BROKEN(1), STATE}, RESULT, .attr = &begun},
    {.name = "overflow at the least", .in = {HYPER, BROKEN(1), STATE}, RESULT, .attr = &least},
    {.name = "a short state",
     .in = {HYPER, NORM, {.shape = {1, 3, 1, 1}, .fill = REF_ZERO, .in_place = true}},
     .fails = VC_E_SHAPE,
     .message = "the state is 1 x 3"},
};
static const struct optest_op scale_op = OPTEST_OF(ref_loss_scale, scale_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &adam_op, &rmsprop_op, &scale_op, NULL);
}
