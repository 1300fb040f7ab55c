// Pooling, concatenation, slices, crops, padding: [POOL 1..2].
#include "doctor/reference.h"

#include <math.h>
#include <string.h>

static vc_tensor *build_pool(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_max_pool2x2(g, in[0]);
}

// The first maximum of a window in row order; a NaN wins.
static double *largest(const ref_array *x, uint32_t n, uint32_t c, uint32_t i, uint32_t j) {
  double *best = ref_at(x, n, c, 2 * i, 2 * j);
  for (uint32_t k = 1; k < 4; k++) {
    double *v = ref_at(x, n, c, 2 * i + k / 2, 2 * j + k % 2);
    if (*v > *best || isnan(*v)) best = v;
  }
  return best;
}

static void pool(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      for (uint32_t i = 0; i < s.h; i++) {
        for (uint32_t j = 0; j < s.w; j++) *ref_at(out, n, c, i, j) = *largest(in[0], n, c, i, j);
      }
    }
  }
}

static void pool_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
                     const void *attr) {
  (void)attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      for (uint32_t i = 0; i < s.h; i++) {
        for (uint32_t j = 0; j < s.w; j++) {
          grad_in[0]->v[largest(in[0], n, c, i, j) - in[0]->v] += *ref_at(grad_out, n, c, i, j);
        }
      }
    }
  }
}

const struct ref_op ref_max_pool2x2 = {.name = "max_pool2x2", .build = build_pool, .reference = pool, .vjp = pool_vjp};

static vc_tensor *build_channels(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_concat_channels(g, in[0], in[1]);
}

static void channels(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  uint32_t a = in[0]->shape.c, b = in[1]->shape.c;
  for (uint64_t i = 0; i < in[0]->count / a; i++) {
    memcpy(out->v + i * (a + b), in[0]->v + i * a, a * sizeof(double));
    memcpy(out->v + i * (a + b) + a, in[1]->v + i * b, b * sizeof(double));
  }
}

static void channels_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out,
                         ref_array *const *grad_in, const void *attr) {
  (void)attr;
  uint32_t a = in[0]->shape.c, n = out->shape.c;
  for (uint64_t i = 0; i < out->count; i++) {
    uint64_t pixel = i / n, c = i % n;
    ref_array *to = grad_in[c < a ? 0 : 1];
    if (to) to->v[c < a ? pixel * a + c : pixel * (n - a) + c - a] += grad_out->v[i];
  }
}

const struct ref_op ref_concat_channels = {
    .name = "concat_channels", .build = build_channels, .reference = channels, .vjp = channels_vjp};

static vc_tensor *build_batch(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_concat_batch(g, in[0], in[1]);
}

static void batch(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  memcpy(out->v, in[0]->v, in[0]->count * sizeof(double));
  memcpy(out->v + in[0]->count, in[1]->v, in[1]->count * sizeof(double));
}

const struct ref_op ref_concat_batch = {.name = "concat_batch", .build = build_batch, .reference = batch};

static vc_tensor *build_slice(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_window *a = attr;
  return vc_slice_channels(g, in[0], a->a, a->b);
}

static void slice(ref_array *const *in, ref_array *out, const void *attr) {
  const struct ref_window *a = attr;
  for (uint64_t i = 0; i < out->count / a->b; i++) {
    memcpy(out->v + i * a->b, in[0]->v + i * in[0]->shape.c + a->a, a->b * sizeof(double));
  }
}

const struct ref_op ref_slice_channels = {.name = "slice_channels", .build = build_slice, .reference = slice};

static vc_tensor *build_crop(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_window *a = attr;
  return vc_crop(g, in[0], a->a, a->b, a->c, a->d);
}

static void crop(ref_array *const *in, ref_array *out, const void *attr) {
  const struct ref_window *a = attr;
  struct vc_shape s = out->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      for (uint32_t y = 0; y < s.h; y++) {
        for (uint32_t x = 0; x < s.w; x++) *ref_at(out, n, c, y, x) = *ref_at(in[0], n, c, y + a->a, x + a->b);
      }
    }
  }
}

const struct ref_op ref_crop = {.name = "crop", .build = build_crop, .reference = crop};

uint32_t ref_reflect(int64_t i, uint32_t n) {
  if (n == 1) return 0;
  while (i < 0 || i >= n) i = i < 0 ? -i : 2 * ((int64_t)n - 1) - i;
  return (uint32_t)i;
}

static vc_tensor *build_pad(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_window *a = attr;
  return vc_pad_reflect(g, in[0], a->a, a->b, a->c, a->d);
}

static void pad(ref_array *const *in, ref_array *out, const void *attr) {
  const struct ref_window *a = attr;
  struct vc_shape s = out->shape, x = in[0]->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      for (uint32_t i = 0; i < s.h; i++) {
        for (uint32_t j = 0; j < s.w; j++) {
          uint32_t from_y = ref_reflect((int64_t)i - a->a, x.h), from_x = ref_reflect((int64_t)j - a->c, x.w);
          *ref_at(out, n, c, i, j) = *ref_at(in[0], n, c, from_y, from_x);
        }
      }
    }
  }
}

const struct ref_op ref_pad_reflect = {.name = "pad_reflect", .build = build_pad, .reference = pad};

// ---- memory -------------------------------------------------------------------------------------------------------

enum { VIEW_PART = 64, VIEW_BLOCK = 192 };

static vc_tensor *build_view(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_scale(g, vc_view(g, in[0], (struct vc_shape){1, VIEW_PART, 1, 1}, VIEW_PART), 3);
}

static void view(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < VIEW_PART; i++) out->v[i] = 3 * in[0]->v[VIEW_PART + i];
}

const struct ref_op ref_view = {.name = "view", .build = build_view, .reference = view};

static vc_tensor *build_place(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  vc_tensor *block = vc_block(g, (struct vc_shape){1, VIEW_BLOCK, 1, 1}, VC_F32);
  vc_place(g, vc_scale(g, in[0], 2), block, VIEW_PART);
  return vc_scale(g, block, 3);
}

static void place(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < VIEW_PART; i++) out->v[VIEW_PART + i] = 6 * in[0]->v[i];
}

const struct ref_op ref_place = {.name = "place", .build = build_place, .reference = place};
