// Folders that appear whole or not at all.
#include "vulcyte/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

// Each test runs in an empty folder of its own and uses relative names.
static char folder[64];

static int enter(void **state) {
  (void)state;
  strcpy(folder, "/tmp/vulcyte-folder-XXXXXX");
  return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state) {
  char command[128];
  (void)state;
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void put_file(const char *dir, const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  assert_int_equal(vc_file_write(path, "x", 1), VC_OK);
}

static void assert_fails(vc_status status, vc_status expected, const char *part) {
  assert_int_equal(status, expected);
  if (!strstr(vc_error_message(), part)) fail_msg("'%s' does not tell '%s'", vc_error_message(), part);
}

static void appears_at_commit(void **state) {
  vc_folder_writer *w;
  (void)state;
  assert_int_equal(vc_folder_writer_open("a/b/set/", &w), VC_OK);
  put_file(vc_folder_writer_path(w), "one");
  assert_false(vc_path_exists("a/b/set"));
  assert_int_equal(vc_folder_writer_commit(w), VC_OK);
  assert_true(vc_path_exists("a/b/set/one"));
  assert_int_equal(system("test -z \"$(find a -name '.*')\""), 0);
  assert_int_equal(vc_path_make_dirs("empty"), VC_OK);
  assert_int_equal(vc_folder_writer_open("empty", &w), VC_OK);
  put_file(vc_folder_writer_path(w), "two");
  assert_int_equal(vc_folder_writer_commit(w), VC_OK);
  assert_true(vc_path_exists("empty/two"));
}

static void discarding_leaves_nothing(void **state) {
  vc_folder_writer *w;
  char path[256];
  (void)state;
  assert_int_equal(vc_path_make_dirs("elsewhere"), VC_OK);
  put_file("elsewhere", "kept");
  assert_int_equal(vc_folder_writer_open("set", &w), VC_OK);
  snprintf(path, sizeof path, "%s/deep/deeper", vc_folder_writer_path(w));
  assert_int_equal(vc_path_make_dirs(path), VC_OK);
  put_file(path, "one");
  strcat(path, "/link");
  assert_int_equal(symlink("../../../elsewhere", path), 0);
  vc_folder_writer_discard(w);
  assert_true(vc_path_exists("elsewhere/kept"));
  assert_int_equal(system("test \"$(find . -mindepth 1 | wc -l)\" = 2"), 0);
}

static void removes_what_a_killed_writer_left(void **state) {
  vc_folder_writer *w;
  (void)state;
  assert_int_equal(vc_path_make_dirs(".set.tmp/masks"), VC_OK);
  put_file(".set.tmp/masks", "old");
  assert_int_equal(vc_folder_writer_open("set", &w), VC_OK);
  put_file(vc_folder_writer_path(w), "new");
  assert_int_equal(vc_folder_writer_commit(w), VC_OK);
  assert_true(vc_path_exists("set/new"));
  assert_false(vc_path_exists("set/masks"));
}

static void refuses_what_is_in_the_way(void **state) {
  vc_folder_writer *w, *second;
  (void)state;
  assert_int_equal(vc_path_make_dirs("full"), VC_OK);
  put_file("full", "one");
  assert_fails(vc_folder_writer_open("full", &w), VC_E_INPUT, "full: exists already and is not empty");
  assert_fails(vc_folder_writer_open("full/one", &w), VC_E_INPUT, "is not a folder");
  assert_fails(vc_folder_writer_open("full/one/set", &w), VC_E_INPUT, "full/one");
  assert_fails(vc_folder_writer_open("", &w), VC_E_INPUT, "empty");
  assert_fails(vc_folder_writer_open("..", &w), VC_E_INPUT, "name a new folder");
  assert_int_equal(vc_folder_writer_open("set", &w), VC_OK);
  assert_fails(vc_folder_writer_open("set", &second), VC_E_IO, "another process is writing this folder");
  vc_folder_writer_discard(w);
  assert_int_equal(vc_folder_writer_open("set", &w), VC_OK);
  assert_int_equal(vc_path_make_dirs("set/now"), VC_OK); // in the meantime
  assert_fails(vc_folder_writer_commit(w), VC_E_IO, "set: cannot be put in place");
  assert_false(vc_path_exists(".set.tmp"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
  const struct CMUnitTest tests[] = {
      TEST(appears_at_commit),
      TEST(discarding_leaves_nothing),
      TEST(removes_what_a_killed_writer_left),
      TEST(refuses_what_is_in_the_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
