// prove.h: what the files of the doctor share.
#ifndef VC_DOCTOR_PROVE_H
#define VC_DOCTOR_PROVE_H

#include "doctor/reference.h"
#include "vulcyte/doctor.h"

// An op on inputs of one shape. Gradients are proved too unless no_vjp, here or of the op.
struct doctor_case {
  const struct ref_op *op;
  struct ref_input in[REF_MAX_INPUTS]; // the first with h = 0 and not absent ends the list
  struct vc_shape out;
  const void *attr;
  bool no_vjp;
  double tolerance; // 0: the op's
};
extern const struct doctor_case doctor_cases[];
extern const uint32_t doctor_n_cases;

enum { DOCTOR_MAX_CHECKS = 256 };
struct doctor {
  vc_arena *arena; // of the report
  struct vc_gpu *gpu;
  struct vc_doctor_report report;
  vc_progress_fn progress;
  void *context;
  uint32_t n_done, n_all;
};

// The check of that op, variant and precision, added where it is new.
struct vc_doctor_check *doctor_check(struct doctor *d, const char *op, const char *job, const char *variant,
                                     bool is_mixed);
void doctor_note_kernel(struct vc_doctor_check *check, const char *kernel);
// Counts one case more. failure NULL: it passed; copied.
vc_status doctor_note_case(struct doctor *d, struct vc_doctor_check *check, double error, double allowed,
                           const char *failure);
vc_status doctor_progress(struct doctor *d); // one more part done

// Fills the report's advice from its checks.
vc_status doctor_advise(struct doctor *d);

// How far got[n] is from want[n] at its worst, in units of |want| + rms(want) + 0.001.
double doctor_error(const float *got, const double *want, uint64_t n);

// A case with the device's choice and with each variant, in 32 bits and where it can in 16. Fails only where the device
// is lost or memory is short.
vc_status doctor_prove_case(struct doctor *d, const struct doctor_case *c);
vc_status doctor_prove_buffers(struct doctor *d); // copies and plain arithmetic
vc_status doctor_prove_steps(struct doctor *d);   // whole training steps

#endif
