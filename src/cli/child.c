// Running the program itself as a child, and keeping a folder to one process and its children.
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#elif defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

enum { MAX_LOG_BYTES = 64 << 20 };

static vc_status own_path(char *out, size_t n_bytes) {
#if defined(__linux__)
  if (access("/proc/self/exe", X_OK) == 0) {
    snprintf(out, n_bytes,
             "/proc/self/exe"); // in the child, too, it leads to this program, even when replaced meanwhile
    return VC_OK;
  }
#elif defined(__APPLE__)
  uint32_t n = (uint32_t)n_bytes;
  if (_NSGetExecutablePath(out, &n) == 0) return VC_OK;
#else
  (void)out;
  (void)n_bytes;
#endif
  return VC_FAIL(VC_E_UNSUPPORTED, "--jobs: the program cannot find its own file here; use --jobs 1");
}

// In the child, between fork and exec.
static void become(const char *program, char *const *words, int log_fd, pid_t parent) {
#if defined(__linux__)
  prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
  if (getppid() != parent) _exit(130);
  setpgid(0, 0); // the terminal's Ctrl-C goes to the parent, which passes it on once
  int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  dup2(log_fd, STDOUT_FILENO);
  dup2(log_fd, STDERR_FILENO);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  execv(program, words);
  _exit(127);
}

vc_status cli_child_start(const char *const *words, const char *log_path, struct cli_child *out) {
  char program[4096], *argv[CLI_MAX_WORDS + 2];
  int n = 0;
  VC_TRY(own_path(program, sizeof program));
  argv[n++] = program;
  for (; *words; words++) {
    VC_ASSERT(n <= CLI_MAX_WORDS);
    memcpy(&argv[n++], words, sizeof *words); // execv takes them as char *, and leaves them alone
  }
  argv[n] = NULL;
  int log_fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (log_fd < 0) return VC_FAIL(VC_E_IO, "%s: cannot be written: %s", log_path, strerror(errno));
  fflush(NULL);
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) become(program, argv, log_fd, parent);
  int reason = errno;
  close(log_fd);
  if (pid < 0) return VC_FAIL(VC_E_IO, "--jobs: no further process can be started: %s", strerror(reason));
  *out = (struct cli_child){.pid = (int)pid, .log_path = log_path};
  return VC_OK;
}

bool cli_child_ended(const struct cli_child *child, int *out_code) {
  int how = 0;
  if (waitpid((pid_t)child->pid, &how, WNOHANG) == 0) return false;
  *out_code = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
  return true;
}

void cli_child_stop(const struct cli_child *child) {
  kill((pid_t)child->pid, SIGINT);
}

vc_status cli_child_message(vc_arena *arena, const struct cli_child *child, int code, char **out) {
  static const char mark[] = "vulcyte: error: ";
  uint8_t *log;
  size_t n_bytes;
  char *found = NULL;
  if (vc_file_read(arena, child->log_path, MAX_LOG_BYTES, &log, &n_bytes) == VC_OK) {
    for (char *at = (char *)log; (at = strstr(at, mark)); at += sizeof mark - 1) found = at + sizeof mark - 1;
  }
  if (found) {
    found[strcspn(found, "\n")] = '\0';
    *out = found;
    return VC_OK;
  }
  if (code > 128)
    return vc_arena_printf(arena, out, "ended by signal %d; %s has what it said", code - 128, child->log_path);
  return vc_arena_printf(arena, out, "ended with exit code %d; %s has what it said", code, child->log_path);
}

vc_status cli_lock_folder(vc_arena *arena, const char *dir, double seconds) {
  char *path;
  bool is_locked;
  VC_TRY(vc_path_make_dirs(dir));
  VC_TRY(vc_path_join(arena, dir, ".lock", &path));
  VC_TRY(vc_file_lock(arena, path, seconds, &is_locked));
  if (is_locked) return VC_OK;
  return VC_FAIL(VC_E_INPUT, "%s: another process is at work in this folder; wait for it, or name another one", dir);
}
