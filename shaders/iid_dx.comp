// [IID 5] The gradient to one map from the other and the terms [IID 4], over the box of displacements in row order:
//   to a: y_i(u) = sum_t sum_j terms_t[i][j] b_j(u+t)      TRANSPOSED, to b: y_j(v) = sum_t sum_i terms_t[i][j] a_i(v-t)
// where both pixels are valid and in the image. An invocation takes every stride-th element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "iid.h"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_IID_TRANSPOSED) const bool TRANSPOSED = false;
layout(binding = 0) readonly buffer O { float other[]; };
layout(binding = 1) readonly buffer V { float valid[]; };
layout(binding = 2) readonly buffer T { float terms[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

void main() {
  uint d = pc.side / 2u, term_step = TRANSPOSED ? pc.c : 1u;
  uvec3 radix = uvec3(pc.c, pc.w, pc.h);
  uvec4 at = vc_digits(gl_GlobalInvocationID.x, radix), step = vc_digits(pc.stride, radix);
  for (uint e = gl_GlobalInvocationID.x; e < pc.pixels * pc.c; e += pc.stride) {
    uint u = (at.w * pc.h + at.z) * pc.w + at.y, first_term = TRANSPOSED ? at.x : at.x * pc.c;
    float sum = 0.0;
    for (uint t = 0u; t < pc.side * pc.side && valid[u] > 0.0; t++) {
      uint dx = t % pc.side - d, dy = t / pc.side - d; // wrap around below 0: sums stay right
      if (TRANSPOSED) {
        dx = 0u - dx;
        dy = 0u - dy;
      }
      if (at.y + dx >= pc.w || at.z + dy >= pc.h) continue;
      uint pixel = u + dy * pc.w + dx;
      if (valid[pixel] <= 0.0) continue;
      uint term = t * pc.matrix + first_term;
      for (uint k = 0u; k < pc.c; k++) sum += terms[term + k * term_step] * other[pixel * pc.c + k];
    }
    y[e] = sum;
    at = vc_advance(at, step, radix);
  }
}
