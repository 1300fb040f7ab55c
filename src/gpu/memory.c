// Buffers, one allocation each: there are few, and large ones are parted by their users.
#include <string.h>

#include "gpu/gpu_private.h"

static const char *const memory_names[] = {"device", "upload", "readback"};

// How well a memory type serves: below 0 not at all, else the more the better.
static int score(VkMemoryPropertyFlags flags, enum vc_memory memory) {
  const VkMemoryPropertyFlags never = VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
                                      VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD |
                                      VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD;
  bool local = flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, visible = flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
  bool coherent = flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, cached = flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  if (flags & never || (memory != VC_MEM_DEVICE && !visible)) return -1;
  switch (memory) {
  case VC_MEM_DEVICE: return 2 * local + !visible;
  case VC_MEM_UPLOAD: return 4 * coherent + 2 * !local + !cached;
  case VC_MEM_READBACK: return 4 * cached + 2 * coherent + !local;
  }
  return -1;
}

static void release(vc_buffer *buffer) {
  vc_gpu *gpu = buffer->gpu;
  if (buffer->device_memory) {
    gpu->allocated_bytes -= buffer->allocated_bytes;
    if (buffer->memory == VC_MEM_DEVICE) gpu->allocated_device_bytes -= buffer->allocated_bytes;
  }
  gpu->vk.vkDestroyBuffer(gpu->device, buffer->handle, NULL);
  gpu->vk.vkFreeMemory(gpu->device, buffer->device_memory, NULL); // unmaps
  buffer->handle = VK_NULL_HANDLE;
  buffer->device_memory = VK_NULL_HANDLE;
}

static void buffer_destroy(void *object) {
  vc_buffer *buffer = object;
  if (!buffer->handle || buffer->gpu->stuck) return;
  gpu_drain(buffer->gpu);
  if (!buffer->gpu->stuck) release(buffer);
}

static vc_status too_large(vc_gpu *gpu, const char *label, uint64_t n_bytes, const char *why, uint64_t limit) {
  return VC_FAIL(VC_E_NOMEM, "%s: %s: %llu bytes wanted, %s %llu, %llu allocated so far", gpu->info.name, label,
                 (unsigned long long)n_bytes, why, (unsigned long long)limit, (unsigned long long)gpu->allocated_bytes);
}

static vc_status check_limits(vc_gpu *gpu, uint64_t n_bytes, enum vc_memory memory, const char *label) {
  const struct vc_caps *caps = &gpu->info.caps;
  if (n_bytes > caps->max_allocation_bytes)
    return too_large(gpu, label, n_bytes, "one allocation may have", caps->max_allocation_bytes);
  // The real heap's limit is the driver's business; a narrowed one is kept here.
  bool narrowed = caps->heap_bytes < gpu->real_heap_bytes;
  if (memory == VC_MEM_DEVICE && narrowed &&
      n_bytes > caps->heap_bytes - VC_MIN(caps->heap_bytes, gpu->allocated_device_bytes)) {
    return too_large(gpu, label, n_bytes, "the device has", caps->heap_bytes);
  }
  return VC_OK;
}

// Tries the memory types that fit from the best to the worst.
static vc_status allocate(vc_buffer *buffer, const char *label) {
  vc_gpu *gpu = buffer->gpu;
  VkMemoryRequirements needs;
  gpu->vk.vkGetBufferMemoryRequirements(gpu->device, buffer->handle, &needs);
  VkMemoryAllocateFlagsInfo flags = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                     .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
  VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                               .pNext = gpu->info.caps.buffer_address ? &flags : NULL,
                               .allocationSize = needs.size};
  for (int wanted = 7; wanted >= 0; wanted--) {
    for (uint32_t type = 0; type < gpu->memory.memoryTypeCount; type++) {
      VkMemoryPropertyFlags properties = gpu->memory.memoryTypes[type].propertyFlags;
      if (!(needs.memoryTypeBits >> type & 1) || score(properties, buffer->memory) != wanted) continue;
      if (needs.size > gpu->memory.memoryHeaps[gpu->memory.memoryTypes[type].heapIndex].size) continue;
      info.memoryTypeIndex = type;
      VkResult result = gpu->vk.vkAllocateMemory(gpu->device, &info, NULL, &buffer->device_memory);
      if (result == VK_SUCCESS) {
        buffer->coherent = properties & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
        buffer->allocated_bytes = needs.size;
        gpu->allocated_bytes += needs.size;
        if (buffer->memory == VC_MEM_DEVICE) gpu->allocated_device_bytes += needs.size;
        return VC_OK;
      }
      buffer->device_memory = VK_NULL_HANDLE;
      if (result != VK_ERROR_OUT_OF_DEVICE_MEMORY && result != VK_ERROR_OUT_OF_HOST_MEMORY) {
        return gpu_check(gpu, result, "memory");
      }
    }
  }
  return too_large(gpu, label, buffer->n_bytes, memory_names[buffer->memory], gpu->info.caps.heap_bytes);
}

static vc_status build(vc_buffer *buffer, const char *label) {
  vc_gpu *gpu = buffer->gpu;
  bool addresses = gpu->info.caps.buffer_address;
  VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .size = vc_round_up(VC_MAX(buffer->n_bytes, 1), 16), // kernels may read whole vectors at the end
      .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT | (addresses ? VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT : 0),
  };
  VC_TRY(gpu_check(gpu, gpu->vk.vkCreateBuffer(gpu->device, &info, NULL, &buffer->handle), label));
  VC_TRY(allocate(buffer, label));
  VC_TRY(gpu_check(gpu, gpu->vk.vkBindBufferMemory(gpu->device, buffer->handle, buffer->device_memory, 0), label));
  if (buffer->memory != VC_MEM_DEVICE) {
    VkResult result = gpu->vk.vkMapMemory(gpu->device, buffer->device_memory, 0, VK_WHOLE_SIZE, 0, &buffer->host);
    VC_TRY(gpu_check(gpu, result, label));
  }
  if (addresses) {
    VkBufferDeviceAddressInfo address = {.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                         .buffer = buffer->handle};
    buffer->address = gpu->vk.vkGetBufferDeviceAddress(gpu->device, &address);
  }
  gpu_name_object(gpu, VK_OBJECT_TYPE_BUFFER, (uint64_t)buffer->handle, label);
  return VC_OK;
}

vc_status vc_buffer_create(vc_arena *arena, vc_gpu *gpu, uint64_t n_bytes, enum vc_memory memory, const char *label,
                           vc_buffer **out) {
  vc_buffer *buffer;
  if (gpu->lost) return gpu_lost(gpu);
  VC_TRY(check_limits(gpu, n_bytes, memory, label));
  VC_TRY(VC_NEW(arena, 1, &buffer));
  buffer->gpu = gpu;
  buffer->n_bytes = n_bytes;
  buffer->memory = memory;
  VC_TRY(vc_arena_defer(arena, buffer_destroy, buffer));
  vc_status status = build(buffer, label);
  if (status != VC_OK) {
    release(buffer); // at once, so that something smaller can be tried
    return status;
  }
  *out = buffer;
  return VC_OK;
}

uint64_t vc_buffer_bytes(const vc_buffer *buffer) {
  return buffer->n_bytes;
}
void *vc_buffer_host(vc_buffer *buffer) {
  return buffer->host;
}

// The range widened to what non-coherent memory can flush; false if nothing is to do.
static bool mapped_range(const vc_buffer *buffer, uint64_t offset, uint64_t n_bytes, VkMappedMemoryRange *out) {
  VC_ASSERT(buffer->host && offset <= buffer->n_bytes && n_bytes <= buffer->n_bytes - offset);
  if (buffer->coherent || n_bytes == 0) return false;
  uint64_t atom = buffer->gpu->atom_bytes, from = offset / atom * atom, to = vc_round_up(offset + n_bytes, atom);
  *out = (VkMappedMemoryRange){.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
                               .memory = buffer->device_memory,
                               .offset = from,
                               .size = to >= buffer->allocated_bytes ? VK_WHOLE_SIZE : to - from};
  return true;
}

vc_status vc_buffer_flush(vc_buffer *buffer, uint64_t offset, uint64_t n_bytes) {
  vc_gpu *gpu = buffer->gpu;
  VkMappedMemoryRange range;
  if (!mapped_range(buffer, offset, n_bytes, &range)) return VC_OK;
  return gpu_check(gpu, gpu->vk.vkFlushMappedMemoryRanges(gpu->device, 1, &range), "flush");
}

vc_status vc_buffer_invalidate(vc_buffer *buffer, uint64_t offset, uint64_t n_bytes) {
  vc_gpu *gpu = buffer->gpu;
  VkMappedMemoryRange range;
  if (!mapped_range(buffer, offset, n_bytes, &range)) return VC_OK;
  return gpu_check(gpu, gpu->vk.vkInvalidateMappedMemoryRanges(gpu->device, 1, &range), "invalidate");
}

void vc_gpu_memory(const vc_gpu *gpu, uint64_t *out_allocated, uint64_t *out_free) {
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
  VkPhysicalDeviceMemoryProperties2 memory = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                              .pNext = &budget};
  uint64_t free_bytes = 0, narrowed = gpu->info.caps.heap_bytes;
  if (gpu->extensions.memory_budget) {
    vkGetPhysicalDeviceMemoryProperties2(gpu->physical, &memory);
    for (uint32_t i = 0; i < gpu->memory.memoryHeapCount; i++) {
      if (!(gpu->memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)) continue;
      uint64_t left = budget.heapBudget[i] - VC_MIN(budget.heapBudget[i], budget.heapUsage[i]);
      free_bytes = VC_MAX(free_bytes, left);
    }
  }
  if (narrowed < gpu->real_heap_bytes) {
    uint64_t left = narrowed - VC_MIN(narrowed, gpu->allocated_device_bytes);
    free_bytes = gpu->extensions.memory_budget ? VC_MIN(free_bytes, left) : left;
  }
  *out_allocated = gpu->allocated_bytes;
  *out_free = free_bytes;
}

uint64_t vc_gpu_budget(const vc_gpu *gpu) {
  uint64_t allocated, available;
  vc_gpu_memory(gpu, &allocated, &available);
  return available ? available / 10 * 8 : gpu->info.caps.heap_bytes / 2;
}
