// Outlines of cells, where they lie, and the mask that follows exactly from both.
#include "synth.h"

#include <math.h>

static const double two_pi = 6.28318530717958647692;

struct blob blob_draw(vc_rng *rng, double radius, double aspect, double roughness) {
  struct blob b = {.radius = radius, .aspect = aspect, .angle_rad = vc_rng_uniform(rng, 0, two_pi)};
  for (int i = 0; i < BLOB_HARMONICS; i++) {
    b.amplitude[i] = roughness / (1 + i) * vc_rng_normal(rng);
    b.amplitude[i] = VC_MAX(VC_MIN(b.amplitude[i], 0.25), -0.25);
    b.phase[i] = vc_rng_uniform(rng, 0, two_pi);
  }
  return b;
}

double blob_depth(const struct blob *b, double x, double y) {
  double c = cos(b->angle_rad), s = sin(b->angle_rad), stretch = sqrt(b->aspect);
  double u = (c * (x - b->x) + s * (y - b->y)) / stretch, v = (c * (y - b->y) - s * (x - b->x)) * stretch;
  double angle = atan2(v, u), wobble = 1;
  for (int i = 0; i < BLOB_HARMONICS; i++) wobble += b->amplitude[i] * cos((i + 2) * angle + b->phase[i]);
  return sqrt(u * u + v * v) / (b->radius * VC_MAX(wobble, 0.3));
}

double blob_reach(const struct blob *b) {
  double wobble = 1;
  for (int i = 0; i < BLOB_HARMONICS; i++) wobble += fabs(b->amplitude[i]);
  return b->radius * wobble * sqrt(b->aspect);
}

vc_status cells_create(vc_arena *arena, uint32_t size, uint32_t capacity, struct cells *out) {
  *out = (struct cells){.size = size, .capacity = VC_MIN(capacity, UINT16_MAX)};
  VC_TRY(VC_NEW(arena, out->capacity, &out->blobs));
  VC_TRY(VC_NEW(arena, (size_t)size * size, &out->labels));
  return VC_NEW(arena, (size_t)size * size, &out->depths);
}

void cells_add(struct cells *cells, const struct blob *blob) {
  if (cells->n == cells->capacity) return;
  int64_t reach = (int64_t)ceil(blob_reach(blob)) + 1, last = (int64_t)cells->size - 1;
  int64_t left = VC_MAX((int64_t)floor(blob->x) - reach, 0), right = VC_MIN((int64_t)floor(blob->x) + reach, last);
  int64_t top = VC_MAX((int64_t)floor(blob->y) - reach, 0), bottom = VC_MIN((int64_t)floor(blob->y) + reach, last);
  cells->blobs[cells->n++] = *blob;
  for (int64_t y = top; y <= bottom; y++) {
    for (int64_t x = left; x <= right; x++) {
      size_t at = (size_t)y * cells->size + (size_t)x;
      float depth = (float)blob_depth(blob, (double)x, (double)y);
      if (depth >= 1 || (cells->labels[at] != 0 && cells->depths[at] <= depth)) continue;
      cells->labels[at] = (uint16_t)cells->n;
      cells->depths[at] = depth;
    }
  }
}

static bool is_free(const struct cells *cells, const struct blob *blob, double nearness) {
  for (uint32_t i = 0; i < cells->n; i++) {
    const struct blob *other = &cells->blobs[i];
    double distance = hypot(other->x - blob->x, other->y - blob->y);
    if (distance < nearness * (other->radius + blob->radius)) return false;
  }
  return true;
}

bool cells_place(struct cells *cells, vc_rng *rng, struct blob blob, double touch, double nearness) {
  enum { MAX_TRIES = 40 };
  for (int i = 0; i < MAX_TRIES && cells->n < cells->capacity; i++) {
    if (cells->n > 0 && vc_rng_uniform(rng, 0, 1) < touch) {
      const struct blob *other = &cells->blobs[vc_rng_below(rng, cells->n)];
      double angle = vc_rng_uniform(rng, 0, two_pi);
      double distance = vc_rng_uniform(rng, nearness, 1) * (other->radius + blob.radius);
      blob.x = other->x + distance * cos(angle);
      blob.y = other->y + distance * sin(angle);
    } else {
      blob.x = vc_rng_uniform(rng, -0.5 * blob.radius, cells->size + 0.5 * blob.radius);
      blob.y = vc_rng_uniform(rng, -0.5 * blob.radius, cells->size + 0.5 * blob.radius);
    }
    if (!is_free(cells, &blob, nearness)) continue;
    cells_add(cells, &blob);
    return true;
  }
  return false;
}

vc_status cells_mask(vc_arena *arena, const struct cells *cells, struct vc_image *out) {
  size_t n_pixels = (size_t)cells->size * cells->size;
  uint16_t *ids, *pixels, n_ids = 0;
  VC_TRY(VC_NEW(arena, (size_t)cells->n + 1, &ids));
  VC_TRY(VC_NEW(arena, n_pixels, &pixels));
  for (size_t i = 0; i < n_pixels; i++) {
    uint16_t label = cells->labels[i];
    if (label != 0 && ids[label] == 0) ids[label] = ++n_ids;
    pixels[i] = ids[label];
  }
  *out = (struct vc_image){cells->size, cells->size, 1, VC_PIXEL_U16, pixels};
  return VC_OK;
}
