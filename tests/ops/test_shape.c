// Concatenation, slices, crops and padding.
#include "support/optest.h"

#include <string.h>
#include <vulcyte/ops.h>

struct window {
  uint32_t a, b, c, d; // the arguments after the operand
};

#define IN(n, c, h, w)      \
  {                         \
    .shape = { n, c, h, w } \
  }
#define IN_U(n, c, h, w) {.shape = {n, c, h, w}, .dtype = VC_U32, .fill = OPTEST_INTEGER, .hi = 4e9}

// ---- concatenation of channels ------------------------------------------------------------------------------------

static vc_tensor *build_channels(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_concat_channels(g, in[0], in[1]);
}

static void channels(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  uint32_t a = in[0]->shape.c, b = in[1]->shape.c;
  for (uint64_t i = 0; i < in[0]->count / a; i++) {
    memcpy(out->v + i * (a + b), in[0]->v + i * a, a * sizeof(double));
    memcpy(out->v + i * (a + b) + a, in[1]->v + i * b, b * sizeof(double));
  }
}

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
static const struct optest_op channels_op = OPTEST_OP("concat_channels", build_channels, channels, channels_cases);

// ---- concatenation of samples -------------------------------------------------------------------------------------

static vc_tensor *build_batch(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_concat_batch(g, in[0], in[1]);
}

static void batch(optest_array *const *in, optest_array *out, const void *attr) {
  (void)attr;
  memcpy(out->v, in[0]->v, in[0]->count * sizeof(double));
  memcpy(out->v + in[0]->count, in[1]->v, in[1]->count * sizeof(double));
}

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
static const struct optest_op batch_op = OPTEST_OP("concat_batch", build_batch, batch, batch_cases);

// ---- slices of channels -------------------------------------------------------------------------------------------

static vc_tensor *build_slice(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct window *a = attr;
  return vc_slice_channels(g, in[0], a->a, a->b);
}

static void slice(optest_array *const *in, optest_array *out, const void *attr) {
  const struct window *a = attr;
  for (uint64_t i = 0; i < out->count / a->b; i++) {
    memcpy(out->v + i * a->b, in[0]->v + i * in[0]->shape.c + a->a, a->b * sizeof(double));
  }
}

static const struct window first_one = {0, 1, 0, 0}, inner_two = {1, 2, 0, 0}, inner_four = {4, 4, 0, 0},
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
static const struct optest_op slice_op = OPTEST_OP("slice_channels", build_slice, slice, slice_cases);

// ---- crops ----------------------------------------------------------------------------------------------------

static vc_tensor *build_crop(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct window *a = attr;
  return vc_crop(g, in[0], a->a, a->b, a->c, a->d);
}

static void crop(optest_array *const *in, optest_array *out, const void *attr) {
  const struct window *a = attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      for (uint32_t y = 0; y < s.h; y++) {
        for (uint32_t x = 0; x < s.w; x++) *optest_at(out, n, c, y, x) = *optest_at(in[0], n, c, y + a->a, x + a->b);
      }
    }
  }
}

static const struct window corner = {0, 0, 3, 2}, inside = {1, 2, 3, 4}, pixel = {4, 6, 1, 1}, most = {3, 1, 90, 100},
                           below = {1, 0, 5, 7}, too_wide = {0, 0, 5, 0xFFFFFFFF};
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
static const struct optest_op crop_op = OPTEST_OP("crop", build_crop, crop, crop_cases);

// ---- padding by reflection ----------------------------------------------------------------------------------------

static vc_tensor *build_pad(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct window *a = attr;
  return vc_pad_reflect(g, in[0], a->a, a->b, a->c, a->d);
}

// Walks back and forth between the border pixels.
static uint32_t reflected(int64_t i, uint32_t n) {
  if (n == 1) return 0;
  while (i < 0 || i >= n) i = i < 0 ? -i : 2 * ((int64_t)n - 1) - i;
  return (uint32_t)i;
}

static void pad(optest_array *const *in, optest_array *out, const void *attr) {
  const struct window *a = attr;
  struct vc_shape s = out->shape, x = in[0]->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      for (uint32_t i = 0; i < s.h; i++) {
        for (uint32_t j = 0; j < s.w; j++) {
          uint32_t from_y = reflected((int64_t)i - a->a, x.h), from_x = reflected((int64_t)j - a->c, x.w);
          *optest_at(out, n, c, i, j) = *optest_at(in[0], n, c, from_y, from_x);
        }
      }
    }
  }
}

static const struct window right_and_bottom = {0, 3, 0, 2}, all_round = {2, 1, 3, 2}, repeated = {7, 12, 9, 5},
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
static const struct optest_op pad_op = OPTEST_OP("pad_reflect", build_pad, pad, pad_cases);

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
          uint32_t from_y = n == 0 ? y + 1 : reflected((int64_t)y + 2, 4), from_x = n == 0 ? x + 1 : x;
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

int main(int argc, char **argv) {
  return optest_main(argc, argv, &channels_op, &batch_op, &slice_op, &crop_op, &pad_op, &round_trip_op, NULL);
}
