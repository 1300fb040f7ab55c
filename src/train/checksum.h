// Checksums of files against damage, not against forgery: XXH64.
#ifndef VC_TRAIN_CHECKSUM_H
#define VC_TRAIN_CHECKSUM_H

#include <stdint.h>

uint64_t checksum_bytes(const void *data, uint64_t n, uint64_t seed);

#endif
