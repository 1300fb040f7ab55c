// Private to the volume reader: the header of a NIfTI file.
#ifndef VC_DATA_NIFTI_H
#define VC_DATA_NIFTI_H

#include "image.h"

enum {
  NIFTI_1_BYTES = 348,
  NIFTI_2_BYTES = 540,
  NIFTI_FILE_BYTES = 352, // what nifti_make writes: a version 1 header and an empty extension
};

struct nifti_header {
  uint32_t size[3];
  enum raster_kind kind;
  uint32_t bits; // 8, 16, 32 or 64
  bool is_swapped;
  uint64_t data_offset;
  bool is_scaled; // intensity = slope * voxel + intercept
  double slope, intercept;
  double to_world[12];
};

// How long the header is that starts with these 4 bytes; 0: not a NIfTI file.
uint32_t nifti_header_bytes(const uint8_t first[4]);
// bytes: as many as nifti_header_bytes says. Everything that an honest header cannot hold is VC_E_FORMAT.
vc_status nifti_parse(const char *path, const uint8_t *bytes, struct nifti_header *out);
// A version 1 header in native byte order; the voxels follow it.
vc_status nifti_make(const char *path, const struct vc_volume_info *info, uint8_t out[NIFTI_FILE_BYTES]);

#endif
