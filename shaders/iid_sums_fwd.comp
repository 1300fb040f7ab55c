// [IID 1] First pass: partial sums of a_i(u) b_j(u+t) over the pixels u where u and u+t are valid, u+t in the image.
// Invocation (t, tile of i, tile of j, row), the row fastest, takes the pixels row, row + rows, ... for TILE x TILE
// pairs of classes; compensated. Row r of the result holds C x C sums for each displacement t of the box, in row order.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "iid.h"
#include "sum.glsl"
#include "walk.glsl"

layout(local_size_x = OPS_LOCAL) in;
layout(constant_id = SC_IID_TILE) const uint TILE = 2; // 2 or 4
layout(binding = 0) readonly buffer A { float a[]; };
layout(binding = 1) readonly buffer B { float b[]; };
layout(binding = 2) readonly buffer V { float valid[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

// Classes first.. of a pixel; 0 beyond the last class.
#define LOAD(x, pixel, first)                                                         \
  vec4(x[(pixel) * pc.c + (first)],                                                   \
       (first) + 1u < pc.c ? x[(pixel) * pc.c + (first) + 1u] : 0.0,                  \
       TILE == 4u && (first) + 2u < pc.c ? x[(pixel) * pc.c + (first) + 2u] : 0.0,    \
       TILE == 4u && (first) + 3u < pc.c ? x[(pixel) * pc.c + (first) + 3u] : 0.0)

void store(uint at, uint i, uint j, vec4 v) {
  if (i >= pc.c) return;
  for (uint k = 0u; k < TILE && j + k < pc.c; k++) y[at + i * pc.c + j + k] = v[k];
}

void main() {
  uint row = gl_GlobalInvocationID.x % pc.rows, k = gl_GlobalInvocationID.x / pc.rows;
  uint j = TILE * (k % pc.tiles), i = TILE * (k / pc.tiles % pc.tiles), t = k / (pc.tiles * pc.tiles);
  if (t >= pc.side * pc.side) return;
  uint dx = t % pc.side - pc.side / 2u, dy = t / pc.side - pc.side / 2u; // wrap around below 0: sums stay right
  vc_acc4 s0 = vc_acc4(vec4(0.0), vec4(0.0)), s1 = s0, s2 = s0, s3 = s0;
  uvec3 radix = uvec3(pc.w, pc.h, ~0u);
  uvec4 at = vc_digits(row, radix), step = vc_digits(pc.rows, radix);
  for (uint u = row; u < pc.pixels; u += pc.rows) {
    uint other = u + dy * pc.w + dx;
    bool is_counted = at.x + dx < pc.w && at.y + dy < pc.h && valid[u] > 0.0;
    at = vc_advance(at, step, radix);
    if (!is_counted) continue;
    if (valid[other] <= 0.0) continue;
    vec4 p = LOAD(a, u, i), q = LOAD(b, other, j);
    if (TILE == 2u) {
      vc_acc_add(s0, p.xxyy * q.xyxy);
    } else {
      vc_acc_add(s0, p.x * q);
      vc_acc_add(s1, p.y * q);
      vc_acc_add(s2, p.z * q);
      vc_acc_add(s3, p.w * q);
    }
  }
  uint first = (row * pc.side * pc.side + t) * pc.c * pc.c;
  if (TILE == 2u) {
    vec4 v = vc_acc_value(s0);
    store(first, i, j, v);
    store(first, i + 1u, j, v.zwzw);
  } else {
    store(first, i, j, vc_acc_value(s0));
    store(first, i + 1u, j, vc_acc_value(s1));
    store(first, i + 2u, j, vc_acc_value(s2));
    store(first, i + 3u, j, vc_acc_value(s3));
  }
}
