// The TIFF reader on damaged files. Seeds: corpus/tiff/, which support/make_images.py wrote.
#include "support/fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  return fuzz_image(data, n_bytes);
}
