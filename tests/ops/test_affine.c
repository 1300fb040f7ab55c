// Resampling of images and labels.
#include "affine_reference.h"

#include <vulcyte/ops.h>

#define SAMPLERS(n) {.shape = {1, 6 * (n), 1, 1}, .make = make_samplers, .no_grad = true}

static const struct affine_case identity = {.samplers = {{1, 0, 0, 0, 1, 0}, {1, 0, 0, 0, 1, 0}}};
static const struct affine_case flip = {.samplers = {{-1, 0, 0, 0, 1, 0}, {1, 0, 0, 0, -1, 0}}};
static const struct affine_case turned = {
    .samplers = {{0.93f, 0.31f, 0.4f, -0.31f, 0.93f, -1.3f}, {-0.71f, 0.66f, 2.2f, -0.66f, -0.71f, 0.1f}}};
static const struct affine_case far = {.samplers = {{2.1f, 0.3f, 300.2f, 0.1f, 1.7f, -151.7f}}};
static const struct affine_case shifted = {
    .samplers = {{1, 0, 0.3f, 0, 1, -0.4f}, {0.8f, 0.1f, -0.2f, 0, 1.2f, 0.7f}, {1, 0, 3.25f, 0, 1, 2.125f}}};

// ---- images ---------------------------------------------------------------------------------------------------

static vc_tensor *build_image(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_affine_image(g, in[0], in[1]);
}

static void image(optest_array *const *in, optest_array *out, const void *attr) {
  struct vc_shape s = out->shape;
  (void)attr;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        double p[2];
        affine_position(in[1], n, x, y, s.w, s.h, p);
        struct affine_taps t = affine_taps(p, s.w, s.h);
        for (uint32_t c = 0; c < s.c; c++) {
          double *to = optest_at(out, n, c, y, x);
          for (int k = 0; k < 4; k++) *to += t.weight[k] * *optest_at(in[0], n, c, t.y[k], t.x[k]);
        }
      }
    }
  }
}

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
static const struct optest_op image_op = {.name = "affine_image",
                                          .build = build_image,
                                          .reference = image,
                                          .cases = image_cases,
                                          .n_cases = VC_COUNT_OF(image_cases),
                                          .no_vjp = true,
                                          .tolerance = 1e-6}; // a few roundings of values up to 1

// ---- labels ---------------------------------------------------------------------------------------------------

static vc_tensor *build_labels(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_affine_labels(g, in[0], in[1]);
}

static void labels(optest_array *const *in, optest_array *out, const void *attr) {
  struct vc_shape s = out->shape;
  (void)attr;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t y = 0; y < s.h; y++) {
      for (uint32_t x = 0; x < s.w; x++) {
        double p[2];
        affine_position(in[1], n, x, y, s.w, s.h, p);
        uint32_t from_x = (uint32_t)VC_MIN(floor((double)(float)(p[0] + 0.5)), s.w - 1);
        uint32_t from_y = (uint32_t)VC_MIN(floor((double)(float)(p[1] + 0.5)), s.h - 1);
        *optest_at(out, n, 0, y, x) = affine_inside(p, s.w, s.h) ? *optest_at(in[0], n, 0, from_y, from_x) : VC_IGNORE;
      }
    }
  }
}

#define LABELS(n, h, w) {.shape = {n, 1, h, w}, .dtype = VC_U32, .fill = OPTEST_INTEGER, .lo = 0, .hi = 254}

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
static const struct optest_op labels_op = OPTEST_OP("affine_labels", build_labels, labels, labels_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &image_op, &labels_op, NULL);
}
