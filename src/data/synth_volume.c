// Volumes like a stained brain: a folded surface with layers parallel to it, and nuclei deep inside. Class values are
// those of the classified BigBrain volume.
#include "import.h"
#include "synth.h"

#include <math.h>

enum { BACKGROUND = 0, CSF = 1, GREY = 2, WHITE = 3, LAYER_1 = 5, SUBCORTICAL = 6, N_CLASSES = 7 };
static const double mean_intensity[N_CLASSES] = {6, 28, 92, 186, 0, 148, 116};

// ---- noise ----

// Normal numbers on a cubic grid, blended between its points; repeats after `side` points.
struct noise {
  double cell; // voxels between points
  uint32_t side;
  float *values;
};

static vc_status noise_create(vc_arena *arena, vc_rng *rng, uint32_t size, double cell, struct noise *out) {
  struct noise noise = {.cell = cell, .side = (uint32_t)ceil(size / cell) + 2};
  size_t n = (size_t)noise.side * noise.side * noise.side;
  VC_TRY(VC_NEW(arena, n, &noise.values));
  for (size_t i = 0; i < n; i++) noise.values[i] = (float)vc_rng_normal(rng);
  *out = noise;
  return VC_OK;
}

static double mix(double a, double b, double t) {
  return a + t * (b - a);
}

static double noise_at(const struct noise *n, const double voxel[3]) {
  size_t base = 0, stride[3] = {1, n->side, (size_t)n->side * n->side};
  double t[3];
  for (int i = 0; i < 3; i++) {
    double at = voxel[i] / n->cell, whole = floor(at);
    t[i] = at - whole;
    t[i] = t[i] * t[i] * (3 - 2 * t[i]);
    base += (size_t)whole * stride[i];
  }
  const float *v = n->values + base;
  double planes[2];
  for (int z = 0; z < 2; z++, v += stride[2]) {
    planes[z] =
        mix(mix((double)v[0], (double)v[1], t[0]), mix((double)v[stride[1]], (double)v[stride[1] + 1], t[0]), t[1]);
  }
  return mix(planes[0], planes[1], t[2]);
}

// ---- anatomy, in units of half the side ----

struct brain {
  double half; // voxels
  double radius[3];
  double shell, layer_1, grey; // depths at which the next layer begins
  double nuclei[4][6];         // centres and radii: of grey matter, of ventricles, on both sides
  struct noise folds, wobble, texture;
};

static vc_status brain_draw(vc_arena *arena, vc_rng *rng, uint32_t size, struct brain *out) {
  static const double radius[3] = {0.8, 0.92, 0.76};
  struct brain b = {.half = size / 2.0};
  for (int i = 0; i < 3; i++) b.radius[i] = radius[i] * vc_rng_uniform(rng, 0.94, 1.06);
  b.shell = -VC_MAX(0.03, 1.5 / b.half);
  b.layer_1 = VC_MAX(0.022, 1.3 / b.half);
  b.grey = b.layer_1 + vc_rng_uniform(rng, 0.085, 0.105);
  for (int i = 0; i < 4; i++) {
    double side = i % 2 ? -1 : 1, *nucleus = b.nuclei[i];
    bool is_ventricle = i >= 2;
    nucleus[0] = side * (is_ventricle ? 0.06 : 0.17);
    nucleus[1] = is_ventricle ? 0.05 : vc_rng_uniform(rng, -0.03, 0.05);
    nucleus[2] = is_ventricle ? 0.06 : -0.03;
    nucleus[3] = is_ventricle ? 0.03 : 0.09;
    nucleus[4] = is_ventricle ? 0.18 : 0.14;
    nucleus[5] = is_ventricle ? 0.07 : 0.1;
  }
  VC_TRY(noise_create(arena, rng, size, VC_MAX(0.3 * b.half, 2), &b.folds));
  VC_TRY(noise_create(arena, rng, size, VC_MAX(0.5 * b.half, 2), &b.wobble));
  VC_TRY(noise_create(arena, rng, size, VC_MAX(0.05 * b.half, 1.5), &b.texture));
  *out = b;
  return VC_OK;
}

// How far below the folded surface; negative outside.
static double depth_at(const struct brain *b, const double voxel[3], const double p[3]) {
  double square = 0, fold = noise_at(&b->folds, voxel) / 0.4;
  for (int i = 0; i < 3; i++) square += p[i] * p[i] / (b->radius[i] * b->radius[i]);
  double depth = (1 - sqrt(square)) * 0.83 + 0.025 * noise_at(&b->wobble, voxel);
  double groove = exp(-fold * fold) * exp(-VC_MAX(depth, 0) / 0.28); // where the noise crosses zero: sheets inwards
  // Between the halves.
  double cleft = exp(-p[0] * p[0] / (0.015 * 0.015)) * VC_MIN(VC_MAX(2.5 * p[2], 0), 1) * exp(-VC_MAX(depth, 0) / 0.3);
  return depth - 0.3 * groove - 0.3 * cleft;
}

static uint8_t class_at(const struct brain *b, const double p[3], double depth) {
  if (depth < b->shell) return BACKGROUND;
  if (depth < 0) return CSF;
  if (depth < b->layer_1) return LAYER_1;
  if (depth < b->grey) return GREY;
  for (int i = 3; i >= 0; i--) {
    double square = 0;
    for (int k = 0; k < 3; k++) {
      double away = (p[k] - b->nuclei[i][k]) / b->nuclei[i][3 + k];
      square += away * away;
    }
    if (square < 1) return i >= 2 ? CSF : SUBCORTICAL;
  }
  return WHITE;
}

static void paint(const struct brain *b, vc_rng *rng, uint32_t size, uint8_t *out_voxels, uint8_t *out_classes) {
  for (uint32_t z = 0; z < size; z++) {
    for (uint32_t y = 0; y < size; y++) {
      for (uint32_t x = 0; x < size; x++) {
        const double voxel[3] = {x, y, z};
        const double p[3] = {(x + 0.5) / b->half - 1, (y + 0.5) / b->half - 1, (z + 0.5) / b->half - 1};
        double depth = depth_at(b, voxel, p), value, tissue = 1;
        uint8_t class = class_at(b, p, depth);
        value = mean_intensity[class];
        if (class == GREY) value += 12 * cos(3.1416 * 4 * (depth - b->layer_1) / (b->grey - b->layer_1)); // its layers
        if (class == BACKGROUND) tissue = 0.2;
        value += tissue * (7 * noise_at(&b->texture, voxel) + 5 * vc_rng_normal(rng));
        *out_voxels++ = (uint8_t)VC_MIN(VC_MAX(floor(value + 0.5), 0), 255);
        *out_classes++ = class;
      }
    }
  }
}

vc_status synth_volume(vc_arena *arena, vc_rng *rng, uint32_t size, struct vc_volume_info *out_info,
                       uint8_t **out_voxels, uint8_t **out_classes) {
  struct brain brain;
  size_t n = (size_t)size * size * size;
  VC_TRY(VC_NEW(arena, n, out_voxels));
  VC_TRY(VC_NEW(arena, n, out_classes));
  VC_TRY(brain_draw(arena, rng, size, &brain));
  paint(&brain, rng, size, *out_voxels, *out_classes);
  *out_info = (struct vc_volume_info){.size = {size, size, size}, .format = VC_PIXEL_U8, .label_bytes = 1};
  for (int i = 0; i < 3; i++) { // millimetres, the middle at the origin
    out_info->to_world[5 * i] = 1;
    out_info->to_world[4 * i + 3] = (1.0 - size) / 2;
  }
  return VC_OK;
}

vc_status synth_volume_describe(vc_arena *arena, uint32_t count, uint32_t size, uint64_t seed, const char *dir) {
  static const struct import_class classes[] = {{"background", BACKGROUND}, {"fluid", CSF},
                                                {"grey matter", GREY},      {"white matter", WHITE},
                                                {"layer 1", LAYER_1},       {"subcortical grey", SUBCORTICAL}};
  vc_json_writer *w;
  VC_TRY(import_describe(arena, "volume", "synthetic", 1, true, false, classes, VC_COUNT_OF(classes), true, &w));
  vc_json_put_number(w, "count", count);
  vc_json_put_number(w, "size", size);
  vc_json_put_number(w, "seed", (double)seed);
  return import_describe_end(arena, w, dir);
}
