// Loading ahead: in order, never too far, the same with any number of workers.
#include "vulcyte/data.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { N_SLOTS = 3, FIRST_STEP = 5 };

struct feed {
  pthread_mutex_t mutex;
  uint64_t values[N_SLOTS]; // what a step holds; written by the worker, read by the test
  uint64_t n_fetched, n_released;
  bool is_too_far;
  uint64_t fail_at; // 0: never
};

static vc_status fetch(void *context, uint64_t step, uint32_t slot) {
  struct feed *f = context;
  pthread_mutex_lock(&f->mutex);
  f->is_too_far = f->is_too_far || step >= FIRST_STEP + f->n_released + N_SLOTS;
  f->n_fetched++;
  pthread_mutex_unlock(&f->mutex);
  struct timespec pause = {.tv_nsec = (long)(step * 7919 % 5) * 100000}; // so that workers overtake each other
  nanosleep(&pause, NULL);
  f->values[slot] = step * step;
  return step == f->fail_at ? VC_FAIL(VC_E_IO, "step %d is bad", (int)step) : VC_OK;
}

static void hands_out_steps_in_order(void **state) {
  static const int worker_counts[] = {0, 1, 2, 7};
  (void)state;
  for (size_t w = 0; w < VC_COUNT_OF(worker_counts); w++) {
    struct feed f = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    vc_arena *arena;
    vc_loader *loader;
    assert_int_equal(vc_arena_create(&arena), VC_OK);
    assert_int_equal(vc_loader_create(arena, fetch, &f, N_SLOTS, worker_counts[w], FIRST_STEP, &loader), VC_OK);
    for (uint64_t want = FIRST_STEP; want < FIRST_STEP + 60; want++) {
      uint64_t step;
      uint32_t slot;
      assert_int_equal(vc_loader_next(loader, &step, &slot), VC_OK);
      assert_int_equal(step, want);
      assert_int_equal(slot, want % N_SLOTS);
      assert_int_equal(f.values[slot], want * want);
      if (want < FIRST_STEP + 1) continue; // one step stays in use while the next one is asked for
      pthread_mutex_lock(&f.mutex);
      f.n_released++;
      pthread_mutex_unlock(&f.mutex);
      vc_loader_release(loader, want - 1);
    }
    vc_arena_destroy(arena); // joins the workers, whatever they are at
    assert_false(f.is_too_far);
    assert_true(f.n_fetched >= 60 && f.n_fetched <= 60 + N_SLOTS);
  }
}

static void shows_a_failure_at_its_step(void **state) {
  (void)state;
  for (int n_workers = 0; n_workers < 3; n_workers++) {
    struct feed f = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fail_at = FIRST_STEP + 2, .n_released = 2};
    vc_arena *arena;
    vc_loader *loader;
    uint64_t step;
    uint32_t slot;
    assert_int_equal(vc_arena_create(&arena), VC_OK);
    assert_int_equal(vc_loader_create(arena, fetch, &f, N_SLOTS, n_workers, FIRST_STEP, &loader), VC_OK);
    for (int i = 0; i < 2; i++) {
      assert_int_equal(vc_loader_next(loader, &step, &slot), VC_OK);
      vc_loader_release(loader, step);
    }
    for (int i = 0; i < 2; i++) { // and again
      assert_int_equal(vc_loader_next(loader, &step, &slot), VC_E_IO);
      assert_string_equal(vc_error_message(), "step 7 is bad");
    }
    vc_arena_destroy(arena);
  }
}

static void says_so_when_nothing_was_released(void **state) {
  (void)state;
  for (int n_workers = 0; n_workers < 2; n_workers++) {
    struct feed f = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    vc_arena *arena;
    vc_loader *loader;
    uint64_t step;
    uint32_t slot;
    assert_int_equal(vc_arena_create(&arena), VC_OK);
    assert_int_equal(vc_loader_create(arena, fetch, &f, N_SLOTS, n_workers, FIRST_STEP, &loader), VC_OK);
    for (int i = 0; i < N_SLOTS; i++) assert_int_equal(vc_loader_next(loader, &step, &slot), VC_OK);
    assert_int_equal(vc_loader_next(loader, &step, &slot), VC_E_INTERNAL); // would wait for ever
    vc_loader_release(loader, FIRST_STEP + 1);                             // not the one that is next
    assert_int_equal(vc_loader_next(loader, &step, &slot), VC_E_INTERNAL);
    f.n_released = 1;
    vc_loader_release(loader, FIRST_STEP);
    assert_int_equal(vc_loader_next(loader, &step, &slot), VC_OK);
    assert_int_equal(step, FIRST_STEP + N_SLOTS);
    vc_arena_destroy(arena);
  }
}

static void can_be_dropped_at_once(void **state) {
  (void)state;
  for (int i = 0; i < 20; i++) {
    struct feed f = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    vc_arena *arena;
    vc_loader *loader;
    assert_int_equal(vc_arena_create(&arena), VC_OK);
    assert_int_equal(vc_loader_create(arena, fetch, &f, N_SLOTS, 4, FIRST_STEP, &loader), VC_OK);
    vc_arena_destroy(arena);
    assert_true(f.n_fetched <= N_SLOTS);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hands_out_steps_in_order),
      cmocka_unit_test(shows_a_failure_at_its_step),
      cmocka_unit_test(says_so_when_nothing_was_released),
      cmocka_unit_test(can_be_dropped_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
