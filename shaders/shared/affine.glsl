// Where an affine map reads: the one definition that images, labels, alignment, its adjoint and the mask share, so that
// they agree bit by bit on every position. `precise`: nothing is contracted, whatever stands around a call.
#ifndef VC_SHARED_AFFINE_GLSL
#define VC_SHARED_AFFINE_GLSL

struct vc_sampler {
  vec3 x, y; // source_x = dot(x, (u, v, 1)), source_y likewise, from the centre
};

// Sampler n of a buffer of floats.
#define vc_sampler_of(s, n)                                           \
  vc_sampler(vec3(s[6u * (n)], s[6u * (n) + 1u], s[6u * (n) + 2u]), \
             vec3(s[6u * (n) + 3u], s[6u * (n) + 4u], s[6u * (n) + 5u]))

// The position in pixel coordinates that output pixel (x, y) of a w x h image reads. Identity gives (x, y) exactly.
vec2 vc_affine_position(vc_sampler s, uint x, uint y, uint w, uint h) {
  vec2 centre = 0.5 * vec2(float(w - 1u), float(h - 1u));
  precise vec2 u = vec2(float(x), float(y)) - centre;
  precise vec2 source = vec2(s.x.x, s.y.x) * u.x + vec2(s.x.y, s.y.y) * u.y + vec2(s.x.z, s.y.z);
  precise vec2 position = source + centre;
  return position;
}

// An image covers [-1/2, w-1/2) x [-1/2, h-1/2).
bool vc_affine_inside(vec2 p, uint w, uint h) {
  return p.x >= -0.5 && p.y >= -0.5 && p.x < float(w) - 0.5 && p.y < float(h) - 0.5;
}

#endif
