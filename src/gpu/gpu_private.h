// What the files of this room share. Device functions are called through gpu->vk, instance functions through volk's
// globals.
#ifndef VC_GPU_PRIVATE_H
#define VC_GPU_PRIVATE_H

#include <stdatomic.h>
#include <volk.h>

#include "gpu/spirv.h"
#include "vulcyte/gpu.h"

// ---- instance.c, validation.c ---------------------------------------------------------------------------------

struct gpu_instance {
  VkInstance handle;
  uint32_t api_version; // what the instance was made for
  bool debug_utils;
  VkDebugUtilsMessengerEXT messenger;
  atomic_uint_fast64_t n_messages; // from validation
};
// Loads the Vulkan loader and makes an instance in *out, which must not move until it is destroyed.
vc_status gpu_instance_create(bool validation, struct gpu_instance *out);
void gpu_instance_destroy(struct gpu_instance *instance);
// Around naming an object, and around what changes the loader's lists of drivers and devices (making, destroying and
// listing them): to name an object the loader walks the lists of all instances, without a guard of its own.
void gpu_loader_lock(void);
void gpu_loader_unlock(void);

bool gpu_validation_wanted(void); // VULCYTE_VALIDATION=1
// The layer's name, or NULL with a warning logged if it is not installed.
const char *gpu_validation_layer(void);
// Fills what instance creation and the messenger take; messages count in instance->n_messages.
void gpu_validation_describe(struct gpu_instance *instance, VkDebugUtilsMessengerCreateInfoEXT *out);

// ---- caps.c, caps_mask.c --------------------------------------------------------------------------------------

// Extensions that are used where a device has them.
struct gpu_extensions {
  bool subgroup_size_control, coop_matrix, coop_matrix2, memory_budget, portability_subset;
};
// What a physical device is; caps are unmasked. info->usable and info->reason are set.
vc_status gpu_caps_query(const struct gpu_instance *instance, VkPhysicalDevice physical, struct vc_device_info *info,
                         struct gpu_extensions *out_extensions);
// The first queue family with compute; false if there is none.
bool gpu_queue_family(VkPhysicalDevice physical, uint32_t *out_family, uint32_t *out_timestamp_bits);
// Narrows caps by a parsed mask. VC_E_CONFIG names the bad key.
vc_status gpu_caps_mask(struct vc_caps *caps, const vc_json *mask);
// The mask of the environment variable VULCYTE_CAPS; NULL if it is unset.
vc_status gpu_caps_environment(vc_arena *arena, vc_json **out_mask);

// ---- caps_matrix.c --------------------------------------------------------------------------------------------

// Fills what caps say of matrices, for a device with VK_KHR_cooperative_matrix.
void gpu_caps_matrices(VkInstance instance, VkPhysicalDevice physical, const struct gpu_extensions *ext,
                       struct vc_caps *caps);
// What a device is asked for that is to have the matrices of caps: chains structures, which live in *out, before next,
// and appends the extensions' names. Returns the chain's new head.
struct gpu_matrix_features {
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR khr;
#ifdef VK_NV_cooperative_matrix2
  VkPhysicalDeviceCooperativeMatrix2FeaturesNV nv2;
#endif
};
enum { GPU_MATRIX_EXTENSIONS = 2 }; // names at most
void *gpu_matrix_request(const struct vc_caps *caps, void *next, const char **extensions, uint32_t *inout_n,
                         struct gpu_matrix_features *out);

// ---- device.c -------------------------------------------------------------------------------------------------

struct vc_gpu {
  vc_arena *arena; // of what lives as long as the device; its own
  struct gpu_instance instance;
  struct gpu_extensions extensions;
  struct vc_device_info info;
  enum vc_device_type real_type; // before masking
  uint64_t real_heap_bytes;
  uint32_t native_subgroup_size;
  VkPhysicalDevice physical;
  VkDevice device;
  struct VolkDeviceTable vk;
  VkQueue queue;
  uint32_t queue_family, timestamp_bits;
  double timestamp_ns;
  bool is_llvmpipe;
  bool lost;  // the device is gone
  bool stuck; // lost, and its work may still run: nothing that it uses may be freed

  VkPhysicalDeviceMemoryProperties memory;
  uint64_t atom_bytes;
  uint64_t allocated_bytes, allocated_device_bytes; // all, and of VC_MEM_DEVICE

  VkPipelineCache cache;
  uint64_t cache_hash; // of the data loaded from disk
  struct vc_kernel *kernels;

  VkSemaphore timeline;
  uint64_t submitted, completed; // tickets
  VkCommandBuffer *batch;
  uint32_t batch_capacity;

  VkCommandPool transfer_pool;
  VkCommandBuffer transfer_commands;
  vc_buffer *staging_up, *staging_down; // made at first use
};

// VC_OK, or the failure that a result stands for: "what: RESULT".
vc_status gpu_check(vc_gpu *gpu, VkResult result, const char *what);
vc_status gpu_lost(vc_gpu *gpu);
// Names an object for debuggers and validation messages.
void gpu_name_object(vc_gpu *gpu, VkObjectType type, uint64_t handle, const char *name);

// ---- cache.c --------------------------------------------------------------------------------------------------

// The pipeline cache of this device and driver: read from disk if it is sound, written back if it changed. Neither
// fails.
void gpu_cache_open(vc_gpu *gpu);
void gpu_cache_close(vc_gpu *gpu);

// ---- memory.c -------------------------------------------------------------------------------------------------

struct vc_buffer {
  vc_gpu *gpu;
  VkBuffer handle;
  VkDeviceMemory device_memory;
  VkDeviceAddress address; // 0 where there are none
  uint64_t n_bytes, allocated_bytes;
  enum vc_memory memory;
  bool coherent;
  void *host;
};

// ---- kernel.c -------------------------------------------------------------------------------------------------

struct vc_kernel {
  struct vc_kernel *next;
  struct vc_kernel_info info; // as specialised
  uint32_t spec[VC_MAX_SPEC], n_spec, required_subgroup;
  uint32_t n_addresses; // of a kernel with bindings: those of binding[i] lead the push block too
  uint8_t binding[GPU_MAX_ADDRESSES];
  VkDescriptorSetLayout set_layout; // none if by address
  VkPipelineLayout layout;
  VkPipeline pipeline;
};
void gpu_kernels_destroy(vc_gpu *gpu);
vc_kernel *gpu_kernel_find(const vc_gpu *gpu, const struct vc_kernel_want *want); // NULL: not made yet
// Fills *out; on failure nothing is left to release. May run on several threads at once.
vc_status gpu_kernel_make(vc_gpu *gpu, const struct vc_kernel_want *want, vc_kernel *out);
void gpu_kernel_keep(vc_gpu *gpu, vc_kernel *kernel); // takes it, until the device is closed

// ---- stream.c, submit.c ---------------------------------------------------------------------------------------

enum { GPU_QUERIES_PER_POOL = 256, GPU_SETS_PER_POOL = 64 };

struct gpu_set_pool {
  struct gpu_set_pool *next;
  VkDescriptorPool handle;
  uint32_t n_sets, n_descriptors; // still free
};
struct gpu_query_pool {
  struct gpu_query_pool *next;
  VkQueryPool handle;
};
struct vc_cmd {
  vc_gpu *gpu;
  vc_arena *arena; // borrowed
  VkCommandPool pool;
  VkCommandBuffer commands;
  struct gpu_set_pool *set_pools;                       // newest first
  struct gpu_query_pool *query_pools, *last_query_pool; // oldest first
  uint32_t n_marks;
  bool finished, labelled;
  uint64_t last_ticket; // 0: never submitted
};

// Records "everything before, kernels, copies and the host's view of them, ahead of everything after".
void gpu_record_barrier(vc_gpu *gpu, VkCommandBuffer commands, bool to_host);
vc_status gpu_submit_commands(vc_gpu *gpu, const VkCommandBuffer *commands, uint32_t n_commands, uint64_t *out_ticket);
// Waits for all submitted work, for a destructor: no failure, no message.
void gpu_drain(vc_gpu *gpu);

#endif
