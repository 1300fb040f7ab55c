// Concatenation, slices, crops and padding.
#include "support/optest.h"

#include <vulcyte/ops.h>

#define IN(n, c, h, w)      \
  {                         \
    .shape = { n, c, h, w } \
  }
#define IN_U(n, c, h, w) {.shape = {n, c, h, w}, .dtype = VC_U32, .fill = REF_INTEGER, .hi = 4e9}

// ---- concatenation of channels ------------------------------------------------------------------------------------

static const struct optest_case channels_cases[] = {
    {.name = "one and one", .in = {IN(1, 1, 1, 1), IN(1, 1, 1, 1)}, .out = {1, 2, 1, 1}},
    {.name = "odd", .in = {IN(2, 3, 5, 7), IN(2, 2, 5, 7)}, .out = {2, 5, 5, 7}},
    {.name = "in fours", .in = {IN(2, 4, 5, 7), IN(2, 12, 5, 7)}, .out = {2, 16, 5, 7}},
    {.name = "four and one", .in = {IN(1, 4, 5, 7), IN(1, 1, 5, 7)}, .out = {1, 5, 5, 7}},
    {.name = "many", .in = {IN(1, 16, 60, 70), IN(1, 16, 60, 70)}, .out = {1, 32, 60, 70}},
    {.name = "many, odd", .in = {IN(1, 3, 97, 101), IN(1, 6, 97, 101)}, .out = {1, 9, 97, 101}},
    {.name = "other sides",
     .in = {IN(1, 3, 4, 4), IN(1, 3, 4, 5)},
     .fails = VC_E_SHAPE,
     .message = "the second part is"},
    {.name = "integers", .in = {IN_U(1, 3, 4, 4), IN_U(1, 3, 4, 4)}, .fails = VC_E_SHAPE, .message = "U32"},
};
static const struct optest_op channels_op = OPTEST_OF(ref_concat_channels, channels_cases);

// ---- concatenation of samples -------------------------------------------------------------------------------------

static const struct optest_case batch_cases[] = {
    {.name = "one and one", .in = {IN(1, 1, 1, 1), IN(1, 1, 1, 1)}, .out = {2, 1, 1, 1}},
    {.name = "odd", .in = {IN(2, 3, 5, 7), IN(1, 3, 5, 7)}, .out = {3, 3, 5, 7}},
    {.name = "behind 256 bytes", .in = {IN(2, 4, 4, 4), IN(3, 4, 4, 4)}, .out = {5, 4, 4, 4}},
    {.name = "many", .in = {IN(1, 2, 128, 128), IN(2, 2, 128, 128)}, .out = {3, 2, 128, 128}},
    {.name = "integers", .in = {IN_U(1, 1, 5, 7), IN_U(2, 1, 5, 7)}, .out = {3, 1, 5, 7}},
    {.name = "mixed types", .in = {IN_U(1, 1, 5, 7), IN(2, 1, 5, 7)}, .fails = VC_E_SHAPE, .message = "must be U32"},
    {.name = "other channels",
     .in = {IN(1, 2, 5, 7), IN(2, 1, 5, 7)},
     .fails = VC_E_SHAPE,
     .message = "the second part is"},
};
static const struct optest_op batch_op = OPTEST_OF(ref_concat_batch, batch_cases);

// ---- slices of channels -------------------------------------------------------------------------------------------

static const struct ref_window first_one = {0, 1, 0, 0}, inner_two = {1, 2, 0, 0}, inner_four = {4, 4, 0, 0},
                               last_eight = {8, 8, 0, 0}, beyond = {3, 2, 0, 0}, wraps = {2, 0xFFFFFFFF, 0, 0},
                               none = {1, 0, 0, 0};
static const struct optest_case slice_cases[] = {
    {.name = "first", .in = {IN(2, 3, 5, 7)}, .out = {2, 1, 5, 7}, .attr = &first_one, .linear = 1},
    {.name = "inner", .in = {IN(2, 5, 5, 7)}, .out = {2, 2, 5, 7}, .attr = &inner_two, .linear = 1},
    {.name = "fours", .in = {IN(2, 12, 5, 7)}, .out = {2, 4, 5, 7}, .attr = &inner_four, .linear = 1},
    {.name = "many", .in = {IN(1, 16, 70, 50)}, .out = {1, 8, 70, 50}, .attr = &last_eight, .linear = 1},
    {.name = "beyond", .in = {IN(1, 4, 5, 7)}, .attr = &beyond, .fails = VC_E_SHAPE, .message = "do not lie in"},
    {.name = "count too large",
     .in = {IN(1, 4, 5, 7)},
     .attr = &wraps,
     .fails = VC_E_SHAPE,
     .message = "do not lie in"},
    {.name = "none", .in = {IN(1, 4, 5, 7)}, .attr = &none, .fails = VC_E_SHAPE, .message = "do not lie in"},
};
static const struct optest_op slice_op = OPTEST_OF(ref_slice_channels, slice_cases);

// ---- crops ----------------------------------------------------------------------------------------------------

static const struct ref_window corner = {0, 0, 3, 2}, inside = {1, 2, 3, 4}, pixel = {4, 6, 1, 1},
                               most = {3, 1, 90, 100}, below = {1, 0, 5, 7}, too_wide = {0, 0, 5, 0xFFFFFFFF};
static const struct optest_case crop_cases[] = {
    {.name = "corner", .in = {IN(1, 1, 5, 7)}, .out = {1, 1, 3, 2}, .attr = &corner, .linear = 1},
    {.name = "inside, batch", .in = {IN(2, 3, 5, 7)}, .out = {2, 3, 3, 4}, .attr = &inside, .linear = 1},
    {.name = "fours", .in = {IN(2, 8, 5, 7)}, .out = {2, 8, 3, 4}, .attr = &inside, .linear = 1},
    {.name = "last pixel", .in = {IN(1, 2, 5, 7)}, .out = {1, 2, 1, 1}, .attr = &pixel, .linear = 1},
    {.name = "many", .in = {IN(1, 2, 96, 104)}, .out = {1, 2, 90, 100}, .attr = &most, .linear = 1},
    {.name = "integers", .in = {IN_U(2, 1, 5, 7)}, .out = {2, 1, 3, 4}, .attr = &inside},
    {.name = "below the end",
     .in = {IN(1, 1, 5, 7)},
     .attr = &below,
     .fails = VC_E_SHAPE,
     .message = "does not lie in 5 x 7"},
    {.name = "too wide",
     .in = {IN(1, 1, 5, 7)},
     .attr = &too_wide,
     .fails = VC_E_SHAPE,
     .message = "does not lie in 5 x 7"},
};
static const struct optest_op crop_op = OPTEST_OF(ref_crop, crop_cases);

// ---- padding by reflection ----------------------------------------------------------------------------------------

static const struct ref_window right_and_bottom = {0, 3, 0, 2}, all_round = {2, 1, 3, 2}, repeated = {7, 12, 9, 5},
                               huge = {0, 0, 0, 0x80000000};
static const struct optest_case pad_cases[] = {
    {.name = "right and bottom", .in = {IN(1, 1, 5, 6)}, .out = {1, 1, 8, 8}, .attr = &right_and_bottom, .linear = 1},
    {.name = "all round, batch", .in = {IN(2, 3, 5, 6)}, .out = {2, 3, 8, 11}, .attr = &all_round, .linear = 1},
    {.name = "fours", .in = {IN(2, 4, 5, 6)}, .out = {2, 4, 8, 11}, .attr = &all_round, .linear = 1},
    {.name = "margins beyond the sides", .in = {IN(1, 2, 4, 3)}, .out = {1, 2, 23, 17}, .attr = &repeated, .linear = 1},
    {.name = "two pixels", .in = {IN(1, 1, 2, 2)}, .out = {1, 1, 21, 16}, .attr = &repeated, .linear = 1},
    {.name = "one pixel", .in = {IN(1, 2, 1, 1)}, .out = {1, 2, 20, 15}, .attr = &repeated, .linear = 1},
    {.name = "many", .in = {IN(1, 1, 100, 120)}, .out = {1, 1, 103, 122}, .attr = &right_and_bottom, .linear = 1},
    {.name = "integers", .in = {IN_U(2, 1, 5, 6)}, .out = {2, 1, 8, 11}, .attr = &all_round},
    {.name = "huge margin", .in = {IN(1, 1, 5, 6)}, .attr = &huge, .fails = VC_E_SHAPE, .message = "margin"},
};
static const struct optest_op pad_op = OPTEST_OF(ref_pad_reflect, pad_cases);

// ---- all together ---------------------------------------------------------------------------------------------

static vc_tensor *build_round_trip(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  vc_tensor *wide = vc_concat_channels(g, in[0], vc_slice_channels(g, in[0], 1, 2));
  vc_tensor *tall = vc_concat_batch(g, wide, vc_crop(g, vc_pad_reflect(g, wide, 1, 1, 1, 1), 2, 0, 4, 5));
  return vc_crop(g, tall, 1, 1, 2, 3);
}

static void round_trip(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      for (uint32_t y = 0; y < s.h; y++) {
        for (uint32_t x = 0; x < s.w; x++) {
          uint32_t from_y = n == 0 ? y + 1 : ref_reflect((int64_t)y + 2, 4), from_x = n == 0 ? x + 1 : x;
          *optest_at(out, n, c, y, x) = *optest_at(in[0], 0, c < 3 ? c : c - 2, from_y, from_x);
        }
      }
    }
  }
}

static const struct optest_case round_trip_cases[] = {
    {.name = "all of them", .in = {IN(1, 3, 4, 5)}, .out = {2, 5, 2, 3}, .linear = 1},
};
static const struct optest_op round_trip_op = OPTEST_OP("together", build_round_trip, round_trip, round_trip_cases);

// Slices that make up a tensor, in another order: their gradients lie side by side again.
static vc_tensor *build_swap(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  const uint32_t c = in[0]->shape.c;
  return vc_concat_channels(g, vc_slice_channels(g, in[0], 2, c - 2), vc_slice_channels(g, in[0], 0, 2));
}

static void swap(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  const uint32_t c = out->shape.c;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = in[0]->v[i / c * c + (i % c + 2) % c];
}

static const struct optest_case swap_cases[] = {
    {.name = "swapped", .in = {IN(2, 5, 3, 4)}, .out = {2, 5, 3, 4}, .linear = 1},
    {.name = "swapped halves", .in = {IN(1, 4, 3, 4)}, .out = {1, 4, 3, 4}, .linear = 1},
};
static const struct optest_op swap_op = OPTEST_OP("swapped slices", build_swap, swap, swap_cases);

// Slices that overlap, and leave a channel out.
static vc_tensor *build_some(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_add(g, vc_slice_channels(g, in[0], 0, 3), vc_slice_channels(g, in[0], 1, 3));
}

static void some(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) {
    const uint64_t at = i / 3 * 5 + i % 3;
    out->v[i] = in[0]->v[at] + in[0]->v[at + 1];
  }
}

static const struct optest_case some_cases[] = {
    {.name = "overlapping", .in = {IN(2, 5, 3, 4)}, .out = {2, 3, 3, 4}, .linear = 1},
};
static const struct optest_op some_op = OPTEST_OP("overlapping slices", build_some, some, some_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &channels_op, &batch_op, &slice_op, &crop_op, &pad_op, &round_trip_op, &swap_op,
                     &some_op, NULL);
}
