// Any words are reflected or refused with a message, and what is reflected keeps its bounds.
#include <string.h>

#include "gpu/spirv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { MAX_WORDS = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  static uint32_t words[MAX_WORDS];
  static const uint32_t spec[2] = {7, 0xffffffff};
  size_t n = VC_MIN(n_bytes / 4, (size_t)MAX_WORDS);
  struct vc_kernel_info info;
  memcpy(words, data, n * 4);
  if (n > 0) words[0] = 0x07230203; // the magic number teaches nothing
  vc_status status = gpu_spirv_reflect("fuzz", words, n, spec, n_bytes % 3, &info);
  if (status != VC_OK) {
    VC_ASSERT(status == VC_E_FORMAT && strncmp(vc_error_message(), "shader fuzz: ", 13) == 0);
    return 0;
  }
  VC_ASSERT(info.n_bindings <= VC_MAX_BINDINGS && info.n_spec <= VC_MAX_SPEC);
  VC_ASSERT(info.push_bytes + (info.by_address ? 8 * info.n_bindings : 0) <= VC_MAX_PUSH_BYTES);
  VC_ASSERT(info.local_size[0] && info.local_size[1] && info.local_size[2]);
  for (uint32_t i = 0; i < info.n_bindings; i++)
    VC_ASSERT(info.access[i] >= VC_READ && info.access[i] <= VC_READ_WRITE);
  return 0;
}
