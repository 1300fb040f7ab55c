// The 2 x 2 up-convolution and its gradients as ops of their own: [UPCONV 1..3].
#include "support/optest.h"

#include <vulcyte/ops.h>

#define X(n, c, h, w)       \
  {                         \
    .shape = { n, c, h, w } \
  }
#define W(c, k) {.shape = {c, k, 2, 2}, .lo = -0.5, .hi = 0.5}
#define B(k)    {.shape = {1, k, 1, 1}}
#define NONE    {.absent = true}
#define BOTH    3 // linear in x and in w

static const struct optest_case cases[] = {
    {.name = "one pixel", .in = {X(1, 1, 1, 1), W(1, 1), NONE}, .out = {1, 1, 2, 2}, .linear = BOTH},
    {.name = "odd channels, batch", .in = {X(3, 5, 7, 4), W(5, 3), NONE}, .out = {3, 3, 14, 8}, .linear = BOTH},
    {.name = "halved channels", .in = {X(1, 16, 8, 8), W(16, 8), NONE}, .out = {1, 8, 16, 16}, .linear = BOTH},
    {.name = "columns over blocks", .in = {X(2, 6, 9, 5), W(6, 13), NONE}, .out = {2, 13, 18, 10}, .linear = BOTH},
    {.name = "deep", .in = {X(1, 72, 3, 5), W(72, 36), NONE}, .out = {1, 36, 6, 10}, .linear = BOTH},
    {.name = "with bias", .in = {X(2, 4, 5, 9), W(4, 6), B(6)}, .out = {2, 6, 10, 18}},
    {.name = "channels differ",
     .in = {X(1, 3, 4, 4), W(4, 2), NONE},
     .fails = VC_E_SHAPE,
     .message = "C 3 != weight C 4"},
    {.name = "3x3 weights", .in = {X(1, 3, 4, 4), {.shape = {3, 2, 3, 3}}, NONE}, .fails = VC_E_SHAPE},
    {.name = "bias of another length",
     .in = {X(1, 3, 4, 4), W(3, 2), B(3)},
     .fails = VC_E_SHAPE,
     .message = "the bias"},
};
static const struct optest_op forward = OPTEST_OF(ref_conv_transpose2x2, cases);

// Sums over many pixels: slabs in every variant.
static const struct optest_case large_cases[] = {
    {.name = "many pixels", .in = {X(1, 8, 66, 70), W(8, 4), B(4)}, .out = {1, 4, 132, 140}},
    {.name = "terms in slabs", .in = {X(1, 512, 3, 5), W(512, 8), B(8)}, .out = {1, 8, 6, 10}},
    {.name = "columns over large tiles", .in = {X(1, 8, 51, 41), W(8, 24), B(24)}, .out = {1, 24, 102, 82}},
    {.name = "many channels and pixels", .in = {X(1, 64, 46, 44), W(64, 32), B(32)}, .out = {1, 32, 92, 88}},
};
static const struct optest_op large = {.name = "conv_transpose2x2, large",
                                       .of = &ref_conv_transpose2x2,
                                       .vjp_is_definition = true, // compared with differences in the small cases
                                       .cases = large_cases,
                                       .n_cases = VC_COUNT_OF(large_cases)};

static const struct optest_case dx_cases[] = {
    {.name = "even", .in = {X(2, 6, 10, 12), W(18, 6)}, .out = {2, 18, 5, 6}, .linear = BOTH},
    {.name = "odd channels", .in = {X(1, 3, 2, 6), W(5, 3)}, .out = {1, 5, 1, 3}, .linear = BOTH},
    {.name = "an odd side", .in = {X(1, 3, 3, 6), W(5, 3)}, .fails = VC_E_SHAPE, .message = "3 x 6 are not even"},
};
static const struct optest_op dx = OPTEST_OF(ref_conv_transpose2x2_dx, dx_cases);

static const struct optest_case dw_cases[] = {
    {.name = "even", .in = {X(2, 18, 5, 6), X(2, 6, 10, 12)}, .out = {18, 6, 2, 2}, .linear = BOTH},
    {.name = "odd channels", .in = {X(1, 5, 1, 3), X(1, 3, 2, 6)}, .out = {5, 3, 2, 2}, .linear = BOTH},
    {.name = "not twice the size", .in = {X(1, 5, 2, 3), X(1, 3, 2, 6)}, .fails = VC_E_SHAPE},
};
static const struct optest_op dw = OPTEST_OF(ref_conv_transpose2x2_dw, dw_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &forward, &large, &dx, &dw, NULL);
}
