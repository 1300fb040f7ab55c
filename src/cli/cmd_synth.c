// vulcyte synth
#include "cli.h"

#include <stdio.h>
#include <string.h>

static vc_status parse_kind(const char *word, enum vc_synth_kind *out) {
  static const char *const names[] = {"fluo", "phase", "tissue", "volume"};
  for (uint32_t i = 0; i < VC_COUNT_OF(names); i++) {
    if (strcmp(word, names[i]) != 0) continue;
    *out = (enum vc_synth_kind)i;
    return VC_OK;
  }
  const char *nearest = cli_nearest(word, names, VC_COUNT_OF(names));
  return VC_FAIL(VC_E_USAGE, "synth: unknown kind \"%.60s\"; use %s", word,
                 nearest ? nearest : "fluo, phase, tissue or volume");
}

static vc_status synth(vc_arena *arena, const struct cli_args *args) {
  (void)arena;
  enum vc_synth_kind kind = VC_SYNTH_FLUO;
  const char *dir;
  uint64_t count = 20, size = 256, seed = 0;
  VC_TRY(parse_kind(args->arguments[0], &kind));
  if (kind == VC_SYNTH_VOLUME) count = 1, size = 128;
  VC_TRY(cli_required(args, "out", &dir));
  VC_TRY(cli_whole(args, "count", 1, 100000, &count));
  VC_TRY(cli_whole(args, "size", 32, 8192, &size));
  VC_TRY(cli_whole(args, "seed", 0, UINT64_MAX, &seed));
  VC_TRY(vc_synth_write(kind, (uint32_t)count, (uint32_t)size, seed, dir, vc_cpu_count()));
  printf("%s\n", dir);
  return VC_OK;
}

const struct cli_command cmd_synth = {
    .name = "synth",
    .arguments = "fluo|phase|tissue|volume",
    .summary = "Make synthetic microscopy images with exact masks.",
    .notes = "Writes images/, masks/ and dataset.json. The same kind, size and seed give the same images.\n"
             "A volume is a layered brain as .nii.gz, with its classes; vulcyte import bigbrain cuts it into images.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = {{.name = "out", .value = "DIR", .help = "Folder to write into"},
                {.name = "count", .value = "N", .help = "Number of images, by default 20 (1 volume)"},
                {.name = "size", .value = "S", .help = "Side in pixels, by default 256 (volumes: 128)"},
                {.name = "seed", .value = "K", .help = "Seed, by default 0"}},
    .run = synth};
