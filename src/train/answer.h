// The files of a prediction, written by rows as the answer comes; they appear together, or none of them.
#ifndef VC_TRAIN_ANSWER_H
#define VC_TRAIN_ANSWER_H

#include "vulcyte/train.h"

enum { VC_ANSWER_MASK = 1, VC_ANSWER_PROBABILITIES = 2, VC_ANSWER_OVERLAY = 4, VC_ANSWER_INSTANCES = 8 };

struct vc_answer_desc {
  const char *dir, *stem; // STEM.png, STEM.npy, overlays/STEM.png, STEM.tif in dir
  uint32_t kinds;         // VC_ANSWER_...
  uint32_t n_classes;
  const uint8_t *palette_rgb; // of the mask; NULL: none
};
typedef struct vc_answer vc_answer;
// Makes the folders. What is not committed leaves nothing when the arena goes. desc is copied, its strings are
// borrowed.
vc_status vc_answer_open(vc_arena *arena, const struct vc_answer_desc *desc, vc_image_rows *image, vc_answer **out);
// The take of struct vc_predict_rows, with the answer as context.
vc_status vc_answer_take(void *answer, uint32_t first, uint32_t n, const float *probabilities, size_t plane,
                         const void *pixels);
vc_status vc_answer_commit(vc_answer *a);

#endif
