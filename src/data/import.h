// Private to the imports: what a set consists of, found by one lister for each kind and written by import.c.
#ifndef VC_DATA_IMPORT_H
#define VC_DATA_IMPORT_H

#include "vulcyte/data.h"

// How the file or files of an item's truth become its mask.
enum import_mask {
  IMPORT_MASK_NONE,
  IMPORT_MASK_COPY,       // one label image, taken as it is
  IMPORT_MASK_COMPONENTS, // one image of colour indices: instances are connected regions of one index
  IMPORT_MASK_MERGE,      // one image for each instance
};

struct import_item {
  const char *stem, *image;
  enum import_mask mask;
  char **masks;
  size_t n_masks;
  const char *part; // list of split.json that it belongs to; NULL: none
};

struct import_set {
  vc_arena *arena;
  const char *source; // kind, for dataset.json
  const char *object; // name of the foreground class
  const char *group;  // for data.group, or NULL
  bool has_parts;
  bool is_flat; // frames of several pages are refused
  struct import_item *items;
  size_t n_items, capacity;
};

vc_status import_add(struct import_set *set, struct import_item item);

// Listers: fill the set from what lies under source.
vc_status import_list_ctc(struct import_set *set, const char *source, enum vc_import_truth truth);
vc_status import_list_bbbc039(struct import_set *set, const char *source);
vc_status import_list_folder(struct import_set *set, const char *source);

// ---- looking around (import_list.c) ----

// Names (without the path) of the folders in a folder, sorted bytewise.
vc_status import_folders(vc_arena *arena, const char *dir, char ***out_names, size_t *out_n);
struct import_files {
  char **paths, **stems;
  size_t n;
};
// The files of dir/name that are PNG or TIFF by their names, sorted; none where there is no such folder.
vc_status import_images(vc_arena *arena, const char *dir, const char *name, struct import_files *out);
bool import_has_folder(const char *dir, const char *name);
// source itself where is_root(source) holds, else its only sub-folder for which it does (archives often hold one
// folder), else NULL.
vc_status import_root(vc_arena *arena, const char *source, bool (*is_root)(const char *dir), const char **out);

// ---- masks (import_masks.c) ----

// Instances of a label image: 8-connected regions of equal labels other than 0, numbered by their first pixels row by
// row.
vc_status import_components(vc_arena *arena, const uint32_t *labels, uint32_t width, uint32_t height,
                            uint32_t **out_ids, uint32_t *out_n);
// One mask a file, any label other than 0 counting: instances are numbered in the order of the files. A pixel of
// several goes to the smallest of them, of equally small ones to the first. Instances without a pixel get no number.
vc_status import_merge(vc_arena *arena, char *const *paths, size_t n_paths, uint32_t width, uint32_t height,
                       uint32_t **out_ids, uint32_t *out_n);

// ---- dataset.json ----

struct import_class {
  const char *name;
  uint32_t value; // in the masks
};
// Begins {"name", "source", "images", "masks", "channels", "classes"}: the caller adds what more it knows and ends the
// object. The first class also takes what no other names where rest_is_first, else the last one does.
vc_status import_describe(vc_arena *arena, const char *name, const char *source, uint32_t channels, bool has_masks,
                          bool has_unlabelled, const struct import_class *classes, uint32_t n_classes,
                          bool rest_is_first, vc_json_writer **out);
vc_status import_describe_end(vc_arena *arena, vc_json_writer *w, const char *dir);

#endif
