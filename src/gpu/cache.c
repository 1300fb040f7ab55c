// The pipeline cache on disk: one file per device and driver version. Wrapped in a small header, since some drivers
// trust what they are given.
#include <stdio.h>
#include <string.h>

#include "gpu/gpu_private.h"

enum { CACHE_MAGIC = 0x43504356, CACHE_VERSION = 1, VULKAN_HEADER_BYTES = 32 };
static const size_t max_cache_bytes = (size_t)256 << 20;

struct cache_header {
  uint32_t magic, version;
  uint64_t n_bytes, hash;
};

static uint64_t hash_bytes(const uint8_t *data, size_t n) { // FNV-1a
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < n; i++) hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
  return hash;
}

static vc_status cache_path(vc_gpu *gpu, vc_arena *arena, char **out) {
  char *dir, name[80] = "pipelines-";
  size_t used = strlen(name);
  for (int i = 0; i < 16; i++) used += (size_t)snprintf(name + used, sizeof name - used, "%02x", gpu->info.uuid[i]);
  snprintf(name + used, sizeof name - used, "-%08x.bin", gpu->info.driver_version);
  VC_TRY(vc_path_cache_dir(arena, &dir));
  return vc_path_join(arena, dir, name, out);
}

// The payload of a sound file made by this device and driver.
static bool check(vc_gpu *gpu, const uint8_t *data, size_t n_bytes) {
  struct cache_header header;
  VkPipelineCacheHeaderVersionOne vulkan;
  VkPhysicalDeviceProperties properties;
  if (n_bytes < sizeof header + VULKAN_HEADER_BYTES) return false;
  memcpy(&header, data, sizeof header);
  memcpy(&vulkan, data + sizeof header, sizeof vulkan);
  if (header.magic != CACHE_MAGIC || header.version != CACHE_VERSION || header.n_bytes != n_bytes - sizeof header)
    return false;
  vkGetPhysicalDeviceProperties(gpu->physical, &properties);
  return header.hash == hash_bytes(data + sizeof header, header.n_bytes) && vulkan.headerSize >= VULKAN_HEADER_BYTES &&
         vulkan.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE && vulkan.vendorID == properties.vendorID &&
         vulkan.deviceID == properties.deviceID &&
         memcmp(vulkan.pipelineCacheUUID, properties.pipelineCacheUUID, VK_UUID_SIZE) == 0;
}

static void load(vc_gpu *gpu, vc_arena *arena, VkPipelineCacheCreateInfo *info) {
  char *path;
  uint8_t *data;
  size_t n_bytes;
  if (cache_path(gpu, arena, &path) != VC_OK || !vc_path_exists(path)) return;
  if (vc_file_read(arena, path, max_cache_bytes, &data, &n_bytes) != VC_OK || !check(gpu, data, n_bytes)) {
    vc_log(VC_LOG_DEBUG, "%s: damaged or of another driver; made anew", path);
    return;
  }
  info->pInitialData = data + sizeof(struct cache_header);
  info->initialDataSize = n_bytes - sizeof(struct cache_header);
  gpu->cache_hash = hash_bytes(info->pInitialData, info->initialDataSize);
}

void gpu_cache_open(vc_gpu *gpu) {
  VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  vc_arena *arena;
  if (vc_arena_create(&arena) != VC_OK) return;
  load(gpu, arena, &info);
  if (gpu->vk.vkCreatePipelineCache(gpu->device, &info, NULL, &gpu->cache) != VK_SUCCESS) gpu->cache = VK_NULL_HANDLE;
  vc_arena_destroy(arena);
}

static vc_status save(vc_gpu *gpu, vc_arena *arena) {
  char *path;
  uint8_t *file;
  size_t n = 0;
  if (gpu->vk.vkGetPipelineCacheData(gpu->device, gpu->cache, &n, NULL) != VK_SUCCESS) return VC_OK;
  if (n > max_cache_bytes) return VC_OK; // would not be read back
  struct cache_header header = {.magic = CACHE_MAGIC, .version = CACHE_VERSION};
  VC_TRY(VC_NEW(arena, sizeof header + n, &file));
  if (gpu->vk.vkGetPipelineCacheData(gpu->device, gpu->cache, &n, file + sizeof header) != VK_SUCCESS) return VC_OK;
  header.n_bytes = n;
  header.hash = hash_bytes(file + sizeof header, n);
  if (header.hash == gpu->cache_hash) return VC_OK;
  memcpy(file, &header, sizeof header);
  VC_TRY(cache_path(gpu, arena, &path));
  return vc_file_write(path, file, sizeof header + n);
}

void gpu_cache_close(vc_gpu *gpu) {
  vc_arena *arena;
  if (!gpu->cache) return;
  if (!gpu->lost && vc_arena_create(&arena) == VC_OK) {
    char earlier[2048]; // this runs while things are being given up: the message that says why must outlive it
    snprintf(earlier, sizeof earlier, "%s", vc_error_message());
    if (save(gpu, arena) != VC_OK) {
      vc_log(VC_LOG_DEBUG, "the pipeline cache is not saved: %s", vc_error_message());
      (void)VC_FAIL(VC_E_IO, "%s", earlier);
    }
    vc_arena_destroy(arena);
  }
  gpu->vk.vkDestroyPipelineCache(gpu->device, gpu->cache, NULL);
  gpu->cache = VK_NULL_HANDLE;
}
