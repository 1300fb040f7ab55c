// What the commands share: option tables, from which parsing and --help come, progress, interruption.
//
// A command is a `const struct cli_command` in its cmd_*.c, listed in main.c. Its run prints results to stdout, and
// returns a failure instead of printing it: main does that, and turns the status into the exit code.
#ifndef VC_CLI_CLI_H
#define VC_CLI_CLI_H

#include "vulcyte/bench.h"
#include "vulcyte/gpu.h"
#include "vulcyte/train.h"
#include "vulcyte/variant.h"

enum { CLI_MAX_OPTIONS = 16 };

struct cli_option {
  const char *name;  // without dashes; NULL ends the table
  const char *value; // placeholder in the help ("DIR"); NULL: a switch
  const char *help;
  bool repeats;
};

struct cli_args;
struct cli_command {
  const char *name;      // "train"
  const char *arguments; // "CONFIG.json"
  const char *summary;   // one line
  const char *notes;     // further text of the help, or NULL
  uint32_t min_arguments, max_arguments;
  struct cli_option options[CLI_MAX_OPTIONS];
  vc_status (*run)(vc_arena *arena, const struct cli_args *args);
};

struct cli_args {
  const struct cli_command *command;
  const char **arguments; // what is no option, in order
  uint32_t n_arguments;
  const struct cli_option **given; // option and value as they came
  const char **values;
  uint32_t n_given;
  bool wants_help;
};

// Understands "--name value", "--name=value", "--" (only arguments follow). Unknown names, missing values and a wrong
// number of arguments are VC_E_USAGE with the nearest name or the usage line.
vc_status cli_parse(vc_arena *arena, const struct cli_command *command, int n, const char *const *words,
                    struct cli_args *out);
bool cli_has(const struct cli_args *args, const char *name);
const char *cli_value(const struct cli_args *args, const char *name); // the last one given; NULL: not given
vc_status cli_values(vc_arena *arena, const struct cli_args *args, const char *name, const char ***out,
                     uint32_t *out_n);
// A whole number from lo to hi; *out keeps its value where the option was not given.
vc_status cli_whole(const struct cli_args *args, const char *name, uint64_t lo, uint64_t hi, uint64_t *out);
vc_status cli_required(const struct cli_args *args, const char *name, const char **out);
void cli_print_help(const struct cli_command *command);
// The nearest of n names to a misspelt one, NULL where none is near.
const char *cli_nearest(const char *name, const char *const *names, uint32_t n);
// A small training step, planned for the device but not run: which kernel each job would get.
vc_status cli_plan_step(vc_arena *arena, const struct vc_caps *caps, vc_exec **out);
// Fails where an entry "JOB=NAME" or "JOB=-NAME" names no job or no kernel of it.
vc_status cli_check_variants(const char *command, const char *const *entries, uint32_t n);
#define CLI_VARIANT_HELP "Force a kernel (conv2d_fwd=naive) or exclude one (conv2d_fwd=-tiled)"
// All --variant options as one list, NULL where there are none. VC_E_USAGE unless JOB=NAME or JOB=-NAME.
vc_status cli_variants(vc_arena *arena, const struct cli_args *args, const char **out);
// What bench and tune work on: with --config, or a method by --set whose defaults are its own (iic), that training
// step; else one of each other method; and prediction by the same network.
enum { CLI_MAX_WORKLOADS = 3 };
struct cli_workloads {
  struct vc_config configs[CLI_MAX_WORKLOADS];
  enum vc_bench_work work[CLI_MAX_WORKLOADS];
  uint32_t n;
};
vc_status cli_workloads(vc_arena *arena, const char *command, const struct cli_args *args, struct cli_workloads *out);
// The JSON of what was found on a device: an object with version and device, which is left open; the end, and to
// stdout.
vc_status cli_json_begin(vc_arena *arena, const struct vc_device_info *device, vc_json_writer **out);
vc_status cli_json_print(vc_json_writer *w);
// MODEL: a .safetensors file, or the folder of a run, which stands for the best-final or best-supervised state,
// whichever has the higher validation IoU.
vc_status cli_model_path(vc_arena *arena, const char *argument, char **out);
vc_status cli_use_head(const struct cli_args *args, vc_predictor *predictor); // --head, where it is given
vc_status cli_check_model(const char *path); // reads it, so that a wrong file shows before a device is opened

// ---- progress (progress.c) ------------------------------------------------------------------------------------------

// Shows progress on stderr: one live line on a terminal, else a line now and then; nothing when quiet. Also becomes the
// sink of vc_log: warnings always, other lines unless quiet.
void cli_progress_begin(bool quiet);
// A vc_progress_fn; false once the user has asked to stop.
bool cli_progress(void *context, const struct vc_progress *progress);
void cli_progress_end(void); // leaves the terminal at the start of a line
// From here on SIGINT and SIGTERM ask to stop (the second time the program ends at once).
void cli_catch_signals(void);
bool cli_interrupted(void);

// ---- children (child.c) ---------------------------------------------------------------------------------------------

// This program itself, run again with words (NULL ends them); what it prints goes to the file log_path. It is asked to
// stop when this process dies.
enum { CLI_MAX_WORDS = 64 };
struct cli_child {
  int pid;
  const char *log_path;
};
vc_status cli_child_start(const char *const *words, const char *log_path, struct cli_child *out);
// Has it ended? *out_code: its exit code, or 128 plus the number of the signal that killed it.
bool cli_child_ended(const struct cli_child *child, int *out_code);
void cli_child_stop(const struct cli_child *child); // as Ctrl-C does
// The error that it ended with, as text without the program's name.
vc_status cli_child_message(vc_arena *arena, const struct cli_child *child, int code, char **out);
// Keeps others out of the folder while this process or a child of it lives. VC_E_INPUT if they do not go within
// seconds.
vc_status cli_lock_folder(vc_arena *arena, const char *dir, double seconds);

extern const struct cli_command cmd_devices, cmd_synth, cmd_train, cmd_evaluate, cmd_predict, cmd_report, cmd_bench,
    cmd_import, cmd_doctor, cmd_sweep, cmd_tune, cmd_export;

#endif
