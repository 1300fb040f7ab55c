// The element of an activation in memory: 32-bit float, or 16-bit where VC_HALF is defined (modules NAME_h of
// variants.list). Kernels compute in float whichever it is: float(x[i]), vec4(x4[i]); vc_act(v), vc_act4(v). Kernels that
// only move elements take them as vc_word. To be included before anything that is no preprocessor line.
#ifndef VC_SHARED_ACT_GLSL
#define VC_SHARED_ACT_GLSL

#ifdef VC_HALF
#extension GL_EXT_shader_16bit_storage : require
#define VC_ACT_BYTES 2
#define vc_act       float16_t
#define vc_act4      f16vec4
#define vc_word      uint16_t
#define vc_word4     u16vec4
// Two neighbouring elements in one load or store.
#define vc_pair           uint
#define vc_unpack_pair(v) unpackHalf2x16(v)
#define vc_pack_pair(v)   packHalf2x16(v)
// Four, as they stand in memory: half as wide as unpacked where they wait in registers.
#define vc_quad           uvec2
#define vc_unpack_quad(v) vec4(unpackHalf2x16((v).x), unpackHalf2x16((v).y))
#define vc_pack_quad(v)   uvec2(packHalf2x16((v).xy), packHalf2x16((v).zw))
#else
#define VC_ACT_BYTES 4
#define vc_act       float
#define vc_act4      vec4
#define vc_word      uint
#define vc_word4     uvec4
#define vc_pair           uint64_t
#define vc_unpack_pair(v) uintBitsToFloat(uvec2(uint(v), uint((v) >> 32)))
#define vc_pack_pair(v)   (uint64_t(floatBitsToUint((v).x)) | uint64_t(floatBitsToUint((v).y)) << 32)
#define vc_quad           vec4
#define vc_unpack_quad(v) (v)
#define vc_pack_quad(v)   (v)
#endif

#endif
