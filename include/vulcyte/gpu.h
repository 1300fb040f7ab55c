// vulcyte/gpu.h: devices, memory, kernels and command lists over Vulkan. Knows no tensor.
//
// One vc_gpu is used by one thread. A lost device shows as VC_E_DEVICE_LOST from submit, wait, upload or download;
// after that only destruction is defined.
#ifndef VULCYTE_GPU_H
#define VULCYTE_GPU_H

#include "base.h"
#include "caps.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_gpu vc_gpu;
typedef struct vc_buffer vc_buffer;
typedef struct vc_kernel vc_kernel;
typedef struct vc_cmd vc_cmd;

// ---- devices --------------------------------------------------------------------------------------------------

struct vc_device_info {
  char name[256], driver[256]; // driver: name and version as the driver words them
  uint8_t uuid[16];            // of the device
  uint32_t vendor_id, device_id, driver_version;
  struct vc_caps caps;
  bool usable;      // Vulkan 1.2 with a compute queue and timeline semaphores
  bool is_default;  // what "auto" opens
  char reason[160]; // why it is the default, or why it cannot be used
};
// All devices, duplicates (the same UUID and driver through several loaders) removed, in the order of preference
// discrete, integrated, CPU, more memory first; the index in this list is the device's number. No loader or no device:
// VC_E_NO_DEVICE.
vc_status vc_gpu_list(vc_arena *arena, struct vc_device_info **out_devices, size_t *out_n);
// Opens "auto" (or NULL), an index, a UUID (hex) or a case-insensitive part of a name. Ambiguous or unknown:
// VC_E_NO_DEVICE with the list in the message. Validation layers with synchronisation validation are on when
// VULCYTE_VALIDATION=1 is set; each message then goes to vc_log as a warning and counts in
// vc_gpu_validation_messages(). On lavapipe LP_NATIVE_VECTOR_WIDTH=512 is set before the instance is made if the CPU
// has AVX-512 and it is unset.
vc_status vc_gpu_open(vc_arena *arena, const char *selector, vc_gpu **out);
const struct vc_caps *vc_gpu_caps(const vc_gpu *gpu);
const struct vc_device_info *vc_gpu_info(const vc_gpu *gpu);
uint64_t vc_gpu_validation_messages(const vc_gpu *gpu);
// Bytes of device memory this process has allocated through gpu now, and free on the device (0 if it cannot tell).
void vc_gpu_memory(const vc_gpu *gpu, uint64_t *out_allocated, uint64_t *out_free);
// Bytes that work memory may take: four fifths of what is free, half of the heap where the device cannot tell.
uint64_t vc_gpu_budget(const vc_gpu *gpu);

// ---- memory ---------------------------------------------------------------------------------------------------

enum vc_memory {
  VC_MEM_DEVICE,   // fastest for kernels
  VC_MEM_UPLOAD,   // the host writes, kernels or copies read; mapped
  VC_MEM_READBACK, // copies write, the host reads; mapped, cached
};
// A buffer usable for storage, copies and (where there is) addresses. Owned by the arena. label is copied.
vc_status vc_buffer_create(vc_arena *arena, vc_gpu *gpu, uint64_t n_bytes, enum vc_memory memory, const char *label,
                           vc_buffer **out);
uint64_t vc_buffer_bytes(const vc_buffer *buffer);
void *vc_buffer_host(vc_buffer *buffer); // NULL for VC_MEM_DEVICE
// After host writes / before host reads; honours non-coherent memory.
vc_status vc_buffer_flush(vc_buffer *buffer, uint64_t offset, uint64_t n_bytes);
vc_status vc_buffer_invalidate(vc_buffer *buffer, uint64_t offset, uint64_t n_bytes);
// Blocking copies through staging, after all submitted work. Offsets and sizes may be any bytes.
vc_status vc_gpu_upload(vc_gpu *gpu, vc_buffer *buffer, uint64_t offset, const void *data, uint64_t n_bytes);
vc_status vc_gpu_download(vc_gpu *gpu, vc_buffer *buffer, uint64_t offset, void *out_data, uint64_t n_bytes);
vc_status vc_gpu_clear(vc_gpu *gpu, vc_buffer *buffer, uint64_t offset, uint64_t n_bytes); // zero; multiples of 4

// ---- kernels --------------------------------------------------------------------------------------------------

enum { VC_MAX_BINDINGS = 12, VC_MAX_SPEC = 16, VC_MAX_PUSH_BYTES = 128 };
enum vc_access { VC_READ = 1, VC_WRITE = 2, VC_READ_WRITE = 3 };

// What a shader says of itself (reflected from its SPIR-V; needs no device).
struct vc_kernel_info {
  const char *name;
  uint32_t n_bindings;
  uint8_t access[VC_MAX_BINDINGS]; // enum vc_access of binding i: readonly → VC_READ, writeonly → VC_WRITE
  bool by_address;                 // bindings are the leading buffer_reference members of the push block, in order
  uint32_t push_bytes;             // of the parameters, behind the addresses if there are any
  uint32_t n_spec;                 // highest constant_id + 1
  uint32_t local_size[3];          // with default specialisation
  uint32_t shared_bytes;
  uint32_t capabilities; // VC_NEEDS_* bits
};
enum vc_needs {
  VC_NEEDS_ADDRESS = 1,
  VC_NEEDS_FP16 = 2,
  VC_NEEDS_FP16_STORAGE = 4,
  VC_NEEDS_INT64 = 8,
  VC_NEEDS_INT8 = 16,
  VC_NEEDS_INT16 = 32,
  VC_NEEDS_SHUFFLE = 64,
  VC_NEEDS_ARITHMETIC = 128,
  VC_NEEDS_COOP_MATRIX = 256,
  VC_NEEDS_BALLOT = 512,
  VC_NEEDS_COOP_MATRIX2 = 1024,
};
vc_status vc_shader_info(const char *name,
                         const struct vc_kernel_info **out); // VC_E_INTERNAL if there is none of that name
size_t vc_shader_count(void);
const char *vc_shader_name(size_t index);
uint64_t vc_shader_hash(void); // of all embedded shaders: another build's kernels have another
// The pipeline of an embedded shader with constant_id i = spec[i]; made once per (name, spec) and kept by gpu. Kernels
// whose info needs what caps lack: VC_E_UNSUPPORTED. required_subgroup 0: the driver's choice; else that size and full
// subgroups.
vc_status vc_kernel_get(vc_gpu *gpu, const char *name, const uint32_t *spec, uint32_t n_spec,
                        uint32_t required_subgroup, vc_kernel **out);
// Makes kernels ready that vc_kernel_get will be asked for, with all processors: their pipelines, and their machine
// code where the driver (llvmpipe) leaves that to the first dispatch. One that cannot be made fails in vc_kernel_get.
struct vc_kernel_want {
  const char *name;
  const uint32_t *spec;
  uint32_t n_spec, required_subgroup;
};
void vc_gpu_prepare(vc_gpu *gpu, const struct vc_kernel_want *wants, size_t n);
// As vc_shader_info tells, but local_size and shared_bytes as specialised.
const struct vc_kernel_info *vc_kernel_info_of(const vc_kernel *kernel);

// ---- command lists --------------------------------------------------------------------------------------------

struct vc_binding {
  vc_buffer *buffer;
  uint64_t offset, n_bytes; // offset a multiple of caps.buffer_align
};
// A command list, recorded once and submitted any number of times, also while an earlier submission of it still runs.
vc_status vc_cmd_create(vc_arena *arena, vc_gpu *gpu, vc_cmd **out); // begins recording
// push: the parameters without addresses, info.push_bytes of them.
vc_status vc_cmd_dispatch(vc_cmd *cmd, vc_kernel *kernel, const struct vc_binding *bindings, uint32_t n_bindings,
                          const void *push, uint32_t push_bytes, const uint32_t groups[3]);
void vc_cmd_barrier(vc_cmd *cmd); // all earlier kernel and copy accesses before all later ones
vc_status vc_cmd_copy(vc_cmd *cmd, vc_buffer *src, uint64_t src_offset, vc_buffer *dst, uint64_t dst_offset,
                      uint64_t n_bytes);
void vc_cmd_fill_zero(vc_cmd *cmd, vc_buffer *dst, uint64_t offset, uint64_t n_bytes);
void vc_cmd_label(vc_cmd *cmd, const char *name); // names the commands up to the next label, for debuggers
// Timestamps: marks a point; after the list has run, vc_cmd_times gives the nanoseconds of each mark since the first.
vc_status vc_cmd_mark(vc_cmd *cmd);
vc_status vc_cmd_times(vc_cmd *cmd, double *out_ns, uint32_t n_marks);
vc_status vc_cmd_finish(vc_cmd *cmd); // ends recording

// Submits the lists in order as one batch, after everything submitted before. *out_ticket grows with each submission.
vc_status vc_gpu_submit(vc_gpu *gpu, vc_cmd *const *cmds, uint32_t n_cmds, uint64_t *out_ticket);
// Blocks until that submission and all before have ended. VC_E_DEVICE_LOST after a long silence of the device too.
vc_status vc_gpu_wait(vc_gpu *gpu, uint64_t ticket);
bool vc_gpu_done(vc_gpu *gpu, uint64_t ticket); // does not block; true on a lost device too

#ifdef __cplusplus
}
#endif
#endif
