// Matrices that a subgroup holds together: factors of 16-bit floats, sums of 32. They are staged in the shared arrays
// left_[] and right_[] of uvec4, eight elements each. By GL_KHR_cooperative_matrix; or, where VC_COOP_EMULATED is defined, by
// plain arithmetic with the same sums, so that all that stands around the matrix instructions can be proved on any
// device. To be included before anything that is no preprocessor line; behind it a kernel declares COOP_M, COOP_N, COOP_K
// (specialisation constants), COOP_LANES, left_, right_ and results_[] of float, and then writes VC_COOP_DECLARE.
//
//   coop_left(a), coop_right(b), coop_sums     a: M x K, b: K x N, sums: M x N
//   coop_load_left(a, at, stride)              element (i, k) at left_[at] + i*stride + k; stride in uvec4 as at is
//   coop_load_left_turned(a, at, stride)       element (i, k) at left_[at] + k*stride + i
//   coop_load_right(b, at, stride)             element (k, j) at right_[at] + k*stride + j
//   coop_load_right_turned(b, at, stride)      element (k, j) at right_[at] + j*stride + k
//   coop_clear(c), coop_multiply_add(c, a, b)  c = 0, c += a b
//   coop_store(c, at)                          element (i, j) to results_[at + i*N + j]
// What is staged must stand until it has been multiplied.
#ifndef VC_SHARED_COOP_GLSL
#define VC_SHARED_COOP_GLSL

#extension GL_KHR_shader_subgroup_basic : require

#ifndef VC_COOP_EMULATED

#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

#define VC_COOP_DECLARE
#define coop_left(a)  coopmat<float16_t, gl_ScopeSubgroup, COOP_M, COOP_K, gl_MatrixUseA> a
#define coop_right(b) coopmat<float16_t, gl_ScopeSubgroup, COOP_K, COOP_N, gl_MatrixUseB> b
#define coop_sums     coopmat<float, gl_ScopeSubgroup, COOP_M, COOP_N, gl_MatrixUseAccumulator>
#define coop_load_left(a, at, stride)         coopMatLoad(a, left_, at, stride, gl_CooperativeMatrixLayoutRowMajor)
#define coop_load_left_turned(a, at, stride)  coopMatLoad(a, left_, at, stride, gl_CooperativeMatrixLayoutColumnMajor)
#define coop_load_right(b, at, stride)        coopMatLoad(b, right_, at, stride, gl_CooperativeMatrixLayoutRowMajor)
#define coop_load_right_turned(b, at, stride) coopMatLoad(b, right_, at, stride, gl_CooperativeMatrixLayoutColumnMajor)
#define coop_clear(c)              c = coop_sums(0.0)
#define coop_multiply_add(c, a, b) c = coopMatMulAdd(a, b, c)
#define coop_store(c, at)          coopMatStore(c, results_, at, COOP_N, gl_CooperativeMatrixLayoutRowMajor)

#else

// A factor is where its element (0, 0) is staged and the steps to the next row and column, in elements. Lane l holds the
// sums l, l + lanes, ... in row order.
#define VC_COOP_DECLARE                                                                       \
  const uint COOP_HELD = (COOP_M * COOP_N + COOP_LANES - 1) / COOP_LANES;                     \
  struct coop_sums {                                                                          \
    float v[COOP_HELD];                                                                       \
  };                                                                                          \
  float coop_element_left(uint i) { return unpackHalf2x16(left_[i / 8][i / 2 % 4])[i % 2]; }  \
  float coop_element_right(uint i) { return unpackHalf2x16(right_[i / 8][i / 2 % 4])[i % 2]; } \
  void coop_clear(out coop_sums c) {                                                          \
    for (uint h = 0; h < COOP_HELD; h++) c.v[h] = 0.0;                                        \
  }                                                                                           \
  void coop_multiply_add(inout coop_sums c, uvec3 a, uvec3 b) {                               \
    for (uint h = 0; h < COOP_HELD; h++) {                                                    \
      uint e = gl_SubgroupInvocationID + h * COOP_LANES, i = e / COOP_N, j = e % COOP_N;      \
      float sum = c.v[h];                                                                     \
      for (uint k = 0; k < COOP_K && i < COOP_M; k++) {                                       \
        sum += coop_element_left(a.x + i * a.y + k * a.z) * coop_element_right(b.x + k * b.y + j * b.z); \
      }                                                                                       \
      c.v[h] = sum;                                                                           \
    }                                                                                         \
  }                                                                                           \
  void coop_store(coop_sums c, uint at) {                                                     \
    for (uint h = 0; h < COOP_HELD; h++) {                                                    \
      uint e = gl_SubgroupInvocationID + h * COOP_LANES;                                      \
      if (e < COOP_M * COOP_N) results_[at + e] = c.v[h];                                     \
    }                                                                                         \
  }
#define coop_left(a)  uvec3 a
#define coop_right(b) uvec3 b
#define coop_load_left(a, at, stride)         a = uvec3(8 * (at), 8 * (stride), 1)
#define coop_load_left_turned(a, at, stride)  a = uvec3(8 * (at), 1, 8 * (stride))
#define coop_load_right(b, at, stride)        b = uvec3(8 * (at), 8 * (stride), 1)
#define coop_load_right_turned(b, at, stride) b = uvec3(8 * (at), 1, 8 * (stride))

#endif
#endif
