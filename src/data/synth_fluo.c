// Fluorescent nuclei: lit from within, seen through a microscope with uneven light, counted by a camera.
#include "synth.h"

#include <math.h>

// What one photograph has in common.
struct scene {
  uint32_t size;
  double radius;     // mean, of a nucleus
  double coverage;   // share of the image
  double background; // in units of a common nucleus
  double photons;    // of such a nucleus, a pixel
  double psf_sigma;
  double light_x, light_y, falloff; // the brightest point and how much is lost far from it
};

static struct scene draw_scene(vc_rng *rng, uint32_t size) {
  struct scene s = {.size = size};
  s.radius = VC_MIN(vc_rng_uniform(rng, 8, 15), size / 5.0);
  s.coverage = vc_rng_uniform(rng, 0.10, 0.30);
  s.background = vc_rng_uniform(rng, 0.03, 0.15);
  s.photons = rng_log_uniform(rng, 30, 300);
  s.psf_sigma = vc_rng_uniform(rng, 0.8, 1.9);
  s.light_x = vc_rng_uniform(rng, 0.2, 0.8) * size;
  s.light_y = vc_rng_uniform(rng, 0.2, 0.8) * size;
  s.falloff = vc_rng_uniform(rng, 0.1, 0.6);
  return s;
}

enum { MAX_NUCLEOLI = 4 };
struct nucleus {
  double brightness, grain; // grain: depth of the texture
  double x[MAX_NUCLEOLI], y[MAX_NUCLEOLI], sigma[MAX_NUCLEOLI];
  uint32_t n_nucleoli;
};

static vc_status draw_nuclei(vc_arena *arena, vc_rng *rng, const struct scene *s, struct cells *cells,
                             struct nucleus **out) {
  double area = 3.14159265 * s->radius * s->radius;
  uint32_t n_wanted = (uint32_t)VC_MAX(s->coverage * s->size * s->size / area, 3);
  struct nucleus *nuclei;
  VC_TRY(cells_create(arena, s->size, n_wanted, cells));
  VC_TRY(VC_NEW(arena, n_wanted, &nuclei));
  for (uint32_t i = 0; i < n_wanted; i++) {
    bool is_dividing = vc_rng_uniform(rng, 0, 1) < 0.06;
    double radius = s->radius * exp(0.2 * vc_rng_normal(rng)) * (is_dividing ? 0.65 : 1);
    double aspect = vc_rng_uniform(rng, 1, is_dividing ? 2.2 : 1.6);
    struct nucleus nucleus = {.brightness = exp(0.45 * vc_rng_normal(rng)) * (is_dividing ? 2.2 : 1)};
    nucleus.grain = is_dividing ? 0.1 : vc_rng_uniform(rng, 0.1, 0.4);
    if (!cells_place(cells, rng, blob_draw(rng, radius, aspect, 0.05), 0.45, 0.78)) continue;
    const struct blob *blob = &cells->blobs[cells->n - 1];
    nucleus.n_nucleoli = is_dividing ? 0 : vc_rng_below(rng, MAX_NUCLEOLI + 1);
    for (uint32_t k = 0; k < nucleus.n_nucleoli; k++) {
      nucleus.x[k] = blob->x + 0.5 * radius * vc_rng_uniform(rng, -1, 1);
      nucleus.y[k] = blob->y + 0.5 * radius * vc_rng_uniform(rng, -1, 1);
      nucleus.sigma[k] = vc_rng_uniform(rng, 0.10, 0.18) * radius;
    }
    nuclei[cells->n - 1] = nucleus;
  }
  *out = nuclei;
  return VC_OK;
}

static double nucleus_light(const struct nucleus *n, double depth, double grain, double x, double y) {
  double light = pow(1 - depth * depth, 0.3) * (1 + n->grain * grain);
  for (uint32_t k = 0; k < n->n_nucleoli; k++) {
    double dx = (x - n->x[k]) / n->sigma[k], dy = (y - n->y[k]) / n->sigma[k];
    light *= 1 - 0.5 * exp(-0.5 * (dx * dx + dy * dy));
  }
  return n->brightness * VC_MAX(light, 0.05);
}

// The light that leaves the specimen and its blur by the optics: sharp in focus, with a wide haze from out of focus.
static vc_status render_light(vc_arena *arena, vc_rng *rng, const struct scene *s, const struct cells *cells,
                              const struct nucleus *nuclei, float *light) {
  float *grain, *haze;
  VC_TRY(field_create(arena, s->size, &grain));
  VC_TRY(field_create(arena, s->size, &haze));
  VC_TRY(field_noise(arena, rng, s->size, 0.5 * s->radius, 3, 0.7, grain));
  for (size_t i = 0; i < (size_t)s->size * s->size; i++) {
    uint16_t label = cells->labels[i];
    if (label == 0) continue;
    light[i] = (float)nucleus_light(&nuclei[label - 1], cells->depths[i], grain[i], field_column(i, s->size),
                                    field_row(i, s->size));
    haze[i] = light[i];
  }
  VC_TRY(field_blur(arena, s->size, s->psf_sigma, light));
  VC_TRY(field_blur(arena, s->size, 0.8 * s->radius, haze));
  for (size_t i = 0; i < (size_t)s->size * s->size; i++) light[i] += 0.08f * haze[i];
  return VC_OK;
}

// Photons by Poisson's law, read out with a little Gaussian noise over a dark level, 12 bits deep.
static vc_status expose(vc_arena *arena, vc_rng *rng, const struct scene *s, const float *light, struct vc_image *out) {
  uint16_t *pixels;
  float *veil;
  VC_TRY(VC_NEW(arena, (size_t)s->size * s->size, &pixels));
  VC_TRY(field_create(arena, s->size, &veil));
  VC_TRY(field_noise(arena, rng, s->size, 0.4 * s->size, 2, 0.5, veil));
  for (size_t i = 0; i < (size_t)s->size * s->size; i++) {
    double dx = (field_column(i, s->size) - s->light_x) / s->size, dy = (field_row(i, s->size) - s->light_y) / s->size;
    double lamp = VC_MAX(1 - s->falloff * (dx * dx + dy * dy), 0.2);
    double background = s->background * VC_MAX(1 + 0.25 * veil[i], 0);
    double count = rng_poisson(rng, s->photons * lamp * (light[i] + background));
    double value = floor(100 + 2 * count + 2.5 * vc_rng_normal(rng) + 0.5);
    pixels[i] = (uint16_t)VC_MAX(VC_MIN(value, 4095), 0);
  }
  *out = (struct vc_image){s->size, s->size, 1, VC_PIXEL_U16, pixels};
  return VC_OK;
}

vc_status synth_fluo(vc_arena *arena, vc_rng *rng, uint32_t size, struct vc_image *out_image,
                     struct vc_image *out_mask) {
  struct scene scene = draw_scene(rng, size);
  struct cells cells;
  struct nucleus *nuclei;
  float *light;
  VC_TRY(draw_nuclei(arena, rng, &scene, &cells, &nuclei));
  VC_TRY(field_create(arena, size, &light));
  VC_TRY(render_light(arena, rng, &scene, &cells, nuclei, light));
  VC_TRY(expose(arena, rng, &scene, light, out_image));
  return cells_mask(arena, &cells, out_mask);
}
