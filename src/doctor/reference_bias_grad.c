// What a layer's gradient begins with: [RELU 2], [POOL 2] and sums over pixels.
#include "doctor/reference.h"

#include <math.h>

static vc_tensor *build(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_bias_grad *a = attr;
  vc_tensor *gy = vc_slice_channels(g, in[0], a->first, a->channels), *gz, *gb;
  if (in[2]) {
    vc_tensor *y = in[1], *gp;
    vc_grad(g, vc_max_pool2x2(g, y), in[2], &y, 1, &gp);
    gy = vc_add(g, gy, gp);
  }
  vc_bias_grad(g, gy, in[1], &gz, &gb);
  return a->sums ? gb : gz;
}

// Whether pixel (i, j) is the first in row order that has the maximum of its window; a NaN wins.
static bool is_largest(const ref_array *y, uint32_t n, uint32_t c, uint32_t i, uint32_t j) {
  uint32_t best = 0;
  double top = 0;
  for (uint32_t k = 0; k < 4; k++) {
    double v = *ref_at(y, n, c, i / 2 * 2 + k / 2, j / 2 * 2 + k % 2);
    if (k > 0 && !(v > top) && !isnan(v)) continue;
    top = v;
    best = k;
  }
  return best == i % 2 * 2 + j % 2;
}

static void reference(ref_array *const *in, ref_array *out, const void *attr) {
  const struct ref_bias_grad *a = attr;
  const ref_array *gy = in[0], *y = in[1], *gp = in[2];
  const struct vc_shape s = gy->shape;
  for (uint64_t p = 0; p < (uint64_t)s.n * s.h * s.w; p++) {
    uint32_t n = (uint32_t)(p / s.w / s.h), i = (uint32_t)(p / s.w % s.h), j = (uint32_t)(p % s.w);
    for (uint32_t c = 0; c < a->channels; c++) {
      double v = *ref_at(gy, n, a->first + c, i, j);
      if (gp && is_largest(y, n, c, i, j)) v += *ref_at(gp, n, c, i / 2, j / 2);
      if (y && !(*ref_at(y, n, c, i, j) > 0)) v = 0;
      *(a->sums ? &out->v[c] : ref_at(out, n, c, i, j)) += v;
    }
  }
}

const struct ref_op ref_bias_grad = {.name = "bias_grad", .build = build, .reference = reference, .no_vjp = true};
