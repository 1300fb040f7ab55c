// vulcyte/export.h: models in the formats of other programs.
#ifndef VULCYTE_EXPORT_H
#define VULCYTE_EXPORT_H

#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

// Which sides an exported network takes: min, min + step, min + 2 step, ... It adds nothing at an image's borders, as
// prediction here does for other sides.
struct vc_export_sides {
  uint32_t min, step;
};
struct vc_export_sides vc_export_sides(const struct vc_unet_desc *desc);

// ONNX, opset 17: image {N,channels,H,W} in the image files' own units → probabilities {N,classes,H,W}; the
// normalisation is part of the graph. All of it as this program predicts: the chosen head, and where it was matched the
// sums of the clusters of each class.
vc_status vc_export_onnx(const char *model_path, const char *out_path);
// The tensors as they are, without the training's metadata: __metadata__ keeps classes, normalisation, heads and
// version.
vc_status vc_export_safetensors(const char *model_path, const char *out_path);

struct vc_export_bioimageio_desc {
  const char *model_path, *out_path;
  const char *image;   // for the test tensors and the cover: the middle of this file; NULL: a drawn pattern
  const char *name;    // NULL: the configuration's
  const char *author;  // NULL: not told
  const char *license; // an SPDX identifier; NULL: not told
};
// A package of the BioImage Model Zoo's format 0.5: a ZIP of rdf.yaml, model.onnx, test tensors, cover and README.
// The device computes the expected output.
vc_status vc_export_bioimageio(struct vc_gpu *gpu, const struct vc_export_bioimageio_desc *desc);

#ifdef __cplusplus
}
#endif
#endif
