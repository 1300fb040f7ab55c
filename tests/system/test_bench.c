// Measuring steps: what is counted agrees with the network's own arithmetic, sums agree with their parts.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <vulcyte/bench.h>
#include <vulcyte/gpu.h>

#include <cmocka.h>

static vc_arena *arena;
static vc_gpu *gpu;

static int set_up(void **state) {
  (void)state;
  return vc_arena_create(&arena) == VC_OK && vc_gpu_open(arena, NULL, &gpu) == VC_OK ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  const uint64_t n_messages = vc_gpu_validation_messages(gpu);
  vc_arena_destroy(arena);
  return n_messages ? -1 : 0;
}

enum { BASE = 4, DEPTH = 2, SIDE = 48, BATCH = 2 };

// The data folders do not exist: nothing may look for them.
static struct vc_config configure(const char *method, const char *variants) {
  struct vc_config config;
  char text[512];
  snprintf(text, sizeof text,
           "{\"data\": {\"images\": \"/nowhere\", \"masks\": \"/nowhere\", \"crop\": %d}, \"method\": \"%s\", "
           "\"model\": {\"base\": %d, \"depth\": %d}, \"train\": {\"batch\": %d}}",
           SIDE, method, BASE, DEPTH, BATCH);
  assert_int_equal(vc_config_parse(arena, "bench", "/tmp", text, strlen(text), NULL, 0, &config), VC_OK);
  config.variants = variants;
  return config;
}

// Floating-point operations of all convolutions of the network forward on one image; out_first: of the very first.
static double forward_flops(double *out_first) {
  double sum = 0;
  uint32_t in = 1;
  for (uint32_t level = 0; level <= DEPTH; level++) {
    const double pixels = (double)(SIDE >> level) * (SIDE >> level);
    const uint32_t out = BASE << level;
    sum += 18 * pixels * (in * out + out * out);
    if (level == 0) *out_first = 18 * pixels * in * out;
    if (level < DEPTH) sum += 18 * pixels * (2 * out * out + out * out) + 8 * pixels / 4 * (2 * out) * out;
    in = out;
  }
  return sum + 2.0 * SIDE * SIDE * BASE * 2;
}

static double convolution_flops(const struct vc_bench_result *r) {
  double sum = 0;
  for (size_t i = 0; i < r->n_dispatches; i++) {
    if (strncmp(r->dispatches[i].op, "conv", 4) == 0) sum += r->dispatches[i].flops;
  }
  return sum;
}

static void check_times(const struct vc_bench_result *r) {
  double sum = 0;
  for (size_t i = 0; i < r->n_dispatches; i++) {
    assert_true(r->dispatches[i].seconds >= 0 && r->dispatches[i].bytes > 0);
    sum += r->dispatches[i].seconds;
  }
  assert_true(r->best_seconds > 0 && r->best_seconds <= r->seconds);
  assert_true(r->first_seconds > 0 && r->work_bytes > 0);
  // Medians of parts against a median of sums: not equal, but a unit or a factor gone wrong would show.
  assert_true(sum > 0.2 * r->timed_seconds && sum < 1.5 * r->timed_seconds);
}

static void test_supervised_step(void **state) {
  (void)state;
  const struct vc_config config = configure("supervised", NULL);
  struct vc_bench_result r;
  double first;
  assert_int_equal(vc_bench(arena, gpu, &config, VC_BENCH_TRAIN, 5, NULL, NULL, &r), VC_OK);
  assert_string_equal(r.name, "supervised");
  assert_true(r.base == BASE && r.depth == DEPTH && r.width == SIDE && r.height == SIDE && r.batch == BATCH);
  assert_true(r.n_steps == 5 && r.classes == 2 && r.channels == 1);
  check_times(&r);
  // Forward, input gradient (not of the image) and weight gradient cost the same each.
  const double forward = forward_flops(&first);
  assert_true(fabs(convolution_flops(&r) - BATCH * (3 * forward - first)) < 1);
}

static void test_uda_step(void **state) {
  (void)state;
  const struct vc_config config = configure("uda", NULL);
  struct vc_bench_result r;
  double first;
  assert_int_equal(vc_bench(arena, gpu, &config, VC_BENCH_TRAIN, 3, NULL, NULL, &r), VC_OK);
  assert_string_equal(r.name, "uda");
  check_times(&r);
  // Two images with gradients, the weakly changed one without.
  const double forward = forward_flops(&first);
  assert_true(fabs(convolution_flops(&r) - BATCH * (2 * (3 * forward - first) + forward)) < 1);
}

static void test_prediction(void **state) {
  (void)state;
  const struct vc_config config = configure("uda", "*=naive");
  struct vc_bench_result r;
  double first;
  assert_int_equal(vc_bench(arena, gpu, &config, VC_BENCH_PREDICT, 0, NULL, NULL, &r), VC_OK);
  assert_string_equal(r.name, "predict");
  assert_true(r.batch == 1 && r.n_steps >= 3 && r.n_steps <= 50);
  assert_true(fabs(convolution_flops(&r) - forward_flops(&first)) < 1);
  for (size_t i = 0; i < r.n_dispatches; i++) { // the forced variant
    const struct vc_timing *t = &r.dispatches[i];
    if (strncmp(t->op, "conv", 4) == 0) assert_string_equal(t->variant, "naive");
    assert_true(!t->variant == !t->job);
  }
}

static void test_groups_and_files(void **state) {
  (void)state;
  const struct vc_config config = configure("supervised", NULL);
  const struct vc_bench_ceilings ceilings = {.flops_per_second = 1e9, .bytes_per_second = 1e10};
  struct vc_bench_result r;
  assert_int_equal(vc_bench(arena, gpu, &config, VC_BENCH_TRAIN, 3, NULL, NULL, &r), VC_OK);
  const struct vc_bench_group all = vc_bench_total(&r, &ceilings);
  assert_int_equal(all.n_calls, r.n_dispatches);
  for (int key = VC_BENCH_BY_KERNEL; key <= VC_BENCH_BY_LAYER; key++) {
    struct vc_bench_group *g;
    size_t n;
    double seconds = 0, flops = 0, floor_seconds = 0, share = 0;
    uint32_t n_calls = 0;
    assert_int_equal(vc_bench_groups(arena, &r, &ceilings, (enum vc_bench_key)key, &g, &n), VC_OK);
    assert_true(n > 10 && n < r.n_dispatches / 2);
    for (size_t i = 0; i < n; i++) {
      n_calls += g[i].n_calls;
      seconds += g[i].seconds;
      flops += g[i].flops;
      floor_seconds += g[i].floor_seconds;
      share += g[i].share;
      assert_true(g[i].floor_seconds >= g[i].flops / 1e9 * (1 - 1e-9) &&
                  g[i].floor_seconds >= g[i].bytes / 1e10 * (1 - 1e-9));
      assert_true(key == VC_BENCH_BY_LAYER || i == 0 || g[i].seconds <= g[i - 1].seconds);
      assert_true(!g[i].path || strncmp(g[i].path, "grad/", 5) != 0);
    }
    assert_int_equal(n_calls, all.n_calls);
    assert_true(fabs(seconds - all.seconds) < 1e-9 && fabs(flops - all.flops) < 1 && fabs(share - 1) < 1e-9);
    assert_true(fabs(floor_seconds - all.floor_seconds) < 1e-9 * all.floor_seconds);
  }

  const char *text;
  size_t n_bytes, n_events = 0;
  vc_json *trace;
  double last = 0;
  assert_int_equal(vc_bench_trace(arena, &r, 1, &text, &n_bytes), VC_OK);
  assert_int_equal(vc_json_parse(arena, "trace", text, n_bytes, &trace), VC_OK);
  const vc_json *events = vc_json_get(trace, "traceEvents");
  for (size_t i = 0; i < vc_json_size(events); i++) {
    const vc_json *e = vc_json_at(events, i);
    if (strcmp(vc_json_string(vc_json_get(e, "ph")), "X") != 0) continue;
    assert_true(vc_json_number(vc_json_get(e, "ts")) >= last - 1e-6);
    last = vc_json_number(vc_json_get(e, "ts")) + vc_json_number(vc_json_get(e, "dur"));
    n_events++;
  }
  assert_int_equal(n_events, r.n_dispatches);
  assert_true(fabs(last - all.seconds * 1e6) < 1e-3);
}

// A device is no slower than its naive kernels, and no faster than a thousand of today's.
static void test_ceilings(void **state) {
  (void)state;
  struct vc_bench_ceilings c;
  assert_int_equal(vc_bench_ceilings(gpu, &c), VC_OK);
  assert_true(c.flops_per_second > 1e8 && c.flops_per_second < 1e18);
  assert_true(c.bytes_per_second > 1e7 && c.bytes_per_second < 1e16);
}

// The product of matrices goes through the kernels that convolutions choose; the device here has no matrix units.
static void test_matrices(void **state) {
  (void)state;
  double own, emulated;
  assert_int_equal(vc_bench_matrices(gpu, 64, NULL, &own), VC_OK);
  assert_int_equal(vc_bench_matrices(gpu, 64, "conv2d_fwd=coop_emulated", &emulated), VC_OK);
  assert_true(own > 1e4 && own < 1e18 && emulated > 1e4 && emulated < 1e18);
  assert_int_equal(vc_bench_matrices(gpu, 64, "conv2d_fwd=none", &own), VC_E_USAGE);
}

static bool stop_at_once(void *context, const struct vc_progress *p) {
  assert_string_equal(p->phase, "bench");
  ++*(int *)context;
  return false;
}

static void test_stops_and_refuses(void **state) {
  (void)state;
  struct vc_bench_result r;
  int n_calls = 0;
  struct vc_config config = configure("supervised", NULL);
  assert_int_equal(vc_bench(arena, gpu, &config, VC_BENCH_TRAIN, 3, stop_at_once, &n_calls, &r), VC_E_INTERRUPTED);
  assert_int_equal(n_calls, 1);
  config.variants = "conv2d_fwd=xyzzy";
  assert_int_equal(vc_bench(arena, gpu, &config, VC_BENCH_TRAIN, 3, NULL, NULL, &r), VC_E_USAGE);
  assert_non_null(strstr(vc_error_message(), "bench supervised"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_supervised_step),   cmocka_unit_test(test_uda_step), cmocka_unit_test(test_prediction),
      cmocka_unit_test(test_groups_and_files),  cmocka_unit_test(test_matrices), cmocka_unit_test(test_ceilings),
      cmocka_unit_test(test_stops_and_refuses),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
