// Embedded shaders: what they say of themselves, and their pipelines.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu_private.h"
#include "gpu/shader_blobs.h"
#include "gpu/spirv.h"

// ---- reflection of all embedded shaders, once per process -----------------------------------------------------

struct reflected {
  vc_status status;
  struct vc_kernel_info info;
  char message[256];
};
static struct reflected *table; // of vc_n_shader_blobs
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void reflect_all(void) {
  table = calloc(vc_n_shader_blobs + 1, sizeof *table);
  for (size_t i = 0; table && i < vc_n_shader_blobs; i++) {
    const struct vc_shader_blob *blob = &vc_shader_blobs[i];
    table[i].status = gpu_spirv_reflect(blob->name, blob->words, blob->n_words, NULL, 0, &table[i].info);
    if (table[i].status != VC_OK) snprintf(table[i].message, sizeof table[i].message, "%s", vc_error_message());
  }
}

static int compare_name(const void *name, const void *blob) {
  return strcmp(name, ((const struct vc_shader_blob *)blob)->name);
}

static const struct vc_shader_blob *find_blob(const char *name) {
  return bsearch(name, vc_shader_blobs, vc_n_shader_blobs, sizeof vc_shader_blobs[0], compare_name);
}

vc_status vc_shader_info(const char *name, const struct vc_kernel_info **out) {
  const struct vc_shader_blob *blob = find_blob(name);
  if (!blob) return VC_FAIL(VC_E_INTERNAL, "there is no shader \"%s\" in this build", name);
  pthread_once(&table_once, reflect_all);
  if (!table) return VC_FAIL(VC_E_NOMEM, "shaders: out of memory");
  const struct reflected *entry = &table[blob - vc_shader_blobs];
  if (entry->status != VC_OK) return VC_FAIL(entry->status, "%s", entry->message);
  *out = &entry->info;
  return VC_OK;
}

size_t vc_shader_count(void) {
  return vc_n_shader_blobs;
}
const char *vc_shader_name(size_t index) {
  VC_ASSERT(index < vc_n_shader_blobs);
  return vc_shader_blobs[index].name;
}

uint64_t vc_shader_hash(void) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325); // FNV-1a, by words
  for (size_t i = 0; i < vc_n_shader_blobs; i++) {
    const struct vc_shader_blob *blob = &vc_shader_blobs[i];
    for (size_t k = 0; k < blob->n_words; k++) hash = (hash ^ blob->words[k]) * UINT64_C(0x100000001b3);
  }
  return hash;
}

// ---- pipelines ------------------------------------------------------------------------------------------------

static vc_status check_needs(const struct vc_caps *caps, const struct vc_kernel_info *info) {
  const struct {
    enum vc_needs need;
    bool have;
    const char *what;
  } needs[] = {
      {VC_NEEDS_ADDRESS, caps->buffer_address, "buffer addresses"},
      {VC_NEEDS_FP16, caps->fp16, "fp16 arithmetic"},
      {VC_NEEDS_FP16_STORAGE, caps->fp16_storage, "16-bit storage"},
      {VC_NEEDS_INT64, caps->int64, "64-bit integers"},
      {VC_NEEDS_INT8, caps->int8, "8-bit integers"},
      {VC_NEEDS_INT16, caps->int16, "16-bit integers"},
      {VC_NEEDS_SHUFFLE, caps->subgroup_shuffle, "subgroup shuffles"},
      {VC_NEEDS_ARITHMETIC, caps->subgroup_arithmetic, "subgroup arithmetic"},
      {VC_NEEDS_BALLOT, caps->subgroup_ballot, "subgroup ballots"},
      {VC_NEEDS_COOP_MATRIX, caps->coop_matrix, "cooperative matrices"},
      {VC_NEEDS_COOP_MATRIX2, caps->coop_matrix2, "cooperative matrices of a workgroup"},
  };
  for (size_t i = 0; i < VC_COUNT_OF(needs); i++) {
    if ((info->capabilities & needs[i].need) && !needs[i].have) {
      return VC_FAIL(VC_E_UNSUPPORTED, "kernel %s: needs %s, which the device lacks", info->name, needs[i].what);
    }
  }
  return VC_OK;
}

static vc_status check_limits(const struct vc_caps *caps, const struct vc_kernel_info *info) {
  const uint32_t *size = info->local_size;
  uint64_t n = (uint64_t)size[0] * size[1] * VC_MIN(size[2], 0xffffu);
  uint32_t push = info->push_bytes + (info->by_address ? 8 * info->n_bindings : 0);
  const char *what = NULL;
  unsigned long long want = 0, have = 0;
#define VC_LIMIT(value, limit, name)                                               \
  do {                                                                             \
    if (!what && (value) > (limit)) what = (name), want = (value), have = (limit); \
  } while (0)
  for (int i = 0; i < 3; i++)
    VC_LIMIT(size[i], caps->max_workgroup_size[i], "invocations along an axis of a workgroup");
  VC_LIMIT(n, caps->max_workgroup_invocations, "invocations in a workgroup");
  VC_LIMIT(info->shared_bytes, caps->max_shared_bytes, "bytes of shared memory");
  VC_LIMIT(push, caps->max_push_bytes, "bytes of push constants");
  if (!info->by_address) VC_LIMIT(info->n_bindings, caps->max_stage_buffers, "storage buffers");
#undef VC_LIMIT
  if (!what) return VC_OK;
  return VC_FAIL(VC_E_UNSUPPORTED, "kernel %s: needs %llu %s, the device allows %llu", info->name, want, what, have);
}

// The subgroup size to ask the driver for: 0 leaves it the choice.
static vc_status choose_subgroup(const vc_gpu *gpu, const struct vc_kernel_info *info, uint32_t required,
                                 uint32_t *out) {
  const struct vc_caps *caps = &gpu->info.caps;
  *out = required;
  if (required == 0) {
    if (caps->subgroup_size != gpu->native_subgroup_size) *out = caps->subgroup_size; // narrowed by VULCYTE_CAPS
    return VC_OK;
  }
  bool fits =
      required >= caps->min_subgroup_size && required <= caps->max_subgroup_size && (required & (required - 1)) == 0;
  if (!fits || (!caps->subgroup_size_control && caps->min_subgroup_size != caps->max_subgroup_size)) {
    return VC_FAIL(VC_E_UNSUPPORTED, "kernel %s: needs subgroups of %u, the device offers %u to %u%s", info->name,
                   required, caps->min_subgroup_size, caps->max_subgroup_size,
                   caps->subgroup_size_control ? "" : " without a choice");
  }
  if (info->local_size[0] % required) {
    return VC_FAIL(VC_E_INTERNAL, "kernel %s: its workgroup's width %u is no multiple of the subgroup size %u",
                   info->name, info->local_size[0], required);
  }
  if (!caps->subgroup_size_control) *out = 0;
  return VC_OK;
}

static vc_status create_layout(vc_gpu *gpu, vc_kernel *kernel) {
  const struct vc_kernel_info *info = &kernel->info;
  bool has_set = !info->by_address && info->n_bindings > 0;
  if (has_set) {
    VkDescriptorSetLayoutBinding bindings[VC_MAX_BINDINGS];
    for (uint32_t i = 0; i < info->n_bindings; i++) {
      bindings[i] = (VkDescriptorSetLayoutBinding){.binding = i,
                                                   .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                                   .descriptorCount = 1,
                                                   .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    }
    VkDescriptorSetLayoutCreateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                           .bindingCount = info->n_bindings,
                                           .pBindings = bindings};
    VkResult result = gpu->vk.vkCreateDescriptorSetLayout(gpu->device, &set, NULL, &kernel->set_layout);
    VC_TRY(gpu_check(gpu, result, info->name));
  }
  VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                               .size =
                                   info->push_bytes + 8 * (info->by_address ? info->n_bindings : kernel->n_addresses)};
  VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                       .setLayoutCount = has_set ? 1 : 0,
                                       .pSetLayouts = &kernel->set_layout,
                                       .pushConstantRangeCount = range.size ? 1 : 0,
                                       .pPushConstantRanges = &range};
  return gpu_check(gpu, gpu->vk.vkCreatePipelineLayout(gpu->device, &layout, NULL, &kernel->layout), info->name);
}

static vc_status create_pipeline(vc_gpu *gpu, vc_kernel *kernel, const uint32_t *words, size_t n_words,
                                 uint32_t subgroup) {
  VkShaderModule module;
  VkShaderModuleCreateInfo code = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = n_words * sizeof *words, .pCode = words};
  VkSpecializationMapEntry entries[VC_MAX_SPEC];
  for (uint32_t i = 0; i < kernel->n_spec; i++) entries[i] = (VkSpecializationMapEntry){i, i * 4, 4};
  VkSpecializationInfo spec = {.mapEntryCount = kernel->n_spec,
                               .pMapEntries = entries,
                               .dataSize = kernel->n_spec * sizeof(uint32_t),
                               .pData = kernel->spec};
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
      .requiredSubgroupSize = subgroup};
  bool full = subgroup && kernel->required_subgroup;
  VC_TRY(gpu_check(gpu, gpu->vk.vkCreateShaderModule(gpu->device, &code, NULL, &module), kernel->info.name));
  VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .pNext = subgroup ? &size : NULL,
                .flags = full ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main",
                .pSpecializationInfo = kernel->n_spec ? &spec : NULL},
      .layout = kernel->layout,
  };
  VkResult result = gpu->vk.vkCreateComputePipelines(gpu->device, gpu->cache, 1, &info, NULL, &kernel->pipeline);
  gpu->vk.vkDestroyShaderModule(gpu->device, module, NULL);
  if (result != VK_SUCCESS) kernel->pipeline = VK_NULL_HANDLE;
  VC_TRY(gpu_check(gpu, result, kernel->info.name));
  gpu_name_object(gpu, VK_OBJECT_TYPE_PIPELINE, (uint64_t)kernel->pipeline, kernel->info.name);
  return VC_OK;
}

static void kernel_release(vc_gpu *gpu, vc_kernel *kernel) {
  gpu->vk.vkDestroyPipeline(gpu->device, kernel->pipeline, NULL);
  gpu->vk.vkDestroyPipelineLayout(gpu->device, kernel->layout, NULL);
  gpu->vk.vkDestroyDescriptorSetLayout(gpu->device, kernel->set_layout, NULL);
}

void gpu_kernels_destroy(vc_gpu *gpu) {
  for (vc_kernel *kernel = gpu->kernels; kernel; kernel = kernel->next) kernel_release(gpu, kernel);
  gpu->kernels = NULL;
}

vc_kernel *gpu_kernel_find(const vc_gpu *gpu, const struct vc_kernel_want *w) {
  for (vc_kernel *k = gpu->kernels; k; k = k->next) {
    if (k->required_subgroup != w->required_subgroup || k->n_spec != w->n_spec) continue;
    if (strcmp(k->info.name, w->name) != 0) continue;
    if (w->n_spec == 0 || memcmp(k->spec, w->spec, w->n_spec * sizeof *w->spec) == 0) return k;
  }
  return NULL;
}

vc_status gpu_kernel_make(vc_gpu *gpu, const struct vc_kernel_want *w, vc_kernel *out) {
  const struct vc_kernel_info *declared = NULL;
  struct vc_kernel_info info;
  uint32_t subgroup;
  VC_TRY(vc_shader_info(w->name, &declared));
  uint32_t max_spec = declared ? declared->n_spec : 0;
  if (w->n_spec > max_spec) {
    return VC_FAIL(VC_E_INTERNAL, "kernel %s: %u constants given, the shader has %u", w->name, w->n_spec, max_spec);
  }
  const struct vc_shader_blob *blob = find_blob(w->name);
  VC_TRY(gpu_spirv_reflect(blob->name, blob->words, blob->n_words, w->spec, w->n_spec, &info));
  VC_TRY(check_needs(&gpu->info.caps, &info));
  VC_TRY(check_limits(&gpu->info.caps, &info));
  VC_TRY(choose_subgroup(gpu, &info, w->required_subgroup, &subgroup));
  *out = (vc_kernel){.info = info, .n_spec = w->n_spec, .required_subgroup = w->required_subgroup};
  if (w->n_spec) memcpy(out->spec, w->spec, w->n_spec * sizeof *w->spec);
  struct gpu_spirv_code code = {0};
  if (gpu->is_llvmpipe && gpu->info.caps.buffer_address && !info.by_address)
    VC_TRY(gpu_spirv_load_by_address(blob->words, blob->n_words, &info, &code));
  out->n_addresses = code.n_addresses;
  memcpy(out->binding, code.binding, sizeof code.binding);
  vc_status status = create_layout(gpu, out);
  if (status == VC_OK)
    status = create_pipeline(gpu, out, code.words ? code.words : blob->words, code.words ? code.n_words : blob->n_words,
                             subgroup);
  free(code.words);
  if (status != VC_OK) kernel_release(gpu, out);
  return status;
}

void gpu_kernel_keep(vc_gpu *gpu, vc_kernel *kernel) {
  kernel->next = gpu->kernels;
  gpu->kernels = kernel;
}

vc_status vc_kernel_get(vc_gpu *gpu, const char *name, const uint32_t *spec, uint32_t n_spec,
                        uint32_t required_subgroup, vc_kernel **out) {
  const struct vc_kernel_want want = {name, spec, n_spec, required_subgroup};
  *out = gpu_kernel_find(gpu, &want);
  if (*out) return VC_OK;
  vc_kernel *kernel;
  VC_TRY(VC_NEW(gpu->arena, 1, &kernel));
  VC_TRY(gpu_kernel_make(gpu, &want, kernel));
  gpu_kernel_keep(gpu, kernel);
  *out = kernel;
  return VC_OK;
}

const struct vc_kernel_info *vc_kernel_info_of(const vc_kernel *kernel) {
  return &kernel->info;
}
