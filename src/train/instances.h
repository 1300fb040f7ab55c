// Scores of single objects in a two-class segmentation: average precision and SEG (docs/equations.md [OBJ 1..4]).
#ifndef VC_TRAIN_INSTANCES_H
#define VC_TRAIN_INSTANCES_H

#include "vulcyte/train.h"

struct vc_instance_image {
  uint32_t width, height;
  const uint32_t *labels;    // of the reference, before the class mapping
  const uint8_t *reference;  // classes: 0, foreground, VC_IGNORE_U8
  const uint8_t *prediction; // classes
};

// The reference's objects, numbered from 1; 0 where there is none. A label is an object where the image's labels look
// like instance numbers, else each 4-connected piece of one label is.
vc_status vc_instances_of_reference(vc_arena *arena, const struct vc_instance_image *image, uint32_t **out_objects,
                                    uint32_t *out_n);

// Adds an image to m->instances; without effect on failure. Scratch memory, some 24 bytes a pixel, comes from the
// arena. Images of which no pixel counts are passed over, as vc_metrics_add_image does.
vc_status vc_instances_add_image(vc_arena *arena, const struct vc_instance_image *image, struct vc_metrics *m);

// Turns the sums into means: called by vc_metrics_finish.
void vc_instances_finish(struct vc_instance_scores *scores);
void vc_instances_json(vc_json_writer *w, const char *key, const struct vc_instance_scores *scores);

#endif
