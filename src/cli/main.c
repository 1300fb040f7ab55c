// The program: finds the command, runs it, prints its failure, gives the exit code.
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const struct cli_command *const commands[] = {&cmd_devices, &cmd_synth,  &cmd_train, &cmd_evaluate,
                                                     &cmd_predict, &cmd_report, &cmd_bench, &cmd_import,
                                                     &cmd_doctor,  &cmd_sweep,  &cmd_tune,  &cmd_export};

static void print_help(void) {
  printf("vulcyte trains networks that segment microscopy images, on any Vulkan device.\n\n"
         "Usage: vulcyte COMMAND ...\n\nCommands:\n");
  for (size_t i = 0; i < VC_COUNT_OF(commands); i++) {
    char left[64];
    snprintf(left, sizeof left, "%s %s", commands[i]->name, commands[i]->arguments);
    printf("  %-34s %s\n", left, commands[i]->summary);
  }
  printf("\nvulcyte COMMAND --help describes a command. vulcyte --version prints the version.\n"
         "Exit codes: 0 done, 1 failed while running, 2 wrong usage, configuration or input, 3 no usable device, "
         "130 interrupted.\n");
}

static vc_status fail_unknown(const char *name) {
  const char *names[VC_COUNT_OF(commands)];
  for (size_t i = 0; i < VC_COUNT_OF(commands); i++) names[i] = commands[i]->name;
  const char *nearest = cli_nearest(name, names, (uint32_t)VC_COUNT_OF(names));
  if (nearest) return VC_FAIL(VC_E_USAGE, "%.100s: no such command; did you mean vulcyte %s?", name, nearest);
  return VC_FAIL(VC_E_USAGE, "%.100s: no such command; vulcyte --help lists them", name);
}

static vc_status run_command(const struct cli_command *command, int n, const char *const *words) {
  vc_arena *arena;
  struct cli_args args;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = cli_parse(arena, command, n, words, &args);
  if (status == VC_OK && args.wants_help)
    cli_print_help(command);
  else if (status == VC_OK)
    status = command->run(arena, &args);
  cli_progress_end();
  vc_arena_destroy(arena);
  return status;
}

static vc_status dispatch(int n, const char *const *words) {
  if (n == 0) return VC_FAIL(VC_E_USAGE, "no command given; vulcyte --help lists them");
  const char *name = words[0];
  bool is_help = strcmp(name, "help") == 0;
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (is_help && n == 1)) {
    print_help();
    return VC_OK;
  }
  if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
    printf("vulcyte %s\n", VC_VERSION);
    return VC_OK;
  }
  if (is_help) name = words[1];
  for (size_t i = 0; i < VC_COUNT_OF(commands); i++) {
    if (strcmp(commands[i]->name, name) != 0) continue;
    if (!is_help) return run_command(commands[i], n - 1, words + 1);
    cli_print_help(commands[i]);
    return VC_OK;
  }
  return fail_unknown(name);
}

// Started with a standard stream closed, the next file opened would get its number and the program's texts. A stream
// opened the wrong way round keeps the number taken and still fails when it is used.
static void keep_standard_streams(void) {
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0) return;
  }
}

int main(int argc, char **argv) {
  keep_standard_streams();
  vc_status status = dispatch(argc > 0 ? argc - 1 : 0, (const char *const *)argv + 1);
  if (status == VC_OK && (fflush(stdout) != 0 || ferror(stdout))) {
    status = VC_FAIL(VC_E_IO, "standard output: cannot be written; is the disk full or the pipe closed?");
  }
  if (status != VC_OK) fprintf(stderr, "vulcyte: error: %s\n", vc_error_message());
  return vc_status_exit_code(status);
}
