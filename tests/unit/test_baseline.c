// Otsu's threshold against the definition: among all cuts between values, the one with the largest variance between
// the sides.
#include "scratch.h"

#include "train/baseline.h"

// Over all cuts of the sorted values of an 8-bit image that uses 0 and 255, where a bin is a value.
static uint32_t best_cut(const uint8_t *pixels, size_t n) {
  double best = -1;
  uint32_t cut = 0;
  for (uint32_t t = 0; t < 255; t++) {
    double below = 0, above = 0, sum_below = 0, sum_above = 0;
    for (size_t i = 0; i < n; i++) {
      if (pixels[i] <= t)
        below++, sum_below += pixels[i];
      else
        above++, sum_above += pixels[i];
    }
    const double apart = sum_below / below - sum_above / above, variance = below * above * apart * apart;
    if (variance > best) best = variance, cut = t;
  }
  return cut;
}

static void the_cut_parts_the_sides_best(void **state) {
  (void)state;
  enum { W = 40, H = 25 };
  for (uint32_t seed = 0; seed < 8; seed++) {
    uint8_t pixels[W * H], out[W * H];
    vc_rng rng = vc_rng_at(seed, VC_RNG_SYNTH, 0, 0);
    for (size_t i = 0; i < W * H; i++) {
      const bool is_cell = vc_rng_uniform(&rng, 0, 1) < 0.1 + 0.1 * seed;
      pixels[i] = (uint8_t)(is_cell ? vc_rng_uniform(&rng, 90, 240) : vc_rng_uniform(&rng, 5, 120));
    }
    pixels[0] = 0, pixels[1] = 255;
    const struct vc_image image = {.width = W, .height = H, .channels = 1, .format = VC_PIXEL_U8, .pixels = pixels};
    vc_otsu_segment(&image, out);
    const uint32_t cut = best_cut(pixels, W * H);
    for (size_t i = 0; i < W * H; i++) assert_int_equal(out[i], pixels[i] > cut);
  }
}

static void odd_images_are_cut_too(void **state) {
  (void)state;
  uint8_t out[4];
  float flat[4] = {3, 3, 3, 3}, two[4] = {-1e6f, 1e6f, -1e6f, 1e6f};
  struct vc_image image = {.width = 2, .height = 2, .channels = 1, .format = VC_PIXEL_F32, .pixels = flat};
  vc_otsu_segment(&image, out);
  for (int i = 0; i < 4; i++) assert_int_equal(out[i], 0);
  image.pixels = two;
  vc_otsu_segment(&image, out);
  for (int i = 0; i < 4; i++) assert_int_equal(out[i], i % 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_cut_parts_the_sides_best),
      cmocka_unit_test(odd_images_are_cut_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
