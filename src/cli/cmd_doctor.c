// vulcyte doctor
#include "cli.h"

#include "vulcyte/doctor.h"
#include "vulcyte/gpu.h"

#include <math.h>
#include <stdio.h>

static void print_check(const struct vc_doctor_check *c) {
  char name[64];
  snprintf(name, sizeof name, "%s%s%s%s", c->op, c->variant ? " = " : "", c->variant ? c->variant : "",
           c->is_mixed ? ", 16 bits" : "");
  printf("%-6s %-34s %5u %9.1e %9.1e %s", c->n_failed ? "FAILED" : "ok", name, c->n_cases, c->error, c->allowed,
         c->variant && c->is_default ? "*" : " ");
  for (uint32_t i = 0; i < c->n_kernels; i++) printf(" %s", c->kernels[i]);
  printf("\n");
  if (c->failure) printf("       %s\n", c->failure);
}

static void print_report(const struct vc_doctor_report *r) {
  printf("\n%-6s %-34s %5s %9s %9s   %s\n", "", "op = variant", "cases", "error", "allowed", "kernels");
  for (uint32_t i = 0; i < r->n_checks; i++) print_check(&r->checks[i]);
  if (r->n_untried > 0) {
    printf("\nnot tried, as the device lacks what they need:");
    for (uint32_t i = 0; i < r->n_untried; i++) printf(" %s", r->untried[i]);
    printf("\n");
  }
  printf("\n%u of %u checks passed in %.1f s (* the device's own choice of variant)\n", r->n_checks - r->n_failed,
         r->n_checks, r->seconds);
  if (r->advice) printf("%s\n", r->advice);
}

static void put_check(vc_json_writer *w, const struct vc_doctor_check *c) {
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "op", c->op);
  if (c->job) vc_json_put_string(w, "job", c->job);
  if (c->variant) vc_json_put_string(w, "variant", c->variant);
  vc_json_put_string(w, "precision", c->is_mixed ? "mixed" : "fp32");
  vc_json_begin_array(w, "kernels");
  for (uint32_t i = 0; i < c->n_kernels; i++) vc_json_put_string(w, NULL, c->kernels[i]);
  vc_json_end_array(w);
  vc_json_put_bool(w, "passed", c->n_failed == 0);
  vc_json_put_bool(w, "default", c->is_default);
  vc_json_put_number(w, "cases", c->n_cases);
  vc_json_put_number(w, "failed", c->n_failed);
  vc_json_put_number(w, "error", c->error);
  vc_json_put_number(w, "allowed", c->allowed);
  if (c->failure) vc_json_put_string(w, "failure", c->failure);
  vc_json_end_object(w);
}

static vc_status print_json(vc_arena *arena, const struct vc_device_info *d, const struct vc_doctor_report *r) {
  vc_json_writer *w;
  VC_TRY(cli_json_begin(arena, d, &w));
  vc_json_end_object(w);
  vc_json_put_bool(w, "passed", r->n_failed == 0);
  vc_json_put_number(w, "seconds", r->seconds);
  vc_json_begin_array(w, "checks");
  for (uint32_t i = 0; i < r->n_checks; i++) put_check(w, &r->checks[i]);
  vc_json_end_array(w);
  vc_json_begin_array(w, "untried");
  for (uint32_t i = 0; i < r->n_untried; i++) vc_json_put_string(w, NULL, r->untried[i]);
  vc_json_end_array(w);
  if (r->advice)
    vc_json_put_string(w, "advice", r->advice);
  else
    vc_json_put_null(w, "advice");
  return cli_json_print(w);
}

static vc_status doctor(vc_arena *arena, const struct cli_args *args) {
  struct vc_gpu *gpu;
  struct vc_doctor_report report;
  VC_TRY(vc_gpu_open(arena, cli_value(args, "device"), &gpu));
  const struct vc_device_info *device = vc_gpu_info(gpu);
  const bool is_json = cli_has(args, "json");
  cli_progress_begin(cli_has(args, "quiet"));
  cli_catch_signals();
  VC_TRY_CTX(vc_doctor(arena, gpu, cli_progress, NULL, &report), "%s", device->name);
  cli_progress_end();
  if (!is_json) {
    printf("%s, %s\n", device->name, device->driver);
    print_report(&report);
  } else {
    VC_TRY(print_json(arena, device, &report));
  }
  if (report.n_failed == 0) return VC_OK;
  return VC_FAIL(VC_E_UNSUPPORTED, "%s: %u of %u checks failed; %s", device->name, report.n_failed, report.n_checks,
                 report.advice);
}

const struct cli_command cmd_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "Prove that a device computes rightly, kernel by kernel.",
    .notes =
        "Each op runs twice, with every variant of its kernels that the device can run, and must give the numbers of\n"
        "its plain definition on the host, and the same bits; then whole training steps do. error is the largest\n"
        "difference, in units of the value plus the root mean square of all values. Exit code 1 where anything "
        "failed,\n"
        "with what to do about it. The first time a driver compiles every kernel: minutes on a processor, seconds "
        "from\n"
        "then on.",
    .options = {{.name = "device",
                 .value = "DEVICE",
                 .help = "Index, UUID or part of a name (vulcyte devices lists them)"},
                {.name = "json", .help = "Print one JSON object"},
                {.name = "quiet", .help = "Show no progress"}},
    .run = doctor};
