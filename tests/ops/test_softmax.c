// Softmax, log-softmax, argmax: [SOFTMAX 1..4].
#include "support/optest.h"

#include <vulcyte/ops.h>

#define IN(n, c, h, w)  {.shape = {n, c, h, w}, .lo = -3, .hi = 3}
#define FAR(n, c, h, w) {.shape = {n, c, h, w}, .lo = -90, .hi = 300}
#define CASES                                                                                 \
  {.name = "two classes", .in = {IN(2, 2, 5, 7)}, .out = {2, 2, 5, 7}},                       \
      {.name = "four classes", .in = {IN(1, 4, 5, 7)}, .out = {1, 4, 5, 7}},                  \
      {.name = "one class", .in = {IN(1, 1, 5, 7)}, .out = {1, 1, 5, 7}},                     \
      {.name = "64 classes", .in = {IN(1, 64, 3, 5)}, .out = {1, 64, 3, 5}},                  \
      {.name = "many pixels", .in = {IN(1, 3, 97, 131)}, .out = {1, 3, 97, 131}},             \
      {.name = "large logits", .in = {FAR(1, 5, 9, 7)}, .out = {1, 5, 9, 7}, .no_vjp = true}, \
      {.name = "integers",                                                                    \
       .in = {{.shape = {1, 3, 5, 7}, .dtype = VC_U32}},                                      \
       .fails = VC_E_SHAPE,                                                                   \
       .message = "the operand is U32"},
static const struct optest_case cases[] = {CASES};
static const struct optest_op softmax_op = OPTEST_OF(ref_softmax, cases);
static const struct optest_op log_softmax_op = OPTEST_OF(ref_log_softmax, cases);

static const struct optest_case argmax_cases[] = {
    {.name = "two classes", .in = {IN(2, 2, 5, 7)}, .out = {2, 1, 5, 7}},
    {.name = "one class", .in = {IN(1, 1, 5, 7)}, .out = {1, 1, 5, 7}},
    {.name = "64 classes, many pixels", .in = {IN(1, 64, 40, 50)}, .out = {1, 1, 40, 50}},
    {.name = "equal values", .in = {{.shape = {1, 5, 20, 7}, .fill = REF_INTEGER, .hi = 2}}, .out = {1, 1, 20, 7}},
    {.name = "all equal", .in = {{.shape = {1, 5, 4, 7}, .fill = REF_CONST, .lo = -1}}, .out = {1, 1, 4, 7}},
};
static const struct optest_op argmax_op = OPTEST_OF(ref_argmax, argmax_cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &softmax_op, &log_softmax_op, &argmax_op, NULL);
}
