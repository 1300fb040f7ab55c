// Normalisation: [STAT 1..6].
#include "support/optest.h"

#include <vulcyte/ops.h>

static const struct vc_norm_desc batch = {VC_NORM_BATCH, false}, batch_relu = {VC_NORM_BATCH, true},
                                 group = {VC_NORM_GROUP, false}, group_relu = {VC_NORM_GROUP, true},
                                 instance = {VC_NORM_INSTANCE, false}, instance_relu = {VC_NORM_INSTANCE, true};
static const bool relu = true, linear = false;
#define X(n, c, h, w)    {.shape = {n, c, h, w}, .fill = REF_NORMAL, .lo = 0.5, .hi = 2}
#define FAR(n, c, h, w)  {.shape = {n, c, h, w}, .fill = REF_NORMAL, .lo = 100, .hi = 1}
#define SAME(n, c, h, w) {.shape = {n, c, h, w}, .fill = REF_CONST, .lo = 7.25}
#define CHANNELS(c)      {.shape = {1, c, 1, 1}, .fill = REF_UNIFORM, .lo = 0.3, .hi = 1.7}
#define RUNNING(c)       {.shape = {1, c, 1, 1}, .fill = REF_UNIFORM, .lo = 0.3, .hi = 1.7, .in_place = true}
#define GIVEN(c)         {.shape = {1, c, 1, 1}, .fill = REF_UNIFORM, .lo = 0.3, .hi = 2, .no_grad = true}
#define CASE(label, n, c, h, w, d) \
  {.name = (label), .in = {X(n, c, h, w), CHANNELS(c), CHANNELS(c)}, .out = {n, c, h, w}, .attr = &(d)}
static const struct optest_case cases[] = {
    CASE("batch", 2, 3, 5, 7, batch),
    CASE("batch, one channel", 2, 1, 5, 7, batch),
    CASE("batch, four channels", 3, 4, 5, 3, batch_relu),
    CASE("batch, 64 channels", 2, 64, 2, 3, batch_relu),
    CASE("batch, many pixels", 2, 8, 61, 67, batch_relu),
    CASE("batch, many pixels, odd", 2, 5, 61, 67, batch),
    CASE("group, 8 channels", 2, 8, 5, 3, group),
    CASE("group, 24 channels", 2, 24, 3, 5, group),
    CASE("group, many pixels", 2, 32, 31, 37, group_relu),
    CASE("instance", 2, 3, 5, 7, instance),
    CASE("instance, four channels", 3, 4, 5, 3, instance_relu),
    CASE("instance, many pixels", 3, 8, 61, 67, instance_relu),
    // 2e-4: x has 24 bits, of which the mean of 100 standard deviations takes 7.
    {.name = "batch, far from 0",
     .in = {FAR(2, 4, 9, 7), CHANNELS(4), CHANNELS(4)},
     .out = {2, 4, 9, 7},
     .attr = &batch,
     .tolerance = 2e-4},
    // No gradient: without variance it is that of noise.
    {.name = "instance, all equal",
     .in = {SAME(2, 4, 9, 7), CHANNELS(4), CHANNELS(4)},
     .out = {2, 4, 9, 7},
     .attr = &instance,
     .no_vjp = true},
    {.name = "instance, one pixel",
     .in = {X(2, 4, 1, 1), CHANNELS(4), CHANNELS(4)},
     .out = {2, 4, 1, 1},
     .attr = &instance,
     .no_vjp = true},
    {.name = "channels that make no groups",
     .in = {X(2, 12, 5, 7), CHANNELS(12), CHANNELS(12)},
     .attr = &group,
     .fails = VC_E_SHAPE,
     .message = "12 channels do not make 8 equal groups"},
    {.name = "weight of other channels",
     .in = {X(2, 4, 5, 7), CHANNELS(5), CHANNELS(4)},
     .attr = &batch,
     .fails = VC_E_SHAPE,
     .message = "the weight is 1 x 5 x 1 x 1"},
};
#define TRACKED(label, n, c, h, w)                                                      \
  {.name = (label),                                                                     \
   .in = {X(n, c, h, w), CHANNELS(c), CHANNELS(c), RUNNING(c), RUNNING(c), RUNNING(1)}, \
   .out = {n, c, h, w},                                                                 \
   .attr = &batch}
static const struct optest_case track_cases[] = {
    TRACKED("small", 2, 3, 5, 7),
    TRACKED("65 channels", 1, 65, 3, 4),
    TRACKED("many pixels", 2, 8, 61, 67),
    // 1e-2: h is 1 and -1 whatever x is; what is left of the gradient is of the order of epsilon.
    {.name = "two values a channel",
     .in = {X(2, 8, 1, 1), CHANNELS(8), CHANNELS(8), RUNNING(8), RUNNING(8), RUNNING(1)},
     .out = {2, 8, 1, 1},
     .attr = &batch,
     .grad_tolerance = 1e-2},
    {.name = "mean of other channels",
     .in = {X(2, 4, 5, 7), CHANNELS(4), CHANNELS(4), RUNNING(5), RUNNING(4), RUNNING(1)},
     .attr = &batch,
     .fails = VC_E_SHAPE,
     .message = "the running mean is 1 x 5 x 1 x 1"},
};
#define FIXED(label, n, c, h, w, d)                                     \
  {.name = (label),                                                     \
   .in = {X(n, c, h, w), CHANNELS(c), CHANNELS(c), GIVEN(c), GIVEN(c)}, \
   .out = {n, c, h, w},                                                 \
   .attr = &(d)}
static const struct optest_case by_cases[] = {
    FIXED("small", 2, 3, 5, 7, linear),
    FIXED("four channels", 2, 4, 5, 7, relu),
    FIXED("many pixels", 2, 8, 61, 67, relu),
};
static const struct optest_op ops[] = {OPTEST_OF(ref_norm, cases), OPTEST_OF(ref_norm_tracked, track_cases),
                                       OPTEST_OF(ref_norm_by, by_cases)};

int main(int argc, char **argv) {
  return optest_main(argc, argv, &ops[0], &ops[1], &ops[2], NULL);
}
