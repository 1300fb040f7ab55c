// Private to the synthetic images: fields of numbers, outlines of cells, and what each kind of image is made of them.
#ifndef VC_DATA_SYNTH_H
#define VC_DATA_SYNTH_H

#include "vulcyte/data.h"

// ---- fields: size x size numbers ----

static inline uint32_t field_column(size_t i, uint32_t size) {
  return (uint32_t)(i % size);
}
static inline uint32_t field_row(size_t i, uint32_t size) {
  return (uint32_t)(i / size);
}
vc_status field_create(vc_arena *arena, uint32_t size, float **out);
// Smooth noise of mean 0 and deviation near 1: octaves of value noise, the coarsest of `cell` pixels, each next one
// half as coarse and `gain` as strong.
vc_status field_noise(vc_arena *arena, vc_rng *rng, uint32_t size, double cell, int n_octaves, double gain, float *out);
// Gaussian blur in place, reflected at the borders.
vc_status field_blur(vc_arena *arena, uint32_t size, double sigma, float *field);

double rng_log_uniform(vc_rng *rng, double lo, double hi);
double rng_poisson(vc_rng *rng, double mean);

// ---- outlines ----

enum { BLOB_HARMONICS = 4 };
// A star-shaped outline: an ellipse whose radius wobbles with the angle.
struct blob {
  double x, y, radius, aspect; // aspect: long by short axis, at equal area
  double angle_rad;
  double amplitude[BLOB_HARMONICS], phase[BLOB_HARMONICS]; // of the 2nd, 3rd, ... harmonic, as shares of the radius
};
// roughness: deviation of the lowest harmonic.
struct blob blob_draw(vc_rng *rng, double radius, double aspect, double roughness);
// How far out a point lies: 0 at the centre, 1 on the outline.
double blob_depth(const struct blob *b, double x, double y);
double blob_reach(const struct blob *b); // no point of the outline lies farther from the centre

// Cells that may touch: each pixel belongs to the one in which it lies deepest.
struct cells {
  uint32_t size, n, capacity;
  struct blob *blobs;
  uint16_t *labels; // 1-based number of the blob; 0: none
  float *depths;    // blob_depth in that blob
};
vc_status cells_create(vc_arena *arena, uint32_t size, uint32_t capacity, struct cells *out);
// Puts the blob down where no other one is nearer than `nearness` times the sum of both radii: at a free place, or,
// with probability `touch`, against one that is there. False when no place was found.
bool cells_place(struct cells *cells, vc_rng *rng, struct blob blob, double touch, double nearness);
void cells_add(struct cells *cells, const struct blob *blob); // where it stands
// Writes instance ids 1..n, leaving out what has no pixel in the image, as a 16-bit mask.
vc_status cells_mask(vc_arena *arena, const struct cells *cells, struct vc_image *out);

// ---- kinds ----

vc_status synth_fluo(vc_arena *arena, vc_rng *rng, uint32_t size, struct vc_image *out_image,
                     struct vc_image *out_mask);
vc_status synth_phase(vc_arena *arena, vc_rng *rng, uint32_t size, struct vc_image *out_image,
                      struct vc_image *out_mask);
vc_status synth_tissue(vc_arena *arena, vc_rng *rng, uint32_t size, struct vc_image *out_image,
                       struct vc_image *out_mask);

// A volume of 8-bit intensities and classes.
vc_status synth_volume(vc_arena *arena, vc_rng *rng, uint32_t size, struct vc_volume_info *out_info,
                       uint8_t **out_voxels, uint8_t **out_classes);
// Its dataset.json.
vc_status synth_volume_describe(vc_arena *arena, uint32_t count, uint32_t size, uint64_t seed, const char *dir);

#endif
