// vulcyte sweep
#include "cli.h"

#include "vulcyte/gpu.h"
#include "vulcyte/sweep.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MAX_JOBS = 64, MAX_VARIANTS = 24 };
static const double lock_seconds = 30; // time for what a killed sweep left behind to save its state

struct work {
  vc_arena *arena;
  struct vc_sweep *sweep;
  const char *only; // part of the names of the runs to train; NULL: all
  bool is_quiet;
  const char **variants; // --variant options, for children
  uint32_t n_variants;
};

static bool is_wanted(const struct work *work, uint32_t run) {
  const struct vc_sweep_run *r = &work->sweep->runs[run];
  return r->state != VC_SWEEP_DONE && (!work->only || strstr(r->name, work->only));
}

// ---- what is shown --------------------------------------------------------------------------------------------------

static void show_end(struct work *work, uint32_t run) {
  const struct vc_sweep *s = work->sweep;
  const struct vc_sweep_run *r = &s->runs[run];
  uint32_t n_over = 0;
  for (uint32_t i = 0; i < s->n_runs; i++) n_over += s->runs[i].state >= VC_SWEEP_DONE;
  if (r->state == VC_SWEEP_DONE)
    vc_log(VC_LOG_INFO, "[%u/%u] %s: test IoU %.4f best-supervised, %.4f best-final", n_over, s->n_runs, r->name,
           r->mean_iou[0], r->mean_iou[1]);
  else if (r->state == VC_SWEEP_FAILED)
    vc_log(VC_LOG_WARNING, "[%u/%u] %s: failed: %s", n_over, s->n_runs, r->name, r->message);
}

static vc_status end_run(struct work *work, uint32_t run, vc_status status, const char *message) {
  VC_TRY(vc_sweep_run_end(work->sweep, run, status, message));
  show_end(work, run);
  return vc_sweep_write(work->sweep);
}

static vc_status fail_interrupted(const struct work *work) {
  uint32_t n_done = 0;
  for (uint32_t i = 0; i < work->sweep->n_runs; i++) n_done += work->sweep->runs[i].state == VC_SWEEP_DONE;
  return VC_FAIL(VC_E_INTERRUPTED, "%s: interrupted, %u of %u runs are done; the same command with --resume goes on",
                 work->sweep->out_dir, n_done, work->sweep->n_runs);
}

// ---- one run at a time, in this process
// -------------------------------------------------------------------------------

// A device of its own for each run: one that is lost takes no other run with it.
static vc_status train_here(vc_arena *arena, const struct vc_sweep_run *run) {
  struct vc_gpu *gpu;
  VC_TRY(vc_gpu_open(arena, run->config.device, &gpu));
  const struct vc_train_options options = {.out_dir = run->dir, .resume = true, .progress = cli_progress};
  return vc_train(gpu, &run->config, &options);
}

static vc_status run_here(struct work *work, uint32_t run) {
  vc_arena *arena;
  VC_TRY(vc_sweep_run_begin(work->sweep, run));
  vc_log(VC_LOG_INFO, "%s", work->sweep->runs[run].name);
  VC_TRY(vc_arena_create(&arena));
  vc_status status = train_here(arena, &work->sweep->runs[run]);
  vc_arena_destroy(arena);
  cli_progress_end();
  if (status == VC_E_NO_DEVICE) return status; // nor would the others find one
  return end_run(work, run, status, vc_error_message());
}

static vc_status run_in_turn(struct work *work) {
  for (uint32_t i = 0; i < work->sweep->n_runs; i++) {
    if (cli_interrupted()) return fail_interrupted(work);
    if (is_wanted(work, i)) VC_TRY(run_here(work, i));
  }
  return cli_interrupted() ? fail_interrupted(work) : VC_OK;
}

// ---- several at a time, as children
// -----------------------------------------------------------------------------------

struct job {
  struct cli_child child;
  uint32_t run;
  bool is_running;
};

static vc_status start_job(struct work *work, uint32_t run, struct job *job) {
  const struct vc_sweep_run *r = &work->sweep->runs[run];
  char *config, *log;
  VC_TRY(vc_sweep_run_begin(work->sweep, run));
  VC_TRY(vc_path_join(work->arena, r->dir, "config.json", &config));
  VC_TRY(vc_path_join(work->arena, r->dir, "output.txt", &log));
  const char *words[CLI_MAX_WORDS + 1] = {"train", "--out", r->dir, "--resume", "--quiet"};
  uint32_t n = 5;
  for (uint32_t i = 0; i < work->n_variants; i++) {
    words[n++] = "--variant";
    words[n++] = work->variants[i];
  }
  words[n++] = "--";
  words[n] = config;
  VC_TRY(cli_child_start(words, log, &job->child));
  vc_log(VC_LOG_INFO, "%s: begun", r->name);
  job->run = run;
  job->is_running = true;
  return VC_OK;
}

static vc_status end_job(struct work *work, struct job *job, int code) {
  char *message;
  job->is_running = false;
  if (code == 0) return end_run(work, job->run, VC_OK, "");
  if (code == 130 && cli_interrupted()) return end_run(work, job->run, VC_E_INTERRUPTED, "");
  VC_TRY(cli_child_message(work->arena, &job->child, code, &message));
  if (code == 3) return VC_FAIL(VC_E_NO_DEVICE, "%s", message);
  return end_run(work, job->run, VC_E_PARTIAL, message);
}

// The next run to start, from *inout_next on; n_runs when there is none.
static uint32_t next_run(const struct work *work, uint32_t *inout_next) {
  const uint32_t n = work->sweep->n_runs;
  while (*inout_next < n && !is_wanted(work, *inout_next)) ++*inout_next;
  return *inout_next < n ? (*inout_next)++ : n;
}

// One look at every job; *out_n_running: how many are at work after it.
static vc_status turn(struct work *work, struct job *jobs, uint32_t n_jobs, uint32_t *inout_next,
                      uint32_t *out_n_running) {
  *out_n_running = 0;
  for (uint32_t i = 0; i < n_jobs; i++) {
    int code = 0;
    if (jobs[i].is_running && cli_child_ended(&jobs[i].child, &code)) VC_TRY(end_job(work, &jobs[i], code));
    if (!jobs[i].is_running && !cli_interrupted()) {
      uint32_t run = next_run(work, inout_next);
      if (run < work->sweep->n_runs) VC_TRY(start_job(work, run, &jobs[i]));
    }
    *out_n_running += jobs[i].is_running;
  }
  return VC_OK;
}

static void stop_jobs(struct job *jobs, uint32_t n_jobs) {
  for (uint32_t i = 0; i < n_jobs; i++) {
    if (jobs[i].is_running) cli_child_stop(&jobs[i].child);
  }
}

static void nap(void) {
  nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

static vc_status run_side_by_side(struct work *work, uint32_t n_jobs) {
  struct job jobs[MAX_JOBS] = {0};
  uint32_t next = 0, n_running = 1;
  bool is_stopping = false;
  vc_status status = VC_OK;
  while (status == VC_OK && n_running > 0) {
    if (cli_interrupted() && !is_stopping) stop_jobs(jobs, n_jobs);
    is_stopping = cli_interrupted();
    status = turn(work, jobs, n_jobs, &next, &n_running);
    if (n_running > 0) nap();
  }
  if (status == VC_OK) return cli_interrupted() ? fail_interrupted(work) : VC_OK;
  if (!is_stopping) stop_jobs(jobs, n_jobs);
  for (uint32_t i = 0; i < n_jobs; i++) {
    int code = 0;
    while (jobs[i].is_running && !cli_child_ended(&jobs[i].child, &code)) nap();
  }
  return status;
}

// ---- the command
// ------------------------------------------------------------------------------------------------------

static vc_status load(vc_arena *arena, const struct cli_args *args, struct vc_sweep *sweep) {
  const char **sets, *out_dir = cli_value(args, "out"), *device = cli_value(args, "device"), *variants;
  char *stem, *path;
  uint32_t n_sets;
  VC_TRY(cli_values(arena, args, "set", &sets, &n_sets));
  VC_TRY(cli_variants(arena, args, &variants));
  VC_TRY(vc_path_stem(arena, args->arguments[0], &stem));
  VC_TRY(vc_path_join(arena, "sweeps", stem, &path));
  VC_TRY(vc_sweep_load(arena, args->arguments[0], sets, n_sets, out_dir ? out_dir : path, sweep));
  for (uint32_t i = 0; i < sweep->n_runs; i++) {
    sweep->runs[i].config.variants = variants;
    if (device) sweep->runs[i].config.device = device;
  }
  return VC_OK;
}

static vc_status check_only(const struct work *work) {
  const struct vc_sweep *s = work->sweep;
  for (uint32_t i = 0; i < s->n_runs; i++) {
    if (!work->only || strstr(s->runs[i].name, work->only)) return VC_OK;
  }
  return VC_FAIL(VC_E_USAGE, "--only %.100s: is in no run's name; --dry-run lists them, the first is %s", work->only,
                 s->runs[0].name);
}

// The names of the runs with their states, on standard output.
static vc_status list_runs(const struct work *work) {
  static const char *const words[] = {"open", "begun", "done", "failed"};
  const struct vc_sweep *s = work->sweep;
  VC_TRY(vc_sweep_look(work->sweep));
  for (uint32_t i = 0; i < s->n_runs; i++) {
    if (!work->only || strstr(s->runs[i].name, work->only))
      printf("%s\t%s\n", s->runs[i].name, words[s->runs[i].state]);
  }
  return VC_OK;
}

static vc_status prepare(vc_arena *arena, const struct cli_args *args, struct vc_sweep *sweep) {
  uint32_t n_done = 0, n_begun = 0;
  VC_TRY(cli_lock_folder(arena, sweep->out_dir, lock_seconds));
  VC_TRY(vc_sweep_look(sweep));
  for (uint32_t i = 0; i < sweep->n_runs; i++) {
    n_done += sweep->runs[i].state == VC_SWEEP_DONE;
    n_begun += sweep->runs[i].state == VC_SWEEP_BEGUN;
  }
  if (n_done + n_begun > 0 && !cli_has(args, "resume"))
    return VC_FAIL(VC_E_USAGE, "%s: holds runs of this sweep already; go on with --resume, or choose another --out",
                   sweep->out_dir);
  cli_progress_begin(cli_has(args, "quiet"));
  if (sweep->n_left_out > 0)
    vc_log(VC_LOG_WARNING, "left out: %u combinations of method \"uda\" with every training image labelled",
           sweep->n_left_out);
  vc_log(VC_LOG_INFO, "%u combinations are %u runs: %u done, %u begun", sweep->n_combinations - sweep->n_left_out,
         sweep->n_runs, n_done, n_begun);
  return vc_sweep_write(sweep);
}

static vc_status summarise(const struct work *work) {
  const struct vc_sweep *s = work->sweep;
  uint32_t n_failed = 0;
  char *report;
  VC_TRY(vc_path_join(work->arena, s->out_dir, "report.html", &report));
  VC_TRY(vc_sweep_write_report(s, report));
  if (!work->is_quiet) printf("%s/results.md\n", s->out_dir);
  if (!work->is_quiet && vc_path_exists(report)) printf("%s\n", report);
  for (uint32_t i = 0; i < s->n_runs; i++) n_failed += s->runs[i].state == VC_SWEEP_FAILED;
  if (n_failed == 0) return VC_OK;
  return VC_FAIL(VC_E_PARTIAL, "%s: %u of %u runs failed; results.md there says why, and --resume tries them again",
                 s->out_dir, n_failed, s->n_runs);
}

static vc_status sweep(vc_arena *arena, const struct cli_args *args) {
  struct vc_sweep sweep;
  struct work work = {
      .arena = arena, .sweep = &sweep, .only = cli_value(args, "only"), .is_quiet = cli_has(args, "quiet")};
  uint64_t n_jobs = 1;
  VC_TRY(cli_values(arena, args, "variant", &work.variants, &work.n_variants));
  if (work.n_variants > MAX_VARIANTS)
    return VC_FAIL(VC_E_USAGE, "sweep: --variant may be given %d times; set VULCYTE_VARIANTS instead", MAX_VARIANTS);
  VC_TRY(cli_whole(args, "jobs", 1, MAX_JOBS, &n_jobs));
  VC_TRY(load(arena, args, &sweep));
  VC_TRY(check_only(&work));
  if (cli_has(args, "dry-run")) return list_runs(&work);
  VC_TRY(prepare(arena, args, &sweep));
  cli_catch_signals();
  VC_TRY(n_jobs == 1 ? run_in_turn(&work) : run_side_by_side(&work, (uint32_t)n_jobs));
  return summarise(&work);
}

const struct cli_command cmd_sweep = {
    .name = "sweep",
    .arguments = "GRID.json",
    .summary = "Train a grid of configurations, and compare them.",
    .notes =
        "GRID.json holds \"base\" (a configuration) or \"config\" (the name of one) and \"grid\": keys, each with the "
        "list\n"
        "of its values. Every combination is a run in its own folder; combinations that train the same are one run.\n"
        "docs/formats.md has the details. A run that fails does not stop the others. Where the sweep stops early, the\n"
        "same command with --resume goes on: what is done stays, what was begun is finished.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options =
        {{.name = "set", .value = "KEY=VALUE", .help = "Change a key in every run: train.epochs=20", .repeats = true},
         {.name = "out", .value = "DIR", .help = "Folder of the sweep, by default sweeps/NAME"},
         {.name = "jobs", .value = "N", .help = "Trainings at a time, by default 1"},
         {.name = "device", .value = "DEVICE", .help = "Index, UUID or part of a name"},
         {.name = "only", .value = "TEXT", .help = "Train the runs whose names hold TEXT; the others stay open"},
         {.name = "dry-run", .help = "List the runs and their states; train nothing, write nothing"},
         {.name = "variant", .value = "JOB=NAME", .help = CLI_VARIANT_HELP, .repeats = true},
         {.name = "resume", .help = "Go on with the sweep in that folder"},
         {.name = "quiet", .help = "Show warnings and errors only"}},
    .run = sweep};
