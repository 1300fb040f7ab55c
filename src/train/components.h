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

// components_label for a mask that comes by rows: they are added top to bottom, then come back with their numbers.
// What is remembered of each row goes to a nameless file in dir; memory grows with the width, and by 4 bytes for each
// place where an object begins (its tips upwards). VC_E_INPUT where these are more than 2^25.
struct component_rows;
vc_status component_rows_create(vc_arena *arena, const char *dir, uint32_t width, struct component_rows **out);
vc_status component_rows_add(struct component_rows *c, const uint8_t *classes, uint32_t n_rows);
vc_status component_rows_finish(struct component_rows *c, uint32_t *out_n);    // after the last row
vc_status component_rows_next(struct component_rows *c, uint32_t *out_labels); // of the next row

#endif
