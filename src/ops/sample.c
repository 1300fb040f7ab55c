// Windows cut from the pool of stored images and class maps. Equation: docs/equations.md [NORM 1].
#include "internal.h"

#include "shaders/shared/sample.h"

#define WINDOW_AT(member, number) \
  _Static_assert(offsetof(struct vc_window, member) == 4 * (number), "struct vc_window differs from sample.h")
WINDOW_AT(word, SAMPLE_WORD);
WINDOW_AT(width, SAMPLE_WIDTH);
WINDOW_AT(height, SAMPLE_HEIGHT);
WINDOW_AT(left, SAMPLE_LEFT);
WINDOW_AT(top, SAMPLE_TOP);
WINDOW_AT(format, SAMPLE_FORMAT);
WINDOW_AT(channels, SAMPLE_CHANNELS);
_Static_assert(sizeof(struct vc_window) == 4 * SAMPLE_WINDOW_WORDS, "struct vc_window differs from sample.h");
_Static_assert(SAMPLE_U8 == (int)VC_PIXEL_U8 && SAMPLE_U16 == (int)VC_PIXEL_U16 && SAMPLE_F32 == (int)VC_PIXEL_F32,
               "enum vc_pixel_format differs from sample.h");
_Static_assert(SAMPLE_IGNORE == VC_IGNORE && SAMPLE_IGNORE_U8 == VC_IGNORE_U8, "terms.h differs from sample.h");

struct sample_attr {
  struct vc_shape shape;
};

static vc_status sample_infer(vc_tensor *out, vc_dtype dtype) {
  const struct sample_attr *a = ops_attr(out);
  struct vc_shape s = a->shape;
  VC_TRY(ops_want_dtype(out->in[0], VC_U32, "the pool"));
  VC_TRY(ops_want_dtype(out->in[1], VC_U32, "the windows"));
  VC_TRY(ops_want_shape(out->in[1], (struct vc_shape){1, SAMPLE_WINDOW_WORDS * s.n, 1, 1}, "the windows"));
  if (vc_shape_count(s) == 0) return VC_FAIL(VC_E_SHAPE, "windows of %u x %u x %u x %u", s.n, s.c, s.h, s.w);
  out->shape = s;
  out->dtype = dtype;
  return VC_OK;
}

// Both kernels end with the result as their last binding.
static vc_status sample_emit(vc_emitter *e, const vc_tensor *out, const char *kernel) {
  struct vc_shape s = out->shape;
  uint64_t n = (uint64_t)s.c * s.h * s.w;
  struct ops_grid grid = ops_grid_for(e, n, 4);
  struct vc_sample_push push = {.n = (uint32_t)n, .stride = grid.stride, .c = s.c, .w = s.w};
  struct vc_dispatch d = {
      .kernel = kernel, .push = &push, .push_bytes = sizeof push, .groups = {grid.groups[0], s.n, 1}};
  while (d.n_bindings < out->n_in) {
    d.bindings[d.n_bindings] = vc_emit_tensor(e, out->in[d.n_bindings]);
    d.n_bindings++;
  }
  d.bindings[d.n_bindings++] = vc_emit_tensor(e, out);
  return vc_emit(e, &d);
}

static vc_status images_infer(vc_tensor *out) {
  const struct sample_attr *a = ops_attr(out);
  VC_TRY(ops_want_dtype(out->in[2], VC_F32, "the range"));
  VC_TRY(ops_want_shape(out->in[2], (struct vc_shape){1, 2 * a->shape.c, 1, 1}, "the range"));
  return sample_infer(out, VC_F32);
}

static vc_status images_emit(vc_emitter *e, const vc_tensor *out) {
  return sample_emit(e, out, "sample_images_fwd");
}

static const struct vc_op crop_images = {.name = "crop_images", .infer = images_infer, .emit = images_emit};

vc_tensor *vc_crop_images(vc_graph *g, vc_tensor *pool, vc_tensor *windows, vc_tensor *range, struct vc_shape shape) {
  return vc_node(g, &crop_images, (vc_tensor *[]){pool, windows, range}, 3, &(struct sample_attr){shape},
                 sizeof(struct sample_attr));
}

static vc_status labels_infer(vc_tensor *out) {
  const struct sample_attr *a = ops_attr(out);
  if (a->shape.c != 1) return VC_FAIL(VC_E_SHAPE, "labels of %u channels; they have one", a->shape.c);
  return sample_infer(out, VC_U32);
}

static vc_status labels_emit(vc_emitter *e, const vc_tensor *out) {
  return sample_emit(e, out, "sample_labels_fwd");
}

static const struct vc_op crop_labels = {.name = "crop_labels", .infer = labels_infer, .emit = labels_emit};

vc_tensor *vc_crop_labels(vc_graph *g, vc_tensor *pool, vc_tensor *windows, struct vc_shape shape) {
  return vc_node(g, &crop_labels, (vc_tensor *[]){pool, windows}, 2, &(struct sample_attr){shape},
                 sizeof(struct sample_attr));
}
