// Command lists: recorded once, replayed.
#include <string.h>

#include "gpu/gpu_private.h"

enum { DESCRIPTORS_PER_SET = 6 }; // what a pool is made for on average

static const VkPipelineStageFlags work_stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;

void gpu_record_barrier(vc_gpu *gpu, VkCommandBuffer commands, bool to_host) {
  VkMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT |
                       VK_ACCESS_TRANSFER_WRITE_BIT | (to_host ? VK_ACCESS_HOST_READ_BIT : 0),
  };
  VkPipelineStageFlags after = work_stages | (to_host ? VK_PIPELINE_STAGE_HOST_BIT : 0);
  gpu->vk.vkCmdPipelineBarrier(commands, work_stages, after, 0, 1, &barrier, 0, NULL, 0, NULL);
}

static void cmd_destroy(void *object) {
  vc_cmd *cmd = object;
  vc_gpu *gpu = cmd->gpu;
  if (gpu->stuck) return;
  if (cmd->last_ticket > gpu->completed) gpu_drain(gpu);
  if (gpu->stuck) return;
  for (struct gpu_set_pool *p = cmd->set_pools; p; p = p->next) {
    gpu->vk.vkDestroyDescriptorPool(gpu->device, p->handle, NULL);
  }
  for (struct gpu_query_pool *p = cmd->query_pools; p; p = p->next)
    gpu->vk.vkDestroyQueryPool(gpu->device, p->handle, NULL);
  gpu->vk.vkDestroyCommandPool(gpu->device, cmd->pool, NULL);
}

vc_status vc_cmd_create(vc_arena *arena, vc_gpu *gpu, vc_cmd **out) {
  vc_cmd *cmd;
  if (gpu->lost) return gpu_lost(gpu);
  VC_TRY(VC_NEW(arena, 1, &cmd));
  cmd->gpu = gpu;
  cmd->arena = arena;
  VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                  .queueFamilyIndex = gpu->queue_family};
  VC_TRY(gpu_check(gpu, gpu->vk.vkCreateCommandPool(gpu->device, &pool, NULL, &cmd->pool), "command pool"));
  VC_TRY(vc_arena_defer(arena, cmd_destroy, cmd));
  VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                      .commandPool = cmd->pool,
                                      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                      .commandBufferCount = 1};
  VC_TRY(gpu_check(gpu, gpu->vk.vkAllocateCommandBuffers(gpu->device, &info, &cmd->commands), "command buffer"));
  VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                    .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT};
  VC_TRY(gpu_check(gpu, gpu->vk.vkBeginCommandBuffer(cmd->commands, &begin), "command list"));
  gpu_record_barrier(gpu, cmd->commands, false); // after the lists submitted before
  *out = cmd;
  return VC_OK;
}

// ---- dispatch -------------------------------------------------------------------------------------------------

static vc_status grow_set_pools(vc_cmd *cmd) {
  vc_gpu *gpu = cmd->gpu;
  struct gpu_set_pool *pool;
  VC_TRY(VC_NEW(cmd->arena, 1, &pool));
  pool->n_sets = GPU_SETS_PER_POOL;
  pool->n_descriptors = VC_MAX(GPU_SETS_PER_POOL * DESCRIPTORS_PER_SET, VC_MAX_BINDINGS);
  VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, pool->n_descriptors};
  VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                     .maxSets = pool->n_sets,
                                     .poolSizeCount = 1,
                                     .pPoolSizes = &size};
  VC_TRY(gpu_check(gpu, gpu->vk.vkCreateDescriptorPool(gpu->device, &info, NULL, &pool->handle), "descriptor pool"));
  pool->next = cmd->set_pools;
  cmd->set_pools = pool;
  return VC_OK;
}

static vc_status bind_set(vc_cmd *cmd, vc_kernel *kernel, const struct vc_binding *bindings, uint32_t n) {
  vc_gpu *gpu = cmd->gpu;
  struct gpu_set_pool *pool = cmd->set_pools;
  if (!pool || pool->n_sets == 0 || pool->n_descriptors < n) {
    VC_TRY(grow_set_pools(cmd));
    pool = cmd->set_pools;
  }
  VkDescriptorSet set;
  VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                      .descriptorPool = pool->handle,
                                      .descriptorSetCount = 1,
                                      .pSetLayouts = &kernel->set_layout};
  VC_TRY(gpu_check(gpu, gpu->vk.vkAllocateDescriptorSets(gpu->device, &info, &set), "descriptor set"));
  pool->n_sets--;
  pool->n_descriptors -= n;
  VkDescriptorBufferInfo buffers[VC_MAX_BINDINGS];
  VkWriteDescriptorSet writes[VC_MAX_BINDINGS];
  for (uint32_t i = 0; i < n; i++) {
    buffers[i] = (VkDescriptorBufferInfo){bindings[i].buffer->handle, bindings[i].offset, bindings[i].n_bytes};
    writes[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                       .dstSet = set,
                                       .dstBinding = i,
                                       .descriptorCount = 1,
                                       .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                       .pBufferInfo = &buffers[i]};
  }
  gpu->vk.vkUpdateDescriptorSets(gpu->device, n, writes, 0, NULL);
  gpu->vk.vkCmdBindDescriptorSets(cmd->commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->layout, 0, 1, &set, 0, NULL);
  return VC_OK;
}

static vc_status check_dispatch(const vc_cmd *cmd, const vc_kernel *kernel, const struct vc_binding *bindings,
                                uint32_t n_bindings, uint32_t push_bytes, const uint32_t groups[3]) {
  const struct vc_kernel_info *info = &kernel->info;
  const struct vc_caps *caps = &cmd->gpu->info.caps;
  if (n_bindings != info->n_bindings || push_bytes != info->push_bytes) {
    return VC_FAIL(VC_E_INTERNAL, "kernel %s: %u buffers and %u parameter bytes given, it takes %u and %u", info->name,
                   n_bindings, push_bytes, info->n_bindings, info->push_bytes);
  }
  for (uint32_t i = 0; i < n_bindings; i++) {
    const struct vc_binding *b = &bindings[i];
    bool inside =
        b->buffer && b->n_bytes > 0 && b->offset <= b->buffer->n_bytes && b->n_bytes <= b->buffer->n_bytes - b->offset;
    if (!inside || b->offset % caps->buffer_align) {
      return VC_FAIL(
          VC_E_INTERNAL,
          "kernel %s: binding %u: %llu bytes at %llu lie outside of a buffer of %llu or are not aligned to %u",
          info->name, i, (unsigned long long)b->n_bytes, (unsigned long long)b->offset,
          b->buffer ? (unsigned long long)b->buffer->n_bytes : 0ULL, caps->buffer_align);
    }
    if (!info->by_address && b->n_bytes > caps->max_buffer_range) {
      return VC_FAIL(VC_E_UNSUPPORTED, "kernel %s: binding %u: %llu bytes, the device can bind %llu", info->name, i,
                     (unsigned long long)b->n_bytes, (unsigned long long)caps->max_buffer_range);
    }
  }
  for (int i = 0; i < 3; i++) {
    if (groups[i] > caps->max_workgroup_count[i]) {
      return VC_FAIL(VC_E_INTERNAL, "kernel %s: %u workgroups along axis %d, the device allows %u", info->name,
                     groups[i], i, caps->max_workgroup_count[i]);
    }
  }
  return VC_OK;
}

static void put_address(uint8_t *to, const struct vc_binding *b) {
  uint64_t address = b->buffer->address + b->offset;
  memcpy(to, &address, sizeof address);
}

vc_status vc_cmd_dispatch(vc_cmd *cmd, vc_kernel *kernel, const struct vc_binding *bindings, uint32_t n_bindings,
                          const void *push, uint32_t push_bytes, const uint32_t groups[3]) {
  vc_gpu *gpu = cmd->gpu;
  VC_ASSERT(!cmd->finished);
  VC_TRY(check_dispatch(cmd, kernel, bindings, n_bindings, push_bytes, groups));
  uint8_t block[VC_MAX_PUSH_BYTES];
  uint32_t n = 0;
  if (kernel->info.by_address) {
    for (uint32_t i = 0; i < n_bindings; i++, n += 8) put_address(block + n, &bindings[i]);
  } else if (n_bindings > 0) {
    VC_TRY(bind_set(cmd, kernel, bindings, n_bindings));
    for (uint32_t i = 0; i < kernel->n_addresses; i++, n += 8) put_address(block + n, &bindings[kernel->binding[i]]);
  }
  if (push_bytes) memcpy(block + n, push, push_bytes);
  n += push_bytes;
  gpu->vk.vkCmdBindPipeline(cmd->commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->pipeline);
  if (n) gpu->vk.vkCmdPushConstants(cmd->commands, kernel->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, n, block);
  gpu->vk.vkCmdDispatch(cmd->commands, groups[0], groups[1], groups[2]);
  return VC_OK;
}

// ---- the other commands ---------------------------------------------------------------------------------------

void vc_cmd_barrier(vc_cmd *cmd) {
  VC_ASSERT(!cmd->finished);
  gpu_record_barrier(cmd->gpu, cmd->commands, false);
}

vc_status vc_cmd_copy(vc_cmd *cmd, vc_buffer *src, uint64_t src_offset, vc_buffer *dst, uint64_t dst_offset,
                      uint64_t n_bytes) {
  VC_ASSERT(!cmd->finished);
  bool inside = src_offset <= src->n_bytes && n_bytes <= src->n_bytes - src_offset && dst_offset <= dst->n_bytes &&
                n_bytes <= dst->n_bytes - dst_offset;
  if (!inside) {
    return VC_FAIL(VC_E_INTERNAL, "copy of %llu bytes: outside of the buffers (%llu of %llu to %llu of %llu)",
                   (unsigned long long)n_bytes, (unsigned long long)src_offset, (unsigned long long)src->n_bytes,
                   (unsigned long long)dst_offset, (unsigned long long)dst->n_bytes);
  }
  VkBufferCopy region = {src_offset, dst_offset, n_bytes};
  if (n_bytes) cmd->gpu->vk.vkCmdCopyBuffer(cmd->commands, src->handle, dst->handle, 1, &region);
  return VC_OK;
}

void vc_cmd_fill_zero(vc_cmd *cmd, vc_buffer *dst, uint64_t offset, uint64_t n_bytes) {
  VC_ASSERT(!cmd->finished && offset % 4 == 0 && n_bytes % 4 == 0);
  VC_ASSERT(offset <= dst->n_bytes && n_bytes <= dst->n_bytes - offset);
  if (n_bytes) cmd->gpu->vk.vkCmdFillBuffer(cmd->commands, dst->handle, offset, n_bytes, 0);
}

static void end_label(vc_cmd *cmd) {
  VkInstance instance = cmd->gpu->instance.handle;
  PFN_vkCmdEndDebugUtilsLabelEXT end =
      (PFN_vkCmdEndDebugUtilsLabelEXT)vkGetInstanceProcAddr(instance, "vkCmdEndDebugUtilsLabelEXT");
  if (cmd->labelled && end) end(cmd->commands);
  cmd->labelled = false;
}

void vc_cmd_label(vc_cmd *cmd, const char *name) {
  VC_ASSERT(!cmd->finished);
  if (!cmd->gpu->instance.debug_utils) return;
  end_label(cmd);
  VkInstance instance = cmd->gpu->instance.handle;
  PFN_vkCmdBeginDebugUtilsLabelEXT begin =
      (PFN_vkCmdBeginDebugUtilsLabelEXT)vkGetInstanceProcAddr(instance, "vkCmdBeginDebugUtilsLabelEXT");
  VkDebugUtilsLabelEXT label = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT, .pLabelName = name};
  if (!begin) return;
  begin(cmd->commands, &label);
  cmd->labelled = true;
}

static vc_status grow_query_pools(vc_cmd *cmd) {
  vc_gpu *gpu = cmd->gpu;
  struct gpu_query_pool *pool;
  VC_TRY(VC_NEW(cmd->arena, 1, &pool));
  VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                .queryCount = GPU_QUERIES_PER_POOL};
  VC_TRY(gpu_check(gpu, gpu->vk.vkCreateQueryPool(gpu->device, &info, NULL, &pool->handle), "timestamps"));
  if (cmd->last_query_pool)
    cmd->last_query_pool->next = pool;
  else
    cmd->query_pools = pool;
  cmd->last_query_pool = pool;
  gpu->vk.vkCmdResetQueryPool(cmd->commands, pool->handle, 0, GPU_QUERIES_PER_POOL); // at each replay
  return VC_OK;
}

vc_status vc_cmd_mark(vc_cmd *cmd) {
  vc_gpu *gpu = cmd->gpu;
  VC_ASSERT(!cmd->finished);
  if (gpu->timestamp_bits == 0) return VC_FAIL(VC_E_UNSUPPORTED, "%s: has no timestamps", gpu->info.name);
  if (cmd->n_marks % GPU_QUERIES_PER_POOL == 0) VC_TRY(grow_query_pools(cmd));
  gpu->vk.vkCmdWriteTimestamp(cmd->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, cmd->last_query_pool->handle,
                              cmd->n_marks % GPU_QUERIES_PER_POOL);
  cmd->n_marks++;
  return VC_OK;
}

vc_status vc_cmd_times(vc_cmd *cmd, double *out_ns, uint32_t n_marks) {
  vc_gpu *gpu = cmd->gpu;
  uint64_t ticks[GPU_QUERIES_PER_POOL], first = 0;
  uint64_t mask = gpu->timestamp_bits < 64 ? (UINT64_C(1) << gpu->timestamp_bits) - 1 : UINT64_MAX;
  if (n_marks > cmd->n_marks || cmd->last_ticket == 0) {
    return VC_FAIL(VC_E_INTERNAL, "%u times wanted of a command list with %u marks that %s run", n_marks, cmd->n_marks,
                   cmd->last_ticket ? "has" : "never");
  }
  VC_TRY(vc_gpu_wait(gpu, cmd->last_ticket));
  uint32_t done = 0;
  for (struct gpu_query_pool *pool = cmd->query_pools; pool && done < n_marks; pool = pool->next) {
    uint32_t n = VC_MIN(n_marks - done, (uint32_t)GPU_QUERIES_PER_POOL);
    VC_TRY(gpu_check(gpu,
                     gpu->vk.vkGetQueryPoolResults(gpu->device, pool->handle, 0, n, n * sizeof *ticks, ticks,
                                                   sizeof *ticks, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                     "timestamps"));
    if (done == 0) first = ticks[0];
    for (uint32_t i = 0; i < n; i++) out_ns[done + i] = (double)((ticks[i] - first) & mask) * gpu->timestamp_ns;
    done += n;
  }
  return VC_OK;
}

vc_status vc_cmd_finish(vc_cmd *cmd) {
  VC_ASSERT(!cmd->finished);
  end_label(cmd);
  gpu_record_barrier(cmd->gpu, cmd->commands, true); // the host may read what the list wrote
  cmd->finished = true;
  return gpu_check(cmd->gpu, cmd->gpu->vk.vkEndCommandBuffer(cmd->commands), "command list");
}
