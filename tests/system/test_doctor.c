// The doctor passes a sound device, leaves no kernel out, and finds what is wrong.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <vulcyte/gpu.h>

#include "doctor/prove.h"

#include <cmocka.h>

static vc_arena *arena;
static vc_gpu *gpu;
static struct doctor doctor;

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

static void begin(void) {
  doctor = (struct doctor){.arena = arena, .gpu = gpu};
  assert_int_equal(VC_NEW(arena, DOCTOR_MAX_CHECKS, &doctor.report.checks), VC_OK);
}

static void test_a_sound_device(void **state) {
  (void)state;
  struct vc_doctor_report r;
  uint32_t n_variants = 0, n_default = 0;
  assert_int_equal(vc_doctor(arena, gpu, NULL, NULL, &r), VC_OK);
  for (uint32_t i = 0; i < r.n_checks; i++) {
    const struct vc_doctor_check *c = &r.checks[i];
    if (c->n_failed) fail_msg("%s: %s", c->op, c->failure);
    assert_true(c->n_cases > 0 && c->error <= c->allowed);
    assert_true(!c->job == !c->variant);
    if (c->job && strncmp(c->op, "conv", 4) == 0) n_variants++;
    n_default += c->is_default;
  }
  uint32_t n_forgotten = 0;
  for (uint32_t i = 0; i < r.n_untried; i++) {
    const struct vc_kernel_info *info;
    assert_int_equal(vc_shader_info(r.untried[i], &info), VC_OK);
    if ((info->capabilities & VC_NEEDS_COOP_MATRIX) && !vc_gpu_caps(gpu)->coop_matrix) continue;
    print_error("%s: no case of src/doctor/cases.c runs this kernel; add one\n", r.untried[i]);
    n_forgotten++;
  }
  assert_int_equal(n_forgotten, 0);
  assert_true(n_variants >= 6 * 3); // six jobs, three variants each
  assert_true(n_default < r.n_checks && r.n_failed == 0 && !r.advice);
}

// ---- faults -------------------------------------------------------------------------------------------------------

static vc_tensor *build_scale(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_scale(g, in[0], 2);
}

static void slightly_off(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = 2 * in[0]->v[i];
  out->v[out->count - 1] *= 1.001;
}

static void right(ref_array *const *in, ref_array *out, const void *attr) {
  (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = 2 * in[0]->v[i];
}

static void wrong_vjp(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
                      const void *attr) {
  (void)in, (void)out, (void)attr;
  for (uint64_t i = 0; i < grad_out->count; i++) grad_in[0]->v[i] += 2 * grad_out->v[i] + (i == 3 ? 0.01 : 0);
}

static vc_tensor *build_argmax(vc_graph *g, vc_tensor *const *in, const void *attr) {
  (void)attr;
  return vc_argmax(g, in[0]);
}

static void off_by_one(ref_array *const *in, ref_array *out, const void *attr) {
  (void)in, (void)attr;
  for (uint64_t i = 0; i < out->count; i++) out->v[i] = 7;
}

static void expect_failure(const struct ref_op *op, struct vc_shape out, const char *text) {
  const struct doctor_case c = {.op = op, .in = {{.shape = {1, 3, 5, 7}}}, .out = out};
  begin();
  assert_int_equal(doctor_prove_case(&doctor, &c), VC_OK);
  assert_int_equal(doctor.report.n_checks, 1);
  assert_int_equal(doctor.report.n_failed, 1);
  assert_true(doctor.report.checks[0].error > doctor.report.checks[0].allowed);
  if (!strstr(doctor.report.checks[0].failure, text)) fail_msg("%s", doctor.report.checks[0].failure);
  assert_int_equal(doctor_advise(&doctor), VC_OK);
  assert_non_null(strstr(doctor.report.advice, "choose another device"));
}

static void test_faults_are_found(void **state) {
  (void)state;
  const struct ref_op result = {.name = "result", .build = build_scale, .reference = slightly_off};
  const struct ref_op gradient = {.name = "gradient", .build = build_scale, .reference = right, .vjp = wrong_vjp};
  const struct ref_op integer = {.name = "integer", .build = build_argmax, .reference = off_by_one, .no_vjp = true};
  expect_failure(&result, (struct vc_shape){1, 3, 5, 7}, "result: ");
  expect_failure(&gradient, (struct vc_shape){1, 3, 5, 7}, "gradient of input 0: ");
  expect_failure(&integer, (struct vc_shape){1, 1, 5, 7}, "result: inf off");
}

static void test_a_way_round(void **state) {
  (void)state;
  begin();
  struct vc_doctor_check *fast = doctor_check(&doctor, "conv2d", "conv2d_fwd", "fast", false);
  struct vc_doctor_check *naive = doctor_check(&doctor, "conv2d", "conv2d_fwd", "naive", false);
  assert_int_equal(doctor_note_case(&doctor, fast, 1e-6, 1e-5, NULL), VC_OK);
  assert_int_equal(doctor_note_case(&doctor, fast, 1, 1e-5, "off"), VC_OK);
  assert_int_equal(doctor_note_case(&doctor, fast, 2, 1e-5, "off again"), VC_OK);
  assert_int_equal(doctor_note_case(&doctor, naive, 1e-6, 1e-5, NULL), VC_OK);
  assert_int_equal(doctor_note_case(&doctor, naive, 1e-6, 1e-4, NULL), VC_OK);
  assert_int_equal(doctor.report.n_failed, 1);
  assert_int_equal(fast->n_failed, 2);
  assert_string_equal(fast->failure, "off");
  assert_true(fast->error > 1.5 && fabs(naive->allowed - 1e-5) < 1e-9); // what came closest to its bound
  assert_int_equal(doctor_advise(&doctor), VC_OK);
  assert_non_null(strstr(doctor.report.advice, "VULCYTE_VARIANTS=conv2d_fwd=naive in"));
  // One more without another way.
  assert_int_equal(doctor_note_case(&doctor, doctor_check(&doctor, "sum", NULL, NULL, false), 1, 1e-5, "off"), VC_OK);
  assert_int_equal(doctor_advise(&doctor), VC_OK);
  assert_non_null(strstr(doctor.report.advice, "update its driver"));
}

static void test_errors(void **state) {
  (void)state;
  const double want[4] = {1, -1, 1, 1};
  float got[4] = {1, -1, 1, 1};
  assert_true(doctor_error(got, want, 4) <= 0);
  got[1] = -1.002f;
  assert_true(fabs(doctor_error(got, want, 4) - 0.001) < 1e-5); // 0.002 over |want| + rms + 0.001
  got[2] = NAN;
  assert_true(isinf(doctor_error(got, want, 4)));
}

static bool stop_at_once(void *context, const struct vc_progress *p) {
  (void)p;
  ++*(int *)context;
  return false;
}

static void test_stops(void **state) {
  (void)state;
  struct vc_doctor_report r;
  int n_calls = 0;
  assert_int_equal(vc_doctor(arena, gpu, stop_at_once, &n_calls, &r), VC_E_INTERRUPTED);
  assert_int_equal(n_calls, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_sound_device), cmocka_unit_test(test_faults_are_found),
      cmocka_unit_test(test_a_way_round),    cmocka_unit_test(test_errors),
      cmocka_unit_test(test_stops),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
