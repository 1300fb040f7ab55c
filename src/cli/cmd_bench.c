// vulcyte bench
#include "cli.h"

#include "vulcyte/gpu.h"

#include <stdio.h>
#include <string.h>

static const double SMALL_SHARE = 0.005; // rows below it are summed up in the table; JSON has them all

// ---- table --------------------------------------------------------------------------------------------------------

static double of_ceiling(double amount, double seconds, double ceiling) {
  return seconds > 0 && ceiling > 0 ? amount / seconds / ceiling * 100 : 0;
}

// A rate and its share of the ceiling, blank where nothing is counted.
static void print_rate(double amount, double seconds, double ceiling) {
  if (amount > 0 && seconds > 0)
    printf("%9.1f %4.0f%%", amount / seconds * 1e-9, of_ceiling(amount, seconds, ceiling));
  else
    printf("%9s %5s", "", "");
}

static void print_group(const struct vc_bench_group *g, const struct vc_bench_ceilings *c) {
  if (g->path)
    printf("%-52.52s", g->path);
  else
    printf("%-20.20s %-22.22s %-8.8s", g->op, g->kernel, g->variant ? g->variant : "");
  printf(" %5u %9.3f %5.1f%% %9.3f", g->n_calls, g->seconds * 1e3, g->share * 100, g->floor_seconds * 1e3);
  print_rate(g->flops, g->seconds, c->flops_per_second);
  print_rate(g->bytes, g->seconds, c->bytes_per_second);
  printf("\n");
}

static void add_group(struct vc_bench_group *sum, const struct vc_bench_group *g) {
  sum->n_calls += g->n_calls;
  sum->seconds += g->seconds;
  sum->share += g->share;
  sum->flops += g->flops;
  sum->bytes += g->bytes;
  sum->floor_seconds += g->floor_seconds;
}

static vc_status print_groups(vc_arena *arena, const struct vc_bench_result *r, const struct vc_bench_ceilings *c,
                              enum vc_bench_key key) {
  struct vc_bench_group *groups;
  size_t n;
  VC_TRY(vc_bench_groups(arena, r, c, key, &groups, &n));
  if (key == VC_BENCH_BY_LAYER)
    printf("\n%-52s", "layer");
  else
    printf("\n%-20s %-22s %-8s", "op", "kernel", "variant");
  printf(" %5s %9s %6s %9s %9s %5s %9s %5s\n", "calls", "ms", "share", "floor ms", "GFLOP/s", "peak", "GB/s", "copy");
  struct vc_bench_group rest = {.path = key == VC_BENCH_BY_LAYER ? "(rest)" : NULL, .op = "(rest)", .kernel = ""};
  for (size_t i = 0; i < n; i++) {
    if (groups[i].share >= SMALL_SHARE)
      print_group(&groups[i], c);
    else
      add_group(&rest, &groups[i]);
  }
  if (rest.n_calls > 0) print_group(&rest, c);
  return VC_OK;
}

static vc_status print_result(vc_arena *arena, const struct vc_bench_result *r, const struct vc_bench_ceilings *c) {
  const struct vc_bench_group all = vc_bench_total(r, c);
  printf("\n%s: base %u, depth %u, %ux%u pixels, batch %u\n", r->name, r->base, r->depth, r->width, r->height,
         r->batch);
  printf("  %.2f ms a step, %.2f ms at best of %u; the first took %.0f ms; %.1f MiB of work memory\n", r->seconds * 1e3,
         r->best_seconds * 1e3, r->n_steps, r->first_seconds * 1e3, (double)r->work_bytes / 1048576.0);
  if (r->n_dispatches == 0) return VC_OK;
  printf(
      "  %u dispatches take %.2f ms, and a step %.2f ms while they are timed; no less than %.2f ms by the ceilings\n",
      all.n_calls, all.seconds * 1e3, r->timed_seconds * 1e3, all.floor_seconds * 1e3);
  VC_TRY(print_groups(arena, r, c, VC_BENCH_BY_KERNEL));
  return print_groups(arena, r, c, VC_BENCH_BY_LAYER);
}

// ---- JSON ---------------------------------------------------------------------------------------------------------

static vc_status print_json(vc_arena *arena, const struct vc_device_info *d, const struct vc_bench_ceilings *c,
                            const struct vc_bench_result *results, uint32_t n) {
  vc_json_writer *w;
  VC_TRY(cli_json_begin(arena, d, &w));
  vc_json_put_number(w, "subgroup_size", d->caps.subgroup_size);
  vc_json_end_object(w);
  vc_json_begin_object(w, "ceilings");
  vc_json_put_number(w, "flops_per_second", c->flops_per_second);
  vc_json_put_number(w, "bytes_per_second", c->bytes_per_second);
  if (c->matrix_flops_per_second > 0) vc_json_put_number(w, "matrix_flops_per_second", c->matrix_flops_per_second);
  vc_json_end_object(w);
  vc_json_begin_array(w, "results");
  for (uint32_t i = 0; i < n; i++) VC_TRY(vc_bench_put_json(w, NULL, &results[i], c));
  vc_json_end_array(w);
  return cli_json_print(w);
}

// ---- command ------------------------------------------------------------------------------------------------------

static vc_status write_trace(vc_arena *arena, const char *path, const struct vc_bench_result *results, uint32_t n) {
  const char *text;
  size_t n_bytes;
  VC_TRY(vc_bench_trace(arena, results, n, &text, &n_bytes));
  return vc_file_write(path, text, n_bytes);
}

static vc_status bench(vc_arena *arena, const struct cli_args *args) {
  struct cli_workloads plan;
  struct vc_bench_ceilings ceilings;
  struct vc_bench_result results[CLI_MAX_WORKLOADS];
  uint64_t n_steps = 0;
  const bool is_json = cli_has(args, "json");
  VC_TRY(cli_whole(args, "steps", 1, 100000, &n_steps));
  VC_TRY(cli_workloads(arena, "bench", args, &plan));
  struct vc_gpu *gpu;
  VC_TRY(vc_gpu_open(arena, plan.configs[0].device, &gpu));
  cli_progress_begin(cli_has(args, "quiet"));
  cli_catch_signals();
  const struct vc_device_info *device = vc_gpu_info(gpu);
  VC_TRY(vc_bench_ceilings(gpu, &ceilings));
  for (uint32_t i = 0; i < plan.n; i++) {
    VC_TRY(vc_bench(arena, gpu, &plan.configs[i], plan.work[i], (uint32_t)n_steps, cli_progress, NULL, &results[i]));
  }
  cli_progress_end();
  if (cli_value(args, "trace")) VC_TRY(write_trace(arena, cli_value(args, "trace"), results, plan.n));
  if (is_json) return print_json(arena, device, &ceilings, results, plan.n);
  printf("%s, %s\nceilings: %.1f GFLOP/s multiply-adds, %.1f GB/s copying", device->name, device->driver,
         ceilings.flops_per_second * 1e-9, ceilings.bytes_per_second * 1e-9);
  if (ceilings.matrix_flops_per_second > 0)
    printf(", %.1f TFLOP/s matrix units", ceilings.matrix_flops_per_second * 1e-12);
  printf("\n");
  for (uint32_t i = 0; i < plan.n; i++) VC_TRY(print_result(arena, &results[i], &ceilings));
  return VC_OK;
}

const struct cli_command cmd_bench = {
    .name = "bench",
    .arguments = "",
    .summary = "Measure training steps and prediction, kernel by kernel.",
    .notes =
        "Without --config: a supervised step, a UDA step and prediction with base 16 on 256x256 pixels, batch 1. With "
        "it:\n"
        "the step of that configuration (as with --set method=iic), and prediction by its network. No image is read: "
        "pixels are made in memory,\n"
        "of the crop's size (512x512 where it is null).\n"
        "Times are medians. peak and copy are shares of the two ceilings, which are measured first; floor is the time\n"
        "that the ceilings allow. Caches may lift GB/s above the copy of large buffers.",
    .options =
        {{.name = "config", .value = "CONFIG.json", .help = "Measure the step that this configuration trains with"},
         {.name = "set",
          .value = "KEY=VALUE",
          .help = "Change a key of the configuration: model.base=64",
          .repeats = true},
         {.name = "steps", .value = "N", .help = "Steps to measure (as many as 3 seconds hold, 3 to 50)"},
         {.name = "json", .help = "Print one JSON object"},
         {.name = "trace", .value = "FILE", .help = "Also write a trace for chrome://tracing or Perfetto"},
         {.name = "device", .value = "DEVICE", .help = "Index, UUID or part of a name (vulcyte devices lists them)"},
         {.name = "variant", .value = "JOB=NAME", .help = CLI_VARIANT_HELP, .repeats = true},
         {.name = "quiet", .help = "Show no progress"}},
    .run = bench};
