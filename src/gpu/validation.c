#include <stdlib.h>
#include <string.h>

#include "gpu/gpu_private.h"

static const char layer_name[] = "VK_LAYER_KHRONOS_validation";

bool gpu_validation_wanted(void) {
  const char *text = getenv("VULCYTE_VALIDATION");
  return text && strcmp(text, "1") == 0;
}

const char *gpu_validation_layer(void) {
  VkLayerProperties *layers = NULL;
  uint32_t n = 0;
  bool found = false;
  if (vkEnumerateInstanceLayerProperties(&n, NULL) == VK_SUCCESS && n > 0) layers = calloc(n, sizeof *layers);
  if (layers && vkEnumerateInstanceLayerProperties(&n, layers) == VK_SUCCESS) {
    for (uint32_t i = 0; i < n; i++) found |= strcmp(layers[i].layerName, layer_name) == 0;
  }
  free(layers);
  if (!found)
    vc_log(VC_LOG_WARNING, "VULCYTE_VALIDATION=1: the layer %s is not installed; running without", layer_name);
  return found ? layer_name : NULL;
}

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data, void *context) {
  (void)severity, (void)types;
  struct gpu_instance *instance = context;
  atomic_fetch_add(&instance->n_messages, 1);
  vc_log(VC_LOG_WARNING, "validation: %s", data->pMessage ? data->pMessage : "(no text)");
  return VK_FALSE;
}

void gpu_validation_describe(struct gpu_instance *instance, VkDebugUtilsMessengerCreateInfoEXT *out) {
  *out = (VkDebugUtilsMessengerCreateInfoEXT){
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity =
          VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      // The loader's own chatter about drivers comes as GENERAL and says nothing about this program.
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
      .pfnUserCallback = on_message,
      .pUserData = instance,
  };
}
