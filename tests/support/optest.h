// optest.h: one table of cases gives all tests of an op. A test file holds a reference in double, a builder, and cases:
//
//   static vc_tensor *build(vc_graph *g, vc_tensor *const *in, const void *attr) {
//     (void)attr;
//     return vc_add(g, in[0], in[1]);
//   }
//   static void reference(optest_array *const *in, optest_array *out, const void *attr) {
//     (void)attr;
//     for (uint64_t i = 0; i < out->count; i++) out->v[i] = in[0]->v[i] + in[1]->v[i];
//   }
//   static const struct optest_case cases[] = {
//       {.name = "small", .in = {{.shape = {1, 3, 5, 7}}, {.shape = {1, 3, 5, 7}}}, .out = {1, 3, 5, 7}, .linear = 0},
//       {.name = "shapes differ", .in = {{.shape = {1, 3, 5, 7}}, {.shape = {1, 3, 5, 8}}}, .fails = VC_E_SHAPE},
//   };
//   static const struct optest_op add = OPTEST_OP("add", build, reference, cases);
//   int main(int argc, char **argv) { return optest_main(argc, argv, &add, NULL); }
//
// What is checked for each case, on the device that VULCYTE_DEVICE names (else the default one):
//   1 the shape that infer gives (.out), the kernel's result against reference()
//   2 reference_vjp(), if given, against finite differences of reference() in double
//   3 the kernels' gradients for a random output gradient, through vc_grad, against reference_vjp(), else directly
//   against
//     the finite differences; an absent gradient counts as zero
//   4 for inputs in which the op is linear: <v, J u> = <transpose(J) v, u> from what the kernels gave
//   5 guard bands: inputs and results stand in slots between bands of NaN, results and all work memory hold NaN before
//     each run; an element never written, a write beyond the end, a changed input or an over-read that matters shows
//   6 the same bits on a second run
//   7 all of that for every variant of every job (vc_emit_variant) of the graph that the device can run
//   8 and where ops can, once more with activations in 16 bits, from inputs rounded to them
// At the end any message of the validation layers is a failure.
//
// Running one test: argv[1], if there, is a part of "op/case"; others are left out. -v adds the time of each case.
#ifndef VULCYTE_TESTS_OPTEST_H
#define VULCYTE_TESTS_OPTEST_H

#include "doctor/reference.h"

enum { OPTEST_MAX_INPUTS = REF_MAX_INPUTS };

// Values, and what fills inputs: doctor/reference.h.
typedef ref_array optest_array;
static inline double *optest_at(const optest_array *a, uint32_t n, uint32_t c, uint32_t y, uint32_t x) {
  return ref_at(a, n, c, y, x);
}
struct optest_case {
  const char *name;
  struct ref_input in[OPTEST_MAX_INPUTS]; // the first with h = 0 and not absent ends the list
  struct vc_shape out;                    // the result's shape
  const void *attr;                       // handed to build and reference
  uint32_t linear;                        // bit i: f is linear in in[i], the others held fixed (no added bias)
  bool no_vjp;                            // skip gradients in this case
  double tolerance, grad_tolerance;       // override the op's
  // Not 0: build must fail with this status, and with `message` (if not NULL) as a part of the error's text.
  vc_status fails;
  const char *message;
};

// As struct ref_op, which says what the members mean.
struct optest_op {
  const char *name;
  const struct ref_op *of; // not NULL: gives what is not set here
  vc_tensor *(*build)(vc_graph *g, vc_tensor *const *in, const void *attr);
  void (*reference)(optest_array *const *in, optest_array *out, const void *attr);
  void (*reference_vjp)(optest_array *const *in, const optest_array *out, const optest_array *grad_out,
                        optest_array *const *grad_in, const void *attr);
  bool vjp_is_definition; // no finite differences: of kinks that the inputs cannot avoid, of a gradient that is stopped
  const struct optest_case *cases;
  size_t n_cases;
  bool no_vjp, no_result;
  double tolerance, grad_tolerance; // a tolerance above REF_TOLERANCE needs its reason on its line
};
#define OPTEST_OP(op_name, op_build, op_reference, op_cases) \
  {.name = (op_name),                                        \
   .build = (op_build),                                      \
   .reference = (op_reference),                              \
   .cases = (op_cases),                                      \
   .n_cases = sizeof(op_cases) / sizeof((op_cases)[0])}

// An op of the references, with the cases of a test.
#define OPTEST_OF(ref, op_cases) \
  {.of = &(ref), .cases = (op_cases), .n_cases = sizeof(op_cases) / sizeof((op_cases)[0])}

// Runs all cases of the ops (the list ends with NULL), prints one line a case and what failed; the process's exit code.
int optest_main(int argc, char **argv, const struct optest_op *op, ...);

// ---- finer tools, for tests that the table does not cover ---------------------------------------------------------

struct vc_gpu;
// Opens the device by VULCYTE_DEVICE (else "auto") with validation on. Exits the process with a message if it cannot.
struct vc_gpu *optest_gpu(vc_arena *arena);
// Ends such a test: prints and returns 1 if n_failures > 0 or the validation layers said anything, else 0.
int optest_finish(struct vc_gpu *gpu, int n_failures);
// Prints "FILE:LINE: text" and counts a failure (optest_failures) when cond is false; true if it held.
#define OPTEST_CHECK(cond) optest_check((cond), #cond, __FILE__, __LINE__)
// The same for a call that must return VC_OK; prints the error.
#define OPTEST_OK(call) optest_check_ok((call), #call, __FILE__, __LINE__)
bool optest_check(bool held, const char *text, const char *file, int line);
bool optest_check_ok(vc_status status, const char *text, const char *file, int line);
int optest_failures(void);
// A device slot holding n elements of values, rounded to dtype (F32 or U32).
vc_slot *optest_slot(vc_arena *arena, struct vc_gpu *gpu, const char *label, vc_dtype dtype, const double *values,
                     uint64_t n);
optest_array *optest_array_new(vc_arena *arena, struct vc_shape shape, vc_dtype dtype); // zeroed

#endif
