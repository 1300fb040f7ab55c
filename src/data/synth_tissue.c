// A stained section: glands with an open middle in fibrous stroma, nuclei in both. Stains absorb by Beer and Lambert.
#include "synth.h"

#include <math.h>

enum tissue_class { TISSUE_NONE, TISSUE_STROMA, TISSUE_EPITHELIUM, TISSUE_NUCLEUS }; // the mask's values

static const double two_pi = 6.28318530717958647692;

struct scene {
  uint32_t size;
  double fibre_angle; // of the stroma, rad
  double blue, pink;  // strength of the two stains
  double edge;        // noise above it is glass
  double gland_radius;
};

static struct scene draw_scene(vc_rng *rng, uint32_t size) {
  struct scene s = {.size = size};
  s.fibre_angle = vc_rng_uniform(rng, 0, two_pi);
  s.blue = vc_rng_uniform(rng, 0.8, 1.2);
  s.pink = vc_rng_uniform(rng, 0.8, 1.2);
  s.edge = vc_rng_uniform(rng, 0.7, 2.2);
  s.gland_radius = VC_MIN(vc_rng_uniform(rng, 22, 36), size / 4.0);
  return s;
}

static vc_status draw_glands(vc_arena *arena, vc_rng *rng, const struct scene *s, struct cells *glands) {
  double area = 3.14159265 * s->gland_radius * s->gland_radius;
  uint32_t n_wanted = (uint32_t)VC_MAX(vc_rng_uniform(rng, 0.2, 0.5) * s->size * s->size / area, 1);
  VC_TRY(cells_create(arena, s->size, n_wanted, glands));
  for (uint32_t i = 0; i < n_wanted; i++) {
    double radius = s->gland_radius * exp(0.2 * vc_rng_normal(rng));
    cells_place(glands, rng, blob_draw(rng, radius, vc_rng_uniform(rng, 1, 1.7), 0.06), 0.2, 1.1);
  }
  return VC_OK;
}

// One row of nuclei along the outer side of a gland's wall, each with its long axis towards the middle.
static void add_wall_nuclei(vc_rng *rng, const struct blob *gland, struct cells *nuclei) {
  uint32_t n = (uint32_t)(two_pi * gland->radius * 0.78 / 6.5);
  double start = vc_rng_uniform(rng, 0, two_pi);
  for (uint32_t i = 0; i < n; i++) {
    double angle = start + two_pi * (i + 0.25 * vc_rng_normal(rng)) / n, c = cos(angle), s = sin(angle);
    double reach = 1 / blob_depth(gland, gland->x + c, gland->y + s); // distance of the outline in this direction
    double out = reach - vc_rng_uniform(rng, 5, 9);
    struct blob blob = blob_draw(rng, vc_rng_uniform(rng, 2.4, 3.3), vc_rng_uniform(rng, 1.2, 1.9), 0.05);
    blob.angle_rad = angle;
    blob.x = gland->x + out * c;
    blob.y = gland->y + out * s;
    cells_add(nuclei, &blob);
  }
}

static vc_status draw_nuclei(vc_arena *arena, vc_rng *rng, const struct scene *s, const struct cells *glands,
                             const uint8_t *classes, struct cells *nuclei) {
  uint32_t n_spread = s->size * s->size / 420 + 1;
  VC_TRY(cells_create(arena, s->size, UINT16_MAX, nuclei));
  for (uint32_t i = 0; i < glands->n; i++) add_wall_nuclei(rng, &glands->blobs[i], nuclei);
  for (uint32_t i = 0; i < n_spread; i++) {
    bool is_round = vc_rng_uniform(rng, 0, 1) < 0.35; // lymphocytes; else the spindles of fibroblasts
    struct blob blob = blob_draw(rng, is_round ? 2.6 : 2.3, is_round ? 1.1 : vc_rng_uniform(rng, 2.5, 4.5), 0.04);
    if (!is_round) blob.angle_rad = s->fibre_angle + 0.35 * vc_rng_normal(rng);
    blob.x = vc_rng_uniform(rng, 0, s->size);
    blob.y = vc_rng_uniform(rng, 0, s->size);
    if (classes[(size_t)blob.y * s->size + (size_t)blob.x] == TISSUE_STROMA) cells_add(nuclei, &blob);
  }
  return VC_OK;
}

// Fibres: noise stretched along one direction, which a slower noise bends.
static vc_status draw_fibres(vc_arena *arena, vc_rng *rng, const struct scene *s, float *out) {
  float *bend, *noise;
  double c = cos(s->fibre_angle), sn = sin(s->fibre_angle);
  VC_TRY(field_create(arena, s->size, &bend));
  VC_TRY(field_create(arena, s->size, &noise));
  VC_TRY(field_noise(arena, rng, s->size, 0.25 * s->size, 2, 0.5, bend));
  VC_TRY(field_noise(arena, rng, s->size, 8, 3, 0.7, noise));
  for (size_t i = 0; i < (size_t)s->size * s->size; i++) {
    double x = field_column(i, s->size), y = field_row(i, s->size);
    double along = 0.15 * (c * x + sn * y), across = 1.6 * (c * y - sn * x) + 12 * bend[i];
    uint32_t u = (uint32_t)fmod(fabs(along), s->size), v = (uint32_t)fmod(fabs(across), s->size);
    out[i] = noise[(size_t)v * s->size + u];
  }
  return VC_OK;
}

// Optical density of the section for red, green and blue, from how much of each stain a class takes up.
static void stain(const struct scene *s, uint8_t tissue_class, double fibre, double grain, float *const density[3]) {
  static const double blue_stain[3] = {0.65, 0.70, 0.29}, pink_stain[3] = {0.07, 0.99, 0.11};
  double blue = 0.01, pink = 0.01;
  if (tissue_class == TISSUE_STROMA) {
    blue = 0.06 + 0.02 * grain;
    pink = 0.38 + 0.14 * fibre;
  } else if (tissue_class == TISSUE_EPITHELIUM) {
    blue = 0.30 + 0.06 * grain;
    pink = 0.42 + 0.07 * grain;
  } else if (tissue_class == TISSUE_NUCLEUS) {
    blue = 1.0 + 0.18 * grain;
    pink = 0.30 + 0.05 * grain;
  }
  for (int c = 0; c < 3; c++) {
    *density[c] = (float)(VC_MAX(blue, 0.01) * s->blue * blue_stain[c] + VC_MAX(pink, 0.01) * s->pink * pink_stain[c]);
  }
}

static vc_status expose(vc_arena *arena, vc_rng *rng, const struct scene *s, float *const density[3],
                        struct vc_image *out) {
  size_t n_pixels = (size_t)s->size * s->size;
  uint8_t *pixels;
  VC_TRY(VC_NEW(arena, 3 * n_pixels, &pixels));
  for (int c = 0; c < 3; c++) {
    VC_TRY(field_blur(arena, s->size, 0.7, density[c]));
    for (size_t i = 0; i < n_pixels; i++) {
      double value = floor(244 * exp(-1.3 * density[c][i]) + 2.2 * vc_rng_normal(rng) + 0.5);
      pixels[3 * i + c] = (uint8_t)VC_MAX(VC_MIN(value, 255), 0);
    }
  }
  *out = (struct vc_image){s->size, s->size, 3, VC_PIXEL_U8, pixels};
  return VC_OK;
}

// Glass, stroma and epithelium; the nuclei come on top.
static vc_status draw_classes(vc_arena *arena, vc_rng *rng, const struct scene *s, const struct cells *glands,
                              uint8_t *classes) {
  float *edge, *opening;
  VC_TRY(field_create(arena, s->size, &edge));
  VC_TRY(field_create(arena, s->size, &opening));
  VC_TRY(field_noise(arena, rng, s->size, 0.6 * s->size, 4, 0.4, edge));
  VC_TRY(field_noise(arena, rng, s->size, 14, 2, 0.5, opening));
  for (size_t i = 0; i < (size_t)s->size * s->size; i++) {
    bool is_gland = glands->labels[i] != 0;
    bool is_open = is_gland && glands->depths[i] < 0.42 + 0.05 * opening[i];
    bool is_glass = is_open || (!is_gland && edge[i] > s->edge);
    classes[i] = is_glass ? TISSUE_NONE : is_gland ? TISSUE_EPITHELIUM : TISSUE_STROMA;
  }
  return VC_OK;
}

vc_status synth_tissue(vc_arena *arena, vc_rng *rng, uint32_t size, struct vc_image *out_image,
                       struct vc_image *out_mask) {
  struct scene scene = draw_scene(rng, size);
  struct cells glands, nuclei;
  float *density[3], *fibres, *grain;
  uint8_t *classes;
  size_t n_pixels = (size_t)size * size;
  VC_TRY(draw_glands(arena, rng, &scene, &glands));
  VC_TRY(VC_NEW(arena, n_pixels, &classes));
  VC_TRY(draw_classes(arena, rng, &scene, &glands, classes));
  VC_TRY(draw_nuclei(arena, rng, &scene, &glands, classes, &nuclei));
  VC_TRY(field_create(arena, size, &fibres));
  VC_TRY(field_create(arena, size, &grain));
  VC_TRY(draw_fibres(arena, rng, &scene, fibres));
  VC_TRY(field_noise(arena, rng, size, 4, 2, 0.7, grain));
  for (int c = 0; c < 3; c++) VC_TRY(field_create(arena, size, &density[c]));
  for (size_t i = 0; i < n_pixels; i++) {
    if (nuclei.labels[i] != 0 && classes[i] != TISSUE_NONE) classes[i] = TISSUE_NUCLEUS;
    float *const at[3] = {density[0] + i, density[1] + i, density[2] + i};
    stain(&scene, classes[i], fibres[i], grain[i], at);
  }
  *out_mask = (struct vc_image){size, size, 1, VC_PIXEL_U8, classes};
  return expose(arena, rng, &scene, density, out_image);
}
