// run.h: one training run: what its parts share. run.c sets it up and ends it, loop.c walks the epochs, supervised.c,
// uda.c and iic.c hold the graphs of their methods, validate.c scores the network after an epoch, statistics.c prepares
// batch norm for that, starts.c chooses among several starts.
#ifndef VC_TRAIN_RUN_H
#define VC_TRAIN_RUN_H

#include "train/kernels.h"
#include "train/pool.h"
#include "train/runlog.h"
#include "vulcyte/train.h"

enum { VC_STREAM_LABELLED = 0, VC_STREAM_UNLABELLED = 1 };
enum { VC_MAX_BATCH = 1024 }; // as train.batch allows
// The walk number of the draws that stay fixed over a run: validation's.
#define VC_WALK_FIXED UINT32_MAX

struct vc_size {
  uint32_t w, h;
};

// The corner of a window of an image.
struct vc_part {
  int32_t left, top;
};

struct vc_run {
  vc_arena *arena;
  vc_arena *work_arena; // of the steps' work memory, which is gone before the tests
  struct vc_gpu *gpu;
  const struct vc_config *config;
  const struct vc_train_options *options;
  const char *config_text; // the resolved configuration
  bool timestamps;         // training steps measure their dispatches
  vc_choices *choices;     // of kernels; NULL: by rank

  // NULL: images come from the data set's files; else as vc_pool_desc's read, with the run as context.
  vc_status (*read)(void *run, uint32_t sample, vc_arena *arena, struct vc_image *out, uint8_t **out_classes);
  vc_dataset *dataset;
  struct vc_split split;
  struct vc_pool *pool;
  double min[4], max[4];
  float range[8]; // lo, scale per channel: the feed of vc_crop_images

  vc_model *model;
  vc_slot *params, *gradients, *moment1, *moment2; // block_elements floats each; moment1 NULL for RMSProp
  vc_slot *loss_scale;                             // of vc_loss_scale, in mixed precision; NULL: fp32

  vc_order *orders[2]; // of the two streams
  vc_runlog *log;
  struct vc_train_state state;
  uint32_t steps_per_epoch;
  uint64_t n_steps;                                    // of the whole run
  uint64_t session_finished;                           // steps since the program started
  double session_start, last_saved;                    // seconds; of the loop, of last.state
  double first_finished, last_finished;                // of those steps
  double last_supervised, last_unsupervised, last_iou; // for the progress line
  struct vc_train_step *steps;                         // every shape of training step
  uint32_t n_train_steps;
  struct vc_train_step *statistics; // for each of those, what estimates the statistics of batch norm; NULL: not wanted
  struct vc_validator *validator;
  vc_exec **execs; // of all of them
  uint32_t n_execs;
  struct vc_heads heads;      // of the weights as they are: what the latest validation found
  uint64_t spared_bytes;      // of the device's memory, that a trial's smaller network would not take
  const struct vc_part *part; // the window that validation looks at; NULL: training draws its windows
};

// From a run with its data set and split: reads the images, makes the network, builds and binds every step.
vc_status vc_run_prepare(struct vc_run *run);

// ---- one shape of training step (step.c) ----------------------------------------------------------------------------

// The feeds of one image stream of a step.
struct vc_stream_feeds {
  vc_tensor *windows, *label_windows; // label_windows NULL: no masks
  vc_tensor *weak;                    // samplers W⁻¹, NULL: no weak augmentation
  vc_tensor *strong, *align;          // samplers (W R)⁻¹ and A⁻¹ = W R W⁻¹, NULL: none
  vc_tensor *rects;                   // of the validity mask, or NULL
  vc_tensor *ops[VC_MAX_STRONG_OPS];  // one intensity operation each
  uint32_t n_ops;
};
struct vc_train_step {
  struct vc_size labelled, unlabelled; // 0x0: the method has no such images
  uint32_t batch;                      // samples of each stream
  uint32_t pass_samples;               // training: the network takes at most so many at once
  bool staged;                         // validation: its one sample is the pool's staged one
  vc_graph *graph;
  vc_exec *exec;
  vc_tensor *range, *dropout_key, *hyper;
  vc_tensor *loss_scale; // reported; NULL: fp32
  vc_tensor *tsa;        // threshold of training-signal annealing, or NULL
  vc_tensor *ramp;       // share of uda.weight that counts, or NULL: all of it
  struct vc_stream_feeds l, u;
  vc_tensor **params;                                           // [n_params] views of the parameter block
  vc_tensor **grads;                                            // [n_params] summed so far, or NULL; each may be NULL
  vc_tensor *loss_supervised, *loss_unsupervised, *grad_norm;   // reported; either loss may be NULL
  vc_tensor *head_weights[VC_N_HEADS], *loss_heads[VC_N_HEADS]; // of IIC, or NULL
};

// Begins the graph of a step or of validation: parameters bound, range and (training) dropout key fed.
vc_status vc_step_begin(struct vc_run *run, struct vc_train_step *step, bool training);
// Size of the widest feature maps, [skip, up] of the first level, for n batches of shape x at once.
uint64_t vc_step_widest_bytes(const struct vc_run *run, uint32_t n, struct vc_shape x);
// f(x) in passes of at most step->pass_samples; the same as one pass, dropout included.
vc_tensor *vc_step_logits(struct vc_run *run, struct vc_train_step *step, vc_tensor *x,
                          const struct vc_unet_training *training);
// The words of a pool slot as a tensor.
vc_tensor *vc_step_words(vc_graph *g, const char *name, vc_slot *slot);
// Differentiates one of several losses that a step minimises the sum of. What only this loss needs can be forgotten
// before the graph of the next one begins, so a loss is best differentiated as soon as it is there.
vc_status vc_step_backward(struct vc_run *run, struct vc_train_step *step, vc_tensor *loss);
// Differentiates `loss`, the last or only one, adds optimiser and reports, and plans.
vc_status vc_step_finish(struct vc_run *run, struct vc_train_step *step, vc_tensor *loss);
// The feeds that every step has: range, dropout key, hyper-parameters.
vc_status vc_step_feed_common(struct vc_run *run, struct vc_train_step *step, double lr);

// ---- the supervised branch (supervised.c)
// -----------------------------------------------------------------------------

struct vc_labelled_batch {
  vc_tensor *x, *labels; // W x_l, W m_l
  vc_tensor *window;     // x_l
};
// augment false: the windows as they are (validation).
struct vc_labelled_batch vc_supervised_inputs(struct vc_run *run, struct vc_train_step *step, bool augment);
vc_tensor *vc_supervised_loss(const struct vc_config *config, vc_graph *g, vc_tensor *logits, vc_tensor *labels);
vc_status vc_supervised_build(struct vc_run *run, struct vc_train_step *step);
vc_status vc_supervised_feed(struct vc_run *run, struct vc_train_step *step, const struct vc_visit *visits);

// ---- the unsupervised branch (uda.c)
// ----------------------------------------------------------------------------------

// The draws of a batch of unlabelled images, in the form of their feeds.
struct vc_unlabelled_draws {
  struct vc_window windows[VC_MAX_BATCH];
  float weak[VC_MAX_BATCH][6], strong[VC_MAX_BATCH][6], align[VC_MAX_BATCH][6], rects[VC_MAX_BATCH][4];
  uint32_t ops[VC_MAX_STRONG_OPS][VC_MAX_BATCH][2];
};
// Window, valid rectangle and intensity operations of image i; the maps are the method's.
void vc_draw_unlabelled(struct vc_run *run, const struct vc_train_step *step, uint32_t i, struct vc_visit visit,
                        const struct vc_strong *strong, struct vc_unlabelled_draws *out);
vc_status vc_feed_unlabelled(const struct vc_train_step *step, const struct vc_unlabelled_draws *draws);

struct vc_unlabelled_pair {
  vc_tensor *weak, *strong; // W x_u, W S x_u
  vc_tensor *valid;         // pixels that both maps cover
  vc_tensor *window;        // x_u
};
struct vc_unlabelled_pair vc_uda_inputs(struct vc_run *run, struct vc_train_step *step);
// L_unsup of the logits of both images: alignment, then the consistency loss. Gradient to strong_logits, with IID to
// both.
vc_tensor *vc_uda_loss(const struct vc_config *config, struct vc_train_step *step, struct vc_unlabelled_pair pair,
                       vc_tensor *weak_logits, vc_tensor *strong_logits);
vc_status vc_uda_build(struct vc_run *run, struct vc_train_step *step);
vc_status vc_uda_feed(struct vc_run *run, struct vc_train_step *step, const struct vc_visit *visits);

// ---- the self-supervised method (iic.c)
// -------------------------------------------------------------------------------

vc_status vc_iic_build(struct vc_run *run, struct vc_train_step *step);
vc_status vc_iic_feed(struct vc_run *run, struct vc_train_step *step, const struct vc_visit *visits);
// What validation reads of each head, besides the losses: the clusters' sizes (sums of probabilities) and how often
// each meets each class, [class * side + cluster]; without masks the "class" is the cluster itself.
struct vc_head_outputs {
  uint32_t n_clusters[VC_N_HEADS], side[VC_N_HEADS];
  vc_tensor *sizes[VC_N_HEADS], *overlaps[VC_N_HEADS];
};
void vc_iic_build_validation(struct vc_run *run, struct vc_train_step *step, struct vc_head_outputs *out);
// Whether a head has learnt anything in the epochs up to this one (from 0): its loss then counts.
bool vc_iic_has_begun(const struct vc_config *config, enum vc_head head, uint32_t epoch);

// ---- statistics for evaluation (statistics.c)
// -------------------------------------------------------------------------

// Method iic with batch norm: before a validation the running statistics become those of the network as it is, over up
// to 16 batches of training images, with dropout off. Training itself does not look at them.
vc_status vc_statistics_build(struct vc_run *run);
vc_status vc_statistics_estimate(struct vc_run *run);

// ---- several starts (starts.c)
// ----------------------------------------------------------------------------------------

uint32_t vc_starts_left(const struct vc_run *run); // starts yet to be tried
// Tries the starts that are left, then begins the run at the best one.
vc_status vc_starts_choose(struct vc_run *run);

// ---- validation (validate.c)
// --------------------------------------------------------------------------------------------

struct vc_head_validation {
  double loss, entropy; // entropy of the clusters' sizes, share of the largest possible
  double mean_iou;      // after matching; NaN without masks
  bool degenerate;
};
struct vc_validation {
  double supervised, unsupervised; // mean losses; NaN where the method has none
  struct vc_metrics metrics;       // with IIC of the chosen head, after matching; no classes where there are no masks
  bool degenerate;                 // one class for every pixel, whatever the image
  struct vc_head_validation heads[VC_N_HEADS];
};
vc_status vc_validator_create(struct vc_run *run);
vc_status vc_validate(struct vc_run *run, struct vc_validation *out);
// The executables of validation, appended to out_execs.
uint32_t vc_validator_n_execs(const struct vc_run *run);
void vc_validator_execs(const struct vc_run *run, vc_exec **out_execs, uint32_t *inout_n);

// ---- the loop (loop.c)
// ----------------------------------------------------------------------------------------------------

bool vc_run_is_uda(const struct vc_run *run);
bool vc_run_is_iic(const struct vc_run *run);
bool vc_run_uses(const struct vc_run *run, uint32_t stream); // whether the method trains on these images
// The pool's entry of image i of a step's stream.
uint32_t vc_run_entry(const struct vc_run *run, const struct vc_train_step *step, uint32_t stream, uint32_t i);
// How the labelled (stream 0) or the unlabelled images are walked, and the visits of a 0-based step of the run.
vc_status vc_run_order(const struct vc_run *run, uint32_t stream, vc_arena *arena, vc_order **out);
void vc_run_visits(const struct vc_run *run, vc_order *order, uint64_t step, struct vc_visit *out_visits);
// The size of the images that a step gets of a sample.
struct vc_size vc_run_crop_size(const struct vc_run *run, uint32_t sample);
// Builds every shape of training step that the run will meet, and validation; plans and binds their memory.
vc_status vc_run_build(struct vc_run *run);
// From the state's position on, in this order: starts the walk; feeds and submits the next step; waits for it and tells
// what it gave. One step may be under way while the next is begun.
struct vc_pending_step {
  struct vc_train_step *step; // NULL: none
  uint64_t ticket, number;    // executable's and run's count
  uint32_t epoch;
  double lr, start;
};
struct vc_step_result {
  double supervised, unsupervised, grad_norm; // 0 where the method has none
  double heads[VC_N_HEADS];
  double loss_scale; // 0: fp32. Where above 1 and grad_norm is no number: the step was left out
};
vc_status vc_run_start_steps(struct vc_run *run);
vc_status vc_run_begin_step(struct vc_run *run, struct vc_pending_step *out);
vc_status vc_run_finish_step(struct vc_run *run, const struct vc_pending_step *pending, struct vc_step_result *out);
// The rest of the epoch's steps, summing losses in state.sums: supervised, unsupervised, steps, main and auxiliary
// head.
vc_status vc_run_epoch_steps(struct vc_run *run);
// Saves the state; VC_E_INTERRUPTED.
vc_status vc_run_interrupted(struct vc_run *run);
vc_status vc_run_create_weights(struct vc_run *run, uint64_t seed); // initial ones, into the slots (run.c)
// Trains from the state's position to the end. VC_E_INTERRUPTED: stopped by the progress callback, state saved.
vc_status vc_run_loop(struct vc_run *run);
// Shows progress; false: the user wants to stop.
bool vc_run_progress(struct vc_run *run, const char *phase, uint64_t done, uint64_t total);

// ---- memory (memory.c)
// ---------------------------------------------------------------------------------------------------------------------

// What a step may take on the device besides what is allocated already.
uint64_t vc_run_work_budget(const struct vc_run *run);
// Builds and plans the step of these sizes so that it fits. VC_E_NOMEM with what would fit where that cannot be done.
vc_status vc_run_fit_step(struct vc_run *run, struct vc_size l, struct vc_size u, struct vc_train_step *out);
// One line of the log: what training takes and what was done to make it fit.
void vc_run_tell_memory(const struct vc_run *run, uint64_t work_bytes);

// ---- keeping (keep.c): checkpoints and the state to resume from
// --------------------------------------------------------

// After an epoch: logs it, keeps the state as best where it is, saves.
vc_status vc_keep_epoch(struct vc_run *run, const struct vc_step_result *train, // means over the steps
                        const struct vc_validation *validation); // NULL: not validated, or no validation images
vc_status vc_keep_last(struct vc_run *run);                      // last.safetensors and last.state
vc_status vc_keep_resume(struct vc_run *run, bool *out_found);   // reads last.state into the slots, if there is one
vc_status vc_keep_path(const struct vc_run *run, const char *file, char **out_path); // in the run folder

// ---- feeds (step.c)
// -------------------------------------------------------------------------------------------------------

// The window of a visit's crop: of its image, and (out_labels not NULL) of its class map. entry as in pool.h.
void vc_run_window(struct vc_run *run, uint32_t stream, struct vc_visit visit, uint32_t entry, struct vc_size size,
                   struct vc_window *out_image, struct vc_window *out_labels);
// The part of a window that lies in its image: the rectangle record of vc_valid_mask.
void vc_window_rect(const struct vc_window *window, struct vc_size size, float out_rect[4]);
// A map as the sampler record of a feed.
void vc_sampler_of(vc_affine map, float out_sampler[6]);

#endif
