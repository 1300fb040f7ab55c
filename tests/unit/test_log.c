#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "vulcyte/base.h"

struct record {
  int n_lines, n_warnings, n_inside, n_overlaps;
  long sum; // of the numbers in the lines: written without a lock, so a race shows
  char last[4096];
};

static void keep_line(void *context, enum vc_log_level level, const char *line) {
  struct record *record = context;
  record->n_overlaps += record->n_inside++ != 0;
  record->n_lines++;
  record->n_warnings += level == VC_LOG_WARNING;
  int number;
  if (sscanf(line, "item %d", &number) == 1) record->sum += number;
  snprintf(record->last, sizeof record->last, "%s", line);
  record->n_inside--;
}

static int drop(void **state) {
  (void)state;
  vc_log_set_sink(NULL, NULL);
  return 0;
}

static void lines_go_to_the_sink(void **state) {
  (void)state;
  struct record record = {.n_lines = 0};
  vc_log(VC_LOG_WARNING, "nobody listens");
  vc_log_set_sink(keep_line, &record);
  vc_log(VC_LOG_INFO, "epoch %d of %s", 3, "run");
  assert_string_equal(record.last, "epoch 3 of run");
  vc_log(VC_LOG_WARNING, "careful");
  assert_int_equal(record.n_lines, 2);
  assert_int_equal(record.n_warnings, 1);
  vc_log_set_sink(NULL, NULL);
  vc_log(VC_LOG_INFO, "dropped");
  assert_int_equal(record.n_lines, 2);
}

static void long_lines_arrive_whole(void **state) {
  (void)state;
  struct record record = {.n_lines = 0};
  vc_log_set_sink(keep_line, &record);
  for (int n = 1020; n < 1028; n++) { // around the size of the buffer on the stack
    vc_log(VC_LOG_DEBUG, "%*s", n, "end");
    assert_int_equal(strlen(record.last), n);
    assert_string_equal(record.last + n - 3, "end");
  }
  vc_log(VC_LOG_DEBUG, "%4000s", "end");
  assert_int_equal(strlen(record.last), 4000);
}

static vc_status log_item(void *context, size_t i) {
  (void)context;
  vc_log(VC_LOG_INFO, "item %d", (int)i);
  return VC_OK;
}

static void calls_of_many_threads_are_serialised(void **state) {
  (void)state;
  struct record record = {.n_lines = 0};
  vc_log_set_sink(keep_line, &record);
  assert_int_equal(vc_parallel_for(4, 2000, log_item, NULL), VC_OK);
  assert_int_equal(record.n_lines, 2000);
  assert_int_equal(record.n_overlaps, 0);
  assert_int_equal(record.sum, 1999L * 2000 / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(lines_go_to_the_sink, drop),
      cmocka_unit_test_teardown(long_lines_arrive_whole, drop),
      cmocka_unit_test_teardown(calls_of_many_threads_are_serialised, drop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
