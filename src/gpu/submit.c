// Submission in order on one queue, tickets on one timeline, and blocking transfers.
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu_private.h"

static const uint64_t slice_ns = 500000000;
static const double silence_s = 120; // a GPU that ends nothing for so long hangs; a processor may be slow for good
static const uint64_t staging_bytes = (uint64_t)16 << 20;

// ---- submission -----------------------------------------------------------------------------------------------

vc_status gpu_submit_commands(vc_gpu *gpu, const VkCommandBuffer *commands, uint32_t n_commands, uint64_t *out_ticket) {
  uint64_t ticket = gpu->submitted + 1;
  VkTimelineSemaphoreSubmitInfo timeline = {.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                            .signalSemaphoreValueCount = 1,
                                            .pSignalSemaphoreValues = &ticket};
  VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                       .pNext = &timeline,
                       .commandBufferCount = n_commands,
                       .pCommandBuffers = commands,
                       .signalSemaphoreCount = 1,
                       .pSignalSemaphores = &gpu->timeline};
  if (gpu->lost) return gpu_lost(gpu);
  VC_TRY(gpu_check(gpu, gpu->vk.vkQueueSubmit(gpu->queue, 1, &info, VK_NULL_HANDLE), "submission"));
  gpu->submitted = ticket;
  *out_ticket = ticket;
  return VC_OK;
}

vc_status vc_gpu_submit(vc_gpu *gpu, vc_cmd *const *cmds, uint32_t n_cmds, uint64_t *out_ticket) {
  if (n_cmds > gpu->batch_capacity) {
    VkCommandBuffer *batch = realloc(gpu->batch, n_cmds * sizeof *batch);
    if (!batch) return VC_FAIL(VC_E_NOMEM, "submission of %u command lists: out of memory", n_cmds);
    gpu->batch = batch;
    gpu->batch_capacity = n_cmds;
  }
  for (uint32_t i = 0; i < n_cmds; i++) {
    VC_ASSERT(cmds[i]->finished && cmds[i]->gpu == gpu);
    gpu->batch[i] = cmds[i]->commands;
  }
  uint64_t ticket = 0;
  VC_TRY(gpu_submit_commands(gpu, gpu->batch, n_cmds, &ticket));
  for (uint32_t i = 0; i < n_cmds; i++) cmds[i]->last_ticket = ticket;
  *out_ticket = ticket;
  return VC_OK;
}

// Waits; fails without a message, so that destructors can use it.
static VkResult wait_for(vc_gpu *gpu, uint64_t ticket) {
  VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                              .semaphoreCount = 1,
                              .pSemaphores = &gpu->timeline,
                              .pValues = &ticket};
  double since = vc_time_seconds();
  while (gpu->completed < ticket) {
    VkResult result = gpu->vk.vkWaitSemaphores(gpu->device, &info, slice_ns);
    if (result == VK_SUCCESS) {
      gpu->completed = ticket;
    } else if (result == VK_TIMEOUT) {
      uint64_t value = 0;
      result = gpu->vk.vkGetSemaphoreCounterValue(gpu->device, gpu->timeline, &value);
      if (result != VK_SUCCESS) return result;
      if (value > gpu->completed) {
        gpu->completed = value;
        since = vc_time_seconds();
      } else if (gpu->real_type != VC_DEVICE_CPU && vc_time_seconds() - since > silence_s) {
        gpu->lost = gpu->stuck = true;
        return VK_ERROR_DEVICE_LOST;
      }
    } else {
      return result;
    }
  }
  return VK_SUCCESS;
}

vc_status vc_gpu_wait(vc_gpu *gpu, uint64_t ticket) {
  if (gpu->lost) return gpu_lost(gpu);
  VC_ASSERT(ticket <= gpu->submitted);
  return gpu_check(gpu, wait_for(gpu, ticket), "wait");
}

bool vc_gpu_done(vc_gpu *gpu, uint64_t ticket) {
  uint64_t value = 0;
  if (gpu->lost || ticket <= gpu->completed) return true;
  if (gpu->vk.vkGetSemaphoreCounterValue(gpu->device, gpu->timeline, &value) != VK_SUCCESS) return true;
  gpu->completed = VC_MAX(gpu->completed, value);
  return ticket <= gpu->completed;
}

void gpu_drain(vc_gpu *gpu) {
  if (gpu->lost || !gpu->timeline) return;
  if (wait_for(gpu, gpu->submitted) != VK_SUCCESS) gpu->lost = true;
}

// ---- blocking transfers ---------------------------------------------------------------------------------------

static vc_status staging(vc_gpu *gpu, enum vc_memory memory, vc_buffer **slot) {
  uint64_t n_bytes = VC_MIN(staging_bytes, gpu->info.caps.max_allocation_bytes);
  return *slot ? VC_OK : vc_buffer_create(gpu->arena, gpu, n_bytes, memory, "staging", slot);
}

static vc_status begin_transfer(vc_gpu *gpu) {
  VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                    .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  if (gpu->lost) return gpu_lost(gpu);
  VC_TRY(gpu_check(gpu, gpu->vk.vkBeginCommandBuffer(gpu->transfer_commands, &begin), "transfer"));
  gpu_record_barrier(gpu, gpu->transfer_commands, false);
  return VC_OK;
}

static vc_status end_transfer(vc_gpu *gpu) {
  uint64_t ticket = 0;
  gpu_record_barrier(gpu, gpu->transfer_commands, true);
  VC_TRY(gpu_check(gpu, gpu->vk.vkEndCommandBuffer(gpu->transfer_commands), "transfer"));
  VC_TRY(gpu_submit_commands(gpu, &gpu->transfer_commands, 1, &ticket));
  return vc_gpu_wait(gpu, ticket);
}

static vc_status transfer(vc_gpu *gpu, vc_buffer *src, uint64_t src_offset, vc_buffer *dst, uint64_t dst_offset,
                          uint64_t n_bytes) {
  VkBufferCopy region = {src_offset, dst_offset, n_bytes};
  VC_TRY(begin_transfer(gpu));
  gpu->vk.vkCmdCopyBuffer(gpu->transfer_commands, src->handle, dst->handle, 1, &region);
  return end_transfer(gpu);
}

static vc_status check_range(const vc_buffer *buffer, uint64_t offset, uint64_t n_bytes, const char *what) {
  if (offset <= buffer->n_bytes && n_bytes <= buffer->n_bytes - offset) return VC_OK;
  return VC_FAIL(VC_E_INTERNAL, "%s of %llu bytes at %llu: the buffer has %llu", what, (unsigned long long)n_bytes,
                 (unsigned long long)offset, (unsigned long long)buffer->n_bytes);
}

vc_status vc_gpu_upload(vc_gpu *gpu, vc_buffer *buffer, uint64_t offset, const void *data, uint64_t n_bytes) {
  VC_TRY(check_range(buffer, offset, n_bytes, "upload"));
  VC_TRY(staging(gpu, VC_MEM_UPLOAD, &gpu->staging_up));
  for (uint64_t done = 0, n; done < n_bytes; done += n) {
    n = VC_MIN(n_bytes - done, gpu->staging_up->n_bytes);
    memcpy(gpu->staging_up->host, (const uint8_t *)data + done, n);
    VC_TRY(vc_buffer_flush(gpu->staging_up, 0, n));
    VC_TRY(transfer(gpu, gpu->staging_up, 0, buffer, offset + done, n));
  }
  return VC_OK;
}

vc_status vc_gpu_download(vc_gpu *gpu, vc_buffer *buffer, uint64_t offset, void *out_data, uint64_t n_bytes) {
  VC_TRY(check_range(buffer, offset, n_bytes, "download"));
  VC_TRY(staging(gpu, VC_MEM_READBACK, &gpu->staging_down));
  for (uint64_t done = 0, n; done < n_bytes; done += n) {
    n = VC_MIN(n_bytes - done, gpu->staging_down->n_bytes);
    VC_TRY(transfer(gpu, buffer, offset + done, gpu->staging_down, 0, n));
    VC_TRY(vc_buffer_invalidate(gpu->staging_down, 0, n));
    memcpy((uint8_t *)out_data + done, gpu->staging_down->host, n);
  }
  return VC_OK;
}

vc_status vc_gpu_clear(vc_gpu *gpu, vc_buffer *buffer, uint64_t offset, uint64_t n_bytes) {
  VC_TRY(check_range(buffer, offset, n_bytes, "clearing"));
  if (offset % 4 || n_bytes % 4) return VC_FAIL(VC_E_INTERNAL, "clearing: offset and size must be multiples of 4");
  if (n_bytes == 0) return VC_OK;
  VC_TRY(begin_transfer(gpu));
  gpu->vk.vkCmdFillBuffer(gpu->transfer_commands, buffer->handle, offset, n_bytes, 0);
  return end_transfer(gpu);
}
