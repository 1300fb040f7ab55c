// The whole examination, and what to do about its findings.
#include "vulcyte/doctor.h"

#include <math.h>
#include <string.h>

#include "doctor/prove.h"
#include "vulcyte/gpu.h"

static bool texts_equal(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

struct vc_doctor_check *doctor_check(struct doctor *d, const char *op, const char *job, const char *variant,
                                     bool is_mixed) {
  struct vc_doctor_report *r = &d->report;
  for (uint32_t i = 0; i < r->n_checks; i++) {
    struct vc_doctor_check *c = &r->checks[i];
    if (texts_equal(c->op, op) && texts_equal(c->job, job) && texts_equal(c->variant, variant) &&
        c->is_mixed == is_mixed)
      return c;
  }
  VC_ASSERT(r->n_checks < DOCTOR_MAX_CHECKS);
  r->checks[r->n_checks] = (struct vc_doctor_check){
      .op = op, .job = job, .variant = variant, .is_mixed = is_mixed, .allowed = REF_TOLERANCE};
  return &r->checks[r->n_checks++];
}

void doctor_note_kernel(struct vc_doctor_check *check, const char *kernel) {
  for (uint32_t i = 0; i < check->n_kernels; i++)
    if (strcmp(check->kernels[i], kernel) == 0) return;
  if (check->n_kernels < VC_DOCTOR_MAX_KERNELS) check->kernels[check->n_kernels++] = kernel;
}

vc_status doctor_note_case(struct doctor *d, struct vc_doctor_check *check, double error, double allowed,
                           const char *failure) {
  if (check->n_cases == 0 || error * check->allowed > check->error * allowed) {
    check->error = error;
    check->allowed = allowed;
  }
  check->n_cases++;
  if (!failure) return VC_OK;
  if (check->n_failed++ > 0) return VC_OK;
  d->report.n_failed++;
  char *copy;
  VC_TRY(vc_arena_strdup(d->arena, failure, &copy));
  check->failure = copy;
  return VC_OK;
}

vc_status doctor_progress(struct doctor *d) {
  const struct vc_progress p = {.phase = "doctor",
                                .done = ++d->n_done,
                                .total = d->n_all,
                                .loss_supervised = NAN,
                                .loss_unsupervised = NAN,
                                .mean_iou = NAN};
  if (d->progress && !d->progress(d->context, &p)) return VC_FAIL(VC_E_INTERRUPTED, "doctor: interrupted");
  return VC_OK;
}

// ---- after the cases ------------------------------------------------------------------------------------------------

static bool was_tried(const struct vc_doctor_report *r, const char *kernel) {
  for (uint32_t i = 0; i < r->n_checks; i++)
    for (uint32_t k = 0; k < r->checks[i].n_kernels; k++)
      if (strcmp(r->checks[i].kernels[k], kernel) == 0) return true;
  return false;
}

static vc_status list_untried(struct doctor *d) {
  struct vc_doctor_report *r = &d->report;
  VC_TRY(VC_NEW(d->arena, vc_shader_count(), &r->untried));
  for (size_t i = 0; i < vc_shader_count(); i++)
    if (!was_tried(r, vc_shader_name(i))) r->untried[r->n_untried++] = vc_shader_name(i);
  return VC_OK;
}

// A variant of the job that passed everything; NULL if there is none.
static const char *sound_variant(const struct vc_doctor_report *r, const char *job) {
  for (uint32_t i = 0; i < r->n_checks; i++)
    if (texts_equal(r->checks[i].job, job) && !r->checks[i].is_mixed && r->checks[i].n_failed == 0)
      return r->checks[i].variant;
  return NULL;
}

// The --variant list that goes round every failed variant; *out_all false: something failed that has no other way.
static vc_status find_way_round(struct doctor *d, char **out_list, bool *out_all) {
  const struct vc_doctor_report *r = &d->report;
  *out_all = true;
  *out_list = NULL;
  for (uint32_t i = 0; i < r->n_checks; i++) {
    const struct vc_doctor_check *c = &r->checks[i];
    if (c->n_failed == 0 || c->is_mixed) continue;
    const char *sound = c->job ? sound_variant(r, c->job) : NULL;
    if (!sound) *out_all = false;
    if (!sound || (*out_list && strstr(*out_list, c->job))) continue;
    VC_TRY(vc_arena_printf(d->arena, out_list, "%s%s%s=%s", *out_list ? *out_list : "", *out_list ? "," : "", c->job,
                           sound));
  }
  return VC_OK;
}

vc_status doctor_advise(struct doctor *d) {
  struct vc_doctor_report *r = &d->report;
  const struct vc_device_info *info = vc_gpu_info(d->gpu);
  char *list, *text;
  bool all;
  if (r->n_failed == 0) return VC_OK;
  VC_TRY(find_way_round(d, &list, &all));
  if (all && !list)
    VC_TRY(vc_arena_printf(d->arena, &text,
                           "Only kernels on 16-bit activations fail: train with \"precision\": \"fp32\". An update of "
                           "the driver (%s) may mend them.",
                           info->driver));
  else if (all)
    VC_TRY(
        vc_arena_printf(d->arena, &text,
                        "Other kernels do the same work rightly: set VULCYTE_VARIANTS=%s in the environment, or give "
                        "each as --variant. An update of the driver (%s) may mend the failing ones.",
                        list, info->driver));
  else
    VC_TRY(vc_arena_printf(d->arena, &text,
                           "This device computes wrongly and no other kernel goes round it: update its driver (%s), or "
                           "choose another device with --device.",
                           info->driver));
  r->advice = text;
  return VC_OK;
}

static vc_status examine(struct doctor *d) {
  VC_TRY(doctor_prove_buffers(d));
  for (uint32_t i = 0; i < doctor_n_cases; i++) VC_TRY(doctor_prove_case(d, &doctor_cases[i]));
  VC_TRY(doctor_prove_steps(d));
  VC_TRY(list_untried(d));
  return doctor_advise(d);
}

vc_status vc_doctor(vc_arena *arena, struct vc_gpu *gpu, vc_progress_fn progress, void *context,
                    struct vc_doctor_report *out) {
  struct doctor d = {.arena = arena, .gpu = gpu, .progress = progress, .context = context};
  const double start = vc_time_seconds();
  d.n_all = doctor_n_cases + 2;
  VC_TRY(VC_NEW(arena, DOCTOR_MAX_CHECKS, &d.report.checks));
  VC_TRY(examine(&d));
  d.report.seconds = vc_time_seconds() - start;
  *out = d.report;
  return VC_OK;
}
