// Windows of the pool: images of every format, class maps.
#include "support/optest.h"

#include <vulcyte/ops.h>

// ---- images ---------------------------------------------------------------------------------------------------

static const struct ref_crops bytes = {
    {1, 1, 9, 11}, {{.word = 3, .width = 17, .height = 12, .left = 4, .top = 2, .format = VC_PIXEL_U8, .channels = 1}}};
static const struct ref_crops shorts = {
    {1, 1, 7, 8}, {{.word = 1, .width = 9, .height = 8, .left = 1, .top = 0, .format = VC_PIXEL_U16, .channels = 1}}};
static const struct ref_crops floats = {
    {1, 2, 6, 5}, {{.word = 0, .width = 6, .height = 7, .left = 1, .top = 1, .format = VC_PIXEL_F32, .channels = 2}}};
static const struct ref_crops mixed = {
    {4, 3, 10, 12},
    {{.word = 0, .width = 13, .height = 11, .left = 0, .top = 1, .format = VC_PIXEL_U8, .channels = 3},
     {.word = 200, .width = 12, .height = 10, .format = VC_PIXEL_U16, .channels = 3},
     {.word = 400, .width = 5, .height = 9, .left = -2, .top = -3, .format = VC_PIXEL_F32, .channels = 3},
     {.word = 550, .width = 3, .height = 4, .left = -20, .top = 7, .format = VC_PIXEL_U16, .channels = 3}}};
static const struct ref_crops narrow = {
    {3, 1, 5, 4},
    {{.word = 0, .width = 1, .height = 1, .left = -1, .top = -2, .format = VC_PIXEL_U8, .channels = 1},
     {.word = 1, .width = 1, .height = 6, .left = 3, .top = -9, .format = VC_PIXEL_U16, .channels = 1},
     {.word = 4, .width = 2, .height = 2, .left = -5, .top = 5, .format = VC_PIXEL_U8, .channels = 1}}};
static const struct ref_crops far = {
    {1, 1, 3, 3},
    {{.word = 0, .width = 7, .height = 5, .left = -1000003, .top = 16000001, .format = VC_PIXEL_U8, .channels = 1}}};
static const struct ref_crops wide = {
    {2, 1, 61, 203},
    {{.word = 5, .width = 251, .height = 67, .left = 44, .top = 1, .format = VC_PIXEL_U8, .channels = 1},
     {.word = 0, .width = 210, .height = 64, .left = -3, .top = 9, .format = VC_PIXEL_U16, .channels = 1}}};

#define POOL(words) {.shape = {1, (words), 1, 1}, .dtype = VC_U32, .make = ref_make_pool}
#define WINDOWS(n)  {.shape = {1, 8 * (n), 1, 1}, .dtype = VC_U32, .make = ref_make_windows}
#define RANGE(c)    {.shape = {1, 2 * (c), 1, 1}, .lo = 0.001, .hi = 2}

static const struct optest_case images_cases[] = {
    {.name = "8 bits", .in = {POOL(54), WINDOWS(1), RANGE(1)}, .out = {1, 1, 9, 11}, .attr = &bytes},
    {.name = "16 bits", .in = {POOL(37), WINDOWS(1), RANGE(1)}, .out = {1, 1, 7, 8}, .attr = &shorts},
    {.name = "floats", .in = {POOL(84), WINDOWS(1), RANGE(2)}, .out = {1, 2, 6, 5}, .attr = &floats},
    {.name = "all formats", .in = {POOL(600), WINDOWS(4), RANGE(3)}, .out = {4, 3, 10, 12}, .attr = &mixed},
    {.name = "sides of one and two", .in = {POOL(5), WINDOWS(3), RANGE(1)}, .out = {3, 1, 5, 4}, .attr = &narrow},
    {.name = "far outside", .in = {POOL(9), WINDOWS(1), RANGE(1)}, .out = {1, 1, 3, 3}, .attr = &far},
    {.name = "many workgroups", .in = {POOL(7000), WINDOWS(2), RANGE(1)}, .out = {2, 1, 61, 203}, .attr = &wide},
    {.name = "too few windows",
     .in = {POOL(600), WINDOWS(3), RANGE(3)},
     .attr = &mixed,
     .fails = VC_E_SHAPE,
     .message = "the windows is 1 x 24 x 1 x 1"},
    {.name = "a range of other channels",
     .in = {POOL(600), WINDOWS(4), RANGE(1)},
     .attr = &mixed,
     .fails = VC_E_SHAPE,
     .message = "the range"},
    {.name = "a pool of floats",
     .in = {{.shape = {1, 600, 1, 1}}, WINDOWS(4), RANGE(3)},
     .attr = &mixed,
     .fails = VC_E_SHAPE,
     .message = "the pool is F32"},
};
static const struct optest_op images_op = OPTEST_OF(ref_crop_images, images_cases);

// ---- labels ---------------------------------------------------------------------------------------------------

static const struct ref_crops three_maps = {
    {3, 1, 6, 9},
    {{.word = 2, .width = 11, .height = 8, .left = 1, .top = 2, .channels = 1},
     {.word = 24, .width = 5, .height = 4, .left = -2, .top = -1, .channels = 1},
     {.word = 29, .width = 9, .height = 6, .left = 3, .top = -40, .channels = 1}}};
static const struct ref_crops big_map = {{1, 1, 70, 130},
                                         {{.word = 0, .width = 133, .height = 75, .left = 4, .top = 7, .channels = 1}}};
static const struct ref_crops two_channels = {{1, 2, 9, 11}, {{.width = 17, .height = 12, .channels = 1}}};

static const struct optest_case labels_cases[] = {
    {.name = "inside, across and outside", .in = {POOL(43), WINDOWS(3)}, .out = {3, 1, 6, 9}, .attr = &three_maps},
    {.name = "many workgroups", .in = {POOL(2494), WINDOWS(1)}, .out = {1, 1, 70, 130}, .attr = &big_map},
    {.name = "two channels",
     .in = {POOL(54), WINDOWS(1)},
     .attr = &two_channels,
     .fails = VC_E_SHAPE,
     .message = "labels of 2 channels"},
};
static const struct optest_op labels_op = OPTEST_OF(ref_crop_labels, labels_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &images_op, &labels_op, NULL);
}
