// An overlay as vc_overlay_write draws it without a reference, for an image that comes by rows.
#ifndef VC_TRAIN_OVERLAY_H
#define VC_TRAIN_OVERLAY_H

#include "vulcyte/train.h"

enum { VC_OVERLAY_CHANNELS = 8 }; // at most

struct overlay_rows;
// Reads the image once for its range. What is not committed leaves no file when the arena goes.
vc_status overlay_rows_open(vc_arena *arena, const char *path, vc_image_rows *image, struct overlay_rows **out);
vc_status overlay_rows_add(struct overlay_rows *o, const void *pixels, const uint8_t *classes, uint32_t n);
vc_status overlay_rows_commit(struct overlay_rows *o);

#endif
