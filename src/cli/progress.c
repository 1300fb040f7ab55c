// What long work shows, and how it is stopped.
#include "cli.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINE_BYTES = 256 };
static const double live_interval = 0.1, plain_interval = 5;

// vc_log calls from worker threads come one at a time, and only this file writes to stderr while work is under way.
static struct {
  bool is_quiet, is_live, is_coloured;
  int n_shown; // columns of the live line on the terminal
  double last_shown;
  char warned[LINE_BYTES]; // the last warning, without its epoch; repetitions are not shown, log.jsonl has them
} state;

static volatile sig_atomic_t n_signals;

static void on_signal(int number) {
  (void)number;
  if (n_signals > 0) _exit(130);
  n_signals = 1;
}

void cli_catch_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

bool cli_interrupted(void) {
  return n_signals > 0;
}

static void clear_line(void) {
  if (state.n_shown > 0) fprintf(stderr, "\r%*s\r", state.n_shown, "");
  state.n_shown = 0;
}

static const char *after_epoch(const char *line) {
  const char *colon = strncmp(line, "epoch ", 6) == 0 ? strchr(line, ':') : NULL;
  return colon ? colon : line;
}

static void show_log(void *context, enum vc_log_level level, const char *line) {
  (void)context;
  if (level == VC_LOG_DEBUG || (level == VC_LOG_INFO && state.is_quiet)) return;
  if (level == VC_LOG_WARNING && strncmp(after_epoch(line), state.warned, LINE_BYTES - 1) == 0) return;
  clear_line();
  if (level == VC_LOG_WARNING) {
    snprintf(state.warned, LINE_BYTES, "%s", after_epoch(line));
    fprintf(stderr, "vulcyte: %swarning:%s %s\n", state.is_coloured ? "\033[33m" : "",
            state.is_coloured ? "\033[0m" : "", line);
  } else {
    fprintf(stderr, "%s\n", line);
  }
}

void cli_progress_begin(bool quiet) {
  const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
  bool is_terminal = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
  state.is_quiet = quiet;
  state.is_live = is_terminal && !quiet;
  state.is_coloured = is_terminal && !(no_colour && *no_colour);
  state.last_shown = -INFINITY;
  vc_log_set_sink(show_log, NULL);
}

static size_t add(char *line, size_t n, const char *fmt, ...) VC_PRINTF(3, 4);
static size_t add(char *line, size_t n, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int more = n < LINE_BYTES ? vsnprintf(line + n, LINE_BYTES - n, fmt, args) : 0;
  va_end(args);
  return VC_MIN(n + (size_t)VC_MAX(more, 0), (size_t)LINE_BYTES - 1);
}

static size_t add_time(char *line, size_t n, double seconds) {
  if (seconds < 90) return add(line, n, ", %.0f s left", seconds);
  if (seconds < 5400) return add(line, n, ", %.0f min left", seconds / 60);
  return add(line, n, ", %.1f h left", seconds / 3600);
}

static void describe(const struct vc_progress *p, char line[LINE_BYTES]) {
  size_t n = add(line, 0, "%s %llu/%llu", p->phase, (unsigned long long)p->done, (unsigned long long)p->total);
  if (p->n_epochs > 0) {
    n = add(line, n, ", epoch %u/%u", p->epoch, p->n_epochs);
    if (p->steps_per_second > 0 && isfinite(p->steps_per_second))
      n = add(line, n, ", %.3g steps/s", p->steps_per_second);
  }
  if (p->seconds_left > 0 && isfinite(p->seconds_left)) n = add_time(line, n, p->seconds_left);
  if (isfinite(p->loss_supervised)) n = add(line, n, ", loss %.4f", p->loss_supervised);
  if (isfinite(p->loss_unsupervised)) n = add(line, n, " + %.4f", p->loss_unsupervised);
  if (isfinite(p->mean_iou)) add(line, n, ", IoU %.3f", p->mean_iou);
}

static void show_live(const char *line) {
  struct winsize size;
  int n = (int)strlen(line), width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
  if (width < 20) width = 80;
  n = VC_MIN(n, width - 1); // a line that wraps could not be taken back
  fprintf(stderr, "\r%.*s%*s", n, line, VC_MAX(state.n_shown - n, 0), "");
  state.n_shown = n;
  fflush(stderr);
}

bool cli_progress(void *context, const struct vc_progress *progress) {
  (void)context;
  double now = vc_time_seconds();
  bool is_last = progress->done >= progress->total;
  double wait = state.is_live ? live_interval : plain_interval;
  if (!state.is_quiet && (now - state.last_shown >= wait || (is_last && state.is_live))) {
    char line[LINE_BYTES];
    describe(progress, line);
    if (state.is_live)
      show_live(line);
    else
      fprintf(stderr, "%s\n", line);
    state.last_shown = now;
  }
  return !cli_interrupted();
}

void cli_progress_end(void) {
  if (state.n_shown > 0) fputc('\n', stderr);
  state.n_shown = 0;
}
