// The parameter table of the U-Net: counts, names, the order in files and on the device, initial values, schedules.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <vulcyte/nn.h>

#include <cmocka.h>

static vc_arena *arena;

static int set_up(void **state) {
  (void)state;
  return vc_arena_create(&arena);
}

static int tear_down(void **state) {
  (void)state;
  vc_arena_destroy(arena);
  return 0;
}

static vc_model *make(struct vc_unet_desc desc) {
  vc_model *model;
  assert_int_equal(vc_unet_model(arena, &desc, &model), VC_OK);
  return model;
}

static const struct vc_param *find(const vc_model *m, const char *name) {
  for (uint32_t i = 0; i < m->n_params; i++)
    if (strcmp(m->params[i].name, name) == 0) return &m->params[i];
  fail_msg("no parameter %s", name);
  return NULL;
}

static void test_counts(void **state) {
  (void)state;
  assert_int_equal(make((struct vc_unet_desc){.channels = 1, .classes = 2, .base = 64, .depth = 4})->n_weights,
                   31030658);
  // Summed by hand: enc (9·1·2+2)+(9·2·2+2)+(9·2·4+4)+(9·4·4+4), up 4·2·4+2, dec (9·4·2+2)+(9·2·2+2), head 2·3+3.
  assert_int_equal(make((struct vc_unet_desc){.channels = 1, .classes = 3, .base = 2, .depth = 1})->n_weights, 437);
  const struct vc_unet_desc two_heads = {.channels = 1, .classes = 3, .aux_classes = 5, .base = 2, .depth = 1};
  assert_int_equal(make(two_heads)->n_weights, 437 + 2 * 5 + 5);
  const struct vc_unet_desc edges = {.channels = 2, .classes = 3, .base = 2, .depth = 1, .edges = true};
  assert_int_equal(make(edges)->n_weights, 437 + 3 * 9 * 2); // four channels come in
}

static void test_shapes(void **state) {
  (void)state;
  const vc_model *m = make((struct vc_unet_desc){.channels = 3, .classes = 4, .base = 8, .depth = 2});
  const struct vc_param *w = find(m, "dec0.conv0.weight");
  assert_int_equal(w->n_dims, 4);
  assert_int_equal(w->dims[0], 8);
  assert_int_equal(w->dims[1], 16); // [skip, up]
  assert_int_equal(w->fan_in, 16 * 9);
  w = find(m, "up1.weight");
  assert_int_equal(w->dims[0], 32);
  assert_int_equal(w->dims[1], 16);
  assert_int_equal(w->fan_in, 32); // each output sees one tap
  assert_int_equal(find(m, "head.weight")->dims[2], 1);
  uint64_t end = 0;
  for (uint32_t i = 0; i < m->n_params; i++) {
    assert_int_equal(m->params[i].offset % 64, 0);
    assert_true(m->params[i].offset >= end);
    end = m->params[i].offset + vc_shape_count(m->params[i].shape);
  }
  assert_true(end <= m->block_elements);
}

// Batch norm: its weights are trained, its running statistics stand behind all that is.
static void test_norms(void **state) {
  (void)state;
  struct vc_unet_desc desc = {.channels = 1, .classes = 3, .base = 8, .depth = 1};
  const vc_model *bare = make(desc);
  desc.norm = VC_NORM_BATCH;
  const vc_model *m = make(desc);
  const uint64_t channels = 2 * (8 + 16 + 8); // two norms of enc0, enc1, dec0
  assert_int_equal(m->n_weights, bare->n_weights + 2 * channels);
  assert_int_equal(m->n_params, bare->n_params + 6 * 5);
  assert_int_equal(bare->trained_elements, bare->block_elements);
  for (uint32_t i = 0; i < m->n_params; i++) {
    const struct vc_param *p = &m->params[i];
    assert_int_equal(p->offset % 64, 0);
    assert_true(p->is_state == (p->offset >= m->trained_elements));
    assert_true(p->offset + vc_shape_count(p->shape) <= m->block_elements);
  }
  const struct vc_param *count = find(m, "dec0.norm1.num_batches_tracked");
  assert_true(count->is_state && count->is_integer && count->n_dims == 0);
  float *block = malloc(m->block_elements * sizeof *block);
  vc_model_init(m, 7, block);
  assert_true(block[find(m, "enc1.norm0.weight")->offset + 15] == 1);
  assert_true(block[find(m, "enc1.norm0.bias")->offset] == 0);
  assert_true(block[find(m, "enc1.norm1.running_mean")->offset] == 0);
  assert_true(block[find(m, "enc1.norm1.running_var")->offset + 15] == 1);
  assert_true(block[count->offset] == 0);
  free(block);
  desc.norm = VC_NORM_GROUP;
  m = make(desc);
  assert_int_equal(m->n_weights, bare->n_weights + 2 * channels);
  assert_int_equal(m->n_params, bare->n_params + 6 * 2);
  assert_int_equal(m->trained_elements, m->block_elements);
}

static void test_order(void **state) {
  (void)state;
  const vc_model *m = make((struct vc_unet_desc){.channels = 2, .classes = 2, .base = 3, .depth = 1});
  const struct vc_param *w = find(m, "enc0.conv0.weight"); // [3,2,3,3]
  float file[54], back[54], *block = calloc(m->block_elements, sizeof *block);
  for (int i = 0; i < 54; i++) file[i] = (float)i;
  vc_param_to_block(w, file, block);
  for (uint32_t k = 0; k < 3; k++)
    for (uint32_t c = 0; c < 2; c++)
      for (uint32_t r = 0; r < 9; r++) // on the device the input channel runs fastest
        assert_true(block[w->offset + (k * 9 + r) * 2 + c] == file[(k * 2 + c) * 9 + r]);
  vc_param_from_block(w, block, back);
  assert_memory_equal(file, back, sizeof file);
  free(block);
}

static void test_init(void **state) {
  (void)state;
  const vc_model *m = make((struct vc_unet_desc){.channels = 1, .classes = 2, .base = 16, .depth = 3});
  float *a = malloc(m->block_elements * sizeof *a), *b = malloc(m->block_elements * sizeof *b);
  vc_model_init(m, 7, a);
  vc_model_init(m, 7, b);
  assert_memory_equal(a, b, m->block_elements * sizeof *a);
  vc_model_init(m, 8, b);
  const struct vc_param *w = find(m, "enc3.conv1.weight"), *bias = find(m, "enc3.conv1.bias");
  const uint64_t n =
      vc_shape_count(w->shape); // 147456 draws: mean within 5/sqrt(n) deviations, variance within 5 sqrt(2/n)
  double sum = 0, squares = 0, differ = 0;
  for (uint64_t i = 0; i < n; i++) {
    sum += (double)a[w->offset + i];
    squares += (double)a[w->offset + i] * (double)a[w->offset + i];
    differ += a[w->offset + i] != b[w->offset + i];
  }
  const double variance = 2.0 / (128 * 9);
  assert_true(fabs(sum / (double)n) < 5 * sqrt(variance / (double)n));
  assert_true(fabs(squares / (double)n / variance - 1) < 5 * sqrt(2.0 / (double)n));
  assert_true(differ > 0.99 * (double)n);
  for (uint32_t i = 0; i < bias->dims[0]; i++) assert_true(a[bias->offset + i] == 0);
  free(a);
  free(b);
}

static void test_refusals(void **state) {
  (void)state;
  static const struct vc_unet_desc bad[] = {
      {.channels = 0, .classes = 2, .base = 8, .depth = 2},
      {.channels = 1, .classes = 1, .base = 8, .depth = 2},
      {.channels = 1, .classes = 2, .base = 0, .depth = 2},
      {.channels = 1, .classes = 2, .base = 8, .depth = 0},
      {.channels = 1, .classes = 2, .base = 1024, .depth = 8},
      {.channels = 1, .classes = 2, .base = 8, .depth = 9},
      {.channels = 1, .classes = 2, .base = 12, .depth = 2, .norm = VC_NORM_GROUP},
  };
  vc_model *m;
  for (size_t i = 0; i < VC_COUNT_OF(bad); i++) assert_int_equal(vc_unet_model(arena, &bad[i], &m), VC_E_SHAPE);
}

static void test_schedules(void **state) {
  (void)state;
  const struct vc_schedule step = {VC_SCHEDULE_STEP, 30, 0.1}, cosine = {.name = VC_SCHEDULE_COSINE};
  assert_true(vc_learning_rate(&step, 1e-3, 29, 100) == 1e-3);
  assert_true(fabs(vc_learning_rate(&step, 1e-3, 30, 100) - 1e-4) < 1e-18);
  assert_true(fabs(vc_learning_rate(&step, 1e-3, 89, 100) - 1e-5) < 1e-18);
  assert_true(vc_learning_rate(&cosine, 1.0, 0, 10) == 1.0);
  assert_true(fabs(vc_learning_rate(&cosine, 1.0, 5, 10) - 0.5) < 1e-15);
}

static void test_annealing(void **state) {
  (void)state;
  assert_true(vc_tsa_threshold(VC_TSA_LINEAR, 0, 4) == 0.25);
  assert_true(vc_tsa_threshold(VC_TSA_LINEAR, 0.5, 2) == 0.75);
  assert_true(vc_tsa_threshold(VC_TSA_LOG, 0, 2) == 0.5);
  assert_true(fabs(vc_tsa_threshold(VC_TSA_LOG, 0.2, 2) - (1 - 0.5 * exp(-1))) < 1e-15);
  assert_true(vc_tsa_threshold(VC_TSA_EXP, 1, 2) == 1);
  assert_true(fabs(vc_tsa_threshold(VC_TSA_EXP, 0.8, 3) - (exp(-1) * 2 / 3 + 1.0 / 3)) < 1e-15);
  assert_true(vc_tsa_threshold(VC_TSA_NONE, 0, 2) == 1);
  assert_true(vc_ramp_up(0, 10) == exp(-5));
  assert_true(fabs(vc_ramp_up(5, 10) - exp(-1.25)) < 1e-15);
  assert_true(vc_ramp_up(10, 10) == 1 && vc_ramp_up(0, 0) == 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_counts, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_shapes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_norms, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_init, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_schedules, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_annealing, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
