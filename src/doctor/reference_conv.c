// Convolutions: [CONV 1..3], [UPCONV 1..3].
#include "doctor/reference.h"

typedef void (*visit_product)(double *x, double *w, double *y);

static void to_y(double *x, double *w, double *y) {
  *y += *x * *w;
}
static void to_x(double *x, double *w, double *y) {
  *x += *y * *w;
}
static void to_w(double *x, double *w, double *y) {
  *w += *x * *y;
}

// ---- side 1 and 3 -------------------------------------------------------------------------------------------------

// Visits every product w[k,c,r,s] x[n,c,y,x] that counts in output (n,k,i,j).
static void visit(const ref_array *x, const ref_array *w, const ref_array *y, enum vc_padding padding,
                  visit_product fn) {
  uint32_t side = w->shape.h, o = padding == VC_PAD_SAME ? (side - 1) / 2 : 0;
  for (uint32_t n = 0; n < y->shape.n; n++) {
    for (uint32_t i = 0; i < y->shape.h; i++) {
      for (uint32_t j = 0; j < y->shape.w; j++) {
        for (uint32_t tap = 0; tap < side * side; tap++) {
          uint32_t r = tap / side, s = tap % side, u = i + r - o, v = j + s - o;
          if (u >= x->shape.h || v >= x->shape.w) continue;
          for (uint32_t k = 0; k < y->shape.c; k++) {
            for (uint32_t c = 0; c < x->shape.c; c++) {
              fn(ref_at(x, n, c, u, v), ref_at(w, k, c, r, s), ref_at(y, n, k, i, j));
            }
          }
        }
      }
    }
  }
}

static vc_tensor *build_conv(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_conv_attr *a = attr;
  return vc_conv2d(g, in[0], in[1], in[2],
                   (struct vc_conv2d_desc){.padding = a->padding, .relu = a->relu, .add = in[3]});
}

static void conv(ref_array *const *in, ref_array *out, const void *attr) {
  const struct ref_conv_attr *a = attr;
  visit(in[0], in[1], out, a->padding, to_y);
  for (uint64_t i = 0; i < out->count; i++) {
    if (in[2]) out->v[i] += in[2]->v[i % out->shape.c];
    if (in[3]) out->v[i] += in[3]->v[i];
    if (a->relu && out->v[i] < 0) out->v[i] = 0; // NaN stays
  }
}

static void conv_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
                     const void *attr) {
  const struct ref_conv_attr *a = attr;
  ref_array gz = *grad_out; // before the ReLU
  double before[64 * 1024];
  VC_ASSERT(gz.count <= VC_COUNT_OF(before));
  for (uint64_t i = 0; i < gz.count; i++) before[i] = a->relu && !(out->v[i] > 0) ? 0 : grad_out->v[i];
  gz.v = before;
  if (grad_in[0]) visit(grad_in[0], in[1], &gz, a->padding, to_x);
  if (grad_in[1]) visit(in[0], grad_in[1], &gz, a->padding, to_w);
  for (uint64_t i = 0; grad_in[2] && i < gz.count; i++) grad_in[2]->v[i % gz.shape.c] += gz.v[i];
  for (uint64_t i = 0; grad_in[3] && i < gz.count; i++) grad_in[3]->v[i] += gz.v[i];
}

// Winograd's transforms multiply terms by up to 8 before they cancel, which costs a bit more than the plain sum.
#define WINOGRAD_TOLERANCE 5e-5

const struct ref_op ref_conv2d = {
    .name = "conv2d", .build = build_conv, .reference = conv, .vjp = conv_vjp, .tolerance = WINOGRAD_TOLERANCE};

static vc_tensor *build_dx(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_conv_attr *a = attr;
  return vc_conv2d_dx(g, in[0], in[1], a->x_shape, a->padding);
}

static void dx(ref_array *const *in, ref_array *out, const void *attr) {
  visit(out, in[1], in[0], ((const struct ref_conv_attr *)attr)->padding, to_x);
}

const struct ref_op ref_conv2d_dx = {
    .name = "conv2d_dx", .build = build_dx, .reference = dx, .tolerance = WINOGRAD_TOLERANCE};

static vc_tensor *build_dw(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct ref_conv_attr *a = attr;
  return vc_conv2d_dw(g, in[0], in[1], a->side, a->padding);
}

static void dw(ref_array *const *in, ref_array *out, const void *attr) {
  visit(in[0], out, in[1], ((const struct ref_conv_attr *)attr)->padding, to_w);
}

const struct ref_op ref_conv2d_dw = {
    .name = "conv2d_dw", .build = build_dw, .reference = dw, .tolerance = WINOGRAD_TOLERANCE};

// ---- up-convolution -----------------------------------------------------------------------------------------------

// Visits every product w[c,k,r,s] x[n,c,i,j], which counts in output (n,k,2i+r,2j+s).
static void visit_up(const ref_array *x, const ref_array *w, const ref_array *y, visit_product fn) {
  for (uint32_t n = 0; n < x->shape.n; n++) {
    for (uint32_t i = 0; i < y->shape.h; i++) {
      for (uint32_t j = 0; j < y->shape.w; j++) {
        for (uint32_t k = 0; k < y->shape.c; k++) {
          for (uint32_t c = 0; c < x->shape.c; c++) {
            fn(ref_at(x, n, c, i / 2, j / 2), ref_at(w, c, k, i % 2, j % 2), ref_at(y, n, k, i, j));
          }
        }
      }
    }
  }
}

static vc_tensor *build_up(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_conv_transpose2x2(g, in[0], in[1], in[2]);
}

static void up(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  visit_up(in[0], in[1], out, to_y);
  for (uint64_t i = 0; in[2] && i < out->count; i++) out->v[i] += in[2]->v[i % out->shape.c];
}

static void up_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
                   const void *attr) {
  (void)out, (void)attr;
  if (grad_in[0]) visit_up(grad_in[0], in[1], grad_out, to_x);
  if (grad_in[1]) visit_up(in[0], grad_in[1], grad_out, to_w);
  for (uint64_t i = 0; grad_in[2] && i < grad_out->count; i++) {
    grad_in[2]->v[i % grad_out->shape.c] += grad_out->v[i];
  }
}

const struct ref_op ref_conv_transpose2x2 = {
    .name = "conv_transpose2x2", .build = build_up, .reference = up, .vjp = up_vjp};

static vc_tensor *build_up_dx(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_conv_transpose2x2_dx(g, in[0], in[1]);
}

static void up_dx(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  visit_up(out, in[1], in[0], to_x);
}

const struct ref_op ref_conv_transpose2x2_dx = {
    .name = "conv_transpose2x2_dx", .build = build_up_dx, .reference = up_dx};

static vc_tensor *build_up_dw(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_conv_transpose2x2_dw(g, in[0], in[1]);
}

static void up_dw(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  visit_up(in[0], out, in[1], to_w);
}

const struct ref_op ref_conv_transpose2x2_dw = {
    .name = "conv_transpose2x2_dw", .build = build_up_dw, .reference = up_dw};
