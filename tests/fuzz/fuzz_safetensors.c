// Any bytes are read as a model file or refused; every tensor that is read lies in the file.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vulcyte/train.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static const char *fuzz_path(void) {
  static char path[64];
  if (!path[0]) snprintf(path, sizeof path, "/tmp/vulcyte-fuzz-%ld.safetensors", (long)getpid());
  return path;
}

static void remove_file(void) {
  unlink(fuzz_path());
}

static void put_file(const uint8_t *data, size_t n_bytes) {
  static bool is_registered;
  if (!is_registered) VC_ASSERT(atexit(remove_file) == 0);
  is_registered = true;
  FILE *file = fopen(fuzz_path(), "wb");
  VC_ASSERT(file && fwrite(data, 1, n_bytes, file) == n_bytes && fclose(file) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  vc_arena *arena;
  struct vc_safetensors s;
  put_file(data, n_bytes);
  VC_ASSERT(vc_arena_create(&arena) == VC_OK);
  vc_status status = vc_safetensors_read(arena, fuzz_path(), &s);
  if (status == VC_OK) {
    uint64_t n_read = 0, sum = 0;
    for (uint32_t i = 0; i < s.n_tensors; i++) {
      const uint8_t *bytes = s.tensors[i].data;
      n_read += s.tensors[i].n_bytes;
      for (uint64_t k = 0; k < s.tensors[i].n_bytes; k++) sum += bytes[k]; // a sanitizer sees a read outside
    }
    VC_ASSERT(n_read <= n_bytes && sum <= 255 * n_read);
  } else {
    VC_ASSERT(status == VC_E_FORMAT || status == VC_E_NOMEM);
  }
  struct vc_model_info info;
  vc_model *model;
  float *block;
  status = vc_checkpoint_read(arena, fuzz_path(), &info, &model, &block);
  VC_ASSERT(status == VC_OK || strstr(vc_error_message(), fuzz_path()));
  vc_arena_destroy(arena);
  return 0;
}
