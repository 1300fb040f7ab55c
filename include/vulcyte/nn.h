// vulcyte/nn.h: the U-Net: its parameters, their initial values, its graph, learning-rate schedules.
#ifndef VULCYTE_NN_H
#define VULCYTE_NN_H

#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vc_unet_desc {
  uint32_t channels, classes;
  uint32_t aux_classes; // of a second head on the same features; 0: none
  uint32_t base, depth; // feature maps of the first level (doubling), number of 2x2 poolings
  enum vc_padding padding;
  enum vc_norm norm;
  bool edges;    // the first convolution sees x and vc_edges(x), twice as many channels
  float dropout; // at the end of the contracting path, in training
};

// One tensor of the network. Checkpoints hold it in PyTorch's order (dims); on the device it is a channels-last tensor
// `shape` at `offset` of the parameter block. Conv weights have dims [out,in,3,3] and shape {out,in,3,3};
// up-convolutions [in,out,2,2].
struct vc_param {
  const char *name; // "enc0.conv0.weight"
  uint32_t n_dims, dims[4];
  struct vc_shape shape;
  uint64_t offset; // elements, a multiple of 64
  uint32_t fan_in; // of weights; 0: starts at `initial`
  float initial;
  bool is_state;   // not trained: running statistics
  bool is_integer; // a whole number, I64 in checkpoints
};
// The parameters of a network, in checkpoint order. In the block the trained ones come first. Pure data.
typedef struct vc_model {
  struct vc_unet_desc desc;
  struct vc_param *params;
  uint32_t n_params;
  uint64_t n_weights;        // trainable numbers: 31,030,658 at base 64, depth 4, one channel, two classes, no norm
  uint64_t trained_elements; // of the block's first part, which the optimiser updates
  uint64_t block_elements;   // of the parameter block, padding included; padding stays 0
} vc_model;
vc_status vc_unet_model(vc_arena *arena, const struct vc_unet_desc *desc, vc_model **out);
// Weights from N(0, 2/fan_in), biases 0, norms 1 and 0; `block` has block_elements floats in device order.
void vc_model_init(const vc_model *model, uint64_t seed, float *block);
// One parameter between PyTorch's order and the device block. n = product of dims.
void vc_param_to_block(const struct vc_param *param, const float *torch, float *block);
void vc_param_from_block(const struct vc_param *param, const float *block, float *torch);

// The parameters as tensors of a graph, views of the slot tensor `block` {1,block_elements,1,1}; out_params[n_params].
void vc_model_bind(vc_graph *g, const vc_model *model, vc_tensor *block, vc_tensor **out_params);
struct vc_unet_out {
  vc_tensor *logits, *aux_logits; // {N,classes,H,W}, {N,aux_classes,H,W} or NULL
};
struct vc_unet_training {
  vc_tensor *dropout_key; // U32 feed {1,2,1,1}; NULL: no dropout
  uint32_t first_sample;  // x's first sample among those of the key: dropout differs from sample to sample
  bool keep_statistics;   // batch norm: leave the running statistics as they are
};
// f(x) for x {N,channels,H,W}, of the same height and width. Padding "same": sides not divisible by 2^depth are padded
// by reflection at the bottom and right and the logits cropped back. "valid": the input is extended by reflection so
// that the unpadded convolutions leave at least H x W. training NULL: evaluation, without dropout, batch norm by its
// running statistics; else batch norm uses x's own and moves the running ones.
struct vc_unet_out vc_unet(vc_graph *g, const vc_model *model, vc_tensor *const *params, vc_tensor *x,
                           const struct vc_unet_training *training);

enum vc_schedule_name { VC_SCHEDULE_CONSTANT, VC_SCHEDULE_STEP, VC_SCHEDULE_COSINE };
struct vc_schedule {
  enum vc_schedule_name name;
  uint32_t every; // STEP: epochs between factors
  double gamma;
};
double vc_learning_rate(const struct vc_schedule *schedule, double lr, uint32_t epoch,
                        uint32_t n_epochs); // epoch from 0

// Training-signal annealing: the probability of its label above which a pixel is left out of the supervised loss, after
// the share `progress` in [0,1] of all steps. It rises from 1/C to 1. [GATE 1]
enum vc_tsa { VC_TSA_NONE, VC_TSA_LINEAR, VC_TSA_LOG, VC_TSA_EXP };
double vc_tsa_threshold(enum vc_tsa schedule, double progress, uint32_t n_classes); // NONE: 1

// Ramp-up of a loss's weight over its first `length` epochs (Laine & Aila 2017): from exp(-5) to 1. length 0: 1. [RAMP
// 1]
double vc_ramp_up(double epoch, double length);

#ifdef __cplusplus
}
#endif
#endif
