// pool.h: where kernels find the pixels of a run: every image on the device as the integers it came in, or, where they
// do not fit, a ring of regions that loader threads fill ahead of the steps.
#ifndef VC_TRAIN_POOL_H
#define VC_TRAIN_POOL_H

#include "vulcyte/data.h"
#include "vulcyte/graph.h"

struct vc_pool;

struct vc_pool_desc {
  struct vc_gpu *gpu;
  const struct vc_caps *caps;
  const vc_dataset *dataset;
  const struct vc_split *split;
  const char *residence; // "auto" | "device" | "stream"
  uint64_t memory;       // bytes on the device that all may take together; 0: what the device has
  int n_workers;
  uint32_t batch, n_staged;
  // The samples of a step, a batch of each stream after the other.
  uint32_t n_streams;
  vc_status (*samples_of_step)(void *context, uint64_t step, vc_arena *scratch, uint32_t *out_samples); // on any thread
  // Makes the pixels of a resident sample and, where out_classes is not NULL, its class map. NULL: the data set's
  // files.
  vc_status (*read)(void *context, uint32_t sample, vc_arena *arena, struct vc_image *out, uint8_t **out_classes);
  void *context;
};
// Reads the training and validation images (resident), or prepares the ring (streaming); measures the range of the
// training images either way. Masks are opened for labelled and validation samples only.
vc_status vc_pool_create(vc_arena *arena, const struct vc_pool_desc *desc, struct vc_pool **out);
void vc_pool_range(const struct vc_pool *pool, double *out_min, double *out_max); // per channel
bool vc_pool_resident(const struct vc_pool *pool);
vc_slot *vc_pool_images(struct vc_pool *pool); // U32 words
vc_slot *vc_pool_labels(struct vc_pool *pool);

// Steps, in order from first: next makes the step's samples present; release allows its regions to be overwritten.
vc_status vc_pool_start(struct vc_pool *pool, uint64_t first_step);
vc_status vc_pool_next(struct vc_pool *pool);
void vc_pool_release(struct vc_pool *pool, uint64_t step);
// Makes a sample (with its mask, of validation) present as staged sample `place` < n_staged; no step may be under way
// on the device.
vc_status vc_pool_stage(struct vc_pool *pool, uint32_t sample, uint32_t place);

// The whole image or class map of a sample: of entry i of the current step, or (VC_POOL_STAGED + place) a staged one.
#define VC_POOL_STAGED 0x80000000u
struct vc_window vc_pool_image_window(const struct vc_pool *pool, uint32_t entry, uint32_t sample);
struct vc_window vc_pool_label_window(const struct vc_pool *pool, uint32_t entry, uint32_t sample);

#endif
