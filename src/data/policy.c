// The draws of augmentation: from (seed, visit) alone, so any sample of any step can be drawn again by itself.
#include "vulcyte/data.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

// ---- affine maps ----

vc_affine vc_affine_identity(void) {
  return (vc_affine){{1, 0, 0, 0, 1, 0}};
}

vc_affine vc_affine_multiply(vc_affine a, vc_affine b) {
  const double *p = a.m, *q = b.m;
  return (vc_affine){{p[0] * q[0] + p[1] * q[3], p[0] * q[1] + p[1] * q[4], p[0] * q[2] + p[1] * q[5] + p[2],
                      p[3] * q[0] + p[4] * q[3], p[3] * q[1] + p[4] * q[4], p[3] * q[2] + p[4] * q[5] + p[5]}};
}

vc_affine vc_affine_inverse(vc_affine a) {
  const double *m = a.m;
  double determinant = m[0] * m[4] - m[1] * m[3];
  VC_ASSERT(determinant != 0);
  double i0 = m[4] / determinant, i1 = -m[1] / determinant, i3 = -m[3] / determinant, i4 = m[0] / determinant;
  return (vc_affine){{i0, i1, -(i0 * m[2] + i1 * m[5]), i3, i4, -(i3 * m[2] + i4 * m[5])}};
}

vc_affine vc_affine_rotation(double angle_rad) {
  double c = cos(angle_rad), s = sin(angle_rad);
  return (vc_affine){{c, 0 - s, 0, s, c, 0}};
}

// ---- draws ----

// The stream goes into the top bits of the sample's word: the labelled and the unlabelled walk never share draws.
static vc_rng rng_of_visit(uint64_t seed, enum vc_rng_purpose purpose, uint32_t stream, struct vc_visit visit) {
  VC_ASSERT(stream < 4 && visit.sample < 1u << 30);
  return vc_rng_at(seed, purpose, visit.walk, visit.sample | stream << 30);
}

// W = rotation · scale · flip: the flip acts first. All three are drawn always, so setting one leaves the others alone.
vc_affine vc_weak_draw(const struct vc_weak_desc *desc, uint64_t seed, uint32_t stream, struct vc_visit visit) {
  vc_rng rng = rng_of_visit(seed, VC_RNG_WEAK, stream, visit);
  double scale = vc_rng_uniform(&rng, desc->scale_lo, desc->scale_hi);
  double angle_deg = vc_rng_uniform(&rng, -desc->rotate_deg, desc->rotate_deg);
  bool is_flipped = vc_rng_uniform(&rng, 0, 1) < desc->flip;
  vc_affine scaled = {{is_flipped ? -scale : scale, 0, 0, 0, scale, 0}};
  return vc_affine_multiply(vc_affine_rotation(angle_deg * pi / 180), scaled);
}

static float draw_magnitude(vc_rng *rng, enum vc_augment_op op) {
  double u = vc_rng_uniform(rng, 0, 1); // drawn for every op, used or not
  switch (op) {
  case VC_AUG_ROTATE: return (float)(360 * u);
  case VC_AUG_SOLARIZE: return (float)u;
  case VC_AUG_CONTRAST:
  case VC_AUG_COLOR:
  case VC_AUG_BRIGHTNESS:
  case VC_AUG_SHARPNESS: return (float)(0.1 + 1.8 * u);
  default: return 0;
  }
}

// The ops apply in the order drawn, the rotation in one resampling with the weak map after all of them.
struct vc_strong vc_strong_draw(const struct vc_strong_desc *desc, uint64_t seed, struct vc_visit visit) {
  struct vc_strong strong = {.rotation = vc_affine_identity()};
  enum vc_augment_op allowed[VC_AUG_COUNT];
  uint32_t n_allowed = 0;
  for (uint32_t i = VC_AUG_NONE + 1; i < VC_AUG_COUNT; i++) {
    if (desc->op_mask >> i & 1) allowed[n_allowed++] = (enum vc_augment_op)i;
  }
  vc_rng rng = rng_of_visit(seed, VC_RNG_STRONG, 0, visit);
  strong.n_ops = VC_MIN(desc->num_ops, n_allowed);
  for (uint32_t i = 0; i < strong.n_ops; i++) {
    uint32_t pick = i + vc_rng_below(&rng, n_allowed - i);
    enum vc_augment_op op = allowed[pick];
    allowed[pick] = allowed[i];
    allowed[i] = op;
    strong.op[i] = op;
    strong.magnitude[i] = draw_magnitude(&rng, op);
    if (op == VC_AUG_ROTATE) {
      strong.rotates = true;
      strong.rotation = vc_affine_rotation(strong.magnitude[i] * pi / 180);
    }
  }
  return strong;
}

vc_affine vc_turn_draw(uint64_t seed, uint32_t stream, struct vc_visit visit) {
  vc_rng rng = rng_of_visit(seed, VC_RNG_TURN, stream, visit);
  return vc_affine_rotation(vc_rng_uniform(&rng, 0, 2 * pi));
}

static int32_t draw_corner(vc_rng *rng, uint32_t side, uint32_t window) {
  uint32_t n_places = side > window ? side - window + 1 : 1;
  uint32_t place = vc_rng_below(rng, n_places);
  return side >= window ? (int32_t)place : -(int32_t)((window - side) / 2);
}

void vc_crop_draw(uint64_t seed, uint32_t stream, struct vc_visit visit, uint32_t width, uint32_t height, uint32_t w,
                  uint32_t h, int32_t *out_left, int32_t *out_top) {
  vc_rng rng = rng_of_visit(seed, VC_RNG_CROP, stream, visit);
  *out_left = draw_corner(&rng, width, w);
  *out_top = draw_corner(&rng, height, h);
}
