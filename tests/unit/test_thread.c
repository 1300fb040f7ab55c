#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "vulcyte/base.h"

enum { N = 500 };

static void nap(double seconds) {
  struct timespec span = {.tv_sec = 0, .tv_nsec = (long)(seconds * 1e9)};
  nanosleep(&span, NULL);
}

static void time_is_monotonic_and_in_seconds(void **state) {
  (void)state;
  double before = vc_time_seconds();
  nap(0.02);
  double span = vc_time_seconds() - before;
  assert_true(span >= 0.019 && span < 30); // a loaded machine may sleep long, never short
}

static void there_is_a_processor(void **state) {
  (void)state;
  assert_true(vc_cpu_count() >= 1);
}

static vc_status count(void *context, size_t i) {
  atomic_fetch_add(&((atomic_int *)context)[i], 1);
  return VC_OK;
}

static void every_index_runs_once(void **state) {
  (void)state;
  static const int n_threads[] = {-1, 0, 1, 2, 7, 1000};
  for (size_t k = 0; k < VC_COUNT_OF(n_threads); k++) {
    static atomic_int counts[N];
    for (int i = 0; i < N; i++) atomic_store(&counts[i], 0);
    assert_int_equal(vc_parallel_for(n_threads[k], N, count, counts), VC_OK);
    for (int i = 0; i < N; i++) assert_int_equal(atomic_load(&counts[i]), 1);
    assert_int_equal(vc_parallel_for(n_threads[k], 0, count, NULL), VC_OK);
  }
}

struct meeting {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int n_present, n_most;
};

// Waits (not for ever) until four calls run at the same time.
static vc_status meet(void *context, size_t i) {
  (void)i;
  struct meeting *meeting = context;
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 20;
  pthread_mutex_lock(&meeting->mutex);
  meeting->n_present++;
  meeting->n_most = VC_MAX(meeting->n_most, meeting->n_present);
  pthread_cond_broadcast(&meeting->changed);
  int error = 0;
  while (meeting->n_most < 4 && error == 0) error = pthread_cond_timedwait(&meeting->changed, &meeting->mutex, &until);
  meeting->n_present--;
  pthread_mutex_unlock(&meeting->mutex);
  return VC_OK;
}

static void workers_run_at_the_same_time(void **state) {
  (void)state;
  struct meeting meeting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
  assert_int_equal(vc_parallel_for(4, 8, meet, &meeting), VC_OK);
  assert_int_equal(meeting.n_most, 4);
}

static vc_status check_thread(void *context, size_t i) {
  (void)i;
  return pthread_equal(*(pthread_t *)context, pthread_self()) ? VC_OK : VC_FAIL(VC_E_INTERNAL, "another thread");
}

static void no_threads_means_the_caller(void **state) {
  (void)state;
  pthread_t self = pthread_self();
  assert_int_equal(vc_parallel_for(0, N, check_thread, &self), VC_OK);
}

// Index 5 fails late, 6 and 30 at once: the first in time is not the first in order.
static vc_status fail_some(void *context, size_t i) {
  atomic_fetch_add((atomic_int *)context, 1);
  if (i == 5) {
    nap(0.01);
    return VC_FAIL(VC_E_FORMAT, "item %zu is bad", i);
  }
  if (i == 6 || i == 30) return VC_FAIL(VC_E_IO, "item %zu is bad", i);
  return VC_OK;
}

static void failure_of_the_lowest_index_is_returned(void **state) {
  (void)state;
  static const int n_threads[] = {0, 1, 2, 4, 16};
  for (size_t k = 0; k < VC_COUNT_OF(n_threads); k++) {
    for (int repeat = 0; repeat < 5; repeat++) {
      atomic_int n_calls = 0;
      VC_FAIL(VC_OK, "none");
      assert_int_equal(vc_parallel_for(n_threads[k], 1000000, fail_some, &n_calls), VC_E_FORMAT);
      assert_string_equal(vc_error_message(), "item 5 is bad");
      assert_true(atomic_load(&n_calls) < 1000000); // the rest is not begun
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(time_is_monotonic_and_in_seconds),
      cmocka_unit_test(there_is_a_processor),
      cmocka_unit_test(every_index_runs_once),
      cmocka_unit_test(workers_run_at_the_same_time),
      cmocka_unit_test(no_threads_means_the_caller),
      cmocka_unit_test(failure_of_the_lowest_index_is_returned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
