// A ZIP archive of stored files, for packages that other programs unpack.
#ifndef VC_TRAIN_ZIP_H
#define VC_TRAIN_ZIP_H

#include "vulcyte/base.h"

// Writes out_path from the files `names` of the folder dir, in that order. Together they must stay under 4 GiB.
vc_status vc_zip_write(const char *out_path, const char *dir, const char *const *names, uint32_t n);
uint32_t vc_crc32(const void *data, size_t n_bytes); // of ZIP and PNG

#endif
