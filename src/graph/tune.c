// Measuring choices among variants: each candidate proven on a small image against the naive kernel, then run in turn
// with the others on an image of the node's size.
#include "internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 5, MIN_ROUNDS = 3, MAX_ROUNDS = 7, FILL_WORDS = 1 << 16 };
// Work of a proof: some milliseconds for a naive kernel, no danger from a slow candidate.
static const double PROOF_FLOPS_CPU = 1e7, PROOF_FLOPS = 3e8;
// A proof bounds what rounding may do to sums of thousands of products, or to factors of 16 bits; a wrong kernel is off
// by far more.
static const double TOLERANCE = 1e-3, TOLERANCE_HALF = 3e-2;
static const double TOO_SLOW = 1;       // seconds of one run that are not waited for
static const double FAR_BEHIND = 2;     // times the best: out after the first round
static const double ENOUGH = 0.02;      // seconds of rounds after which MIN_ROUNDS do
static const double CLEARLY_LESS = 0.9; // below it a candidate displaces the best-ranked one: noise should not
// For the estimate that is shown: operations a second of good and of naive kernels, seconds to make and compile one.
static const double GUESS_CPU = 6e10, GUESS = 2e12, GUESS_NAIVE_CPU = 3e9, GUESS_NAIVE = 1e11, GUESS_MAKE = 0.008;

struct candidate {
  size_t row;
  vc_exec *exec;
  bool out; // wrong, failed or far behind
  uint32_t n;
  double times[MAX_ROUNDS], seconds; // seconds: the median; 0: never raced; NaN: wrong or failed
};
struct item {
  const struct vc_variant_use *use;
  struct sample sample;
  double flops;            // of all nodes with that key
  const struct item *like; // an earlier one whose one candidate runs the same machine code: its proof counts
  bool proven;             // the row by rank is right
};
struct tuner {
  struct vc_gpu *gpu;
  vc_choices *choices;
  const struct vc_caps *caps;
  bool no_timestamps; // the device has none: wall time counts
};

// A lost device or exhausted memory is not the candidate's failure.
static bool ends_all(vc_status status) {
  return status == VC_E_DEVICE_LOST || status == VC_E_NOMEM;
}

// ---- one node alone -------------------------------------------------------------------------------------------

// The inputs of a node, and what makes the node again; one graph an executable, as mixed precision rewrites it.
struct stage {
  const struct tuner *t;
  const struct vc_variant_use *use;
  const struct sample *sample;
  vc_arena *arena;
  bool is_half; // activations are F16 in memory
  vc_slot *slots[VC_MAX_INPUTS];
};

static bool is_half(const vc_tensor *node) {
  bool half = node->dtype == VC_F16;
  for (uint32_t i = 0; i < node->n_in; i++) half = half || (node->in[i] && node->in[i]->dtype == VC_F16);
  return half;
}

static vc_status fill(vc_arena *arena, vc_slot *slot, uint32_t stream) {
  float *values;
  vc_rng rng = vc_rng_at(SEED, VC_RNG_TEST, 0, stream);
  VC_TRY(VC_NEW(arena, FILL_WORDS, &values));
  for (uint32_t i = 0; i < FILL_WORDS; i++) values[i] = (float)vc_rng_uniform(&rng, -1, 1);
  for (uint64_t at = 0; at < vc_slot_bytes(slot); at += FILL_WORDS * 4)
    VC_TRY(vc_slot_write(slot, at, values, VC_MIN(vc_slot_bytes(slot) - at, FILL_WORDS * 4)));
  return VC_OK;
}

// gpu NULL: only to plan on.
static vc_status set_stage(vc_arena *arena, const struct tuner *t, struct vc_gpu *gpu, const struct vc_variant_use *use,
                           const struct sample *sample, struct stage *out) {
  const vc_tensor *node = use->node;
  *out = (struct stage){.t = t, .use = use, .sample = sample, .arena = arena, .is_half = is_half(node)};
  for (uint32_t i = 0; i < node->n_in; i++) {
    if (!node->in[i]) continue;
    VC_TRY(vc_slot_create(arena, gpu, vc_shape_count(sample->in[i]) * 4, VC_SLOT_DEVICE, "tuning", &out->slots[i]));
    if (gpu && node->in[i]->dtype != VC_U32) VC_TRY(fill(arena, out->slots[i], i)); // whole numbers: zero
  }
  return VC_OK;
}

static vc_status plan_exec(const struct stage *s, size_t row, struct vc_exec_options options, vc_exec **out,
                           vc_tensor **out_result) {
  const vc_tensor *node = s->use->node;
  vc_tensor *in[VC_MAX_INPUTS] = {NULL};
  vc_graph *g;
  char *forced;
  VC_TRY(vc_graph_create(s->arena, &g));
  for (uint32_t i = 0; i < node->n_in; i++) {
    vc_dtype dtype = node->in[i] && node->in[i]->dtype == VC_U32 ? VC_U32 : VC_F32;
    if (node->in[i]) in[i] = vc_bind(g, "tuning", s->sample->in[i], dtype, s->slots[i], 0);
  }
  *out_result = vc_node(g, node->op, in, node->n_in, s->sample->attr, sizeof s->sample->attr);
  vc_output(g, *out_result);
  VC_TRY(vc_arena_printf(s->arena, &forced, "%s=%s", s->use->job, s->use->table[row].name));
  options.variants = forced;
  options.caps = s->t->caps;
  options.mixed = options.all_mixed = s->is_half;
  options.any_size = true;
  return vc_exec_create(s->arena, s->t->gpu, g, &options, out);
}

static vc_status make_exec(const struct stage *s, size_t row, struct vc_exec_options options, vc_exec **out,
                           vc_tensor **out_result) {
  VC_TRY(plan_exec(s, row, options, out, out_result));
  return vc_exec_bind(s->arena, out, 1);
}

// The time of the node's own dispatches, without casts, where there are timestamps.
static vc_status run_once(const struct stage *s, vc_exec *exec, bool by_wall, double *out_seconds) {
  const struct vc_timing *timings;
  size_t n;
  double start = vc_time_seconds();
  VC_TRY(vc_exec_run(exec, NULL));
  VC_TRY(vc_exec_wait(exec));
  *out_seconds = vc_time_seconds() - start;
  if (by_wall) return VC_OK;
  VC_TRY(vc_exec_timing(exec, &timings, &n));
  *out_seconds = 0;
  for (size_t i = 0; i < n; i++) {
    if (strcmp(timings[i].op, s->use->node->op->name) == 0) *out_seconds += timings[i].seconds;
  }
  return VC_OK;
}

// ---- the proof ------------------------------------------------------------------------------------------------

static vc_status read_values(vc_arena *arena, vc_exec *exec, const vc_tensor *out, double **out_values) {
  uint64_t n = vc_shape_count(out->shape);
  uint32_t *words;
  VC_TRY(VC_NEW(arena, n, &words));
  VC_TRY(VC_NEW(arena, n, out_values));
  VC_TRY(vc_exec_read(exec, out, words, n * sizeof *words));
  for (uint64_t i = 0; i < n; i++) {
    float value;
    memcpy(&value, &words[i], sizeof value);
    (*out_values)[i] = out->dtype == VC_F32 ? (double)value : words[i];
  }
  return VC_OK;
}

// The largest deviation, in units of the wanted value and the root mean square of all.
static double error_of(const double *got, const double *want, uint64_t n) {
  double squares = 0, worst = 0;
  for (uint64_t i = 0; i < n; i++) squares += want[i] * want[i];
  double scale = sqrt(squares / (double)VC_MAX(n, 1)) + 1e-6;
  for (uint64_t i = 0; i < n; i++) {
    double off = fabs(got[i] - want[i]) / (fabs(want[i]) + scale);
    if (!(off <= worst)) worst = isfinite(off) ? off : (double)INFINITY;
  }
  return worst;
}

static void reject(const struct vc_variant_use *use, struct candidate *c, const char *reason) {
  c->out = true;
  c->seconds = (double)NAN;
  vc_log(VC_LOG_WARNING,
         "kernel %s=%s %s; it is not used for this shape (--variant %s=-%s keeps it out altogether, vulcyte doctor "
         "examines it)",
         use->job, use->table[c->row].name, reason, use->job, use->table[c->row].name);
}

// Whether the row runs, and not another in its place: what proves another would prove nothing.
static vc_status check_row(const struct stage *s, const vc_exec *exec, size_t row) {
  const struct vc_variant_use *uses;
  size_t n;
  vc_exec_variants(exec, &uses, &n);
  for (size_t i = 0; i < n; i++) {
    if (strcmp(uses[i].job, s->use->job) == 0 && uses[i].chosen != row)
      return VC_FAIL(VC_E_UNSUPPORTED, "it cannot be proven on a small image");
  }
  return VC_OK;
}

// Runs the row on a stage; its time is that of the second run, as drivers compile in the first.
static vc_status run_small(const struct stage *s, size_t row, double **out_values, uint64_t *out_n,
                           double *out_seconds) {
  vc_exec *exec;
  vc_tensor *result;
  VC_TRY(make_exec(s, row, (struct vc_exec_options){.poison = true}, &exec, &result));
  VC_TRY(check_row(s, exec, row));
  VC_TRY(run_once(s, exec, true, out_seconds));
  VC_TRY(read_values(s->arena, exec, result, out_values));
  *out_n = vc_shape_count(result->shape);
  return row > 0 ? run_once(s, exec, true, out_seconds) : VC_OK;
}

static vc_status prove_one(const struct stage *s, const struct item *item, const double *want, struct candidate *c) {
  const struct vc_variant *v = &s->use->table[c->row];
  double *got, seconds = 0, error = 0, larger = item->sample.h * item->sample.w / (double)(s->sample->h * s->sample->w);
  double allowed = s->is_half || v->needs_fp16 || v->needs_coop_matrix ? TOLERANCE_HALF : TOLERANCE;
  uint64_t n;
  char reason[256] = "";
  choices_try(s->t->choices, s->use->job, v->name);
  vc_status status = run_small(s, c->row, &got, &n, &seconds);
  if (status != VC_E_DEVICE_LOST) choices_tried(s->t->choices);
  if (ends_all(status)) return status;
  if (status != VC_OK)
    snprintf(reason, sizeof reason, "fails on this device: %.200s", vc_error_message());
  else if ((error = error_of(got, want, n)) > allowed)
    snprintf(reason, sizeof reason, "gives wrong numbers on this device, %.1e off where %.1e is allowed", error,
             allowed);
  if (*reason) {
    reject(s->use, c, reason);
  } else if (seconds * larger > TOO_SLOW) {
    c->out = true;
    c->seconds = seconds * larger;
  }
  return VC_OK;
}

static void shrink(const struct tuner *t, const struct item *item, struct sample *out) {
  sample_shrink(item->use->node, &item->sample, t->caps->type == VC_DEVICE_CPU ? PROOF_FLOPS_CPU : PROOF_FLOPS, out);
}

static vc_status prove(vc_arena *arena, struct tuner *t, const struct item *item, struct candidate *candidates,
                       size_t n) {
  struct sample small;
  struct stage stage;
  double *want, seconds;
  uint64_t n_values;
  shrink(t, item, &small);
  VC_TRY(set_stage(arena, t, t->gpu, item->use, &small, &stage));
  VC_TRY(run_small(&stage, 0, &want, &n_values, &seconds));
  for (size_t i = 0; i < n; i++) {
    if (candidates[i].row > 0) VC_TRY(prove_one(&stage, item, want, &candidates[i]));
  }
  return VC_OK;
}

// ---- the race -------------------------------------------------------------------------------------------------

static int compare_numbers(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(const struct candidate *c) {
  double sorted[MAX_ROUNDS];
  memcpy(sorted, c->times, sizeof sorted);
  qsort(sorted, c->n, sizeof *sorted, compare_numbers);
  return sorted[c->n / 2];
}

static vc_status enter(struct tuner *t, const struct stage *s, struct candidate *c) {
  vc_tensor *result;
  double seconds;
  vc_status status = make_exec(s, c->row, (struct vc_exec_options){.timestamps = !t->no_timestamps}, &c->exec, &result);
  if (status == VC_E_UNSUPPORTED && !t->no_timestamps) { // of a kernel that has passed the proof
    t->no_timestamps = true;
    status = make_exec(s, c->row, (struct vc_exec_options){0}, &c->exec, &result);
  }
  return status == VC_OK ? run_once(s, c->exec, t->no_timestamps, &seconds) : status;
}

static vc_status run_round(const struct stage *s, struct candidate *candidates, size_t n) {
  double best = (double)INFINITY;
  for (size_t i = 0; i < n; i++) {
    struct candidate *c = &candidates[i];
    if (c->out) continue;
    VC_TRY(run_once(s, c->exec, s->t->no_timestamps, &c->times[c->n++]));
    c->seconds = median(c);
    best = VC_MIN(best, c->seconds);
  }
  for (size_t i = 0; i < n; i++) {
    struct candidate *c = &candidates[i];
    c->out = c->out || c->seconds > FAR_BEHIND * best;
  }
  return VC_OK;
}

static vc_status race(vc_arena *arena, struct tuner *t, const struct item *item, struct candidate *candidates,
                      size_t n) {
  struct stage stage;
  double start;
  VC_TRY(set_stage(arena, t, t->gpu, item->use, &item->sample, &stage));
  for (size_t i = 0; i < n; i++) {
    char reason[256];
    if (candidates[i].out) continue;
    choices_try(t->choices, item->use->job, item->use->table[candidates[i].row].name);
    vc_status status = enter(t, &stage, &candidates[i]);
    if (status != VC_E_DEVICE_LOST) choices_tried(t->choices);
    if (ends_all(status)) return status;
    if (status == VC_OK) continue;
    snprintf(reason, sizeof reason, "fails on this device: %.200s", vc_error_message());
    reject(item->use, &candidates[i], reason);
  }
  start = vc_time_seconds();
  for (uint32_t round = 0; round < MAX_ROUNDS; round++) {
    if (round >= MIN_ROUNDS && vc_time_seconds() - start > ENOUGH) break;
    VC_TRY(run_round(&stage, candidates, n));
  }
  return VC_OK;
}

// ---- one choice -----------------------------------------------------------------------------------------------

static size_t n_alive(const struct candidate *candidates, size_t n) {
  size_t n_in = 0;
  for (size_t i = 0; i < n; i++) n_in += !candidates[i].out;
  return n_in;
}

// The row by the medians; the best-ranked one where another is not clearly faster. Where all that are right took too
// long, as on a machine that is busy elsewhere, the fastest of them: the naive kernel would be slower still.
static size_t decide(const struct vc_variant_use *use, const struct candidate *candidates, size_t n) {
  const struct candidate *best = NULL, *slow = NULL, *ranked = NULL;
  for (size_t i = 0; i < n; i++) {
    const struct candidate *c = &candidates[i];
    if (isnan(c->seconds)) continue;
    if (c->row == use->chosen) ranked = c;
    if (!c->out && (!best || c->seconds < best->seconds)) best = c;
    if (c->out && (!slow || c->seconds < slow->seconds)) slow = c;
  }
  if (!best) return slow ? slow->row : 0;
  return ranked && !ranked->out && best->seconds > CLEARLY_LESS * ranked->seconds ? ranked->row : best->row;
}

static vc_status in_arena(struct tuner *t, const struct item *item, struct candidate *candidates, size_t n,
                          bool is_race) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = is_race ? race(arena, t, item, candidates, n) : prove(arena, t, item, candidates, n);
  vc_arena_destroy(arena);
  return status;
}

static bool is_right(const struct candidate *candidates, size_t n, size_t row) {
  for (size_t i = 0; i < n; i++) {
    if (candidates[i].row == row) return !isnan(candidates[i].seconds);
  }
  return false;
}

static vc_status measure(struct tuner *t, struct item *item) {
  const struct vc_variant_use *use = item->use;
  struct candidate candidates[VC_MAX_TIMES] = {0};
  struct vc_choice choice = {.key = use->key};
  size_t n = 0;
  for (size_t row = 0; row < use->n_rows && n < VC_MAX_TIMES; row++) {
    if (use->rows >> row & 1 && !choices_is_fatal(t->choices, use->job, use->table[row].name))
      candidates[n++].row = row;
  }
  if (!item->like || !item->like->proven) VC_TRY(in_arena(t, item, candidates, n, false));
  item->proven = is_right(candidates, n, use->chosen);
  if (n_alive(candidates, n) > 1) VC_TRY(in_arena(t, item, candidates, n, true));
  choice.variant = use->table[decide(use, candidates, n)].name;
  for (size_t i = 0; i < n; i++) {
    choice.times[choice.n_times++] = (struct vc_choice_time){use->table[candidates[i].row].name, candidates[i].seconds};
  }
  return choices_put(t->choices, &choice);
}

// ---- all of a program -----------------------------------------------------------------------------------------

static int compare_items(const void *a, const void *b) {
  const struct item *x = a, *y = b;
  if (x->flops > y->flops || x->flops < y->flops) return x->flops < y->flops ? 1 : -1;
  return strcmp(x->use->key, y->use->key);
}

// The dispatches of a node.
static const struct program_dispatch *dispatches_of(const struct program *p, const vc_tensor *node, uint32_t *out_n) {
  uint32_t first = 0, end;
  while (first < p->n_dispatches && p->dispatches[first].node != node) first++;
  for (end = first; end < p->n_dispatches && p->dispatches[end].node == node;) end++;
  *out_n = end - first;
  return p->dispatches + first;
}

// Whether two nodes run the same row, by the same kernels and constants.
static bool same_code(const struct program *p, const struct vc_variant_use *a, const struct vc_variant_use *b) {
  uint32_t n, n_b;
  if (a->table != b->table || a->chosen != b->chosen) return false;
  const struct program_dispatch *x = dispatches_of(p, a->node, &n), *y = dispatches_of(p, b->node, &n_b);
  for (uint32_t i = 0; i < VC_MIN(n, n_b); i++) {
    const struct vc_dispatch *d = &x[i].d, *e = &y[i].d;
    if (strcmp(d->kernel, e->kernel) != 0 || memcmp(d->spec, e->spec, sizeof d->spec) != 0) return false;
  }
  return n == n_b;
}

// Sets like of items of one candidate, which is what the program runs.
static void find_likes(const struct program *p, struct item *items, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const struct vc_variant_use *use = items[i].use;
    for (size_t k = 0; k < i && !items[i].like && use->rows == 1u << use->chosen; k++) {
      const struct vc_variant_use *other = items[k].use;
      if (!items[k].like && other->rows == use->rows && same_code(p, use, other)) items[i].like = &items[k];
    }
  }
}

// The undecided choices, each once, those of most work first.
static vc_status list_items(vc_arena *arena, const struct vc_caps *caps, const struct program *p,
                            const vc_choices *choices, struct item **out, size_t *out_n) {
  struct item *items;
  size_t n = 0;
  VC_TRY(VC_NEW(arena, p->n_uses, &items));
  for (uint32_t i = 0; i < p->n_uses; i++) {
    const struct vc_variant_use *use = &p->uses[i];
    size_t k = 0;
    if (!use->undecided || vc_choices_variant(choices, use->key)) continue;
    while (k < n && strcmp(items[k].use->key, use->key) != 0) k++;
    if (k == n) {
      items[n] = (struct item){.use = use};
      VC_ASSERT(sample_of(use->node, caps, &items[n++].sample));
    }
    items[k].flops += use->node->op->flops ? use->node->op->flops(use->node) : 0;
  }
  qsort(items, n, sizeof *items, compare_items);
  find_likes(p, items, n);
  *out = items;
  *out_n = n;
  return VC_OK;
}

// What there is no time for: by rank, and remembered so; but proven, here or with an item of the same machine code. One
// that is wrong has its fellows measured, whatever it takes. Adds what stays unmeasured to *inout_left.
static vc_status settle(struct tuner *t, const struct program *p, struct item *items, size_t i, size_t *inout_left) {
  struct item *item = &items[i];
  const struct vc_variant_use *use = item->use;
  struct candidate candidate = {.row = use->chosen};
  for (size_t k = 0; k < i && !item->proven; k++) {
    item->proven = items[k].proven && same_code(p, use, items[k].use);
  }
  if (choices_is_fatal(t->choices, use->job, use->table[use->chosen].name)) return measure(t, item);
  if (!item->proven && use->chosen > 0) VC_TRY(in_arena(t, item, &candidate, 1, false));
  item->proven = is_right(&candidate, 1, use->chosen);
  if (!item->proven) return measure(t, item);
  ++*inout_left;
  return choices_put(t->choices, &(struct vc_choice){.key = use->key, .variant = use->table[use->chosen].name});
}

// ---- kernels made ahead ---------------------------------------------------------------------------------------

// Appends the programs that prove an item's candidates.
static vc_status plan_proofs(vc_arena *arena, struct tuner *t, const struct item *item, const struct program **programs,
                             size_t *inout_n) {
  struct sample *small;
  struct stage stage;
  VC_TRY(VC_NEW(arena, 1, &small));
  shrink(t, item, small);
  VC_TRY(set_stage(arena, t, NULL, item->use, small, &stage));
  for (size_t row = 0; row < item->use->n_rows; row++) {
    vc_exec *exec;
    vc_tensor *result;
    if (row > 0 && !(item->use->rows >> row & 1)) continue;
    const vc_status status = plan_exec(&stage, row, (struct vc_exec_options){0}, &exec, &result);
    if (ends_all(status)) return status;
    if (status == VC_OK) programs[(*inout_n)++] = exec_program(exec); // else the proof will tell
  }
  return VC_OK;
}

// Makes the kernels of p and those of the proofs.
static vc_status prepare(vc_arena *arena, struct tuner *t, const struct program *p, const struct item *items,
                         size_t n_items) {
  const struct program **programs;
  size_t n = 0, capacity = 1;
  for (size_t i = 0; i < n_items; i++) capacity += items[i].use->n_rows;
  VC_TRY(VC_NEW(arena, capacity, &programs));
  programs[n++] = p;
  for (size_t i = 0; i < n_items; i++) {
    if (!items[i].like) VC_TRY(plan_proofs(arena, t, &items[i], programs, &n));
  }
  return exec_prepare(t->gpu, programs, n);
}

static double guess(const struct vc_caps *caps, const struct item *items, size_t n) {
  bool is_cpu = caps->type == VC_DEVICE_CPU;
  double seconds = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t n_rows = 0;
    if (items[i].like) continue;
    for (uint32_t rows = items[i].use->rows; rows; rows &= rows - 1) n_rows++;
    double runs = n_rows > 1 ? n_rows * (MIN_ROUNDS + 2.0) : 0;
    seconds += (n_rows + 1) * GUESS_MAKE + runs * items[i].sample.flops / (is_cpu ? GUESS_CPU : GUESS);
    seconds += 2 * VC_MIN(items[i].sample.flops, is_cpu ? PROOF_FLOPS_CPU : PROOF_FLOPS) /
               (is_cpu ? GUESS_NAIVE_CPU : GUESS_NAIVE);
  }
  return seconds;
}

static vc_status measure_items(vc_arena *arena, struct tuner *t, const struct program *p, struct item *items,
                               size_t n) {
  double limit = choices_seconds(t->choices);
  size_t n_left = 0, n_new = 0;
  for (size_t i = 0; i < n; i++) n_new += !items[i].like;
  vc_log(VC_LOG_INFO, "tuning %zu kernel%s for this device (about %.0f s, remembered)", n_new, n_new == 1 ? "" : "s",
         ceil(VC_MIN(limit, guess(t->caps, items, n))));
  if (!choices_cut_off(t->choices)) { // else one by one, so that the trials name the kernel that a driver dies of
    choices_try(t->choices, "*", "*");
    const vc_status status = prepare(arena, t, p, items, n);
    if (status != VC_E_DEVICE_LOST) choices_tried(t->choices);
    VC_TRY(status);
  }
  const double start = vc_time_seconds();
  for (size_t i = 0; i < n; i++) {
    const struct vc_variant_use *use = items[i].use;
    if (items[i].like || vc_time_seconds() - start < limit) {
      VC_TRY_CTX(measure(t, &items[i]), "measuring %s", use->job);
    } else {
      VC_TRY_CTX(settle(t, p, items, i, &n_left), "proving %s", use->job);
    }
  }
  if (n_left > 0) {
    vc_log(VC_LOG_INFO, "%.0f s are over: %zu kernel%s proven but taken unmeasured; vulcyte tune measures %s", limit,
           n_left, n_left == 1 ? " is" : "s are", n_left == 1 ? "it" : "them");
  }
  return VC_OK;
}

vc_status tune_program(struct vc_gpu *gpu, const struct vc_caps *caps, const struct program *p, vc_choices *choices,
                       bool *out_changed) {
  struct tuner t = {.gpu = gpu, .choices = choices, .caps = caps};
  struct item *items;
  size_t n = 0;
  bool is_locked = false;
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = list_items(arena, caps, p, choices, &items, &n);
  *out_changed = n > 0;
  if (status == VC_OK && n > 0) {
    status = choices_begin(choices, arena, &is_locked);
    if (status == VC_OK && is_locked) status = list_items(arena, caps, p, choices, &items, &n);
    if (status == VC_OK && is_locked && n > 0) {
      status = measure_items(arena, &t, p, items, n);
      if (status == VC_OK) status = choices_end(choices);
    }
  }
  vc_arena_destroy(arena);
  return status;
}
