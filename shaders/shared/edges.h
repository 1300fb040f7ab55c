// Push block of edges_fwd.comp.
#ifndef VC_SHARED_EDGES_H
#define VC_SHARED_EDGES_H

#include "ops.h"

VC_STRUCT(vc_edges_push) {
  VC_UINT n;      // elements
  VC_UINT stride; // invocations
  VC_UINT c, w, h;
};

#ifdef VULKAN
layout(push_constant) uniform Push {
  vc_edges_push pc;
};
#endif

#endif
