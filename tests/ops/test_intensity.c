// The eight intensity operations.
#include "support/optest.h"

#include <vulcyte/ops.h>

// Every operation, one a sample.
#define ALL_OPS                                                                                                \
  {VC_AUG_NONE, 0}, {VC_AUG_ROTATE, 1.5f}, {VC_AUG_AUTOCONTRAST, 0}, {VC_AUG_INVERT, 0}, {VC_AUG_EQUALIZE, 0}, \
      {VC_AUG_SOLARIZE, 0.4f}, {VC_AUG_CONTRAST, 1.7f}, {VC_AUG_COLOR, 0.3f}, {VC_AUG_BRIGHTNESS, 1.6f},       \
      {VC_AUG_SHARPNESS, 1.9f}

static const struct ref_intensities any = {.samples = {ALL_OPS}}, bytes = {.samples = {ALL_OPS}, .levels = 256};
static const struct ref_intensities narrow = {.samples = {ALL_OPS}, .lo = 0.2, .hi = 0.45};
static const struct ref_intensities beyond = {.samples = {ALL_OPS}, .lo = -0.3, .hi = 1.4};
static const struct ref_intensities two_levels = {.samples = {ALL_OPS}, .levels = 2};
static const struct ref_intensities weak = {
    .samples = {{VC_AUG_CONTRAST, 0.1f}, {VC_AUG_BRIGHTNESS, 0.1f}, {VC_AUG_SHARPNESS, 0.1f}, {VC_AUG_COLOR, 1.9f}}};
static const struct ref_intensities equalize = {.samples = {{VC_AUG_EQUALIZE, 0}}};
static const struct ref_intensities equalize_bytes = {.samples = {{VC_AUG_EQUALIZE, 0}}, .levels = 256};
static const struct ref_intensities solarize_ends = {.samples = {{VC_AUG_SOLARIZE, 0}, {VC_AUG_SOLARIZE, 1}},
                                                     .levels = 16};

#define IMAGES(n, c, h, w)   {.shape = {n, c, h, w}, .make = ref_make_grey}
#define CONSTANT(n, c, h, w) {.shape = {n, c, h, w}, .fill = REF_CONST, .lo = 0.375}
#define OPS(n)               {.shape = {1, 2 * (n), 1, 1}, .dtype = VC_U32, .make = ref_make_intensities}

static const struct optest_case cases[] = {
    {.name = "all, 1 channel", .in = {IMAGES(10, 1, 40, 27), OPS(10)}, .out = {10, 1, 40, 27}, .attr = &any},
    {.name = "all, 2 channels", .in = {IMAGES(10, 2, 33, 28), OPS(10)}, .out = {10, 2, 33, 28}, .attr = &any},
    {.name = "all, 3 channels", .in = {IMAGES(10, 3, 31, 30), OPS(10)}, .out = {10, 3, 31, 30}, .attr = &any},
    {.name = "all, 4 channels", .in = {IMAGES(10, 4, 24, 24), OPS(10)}, .out = {10, 4, 24, 24}, .attr = &any},
    // 255 x is not a whole number in float: the table's slope of up to 255 levels a bin makes more of that.
    {.name = "all, 8 bits, 1 channel",
     .in = {IMAGES(10, 1, 40, 27), OPS(10)},
     .out = {10, 1, 40, 27},
     .attr = &bytes,
     .tolerance = 1e-4},
    {.name = "all, 8 bits, 3 channels",
     .in = {IMAGES(10, 3, 40, 27), OPS(10)},
     .out = {10, 3, 40, 27},
     .attr = &bytes,
     .tolerance = 1e-4}, // as above
    {.name = "all, low contrast", .in = {IMAGES(10, 1, 25, 41), OPS(10)}, .out = {10, 1, 25, 41}, .attr = &narrow},
    {.name = "all, beyond [0, 1]", .in = {IMAGES(10, 3, 25, 41), OPS(10)}, .out = {10, 3, 25, 41}, .attr = &beyond},
    {.name = "all, two levels", .in = {IMAGES(10, 1, 30, 40), OPS(10)}, .out = {10, 1, 30, 40}, .attr = &two_levels},
    {.name = "all, constant", .in = {CONSTANT(10, 3, 30, 20), OPS(10)}, .out = {10, 3, 30, 20}, .attr = &any},
    {.name = "all, one pixel", .in = {IMAGES(10, 3, 1, 1), OPS(10)}, .out = {10, 3, 1, 1}, .attr = &any},
    {.name = "all, width 2", .in = {IMAGES(10, 1, 9, 2), OPS(10)}, .out = {10, 1, 9, 2}, .attr = &any},
    {.name = "small factors", .in = {IMAGES(4, 3, 20, 21), OPS(4)}, .out = {4, 3, 20, 21}, .attr = &weak},
    {.name = "solarize at both ends",
     .in = {IMAGES(2, 1, 20, 21), OPS(2)},
     .out = {2, 1, 20, 21},
     .attr = &solarize_ends},
    {.name = "equalize, few pixels", .in = {IMAGES(1, 1, 13, 17), OPS(1)}, .out = {1, 1, 13, 17}, .attr = &equalize},
    {.name = "equalize, many parts",
     .in = {IMAGES(1, 2, 200, 230), OPS(1)},
     .out = {1, 2, 200, 230},
     .attr = &equalize},
    {.name = "equalize, 8 bits",
     .in = {IMAGES(1, 1, 200, 230), OPS(1)},
     .out = {1, 1, 200, 230},
     .attr = &equalize_bytes,
     .tolerance = 1e-4}, // as above
    {.name = "all, many parts", .in = {IMAGES(10, 1, 150, 130), OPS(10)}, .out = {10, 1, 150, 130}, .attr = &any},
    {.name = "too few operations",
     .in = {IMAGES(3, 1, 9, 9), OPS(2)},
     .attr = &any,
     .fails = VC_E_SHAPE,
     .message = "the operations is 1 x 4 x 1 x 1"},
    {.name = "operations as floats",
     .in = {IMAGES(1, 1, 9, 9), {.shape = {1, 2, 1, 1}}},
     .attr = &any,
     .fails = VC_E_SHAPE,
     .message = "the operations is F32"},
};
static const struct optest_op intensity = OPTEST_OF(ref_intensity, cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &intensity, NULL);
}
