// Strength of edges.
#include "support/optest.h"

#include <vulcyte/ops.h>

static const struct optest_case cases[] = {
    {.name = "one channel", .in = {{.shape = {1, 1, 16, 13}}}, .out = {1, 1, 16, 13}},
    {.name = "samples and channels apart", .in = {{.shape = {3, 4, 9, 14}}}, .out = {3, 4, 9, 14}},
    {.name = "width 1", .in = {{.shape = {2, 2, 6, 1}}}, .out = {2, 2, 6, 1}},
    {.name = "height 2", .in = {{.shape = {2, 3, 2, 7}}}, .out = {2, 3, 2, 7}},
    {.name = "one pixel", .in = {{.shape = {2, 1, 1, 1}}}, .out = {2, 1, 1, 1}},
    {.name = "many workgroups", .in = {{.shape = {1, 1, 150, 190}}}, .out = {1, 1, 150, 190}},
    {.name = "an image of integers",
     .in = {{.shape = {2, 1, 9, 8}, .dtype = VC_U32}},
     .fails = VC_E_SHAPE,
     .message = "the images is U32"},
};
static const struct optest_op op = OPTEST_OF(ref_edges, cases);

int main(int argc, char **argv) {
  return optest_main(argc, argv, &op, NULL);
}
