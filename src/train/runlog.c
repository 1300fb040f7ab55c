// The log of a run: lines are built in one writer that is used again and appended with one write each.
#include "runlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct vc_runlog {
  int fd;
  uint64_t n_bytes;
  const char *path;
  vc_json_writer *line;
};

static vc_status fail(const char *path, const char *doing) {
  int error = errno;
  const char *hint = error == ENOSPC || error == EDQUOT ? "free some space, or write to another disk"
                                                        : "check the folder and its permissions";
  return VC_FAIL(VC_E_IO, "%s: cannot be %s: %s; %s", path, doing, strerror(error), hint);
}

static void close_log(void *object) {
  close(((vc_runlog *)object)->fd);
}

// Finds the end of the last whole line of the file, which has n_bytes.
static vc_status whole_lines(const vc_runlog *log, uint64_t n_bytes, uint64_t *out_bytes) {
  char block[4096];
  for (uint64_t end = n_bytes; end > 0;) {
    size_t n = (size_t)VC_MIN(end, (uint64_t)sizeof block);
    ssize_t n_read = pread(log->fd, block, n, (off_t)(end - n));
    if (n_read < 0 || (size_t)n_read != n) return fail(log->path, "read");
    for (size_t i = n; i > 0; i--) {
      if (block[i - 1] != '\n') continue;
      *out_bytes = end - n + i;
      return VC_OK;
    }
    end -= n;
  }
  *out_bytes = 0;
  return VC_OK;
}

static vc_status cut(vc_runlog *log, uint64_t resume_bytes) {
  struct stat info;
  if (fstat(log->fd, &info) != 0) return fail(log->path, "read");
  log->n_bytes = resume_bytes;
  if ((uint64_t)info.st_size < resume_bytes) {
    VC_TRY(whole_lines(log, (uint64_t)info.st_size, &log->n_bytes));
    vc_log(VC_LOG_WARNING, "%s: shorter than when the state was saved; the missing lines stay missing", log->path);
  }
  if (ftruncate(log->fd, (off_t)log->n_bytes) != 0) return fail(log->path, "written");
  return VC_OK;
}

// Two processes that resume one run would spoil it. Held until the file is closed.
static vc_status lock(const vc_runlog *log) {
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(log->fd, F_SETLK, &whole) == 0 || (errno != EACCES && errno != EAGAIN)) return VC_OK;
  return VC_FAIL(VC_E_IO, "%s: another process is writing this run; wait for it, or train into another folder",
                 log->path);
}

vc_status vc_runlog_open(vc_arena *arena, const char *path, uint64_t resume_bytes, vc_runlog **out) {
  vc_runlog *log;
  char *copy;
  VC_TRY(VC_NEW(arena, 1, &log));
  VC_TRY(vc_arena_strdup(arena, path, &copy));
  VC_TRY(vc_json_writer_create(arena, 0, &log->line));
  log->path = copy;
  log->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (log->fd < 0) return fail(path, "opened");
  VC_TRY(vc_arena_defer(arena, close_log, log));
  VC_TRY(lock(log));
  VC_TRY(cut(log, resume_bytes));
  *out = log;
  return VC_OK;
}

vc_json_writer *vc_runlog_begin(vc_runlog *log, const char *event) {
  vc_json_writer_reset(log->line);
  vc_json_begin_object(log->line, NULL);
  vc_json_put_string(log->line, "event", event);
  return log->line;
}

static vc_status append(vc_runlog *log, const char *text, size_t n_bytes) {
  for (size_t n_done = 0; n_done < n_bytes;) {
    ssize_t n = pwrite(log->fd, text + n_done, n_bytes - n_done, (off_t)(log->n_bytes + n_done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      vc_status status = fail(log->path, "written");
      if (ftruncate(log->fd, (off_t)log->n_bytes) != 0) return status; // opening cuts it later
      return status;
    }
    n_done += (size_t)n;
  }
  log->n_bytes += n_bytes;
  return VC_OK;
}

vc_status vc_runlog_end(vc_runlog *log) {
  const char *text;
  size_t n_bytes;
  vc_json_end_object(log->line);
  VC_TRY(vc_json_writer_text(log->line, &text, &n_bytes));
  // One write for line and line end: the writer's text is followed by a zero byte, which the line end replaces.
  char *line = (char *)(uintptr_t)text;
  line[n_bytes] = '\n';
  vc_status status = append(log, line, n_bytes + 1);
  line[n_bytes] = '\0';
  return status;
}

vc_status vc_runlog_warn(vc_runlog *log, const char *fmt, ...) {
  char text[1024];
  va_list args;
  va_start(args, fmt);
  if (vsnprintf(text, sizeof text, fmt, args) < 0) text[0] = '\0';
  va_end(args);
  vc_log(VC_LOG_WARNING, "%s", text);
  vc_json_put_string(vc_runlog_begin(log, "warning"), "text", text);
  return vc_runlog_end(log);
}

uint64_t vc_runlog_bytes(const vc_runlog *log) {
  return log->n_bytes;
}
