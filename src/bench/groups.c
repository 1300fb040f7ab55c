// Dispatches summed by kernel or by layer, as JSON and as a trace.
#include "vulcyte/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool texts_equal(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

// A layer's gradients stand under grad/.
static const char *layer_of(const struct vc_timing *t) {
  static const char prefix[] = "grad/";
  return strncmp(t->path, prefix, sizeof prefix - 1) == 0 ? t->path + sizeof prefix - 1 : t->path;
}

static bool belongs(const struct vc_bench_group *g, const struct vc_timing *t, enum vc_bench_key key) {
  if (key == VC_BENCH_BY_LAYER) return strcmp(g->path, layer_of(t)) == 0;
  return texts_equal(g->op, t->op) && texts_equal(g->kernel, t->kernel) && texts_equal(g->variant, t->variant);
}

static double floor_of(const struct vc_timing *t, const struct vc_bench_ceilings *c) {
  const bool on_matrices = t->variant && strncmp(t->variant, "coop", 4) == 0 && c->matrix_flops_per_second > 0;
  const double ceiling = on_matrices ? c->matrix_flops_per_second : c->flops_per_second;
  const double compute = ceiling > 0 ? t->flops / ceiling : 0;
  const double memory = c->bytes_per_second > 0 ? t->bytes / c->bytes_per_second : 0;
  return VC_MAX(compute, memory);
}

static void add(struct vc_bench_group *g, const struct vc_timing *t, const struct vc_bench_ceilings *c) {
  g->n_calls++;
  g->seconds += t->seconds;
  g->flops += t->flops;
  g->bytes += t->bytes;
  g->floor_seconds += floor_of(t, c);
}

struct vc_bench_group vc_bench_total(const struct vc_bench_result *result, const struct vc_bench_ceilings *ceilings) {
  struct vc_bench_group all = {.path = "", .share = 1};
  for (size_t i = 0; i < result->n_dispatches; i++) add(&all, &result->dispatches[i], ceilings);
  return all;
}

static int compare_seconds(const void *a, const void *b) {
  const struct vc_bench_group *x = a, *y = b;
  if (x->seconds > y->seconds || x->seconds < y->seconds) return x->seconds < y->seconds ? 1 : -1;
  const int by_op = strcmp(x->op, y->op);
  return by_op ? by_op : strcmp(x->kernel, y->kernel);
}

vc_status vc_bench_groups(vc_arena *arena, const struct vc_bench_result *result,
                          const struct vc_bench_ceilings *ceilings, enum vc_bench_key key, struct vc_bench_group **out,
                          size_t *out_n) {
  struct vc_bench_group *groups;
  size_t n = 0;
  double total = 0;
  VC_TRY(VC_NEW(arena, result->n_dispatches, &groups));
  for (size_t i = 0; i < result->n_dispatches; i++) {
    const struct vc_timing *t = &result->dispatches[i];
    size_t k = 0;
    while (k < n && !belongs(&groups[k], t, key)) k++;
    struct vc_bench_group *g = &groups[k];
    if (k == n) {
      *g = key == VC_BENCH_BY_LAYER ? (struct vc_bench_group){.path = layer_of(t)}
                                    : (struct vc_bench_group){.op = t->op, .kernel = t->kernel, .variant = t->variant};
      n++;
    }
    add(g, t, ceilings);
    total += t->seconds;
  }
  for (size_t k = 0; k < n; k++) groups[k].share = total > 0 ? groups[k].seconds / total : 0;
  if (key == VC_BENCH_BY_KERNEL) qsort(groups, n, sizeof *groups, compare_seconds);
  *out = groups;
  *out_n = n;
  return VC_OK;
}

// ---- JSON ---------------------------------------------------------------------------------------------------------

static void put_group(vc_json_writer *w, const struct vc_bench_group *g) {
  vc_json_begin_object(w, NULL);
  if (g->path) {
    vc_json_put_string(w, "path", g->path);
  } else {
    vc_json_put_string(w, "op", g->op);
    vc_json_put_string(w, "kernel", g->kernel);
    if (g->variant)
      vc_json_put_string(w, "variant", g->variant);
    else
      vc_json_put_null(w, "variant");
  }
  vc_json_put_number(w, "calls", g->n_calls);
  vc_json_put_number(w, "seconds", g->seconds);
  vc_json_put_number(w, "share", g->share);
  vc_json_put_number(w, "flops", g->flops);
  vc_json_put_number(w, "bytes", g->bytes);
  vc_json_put_number(w, "flops_per_second", g->seconds > 0 ? g->flops / g->seconds : 0);
  vc_json_put_number(w, "bytes_per_second", g->seconds > 0 ? g->bytes / g->seconds : 0);
  vc_json_put_number(w, "floor_seconds", g->floor_seconds);
  vc_json_end_object(w);
}

static vc_status put_groups(vc_json_writer *w, const char *name, const struct vc_bench_result *r,
                            const struct vc_bench_ceilings *ceilings, enum vc_bench_key key) {
  vc_arena *scratch;
  struct vc_bench_group *groups;
  size_t n;
  VC_TRY(vc_arena_create(&scratch));
  const vc_status status = vc_bench_groups(scratch, r, ceilings, key, &groups, &n);
  vc_json_begin_array(w, name);
  for (size_t i = 0; status == VC_OK && i < n; i++) put_group(w, &groups[i]);
  vc_json_end_array(w);
  vc_arena_destroy(scratch);
  return status;
}

vc_status vc_bench_put_json(vc_json_writer *w, const char *key, const struct vc_bench_result *r,
                            const struct vc_bench_ceilings *ceilings) {
  const struct vc_bench_group all = vc_bench_total(r, ceilings);
  vc_json_begin_object(w, key);
  vc_json_put_string(w, "name", r->name);
  vc_json_put_number(w, "base", r->base);
  vc_json_put_number(w, "depth", r->depth);
  vc_json_put_number(w, "channels", r->channels);
  vc_json_put_number(w, "classes", r->classes);
  vc_json_put_number(w, "width", r->width);
  vc_json_put_number(w, "height", r->height);
  vc_json_put_number(w, "batch", r->batch);
  vc_json_put_number(w, "work_bytes", (double)r->work_bytes);
  vc_json_put_number(w, "steps", r->n_steps);
  vc_json_put_number(w, "seconds", r->seconds);
  vc_json_put_number(w, "best_seconds", r->best_seconds);
  vc_json_put_number(w, "first_seconds", r->first_seconds);
  vc_json_put_number(w, "timed_seconds", r->timed_seconds);
  vc_json_put_number(w, "kernel_seconds", all.seconds);
  vc_json_put_number(w, "floor_seconds", all.floor_seconds);
  vc_json_put_number(w, "dispatches", all.n_calls);
  vc_json_put_number(w, "flops", all.flops);
  vc_json_put_number(w, "bytes", all.bytes);
  VC_TRY(put_groups(w, "kernels", r, ceilings, VC_BENCH_BY_KERNEL));
  VC_TRY(put_groups(w, "layers", r, ceilings, VC_BENCH_BY_LAYER));
  vc_json_end_object(w);
  return VC_OK;
}

// ---- trace --------------------------------------------------------------------------------------------------------

static void put_process(vc_json_writer *w, uint32_t id, const struct vc_bench_result *r) {
  char name[96];
  snprintf(name, sizeof name, "%s, base %u, %ux%u, batch %u", r->name, r->base, r->width, r->height, r->batch);
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "name", "process_name");
  vc_json_put_string(w, "ph", "M");
  vc_json_put_number(w, "pid", id);
  vc_json_begin_object(w, "args");
  vc_json_put_string(w, "name", name);
  vc_json_end_object(w);
  vc_json_end_object(w);
}

static void put_event(vc_json_writer *w, uint32_t process, double start, const struct vc_timing *t) {
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "name", t->op);
  vc_json_put_string(w, "cat", t->kernel);
  vc_json_put_string(w, "ph", "X");
  vc_json_put_number(w, "ts", start * 1e6);
  vc_json_put_number(w, "dur", t->seconds * 1e6);
  vc_json_put_number(w, "pid", process);
  vc_json_put_number(w, "tid", 1);
  vc_json_begin_object(w, "args");
  vc_json_put_string(w, "path", t->path);
  vc_json_put_string(w, "kernel", t->kernel);
  if (t->variant) vc_json_put_string(w, "variant", t->variant);
  vc_json_put_number(w, "gflops", t->seconds > 0 ? t->flops / t->seconds * 1e-9 : 0);
  vc_json_put_number(w, "gbytes", t->seconds > 0 ? t->bytes / t->seconds * 1e-9 : 0);
  vc_json_end_object(w);
  vc_json_end_object(w);
}

vc_status vc_bench_trace(vc_arena *arena, const struct vc_bench_result *results, uint32_t n_results,
                         const char **out_text, size_t *out_bytes) {
  vc_json_writer *w;
  VC_TRY(vc_json_writer_create(arena, 0, &w));
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "displayTimeUnit", "ms");
  vc_json_begin_array(w, "traceEvents");
  for (uint32_t i = 0; i < n_results; i++) {
    double at = 0;
    put_process(w, i + 1, &results[i]);
    for (size_t d = 0; d < results[i].n_dispatches; d++) {
      put_event(w, i + 1, at, &results[i].dispatches[d]);
      at += results[i].dispatches[d].seconds;
    }
  }
  vc_json_end_array(w);
  vc_json_end_object(w);
  return vc_json_writer_text(w, out_text, out_bytes);
}
