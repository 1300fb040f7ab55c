// Connected components of a segmentation.
#ifndef VC_TRAIN_COMPONENTS_H
#define VC_TRAIN_COMPONENTS_H

#include "vulcyte/base.h"

// Numbers the 4-connected components of the pixels whose class is neither 0 nor ignored, 1, 2, ... in the order of
// their first pixels (row by row); other pixels become 0. Neighbours of different foreground classes belong together.
vc_status components_label(vc_arena *arena, const uint8_t *classes, uint32_t width, uint32_t height,
                           uint32_t **out_labels, uint32_t *out_n);
// The same for the pixels whose value is not 0, where only neighbours of equal value belong together.
vc_status components_label_equal(vc_arena *arena, const uint32_t *values, uint32_t width, uint32_t height,
                                 uint32_t **out_labels, uint32_t *out_n);

#endif
