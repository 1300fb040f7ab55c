// What each op is proved on: sizes that are no multiples of anything, sizes that are, and enough pixels for every pass.
#include "doctor/prove.h"

// x {N,C,H,W}, weights {K,C,R,R}; scaled so that outputs are of order 1.
#define X(n, c, h, w)       \
  {                         \
    .shape = { n, c, h, w } \
  }
#define GIVEN(n, c, h, w)    {.shape = {n, c, h, w}, .no_grad = true}
#define W(k, c, r)           {.shape = {k, c, r, r}, .lo = -0.3, .hi = 0.3}
#define VECTOR(k)            {.shape = {1, k, 1, 1}}
#define NONE                 {.absent = true}
#define AWAY(n, c, h, w)     {.shape = {n, c, h, w}, .fill = REF_AWAY}
#define APART(n, c, h, w)    {.shape = {n, c, h, w}, .fill = REF_APART}
#define P(n, c, h, w)        {.shape = {n, c, h, w}, .fill = REF_SIMPLEX}
#define TARGET(n, c, h, w)   {.shape = {n, c, h, w}, .fill = REF_SIMPLEX, .no_grad = true}
#define LOGITS(n, c, h, w)   {.shape = {n, c, h, w}, .lo = -3, .hi = 3}
#define LABELS(n, h, w, top) {.shape = {n, 1, h, w}, .dtype = VC_U32, .fill = REF_INTEGER, .hi = top}
#define MASK(n, h, w)        {.shape = {n, 1, h, w}, .fill = REF_MASK, .no_grad = true}
#define POSITIVE(k)          {.shape = {1, k, 1, 1}, .lo = 0.3, .hi = 1.7}
#define SCALAR               {1, 1, 1, 1}

static const struct ref_conv_attr same = {.padding = VC_PAD_SAME}, relu = {.padding = VC_PAD_SAME, .relu = true},
                                  valid = {.padding = VC_PAD_VALID}, dx_odd = {.x_shape = {2, 5, 9, 12}},
                                  dx_wide = {.x_shape = {1, 36, 10, 11}}, dx_eights = {.x_shape = {1, 72, 9, 11}},
                                  dx_blocked = {.x_shape = {1, 68, 43, 72}}, dx_deep = {.x_shape = {1, 64, 30, 33}},
                                  dx_valid = {.x_shape = {1, 4, 9, 12}, .padding = VC_PAD_VALID}, side3 = {.side = 3},
                                  side1 = {.side = 1}, side3_valid = {.side = 3, .padding = VC_PAD_VALID};

static const struct ref_window slice = {1, 2, 0, 0}, slice4 = {4, 4, 0, 0}, crop = {1, 2, 3, 4}, pad = {2, 1, 3, 2};
static const struct ref_bias_grad thin = {7, 0, false}, gated = {16, 0, true}, sliced = {16, 16, true},
                                  skip_thin = {3, 1, true}, skip = {16, 0, false};
static const struct ref_factors factors = {0.5f, -2};
static const float dropout[] = {0.3f, 4}, half = 0.5f;
static const uint32_t bins = 256, three = 3;
static const struct vc_dice_desc squares = {VC_DICE_SQUARES, VC_DICE_UNIFORM},
                                 generalised = {VC_DICE_SUM, VC_DICE_GENERALISED};
static const struct vc_kl_desc kl = {0, 0}, sharp = {0.4f, 0.5f};
static const struct vc_iid_desc iid = {0, 1, false}, box = {1, 1.3f, true};
static const struct vc_norm_desc batch = {VC_NORM_BATCH, true}, group = {VC_NORM_GROUP, false},
                                 instance = {VC_NORM_INSTANCE, true};
static const bool no_relu = false;
static const struct ref_loss_scale growing = {1024, 1999};

static const struct ref_crops crops = {
    {4, 3, 10, 12},
    {{.word = 0, .width = 13, .height = 11, .left = 0, .top = 1, .format = VC_PIXEL_U8, .channels = 3},
     {.word = 200, .width = 12, .height = 10, .format = VC_PIXEL_U16, .channels = 3},
     {.word = 400, .width = 5, .height = 9, .left = -2, .top = -3, .format = VC_PIXEL_F32, .channels = 3},
     {.word = 550, .width = 3, .height = 4, .left = -20, .top = 7, .format = VC_PIXEL_U16, .channels = 3}}};
static const struct ref_crops maps = {{2, 1, 6, 9},
                                      {{.word = 2, .width = 11, .height = 8, .left = 1, .top = 2, .channels = 1},
                                       {.word = 24, .width = 5, .height = 4, .left = -2, .top = -1, .channels = 1}}};
static const struct ref_samplers turned = {
    .samplers = {{0.93f, 0.31f, 0.4f, -0.31f, 0.93f, -1.3f}, {-0.71f, 0.66f, 2.2f, -0.66f, -0.71f, 0.1f}},
    .second = {{-0.71f, 0.66f, 2.2f, -0.66f, -0.71f, 0.1f}, {1, 0, 4, 0, 1, -3}},
    .rects = {{2, 3, 30, 20}, {0, 0, 25, 25}}};
static const struct ref_intensities intensities = {.samples = {{VC_AUG_NONE, 0},
                                                               {VC_AUG_ROTATE, 1.5f},
                                                               {VC_AUG_AUTOCONTRAST, 0},
                                                               {VC_AUG_INVERT, 0},
                                                               {VC_AUG_EQUALIZE, 0},
                                                               {VC_AUG_SOLARIZE, 0.4f},
                                                               {VC_AUG_CONTRAST, 1.7f},
                                                               {VC_AUG_COLOR, 0.3f},
                                                               {VC_AUG_BRIGHTNESS, 1.6f},
                                                               {VC_AUG_SHARPNESS, 1.9f}}};
static const struct ref_slices slices = {{1, 1, 11, 13},
                                         {.width = 9, .height = 7, .depth = 5, .end = 5, .format = VC_PIXEL_U8},
                                         {{0.71f, 0.62f, -0.33f, -0.55f, 0.78f, 0.29f, 4.1f, 3.3f, 2.2f}},
                                         true};

#define SAMPLERS(n) {.shape = {1, 6 * (n), 1, 1}, .make = ref_make_samplers, .no_grad = true}
#define POOL(words) {.shape = {1, (words), 1, 1}, .dtype = VC_U32, .make = ref_make_pool}
#define WINDOWS(n)  {.shape = {1, 8 * (n), 1, 1}, .dtype = VC_U32, .make = ref_make_windows}
#define UPDATED(k)  {.shape = {1, k, 1, 1}, .in_place = true}
#define SQUARES(k)  {.shape = {1, k, 1, 1}, .lo = 0, .hi = 0.01, .in_place = true}
#define RUNNING(k)  {.shape = {1, k, 1, 1}, .lo = 0.3, .hi = 1.7, .in_place = true}
#define HYPER       {.shape = {1, 8, 1, 1}, .make = ref_make_adam_hyper, .no_grad = true}

const struct doctor_case doctor_cases[] = {
    // Gradients of convolutions are ops of their own below.
    {.op = &ref_conv2d,
     .in = {X(2, 5, 9, 10), W(7, 5, 3), VECTOR(7)},
     .out = {2, 7, 9, 10},
     .attr = &relu,
     .no_vjp = true},
    {.op = &ref_conv2d,
     .in = {X(1, 16, 12, 17), W(34, 16, 3), NONE},
     .out = {1, 34, 12, 17},
     .attr = &same,
     .no_vjp = true},
    {.op = &ref_conv2d,
     .in = {X(1, 6, 11, 10), W(4, 6, 3), VECTOR(4)},
     .out = {1, 4, 9, 8},
     .attr = &valid,
     .no_vjp = true},
    {.op = &ref_conv2d,
     .in = {X(2, 8, 9, 9), W(2, 8, 1), VECTOR(2)},
     .out = {2, 2, 9, 9},
     .attr = &same,
     .no_vjp = true},
    {.op = &ref_conv2d,
     .in = {X(2, 24, 9, 11), W(40, 24, 3), VECTOR(40)},
     .out = {2, 40, 9, 11},
     .attr = &relu,
     .no_vjp = true},
    {.op = &ref_conv2d,
     .in = {X(1, 64, 30, 33), W(68, 64, 3), VECTOR(68)},
     .out = {1, 68, 30, 33},
     .attr = &relu,
     .no_vjp = true},
    {.op = &ref_conv2d_dx,
     .in = {X(1, 68, 30, 33), W(68, 64, 3)},
     .out = {1, 64, 30, 33},
     .attr = &dx_deep,
     .no_vjp = true},
    {.op = &ref_conv2d_dw,
     .in = {X(1, 64, 30, 33), X(1, 68, 30, 33)},
     .out = {68, 64, 3, 3},
     .attr = &side3,
     .no_vjp = true},
    {.op = &ref_conv2d,
     .in = {X(1, 4, 43, 72), W(68, 4, 3), VECTOR(68)},
     .out = {1, 68, 43, 72},
     .attr = &relu,
     .no_vjp = true},
    {.op = &ref_conv2d,
     .in = {X(2, 8, 9, 11), W(12, 8, 3), VECTOR(12)},
     .out = {2, 12, 9, 11},
     .attr = &relu,
     .no_vjp = true},
    {.op = &ref_conv2d,
     .in = {X(2, 12, 9, 15), W(20, 12, 3), VECTOR(20)},
     .out = {2, 20, 9, 15},
     .attr = &relu,
     .no_vjp = true},
    {.op = &ref_conv2d_dx,
     .in = {X(1, 4, 43, 72), W(4, 68, 3)},
     .out = {1, 68, 43, 72},
     .attr = &dx_blocked,
     .no_vjp = true},
    {.op = &ref_conv2d_dx, .in = {X(2, 7, 9, 12), W(7, 5, 3)}, .out = {2, 5, 9, 12}, .attr = &dx_odd, .no_vjp = true},
    {.op = &ref_conv2d_dx,
     .in = {X(1, 8, 10, 11), W(8, 36, 3)},
     .out = {1, 36, 10, 11},
     .attr = &dx_wide,
     .no_vjp = true},
    {.op = &ref_conv2d_dx,
     .in = {X(1, 40, 9, 11), W(40, 72, 3)},
     .out = {1, 72, 9, 11},
     .attr = &dx_eights,
     .no_vjp = true},
    {.op = &ref_conv2d_dx, .in = {X(1, 6, 7, 10), W(6, 4, 3)}, .out = {1, 4, 9, 12}, .attr = &dx_valid, .no_vjp = true},
    {.op = &ref_conv2d_dw, .in = {X(2, 5, 9, 7), X(2, 7, 9, 7)}, .out = {7, 5, 3, 3}, .attr = &side3, .no_vjp = true},
    {.op = &ref_conv2d_dw,
     .in = {X(1, 6, 40, 44), X(1, 36, 40, 44)},
     .out = {36, 6, 3, 3},
     .attr = &side3,
     .no_vjp = true},
    {.op = &ref_conv2d_dw,
     .in = {X(1, 24, 31, 29), X(1, 72, 31, 29)},
     .out = {72, 24, 3, 3},
     .attr = &side3,
     .no_vjp = true},
    {.op = &ref_conv2d_dw,
     .in = {X(2, 96, 5, 11), X(2, 104, 5, 11)},
     .out = {104, 96, 3, 3},
     .attr = &side3,
     .no_vjp = true},
    {.op = &ref_conv2d_dw,
     .in = {X(2, 8, 21, 19), X(2, 20, 21, 19)},
     .out = {20, 8, 3, 3},
     .attr = &side3,
     .no_vjp = true},
    {.op = &ref_conv2d_dw,
     .in = {X(2, 12, 9, 7), X(2, 12, 9, 7)},
     .out = {12, 12, 3, 3},
     .attr = &side3,
     .no_vjp = true},
    {.op = &ref_conv2d_dw,
     .in = {X(1, 4, 9, 8), X(1, 6, 7, 6)},
     .out = {6, 4, 3, 3},
     .attr = &side3_valid,
     .no_vjp = true},
    {.op = &ref_conv2d_dw, .in = {X(2, 8, 9, 9), X(2, 2, 9, 9)}, .out = {2, 8, 1, 1}, .attr = &side1, .no_vjp = true},
    {.op = &ref_conv_transpose2x2, .in = {X(2, 5, 7, 4), W(5, 3, 2), VECTOR(3)}, .out = {2, 3, 14, 8}, .no_vjp = true},
    {.op = &ref_conv_transpose2x2,
     .in = {X(1, 16, 6, 5), W(16, 8, 2), VECTOR(8)},
     .out = {1, 8, 12, 10},
     .no_vjp = true},
    {.op = &ref_conv_transpose2x2_dx, .in = {X(2, 3, 10, 12), W(5, 3, 2)}, .out = {2, 5, 5, 6}, .no_vjp = true},
    {.op = &ref_conv_transpose2x2_dx, .in = {X(1, 8, 12, 10), W(36, 8, 2)}, .out = {1, 36, 6, 5}, .no_vjp = true},
    {.op = &ref_conv_transpose2x2_dw, .in = {X(2, 5, 5, 6), X(2, 3, 10, 12)}, .out = {5, 3, 2, 2}, .no_vjp = true},
    {.op = &ref_conv_transpose2x2_dw, .in = {X(1, 36, 24, 20), X(1, 8, 48, 40)}, .out = {36, 8, 2, 2}, .no_vjp = true},

    {.op = &ref_max_pool2x2, .in = {APART(2, 3, 6, 10)}, .out = {2, 3, 3, 5}},
    {.op = &ref_max_pool2x2, .in = {APART(2, 12, 4, 6)}, .out = {2, 12, 2, 3}},
    {.op = &ref_concat_channels, .in = {X(2, 3, 5, 7), X(2, 2, 5, 7)}, .out = {2, 5, 5, 7}},
    {.op = &ref_concat_channels, .in = {X(1, 4, 5, 7), X(1, 12, 5, 7)}, .out = {1, 16, 5, 7}},
    {.op = &ref_concat_batch, .in = {X(2, 3, 5, 2), X(1, 3, 5, 2)}, .out = {3, 3, 5, 2}},
    {.op = &ref_slice_channels, .in = {X(2, 5, 5, 3)}, .out = {2, 2, 5, 3}, .attr = &slice},
    {.op = &ref_slice_channels, .in = {X(1, 12, 5, 3)}, .out = {1, 4, 5, 3}, .attr = &slice4},
    {.op = &ref_crop, .in = {X(2, 3, 5, 7)}, .out = {2, 3, 3, 4}, .attr = &crop},
    {.op = &ref_pad_reflect, .in = {X(2, 3, 5, 6)}, .out = {2, 3, 8, 11}, .attr = &pad},

    {.op = &ref_view, .in = {VECTOR(192)}, .out = {1, 64, 1, 1}},
    {.op = &ref_place, .in = {VECTOR(64)}, .out = {1, 192, 1, 1}},

    {.op = &ref_relu, .in = {AWAY(2, 3, 5, 7)}, .out = {2, 3, 5, 7}},
    {.op = &ref_relu_grad,
     .in = {AWAY(2, 8, 3, 5), {.shape = {2, 8, 3, 5}, .fill = REF_AWAY, .no_grad = true}},
     .out = {2, 8, 3, 5}},
    {.op = &ref_bias_grad, .in = {X(2, 7, 5, 3), APART(2, 7, 5, 3)}, .out = {2, 7, 5, 3}, .attr = &thin},
    {.op = &ref_bias_grad, .in = {X(1, 16, 34, 30), APART(1, 16, 34, 30)}, .out = {1, 16, 1, 1}, .attr = &gated},
    {.op = &ref_bias_grad, .in = {X(1, 32, 34, 30), NONE}, .out = {1, 16, 1, 1}, .attr = &sliced},
    {.op = &ref_bias_grad,
     .in = {X(1, 6, 6, 10), APART(1, 3, 6, 10), X(1, 3, 3, 5)},
     .out = {1, 3, 1, 1},
     .attr = &skip_thin},
    {.op = &ref_bias_grad,
     .in = {X(2, 32, 6, 16), APART(2, 16, 6, 16), X(2, 16, 3, 8)},
     .out = {2, 16, 6, 16},
     .attr = &skip},
    {.op = &ref_add, .in = {X(2, 3, 5, 7), X(2, 3, 5, 7)}, .out = {2, 3, 5, 7}},
    {.op = &ref_mul, .in = {X(2, 3, 5, 3), X(2, 3, 5, 3)}, .out = {2, 3, 5, 3}},
    {.op = &ref_combine, .in = {X(1, 4, 5, 7), X(1, 4, 5, 7)}, .out = {1, 4, 5, 7}, .attr = &factors},
    {.op = &ref_scale, .in = {X(2, 3, 5, 7)}, .out = {2, 3, 5, 7}, .attr = &factors},
    {.op = &ref_dropout,
     .in = {AWAY(2, 3, 5, 7), {.shape = {1, 2, 1, 1}, .dtype = VC_U32, .fill = REF_INTEGER, .hi = 4e9}},
     .out = {2, 3, 5, 7},
     .attr = dropout},
    {.op = &ref_softmax, .in = {LOGITS(2, 2, 5, 7)}, .out = {2, 2, 5, 7}},
    {.op = &ref_softmax, .in = {LOGITS(1, 4, 7, 5)}, .out = {1, 4, 7, 5}},
    {.op = &ref_log_softmax, .in = {LOGITS(2, 3, 5, 7)}, .out = {2, 3, 5, 7}},
    {.op = &ref_argmax, .in = {LOGITS(2, 5, 5, 7)}, .out = {2, 1, 5, 7}},
    {.op = &ref_tsa_labels,
     .in = {LABELS(2, 5, 7, 3), P(2, 3, 5, 7), {SCALAR, .fill = REF_CONST, .lo = 0.4}},
     .out = {2, 1, 5, 7}},
    {.op = &ref_confident_mask, .in = {MASK(2, 5, 7), P(2, 3, 5, 7)}, .out = {2, 1, 5, 7}, .attr = &half},

    {.op = &ref_sum, .in = {X(2, 3, 5, 7)}, .out = SCALAR},
    {.op = &ref_sum, .in = {X(1, 3, 61, 53)}, .out = SCALAR, .no_vjp = true},
    {.op = &ref_mean, .in = {X(2, 3, 5, 7)}, .out = SCALAR},
    {.op = &ref_sum_pixels, .in = {X(2, 7, 5, 3)}, .out = {1, 7, 1, 1}},
    {.op = &ref_sum_pixels, .in = {X(1, 16, 33, 29)}, .out = {1, 16, 1, 1}, .no_vjp = true},
    {.op = &ref_l2_norm, .in = {X(1, 4999, 1, 1)}, .out = SCALAR},
    {.op = &ref_histogram,
     .in = {{.shape = {2, 3, 21, 17}, .lo = -0.2, .hi = 1.2}},
     .out = {2, 3, 1, 256},
     .attr = &bins},
    {.op = &ref_confusion, .in = {LABELS(2, 33, 35, 2), LABELS(2, 33, 35, 3)}, .out = {1, 9, 1, 1}, .attr = &three},

    {.op = &ref_dice, .in = {P(2, 2, 5, 7), LABELS(2, 5, 7, 2)}, .out = SCALAR, .attr = &squares},
    {.op = &ref_dice, .in = {P(1, 5, 31, 33), LABELS(1, 31, 33, 4)}, .out = SCALAR, .attr = &generalised},
    {.op = &ref_cross_entropy,
     .in = {{.shape = {2, 3, 5, 7}, .lo = -5, .hi = -0.01}, LABELS(2, 5, 7, 3)},
     .out = SCALAR},
    {.op = &ref_kl, .in = {TARGET(2, 2, 5, 7), P(2, 2, 5, 7), MASK(2, 5, 7)}, .out = SCALAR, .attr = &kl},
    {.op = &ref_kl, .in = {TARGET(1, 3, 31, 33), P(1, 3, 31, 33), MASK(1, 31, 33)}, .out = SCALAR, .attr = &sharp},
    // 5e-4: maps that share no information; what is left of entropies of order 1 is their rounding, 1e-7.
    {.op = &ref_iid,
     .in = {P(2, 2, 5, 7), P(2, 2, 5, 7), MASK(2, 5, 7)},
     .out = SCALAR,
     .attr = &iid,
     .tolerance = 5e-4},
    {.op = &ref_iid,
     .in = {P(1, 5, 13, 11), P(1, 5, 13, 11), MASK(1, 13, 11)},
     .out = SCALAR,
     .attr = &box,
     .tolerance = 5e-4}, // the same

    {.op = &ref_crop_images,
     .in = {POOL(600), WINDOWS(4), {.shape = {1, 6, 1, 1}, .lo = 0.001, .hi = 2}},
     .out = {4, 3, 10, 12},
     .attr = &crops},
    {.op = &ref_crop_labels, .in = {POOL(43), WINDOWS(2)}, .out = {2, 1, 6, 9}, .attr = &maps},
    {.op = &ref_affine_image, .in = {X(2, 3, 17, 24), SAMPLERS(2)}, .out = {2, 3, 17, 24}, .attr = &turned},
    {.op = &ref_affine_labels, .in = {LABELS(2, 37, 24, 254), SAMPLERS(2)}, .out = {2, 1, 37, 24}, .attr = &turned},
    {.op = &ref_align, .in = {X(2, 2, 21, 18), SAMPLERS(2)}, .out = {2, 2, 21, 18}, .attr = &turned},
    {.op = &ref_valid_mask,
     .in = {SAMPLERS(2),
            {.shape = {1, 8, 1, 1}, .make = ref_make_rects},
            {.shape = {1, 12, 1, 1}, .make = ref_make_second_samplers}},
     .out = {2, 1, 26, 31},
     .attr = &turned},
    {.op = &ref_edges, .in = {GIVEN(2, 3, 9, 11)}, .out = {2, 3, 9, 11}},
    {.op = &ref_intensity,
     .in = {{.shape = {10, 3, 31, 30}, .make = ref_make_grey},
            {.shape = {1, 20, 1, 1}, .dtype = VC_U32, .make = ref_make_intensities}},
     .out = {10, 3, 31, 30},
     .attr = &intensities},
    {.op = &ref_slice_volume,
     .in = {{.shape = {1, 79, 1, 1}, .dtype = VC_U32, .make = ref_make_volume},
            {.shape = {1, 8, 1, 1}, .dtype = VC_U32, .make = ref_make_slab},
            {.shape = {1, 9, 1, 1}, .make = ref_make_slice_samplers}},
     .out = {1, 1, 11, 13},
     .attr = &slices},

    {.op = &ref_norm, .in = {X(2, 8, 5, 3), POSITIVE(8), VECTOR(8)}, .out = {2, 8, 5, 3}, .attr = &group},
    {.op = &ref_norm, .in = {X(2, 3, 5, 7), POSITIVE(3), VECTOR(3)}, .out = {2, 3, 5, 7}, .attr = &instance},
    {.op = &ref_norm_tracked,
     .in = {X(2, 4, 9, 7), POSITIVE(4), VECTOR(4), RUNNING(4), RUNNING(4), RUNNING(1)},
     .out = {2, 4, 9, 7},
     .attr = &batch},
    {.op = &ref_norm_by,
     .in = {X(2, 3, 5, 7),
            POSITIVE(3),
            VECTOR(3),
            GIVEN(1, 3, 1, 1),
            {.shape = {1, 3, 1, 1}, .lo = 0.3, .hi = 1.7, .no_grad = true}},
     .out = {2, 3, 5, 7},
     .attr = &no_relu},

    {.op = &ref_adam, .in = {UPDATED(1003), {.shape = {1, 1003, 1, 1}}, UPDATED(1003), SQUARES(1003), HYPER}},
    {.op = &ref_rmsprop, .in = {UPDATED(256), {.shape = {1, 256, 1, 1}}, SQUARES(256), HYPER}},
    {.op = &ref_loss_scale,
     .in = {HYPER, {SCALAR, .lo = 1, .hi = 9}, {.shape = {1, 4, 1, 1}, .make = ref_make_loss_scale, .in_place = true}},
     .out = {1, 8, 1, 1},
     .attr = &growing},
};
const uint32_t doctor_n_cases = (uint32_t)VC_COUNT_OF(doctor_cases);
