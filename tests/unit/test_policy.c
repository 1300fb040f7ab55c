// The draws of augmentation and the maps that they make.
#include "vulcyte/data.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { N_DRAWS = 4000 };

static void assert_near(double a, double b, double tolerance) {
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static void assert_same_map(vc_affine a, vc_affine b) {
  for (int i = 0; i < 6; i++) assert_near(a.m[i], b.m[i], 1e-12); // a few roundings of numbers near 1
}

static void maps_multiply_and_invert(void **state) {
  vc_affine a = {{1.1, 0.3, -4, -0.2, 0.9, 7}}, b = {{0.5, -1, 2, 2, 0.25, -3}};
  double x = 1.5, y = -2;
  (void)state;
  vc_affine product = vc_affine_multiply(a, b);
  double bx = b.m[0] * x + b.m[1] * y + b.m[2], by = b.m[3] * x + b.m[4] * y + b.m[5];
  assert_near(product.m[0] * x + product.m[1] * y + product.m[2], a.m[0] * bx + a.m[1] * by + a.m[2], 1e-12);
  assert_near(product.m[3] * x + product.m[4] * y + product.m[5], a.m[3] * bx + a.m[4] * by + a.m[5], 1e-12);
  assert_same_map(vc_affine_multiply(a, vc_affine_inverse(a)), vc_affine_identity());
  assert_same_map(vc_affine_multiply(vc_affine_inverse(b), b), vc_affine_identity());
  vc_affine quarter = vc_affine_rotation(acos(0));
  assert_near(quarter.m[0], 0, 1e-15);
  assert_near(quarter.m[3], 1, 1e-15); // x goes to y
  assert_near(quarter.m[1], -1, 1e-15);
}

static void weak_draws_fill_their_ranges(void **state) {
  struct vc_weak_desc desc = {.scale_lo = 0.95, .scale_hi = 1.05, .rotate_deg = 15, .flip = 0.5};
  double low_scale = 9, high_scale = 0, low_angle = 99, high_angle = -99;
  uint32_t n_flipped = 0;
  (void)state;
  for (uint32_t i = 0; i < N_DRAWS; i++) {
    const vc_affine w = vc_weak_draw(&desc, 1, 0, (struct vc_visit){i % 40, i / 40});
    double determinant = w.m[0] * w.m[4] - w.m[1] * w.m[3], scale = sqrt(fabs(determinant));
    double angle = atan2(-w.m[1], w.m[4]) * 180 / acos(-1); // of rotation · scale: a flip of x leaves the second column
    n_flipped += determinant < 0;
    low_scale = fmin(low_scale, scale);
    high_scale = fmax(high_scale, scale);
    low_angle = fmin(low_angle, angle);
    high_angle = fmax(high_angle, angle);
    assert_true(w.m[2] == 0 && w.m[5] == 0); // about the centre
    assert_near(w.m[0] * w.m[1] + w.m[3] * w.m[4], 0, 1e-12);
  }
  // The range of 4000 uniform draws is within 1 % of the whole but for a chance of e^-40.
  assert_true(low_scale >= 0.95 - 1e-12 && low_scale < 0.951 && high_scale <= 1.05 + 1e-12 && high_scale > 1.049);
  assert_true(low_angle >= -15 - 1e-9 && low_angle < -14.7 && high_angle <= 15 + 1e-9 && high_angle > 14.7);
  assert_true(fabs(n_flipped - N_DRAWS / 2.0) < 5 * 32); // five deviations of sqrt(4000) / 2
}

static void weak_draws_can_be_off(void **state) {
  struct vc_weak_desc off = {.scale_lo = 1, .scale_hi = 1}, flip = off;
  (void)state;
  flip.flip = 1;
  for (uint32_t i = 0; i < 50; i++) {
    vc_affine w = vc_weak_draw(&off, 1, 0, (struct vc_visit){i, 3}), identity = vc_affine_identity();
    for (int k = 0; k < 6; k++) assert_true(w.m[k] == identity.m[k]);
    w = vc_weak_draw(&flip, 1, 0, (struct vc_visit){i, 3});
    assert_true(w.m[0] == -1 && w.m[4] == 1 && w.m[1] == 0 && w.m[3] == 0);
  }
}

static bool is_same_map(vc_affine a, vc_affine b) {
  return memcmp(&a, &b, sizeof a) == 0;
}

static void draws_depend_on_their_address_alone(void **state) {
  struct vc_weak_desc desc = {.scale_lo = 0.9, .scale_hi = 1.1, .rotate_deg = 90};
  struct vc_visit v = {7, 2}, other_sample = {8, 2}, other_walk = {7, 3};
  (void)state;
  vc_affine w = vc_weak_draw(&desc, 1, 0, v);
  assert_true(is_same_map(w, vc_weak_draw(&desc, 1, 0, v)));
  assert_false(is_same_map(w, vc_weak_draw(&desc, 2, 0, v)));
  assert_false(is_same_map(w, vc_weak_draw(&desc, 1, 1, v)));
  assert_false(is_same_map(w, vc_weak_draw(&desc, 1, 0, other_sample)));
  assert_false(is_same_map(w, vc_weak_draw(&desc, 1, 0, other_walk)));
  // Another range for one of the three leaves the draws of the others alone.
  desc.scale_lo = desc.scale_hi = 1;
  vc_affine unscaled = vc_weak_draw(&desc, 1, 0, v);
  assert_near(atan2(unscaled.m[3], unscaled.m[0]), atan2(w.m[3], w.m[0]), 1e-12);
}

static void strong_draws_distinct_ops(void **state) {
  uint32_t all = ((1u << VC_AUG_COUNT) - 1) & ~1u, n_met[VC_AUG_COUNT] = {0}, n_first[VC_AUG_COUNT] = {0};
  struct vc_strong_desc desc = {.num_ops = 2, .op_mask = all | 1 | 1u << 20};
  (void)state;
  for (uint32_t i = 0; i < N_DRAWS; i++) {
    struct vc_strong s = vc_strong_draw(&desc, 1, (struct vc_visit){i % 50, i / 50});
    assert_int_equal(s.n_ops, 2);
    assert_int_not_equal(s.op[0], s.op[1]);
    n_first[s.op[0]]++;
    for (int k = 0; k < 2; k++) {
      assert_true(s.op[k] > VC_AUG_NONE && s.op[k] < VC_AUG_COUNT);
      n_met[s.op[k]]++;
    }
  }
  for (int op = 1; op < VC_AUG_COUNT; op++) { // within five deviations of sqrt(n p (1 - p))
    assert_true(fabs(n_met[op] - N_DRAWS * 2 / 9.0) < 5 * 27);
    assert_true(fabs(n_first[op] - N_DRAWS / 9.0) < 5 * 20);
  }
  desc = (struct vc_strong_desc){.num_ops = 5, .op_mask = 1u << VC_AUG_INVERT | 1u << VC_AUG_ROTATE};
  struct vc_strong both = vc_strong_draw(&desc, 1, (struct vc_visit){0, 0});
  assert_int_equal(both.n_ops, 2);
  assert_true(both.rotates);
  desc.num_ops = 0;
  struct vc_strong none = vc_strong_draw(&desc, 1, (struct vc_visit){0, 0});
  assert_int_equal(none.n_ops, 0);
  assert_false(none.rotates);
  assert_same_map(none.rotation, vc_affine_identity());
}

static void magnitudes_fill_their_ranges(void **state) {
  static const double lows[VC_AUG_COUNT] = {
      [VC_AUG_CONTRAST] = 0.1, [VC_AUG_COLOR] = 0.1, [VC_AUG_BRIGHTNESS] = 0.1, [VC_AUG_SHARPNESS] = 0.1};
  static const double highs[VC_AUG_COUNT] = {
      [VC_AUG_ROTATE] = 360, [VC_AUG_SOLARIZE] = 1,     [VC_AUG_CONTRAST] = 1.9,
      [VC_AUG_COLOR] = 1.9,  [VC_AUG_BRIGHTNESS] = 1.9, [VC_AUG_SHARPNESS] = 1.9};
  (void)state;
  for (int op = 1; op < VC_AUG_COUNT; op++) {
    struct vc_strong_desc desc = {.num_ops = 1, .op_mask = 1u << op};
    double low = 1e9, high = -1e9;
    for (uint32_t i = 0; i < N_DRAWS; i++) {
      struct vc_strong s = vc_strong_draw(&desc, 2, (struct vc_visit){i, 0});
      assert_int_equal(s.op[0], op);
      assert_int_equal(s.rotates, op == VC_AUG_ROTATE);
      if (s.rotates) {
        double angle = s.magnitude[0] * acos(-1) / 180;
        assert_near(s.rotation.m[3], sin(angle), 1e-12);
        assert_near(s.rotation.m[0], cos(angle), 1e-12);
      }
      low = fmin(low, s.magnitude[0]);
      high = fmax(high, s.magnitude[0]);
    }
    double span = highs[op] - lows[op];
    assert_near(low, lows[op], 0.01 * span + 1e-6); // single precision
    assert_near(high, highs[op], 0.01 * span + 1e-6);
  }
}

static void crops_lie_inside(void **state) {
  uint32_t n_left[5] = {0};
  (void)state;
  for (uint32_t i = 0; i < N_DRAWS; i++) {
    int32_t left, top;
    vc_crop_draw(3, 1, (struct vc_visit){i, 1}, 20, 7, 16, 7, &left, &top);
    assert_true(left >= 0 && left <= 4);
    assert_int_equal(top, 0);
    n_left[left]++;
  }
  for (int k = 0; k < 5; k++) assert_true(fabs(n_left[k] - N_DRAWS / 5.0) < 5 * 26); // five deviations
  int32_t left, top;
  vc_crop_draw(3, 1, (struct vc_visit){0, 1}, 10, 11, 16, 16, &left, &top);
  assert_int_equal(left, -3);
  assert_int_equal(top, -2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(maps_multiply_and_invert),  cmocka_unit_test(weak_draws_fill_their_ranges),
      cmocka_unit_test(weak_draws_can_be_off),     cmocka_unit_test(draws_depend_on_their_address_alone),
      cmocka_unit_test(strong_draws_distinct_ops), cmocka_unit_test(magnitudes_fill_their_ranges),
      cmocka_unit_test(crops_lie_inside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
