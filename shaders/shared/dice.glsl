// What the Dice loss and its gradient compute from the sums s = {sum p g, sum p² or sum p, sum g} of C classes each.
#ifndef VC_SHARED_DICE_GLSL
#define VC_SHARED_DICE_GLSL
#include "dice.h"

layout(constant_id = SC_DICE_SUM) const bool SUM = false;
layout(constant_id = SC_DICE_GENERALISED) const bool GENERALISED = false;
layout(binding = 0) readonly buffer S { float s[]; };

const float EPSILON = 1e-5;

// [DICE 3] w_c = (counted pixels / max(sum g_c, 1))². Constants: no gradient passes through them.
float class_weight(float counted, uint c) {
  float ratio = counted / max(s[2u * pc.c + c], 1.0);
  return ratio * ratio;
}

float counted_pixels() {
  float n = 0.0;
  for (uint c = 0u; c < pc.c; c++) n += s[2u * pc.c + c];
  return n;
}

// Numerator and denominator of one class [DICE 2], or of all classes [DICE 3].
vec2 class_ratio(uint c) { return vec2(2.0 * s[c] + EPSILON, s[pc.c + c] + s[2u * pc.c + c] + EPSILON); }
vec2 total_ratio(float counted) {
  vec2 t = vec2(EPSILON);
  for (uint c = 0u; c < pc.c; c++) t += class_weight(counted, c) * vec2(2.0 * s[c], s[pc.c + c] + s[2u * pc.c + c]);
  return t;
}

#endif
