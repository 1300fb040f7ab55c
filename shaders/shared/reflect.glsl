// Reflection about the centres of the border pixels: ... 2 1 |0 1 2 ... n-1| n-2 ...
#ifndef VC_SHARED_REFLECT_GLSL
#define VC_SHARED_REFLECT_GLSL

// The place in [0, n) that integer i falls on, |i| < 2^24; period 2(n-1), and 0 for n = 1. In floats, whose division is
// the faster one; the quotient may be off by one.
uint vc_reflect(float i, uint n) {
  float last = float(n - 1u), period = max(2.0 * last, 1.0);
  float m = abs(i);
  m -= period * floor(m / period);
  m += m < 0.0 ? period : m >= period ? -period : 0.0;
  return uint(clamp(min(m, period - m), 0.0, last));
}

#endif
