// Running graphs: feeds and reports in flight, shared work memory, slots, in-place results, timings.
#include "support/optest.h"

#include <vulcyte/gpu.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 5000 };
static const struct vc_shape shape = {1, N, 1, 1};
static float values[N], got[N];

static void fill(float base) {
  for (int i = 0; i < N; i++) values[i] = base + (float)i;
}

// got[i] = a * i + b for all i?
static bool got_line(float a, float b) {
  for (int i = 0; i < N; i++) {
    if (got[i] != a * (float)i + b) {
      printf("element %d: %g instead of %g\n", i, (double)got[i], (double)(a * (float)i + b));
      return false;
    }
  }
  return true;
}

static vc_exec *exec_of(vc_arena *arena, vc_gpu *gpu, vc_graph *g, const struct vc_exec_options *options) {
  vc_exec *exec;
  if (!OPTEST_OK(vc_exec_create(arena, gpu, g, options, &exec))) exit(1);
  return exec;
}

static void bind(vc_arena *arena, vc_exec *const *execs, uint32_t n) {
  if (!OPTEST_OK(vc_exec_bind(arena, execs, n))) exit(1);
}

static vc_graph *new_graph(vc_arena *arena) {
  vc_graph *g;
  if (!OPTEST_OK(vc_graph_create(arena, &g))) exit(1);
  return g;
}

static vc_slot *new_slot(vc_arena *arena, vc_gpu *gpu, uint64_t n_bytes, enum vc_slot_memory memory) {
  vc_slot *slot;
  if (!OPTEST_OK(vc_slot_create(arena, gpu, n_bytes, memory, "slot", &slot))) exit(1);
  return slot;
}

// state += feed, 50 steps with no wait: each report is of its own step, each feed reaches its own step.
static void steps_in_flight_keep_apart(vc_arena *arena, vc_gpu *gpu) {
  vc_graph *g = new_graph(arena);
  vc_slot *slot = new_slot(arena, gpu, 64 * 4, VC_SLOT_DEVICE);
  vc_tensor *state = vc_bind(g, "state", (struct vc_shape){1, 64, 1, 1}, VC_F32, slot, 0);
  vc_tensor *unused = vc_feed(g, "unused", VC_U32, 3), *feed = vc_feed(g, "feed", VC_F32, 64);
  vc_tensor *sum = vc_add(g, state, feed);
  vc_place(g, sum, state, 0); // in place: each element is read before it is written
  vc_report(g, sum);
  vc_report(g, feed);
  vc_report(g, unused);
  vc_exec *exec = exec_of(arena, gpu, g, NULL);
  bind(arena, &exec, 1);
  const uint32_t numbers[3] = {7, 8, 9};
  uint32_t read_numbers[3] = {0};
  float total = 0, fed[64], report[64], expected[2] = {0, 0};
  OPTEST_OK(vc_exec_feed(exec, unused, numbers, sizeof numbers));
  for (uint64_t step = 1; step <= 50; step++) {
    for (int i = 0; i < 64; i++) fed[i] = (float)step;
    uint64_t started = 0;
    OPTEST_OK(vc_exec_feed(exec, feed, fed, sizeof fed));
    OPTEST_OK(vc_exec_run(exec, &started));
    OPTEST_CHECK(started == step);
    total += (float)step;
    expected[step % 2] = total;
    if (step < 2) continue;
    OPTEST_OK(vc_exec_report(exec, step - 1, sum, report, sizeof report)); // one step late
    OPTEST_CHECK(report[0] == expected[(step - 1) % 2] && report[63] == report[0]);
    OPTEST_OK(vc_exec_report(exec, step - 1, feed, report, sizeof report));
    OPTEST_CHECK(report[5] == (float)(step - 1));
  }
  OPTEST_OK(vc_exec_report(exec, 50, sum, report, sizeof report));
  OPTEST_CHECK(report[0] == 50 * 51 / 2);
  OPTEST_OK(vc_exec_report(exec, 50, unused, read_numbers, sizeof read_numbers));
  OPTEST_CHECK(memcmp(numbers, read_numbers, sizeof numbers) == 0);
  OPTEST_OK(vc_slot_read(slot, 63 * 4, report, 4));
  OPTEST_CHECK(report[0] == 50 * 51 / 2);
  OPTEST_CHECK(vc_exec_report(exec, 48, sum, report, sizeof report) != VC_OK); // gone
  OPTEST_CHECK(vc_exec_report(exec, 51, sum, report, sizeof report) != VC_OK); // not started
  OPTEST_CHECK(vc_exec_feed(exec, feed, fed, sizeof fed - 4) != VC_OK);
}

// A chain of sums in memory used again and again, between two executables that share it, with no wait between them.
static void executables_share_work_memory(vc_arena *arena, vc_gpu *gpu) {
  vc_exec *execs[2];
  vc_tensor *out[2];
  vc_slot *slot = new_slot(arena, gpu, 2 * 8192 * 4, VC_SLOT_DEVICE);
  for (int k = 0; k < 2; k++) {
    vc_graph *g = new_graph(arena);
    vc_tensor *t = vc_bind(g, "from", shape, VC_F32, slot, 0);
    for (int i = 0; i < 3 + k; i++) t = vc_add(g, t, t);
    out[k] = vc_add(g, t, t);
    vc_output(g, t);
    vc_place(g, out[k], vc_bind(g, "to", shape, VC_F32, slot, 8192), 0);
    vc_output(g, out[k]);
    execs[k] = exec_of(arena, gpu, g, NULL);
  }
  bind(arena, execs, 2);
  fill(0);
  OPTEST_OK(vc_slot_write(slot, 0, values, sizeof values));
  for (int round = 0; round < 5; round++) {
    for (int k = 0; k < 2; k++) OPTEST_OK(vc_exec_run(execs[k], NULL));
  }
  OPTEST_OK(vc_exec_read(execs[1], out[1], got, sizeof got));
  OPTEST_CHECK(got_line(32, 0));
  OPTEST_OK(vc_exec_run(execs[0], NULL));
  OPTEST_OK(vc_exec_read(execs[0], out[0], got, sizeof got));
  OPTEST_CHECK(got_line(16, 0));
  OPTEST_CHECK(vc_exec_work_bytes(execs[0]) < 4 * sizeof got); // of five tensors, two live at a time
}

static void slots_hold_what_the_host_writes(vc_arena *arena, vc_gpu *gpu) {
  vc_slot *visible = new_slot(arena, gpu, sizeof values, VC_SLOT_HOST_VISIBLE);
  vc_slot *device = new_slot(arena, gpu, sizeof values, VC_SLOT_DEVICE);
  OPTEST_CHECK(vc_slot_bytes(device) == sizeof values);
  OPTEST_CHECK(vc_slot_host(device) == NULL && vc_slot_host(visible) != NULL);
  memset(got, 1, sizeof got);
  OPTEST_OK(vc_slot_read(visible, 0, got, sizeof got));
  OPTEST_CHECK(got_line(0, 0));
  memset(got, 1, sizeof got);
  OPTEST_OK(vc_slot_read(device, 0, got, sizeof got));
  OPTEST_CHECK(got_line(0, 0));

  vc_graph *g = new_graph(arena);
  vc_tensor *in = vc_bind(g, "in", shape, VC_F32, visible, 0), *sum = vc_add(g, in, in);
  vc_place(g, sum, vc_bind(g, "out", shape, VC_F32, device, 0), 0);
  vc_exec *exec = exec_of(arena, gpu, g, NULL);
  bind(arena, &exec, 1);
  for (int round = 1; round < 4; round++) {
    fill((float)round);
    memcpy(vc_slot_host(visible), values, sizeof values);
    OPTEST_OK(vc_exec_run(exec, NULL));
    OPTEST_OK(vc_exec_wait(exec));
    OPTEST_OK(vc_slot_read(device, 0, got, sizeof got));
    OPTEST_CHECK(got_line(2, 2 * (float)round));
  }
  OPTEST_OK(vc_slot_write(device, 4, values, 8));
  OPTEST_OK(vc_slot_read(device, 0, got, 16));
  OPTEST_CHECK(got[0] == 6 && got[1] == values[0] && got[2] == values[1] && got[3] == 12);
  OPTEST_CHECK(vc_slot_write(device, sizeof values - 4, values, 8) != VC_OK);
  OPTEST_CHECK(vc_slot_read(device, UINT64_MAX, got, 8) != VC_OK);
}

// More than one submission a step, where a device is said to be a GPU with a watchdog.
static void long_steps_are_split(vc_arena *arena, vc_gpu *gpu) {
  struct vc_caps caps = *vc_gpu_caps(gpu);
  caps.type = VC_DEVICE_DISCRETE;
  const struct vc_exec_options options = {.caps = &caps, .timestamps = true};
  vc_graph *g = new_graph(arena);
  const struct vc_shape large = {1, 16, 1024, 512}; // 100 MB a sum
  vc_slot *slot = new_slot(arena, gpu, vc_shape_count(large) * 4, VC_SLOT_DEVICE);
  vc_tensor *t = vc_bind(g, "from", large, VC_F32, slot, 0);
  const float start = 3;
  OPTEST_OK(vc_slot_write(slot, (vc_shape_count(large) - 1) * 4, &start, 4));
  for (int i = 0; i < 15; i++) t = vc_add(g, t, t);
  vc_tensor *last = vc_view(g, t, (struct vc_shape){1, 64, 1, 1}, vc_shape_count(large) - 64);
  vc_report(g, last);
  vc_exec *exec = exec_of(arena, gpu, g, &options);
  bind(arena, &exec, 1);
  uint64_t step;
  float report[64];
  OPTEST_OK(vc_exec_run(exec, &step));
  OPTEST_OK(vc_exec_report(exec, step, last, report, sizeof report));
  OPTEST_CHECK(report[63] == 3 * 32768 && report[62] == 0);
  const struct vc_timing *timings;
  size_t n;
  OPTEST_OK(vc_exec_timing(exec, &timings, &n));
  OPTEST_CHECK(n == 15);
  for (size_t i = 0; i < n; i++) {
    OPTEST_CHECK(strcmp(timings[i].op, "add") == 0 && strcmp(timings[i].kernel, "add_fwd") == 0);
    OPTEST_CHECK(!timings[i].job && !timings[i].variant);
    OPTEST_CHECK(timings[i].seconds > 0 && timings[i].seconds < 60);
    OPTEST_CHECK(timings[i].flops == (double)vc_shape_count(large) && timings[i].bytes == 12 * timings[i].flops);
  }
}

// A graph that only reports a feed, and one that does nothing.
static void graphs_without_dispatches_run(vc_arena *arena, vc_gpu *gpu) {
  vc_graph *g = new_graph(arena);
  vc_tensor *feed = vc_feed(g, "feed", VC_F32, 2);
  vc_report(g, feed);
  vc_exec *execs[2] = {exec_of(arena, gpu, g, NULL), exec_of(arena, gpu, new_graph(arena), NULL)};
  bind(arena, execs, 2);
  const float fed[2] = {1, 2};
  float report[2] = {0, 0};
  uint64_t step = 0;
  OPTEST_OK(vc_exec_feed(execs[0], feed, fed, sizeof fed));
  OPTEST_OK(vc_exec_run(execs[0], &step));
  OPTEST_OK(vc_exec_run(execs[1], NULL));
  OPTEST_OK(vc_exec_report(execs[0], step, feed, report, sizeof report));
  OPTEST_CHECK(report[0] == 1 && report[1] == 2);
  OPTEST_OK(vc_exec_wait(execs[1]));
}

static void only_outputs_can_be_read(vc_arena *arena, vc_gpu *gpu) {
  vc_graph *g = new_graph(arena);
  vc_slot *slot = new_slot(arena, gpu, sizeof values, VC_SLOT_DEVICE);
  vc_tensor *in = vc_bind(g, "in", shape, VC_F32, slot, 0), *sum = vc_add(g, in, in), *out = vc_add(g, sum, in);
  vc_output(g, out);
  vc_exec *exec = exec_of(arena, gpu, g, NULL);
  bind(arena, &exec, 1);
  fill(1);
  OPTEST_OK(vc_slot_write(slot, 0, values, sizeof values));
  OPTEST_OK(vc_exec_run(exec, NULL));
  OPTEST_CHECK(vc_exec_read(exec, sum, got, sizeof got) != VC_OK);
  OPTEST_OK(vc_exec_read(exec, out, got, sizeof got));
  OPTEST_CHECK(got_line(3, 3));
  OPTEST_OK(vc_exec_read(exec, in, got, sizeof got));
  OPTEST_CHECK(got_line(1, 1));
}

// Sums, casts around one of 16 bits, and the zeros of a block's gap, where a binding takes 448 numbers.
static void little_is_bound_at_once(vc_arena *arena, vc_gpu *gpu) {
  const struct vc_caps *device = vc_gpu_caps(gpu);
  struct vc_caps caps = *device;
  caps.max_buffer_range = 2000;
  for (int half = 0; half < 1 + device->fp16_storage; half++) {
    vc_graph *g = new_graph(arena);
    vc_slot *slot = new_slot(arena, gpu, N * 4, VC_SLOT_DEVICE);
    vc_tensor *in = vc_bind(g, "in", shape, VC_F32, slot, 0);
    vc_tensor *block = vc_block(g, (struct vc_shape){1, 2 * 5056, 1, 1}, VC_F32), *sum = vc_add(g, in, in);
    vc_place(g, sum, block, 5056);
    vc_output(g, sum);
    vc_tensor *gap = vc_view(g, block, shape, 0);
    vc_output(g, gap);
    vc_exec *exec = exec_of(arena, gpu, g,
                            &(struct vc_exec_options){.caps = &caps, .poison = true, .mixed = half, .all_mixed = half});
    bind(arena, &exec, 1);
    for (int i = 0; i < N; i++) values[i] = (float)(i % 1000); // a number of 16 bits holds their sums
    OPTEST_OK(vc_slot_write(slot, 0, values, sizeof values));
    OPTEST_OK(vc_exec_run(exec, NULL));
    OPTEST_OK(vc_exec_read(exec, gap, got, sizeof got));
    OPTEST_CHECK(got_line(0, 0));
    OPTEST_OK(vc_exec_read(exec, sum, got, sizeof got));
    for (int i = 0; i < N; i++) got[i] -= (float)(i % 1000 * 2);
    OPTEST_CHECK(got_line(0, 0));
  }
}

// out = 2 w + feed + other. The first sum is made once, so a change of w, which was not to come, is not seen; unless
// other executables use the workspace in between.
static void what_is_constant_is_computed_once(vc_arena *arena, vc_gpu *gpu) {
  for (uint32_t n_execs = 1; n_execs <= 2; n_execs++) {
    vc_exec *execs[2];
    vc_tensor *feeds[2], *out[2];
    vc_slot *w = new_slot(arena, gpu, 64 * 4, VC_SLOT_DEVICE), *other = new_slot(arena, gpu, 64 * 4, VC_SLOT_DEVICE);
    for (uint32_t i = 0; i < n_execs; i++) {
      const struct vc_shape few = {1, 64, 1, 1};
      vc_graph *g = new_graph(arena);
      vc_tensor *weights = vc_bind(g, "w", few, VC_F32, w, 0);
      feeds[i] = vc_feed(g, "feed", VC_F32, 64);
      vc_tensor *changing = vc_add(g, feeds[i], vc_bind(g, "other", few, VC_F32, other, 0));
      out[i] = vc_add(g, changing, vc_add(g, weights, weights));
      vc_output(g, out[i]);
      execs[i] = exec_of(arena, gpu, g, &(struct vc_exec_options){.constant = w});
    }
    bind(arena, execs, n_execs);
    for (int step = 0; step < 3; step++) {
      float in[64], result[64];
      for (int i = 0; i < 64; i++) in[i] = (float)(i + step);
      OPTEST_OK(vc_slot_write(w, 0, in, sizeof in));
      OPTEST_OK(vc_slot_write(other, 0, in, sizeof in));
      OPTEST_OK(vc_exec_feed(execs[0], feeds[0], in, sizeof in));
      OPTEST_OK(vc_exec_run(execs[0], NULL));
      OPTEST_OK(vc_exec_read(execs[0], out[0], result, sizeof result));
      const int step_of_w = n_execs == 1 ? 0 : step;
      for (int i = 0; i < 64; i++) OPTEST_CHECK(result[i] == (float)(2 * (i + step_of_w) + 2 * (i + step)));
    }
    const struct vc_timing *timings;
    size_t n;
    OPTEST_OK(vc_exec_timing(execs[0], &timings, &n));
    OPTEST_CHECK(n == 1 + n_execs);
  }
}

int main(void) {
  static const struct {
    const char *name;
    void (*run)(vc_arena *arena, vc_gpu *gpu);
  } tests[] = {
      {"steps in flight keep apart", steps_in_flight_keep_apart},
      {"executables share work memory", executables_share_work_memory},
      {"slots hold what the host writes", slots_hold_what_the_host_writes},
      {"long steps are split", long_steps_are_split},
      {"graphs without dispatches run", graphs_without_dispatches_run},
      {"only outputs can be read", only_outputs_can_be_read},
      {"little is bound at once", little_is_bound_at_once},
      {"what is constant is computed once", what_is_constant_is_computed_once},
  };
  vc_arena *device_arena, *arena;
  if (!OPTEST_OK(vc_arena_create(&device_arena))) return 1;
  vc_gpu *gpu = optest_gpu(device_arena);
  for (size_t i = 0; i < VC_COUNT_OF(tests); i++) {
    int before = optest_failures();
    if (!OPTEST_OK(vc_arena_create(&arena))) return 1;
    tests[i].run(arena, gpu);
    vc_arena_destroy(arena);
    printf("%s %s\n", optest_failures() == before ? "ok" : "FAILED", tests[i].name);
  }
  int result = optest_finish(gpu, optest_failures());
  vc_arena_destroy(device_arena);
  return result;
}
