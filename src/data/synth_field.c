// Noise, blur and counts: what all synthetic images are made of.
#include "synth.h"

#include <math.h>

vc_status field_create(vc_arena *arena, uint32_t size, float **out) {
  return VC_NEW(arena, (size_t)size * size, out);
}

static double smooth_step(double t) {
  return t * t * t * (t * (6 * t - 15) + 10);
}

// One octave: normal numbers on a grid of `cell` pixels, blended between the grid's points.
static vc_status add_octave(vc_arena *arena, vc_rng *rng, uint32_t size, double cell, double weight, float *out) {
  uint32_t n = (uint32_t)(size / cell) + 2;
  double *grid, offset_x = vc_rng_uniform(rng, 0, 1), offset_y = vc_rng_uniform(rng, 0, 1);
  n++; // for the offset
  VC_TRY(VC_NEW(arena, (size_t)n * n, &grid));
  for (size_t i = 0; i < (size_t)n * n; i++) grid[i] = vc_rng_normal(rng);
  for (uint32_t y = 0; y < size; y++) {
    double gy = y / cell + offset_y, ty = smooth_step(gy - floor(gy));
    for (uint32_t x = 0; x < size; x++) {
      double gx = x / cell + offset_x, tx = smooth_step(gx - floor(gx));
      const double *p = grid + (size_t)gy * n + (size_t)gx;
      double top = p[0] + tx * (p[1] - p[0]), bottom = p[n] + tx * (p[n + 1] - p[n]);
      out[(size_t)y * size + x] += (float)(weight * (top + ty * (bottom - top)));
    }
  }
  return VC_OK;
}

vc_status field_noise(vc_arena *arena, vc_rng *rng, uint32_t size, double cell, int n_octaves, double gain,
                      float *out) {
  double weight = 1, power = 0;
  for (int i = 0; i < n_octaves; i++, weight *= gain) power += weight * weight;
  weight = 1.45 / sqrt(power); // blending takes the deviation of an octave to 0.69 on average
  for (size_t i = 0; i < (size_t)size * size; i++) out[i] = 0;
  for (int i = 0; i < n_octaves; i++, weight *= gain, cell /= 2) {
    VC_TRY(add_octave(arena, rng, size, VC_MAX(cell, 1), weight, out));
  }
  return VC_OK;
}

static uint32_t reflect(int64_t i, uint32_t size) {
  int64_t period = 2 * (int64_t)size;
  i = ((i % period) + period) % period;
  return (uint32_t)(i < size ? i : period - 1 - i);
}

static void blur_line(const float *kernel, int reach, uint32_t size, size_t stride, const float *line, float *out) {
  for (uint32_t i = 0; i < size; i++) {
    double sum = 0;
    for (int k = -reach; k <= reach; k++) {
      int64_t at = (int64_t)i + k;
      sum += kernel[k + reach] * (double)line[at >= 0 && at < size ? (uint32_t)at : reflect(at, size)];
    }
    out[i * stride] = (float)sum;
  }
}

vc_status field_blur(vc_arena *arena, uint32_t size, double sigma, float *field) {
  int reach = (int)ceil(3 * sigma);
  float *kernel, *line;
  double sum = 0;
  VC_TRY(VC_NEW(arena, 2 * (size_t)reach + 1, &kernel));
  VC_TRY(VC_NEW(arena, size, &line));
  for (int k = -reach; k <= reach; k++) sum += exp(-0.5 * k * k / (sigma * sigma));
  for (int k = -reach; k <= reach; k++) kernel[k + reach] = (float)(exp(-0.5 * k * k / (sigma * sigma)) / sum);
  for (uint32_t y = 0; y < size; y++) {
    for (uint32_t x = 0; x < size; x++) line[x] = field[(size_t)y * size + x];
    blur_line(kernel, reach, size, 1, line, field + (size_t)y * size);
  }
  for (uint32_t x = 0; x < size; x++) {
    for (uint32_t y = 0; y < size; y++) line[y] = field[(size_t)y * size + x];
    blur_line(kernel, reach, size, size, line, field + x);
  }
  return VC_OK;
}

double rng_log_uniform(vc_rng *rng, double lo, double hi) {
  return exp(vc_rng_uniform(rng, log(lo), log(hi)));
}

double rng_poisson(vc_rng *rng, double mean) {
  if (mean <= 0) return 0;
  if (mean > 30) return VC_MAX(floor(mean + sqrt(mean) * vc_rng_normal(rng) + 0.5), 0);
  double limit = exp(-mean), product = vc_rng_uniform(rng, 0, 1);
  double n = 0;
  for (; product > limit; n++) product *= vc_rng_uniform(rng, 0, 1);
  return n;
}
