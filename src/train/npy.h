// The head of a NumPy file, format 1.0, of little-endian 32-bit floats.
#ifndef VC_TRAIN_NPY_H
#define VC_TRAIN_NPY_H

#include "vulcyte/base.h"

enum { VC_NPY_HEAD_BYTES = 256 };
size_t vc_npy_head(const uint32_t *shape, uint32_t n_dims, char out[VC_NPY_HEAD_BYTES]); // its length

#endif
