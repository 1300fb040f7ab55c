// Push block and constants of sample_*.comp.
#ifndef VC_SHARED_SAMPLE_H
#define VC_SHARED_SAMPLE_H

#include "ops.h"

// Words of struct vc_window.
#define SAMPLE_WINDOW_WORDS 8
#define SAMPLE_WORD         0
#define SAMPLE_WIDTH        1
#define SAMPLE_HEIGHT       2
#define SAMPLE_LEFT         3
#define SAMPLE_TOP          4
#define SAMPLE_FORMAT       5
#define SAMPLE_CHANNELS     6
// enum vc_pixel_format and what goes with it.
#define SAMPLE_U8        0
#define SAMPLE_U16       1
#define SAMPLE_F32       2
#define SAMPLE_IGNORE    0xFFFFFFFFu
#define SAMPLE_IGNORE_U8 255u

VC_STRUCT(vc_sample_push) {
  VC_UINT n;      // elements of one crop
  VC_UINT stride; // invocations of one crop
  VC_UINT c, w;   // of the crop
};

#ifdef VULKAN
layout(push_constant) uniform Push {
  vc_sample_push pc;
};
#endif

#endif
