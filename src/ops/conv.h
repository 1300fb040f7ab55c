// What the convolution files share: a convolution, an up-convolution and their gradients as one product over taps
// (shaders/shared/conv.h), which the simd and tiled kernels compute.
#ifndef VC_OPS_CONV_H
#define VC_OPS_CONV_H

#include <vulcyte/ops.h>
#include <vulcyte/variant.h>

#include "shaders/shared/conv.h"

// out[p][n] = bias + add + sum over taps and channels of in[tap of p][c] * w(t, c, n).
struct conv_product {
  const vc_tensor *in, *w, *bias, *add, *out; // bias, add NULL: none
  uint32_t grid_h, grid_w;                    // grid pixels of a sample
  uint32_t cols;
  uint32_t side, stride, origin, up; // as in vc_conv_push
  uint32_t weights;                  // CONV_WEIGHTS_*
  bool relu;
};
// out[row][t][col] = sum over grid pixels p of rows[p][row] * cols[tap t of p][col]; the grid is that of rows.
struct conv_gradient {
  const vc_tensor *rows, *cols, *out;
  uint32_t side, stride, origin;
};

// conv_push.c: what the push constants of every kernel say of a product, or of a gradient; the kernel's blocks are left
// to add.
uint32_t conv_flags_of(const struct conv_product *p);
struct vc_conv_push conv_push_of(const struct conv_product *p);
struct vc_conv_dw_push conv_dw_push_of(const struct conv_gradient *p);
// Of the node's images, those in and one out: whether their channels are multiples of unit; whether those in are F16.
bool conv_in_units(const vc_tensor *out, uint32_t unit);
bool conv_is_half(const vc_tensor *out);

// conv_simd.c: subgroups of 4, 8 or 16 lanes, buffers by address.
extern const char conv_simd_wide;
bool conv_simd_fits(const struct vc_caps *caps, const vc_tensor *out);
bool conv_simd_fits_wide(const struct vc_caps *caps, const vc_tensor *out);
bool conv_simd_pays_wide(const struct vc_caps *caps, const vc_tensor *out);
uint32_t conv_simd_subgroup(const struct vc_caps *caps); // the size to require of a pipeline, 0: none
vc_status conv_simd_emit(vc_emitter *e, const struct conv_product *p);
vc_status conv_simd_emit_gradient(vc_emitter *e, const struct conv_gradient *p);

// conv_winograd.c: side 3, as conv_simd.c.
struct vc_shape conv_winograd_weights(const vc_tensor *out); // of the node's weights, or of their gradient
bool conv_winograd_fits(const struct vc_caps *caps, const vc_tensor *out);
bool conv_winograd_pays(const struct vc_caps *caps, const vc_tensor *out);
vc_status conv_winograd_emit(vc_emitter *e, const struct conv_product *p);
vc_status conv_winograd_emit_gradient(vc_emitter *e, const struct conv_gradient *p);
// conv_winograd_gpu.c: the same for GPUs, by the blocked kernels; multiples of 4 channels.
bool conv_winograd_gpu_fits(const struct vc_caps *caps, const vc_tensor *out);
vc_status conv_winograd_gpu_emit(vc_emitter *e, const struct conv_product *p);
vc_status conv_winograd_gpu_emit_gradient(vc_emitter *e, const struct conv_gradient *p);

// conv_tiled.c: workgroups with tiles in shared memory. The data of their rows: kernels, outputs of a workgroup and its
// invocations. The blocked ones take multiples of 4 channels, each where its tile is neither half empty nor leaves a
// GPU idle.
struct conv_tile {
  const char *kernel;
  uint32_t m, n, local;
};
struct conv_tiles {
  struct conv_tile product, gradient;
};
extern const struct conv_tiles conv_tiles_wide, conv_blocked_128x128, conv_blocked_128x64, conv_blocked_64x64,
    conv_blocked_128x32, conv_blocked_256x16;
enum { CONV_TILED_SHARED_BYTES = 17408 };
// Two stages of both factors, each term with one vector more.
#define CONV_BLOCKED_SHARED_BYTES(m, n) (2 * CONV_BLOCKED_DEPTH * ((m) / 4 + (n) / 4 + 2) * 16)
// Terms of a turn of the innermost loop: short enough that a CPU driver compiles it in a second; its branch costs a GPU
// a few percent.
enum { CONV_TILED_TURN = 2 };
bool conv_tiled_fits(const struct vc_caps *caps, const vc_tensor *out);
// Workgroups of a tile that leave no unit of a device of this kind idle, and invocations that it runs at once.
uint32_t conv_tiled_groups(const struct vc_caps *caps);
uint32_t conv_tiled_invocations(const struct vc_caps *caps);
bool conv_blocked_fits_128x128(const struct vc_caps *caps, const vc_tensor *out);
bool conv_blocked_fits_128x64(const struct vc_caps *caps, const vc_tensor *out);
bool conv_blocked_fits_64x64(const struct vc_caps *caps, const vc_tensor *out);
bool conv_blocked_fits_128x32(const struct vc_caps *caps, const vc_tensor *out);
bool conv_blocked_fits_256x16(const struct vc_caps *caps, const vc_tensor *out);
bool conv_blocked_pays_128x128(const struct vc_caps *caps, const vc_tensor *out); // the others always do
bool conv_blocked_pays_128x64(const struct vc_caps *caps, const vc_tensor *out);
vc_status conv_tiled_emit(vc_emitter *e, const struct conv_product *p);
vc_status conv_tiled_emit_gradient(vc_emitter *e, const struct conv_gradient *p);

// conv_coop.c: matrix units, activations of 16 bits. A row's data is its tile.
struct conv_coop_tile {
  const char *product, *gradient; // kernels
  uint32_t m, n;
  bool is_emulated;
};
extern const struct conv_coop_tile conv_coop_wide, conv_coop_small, conv_coop_emulated;
bool conv_coop_fits_wide(const struct vc_caps *caps, const vc_tensor *out);
bool conv_coop_pays_wide(const struct vc_caps *caps, const vc_tensor *out);
bool conv_coop_fits_small(const struct vc_caps *caps, const vc_tensor *out);
bool conv_coop_fits_emulated(const struct vc_caps *caps, const vc_tensor *out);
vc_status conv_coop_emit(vc_emitter *e, const struct conv_product *p);
vc_status conv_coop_emit_gradient(vc_emitter *e, const struct conv_gradient *p);
// Packs weights as fp16: {columns, 8 chunks of terms (tap, channel)}, zeros beyond the last column and term.
vc_status conv_coop_emit_pack(vc_emitter *e, const struct conv_product *p, uint32_t columns, uint32_t chunks,
                              vc_region packed);

// conv_coop2.c: matrix units, matrices of a whole workgroup; stride 1. Kernels of a row's data: a product takes tiles
// of h x w pixels and n columns, a gradient steps of h x w pixels and tiles of m rows and n columns.
struct conv_coop2_kernel {
  const char *name;
  uint32_t local, h, w, m, n;
};
struct conv_coop2_tiles {
  struct conv_coop2_kernel product, slim_product, gradient; // slim: for few columns
  bool is_emulated;
};
extern const struct conv_coop2_tiles conv_coop2_wide, conv_coop2_small, conv_coop2_emulated;
bool conv_coop2_pays(const struct vc_caps *caps, const vc_tensor *out);
bool conv_coop2_pays_wide(const struct vc_caps *caps, const vc_tensor *out);
bool conv_coop2_fits_wide(const struct vc_caps *caps, const vc_tensor *out);
bool conv_coop2_fits_small(const struct vc_caps *caps, const vc_tensor *out);
bool conv_coop2_fits_emulated(const struct vc_caps *caps, const vc_tensor *out);
vc_status conv_coop2_emit(vc_emitter *e, const struct conv_product *p);
vc_status conv_coop2_emit_gradient(vc_emitter *e, const struct conv_gradient *p);

#define CONV_BLOCKED_ROW(m, n, pays_, rank, tiled_emit) \
  {.name = "blocked_" #m "x" #n,                        \
   .shared_bytes = CONV_BLOCKED_SHARED_BYTES(m, n),     \
   .takes_half = true,                                  \
   .fits = conv_blocked_fits_##m##x##n,                 \
   .pays = (pays_),                                     \
   .rank_cpu = 0.5f,                                    \
   .rank_gpu = (rank),                                  \
   .emit = (tiled_emit),                                \
   .data = &conv_blocked_##m##x##n}
// The rows of a job in the order of row 0, simd, tiled, and those for matrix units, from their emit functions.
#define CONV_VARIANTS(naive_emit, simd_emit, tiled_emit, coop_emit)                                        \
  {.name = "naive", .takes_half = true, .rank_cpu = 1, .rank_gpu = 1, .emit = (naive_emit)},               \
      {.name = "simd",                                                                                     \
       .min_subgroup = 4,                                                                                  \
       .max_subgroup = 16,                                                                                 \
       .needs_address = true,                                                                              \
       .takes_half = true,                                                                                 \
       .fits = conv_simd_fits,                                                                             \
       .rank_cpu = 2,                                                                                      \
       .rank_gpu = 0.5f,                                                                                   \
       .emit = (simd_emit)},                                                                               \
      {.name = "tiled",                                                                                    \
       .shared_bytes = CONV_TILED_SHARED_BYTES,                                                            \
       .takes_half = true,                                                                                 \
       .fits = conv_tiled_fits,                                                                            \
       .rank_cpu = 0.5f,                                                                                   \
       .rank_gpu = 2,                                                                                      \
       .emit = (tiled_emit),                                                                               \
       .data = &conv_tiles_wide},                                                                          \
      CONV_BLOCKED_ROW(128, 128, conv_blocked_pays_128x128, 3, tiled_emit),                                \
      CONV_BLOCKED_ROW(128, 64, conv_blocked_pays_128x64, 2.8f, tiled_emit),                               \
      CONV_BLOCKED_ROW(64, 64, NULL, 2.6f, tiled_emit), CONV_BLOCKED_ROW(128, 32, NULL, 2.8f, tiled_emit), \
      CONV_BLOCKED_ROW(256, 16, NULL, 2.8f, tiled_emit),                                                   \
      {.name = "coop",                                                                                     \
       .needs_coop_matrix = true,                                                                          \
       .takes_half = true,                                                                                 \
       .fits = conv_coop_fits_wide,                                                                        \
       .pays = conv_coop_pays_wide,                                                                        \
       .rank_gpu = 5,                                                                                      \
       .emit = (coop_emit),                                                                                \
       .data = &conv_coop_wide},                                                                           \
      {.name = "coop_small",                                                                               \
       .needs_coop_matrix = true,                                                                          \
       .takes_half = true,                                                                                 \
       .fits = conv_coop_fits_small,                                                                       \
       .rank_gpu = 4,                                                                                      \
       .emit = (coop_emit),                                                                                \
       .data = &conv_coop_small},                                                                          \
  {                                                                                                        \
    .name = "coop_emulated", .takes_half = true, .fits = conv_coop_fits_emulated, .emit = (coop_emit),     \
    .data = &conv_coop_emulated                                                                            \
  }
#define CONV_COOP2(coop2_emit)                                                                               \
  {.name = "coop2",                                                                                          \
   .needs_coop_matrix = true,                                                                                \
   .takes_half = true,                                                                                       \
   .fits = conv_coop2_fits_wide,                                                                             \
   .pays = conv_coop2_pays_wide,                                                                             \
   .rank_gpu = 7,                                                                                            \
   .emit = (coop2_emit),                                                                                     \
   .data = &conv_coop2_wide},                                                                                \
      {.name = "coop2_small",                                                                                \
       .needs_coop_matrix = true,                                                                            \
       .takes_half = true,                                                                                   \
       .fits = conv_coop2_fits_small,                                                                        \
       .pays = conv_coop2_pays,                                                                              \
       .rank_gpu = 6,                                                                                        \
       .emit = (coop2_emit),                                                                                 \
       .data = &conv_coop2_small},                                                                           \
  {                                                                                                          \
    .name = "coop2_emulated", .takes_half = true, .fits = conv_coop2_fits_emulated, .pays = conv_coop2_pays, \
    .emit = (coop2_emit), .data = &conv_coop2_emulated                                                       \
  }
#define CONV_SIMD_WIDE(simd_emit) \
  {.name = "simd_wide",           \
   .min_subgroup = 4,             \
   .max_subgroup = 16,            \
   .needs_address = true,         \
   .takes_half = true,            \
   .fits = conv_simd_fits_wide,   \
   .pays = conv_simd_pays_wide,   \
   .rank_cpu = 2.5f,              \
   .rank_gpu = 0.5f,              \
   .emit = (simd_emit),           \
   .data = &conv_simd_wide}
#define CONV_WINOGRAD(winograd_emit, gpu_emit)                                                                  \
  {.name = "winograd",                                                                                          \
   .min_subgroup = 4,                                                                                           \
   .max_subgroup = 16,                                                                                          \
   .needs_address = true,                                                                                       \
   .fits = conv_winograd_fits,                                                                                  \
   .pays = conv_winograd_pays,                                                                                  \
   .rank_cpu = 3,                                                                                               \
   .rank_gpu = 0.5f,                                                                                            \
   .emit = (winograd_emit)},                                                                                    \
  {                                                                                                             \
    .name = "winograd_blocked", .takes_half = true, .fits = conv_winograd_gpu_fits, .pays = conv_winograd_pays, \
    .rank_cpu = 0.5f, .rank_gpu = 3.5f, .emit = (gpu_emit)                                                      \
  }

// ---- conv_partial.c: weight gradients in slabs ----------------------------------------------------------------

// Fills slab_steps and n_groups of a push whose steps are pixels, and gives the number of slabs: at least min_groups
// workgroups, slabs of min_pixels to max_pixels where that can be, whole multiples of `multiple`.
struct conv_slabs {
  uint32_t min_groups, min_pixels, max_pixels, multiple;
};
uint32_t conv_partial_split(const vc_emitter *e, const vc_tensor *out, struct conv_slabs want,
                            struct vc_conv_dw_push *inout_push);
// Where a weight gradient's first pass writes: out itself for one slab, else scratch of n_slabs times its size.
vc_region conv_partial_begin(vc_emitter *e, const vc_tensor *out, uint32_t n_slabs);
// Adds the slabs, in order, into out; nothing for one slab.
vc_status conv_partial_end(vc_emitter *e, const vc_tensor *out, vc_region partial, uint32_t n_slabs);
// The largest number of slabs of out's size that scratch may take; at least 1.
uint32_t conv_partial_limit(const vc_emitter *e, const vc_tensor *out);
// The naive first pass over `rows` rows of `row_pixels` grid pixels, and the sum: kernel conv2d_dw or
// conv_transpose_dw.
vc_status conv_partial_emit_naive(vc_emitter *e, const char *kernel, const vc_tensor *x, const vc_tensor *y,
                                  const vc_tensor *out, uint32_t side, uint32_t origin, uint32_t rows,
                                  uint32_t row_pixels);

// Inference checks.
vc_status conv_want_f32(const vc_tensor *t, const char *name);
vc_status conv_want_bias(const vc_tensor *bias, uint32_t k);

#endif
