// Push blocks and constants of the Winograd kernels [CONV 4]: a 3 x 3 convolution of a 4 x 4 tile as one product for each
// of 36 points.
//
// Lifted values stand as [point][row][column]: rows are tiles of an image, or filters of the weights; columns are
// channels. `pitch` is the distance of rows, `plane` that of points, in bytes. Rows and columns are allocated in whole blocks
// of the product; what stands beyond the ends is never read into a result.
#ifndef VC_SHARED_WINOGRAD_H
#define VC_SHARED_WINOGRAD_H

#include "vc.h"

#define WINOGRAD_TILE 4u         // output pixels of a tile, each way
#define WINOGRAD_SIDE 6u
#define WINOGRAD_POINTS 36u      // WINOGRAD_SIDE^2
#define WINOGRAD_LOCAL 64        // invocations of a workgroup of lift and drop on GPUs

#define SC_WINOGRAD_LANES 0      // subgroup size = workgroup size
// What is lifted or dropped.
#define SC_WINOGRAD_KIND 1
#define WINOGRAD_IMAGE 0u        // lift: 6 x 6 pixels around a tile; drop: the tile
#define WINOGRAD_GRADIENT 1u     // lift: the tile's 4 x 4 pixels
#define WINOGRAD_WEIGHTS 2u      // lift and drop: the 3 x 3 taps of a filter
// Of the product: which operands lie along its depth (columns are terms of the sum); the others' rows are.
#define SC_WINOGRAD_ALONG 1
#define WINOGRAD_A_ALONG 1u
#define WINOGRAD_B_ALONG 2u

VC_STRUCT(vc_winograd_push) {    // lift and drop of image [sample][y][x][c]
  VC_UINT first;                 // tile row; on GPUs tile
  VC_UINT tiles_y;               // tile rows of a sample
  VC_UINT image_h, image_w, image_c;
  VC_UINT origin;
  VC_UINT channel, columns;      // of the image: the first channel, and how many
  VC_UINT pitch, plane;
  VC_UINT flags;                 // CONV_BIAS, CONV_RELU, CONV_ADD, WINOGRAD_TURN
  // On GPUs, whose invocations are numbered, pairs of channels fastest; on CPUs workgroups are tiles of a row, tile rows, channels.
  VC_UINT tiles_x, tiles;        // tiles of a row, of all samples: a row of lifted values beyond them is zero
  VC_UINT rows;                  // of lifted values
  VC_UINT slabs, slab;           // of a drop: lifted values are sums of that many, bytes apart
};
#define WINOGRAD_TURN 8u         // taps turned around

#define WINOGRAD_ROWS 32u        // a workgroup of the product computes this many rows,
#define WINOGRAD_VECTORS 4u      // and this many columns a lane
#define WINOGRAD_DEPTH 4u        // terms of one step; the depth is a multiple
VC_STRUCT(vc_winograd_mul_push) { // workgroups: blocks of rows, blocks of columns, points
  VC_UINT depth;
  VC_UINT a_pitch, a_plane, b_pitch, b_plane, pitch, plane;
  VC_UINT accumulate;            // 1: adds to what is there; where neither operand lies along the depth
};

#endif
