// Convolutions on the narrowest vectors of lavapipe, subgroups of 4: kernels whose lanes are channels behave
// differently at each width, and test_conv sees only this machine's widest. Other drivers ignore the setting.
#include <stdlib.h>

#include "conv_cases.h"

static const struct ref_conv_attr same = {.padding = VC_PAD_SAME}, valid = {.padding = VC_PAD_VALID};

static const struct optest_case cases[] = {
    {.name = "1 channel", .in = {X(1, 1, 9, 13), W(5, 1, 3), B(5)}, .out = {1, 5, 9, 13}, .attr = &same},
    {.name = "odd channels",
     .in = {X(2, 5, 17, 10), W(7, 5, 3), NONE},
     .out = {2, 7, 17, 10},
     .attr = &same,
     .linear = BOTH},
    {.name = "even channels, valid",
     .in = {X(2, 6, 12, 9), W(10, 6, 3), NONE},
     .out = {2, 10, 10, 7},
     .attr = &valid,
     .linear = BOTH},
    {.name = "many channels", .in = {X(1, 64, 30, 33), W(64, 64, 3), B(64)}, .out = {1, 64, 30, 33}, .attr = &same},
    {.name = "1x1", .in = {X(2, 16, 9, 10), W(10, 16, 1), B(10)}, .out = {2, 10, 9, 10}, .attr = &same},
};
static const struct optest_op narrow = {.name = "conv2d, 4 lanes",
                                        .of = &ref_conv2d,
                                        .vjp_is_definition = true, // compared with differences in test_conv
                                        .cases = cases,
                                        .n_cases = VC_COUNT_OF(cases)};

int main(int argc, char **argv) {
  setenv("LP_NATIVE_VECTOR_WIDTH", "128", 1);
  return optest_main(argc, argv, &narrow, NULL);
}
