// Runs the tables of optest.h. optest_reference.c holds what needs no device: inputs and finite differences.
#include "optest.h"

#include <vulcyte/gpu.h>
#include <vulcyte/variant.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "optest_reference.h"

enum { GUARD_BYTES = 256, MAX_TRIED = 64 };
static const uint32_t POISON = 0x7fc17fc1; // a NaN as F32 and as two F16; as U32 an index far outside

static int n_failures;
static bool verbose;

// ---- reporting ------------------------------------------------------------------------------------------------

bool optest_check(bool held, const char *text, const char *file, int line) {
  if (held) return true;
  printf("%s:%d: not so: %s\n", file, line, text);
  n_failures++;
  return false;
}

bool optest_check_ok(vc_status status, const char *text, const char *file, int line) {
  if (status == VC_OK) return true;
  printf("%s:%d: %s: %s\n", file, line, text, vc_error_message());
  n_failures++;
  return false;
}

int optest_failures(void) {
  return n_failures;
}

// What a message is about: the op, the case, and the variant under test.
struct subject {
  const struct optest_op *op;
  const struct optest_case *c;
  const char *variants; // NULL: the device's own choice
  bool mixed;           // activations in 16 bits
};

static void fail(const struct subject *s, const char *fmt, ...) VC_PRINTF(2, 3);

static void fail(const struct subject *s, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  printf("FAIL %s/%s%s%s%s: ", s->op->name, s->c->name, s->variants ? " " : "", s->variants ? s->variants : "",
         s->mixed ? " in 16 bits" : "");
  vprintf(fmt, args);
  printf("\n");
  va_end(args);
  n_failures++;
}

static bool ok(const struct subject *s, vc_status status) {
  if (status != VC_OK) fail(s, "%s", vc_error_message());
  return status == VC_OK;
}

static void log_line(void *context, enum vc_log_level level, const char *line) {
  (void)context;
  if (level == VC_LOG_WARNING) printf("warning: %s\n", line);
}

struct vc_gpu *optest_gpu(vc_arena *arena) {
  vc_gpu *gpu;
  setenv("VULCYTE_VALIDATION", "1", 0);
  vc_log_set_sink(log_line, NULL);
  if (vc_gpu_open(arena, getenv("VULCYTE_DEVICE"), &gpu) != VC_OK) {
    printf("no device to test on: %s\n", vc_error_message());
    exit(1);
  }
  printf("device: %s (%s)\n", vc_gpu_info(gpu)->name, vc_gpu_info(gpu)->driver);
  return gpu;
}

int optest_finish(struct vc_gpu *gpu, int n_failed) {
  uint64_t n_messages = vc_gpu_validation_messages(gpu);
  if (n_messages) printf("FAIL: %llu messages of the validation layers\n", (unsigned long long)n_messages);
  if (n_failed) printf("%d failures\n", n_failed);
  return n_failed > 0 || n_messages > 0;
}

// ---- slots with guard bands -----------------------------------------------------------------------------------

// A slot of [guard][n elements][poison up to the next 256 bytes][guard].
struct guarded {
  vc_slot *slot;
  uint64_t count, n_words;
  uint32_t *words; // what was written to it
  uint32_t *read;  // what was read back from it, latest
  uint32_t *first; // what was read back after the first run
};

static uint32_t word_of(vc_dtype dtype, double value) {
  uint32_t word;
  float f = (float)value;
  if (dtype == VC_U32) return (uint32_t)value;
  memcpy(&word, &f, sizeof word);
  return word;
}

static double value_of(vc_dtype dtype, uint32_t word) {
  float f;
  if (dtype == VC_U32) return word;
  memcpy(&f, &word, sizeof f);
  return f;
}

// values NULL: poison all over.
static vc_status make_guarded(vc_arena *arena, vc_gpu *gpu, const char *label, const optest_array *values,
                              uint64_t count, struct guarded *out) {
  const uint64_t guard = GUARD_BYTES / 4;
  out->count = count;
  out->n_words = 2 * guard + vc_round_up(count, guard);
  VC_TRY(VC_NEW(arena, out->n_words, &out->words));
  VC_TRY(VC_NEW(arena, out->n_words, &out->read));
  VC_TRY(VC_NEW(arena, out->n_words, &out->first));
  for (uint64_t i = 0; i < out->n_words; i++) out->words[i] = POISON;
  for (uint64_t i = 0; values && i < count; i++) out->words[guard + i] = word_of(values->dtype, values->v[i]);
  return vc_slot_create(arena, gpu, out->n_words * 4, VC_SLOT_DEVICE, label, &out->slot);
}

static vc_tensor *bind_guarded(vc_graph *g, const char *name, const struct guarded *s, struct vc_shape shape,
                               vc_dtype dtype) {
  return vc_bind(g, name, shape, dtype, s->slot, GUARD_BYTES / 4);
}

static vc_status write_guarded(struct guarded *s) {
  return vc_slot_write(s->slot, 0, s->words, s->n_words * 4);
}

static vc_status read_guarded(struct guarded *s) {
  return vc_slot_read(s->slot, 0, s->read, s->n_words * 4);
}

static bool guards_hold(const struct guarded *s) {
  const uint64_t guard = GUARD_BYTES / 4;
  for (uint64_t i = 0; i < s->n_words; i++) {
    if ((i < guard || i >= guard + s->count) && s->read[i] != POISON) return false;
  }
  return true;
}

vc_slot *optest_slot(vc_arena *arena, struct vc_gpu *gpu, const char *label, vc_dtype dtype, const double *values,
                     uint64_t n) {
  vc_slot *slot = NULL;
  uint32_t *words = NULL;
  if (!OPTEST_OK(VC_NEW(arena, n, &words)) ||
      !OPTEST_OK(vc_slot_create(arena, gpu, n * 4, VC_SLOT_DEVICE, label, &slot))) {
    exit(1);
  }
  for (uint64_t i = 0; i < n; i++) words[i] = word_of(dtype, values[i]);
  OPTEST_OK(vc_slot_write(slot, 0, words, n * 4));
  return slot;
}

// ---- one case -------------------------------------------------------------------------------------------------

// What a case must give.
struct expected {
  uint32_t n_in;
  optest_array *in[OPTEST_MAX_INPUTS];       // NULL: absent
  optest_array *in_after[OPTEST_MAX_INPUTS]; // as the reference leaves them
  optest_array *out, *seed;
  bool has_grads;
  struct optest_grad grad[OPTEST_MAX_INPUTS]; // .values NULL: not differentiated
  double tolerance, grad_tolerance;
};

// One graph of the case on the device.
struct trial {
  struct guarded in[OPTEST_MAX_INPUTS], grad[OPTEST_MAX_INPUTS], out, seed;
  bool has_grad[OPTEST_MAX_INPUTS], placed_out;
  vc_exec *exec;
};

static double rms(const double *v, uint64_t n) {
  double sum = 0;
  for (uint64_t i = 0; i < n; i++) {
    if (isfinite(v[i])) sum += v[i] * v[i];
  }
  return n ? sqrt(sum / (double)n) : 0;
}

// words: n elements as they came from the device. known NULL: every element is compared.
static void compare(const struct subject *s, const char *what, const uint32_t *words, const optest_array *want,
                    const bool *known, double tolerance) {
  double scale = rms(want->v, want->count), worst = 0;
  uint64_t worst_at = 0, n_bad = 0;
  for (uint64_t i = 0; i < want->count; i++) {
    if (known && !known[i]) continue;
    double got = value_of(want->dtype, words[i]), w = want->v[i];
    if (got == w || (isnan(got) && isnan(w))) continue;
    double allowed = want->dtype == VC_U32 ? 0 : tolerance * (fabs(w) + scale + 1e-3);
    double excess = isfinite(got - w) ? fabs(got - w) / VC_MAX(allowed, 1e-300) : INFINITY;
    if (excess <= 1) continue;
    if (n_bad++ == 0 || excess > worst) {
      worst = excess;
      worst_at = i;
    }
  }
  if (!n_bad) return;
  struct vc_shape h = want->shape;
  uint64_t c = worst_at % h.c, x = worst_at / h.c % h.w, y = worst_at / h.c / h.w % h.h, n = worst_at / h.c / h.w / h.h;
  fail(s, "%s: %llu of %llu elements are wrong; the worst at (n %llu, c %llu, y %llu, x %llu): %.9g instead of %.9g",
       what, (unsigned long long)n_bad, (unsigned long long)want->count, (unsigned long long)n, (unsigned long long)c,
       (unsigned long long)y, (unsigned long long)x, value_of(want->dtype, words[worst_at]), want->v[worst_at]);
}

static bool differentiated(const struct ref_input *in) {
  return !in->absent && !in->no_grad && !in->in_place && in->dtype == VC_F32;
}

static void expect(vc_arena *arena, const struct subject *s, const struct optest_case *c, uint32_t index,
                   struct expected *e) {
  const struct optest_op *op = s->op;
  e->tolerance = c->tolerance > 0 ? c->tolerance : op->tolerance > 0 ? op->tolerance : REF_TOLERANCE;
  e->grad_tolerance = c->grad_tolerance > 0 ? c->grad_tolerance : op->grad_tolerance;
  if (!(e->grad_tolerance > 0)) e->grad_tolerance = e->tolerance;
  if (s->mixed) e->tolerance = VC_MAX(e->tolerance, REF_HALF_TOLERANCE);
  if (s->mixed) e->grad_tolerance = VC_MAX(e->grad_tolerance, REF_HALF_TOLERANCE);
  e->n_in = optest_n_inputs(c);
  for (uint32_t i = 0; i < e->n_in; i++) {
    if (c->in[i].absent) continue;
    e->in[i] = optest_array_new(arena, c->in[i].shape, c->in[i].dtype);
    vc_rng rng = vc_rng_at(7, VC_RNG_TEST, index, i);
    ref_make_input(&rng, &c->in[i], c->attr, e->in[i]);
    if (s->mixed) ref_round_half(e->in[i]);
    e->in_after[i] = optest_array_new(arena, c->in[i].shape, c->in[i].dtype);
    memcpy(e->in_after[i]->v, e->in[i]->v, e->in[i]->count * sizeof(double));
  }
}

// Fills in what depends on the type of the result: known once a graph has been built.
static void expect_results(vc_arena *arena, const struct subject *s, const struct optest_case *c, uint32_t index,
                           vc_dtype out_dtype, struct expected *e) {
  const struct optest_op *op = s->op;
  e->out = optest_array_new(arena, c->out, out_dtype);
  op->reference(e->in_after, e->out, c->attr);
  e->has_grads = !op->no_vjp && !c->no_vjp && !op->no_result && out_dtype == VC_F32;
  if (!e->has_grads) return;
  e->seed = optest_array_new(arena, c->out, VC_F32);
  vc_rng rng = vc_rng_at(7, VC_RNG_TEST, index, 1000);
  for (uint64_t i = 0; i < e->seed->count; i++) e->seed->v[i] = (float)vc_rng_uniform(&rng, -1, 1);
  if (s->mixed) ref_round_half(e->seed);
  bool want[OPTEST_MAX_INPUTS];
  for (uint32_t i = 0; i < e->n_in; i++) want[i] = differentiated(&c->in[i]);
  struct optest_problem problem = {
      .op = op, .c = c, .n_in = e->n_in, .in = e->in, .out = e->out, .seed = e->seed, .want = want};
  const char *complaint = optest_reference_grads(arena, &problem, &rng, e->grad);
  if (complaint) fail(s, "%s", complaint);
}

static bool build(vc_arena *arena, vc_gpu *gpu, const struct subject *s, const struct optest_case *c,
                  const struct expected *e, vc_graph *g, struct trial *t) {
  vc_tensor *in[OPTEST_MAX_INPUTS] = {NULL}, *grads[OPTEST_MAX_INPUTS], *wrt[OPTEST_MAX_INPUTS];
  uint32_t index[OPTEST_MAX_INPUTS], n_wrt = 0;
  for (uint32_t i = 0; i < e->n_in; i++) {
    if (!e->in[i]) continue;
    if (!ok(s, make_guarded(arena, gpu, "input", e->in[i], e->in[i]->count, &t->in[i]))) return false;
    in[i] = bind_guarded(g, "input", &t->in[i], c->in[i].shape, c->in[i].dtype);
    if (e->has_grads && differentiated(&c->in[i])) {
      index[n_wrt] = i;
      wrt[n_wrt++] = in[i];
    }
  }
  vc_tensor *out = s->op->build(g, in, c->attr);
  if (!ok(s, vc_graph_status(g))) return false;
  if (!s->op->no_result) {
    if (!vc_shape_equal(out->shape, c->out)) {
      fail(s, "the result's shape is %u x %u x %u x %u", out->shape.n, out->shape.c, out->shape.h, out->shape.w);
      return false;
    }
    uint64_t count = vc_shape_count(out->shape);
    if (!ok(s, make_guarded(arena, gpu, "result", NULL, count, &t->out))) return false;
    vc_place(g, out, bind_guarded(g, "result", &t->out, out->shape, out->dtype), 0);
    t->placed_out = true;
  }
  if (n_wrt) {
    if (!ok(s, make_guarded(arena, gpu, "seed", e->seed, e->seed->count, &t->seed))) return false;
    vc_grad(g, out, bind_guarded(g, "seed", &t->seed, out->shape, VC_F32), wrt, n_wrt, grads);
    if (!ok(s, vc_graph_status(g))) return false;
  }
  for (uint32_t k = 0; k < n_wrt; k++) {
    struct guarded *slot = &t->grad[index[k]];
    t->has_grad[index[k]] = grads[k] != NULL;
    if (!ok(s, make_guarded(arena, gpu, "gradient", NULL, vc_shape_count(wrt[k]->shape), slot))) return false;
    if (grads[k]) vc_place(g, grads[k], bind_guarded(g, "gradient", slot, wrt[k]->shape, VC_F32), 0);
  }
  struct vc_exec_options options = {.variants = s->variants, .poison = true, .mixed = s->mixed, .all_mixed = true};
  return ok(s, vc_exec_create(arena, gpu, g, &options, &t->exec)) && ok(s, vc_exec_bind(arena, &t->exec, 1));
}

// Every slot of the trial, by number; NULL past the last.
static struct guarded *slot_at(struct trial *t, uint32_t i) {
  struct guarded *all[2 * OPTEST_MAX_INPUTS + 2];
  for (uint32_t k = 0; k < OPTEST_MAX_INPUTS; k++) {
    all[k] = &t->in[k];
    all[OPTEST_MAX_INPUTS + k] = &t->grad[k];
  }
  all[2 * OPTEST_MAX_INPUTS] = &t->out;
  all[2 * OPTEST_MAX_INPUTS + 1] = &t->seed;
  return i < VC_COUNT_OF(all) ? all[i] : NULL;
}

static bool run_twice(const struct subject *s, struct trial *t) {
  struct guarded *slot;
  for (int run = 0; run < 2; run++) {
    for (uint32_t i = 0; (slot = slot_at(t, i)); i++) {
      if (slot->slot && !ok(s, write_guarded(slot))) return false;
    }
    uint64_t step;
    if (!ok(s, vc_exec_run(t->exec, &step)) || !ok(s, vc_exec_wait(t->exec))) return false;
    for (uint32_t i = 0; (slot = slot_at(t, i)); i++) {
      if (!slot->slot) continue;
      if (!ok(s, read_guarded(slot))) return false;
      if (run == 0) memcpy(slot->first, slot->read, slot->n_words * 4);
      if (memcmp(slot->first, slot->read, slot->n_words * 4) != 0) fail(s, "a second run gives other bits");
    }
  }
  return true;
}

// <v, f> and <gradient, x> are equal where f is linear in x.
static void check_linear(const struct subject *s, const struct expected *e, const struct trial *t, uint32_t i) {
  const uint64_t guard = GUARD_BYTES / 4;
  double forward = 0, backward = 0, squares = 0;
  for (uint64_t k = 0; k < e->out->count; k++) {
    double term = e->seed->v[k] * value_of(VC_F32, t->out.read[guard + k]);
    forward += term;
    squares += term * term;
  }
  for (uint64_t k = 0; k < e->in[i]->count; k++) {
    double term = e->in[i]->v[k] * value_of(VC_F32, t->grad[i].read[guard + k]);
    backward += term;
    squares += term * term;
  }
  double allowed = VC_MAX(e->tolerance, e->grad_tolerance) * (sqrt(squares) + fabs(forward) + 1e-3);
  if (!(fabs(forward - backward) <= allowed)) {
    fail(s, "input %u: the gradient is not the adjoint: <v, J u> = %.9g, <Jt v, u> = %.9g", i, forward, backward);
  }
}

static void check_results(const struct subject *s, const struct optest_case *c, const struct expected *e,
                          struct trial *t) {
  const uint64_t guard = GUARD_BYTES / 4;
  char what[32];
  struct guarded *slot;
  for (uint32_t i = 0; (slot = slot_at(t, i)); i++) {
    if (slot->slot && !guards_hold(slot))
      fail(s, "%s: written beyond its end", i < OPTEST_MAX_INPUTS ? "input" : "result");
  }
  if (t->placed_out) compare(s, "result", t->out.read + guard, e->out, NULL, e->tolerance);
  for (uint32_t i = 0; i < e->n_in; i++) {
    if (!e->in[i]) continue;
    snprintf(what, sizeof what, "input %u afterwards", i);
    if (c->in[i].in_place) {
      compare(s, what, t->in[i].read + guard, e->in_after[i], NULL, e->tolerance);
    } else if (memcmp(t->in[i].read, t->in[i].words, t->in[i].n_words * 4) != 0) {
      fail(s, "input %u has been changed", i);
    }
    if (!t->grad[i].slot || !e->grad[i].values) continue;
    if (!t->has_grad[i]) memset(t->grad[i].read + guard, 0, t->grad[i].count * 4);
    snprintf(what, sizeof what, "gradient of input %u", i);
    compare(s, what, t->grad[i].read + guard, e->grad[i].values, e->grad[i].known, e->grad_tolerance);
    for (uint32_t k = 0; k < e->grad[i].n_directions; k++) {
      const char *bad = optest_check_direction(&e->grad[i], k, (const float *)(const void *)(t->grad[i].read + guard),
                                               e->grad_tolerance);
      if (bad) fail(s, "gradient of input %u: %s", i, bad);
    }
    if (c->linear >> i & 1) check_linear(s, e, t, i);
  }
}

// Variants that have been run, as "job=name".
struct tried {
  char names[MAX_TRIED][96];
  uint32_t n;
};

static bool note_tried(struct tried *tried, const char *job, const char *name) {
  char text[sizeof tried->names[0]];
  snprintf(text, sizeof text, "%s=%s", job, name);
  for (uint32_t i = 0; i < tried->n; i++) {
    if (strcmp(tried->names[i], text) == 0) return false;
  }
  VC_ASSERT(tried->n < MAX_TRIED);
  memcpy(tried->names[tried->n++], text, sizeof text);
  return true;
}

// A graph of the case on inputs without memory, for what it gives without running.
static vc_tensor *build_dry(vc_arena *arena, struct subject *s, uint32_t n_in, vc_graph **out_graph) {
  vc_tensor *in[OPTEST_MAX_INPUTS] = {NULL};
  if (!ok(s, vc_graph_create(arena, out_graph))) return NULL;
  for (uint32_t i = 0; i < n_in; i++) {
    const struct ref_input *input = &s->c->in[i];
    vc_slot *slot;
    if (input->absent) continue;
    uint64_t n_bytes = vc_shape_count(input->shape) * 4;
    if (!ok(s, vc_slot_create(arena, NULL, n_bytes, VC_SLOT_DEVICE, "input", &slot))) return NULL;
    in[i] = vc_bind(*out_graph, "input", input->shape, input->dtype, slot, 0);
  }
  return s->op->build(*out_graph, in, s->c->attr);
}

// Runs the case with the variants of s and checks it.
static void run_trial(vc_arena *arena, vc_gpu *gpu, struct subject *s, const struct expected *e, struct trial *t) {
  vc_graph *g;
  if (!ok(s, vc_graph_create(arena, &g))) return;
  if (!build(arena, gpu, s, s->c, e, g, t)) return;
  if (s->mixed && !vc_exec_is_mixed(t->exec))
    t->exec = NULL; // no op of the case can
  else if (run_twice(s, t))
    check_results(s, s->c, e, t);
}

static void run_variants(vc_arena *arena, vc_gpu *gpu, struct subject *s, const struct expected *e,
                         const struct trial *base, struct tried *tried) {
  const struct vc_variant_use *uses;
  size_t n_uses;
  vc_exec_variants(base->exec, &uses, &n_uses);
  for (size_t i = 0; i < n_uses; i++) note_tried(tried, uses[i].job, uses[i].table[uses[i].chosen].name);
  for (size_t i = 0; i < n_uses; i++) {
    for (size_t row = 0; row < uses[i].n_rows; row++) {
      const char *name = uses[i].table[row].name;
      if (!note_tried(tried, uses[i].job, name)) continue;
      char forced[sizeof tried->names[0]];
      memcpy(forced, tried->names[tried->n - 1], sizeof forced);
      struct trial t = {0};
      s->variants = forced;
      run_trial(arena, gpu, s, e, &t);
      s->variants = NULL;
      if (!t.exec) continue;
      const struct vc_variant_use *now;
      size_t n_now, n_taken = 0;
      vc_exec_variants(t.exec, &now, &n_now);
      for (size_t k = 0; k < n_now; k++) {
        n_taken += strcmp(now[k].job, uses[i].job) == 0 && now[k].chosen == row;
      }
      if (!n_taken) tried->n--; // not for this device or shape
    }
  }
}

static void run_failing_case(vc_arena *arena, struct subject *s) {
  const struct optest_case *c = s->c;
  vc_graph *g;
  if (!build_dry(arena, s, optest_n_inputs(c), &g)) return;
  vc_status status = vc_graph_status(g);
  if (status != c->fails) {
    fail(s, "status %d instead of %d: %s", (int)status, (int)c->fails, status ? vc_error_message() : "no error");
  } else if (c->message && !strstr(vc_error_message(), c->message)) {
    fail(s, "the message is \"%s\", without \"%s\"", vc_error_message(), c->message);
  }
}

static void run_good_case(vc_arena *arena, vc_gpu *gpu, struct subject *s, uint32_t index, struct tried *tried) {
  struct expected e = {0};
  struct trial base = {0};
  vc_graph *dry;
  expect(arena, s, s->c, index, &e);
  const vc_tensor *out = build_dry(arena, s, e.n_in, &dry);
  if (!out || !ok(s, vc_graph_status(dry))) return;
  expect_results(arena, s, s->c, index, out->dtype, &e);
  run_trial(arena, gpu, s, &e, &base);
  if (base.exec) run_variants(arena, gpu, s, &e, &base, tried);
}

static void run_case(vc_gpu *gpu, const struct optest_op *op, uint32_t index) {
  vc_arena *arena;
  struct subject s = {op, &op->cases[index], NULL, false};
  struct tried tried = {.n = 0}, tried_mixed = {.n = 0};
  int before = n_failures;
  double start = vc_time_seconds();
  if (!ok(&s, vc_arena_create(&arena))) return;
  if (s.c->fails) {
    run_failing_case(arena, &s);
  } else {
    run_good_case(arena, gpu, &s, index, &tried);
    s.mixed = vc_gpu_caps(gpu)->fp16_storage;
    if (s.mixed) run_good_case(arena, gpu, &s, index, &tried_mixed);
  }
  vc_arena_destroy(arena);
  printf("%s %s/%s", n_failures == before ? "ok" : "FAILED", op->name, s.c->name);
  for (uint32_t i = 0; i < tried.n; i++) printf(" %s", tried.names[i]);
  for (uint32_t i = 0; i < tried_mixed.n; i++) printf(" %s/16", tried_mixed.names[i]);
  if (verbose) printf(" (%.2f s)", vc_time_seconds() - start);
  printf("\n");
  fflush(stdout);
}

static struct optest_op resolve(const struct optest_op *op) {
  struct optest_op r = *op;
  if (!r.of) return r;
  r.name = r.name ? r.name : r.of->name;
  r.build = r.build ? r.build : r.of->build;
  r.reference = r.reference ? r.reference : r.of->reference;
  r.reference_vjp = r.reference_vjp ? r.reference_vjp : r.of->vjp;
  r.no_vjp = r.no_vjp || r.of->no_vjp;
  r.no_result = r.no_result || r.of->no_result;
  r.tolerance = r.tolerance > 0 ? r.tolerance : r.of->tolerance;
  return r;
}

int optest_main(int argc, char **argv, const struct optest_op *op, ...) {
  const char *part = NULL;
  uint32_t n_run = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "-v") == 0) {
      verbose = true;
    } else {
      part = argv[i];
    }
  }
  vc_arena *arena;
  if (!OPTEST_OK(vc_arena_create(&arena))) return 1;
  vc_gpu *gpu = optest_gpu(arena);
  va_list ops;
  va_start(ops, op);
  for (; op; op = va_arg(ops, const struct optest_op *)) {
    const struct optest_op resolved = resolve(op);
    const char *complaint = optest_check_table(&resolved);
    if (complaint) {
      printf("FAIL %s: %s\n", resolved.name, complaint);
      n_failures++;
    }
    for (uint32_t i = 0; i < resolved.n_cases; i++) {
      char name[128];
      snprintf(name, sizeof name, "%s/%s", resolved.name, resolved.cases[i].name);
      if (part && !strstr(name, part)) continue;
      run_case(gpu, &resolved, i);
      n_run++;
    }
  }
  va_end(ops);
  if (!n_run) {
    printf("FAIL: no case of that name\n");
    n_failures++;
  }
  int result = optest_finish(gpu, n_failures);
  vc_arena_destroy(arena);
  return result;
}
