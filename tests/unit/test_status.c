#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vulcyte/base.h"

static void fail_formats_message_and_returns_status(void **state) {
  (void)state;
  assert_int_equal(VC_FAIL(VC_E_IO, "%s: line %d", "a.png", 7), VC_E_IO);
  assert_string_equal(vc_error_message(), "a.png: line 7");
}

static vc_status low(bool fails) {
  return fails ? VC_FAIL(VC_E_SHAPE, "C 128 != weight C 64") : VC_OK;
}

static vc_status middle(bool fails, int *reached) {
  VC_TRY(low(fails));
  *reached += 1;
  return VC_OK;
}

static vc_status high(bool fails, int *reached) {
  VC_TRY_CTX(middle(fails, reached), "%s/%s", "unet", "down2");
  *reached += 1;
  return VC_OK;
}

static void try_returns_early_and_context_is_a_prefix(void **state) {
  (void)state;
  int reached = 0;
  assert_int_equal(high(false, &reached), VC_OK);
  assert_int_equal(reached, 2);
  assert_int_equal(high(true, &reached), VC_E_SHAPE);
  assert_int_equal(reached, 2);
  assert_string_equal(vc_error_message(), "unet/down2: C 128 != weight C 64");
}

static void message_may_be_an_argument_of_the_next(void **state) {
  (void)state;
  VC_FAIL(VC_E_IO, "first");
  VC_FAIL(VC_E_IO, "again %s and %s", vc_error_message(), vc_error_message());
  assert_string_equal(vc_error_message(), "again first and first");
}

static void message_is_one_line(void **state) {
  (void)state;
  VC_FAIL(VC_E_IO, "a\nb\tc\x1b[31m\x7f");
  assert_string_equal(vc_error_message(), "a b c [31m ");
}

static void long_message_is_cut_between_characters(void **state) {
  (void)state;
  char text[4096];
  for (size_t shift = 0; shift < 4; shift++) { // U+1F600 takes 4 bytes: the cut falls on each of them
    memset(text, 'x', shift);
    for (size_t i = shift; i + 4 < sizeof text; i += 4) memcpy(text + i, "\xF0\x9F\x98\x80", 5);
    VC_FAIL(VC_E_IO, "%s", text);
    size_t n = strlen(vc_error_message());
    assert_int_equal(n, 2047 - (2047 - shift) % 4);
    assert_memory_equal(vc_error_message(), text, n);
  }
  memset(text, 'y', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  VC_FAIL(VC_E_IO, "%s", text);
  assert_int_equal(strlen(vc_error_message()), 2047);
  vc_fail_context(VC_E_IO, "%s", text);
  assert_int_equal(strlen(vc_error_message()), 2047);
  vc_fail_context(VC_E_IO, "short");
  assert_int_equal(strncmp(vc_error_message(), "short: yyy", 10), 0);
  assert_int_equal(strlen(vc_error_message()), 2047);
}

static void *fail_elsewhere(void *out) {
  VC_FAIL(VC_E_NOMEM, "of the other thread");
  snprintf(out, 64, "%s", vc_error_message());
  return NULL;
}

static void message_belongs_to_its_thread(void **state) {
  (void)state;
  char other[64] = "";
  pthread_t thread;
  VC_FAIL(VC_E_IO, "of this thread");
  assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, other), 0);
  pthread_join(thread, NULL);
  assert_string_equal(vc_error_message(), "of this thread");
  assert_string_equal(other, "of the other thread");
}

static void exit_codes(void **state) {
  (void)state;
  static const struct {
    vc_status status;
    int code;
  } rows[] = {
      {VC_OK, 0},         {VC_E_USAGE, 2},    {VC_E_CONFIG, 2},      {VC_E_INPUT, 2},         {VC_E_FORMAT, 2},
      {VC_E_IO, 1},       {VC_E_SHAPE, 2},    {VC_E_NOMEM, 1},       {VC_E_NO_DEVICE, 3},     {VC_E_DEVICE_LOST, 1},
      {VC_E_DIVERGED, 1}, {VC_E_INTERNAL, 1}, {VC_E_UNSUPPORTED, 1}, {VC_E_INTERRUPTED, 130},
  };
  for (size_t i = 0; i < VC_COUNT_OF(rows); i++) assert_int_equal(vc_status_exit_code(rows[i].status), rows[i].code);
}

static void assert_aborts_and_names_the_condition(void **state) {
  (void)state;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    signal(SIGABRT, SIG_DFL);
    dup2(ends[1], STDERR_FILENO);
    VC_ASSERT(1 + 1 == 2);
    VC_ASSERT(1 + 1 == 3);
    _exit(0);
  }
  close(ends[1]);
  char text[512] = "";
  ssize_t n = read(ends[0], text, sizeof text - 1);
  close(ends[0]);
  int how = 0;
  waitpid(child, &how, 0);
  assert_true(n > 0);
  assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
  assert_non_null(strstr(text, "1 + 1 == 3"));
  assert_non_null(strstr(text, "test_status.c:"));
}

static void rounding_helpers(void **state) {
  (void)state;
  assert_int_equal(vc_div_up(0, 4), 0);
  assert_int_equal(vc_div_up(9, 4), 3);
  assert_int_equal(vc_round_up(9, 4), 12);
  assert_int_equal(vc_round_up(12, 4), 12);
}

static void edit_distances(void **state) {
  (void)state;
  assert_int_equal(vc_edit_distance("", ""), 0);
  assert_int_equal(vc_edit_distance("kitten", "sitting"), 3);
  assert_int_equal(vc_edit_distance("epochs", "epoch"), 1);
  assert_int_equal(vc_edit_distance("", "lr"), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fail_formats_message_and_returns_status),
      cmocka_unit_test(try_returns_early_and_context_is_a_prefix),
      cmocka_unit_test(message_may_be_an_argument_of_the_next),
      cmocka_unit_test(message_is_one_line),
      cmocka_unit_test(long_message_is_cut_between_characters),
      cmocka_unit_test(message_belongs_to_its_thread),
      cmocka_unit_test(exit_codes),
      cmocka_unit_test(assert_aborts_and_names_the_condition),
      cmocka_unit_test(rounding_helpers),
      cmocka_unit_test(edit_distances),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
