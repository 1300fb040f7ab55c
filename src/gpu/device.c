// Listing, choosing, opening and closing devices.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gpu/gpu_private.h"

// ---- the list -------------------------------------------------------------------------------------------------

struct candidate {
  VkPhysicalDevice physical;
  struct gpu_extensions extensions;
  enum vc_device_type real_type;
  uint64_t real_heap_bytes;
  uint32_t native_subgroup_size;
  struct vc_device_info info;
};

static int rank_of(const struct candidate *c) {
  // A virtual device may stand for a real one, so it comes before the processor.
  static const int rank[] = {
      [VC_DEVICE_DISCRETE] = 0, [VC_DEVICE_INTEGRATED] = 1, [VC_DEVICE_OTHER] = 2, [VC_DEVICE_CPU] = 3};
  return rank[c->info.caps.type] + (c->info.usable ? 0 : 10);
}

// Within a rank more memory goes first: a larger card, and lavapipe before SwiftShader.
static bool goes_before(const struct candidate *a, const struct candidate *b) {
  if (rank_of(a) != rank_of(b)) return rank_of(a) < rank_of(b);
  return a->info.caps.heap_bytes > b->info.caps.heap_bytes;
}

static bool same_device(const struct vc_device_info *a, const struct vc_device_info *b) {
  static const uint8_t none[16];
  return memcmp(a->uuid, none, 16) != 0 && memcmp(a->uuid, b->uuid, 16) == 0 && strcmp(a->driver, b->driver) == 0 &&
         a->driver_version == b->driver_version && strcmp(a->name, b->name) == 0;
}

static vc_status query_candidate(const struct gpu_instance *instance, VkPhysicalDevice physical, const vc_json *mask,
                                 struct candidate *out) {
  *out = (struct candidate){.physical = physical};
  VC_TRY(gpu_caps_query(instance, physical, &out->info, &out->extensions));
  out->real_type = out->info.caps.type;
  out->real_heap_bytes = out->info.caps.heap_bytes;
  out->native_subgroup_size = out->info.caps.subgroup_size;
  if (!mask || !out->info.usable) return VC_OK;
  VC_TRY_CTX(gpu_caps_mask(&out->info.caps, mask), "%s", out->info.name);
  if (out->info.caps.api_version < VK_API_VERSION_1_2) {
    out->info.usable = false;
    snprintf(out->info.reason, sizeof out->info.reason, "needs Vulkan 1.2, VULCYTE_CAPS leaves less");
  }
  return VC_OK;
}

static void mark_default(struct candidate *list, size_t n) {
  static const char *const why[] = {
      [VC_DEVICE_DISCRETE] = "the first discrete GPU",
      [VC_DEVICE_INTEGRATED] = "no discrete GPU: the first integrated one",
      [VC_DEVICE_CPU] = "no GPU found: the processor",
      [VC_DEVICE_OTHER] = "no discrete or integrated GPU: the first other device",
  };
  if (n == 0 || !list[0].info.usable) return;
  list[0].info.is_default = true;
  snprintf(list[0].info.reason, sizeof list[0].info.reason, "%s", why[list[0].info.caps.type]);
}

// All devices of an instance in the order of preference, without duplicates, capabilities masked.
static vc_status list_candidates(vc_arena *arena, const struct gpu_instance *instance, struct candidate **out,
                                 size_t *out_n) {
  VkPhysicalDevice physical[64];
  uint32_t n_physical = VC_COUNT_OF(physical);
  struct candidate *list, found;
  vc_json *mask;
  size_t n = 0;
  VC_TRY(gpu_caps_environment(arena, &mask));
  gpu_loader_lock();
  VkResult result = vkEnumeratePhysicalDevices(instance->handle, &n_physical, physical);
  gpu_loader_unlock();
  if ((result != VK_SUCCESS && result != VK_INCOMPLETE) || n_physical == 0) {
    return VC_FAIL(VC_E_NO_DEVICE,
                   "vulkan: no device found; install a driver, for example the package mesa-vulkan-drivers");
  }
  VC_TRY(VC_NEW(arena, n_physical, &list));
  for (uint32_t i = 0; i < n_physical; i++) {
    VC_TRY(query_candidate(instance, physical[i], mask, &found));
    bool known = false;
    for (size_t k = 0; k < n; k++) known |= same_device(&list[k].info, &found.info);
    if (known) continue;
    size_t at = n++;
    for (; at > 0 && goes_before(&found, &list[at - 1]); at--) list[at] = list[at - 1];
    list[at] = found;
  }
  mark_default(list, n);
  *out = list;
  *out_n = n;
  return VC_OK;
}

vc_status vc_gpu_list(vc_arena *arena, struct vc_device_info **out_devices, size_t *out_n) {
  struct gpu_instance instance;
  struct candidate *list = NULL;
  struct vc_device_info *devices = NULL;
  size_t n = 0;
  VC_TRY(gpu_instance_create(false, &instance));
  vc_status status = list_candidates(arena, &instance, &list, &n);
  if (status == VC_OK) status = VC_NEW(arena, n, &devices);
  for (size_t i = 0; status == VC_OK && i < n; i++) devices[i] = list[i].info;
  gpu_instance_destroy(&instance);
  if (status != VC_OK) return status;
  *out_devices = devices;
  *out_n = n;
  return VC_OK;
}

// ---- the choice -----------------------------------------------------------------------------------------------

static bool contains(const char *text, const char *part) {
  size_t n = strlen(part);
  for (; *text; text++) {
    size_t i = 0;
    while (i < n && text[i] && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i])) i++;
    if (i == n) return true;
  }
  return false;
}

// 32 hexadecimal digits, dashes anywhere.
static bool parse_uuid(const char *text, uint8_t out[16]) {
  size_t n = 0;
  for (; *text; text++) {
    if (*text == '-') continue;
    if (!isxdigit((unsigned char)*text) || n == 32) return false;
    int c = tolower((unsigned char)*text), digit = c <= '9' ? c - '0' : c - 'a' + 10;
    out[n / 2] = (uint8_t)(n % 2 ? out[n / 2] << 4 | digit : digit);
    n++;
  }
  return n == 32;
}

static bool is_number(const char *text) {
  return *text && strspn(text, "0123456789") == strlen(text);
}

static bool matches(const struct candidate *list, size_t i, const char *selector) {
  uint8_t uuid[16];
  if (parse_uuid(selector, uuid)) return memcmp(uuid, list[i].info.uuid, 16) == 0;
  if (is_number(selector)) return strlen(selector) < 6 && (size_t)atoi(selector) == i;
  if (contains(list[i].info.name, selector)) return true;
  // The processor's driver is known by a name that its device does not bear.
  return strcasecmp(selector, "lavapipe") == 0 && contains(list[i].info.driver, "llvmpipe");
}

static vc_status no_match(const struct candidate *list, size_t n, const char *selector, const char *what) {
  char text[1024] = "";
  for (size_t i = 0, used = 0; i < n && used < sizeof text; i++) {
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%zu (%s)", i ? ", " : "", i, list[i].info.name);
  }
  return VC_FAIL(VC_E_NO_DEVICE, "device \"%s\": %s; choose one of %s", selector, what, text);
}

static vc_status choose(const struct candidate *list, size_t n, const char *selector, size_t *out_index) {
  if (!selector || !*selector || strcasecmp(selector, "auto") == 0) {
    if (n == 0 || !list[0].info.usable) {
      return VC_FAIL(VC_E_NO_DEVICE, "no usable Vulkan device: %s: %s", n ? list[0].info.name : "",
                     n ? list[0].info.reason : "");
    }
    *out_index = 0;
    return VC_OK;
  }
  size_t found = n;
  for (size_t i = 0; i < n; i++) {
    if (!matches(list, i, selector)) continue;
    // One GPU under two drivers is no ambiguity: the first is preferred.
    bool same_gpu = found < n && memcmp(list[found].info.uuid, list[i].info.uuid, 16) == 0;
    if (found < n && !same_gpu) return no_match(list, n, selector, "fits more than one device");
    if (found == n) found = i;
  }
  if (found == n) return no_match(list, n, selector, "no such device");
  if (!list[found].info.usable) {
    return VC_FAIL(VC_E_NO_DEVICE, "device \"%s\": %s %s", selector, list[found].info.name, list[found].info.reason);
  }
  *out_index = found;
  return VC_OK;
}

// ---- opening --------------------------------------------------------------------------------------------------

// Features are enabled as the masked capabilities say, so that validation notices a kernel that uses more.
static vc_status create_device(vc_gpu *gpu) {
  const struct vc_caps *caps = &gpu->info.caps;
  VkPhysicalDeviceVulkan12Features have12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  VkPhysicalDeviceFeatures2 have = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &have12};
  vkGetPhysicalDeviceFeatures2(gpu->physical, &have);
  struct gpu_matrix_features matrices;
  VkPhysicalDeviceSubgroupSizeControlFeatures subgroup = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
      .subgroupSizeControl = VK_TRUE,
      .computeFullSubgroups = VK_TRUE};
  VkPhysicalDeviceVulkan12Features f12 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
      .timelineSemaphore = VK_TRUE,
      .bufferDeviceAddress = caps->buffer_address,
      .shaderFloat16 = caps->fp16,
      .shaderInt8 = caps->int8,
      .storageBuffer8BitAccess = caps->int8,
      .shaderSubgroupExtendedTypes = have12.shaderSubgroupExtendedTypes,
      .vulkanMemoryModel = caps->coop_matrix,
      .vulkanMemoryModelDeviceScope = caps->coop_matrix && have12.vulkanMemoryModelDeviceScope,
  };
  VkPhysicalDeviceVulkan11Features f11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
                                          .pNext = &f12,
                                          .storageBuffer16BitAccess = caps->fp16_storage};
  VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                        .pNext = &f11,
                                        .features = {.shaderInt64 = caps->int64, .shaderInt16 = caps->int16}};
  const char *extensions[3 + GPU_MATRIX_EXTENSIONS];
  uint32_t n = 0;
  if (gpu->extensions.portability_subset) extensions[n++] = "VK_KHR_portability_subset";
  if (gpu->extensions.memory_budget) extensions[n++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
  if (caps->subgroup_size_control) {
    subgroup.pNext = f12.pNext;
    f12.pNext = &subgroup;
    if (caps->api_version < VK_API_VERSION_1_3) extensions[n++] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
  }
  f12.pNext = gpu_matrix_request(caps, f12.pNext, extensions, &n, &matrices);
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                   .queueFamilyIndex = gpu->queue_family,
                                   .queueCount = 1,
                                   .pQueuePriorities = &priority};
  VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                             .pNext = &features,
                             .queueCreateInfoCount = 1,
                             .pQueueCreateInfos = &queue,
                             .enabledExtensionCount = n,
                             .ppEnabledExtensionNames = extensions};
  gpu_loader_lock();
  VkResult result = vkCreateDevice(gpu->physical, &info, NULL, &gpu->device);
  gpu_loader_unlock();
  if (result != VK_SUCCESS) {
    gpu->device = VK_NULL_HANDLE;
    return VC_FAIL(VC_E_NO_DEVICE, "%s: the driver refuses to open it (VkResult %d)", gpu->info.name, (int)result);
  }
  volkLoadDeviceTable(&gpu->vk, gpu->device);
  gpu->vk.vkGetDeviceQueue(gpu->device, gpu->queue_family, 0, &gpu->queue);
  return VC_OK;
}

static vc_status create_stream(vc_gpu *gpu) {
  VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                    .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  VkSemaphoreCreateInfo semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
  VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                  .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                  .queueFamilyIndex = gpu->queue_family};
  VC_TRY(gpu_check(gpu, gpu->vk.vkCreateSemaphore(gpu->device, &semaphore, NULL, &gpu->timeline), "semaphore"));
  VC_TRY(gpu_check(gpu, gpu->vk.vkCreateCommandPool(gpu->device, &pool, NULL, &gpu->transfer_pool), "command pool"));
  VkCommandBufferAllocateInfo buffer = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = gpu->transfer_pool,
                                        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = 1};
  return gpu_check(gpu, gpu->vk.vkAllocateCommandBuffers(gpu->device, &buffer, &gpu->transfer_commands),
                   "command buffer");
}

static void gpu_destroy(void *object) {
  vc_gpu *gpu = object;
  if (gpu->device && !gpu->stuck) {
    gpu_drain(gpu);
    gpu_kernels_destroy(gpu);
    vc_arena_destroy(gpu->arena); // staging buffers
    gpu_cache_close(gpu);
    gpu->vk.vkDestroyCommandPool(gpu->device, gpu->transfer_pool, NULL);
    gpu->vk.vkDestroySemaphore(gpu->device, gpu->timeline, NULL);
    gpu_loader_lock();
    gpu->vk.vkDestroyDevice(gpu->device, NULL);
    gpu_loader_unlock();
    gpu_instance_destroy(&gpu->instance);
  } else if (!gpu->stuck) {
    vc_arena_destroy(gpu->arena);
    gpu_instance_destroy(&gpu->instance);
  }
  free(gpu->batch);
}

static vc_status open_chosen(vc_arena *arena, vc_gpu *gpu, const char *selector) {
  struct candidate *list;
  size_t n, index = 0;
  VC_TRY(list_candidates(arena, &gpu->instance, &list, &n));
  VC_TRY(choose(list, n, selector, &index));
  const struct candidate *chosen = &list[index];
  gpu->physical = chosen->physical;
  gpu->extensions = chosen->extensions;
  gpu->real_type = chosen->real_type;
  gpu->real_heap_bytes = chosen->real_heap_bytes;
  gpu->native_subgroup_size = chosen->native_subgroup_size;
  gpu->is_llvmpipe = strncmp(chosen->info.driver, "llvmpipe", 8) == 0;
  gpu->info = chosen->info;
  gpu_queue_family(gpu->physical, &gpu->queue_family, &gpu->timestamp_bits);
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(gpu->physical, &properties);
  gpu->timestamp_ns = properties.limits.timestampPeriod;
  gpu->atom_bytes = properties.limits.nonCoherentAtomSize;
  vkGetPhysicalDeviceMemoryProperties(gpu->physical, &gpu->memory);
  VC_TRY(create_device(gpu));
  VC_TRY(create_stream(gpu));
  gpu_cache_open(gpu);
  return VC_OK;
}

vc_status vc_gpu_open(vc_arena *arena, const char *selector, vc_gpu **out) {
  vc_gpu *gpu;
  vc_arena *own, *scratch;
  VC_TRY(VC_NEW(arena, 1, &gpu));
  VC_TRY(vc_arena_create(&own));
  gpu->arena = own;
  VC_TRY(vc_arena_defer(arena, gpu_destroy, gpu));
  VC_TRY(gpu_instance_create(gpu_validation_wanted(), &gpu->instance));
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = open_chosen(scratch, gpu, selector);
  vc_arena_destroy(scratch);
  if (status == VC_OK) *out = gpu;
  return status;
}

// ---- asking and failing ---------------------------------------------------------------------------------------

const struct vc_caps *vc_gpu_caps(const vc_gpu *gpu) {
  return &gpu->info.caps;
}
const struct vc_device_info *vc_gpu_info(const vc_gpu *gpu) {
  return &gpu->info;
}
uint64_t vc_gpu_validation_messages(const vc_gpu *gpu) {
  return atomic_load(&gpu->instance.n_messages);
}

vc_status gpu_lost(vc_gpu *gpu) {
  return VC_FAIL(VC_E_DEVICE_LOST,
                 "%s: the device was lost; resume from the last checkpoint, and look at the system's log",
                 gpu->info.name);
}

vc_status gpu_check(vc_gpu *gpu, VkResult result, const char *what) {
  switch (result) {
  case VK_SUCCESS: return VC_OK;
  case VK_ERROR_OUT_OF_HOST_MEMORY: return VC_FAIL(VC_E_NOMEM, "%s: %s: out of host memory", gpu->info.name, what);
  case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    return VC_FAIL(VC_E_NOMEM, "%s: %s: out of device memory (%llu bytes allocated)", gpu->info.name, what,
                   (unsigned long long)gpu->allocated_bytes);
  case VK_ERROR_DEVICE_LOST: gpu->lost = true; return gpu_lost(gpu);
  default: return VC_FAIL(VC_E_INTERNAL, "%s: %s: VkResult %d", gpu->info.name, what, (int)result);
  }
}

void gpu_name_object(vc_gpu *gpu, VkObjectType type, uint64_t handle, const char *name) {
  if (!gpu->instance.debug_utils) return;
  PFN_vkSetDebugUtilsObjectNameEXT set_name =
      (PFN_vkSetDebugUtilsObjectNameEXT)vkGetInstanceProcAddr(gpu->instance.handle, "vkSetDebugUtilsObjectNameEXT");
  VkDebugUtilsObjectNameInfoEXT info = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                                        .objectType = type,
                                        .objectHandle = handle,
                                        .pObjectName = name};
  if (!set_name) return;
  gpu_loader_lock();
  set_name(gpu->device, &info);
  gpu_loader_unlock();
}
