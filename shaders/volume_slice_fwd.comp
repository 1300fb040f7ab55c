// [SLICE 1] y[n,0,v,u] = the volume at the position that sampler n gives for (u, v), as the bits of a float (LINEAR) or
// as the stored number (nearest); IGNORE outside the volume and where the planes of another slab are needed.
// y {N,1,H,W}. Workgroup row n makes slice n; an invocation takes every stride-th pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "volume.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_VOLUME_LINEAR) const uint SC_LINEAR = 0;
layout(binding = 0) readonly buffer Pool { uint pool[]; };
layout(binding = 1) readonly buffer Slab { uint slab[]; };
layout(binding = 2) readonly buffer S { float s[]; };
layout(binding = 3) writeonly buffer Y { uint y[]; };

// Voxels of 32 >> shift bits, packed from a word's low bits on.
uint stored(uvec3 at, uvec3 size, uint first, uint format) {
  uint i = ((at.z - first) * size.y + at.y) * size.x + at.x;
  uint shift = format == VOLUME_U8 ? 2u : format == VOLUME_U16 ? 1u : 0u, bits = 32u >> shift;
  return pool[i >> shift] >> (bits * (i & ((1u << shift) - 1u))) & (0xFFFFFFFFu >> (32u - bits));
}

float value(uvec3 at, uvec3 size, uint first, uint format) {
  uint word = stored(at, size, first, format);
  return format == VOLUME_F32 ? uintBitsToFloat(word) : float(word);
}

// Always a position (x, y, z) in voxels, with nothing contracted: every slab must find the same.
vec3 position(uint at, uint u, uint v) {
  vec2 centre = 0.5 * vec2(float(pc.w - 1u), float(pc.h - 1u));
  precise vec2 from_centre = vec2(float(u), float(v)) - centre;
  vec3 a = vec3(s[at], s[at + 1u], s[at + 2u]), b = vec3(s[at + 3u], s[at + 4u], s[at + 5u]);
  vec3 c = vec3(s[at + 6u], s[at + 7u], s[at + 8u]);
  precise vec3 p = a * from_centre.x + b * from_centre.y + c;
  return p;
}

// Nothing contracted here either, so that all devices give the same bits.
float mix_exactly(float v, float next, float t) {
  precise float result = v + t * (next - v);
  return result;
}

float along_x(float t, uvec3 low, uint x1, uvec3 size, uint first, uint format) {
  return mix_exactly(value(low, size, first, format), value(uvec3(x1, low.yz), size, first, format), t);
}

float between(vec3 p, uvec3 low, uvec3 high, uvec3 size, uint first, uint format) {
  precise vec3 t = p - floor(p);
  float planes[2];
  for (uint k = 0u; k < 2u; k++) {
    uint z = k == 0u ? low.z : high.z;
    planes[k] = mix_exactly(along_x(t.x, uvec3(low.xy, z), high.x, size, first, format),
                            along_x(t.x, uvec3(low.x, high.y, z), high.x, size, first, format), t.y);
  }
  return mix_exactly(planes[0], planes[1], t.z);
}

void main() {
  uvec3 size = uvec3(slab[VOLUME_WIDTH], slab[VOLUME_HEIGHT], slab[VOLUME_DEPTH]);
  uint first = slab[VOLUME_FIRST], end = slab[VOLUME_END], format = slab[VOLUME_FORMAT];
  vec3 limit = vec3(size) - 0.5;
  uint base = gl_WorkGroupID.y * pc.n;
  uvec3 radix = uvec3(pc.w, ~0u, ~0u);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint i = gl_GlobalInvocationID.x; i < pc.n; i += pc.stride) {
    vec3 p = position(9u * gl_WorkGroupID.y, at.x, at.y);
    uint result = VOLUME_IGNORE;
    if (all(greaterThanEqual(p, vec3(-0.5))) && all(lessThan(p, limit))) {
      vec3 floor_of = floor(SC_LINEAR != 0u ? p : p + 0.5);
      uvec3 low = min(uvec3(max(floor_of, vec3(0.0))), size - 1u); // min: p + 1/2 may round up to the side
      if (low.z >= first && low.z < end) {
        if (SC_LINEAR != 0u) {
          uvec3 high = min(uvec3(ivec3(floor_of) + 1), size - 1u);
          result = floatBitsToUint(between(p, low, high, size, first, format));
        } else {
          result = stored(low, size, first, format);
        }
      }
    }
    y[base + i] = result;
    at = vc_advance(at, step, radix);
  }
}
