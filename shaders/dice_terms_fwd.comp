// [DICE 4] The gradient of a counted pixel is dL/dp_c = a_c g_c + b_c p_c (SUM: a_c g_c + b_c): y[c] = a_c, y[C + c]
// = b_c, both times the gradient of the loss itself. One invocation a class.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "dice.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(binding = 1) readonly buffer G { float grad[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  uint c = gl_GlobalInvocationID.x;
  if (c >= pc.c) return;
  vec2 t;
  float w;
  if (GENERALISED) {
    float counted = counted_pixels();
    t = total_ratio(counted);
    w = class_weight(counted, c);
  } else {
    t = class_ratio(c);
    w = 1.0 / float(pc.c);
  }
  float ratio = t.x / t.y;
  y[c] = -2.0 * grad[0] * w / t.y;
  y[pc.c + c] = (SUM ? 1.0 : 2.0) * grad[0] * w * ratio / t.y;
}
