// Private to the import of volumes: sections of one volume, computed on the device slab by slab.
#ifndef VC_TRAIN_SECTIONS_H
#define VC_TRAIN_SECTIONS_H

#include "vulcyte/train.h"

// Takes a pixel of a section that lies in the volume: the bits of its intensity (float) or its label. Called once for
// each such pixel.
typedef void (*sections_take)(void *context, uint32_t section, uint32_t pixel, uint32_t word);

struct sections_desc {
  struct vc_gpu *gpu;
  vc_volume *volume;
  const char *name; // of the volume, for messages
  bool as_labels;   // nearest voxels; else trilinear intensities
  uint32_t width, height;
  uint64_t slab_bytes;
  bool (*go_on)(void *context); // asked between dispatches
  sections_take take;
  void *context;
};
// Reads the volume once from first to last plane. VC_E_NOMEM where the device cannot hold two planes.
vc_status sections_cut(const struct sections_desc *desc, const struct vc_section *sections, uint32_t n);
// The volume's first voxel, which stands for what lies outside: the bits of a float, or a label.
vc_status sections_first_voxel(vc_volume *volume, bool as_labels, uint32_t *out_word);

#endif
