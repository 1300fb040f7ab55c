// vulcyte predict
#include "cli.h"

#include "train/answer.h"
#include "vulcyte/gpu.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- what to segment ------------------------------------------------------------------------------------------------

struct input {
  const char *path, *stem;
  uint32_t page;
};

struct inputs {
  struct input *items;
  uint32_t n, capacity;
  bool skip_bad;
};

static bool has_image_ending(const char *path) {
  static const char *const endings[] = {".png", ".tif", ".tiff"};
  size_t n = strlen(path);
  for (size_t i = 0; i < VC_COUNT_OF(endings); i++) {
    size_t n_ending = strlen(endings[i]);
    if (n > n_ending && strcasecmp(path + n - n_ending, endings[i]) == 0) return true;
  }
  return false;
}

static vc_status add_page(vc_arena *arena, struct inputs *list, const char *path, uint32_t page) {
  if (list->n == list->capacity) {
    struct input *grown;
    uint32_t capacity = 2 * list->capacity + 64;
    VC_TRY(VC_NEW(arena, capacity, &grown));
    if (list->n > 0) memcpy(grown, list->items, list->n * sizeof *grown);
    list->items = grown;
    list->capacity = capacity;
  }
  char *stem;
  VC_TRY(vc_path_stem(arena, path, &stem));
  if (page > 0) VC_TRY(vc_arena_printf(arena, &stem, "%s#%u", stem, page + 1));
  list->items[list->n++] = (struct input){.path = path, .stem = stem, .page = page};
  return VC_OK;
}

static vc_status add_file(vc_arena *arena, struct inputs *list, const char *path) {
  struct vc_image_info info;
  vc_status status = vc_image_info_read(path, &info);
  if (status != VC_OK && list->skip_bad) {
    vc_log(VC_LOG_WARNING, "left out: %s", vc_error_message());
    return VC_OK;
  }
  VC_TRY(status);
  for (uint32_t page = 0; page < info.pages; page++) VC_TRY(add_page(arena, list, path, page));
  return VC_OK;
}

static vc_status add_folder(vc_arena *arena, struct inputs *list, const char *dir) {
  char **paths;
  size_t n;
  uint32_t n_found = 0;
  VC_TRY(vc_path_list(arena, dir, &paths, &n));
  for (size_t i = 0; i < n; i++) {
    if (!has_image_ending(paths[i])) continue;
    VC_TRY(add_file(arena, list, paths[i]));
    n_found++;
  }
  if (n_found == 0)
    return VC_FAIL(VC_E_INPUT, "%s: no .png, .tif or .tiff file in this folder; name one with images", dir);
  return VC_OK;
}

static int compare_stems(const void *a, const void *b) {
  return strcmp((*(const struct input *const *)a)->stem, (*(const struct input *const *)b)->stem);
}

static vc_status check_stems(vc_arena *arena, const struct inputs *list) {
  const struct input **sorted;
  VC_TRY(VC_NEW(arena, list->n, &sorted));
  for (uint32_t i = 0; i < list->n; i++) sorted[i] = &list->items[i];
  if (list->n > 1) qsort(sorted, list->n, sizeof *sorted, compare_stems);
  for (uint32_t i = 1; i < list->n; i++) {
    if (strcmp(sorted[i - 1]->stem, sorted[i]->stem) != 0) continue;
    return VC_FAIL(VC_E_INPUT,
                   "%s: has the name of %s, so their results would be one file; predict them into two folders",
                   sorted[i]->path, sorted[i - 1]->path);
  }
  return VC_OK;
}

// Results must not land on the images they come from.
static vc_status check_out_dir(const struct inputs *list, const char *out_dir) {
  char *out = realpath(out_dir, NULL);
  if (!out) return VC_OK; // not there yet
  vc_status status = VC_OK;
  for (uint32_t i = 0; i < list->n && status == VC_OK; i++) {
    char *path = realpath(list->items[i].path, NULL);
    size_t n = path ? (size_t)(vc_path_base(path) - path) : 0;
    if (n > 0 && strncmp(path, out, n - 1) == 0 && strlen(out) == n - 1) {
      status = VC_FAIL(
          VC_E_INPUT, "%s: the images lie in this folder and could be overwritten; choose another with --out", out_dir);
    }
    free(path);
  }
  free(out);
  return status;
}

static vc_status collect_inputs(vc_arena *arena, const struct cli_args *args, struct inputs *list) {
  for (uint32_t i = 1; i < args->n_arguments; i++) {
    const char *path = args->arguments[i];
    VC_TRY(vc_path_is_dir(path) ? add_folder(arena, list, path) : add_file(arena, list, path));
  }
  if (list->n == 0) return VC_FAIL(VC_E_INPUT, "predict: no image is left to segment; see the warnings");
  return check_stems(arena, list);
}

static vc_status parse_save(const char *text, uint32_t *out) {
  static const char *const names[] = {"mask", "probabilities", "overlay", "instances"};
  *out = 0;
  for (const char *word = text; word && *word;) {
    size_t n = strcspn(word, ",");
    uint32_t i = 0;
    while (i < VC_COUNT_OF(names) && (strlen(names[i]) != n || memcmp(names[i], word, n) != 0)) i++;
    if (i == VC_COUNT_OF(names)) {
      return VC_FAIL(VC_E_USAGE,
                     "predict: --save %.100s: unknown kind \"%.*s\"; use mask, probabilities, overlay, instances", text,
                     (int)VC_MIN(n, (size_t)60), word);
    }
    *out |= 1u << i;
    word += n + (word[n] == ',');
  }
  if (!text) *out = VC_ANSWER_MASK;
  return VC_OK;
}

// ---- results --------------------------------------------------------------------------------------------------------

struct job {
  vc_predictor *predictor;
  const char *out_dir;
  uint32_t save, tile;
  const uint8_t *palette; // NULL: none
};

// Class colours for viewers; the pixels stay class indices.
static void fill_palette(uint8_t palette[768]) {
  static const uint8_t colours[][3] = {{230, 159, 0}, {86, 180, 233}, {0, 158, 115},  {240, 228, 66},
                                       {0, 114, 178}, {213, 94, 0},   {204, 121, 167}};
  memset(palette, 0, 768);
  for (uint32_t i = 1; i < 256; i++) memcpy(palette + 3 * i, colours[(i - 1) % VC_COUNT_OF(colours)], 3);
}

static vc_status segment(vc_arena *arena, struct job *job, const struct input *input) {
  struct vc_predict_rows run = {.tile = job->tile, .take = vc_answer_take, .progress = cli_progress};
  vc_answer *answer;
  uint32_t channels = vc_predictor_config(job->predictor)->data.channels;
  VC_TRY(vc_image_rows_open(arena, input->path, input->page, channels, &run.image));
  const struct vc_answer_desc desc = {.dir = job->out_dir,
                                      .stem = input->stem,
                                      .kinds = job->save,
                                      .n_classes = vc_predictor_classes(job->predictor),
                                      .palette_rgb = job->palette};
  VC_TRY(vc_answer_open(arena, &desc, run.image, &answer));
  run.context = answer;
  VC_TRY_CTX(vc_predictor_run_rows(job->predictor, &run), "%s", input->path);
  return vc_answer_commit(answer);
}

static vc_status segment_all(struct job *job, const struct inputs *list) {
  double start = vc_time_seconds();
  for (uint32_t i = 0; i < list->n; i++) {
    vc_arena *arena;
    VC_TRY(vc_arena_create(&arena));
    vc_status status = segment(arena, job, &list->items[i]);
    vc_arena_destroy(arena);
    bool is_bad = status == VC_E_FORMAT || status == VC_E_INPUT;
    if (is_bad && list->skip_bad)
      vc_log(VC_LOG_WARNING, "left out: %s", vc_error_message());
    else
      VC_TRY(status);
    double rate = (i + 1) / VC_MAX(vc_time_seconds() - start, 1e-6);
    struct vc_progress progress = {.phase = "predict",
                                   .done = i + 1,
                                   .total = list->n,
                                   .steps_per_second = rate,
                                   .seconds_left = (list->n - i - 1) / rate,
                                   .loss_supervised = NAN,
                                   .loss_unsupervised = NAN,
                                   .mean_iou = NAN};
    if (!cli_progress(NULL, &progress) && i + 1 < list->n) {
      return VC_FAIL(VC_E_INTERRUPTED, "predict: interrupted after %u of %u images; those are in %s", i + 1, list->n,
                     job->out_dir);
    }
  }
  return VC_OK;
}

static vc_status predict(vc_arena *arena, const struct cli_args *args) {
  struct job job = {0};
  uint8_t palette[768];
  struct inputs list = {.skip_bad = cli_has(args, "skip-bad")};
  const char *variants;
  char *model, *overlays;
  uint64_t tile = 0;
  VC_TRY(cli_required(args, "out", &job.out_dir));
  VC_TRY(parse_save(cli_value(args, "save"), &job.save));
  VC_TRY(cli_whole(args, "tile", 16, 65536, &tile));
  job.tile = (uint32_t)tile;
  fill_palette(palette);
  if (cli_has(args, "palette")) job.palette = palette;
  VC_TRY(cli_variants(arena, args, &variants));
  VC_TRY(cli_model_path(arena, args->arguments[0], &model));
  VC_TRY(cli_check_model(model));
  cli_progress_begin(cli_has(args, "quiet"));
  VC_TRY(collect_inputs(arena, args, &list));
  VC_TRY(vc_path_check_dirs(job.out_dir));
  VC_TRY(check_out_dir(&list, job.out_dir));
  VC_TRY(vc_path_join(arena, job.out_dir, "overlays", &overlays));
  if (job.save & VC_ANSWER_OVERLAY) VC_TRY(check_out_dir(&list, overlays));
  struct vc_gpu *gpu;
  VC_TRY(vc_gpu_open(arena, cli_value(args, "device"), &gpu));
  VC_TRY(vc_predictor_create(arena, gpu, model, variants, &job.predictor));
  VC_TRY(cli_use_head(args, job.predictor));
  cli_catch_signals();
  return segment_all(&job, &list);
}

const struct cli_command cmd_predict = {
    .name = "predict",
    .arguments = "MODEL IMAGE|DIR...",
    .summary = "Segment images of any size with a trained model.",
    .notes =
        "MODEL is a .safetensors file, or a run folder (its state of higher validation IoU). For an image STEM.tif the "
        "results are\n"
        "STEM.png (class of each pixel), STEM.npy (probabilities, float32 [C,H,W]), STEM.tif (numbered objects) and\n"
        "overlays/STEM.png. TIFF files larger than memory are read and written by rows of tiles.",
    .min_arguments = 2,
    .max_arguments = UINT32_MAX,
    .options =
        {{.name = "out", .value = "DIR", .help = "Folder for the results"},
         {.name = "save", .value = "KINDS", .help = "Any of mask,probabilities,overlay,instances; by default mask"},
         {.name = "palette", .help = "Give the masks a colour table"},
         {.name = "head",
          .value = "HEAD",
          .help = "Of an IIC model: main or aux; by default the better one in validation"},
         {.name = "tile", .value = "N", .help = "Work in tiles of at most N pixels a side"},
         {.name = "device", .value = "DEVICE", .help = "Index, UUID or part of a name (vulcyte devices lists them)"},
         {.name = "variant", .value = "JOB=NAME", .help = CLI_VARIANT_HELP, .repeats = true},
         {.name = "skip-bad", .help = "Leave out images that cannot be read"},
         {.name = "quiet", .help = "Show warnings and errors only"}},
    .run = predict};
