// Time, processors and the parallel loop.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // sched_getaffinity
#endif
#include "vulcyte/base.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

double vc_time_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int vc_cpu_count(void) {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (int)n : 1;
}

// Indices are handed out in order and no more once one has failed, so every index below a failed one runs to its end
// and the lowest failure does not depend on timing.
struct loop {
  vc_status (*fn)(void *context, size_t i);
  void *context;
  size_t n;
  pthread_mutex_t mutex; // guards what follows
  size_t next;
  vc_status status;
  size_t failed_at;
  char message[2048];
};

static bool loop_take(struct loop *loop, size_t *out_i) {
  pthread_mutex_lock(&loop->mutex);
  bool is_taken = loop->status == VC_OK && loop->next < loop->n;
  if (is_taken) *out_i = loop->next++;
  pthread_mutex_unlock(&loop->mutex);
  return is_taken;
}

static void loop_fail(struct loop *loop, size_t i, vc_status status) {
  pthread_mutex_lock(&loop->mutex);
  if (loop->status == VC_OK || i < loop->failed_at) {
    loop->status = status;
    loop->failed_at = i;
    size_t n = 0;
    for (const char *c = vc_error_message(); *c && n + 1 < sizeof loop->message; c++) loop->message[n++] = *c;
    loop->message[n] = '\0';
  }
  pthread_mutex_unlock(&loop->mutex);
}

static void *loop_work(void *argument) {
  struct loop *loop = argument;
  size_t i;
  while (loop_take(loop, &i)) {
    vc_status status = loop->fn(loop->context, i);
    if (status != VC_OK) loop_fail(loop, i, status);
  }
  return NULL;
}

vc_status vc_parallel_for(int n_threads, size_t n, vc_status (*fn)(void *context, size_t i), void *context) {
  size_t n_workers = n_threads > 1 ? VC_MIN((size_t)n_threads, n) : 1;
  pthread_t *threads = n_workers > 1 ? calloc(n_workers - 1, sizeof *threads) : NULL;
  if (!threads) {
    for (size_t i = 0; i < n; i++) VC_TRY(fn(context, i));
    return VC_OK;
  }
  struct loop loop = {.fn = fn, .context = context, .n = n};
  pthread_mutex_init(&loop.mutex, NULL);
  size_t n_started = 0; // fewer threads than asked for only make it slower
  while (n_started < n_workers - 1 && pthread_create(&threads[n_started], NULL, loop_work, &loop) == 0) n_started++;
  loop_work(&loop); // the caller is the last worker
  for (size_t i = 0; i < n_started; i++) pthread_join(threads[i], NULL);
  pthread_mutex_destroy(&loop.mutex);
  free(threads);
  return loop.status == VC_OK ? VC_OK : VC_FAIL(loop.status, "%s", loop.message);
}
