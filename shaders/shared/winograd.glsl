// How lift and drop of [CONV 4] share their work and reach memory, in two forms of one source.
// On SIMD CPUs memory is reached by address, and a workgroup is one subgroup, which takes 2 LANES channels of one tile.
// On GPUs (WINOGRAD_GPU) buffers are bound, and invocations are numbered: pairs of channels, then tiles. A pair's 36 values
// take 72 registers, which every GPU has, and 32 neighbours move 256 bytes.
// To be included before anything that is no preprocessor line.
#ifndef VC_SHARED_WINOGRAD_GLSL
#define VC_SHARED_WINOGRAD_GLSL

#include "act.glsl"
#extension GL_EXT_control_flow_attributes : require
#ifndef WINOGRAD_GPU
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#endif
#include "conv.h"
#include "winograd.h"

layout(constant_id = SC_WINOGRAD_KIND) const uint KIND = WINOGRAD_IMAGE;

struct winograd_share {
  uint row;               // of lifted values
  uint tile_x, tile_row;
  uint column;            // the first of two channels, counted from p.channel
  bool is_tile;           // false: the row stands for none, and its values are zero
  bool is_none;           // nothing is to be written
};

#ifdef WINOGRAD_GPU
layout(local_size_x = WINOGRAD_LOCAL) in;

#define winograd_at            uint       // bytes
#define WINOGRAD_ELEMENT_BYTES VC_ACT_BYTES
#define WINOGRAD_PAIR_BYTES    (2 * VC_ACT_BYTES)
#ifdef VC_HALF
#define winograd_pair      uint
#define winograd_unpack(v) unpackHalf2x16(v)
#define winograd_pack(v)   packHalf2x16(v)
#else
#define winograd_pair      vec2
#define winograd_unpack(v) (v)
#define winograd_pack(v)   (v)
#endif

winograd_share winograd_mine(uint first, uint columns, uint rows, uint tiles, uint tiles_x) {
  const uint i = vc_thread_index(), pairs = columns / 2, row = i / pairs, tile = min(first + row, tiles - 1);
  const uint tile_row = tile / tiles_x;
  return winograd_share(row, tile - tile_row * tiles_x, tile_row, (i - row * pairs) * 2, first + row < tiles, row >= rows);
}
#else
layout(local_size_x_id = SC_WINOGRAD_LANES) in;
layout(constant_id = SC_WINOGRAD_LANES) const uint LANES = 8;

#define winograd_at            uint64_t
#define WINOGRAD_ELEMENT_BYTES 4
layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer In2 { uint64_t v; };
layout(buffer_reference, scalar, buffer_reference_align = 8) writeonly buffer Out2 { uint64_t v; };

winograd_share winograd_mine(uint first, uint columns, uint rows, uint tiles, uint tiles_x) {
  const uint column = (gl_WorkGroupID.z * LANES + gl_SubgroupInvocationID) * 2;
  return winograd_share(gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x, gl_WorkGroupID.x, first + gl_WorkGroupID.y,
                        column, true, column >= columns);
}
#endif

#endif
