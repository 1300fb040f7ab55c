// The compiled shaders that the build embeds into the library (cmake/kernels.cmake).
#ifndef VC_GPU_SHADER_BLOBS_H
#define VC_GPU_SHADER_BLOBS_H

#include <stddef.h>
#include <stdint.h>

// One SPIR-V module. `name` is the shader's file name without ".comp", or the name its row in shaders/variants.list
// gives.
struct vc_shader_blob {
  const char *name;
  const uint32_t *words;
  size_t n_words;
};

// Sorted by name (strcmp order), static, read-only; a last element of zeros follows the vc_n_shader_blobs ones.
extern const struct vc_shader_blob vc_shader_blobs[];
extern const size_t vc_n_shader_blobs;

#endif
