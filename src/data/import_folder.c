// Folders of images with masks, in the layouts that are common:
//   images/X.png and masks/X.png, or masks/X_mask.png, or masks/X/*.png with one instance a file
//   X/images/X.png and X/masks/*.png (BBBC038, as its site ships it)
//   X.png beside X_mask.png or X_masks.png
#include "import.h"

#include <string.h>

// of masks' stems
static const char *const suffixes[] = {"_mask", "_masks", "_label", "_labels", "_seg", "_cp_masks"};

static bool has_images(const char *dir) {
  return import_has_folder(dir, "images");
}

// Is the stem the image's with an ending of masks?
static bool is_mask_of(const char *stem, const char *image_stem) {
  size_t n = strlen(image_stem);
  if (strncmp(stem, image_stem, n) != 0) return false;
  for (size_t i = 0; i < VC_COUNT_OF(suffixes); i++) {
    if (strcmp(stem + n, suffixes[i]) == 0) return true;
  }
  return false;
}

static vc_status find_mask(const struct import_files *files, struct import_item *item, bool needs_suffix) {
  for (size_t i = 0; i < files->n; i++) {
    bool is_same = !needs_suffix && strcmp(files->stems[i], item->stem) == 0;
    if (!is_same && !is_mask_of(files->stems[i], item->stem)) continue;
    if (item->masks) {
      return VC_FAIL(VC_E_INPUT, "%s and %s: two masks of one image; remove one", *item->masks, files->paths[i]);
    }
    item->mask = IMPORT_MASK_COPY;
    item->masks = &files->paths[i];
    item->n_masks = 1;
  }
  return VC_OK;
}

static vc_status take_instances(struct import_set *set, const char *dir, const char *name, struct import_item *item) {
  struct import_files files;
  VC_TRY(import_images(set->arena, dir, name, &files));
  item->mask = IMPORT_MASK_MERGE;
  item->masks = files.paths;
  item->n_masks = files.n;
  return VC_OK;
}

static vc_status list_two_folders(struct import_set *set, const char *root) {
  struct import_files images, masks;
  VC_TRY(import_images(set->arena, root, "images", &images));
  VC_TRY(import_images(set->arena, root, "masks", &masks));
  for (size_t i = 0; i < images.n; i++) {
    struct import_item item = {.stem = images.stems[i], .image = images.paths[i]};
    char *name;
    VC_TRY(vc_arena_printf(set->arena, &name, "masks/%s", item.stem));
    if (import_has_folder(root, name))
      VC_TRY(take_instances(set, root, name, &item));
    else
      VC_TRY(find_mask(&masks, &item, false));
    VC_TRY(import_add(set, item));
  }
  return VC_OK;
}

// X/images/X.png in every sub-folder that has images; leaves the set empty where it is otherwise.
static vc_status list_folder_an_image(struct import_set *set, const char *root, char *const *names, size_t n) {
  for (size_t i = 0; i < n; i++) {
    struct import_files images;
    char *folder;
    VC_TRY(vc_path_join(set->arena, root, names[i], &folder));
    VC_TRY(import_images(set->arena, folder, "images", &images));
    if (images.n == 0) continue;
    if (images.n > 1 || strcmp(images.stems[0], names[i]) != 0) {
      set->n_items = 0;
      return VC_OK;
    }
    struct import_item item = {.stem = names[i], .image = images.paths[0]};
    if (import_has_folder(folder, "masks")) VC_TRY(take_instances(set, folder, "masks", &item));
    VC_TRY(import_add(set, item));
  }
  return VC_OK;
}

static vc_status list_one_folder(struct import_set *set, const char *root) {
  struct import_files files;
  VC_TRY(import_images(set->arena, root, "", &files));
  for (size_t i = 0; i < files.n; i++) {
    struct import_item item = {.stem = files.stems[i], .image = files.paths[i]};
    bool is_mask = false;
    for (size_t k = 0; k < files.n; k++) is_mask = is_mask || is_mask_of(item.stem, files.stems[k]);
    if (is_mask) continue;
    VC_TRY(find_mask(&files, &item, true));
    VC_TRY(import_add(set, item));
  }
  return VC_OK;
}

vc_status import_list_folder(struct import_set *set, const char *source) {
  const char *root;
  char **names;
  size_t n;
  set->source = "folder";
  set->object = "cell";
  VC_TRY(import_folders(set->arena, source, &names, &n));
  VC_TRY(import_root(set->arena, source, has_images, &root));
  if (root != source) VC_TRY(list_folder_an_image(set, source, names, n));
  if (root && set->n_items == 0) VC_TRY(list_two_folders(set, root));
  if (set->n_items == 0) VC_TRY(list_one_folder(set, source));
  if (set->n_items > 0) return VC_OK;
  return VC_FAIL(VC_E_INPUT,
                 "%s: no PNG or TIFF images in a known arrangement: images/ and masks/ with equal names, masks/NAME/ "
                 "with one file a cell, NAME/images/ and NAME/masks/, or NAME.png beside NAME_mask.png",
                 source);
}
