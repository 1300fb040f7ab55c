// Push block and specialisation constants of norm_*.comp. A segment is the pixels that share statistics: a sample's, or
// the whole batch's.
#ifndef VC_SHARED_NORM_H
#define VC_SHARED_NORM_H

#include "ops.h"

#define SC_NORM_WIDTH 0 // channels of an invocation: 4 where their number allows, else 1
#define SC_NORM_RELU 1  // apply
#define SC_NORM_FIXED 1 // dx: the statistics do not depend on x

VC_STRUCT(vc_norm_push) {
  VC_UINT pixels;   // of a segment
  VC_UINT segments;
  VC_UINT c;        // channels
  VC_UINT group;    // channels that share statistics
  VC_UINT rows;     // sums: rows of partial sums
  VC_UINT stride;   // apply, dx: invocations
  VC_UINT first;    // param_dx: first of the sums to add
  VC_FLOAT epsilon, momentum, unbias; // unbias: n / (n - 1)
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_norm_push pc; };
#endif

#endif
