// For unit tests that write files: each runs in an empty folder of its own, with an arena as its state.
#ifndef VC_TESTS_SCRATCH_H
#define VC_TESTS_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vulcyte/base.h"

static char scratch_folder[64];

static inline int scratch_enter(void **state) {
  strcpy(scratch_folder, "/tmp/vulcyte-test-XXXXXX");
  if (!mkdtemp(scratch_folder) || chdir(scratch_folder) != 0) return -1;
  return vc_arena_create((vc_arena **)state) == VC_OK ? 0 : -1;
}

static inline int scratch_leave(void **state) {
  char command[128];
  vc_arena_destroy(*state);
  snprintf(command, sizeof command, "rm -rf %s", scratch_folder);
  return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

// Fails the test with the library's message.
#define ASSERT_OK(call)                                      \
  do {                                                       \
    if ((call) != VC_OK) fail_msg("%s", vc_error_message()); \
  } while (0)
// The call fails with that status, and its message holds the text.
#define ASSERT_FAILS(call, status, text)                                                               \
  do {                                                                                                 \
    assert_int_equal((call), (status));                                                                \
    if (!strstr(vc_error_message(), (text))) fail_msg("no \"%s\" in: %s", (text), vc_error_message()); \
  } while (0)

static inline void scratch_put(const char *path, const void *data, size_t n_bytes) {
  ASSERT_OK(vc_file_write(path, data, n_bytes));
}

static inline void scratch_text(const char *path, const char *text) {
  scratch_put(path, text, strlen(text));
}

#endif
