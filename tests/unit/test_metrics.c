// Scores against numbers worked out by hand, and against a scorer that counts pixels one by one.
#include <math.h>

#include "scratch.h"
#include "train/components.h"
#include "vulcyte/train.h"

static void assert_near(double got, double want) {
  if (!(fabs(got - want) < 1e-12)) fail_msg("%.17g is not %.17g", got, want);
}

static void two_images_by_hand(void **state) {
  (void)state;
  // [reference][predicted]
  static const uint32_t first[4] = {50, 10, 20, 20}, second[4] = {90, 0, 10, 0};
  struct vc_metrics m;
  vc_metrics_begin(&m, 2);
  vc_metrics_add_image(&m, first);
  vc_metrics_add_image(&m, second);
  vc_metrics_finish(&m);
  assert_near(m.iou[0], 140.0 / 180);
  assert_near(m.iou[1], 20.0 / 60);
  assert_near(m.mean_iou, (140.0 / 180 + 20.0 / 60) / 2);
  assert_near(m.dice[1], 40.0 / 80);
  assert_near(m.accuracy, 160.0 / 200);
  assert_near(m.foreground_iou, 20.0 / 60);
  double a = (50.0 / 80 + 20.0 / 50) / 2, b = (0.9 + 0.0) / 2;
  assert_near(m.image_mean_iou, (a + b) / 2);
  assert_near(m.image_mean_iou_sd, fabs(a - b) / 2);
  assert_int_equal(m.n_images, 2);
  assert_int_equal(m.confusion[2], 30);
}

static void absent_classes_do_not_count(void **state) {
  static const uint32_t image[9] = {8, 0, 0, 0, 0, 0, 2, 0, 6};
  struct vc_metrics m;
  vc_metrics_begin(&m, 3);
  vc_metrics_add_image(&m, image);
  vc_metrics_finish(&m);
  assert_true(isnan(m.iou[1]) && isnan(m.dice[1]));
  assert_near(m.mean_iou, (8.0 / 10 + 6.0 / 8) / 2);
  assert_near(m.foreground_iou, 6.0 / 8);
  vc_json_writer *w;
  const char *text;
  size_t n;
  static const char *const names[] = {"a", "b", "c"};
  ASSERT_OK(vc_json_writer_create(*state, 0, &w));
  vc_metrics_json(w, NULL, &m, names, 4);
  ASSERT_OK(vc_json_writer_text(w, &text, &n));
  assert_non_null(strstr(text, "\"iou\":[0.8,null,0.75]"));
  assert_non_null(strstr(text, "\"epoch\":4,\"images\":1"));
  assert_non_null(strstr(text, "\"classes\":[\"a\",\"b\",\"c\"]"));
  assert_non_null(strstr(text, "\"confusion\":[[8,0,0],[0,0,0],[2,0,6]]"));
}

static void nothing_at_all_is_null(void **state) {
  (void)state;
  static const uint32_t empty[4] = {0};
  struct vc_metrics m;
  vc_metrics_begin(&m, 2);
  vc_metrics_add_image(&m, empty);
  vc_metrics_finish(&m);
  assert_true(isnan(m.mean_iou) && isnan(m.image_mean_iou) && isnan(m.accuracy) && isnan(m.foreground_iou));
}

// Foreground of three classes: confusing the two foreground classes is no foreground error.
static void random_images_agree_with_counting(void **state) {
  (void)state;
  enum { N = 3, PIXELS = 500, IMAGES = 5 };
  struct vc_metrics m;
  vc_metrics_begin(&m, N);
  double both[N] = {0}, either[N] = {0}, mean_of_images = 0, right = 0, fg_both = 0, fg_either = 0;
  for (uint32_t image = 0; image < IMAGES; image++) {
    vc_rng rng = vc_rng_at(1, VC_RNG_TEST, 0, image);
    uint32_t confusion[N * N] = {0};
    double image_both[N] = {0}, image_either[N] = {0}, sum = 0;
    for (int i = 0; i < PIXELS; i++) {
      uint32_t a = vc_rng_below(&rng, N), b = vc_rng_below(&rng, 4) ? a : vc_rng_below(&rng, N);
      confusion[a * N + b]++;
      right += a == b;
      fg_both += a && b;
      fg_either += a || b;
      for (uint32_t c = 0; c < N; c++) {
        image_both[c] += a == c && b == c;
        image_either[c] += a == c || b == c;
      }
    }
    for (uint32_t c = 0; c < N; c++) {
      both[c] += image_both[c];
      either[c] += image_either[c];
      sum += image_both[c] / image_either[c];
    }
    mean_of_images += sum / N / IMAGES;
    vc_metrics_add_image(&m, confusion);
  }
  vc_metrics_finish(&m);
  for (int c = 0; c < N; c++) assert_near(m.iou[c], both[c] / either[c]);
  assert_near(m.image_mean_iou, mean_of_images);
  assert_near(m.accuracy, right / (PIXELS * IMAGES));
  assert_near(m.foreground_iou, fg_both / fg_either);
}

// ---- components ---------------------------------------------------------------------------------------------------

static void label(vc_arena *arena, const char *picture, uint32_t w, uint32_t h, const char *want, uint32_t want_n) {
  uint8_t classes[256];
  uint32_t *labels, n;
  for (uint32_t i = 0; i < w * h; i++)
    classes[i] = picture[i] == '.' ? 0 : picture[i] == 'x' ? 255 : (uint8_t)(picture[i] - '0');
  ASSERT_OK(components_label(arena, classes, w, h, &labels, &n));
  assert_int_equal(n, want_n);
  for (uint32_t i = 0; i < w * h; i++) assert_int_equal(labels[i], want[i] == '.' ? 0 : want[i] - '0');
}

static void components_are_four_connected(void **state) {
  label(*state, "11..2.1.1", 9, 1, "11..2.3.4", 4);
  label(*state, "1..1..1", 1, 7, "1..2..3", 3);
  label(*state,
        "1.1"
        "1.1"
        "111",
        3, 3,
        "1.1"
        "1.1"
        "111",
        1); // two beginnings that meet
  label(*state,
        "1.1"
        ".1."
        "1.1",
        3, 3,
        "1.2"
        ".3."
        "4.5",
        5); // corners do not touch
  label(*state, "12x1", 4, 1, "11.2", 2);
  label(*state, "....", 2, 2, "....", 0);
  label(*state,
        "..1.1"
        "1.1.1"
        "11111",
        5, 3,
        "..1.1"
        "1.1.1"
        "11111",
        1); // three beginnings
}

static void equal_values_make_a_component(void **state) {
  static const uint32_t values[] = {5, 5, 7, 0, 7, 5, 7, 7, 5, 5, 5, 7}, want[] = {1, 1, 2, 0, 3, 1, 2, 2, 1, 1, 1, 2};
  uint32_t *labels, n;
  ASSERT_OK(components_label_equal(*state, values, 4, 3, &labels, &n));
  assert_int_equal(n, 3);
  for (int i = 0; i < 12; i++) assert_int_equal(labels[i], want[i]);
  static const uint32_t distinct[] = {4, 3, 2, 1}; // as many components as pixels
  ASSERT_OK(components_label_equal(*state, distinct, 2, 2, &labels, &n));
  assert_int_equal(n, 4);
  for (uint32_t i = 0; i < 4; i++) assert_int_equal(labels[i], i + 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {SCRATCH_TEST(two_images_by_hand),
                                     SCRATCH_TEST(absent_classes_do_not_count),
                                     SCRATCH_TEST(nothing_at_all_is_null),
                                     SCRATCH_TEST(random_images_agree_with_counting),
                                     SCRATCH_TEST(components_are_four_connected),
                                     SCRATCH_TEST(equal_values_make_a_component)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
