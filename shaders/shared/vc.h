// Read by C and by GLSL: scalar types for push blocks, and work split over the three axes of a dispatch.
//
// A push block is a struct of VC_UINT, VC_INT and VC_FLOAT (graph.h keeps VC_F32 and the like for tensors) in the
// header of its family; the shader declares
//   layout(push_constant) uniform Push { vc_foo_push p; };
// and, in the form by address, its buffer_reference members in front of p. Specialisation constants are named SC_*
// there.
#ifndef VC_SHARED_VC_H
#define VC_SHARED_VC_H

#ifdef VULKAN // GLSL

#define VC_UINT         uint
#define VC_INT          int
#define VC_FLOAT        float
#define VC_STRUCT(name) struct name

// The number of this workgroup, where a host spread more groups than one axis holds over x, y and z. That may add
// groups: a shader must return where its number is too high.
uint vc_group_index() {
  return gl_WorkGroupID.x + gl_NumWorkGroups.x * (gl_WorkGroupID.y + gl_NumWorkGroups.y * gl_WorkGroupID.z);
}
// The number of this invocation; usable behind the declaration of the workgroup's size.
#define vc_thread_index() \
  (vc_group_index() * (gl_WorkGroupSize.x * gl_WorkGroupSize.y * gl_WorkGroupSize.z) + gl_LocalInvocationIndex)

#else // C

#include <stdint.h>

#define VC_UINT  uint32_t
#define VC_INT   int32_t
#define VC_FLOAT float
#define VC_STRUCT(name)     \
  typedef struct name name; \
  struct name

#endif
#endif
