// The reference network's gradient against finite differences: what devices are judged by must be right itself.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "doctor/network.h"

#include <cmocka.h>

enum { SIDE = 8 };

struct problem {
  vc_arena *arena;
  vc_model *model;
  double *block, *gradient;
  ref_array *x, *labels;
};

static double loss_of(struct problem *p, double *gradient) {
  vc_arena *arena;
  double loss;
  assert_int_equal(vc_arena_create(&arena), VC_OK);
  memset(gradient, 0, p->model->block_elements * sizeof *gradient);
  assert_int_equal(network_loss(arena, p->model, p->block, p->x, p->labels,
                                (struct vc_dice_desc){VC_DICE_SQUARES, VC_DICE_UNIFORM}, &loss, gradient),
                   VC_OK);
  vc_arena_destroy(arena);
  return loss;
}

static void make_problem(struct problem *p) {
  const struct vc_unet_desc desc = {.channels = 2, .classes = 3, .base = 2, .depth = 2};
  assert_int_equal(vc_arena_create(&p->arena), VC_OK);
  assert_int_equal(vc_unet_model(p->arena, &desc, &p->model), VC_OK);
  float *weights;
  assert_int_equal(VC_NEW(p->arena, p->model->block_elements, &weights), VC_OK);
  assert_int_equal(VC_NEW(p->arena, p->model->block_elements, &p->block), VC_OK);
  assert_int_equal(VC_NEW(p->arena, p->model->block_elements, &p->gradient), VC_OK);
  vc_model_init(p->model, 4, weights);
  vc_rng rng = vc_rng_at(2, VC_RNG_TEST, 0, 0);
  for (uint32_t i = 0; i < p->model->n_params; i++) { // biases that are not 0
    const struct vc_param *param = &p->model->params[i];
    for (uint64_t k = param->offset; k < param->offset + vc_shape_count(param->shape); k++)
      p->block[k] = (double)weights[k] + vc_rng_uniform(&rng, -0.1, 0.1);
  }
  assert_int_equal(ref_array_create(p->arena, (struct vc_shape){2, 2, SIDE, SIDE}, VC_F32, &p->x), VC_OK);
  assert_int_equal(ref_array_create(p->arena, (struct vc_shape){2, 1, SIDE, SIDE}, VC_U32, &p->labels), VC_OK);
  for (uint64_t i = 0; i < p->x->count; i++) p->x->v[i] = vc_rng_uniform(&rng, 0, 1);
  for (uint64_t i = 0; i < p->labels->count; i++)
    p->labels->v[i] = vc_rng_below(&rng, 9) ? vc_rng_below(&rng, 3) : VC_IGNORE;
}

static void test_gradient(void **state) {
  (void)state;
  struct problem p;
  make_problem(&p);
  const double step = 1e-6, loss = loss_of(&p, p.gradient);
  assert_true(loss > 0 && loss < 1);
  double *ignored, largest = 0;
  assert_int_equal(VC_NEW(p.arena, p.model->block_elements, &ignored), VC_OK);
  for (uint32_t i = 0; i < p.model->n_params; i++) { // the first and the last element of each
    const struct vc_param *param = &p.model->params[i];
    const uint64_t ends[2] = {param->offset, param->offset + vc_shape_count(param->shape) - 1};
    for (int end = 0; end < 2; end++) {
      double *at = &p.block[ends[end]], before = *at;
      *at = before + step;
      const double above = loss_of(&p, ignored);
      *at = before - step;
      const double slope = (above - loss_of(&p, ignored)) / (2 * step);
      *at = before;
      if (fabs(slope - p.gradient[ends[end]]) > 1e-7 + 1e-5 * fabs(slope))
        fail_msg("%s: %.9g, finite differences say %.9g", param->name, p.gradient[ends[end]], slope);
      largest = fmax(largest, fabs(slope));
    }
  }
  assert_true(largest > 1e-3);
  vc_arena_destroy(p.arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradient)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
