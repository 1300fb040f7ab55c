// What a device's matrix units can do: products of fp16 factors with fp32 sums, by subgroups and by workgroups.
#include <stdlib.h>

#include "gpu/gpu_private.h"

// The shapes one subgroup wide.
static void list_shapes(VkInstance instance, VkPhysicalDevice physical, struct vc_caps *caps) {
  PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR query =
      (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)vkGetInstanceProcAddr(
          instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  uint32_t n = 0;
  if (!query || query(physical, &n, NULL) != VK_SUCCESS || n == 0) return;
  VkCooperativeMatrixPropertiesKHR *list = calloc(n, sizeof *list);
  if (!list) return;
  for (uint32_t i = 0; i < n; i++) list[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
  VkResult result = query(physical, &n, list);
  for (uint32_t i = 0; result == VK_SUCCESS && i < n; i++) {
    bool fits = list[i].scope == VK_SCOPE_SUBGROUP_KHR && list[i].AType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
                list[i].BType == VK_COMPONENT_TYPE_FLOAT16_KHR && list[i].CType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
                list[i].ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR;
    if (!fits || caps->n_coop_shapes == VC_MAX_COOP_SHAPES) continue;
    caps->coop_shapes[caps->n_coop_shapes++] = (struct vc_coop_shape){list[i].MSize, list[i].NSize, list[i].KSize};
  }
  free(list);
}

#if defined VK_NV_cooperative_matrix2 && defined VC_COOP2_KERNELS

typedef VkCooperativeMatrixFlexibleDimensionsPropertiesNV flexible;

static bool has_types(const flexible *f, VkComponentTypeKHR sums) {
  return f->scope == VK_SCOPE_WORKGROUP_KHR && f->AType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
         f->BType == VK_COMPONENT_TYPE_FLOAT16_KHR && f->CType == sums && f->ResultType == sums &&
         !f->saturatingAccumulation;
}

// Sums are rounded to a matrix of fp16 before they are stored: that must be of the same sides.
static bool can_round(const flexible *list, uint32_t n, const flexible *sums) {
  for (uint32_t i = 0; i < n; i++) {
    if (has_types(&list[i], VK_COMPONENT_TYPE_FLOAT16_KHR) &&
        list[i].workgroupInvocations == sums->workgroupInvocations && list[i].MGranularity && list[i].NGranularity &&
        sums->MGranularity % list[i].MGranularity == 0 && sums->NGranularity % list[i].NGranularity == 0)
      return true;
  }
  return false;
}

static void keep_grains(const flexible *list, uint32_t n, uint32_t max_invocations, struct vc_caps *caps) {
  for (uint32_t i = 0; i < n && caps->n_coop_grains < VC_MAX_COOP_GRAINS; i++) {
    const flexible *f = &list[i];
    if (!has_types(f, VK_COMPONENT_TYPE_FLOAT32_KHR) || f->workgroupInvocations > max_invocations) continue;
    if (!f->MGranularity || !f->NGranularity || !f->KGranularity || !can_round(list, n, f)) continue;
    caps->coop_grains[caps->n_coop_grains++] =
        (struct vc_coop_grain){f->workgroupInvocations, f->MGranularity, f->NGranularity, f->KGranularity};
  }
}

static void list_grains(VkInstance instance, VkPhysicalDevice physical, struct vc_caps *caps) {
  PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV query =
      (PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV)vkGetInstanceProcAddr(
          instance, "vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV");
  VkPhysicalDeviceCooperativeMatrix2FeaturesNV f = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV};
  VkPhysicalDeviceCooperativeMatrix2PropertiesNV p = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_PROPERTIES_NV};
  VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &f};
  VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &p};
  uint32_t n = 0;
  vkGetPhysicalDeviceFeatures2(physical, &features);
  vkGetPhysicalDeviceProperties2(physical, &properties);
  bool has_all = f.cooperativeMatrixWorkgroupScope && f.cooperativeMatrixFlexibleDimensions &&
                 f.cooperativeMatrixPerElementOperations && f.cooperativeMatrixTensorAddressing;
  if (!query || !has_all || query(physical, &n, NULL) != VK_SUCCESS || n == 0) return;
  flexible *list = calloc(n, sizeof *list);
  if (!list) return;
  for (uint32_t i = 0; i < n; i++) {
    list[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV;
  }
  if (query(physical, &n, list) == VK_SUCCESS) {
    keep_grains(list, n, p.cooperativeMatrixWorkgroupScopeMaxWorkgroupSize, caps);
  }
  free(list);
  caps->coop_matrix2_max_side = p.cooperativeMatrixFlexibleDimensionsMaxDimension;
}

static void *request_workgroup(const struct vc_caps *caps, void *next, const char **extensions, uint32_t *inout_n,
                               struct gpu_matrix_features *out) {
  if (!caps->coop_matrix2) return next;
  out->nv2 = (VkPhysicalDeviceCooperativeMatrix2FeaturesNV){
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV,
      .pNext = next,
      .cooperativeMatrixWorkgroupScope = VK_TRUE,
      .cooperativeMatrixFlexibleDimensions = VK_TRUE,
      .cooperativeMatrixPerElementOperations = VK_TRUE,
      .cooperativeMatrixTensorAddressing = VK_TRUE};
  extensions[(*inout_n)++] = VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME;
  return &out->nv2;
}

#else // headers of 2024, or shader tools that left the kernels out

static void list_grains(VkInstance instance, VkPhysicalDevice physical, struct vc_caps *caps) {
  (void)instance, (void)physical, (void)caps;
}

static void *request_workgroup(const struct vc_caps *caps, void *next, const char **extensions, uint32_t *inout_n,
                               struct gpu_matrix_features *out) {
  (void)caps, (void)extensions, (void)inout_n, (void)out;
  return next;
}

#endif

void gpu_caps_matrices(VkInstance instance, VkPhysicalDevice physical, const struct gpu_extensions *ext,
                       struct vc_caps *caps) {
  list_shapes(instance, physical, caps);
  caps->coop_matrix = caps->n_coop_shapes > 0;
  if (!caps->coop_matrix || !ext->coop_matrix2 || caps->api_version < VK_API_VERSION_1_3) return;
  list_grains(instance, physical, caps);
  caps->coop_matrix2 = caps->n_coop_grains > 0;
}

void *gpu_matrix_request(const struct vc_caps *caps, void *next, const char **extensions, uint32_t *inout_n,
                         struct gpu_matrix_features *out) {
  if (!caps->coop_matrix) return next;
  out->khr = (VkPhysicalDeviceCooperativeMatrixFeaturesKHR){
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
      .pNext = next,
      .cooperativeMatrix = VK_TRUE};
  extensions[(*inout_n)++] = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
  return request_workgroup(caps, &out->khr, extensions, inout_n, out);
}
