// What a physical device can do.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu_private.h"

struct device_query {
  VkPhysicalDeviceProperties2 base;
  VkPhysicalDeviceVulkan11Properties v11;
  VkPhysicalDeviceVulkan12Properties v12;
  VkPhysicalDeviceSubgroupSizeControlProperties subgroup;
  VkPhysicalDeviceMaintenance4Properties maintenance4;
  VkPhysicalDeviceFeatures2 features;
  VkPhysicalDeviceVulkan11Features f11;
  VkPhysicalDeviceVulkan12Features f12;
  VkPhysicalDeviceSubgroupSizeControlFeatures f_subgroup;
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR f_matrix;
};

static vc_status query_extensions(VkPhysicalDevice physical, struct gpu_extensions *out) {
  uint32_t n = 0;
  *out = (struct gpu_extensions){0};
  VkResult result = vkEnumerateDeviceExtensionProperties(physical, NULL, &n, NULL);
  if (result != VK_SUCCESS || n == 0) return VC_OK;
  VkExtensionProperties *list = calloc(n, sizeof *list);
  if (!list) return VC_FAIL(VC_E_NOMEM, "vulkan: a list of %u extensions: out of memory", n);
  vkEnumerateDeviceExtensionProperties(physical, NULL, &n, list);
  for (uint32_t i = 0; i < n; i++) {
    const char *name = list[i].extensionName;
    out->subgroup_size_control |= strcmp(name, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME) == 0;
    out->coop_matrix |= strcmp(name, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME) == 0;
    out->coop_matrix2 |= strcmp(name, "VK_NV_cooperative_matrix2") == 0;
    out->memory_budget |= strcmp(name, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME) == 0;
    out->portability_subset |= strcmp(name, "VK_KHR_portability_subset") == 0;
  }
  free(list);
  return VC_OK;
}

// Puts link at the head of the chain that starts behind *next.
static void chain(void **next, void *link) {
  ((VkBaseOutStructure *)link)->pNext = *next;
  *next = link;
}

static void query_device(VkPhysicalDevice physical, uint32_t api, const struct gpu_extensions *ext,
                         struct device_query *q) {
  bool subgroup = api >= VK_API_VERSION_1_3 || ext->subgroup_size_control;
  *q = (struct device_query){
      .base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
      .v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
      .v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES,
      .subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES,
      .maintenance4.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES,
      .features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
      .f11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
      .f12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
      .f_subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
      .f_matrix.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
  };
  chain(&q->base.pNext, &q->v11);
  chain(&q->base.pNext, &q->v12);
  chain(&q->features.pNext, &q->f11);
  chain(&q->features.pNext, &q->f12);
  if (subgroup) {
    chain(&q->base.pNext, &q->subgroup);
    chain(&q->features.pNext, &q->f_subgroup);
  }
  if (api >= VK_API_VERSION_1_3) chain(&q->base.pNext, &q->maintenance4);
  if (ext->coop_matrix) chain(&q->features.pNext, &q->f_matrix);
  vkGetPhysicalDeviceProperties2(physical, &q->base);
  vkGetPhysicalDeviceFeatures2(physical, &q->features);
}

bool gpu_queue_family(VkPhysicalDevice physical, uint32_t *out_family, uint32_t *out_timestamp_bits) {
  VkQueueFamilyProperties families[32];
  uint32_t n = VC_COUNT_OF(families);
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &n, families);
  for (uint32_t i = 0; i < n; i++) {
    if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)) continue;
    *out_family = i;
    *out_timestamp_bits = families[i].timestampValidBits;
    return true;
  }
  return false;
}

static void fill_limits(const struct device_query *q, struct vc_caps *caps) {
  const VkPhysicalDeviceLimits *limits = &q->base.properties.limits;
  caps->max_workgroup_invocations = limits->maxComputeWorkGroupInvocations;
  for (int i = 0; i < 3; i++) {
    caps->max_workgroup_size[i] = limits->maxComputeWorkGroupSize[i];
    caps->max_workgroup_count[i] = limits->maxComputeWorkGroupCount[i];
  }
  caps->max_shared_bytes = limits->maxComputeSharedMemorySize;
  caps->max_push_bytes = limits->maxPushConstantsSize;
  caps->max_stage_buffers = VC_MIN(limits->maxPerStageDescriptorStorageBuffers, limits->maxDescriptorSetStorageBuffers);
  caps->max_stage_buffers = VC_MIN(caps->max_stage_buffers, limits->maxPerStageResources);
  // Addresses are taken to be aligned to 16 bytes by default in shaders.
  caps->buffer_align = (uint32_t)VC_MAX(limits->minStorageBufferOffsetAlignment, 16);
  caps->max_buffer_range = limits->maxStorageBufferRange;
  caps->max_allocation_bytes = q->v11.maxMemoryAllocationSize;
  if (q->maintenance4.maxBufferSize) {
    caps->max_allocation_bytes = VC_MIN(caps->max_allocation_bytes, q->maintenance4.maxBufferSize);
  }
}

static void fill_features(const struct gpu_instance *instance, VkPhysicalDevice physical,
                          const struct gpu_extensions *ext, const struct device_query *q, struct vc_caps *caps) {
  bool in_compute = q->v11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT;
  VkSubgroupFeatureFlags ops = in_compute ? q->v11.subgroupSupportedOperations : 0;
  VkSubgroupFeatureFlags shuffle = VK_SUBGROUP_FEATURE_SHUFFLE_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT;
  VkSubgroupFeatureFlags ballot = VK_SUBGROUP_FEATURE_BALLOT_BIT | VK_SUBGROUP_FEATURE_VOTE_BIT;
  caps->subgroup_size = q->v11.subgroupSize;
  caps->subgroup_shuffle = (ops & shuffle) == shuffle;
  caps->subgroup_arithmetic = ops & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT;
  caps->subgroup_ballot = (ops & ballot) == ballot;
  caps->subgroup_size_control = q->f_subgroup.subgroupSizeControl && q->f_subgroup.computeFullSubgroups &&
                                (q->subgroup.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT);
  bool bounds = q->subgroup.minSubgroupSize && q->subgroup.maxSubgroupSize;
  caps->min_subgroup_size = bounds ? q->subgroup.minSubgroupSize : caps->subgroup_size;
  caps->max_subgroup_size = bounds ? q->subgroup.maxSubgroupSize : caps->subgroup_size;
  caps->buffer_address = q->f12.bufferDeviceAddress;
  caps->fp16 = q->f12.shaderFloat16;
  caps->fp16_storage = q->f11.storageBuffer16BitAccess;
  caps->int8 = q->f12.shaderInt8 && q->f12.storageBuffer8BitAccess;
  caps->int16 = q->features.features.shaderInt16;
  caps->int64 = q->features.features.shaderInt64;
  if (ext->coop_matrix && q->f_matrix.cooperativeMatrix && q->f12.vulkanMemoryModel && caps->fp16 && caps->fp16_storage)
    gpu_caps_matrices(instance->handle, physical, ext, caps);
}

static enum vc_device_type type_of(VkPhysicalDeviceType type) {
  switch (type) {
  case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return VC_DEVICE_DISCRETE;
  case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return VC_DEVICE_INTEGRATED;
  case VK_PHYSICAL_DEVICE_TYPE_CPU: return VC_DEVICE_CPU;
  default: return VC_DEVICE_OTHER;
  }
}

vc_status gpu_caps_query(const struct gpu_instance *instance, VkPhysicalDevice physical, struct vc_device_info *info,
                         struct gpu_extensions *out_extensions) {
  VkPhysicalDeviceProperties basic;
  struct device_query q;
  uint32_t family, bits;
  vkGetPhysicalDeviceProperties(physical, &basic);
  *info = (struct vc_device_info){
      .vendor_id = basic.vendorID, .device_id = basic.deviceID, .driver_version = basic.driverVersion};
  snprintf(info->name, sizeof info->name, "%s", basic.deviceName);
  info->caps.type = type_of(basic.deviceType);
  uint32_t api = info->caps.api_version = VC_MIN(basic.apiVersion, instance->api_version);
  VC_TRY(query_extensions(physical, out_extensions));
  if (api < VK_API_VERSION_1_2) { // the structures asked for below are of 1.2
    snprintf(info->driver, sizeof info->driver, "unknown");
    snprintf(info->reason, sizeof info->reason, "needs Vulkan 1.2, has %u.%u; update the driver",
             VK_API_VERSION_MAJOR(api), VK_API_VERSION_MINOR(api));
    return VC_OK;
  }
  query_device(physical, api, out_extensions, &q);
  snprintf(info->driver, sizeof info->driver, "%s%s%s", q.v12.driverName, q.v12.driverInfo[0] ? " " : "",
           q.v12.driverInfo);
  memcpy(info->uuid, q.v11.deviceUUID, sizeof info->uuid);
  fill_limits(&q, &info->caps);
  fill_features(instance, physical, out_extensions, &q, &info->caps);
  VkPhysicalDeviceMemoryProperties memory;
  vkGetPhysicalDeviceMemoryProperties(physical, &memory);
  for (uint32_t i = 0; i < memory.memoryHeapCount; i++) {
    if (!(memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)) continue;
    info->caps.heap_bytes = VC_MAX(info->caps.heap_bytes, memory.memoryHeaps[i].size);
  }
  if (!gpu_queue_family(physical, &family, &bits)) {
    snprintf(info->reason, sizeof info->reason, "has no compute queue");
  } else if (!q.f12.timelineSemaphore) {
    snprintf(info->reason, sizeof info->reason, "has no timeline semaphores; update the driver");
  } else {
    info->usable = true;
  }
  return VC_OK;
}
