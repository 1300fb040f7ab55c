// One case of an op on the device, with each of its variants, against the reference.
#include "doctor/prove.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "vulcyte/gpu.h"
#include "vulcyte/variant.h"

enum { SEED = 11 };
static const double STEP = 1e-3; // of finite differences

// What a case must give.
struct expected {
  bool is_mixed; // on activations in 16 bits
  uint32_t n_in;
  ref_array *in[REF_MAX_INPUTS];       // NULL: absent
  ref_array *in_after[REF_MAX_INPUTS]; // as the reference leaves them
  ref_array *grad[REF_MAX_INPUTS];     // NULL: not differentiated
  ref_array *out, *seed;
  double tolerance;
};

// A case on the device.
struct trial {
  vc_slot *in[REF_MAX_INPUTS];
  vc_tensor *grad[REF_MAX_INPUTS], *out; // NULL: none
  vc_exec *exec;
};

static bool is_differentiated(const struct ref_input *in) {
  return !in->absent && !in->no_grad && !in->in_place && in->dtype == VC_F32;
}

static bool has_gradients(const struct doctor_case *c, const vc_tensor *out) {
  return !c->op->no_vjp && !c->no_vjp && !c->op->no_result && out->dtype == VC_F32;
}

// ---- what is expected ---------------------------------------------------------------------------------------------

static vc_status make_inputs(vc_arena *arena, const struct doctor_case *c, struct expected *e) {
  while (e->n_in < REF_MAX_INPUTS && (c->in[e->n_in].shape.h || c->in[e->n_in].absent)) e->n_in++;
  for (uint32_t i = 0; i < e->n_in; i++) {
    if (c->in[i].absent) continue;
    VC_TRY(ref_array_create(arena, c->in[i].shape, c->in[i].dtype, &e->in[i]));
    VC_TRY(ref_array_create(arena, c->in[i].shape, c->in[i].dtype, &e->in_after[i]));
    vc_rng rng = vc_rng_at(SEED, VC_RNG_TEST, 0, i);
    ref_make_input(&rng, &c->in[i], c->attr, e->in[i]);
    if (e->is_mixed) ref_round_half(e->in[i]);
    memcpy(e->in_after[i]->v, e->in[i]->v, e->in[i]->count * sizeof(double));
  }
  return VC_OK;
}

// sum(seed * f) with element `at` of input i moved by step.
static double probe(const struct doctor_case *c, const struct expected *e, ref_array *out, uint32_t i, uint64_t at,
                    double step) {
  const double before = e->in[i]->v[at];
  double sum = 0;
  e->in[i]->v[at] = before + step;
  memset(out->v, 0, out->count * sizeof(double));
  c->op->reference(e->in, out, c->attr);
  for (uint64_t k = 0; k < out->count; k++) sum += e->seed->v[k] * out->v[k];
  e->in[i]->v[at] = before;
  return sum;
}

// Two central differences, extrapolated: exact to 1e-9 for functions as smooth as these.
static vc_status differentiate(vc_arena *arena, const struct doctor_case *c, struct expected *e, uint32_t i) {
  ref_array *out;
  VC_TRY(ref_array_create(arena, e->out->shape, e->out->dtype, &out));
  for (uint64_t at = 0; at < e->in[i]->count; at++) {
    const double one = probe(c, e, out, i, at, STEP) - probe(c, e, out, i, at, -STEP);
    const double two = probe(c, e, out, i, at, 2 * STEP) - probe(c, e, out, i, at, -2 * STEP);
    e->grad[i]->v[at] = (4 * one / (2 * STEP) - two / (4 * STEP)) / 3;
  }
  return VC_OK;
}

static vc_status expect(vc_arena *arena, const struct doctor_case *c, const vc_tensor *out, struct expected *e) {
  VC_TRY(ref_array_create(arena, c->op->no_result ? (struct vc_shape){1, 1, 1, 1} : c->out, out->dtype, &e->out));
  c->op->reference(e->in_after, e->out, c->attr);
  e->tolerance = c->tolerance > 0 ? c->tolerance : c->op->tolerance > 0 ? c->op->tolerance : REF_TOLERANCE;
  if (e->is_mixed) e->tolerance = VC_MAX(e->tolerance, REF_HALF_TOLERANCE);
  if (!has_gradients(c, out)) return VC_OK;
  VC_TRY(ref_array_create(arena, c->out, VC_F32, &e->seed));
  vc_rng rng = vc_rng_at(SEED, VC_RNG_TEST, 0, REF_MAX_INPUTS);
  for (uint64_t i = 0; i < e->seed->count; i++) e->seed->v[i] = (double)(float)vc_rng_uniform(&rng, -1, 1);
  if (e->is_mixed) ref_round_half(e->seed);
  for (uint32_t i = 0; i < e->n_in; i++) {
    if (!is_differentiated(&c->in[i])) continue;
    VC_TRY(ref_array_create(arena, c->in[i].shape, VC_F32, &e->grad[i]));
    if (!c->op->vjp) VC_TRY(differentiate(arena, c, e, i));
  }
  if (c->op->vjp) c->op->vjp(e->in, e->out, e->seed, e->grad, c->attr);
  return VC_OK;
}

// ---- on the device ------------------------------------------------------------------------------------------------

static vc_status write_array(vc_arena *arena, const ref_array *a, vc_slot *slot) {
  uint32_t *words;
  VC_TRY(VC_NEW(arena, a->count, &words));
  for (uint64_t i = 0; i < a->count; i++) {
    const float value = (float)a->v[i];
    if (a->dtype == VC_U32)
      words[i] = (uint32_t)a->v[i];
    else
      memcpy(&words[i], &value, sizeof value);
  }
  return vc_slot_write(slot, 0, words, a->count * sizeof *words);
}

static vc_status make_slot(vc_arena *arena, vc_gpu *gpu, const char *name, const ref_array *a, vc_graph *g,
                           vc_slot **out_slot, vc_tensor **out) {
  VC_TRY(vc_slot_create(arena, gpu, a->count * 4, VC_SLOT_DEVICE, name, out_slot));
  *out = vc_bind(g, name, a->shape, a->dtype, *out_slot, 0);
  return VC_OK;
}

// The graph of a case without its gradients, on memory of its own.
static vc_status build_forward(vc_arena *arena, vc_gpu *gpu, const struct doctor_case *c, const struct expected *e,
                               vc_graph **out_graph, vc_tensor **in, struct trial *t) {
  VC_TRY(vc_graph_create(arena, out_graph));
  for (uint32_t i = 0; i < e->n_in; i++)
    if (e->in[i]) VC_TRY(make_slot(arena, gpu, "input", e->in[i], *out_graph, &t->in[i], &in[i]));
  t->out = c->op->build(*out_graph, in, c->attr);
  return vc_graph_status(*out_graph);
}

static vc_status build(vc_arena *arena, vc_gpu *gpu, const struct doctor_case *c, const struct expected *e,
                       const char *variants, struct trial *t) {
  vc_graph *g;
  vc_tensor *in[REF_MAX_INPUTS] = {NULL}, *wrt[REF_MAX_INPUTS], *grads[REF_MAX_INPUTS], *seed;
  uint32_t index[REF_MAX_INPUTS], n = 0;
  VC_TRY(build_forward(arena, gpu, c, e, &g, in, t));
  for (uint32_t i = 0; i < e->n_in; i++) {
    if (!e->grad[i]) continue;
    index[n] = i;
    wrt[n++] = in[i];
  }
  if (n > 0) {
    vc_slot *slot;
    VC_TRY(make_slot(arena, gpu, "seed", e->seed, g, &slot, &seed));
    VC_TRY(write_array(arena, e->seed, slot));
    vc_grad(g, t->out, seed, wrt, n, grads);
    VC_TRY(vc_graph_status(g));
  }
  for (uint32_t k = 0; k < n; k++) {
    t->grad[index[k]] = grads[k];
    if (grads[k]) vc_output(g, grads[k]);
  }
  if (c->op->no_result)
    t->out = NULL;
  else
    vc_output(g, t->out);
  const struct vc_exec_options options = {
      .variants = variants, .poison = true, .mixed = e->is_mixed, .all_mixed = true, .any_size = true};
  VC_TRY(vc_exec_create(arena, gpu, g, &options, &t->exec));
  return vc_exec_bind(arena, &t->exec, 1);
}

// ---- comparing ----------------------------------------------------------------------------------------------------

// Elements as they came from the device.
union reading {
  uint32_t *u;
  float *f;
};

double doctor_error(const float *got, const double *want, uint64_t n) {
  double squares = 0, worst = 0;
  for (uint64_t i = 0; i < n; i++) squares += want[i] * want[i];
  const double scale = sqrt(squares / (double)VC_MAX(n, 1)) + 1e-3;
  for (uint64_t i = 0; i < n; i++) {
    const double off = fabs((double)got[i] - want[i]) / (fabs(want[i]) + scale);
    if (!(off <= worst)) worst = isfinite(off) ? off : (double)INFINITY;
  }
  return worst;
}

static double error_of(const union reading *got, const ref_array *want) {
  if (want->dtype == VC_F32) return doctor_error(got->f, want->v, want->count);
  for (uint64_t i = 0; i < want->count; i++)
    if (got->u[i] != (uint32_t)want->v[i]) return (double)INFINITY; // integers are exact
  return 0;
}

struct verdict {
  double error;
  char failure[160]; // "": none
};

// Reads n elements, compares them with those of the first run, or keeps them, and with what is wanted.
static void judge(const char *what, uint32_t number, const union reading *now, uint32_t *first, bool is_first,
                  const ref_array *want, double tolerance, struct verdict *v) {
  char name[64];
  snprintf(name, sizeof name, number == REF_MAX_INPUTS ? "%s" : "%s %u", what, number);
  const double error = error_of(now, want);
  v->error = VC_MAX(v->error, error);
  if (error > tolerance && !*v->failure)
    snprintf(v->failure, sizeof v->failure, "%s: %.1e off, %.1e is allowed", name, error, tolerance);
  if (is_first)
    memcpy(first, now->u, want->count * 4);
  else if (memcmp(first, now->u, want->count * 4) != 0 && !*v->failure)
    snprintf(v->failure, sizeof v->failure, "%s: a second run gives other bits", name);
}

// Scratch of a trial: results as read, and as they were after the first run.
struct readings {
  union reading now;
  uint32_t *out, *grad[REF_MAX_INPUTS], *in[REF_MAX_INPUTS];
};

static vc_status make_readings(vc_arena *arena, const struct expected *e, struct readings *r) {
  uint64_t most = e->out->count;
  VC_TRY(VC_NEW(arena, e->out->count, &r->out));
  for (uint32_t i = 0; i < e->n_in; i++) {
    if (!e->in[i]) continue;
    VC_TRY(VC_NEW(arena, e->in[i]->count, &r->in[i]));
    VC_TRY(VC_NEW(arena, e->in[i]->count, &r->grad[i]));
    most = VC_MAX(most, e->in[i]->count);
  }
  return VC_NEW(arena, most, &r->now.u);
}

static vc_status run(vc_arena *arena, const struct doctor_case *c, const struct expected *e, struct trial *t,
                     struct readings *r, bool is_first, struct verdict *v) {
  for (uint32_t i = 0; i < e->n_in; i++)
    if (e->in[i]) VC_TRY(write_array(arena, e->in[i], t->in[i]));
  VC_TRY(vc_exec_run(t->exec, NULL));
  VC_TRY(vc_exec_wait(t->exec));
  if (t->out) {
    VC_TRY(vc_exec_read(t->exec, t->out, r->now.u, e->out->count * 4));
    judge("result", REF_MAX_INPUTS, &r->now, r->out, is_first, e->out, e->tolerance, v);
  }
  for (uint32_t i = 0; i < e->n_in; i++) {
    if (e->grad[i]) {
      memset(r->now.u, 0, e->grad[i]->count * 4);
      if (t->grad[i]) VC_TRY(vc_exec_read(t->exec, t->grad[i], r->now.u, e->grad[i]->count * 4));
      judge("gradient of input", i, &r->now, r->grad[i], is_first, e->grad[i], e->tolerance, v);
    }
    if (!c->in[i].in_place) continue;
    VC_TRY(vc_slot_read(t->in[i], 0, r->now.u, e->in[i]->count * 4));
    judge("what is updated in input", i, &r->now, r->in[i], is_first, e->in_after[i], e->tolerance, v);
  }
  return VC_OK;
}

// ---- variants -----------------------------------------------------------------------------------------------------

// The row that a job took everywhere in the trial; NULL where it took several, or the graph has not that job alone.
static const struct vc_variant *single_choice(const struct vc_variant_use *uses, size_t n, const char **out_job) {
  for (size_t i = 1; i < n; i++)
    if (strcmp(uses[i].job, uses[0].job) != 0 || uses[i].chosen != uses[0].chosen) return NULL;
  if (n == 0) return NULL;
  *out_job = uses[0].job;
  return &uses[0].table[uses[0].chosen];
}

// Everything but a lost device or exhausted memory is the kernel's failure.
static bool ends_all(vc_status status) {
  return status == VC_E_DEVICE_LOST || status == VC_E_NOMEM || status == VC_E_INTERRUPTED;
}

static vc_status record(struct doctor *d, const struct doctor_case *c, const struct expected *e, const struct trial *t,
                        const char *forced_job, const char *forced, const struct verdict *v) {
  const char *job = forced_job, *variant = forced;
  const struct vc_timing *dispatches;
  size_t n;
  if (t->exec && !forced) {
    const struct vc_variant_use *uses;
    vc_exec_variants(t->exec, &uses, &n);
    const struct vc_variant *choice = single_choice(uses, n, &job);
    variant = choice ? choice->name : NULL;
  }
  struct vc_doctor_check *check = doctor_check(d, c->op->name, job, variant, e->is_mixed);
  check->is_default = check->is_default || !forced;
  if (t->exec) {
    VC_TRY(vc_exec_timing(t->exec, &dispatches, &n));
    for (size_t i = 0; i < n; i++) doctor_note_kernel(check, dispatches[i].kernel);
  }
  return doctor_note_case(d, check, v->error, e->tolerance, *v->failure ? v->failure : NULL);
}

// With `forced` a variant of that job; *out_taken false: it is not for this device or shape, and nothing is recorded.
static vc_status try_variant(struct doctor *d, const struct doctor_case *c, const struct expected *e, const char *job,
                             const char *forced, size_t row, struct trial *t, vc_arena *arena, bool *out_taken) {
  struct readings r = {0};
  struct verdict v = {0};
  char *list = NULL;
  *out_taken = true;
  if (forced) VC_TRY(vc_arena_printf(arena, &list, "%s=%s", job, forced));
  vc_status status = build(arena, d->gpu, c, e, list, t);
  if (status == VC_OK && e->is_mixed && !vc_exec_is_mixed(t->exec)) {
    t->exec = NULL; // no op of the case can
    *out_taken = false;
    return VC_OK;
  }
  if (status == VC_OK && forced) {
    const struct vc_variant_use *uses;
    size_t n;
    vc_exec_variants(t->exec, &uses, &n);
    *out_taken = false;
    for (size_t i = 0; i < n; i++) *out_taken = *out_taken || (strcmp(uses[i].job, job) == 0 && uses[i].chosen == row);
    if (!*out_taken) return VC_OK;
  }
  if (status == VC_OK) status = make_readings(arena, e, &r);
  if (status == VC_OK) status = run(arena, c, e, t, &r, true, &v);
  if (status == VC_OK) status = run(arena, c, e, t, &r, false, &v);
  if (ends_all(status)) return VC_FAIL_CONTEXT(status, "%s%s%s", c->op->name, list ? " with " : "", list ? list : "");
  if (status != VC_OK) {
    snprintf(v.failure, sizeof v.failure, "%s", vc_error_message());
    v.error = (double)INFINITY;
  }
  return record(d, c, e, t, job, forced, &v);
}

// All rows of the tables that the trial chose from, but for those that it took.
static vc_status try_others(struct doctor *d, const struct doctor_case *c, const struct expected *e,
                            const struct trial *base) {
  const struct vc_variant_use *uses;
  size_t n;
  vc_exec_variants(base->exec, &uses, &n);
  for (size_t i = 0; i < n; i++) {
    bool seen = false;
    for (size_t k = 0; k < i; k++) seen = seen || strcmp(uses[k].job, uses[i].job) == 0;
    for (size_t row = 0; row < uses[i].n_rows && !seen; row++) {
      vc_arena *arena;
      bool taken;
      if (row == uses[i].chosen) continue;
      VC_TRY(vc_arena_create(&arena));
      const vc_status status =
          try_variant(d, c, e, uses[i].job, uses[i].table[row].name, row, &(struct trial){0}, arena, &taken);
      vc_arena_destroy(arena);
      VC_TRY(status);
    }
  }
  return VC_OK;
}

static vc_status prove(struct doctor *d, const struct doctor_case *c, bool is_mixed, vc_arena *arena) {
  struct expected e = {.is_mixed = is_mixed};
  struct trial dry = {0}, base = {0};
  vc_tensor *in[REF_MAX_INPUTS] = {NULL};
  vc_graph *g;
  bool taken;
  VC_TRY(make_inputs(arena, c, &e));
  VC_TRY_CTX(build_forward(arena, NULL, c, &e, &g, in, &dry), "%s", c->op->name);
  VC_ASSERT(c->op->no_result || vc_shape_equal(dry.out->shape, c->out));
  VC_TRY(expect(arena, c, dry.out, &e));
  VC_TRY(try_variant(d, c, &e, NULL, NULL, 0, &base, arena, &taken));
  return base.exec ? try_others(d, c, &e, &base) : VC_OK;
}

vc_status doctor_prove_case(struct doctor *d, const struct doctor_case *c) {
  for (int is_mixed = 0; is_mixed <= vc_gpu_caps(d->gpu)->fp16_storage; is_mixed++) {
    vc_arena *arena;
    VC_TRY(vc_arena_create(&arena));
    const vc_status status = prove(d, c, is_mixed, arena);
    vc_arena_destroy(arena);
    VC_TRY(status);
  }
  return doctor_progress(d);
}
