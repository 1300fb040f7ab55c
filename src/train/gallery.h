// gallery.h: pictures of what augmentation makes of an image, for people to judge it by.
#ifndef VC_TRAIN_GALLERY_H
#define VC_TRAIN_GALLERY_H

#include "train/run.h"

// Renders with the kernels and draws of training what the run's first visits to one training image showed the network:
// the first image without a mask, of a supervised run the first with one. Writes augmentation/01.png, ..., each the
// window and its views side by side on one grey scale, and augmentation/views.json, which tells them. No step may be
// under way. Nothing is written where augmentation is off.
vc_status vc_gallery_write(struct vc_run *run);

#endif
