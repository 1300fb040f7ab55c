// Whole files in, whole files out.
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // flock, realpath
#endif
#include "vulcyte/base.h"

#include "file_error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

vc_status file_fail(const char *path, const char *doing, int error) {
  const char *hint = "";
  switch (error) {
  case ENOENT: hint = "; check the path"; break;
  case ENOTDIR: hint = "; a file stands where the path wants a folder"; break;
  case EISDIR: hint = "; name a file, not a folder"; break;
  case EACCES:
  case EPERM: hint = "; check the permissions, or use another folder"; break;
  case EROFS: hint = "; use a folder that can be written to"; break;
  case ENOSPC:
  case EDQUOT: hint = "; free some space, or write to another disk"; break;
  case EMFILE:
  case ENFILE: hint = "; raise the limit of open files (ulimit -n)"; break;
  default: break;
  }
  bool is_wrong_path =
      error == ENOENT || error == ENOTDIR || error == EISDIR || error == ENAMETOOLONG || error == ELOOP;
  return VC_FAIL(is_wrong_path ? VC_E_INPUT : VC_E_IO, "%s: %s: %s%s", path, doing, strerror(error), hint);
}

static vc_status read_all(int fd, const char *path, uint8_t *data, size_t n_bytes) {
  for (size_t n_done = 0; n_done < n_bytes;) {
    ssize_t n = read(fd, data + n_done, VC_MIN(n_bytes - n_done, (size_t)1 << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_fail(path, "cannot be read", errno);
    if (n == 0) return VC_FAIL(VC_E_IO, "%s: became shorter while it was read; is it still being written?", path);
    n_done += (size_t)n;
  }
  return VC_OK;
}

static vc_status read_open_file(vc_arena *arena, int fd, const char *path, size_t max_bytes, uint8_t **out_data,
                                size_t *out_bytes) {
  struct stat info;
  if (fstat(fd, &info) != 0) return file_fail(path, "cannot be read", errno);
  if (S_ISDIR(info.st_mode)) return file_fail(path, "cannot be read", EISDIR);
  if (!S_ISREG(info.st_mode)) return VC_FAIL(VC_E_INPUT, "%s: not a regular file; name one", path);
  uint64_t n_bytes = (uint64_t)info.st_size;
  if ((max_bytes > 0 && n_bytes > max_bytes) || n_bytes >= SIZE_MAX) {
    return VC_FAIL(VC_E_INPUT, "%s: %llu bytes are more than the %zu allowed here; is it the right file?", path,
                   (unsigned long long)n_bytes, max_bytes);
  }
  uint8_t *data;
  VC_TRY_CTX(VC_NEW(arena, (size_t)n_bytes + 1, &data), "%s", path);
  VC_TRY(read_all(fd, path, data, (size_t)n_bytes));
  *out_data = data;
  *out_bytes = (size_t)n_bytes;
  return VC_OK;
}

vc_status vc_file_read(vc_arena *arena, const char *path, size_t max_bytes, uint8_t **out_data, size_t *out_bytes) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a named pipe is refused below, not waited for
  if (fd < 0) return file_fail(path, "cannot be opened", errno);
  vc_status status = read_open_file(arena, fd, path, max_bytes, out_data, out_bytes);
  close(fd);
  return status;
}

struct vc_file_writer {
  char *path;      // as the caller named it
  char *target;    // the file to replace: path with symbolic links followed
  char *temporary; // NULL where the target is a device or a pipe, which is written directly
  int fd;
  int error; // errno of the first append that failed
};

static void free_writer(vc_file_writer *w) {
  free(w->path);
  free(w->target);
  free(w->temporary);
  free(w);
}

// "DIR/.NAME[.PID-K].tmp". Hidden, so that listings of the folder leave it out. K < 0: no suffix. A long NAME is cut,
// as file systems allow 255 bytes.
static char *temporary_name(const char *target, int k) {
  const char *base = vc_path_base(target);
  size_t n_bytes = strlen(target) + 64;
  char *name = malloc(n_bytes);
  if (!name) return NULL;
  int n_dir = (int)VC_MIN(base - target, (ptrdiff_t)INT_MAX);
  if (k < 0)
    snprintf(name, n_bytes, "%.*s.%.200s.tmp", n_dir, target, base);
  else
    snprintf(name, n_bytes, "%.*s.%.200s.%ld-%d.tmp", n_dir, target, base, (long)getpid(), k);
  return name;
}

// The plain name is shared by all writers of a target, so what a killed one left is used again, not piled up. The lock
// says that nobody else writes to it; the name must still lead to the locked file, as the last holder may have renamed
// it.
static int open_shared_temporary(const char *name) {
  int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return -1;
  struct stat opened, named;
  bool is_ours = flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &opened) == 0 && lstat(name, &named) == 0 &&
                 opened.st_dev == named.st_dev && opened.st_ino == named.st_ino && ftruncate(fd, 0) == 0;
  if (is_ours) return fd;
  close(fd);
  errno = EEXIST;
  return -1;
}

static vc_status open_temporary(vc_file_writer *w) {
  for (int k = -1; k < 1000; k++) {
    free(w->temporary);
    w->temporary = temporary_name(w->target, k);
    if (!w->temporary) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", w->path);
    w->fd =
        k < 0 ? open_shared_temporary(w->temporary) : open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (w->fd >= 0) return VC_OK;
    if (errno != EEXIST && !(k < 0 && errno == ELOOP)) break;
  }
  int error = errno;
  free(w->temporary);
  w->temporary = NULL;
  return file_fail(w->path, "cannot be written", error);
}

static vc_status open_target(vc_file_writer *w) {
  struct stat info;
  bool is_there = stat(w->path, &info) == 0;
  if (is_there && S_ISDIR(info.st_mode)) return file_fail(w->path, "cannot be written", EISDIR);
  if (is_there && !S_ISREG(info.st_mode)) {
    w->fd = open(w->path, O_WRONLY | O_CLOEXEC);
    return w->fd >= 0 ? VC_OK : file_fail(w->path, "cannot be written", errno);
  }
  if (*vc_path_base(w->path) == '\0') return file_fail(w->path, "cannot be written", EISDIR);
  w->target = is_there ? realpath(w->path, NULL) : strdup(w->path);
  if (!w->target) return file_fail(w->path, "cannot be written", errno);
  return open_temporary(w);
}

vc_status vc_file_writer_open(const char *path, vc_file_writer **out) {
  vc_file_writer *w = calloc(1, sizeof *w);
  if (!w) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", path);
  w->fd = -1;
  w->path = strdup(path);
  vc_status status = w->path ? open_target(w) : VC_FAIL(VC_E_NOMEM, "%s: out of memory", path);
  if (status != VC_OK) {
    free_writer(w);
    return status;
  }
  *out = w;
  return VC_OK;
}

vc_status vc_file_writer_append(vc_file_writer *w, const void *data, size_t n_bytes) {
  const uint8_t *bytes = data;
  while (n_bytes > 0) {
    ssize_t n = write(w->fd, bytes, VC_MIN(n_bytes, (size_t)1 << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      w->error = errno;
      return file_fail(w->path, "cannot be written", w->error);
    }
    bytes += n;
    n_bytes -= (size_t)n;
  }
  return VC_OK;
}

vc_status vc_file_writer_write_at(vc_file_writer *w, uint64_t offset, const void *data, size_t n_bytes) {
  const uint8_t *bytes = data;
  while (n_bytes > 0) {
    ssize_t n = pwrite(w->fd, bytes, VC_MIN(n_bytes, (size_t)1 << 30), (off_t)offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      w->error = errno;
      return file_fail(w->path, "cannot be written", w->error);
    }
    bytes += n;
    offset += (uint64_t)n;
    n_bytes -= (size_t)n;
  }
  return VC_OK;
}

// Makes the new name itself last over a power cut. Not every file system can; the file is whole either way.
static void flush_folder(const char *target) {
  char *dir = strdup(target);
  if (!dir) return;
  char *slash = strrchr(dir, '/');
  if (slash) slash[slash == dir] = '\0';
  int fd = open(slash ? dir : ".", O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    (void)fsync(fd);
    close(fd);
  }
  free(dir);
}

// 0, or the errno value of the step that failed. The lock is held until after the renaming.
static int put_in_place(vc_file_writer *w) {
  if (!w->temporary) return 0;
  if (fsync(w->fd) != 0 && errno != EINVAL && errno != EROFS) return errno;
  return rename(w->temporary, w->target) == 0 ? 0 : errno;
}

vc_status vc_file_writer_commit(vc_file_writer *w) {
  int error = w->error ? w->error : put_in_place(w);
  if (error != 0) {
    vc_status status = file_fail(w->path, "cannot be written", error);
    vc_file_writer_discard(w);
    return status;
  }
  vc_status status = VC_OK;
  if (close(w->fd) != 0 && errno != EINTR && !w->temporary) status = file_fail(w->path, "cannot be written", errno);
  if (w->temporary) flush_folder(w->target);
  free_writer(w);
  return status;
}

void vc_file_writer_discard(vc_file_writer *w) {
  if (w->temporary) unlink(w->temporary); // before the lock is let go
  close(w->fd);
  free_writer(w);
}

vc_status vc_file_write(const char *path, const void *data, size_t n_bytes) {
  vc_file_writer *w;
  VC_TRY(vc_file_writer_open(path, &w));
  vc_status status = vc_file_writer_append(w, data, n_bytes);
  if (status != VC_OK) {
    vc_file_writer_discard(w);
    return status;
  }
  return vc_file_writer_commit(w);
}

static void close_lock(void *fd) {
  close((int)(intptr_t)fd);
}

vc_status vc_file_lock(vc_arena *arena, const char *path, double seconds, bool *out_locked) {
  int fd = open(path, O_RDWR | O_CREAT, 0666); // children inherit it, and with it the lock
  if (fd < 0) return file_fail(path, "cannot be written", errno);
  VC_TRY(vc_arena_defer(arena, close_lock, (void *)(intptr_t)fd));
  const double start = vc_time_seconds();
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    *out_locked = false;
    if (vc_time_seconds() - start > seconds) return VC_OK;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  }
  *out_locked = true;
  return VC_OK;
}
