// Strength of edges: [EDGE 1].
#include "doctor/reference.h"

#include <math.h>

static vc_tensor *build(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_edges(g, in[0]);
}

static uint32_t reflected(int64_t i, uint32_t n) {
  if (n == 1) return 0;
  return (uint32_t)(i < 0 ? -i : i >= n ? 2 * ((int64_t)n - 1) - i : i);
}

// Correlation with the kernel that is (1, 2, 1) along one axis and (-1, 0, 1) along the other.
static double slope(const ref_array *x, uint32_t n, uint32_t c, uint32_t row, uint32_t column, bool down) {
  static const double smooth[] = {1, 2, 1}, differ[] = {-1, 0, 1};
  double sum = 0;
  for (uint32_t k = 0; k < 9; k++) {
    const uint32_t i = reflected((int64_t)row + k / 3 - 1, x->shape.h);
    const uint32_t j = reflected((int64_t)column + k % 3 - 1, x->shape.w);
    sum += (down ? differ[k / 3] * smooth[k % 3] : smooth[k / 3] * differ[k % 3]) * *ref_at(x, n, c, i, j);
  }
  return sum;
}

static void edges(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  const struct vc_shape s = out->shape;
  for (uint64_t i = 0; i < out->count; i++) {
    const uint32_t column = (uint32_t)(i % s.w), row = (uint32_t)(i / s.w % s.h);
    const uint32_t c = (uint32_t)(i / s.w / s.h % s.c), n = (uint32_t)(i / s.w / s.h / s.c);
    const double across = slope(in[0], n, c, row, column, false), down = slope(in[0], n, c, row, column, true);
    *ref_at(out, n, c, row, column) = hypot(across, down) / 4;
  }
}

const struct ref_op ref_edges = {.name = "edges", .build = build, .reference = edges, .no_vjp = true};
