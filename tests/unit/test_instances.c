// Scores of objects against numbers worked out by hand, and against a scorer that compares every pair of objects.
#include <math.h>

#include "scratch.h"
#include "train/instances.h"

enum { MAX_PIXELS = 4096 };

static void assert_near(double got, double want) {
  if (!(fabs(got - want) < 1e-12)) fail_msg("%.17g is not %.17g", got, want);
}

// Letters and figures are labels; '.' is background, 'x' ignored.
static void read_picture(const char *picture, uint32_t n, uint32_t *labels, uint8_t *classes) {
  assert_int_equal(strlen(picture), n);
  for (uint32_t i = 0; i < n; i++) {
    labels[i] = picture[i] == '.' ? 0 : (uint32_t)picture[i];
    classes[i] = picture[i] == '.' ? 0 : picture[i] == 'x' ? VC_IGNORE_U8 : 1;
  }
}

static void add(vc_arena *arena, struct vc_metrics *m, uint32_t width, uint32_t height, const char *reference,
                const char *prediction) {
  static uint32_t labels[MAX_PIXELS], unused[MAX_PIXELS];
  static uint8_t classes[MAX_PIXELS], predicted[MAX_PIXELS];
  read_picture(reference, width * height, labels, classes);
  read_picture(prediction, width * height, unused, predicted);
  const struct vc_instance_image image = {
      .width = width, .height = height, .labels = labels, .reference = classes, .prediction = predicted};
  ASSERT_OK(vc_instances_add_image(arena, &image, m));
}

static struct vc_instance_scores scores_of(vc_arena *arena, uint32_t width, uint32_t height, const char *reference,
                                           const char *prediction) {
  struct vc_metrics m;
  vc_metrics_begin(&m, 2);
  add(arena, &m, width, height, reference, prediction);
  vc_metrics_finish(&m);
  return m.instances;
}

static void assert_ap(const struct vc_instance_scores *s, const double want[VC_N_AP]) {
  double sum = 0;
  for (int k = 0; k < VC_N_AP; k++) {
    if (fabs(s->ap[k] - want[k]) > 1e-12) fail_msg("AP at %d %%: %.17g, not %.17g", 50 + 5 * k, s->ap[k], want[k]);
    sum += want[k];
  }
  assert_near(s->mean_ap, sum / VC_N_AP);
}

// ---- which objects --------------------------------------------------------------------------------------------------

static void assert_objects(vc_arena *arena, uint32_t width, uint32_t height, const char *picture, const char *want,
                           uint32_t want_n) {
  static uint32_t labels[MAX_PIXELS];
  static uint8_t classes[MAX_PIXELS];
  uint32_t *objects, n;
  read_picture(picture, width * height, labels, classes);
  const struct vc_instance_image image = {.width = width, .height = height, .labels = labels, .reference = classes};
  ASSERT_OK(vc_instances_of_reference(arena, &image, &objects, &n));
  assert_int_equal(n, want_n);
  for (uint32_t i = 0; i < width * height; i++) assert_int_equal(objects[i], want[i] == '.' ? 0 : want[i] - '0');
}

static void labels_are_objects_or_colours(void **state) {
  // Four labels may be colours: each piece is an object, also where two labels touch.
  assert_objects(*state, 10, 1, "aab.b.cd.a", "112.3.45.6", 6);
  // Five are numbers: a piece that lies apart belongs to its object.
  assert_objects(*state, 10, 1, "aab.b.cdea", "112.2.3451", 5);
  // Five labels in twenty pieces may still be numbers, in one more they are not.
  const char *twenty = "a.b.c.d.e.a.b.c.d.e.a.b.c.d.e.a.b.c.d.e.";
  assert_objects(*state, 40, 1, twenty, "1.2.3.4.5.1.2.3.4.5.1.2.3.4.5.1.2.3.4.5.", 5);
  char more[] = "a.b.c.d.e.a.b.c.d.e.a.b.c.d.e.a.b.c.d.e.a";
  char want[sizeof more] = {0};
  for (int i = 0; i < 41; i++) want[i] = i % 2 ? '.' : (char)('1' + i / 2);
  assert_objects(*state, 41, 1, more, want, 21);
  // Ignored pixels belong to nothing; corners do not touch.
  assert_objects(*state, 3, 2, "axa.a.", "1.2.3.", 3);
  assert_objects(*state, 2, 2, "....", "....", 0);
}

static void a_label_of_zero_can_be_foreground(void **state) {
  static const uint32_t labels[] = {0, 0, 7, 0, 7};
  static const uint8_t classes[] = {1, 1, 0, 1, 0}, want[] = {1, 1, 0, 2, 0};
  const struct vc_instance_image image = {.width = 5, .height = 1, .labels = labels, .reference = classes};
  uint32_t *objects, n;
  ASSERT_OK(vc_instances_of_reference(*state, &image, &objects, &n));
  assert_int_equal(n, 2);
  for (int i = 0; i < 5; i++) assert_int_equal(objects[i], want[i]);
}

// ---- by hand --------------------------------------------------------------------------------------------------------

static void empty_images(void **state) {
  static const double one[VC_N_AP] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, none[VC_N_AP] = {0};
  struct vc_instance_scores s = scores_of(*state, 4, 1, "....", "....");
  assert_ap(&s, one);
  assert_true(isnan(s.seg) && s.n_objects == 0 && s.n_images == 1);
  s = scores_of(*state, 4, 1, "....", ".1..");
  assert_ap(&s, none);
  assert_true(isnan(s.seg));
  s = scores_of(*state, 4, 1, ".a.b", "....");
  assert_ap(&s, none);
  assert_true(s.seg == 0 && s.n_objects == 2);
  s = scores_of(*state, 4, 1, "xxxx", "1.1.");
  assert_true(s.n_images == 0 && isnan(s.ap[0]) && isnan(s.mean_ap) && isnan(s.seg));
}

static void half_is_not_enough(void **state) {
  static const double none[VC_N_AP] = {0};
  // IoU 2/4: not above 0.5. All of the reference is covered, so SEG counts it.
  struct vc_instance_scores s = scores_of(*state, 6, 1, ".aa...", ".1111.");
  assert_ap(&s, none);
  assert_near(s.seg, 0.5);
  // Half of the reference: no match for SEG either.
  s = scores_of(*state, 6, 1, ".aaaa.", ".11...");
  assert_ap(&s, none);
  assert_near(s.seg, 0);
  // 3/4 is above 0.7 and not above 0.75.
  s = scores_of(*state, 6, 1, ".aaaa.", ".111..");
  assert_ap(&s, (const double[VC_N_AP]){1, 1, 1, 1, 1});
  assert_near(s.seg, 0.75);
  // 11/20 is not above 0.55, where 0.55 in binary would be a little more or less.
  s = scores_of(*state, 20, 1, "aaaaaaaaaaaaaaaaaaaa", "11111111111.........");
  assert_ap(&s, (const double[VC_N_AP]){1});
}

static void one_object_over_two(void **state) {
  static const double none[VC_N_AP] = {0};
  // The bridge matches both for SEG, neither for AP (IoU 3/7 and 3/7).
  struct vc_instance_scores s = scores_of(*state, 9, 1, ".aaa.bbb.", ".1111111.");
  assert_ap(&s, none);
  assert_near(s.seg, 3.0 / 7);
  // Two pieces over one: 3/5 for the larger; the other is false. 1 / (1 + 1 + 0).
  s = scores_of(*state, 7, 1, ".aaaaa.", ".111.1.");
  assert_ap(&s, (const double[VC_N_AP]){0.5, 0.5});
  assert_near(s.seg, 0.6);
}

static void ignored_pixels_do_not_count(void **state) {
  static const double one[VC_N_AP] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  // What is predicted there neither makes the object larger nor is it an object by itself.
  struct vc_instance_scores s = scores_of(*state, 8, 1, ".aaxx.xx", ".1111.11");
  assert_ap(&s, one);
  assert_near(s.seg, 1);
  // An object that goes on behind ignored pixels is one: 4 pixels of it count, 2 of them on the reference.
  s = scores_of(*state, 8, 1, ".aaxx...", ".111111.");
  assert_ap(&s, (const double[VC_N_AP]){0});
  assert_near(s.seg, 0.5);
}

static void images_and_objects_are_averaged_apart(void **state) {
  struct vc_metrics m;
  vc_metrics_begin(&m, 2);
  add(*state, &m, 6, 1, ".aaaa.", ".1111.");
  add(*state, &m, 6, 1, "a.b.c.", "1.1..1"); // two of three, and one false
  add(*state, &m, 6, 1, "......", "......");
  vc_metrics_finish(&m);
  const double ap = (1 + 2.0 / 4 + 1) / 3;
  assert_ap(&m.instances, (const double[VC_N_AP]){ap, ap, ap, ap, ap, ap, ap, ap, ap, ap});
  assert_near(m.instances.seg, 3.0 / 4);
  assert_int_equal(m.instances.n_objects, 4);
  assert_int_equal(m.instances.n_images, 3);
}

static const char *json_of(vc_arena *arena, const struct vc_metrics *m) {
  vc_json_writer *w;
  const char *text;
  size_t n;
  ASSERT_OK(vc_json_writer_create(arena, 0, &w));
  vc_metrics_json(w, NULL, m, NULL, -1);
  ASSERT_OK(vc_json_writer_text(w, &text, &n));
  return text;
}

static void scores_are_written_where_there_are_any(void **state) {
  struct vc_metrics m;
  vc_metrics_begin(&m, 2);
  add(*state, &m, 6, 1, ".aaaa.", ".111..");
  vc_metrics_finish(&m);
  assert_non_null(
      strstr(json_of(*state, &m), "\"instances\":{\"ap50\":1,\"ap75\":0,\"map\":0.5,\"seg\":0.75,\"objects\":1}"));
  vc_metrics_begin(&m, 2);
  add(*state, &m, 2, 1, "..", "..");
  vc_metrics_finish(&m);
  assert_non_null(strstr(json_of(*state, &m), "\"map\":1,\"seg\":null,\"objects\":0}"));
  vc_metrics_begin(&m, 3);
  vc_metrics_finish(&m);
  assert_null(strstr(json_of(*state, &m), "instances"));
}

// ---- against all pairs ----------------------------------------------------------------------------------------------

static void fill(uint32_t *objects, const uint8_t *classes, int width, int height, int x, int y, uint32_t number) {
  if (x < 0 || y < 0 || x >= width || y >= height || !classes[y * width + x] || objects[y * width + x]) return;
  objects[y * width + x] = number;
  fill(objects, classes, width, height, x - 1, y, number);
  fill(objects, classes, width, height, x + 1, y, number);
  fill(objects, classes, width, height, x, y - 1, number);
  fill(objects, classes, width, height, x, y + 1, number);
}

struct pair_count {
  uint64_t a, b, both;
};

static struct pair_count count_pair(const uint32_t *reference, const uint32_t *predicted, const uint8_t *classes,
                                    uint32_t n, uint32_t a, uint32_t b) {
  struct pair_count c = {0};
  for (uint32_t i = 0; i < n; i++) {
    if (classes[i] == VC_IGNORE_U8) continue;
    c.a += reference[i] == a;
    c.b += predicted[i] == b;
    c.both += reference[i] == a && predicted[i] == b;
  }
  return c;
}

// Discs at random places, each shifted, resized, dropped or merged in the prediction; a strip is ignored.
enum { SIDE = 48, N_DISCS = 12 };
struct scene {
  uint32_t labels[SIDE * SIDE];
  uint8_t classes[SIDE * SIDE], prediction[SIDE * SIDE];
};

static void draw_scene(struct scene *s, uint32_t number) {
  vc_rng rng = vc_rng_at(3, VC_RNG_TEST, 0, number);
  memset(s, 0, sizeof *s);
  for (uint32_t k = 1; k <= N_DISCS; k++) {
    int cx = (int)vc_rng_below(&rng, SIDE), cy = (int)vc_rng_below(&rng, SIDE), r = 3 + (int)vc_rng_below(&rng, 5);
    int dx = (int)vc_rng_below(&rng, 3) - 1, dy = (int)vc_rng_below(&rng, 3) - 1, dr = (int)vc_rng_below(&rng, 3) - 1;
    bool is_kept = vc_rng_below(&rng, 6) > 0;
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++) {
        int i = y * SIDE + x, ux = x - cx, uy = y - cy, vx = ux - dx, vy = uy - dy;
        if (ux * ux + uy * uy <= r * r) s->labels[i] = 1000 * k;
        if (is_kept && vx * vx + vy * vy <= (r + dr) * (r + dr)) s->prediction[i] = 1;
      }
  }
  for (int i = 0; i < SIDE * SIDE; i++) s->classes[i] = s->labels[i] > 0;
  for (int i = 0; i < SIDE * SIDE; i++)
    if (i % SIDE >= 20 && i % SIDE < 20 + (int)(number % 3)) s->classes[i] = VC_IGNORE_U8;
}

static void random_scenes_agree_with_all_pairs(void **state) {
  static struct scene s;
  double ap[VC_N_AP] = {0}, seg = 0;
  uint64_t n_objects = 0, n_some = 0;
  enum { N_SCENES = 12 };
  struct vc_metrics m;
  vc_metrics_begin(&m, 2);
  for (uint32_t number = 0; number < N_SCENES; number++) {
    draw_scene(&s, number);
    const struct vc_instance_image image = {
        .width = SIDE, .height = SIDE, .labels = s.labels, .reference = s.classes, .prediction = s.prediction};
    ASSERT_OK(vc_instances_add_image(*state, &image, &m));
    static uint32_t predicted[SIDE * SIDE];
    memset(predicted, 0, sizeof predicted);
    uint32_t n_predicted = 0;
    for (int i = 0; i < SIDE * SIDE; i++)
      if (s.prediction[i] && !predicted[i])
        fill(predicted, s.prediction, SIDE, SIDE, i % SIDE, i / SIDE, ++n_predicted);
    uint64_t n_true[VC_N_AP] = {0}, n_here = 0, n_predicted_here = 0;
    for (uint32_t b = 1; b <= n_predicted; b++)
      n_predicted_here += count_pair(s.labels, predicted, s.classes, SIDE * SIDE, 1, b).b > 0;
    for (uint32_t k = 1; k <= N_DISCS; k++) {
      if (count_pair(s.labels, predicted, s.classes, SIDE * SIDE, 1000 * k, 1).a == 0) continue;
      n_here++;
      for (uint32_t b = 1; b <= n_predicted; b++) {
        struct pair_count c = count_pair(s.labels, predicted, s.classes, SIDE * SIDE, 1000 * k, b);
        uint64_t either = c.a + c.b - c.both;
        for (uint32_t t = 0; t < VC_N_AP; t++) n_true[t] += 20 * c.both > (10 + t) * either;
        if (2 * c.both > c.a) seg += (double)c.both / (double)either;
      }
    }
    n_objects += n_here;
    n_some += n_true[0];
    for (uint32_t t = 0; t < VC_N_AP; t++)
      ap[t] += (double)n_true[t] / (double)(n_here + n_predicted_here - n_true[t]) / N_SCENES;
  }
  vc_metrics_finish(&m);
  assert_true(n_some > 10 && n_some < n_objects - 10); // neither all nor nothing
  assert_int_equal(m.instances.n_objects, n_objects);
  assert_near(m.instances.seg, seg / (double)n_objects);
  assert_ap(&m.instances, ap);
}

int main(void) {
  const struct CMUnitTest tests[] = {SCRATCH_TEST(labels_are_objects_or_colours),
                                     SCRATCH_TEST(a_label_of_zero_can_be_foreground),
                                     SCRATCH_TEST(empty_images),
                                     SCRATCH_TEST(half_is_not_enough),
                                     SCRATCH_TEST(one_object_over_two),
                                     SCRATCH_TEST(ignored_pixels_do_not_count),
                                     SCRATCH_TEST(images_and_objects_are_averaged_apart),
                                     SCRATCH_TEST(scores_are_written_where_there_are_any),
                                     SCRATCH_TEST(random_scenes_agree_with_all_pairs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
