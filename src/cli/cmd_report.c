// vulcyte report
#include "cli.h"

#include <stdio.h>

static vc_status report(vc_arena *arena, const struct cli_args *args) {
  (void)arena;
  const char *out;
  VC_TRY(cli_required(args, "out", &out));
  VC_TRY(vc_report_write_runs(args->arguments, args->n_arguments, out));
  printf("%s\n", out);
  return VC_OK;
}

const struct cli_command cmd_report = {.name = "report",
                                       .arguments = "RUN|SWEEP...",
                                       .summary = "Write one self-contained HTML page about runs and sweeps.",
                                       .min_arguments = 1,
                                       .max_arguments = 1000,
                                       .options = {{.name = "out", .value = "FILE.html", .help = "The page to write"}},
                                       .run = report};
