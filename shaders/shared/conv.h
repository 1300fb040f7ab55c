// Push blocks and constants of the convolution family.
//
// The fast kernels see every convolution as one product over "taps": out[p][n] = sum over taps t and channels c of
// in[tap t of grid pixel p][c] * w(t, c, n). A tap (r, s) of grid pixel (i, j) reads pixel (i*stride + r - origin,
// j*stride + s - origin) of its sample, zero outside. So
//   conv2d forward      side R, stride 1, columns n = k          conv2d input gradient   the same with w turned around
//   up-convolution      side 1, stride 1, columns n = (r, s, k)  its input gradient      side 2, stride 2
// and every weight gradient is dw[row][t][col] = sum over p of rows[p][row] * cols[tap t of p][col].
#ifndef VC_SHARED_CONV_H
#define VC_SHARED_CONV_H

#include "vc.h"

// ---- naive kernels --------------------------------------------------------------------------------------------

#define CONV_NAIVE_LOCAL 64
// Flags of all kernels that make outputs.
#define CONV_BIAS 1u
#define CONV_RELU 2u
#define CONV_ADD  4u             // `add` holds what is added to each output, in its place; it may be the output's memory

VC_STRUCT(vc_conv_naive_push) {
  VC_UINT n_out;                  // elements to compute
  VC_UINT in_h, in_w, in_c;       // x
  VC_UINT out_h, out_w, out_c;    // y
  VC_UINT side, origin;
  VC_UINT flags;
};
VC_STRUCT(vc_conv_naive_dw_push) {
  VC_UINT n_weights, n_slabs;     // slab s takes rows [s*slab_rows, (s+1)*slab_rows) of all samples' output rows
  VC_UINT slab_rows, n_rows;
  VC_UINT in_h, in_w, in_c;
  VC_UINT out_h, out_w, out_c;
  VC_UINT side, origin;
};
#define SC_CONV_SUM_LOADS 0      // of the sum of slabs: that are on their way at once, 1 or 4
VC_STRUCT(vc_conv_dw_sum_push) {
  VC_UINT n_items, n_slabs;       // weights, or fours of them
};

// ---- fast kernels ---------------------------------------------------------------------------------------------

// Where w(t, c, n) stands: weights of `cols` columns, `in_c` channels, `taps` taps.
#define CONV_WEIGHTS_COLUMN 0u   // w[n][t][c]
#define CONV_WEIGHTS_CHANNEL 1u  // w[c][taps-1-t][n]: turned around
// The simd kernels' specialisation constants.
#define SC_CONV_LANES 0          // subgroup size = workgroup size
#define SC_CONV_SIDE 1
#define SC_CONV_STRIDE 2
#define SC_CONV_PAIRED 3         // 1: channels are loaded in pairs, their number is even
#define SC_CONV_DEPTH 4          // of a product: loads of channels (pairs) in one step
#define SC_CONV_SPAN 5           // of a product: neighbouring columns of a lane, 1 or 2
#define SC_CONV_ADD 6            // of a product: 1: CONV_ADD is among the flags
#define SC_CONV_COLS 4           // of a weight gradient: columns of one workgroup, a multiple of 1 + PAIRED
#define SC_CONV_ROWS 5           // of a weight gradient: neighbouring rows of a lane, 1 or 2
// The tiled kernels': SIDE and STRIDE as above, and
#define SC_CONV_WEIGHTS 3        // of a product: CONV_WEIGHTS_*
#define SC_CONV_TURN 4           // terms or pixels that are multiplied in one turn of the innermost loop
#define SC_CONV_SLABS 5          // of blocked products: parts that the terms are split into
#define SC_CONV_SETS 6           // and sets of weights, one behind the other, each for as many pixels: whole tiles of them

// A tiled workgroup computes M x N outputs, 4 x 4 an invocation or several times that, with steps of DEPTH terms through
// shared memory. M counts pixels of a product and rows of a weight gradient; wide: 64 x 64; the thin ones 256 x 16 and 16 x 256.
#define CONV_TILED_LOCAL 256
#define CONV_TILED_DEPTH 16
// A blocked one does 8 x 8 an invocation (thin tiles 8 x 4), as blocks of 4 x 4 half a tile apart, in two stages.
#define CONV_BLOCKED_DEPTH 8

#define CONV_SIMD_TILE 8u        // output pixels of one workgroup, each way
VC_STRUCT(vc_conv_push) {
  VC_UINT n_groups;
  VC_UINT samples;
  VC_UINT in_h, in_w, in_c;       // the tensor that taps read
  VC_UINT grid_h, grid_w;         // grid pixels of a sample
  VC_UINT cols;
  VC_UINT origin;
  VC_UINT up;                     // 1: out {grid, cols}; 2: column (r, s, k) of pixel (i, j) goes to pixel (2i+r, 2j+s), channel k
  VC_UINT tiles_x, tiles_y;       // simd: pixel tiles of a sample; tiled: tiles of columns, of all pixels
  VC_UINT flags;
};
#define CONV_PACK_RUN 8u          // channels (pairs) that one invocation packs
VC_STRUCT(vc_conv_pack_push) {
  VC_UINT n_items;                // lanes of all column blocks and runs of channels (pairs)
  VC_UINT in_c, cols, taps;
  VC_UINT weights;                // CONV_WEIGHTS_*
};

// The kernels for matrix units': SIDE and STRIDE as above, and
#define SC_COOP_LOCAL 0          // invocations of a workgroup
#define SC_COOP_LANES 3          // of a subgroup
#define SC_COOP_M 4              // shape of the matrices
#define SC_COOP_N 5
#define SC_COOP_K 6
#define SC_COOP_SUBGROUPS_N 7    // parts that the columns of a tile are divided into
#define COOP_STEP 32             // terms of a product, pixels of a weight gradient, that are staged at once
VC_STRUCT(vc_conv_coop_pack_push) {
  VC_UINT in_c, cols, taps;
  VC_UINT weights;                // CONV_WEIGHTS_*
  VC_UINT columns, chunks;        // of the packed ones: whole tiles; eights of terms, whole steps
};

// Those by matrices of a whole workgroup:
#define SC_COOP2_SIDE 0
#define SC_COOP2_K 1             // of a product: channels of a step

#define CONV_SIMD_BLOCK 4u       // grid pixels of one step of a weight gradient, each way
VC_STRUCT(vc_conv_dw_push) {
  VC_UINT n_groups;
  VC_UINT in_h, in_w;             // cols tensor
  VC_UINT grid_h, grid_w;         // rows tensor
  VC_UINT rows, cols;
  VC_UINT origin;
  VC_UINT row_blocks, col_blocks; // of the result
  VC_UINT steps, slab_steps;      // a slab takes slab_steps of all samples' steps. simd: rows of blocks; tiled: grid pixels
};

#endif
