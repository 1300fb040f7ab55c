#version 460
// What the device can multiply and add: out[t] = the sum over 16 chains of a chain's value after 16 n_rounds steps
// a = a * factor + term from a = t + chain. The chains do not wait for each other and stay in registers.
#extension GL_GOOGLE_include_directive : require
#include "peak.h"

layout(local_size_x = PEAK_LOCAL) in;
layout(binding = 0, std430) writeonly buffer Out { float out_sum[]; };
layout(push_constant) uniform Push { vc_peak_push p; };

#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define FIRST(i) float a##i = start + float(i);
#define STEP(i)  a##i = a##i * factor + term;
#define ADD(i)   sum += a##i;
#define FOUR     EACH(STEP) EACH(STEP) EACH(STEP) EACH(STEP)

void main() {
  const uint thread = vc_thread_index();
  if (thread >= p.n_threads) return;
  const float start = float(thread), factor = p.factor, term = p.term;
  EACH(FIRST)
  for (uint round = 0; round < p.n_rounds; round++) {
    FOUR // more steps of a chain in one go: a compiler may put them one behind the other, which then wait for each other
  }
  float sum = 0;
  EACH(ADD)
  out_sum[thread] = sum;
}
