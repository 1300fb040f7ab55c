// vulcyte/terms.h: words that data, ops and train share: how pixels stand in memory, what an augmentation is called.
#ifndef VULCYTE_TERMS_H
#define VULCYTE_TERMS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VC_IGNORE    0xFFFFFFFFu // the label of a pixel that no loss or metric counts
#define VC_IGNORE_U8 255u        // the same in an 8-bit class map

enum vc_pixel_format {
  VC_PIXEL_U8,
  VC_PIXEL_U16,
  VC_PIXEL_F32
}; // native byte order, channels interleaved, rows not padded
static inline uint32_t vc_pixel_bytes(enum vc_pixel_format format) {
  return format == VC_PIXEL_U8 ? 1u : format == VC_PIXEL_U16 ? 2u : 4u;
}

// One crop of a stored image, as kernels read it: 8 words.
struct vc_window {
  uint32_t word; // first 32-bit word of the image's pixels in the pool
  uint32_t width, height;
  int32_t left, top; // the window's corner in the image; the window may reach outside
  uint32_t format;   // enum vc_pixel_format
  uint32_t channels; // stored interleaved
  uint32_t reserved;
};

// The planes of a volume that stand in device memory, as kernels read them: 8 words.
struct vc_slab {
  uint32_t width, height, depth; // voxels of the whole volume
  uint32_t first, end; // positions with first <= floor(z) < end (nearest: z rounded) belong to this slab; the pool
                       // holds planes first .. end - 1, and plane end where there is one and values are interpolated
  uint32_t format;     // enum vc_pixel_format; F32: any words of 32 bits
  uint32_t reserved[2];
};

// The transformations of strong augmentation; ROTATE is the only spatial one.
enum vc_augment_op {
  VC_AUG_NONE,
  VC_AUG_ROTATE,
  VC_AUG_AUTOCONTRAST,
  VC_AUG_INVERT,
  VC_AUG_EQUALIZE,
  VC_AUG_SOLARIZE,
  VC_AUG_CONTRAST,
  VC_AUG_COLOR,
  VC_AUG_BRIGHTNESS,
  VC_AUG_SHARPNESS,
  VC_AUG_COUNT
};

#ifdef __cplusplus
}
#endif
#endif
