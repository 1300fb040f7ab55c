// What the fuzzers of both image formats do with an input: every way of reading it, from a file of its own.
#ifndef VC_TESTS_FUZZ_IMAGE_H
#define VC_TESTS_FUZZ_IMAGE_H

#include "data/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char fuzz_path[64];

static void fuzz_remove_file(void) {
  unlink(fuzz_path);
}

// One file per process, in memory where the system has such a folder.
static int fuzz_open_file(void) {
  static int fd = -1;
  if (fd >= 0) return fd;
  struct stat info;
  bool is_shm = stat("/dev/shm", &info) == 0 && S_ISDIR(info.st_mode);
  snprintf(fuzz_path, sizeof fuzz_path, "%s/vulcyte-fuzz-XXXXXX", is_shm ? "/dev/shm" : "/tmp");
  fd = mkstemp(fuzz_path);
  if (fd < 0) abort();
  atexit(fuzz_remove_file);
  return fd;
}

// A failure must leave a message that names the file.
static void fuzz_check(vc_status status) {
  if (status != VC_OK && status != VC_E_NOMEM && !strstr(vc_error_message(), fuzz_path)) abort();
}

static int fuzz_image(const uint8_t *data, size_t n_bytes) {
  int fd = fuzz_open_file();
  if (ftruncate(fd, 0) != 0 || pwrite(fd, data, n_bytes, 0) != (ssize_t)n_bytes) abort();
  vc_arena *arena;
  struct vc_image_info info;
  if (vc_arena_create(&arena) != VC_OK) return 0;
  vc_status status = vc_image_info_read(fuzz_path, &info);
  fuzz_check(status);
  // Pages beyond the first few are no different; nor are very large ones, but slow.
  for (uint32_t page = 0;
       status == VC_OK && page < VC_MIN(info.pages, 4) && (uint64_t)info.width * info.height < 1 << 18; page++) {
    struct vc_image image;
    uint32_t width, height, *labels;
    vc_status image_status = vc_image_read(arena, fuzz_path, page, page == 1 ? 1 : 0, &image);
    fuzz_check(image_status);
    if (image_status == VC_OK) { // every pixel is there
      size_t n = (size_t)image.width * image.height * image.channels * vc_pixel_bytes(image.format);
      volatile uint8_t sum = 0;
      for (size_t i = 0; i < n; i++) sum = (uint8_t)(sum + ((const uint8_t *)image.pixels)[i]);
    }
    vc_image_rows *rows;
    vc_status rows_status = image_rows_open(arena, fuzz_path, page, page == 1 ? 1 : 0, 0, 1, &rows);
    fuzz_check(rows_status);
    for (uint32_t y = 0; rows_status == VC_OK && y < vc_image_rows_info(rows)->height; y += 3) {
      const void *pixels;
      rows_status = vc_image_rows_get(rows, y, VC_MIN(3, vc_image_rows_info(rows)->height - y), &pixels);
      fuzz_check(rows_status);
    }
    fuzz_check(vc_mask_read(arena, fuzz_path, page, (int)page - 1, &width, &height, &labels));
  }
  vc_arena_destroy(arena);
  return 0;
}

#endif
