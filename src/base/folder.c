// Whole folders, or none.
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 // nftw
#endif
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // flock
#endif
#include "vulcyte/base.h"

#include "file_error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct vc_folder_writer {
  char *path, *temporary;
  int fd; // of the temporary folder, locked
};

static void free_writer(vc_folder_writer *w) {
  if (w->fd >= 0) close(w->fd);
  free(w->path);
  free(w->temporary);
  free(w);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at) {
  (void)info;
  (void)type;
  return at->level == 0 ? 0 : remove(path);
}

// Everything inside the temporary folder; links are removed, not followed.
static int make_empty(const char *temporary) {
  return nftw(temporary, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static vc_status check_target(const char *path) {
  struct stat info;
  if (lstat(path, &info) != 0) return errno == ENOENT ? VC_OK : file_fail(path, "cannot be made", errno);
  if (!S_ISDIR(info.st_mode)) {
    return VC_FAIL(VC_E_INPUT, "%s: exists and is not a folder; name another one", path);
  }
  DIR *dir = opendir(path);
  if (!dir) return file_fail(path, "the folder cannot be read", errno);
  uint32_t n = 0;
  while (readdir(dir)) n++;
  closedir(dir);
  if (n <= 2) return VC_OK; // "." and ".."
  return VC_FAIL(VC_E_INPUT, "%s: exists already and is not empty; name another folder, or remove it first", path);
}

// The lock tells a living writer from what a killed one left; the name must still lead to what was locked.
static vc_status open_temporary(vc_folder_writer *w) {
  for (int tries = 0; tries < 3; tries++) {
    if (mkdir(w->temporary, 0777) != 0 && errno != EEXIST) return file_fail(w->path, "cannot be made", errno);
    w->fd = open(w->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (w->fd < 0) return file_fail(w->temporary, "cannot be opened", errno);
    struct stat opened, named;
    if (flock(w->fd, LOCK_EX | LOCK_NB) != 0) {
      return VC_FAIL(VC_E_IO, "%s: another process is writing this folder; wait for it, or name another one", w->path);
    }
    bool is_ours = fstat(w->fd, &opened) == 0 && lstat(w->temporary, &named) == 0 && opened.st_dev == named.st_dev &&
                   opened.st_ino == named.st_ino;
    if (is_ours) return make_empty(w->temporary) == 0 ? VC_OK : file_fail(w->temporary, "cannot be emptied", errno);
    close(w->fd);
    w->fd = -1;
  }
  return VC_FAIL(VC_E_IO, "%s: other processes keep writing this folder; name another one", w->path);
}

// "DIR/.NAME.tmp"
static vc_status name_temporary(vc_folder_writer *w) {
  size_t n = strlen(w->path);
  while (n > 1 && w->path[n - 1] == '/') w->path[--n] = '\0';
  const char *base = vc_path_base(w->path);
  if (*base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0) {
    return VC_FAIL(VC_E_INPUT, "%s: name a new folder", w->path);
  }
  w->temporary = malloc(n + 8);
  if (!w->temporary) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", w->path);
  snprintf(w->temporary, n + 8, "%.*s.%s.tmp", (int)(base - w->path), w->path, base);
  return VC_OK;
}

static vc_status make_parents(const char *path) {
  vc_arena *arena;
  char *dir;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = vc_path_dir(arena, path, &dir);
  if (status == VC_OK) status = vc_path_make_dirs(dir);
  vc_arena_destroy(arena);
  return status;
}

static vc_status open_writer(vc_folder_writer *w) {
  VC_TRY(name_temporary(w));
  VC_TRY(check_target(w->path));
  VC_TRY(make_parents(w->path));
  return open_temporary(w);
}

vc_status vc_folder_writer_open(const char *path, vc_folder_writer **out) {
  if (*path == '\0') return VC_FAIL(VC_E_INPUT, "the name of a folder is empty; give one");
  vc_folder_writer *w = calloc(1, sizeof *w);
  if (!w) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", path);
  w->fd = -1;
  w->path = strdup(path);
  vc_status status = w->path ? open_writer(w) : VC_FAIL(VC_E_NOMEM, "%s: out of memory", path);
  if (status != VC_OK) {
    free_writer(w);
    return status;
  }
  *out = w;
  return VC_OK;
}

const char *vc_folder_writer_path(const vc_folder_writer *w) {
  return w->temporary;
}

vc_status vc_folder_writer_commit(vc_folder_writer *w) {
  if (rename(w->temporary, w->path) == 0) { // also over an empty folder
    free_writer(w);
    return VC_OK;
  }
  vc_status status = file_fail(w->path, "cannot be put in place", errno);
  vc_folder_writer_discard(w);
  return status;
}

void vc_folder_writer_discard(vc_folder_writer *w) {
  if (make_empty(w->temporary) == 0) rmdir(w->temporary); // while the lock is held
  free_writer(w);
}
