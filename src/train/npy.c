#include "train/npy.h"

#include <stdio.h>
#include <string.h>

// Magic, length, a Python dict padded to a multiple of 64 bytes; the values follow.
size_t vc_npy_head(const uint32_t *shape, uint32_t n_dims, char out[VC_NPY_HEAD_BYTES]) {
  char dict[160];
  VC_ASSERT(n_dims <= 4);
  int n = snprintf(dict, sizeof dict, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
  for (uint32_t i = 0; i < n_dims; i++)
    n += snprintf(dict + n, sizeof dict - (size_t)n, "%u%s", shape[i], i + 1 < n_dims ? ", " : "), }");
  const size_t n_bytes = (size_t)vc_round_up(10 + (uint64_t)n + 1, 64);
  memset(out, ' ', n_bytes);
  static const char magic[8] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0};
  memcpy(out, magic, sizeof magic);
  out[8] = (char)((n_bytes - 10) & 255);
  out[9] = (char)((n_bytes - 10) >> 8);
  memcpy(out + 10, dict, (size_t)n);
  out[n_bytes - 1] = '\n';
  return n_bytes;
}
