// BBBC039: images/*.tif, masks/*.png of colour indices, and metadata/{training,validation,test}.txt.
#include "import.h"

#include <string.h>

static bool has_images_and_masks(const char *dir) {
  return import_has_folder(dir, "images") && import_has_folder(dir, "masks");
}

// For each line of a list: the item of that stem gets the part. Lines name masks or images.
static vc_status apply_list(struct import_set *set, const char *path, char *text, const char *part) {
  size_t n_lines = 0, n_found = 0;
  for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n")) {
    char *stem;
    if (line[strspn(line, " \t")] == '\0') continue;
    VC_TRY(vc_path_stem(set->arena, line, &stem));
    n_lines++;
    for (size_t i = 0; i < set->n_items; i++) {
      if (strcmp(set->items[i].stem, stem) != 0) continue;
      if (set->items[i].part && strcmp(set->items[i].part, part) != 0) {
        return VC_FAIL(VC_E_INPUT, "%s: %s is in another list as well; repair the lists, or remove them", path, stem);
      }
      set->items[i].part = part;
      n_found++;
    }
  }
  if (n_found < n_lines) {
    vc_log(VC_LOG_WARNING, "%s: %zu of its %zu images are not there", path, n_lines - n_found, n_lines);
  }
  set->has_parts = set->has_parts || n_found > 0;
  return VC_OK;
}

static vc_status read_lists(struct import_set *set, const char *root) {
  static const char *const lists[][2] = {{"training", "train_labelled"}, {"validation", "val"}, {"test", "test"}};
  static const char *const folders[] = {"metadata/", ""};
  for (size_t i = 0; i < VC_COUNT_OF(lists); i++) {
    for (size_t k = 0; k < VC_COUNT_OF(folders); k++) {
      char *path;
      uint8_t *text;
      size_t n_bytes;
      VC_TRY(vc_arena_printf(set->arena, &path, "%s/%s%s.txt", root, folders[k], lists[i][0]));
      if (!vc_path_exists(path)) continue;
      VC_TRY(vc_file_read(set->arena, path, (size_t)1 << 24, &text, &n_bytes));
      VC_TRY(apply_list(set, path, (char *)text, lists[i][1]));
      break;
    }
  }
  return VC_OK;
}

vc_status import_list_bbbc039(struct import_set *set, const char *source) {
  const char *root;
  struct import_files images, masks;
  VC_TRY(import_root(set->arena, source, has_images_and_masks, &root));
  if (!root) {
    return VC_FAIL(VC_E_INPUT,
                   "%s: no folders images and masks; unpack images.zip, masks.zip and metadata.zip of BBBC039 there",
                   source);
  }
  set->source = "bbbc039";
  set->object = "nucleus";
  VC_TRY(import_images(set->arena, root, "images", &images));
  VC_TRY(import_images(set->arena, root, "masks", &masks));
  for (size_t i = 0; i < images.n; i++) {
    struct import_item item = {.stem = images.stems[i], .image = images.paths[i]};
    for (size_t k = 0; k < masks.n; k++) {
      if (strcmp(images.stems[i], masks.stems[k]) != 0) continue;
      item.mask = IMPORT_MASK_COMPONENTS;
      item.masks = &masks.paths[k];
      item.n_masks = 1;
    }
    VC_TRY(import_add(set, item));
  }
  return read_lists(set, root);
}
