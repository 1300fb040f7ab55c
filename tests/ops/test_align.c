// Alignment of probability maps, its adjoint, the validity mask, and what they are for: A = W R^-1 W^-1 brings the
// prediction of W R x to the frame of W x.
#include "support/optest.h"

#include <math.h>
#include <vulcyte/gpu.h>
#include <vulcyte/ops.h>

#include <stdio.h>

#define SAMPLERS(n) {.shape = {1, 6 * (n), 1, 1}, .make = ref_make_samplers, .no_grad = true}
static const double PI = 3.14159265358979323846;

// ---- align ----------------------------------------------------------------------------------------------------

static const struct ref_samplers identity = {.samplers = {{1, 0, 0, 0, 1, 0}, {1, 0, 0, 0, 1, 0}}};
static const struct ref_samplers turned = {.samplers = {{0.9563048f, -0.2923717f, 0, 0.2923717f, 0.9563048f, 0},
                                                        {-0.9396926f, 0.3420201f, 0, -0.3420201f, -0.9396926f, 0}}};
static const struct ref_samplers diagonal = {.samplers = {{0.7071068f, -0.7071068f, 0, 0.7071068f, 0.7071068f, 0}}};
static const struct ref_samplers scaled = {
    .samplers = {{0.5f, 0, 0, 0, 0.5f, 0}, {2, 0, 0, 0, 2, 0}, {0.35f, -0.36f, 1.7f, 0.36f, 0.35f, -2.1f}}};
static const struct ref_samplers sheared = {
    .samplers = {{1.9f, 0.7f, 0.3f, -0.1f, 0.6f, 2.4f}, {-0.7f, 0.9f, 5.6f, 1.1f, 0.4f, -3.3f}}};
static const struct ref_samplers shifted = {
    .samplers = {{1, 0, 0.45f, 0, 1, -0.4f}, {1, 0, -0.5f, 0, 1, 0.5f}, {0.8f, 0.1f, -0.2f, 0, 1.2f, 0.3f}}};

static const struct optest_case align_cases[] = {
    {.name = "identity",
     .in = {{.shape = {2, 2, 9, 12}}, SAMPLERS(2)},
     .out = {2, 2, 9, 12},
     .attr = &identity,
     .linear = 1,
     .tolerance = 1e-15, // bit by bit
     .grad_tolerance = 1e-6},
    {.name = "17 and 200 degrees",
     .in = {{.shape = {2, 2, 21, 18}}, SAMPLERS(2)},
     .out = {2, 2, 21, 18},
     .attr = &turned,
     .linear = 1},
    {.name = "45 degrees, 4 channels",
     .in = {{.shape = {1, 4, 24, 24}}, SAMPLERS(1)},
     .out = {1, 4, 24, 24},
     .attr = &diagonal,
     .linear = 1},
    {.name = "scales of 1/2 and 2",
     .in = {{.shape = {3, 3, 19, 16}}, SAMPLERS(3)},
     .out = {3, 3, 19, 16},
     .attr = &scaled,
     .linear = 1},
    {.name = "sheared",
     .in = {{.shape = {2, 5, 15, 22}}, SAMPLERS(2)},
     .out = {2, 5, 15, 22},
     .attr = &sheared,
     .linear = 1},
    {.name = "shifted over the edge",
     .in = {{.shape = {3, 1, 8, 7}}, SAMPLERS(3)},
     .out = {3, 1, 8, 7},
     .attr = &shifted,
     .linear = 1},
    {.name = "width 1",
     .in = {{.shape = {3, 2, 7, 1}}, SAMPLERS(3)},
     .out = {3, 2, 7, 1},
     .attr = &shifted,
     .linear = 1},
    {.name = "2 x 2", .in = {{.shape = {3, 2, 2, 2}}, SAMPLERS(3)}, .out = {3, 2, 2, 2}, .attr = &shifted, .linear = 1},
    {.name = "3 x 2", .in = {{.shape = {3, 1, 3, 2}}, SAMPLERS(3)}, .out = {3, 1, 3, 2}, .attr = &scaled, .linear = 1},
    {.name = "one pixel",
     .in = {{.shape = {3, 2, 1, 1}}, SAMPLERS(3)},
     .out = {3, 2, 1, 1},
     .attr = &shifted,
     .linear = 1},
    {.name = "many workgroups",
     .in = {{.shape = {2, 2, 130, 170}}, SAMPLERS(2)},
     .out = {2, 2, 130, 170},
     .attr = &turned,
     .linear = 1},
    {.name = "too few samplers",
     .in = {{.shape = {2, 2, 9, 8}}, SAMPLERS(1)},
     .attr = &turned,
     .fails = VC_E_SHAPE,
     .message = "the samplers"},
};
static const struct optest_op align_op = OPTEST_OF(ref_align, align_cases);

// The adjoint's own adjoint is align.
static vc_tensor *build_twice(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  vc_tensor *grad, *y = vc_align(g, in[0], in[1]);
  vc_grad(g, y, in[2], &in[0], 1, &grad);
  return grad;
}

static void twice(optest_array *const *in, optest_array *out, const void *attr) {
  ref_align.vjp(in, out, in[2], &out, attr);
}

static void twice_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                      optest_array *const *grad_in, const void *attr) {
  (void)out;
  ref_align.reference((optest_array *[]){(optest_array *)(uintptr_t)grad_out, in[1]}, grad_in[2], attr);
}

static const struct optest_case twice_cases[] = {
    {.name = "small",
     .in = {{.shape = {2, 1, 5, 4}, .no_grad = true}, SAMPLERS(2), {.shape = {2, 1, 5, 4}}},
     .out = {2, 1, 5, 4},
     .attr = &sheared,
     .linear = 4},
    {.name = "17 and 200 degrees",
     .in = {{.shape = {2, 2, 21, 18}, .no_grad = true}, SAMPLERS(2), {.shape = {2, 2, 21, 18}}},
     .out = {2, 2, 21, 18},
     .attr = &turned,
     .linear = 4},
};
static const struct optest_op twice_op = {.name = "align_dx",
                                          .build = build_twice,
                                          .reference = twice,
                                          .reference_vjp = twice_vjp,
                                          .cases = twice_cases,
                                          .n_cases = VC_COUNT_OF(twice_cases),
                                          .tolerance = 2e-6}; // as above

// ---- valid_mask -----------------------------------------------------------------------------------------------

static const struct ref_samplers whole = {.samplers = {{1, 0, 0, 0, 1, 0}}, .rects = {{0, 0, 30, 25}}};
static const struct ref_samplers parts = {
    .samplers = {{0.93f, 0.31f, 0.4f, -0.31f, 0.93f, -1.3f}, {1, 0, 0, 0, 1, 0}, {-1.05f, 0, 0, 0, 1.05f, 0}},
    .second = {{-0.71f, 0.66f, 2.2f, -0.66f, -0.71f, 0.1f}, {1, 0, 4, 0, 1, -3}, {1, 0, 0, 0, 1, 0}},
    .rects = {{2, 3, 28, 25}, {4, 0, 30, 20}, {0, 0, 30, 25}}};

#define RECTS(n)  {.shape = {1, 4 * (n), 1, 1}, .make = ref_make_rects}
#define SECOND(n) {.shape = {1, 6 * (n), 1, 1}, .make = ref_make_second_samplers}

static const struct optest_case valid_cases[] = {
    {.name = "identity, whole", .in = {SAMPLERS(1), RECTS(1), {.absent = true}}, .out = {1, 1, 26, 31}, .attr = &whole},
    {.name = "one map", .in = {SAMPLERS(3), RECTS(3), {.absent = true}}, .out = {3, 1, 26, 31}, .attr = &parts},
    {.name = "two maps", .in = {SAMPLERS(3), RECTS(3), SECOND(3)}, .out = {3, 1, 26, 31}, .attr = &parts},
    {.name = "too few rectangles",
     .in = {SAMPLERS(3), RECTS(2), SECOND(3)},
     .attr = &parts,
     .fails = VC_E_SHAPE,
     .message = "the rectangles"},
    {.name = "too few second samplers",
     .in = {SAMPLERS(3), RECTS(3), SECOND(2)},
     .attr = &parts,
     .fails = VC_E_SHAPE,
     .message = "the samplers"},
};
static const struct optest_op valid_op = OPTEST_OF(ref_valid_mask, valid_cases);

// ---- the alignment of a training step -----------------------------------------------------------------------------

enum { SIDE = 96 };

// Linear maps of content about the centre, row by row.
struct linear {
  double m[4];
};

static struct linear times(struct linear a, struct linear b) {
  return (struct linear){{a.m[0] * b.m[0] + a.m[1] * b.m[2], a.m[0] * b.m[1] + a.m[1] * b.m[3],
                          a.m[2] * b.m[0] + a.m[3] * b.m[2], a.m[2] * b.m[1] + a.m[3] * b.m[3]}};
}

static struct linear inverse(struct linear a) {
  double det = a.m[0] * a.m[3] - a.m[1] * a.m[2];
  return (struct linear){{a.m[3] / det, -a.m[1] / det, -a.m[2] / det, a.m[0] / det}};
}

static struct linear rotation(double degrees) {
  double c = cos(degrees * PI / 180), s = sin(degrees * PI / 180);
  return (struct linear){{c, -s, s, c}};
}

static vc_tensor *sampler_slot(vc_arena *arena, struct vc_gpu *gpu, vc_graph *g, struct linear map) {
  struct linear back = inverse(map);
  double v[6] = {back.m[0], back.m[1], 0, back.m[2], back.m[3], 0};
  vc_slot *slot = optest_slot(arena, gpu, "sampler", VC_F32, v, 6);
  return vc_bind(g, "sampler", (struct vc_shape){1, 6, 1, 1}, VC_F32, slot, 0);
}

// Smooth, also across its reflection, and without symmetry.
static void smooth_image(double *v) {
  for (int y = 0; y < SIDE; y++) {
    for (int x = 0; x < SIDE; x++) {
      double p = PI * x / (SIDE - 1), q = PI * y / (SIDE - 1);
      v[y * SIDE + x] = 0.5 + 0.2 * cos(2 * p) + 0.15 * cos(3 * q) + 0.1 * cos(p) * cos(q) + 0.1 * cos(p);
    }
  }
}

// |align(affine(x, W R), A) - affine(x, W)| over the valid pixels. The op is given A^-1.
struct difference {
  double worst, mean;
  uint32_t n_valid;
};
static struct difference difference(vc_arena *arena, struct vc_gpu *gpu, struct linear w, struct linear r,
                                    struct linear a) {
  static double pixels[SIDE * SIDE];
  static float aligned[SIDE * SIDE], weak[SIDE * SIDE], valid_at[SIDE * SIDE];
  const struct difference failed = {INFINITY, INFINITY, 0};
  double rect[4] = {0, 0, SIDE - 1, SIDE - 1};
  struct difference d = {0};
  struct vc_shape shape = {1, 1, SIDE, SIDE};
  vc_graph *g;
  vc_exec *exec;
  uint64_t step;
  smooth_image(pixels);
  if (!OPTEST_OK(vc_graph_create(arena, &g))) return failed;
  vc_tensor *x = vc_bind(g, "x", shape, VC_F32, optest_slot(arena, gpu, "x", VC_F32, pixels, SIDE * SIDE), 0);
  vc_tensor *rects =
      vc_bind(g, "rect", (struct vc_shape){1, 4, 1, 1}, VC_F32, optest_slot(arena, gpu, "rect", VC_F32, rect, 4), 0);
  vc_tensor *s_w = sampler_slot(arena, gpu, g, w), *s_wr = sampler_slot(arena, gpu, g, times(w, r));
  vc_tensor *s_a = sampler_slot(arena, gpu, g, a);
  vc_tensor *t_aligned = vc_align(g, vc_affine_image(g, x, s_wr), s_a), *t_weak = vc_affine_image(g, x, s_w);
  vc_tensor *t_valid = vc_valid_mask(g, s_w, rects, s_a, 1, SIDE, SIDE);
  vc_output(g, t_aligned);
  vc_output(g, t_weak);
  vc_output(g, t_valid);
  if (!OPTEST_OK(vc_exec_create(arena, gpu, g, NULL, &exec)) || !OPTEST_OK(vc_exec_bind(arena, &exec, 1)) ||
      !OPTEST_OK(vc_exec_run(exec, &step)) || !OPTEST_OK(vc_exec_read(exec, t_aligned, aligned, sizeof aligned)) ||
      !OPTEST_OK(vc_exec_read(exec, t_weak, weak, sizeof weak)) ||
      !OPTEST_OK(vc_exec_read(exec, t_valid, valid_at, sizeof valid_at))) {
    return failed;
  }
  for (int i = 0; i < SIDE * SIDE; i++) {
    if (valid_at[i] == 0) continue;
    double off = fabs((double)aligned[i] - (double)weak[i]);
    d.worst = fmax(d.worst, off);
    d.mean += off;
    d.n_valid++;
  }
  d.mean /= VC_MAX(d.n_valid, 1);
  return d;
}

static int check_alignment(void) {
  static const double draws[][4] = {// scale, degrees and flip of W, degrees of R
                                    {1.04, 11, 1, 77},
                                    {0.96, -14, 1, 211},
                                    {1, 8, 0, 140},
                                    {0.98, 3, 1, 333}};
  vc_arena *arena;
  if (!OPTEST_OK(vc_arena_create(&arena))) return 1;
  struct vc_gpu *gpu = optest_gpu(arena);
  for (size_t i = 0; i < VC_COUNT_OF(draws); i++) {
    const double *d = draws[i];
    struct linear flip = {{d[2] != 0 ? -1 : 1, 0, 0, 1}}, scale = {{d[0], 0, 0, d[0]}}, r = rotation(d[3]);
    struct linear w = times(times(scale, rotation(d[1])), flip);
    struct difference right = difference(arena, gpu, w, r, times(times(w, inverse(r)), inverse(w)));
    struct difference naive = difference(arena, gpu, w, r, inverse(r));
    printf("alignment %zu: %u valid, differences of %.5f at most, %.6f in the mean; with R^-1 alone %.3f, %.3f\n", i,
           right.n_valid, right.worst, right.mean, naive.worst, naive.mean);
    OPTEST_CHECK(right.n_valid > SIDE * SIDE / 2);
    OPTEST_CHECK(right.mean < 0.001);  // two bilinear readings, each off by an eighth of a curvature of 0.002
    OPTEST_CHECK(right.worst < 0.035); // beyond the outermost centres a tap is reflected: off by up to a pixel's slope
    OPTEST_CHECK(d[2] == 0 || naive.mean > 0.1);
  }
  int failed = optest_finish(gpu, optest_failures());
  vc_arena_destroy(arena);
  return failed;
}

int main(int argc, char **argv) {
  int failed = optest_main(argc, argv, &align_op, &twice_op, &valid_op, NULL);
  return failed || check_alignment();
}
