// Arrays of doubles and what fills them.
#include "doctor/reference.h"

#include <math.h>

vc_status ref_array_create(vc_arena *arena, struct vc_shape shape, vc_dtype dtype, ref_array **out) {
  ref_array *a;
  VC_TRY(VC_NEW(arena, 1, &a));
  VC_TRY(VC_NEW(arena, vc_shape_count(shape), &a->v));
  a->shape = shape;
  a->dtype = dtype;
  a->count = vc_shape_count(shape);
  *out = a;
  return VC_OK;
}

static void fill_simplex(vc_rng *rng, ref_array *a) {
  uint32_t n_c = a->shape.c;
  for (uint64_t pixel = 0; pixel < a->count / n_c; pixel++) {
    double *v = a->v + pixel * n_c, sum = 0;
    for (uint32_t c = 0; c < n_c; c++) sum += v[c] = vc_rng_uniform(rng, 0.01, 1);
    for (uint32_t c = 0; c < n_c; c++) v[c] = 0.05 / n_c + 0.95 * v[c] / sum;
  }
}

static void fill_apart(vc_rng *rng, ref_array *a, double lo, double hi) {
  for (uint64_t i = 0; i < a->count; i++) {
    uint64_t k = vc_rng_below(rng, (uint32_t)(i + 1));
    a->v[i] = a->v[k];
    a->v[k] = lo + (hi - lo) * ((double)i + 0.5) / (double)a->count;
  }
}

static double draw(vc_rng *rng, enum ref_fill fill, double lo, double hi) {
  double v;
  switch (fill) {
  case REF_NORMAL: return lo + hi * vc_rng_normal(rng);
  case REF_AWAY: v = vc_rng_uniform(rng, lo, hi); return fabs(v) < 0.05 ? v + (v < 0 ? -0.05 : 0.05) : v;
  case REF_INTEGER: return lo + vc_rng_below(rng, (uint32_t)(hi - lo) + 1u);
  case REF_MASK: return vc_rng_below(rng, 2);
  case REF_ZERO: return 0;
  case REF_CONST: return lo;
  default: return vc_rng_uniform(rng, lo, hi);
  }
}

void ref_make_input(vc_rng *rng, const struct ref_input *in, const void *attr, ref_array *out) {
  double lo = in->lo, hi = in->hi;
  if (!(lo < 0 || lo > 0) && !(hi < 0 || hi > 0) && in->fill != REF_INTEGER) {
    lo = in->fill == REF_NORMAL || in->fill == REF_CONST ? 0 : -1;
    hi = 1;
  }
  if (in->make) {
    in->make(rng, out, attr);
  } else if (in->fill == REF_SIMPLEX) {
    fill_simplex(rng, out);
  } else if (in->fill == REF_APART) {
    fill_apart(rng, out, lo, hi);
  } else {
    for (uint64_t i = 0; i < out->count; i++) out->v[i] = draw(rng, in->fill, lo, hi);
  }
  for (uint64_t i = 0; i < out->count; i++) {
    out->v[i] = out->dtype == VC_U32 ? (double)(uint32_t)out->v[i] : (double)(float)out->v[i];
  }
}

void ref_round_half(ref_array *a) {
  enum { DIGITS = 11, MIN_EXPONENT = -13 };
  for (uint64_t i = 0; i < a->count && a->dtype == VC_F32; i++) {
    int exponent;
    frexp(a->v[i], &exponent);
    const double ulp = ldexp(1, VC_MAX(exponent, MIN_EXPONENT) - DIGITS);
    a->v[i] = nearbyint(a->v[i] / ulp) * ulp;
  }
}
