// [CONV 4] product: for each point out[m][n] = sum over k of a(m, k) * b(k, n). An operand lies along the depth, a[m][k], or
// across it, a[k][m].
// One subgroup a workgroup, which computes ROWS x (VECTORS LANES) outputs of a point; lanes are neighbouring pairs of columns.
// A pair of floats a lane is gathered; a's are spread by constant broadcasts. No branch stands anywhere: on the drivers that
// this is for, it would make every access masked.
// Order of sums: DEPTH terms, then the steps, then what stood there.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "winograd.h"

layout(local_size_x_id = SC_WINOGRAD_LANES) in;
layout(constant_id = SC_WINOGRAD_LANES) const uint LANES = 8;
layout(constant_id = SC_WINOGRAD_ALONG) const uint ALONG = 0;

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer In2 { uint64_t v; };
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Out2 { uint64_t v; };
layout(push_constant) uniform Push {
  In2 a_;
  In2 b_;
  Out2 out_;
  vc_winograd_mul_push p;
};

const uint ROWS = WINOGRAD_ROWS, VECTORS = WINOGRAD_VECTORS, DEPTH = WINOGRAD_DEPTH;
const bool A_ALONG = (ALONG & WINOGRAD_A_ALONG) != 0, B_ALONG = (ALONG & WINOGRAD_B_ALONG) != 0;
// Loads of a step: an address for each base, and constant distances from it.
const uint A_BASES = A_ALONG ? (ROWS + LANES - 1) / LANES : DEPTH, A_EACH = A_ALONG ? DEPTH / 2 : (ROWS / 2 + LANES - 1) / LANES;
const uint B_BASES = B_ALONG ? VECTORS : DEPTH, B_EACH = B_ALONG ? DEPTH / 2 : VECTORS / 2;

vec2 unpack(uint64_t both) {
  return uintBitsToFloat(uvec2(uint(both), uint(both >> 32)));
}

void main() {
  const uint lane = gl_SubgroupInvocationID, point = gl_WorkGroupID.z;
  const uint row0 = gl_WorkGroupID.x * ROWS, column0 = gl_WorkGroupID.y * (VECTORS * LANES);

  // Along: a lane loads two terms of a row or column; across: two rows or columns of a term.
  const uint64_t a_from = uint64_t(a_) + point * p.a_plane, b_from = uint64_t(b_) + point * p.b_plane;
  uint64_t a[A_BASES], b[B_BASES];
  [[unroll]] for (uint g = 0; g < A_BASES; g++) {
    a[g] = a_from + (A_ALONG ? (row0 + min(g * LANES + lane, ROWS - 1)) * p.a_pitch
                             : g * p.a_pitch + (row0 + min(lane * 2, ROWS - 2)) * 4);
  }
  [[unroll]] for (uint g = 0; g < B_BASES; g++) {
    b[g] = b_from + (B_ALONG ? (column0 + (g / 2 * LANES + lane) * 2 + g % 2) * p.b_pitch
                             : g * p.b_pitch + (column0 + lane * 2) * 4);
  }
  const uint a_step = DEPTH * (A_ALONG ? 4 : p.a_pitch), b_step = DEPTH * (B_ALONG ? 4 : p.b_pitch);

  float sum[ROWS * VECTORS];
  [[unroll]] for (uint i = 0; i < ROWS * VECTORS; i++) sum[i] = 0.0;
  uint a_at = 0, b_at = 0;
  for (uint k = 0; k < p.depth; k += DEPTH) {
    vec2 va[A_BASES * A_EACH], vb[B_BASES * B_EACH];
    [[unroll]] for (uint i = 0; i < A_BASES * A_EACH; i++) {
      va[i] = unpack(In2(a[i / A_EACH] + a_at + i % A_EACH * (A_ALONG ? 8 : LANES * 8)).v);
    }
    [[unroll]] for (uint i = 0; i < B_BASES * B_EACH; i++) {
      vb[i] = unpack(In2(b[i / B_EACH] + b_at + i % B_EACH * (B_ALONG ? 8 : LANES * 8)).v);
    }
    a_at += a_step;
    b_at += b_step;
    [[unroll]] for (uint m = 0; m < ROWS; m++) {
      float s[DEPTH];
      [[unroll]] for (uint u = 0; u < DEPTH; u++) {
        uint i = A_ALONG ? m / LANES * A_EACH + u / 2 : u * A_EACH + m / 2 / LANES;
        s[u] = subgroupBroadcast(va[i][A_ALONG ? u % 2 : m % 2], A_ALONG ? m % LANES : m / 2 % LANES);
      }
      [[unroll]] for (uint v = 0; v < VECTORS; v++) {
        float all = 0.0;
        [[unroll]] for (uint u = 0; u < DEPTH; u++) {
          all += s[u] * (B_ALONG ? vb[v * B_EACH + u / 2][u % 2] : vb[u * B_EACH + v / 2][v % 2]);
        }
        sum[m * VECTORS + v] += all;
      }
    }
  }

  uint64_t to = uint64_t(out_) + (point * p.plane + row0 * p.pitch + (column0 + lane * 2) * 4);
  [[unroll]] for (uint m = 0; m < ROWS; m++) {
    [[unroll]] for (uint v = 0; v < VECTORS; v += 2) {
      vec2 value = vec2(sum[m * VECTORS + v], sum[m * VECTORS + v + 1]);
      if (ALONG == 0) value += p.accumulate != 0 ? unpack(Out2(to + v * LANES * 4).v) : vec2(0.0);
      Out2(to + v * LANES * 4).v = uint64_t(floatBitsToUint(value.x)) | uint64_t(floatBitsToUint(value.y)) << 32;
    }
    to += p.pitch;
  }
}
