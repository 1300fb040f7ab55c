// Sections of volumes: every voxel format, between voxels and at the nearest one, in one slab and in several.
#include "support/optest.h"

#include <vulcyte/ops.h>

#define TURNED {0.71f, 0.62f, -0.33f, -0.55f, 0.78f, 0.29f, 4.1f, 3.3f, 2.2f}
#define FLAT   {1, 0, 0, 0, 1, 0, 4, 3, 2}
#define STEEP  {0.05f, -0.6f, 0.8f, 1.02f, 0.11f, 0.02f, 3.9f, 2.8f, 2.4f}

#define WHOLE(pixels) {.width = 9, .height = 7, .depth = 5, .end = 5, .format = (pixels)}
#define CASE(name, pixels, linear) \
  static const struct ref_slices name = {{3, 1, 11, 13}, WHOLE(pixels), {TURNED, FLAT, STEEP}, linear}
CASE(bytes, VC_PIXEL_U8, true);
CASE(shorts, VC_PIXEL_U16, true);
CASE(floats, VC_PIXEL_F32, true);
CASE(byte_labels, VC_PIXEL_U8, false);
CASE(short_labels, VC_PIXEL_U16, false);
CASE(word_labels, VC_PIXEL_F32, false);
// The middle slab of three: planes 1, 2 and, for interpolation, 3.
static const struct ref_slices middle = {
    {3, 1, 11, 13},
    {.width = 9, .height = 7, .depth = 5, .first = 1, .end = 3, .format = VC_PIXEL_U16},
    {TURNED, FLAT, STEEP},
    true};
static const struct ref_slices middle_labels = {
    {3, 1, 11, 13},
    {.width = 9, .height = 7, .depth = 5, .first = 1, .end = 3, .format = VC_PIXEL_U16},
    {TURNED, FLAT, STEEP},
    false};
static const struct ref_slices last = {
    {2, 1, 6, 7},
    {.width = 9, .height = 7, .depth = 5, .first = 4, .end = 5, .format = VC_PIXEL_U8},
    {STEEP, {1, 0, 0, 0, 1, 0, 4, 3, 4.49f}},
    true};
// On, half a voxel before and just behind the outermost voxels' centres.
static const struct ref_slices rims = {
    {3, 1, 9, 11},
    WHOLE(VC_PIXEL_U8),
    {{1, 0, 0, 0, 1, 0, 4.5f, 3.5f, -0.5f}, {1, 0, 0, 0, 1, 0, 3.75f, 2.75f, 4.4375f}, {1, 0, 0, 0, 1, 0, 4, 3, 4.5f}},
    true};
static const struct ref_slices rim_labels = {
    {3, 1, 9, 11},
    WHOLE(VC_PIXEL_U8),
    {{1, 0, 0, 0, 1, 0, 4.5f, 3.5f, -0.5f}, {1, 0, 0, 0, 1, 0, 3.75f, 2.75f, 4.4375f}, {1, 0, 0, 0, 1, 0, 4, 3, 4.5f}},
    false};
static const struct ref_slices thin = {{1, 1, 5, 4},
                                       {.width = 1, .height = 1, .depth = 1, .end = 1, .format = VC_PIXEL_F32},
                                       {{0.2f, 0, 0, 0, 0.2f, 0, 0, 0, 0.25f}},
                                       true};
static const struct ref_slices wide = {{2, 1, 130, 170},
                                       {.width = 60, .height = 50, .depth = 40, .end = 40, .format = VC_PIXEL_U8},
                                       {{0.31f, 0.12f, -0.2f, -0.05f, 0.28f, 0.17f, 29.5f, 24.5f, 19.5f},
                                        {0.02f, 0.33f, 0.11f, 0.3f, -0.02f, 0.21f, 28, 24, 20}},
                                       true};

#define POOL(words) {.shape = {1, (words), 1, 1}, .dtype = VC_U32, .make = ref_make_volume}
#define SLAB        {.shape = {1, 8, 1, 1}, .dtype = VC_U32, .make = ref_make_slab}
#define SAMPLERS(n) {.shape = {1, 9 * (n), 1, 1}, .make = ref_make_slice_samplers}

static const struct optest_case cases[] = {
    {.name = "8 bits", .in = {POOL(79), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &bytes},
    {.name = "16 bits", .in = {POOL(158), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &shorts},
    {.name = "floats", .in = {POOL(315), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &floats},
    {.name = "labels of 8 bits", .in = {POOL(79), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &byte_labels},
    {.name = "labels of 16 bits", .in = {POOL(158), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &short_labels},
    {.name = "labels of 32 bits", .in = {POOL(315), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &word_labels},
    {.name = "middle slab", .in = {POOL(95), SLAB, SAMPLERS(3)}, .out = {3, 1, 11, 13}, .attr = &middle},
    {.name = "labels of a middle slab",
     .in = {POOL(63), SLAB, SAMPLERS(3)},
     .out = {3, 1, 11, 13},
     .attr = &middle_labels},
    {.name = "last plane alone", .in = {POOL(16), SLAB, SAMPLERS(2)}, .out = {2, 1, 6, 7}, .attr = &last},
    {.name = "rims", .in = {POOL(79), SLAB, SAMPLERS(3)}, .out = {3, 1, 9, 11}, .attr = &rims},
    {.name = "labels at rims", .in = {POOL(79), SLAB, SAMPLERS(3)}, .out = {3, 1, 9, 11}, .attr = &rim_labels},
    {.name = "one voxel", .in = {POOL(1), SLAB, SAMPLERS(1)}, .out = {1, 1, 5, 4}, .attr = &thin},
    {.name = "many workgroups", .in = {POOL(30000), SLAB, SAMPLERS(2)}, .out = {2, 1, 130, 170}, .attr = &wide},
    {.name = "too few samplers",
     .in = {POOL(79), SLAB, SAMPLERS(2)},
     .attr = &bytes,
     .fails = VC_E_SHAPE,
     .message = "the samplers is 1 x 18 x 1 x 1"},
    {.name = "a pool of floats",
     .in = {{.shape = {1, 79, 1, 1}}, SLAB, SAMPLERS(3)},
     .attr = &bytes,
     .fails = VC_E_SHAPE,
     .message = "the pool is F32"},
};
static const struct optest_op slice = OPTEST_OF(ref_slice_volume, cases); // results are U32: every bit counts

int main(int argc, char **argv) {
  return optest_main(argc, argv, &slice, NULL);
}
