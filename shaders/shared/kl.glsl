// The target t of a pixel as [KL 1] takes it, for the loss and its gradient.
#ifndef VC_SHARED_KL_GLSL
#define VC_SHARED_KL_GLSL
#include "kl.h"

layout(constant_id = SC_KL_SHARPEN) const bool SHARPEN = false;
layout(binding = 0) readonly buffer T { float target[]; };
layout(binding = 1) readonly buffer P { float p[]; };
layout(binding = 2) readonly buffer V { float valid[]; };

const float FLOOR = 2.2e-16; // under the logarithms

struct kl_pixel {
  uint first;       // element of the pixel's channel 0
  bool is_valid;    // counts in the denominator
  bool is_counted;  // counts in the sum: valid and confident
  float largest, norm; // SHARPEN: max_c t, sum_c (t_c / max)^(1/T)
};

// [KL 2] The confidence is that of the target as it is given; only then is it sharpened.
kl_pixel kl_pixel_at(uint i) {
  kl_pixel x = kl_pixel(i * pc.c, valid[i] > 0.0, false, 0.0, 1.0);
  if (!x.is_valid) return x;
  for (uint c = 0u; c < pc.c; c++) x.largest = max(x.largest, target[x.first + c]);
  x.is_counted = pc.confidence <= 0.0 || x.largest > pc.confidence;
  if (!SHARPEN) return x;
  x.norm = 0.0;
  for (uint c = 0u; c < pc.c; c++) x.norm += pow(target[x.first + c] / x.largest, pc.inverse_temperature);
  return x;
}

// [KL 3] t_c^(1/T) / sum_k t_k^(1/T), from ratios to the largest so that no power underflows for all classes.
float kl_target(kl_pixel x, uint c) {
  float t = target[x.first + c];
  return SHARPEN ? pow(t / x.largest, pc.inverse_temperature) / x.norm : t;
}

#endif
