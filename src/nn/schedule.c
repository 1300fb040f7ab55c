// Schedules: pure functions of how far a run has come.
#include "vulcyte/nn.h"

#include <math.h>

double vc_learning_rate(const struct vc_schedule *schedule, double lr, uint32_t epoch, uint32_t n_epochs) {
  switch (schedule->name) {
  case VC_SCHEDULE_STEP: {
    const uint32_t n_drops = epoch / VC_MAX(schedule->every, 1u);
    return lr * pow(schedule->gamma, (double)n_drops);
  }
  case VC_SCHEDULE_COSINE: {
    const double pi = 3.14159265358979323846;
    return lr * 0.5 * (1.0 + cos(pi * (double)epoch / (double)VC_MAX(n_epochs, 1u)));
  }
  case VC_SCHEDULE_CONSTANT: break;
  }
  return lr;
}

double vc_tsa_threshold(enum vc_tsa schedule, double progress, uint32_t n_classes) {
  const double scale = 5.0; // of [UDA]: exp(-5) is close enough to 0
  double alpha = 1;
  switch (schedule) {
  case VC_TSA_LINEAR: alpha = progress; break;
  case VC_TSA_LOG: alpha = 1 - exp(-scale * progress); break;
  case VC_TSA_EXP: alpha = exp(scale * (progress - 1)); break;
  case VC_TSA_NONE: break;
  }
  const double chance = 1.0 / (double)VC_MAX(n_classes, 1u);
  return alpha * (1 - chance) + chance;
}

double vc_ramp_up(double epoch, double length) {
  if (epoch >= length) return 1;
  const double left = 1 - epoch / length;
  return exp(-5 * left * left);
}
