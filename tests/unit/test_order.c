// Which samples the steps of an epoch meet.
#include "vulcyte/data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_VISITS = 4096 };

// The visits of n_epochs epochs, one after the other; returns how many.
static uint32_t walk_seed(uint64_t seed, bool shuffle, uint32_t stream, uint32_t n, uint32_t n_other, uint32_t batch,
                          uint32_t n_epochs, struct vc_visit *out) {
  uint32_t list[256], n_visits = 0;
  for (uint32_t i = 0; i < n; i++) list[i] = 1000 + i;
  const struct vc_order_desc desc = {
      .seed = seed, .stream = stream, .shuffle = shuffle, .list = list, .n = n, .n_other = n_other, .batch = batch};
  vc_arena *arena;
  vc_order *order;
  assert_int_equal(vc_arena_create(&arena), VC_OK);
  assert_int_equal(vc_order_create(arena, &desc, &order), VC_OK);
  for (uint32_t epoch = 0; epoch < n_epochs; epoch++) {
    for (uint32_t step = 0; step < vc_steps_per_epoch(n, n_other, batch); step++) {
      assert_true(n_visits + batch <= MAX_VISITS);
      vc_order_visits(order, epoch, step, out + n_visits);
      n_visits += batch;
    }
  }
  vc_arena_destroy(arena);
  return n_visits;
}

static uint32_t walk(bool shuffle, uint32_t stream, uint32_t n, uint32_t n_other, uint32_t batch, uint32_t n_epochs,
                     struct vc_visit *out) {
  return walk_seed(5, shuffle, stream, n, n_other, batch, n_epochs, out);
}

static void counts_steps(void **state) {
  (void)state;
  assert_int_equal(vc_steps_per_epoch(43, 0, 1), 43);
  assert_int_equal(vc_steps_per_epoch(4, 39, 1), 39);
  assert_int_equal(vc_steps_per_epoch(39, 4, 10), 4);
  assert_int_equal(vc_steps_per_epoch(3, 3, 10), 1);
}

static void an_epoch_walks_the_longer_list_once(void **state) {
  struct vc_visit visits[MAX_VISITS];
  (void)state;
  for (uint32_t n = 5; n < 40; n += 7) {
    uint32_t n_visits = walk(true, 0, n, 3, 1, 4, visits);
    assert_int_equal(n_visits, 4 * n);
    for (uint32_t epoch = 0; epoch < 4; epoch++) {
      uint32_t n_met[64] = {0};
      for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(visits[epoch * n + i].walk, epoch);
        n_met[visits[epoch * n + i].sample - 1000]++;
      }
      for (uint32_t i = 0; i < n; i++) assert_int_equal(n_met[i], 1);
    }
  }
}

static void the_shorter_list_goes_on_over_epochs(void **state) {
  struct vc_visit visits[MAX_VISITS];
  (void)state;
  uint32_t n = 5, n_visits = walk(true, 1, n, 13, 2, 6, visits); // 7 steps of 2
  assert_int_equal(n_visits, 6 * 14);
  for (uint32_t w = 0; w < n_visits / n; w++) {
    uint32_t n_met[5] = {0};
    for (uint32_t i = 0; i < n; i++) {
      assert_int_equal(visits[w * n + i].walk, w);
      n_met[visits[w * n + i].sample - 1000]++;
    }
    for (uint32_t i = 0; i < n; i++) assert_int_equal(n_met[i], 1);
  }
}

static void the_last_batch_is_filled_from_the_front(void **state) {
  struct vc_visit visits[MAX_VISITS];
  (void)state;
  assert_int_equal(walk(true, 0, 5, 0, 4, 3, visits), 24);
  for (uint32_t epoch = 0; epoch < 3; epoch++) {
    for (uint32_t i = 0; i < 3; i++) {
      const struct vc_visit *first = &visits[8 * epoch + i], *again = &visits[8 * epoch + 5 + i];
      assert_int_equal(again->sample, first->sample);
      assert_int_not_equal(again->walk, first->walk); // draws of its own
    }
  }
  // No sample is ever met twice under one number, also where the batch is longer than the list.
  uint32_t n = walk(false, 0, 3, 1, 10, 5, visits);
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t k = 0; k < i; k++) {
      assert_false(visits[i].sample == visits[k].sample && visits[i].walk == visits[k].walk);
    }
  }
}

static void list_order_without_shuffling(void **state) {
  struct vc_visit visits[MAX_VISITS];
  (void)state;
  uint32_t n = walk(false, 0, 7, 0, 1, 2, visits);
  for (uint32_t i = 0; i < n; i++) assert_int_equal(visits[i].sample, 1000 + i % 7);
}

static void orders_differ_by_walk_stream_and_seed(void **state) {
  struct vc_visit a[MAX_VISITS], b[MAX_VISITS], other[MAX_VISITS];
  uint32_t n_same_walks = 0, n_same_streams = 0, n_same_seeds = 0;
  (void)state;
  walk(true, 0, 50, 0, 1, 2, a);
  walk(true, 1, 50, 0, 1, 2, b);
  walk_seed(6, true, 0, 50, 0, 1, 2, other);
  for (uint32_t i = 0; i < 50; i++) {
    n_same_walks += a[i].sample == a[50 + i].sample;
    n_same_streams += a[i].sample == b[i].sample;
    n_same_seeds += a[i].sample == other[i].sample;
  }
  assert_true(n_same_walks < 10); // 1 is expected of independent orders
  assert_true(n_same_streams < 10);
  assert_true(n_same_seeds < 10);
}

static void steps_can_be_asked_for_in_any_sequence(void **state) {
  struct vc_visit in_sequence[MAX_VISITS], visit[2];
  uint32_t list[5];
  vc_arena *arena;
  vc_order *order;
  (void)state;
  for (uint32_t i = 0; i < 5; i++) list[i] = 1000 + i;
  walk(true, 0, 5, 9, 2, 6, in_sequence); // 5 steps of 2
  const struct vc_order_desc desc = {.seed = 5, .shuffle = true, .list = list, .n = 5, .n_other = 9, .batch = 2};
  assert_int_equal(vc_arena_create(&arena), VC_OK);
  assert_int_equal(vc_order_create(arena, &desc, &order), VC_OK);
  for (uint32_t i = 0; i < 30; i++) {
    uint32_t step = 7 * i % 30;
    vc_order_visits(order, step / 5, step % 5, visit);
    assert_memory_equal(visit, &in_sequence[2 * step], sizeof visit);
  }
  vc_arena_destroy(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_steps),
      cmocka_unit_test(an_epoch_walks_the_longer_list_once),
      cmocka_unit_test(the_shorter_list_goes_on_over_epochs),
      cmocka_unit_test(the_last_batch_is_filled_from_the_front),
      cmocka_unit_test(list_order_without_shuffling),
      cmocka_unit_test(orders_differ_by_walk_stream_and_seed),
      cmocka_unit_test(steps_can_be_asked_for_in_any_sequence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
