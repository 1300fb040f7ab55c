// Learning-rate schedules: pure functions of the epoch.
#include "vulcyte/nn.h"

#include <math.h>

double vc_learning_rate(const struct vc_schedule *schedule, double lr, uint32_t epoch, uint32_t n_epochs) {
  switch (schedule->name) {
  case VC_SCHEDULE_STEP: return lr * pow(schedule->gamma, (double)(epoch / VC_MAX(schedule->every, 1u)));
  case VC_SCHEDULE_COSINE: {
    const double pi = 3.14159265358979323846;
    return lr * 0.5 * (1.0 + cos(pi * (double)epoch / (double)VC_MAX(n_epochs, 1u)));
  }
  case VC_SCHEDULE_CONSTANT: break;
  }
  return lr;
}
