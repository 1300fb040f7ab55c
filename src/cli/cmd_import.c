// vulcyte import
#include "cli.h"

#include "vulcyte/gpu.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"ctc", "bbbc039", "folder", "bigbrain"};
enum { BIGBRAIN = 3 };

static vc_status parse_word(const char *what, const char *word, const char *const *names, uint32_t n, uint32_t *out) {
  for (uint32_t i = 0; i < n; i++) {
    if (strcmp(word, names[i]) != 0) continue;
    *out = i;
    return VC_OK;
  }
  const char *nearest = cli_nearest(word, names, n);
  return VC_FAIL(VC_E_USAGE, "import: unknown %s \"%.60s\"; use %s", what, word,
                 nearest ? nearest : "vulcyte import --help to see them");
}

static vc_status parse_real(const struct cli_args *args, const char *name, double lo, double hi, double *out) {
  const char *text = cli_value(args, name);
  char *end;
  if (!text) return VC_OK;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= lo && value <= hi)) {
    return VC_FAIL(VC_E_USAGE, "import: --%s %.100s: give a number from %g to %g", name, text, lo, hi);
  }
  *out = value;
  return VC_OK;
}

// ---- images ----

static bool show_files(void *context, uint64_t done, uint64_t total) {
  struct vc_progress p = {.phase = "import",
                          .done = done,
                          .total = total,
                          .loss_supervised = NAN,
                          .loss_unsupervised = NAN,
                          .mean_iou = NAN};
  return cli_progress(context, &p);
}

// Options that only one kind knows, given for another.
static vc_status check_options(const struct cli_args *args, uint32_t kind) {
  static const char *const of_volumes[] = {"slices", "seed", "size", "spacing", "min-tissue", "keep", "device"};
  for (size_t i = 0; i < VC_COUNT_OF(of_volumes); i++) {
    if (kind == BIGBRAIN || !cli_has(args, of_volumes[i])) continue;
    return VC_FAIL(VC_E_USAGE, "import: --%s belongs to import bigbrain", of_volumes[i]);
  }
  if (cli_has(args, "truth") && kind != (uint32_t)VC_IMPORT_CTC) {
    return VC_FAIL(VC_E_USAGE, "import: --truth belongs to import ctc");
  }
  if (cli_has(args, "skip-bad") && kind == BIGBRAIN) {
    return VC_FAIL(VC_E_USAGE, "import: --skip-bad has no use in import bigbrain");
  }
  if (kind == BIGBRAIN && args->n_arguments < 3) {
    return VC_FAIL(VC_E_USAGE, "import: the class volume is missing; usage: vulcyte import bigbrain IMAGE.nii.gz "
                               "CLASSES.nii.gz --out DIR");
  }
  if (kind != BIGBRAIN && args->n_arguments > 2) {
    return VC_FAIL(VC_E_USAGE, "import: unexpected argument \"%.200s\"; usage: vulcyte import %s SRC --out DIR",
                   args->arguments[2], kinds[kind]);
  }
  return VC_OK;
}

static vc_status import_images(const struct cli_args *args, enum vc_import_kind kind, const char *out_dir) {
  static const char *const truths[] = {"any", "gold", "silver"};
  struct vc_import_desc desc = {.source = args->arguments[1],
                                .out_dir = out_dir,
                                .skip_bad = cli_has(args, "skip-bad"),
                                .n_threads = vc_cpu_count(),
                                .progress = show_files};
  struct vc_import_result result;
  uint32_t truth = 0;
  if (cli_value(args, "truth")) {
    VC_TRY(parse_word("truth", cli_value(args, "truth"), truths, VC_COUNT_OF(truths), &truth));
  }
  desc.truth = (enum vc_import_truth)truth;
  VC_TRY(vc_import(kind, &desc, &result));
  cli_progress_end();
  printf("%s: %u images with masks", out_dir, result.n_labelled);
  if (result.n_unlabelled > 0) printf(", %u without", result.n_unlabelled);
  if (result.n_skipped > 0) printf(", %u left out", result.n_skipped);
  printf("\n");
  return VC_OK;
}

// ---- volumes ----

// "2,3,5", or "all" for none in particular.
static vc_status parse_keep(const char *text, uint32_t out[VC_MAX_CLASSES], uint32_t *out_n) {
  uint32_t n = 0;
  *out_n = 0;
  if (strcmp(text, "all") == 0) return VC_OK;
  for (const char *at = text;; at++) {
    char *end;
    errno = 0;
    unsigned long value = strtoul(at, &end, 10);
    bool is_number = at[0] >= '0' && at[0] <= '9' && errno == 0 && value < UINT32_MAX;
    if (!is_number || (*end != ',' && *end != '\0') || n == VC_MAX_CLASSES - 1) {
      return VC_FAIL(VC_E_USAGE,
                     "import: --keep %.100s: give labels with commas between them (2,3,5), at most %d, or all", text,
                     VC_MAX_CLASSES - 1);
    }
    for (uint32_t i = 0; i < n; i++) {
      if (out[i] == value) return VC_FAIL(VC_E_USAGE, "import: --keep %.100s: %lu is there twice", text, value);
    }
    out[n++] = (uint32_t)value;
    at = end;
    if (*end == '\0') break;
  }
  *out_n = n;
  return VC_OK;
}

// "600" or "770x605"
static vc_status parse_size(const char *text, uint32_t *out_width, uint32_t *out_height) {
  int n_width = 0, n_both = 0;
  unsigned width = 0, height = 0;
  bool is_plain = strspn(text, "0123456789x") == strlen(text) && strlen(text) < 16;
  if (is_plain) (void)sscanf(text, "%u%nx%u%n", &width, &n_width, &height, &n_both);
  if (n_both == 0) height = width;
  if (!is_plain || (size_t)VC_MAX(n_width, n_both) != strlen(text) || width < 16 || height < 16 || width > 16384 ||
      height > 16384) {
    return VC_FAIL(VC_E_USAGE, "import: --size %.100s: give a side (600) or width and height (770x605), 16 to 16384",
                   text);
  }
  *out_width = width;
  *out_height = height;
  return VC_OK;
}

static vc_status import_volume(vc_arena *arena, const struct cli_args *args, const char *out_dir) {
  uint32_t keep[VC_MAX_CLASSES];
  uint64_t n_slices = 100;
  struct vc_import_bigbrain_desc desc = {.image = args->arguments[1],
                                         .classes = args->arguments[2],
                                         .out_dir = out_dir,
                                         .min_tissue = 0.1,
                                         .keep = keep,
                                         .progress = cli_progress};
  struct vc_import_bigbrain_result result;
  struct vc_gpu *gpu;
  VC_TRY(cli_whole(args, "slices", 1, 1000000, &n_slices));
  VC_TRY(cli_whole(args, "seed", 0, UINT64_MAX, &desc.seed));
  VC_TRY(parse_real(args, "min-tissue", 0, 1, &desc.min_tissue));
  VC_TRY(parse_real(args, "spacing", 1e-6, 1e6, &desc.spacing));
  VC_TRY(parse_keep(cli_value(args, "keep") ? cli_value(args, "keep") : "2,3,5", keep, &desc.n_keep));
  if (cli_value(args, "size")) VC_TRY(parse_size(cli_value(args, "size"), &desc.width, &desc.height));
  desc.n_slices = (uint32_t)n_slices;
  vc_volume *probe; // a wrong file shows before a device is opened
  VC_TRY(vc_volume_open(arena, desc.image, &probe));
  VC_TRY(vc_volume_open(arena, desc.classes, &probe));
  VC_TRY(vc_gpu_open(arena, cli_value(args, "device"), &gpu));
  VC_TRY(vc_import_bigbrain(gpu, &desc, &result));
  cli_progress_end();
  printf("%s: %u slices with masks, of %u planes drawn\n", out_dir, result.n_slices, result.n_drawn);
  return VC_OK;
}

static vc_status import(vc_arena *arena, const struct cli_args *args) {
  uint32_t kind = 0;
  const char *out_dir;
  VC_TRY(parse_word("kind", args->arguments[0], kinds, VC_COUNT_OF(kinds), &kind));
  VC_TRY(check_options(args, kind));
  VC_TRY(cli_required(args, "out", &out_dir));
  cli_progress_begin(cli_has(args, "quiet"));
  cli_catch_signals();
  if (kind == BIGBRAIN) return import_volume(arena, args, out_dir);
  return import_images(args, (enum vc_import_kind)kind, out_dir);
}

const struct cli_command cmd_import = {
    .name = "import",
    .arguments = "ctc|bbbc039|folder|bigbrain SRC...",
    .summary = "Turn a public set into images/, masks/ and dataset.json.",
    .notes =
        "ctc       an unpacked training set of the Cell Tracking Challenge (01/, 01_GT/SEG/, 01_ST/SEG/, ...)\n"
        "bbbc039   images/ and masks/ of BBBC039, with its lists if they are in metadata/\n"
        "folder    images/ and masks/; masks/NAME/ or NAME/masks/ with a file a cell; NAME.png beside NAME_mask.png\n"
        "bigbrain  IMAGE.nii.gz and CLASSES.nii.gz: random planes through a volume and its classes\n"
        "docs/formats.md has the details.",
    .min_arguments = 2,
    .max_arguments = 3,
    .options = {{.name = "out", .value = "DIR", .help = "New folder to write"},
                {.name = "truth", .value = "KIND", .help = "ctc: gold, silver, or by default any (gold before silver)"},
                {.name = "skip-bad", .help = "Leave out files that cannot be read"},
                {.name = "slices", .value = "N", .help = "bigbrain: how many, by default 100"},
                {.name = "size", .value = "WxH", .help = "bigbrain: pixels, by default the volume's longest side"},
                {.name = "spacing", .value = "MM", .help = "bigbrain: between pixels, by default as the voxels"},
                {.name = "keep", .value = "LABELS", .help = "bigbrain: what becomes classes 1, 2, ... (2,3,5), or all"},
                {.name = "min-tissue", .value = "X", .help = "bigbrain: least share that is no background, 0.1"},
                {.name = "seed", .value = "K", .help = "bigbrain: seed of the planes, by default 0"},
                {.name = "device", .value = "DEVICE", .help = "bigbrain: index, UUID or part of a name"},
                {.name = "quiet", .help = "Show warnings and errors only"}},
    .run = import};
