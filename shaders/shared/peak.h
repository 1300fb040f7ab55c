// Push block of peak_fma.
#ifndef VC_SHARED_PEAK_H
#define VC_SHARED_PEAK_H

#include "vc.h"

#define PEAK_LOCAL  64  // invocations of a workgroup
#define PEAK_CHAINS 16  // independent sums of an invocation
#define PEAK_ROUND  64  // multiply-adds of an invocation in one round: 4 to each chain, see the shader

VC_STRUCT(vc_peak_push) {
  VC_UINT n_threads;
  VC_UINT n_rounds;
  VC_FLOAT factor, term; // each multiply-add is a = a * factor + term
};

#endif
