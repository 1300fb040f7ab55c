// vulcyte evaluate
#include "cli.h"

#include "vulcyte/gpu.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static vc_status metrics_text(vc_arena *arena, const struct vc_metrics *m, const struct vc_config *config, int indent,
                              const char **out_text, size_t *out_bytes) {
  const char *names[VC_MAX_CLASSES];
  vc_json_writer *w;
  for (uint32_t c = 0; c < m->n_classes; c++) names[c] = config->data.classes[c].name;
  VC_TRY(vc_json_writer_create(arena, indent, &w));
  vc_metrics_json(w, NULL, m, names, -1);
  return vc_json_writer_text(w, out_text, out_bytes);
}

static void print_score(double value) {
  if (isnan(value))
    printf("%10s", "-");
  else
    printf("%10.4f", value);
}

static void print_instances(const struct vc_instance_scores *scores) {
  printf("\nobjects         %10llu", (unsigned long long)scores->n_objects);
  printf("\nAP 0.5          ");
  print_score(scores->ap[0]);
  printf("\nAP 0.75         ");
  print_score(scores->ap[5]);
  printf("\nAP 0.5...0.95   ");
  print_score(scores->mean_ap);
  printf("\nSEG             ");
  print_score(scores->seg);
}

static void print_metrics(const struct vc_metrics *m, const struct vc_config *config) {
  printf("images          %10u\n", m->n_images);
  printf("mean IoU        ");
  print_score(m->mean_iou);
  printf("\nIoU of an image ");
  print_score(m->image_mean_iou);
  printf(" +- ");
  print_score(m->image_mean_iou_sd);
  printf("\naccuracy        ");
  print_score(m->accuracy);
  if (m->instances.n_images) print_instances(&m->instances);
  printf("\n\n%-24s%10s%10s\n", "class", "IoU", "Dice");
  for (uint32_t c = 0; c < m->n_classes; c++) {
    printf("%-24.24s", config->data.classes[c].name);
    print_score(m->iou[c]);
    print_score(m->dice[c]);
    printf("\n");
  }
}

static vc_status write_result(vc_arena *arena, const char *out_dir, const struct vc_metrics *m,
                              const struct vc_config *config) {
  const char *text;
  size_t n_bytes;
  char *path;
  VC_TRY(metrics_text(arena, m, config, 2, &text, &n_bytes));
  VC_TRY(vc_path_make_dirs(out_dir));
  VC_TRY(vc_path_join(arena, out_dir, "evaluation.json", &path));
  return vc_file_write(path, text, n_bytes);
}

static vc_status evaluate(vc_arena *arena, const struct cli_args *args) {
  struct vc_evaluate_options options = {
      .out_dir = cli_value(args, "out"), .skip_bad = cli_has(args, "skip-bad"), .progress = cli_progress};
  const char *variants;
  char *model;
  uint64_t tile = 0;
  VC_TRY(cli_required(args, "images", &options.images));
  VC_TRY(cli_required(args, "masks", &options.masks));
  VC_TRY(cli_whole(args, "tile", 16, 65536, &tile));
  VC_TRY(cli_variants(arena, args, &variants));
  VC_TRY(cli_model_path(arena, args->arguments[0], &model));
  options.tile = (uint32_t)tile;
  VC_TRY(cli_check_model(model));
  cli_progress_begin(cli_has(args, "quiet"));
  struct vc_gpu *gpu;
  VC_TRY(vc_gpu_open(arena, cli_value(args, "device"), &gpu));
  cli_catch_signals();
  vc_predictor *predictor;
  VC_TRY(vc_predictor_create(arena, gpu, model, variants, &predictor));
  VC_TRY(cli_use_head(args, predictor));
  struct vc_metrics metrics;
  VC_TRY(vc_evaluate(predictor, &options, &metrics));
  cli_progress_end();
  const struct vc_config *config = vc_predictor_config(predictor);
  if (options.out_dir) VC_TRY(write_result(arena, options.out_dir, &metrics, config));
  if (!cli_has(args, "json")) {
    print_metrics(&metrics, config);
    return VC_OK;
  }
  const char *text;
  size_t n_bytes;
  VC_TRY(metrics_text(arena, &metrics, config, 2, &text, &n_bytes));
  printf("%s\n", text);
  return VC_OK;
}

const struct cli_command cmd_evaluate = {
    .name = "evaluate",
    .arguments = "MODEL",
    .summary = "Score a trained model on images with masks.",
    .notes = "MODEL is a .safetensors file, or a run folder (its state of higher validation IoU).",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = {{.name = "images", .value = "DIR", .help = "Folder or glob of the images"},
                {.name = "masks", .value = "DIR", .help = "Folder or glob of the masks, paired by name"},
                {.name = "json", .help = "Print one JSON object"},
                {.name = "out", .value = "DIR", .help = "Also write evaluation.json and overlays/ there"},
                {.name = "head",
                 .value = "HEAD",
                 .help = "Of an IIC model: main or aux; by default the better one in validation"},
                {.name = "tile", .value = "N", .help = "Work in tiles of at most N pixels a side"},
                {.name = "device",
                 .value = "DEVICE",
                 .help = "Index, UUID or part of a name (vulcyte devices lists them)"},
                {.name = "variant", .value = "JOB=NAME", .help = CLI_VARIANT_HELP, .repeats = true},
                {.name = "skip-bad", .help = "Leave out images that cannot be read"},
                {.name = "quiet", .help = "Show warnings and errors only"}},
    .run = evaluate};
