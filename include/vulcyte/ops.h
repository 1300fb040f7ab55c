// vulcyte/ops.h: the operations a graph is built from. Shapes are N,C,H,W; every op gives F32 unless it says U32.
//
// A constructor adds one node (or a few) and returns its result; errors stick to the graph (graph.h). Equation tags
// such as [DICE 1] stand in docs/equations.md, in the shader and in the reference of the tests.
#ifndef VULCYTE_OPS_H
#define VULCYTE_OPS_H

#include "graph.h"
#include "terms.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- convolution (src/ops/conv.c, conv_transpose.c) -------------------------------------------------------------

enum vc_padding { VC_PAD_SAME, VC_PAD_VALID }; // zeros around, or none
struct vc_conv2d_desc {
  enum vc_padding padding;
  bool relu;      // y = max(y, 0), fused
  vc_tensor *add; // a of the formula, of y's shape; NULL: 0
};
// y[n,k,i,j] = a[n,k,i,j] + b[k] + sum_{c,r,s} w[k,c,r,s] x[n,c,i+r-o,j+s-o], o = (side-1)/2 for SAME, 0 for VALID.
// [CONV 1] x {N,C,H,W}, w {K,C,R,R} with R = 1 or 3, b {1,K,1,1} or NULL → {N,K,H',W'}. Jobs with variants: conv2d_fwd,
// conv2d_dx, conv2d_dw.
vc_tensor *vc_conv2d(vc_graph *g, vc_tensor *x, vc_tensor *w, vc_tensor *b, struct vc_conv2d_desc desc);
// y[n,k,2i+r,2j+s] = b[k] + sum_c w[c,k,r,s] x[n,c,i,j]. x {N,C,H,W}, w {C,K,2,2}, b {1,K,1,1} → {N,K,2H,2W}.
// [UPCONV 1]
vc_tensor *vc_conv_transpose2x2(vc_graph *g, vc_tensor *x, vc_tensor *w, vc_tensor *b);
// Adjoints as nodes of their own. gz: gradient of the output before the ReLU.
vc_tensor *vc_conv2d_dx(vc_graph *g, vc_tensor *gz, vc_tensor *w, struct vc_shape x_shape, enum vc_padding padding);
vc_tensor *vc_conv2d_dw(vc_graph *g, vc_tensor *x, vc_tensor *gz, uint32_t side, enum vc_padding padding);
vc_tensor *vc_conv_transpose2x2_dx(vc_graph *g, vc_tensor *gy, vc_tensor *w);
vc_tensor *vc_conv_transpose2x2_dw(vc_graph *g, vc_tensor *x, vc_tensor *gy);

// ---- shape (src/ops/pool.c, shape.c) ----------------------------------------------------------------------------

// 2x2 windows, stride 2; even sides. The gradient goes to the first maximum of a window in row order. [POOL 1]
vc_tensor *vc_max_pool2x2(vc_graph *g, vc_tensor *x);
vc_tensor *vc_concat_channels(vc_graph *g, vc_tensor *a, vc_tensor *b); // a's channels first; equal N,H,W
vc_tensor *vc_concat_batch(vc_graph *g, vc_tensor *a, vc_tensor *b);    // a's samples first; equal C,H,W; F32 or U32
vc_tensor *vc_slice_channels(vc_graph *g, vc_tensor *x, uint32_t first, uint32_t count);
vc_tensor *vc_slice_batch(vc_graph *g, vc_tensor *x, uint32_t first, uint32_t count); // samples first..first+count
// The window [top, top+h) x [left, left+w) of x; its adjoint pads with zeros. F32 or U32.
vc_tensor *vc_crop(vc_graph *g, vc_tensor *x, uint32_t top, uint32_t left, uint32_t h, uint32_t w);
// Reflection about the centres of the border pixels (…2 1 |0 1 2…); repeated where the margin exceeds the side.
vc_tensor *vc_pad_reflect(vc_graph *g, vc_tensor *x, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right);

// ---- pointwise (src/ops/pointwise.c, dropout.c, softmax.c) --------------------------------------------------------

vc_tensor *vc_relu(vc_graph *g, vc_tensor *x);
// gy where y > 0, else 0: the gradient before a fused ReLU. [RELU 2]
vc_tensor *vc_relu_grad(vc_graph *g, vc_tensor *gy, vc_tensor *y);
// What the gradient of a layer begins with: *out_gz is gy where the layer's result y is above 0, else 0 (y NULL: gy),
// and *out_gb (may be NULL) its sum over N,H,W, the bias's gradient {1,C,1,1}. One pass over memory makes both, and
// with them gy itself where it is a slice of channels, or the sum of one and of a 2x2 pooling's gradient, as skip
// connections have it. No gradient. Jobs with variants: bias_grad, skip_grad.
void vc_bias_grad(vc_graph *g, vc_tensor *gy, vc_tensor *y, vc_tensor **out_gz, vc_tensor **out_gb);
vc_tensor *vc_scale(vc_graph *g, vc_tensor *x, float factor);
// fa*a + fb*b for equal shapes; b may be NULL.
vc_tensor *vc_combine(vc_graph *g, vc_tensor *a, float fa, vc_tensor *b, float fb);
vc_tensor *vc_mul(vc_graph *g, vc_tensor *a, vc_tensor *b); // elementwise, equal shapes
// Zeroes elements with probability rate and scales the rest by 1/(1-rate). The mask is Philox(key; (first + element
// index) / 4), key = key[0..1] of the U32 feed {1,2,1,1}: made again, not stored, for the gradient. first: a multiple
// of 4; where x is a part of a larger tensor, its place there gives it that tensor's mask. rate in [0,1); 0 gives x.
// [DROP 1]
vc_tensor *vc_dropout(vc_graph *g, vc_tensor *x, float rate, vc_tensor *key, uint64_t first);
vc_tensor *vc_softmax(vc_graph *g, vc_tensor *z); // over channels [SOFTMAX 1]
vc_tensor *vc_log_softmax(vc_graph *g, vc_tensor *z);
vc_tensor *vc_argmax(vc_graph *g, vc_tensor *x); // over channels, lowest index of equals → U32 {N,1,H,W}; no gradient

// ---- normalisation (src/ops/norm.c) ----------------------------------------------------------------------------

enum vc_norm { VC_NORM_NONE, VC_NORM_BATCH, VC_NORM_GROUP, VC_NORM_INSTANCE };
enum { VC_NORM_GROUPS = 8 };  // of VC_NORM_GROUP
#define VC_NORM_EPSILON 1e-5f // beside variances, as in PyTorch
struct vc_norm_desc {
  enum vc_norm kind;
  bool relu; // y = max(y, 0), fused
};
// Running statistics, views of slots: mean and variance {1,C,1,1}, count {1,1,1,1} of the batches seen.
struct vc_norm_running {
  vc_tensor *mean, *variance, *count;
};
// y = w (x - mean) / sqrt(variance + 1e-5) + b with the mean and (biased) variance of x over N,H,W (BATCH), over a
// sample's group of channels (GROUP) or over each of a sample's maps (INSTANCE); not NONE. w, b {1,C,1,1}. Gradient to
// x, w and b. BATCH with `track` not NULL also moves those running statistics, in place, by 0.1 towards x's mean and
// unbiased variance. [STAT 1..6]
vc_tensor *vc_normalise(vc_graph *g, vc_tensor *x, vc_tensor *w, vc_tensor *b, struct vc_norm_desc desc,
                        const struct vc_norm_running *track);
// The same with a given mean and variance {1,C,1,1}, which are constants: evaluation with running statistics.
vc_tensor *vc_normalise_by(vc_graph *g, vc_tensor *x, vc_tensor *w, vc_tensor *b, vc_tensor *mean, vc_tensor *variance,
                           bool relu);

// ---- reductions (src/ops/reduce.c): two passes, fixed order, compensated or pairwise -------------------------------

vc_tensor *vc_sum(vc_graph *g, vc_tensor *x); // all elements → {1,1,1,1}
vc_tensor *vc_mean(vc_graph *g, vc_tensor *x);
vc_tensor *vc_sum_pixels(vc_graph *g, vc_tensor *x); // over N,H,W → {1,C,1,1}: bias gradients
vc_tensor *vc_l2_norm(vc_graph *g, vc_tensor *x);    // sqrt(sum x²) → {1,1,1,1}; no gradient (the gradient norm)
// Counts of floor(clamp(x,0,1)*(bins-1) + 1/2) per sample and channel → U32 {N,C,1,bins}; no gradient.
vc_tensor *vc_histogram(vc_graph *g, vc_tensor *x, uint32_t bins);
// m[a*C + b] = pixels of reference class a predicted as b; pixels with label VC_IGNORE are left out. predicted, labels
// U32 {N,1,H,W} → U32 {1,C*C,1,1}; no gradient.
vc_tensor *vc_confusion(vc_graph *g, vc_tensor *predicted, vc_tensor *labels, uint32_t n_classes);

// ---- which pixels count (src/ops/gate.c): no gradient ---------------------------------------------------------------

// The labels, VC_IGNORE in place of a class whose probability p[label] is above the threshold. labels U32 {N,1,H,W},
// p {N,C,H,W}, threshold F32 feed {1,1,1,1}: training-signal annealing. [GATE 1]
vc_tensor *vc_tsa_labels(vc_graph *g, vc_tensor *labels, vc_tensor *p, vc_tensor *threshold);
// valid F32 {N,1,H,W} where max_c p > threshold, else 0. [GATE 2]
vc_tensor *vc_confident_mask(vc_graph *g, vc_tensor *valid, vc_tensor *p, float threshold);

// ---- losses (src/ops/loss_*.c): scalars {1,1,1,1} -----------------------------------------------------------------

enum vc_dice_denominator { VC_DICE_SQUARES, VC_DICE_SUM };
enum vc_dice_weights { VC_DICE_UNIFORM, VC_DICE_GENERALISED };
struct vc_dice_desc {
  enum vc_dice_denominator denominator;
  enum vc_dice_weights weights;
};
// METHOD: V-Net Dice; sums over all counted pixels of the batch; epsilon 1e-5. [DICE 1..3]
// p {N,C,H,W} probabilities, labels U32 {N,1,H,W} (VC_IGNORE: not counted). Gradient to p.
vc_tensor *vc_dice_loss(vc_graph *g, vc_tensor *p, vc_tensor *labels, struct vc_dice_desc desc);
// Mean over counted pixels of -log p[label], from log-probabilities. 0 when no pixel counts. [CE 1]
vc_tensor *vc_cross_entropy_loss(vc_graph *g, vc_tensor *log_p, vc_tensor *labels);
struct vc_kl_desc {
  float confidence;  // pixels count in the sum only where max_c target > confidence; 0: all
  float temperature; // the target is sharpened to target^(1/T) / sum; 0 or 1: as it is
};
// sum_valid sum_c t (log max(t,δ) - log max(p,δ)) / max(#valid, 1), δ = 2.2e-16; gradient to p only. [KL 1]
// target, p {N,C,H,W} probabilities, valid F32 {N,1,H,W} of 0 and 1.
vc_tensor *vc_kl_loss(vc_graph *g, vc_tensor *target, vc_tensor *p, vc_tensor *valid, struct vc_kl_desc desc);
struct vc_iid_desc {
  uint32_t displacement; // d: the box of displacements has (2d+1)² of them; at most 16
  float lambda;          // weight of the marginals' logarithms, taken as it is; 1 in the literature
  bool collapsed;        // the joint matrices are summed over the box before the logarithms
};
// Minus the mutual information of the classes of two maps over pairs of pixels (u, u+t), both valid, for each
// displacement t of the box. With P_t = sum_u a_i(u) b_j(u+t), divided by its sum and made symmetric, and its marginals
// P_t[i]: (1/(2d+1)²) sum_t sum_ij P_t[i][j] (-log P_t[i][j] + lambda log P_t[i] + lambda log P_t[j]), logs of
// max(., 2.2e-16). 0 when no pixel is valid. a, b {N,C,H,W} probabilities, C <= 64; valid as above. Gradient to both
// maps. [IID 1..5]
vc_tensor *vc_iid_loss(vc_graph *g, vc_tensor *a, vc_tensor *b, vc_tensor *valid, struct vc_iid_desc desc);

// ---- sampling (src/ops/sample.c, affine.c, align.c, volume.c, intensity.c, edges.c)
// ---------------------------------------------------- Maps act on content: (M x)(u) = x(M⁻¹u). Positions are (x, y)
// pixels from the image's centre ((W-1)/2, (H-1)/2). A "sampler" is M⁻¹ as 6 floats: source_x = a x + b y + c, source_y
// = d x + e y + f. An image covers
// [-1/2, W-1/2) x [-1/2, H-1/2) in pixel coordinates. Feeds hold one record per sample of the batch.

// Windows are struct vc_window of terms.h: 8 words each, so a feed of N windows has 8N U32. Pixels outside the image
// are reflected about its border pixels' centres, labels there are VC_IGNORE. (pixel - lo[c]) * scale[c] of N windows.
// pool: U32 slot; windows U32 {1,8N,1,1}; range F32 feed {1,2C,1,1} = lo, scale interleaved → {N,C,h,w}. No gradient.
// [NORM 1]
vc_tensor *vc_crop_images(vc_graph *g, vc_tensor *pool, vc_tensor *windows, vc_tensor *range, struct vc_shape shape);
// The class indices (VC_PIXEL_U8 in the pool; 255 means VC_IGNORE) of N windows → U32 {N,1,h,w}; outside: VC_IGNORE.
vc_tensor *vc_crop_labels(vc_graph *g, vc_tensor *pool, vc_tensor *windows, struct vc_shape shape);

// Bilinear, reflected about the border pixels' centres. samplers F32 {1,6N,1,1}. No gradient. [AFFINE 1]
vc_tensor *vc_affine_image(vc_graph *g, vc_tensor *x, vc_tensor *samplers);
// Nearest source pixel; positions outside the image: VC_IGNORE. labels U32 {N,1,H,W} → U32. [AFFINE 2]
vc_tensor *vc_affine_labels(vc_graph *g, vc_tensor *labels, vc_tensor *samplers);
// Bilinear with taps outside reflected; outputs whose position lies outside the image are 0. Exact adjoint in gather
// form (no atomics, fixed order). For aligning probability maps. [AFFINE 3]
vc_tensor *vc_align(vc_graph *g, vc_tensor *p, vc_tensor *samplers);
// 1 where the first sampler's position lies in the sample's rectangle and the second's inside the image, else 0 →
// F32 {N,1,h,w}. rects F32 feed {1,4N,1,1}: x0,y0,x1,y1 in pixel coordinates of the crop, x0-1/2 <= x < x1+1/2 counts
// (the part of the crop that lies in its image). samplers_b may be NULL. [AFFINE 4]
vc_tensor *vc_valid_mask(vc_graph *g, vc_tensor *samplers_a, vc_tensor *rects, vc_tensor *samplers_b, uint32_t n,
                         uint32_t h, uint32_t w);

// Plane sections of a volume, one slab of its planes (struct vc_slab of terms.h) at a time. pool: U32 slot with the
// voxels, x fastest; slab U32 {1,8,1,1}; samplers F32 {1,9N,1,1}: three vectors a, b, c that take output pixel (u, v)
// from the slice's centre to the voxel position a u + b v + c → U32 {N,1,H,W}: the bits of trilinear floats, or (linear
// false) the stored number of the nearest voxel; VC_IGNORE outside the volume and where it belongs to another slab. No
// gradient. [SLICE 1]
vc_tensor *vc_slice_volume(vc_graph *g, vc_tensor *pool, vc_tensor *slab, vc_tensor *samplers, struct vc_shape shape,
                           bool linear);

// One intensity operation per sample on images in [0,1]. ops feed U32 {1,2N,1,1}: enum vc_augment_op and the bits of
// its F32 magnitude (factor, or Solarize's threshold); NONE and ROTATE leave the sample as it is. Chain for several
// ops. Definitions: docs/equations.md [AUG 1..8]. No gradient.
vc_tensor *vc_intensity(vc_graph *g, vc_tensor *x, vc_tensor *ops);
// Length of Sobel's gradient of every channel, a quarter of the kernels' sums: a step of height 1 along an axis
// gives 1. Neighbours outside are reflected about the border pixels' centres. x {N,C,H,W} → the same shape. No
// gradient. [EDGE 1]
vc_tensor *vc_edges(vc_graph *g, vc_tensor *x);

// ---- optimisers (src/ops/optim.c, loss_scale.c): in place over all parameters at once
// ---------------------------------------------

// hyper F32 feed {1,8,1,1}: lr, 1-beta1, beta2, 1-beta2, eps, c1 = 1/(1-beta1^t), c2 = 1/(1-beta2^t), gradient scale.
// [ADAM 1]
// m ← β1 m + (1-β1) g, v ← β2 v + (1-β2) g², p ← p - lr (m·c1) / (sqrt(v·c2) + eps), g the gradient times the scale.
// params, m, v: slots {1,P,1,1}; gradients: any {1,P,1,1}. Returns the updated params (placed in params' memory).
vc_tensor *vc_adam(vc_graph *g, vc_tensor *params, vc_tensor *gradients, vc_tensor *m, vc_tensor *v, vc_tensor *hyper);
// A gradient scale of 0 leaves everything as it is, whatever the gradients hold; so for both.
// hyper as above: lr, -, alpha, 1-alpha, eps, -, -, gradient scale. s ← α s + (1-α) g², p ← p - lr g / (sqrt(s) + eps).
// [RMSPROP 1]
vc_tensor *vc_rmsprop(vc_graph *g, vc_tensor *params, vc_tensor *gradients, vc_tensor *s, vc_tensor *hyper);
// Dynamic loss scaling. state: slot {1,4,1,1} = scale, steps since it changed, steps left out in all, scale of this
// step (afterwards); the loss's gradient was seeded with state[0]. norm {1,1,1,1} of the gradients: where it is a
// number, hyper with its gradient scale divided by the scale, which doubles after 2000 such steps (to 2^24 at most);
// else hyper with a gradient scale of 0, and the scale is halved (to 1 at least). No gradient. [SCALE 1]
vc_tensor *vc_loss_scale(vc_graph *g, vc_tensor *hyper, vc_tensor *norm, vc_tensor *state);

#ifdef __cplusplus
}
#endif
#endif
