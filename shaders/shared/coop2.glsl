// Matrices that a workgroup holds together and moves from and to buffers by itself: factors of 16-bit floats, sums of 32. A
// layout is a box of three dimensions in a row-major tensor of three; what lies outside the tensor reads as zero and is not
// written, so that kernels need no tests at edges. By GL_NV_cooperative_matrix2; or, where VC_COOP_EMULATED is defined, by
// plain arithmetic with the same elements, so that the addresses, edges and masks can be proved on any device. To be
// included before anything that is no preprocessor line; behind it a kernel declares LOCAL, TILE_M, TILE_N, TILE_K
// (constants), and then writes VC_COOP2_DECLARE.
//
//   coop2_element(buffer, i)              element i, from a buffer of coop2_half
//   coop2_half, coop2_float               what buffers of 16-bit and of 32-bit floats are arrays of
//   coop2_layout l; coop2_dims(l, z, y, x)     the whole tensor {z, y, x}
//   coop2_box(l, z, dz, y, dy, x, dx)     the box of dz x dy x dx elements at (z, y, x), which may be negative (as uint: wrapped)
//   coop2_left(a), coop2_right(b), coop2_sums(c)   a: M x K, b: K x N, c: M x N
//   coop2_load_left(a, buffer, at, box)   from the tensor that begins at element at, a multiple of 8: element (i, k) of the
//                                         matrix is element i*K + k of the box in row-major order
//   coop2_load_right(b, buffer, at, box)  element (k, j): k*N + j
//   coop2_load_left_turned, coop2_load_right_turned   the box holds columns: element (i, k): k*M + i, (k, j): j*K + k
//   coop2_clear(c), coop2_multiply_add(c, a, b)       c = 0, c += a b
//   coop2_each(c, f, more)                element (i, j) = f(i, j, element, more); all parameters of f are const in
//   coop2_store(c, buffer, at, box)       element (i, j) to element i*N + j of the box, in a buffer of coop2_float
//   coop2_store_half(c, buffer, at, box)  rounded, in a buffer of coop2_half
// All arguments are the same in the whole workgroup; last dimensions are multiples of 8.
#ifndef VC_SHARED_COOP2_GLSL
#define VC_SHARED_COOP2_GLSL

#ifndef VC_COOP_EMULATED

#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_NV_cooperative_matrix2 : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

#define VC_COOP2_DECLARE
#define coop2_half   float16_t
#define coop2_float  float
#define coop2_element(buffer, i) float(buffer[i])
// Offsets are signed in the extension, and compared as such with the tensor's dimensions.
#define coop2_layout tensorLayoutNV<3, gl_CooperativeMatrixClampModeConstantNV>
#define coop2_dims(l, z, y, x) \
  l = setTensorLayoutDimensionNV(createTensorLayoutNV(3, gl_CooperativeMatrixClampModeConstantNV), z, y, x)
#define coop2_box(l, z, dz, y, dy, x, dx) sliceTensorLayoutNV(l, z, dz, y, dy, x, dx)
// Of the box's dimensions the last counts rows, the others columns.
#define coop2_turned createTensorViewNV(3, false, 2, 0, 1)
#define coop2_left(a)  coopmat<float16_t, gl_ScopeWorkgroup, TILE_M, TILE_K, gl_MatrixUseA> a
#define coop2_right(b) coopmat<float16_t, gl_ScopeWorkgroup, TILE_K, TILE_N, gl_MatrixUseB> b
#define coop2_sums(c)  coopmat<float, gl_ScopeWorkgroup, TILE_M, TILE_N, gl_MatrixUseAccumulator> c
#define coop2_load_left(a, buffer, at, box)         coopMatLoadTensorNV(a, buffer, at, box)
#define coop2_load_left_turned(a, buffer, at, box)  coopMatLoadTensorNV(a, buffer, at, box, coop2_turned)
#define coop2_load_right(b, buffer, at, box)        coopMatLoadTensorNV(b, buffer, at, box)
#define coop2_load_right_turned(b, buffer, at, box) coopMatLoadTensorNV(b, buffer, at, box, coop2_turned)
#define coop2_clear(c)                   c = coopmat<float, gl_ScopeWorkgroup, TILE_M, TILE_N, gl_MatrixUseAccumulator>(0.0)
#define coop2_multiply_add(c, a, b)      c = coopMatMulAdd(a, b, c)
#define coop2_each(c, f, more)           coopMatPerElementNV(c, c, f, more)
#define coop2_store(c, buffer, at, box)  coopMatStoreTensorNV(c, buffer, at, box)
#define coop2_store_half(c, buffer, at, box) \
  coopMatStoreTensorNV(                      \
      coopmat<float16_t, gl_ScopeWorkgroup, TILE_M, TILE_N, gl_MatrixUseAccumulator>(c), buffer, at, box)

#else

// Both factors stand in shared memory from their loads to their product. Invocation l holds the pairs of neighbouring
// sums l, l + LOCAL, ... in row order; LOCAL is a multiple of the pairs of a row, so all its pairs are of the same columns.
// Two elements are moved at once: last dimensions and their boxes are even.
#define VC_COOP2_DECLARE                                                                          \
  const uint COOP2_PAIRS = TILE_N / 2, COOP2_ROWS = LOCAL / COOP2_PAIRS, COOP2_HELD = TILE_M / COOP2_ROWS; \
  const uint COOP2_OUTSIDE = 0xffffffffu;                                                         \
  shared float left_[TILE_M * TILE_K], right_[TILE_K * TILE_N];                                   \
  struct coop2_layout {                                                                           \
    uvec3 dims, span;                                                                             \
    ivec3 offset;                                                                                 \
  };                                                                                              \
  struct coop2_held {                                                                             \
    vec2 v[COOP2_HELD];                                                                           \
  };                                                                                              \
  coop2_layout coop2_box_of(coop2_layout l, uvec3 offset, uvec3 span) {                           \
    return coop2_layout(l.dims, span, ivec3(offset));                                             \
  }                                                                                               \
  uint coop2_place(coop2_layout l, uint i) {                                                      \
    ivec3 at = ivec3(i / (l.span.z * l.span.y), i / l.span.z % l.span.y, i % l.span.z) + l.offset; \
    bool inside = all(greaterThanEqual(at, ivec3(0))) && all(lessThan(uvec3(at), l.dims));        \
    return inside ? (at.x * l.dims.y + at.y) * l.dims.z + at.z : COOP2_OUTSIDE;                   \
  }                                                                                               \
  uint coop2_row() { return gl_LocalInvocationID.x / COOP2_PAIRS; }                               \
  uint coop2_column() { return gl_LocalInvocationID.x % COOP2_PAIRS * 2; }                        \
  void coop2_multiply_add_staged(inout coop2_held c) {                                            \
    memoryBarrierShared();                                                                        \
    barrier();                                                                                    \
    for (uint k = 0; k < TILE_K; k++) {                                                           \
      uint left = coop2_row() * TILE_K + k, right = k * TILE_N + coop2_column();                  \
      vec2 pair = vec2(right_[right], right_[right + 1]);                                         \
      for (uint h = 0; h < COOP2_HELD; h++) c.v[h] += left_[left + h * COOP2_ROWS * TILE_K] * pair; \
    }                                                                                             \
    barrier();                                                                                    \
  }
#define coop2_half  uint // two elements
#define coop2_float vec2
#define coop2_element(buffer, i) unpackHalf2x16(buffer[(i) / 2])[(i) % 2]
#define coop2_dims(l, z, y, x)            l = coop2_layout(uvec3(z, y, x), uvec3(z, y, x), ivec3(0))
#define coop2_box(l, z, dz, y, dy, x, dx) coop2_box_of(l, uvec3(z, y, x), uvec3(dz, dy, dx))
#define coop2_left(a)
#define coop2_right(b)
#define coop2_sums(c)  coop2_held c
// Elements e and e + 1 of the box, staged at to and to + step.
#define coop2_load(staged, n, to, step, buffer, at, box)                                     \
  {                                                                                          \
    coop2_layout box_ = box;                                                                 \
    for (uint e = gl_LocalInvocationID.x * 2; e < (n); e += LOCAL * 2) {                     \
      uint from_ = coop2_place(box_, e);                                                     \
      vec2 pair_ = vec2(0.0);                                                                \
      if (from_ != COOP2_OUTSIDE) pair_ = unpackHalf2x16(buffer[((at) + from_) / 2]);        \
      staged[to] = pair_.x;                                                                  \
      staged[(to) + (step)] = pair_.y;                                                       \
    }                                                                                        \
  }
#define coop2_load_left(a, buffer, at, box) coop2_load(left_, TILE_M * TILE_K, e, 1, buffer, at, box)
#define coop2_load_left_turned(a, buffer, at, box) \
  coop2_load(left_, TILE_M * TILE_K, e % TILE_M * TILE_K + e / TILE_M, TILE_K, buffer, at, box)
#define coop2_load_right(b, buffer, at, box) coop2_load(right_, TILE_K * TILE_N, e, 1, buffer, at, box)
#define coop2_load_right_turned(b, buffer, at, box) \
  coop2_load(right_, TILE_K * TILE_N, e % TILE_K * TILE_N + e / TILE_K, TILE_N, buffer, at, box)
#define coop2_clear(c) \
  for (uint h = 0; h < COOP2_HELD; h++) c.v[h] = vec2(0.0)
#define coop2_multiply_add(c, a, b) coop2_multiply_add_staged(c)
#define coop2_each(c, f, more)                                               \
  for (uint h = 0; h < COOP2_HELD; h++) {                                    \
    uint row_ = coop2_row() + h * COOP2_ROWS, column_ = coop2_column();      \
    c.v[h].x = f(row_, column_, c.v[h].x, more);                             \
    c.v[h].y = f(row_, column_ + 1, c.v[h].y, more);                         \
  }
#define coop2_store_pairs(c, box, statement)                                                      \
  {                                                                                               \
    coop2_layout box_ = box;                                                                      \
    for (uint h = 0; h < COOP2_HELD; h++) {                                                       \
      uint to_ = coop2_place(box_, (coop2_row() + h * COOP2_ROWS) * TILE_N + coop2_column());     \
      vec2 pair_ = c.v[h];                                                                        \
      if (to_ != COOP2_OUTSIDE) statement;                                                        \
    }                                                                                             \
  }
#define coop2_store(c, buffer, at, box) coop2_store_pairs(c, box, buffer[((at) + to_) / 2] = pair_)
#define coop2_store_half(c, buffer, at, box) \
  coop2_store_pairs(c, box, buffer[((at) + to_) / 2] = packHalf2x16(pair_))

#endif
#endif
