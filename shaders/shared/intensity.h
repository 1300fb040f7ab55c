// Push block and constants of intensity_*.comp.
#ifndef VC_SHARED_INTENSITY_H
#define VC_SHARED_INTENSITY_H

#include "ops.h"

#define INTENSITY_BINS 256 // also the words of a part, so at least 2 OPS_LOCAL

// enum vc_augment_op
#define INTENSITY_AUTOCONTRAST 2
#define INTENSITY_INVERT       3
#define INTENSITY_EQUALIZE     4
#define INTENSITY_SOLARIZE     5
#define INTENSITY_CONTRAST     6
#define INTENSITY_COLOR        7
#define INTENSITY_BRIGHTNESS   8
#define INTENSITY_SHARPNESS    9

VC_STRUCT(vc_intensity_push) {
  VC_UINT pixels;  // of one sample
  VC_UINT stride;  // invocations of one sample (parts: of one channel)
  VC_UINT n_parts; // of one channel of one sample
  VC_UINT c, w, h;
};

#ifdef VULKAN
layout(push_constant) uniform Push {
  vc_intensity_push pc;
};
#endif

#endif
