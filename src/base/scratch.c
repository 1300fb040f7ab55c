#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // mkstemp
#endif
#include "scratch.h"

#include "file_error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct vc_scratch {
  const char *dir; // for messages
  FILE *file;
};

static void close_scratch(void *object) {
  vc_scratch *s = object;
  fclose(s->file);
}

vc_status vc_scratch_open(vc_arena *arena, const char *dir, vc_scratch **out) {
  vc_scratch *s;
  char *name, *copy;
  VC_TRY(VC_NEW(arena, 1, &s));
  VC_TRY(vc_arena_strdup(arena, dir, &copy));
  VC_TRY(vc_arena_printf(arena, &name, "%s/.vulcyte.XXXXXX", dir));
  s->dir = copy;
  const int fd = mkstemp(name);
  if (fd < 0) return file_fail(dir, "no file can be made in it", errno);
  unlink(name);
  s->file = fdopen(fd, "w+");
  if (!s->file) {
    close(fd);
    return VC_FAIL(VC_E_NOMEM, "%s: out of memory", dir);
  }
  *out = s;
  return vc_arena_defer(arena, close_scratch, s);
}

vc_status vc_scratch_append(vc_scratch *s, const void *data, size_t n_bytes) {
  if (n_bytes == 0 || fwrite(data, n_bytes, 1, s->file) == 1) return VC_OK;
  return file_fail(s->dir, "a temporary file in it cannot be written", errno);
}

vc_status vc_scratch_rewind(vc_scratch *s) {
  if (fflush(s->file) == 0 && fseek(s->file, 0, SEEK_SET) == 0) return VC_OK;
  return file_fail(s->dir, "a temporary file in it cannot be written", errno);
}

vc_status vc_scratch_read(vc_scratch *s, void *out, size_t n_bytes) {
  if (n_bytes == 0 || fread(out, n_bytes, 1, s->file) == 1) return VC_OK;
  return file_fail(s->dir, "a temporary file in it cannot be read", ferror(s->file) ? errno : EIO);
}
