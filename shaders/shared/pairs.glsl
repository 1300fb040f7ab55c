// Kernels for SIMD CPUs: one subgroup is a workgroup and walks through memory in one direction. A lane takes elements in
// pairs, which one gather or scatter moves; lanes stand side by side. To be included behind act.glsl.
#ifndef VC_SHARED_PAIRS_GLSL
#define VC_SHARED_PAIRS_GLSL

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer In { vc_pair v; };
layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer Out { vc_pair v; };
layout(buffer_reference, scalar, buffer_reference_align = 8) writeonly buffer Sums { vec2 v; };

// Two pairs, at `a` and at `b`, as one vector.
vec4 vc_load_pairs(uint64_t a, uint64_t b) {
  vc_pair u = In(a).v, v = In(b).v;
  return vec4(vc_unpack_pair(u), vc_unpack_pair(v));
}

void vc_store_pairs(uint64_t a, uint64_t b, vec4 x) {
  Out(a).v = vc_pack_pair(x.xy);
  Out(b).v = vc_pack_pair(x.zw);
}

#endif
