// Choices among variants on a device: what is wrong or fails is never taken, what was measured is remembered.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <vulcyte/gpu.h>
#include <vulcyte/variant.h>

#include <cmocka.h>

#include "shaders/shared/copy_words.h"
#include "support/scratch.h"

static vc_arena *arena;
static vc_gpu *gpu;
static char warnings[4096], told[4096];

static void append(char (*text)[4096], const char *line) {
  snprintf(*text + strlen(*text), sizeof *text - strlen(*text), "%s\n", line);
}

static void keep_lines(void *context, enum vc_log_level level, const char *line) {
  (void)context;
  if (level == VC_LOG_WARNING) append(&warnings, line);
  if (level == VC_LOG_INFO) append(&told, line);
}

static int set_up(void **state) {
  *warnings = *told = '\0';
  vc_log_set_sink(keep_lines, NULL);
  return scratch_enter(state) == 0 && vc_arena_create(&arena) == VC_OK && vc_gpu_open(arena, NULL, &gpu) == VC_OK ? 0
                                                                                                                  : -1;
}

static int tear_down(void **state) {
  const uint64_t n_messages = vc_gpu_validation_messages(gpu);
  vc_log_set_sink(NULL, NULL);
  vc_arena_destroy(arena);
  return scratch_leave(state) != 0 || n_messages ? -1 : 0;
}

// ---- a job with good and bad kernels: out = in ------------------------------------------------------------------

static vc_status infer(vc_tensor *out) {
  out->shape = out->in[0]->shape;
  out->dtype = VC_F32;
  return VC_OK;
}

static vc_status copy(vc_emitter *e, const vc_tensor *out, uint32_t n_left_out) {
  const vc_copy_words_push push = {(uint32_t)vc_shape_count(out->shape) - n_left_out};
  const uint32_t n_groups = (push.n_words / VC_COPY_WORDS_EACH + 64) / 64;
  const struct vc_dispatch d = {.kernel = "copy_words",
                                .n_bindings = 2,
                                .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out)},
                                .push = &push,
                                .push_bytes = sizeof push,
                                .groups = {n_groups, 1, 1}};
  return vc_emit(e, &d);
}

static vc_status emit_right(vc_emitter *e, const vc_tensor *out) {
  return copy(e, out, 0);
}

// Does not write the last element.
static vc_status emit_wrong(vc_emitter *e, const vc_tensor *out) {
  return copy(e, out, 1);
}

static vc_status emit_failing(vc_emitter *e, const vc_tensor *out) {
  (void)e, (void)out;
  return VC_FAIL(VC_E_UNSUPPORTED, "no such unit");
}

static bool is_large(const struct vc_caps *caps, const vc_tensor *out) {
  (void)caps;
  return out->shape.h >= 64;
}

static const struct vc_variant rows[] = {
    {.name = "naive", .rank_cpu = 1, .rank_gpu = 1, .emit = emit_right},
    {.name = "wrong", .rank_cpu = 8, .rank_gpu = 8, .emit = emit_wrong},
    {.name = "right", .rank_cpu = 3, .rank_gpu = 3, .emit = emit_right},
    {.name = "other", .rank_cpu = 2, .rank_gpu = 2, .emit = emit_right},
    {.name = "failing", .rank_cpu = 7, .rank_gpu = 7, .emit = emit_failing},
    {.name = "large", .rank_cpu = 9, .rank_gpu = 9, .pays = is_large, .emit = emit_right},
    {.name = "hopeless", .rank_cpu = 0.5f, .rank_gpu = 0.5f, .emit = emit_failing},
};

static vc_status emit(vc_emitter *e, const vc_tensor *out) {
  return vc_emit_variant(e, "job", rows, VC_COUNT_OF(rows), out);
}

static void resize(const vc_tensor *out, uint32_t h, uint32_t w, struct vc_shape *in, void *attr) {
  (void)out, (void)attr;
  in[0] = (struct vc_shape){1, in[0].c, h, w};
}

// Too much for the naive kernel to come into question.
static double flops(const vc_tensor *out) {
  return 1e6 * (double)vc_shape_count(out->shape);
}

static const struct vc_op op = {.name = "job", .infer = infer, .emit = emit, .flops = flops, .resize = resize};

static vc_choices *choices_for(double seconds) {
  const struct vc_choices_desc desc = {.path = "kernels.json", .device = "this one", .seconds = seconds};
  vc_choices *c;
  assert_int_equal(vc_choices_create(arena, &desc, &c), VC_OK);
  return c;
}

static vc_choices *open_choices(void) {
  return choices_for((double)INFINITY);
}

static void add_job(vc_graph *g, uint32_t channels, uint32_t side) {
  const struct vc_shape shape = {2, channels, side, side};
  vc_slot *slot;
  assert_int_equal(vc_slot_create(arena, gpu, vc_shape_count(shape) * 4, VC_SLOT_DEVICE, "in", &slot), VC_OK);
  vc_tensor *in = vc_bind(g, "in", shape, VC_F32, slot, 0);
  vc_output(g, vc_node(g, &op, &in, 1, NULL, 0));
}

static vc_status choose(struct vc_choices *choices, const char *variants, uint32_t side, struct vc_variant_use *out) {
  const struct vc_exec_options options = {.choices = choices, .variants = variants};
  const struct vc_variant_use *uses;
  vc_graph *g;
  vc_exec *exec;
  size_t n;
  assert_int_equal(vc_graph_create(arena, &g), VC_OK);
  add_job(g, 4, side);
  VC_TRY(vc_exec_create(arena, gpu, g, &options, &exec));
  vc_exec_variants(exec, &uses, &n);
  assert_int_equal(n, 1);
  *out = uses[0];
  return VC_OK;
}

static const char *chosen(struct vc_choices *choices, const char *variants, uint32_t side) {
  struct vc_variant_use use;
  assert_int_equal(choose(choices, variants, side, &use), VC_OK);
  return rows[use.chosen].name;
}

static bool is_good(const char *name) {
  return strcmp(name, "right") == 0 || strcmp(name, "other") == 0;
}

// ---- cases --------------------------------------------------------------------------------------------------------

static void only_kernels_that_are_right_are_taken(void **state) {
  const struct vc_choice *list;
  size_t n;
  (void)state;
  vc_choices *c = open_choices();
  const char *first = chosen(c, "job=-failing", 20);
  assert_true(is_good(first));
  assert_non_null(strstr(warnings, "kernel job=wrong gives wrong numbers"));
  assert_non_null(strstr(warnings, "--variant job=-wrong"));
  assert_int_equal(vc_choices_list(c, &list, &n), VC_OK);
  assert_int_equal(n, 1);
  assert_int_equal(list[0].n_times, 3); // neither naive nor hopeless
  assert_string_equal(list[0].variant, first);
  assert_string_equal(list[0].times[0].variant, "wrong");
  assert_true(isnan(list[0].times[0].seconds));
  for (int i = 1; i < 3; i++) assert_true(list[0].times[i].seconds > 0);
  *warnings = '\0';
  assert_string_equal(chosen(open_choices(), "job=-failing", 20), first); // remembered
  assert_string_equal(chosen(open_choices(), "job=-failing", 23), first); // of about that size
  assert_string_equal(warnings, "");
}

// With no other row the choice is one by proof alone.
static void a_kernel_that_fails_leaves_the_definition(void **state) {
  (void)state;
  const char *taken = chosen(open_choices(), "job=-right,job=-other", 20);
  assert_string_equal(taken, "naive");
  assert_non_null(strstr(warnings, "kernel job=failing fails on this device"));
  assert_non_null(strstr(warnings, "no such unit"));
}

static void one_good_kernel_needs_no_race(void **state) {
  const struct vc_choice *list;
  size_t n;
  (void)state;
  vc_choices *c = open_choices();
  assert_string_equal(chosen(c, "job=-failing,job=-wrong,job=-other", 20), "right");
  assert_int_equal(vc_choices_list(c, &list, &n), VC_OK);
  assert_int_equal(n, 1);
  assert_true(list[0].n_times == 1 && list[0].times[0].seconds == 0);
}

// The choices of a program with the job on images of 4 and of 8 channels, by one kernel.
static const struct vc_choice *choose_for_two(const char *variants) {
  const struct vc_exec_options options = {.choices = open_choices(), .variants = variants};
  const struct vc_choice *list;
  vc_graph *g;
  vc_exec *exec;
  size_t n;
  assert_int_equal(vc_graph_create(arena, &g), VC_OK);
  add_job(g, 4, 20);
  add_job(g, 8, 20);
  assert_int_equal(vc_exec_create(arena, gpu, g, &options, &exec), VC_OK);
  assert_int_equal(vc_choices_list(options.choices, &list, &n), VC_OK);
  assert_int_equal(n, 2);
  return list;
}

static void machine_code_is_proven_once(void **state) {
  (void)state;
  const struct vc_choice *list = choose_for_two("job=-failing,job=-wrong,job=-other");
  for (int i = 0; i < 2; i++) {
    assert_string_equal(list[i].variant, "right");
    assert_true(list[i].n_times == 1 && list[i].times[0].seconds == 0);
  }
  assert_non_null(strstr(told, "tuning 1 kernel for"));
}

static void wrong_machine_code_proves_nothing(void **state) {
  (void)state;
  const struct vc_choice *list = choose_for_two("job=-failing,job=-right,job=-other");
  for (int i = 0; i < 2; i++) assert_string_equal(list[i].variant, "naive");
  const char *first = strstr(warnings, "kernel job=wrong gives wrong numbers");
  assert_non_null(first);
  assert_non_null(strstr(first + 1, "kernel job=wrong gives wrong numbers"));
}

// Its proof is made on a smaller image than it pays for.
static void a_kernel_is_tried_only_where_it_pays(void **state) {
  const struct vc_choice *list;
  size_t n;
  (void)state;
  vc_choices *c = open_choices();
  assert_true(is_good(chosen(c, "job=large", 20)));
  assert_string_equal(chosen(c, "job=large", 80), "large");
  chosen(c, "job=-failing,job=-wrong,job=-other", 80);
  assert_int_equal(vc_choices_list(c, &list, &n), VC_OK);
  assert_int_equal(list[n - 1].n_times, 2);
  assert_string_equal(list[n - 1].times[1].variant, "large");
  assert_true(list[n - 1].times[1].seconds > 0);
}

static void what_there_is_no_time_for_is_proven(void **state) {
  const struct vc_choice *list;
  size_t n;
  (void)state;
  vc_choices *c = choices_for(1e-9);
  assert_string_equal(chosen(c, "job=-failing,job=-wrong", 20), "right");
  assert_int_equal(vc_choices_list(c, &list, &n), VC_OK);
  assert_int_equal(list[0].n_times, 0);
  assert_string_equal(warnings, "");
  assert_true(is_good(chosen(c, "job=-failing", 20)));
  assert_non_null(strstr(warnings, "kernel job=wrong gives wrong numbers"));
}

static void a_pinned_or_forced_kernel_is_taken_unmeasured(void **state) {
  struct vc_variant_use use;
  const struct vc_choice *list;
  size_t n;
  (void)state;
  vc_choices *c = open_choices();
  assert_int_equal(choose(c, "job=other", 20, &use), VC_OK);
  assert_string_equal(rows[use.chosen].name, "other");
  assert_int_equal(vc_choices_pin(c, use.key, "naive"), VC_OK);
  assert_string_equal(chosen(c, NULL, 20), "naive");
  assert_string_equal(chosen(c, "job=right", 20), "right"); // the command line counts more
  assert_int_equal(vc_choices_list(c, &list, &n), VC_OK);
  assert_int_equal(n, 0);
  assert_string_equal(warnings, "");
}

static void without_time_the_rank_decides(void **state) {
  (void)state;
  vc_choices *c = choices_for(0);
  assert_string_equal(chosen(c, "job=-wrong,job=-failing", 20), "right");
  assert_false(vc_path_exists("kernels.json"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(only_kernels_that_are_right_are_taken), TEST(a_kernel_that_fails_leaves_the_definition),
      TEST(one_good_kernel_needs_no_race),         TEST(machine_code_is_proven_once),
      TEST(wrong_machine_code_proves_nothing),     TEST(a_pinned_or_forced_kernel_is_taken_unmeasured),
      TEST(without_time_the_rank_decides),         TEST(a_kernel_is_tried_only_where_it_pays),
      TEST(what_there_is_no_time_for_is_proven),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
