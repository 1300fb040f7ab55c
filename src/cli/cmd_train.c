// vulcyte train
#include "cli.h"

#include "vulcyte/gpu.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static bool is_empty_folder(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) return false;
  bool is_empty = true;
  for (const struct dirent *e; is_empty && (e = readdir(dir));) {
    is_empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
  }
  closedir(dir);
  return is_empty;
}

static vc_status check_folder(const char *out_dir, bool resume) {
  if (vc_path_exists(out_dir) && !vc_path_is_dir(out_dir))
    return VC_FAIL(VC_E_USAGE, "%s: is a file; choose another folder with --out", out_dir);
  VC_TRY(vc_path_check_dirs(out_dir));
  if (!vc_path_exists(out_dir)) return VC_OK;
  if (resume || is_empty_folder(out_dir)) return VC_OK;
  return VC_FAIL(VC_E_USAGE,
                 "%s: the folder is not empty; go on with its run by --resume, or choose another with --out", out_dir);
}

// The first line of a run, shown when it is under way, so that a wrong input gives nothing but its error.
struct headline {
  const struct vc_config *config;
  const char *device, *out_dir;
  bool is_shown;
};

static const char *const methods[] = {
    [VC_METHOD_SUPERVISED] = "supervised", [VC_METHOD_UDA] = "uda", [VC_METHOD_IIC] = "iic"};

static bool show_progress(void *context, const struct vc_progress *progress) {
  struct headline *h = context;
  if (!h->is_shown) {
    vc_log(VC_LOG_INFO, "%s: method %s on %s, into %s", h->config->name, methods[h->config->method], h->device,
           h->out_dir);
  }
  h->is_shown = true;
  return cli_progress(NULL, progress);
}

static vc_status train(vc_arena *arena, const struct cli_args *args) {
  struct vc_config config;
  const char **sets, *out_dir = cli_value(args, "out");
  uint32_t n_sets;
  bool resume = cli_has(args, "resume");
  VC_TRY(cli_values(arena, args, "set", &sets, &n_sets));
  VC_TRY(vc_config_load(arena, args->arguments[0], sets, n_sets, &config));
  VC_TRY(cli_variants(arena, args, &config.variants));
  if (cli_value(args, "device")) config.device = cli_value(args, "device");
  if (!out_dir) {
    char *path;
    VC_TRY(vc_path_join(arena, "runs", config.name, &path));
    out_dir = path;
  }
  VC_TRY(check_folder(out_dir, resume));
  cli_progress_begin(cli_has(args, "quiet"));
  struct vc_gpu *gpu;
  VC_TRY(vc_gpu_open(arena, config.device, &gpu));
  cli_catch_signals();
  struct headline headline = {.config = &config, .device = vc_gpu_info(gpu)->name, .out_dir = out_dir};
  struct vc_train_options options = {.out_dir = out_dir,
                                     .resume = resume,
                                     .skip_bad = cli_has(args, "skip-bad"),
                                     .progress = show_progress,
                                     .context = &headline};
  vc_status status = vc_train(gpu, &config, &options);
  cli_progress_end();
  VC_TRY(status);
  if (!cli_has(args, "quiet")) printf("%s/report.html\n", out_dir);
  return VC_OK;
}

const struct cli_command cmd_train = {
    .name = "train",
    .arguments = "CONFIG.json",
    .summary = "Train a network as a configuration says, test it, write a run folder.",
    .notes = "Paths in the configuration, and those given with --set, are relative to its folder. Where training stops "
             "early\n"
             "(Ctrl-C, a crash, a power cut), the same command with --resume goes on and ends with the same bits.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = {{.name = "set",
                 .value = "KEY=VALUE",
                 .help = "Change a key of the configuration: train.epochs=20",
                 .repeats = true},
                {.name = "out", .value = "DIR", .help = "Run folder, by default runs/NAME"},
                {.name = "device",
                 .value = "DEVICE",
                 .help = "Index, UUID or part of a name (vulcyte devices lists them)"},
                {.name = "resume", .help = "Go on with the run in that folder"},
                {.name = "variant", .value = "JOB=NAME", .help = CLI_VARIANT_HELP, .repeats = true},
                {.name = "skip-bad", .help = "Leave out images that cannot be read"},
                {.name = "quiet", .help = "Show warnings and errors only"}},
    .run = train};
