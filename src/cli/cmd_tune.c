// vulcyte tune
#include "cli.h"

#include "train/kernels.h"
#include "vulcyte/gpu.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// A key is "JOB SHAPES... #ATTRIBUTES ROWS".
static void print_choice(const struct vc_choice *c) {
  size_t job = strcspn(c->key, " "), shapes = strcspn(c->key, "#");
  printf("%-20.*s %-44.*s %-10s", (int)job, c->key, (int)(shapes - VC_MIN(job + 1, shapes)), c->key + job + 1,
         c->variant);
  for (uint32_t i = 0; i < c->n_times; i++) {
    const struct vc_choice_time *t = &c->times[i];
    if (isnan(t->seconds))
      printf("  %s: wrong", t->variant);
    else if (t->seconds > 0)
      printf("  %s: %.3f ms", t->variant, t->seconds * 1e3);
    else
      printf("  %s: proven", t->variant);
  }
  printf("%s\n", c->n_times ? "" : "  not measured");
}

static void put_choice(vc_json_writer *w, const struct vc_choice *c) {
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "key", c->key);
  vc_json_put_string(w, "variant", c->variant);
  vc_json_begin_object(w, "seconds");
  for (uint32_t i = 0; i < c->n_times; i++) vc_json_put_number(w, c->times[i].variant, c->times[i].seconds);
  vc_json_end_object(w);
  vc_json_end_object(w);
}

static vc_status print_json(vc_arena *arena, const struct vc_device_info *d, const struct vc_choice *list, size_t n) {
  vc_json_writer *w;
  VC_TRY(cli_json_begin(arena, d, &w));
  vc_json_put_number(w, "subgroup_size", d->caps.subgroup_size);
  vc_json_end_object(w);
  vc_json_begin_array(w, "choices");
  for (size_t i = 0; i < n; i++) put_choice(w, &list[i]);
  vc_json_end_array(w);
  return cli_json_print(w);
}

static vc_status tune(vc_arena *arena, const struct cli_args *args) {
  struct cli_workloads plan;
  struct vc_gpu *gpu;
  vc_choices *choices;
  const struct vc_choice *list;
  size_t n;
  VC_TRY(cli_workloads(arena, "tune", args, &plan));
  VC_TRY(vc_gpu_open(arena, plan.configs[0].device, &gpu));
  cli_progress_begin(cli_has(args, "quiet"));
  VC_TRY(vc_kernels_open(arena, gpu, cli_has(args, "again") ? VC_TUNE_AGAIN : VC_TUNE_AHEAD, &choices));
  for (uint32_t i = 0; i < plan.n; i++) VC_TRY(vc_bench_tune(gpu, &plan.configs[i], plan.work[i], choices));
  cli_progress_end();
  VC_TRY(vc_choices_list(choices, &list, &n));
  if (cli_has(args, "json")) return print_json(arena, vc_gpu_info(gpu), list, n);
  printf("%s, %s\n%-20s %-44s %-10s  measured\n", vc_gpu_info(gpu)->name, vc_gpu_info(gpu)->driver, "job",
         "inputs: images x channels x height x width", "chosen");
  for (size_t i = 0; i < n; i++) print_choice(&list[i]);
  return VC_OK;
}

const struct cli_command cmd_tune = {
    .name = "tune",
    .arguments = "",
    .summary = "Measure ahead of time which kernels are the fastest on a device.",
    .notes =
        "Training and prediction measure what they need at first use, for at most five seconds, and remember it by "
        "device,\n"
        "driver and version of vulcyte; this command takes the time it needs. Without --config: base 16 on 256x256 "
        "pixels,\n"
        "supervised, UDA and prediction. The table shows all that is remembered for the device. A kernel that "
        "gives wrong\n"
        "numbers is never taken. VULCYTE_TUNE=off: kernels are chosen by expectation, nothing is measured.",
    .options = {{.name = "config",
                 .value = "CONFIG.json",
                 .help = "Tune for the step that this configuration trains "
                         "with, and for prediction by its network"},
                {.name = "set",
                 .value = "KEY=VALUE",
                 .help = "Change a key of the configuration: model.base=64",
                 .repeats = true},
                {.name = "again", .help = "Measure anew what is remembered"},
                {.name = "json", .help = "Print one JSON object"},
                {.name = "device",
                 .value = "DEVICE",
                 .help = "Index, UUID or part of a name (vulcyte devices lists them)"},
                {.name = "variant", .value = "JOB=NAME", .help = CLI_VARIANT_HELP, .repeats = true},
                {.name = "quiet", .help = "Show warnings and errors only"}},
    .run = tune};
