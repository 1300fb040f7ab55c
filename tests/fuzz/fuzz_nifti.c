// The volume reader on damaged files. Seeds: corpus/nifti/, which support/make_volumes.py wrote.
#include "vulcyte/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void remove_file(void) {
  unlink(path);
}

static int open_file(void) {
  static int fd = -1;
  if (fd >= 0) return fd;
  struct stat info;
  bool is_shm = stat("/dev/shm", &info) == 0 && S_ISDIR(info.st_mode);
  snprintf(path, sizeof path, "%s/vulcyte-fuzz-XXXXXX", is_shm ? "/dev/shm" : "/tmp");
  fd = mkstemp(path);
  if (fd < 0) abort();
  atexit(remove_file);
  return fd;
}

// A failure must leave one line that names the file.
static void check(vc_status status) {
  if (status == VC_OK || status == VC_E_NOMEM) return;
  if (!strstr(vc_error_message(), path) || strchr(vc_error_message(), '\n')) abort();
}

static void read_all(vc_arena *arena, vc_volume *v) {
  const struct vc_volume_info *info = vc_volume_info_of(v);
  uint64_t plane = (uint64_t)info->size[0] * info->size[1];
  if (plane * info->size[2] > 1 << 16) return; // larger ones are no different, but slow
  float *intensities;
  uint32_t *labels, last = info->size[2] - 1;
  if (VC_NEW(arena, plane * info->size[2], &intensities) != VC_OK) return;
  if (VC_NEW(arena, plane * info->size[2], &labels) != VC_OK) return;
  vc_status status = vc_volume_read(v, 0, info->size[2], intensities);
  check(status);
  check(vc_volume_read_labels(v, last, 1, labels));
  check(vc_volume_read_labels(v, 0, info->size[2], labels));
  volatile uint8_t sum = 0; // every voxel is there
  for (size_t i = 0; status == VC_OK && i < plane * info->size[2] * vc_pixel_bytes(info->format); i++) {
    sum = (uint8_t)(sum + ((const uint8_t *)intensities)[i]);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  int fd = open_file();
  if (ftruncate(fd, 0) != 0 || pwrite(fd, data, n_bytes, 0) != (ssize_t)n_bytes) abort();
  vc_arena *arena;
  vc_volume *v;
  if (vc_arena_create(&arena) != VC_OK) return 0;
  vc_status status = vc_volume_open(arena, path, &v);
  check(status);
  if (status == VC_OK) read_all(arena, v);
  vc_arena_destroy(arena);
  return 0;
}
