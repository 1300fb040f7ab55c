// The Vulkan loader and instances.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu_private.h"

static pthread_mutex_t loader_lock = PTHREAD_MUTEX_INITIALIZER;
static bool loader_ready, functions_ready; // under loader_lock

void gpu_loader_lock(void) {
  pthread_mutex_lock(&loader_lock);
}

void gpu_loader_unlock(void) {
  pthread_mutex_unlock(&loader_lock);
}

// lavapipe makes vectors of 256 bits unless told otherwise; 512 are 1.6 times faster where the processor has them. The
// variable means nothing to other drivers, and must be there before the driver is loaded.
static void prefer_wide_vectors(void) {
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    setenv("LP_NATIVE_VECTOR_WIDTH", "512", 0);
  }
#endif
}

static vc_status load_loader(void) {
  gpu_loader_lock();
  if (!loader_ready) {
    prefer_wide_vectors();
    loader_ready = volkInitialize() == VK_SUCCESS;
  }
  bool ready = loader_ready;
  gpu_loader_unlock();
  if (!ready) {
    return VC_FAIL(VC_E_NO_DEVICE, "vulkan: no loader found (libvulkan.so.1); install it and a driver, for example the "
                                   "packages libvulkan1 and mesa-vulkan-drivers");
  }
  return VC_OK;
}

static bool has_extension(const char *name) {
  uint32_t n = 0;
  bool found = false;
  VkExtensionProperties *list = NULL;
  if (vkEnumerateInstanceExtensionProperties(NULL, &n, NULL) == VK_SUCCESS && n > 0) list = calloc(n, sizeof *list);
  if (list && vkEnumerateInstanceExtensionProperties(NULL, &n, list) == VK_SUCCESS) {
    for (uint32_t i = 0; i < n; i++) found |= strcmp(list[i].extensionName, name) == 0;
  }
  free(list);
  return found;
}

static void load_functions(VkInstance instance) {
  gpu_loader_lock();
  if (!functions_ready) {
    volkLoadInstanceOnly(instance); // the loader's entry points serve every instance
    functions_ready = true;
  }
  gpu_loader_unlock();
}

static vc_status create_messenger(struct gpu_instance *instance, const VkDebugUtilsMessengerCreateInfoEXT *info) {
  PFN_vkCreateDebugUtilsMessengerEXT create =
      (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(instance->handle, "vkCreateDebugUtilsMessengerEXT");
  VkResult result =
      create ? create(instance->handle, info, NULL, &instance->messenger) : VK_ERROR_EXTENSION_NOT_PRESENT;
  if (result != VK_SUCCESS)
    return VC_FAIL(VC_E_INTERNAL, "vulkan: no messenger for validation (VkResult %d)", (int)result);
  return VC_OK;
}

vc_status gpu_instance_create(bool validation, struct gpu_instance *out) {
  *out = (struct gpu_instance){0};
  VC_TRY(load_loader());
  uint32_t loader_version = volkGetInstanceVersion();
  out->api_version = VC_MIN(loader_version, VK_API_VERSION_1_3);
  const char *layer = validation ? gpu_validation_layer() : NULL;
  const char *extensions[2];
  uint32_t n_extensions = 0;
  VkInstanceCreateFlags flags = 0;
  if (has_extension(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
    extensions[n_extensions++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
    flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
  }
  out->debug_utils = has_extension(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  if (out->debug_utils) extensions[n_extensions++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;

  VkDebugUtilsMessengerCreateInfoEXT messenger;
  gpu_validation_describe(out, &messenger);
  VkValidationFeatureEnableEXT enables[] = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  VkValidationFeaturesEXT features = {
      .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
      .pNext = out->debug_utils ? &messenger : NULL,
      .enabledValidationFeatureCount = VC_COUNT_OF(enables),
      .pEnabledValidationFeatures = enables,
  };
  VkApplicationInfo application = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .pApplicationName = "vulcyte", .apiVersion = out->api_version};
  VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pNext = layer ? &features : NULL,
      .flags = flags,
      .pApplicationInfo = &application,
      .enabledLayerCount = layer ? 1 : 0,
      .ppEnabledLayerNames = &layer,
      .enabledExtensionCount = n_extensions,
      .ppEnabledExtensionNames = extensions,
  };
  gpu_loader_lock();
  VkResult result = vkCreateInstance(&info, NULL, &out->handle);
  gpu_loader_unlock();
  if (result != VK_SUCCESS) {
    out->handle = VK_NULL_HANDLE;
    return VC_FAIL(VC_E_NO_DEVICE,
                   "vulkan: no instance (VkResult %d); install a driver, for example the package mesa-vulkan-drivers",
                   (int)result);
  }
  load_functions(out->handle);
  if (layer && out->debug_utils) {
    vc_status status = create_messenger(out, &messenger);
    if (status != VC_OK) {
      gpu_instance_destroy(out);
      return status;
    }
  }
  return VC_OK;
}

void gpu_instance_destroy(struct gpu_instance *instance) {
  if (!instance->handle) return;
  if (instance->messenger) {
    PFN_vkDestroyDebugUtilsMessengerEXT destroy =
        (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(instance->handle, "vkDestroyDebugUtilsMessengerEXT");
    if (destroy) destroy(instance->handle, instance->messenger, NULL);
    instance->messenger = VK_NULL_HANDLE;
  }
  gpu_loader_lock();
  vkDestroyInstance(instance->handle, NULL);
  gpu_loader_unlock();
  instance->handle = VK_NULL_HANDLE;
}
