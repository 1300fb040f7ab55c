// vulcyte/caps.h: what a device can do, as plain data: filled by gpu, read by everything that chooses kernels.
#ifndef VULCYTE_CAPS_H
#define VULCYTE_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_MAX_COOP_SHAPES = 8, VC_MAX_COOP_GRAINS = 8 };
// Matrices that a subgroup multiplies at once: m x k by k x n.
struct vc_coop_shape {
  uint32_t m, n, k;
};
// Matrices that a workgroup of so many invocations multiplies at once: sides in whole multiples of m, n and k.
struct vc_coop_grain {
  uint32_t invocations, m, n, k;
};

enum vc_device_type { VC_DEVICE_DISCRETE, VC_DEVICE_INTEGRATED, VC_DEVICE_CPU, VC_DEVICE_OTHER };

// Capabilities that kernels and the planner depend on. Each field can be narrowed, never widened, by the JSON object in
// the environment variable VULCYTE_CAPS (its text, or @FILE), keyed by the field's name: {"max_shared_bytes": 32768}.
// type is given as "discrete", "integrated", "cpu" or "other" (any of them), api_version as "1.2", fields of three as a
// list. What the device has not got stays as it is, so a profile of another device can be given whole. A limit narrowed
// is kept: kernels and buffers beyond it are refused, features taken away are not enabled.
struct vc_caps {
  enum vc_device_type type;
  uint32_t api_version;   // VK_API_VERSION_*
  uint32_t subgroup_size; // the default; kernels are built for it, or for a required size where control is there
  uint32_t min_subgroup_size, max_subgroup_size;
  uint32_t max_workgroup_invocations;
  uint32_t max_workgroup_size[3];
  uint32_t max_workgroup_count[3];
  uint32_t max_shared_bytes; // of one workgroup
  uint32_t max_push_bytes;
  uint32_t max_stage_buffers; // storage buffers one kernel may bind
  uint32_t buffer_align;      // offset alignment of storage buffers, bytes
  uint64_t max_buffer_range;  // bytes one binding may cover
  uint64_t max_allocation_bytes;
  uint64_t heap_bytes;                                         // of the largest device-local heap
  bool subgroup_size_control;                                  // a required size and full subgroups can be asked for
  bool subgroup_shuffle, subgroup_arithmetic, subgroup_ballot; // in compute
  bool buffer_address;                                         // GL_EXT_buffer_reference kernels run
  bool fp16, fp16_storage, int8, int16, int64;                 // shader arithmetic types and 16-bit storage
  bool coop_matrix;       // VK_KHR_cooperative_matrix with fp16 inputs and fp32 sums
  uint32_t n_coop_shapes; // of those; they and the shapes are not narrowed
  struct vc_coop_shape coop_shapes[VC_MAX_COOP_SHAPES];
  bool coop_matrix2;              // VK_NV_cooperative_matrix2 with the same types, and kernels for it in this build
  uint32_t n_coop_grains;         // of those; they, the grains and the side are not narrowed
  uint32_t coop_matrix2_max_side; // rows or columns of a matrix
  struct vc_coop_grain coop_grains[VC_MAX_COOP_GRAINS];
};

#ifdef __cplusplus
}
#endif
#endif
