// Push block and specialisation constants of shape_*.comp.
#ifndef VC_SHARED_SHAPE_H
#define VC_SHARED_SHAPE_H

#include "ops.h"

#define SC_SHAPE_WIDTH 0 // words an invocation takes at once: 1 or 4
#define SC_SHAPE_REFLECT 1

VC_STRUCT(vc_shape_push) {
  VC_UINT n;      // words of the result / width; concatenation: rows
  VC_UINT stride; // invocations
  VC_UINT a, b;   // concatenation: words of a row of either part / width
  VC_UINT out_c, out_w, out_h; // windows: the result's sizes, channels / width
  VC_UINT in_c, in_w, in_h, in_n; // the operand's
  VC_INT from_c, from_x, from_y, from_n; // reflect_dx: .._x, .._y are the margins, left and top
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_shape_push pc; };
#endif

#endif
