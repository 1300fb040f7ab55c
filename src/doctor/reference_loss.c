// Losses: [DICE 1..4], [CE 1..2], [KL 1..4], [IID 1..5].
#include "doctor/reference.h"

#include <math.h>
#include <string.h>

enum { MAX_CLASSES = 64 };

static vc_tensor *build_dice(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_dice_loss(g, in[0], in[1], *(const struct vc_dice_desc *)attr);
}

// Sums of the counted pixels by class: twice the overlap and both sizes, each with its weight in the loss.
struct dice_sums {
  double both[MAX_CLASSES], size[MAX_CLASSES], weight[MAX_CLASSES], top, bottom;
};

static struct dice_sums sum_dice(ref_array *const *in, const struct vc_dice_desc *d) {
  struct dice_sums s = {.top = 1e-5, .bottom = 1e-5};
  double count[MAX_CLASSES] = {0}, n_valid = 0;
  uint32_t n_c = in[0]->shape.c;
  for (uint64_t i = 0; i < in[1]->count; i++) {
    if (in[1]->v[i] >= n_c) continue;
    n_valid += 1;
    count[(uint32_t)in[1]->v[i]] += 1;
    s.both[(uint32_t)in[1]->v[i]] += 2 * in[0]->v[i * n_c + (uint32_t)in[1]->v[i]];
    for (uint32_t c = 0; c < n_c; c++) {
      double p = in[0]->v[i * n_c + c];
      s.size[c] += d->denominator == VC_DICE_SUM ? p : p * p;
    }
  }
  for (uint32_t c = 0; c < n_c; c++) {
    s.size[c] += count[c];
    s.weight[c] = pow(n_valid / fmax(count[c], 1), 2);
    s.top += s.weight[c] * s.both[c];
    s.bottom += s.weight[c] * s.size[c];
  }
  return s;
}

static void dice(ref_array *const *in, ref_array *out, const void *attr) {
  const struct vc_dice_desc *d = attr;
  const struct dice_sums s = sum_dice(in, d);
  uint32_t n_c = in[0]->shape.c;
  out->v[0] = 1;
  for (uint32_t c = 0; c < n_c && d->weights == VC_DICE_UNIFORM; c++) {
    out->v[0] -= (s.both[c] + 1e-5) / (s.size[c] + 1e-5) / n_c;
  }
  if (d->weights == VC_DICE_GENERALISED) out->v[0] = 1 - s.top / s.bottom;
}

static void dice_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
                     const void *attr) {
  (void)out;
  const struct vc_dice_desc *d = attr;
  const struct dice_sums s = sum_dice(in, d);
  uint32_t n_c = in[0]->shape.c;
  for (uint64_t i = 0; i < in[1]->count; i++) {
    if (in[1]->v[i] >= n_c) continue;
    for (uint32_t c = 0; c < n_c; c++) {
      double both = c == (uint32_t)in[1]->v[i] ? 2 : 0;
      double size = d->denominator == VC_DICE_SUM ? 1 : 2 * in[0]->v[i * n_c + c];
      double top = s.both[c] + 1e-5, bottom = s.size[c] + 1e-5, weight = 1.0 / n_c;
      if (d->weights == VC_DICE_GENERALISED) top = s.top, bottom = s.bottom, weight = s.weight[c];
      grad_in[0]->v[i * n_c + c] -= grad_out->v[0] * weight * (both / bottom - size * top / (bottom * bottom));
    }
  }
}

const struct ref_op ref_dice = {.name = "dice", .build = build_dice, .reference = dice, .vjp = dice_vjp};

static vc_tensor *build_cross_entropy(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_cross_entropy_loss(g, in[0], in[1]);
}

static void cross_entropy(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  uint32_t n_c = in[0]->shape.c;
  double sum = 0, count = 0;
  for (uint64_t i = 0; i < in[1]->count; i++) {
    if (in[1]->v[i] >= n_c) continue;
    sum -= in[0]->v[i * n_c + (uint32_t)in[1]->v[i]];
    count += 1;
  }
  out->v[0] = count > 0 ? sum / count : 0;
}

const struct ref_op ref_cross_entropy = {
    .name = "cross_entropy", .build = build_cross_entropy, .reference = cross_entropy};

static vc_tensor *build_kl(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_kl_loss(g, in[0], in[1], in[2], *(const struct vc_kl_desc *)attr);
}

// The target of a pixel as the loss takes it; its return says whether the pixel counts in the sum.
static bool take_target(const struct vc_kl_desc *d, const double *target, uint32_t n_c, double *out_t) {
  double power = d->temperature > 0 ? 1 / (double)d->temperature : 1, largest = 0, norm = 0;
  for (uint32_t c = 0; c < n_c; c++) largest = fmax(largest, target[c]);
  for (uint32_t c = 0; c < n_c; c++) norm += pow(target[c] / largest, power);
  for (uint32_t c = 0; c < n_c; c++) {
    out_t[c] = d->temperature > 0 ? pow(target[c] / largest, power) / norm : target[c];
  }
  return d->confidence <= 0 || largest > d->confidence;
}

static double count_valid(const ref_array *valid) {
  double n = 0;
  for (uint64_t i = 0; i < valid->count; i++) n += valid->v[i];
  return fmax(n, 1);
}

static void kl(ref_array *const *in, ref_array *out, const void *attr) {
  uint32_t n_c = in[0]->shape.c;
  double sum = 0, t[MAX_CLASSES];
  for (uint64_t i = 0; i < in[2]->count; i++) {
    const double *p = in[1]->v + i * n_c;
    if (in[2]->v[i] == 0 || !take_target(attr, in[0]->v + i * n_c, n_c, t)) continue;
    for (uint32_t c = 0; c < n_c; c++) sum += t[c] * (log(fmax(t[c], 2.2e-16)) - log(fmax(p[c], 2.2e-16)));
  }
  out->v[0] = sum / count_valid(in[2]);
}

// To the prediction alone.
static void kl_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
                   const void *attr) {
  (void)out;
  uint32_t n_c = in[0]->shape.c;
  double t[MAX_CLASSES];
  for (uint64_t i = 0; i < in[2]->count; i++) {
    const double *p = in[1]->v + i * n_c;
    if (in[2]->v[i] == 0 || !take_target(attr, in[0]->v + i * n_c, n_c, t)) continue;
    for (uint32_t c = 0; c < n_c; c++) {
      if (p[c] >= 2.2e-16) grad_in[1]->v[i * n_c + c] -= grad_out->v[0] * t[c] / p[c] / count_valid(in[2]);
    }
  }
}

const struct ref_op ref_kl = {.name = "kl", .build = build_kl, .reference = kl, .vjp = kl_vjp};

static vc_tensor *build_iid(vc_graph *g, vc_tensor *const *in, const void *attr) {
  return vc_iid_loss(g, in[0], in[1], in[2], *(const struct vc_iid_desc *)attr);
}

// A joint matrix and the derivative of its loss with respect to each entry before the division by their sum.
struct matrix {
  double sums[MAX_CLASSES][MAX_CLASSES], slope[MAX_CLASSES][MAX_CLASSES];
};

// Calls visit for each pair of valid pixels, u and u displaced by (dx, dy), with the elements of their class 0.
typedef void (*visit_fn)(ref_array *const *in, struct matrix *m, uint64_t u, uint64_t other, void *context);

static void each_pair(ref_array *const *in, int dx, int dy, struct matrix *m, visit_fn visit, void *context) {
  struct vc_shape s = in[0]->shape;
  for (uint32_t n = 0; n < s.n; n++) {
    for (int y = 0; y < (int)s.h; y++) {
      for (int x = 0; x < (int)s.w; x++) {
        if (x + dx < 0 || y + dy < 0 || x + dx >= (int)s.w || y + dy >= (int)s.h) continue;
        uint64_t u = ((uint64_t)n * s.h + (uint64_t)y) * s.w + (uint64_t)x;
        uint64_t other = ((uint64_t)n * s.h + (uint64_t)(y + dy)) * s.w + (uint64_t)(x + dx);
        if (in[2]->v[u] != 0 && in[2]->v[other] != 0) visit(in, m, u * s.c, other * s.c, context);
      }
    }
  }
}

static void add_pair(ref_array *const *in, struct matrix *m, uint64_t u, uint64_t other, void *context) {
  (void)context;
  uint32_t n_c = in[0]->shape.c;
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) m->sums[i][j] += in[0]->v[u + i] * in[1]->v[other + j];
  }
}

static double floored_log(double v) {
  return log(fmax(v, 2.2e-16));
}

// d/dx of x log max(x, floor).
static double log_slope(double v) {
  return floored_log(v) + (v >= 2.2e-16 ? 1 : 0);
}

// The loss of a matrix; fills its slopes.
static double matrix_loss(struct matrix *m, uint32_t n_c, double lambda) {
  double total = 0, loss = 0, mean = 0, p[MAX_CLASSES][MAX_CLASSES], row[MAX_CLASSES] = {0}, column[MAX_CLASSES] = {0};
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) total += m->sums[i][j];
  }
  memset(m->slope, 0, sizeof m->slope);
  if (total == 0) return 0;
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) {
      p[i][j] = (m->sums[i][j] / total + m->sums[j][i] / total) / 2;
      row[i] += p[i][j];
      column[j] += p[i][j];
    }
  }
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) {
      loss += p[i][j] * (-floored_log(p[i][j]) + lambda * floored_log(row[i]) + lambda * floored_log(column[j]));
      m->slope[i][j] = -log_slope(p[i][j]) + lambda * log_slope(row[i]) + lambda * log_slope(column[j]);
      mean += m->slope[i][j] * p[i][j];
    }
  }
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) m->slope[i][j] = (m->slope[i][j] - mean) / total;
  }
  return loss;
}

struct grads {
  ref_array *const *to;
  double scale;
};

static void spread_pair(ref_array *const *in, struct matrix *m, uint64_t u, uint64_t other, void *context) {
  const struct grads *g = context;
  uint32_t n_c = in[0]->shape.c;
  for (uint32_t i = 0; i < n_c; i++) {
    for (uint32_t j = 0; j < n_c; j++) {
      if (g->to[0]) g->to[0]->v[u + i] += g->scale * m->slope[i][j] * in[1]->v[other + j];
      if (g->to[1]) g->to[1]->v[other + j] += g->scale * m->slope[i][j] * in[0]->v[u + i];
    }
  }
}

// The loss, and its gradients where grads is not NULL.
static double iid(ref_array *const *in, const struct vc_iid_desc *d, const struct grads *grads) {
  static struct matrix m; // too large for the stack
  int r = (int)d->displacement;
  double sum = 0, box = (2 * r + 1) * (2 * r + 1);
  memset(&m, 0, sizeof m);
  for (int dy = -r; dy <= r; dy++) {
    for (int dx = -r; dx <= r; dx++) {
      if (!d->collapsed) memset(&m, 0, sizeof m);
      each_pair(in, dx, dy, &m, add_pair, NULL);
      if (d->collapsed) continue;
      sum += matrix_loss(&m, in[0]->shape.c, (double)d->lambda) / box;
      if (grads) each_pair(in, dx, dy, &m, spread_pair, &(struct grads){grads->to, grads->scale / box});
    }
  }
  if (!d->collapsed) return sum;
  sum = matrix_loss(&m, in[0]->shape.c, (double)d->lambda);
  for (int dy = -r; dy <= r && grads; dy++) {
    for (int dx = -r; dx <= r; dx++) each_pair(in, dx, dy, &m, spread_pair, &(struct grads){grads->to, grads->scale});
  }
  return sum;
}

static void iid_loss(ref_array *const *in, ref_array *out, const void *attr) {
  out->v[0] = iid(in, attr, NULL);
}

static void iid_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
                    const void *attr) {
  (void)out;
  iid(in, attr, &(struct grads){grad_in, grad_out->v[0]});
}

const struct ref_op ref_iid = {.name = "iid", .build = build_iid, .reference = iid_loss, .vjp = iid_vjp};
