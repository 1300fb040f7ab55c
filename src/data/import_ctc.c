// Cell Tracking Challenge: NN/tTTT.tif, NN_GT/SEG/man_segTTT.tif (gold), NN_ST/SEG/man_segTTT.tif (silver).
#include "import.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_number(const char *name) {
  size_t n = strspn(name, "0123456789");
  return n > 0 && n < 10 && name[n] == '\0';
}

static bool has_sequences(const char *dir) {
  vc_arena *arena;
  char **names;
  size_t n = 0;
  bool has = false;
  if (vc_arena_create(&arena) != VC_OK) return false;
  if (import_folders(arena, dir, &names, &n) != VC_OK) n = 0;
  for (size_t i = 0; i < n; i++) has = has || is_number(names[i]);
  vc_arena_destroy(arena);
  return has;
}

// The number of "PREFIXddd.tif"; -1 for other names. *out_more: what follows the digits is not the extension.
static long number_of(const char *path, const char *prefix, bool *out_more) {
  const char *base = vc_path_base(path);
  size_t n_prefix = strlen(prefix);
  if (strncmp(base, prefix, n_prefix) != 0 || !isdigit((unsigned char)base[n_prefix])) return -1;
  char *end;
  long number = strtol(base + n_prefix, &end, 10);
  *out_more = *end != '.';
  return number;
}

static vc_status list_truth(vc_arena *arena, const char *root, const char *sequence, const char *kind,
                            struct import_files *out) {
  char *name;
  VC_TRY(vc_arena_printf(arena, &name, "%s_%s/SEG", sequence, kind));
  return import_images(arena, root, name, out);
}

static vc_status find_truth(const struct import_files *truth, long frame, char ***out) {
  bool is_slice;
  *out = NULL;
  for (size_t i = 0; i < truth->n; i++) {
    if (number_of(truth->paths[i], "man_seg", &is_slice) != frame) continue;
    if (is_slice) {
      return VC_FAIL(VC_E_INPUT,
                     "%s: the truth of one plane of a three-dimensional frame; only two-dimensional sequences are "
                     "imported: save the planes and their masks under one name in images/ and masks/, and use import "
                     "folder",
                     truth->paths[i]);
    }
    *out = &truth->paths[i];
    return VC_OK;
  }
  return VC_OK;
}

static void warn_strays(const struct import_files *truth, const struct import_files *frames) {
  bool more;
  for (size_t i = 0; i < truth->n; i++) {
    long number = number_of(truth->paths[i], "man_seg", &more);
    bool is_used = false;
    for (size_t k = 0; k < frames->n; k++) is_used = is_used || number_of(frames->paths[k], "t", &more) == number;
    if (!is_used) vc_log(VC_LOG_WARNING, "%s: no frame belongs to it; left out", truth->paths[i]);
  }
}

static vc_status list_sequence(struct import_set *set, const char *root, const char *sequence,
                               enum vc_import_truth wanted) {
  vc_arena *arena = set->arena;
  struct import_files frames, gold = {0}, silver = {0};
  char **truth;
  VC_TRY(import_images(arena, root, sequence, &frames));
  if (wanted != VC_TRUTH_SILVER) VC_TRY(list_truth(arena, root, sequence, "GT", &gold));
  if (wanted != VC_TRUTH_GOLD) VC_TRY(list_truth(arena, root, sequence, "ST", &silver));
  for (size_t i = 0; i < frames.n; i++) {
    bool more = false;
    long frame = number_of(frames.paths[i], "t", &more);
    if (frame < 0 || more) {
      vc_log(VC_LOG_WARNING, "%s: not named as a frame (t000.tif); left out", frames.paths[i]);
      continue;
    }
    char *stem;
    VC_TRY(vc_arena_printf(arena, &stem, "%s_%s", sequence, frames.stems[i]));
    VC_TRY(find_truth(&gold, frame, &truth));
    if (!truth) VC_TRY(find_truth(&silver, frame, &truth));
    struct import_item item = {.stem = stem, .image = frames.paths[i]};
    if (truth) {
      item.mask = IMPORT_MASK_COPY;
      item.masks = truth;
      item.n_masks = 1;
    }
    VC_TRY(import_add(set, item));
  }
  warn_strays(&gold, &frames);
  warn_strays(&silver, &frames);
  return VC_OK;
}

vc_status import_list_ctc(struct import_set *set, const char *source, enum vc_import_truth truth) {
  const char *root;
  char **names;
  size_t n;
  VC_TRY(import_root(set->arena, source, has_sequences, &root));
  if (!root) {
    return VC_FAIL(VC_E_INPUT,
                   "%s: no sequence (folders 01, 02, ... with 01_GT/SEG or 01_ST/SEG beside them); name the folder of "
                   "one unpacked training set of the Cell Tracking Challenge",
                   source);
  }
  set->source = "ctc";
  set->object = "cell";
  set->group = "^([0-9]+)_";
  set->is_flat = true;
  VC_TRY(import_folders(set->arena, root, &names, &n));
  for (size_t i = 0; i < n; i++) {
    if (is_number(names[i])) VC_TRY(list_sequence(set, root, names[i], truth));
  }
  return VC_OK;
}
