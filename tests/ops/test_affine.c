// Resampling of images and labels.
#include "support/optest.h"

#include <vulcyte/ops.h>

#define SAMPLERS(n) {.shape = {1, 6 * (n), 1, 1}, .make = ref_make_samplers, .no_grad = true}

static const struct ref_samplers identity = {.samplers = {{1, 0, 0, 0, 1, 0}, {1, 0, 0, 0, 1, 0}}};
static const struct ref_samplers flip = {.samplers = {{-1, 0, 0, 0, 1, 0}, {1, 0, 0, 0, -1, 0}}};
static const struct ref_samplers turned = {
    .samplers = {{0.93f, 0.31f, 0.4f, -0.31f, 0.93f, -1.3f}, {-0.71f, 0.66f, 2.2f, -0.66f, -0.71f, 0.1f}}};
static const struct ref_samplers far = {.samplers = {{2.1f, 0.3f, 300.2f, 0.1f, 1.7f, -151.7f}}};
static const struct ref_samplers shifted = {
    .samplers = {{1, 0, 0.3f, 0, 1, -0.4f}, {0.8f, 0.1f, -0.2f, 0, 1.2f, 0.7f}, {1, 0, 3.25f, 0, 1, 2.125f}}};

// ---- images ---------------------------------------------------------------------------------------------------

static const struct optest_case image_cases[] = {
    // Not a bit may differ: a tolerance far below the last bit.
    {.name = "identity, even and odd sides",
     .in = {{.shape = {2, 1, 16, 13}}, SAMPLERS(2)},
     .out = {2, 1, 16, 13},
     .attr = &identity,
     .tolerance = 1e-15},
    {.name = "identity, 600 wide",
     .in = {{.shape = {1, 3, 5, 600}}, SAMPLERS(1)},
     .out = {1, 3, 5, 600},
     .attr = &identity,
     .tolerance = 1e-15},
    {.name = "flips",
     .in = {{.shape = {2, 2, 9, 14}}, SAMPLERS(2)},
     .out = {2, 2, 9, 14},
     .attr = &flip,
     .tolerance = 1e-15},
    {.name = "turned", .in = {{.shape = {2, 1, 17, 24}}, SAMPLERS(2)}, .out = {2, 1, 17, 24}, .attr = &turned},
    {.name = "4 channels", .in = {{.shape = {2, 4, 9, 8}}, SAMPLERS(2)}, .out = {2, 4, 9, 8}, .attr = &turned},
    {.name = "9 channels", .in = {{.shape = {1, 9, 9, 8}}, SAMPLERS(1)}, .out = {1, 9, 9, 8}, .attr = &turned},
    {.name = "5 channels", .in = {{.shape = {1, 5, 6, 7}}, SAMPLERS(1)}, .out = {1, 5, 6, 7}, .attr = &turned},
    {.name = "far outside", .in = {{.shape = {1, 1, 9, 7}}, SAMPLERS(1)}, .out = {1, 1, 9, 7}, .attr = &far},
    {.name = "width 1", .in = {{.shape = {3, 1, 6, 1}}, SAMPLERS(3)}, .out = {3, 1, 6, 1}, .attr = &shifted},
    {.name = "height 2", .in = {{.shape = {3, 2, 2, 7}}, SAMPLERS(3)}, .out = {3, 2, 2, 7}, .attr = &shifted},
    {.name = "one pixel", .in = {{.shape = {3, 1, 1, 1}}, SAMPLERS(3)}, .out = {3, 1, 1, 1}, .attr = &shifted},
    {.name = "many workgroups",
     .in = {{.shape = {1, 1, 150, 190}}, SAMPLERS(1)},
     .out = {1, 1, 150, 190},
     .attr = &turned},
    {.name = "too few samplers",
     .in = {{.shape = {2, 1, 9, 8}}, SAMPLERS(1)},
     .attr = &turned,
     .fails = VC_E_SHAPE,
     .message = "the samplers is 1 x 6 x 1 x 1"},
    {.name = "an image of integers",
     .in = {{.shape = {2, 1, 9, 8}, .dtype = VC_U32}, SAMPLERS(2)},
     .attr = &turned,
     .fails = VC_E_SHAPE,
     .message = "the operand is U32"},
};
static const struct optest_op image_op = OPTEST_OF(ref_affine_image, image_cases);

// ---- labels ---------------------------------------------------------------------------------------------------

#define LABELS(n, h, w) {.shape = {n, 1, h, w}, .dtype = VC_U32, .fill = REF_INTEGER, .lo = 0, .hi = 254}

static const struct optest_case labels_cases[] = {
    {.name = "identity", .in = {LABELS(2, 16, 13), SAMPLERS(2)}, .out = {2, 1, 16, 13}, .attr = &identity},
    {.name = "flips", .in = {LABELS(2, 9, 14), SAMPLERS(2)}, .out = {2, 1, 9, 14}, .attr = &flip},
    {.name = "turned", .in = {LABELS(2, 37, 24), SAMPLERS(2)}, .out = {2, 1, 37, 24}, .attr = &turned},
    {.name = "shifted", .in = {LABELS(3, 11, 12), SAMPLERS(3)}, .out = {3, 1, 11, 12}, .attr = &shifted},
    {.name = "width 1", .in = {LABELS(3, 9, 1), SAMPLERS(3)}, .out = {3, 1, 9, 1}, .attr = &shifted},
    {.name = "all outside", .in = {LABELS(1, 9, 7), SAMPLERS(1)}, .out = {1, 1, 9, 7}, .attr = &far},
    {.name = "many workgroups", .in = {LABELS(1, 150, 190), SAMPLERS(1)}, .out = {1, 1, 150, 190}, .attr = &turned},
    {.name = "two channels",
     .in = {{.shape = {1, 2, 9, 8}, .dtype = VC_U32}, SAMPLERS(1)},
     .attr = &turned,
     .fails = VC_E_SHAPE,
     .message = "the labels is 1 x 2 x 9 x 8"},
};
static const struct optest_op labels_op = OPTEST_OF(ref_affine_labels, labels_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &image_op, &labels_op, NULL);
}
