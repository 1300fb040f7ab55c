// reference.h: the ops once more, plainly, in double: what kernels are held against by the doctor and by the tests.
#ifndef VC_DOCTOR_REFERENCE_H
#define VC_DOCTOR_REFERENCE_H

#include <vulcyte/nn.h>

enum { REF_MAX_INPUTS = 8 };

// Values in the memory order of tensors: channels last. U32 tensors hold their integers.
typedef struct ref_array {
  struct vc_shape shape;
  vc_dtype dtype;
  uint64_t count;
  double *v;
} ref_array;
// Element (n, c, y, x).
static inline double *ref_at(const ref_array *a, uint32_t n, uint32_t c, uint32_t y, uint32_t x) {
  return a->v + ((((uint64_t)n * a->shape.h + y) * a->shape.w + x) * a->shape.c + c);
}
vc_status ref_array_create(vc_arena *arena, struct vc_shape shape, vc_dtype dtype, ref_array **out); // zeroed

// ---- inputs -----------------------------------------------------------------------------------------------------

enum ref_fill {
  REF_UNIFORM, // in [lo, hi); lo = hi = 0 means [-1, 1)
  REF_NORMAL,  // mean lo, standard deviation hi; lo = hi = 0 means 0 and 1
  REF_AWAY,    // as UNIFORM, but pushed to |v| >= 0.05: for kinks at zero
  REF_APART,   // a random permutation of equally spaced values in [lo, hi]: no ties, for maxima; 0, 0 means [-1, 1]
  REF_INTEGER, // integers lo..hi, both included: labels, indices, keys
  REF_MASK,    // 0 or 1 with equal chance
  REF_ZERO,    // 0
  REF_CONST,   // lo everywhere
  REF_SIMPLEX, // positive, summing to 1 over c: probabilities, each at least 0.05 / C
};
struct ref_input {
  struct vc_shape shape;
  vc_dtype dtype;
  enum ref_fill fill;
  double lo, hi;
  void (*make)(vc_rng *rng, ref_array *out, const void *attr); // overrides fill where not NULL
  bool absent;   // an optional input left out: build and reference see NULL
  bool no_grad;  // not differentiated: labels, masks, constants (all U32 inputs are so anyhow)
  bool in_place; // the op writes it: reference() changes in[i]->v, the slot must agree afterwards. Not differentiated
};
// F32 values are rounded to float, U32 ones to integers.
void ref_make_input(vc_rng *rng, const struct ref_input *in, const void *attr, ref_array *out);

// Rounds F32 values to the nearest 16-bit float, for kernels that hold activations so.
void ref_round_half(ref_array *a);
// What is allowed there instead of a smaller tolerance: results rounded twice, to nearest or towards zero.
#define REF_HALF_TOLERANCE 2e-3

// ---- ops ----------------------------------------------------------------------------------------------------------

struct ref_op {
  const char *name;
  vc_tensor *(*build)(vc_graph *g, vc_tensor *const *in, const void *attr);
  // Fills out->v (zero before) from in[].
  void (*reference)(ref_array *const *in, ref_array *out, const void *attr);
  // Adds the gradient to grad_in[i]->v (zero before; NULL where not wanted). NULL: the derivative of the reference.
  void (*vjp)(ref_array *const *in, const ref_array *out, const ref_array *grad_out, ref_array *const *grad_in,
              const void *attr);
  bool no_vjp;      // the op has no gradient at all
  bool no_result;   // the node's own result means nothing (an op that only writes in_place inputs)
  double tolerance; // 0: REF_TOLERANCE
};
// An element passes if |got - want| <= tolerance * (|want| + rms(want) + 0.001). fp32 sums of up to some thousand terms
// of order 1.
#define REF_TOLERANCE 2e-5

// Attributes are what a case hands to build and reference.
struct ref_conv_attr {
  enum vc_padding padding;
  bool relu;
  struct vc_shape x_shape; // of the input gradient
  uint32_t side;           // of the weight gradient
};
extern const struct ref_op ref_conv2d; // in: x, w, b, what is added
extern const struct ref_op ref_conv2d_dx, ref_conv2d_dw;
extern const struct ref_op ref_conv_transpose2x2, ref_conv_transpose2x2_dx, ref_conv_transpose2x2_dw;

struct ref_window {
  uint32_t a, b, c, d; // the arguments after the operand
};
extern const struct ref_op ref_max_pool2x2, ref_concat_channels, ref_concat_batch;
extern const struct ref_op ref_slice_channels, ref_crop, ref_pad_reflect; // struct ref_window
// Elements 64..127, times 3; 64 elements, times 2, placed at 64 in a block of 192 that is 0 elsewhere, times 3.
extern const struct ref_op ref_view, ref_place;
// Back and forth between the border pixels.
uint32_t ref_reflect(int64_t i, uint32_t n);

// gz, or its sums, of vc_bias_grad. in: the gradient, of whose channels some count; y or absent; of a skip connection
// also the gradient of the pooling of y.
struct ref_bias_grad {
  uint32_t channels, first;
  bool sums;
};
extern const struct ref_op ref_bias_grad;

struct ref_factors {
  float a, b;
};
extern const struct ref_op ref_relu, ref_relu_grad, ref_add, ref_mul;
extern const struct ref_op ref_combine, ref_scale; // struct ref_factors
extern const struct ref_op ref_dropout;            // float: the rate
extern const struct ref_op ref_softmax, ref_log_softmax, ref_argmax;
extern const struct ref_op ref_tsa_labels, ref_confident_mask; // confident_mask: float, the threshold

extern const struct ref_op ref_sum, ref_mean, ref_sum_pixels, ref_l2_norm;
extern const struct ref_op ref_histogram, ref_confusion; // uint32_t: bins, classes

extern const struct ref_op ref_dice; // struct vc_dice_desc
extern const struct ref_op ref_cross_entropy;
extern const struct ref_op ref_kl;  // struct vc_kl_desc
extern const struct ref_op ref_iid; // struct vc_iid_desc

enum { REF_MAX_WINDOWS = 4, REF_MAX_SAMPLERS = 3, REF_MAX_INTENSITIES = 10 };
struct ref_crops { // of crop_images and crop_labels
  struct vc_shape shape;
  struct vc_window windows[REF_MAX_WINDOWS];
};
extern const struct ref_op ref_crop_images, ref_crop_labels;
void ref_make_windows(vc_rng *rng, ref_array *out, const void *attr);
void ref_make_pool(vc_rng *rng, ref_array *out, const void *attr); // random words; numbers where an image holds floats
// A sampler and a rectangle for each sample, and for the mask a second sampler.
struct ref_samplers {
  float samplers[REF_MAX_SAMPLERS][6], second[REF_MAX_SAMPLERS][6], rects[REF_MAX_SAMPLERS][4];
};
extern const struct ref_op ref_edges;
extern const struct ref_op ref_affine_image, ref_affine_labels, ref_align;
extern const struct ref_op ref_valid_mask; // 26 x 31 pixels
void ref_make_samplers(vc_rng *rng, ref_array *out, const void *attr);
void ref_make_second_samplers(vc_rng *rng, ref_array *out, const void *attr);
void ref_make_rects(vc_rng *rng, ref_array *out, const void *attr);
struct ref_intensities {
  struct {
    enum vc_augment_op op;
    float magnitude;
  } samples[REF_MAX_INTENSITIES];
  uint32_t levels; // values are multiples of 1 / (levels - 1); 0: any
  double lo, hi;   // of the values; 0, 0: all of [0, 1]
};
extern const struct ref_op ref_intensity;
void ref_make_intensities(vc_rng *rng, ref_array *out, const void *attr);
void ref_make_grey(vc_rng *rng, ref_array *out, const void *attr); // squares of uniform values: histograms not flat

enum { REF_MAX_SLICES = 3 };
struct ref_slices {
  struct vc_shape shape;
  struct vc_slab slab;
  float samplers[REF_MAX_SLICES][9];
  bool is_linear;
};
extern const struct ref_op ref_slice_volume;
void ref_make_slab(vc_rng *rng, ref_array *out, const void *attr);
void ref_make_slice_samplers(vc_rng *rng, ref_array *out, const void *attr);
void ref_make_volume(vc_rng *rng, ref_array *out,
                     const void *attr); // random words, or numbers where it is interpolated

extern const struct ref_op ref_norm, ref_norm_tracked; // struct vc_norm_desc
extern const struct ref_op ref_norm_by;                // bool: relu
extern const struct ref_op ref_adam, ref_rmsprop;
void ref_make_adam_hyper(vc_rng *rng, ref_array *out, const void *attr);
void ref_make_zero_scale_hyper(vc_rng *rng, ref_array *out, const void *attr);
void ref_make_infinite(vc_rng *rng, ref_array *out, const void *attr); // and NaN
struct ref_loss_scale {                                                // the state before
  double scale, since;
};
extern const struct ref_op ref_loss_scale;
void ref_make_loss_scale(vc_rng *rng, ref_array *out, const void *attr);

#endif
