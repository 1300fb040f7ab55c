// Capabilities of a device that does not exist, for plans that must come out the same everywhere.
#ifndef VULCYTE_TESTS_DRY_CAPS_H
#define VULCYTE_TESTS_DRY_CAPS_H

#include <vulcyte/caps.h>

// What every Vulkan 1.2 device has at least, roughly; no feature.
static inline struct vc_caps dry_caps(void) {
  struct vc_caps caps = {.type = VC_DEVICE_INTEGRATED,
                         .subgroup_size = 16,
                         .min_subgroup_size = 16,
                         .max_subgroup_size = 16,
                         .max_workgroup_invocations = 128,
                         .max_workgroup_size = {128, 128, 64},
                         .max_workgroup_count = {65535, 65535, 65535},
                         .max_shared_bytes = 16384,
                         .max_push_bytes = 128,
                         .max_stage_buffers = 8,
                         .buffer_align = 256,
                         .max_buffer_range = 128u << 20,
                         .max_allocation_bytes = 1u << 30,
                         .heap_bytes = 1u << 30};
  return caps;
}

#endif
