// Positions in a dense tensor that are stepped through with one fixed stride: divisions once, additions with carry
// after that. Digit x runs fastest; radix holds the sizes of digits x, y, z; w is unbounded.
#ifndef VC_SHARED_WALK_GLSL
#define VC_SHARED_WALK_GLSL

uvec4 vc_digits(uint index, uvec3 radix) {
  uint a = index / radix.x, b = a / radix.y, c = b / radix.z;
  return uvec4(index - a * radix.x, a - b * radix.y, b - c * radix.z, c);
}

// position + step, digit by digit; both were made by vc_digits with this radix.
uvec4 vc_advance(uvec4 position, uvec4 step, uvec3 radix) {
  uvec4 p = position + step;
  if (p.x >= radix.x) {
    p.x -= radix.x;
    p.y++;
  }
  if (p.y >= radix.y) {
    p.y -= radix.y;
    p.z++;
  }
  if (p.z >= radix.z) {
    p.z -= radix.z;
    p.w++;
  }
  return p;
}

#endif
