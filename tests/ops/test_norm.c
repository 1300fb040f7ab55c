// Normalisation: [STAT 1..6].
#include "support/optest.h"

#include <math.h>
#include <vulcyte/ops.h>

// in[] = x, w, b.
static vc_tensor *build(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_normalise(g, in[0], in[1], in[2], *(const struct vc_norm_desc *)attr, NULL);
}

// in[] = x, w, b, running mean, variance, count.
static vc_tensor *build_tracked(vc_graph *g, vc_tensor *const *in, const void *attr) {
  const struct vc_norm_running running = {in[3], in[4], in[5]};
  return vc_normalise(g, in[0], in[1], in[2], *(const struct vc_norm_desc *)attr, &running);
}

struct moments {
  double mean, variance, n;
};

// Of the pixels of sample `only` (of all samples where it is N) in channels first..first+count.
static struct moments find_moments(const optest_array *x, uint32_t only, uint32_t first, uint32_t count) {
  struct moments m = {0};
  for (int pass = 0; pass < 2; pass++) {
    double sum = 0, n = 0;
    for (uint32_t s = 0; s < x->shape.n; s++) {
      if (only < x->shape.n && s != only) continue;
      for (uint32_t c = first; c < first + count; c++) {
        for (uint32_t y = 0; y < x->shape.h; y++) {
          for (uint32_t w = 0; w < x->shape.w; w++, n++) {
            double v = *optest_at(x, s, c, y, w);
            sum += pass == 0 ? v : (v - m.mean) * (v - m.mean);
          }
        }
      }
    }
    *(pass == 0 ? &m.mean : &m.variance) = sum / n;
    m.n = n;
  }
  return m;
}

static void apply(const optest_array *x, uint32_t n, uint32_t c, struct moments m, double w, double b, bool relu,
                  optest_array *out) {
  for (uint32_t i = 0; i < x->shape.h; i++) {
    for (uint32_t j = 0; j < x->shape.w; j++) {
      double y = w * (*optest_at(x, n, c, i, j) - m.mean) / sqrt(m.variance + 1e-5) + b;
      *optest_at(out, n, c, i, j) = relu ? fmax(y, 0) : y;
    }
  }
}

static void reference(optest_array *const *in, optest_array *out, const void *attr) {
  const struct vc_norm_desc *d = attr;
  struct vc_shape s = in[0]->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (uint32_t c = 0; c < s.c; c++) {
      uint32_t group = d->kind == VC_NORM_GROUP ? s.c / 8 : 1;
      struct moments m = find_moments(in[0], d->kind == VC_NORM_BATCH ? s.n : n, c / group * group, group);
      apply(in[0], n, c, m, in[1]->v[c], in[2]->v[c], d->relu, out);
    }
  }
}

// The gradient of the elements of one set, which share statistics m: samples first_n..last_n, channels c0..c1.
struct set {
  uint32_t first_n, last_n, c0, c1;
  struct moments m;
  bool is_fixed, relu;
};

static void set_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                    optest_array *const *grad_in, const struct set *s) {
  double scale = 1 / sqrt(s->m.variance + 1e-5), mean = 0, mean_h = 0, count = 0;
  for (int pass = s->is_fixed ? 1 : 0; pass < 2; pass++) {
    for (uint32_t n = s->first_n; n < s->last_n; n++) {
      for (uint32_t c = s->c0; c < s->c1; c++) {
        for (uint32_t y = 0; y < out->shape.h; y++) {
          for (uint32_t x = 0; x < out->shape.w; x++) {
            double h = (*optest_at(in[0], n, c, y, x) - s->m.mean) * scale, w = in[1]->v[c];
            double g = s->relu && *optest_at(out, n, c, y, x) <= 0 ? 0 : *optest_at(grad_out, n, c, y, x);
            if (pass == 0) {
              mean += w * g;
              mean_h += w * g * h;
              count += 1;
              continue;
            }
            if (grad_in[0]) *optest_at(grad_in[0], n, c, y, x) += scale * (w * g - mean - h * mean_h);
            if (grad_in[1]) grad_in[1]->v[c] += g * h;
            if (grad_in[2]) grad_in[2]->v[c] += g;
          }
        }
      }
    }
    if (pass == 0) {
      mean /= count;
      mean_h /= count;
    }
  }
}

static void reference_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                          optest_array *const *grad_in, const void *attr) {
  const struct vc_norm_desc *d = attr;
  struct vc_shape s = in[0]->shape;
  bool is_batch = d->kind == VC_NORM_BATCH;
  uint32_t group = d->kind == VC_NORM_GROUP ? s.c / 8 : 1;
  for (uint32_t n = 0; n < (is_batch ? 1 : s.n); n++) {
    for (uint32_t c = 0; c < s.c; c += group) {
      struct moments m = find_moments(in[0], is_batch ? s.n : n, c, group);
      struct set set = {n, is_batch ? s.n : n + 1, c, c + group, m, false, d->relu};
      set_vjp(in, out, grad_out, grad_in, &set);
    }
  }
}

static void reference_tracked(optest_array *const *in, optest_array *out, const void *attr) {
  reference(in, out, attr);
  for (uint32_t c = 0; c < in[0]->shape.c; c++) {
    struct moments m = find_moments(in[0], in[0]->shape.n, c, 1);
    in[3]->v[c] = 0.9 * in[3]->v[c] + 0.1 * m.mean;
    in[4]->v[c] = 0.9 * in[4]->v[c] + 0.1 * m.variance * m.n / (m.n - 1);
  }
  in[5]->v[0] += 1;
}

// in[] = x, w, b, mean, variance.
static vc_tensor *build_by(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_normalise_by(g, in[0], in[1], in[2], in[3], in[4], *(const bool *)attr);
}

static void reference_by(optest_array *const *in, optest_array *out, const void *attr) {
  for (uint32_t n = 0; n < in[0]->shape.n; n++) {
    for (uint32_t c = 0; c < in[0]->shape.c; c++) {
      struct moments m = {.mean = in[3]->v[c], .variance = in[4]->v[c]};
      apply(in[0], n, c, m, in[1]->v[c], in[2]->v[c], *(const bool *)attr, out);
    }
  }
}

static void reference_by_vjp(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                             optest_array *const *grad_in, const void *attr) {
  struct vc_shape s = in[0]->shape;
  for (uint32_t c = 0; c < s.c; c++) {
    struct moments m = {.mean = in[3]->v[c], .variance = in[4]->v[c]};
    struct set set = {0, s.n, c, c + 1, m, true, *(const bool *)attr};
    set_vjp(in, out, grad_out, grad_in, &set);
  }
}

static const struct vc_norm_desc batch = {VC_NORM_BATCH, false}, batch_relu = {VC_NORM_BATCH, true},
                                 group = {VC_NORM_GROUP, false}, group_relu = {VC_NORM_GROUP, true},
                                 instance = {VC_NORM_INSTANCE, false}, instance_relu = {VC_NORM_INSTANCE, true};
static const bool relu = true, linear = false;
#define X(n, c, h, w)    {.shape = {n, c, h, w}, .fill = OPTEST_NORMAL, .lo = 0.5, .hi = 2}
#define FAR(n, c, h, w)  {.shape = {n, c, h, w}, .fill = OPTEST_NORMAL, .lo = 100, .hi = 1}
#define SAME(n, c, h, w) {.shape = {n, c, h, w}, .fill = OPTEST_CONST, .lo = 7.25}
#define CHANNELS(c)      {.shape = {1, c, 1, 1}, .fill = OPTEST_UNIFORM, .lo = 0.3, .hi = 1.7}
#define RUNNING(c)       {.shape = {1, c, 1, 1}, .fill = OPTEST_UNIFORM, .lo = 0.3, .hi = 1.7, .in_place = true}
#define GIVEN(c)         {.shape = {1, c, 1, 1}, .fill = OPTEST_UNIFORM, .lo = 0.3, .hi = 2, .no_grad = true}
#define CASE(label, n, c, h, w, d) \
  {.name = (label), .in = {X(n, c, h, w), CHANNELS(c), CHANNELS(c)}, .out = {n, c, h, w}, .attr = &(d)}
static const struct optest_case cases[] = {
    CASE("batch", 2, 3, 5, 7, batch),
    CASE("batch, one channel", 2, 1, 5, 7, batch),
    CASE("batch, four channels", 3, 4, 5, 3, batch_relu),
    CASE("batch, 64 channels", 2, 64, 2, 3, batch_relu),
    CASE("batch, many pixels", 2, 8, 61, 67, batch_relu),
    CASE("batch, many pixels, odd", 2, 5, 61, 67, batch),
    CASE("group, 8 channels", 2, 8, 5, 3, group),
    CASE("group, 24 channels", 2, 24, 3, 5, group),
    CASE("group, many pixels", 2, 32, 31, 37, group_relu),
    CASE("instance", 2, 3, 5, 7, instance),
    CASE("instance, four channels", 3, 4, 5, 3, instance_relu),
    CASE("instance, many pixels", 3, 8, 61, 67, instance_relu),
    // 2e-4: x has 24 bits, of which the mean of 100 standard deviations takes 7.
    {.name = "batch, far from 0",
     .in = {FAR(2, 4, 9, 7), CHANNELS(4), CHANNELS(4)},
     .out = {2, 4, 9, 7},
     .attr = &batch,
     .tolerance = 2e-4},
    // No gradient: without variance it is that of noise.
    {.name = "instance, all equal",
     .in = {SAME(2, 4, 9, 7), CHANNELS(4), CHANNELS(4)},
     .out = {2, 4, 9, 7},
     .attr = &instance,
     .no_vjp = true},
    {.name = "instance, one pixel",
     .in = {X(2, 4, 1, 1), CHANNELS(4), CHANNELS(4)},
     .out = {2, 4, 1, 1},
     .attr = &instance,
     .no_vjp = true},
    {.name = "channels that make no groups",
     .in = {X(2, 12, 5, 7), CHANNELS(12), CHANNELS(12)},
     .attr = &group,
     .fails = VC_E_SHAPE,
     .message = "12 channels do not make 8 equal groups"},
    {.name = "weight of other channels",
     .in = {X(2, 4, 5, 7), CHANNELS(5), CHANNELS(4)},
     .attr = &batch,
     .fails = VC_E_SHAPE,
     .message = "the weight is 1 x 5 x 1 x 1"},
};
#define TRACKED(label, n, c, h, w)                                                      \
  {.name = (label),                                                                     \
   .in = {X(n, c, h, w), CHANNELS(c), CHANNELS(c), RUNNING(c), RUNNING(c), RUNNING(1)}, \
   .out = {n, c, h, w},                                                                 \
   .attr = &batch}
static const struct optest_case track_cases[] = {
    TRACKED("small", 2, 3, 5, 7),
    TRACKED("65 channels", 1, 65, 3, 4),
    TRACKED("many pixels", 2, 8, 61, 67),
    // 1e-2: h is 1 and -1 whatever x is; what is left of the gradient is of the order of epsilon.
    {.name = "two values a channel",
     .in = {X(2, 8, 1, 1), CHANNELS(8), CHANNELS(8), RUNNING(8), RUNNING(8), RUNNING(1)},
     .out = {2, 8, 1, 1},
     .attr = &batch,
     .grad_tolerance = 1e-2},
    {.name = "mean of other channels",
     .in = {X(2, 4, 5, 7), CHANNELS(4), CHANNELS(4), RUNNING(5), RUNNING(4), RUNNING(1)},
     .attr = &batch,
     .fails = VC_E_SHAPE,
     .message = "the running mean is 1 x 5 x 1 x 1"},
};
#define FIXED(label, n, c, h, w, d)                                     \
  {.name = (label),                                                     \
   .in = {X(n, c, h, w), CHANNELS(c), CHANNELS(c), GIVEN(c), GIVEN(c)}, \
   .out = {n, c, h, w},                                                 \
   .attr = &(d)}
static const struct optest_case by_cases[] = {
    FIXED("small", 2, 3, 5, 7, linear),
    FIXED("four channels", 2, 4, 5, 7, relu),
    FIXED("many pixels", 2, 8, 61, 67, relu),
};
#define OP(op_name, op_build, op_reference, op_vjp, op_cases) \
  {.name = (op_name),                                         \
   .build = (op_build),                                       \
   .reference = (op_reference),                               \
   .reference_vjp = (op_vjp),                                 \
   .cases = (op_cases),                                       \
   .n_cases = VC_COUNT_OF(op_cases)}
static const struct optest_op ops[] = {
    OP("norm", build, reference, reference_vjp, cases),
    OP("norm, tracked", build_tracked, reference_tracked, reference_vjp, track_cases),
    OP("norm, fixed", build_by, reference_by, reference_by_vjp, by_cases),
};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &ops[0], &ops[1], &ops[2], NULL);
}
