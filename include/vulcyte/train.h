// vulcyte/train.h: checkpoints, training runs, evaluation and prediction.
#ifndef VULCYTE_TRAIN_H
#define VULCYTE_TRAIN_H

#include "config.h"
#include "rows.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- checkpoints ------------------------------------------------------------------------------------------------

// A named tensor of a safetensors file. data: little-endian, borrowed.
struct vc_named_tensor {
  const char *name, *dtype; // "F32", "F16", "BF16", "F64", "I64", "U32", "U8", ...
  uint32_t n_dims;
  uint64_t dims[8];
  const void *data;
  uint64_t n_bytes;
};
struct vc_safetensors {
  struct vc_named_tensor *tensors;
  uint32_t n_tensors;
  const char **keys, **values; // __metadata__
  uint32_t n_metadata;
  // For writing tensors that are not all in memory: gives one's data, good until the next call. NULL: they have theirs.
  vc_status (*fetch)(void *context, uint32_t tensor, const void **out);
  void *context;
};
vc_status vc_safetensors_read(vc_arena *arena, const char *path,
                              struct vc_safetensors *out); // everything checked: offsets, overlaps, sizes, checksum
vc_status vc_safetensors_write(const char *path, const struct vc_safetensors *content); // atomic; adds a checksum
const char *vc_safetensors_metadata(const struct vc_safetensors *s, const char *key);   // NULL if absent

// The two heads of an IIC model and the classes that their clusters stand for, found on the validation images' masks.
enum vc_head { VC_HEAD_MAIN, VC_HEAD_AUX, VC_N_HEADS };
struct vc_heads {
  enum vc_head chosen;                          // the better one on the validation images
  bool matched[VC_N_HEADS];                     // false: not known, or there were no masks
  uint8_t class_of[VC_N_HEADS][VC_MAX_CLASSES]; // of each cluster
};

// What a model file carries besides the weights.
struct vc_model_info {
  struct vc_config config;
  bool has_config;       // false: a bare state dict (PyTorch's); its shapes tell the network
  double min[4], max[4]; // normalisation per channel, in the files' own units
  bool has_range;
  struct vc_heads heads; // the main one, not matched, where the file tells nothing
};
// Writes model weights (block in device order) with metadata config, classes, normalisation, heads (NULL: none),
// metrics (JSON text or NULL), version.
vc_status vc_checkpoint_write(const char *path, const vc_model *model, const float *block,
                              const struct vc_config *config, const double *min, const double *max,
                              const struct vc_heads *heads, const char *metrics_json);
// The same with weights that need not be in memory whole: fetch gives n elements of the block from `first` on, good
// until the next call.
typedef vc_status (*vc_fetch_params_fn)(void *context, uint64_t first, uint64_t n, const float **out);
vc_status vc_checkpoint_write_from(const char *path, const vc_model *model, vc_fetch_params_fn fetch, void *context,
                                   const struct vc_config *config, const double *min, const double *max,
                                   const struct vc_heads *heads, const char *metrics_json);
// The texts of metadata normalisation
vc_status vc_checkpoint_range_text(vc_arena *arena, const double *min, const double *max, uint32_t n, const char **out);
vc_status vc_checkpoint_classes_text(vc_arena *arena, const struct vc_config *config, const char **out); // and classes
// Reads a model: its description (from metadata, else from the shapes) and its weights.
vc_status vc_checkpoint_read(vc_arena *arena, const char *path, struct vc_model_info *out_info, vc_model **out_model,
                             float **out_block);
// Copies the weights of path into block where name and shape agree; F32, F16, BF16 and F64 files. Missing, extra or
// misfitting tensors: strict → VC_E_SHAPE naming the first; else logged as what was loaded, re-initialised (left as it
// is in block) and skipped. VC_E_SHAPE if nothing fits.
vc_status vc_checkpoint_load_weights(const char *path, const vc_model *model, float *block, bool strict);

enum { VC_STATE_PART = 1 << 20 }; // elements that are written, and checked, at a time
enum vc_state_block { VC_STATE_PARAMS, VC_STATE_MOMENT1, VC_STATE_MOMENT2, VC_N_STATE_BLOCKS };
// The state beside last.safetensors that makes a resumed run end with the same bits. Blocks in device order.
struct vc_train_state {
  uint64_t step;                      // optimiser steps done
  uint32_t epoch, step_in_epoch;      // next to run
  uint64_t n_block;                   // elements of each block
  float *blocks[VC_N_STATE_BLOCKS];   // as read; the first moments unused (zeros) by RMSProp
  double best_supervised, best_final; // validation losses so far; INFINITY: none
  uint32_t best_supervised_epoch, best_final_epoch;
  double best_start_loss;     // of several starts: the lowest loss so far
  uint32_t start, best_start; // those that have been tried; the one with that loss
  double sums[8];             // running sums of the epoch under way
  float loss_scale[4];        // of vc_loss_scale, in mixed precision
  uint64_t log_bytes;         // length of log.jsonl at this point; resuming cuts it there
};
// fetch gives n elements, at most VC_STATE_PART, of a block from `first` on, good until the next call, so that no block
// need be in memory whole.
typedef vc_status (*vc_fetch_block_fn)(void *context, enum vc_state_block block, uint64_t first, uint64_t n,
                                       const float **out);
vc_status vc_train_state_write(const char *path, const struct vc_train_state *state, const char *config_text,
                               vc_fetch_block_fn fetch, void *context);
// VC_E_FORMAT for a damaged file (checksummed), VC_E_CONFIG when config_text differs in a key that changes results
// (named).
vc_status vc_train_state_read(vc_arena *arena, const char *path, const char *config_text, struct vc_train_state *out);

// ---- metrics ----------------------------------------------------------------------------------------------------

enum { VC_N_AP = 10 };
// Of single objects, of two-class sets; n_images 0: not scored. The means are NaN where there is nothing to take them
// over.
struct vc_instance_scores {
  uint32_t n_images;
  uint64_t n_objects; // of the reference, in all images
  double ap[VC_N_AP]; // average precision at IoU > 0.5, 0.55, ... 0.95: mean over the images
  double mean_ap;     // over the thresholds
  double seg;         // mean over the reference objects
};
struct vc_metrics {
  uint32_t n_classes, n_images;
  double mean_iou, image_mean_iou, image_mean_iou_sd, foreground_iou, accuracy;
  double iou[VC_MAX_CLASSES], dice[VC_MAX_CLASSES];    // NaN: class absent from both
  uint64_t confusion[VC_MAX_CLASSES * VC_MAX_CLASSES]; // [reference * n_classes + predicted]
  struct vc_instance_scores instances;
};
// Accumulates per-image confusion matrices; finish fills the rest.
void vc_metrics_begin(struct vc_metrics *m, uint32_t n_classes);
void vc_metrics_add_image(struct vc_metrics *m, const uint32_t *confusion);
void vc_metrics_finish(struct vc_metrics *m);
void vc_metrics_json(vc_json_writer *w, const char *key, const struct vc_metrics *m, const char *const *class_names,
                     int64_t epoch); // epoch < 0: left out; "images" is the count
void vc_metrics_json_members(vc_json_writer *w, const struct vc_metrics *m, const char *const *class_names,
                             int64_t epoch); // the same without the object around

// ---- runs ---------------------------------------------------------------------------------------------------------

// Called from time to time during a run with what a progress line shows. Returning false stops the run
// (VC_E_INTERRUPTED, state saved).
struct vc_progress {
  const char *phase;    // "train", "validate", "test", "predict"
  uint64_t done, total; // steps of the whole phase
  uint32_t epoch, n_epochs;
  double steps_per_second, seconds_left;
  double loss_supervised, loss_unsupervised, mean_iou; // NaN: not known
};
typedef bool (*vc_progress_fn)(void *context, const struct vc_progress *progress);

struct vc_train_options {
  const char *out_dir;
  bool resume, skip_bad;
  vc_progress_fn progress; // may be NULL
  void *context;
};
// Trains as config says, writes the run folder, tests both states, renders overlays and report.html.
vc_status vc_train(struct vc_gpu *gpu, const struct vc_config *config, const struct vc_train_options *options);

// A trained model on a device, for images of any size.
typedef struct vc_predictor vc_predictor;
vc_status vc_predictor_create(vc_arena *arena, struct vc_gpu *gpu, const char *model_path, const char *variants,
                              vc_predictor **out);
const struct vc_config *
vc_predictor_config(const vc_predictor *p); // classes and channels (defaults for a bare state dict)
// Of IIC models: which head answers; by default the one that was chosen in training. VC_E_USAGE where there is none.
vc_status vc_predictor_use_head(vc_predictor *p, enum vc_head head);
// The channels of the answer: classes, or the clusters of an IIC model that was trained without masks.
uint32_t vc_predictor_classes(const vc_predictor *p);
bool vc_predictor_is_matched(const vc_predictor *p); // false: clusters, which are no classes
// Probabilities [C,H,W] of an image; tile 0: whole when it fits, else tiles with blended overlap; > 0: tiles of at most
// that side. The range of a model without metadata is the image's own minimum and maximum.
vc_status vc_predictor_run(vc_predictor *p, const struct vc_image *image, uint32_t tile, float *out_probabilities);
// The same for an image read by rows, whose answer is handed on by rows: memory grows with the width alone.
struct vc_predict_rows {
  vc_image_rows *image;
  uint32_t tile;
  // Takes rows first .. first + n - 1 of the answer, top to bottom: class c of row first + y, column x is
  // probabilities[c * plane + y * width + x]. pixels: the image's, of the same rows.
  vc_status (*take)(void *context, uint32_t first, uint32_t n, const float *probabilities, size_t plane,
                    const void *pixels);
  void *context;
  vc_progress_fn progress; // tiles of this image, where there is more than one; may be NULL
  void *progress_context;
};
vc_status vc_predictor_run_rows(vc_predictor *p, const struct vc_predict_rows *desc);
struct vc_evaluate_options {
  const char *images, *masks;
  const char *out_dir; // NULL: no files
  bool skip_bad;
  uint32_t tile;
  vc_progress_fn progress;
  void *context;
};
vc_status vc_evaluate(vc_predictor *p, const struct vc_evaluate_options *options, struct vc_metrics *out);

// ---- sections of volumes ----------------------------------------------------------------------------------------

struct vc_import_bigbrain_desc {
  const char *image, *classes; // NIfTI volumes in one space; their grids may differ
  const char *out_dir;         // new, or empty
  uint32_t n_slices;
  uint32_t width, height; // 0: the longest side of the class volume
  double spacing;         // millimetres between pixels; 0: the class volume's smallest
  double min_tissue;      // least share of the pixels that are not background
  uint64_t seed;
  const uint32_t *keep; // labels that become classes 1, 2, ...; all others are background
  uint32_t n_keep;      // 0: every label stays; that of the first voxel is background
  uint64_t slab_bytes;  // device memory for voxels; 0: as much as fits
  vc_progress_fn progress;
  void *context;
};
struct vc_import_bigbrain_result {
  uint32_t n_slices, n_drawn; // drawn: until enough of them had tissue
};
// Cuts random planes (vc_section_draw) on the device: trilinear intensities → images/, nearest labels → masks/,
// dataset.json, and sections.json with the planes. Volumes larger than the device's memory go through it in slabs, with
// the same result.
vc_status vc_import_bigbrain(struct vc_gpu *gpu, const struct vc_import_bigbrain_desc *desc,
                             struct vc_import_bigbrain_result *out);

// ---- pictures and report ----------------------------------------------------------------------------------------

// image (first 3 channels, stretched over its own values, those of a test image but for the outermost) with class
// outlines and tints; masks are class indices; reference may be NULL. Side by side: image | reference | prediction |
// difference when reference is given, else the overlay alone.
vc_status vc_overlay_write(const char *path, const struct vc_image *image, const uint8_t *reference,
                           const uint8_t *prediction, uint32_t n_classes);
// One self-contained HTML page of a run folder (overlays, scores, curves, augmentation, settings) or of a sweep's.
// Files that are not there yet are passed over; a folder with neither config.json nor results.json is VC_E_INPUT.
vc_status vc_report_write(const char *run_dir, const char *out_path);
// The same for several folders, runs with a table that compares them first.
vc_status vc_report_write_runs(const char *const *run_dirs, uint32_t n, const char *out_path);

#ifdef __cplusplus
}
#endif
#endif
