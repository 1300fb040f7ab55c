#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vulcyte/base.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif

// Each test runs in an empty folder of its own and uses relative names.
static char folder[64];

static int enter(void **state) {
  strcpy(folder, "/tmp/vulcyte-file-XXXXXX");
  if (!mkdtemp(folder) || chdir(folder) != 0) return -1;
  return vc_arena_create((vc_arena **)state) == VC_OK ? 0 : -1;
}

static int leave(void **state) {
  char command[128];
  vc_arena_destroy(*state);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void put(const char *path, const char *text) {
  assert_int_equal(vc_file_write(path, text, strlen(text)), VC_OK);
}

static void assert_holds(vc_arena *arena, const char *path, const char *want) {
  uint8_t *data;
  size_t n;
  if (vc_file_read(arena, path, 0, &data, &n) != VC_OK) fail_msg("%s", vc_error_message());
  assert_string_equal((const char *)data, want);
  assert_int_equal(n, strlen(want));
}

// Every entry, hidden ones too: what a failed or killed write left behind is counted.
static int n_entries(const char *path) {
  int n = 0;
  DIR *dir = opendir(path);
  assert_non_null(dir);
  for (const struct dirent *entry; (entry = readdir(dir));) {
    n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  }
  closedir(dir);
  return n;
}

static void assert_fails(vc_status got, vc_status want, const char *part) {
  if (got != want || !strstr(vc_error_message(), part)) {
    fail_msg("status %d, wanted %d with \"%s\": %s", (int)got, (int)want, part, vc_error_message());
  }
}

static void written_bytes_come_back(void **state) {
  static uint8_t bytes[3 << 20];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 31 >> 3);
  static const size_t sizes[] = {0, 1, 4095, 4096, sizeof bytes};
  for (size_t i = 0; i < VC_COUNT_OF(sizes); i++) {
    uint8_t *data;
    size_t n;
    assert_int_equal(vc_file_write("f.bin", bytes, sizes[i]), VC_OK);
    assert_int_equal(vc_file_read(*state, "f.bin", 0, &data, &n), VC_OK);
    assert_int_equal(n, sizes[i]);
    assert_memory_equal(data, bytes, n);
    assert_int_equal(data[n], 0);
  }
  assert_int_equal(n_entries("."), 1);
}

static void reading_errors(void **state) {
  uint8_t *data = NULL;
  size_t n = 7;
  put("five", "12345");
  assert_int_equal(mkdir("dir", 0777), 0);
  assert_int_equal(mkfifo("pipe", 0666), 0);
  assert_int_equal(symlink("nowhere", "broken"), 0);
  assert_fails(vc_file_read(*state, "none", 0, &data, &n), VC_E_INPUT, "none: cannot be opened: No such file");
  assert_fails(vc_file_read(*state, "dir", 0, &data, &n), VC_E_INPUT, "dir: cannot be read: Is a directory");
  assert_fails(vc_file_read(*state, "five/x", 0, &data, &n), VC_E_INPUT, "five/x: cannot be opened: Not a directory");
  assert_fails(vc_file_read(*state, "pipe", 0, &data, &n), VC_E_INPUT, "pipe: not a regular file");
  assert_fails(vc_file_read(*state, "broken", 0, &data, &n), VC_E_INPUT, "broken: ");
  assert_fails(vc_file_read(*state, "", 0, &data, &n), VC_E_INPUT, "No such file");
  assert_fails(vc_file_read(*state, "five", 4, &data, &n), VC_E_INPUT, "five: 5 bytes are more than the 4 allowed");
  assert_null(data);
  assert_int_equal(n, 7);
  assert_int_equal(vc_file_read(*state, "five", 5, &data, &n), VC_OK);
}

static void absurd_size_is_out_of_memory(void **state) {
  uint8_t *data;
  size_t n;
  put("huge", "");
  if (truncate("huge", (off_t)1 << 43) != 0) skip(); // this file system keeps no sparse files of that size
  pid_t child = fork();
  if (child == 0) {
#ifndef UNDER_SANITIZER // sanitizers refuse such a size themselves, and could not live under the limit
    struct rlimit limit = {.rlim_cur = (rlim_t)1 << 42, .rlim_max = (rlim_t)1 << 42};
    setrlimit(RLIMIT_AS, &limit);
#endif
    _exit(vc_file_read(*state, "huge", 0, &data, &n) == VC_E_NOMEM && strstr(vc_error_message(), "huge: ") ? 0 : 1);
  }
  int how = 0;
  waitpid(child, &how, 0);
  assert_true(WIFEXITED(how));
  assert_int_equal(WEXITSTATUS(how), 0);
}

static void pieces_appear_at_commit(void **state) {
  vc_file_writer *w;
  put("f", "old");
  assert_int_equal(vc_file_writer_open("f", &w), VC_OK);
  assert_int_equal(vc_file_writer_append(w, "ne", 2), VC_OK);
  assert_int_equal(vc_file_writer_append(w, "", 0), VC_OK);
  assert_holds(*state, "f", "old");
  assert_int_equal(vc_file_writer_append(w, "w!", 2), VC_OK);
  assert_int_equal(vc_file_writer_commit(w), VC_OK);
  assert_holds(*state, "f", "new!");
  assert_int_equal(n_entries("."), 1);
}

static void discarding_keeps_the_old_file(void **state) {
  vc_file_writer *w;
  put("f", "old");
  assert_int_equal(vc_file_writer_open("f", &w), VC_OK);
  assert_int_equal(vc_file_writer_append(w, "new", 3), VC_OK);
  vc_file_writer_discard(w);
  assert_holds(*state, "f", "old");
  assert_int_equal(n_entries("."), 1);
}

static void killed_writer_leaves_the_old_file(void **state) {
  put("f", "old");
  for (int i = 0; i < 3; i++) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      vc_file_writer *w;
      if (vc_file_writer_open("f", &w) == VC_OK && vc_file_writer_append(w, "a longer half", 13) == VC_OK)
        raise(SIGKILL);
      _exit(0);
    }
    int how = 0;
    waitpid(child, &how, 0);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    assert_holds(*state, "f", "old");
    assert_int_equal(n_entries("."), 2); // one left-over, however often it happens
    char **paths;
    size_t n;
    assert_int_equal(vc_path_list(*state, ".", &paths, &n), VC_OK);
    assert_int_equal(n, 1); // and no listing shows it
  }
  put("f", "new");
  assert_holds(*state, "f", "new");
  assert_int_equal(n_entries("."), 1); // used up by the next write
}

static void writers_of_one_file_do_not_mix(void **state) {
  vc_file_writer *a, *b, *c;
  assert_int_equal(vc_file_writer_open("f", &a), VC_OK);
  assert_int_equal(vc_file_writer_open("f", &b), VC_OK);
  assert_int_equal(vc_file_writer_append(a, "aaaa", 4), VC_OK);
  assert_int_equal(vc_file_writer_append(b, "bb", 2), VC_OK);
  assert_false(vc_path_exists("f"));
  assert_int_equal(vc_file_writer_commit(a), VC_OK);
  assert_holds(*state, "f", "aaaa");
  assert_int_equal(vc_file_writer_open("f", &c), VC_OK);
  assert_int_equal(vc_file_writer_append(c, "c", 1), VC_OK);
  assert_holds(*state, "f", "aaaa");
  assert_int_equal(vc_file_writer_commit(b), VC_OK);
  assert_holds(*state, "f", "bb");
  vc_file_writer_discard(c);
  assert_holds(*state, "f", "bb");
  assert_int_equal(n_entries("."), 1);
}

static vc_status write_filled(void *context, size_t i) {
  (void)context;
  char data[20000];
  memset(data, 'a' + (int)(i % 26), sizeof data);
  return vc_file_write("f", data, 1000 + 700 * (i % 26));
}

static void racing_writers_leave_one_whole_file(void **state) {
  uint8_t *data;
  size_t n;
  assert_int_equal(vc_parallel_for(4, 200, write_filled, NULL), VC_OK);
  assert_int_equal(vc_file_read(*state, "f", 0, &data, &n), VC_OK);
  assert_int_equal(n, 1000 + 700 * (size_t)(data[0] - 'a'));
  for (size_t i = 0; i < n; i++) assert_int_equal(data[i], data[0]);
  assert_int_equal(n_entries("."), 1);
}

static void writing_errors(void **state) {
  put("file", "old");
  assert_int_equal(mkdir("dir", 0777), 0);
  assert_fails(vc_file_write("none/f", "x", 1), VC_E_INPUT, "none/f: cannot be written: No such file or directory");
  assert_fails(vc_file_write("file/f", "x", 1), VC_E_INPUT, "file/f: cannot be written: Not a directory");
  assert_fails(vc_file_write("dir", "x", 1), VC_E_INPUT, "dir: cannot be written: Is a directory");
  assert_fails(vc_file_write("absent/", "x", 1), VC_E_INPUT, "absent/: cannot be written: Is a directory");
  assert_fails(vc_file_write("", "x", 1), VC_E_INPUT, "cannot be written");
  char name[400];
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  assert_fails(vc_file_write(name, "x", 1), VC_E_INPUT, "cannot be written: File name too long");
  name[255] = '\0'; // the longest name there is, although its temporary sibling's would be longer
  put(name, "fits");
  assert_holds(*state, name, "fits");
  assert_holds(*state, "file", "old");
  assert_int_equal(n_entries("."), 3);
  assert_int_equal(n_entries("dir"), 0);
}

static void full_device_is_reported(void **state) {
  (void)state;
  vc_file_writer *w;
  struct stat info;
  if (stat("/dev/full", &info) != 0) skip(); // not on this system
  assert_fails(vc_file_write("/dev/full", "x", 1), VC_E_IO,
               "/dev/full: cannot be written: No space left on device; free");
  assert_int_equal(vc_file_writer_open("/dev/full", &w), VC_OK);
  assert_fails(vc_file_writer_append(w, "x", 1), VC_E_IO, "No space left");
  assert_fails(vc_file_writer_commit(w), VC_E_IO, "No space left"); // a failed append is not forgotten
  assert_int_equal(stat("/dev/full", &info), 0);
  assert_true(S_ISCHR(info.st_mode)); // written to, not replaced
}

// A disk that fills up in the middle of a write, played by the limit on the size of files.
static void exhausted_disk_leaves_the_old_file(void **state) {
  put("f", "old");
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    static char data[100000];
    struct rlimit limit = {.rlim_cur = 50000, .rlim_max = 50000};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(vc_file_write("f", data, sizeof data) == VC_E_IO && strstr(vc_error_message(), "f: cannot be written") ? 0
                                                                                                                 : 1);
  }
  int how = 0;
  waitpid(child, &how, 0);
  assert_true(WIFEXITED(how));
  assert_int_equal(WEXITSTATUS(how), 0);
  assert_holds(*state, "f", "old");
  assert_int_equal(n_entries("."), 1);
}

static void link_is_followed_not_replaced(void **state) {
  struct stat info;
  assert_int_equal(mkdir("real", 0777), 0);
  put("real/f", "old");
  assert_int_equal(symlink("real/f", "link"), 0);
  put("link", "new");
  assert_holds(*state, "real/f", "new");
  assert_int_equal(lstat("link", &info), 0);
  assert_true(S_ISLNK(info.st_mode));
  assert_int_equal(n_entries("."), 2);
  assert_int_equal(n_entries("real"), 1);
}

static void folders_are_made(void **state) {
  char path[128];
  assert_int_equal(vc_path_make_dirs("a/b//c/"), VC_OK);
  assert_true(vc_path_is_dir("a/b/c"));
  assert_int_equal(vc_path_make_dirs("a/b/c"), VC_OK);
  assert_int_equal(vc_path_make_dirs("."), VC_OK);
  assert_int_equal(vc_path_make_dirs("/"), VC_OK);
  snprintf(path, sizeof path, "%s/absolute/x", folder);
  assert_int_equal(vc_path_make_dirs(path), VC_OK);
  assert_true(vc_path_is_dir("absolute/x"));
  put("file", "");
  assert_fails(vc_path_make_dirs("file"), VC_E_INPUT, "file: the folder cannot be made: Not a directory");
  assert_fails(vc_path_make_dirs("file/x/y"), VC_E_INPUT, "Not a directory");
  assert_fails(vc_path_make_dirs(""), VC_E_INPUT, "empty");
  assert_true(vc_path_exists("file") && !vc_path_is_dir("file"));
  assert_false(vc_path_exists("none") || vc_path_is_dir("none"));
  (void)state;
}

static void names_are_taken_apart(void **state) {
  static const struct {
    const char *path, *base, *stem, *dir;
  } rows[] = {
      {"a/b/img.png", "img.png", "img", "a/b"},
      {"img.tar.png", "img.tar.png", "img.tar", "."},
      {"/img", "img", "img", "/"},
      {"//x/img", "img", "img", "//x"},
      {"a//img.x", "img.x", "img", "a"},
      {"v/brain.nii.gz", "brain.nii.gz", "brain", "v"},
      {"t.ome.tif", "t.ome.tif", "t", "."},
      {"T.OME.TIFF", "T.OME.TIFF", "T", "."},
      {"x.nii", "x.nii", "x", "."},
      {"x.gz", "x.gz", "x", "."},
      {".hidden", ".hidden", ".hidden", "."},
      {".nii.gz", ".nii.gz", ".nii", "."},
      {"dots.d/name", "name", "name", "dots.d"},
      {"a/", "", "", "a"},
  };
  for (size_t i = 0; i < VC_COUNT_OF(rows); i++) {
    char *stem, *dir;
    assert_int_equal(vc_path_stem(*state, rows[i].path, &stem), VC_OK);
    assert_int_equal(vc_path_dir(*state, rows[i].path, &dir), VC_OK);
    assert_string_equal(vc_path_base(rows[i].path), rows[i].base);
    assert_string_equal(stem, rows[i].stem);
    assert_string_equal(dir, rows[i].dir);
  }
  static const char *const joins[][3] = {
      {"a", "b", "a/b"}, {"a/", "b", "a/b"},   {"a", "/b", "/b"},
      {"", "b", "b"},    {"/", "b/c", "/b/c"}, {"..", "x", "../x"},
  };
  for (size_t i = 0; i < VC_COUNT_OF(joins); i++) {
    char *path;
    assert_int_equal(vc_path_join(*state, joins[i][0], joins[i][1], &path), VC_OK);
    assert_string_equal(path, joins[i][2]);
  }
}

static void assert_list(vc_arena *arena, const char *what, const char *want) {
  char **paths, text[1024] = "";
  size_t n;
  if (vc_path_list(arena, what, &paths, &n) != VC_OK) fail_msg("%s", vc_error_message());
  for (size_t i = 0; i < n; i++) {
    strcat(text, i ? " " : "");
    strcat(text, paths[i]);
  }
  assert_string_equal(text, want);
}

static void folders_and_globs_are_listed(void **state) {
  assert_int_equal(vc_path_make_dirs("d/sub.png"), VC_OK);
  assert_int_equal(vc_path_make_dirs("[x]"), VC_OK);
  assert_int_equal(vc_path_make_dirs("empty"), VC_OK);
  put("d/b.png", "");
  put("d/B.png", "");
  put("d/a10.png", "");
  put("d/a9.png", "");
  put("d/c.tif", "");
  put("d/.hidden.png", "");
  put("d/sub.png/deep.png", "");
  put("[x]/y", "");
  assert_int_equal(symlink("c.tif", "d/link.tif"), 0);
  assert_list(*state, "d", "d/B.png d/a10.png d/a9.png d/b.png d/c.tif d/link.tif");
  assert_list(*state, "d/", "d/B.png d/a10.png d/a9.png d/b.png d/c.tif d/link.tif");
  assert_list(*state, "d/*.png", "d/B.png d/a10.png d/a9.png d/b.png");
  assert_list(*state, "*/[ab]?.png", "d/a9.png");
  assert_list(*state, "d/.*", "");
  assert_list(*state, "d/*.jpg", "");
  assert_list(*state, "d/c.tif", "d/c.tif");
  assert_list(*state, "[x]", "[x]/y");
  assert_list(*state, "empty", "");
  char **paths = NULL;
  size_t n = 3;
  assert_fails(vc_path_list(*state, "none", &paths, &n), VC_E_INPUT, "none: cannot be listed: No such file");
  assert_fails(vc_path_list(*state, "", &paths, &n), VC_E_INPUT, "cannot be listed");
  assert_null(paths);
  assert_int_equal(n, 3);
}

static void long_listings_are_sorted(void **state) {
  char name[32], **paths;
  size_t n;
  assert_int_equal(mkdir("d", 0777), 0);
  for (int i = 0; i < 300; i++) {
    snprintf(name, sizeof name, "d/%03d", i * 7 % 300);
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fclose(file);
  }
  assert_int_equal(vc_path_list(*state, "d", &paths, &n), VC_OK);
  assert_int_equal(n, 300);
  for (int i = 0; i < 300; i++) {
    snprintf(name, sizeof name, "d/%03d", i);
    assert_string_equal(paths[i], name);
  }
}

static void cache_folder_follows_the_environment(void **state) {
  char *path, want[128];
  snprintf(want, sizeof want, "%s/chosen/deep", folder);
  setenv("VULCYTE_CACHE", want, 1);
  setenv("XDG_CACHE_HOME", folder, 1);
  setenv("HOME", folder, 1);
  assert_int_equal(vc_path_cache_dir(*state, &path), VC_OK);
  assert_string_equal(path, want);
  assert_true(vc_path_is_dir("chosen/deep"));
  unsetenv("VULCYTE_CACHE");
  assert_int_equal(vc_path_cache_dir(*state, &path), VC_OK);
  assert_true(vc_path_is_dir("vulcyte"));
  setenv("XDG_CACHE_HOME", "relative", 1);
  assert_int_equal(vc_path_cache_dir(*state, &path), VC_OK);
  snprintf(want, sizeof want, "%s/.cache/vulcyte", folder);
  assert_string_equal(path, want);
  assert_true(vc_path_is_dir(".cache/vulcyte"));
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  assert_fails(vc_path_cache_dir(*state, &path), VC_E_IO, "set VULCYTE_CACHE");
  setenv("VULCYTE_CACHE", "/dev/null/x", 1);
  assert_fails(vc_path_cache_dir(*state, &path), VC_E_INPUT, "VULCYTE_CACHE");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
  const struct CMUnitTest tests[] = {
      TEST(written_bytes_come_back),
      TEST(reading_errors),
      TEST(absurd_size_is_out_of_memory),
      TEST(pieces_appear_at_commit),
      TEST(discarding_keeps_the_old_file),
      TEST(killed_writer_leaves_the_old_file),
      TEST(writers_of_one_file_do_not_mix),
      TEST(racing_writers_leave_one_whole_file),
      TEST(writing_errors),
      TEST(full_device_is_reported),
      TEST(exhausted_disk_leaves_the_old_file),
      TEST(link_is_followed_not_replaced),
      TEST(folders_are_made),
      TEST(names_are_taken_apart),
      TEST(folders_and_globs_are_listed),
      TEST(long_listings_are_sorted),
      TEST(cache_folder_follows_the_environment),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
