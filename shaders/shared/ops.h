// What all kernels of the simple ops agree on with src/ops.
#ifndef VC_SHARED_OPS_H
#define VC_SHARED_OPS_H

#include "vc.h"

#define OPS_LOCAL 64 // invocations of a workgroup

#endif
