// From a graph to a planned list of dispatches: what is left out, what is refused, which variant is taken. No device:
// the plans are for capabilities made up here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/dry_caps.h"
#include "vulcyte/graph.h"
#include "vulcyte/variant.h"

struct fixture {
  vc_arena *arena;
  vc_graph *g;
  vc_slot *slot; // 64 KiB
  struct vc_caps caps;
  struct vc_exec_options options;
};

static int create(void **state) {
  static struct fixture f;
  memset(&f, 0, sizeof f);
  unsetenv("VULCYTE_VARIANTS");
  if (vc_arena_create(&f.arena) || vc_graph_create(f.arena, &f.g) ||
      vc_slot_create(f.arena, NULL, 65536, VC_SLOT_DEVICE, "slot", &f.slot)) {
    return -1;
  }
  f.caps = dry_caps();
  f.options.caps = &f.caps;
  *state = &f;
  return 0;
}

static int destroy(void **state) {
  vc_arena_destroy(((struct fixture *)*state)->arena);
  return 0;
}

static const struct vc_shape vector = {1, 64, 1, 1};

static vc_tensor *param(struct fixture *f, const char *name, uint32_t index) {
  return vc_bind(f->g, name, vector, VC_F32, f->slot, (uint64_t)index * 64);
}

static vc_exec *exec_of(struct fixture *f) {
  vc_exec *exec = NULL;
  vc_status status = vc_exec_create(f->arena, NULL, f->g, &f->options, &exec);
  if (status != VC_OK) fail_msg("%s", vc_error_message());
  return exec;
}

static const char *plan_text(struct fixture *f) {
  char *text = NULL;
  assert_int_equal(vc_exec_print_plan(exec_of(f), f->arena, &text), VC_OK);
  return text;
}

static uint32_t n_dispatches(struct fixture *f) {
  return (uint32_t)strtoul(plan_text(f), NULL, 10);
}

static void assert_refused(struct fixture *f, vc_status status, const char *part) {
  vc_exec *exec = NULL;
  assert_int_equal(vc_exec_create(f->arena, NULL, f->g, &f->options, &exec), status);
  assert_null(exec);
  if (!strstr(vc_error_message(), part)) fail_msg("\"%s\" lacks \"%s\"", vc_error_message(), part);
}

// ---- an op whose emit is given ------------------------------------------------------------------------------------

static vc_status same_infer(vc_tensor *out) {
  out->shape = out->in[0]->shape;
  return VC_OK;
}

// One dispatch of the addition's kernel: out = in0 + in0, over `groups` workgroups.
static vc_status emit_sum(vc_emitter *e, vc_region a, vc_region y, const uint32_t groups[3]) {
  uint32_t n = (uint32_t)(a.n_bytes / 4);
  struct vc_dispatch d = {.kernel = "add_fwd", .n_bindings = 3, .bindings = {a, a, y}, .push = &n, .push_bytes = 4};
  memcpy(d.groups, groups, sizeof d.groups);
  return vc_emit(e, &d);
}

static vc_status emit_whole(vc_emitter *e, const vc_tensor *out) {
  return emit_sum(e, vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out), (uint32_t[3]){1, 1, 1});
}

static vc_tensor *node(struct fixture *f, const struct vc_op *op, vc_tensor *in) {
  return vc_node(f->g, op, &in, 1, NULL, 0);
}

// ---- what is kept ---------------------------------------------------------------------------------------------

static void what_nothing_needs_is_left_out(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *used = vc_add(f->g, a, a), *unused = vc_add(f->g, a, used);
  vc_add(f->g, unused, unused);
  assert_int_equal(n_dispatches(f), 0);
  vc_output(f->g, vc_view(f->g, vc_add(f->g, used, a), vector, 0));
  assert_int_equal(n_dispatches(f), 2);
}

static void what_writes_a_slot_is_kept(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0);
  vc_place(f->g, vc_add(f->g, vc_add(f->g, a, a), a), param(f, "b", 1), 0);
  assert_int_equal(n_dispatches(f), 2);
}

static void reports_and_their_inputs_are_kept(void **state) {
  struct fixture *f = *state;
  vc_tensor *feed = vc_feed(f->g, "lr", VC_F32, 64);
  vc_report(f->g, vc_add(f->g, feed, feed));
  assert_int_equal(n_dispatches(f), 1);
}

// Whoever fills a needed block is needed, and a gap costs one fill; a block that no one needs costs nothing.
static void blocks_bring_their_fillers(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0);
  vc_tensor *block = vc_block(f->g, (struct vc_shape){3, 64, 1, 1}, VC_F32);
  vc_tensor *idle = vc_block(f->g, (struct vc_shape){3, 64, 1, 1}, VC_F32);
  vc_place(f->g, vc_add(f->g, a, a), block, 0);
  vc_place(f->g, vc_add(f->g, a, a), block, 64);
  vc_place(f->g, vc_add(f->g, a, a), idle, 64);
  vc_output(f->g, block);
  assert_int_equal(n_dispatches(f), 3);
  vc_place(f->g, vc_add(f->g, a, a), block, 128);
  assert_int_equal(n_dispatches(f), 3);
  assert_null(strstr(plan_text(f), "fill_fwd"));
}

static void a_block_read_before_it_is_filled_is_an_error(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *block = vc_block(f->g, vector, VC_F32);
  vc_output(f->g, vc_add(f->g, block, a));
  assert_refused(f, VC_E_INTERNAL, "add: add_fwd reads block before anything has been written there");
}

static void a_graph_in_error_is_refused(void **state) {
  struct fixture *f = *state;
  vc_add(f->g, param(f, "a", 0), vc_feed(f->g, "b", VC_F32, 3));
  assert_refused(f, VC_E_SHAPE, "add: shapes");
}

static void an_empty_graph_is_a_plan(void **state) {
  struct fixture *f = *state;
  assert_int_equal(n_dispatches(f), 0);
  assert_int_equal(vc_exec_work_bytes(exec_of(f)), 0);
}

// ---- results in the place of operands ---------------------------------------------------------------------------

static void a_result_takes_the_place_of_an_operand_read_last(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *t = a;
  for (int i = 0; i < 4; i++) t = vc_add(f->g, t, a);
  vc_output(f->g, t);
  assert_int_equal(vc_exec_work_bytes(exec_of(f)), 256);
}

static void an_operand_with_another_reader_is_not_overwritten(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *early = vc_add(f->g, a, a), *late = vc_add(f->g, early, a);
  vc_output(f->g, vc_add(f->g, late, early));
  assert_int_equal(vc_exec_work_bytes(exec_of(f)), 512);
}

static void an_output_is_not_overwritten(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *kept = vc_add(f->g, a, a);
  vc_output(f->g, kept);
  vc_output(f->g, vc_add(f->g, kept, a));
  assert_int_equal(vc_exec_work_bytes(exec_of(f)), 512);
}

static void a_part_of_an_operand_is_not_overwritten(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = vc_bind(f->g, "a", (struct vc_shape){2, 64, 1, 1}, VC_F32, f->slot, 0), *whole = vc_add(f->g, a, a);
  vc_output(f->g, vc_add(f->g, vc_view(f->g, whole, vector, 0), param(f, "b", 2)));
  assert_int_equal(vc_exec_work_bytes(exec_of(f)), 768);
}

// What is added up into a slot is computed there, unless something else needs what stands there.
static void a_sum_in_a_slot_needs_no_other_memory(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = param(f, "a", 0), *b = param(f, "b", 1), *sum = vc_add(f->g, vc_add(f->g, a, a), a);
  vc_place(f->g, sum, b, 0);
  assert_int_equal(vc_exec_work_bytes(exec_of(f)), 0);
  vc_tensor *c = param(f, "c", 2), *early = vc_add(f->g, a, a);
  vc_output(f->g, vc_add(f->g, c, a));
  vc_place(f->g, vc_add(f->g, early, a), c, 0);
  assert_int_equal(vc_exec_work_bytes(exec_of(f)), 512);
}

// ---- what is refused ------------------------------------------------------------------------------------------

static void views_start_where_kernels_can_bind(void **state) {
  struct fixture *f = *state;
  vc_tensor *long_one = vc_bind(f->g, "a", (struct vc_shape){2, 64, 1, 1}, VC_F32, f->slot, 0);
  vc_tensor *view = vc_view(f->g, long_one, vector, 4);
  vc_graph_push(f->g, "unet");
  vc_output(f->g, vc_add(f->g, view, view));
  vc_graph_pop(f->g);
  assert_refused(f, VC_E_SHAPE, "unet: add: binding 0 of add_fwd starts at byte 16");
}

static void tensors_stay_within_the_range_of_a_binding(void **state) {
  static const struct vc_op op = {.name = "whole", .infer = same_infer, .emit = emit_whole};
  struct fixture *f = *state;
  vc_output(f->g, node(f, &op, vc_block(f->g, (struct vc_shape){1, 1, 8192, 8192}, VC_F32)));
  assert_refused(f, VC_E_NOMEM,
                 "a tensor of 256 MiB, where the device's kernels can reach 128 MiB at once; "
                 "make the crop's side 70 % of what it is, or the batch or model.base 50 %");
}

static void weights_stay_within_the_range_of_a_binding(void **state) {
  static const struct vc_op op = {.name = "whole", .infer = same_infer, .emit = emit_whole};
  struct fixture *f = *state;
  vc_slot *slot;
  assert_int_equal(vc_slot_create(f->arena, NULL, 256 << 20, VC_SLOT_DEVICE, "large", &slot), VC_OK);
  vc_tensor *w = vc_bind(f->g, "w", (struct vc_shape){4096, 4096, 2, 2}, VC_F32, slot, 0);
  vc_output(f->g, node(f, &op, w));
  assert_refused(f, VC_E_NOMEM,
                 "weights of 256 MiB, where the device's kernels can reach 128 MiB at once; "
                 "make model.base 70 % of what it is, or model.depth less");
}

// 1000 elements where 512 can be bound, or 448 that end where the next may begin.
static void long_tensors_are_taken_in_parts(void **state) {
  struct fixture *f = *state;
  vc_tensor *a = vc_bind(f->g, "a", (struct vc_shape){1, 1000, 1, 1}, VC_F32, f->slot, 0), *sum = vc_add(f->g, a, a);
  vc_output(f->g, vc_add(f->g, sum, a));
  f->caps.max_buffer_range = 2048;
  assert_int_equal(n_dispatches(f), 4);
  f->caps.max_buffer_range = 2047;
  assert_int_equal(n_dispatches(f), 6);
  assert_int_equal(vc_exec_work_bytes(exec_of(f)), 4096); // the second sum takes the place of the first
}

static vc_status vector_infer(vc_tensor *out) {
  out->shape = vector;
  return VC_OK;
}

static vc_status emit_by_address(vc_emitter *e, const vc_tensor *out) {
  uint32_t n_words = (uint32_t)vc_shape_count(out->shape);
  struct vc_dispatch d = {.kernel = "copy_words_addr",
                          .n_bindings = 2,
                          .bindings = {vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out)},
                          .groups = {1, 1, 1},
                          .push = &n_words,
                          .push_bytes = 4};
  return vc_emit(e, &d);
}

static void addresses_reach_further_than_a_binding(void **state) {
  static const struct vc_op op = {.name = "far", .infer = vector_infer, .emit = emit_by_address};
  struct fixture *f = *state;
  vc_slot *slot;
  assert_int_equal(vc_slot_create(f->arena, NULL, 256 << 20, VC_SLOT_DEVICE, "large", &slot), VC_OK);
  vc_tensor *large = vc_bind(f->g, "large", (struct vc_shape){1, 1, 8192, 8192}, VC_F32, slot, 0);
  vc_output(f->g, node(f, &op, large));
  assert_int_equal(n_dispatches(f), 1);
}

static vc_status emit_many_groups(vc_emitter *e, const vc_tensor *out) {
  return emit_sum(e, vc_emit_tensor(e, out->in[0]), vc_emit_tensor(e, out), (uint32_t[3]){65536, 1, 1});
}

static void keep_weights(const vc_tensor *out, uint32_t h, uint32_t w, struct vc_shape *in, void *attr) {
  (void)out, (void)attr;
  in[0] = (struct vc_shape){1, in[0].c, h, w};
}

static vc_status emit_far_job(vc_emitter *e, const vc_tensor *out) {
  static const struct vc_variant rows[] = {
      {.name = "naive", .emit = emit_whole},
      {.name = "far", .needs_address = true, .rank_gpu = 9, .emit = emit_by_address},
  };
  return vc_emit_variant(e, "far", rows, VC_COUNT_OF(rows), out);
}

// There would be nothing to hold a faster kernel against.
static void what_row_0_cannot_bind_is_not_measured(void **state) {
  static const struct vc_op op = {.name = "far", .infer = same_infer, .emit = emit_far_job, .resize = keep_weights};
  struct fixture *f = *state;
  const struct vc_variant_use *uses;
  size_t n;
  vc_tensor *x = vc_bind(f->g, "x", (struct vc_shape){1, 4, 4, 4}, VC_F32, f->slot, 0);
  vc_tensor *w = vc_bind(f->g, "w", (struct vc_shape){8, 8, 3, 3}, VC_F32, f->slot, 64);
  vc_output(f->g, vc_node(f->g, &op, (vc_tensor *[]){x, w}, 2, NULL, 0));
  assert_int_equal(
      vc_choices_create(f->arena, &(struct vc_choices_desc){.device = "none", .seconds = 1}, &f->options.choices),
      VC_OK);
  f->caps.buffer_address = true;
  for (uint32_t i = 0; i < 2; i++) {
    f->caps.max_buffer_range = 8 * 8 * 3 * 3 * 4 - i;
    vc_exec_variants(exec_of(f), &uses, &n);
    assert_int_equal(n, 1);
    assert_int_equal(uses[0].chosen, 1);
    assert_true(uses[0].undecided == (i == 0) && (uses[0].key == NULL) == (i == 1));
  }
}

static void groups_stay_within_the_device(void **state) {
  static const struct vc_op op = {.name = "many", .infer = same_infer, .emit = emit_many_groups};
  struct fixture *f = *state;
  vc_output(f->g, node(f, &op, param(f, "a", 0)));
  assert_refused(f, VC_E_UNSUPPORTED, "many: kernel add_fwd in 65536 x 1 x 1 workgroups");
}

static vc_status emit_two_bindings(vc_emitter *e, const vc_tensor *out) {
  struct vc_dispatch d = {.kernel = "add_fwd", .n_bindings = 2, .groups = {1, 1, 1}};
  d.bindings[0] = d.bindings[1] = vc_emit_tensor(e, out);
  return vc_emit(e, &d);
}

static void bindings_match_the_kernel(void **state) {
  static const struct vc_op op = {.name = "two", .infer = same_infer, .emit = emit_two_bindings};
  struct fixture *f = *state;
  vc_output(f->g, node(f, &op, param(f, "a", 0)));
  assert_refused(f, VC_E_INTERNAL, "two: kernel add_fwd takes 3 bindings");
}

static vc_status emit_unknown(vc_emitter *e, const vc_tensor *out) {
  (void)out;
  struct vc_dispatch d = {.kernel = "no_such_kernel", .groups = {1, 1, 1}};
  return vc_emit(e, &d);
}

static void kernels_must_exist(void **state) {
  static const struct vc_op op = {.name = "unknown", .infer = same_infer, .emit = emit_unknown};
  struct fixture *f = *state;
  vc_output(f->g, node(f, &op, param(f, "a", 0)));
  assert_refused(f, VC_E_INTERNAL, "no_such_kernel");
}

// ---- scratch and folding ----------------------------------------------------------------------------------------

// in → scratch → out, with a second scratch that is sliced.
static vc_status emit_by_scratch(vc_emitter *e, const vc_tensor *out) {
  vc_region scratch = vc_emit_scratch(e, 256), halves = vc_emit_scratch(e, 512);
  const uint32_t one[3] = {1, 1, 1};
  VC_TRY(emit_sum(e, vc_emit_tensor(e, out->in[0]), scratch, one));
  VC_TRY(emit_sum(e, scratch, vc_region_slice(halves, 256, 256), one));
  return emit_sum(e, vc_region_slice(halves, 256, 256), vc_emit_tensor(e, out), one);
}

static void scratch_lives_within_its_node(void **state) {
  static const struct vc_op op = {.name = "scratch", .infer = same_infer, .emit = emit_by_scratch};
  struct fixture *f = *state;
  vc_tensor *t = param(f, "a", 0);
  for (int i = 0; i < 4; i++) t = node(f, &op, t);
  vc_output(f->g, t);
  assert_int_equal(n_dispatches(f), 12);
  assert_int_equal(vc_exec_work_bytes(exec_of(f)), 256 + 512); // the scratch of one node, and beside one its input
}

static vc_status emit_fold_probe(vc_emitter *e, const vc_tensor *out) {
  const uint32_t *max = vc_emit_caps(e)->max_workgroup_count;
  for (uint64_t n = 1; n < (uint64_t)1 << 45; n = n * 3 + 1) {
    uint32_t groups[3];
    vc_emit_fold(e, n, groups);
    uint64_t given = (uint64_t)groups[0] * groups[1] * groups[2];
    assert_true(given >= n);
    assert_true(given - n <= n / 1000 + groups[1] + (uint64_t)groups[2] * groups[0]); // little waste
    for (int i = 0; i < 3; i++) assert_in_range(groups[i], 1, max[i]);
  }
  return emit_whole(e, out);
}

static void folding_covers_all_groups(void **state) {
  static const struct vc_op op = {.name = "fold", .infer = same_infer, .emit = emit_fold_probe};
  struct fixture *f = *state;
  vc_output(f->g, node(f, &op, param(f, "a", 0)));
  assert_int_equal(n_dispatches(f), 1);
}

// ---- variants -------------------------------------------------------------------------------------------------

static bool fits_never(const struct vc_caps *caps, const vc_tensor *out) {
  (void)caps, (void)out;
  return false;
}

static const struct vc_variant table[] = {
    {.name = "naive", .emit = emit_whole},
    {.name = "tiled", .shared_bytes = 16384, .rank_gpu = 2, .rank_cpu = 0.5f, .emit = emit_whole},
    {.name = "simd", .min_subgroup = 8, .max_subgroup = 16, .rank_gpu = 1, .rank_cpu = 2, .emit = emit_whole},
    {.name = "address", .needs_address = true, .rank_gpu = 9, .rank_cpu = 9, .emit = emit_whole},
    {.name = "shuffle", .needs_shuffle = true, .rank_gpu = 9, .rank_cpu = 9, .emit = emit_whole},
    {.name = "half", .needs_fp16 = true, .rank_gpu = 9, .rank_cpu = 9, .emit = emit_whole},
    {.name = "matrix", .needs_coop_matrix = true, .rank_gpu = 9, .rank_cpu = 9, .emit = emit_whole},
    {.name = "never", .fits = fits_never, .rank_gpu = 9, .rank_cpu = 9, .emit = emit_whole},
};

static vc_status emit_job(vc_emitter *e, const vc_tensor *out) {
  return vc_emit_variant(e, "job", table, VC_COUNT_OF(table), out);
}

static const struct vc_op job_op = {.name = "job", .infer = same_infer, .emit = emit_job};

static const char *chosen(struct fixture *f) {
  const struct vc_variant_use *uses;
  size_t n;
  vc_exec_variants(exec_of(f), &uses, &n);
  assert_int_equal(n, 1);
  assert_string_equal(uses[0].job, "job");
  assert_ptr_equal(uses[0].table, table);
  return table[uses[0].chosen].name;
}

static void the_best_ranked_variant_that_runs_is_taken(void **state) {
  struct fixture *f = *state;
  vc_output(f->g, node(f, &job_op, param(f, "a", 0)));
  assert_string_equal(chosen(f), "tiled");
  f->caps.type = VC_DEVICE_CPU;
  assert_string_equal(chosen(f), "simd");
  f->caps.subgroup_size = 32;
  assert_string_equal(chosen(f), "tiled");
  f->caps.max_shared_bytes = 16383;
  assert_string_equal(chosen(f), "naive");
  f->caps.subgroup_size = 4;
  assert_string_equal(chosen(f), "naive");
  f->caps.coop_matrix = true;
  assert_string_equal(chosen(f), "matrix");
  f->caps.fp16 = true;
  assert_string_equal(chosen(f), "matrix"); // halves must be storable too
  f->caps.fp16_storage = true;
  assert_string_equal(chosen(f), "half");
  f->caps.subgroup_shuffle = true;
  assert_string_equal(chosen(f), "shuffle");
  f->caps.buffer_address = true;
  assert_string_equal(chosen(f), "address");
}

static void a_variant_can_be_forced(void **state) {
  struct fixture *f = *state;
  vc_output(f->g, node(f, &job_op, param(f, "a", 0)));
  f->options.variants = "other=naive,job=simd,jobs=naive";
  assert_string_equal(chosen(f), "simd");
  f->options.variants = "job=simd,*=naive"; // the job's own entry counts
  assert_string_equal(chosen(f), "simd");
  f->options.variants = "*=naive";
  assert_string_equal(chosen(f), "naive");
  f->options.variants = "jo=simd,*=naive"; // not the family's name
  assert_string_equal(chosen(f), "naive");
  f->options.variants = "*=of-other-jobs";
  assert_string_equal(chosen(f), "tiled");
  f->options.variants = "job=never"; // does not fit: the definition
  assert_string_equal(chosen(f), "naive");
  f->options.variants = "job=sim";
  assert_refused(f, VC_E_USAGE, "variant job=sim: there is none of that name; job has naive, tiled, simd,");
}

static void a_variant_can_be_excluded(void **state) {
  struct fixture *f = *state;
  vc_output(f->g, node(f, &job_op, param(f, "a", 0)));
  f->options.variants = "job=-tiled";
  assert_string_equal(chosen(f), "simd");
  f->options.variants = "*=-tiled,other=-simd";
  assert_string_equal(chosen(f), "simd");
  f->options.variants = "job=-tiled,job=-simd";
  assert_string_equal(chosen(f), "naive");
  f->options.variants = "job=-tiled,job=tiled"; // forcing counts more
  assert_string_equal(chosen(f), "tiled");
  f->options.variants = "job=-simd";
  setenv("VULCYTE_VARIANTS", "job=-tiled", 1); // both lists exclude
  assert_string_equal(chosen(f), "naive");
  f->options.variants = "*=-of-other-jobs";
  assert_string_equal(chosen(f), "simd");
  f->options.variants = "job=-tile";
  assert_refused(f, VC_E_USAGE, "variant job=-tile: there is none of that name; job has naive, tiled, simd,");
  f->options.variants = "job=-naive";
  assert_refused(f, VC_E_USAGE, "variant job=-naive: the definition of the job cannot be excluded");
}

static vc_status emit_data(vc_emitter *e, const vc_tensor *out) {
  assert_int_equal(*(const int *)vc_emit_data(e), 7);
  return emit_whole(e, out);
}

static vc_status emit_with_data(vc_emitter *e, const vc_tensor *out) {
  static const int seven = 7;
  static const struct vc_variant rows[] = {{.name = "naive", .emit = emit_whole},
                                           {.name = "wide", .rank_gpu = 2, .emit = emit_data, .data = &seven}};
  return vc_emit_variant(e, "rows", rows, VC_COUNT_OF(rows), out);
}

static void rows_that_share_an_emit_differ_by_their_data(void **state) {
  static const struct vc_op op = {.name = "rows", .infer = same_infer, .emit = emit_with_data};
  struct fixture *f = *state;
  vc_output(f->g, node(f, &op, param(f, "a", 0)));
  assert_int_equal(n_dispatches(f), 1);
}

static void the_environment_forces_where_options_do_not(void **state) {
  struct fixture *f = *state;
  vc_output(f->g, node(f, &job_op, param(f, "a", 0)));
  setenv("VULCYTE_VARIANTS", "job=naive", 1);
  assert_string_equal(chosen(f), "naive");
  f->options.variants = "other=simd";
  assert_string_equal(chosen(f), "naive");
  f->options.variants = "job=simd";
  assert_string_equal(chosen(f), "simd");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_nothing_needs_is_left_out),
      TEST(what_writes_a_slot_is_kept),
      TEST(reports_and_their_inputs_are_kept),
      TEST(blocks_bring_their_fillers),
      TEST(a_block_read_before_it_is_filled_is_an_error),
      TEST(a_graph_in_error_is_refused),
      TEST(an_empty_graph_is_a_plan),
      TEST(a_result_takes_the_place_of_an_operand_read_last),
      TEST(an_operand_with_another_reader_is_not_overwritten),
      TEST(an_output_is_not_overwritten),
      TEST(a_part_of_an_operand_is_not_overwritten),
      TEST(a_sum_in_a_slot_needs_no_other_memory),
      TEST(views_start_where_kernels_can_bind),
      TEST(tensors_stay_within_the_range_of_a_binding),
      TEST(weights_stay_within_the_range_of_a_binding),
      TEST(long_tensors_are_taken_in_parts),
      TEST(what_row_0_cannot_bind_is_not_measured),
      TEST(addresses_reach_further_than_a_binding),
      TEST(groups_stay_within_the_device),
      TEST(bindings_match_the_kernel),
      TEST(kernels_must_exist),
      TEST(scratch_lives_within_its_node),
      TEST(folding_covers_all_groups),
      TEST(the_best_ranked_variant_that_runs_is_taken),
      TEST(a_variant_can_be_forced),
      TEST(a_variant_can_be_excluded),
      TEST(rows_that_share_an_emit_differ_by_their_data),
      TEST(the_environment_forces_where_options_do_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
