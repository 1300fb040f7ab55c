// Compensated sums: s + e carries the running sum to about twice the precision of float, whatever the order of its
// terms. `precise` keeps compilers from cancelling the correction (s + x) - s algebraically.
#ifndef VC_SHARED_SUM_GLSL
#define VC_SHARED_SUM_GLSL

struct vc_acc {
  float s, e;
};
struct vc_acc4 {
  vec4 s, e;
};

void vc_acc_add(inout vc_acc a, float x) {
  precise float t = a.s + x;
  precise float b = t - a.s;
  precise float lost = (a.s - (t - b)) + (x - b); // exact: Knuth's two-sum
  precise float e = a.e + lost;
  a.s = t;
  a.e = e;
}

void vc_acc_add(inout vc_acc4 a, vec4 x) {
  precise vec4 t = a.s + x;
  precise vec4 b = t - a.s;
  precise vec4 lost = (a.s - (t - b)) + (x - b);
  precise vec4 e = a.e + lost;
  a.s = t;
  a.e = e;
}

float vc_acc_value(vc_acc a) { return a.s + a.e; }
vec4 vc_acc_value(vc_acc4 a) { return a.s + a.e; }

#endif
