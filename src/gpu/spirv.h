// Reflection: what a SPIR-V module says of its bindings, push block, constants, workgroup and needs; and the one
// rewriting of modules. Pure; no device.
#ifndef VC_GPU_SPIRV_H
#define VC_GPU_SPIRV_H

#include "vulcyte/gpu.h"

// Reads a module with one compute entry point called "main". Any words are safe to pass: what is damaged, or breaks a
// rule that the executor relies on, fails with VC_E_FORMAT and a message that starts with name. Specialisation constant
// i counts as spec[i] where i < n_spec, else as its default; that decides local_size and shared_bytes. The rules:
// storage buffers of set 0 at bindings 0..n-1, or addresses that lead the push block, not both; every binding read or
// written; 32-bit specialisation constants; at most VC_MAX_* of each; no capability beyond those that vc_needs can
// tell. name is borrowed by out_info.
vc_status gpu_spirv_reflect(const char *name, const uint32_t *words, size_t n_words, const uint32_t *spec,
                            uint32_t n_spec, struct vc_kernel_info *out_info);

// A module that was reflected as info with bindings, made anew so that it loads single 32-bit numbers from those it
// only reads by address: its push block begins with the address of binding[i] in place i, 8 bytes each, in front of its
// parameters. All bindings stay declared to the pipeline. words NULL: there is nothing to gain, or no room in the push
// block. The caller frees words. A driver that checks every lane's bounds and branches for it runs such loads faster
// and compiles them faster.
enum { GPU_MAX_ADDRESSES = VC_MAX_PUSH_BYTES / 8 };
struct gpu_spirv_code {
  uint32_t *words;
  size_t n_words;
  uint32_t n_addresses;
  uint8_t binding[GPU_MAX_ADDRESSES];
};
vc_status gpu_spirv_load_by_address(const uint32_t *words, size_t n_words, const struct vc_kernel_info *info,
                                    struct gpu_spirv_code *out);

#endif
