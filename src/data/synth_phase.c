// Living cells in phase contrast: an optical path difference of which the microscope lets the coarse part through as a
// halo, so that a cell is no darker on average than what lies around it.
#include "synth.h"

#include <math.h>

struct scene {
  uint32_t size;
  double radius, coverage;
  double halo_sigma; // how far the halo reaches
  double contrast;
  double grey; // of the background, of full scale
};

static struct scene draw_scene(vc_rng *rng, uint32_t size) {
  struct scene s = {.size = size};
  s.radius = VC_MIN(vc_rng_uniform(rng, 10, 17), size / 5.0);
  s.coverage = vc_rng_uniform(rng, 0.12, 0.35);
  s.halo_sigma = s.radius * vc_rng_uniform(rng, 0.22, 0.36);
  s.contrast = vc_rng_uniform(rng, 0.25, 0.38);
  s.grey = vc_rng_uniform(rng, 0.42, 0.56);
  return s;
}

// How one cell delays light, as against its surroundings: flat ones a little, rounded ones so much that they turn
// bright.
struct cell {
  double height, grain;
  double rim, rim_depth; // of the steep edge
  double nucleus_x, nucleus_y, nucleus_sigma, nucleus_height;
};

static vc_status draw_cells(vc_arena *arena, vc_rng *rng, const struct scene *s, struct cells *cells,
                            struct cell **out) {
  double area = 3.14159265 * s->radius * s->radius;
  uint32_t n_wanted = (uint32_t)VC_MAX(s->coverage * s->size * s->size / area, 3);
  struct cell *list;
  VC_TRY(cells_create(arena, s->size, n_wanted, cells));
  VC_TRY(VC_NEW(arena, n_wanted, &list));
  for (uint32_t i = 0; i < n_wanted; i++) {
    bool is_round = vc_rng_uniform(rng, 0, 1) < 0.15;
    double radius = s->radius * exp(0.22 * vc_rng_normal(rng)) * (is_round ? 0.6 : 1);
    struct blob blob = blob_draw(rng, radius, is_round ? 1.1 : vc_rng_uniform(rng, 1.1, 3), is_round ? 0.03 : 0.16);
    if (!cells_place(cells, rng, blob, 0.5, 0.85)) continue;
    const struct blob *placed = &cells->blobs[cells->n - 1];
    list[cells->n - 1] = (struct cell){
        .height = is_round ? vc_rng_uniform(rng, -0.8, 0.2) : vc_rng_uniform(rng, -0.3, 0.6),
        .grain = is_round ? 0.25 : vc_rng_uniform(rng, 0.3, 0.6),
        .rim = is_round ? -vc_rng_uniform(rng, 1.5, 2.5) : vc_rng_uniform(rng, 0.6, 1.1),
        .rim_depth = is_round ? 0.75 : 0.9,
        .nucleus_x = placed->x + 0.15 * radius * vc_rng_normal(rng),
        .nucleus_y = placed->y + 0.15 * radius * vc_rng_normal(rng),
        .nucleus_sigma = 0.3 * radius,
        .nucleus_height = vc_rng_uniform(rng, 0.2, 1.2),
    };
  }
  *out = list;
  return VC_OK;
}

static double path_difference(const struct cell *c, double depth, double grain, double x, double y) {
  double dx = (x - c->nucleus_x) / c->nucleus_sigma, dy = (y - c->nucleus_y) / c->nucleus_sigma;
  double body = sqrt(1 - depth * depth);
  double rim = c->rim * exp(-0.5 * pow((depth - c->rim_depth) / 0.12, 2));
  return c->height * body + rim + c->grain * grain * (0.4 + 0.6 * body) +
         c->nucleus_height * exp(-0.5 * (dx * dx + dy * dy));
}

// Specks in the medium, which belong to no cell.
static void add_debris(vc_rng *rng, const struct scene *s, float *delay) {
  uint32_t n = vc_rng_below(rng, 2 + s->size / 16);
  for (uint32_t i = 0; i < n; i++) {
    double x = vc_rng_uniform(rng, 0, s->size), y = vc_rng_uniform(rng, 0, s->size);
    double sigma = vc_rng_uniform(rng, 0.6, 1.4), height = vc_rng_uniform(rng, -2, 2);
    for (int32_t row = (int32_t)y - 5; row <= (int32_t)y + 6; row++) {
      for (int32_t column = (int32_t)x - 5; column <= (int32_t)x + 6; column++) {
        if (row < 0 || column < 0 || row >= (int32_t)s->size || column >= (int32_t)s->size) continue;
        double square = ((column - x) * (column - x) + (row - y) * (row - y)) / (sigma * sigma);
        delay[(size_t)row * s->size + (size_t)column] += (float)(height * exp(-0.5 * square));
      }
    }
  }
}

static vc_status render(vc_arena *arena, vc_rng *rng, const struct scene *s, const struct cells *cells,
                        const struct cell *list, float *signal) {
  float *grain, *coarse;
  size_t n_pixels = (size_t)s->size * s->size;
  VC_TRY(field_create(arena, s->size, &grain));
  VC_TRY(field_create(arena, s->size, &coarse));
  VC_TRY(field_noise(arena, rng, s->size, 0.45 * s->radius, 3, 0.8, grain));
  for (size_t i = 0; i < n_pixels; i++) {
    uint16_t label = cells->labels[i];
    if (label == 0) continue;
    signal[i] = (float)path_difference(&list[label - 1], cells->depths[i], grain[i], field_column(i, s->size),
                                       field_row(i, s->size));
  }
  add_debris(rng, s, signal);
  for (size_t i = 0; i < n_pixels; i++) coarse[i] = signal[i];
  VC_TRY(field_blur(arena, s->size, s->halo_sigma, coarse));
  for (size_t i = 0; i < n_pixels; i++) signal[i] -= coarse[i];
  return field_blur(arena, s->size, 0.8, signal);
}

static vc_status expose(vc_arena *arena, vc_rng *rng, const struct scene *s, const float *signal,
                        struct vc_image *out) {
  enum { FULL_WELL = 3000 };
  uint16_t *pixels;
  float *shade;
  VC_TRY(VC_NEW(arena, (size_t)s->size * s->size, &pixels));
  VC_TRY(field_create(arena, s->size, &shade));
  VC_TRY(field_noise(arena, rng, s->size, 0.5 * s->size, 2, 0.4, shade));
  for (size_t i = 0; i < (size_t)s->size * s->size; i++) {
    double light = s->grey * (1 + 0.05 * shade[i]) * (1 - s->contrast * signal[i]);
    double count = rng_poisson(rng, FULL_WELL * VC_MAX(light, 0.01)) + 8 * vc_rng_normal(rng);
    double value = floor(65535 * count / FULL_WELL / 16 + 0.5) * 16; // a 12-bit camera's steps
    pixels[i] = (uint16_t)VC_MAX(VC_MIN(value, 65520), 0);
  }
  *out = (struct vc_image){s->size, s->size, 1, VC_PIXEL_U16, pixels};
  return VC_OK;
}

vc_status synth_phase(vc_arena *arena, vc_rng *rng, uint32_t size, struct vc_image *out_image,
                      struct vc_image *out_mask) {
  struct scene scene = draw_scene(rng, size);
  struct cells cells;
  struct cell *list;
  float *signal;
  VC_TRY(draw_cells(arena, rng, &scene, &cells, &list));
  VC_TRY(field_create(arena, size, &signal));
  VC_TRY(render(arena, rng, &scene, &cells, list, signal));
  VC_TRY(expose(arena, rng, &scene, signal, out_image));
  return cells_mask(arena, &cells, out_mask);
}
