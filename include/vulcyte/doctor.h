// vulcyte/doctor.h: whether a device computes what it should: every kernel and every variant of one that the device can
// run, held against plain definitions in double on the host.
#ifndef VULCYTE_DOCTOR_H
#define VULCYTE_DOCTOR_H

#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_DOCTOR_MAX_KERNELS = 12 };
// One op, or one variant of one, over all its cases.
struct vc_doctor_check {
  const char *op;
  const char *job, *variant; // what --variant takes; NULL where there is no choice
  bool is_mixed;             // with activations in 16 bits
  const char *kernels[VC_DOCTOR_MAX_KERNELS];
  uint32_t n_kernels, n_cases, n_failed;
  bool is_default;       // what the device's own choice was in at least one case
  double error, allowed; // of the element that came closest to its bound: |got - want| / (|want| + rms + 0.001)
  const char *failure;   // the first failure's text, NULL: none
};
struct vc_doctor_report {
  struct vc_doctor_check *checks;
  uint32_t n_checks, n_failed; // n_failed: checks with a failure
  const char **untried;        // kernels that no case ran: the device lacks what they need
  uint32_t n_untried;
  const char *advice; // what to do about failures, NULL: none
  double seconds;
};
// Each case runs twice and must give the same bits. A training step of a small network is held against the same network
// in double, and the kernels of the device's choice against the naive ones in a semi-supervised step. A wrong kernel is
// no failure of this function. progress may be NULL; false stops: VC_E_INTERRUPTED. out's texts are owned by the arena.
vc_status vc_doctor(vc_arena *arena, struct vc_gpu *gpu, vc_progress_fn progress, void *context,
                    struct vc_doctor_report *out);

#ifdef __cplusplus
}
#endif
#endif
