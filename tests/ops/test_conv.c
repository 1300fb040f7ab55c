// Convolutions of side 1 and 3 and their gradients as ops of their own: [CONV 1..3].
#include <math.h>

#include "conv_cases.h"

static const struct ref_conv_attr same = {.padding = VC_PAD_SAME}, valid = {.padding = VC_PAD_VALID};
static const struct ref_conv_attr same_relu = {.padding = VC_PAD_SAME, .relu = true},
                                  valid_relu = {.padding = VC_PAD_VALID, .relu = true};

static const struct optest_case linear_cases[] = {
    {.name = "1 channel",
     .in = {X(1, 1, 9, 13), W(5, 1, 3), NONE},
     .out = {1, 5, 9, 13},
     .attr = &same,
     .linear = BOTH},
    {.name = "2 classes, 1x1",
     .in = {X(2, 16, 11, 9), W(2, 16, 1), NONE},
     .out = {2, 2, 11, 9},
     .attr = &same,
     .linear = BOTH},
    {.name = "1x1 image", .in = {X(1, 6, 1, 1), W(7, 6, 3), NONE}, .out = {1, 7, 1, 1}, .attr = &same, .linear = BOTH},
    {.name = "1x1 image, 1x1 weights",
     .in = {X(1, 3, 1, 1), W(3, 3, 1), NONE},
     .out = {1, 3, 1, 1},
     .attr = &valid,
     .linear = BOTH},
    {.name = "odd sides and channels",
     .in = {X(3, 5, 17, 10), W(19, 5, 3), NONE},
     .out = {3, 19, 17, 10},
     .attr = &same,
     .linear = BOTH},
    {.name = "valid",
     .in = {X(2, 6, 12, 19), W(18, 6, 3), NONE},
     .out = {2, 18, 10, 17},
     .attr = &valid,
     .linear = BOTH},
    {.name = "valid, one pixel left",
     .in = {X(1, 4, 3, 3), W(4, 4, 3), NONE},
     .out = {1, 4, 1, 1},
     .attr = &valid,
     .linear = BOTH},
    {.name = "whole tiles",
     .in = {X(1, 16, 16, 16), W(16, 16, 3), NONE},
     .out = {1, 16, 16, 16},
     .attr = &same,
     .linear = BOTH},
    {.name = "many columns",
     .in = {X(1, 10, 9, 7), W(70, 10, 3), NONE},
     .out = {1, 70, 9, 7},
     .attr = &same,
     .linear = BOTH},
    {.name = "eights of channels",
     .in = {X(2, 24, 9, 11), W(40, 24, 3), NONE},
     .out = {2, 40, 9, 11},
     .attr = &same,
     .linear = BOTH},
    {.name = "eights of channels, several tiles, valid",
     .in = {X(1, 8, 15, 14), W(72, 8, 3), NONE},
     .out = {1, 72, 13, 12},
     .attr = &valid,
     .linear = BOTH},
    {.name = "eights of channels, 1x1",
     .in = {X(1, 40, 9, 8), W(16, 40, 1), NONE},
     .out = {1, 16, 9, 8},
     .attr = &same,
     .linear = BOTH},
    {.name = "fours of channels",
     .in = {X(2, 12, 9, 15), W(20, 12, 3), NONE},
     .out = {2, 20, 9, 15},
     .attr = &same,
     .linear = BOTH},
    {.name = "deep", .in = {X(1, 72, 5, 6), W(33, 72, 3), NONE}, .out = {1, 33, 5, 6}, .attr = &same, .linear = BOTH},
    {.name = "deep, 1x1",
     .in = {X(2, 72, 9, 10), W(36, 72, 1), NONE},
     .out = {2, 36, 9, 10},
     .attr = &same,
     .linear = BOTH},
    {.name = "a column of pixels",
     .in = {X(2, 2, 37, 1), W(4, 2, 3), NONE},
     .out = {2, 4, 37, 1},
     .attr = &same,
     .linear = BOTH},
    {.name = "with bias", .in = {X(1, 4, 10, 11), W(6, 4, 3), B(6)}, .out = {1, 6, 10, 11}, .attr = &same},
    {.name = "1x1 with bias", .in = {X(2, 8, 10, 11), W(3, 8, 1), B(3)}, .out = {2, 3, 10, 11}, .attr = &same},
    {.name = "to a sum", .in = {X(2, 3, 9, 10), W(5, 3, 3), B(5), X(2, 5, 9, 10)}, .out = {2, 5, 9, 10}, .attr = &same},
    {.name = "to a sum, eights of channels",
     .in = {X(1, 8, 9, 10), W(40, 8, 3), NONE, X(1, 40, 7, 8)},
     .out = {1, 40, 7, 8},
     .attr = &valid},
    {.name = "to a sum, 1x1",
     .in = {X(1, 8, 9, 10), W(34, 8, 1), B(34), X(1, 34, 9, 10)},
     .out = {1, 34, 9, 10},
     .attr = &same},
    {.name = "to a sum of another shape",
     .in = {X(1, 3, 4, 4), W(4, 3, 3), NONE, X(1, 4, 4, 5)},
     .attr = &same,
     .fails = VC_E_SHAPE,
     .message = "what is added"},
    {.name = "channels differ",
     .in = {X(1, 3, 4, 4), W(4, 5, 3), NONE},
     .attr = &same,
     .fails = VC_E_SHAPE,
     .message = "C 3 != weight C 5"},
    {.name = "5x5 weights", .in = {X(1, 3, 8, 8), W(4, 3, 5), NONE}, .attr = &same, .fails = VC_E_SHAPE},
    {.name = "too small for valid", .in = {X(1, 3, 2, 9), W(4, 3, 3), NONE}, .attr = &valid, .fails = VC_E_SHAPE},
    {.name = "bias of another length",
     .in = {X(1, 3, 4, 4), W(4, 3, 3), B(5)},
     .attr = &same,
     .fails = VC_E_SHAPE,
     .message = "the bias"},
};
static const struct optest_op linear = {
    .name = "conv2d", .of = &ref_conv2d, .cases = linear_cases, .n_cases = VC_COUNT_OF(linear_cases)};

static void one_nan(vc_rng *rng, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = i == 1 ? NAN : vc_rng_uniform(rng, -1, 1);
}

static const struct optest_case relu_cases[] = {
    {.name = "NaN stays",
     .in = {X(1, 4, 5, 6), W(3, 4, 3), {.shape = {1, 3, 1, 1}, .make = one_nan}},
     .out = {1, 3, 5, 6},
     .attr = &same_relu},
    {.name = "same", .in = {X(2, 6, 9, 10), W(9, 6, 3), B(9)}, .out = {2, 9, 9, 10}, .attr = &same_relu},
    {.name = "valid", .in = {X(1, 3, 9, 10), W(4, 3, 3), B(4)}, .out = {1, 4, 7, 8}, .attr = &valid_relu},
    {.name = "no bias", .in = {X(1, 16, 8, 8), W(16, 16, 3), NONE}, .out = {1, 16, 8, 8}, .attr = &same_relu},
    {.name = "1x1", .in = {X(1, 8, 8, 8), W(5, 8, 1), B(5)}, .out = {1, 5, 8, 8}, .attr = &same_relu},
    {.name = "many channels",
     .in = {X(2, 64, 21, 22), W(68, 64, 3), B(68)},
     .out = {2, 68, 21, 22},
     .attr = &same_relu},
    {.name = "to a sum",
     .in = {X(2, 6, 9, 10), W(16, 6, 3), B(16), X(2, 16, 9, 10)},
     .out = {2, 16, 9, 10},
     .attr = &same_relu},
    {.name = "many channels, to a sum",
     .in = {X(2, 64, 21, 22), W(68, 64, 3), B(68), X(2, 68, 21, 22)},
     .out = {2, 68, 21, 22},
     .attr = &same_relu},
};
static const struct optest_op with_relu = {.name = "conv2d with ReLU",
                                           .of = &ref_conv2d,
                                           .vjp_is_definition = true, // some outputs are near the kink
                                           .cases = relu_cases,
                                           .n_cases = VC_COUNT_OF(relu_cases)};

// Sums over many pixels: slabs in every variant.
static const struct optest_case large_cases[] = {
    {.name = "many pixels", .in = {X(1, 4, 66, 70), W(6, 4, 3), B(6)}, .out = {1, 6, 66, 70}, .attr = &same},
    {.name = "many pixels, 1x1", .in = {X(2, 6, 70, 66), W(2, 6, 1), B(2)}, .out = {2, 2, 70, 66}, .attr = &same},
    {.name = "many channels", .in = {X(1, 68, 30, 33), W(64, 68, 3), NONE}, .out = {1, 64, 30, 33}, .attr = &same},
    {.name = "many channels, valid",
     .in = {X(1, 64, 34, 32), W(64, 64, 3), B(64)},
     .out = {1, 64, 32, 30},
     .attr = &valid},
    {.name = "many channels and pixels",
     .in = {X(1, 64, 70, 68), W(64, 64, 3), NONE},
     .out = {1, 64, 70, 68},
     .attr = &same,
     .no_vjp = true},
    {.name = "fours of channels over large tiles",
     .in = {X(1, 4, 43, 72), W(68, 4, 3), B(68)},
     .out = {1, 68, 43, 72},
     .attr = &same_relu,
     .no_vjp = true},
    {.name = "many weights", .in = {X(64, 256, 1, 2), W(448, 256, 3), NONE}, .out = {64, 448, 1, 2}, .attr = &same},
    {.name = "many channels and samples",
     .in = {X(920, 64, 1, 1), W(64, 64, 3), NONE},
     .out = {920, 64, 1, 1},
     .attr = &same},
    {.name = "many samples", .in = {X(9, 1, 31, 33), W(3, 1, 3), B(3)}, .out = {9, 3, 29, 31}, .attr = &valid},
};
static const struct optest_op large = {.name = "conv2d, large",
                                       .of = &ref_conv2d,
                                       .vjp_is_definition = true, // compared with differences in the small cases
                                       .cases = large_cases,
                                       .n_cases = VC_COUNT_OF(large_cases)};

// ---- the gradients, and through them -----------------------------------------------------------------------------

static const struct ref_conv_attr dx_same = {.x_shape = {2, 6, 9, 12}}, dx_large = {.x_shape = {1, 68, 43, 72}},
                                  dx_valid = {.x_shape = {1, 3, 9, 12}, .padding = VC_PAD_VALID};
static const struct optest_case dx_cases[] = {
    {.name = "same", .in = {X(2, 18, 9, 12), W(18, 6, 3)}, .out = {2, 6, 9, 12}, .attr = &dx_same, .linear = BOTH},
    {.name = "1x1", .in = {X(2, 3, 9, 12), W(3, 6, 1)}, .out = {2, 6, 9, 12}, .attr = &dx_same, .linear = BOTH},
    {.name = "valid", .in = {X(1, 4, 7, 10), W(4, 3, 3)}, .out = {1, 3, 9, 12}, .attr = &dx_valid, .linear = BOTH},
    {.name = "fours of channels over large tiles",
     .in = {X(1, 4, 43, 72), W(4, 68, 3)},
     .out = {1, 68, 43, 72},
     .attr = &dx_large,
     .no_vjp = true},
    {.name = "another size", .in = {X(1, 4, 7, 9), W(4, 3, 3)}, .attr = &dx_valid, .fails = VC_E_SHAPE},
};
static const struct optest_op dx = OPTEST_OF(ref_conv2d_dx, dx_cases);

static const struct ref_conv_attr dw_same = {.side = 3}, dw_1x1 = {.side = 1},
                                  dw_valid = {.side = 3, .padding = VC_PAD_VALID};
static const struct optest_case dw_cases[] = {
    {.name = "same", .in = {X(2, 6, 9, 7), X(2, 18, 9, 7)}, .out = {18, 6, 3, 3}, .attr = &dw_same, .linear = BOTH},
    {.name = "1x1", .in = {X(2, 6, 9, 7), X(2, 3, 9, 7)}, .out = {3, 6, 1, 1}, .attr = &dw_1x1, .linear = BOTH},
    {.name = "valid", .in = {X(1, 3, 9, 8), X(1, 4, 7, 6)}, .out = {4, 3, 3, 3}, .attr = &dw_valid, .linear = BOTH},
    {.name = "many channels and pixels",
     .in = {X(1, 64, 70, 68), X(1, 64, 70, 68)},
     .out = {64, 64, 3, 3},
     .attr = &dw_same,
     .no_vjp = true},
    {.name = "many samples",
     .in = {X(260, 64, 1, 5), X(260, 64, 1, 5)},
     .out = {64, 64, 3, 3},
     .attr = &dw_same,
     .no_vjp = true},
    {.name = "rows over large tiles",
     .in = {X(2, 20, 13, 20), X(2, 132, 13, 20)},
     .out = {132, 20, 3, 3},
     .attr = &dw_same,
     .no_vjp = true},
    {.name = "another size", .in = {X(1, 3, 9, 8), X(1, 4, 9, 8)}, .attr = &dw_valid, .fails = VC_E_SHAPE},
};
static const struct optest_op dw = OPTEST_OF(ref_conv2d_dw, dw_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &linear, &with_relu, &large, &dx, &dw, NULL);
}
