// Push block and constants of volume_*.comp.
#ifndef VC_SHARED_VOLUME_H
#define VC_SHARED_VOLUME_H

#include "ops.h"

#define SC_VOLUME_LINEAR 0 // 1: between the voxels, 0: the nearest one
// Words of struct vc_slab.
#define VOLUME_SLAB_WORDS 8
#define VOLUME_WIDTH      0
#define VOLUME_HEIGHT     1
#define VOLUME_DEPTH      2
#define VOLUME_FIRST      3
#define VOLUME_END        4
#define VOLUME_FORMAT     5
// enum vc_pixel_format and what goes with it.
#define VOLUME_U8     0
#define VOLUME_U16    1
#define VOLUME_F32    2
#define VOLUME_IGNORE 0xFFFFFFFFu

VC_STRUCT(vc_volume_push) {
  VC_UINT n;      // pixels of one slice
  VC_UINT stride; // invocations of one slice
  VC_UINT w, h;   // of a slice
};

#ifdef VULKAN
layout(push_constant) uniform Push {
  vc_volume_push pc;
};
#endif

#endif
