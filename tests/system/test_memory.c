// A budget of memory: training within it gives the bits of training without; a batch in parts differs in the order of
// sums alone; what does not fit is refused with what would.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "train/synthetic.h"
#include "vulcyte/gpu.h"

enum { N_STEPS = 3 };

static vc_gpu *gpu;
static vc_arena *process;

static int tear_down(void **state) {
  (void)state;
  const uint64_t n_messages = vc_gpu_validation_messages(gpu);
  vc_arena_destroy(process);
  return n_messages ? -1 : 0;
}

struct result {
  uint64_t fixed_bytes, work_bytes;
  double repeated;
  uint32_t pass_samples, n_params;
  float *params;
};

static uint64_t allocated(void) {
  uint64_t bytes, available;
  vc_gpu_memory(gpu, &bytes, &available);
  return bytes;
}

static struct vc_config configure(vc_arena *arena, const char *model, const char *method, uint32_t batch,
                                  uint64_t memory) {
  struct vc_config config;
  char text[512];
  snprintf(text, sizeof text,
           "{\"data\": {\"images\": \"/nowhere\", \"masks\": \"/nowhere\", \"crop\": 64}, \"method\": \"%s\", "
           "\"model\": {\"base\": 8, \"depth\": 2, %s}, \"train\": {\"batch\": %u}}",
           method, model, batch);
  assert_int_equal(vc_config_parse(arena, "memory", "/tmp", text, strlen(text), NULL, 0, &config), VC_OK);
  config.memory = memory;
  return config;
}

static vc_status train(vc_arena *arena, const struct vc_config *config, struct result *out) {
  struct vc_run *run;
  struct vc_pending_step pending;
  struct vc_step_result step;
  const uint64_t before = allocated();
  VC_TRY(vc_run_create_synthetic(arena, gpu, config, false, NULL, &run));
  VC_TRY(vc_run_start_steps(run));
  for (int i = 0; i < N_STEPS; i++) {
    VC_TRY(vc_run_begin_step(run, &pending));
    VC_TRY(vc_run_finish_step(run, &pending, &step));
  }
  const struct vc_train_step *s = &run->steps[0];
  *out = (struct result){.work_bytes = vc_exec_work_bytes(s->exec),
                         .repeated = vc_exec_repeated_work(s->exec),
                         .pass_samples = s->pass_samples,
                         .n_params = (uint32_t)run->model->block_elements};
  // Besides the workspace: slots, and the feeds that work_bytes counts too.
  out->fixed_bytes = allocated() - before - out->work_bytes;
  VC_TRY(VC_NEW(process, out->n_params, &out->params));
  return vc_slot_read(run->params, 0, out->params, out->n_params * sizeof(float));
}

static struct result result_of(const char *model, const char *method, uint32_t batch, uint64_t memory) {
  vc_arena *arena;
  struct result r = {0};
  assert_int_equal(vc_arena_create(&arena), VC_OK);
  const struct vc_config config = configure(arena, model, method, batch, memory);
  if (train(arena, &config, &r) != VC_OK) fail_msg("%s", vc_error_message());
  vc_arena_destroy(arena);
  return r;
}

static double largest_difference(const struct result *a, const struct result *b) {
  double largest = 0;
  assert_int_equal(a->n_params, b->n_params);
  for (uint32_t i = 0; i < a->n_params; i++) largest = fmax(largest, fabs((double)a->params[i] - (double)b->params[i]));
  return largest;
}

// Dropout keys, the statistics of norms and the running ones included.
static void recomputing_keeps_the_bits(void **state) {
  (void)state;
  static const char *const models[] = {"\"norm\": \"none\"", "\"norm\": \"batch\"", "\"norm\": \"group\""};
  static const char *const methods[] = {"supervised", "uda", "uda"};
  for (size_t i = 0; i < VC_COUNT_OF(models); i++) {
    const struct result kept = result_of(models[i], methods[i], 2, 0);
    const struct result fit =
        result_of(models[i], methods[i], 2, allocated() + kept.fixed_bytes + kept.work_bytes * 3 / 4);
    assert_true(kept.repeated == 0 && fit.repeated > 0);
    assert_true(fit.pass_samples > 2 && fit.work_bytes < kept.work_bytes);
    assert_memory_equal(kept.params, fit.params, kept.n_params * sizeof(float));
  }
}

// Adam's steps are as long as lr whatever the gradient's size, so where rounding turns a tiny gradient's sign a
// parameter may be off by 2 lr a step; most are off by rounding alone.
static void a_batch_in_parts_gives_the_same_step(void **state) {
  (void)state;
  static const char *const methods[] = {"supervised", "uda"};
  static const uint64_t shares[] = {4, 8};
  for (size_t i = 0; i < VC_COUNT_OF(methods); i++) {
    const struct result whole = result_of("\"norm\": \"none\"", methods[i], 4, 0);
    const struct result parts =
        result_of("\"norm\": \"none\"", methods[i], 4, allocated() + whole.fixed_bytes + whole.work_bytes / shares[i]);
    assert_true(parts.pass_samples < 4 && parts.work_bytes < whole.work_bytes / 3);
    assert_true(largest_difference(&whole, &parts) <= 2 * N_STEPS * 1e-3 * 1.01);
    uint32_t n_off = 0;
    for (uint32_t k = 0; k < whole.n_params; k++) n_off += fabsf(whole.params[k] - parts.params[k]) > 1e-5f;
    assert_in_range(n_off, 0, whole.n_params / 50);
  }
}

static void what_cannot_fit_says_what_would(void **state) {
  (void)state;
  vc_arena *arena;
  struct result r;
  const struct result whole = result_of("\"norm\": \"none\"", "uda", 2, 0);
  assert_int_equal(vc_arena_create(&arena), VC_OK);
  const struct vc_config config =
      configure(arena, "\"norm\": \"none\"", "uda", 2, allocated() + whole.fixed_bytes + whole.work_bytes / 16);
  assert_int_equal(train(arena, &config, &r), VC_E_NOMEM);
  const char *message = vc_error_message();
  if (!strstr(message, "memory: training needs") || !strstr(message, "would fit: data.crop ") ||
      !strstr(message, "model.base ") || !strstr(message, "or memory "))
    fail_msg("%s", message);
  vc_arena_destroy(arena);
}

// The first upload makes the device's staging memory, which stays.
static int set_up(void **state) {
  (void)state;
  if (vc_arena_create(&process) != VC_OK || vc_gpu_open(process, NULL, &gpu) != VC_OK) return -1;
  result_of("\"norm\": \"none\"", "supervised", 1, 0);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(recomputing_keeps_the_bits),
      cmocka_unit_test(a_batch_in_parts_gives_the_same_step),
      cmocka_unit_test(what_cannot_fit_says_what_would),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
