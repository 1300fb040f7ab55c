// Push block and specialisation constants of iid_*.comp.
#ifndef VC_SHARED_IID_H
#define VC_SHARED_IID_H

#include "ops.h"

#define IID_LOCAL 128       // invocations of a workgroup that takes a matrix: what every device has
#define IID_MAX_CLASSES 64
#define SC_IID_TILE 0       // sums
#define SC_IID_TRANSPOSED 0 // dx

VC_STRUCT(vc_iid_push) {
  VC_UINT pixels; // of all samples
  VC_UINT c;      // classes
  VC_UINT w, h;
  VC_UINT side;   // of the box of displacements: 2d + 1
  VC_UINT rows;   // sums: rows of partial sums
  VC_UINT tiles;  // sums: tiles that the classes make
  VC_UINT stride; // dx: invocations
  VC_UINT matrix; // dx: elements from one displacement's terms to the next's; 0 where all share them
  VC_FLOAT lambda;
  VC_FLOAT factor; // terms: 1 / number of matrices
};

#ifdef VULKAN
layout(push_constant) uniform Push { vc_iid_push pc; };
#endif

#endif
