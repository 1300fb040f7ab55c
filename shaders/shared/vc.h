// Read by C and by GLSL: scalar types for push blocks, and work split over the three axes of a dispatch.
//
// A push block is a struct of VC_U32, VC_I32 and VC_F32 in the header of its family; the shader declares
//   layout(push_constant) uniform Push { vc_foo_push p; };
// and, in the form by address, its buffer_reference members in front of p. Specialisation constants are named SC_* there.
#ifndef VC_SHARED_VC_H
#define VC_SHARED_VC_H

#ifdef VULKAN // GLSL

#define VC_U32 uint
#define VC_I32 int
#define VC_F32 float
#define VC_STRUCT(name) struct name

// The number of this workgroup in a dispatch that vc_fold_groups() made. A shader must return where it is too high: folding
// may add groups.
uint vc_group_index() {
  return gl_WorkGroupID.x + gl_NumWorkGroups.x * (gl_WorkGroupID.y + gl_NumWorkGroups.y * gl_WorkGroupID.z);
}
// The number of this invocation; usable behind the declaration of the workgroup's size.
#define vc_thread_index() \
  (vc_group_index() * (gl_WorkGroupSize.x * gl_WorkGroupSize.y * gl_WorkGroupSize.z) + gl_LocalInvocationIndex)

#else // C

#include <stdint.h>

#define VC_U32 uint32_t
#define VC_I32 int32_t
#define VC_F32 float
#define VC_STRUCT(name)                                                                                                \
  typedef struct name name;                                                                                            \
  struct name

// Spreads n_groups workgroups over the axes, each within max_count (65535 at least): few more than n_groups come out.
static inline void vc_fold_groups(uint64_t n_groups, const uint32_t max_count[3], uint32_t out_groups[3]) {
  uint64_t left = n_groups;
  for (int i = 0; i < 3; i++) {
    uint64_t n_outer = (left + max_count[i] - 1) / max_count[i]; // how many rows, planes are needed
    uint64_t n = n_outer > 1 ? (left + n_outer - 1) / n_outer : left;
    out_groups[i] = (uint32_t)(n > 0 ? n : 1);
    left = n_outer > 0 ? n_outer : 1;
  }
}

#endif
#endif
