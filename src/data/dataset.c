// A data set: images, the masks that belong to them, and what a mask's labels mean. Masks are opened by
// vc_dataset_labels and vc_dataset_classes alone; pairing looks at names.
#include "vulcyte/data.h"

#include "image.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// One image file while the set is opened.
struct entry {
  const char *path, *stem, *mask_path;
  bool is_unlabelled;          // of the extra folder
  struct vc_image_info *infos; // of its pages; malloc'd
  uint32_t n_pages;
  char *problem; // why it is left out; malloc'd
};
struct entry_list {
  struct entry *entries;
  size_t n;
};
struct named_path {
  const char *stem, *path;
};

// ---- what is asked for ----

static vc_status check_classes(const struct vc_dataset_desc *desc) {
  uint32_t n_rest = 0;
  if (desc->n_classes == 0 || desc->n_classes > VC_MAX_CLASSES) {
    return VC_FAIL(VC_E_CONFIG, "data.classes: %u classes; 1 to %d are possible", desc->n_classes, VC_MAX_CLASSES);
  }
  for (uint32_t i = 0; i < desc->n_classes; i++) n_rest += desc->classes[i].rest;
  if (n_rest > 1) return VC_FAIL(VC_E_CONFIG, "data.classes: %u classes take the rest; only one can", n_rest);
  return VC_OK;
}

static vc_status copy_text(vc_arena *arena, const char *text, const char **out) {
  char *copy;
  *out = NULL;
  if (!text) return VC_OK;
  VC_TRY(vc_arena_strdup(arena, text, &copy));
  *out = copy;
  return VC_OK;
}

static vc_status copy_desc(vc_arena *arena, const struct vc_dataset_desc *desc, struct vc_dataset_desc *out) {
  struct vc_class *classes;
  *out = *desc;
  VC_TRY(copy_text(arena, desc->images, &out->images));
  VC_TRY(copy_text(arena, desc->masks, &out->masks));
  VC_TRY(copy_text(arena, desc->unlabelled, &out->unlabelled));
  VC_TRY(copy_text(arena, desc->mask_pattern ? desc->mask_pattern : "{stem}", &out->mask_pattern));
  VC_TRY(VC_NEW(arena, desc->n_classes, &classes));
  for (uint32_t i = 0; i < desc->n_classes; i++) {
    uint32_t *values;
    classes[i] = desc->classes[i];
    VC_TRY(copy_text(arena, desc->classes[i].name, &classes[i].name));
    VC_TRY(VC_NEW(arena, classes[i].n_values, &values));
    if (classes[i].n_values > 0) memcpy(values, desc->classes[i].values, classes[i].n_values * sizeof *values);
    classes[i].values = values;
  }
  out->classes = classes;
  return VC_OK;
}

// ---- files ----

static bool has_image_name(const char *path) {
  const char *dot = strrchr(vc_path_base(path), '.');
  return dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".tif") == 0 || strcasecmp(dot, ".tiff") == 0);
}

// The image files of a folder, by their names' endings; all files of a glob.
static vc_status list_images(vc_arena *arena, const char *where, char ***out_paths, size_t *out_n) {
  char **paths;
  const char *first_other = NULL;
  size_t n_all, n = 0;
  VC_TRY(vc_path_list(arena, where, &paths, &n_all));
  bool is_folder = vc_path_is_dir(where);
  for (size_t i = 0; i < n_all; i++) {
    if (!is_folder || has_image_name(paths[i])) {
      paths[n++] = paths[i];
    } else if (!first_other) {
      first_other = paths[i];
    }
  }
  if (n == 0 && first_other) {
    return VC_FAIL(VC_E_INPUT, "%s: no PNG or TIFF files among its %zu (the first is %s); convert them", where, n_all,
                   vc_path_base(first_other));
  }
  if (n == 0) return VC_FAIL(VC_E_INPUT, "%s: no image files there; check the folder or pattern", where);
  if (first_other) {
    vc_log(VC_LOG_WARNING, "%s: %zu files that are not PNG or TIFF by name are left out (the first is %s)", where,
           n_all - n, vc_path_base(first_other));
  }
  *out_paths = paths;
  *out_n = n;
  return VC_OK;
}

static int compare_named(const void *a, const void *b) {
  const struct named_path *x = a, *y = b;
  int order = strcmp(x->stem, y->stem);
  return order ? order : strcmp(x->path, y->path);
}

static int compare_stem(const void *key, const void *element) {
  return strcmp(key, ((const struct named_path *)element)->stem);
}

static vc_status list_named(vc_arena *arena, const char *where, struct named_path **out, size_t *out_n) {
  char **paths = NULL;
  struct named_path *named;
  VC_TRY(list_images(arena, where, &paths, out_n));
  VC_TRY(VC_NEW(arena, *out_n, &named));
  for (size_t i = 0; i < *out_n; i++) {
    char *stem;
    VC_TRY(vc_path_stem(arena, paths[i], &stem));
    named[i] = (struct named_path){.stem = stem, .path = paths[i]};
  }
  qsort(named, *out_n, sizeof *named, compare_named);
  *out = named;
  return VC_OK;
}

// The pattern with every {stem} replaced.
static vc_status apply_pattern(vc_arena *arena, const char *pattern, const char *stem, const char **out) {
  static const char hole[] = "{stem}";
  char *text;
  VC_TRY(vc_arena_strdup(arena, pattern, &text));
  for (char *at = strstr(text, hole); at;) {
    char *joined;
    size_t n_done = (size_t)(at - text) + strlen(stem);
    *at = '\0';
    VC_TRY(vc_arena_printf(arena, &joined, "%s%s%s", text, stem, at + strlen(hole)));
    text = joined;
    at = strstr(text + n_done, hole);
  }
  *out = text;
  return VC_OK;
}

// ---- pairing ----

struct masks {
  struct named_path *files; // sorted by stem
  size_t n;
  bool *is_used;
  bool *is_image; // also listed as an image, and used as one
};

static vc_status find_mask(vc_arena *arena, const char *pattern, struct masks *masks, struct entry *entry) {
  const char *stem;
  VC_TRY(apply_pattern(arena, pattern, entry->stem, &stem));
  const struct named_path *found = bsearch(stem, masks->files, masks->n, sizeof *masks->files, compare_stem);
  if (!found) return VC_OK;
  size_t at = (size_t)(found - masks->files);
  bool is_double = (at > 0 && strcmp(masks->files[at - 1].stem, stem) == 0) ||
                   (at + 1 < masks->n && strcmp(masks->files[at + 1].stem, stem) == 0);
  if (is_double) {
    return VC_FAIL(VC_E_INPUT, "%s: two masks of the stem '%s' would fit %s; remove one", found->path, stem,
                   entry->path);
  }
  masks->is_used[at] = true;
  entry->mask_path = found->path;
  return VC_OK;
}

// The place of an image's own file in the masks' folder, masks->n if it is not there.
static size_t place_in_masks(const struct masks *masks, const struct entry *entry) {
  struct named_path key = {.stem = entry->stem, .path = entry->path};
  const struct named_path *found = bsearch(&key, masks->files, masks->n, sizeof key, compare_named);
  return found ? (size_t)(found - masks->files) : masks->n;
}

// Images whose file is another one's mask (both kinds in one folder) are no images; each of the others needs a mask.
static vc_status drop_masks(const struct vc_dataset_desc *desc, struct masks *masks, struct entry_list *list) {
  size_t n = 0, n_missing = 0;
  const struct entry *missing = NULL;
  for (size_t i = 0; i < list->n; i++) {
    struct entry *entry = &list->entries[i];
    size_t at = place_in_masks(masks, entry);
    if (at < masks->n && masks->is_used[at]) continue;
    if (at < masks->n) masks->is_image[at] = true;
    if (!entry->mask_path) {
      n_missing++;
      if (!missing) missing = entry;
      if (desc->skip_bad) {
        vc_log(VC_LOG_WARNING, "%s: left out: no mask of that stem in %s", entry->path, desc->masks);
        continue;
      }
    }
    list->entries[n++] = *entry;
  }
  if (n_missing > 0 && !desc->skip_bad) {
    return VC_FAIL(VC_E_INPUT,
                   "%s: no mask in %s for it%s (wanted stem: %s, {stem} = %s); add the mask, set data.mask_pattern, or "
                   "move images without masks to the folder named by data.unlabelled",
                   missing->path, desc->masks, n_missing > 1 ? " and others" : "", desc->mask_pattern, missing->stem);
  }
  list->n = n;
  return VC_OK;
}

static vc_status pair_masks(vc_arena *arena, const struct vc_dataset_desc *desc, struct entry_list *list) {
  struct masks masks = {0};
  const char *pattern = desc->mask_pattern;
  if (!strstr(pattern, "{stem}")) {
    return VC_FAIL(VC_E_CONFIG, "data.mask_pattern: '%s' has no {stem}; write it where the image's stem stands",
                   pattern);
  }
  VC_TRY_CTX(list_named(arena, desc->masks, &masks.files, &masks.n), "masks");
  VC_TRY(VC_NEW(arena, masks.n, &masks.is_used));
  VC_TRY(VC_NEW(arena, masks.n, &masks.is_image));
  for (size_t i = 0; i < list->n; i++) VC_TRY(find_mask(arena, pattern, &masks, &list->entries[i]));
  VC_TRY(drop_masks(desc, &masks, list));
  size_t n_unused = 0, first_unused = 0;
  for (size_t i = 0; i < masks.n; i++) {
    if (masks.is_used[i] || masks.is_image[i]) continue;
    if (n_unused++ == 0) first_unused = i;
  }
  if (n_unused > 0) {
    vc_log(VC_LOG_WARNING, "%s: %zu masks have no image and are left out (the first is %s)", desc->masks, n_unused,
           vc_path_base(masks.files[first_unused].path));
  }
  return VC_OK;
}

static vc_status list_entries(vc_arena *arena, const char *where, bool is_unlabelled, struct entry_list *out) {
  struct named_path *files;
  VC_TRY(list_named(arena, where, &files, &out->n));
  VC_TRY(VC_NEW(arena, out->n, &out->entries));
  for (size_t i = 0; i < out->n; i++) {
    out->entries[i] = (struct entry){.path = files[i].path, .stem = files[i].stem, .is_unlabelled = is_unlabelled};
  }
  return VC_OK;
}

// ---- headers ----

struct header_job {
  const struct vc_dataset_desc *desc;
  struct entry *entries;
};

// Where bad files are to be left out, the pixels are decoded too: a cut file shows only there.
static vc_status try_pixels(const struct vc_dataset_desc *desc, const struct entry *entry) {
  for (uint32_t page = 0; page < entry->n_pages; page++) {
    vc_arena *arena;
    struct vc_image image;
    VC_TRY(vc_arena_create(&arena));
    vc_status status = vc_image_read(arena, entry->path, page, desc->channels, &image);
    vc_arena_destroy(arena);
    VC_TRY(status);
  }
  return VC_OK;
}

static vc_status read_entry(const struct vc_dataset_desc *desc, struct entry *entry) {
  VC_TRY(image_read_pages(entry->path, &entry->infos, &entry->n_pages));
  for (uint32_t page = 0; page < entry->n_pages; page++) {
    VC_TRY(image_check_channels(entry->path, entry->infos[page].channels, desc->channels));
  }
  return desc->skip_bad ? try_pixels(desc, entry) : VC_OK;
}

static vc_status read_header(void *context, size_t i) {
  struct header_job *job = context;
  struct entry *entry = &job->entries[i];
  vc_status status = read_entry(job->desc, entry);
  if (status == VC_OK || status == VC_E_NOMEM || !job->desc->skip_bad) return status;
  entry->problem = strdup(vc_error_message());
  return entry->problem ? VC_OK : VC_FAIL(VC_E_NOMEM, "%s: out of memory", entry->path);
}

// ---- samples ----

static int compare_samples(const void *a, const void *b) {
  return strcmp(((const struct vc_sample *)a)->stem, ((const struct vc_sample *)b)->stem);
}

static vc_status add_samples(vc_arena *arena, const struct entry *entry, vc_dataset *d) {
  for (uint32_t page = 0; page < entry->n_pages; page++) {
    const struct vc_image_info *info = &entry->infos[page];
    struct vc_sample *sample = &d->samples[d->n_samples++];
    char *stem;
    if (page == 0) {
      VC_TRY(vc_arena_strdup(arena, entry->stem, &stem));
    } else {
      VC_TRY(vc_arena_printf(arena, &stem, "%s#%u", entry->stem, page + 1));
    }
    *sample = (struct vc_sample){.stem = stem,
                                 .image_path = entry->path,
                                 .mask_path = entry->mask_path,
                                 .page = page,
                                 .width = info->width,
                                 .height = info->height,
                                 .format = info->format};
  }
  return VC_OK;
}

static vc_status check_stems(vc_arena *arena, const vc_dataset *d) {
  struct vc_sample *sorted;
  VC_TRY(VC_NEW(arena, d->n_samples, &sorted));
  memcpy(sorted, d->samples, d->n_samples * sizeof *sorted);
  qsort(sorted, d->n_samples, sizeof *sorted, compare_samples);
  for (uint32_t i = 1; i < d->n_samples; i++) {
    if (strcmp(sorted[i - 1].stem, sorted[i].stem) == 0) {
      return VC_FAIL(VC_E_INPUT, "%s and %s: two images of one stem, '%s'; rename or remove one",
                     sorted[i - 1].image_path, sorted[i].image_path, sorted[i].stem);
    }
  }
  return VC_OK;
}

// The entries' pages as samples: those of `images` sorted by stem, then those of `unlabelled`.
static vc_status make_samples(vc_arena *arena, vc_arena *scratch, const struct entry_list *list, vc_dataset *d) {
  uint64_t n = 0;
  for (size_t i = 0; i < list->n; i++) n += list->entries[i].problem ? 0 : list->entries[i].n_pages;
  if (n == 0) return VC_FAIL(VC_E_INPUT, "%s: no readable image is left", d->desc.images);
  if (n > INT32_MAX / 4) return VC_FAIL(VC_E_INPUT, "%s: more images than can be numbered", d->desc.images);
  VC_TRY(VC_NEW(arena, n, &d->samples));
  for (int unlabelled = 0; unlabelled < 2; unlabelled++) {
    uint32_t first = d->n_samples;
    for (size_t i = 0; i < list->n; i++) {
      const struct entry *entry = &list->entries[i];
      if (entry->is_unlabelled == (unlabelled == 1) && !entry->problem) VC_TRY(add_samples(arena, entry, d));
    }
    uint32_t n_added = d->n_samples - first;
    if (n_added > 1) qsort(d->samples + first, n_added, sizeof *d->samples, compare_samples);
    if (!unlabelled) d->n_own = n_added;
    if (!unlabelled && d->desc.masks) d->n_paired = n_added;
  }
  return check_stems(scratch, d);
}

static vc_status collect_entries(vc_arena *arena, const struct vc_dataset_desc *desc, struct entry_list *out) {
  struct entry_list images, extra = {0};
  VC_TRY_CTX(list_entries(arena, desc->images, false, &images), "images");
  if (desc->masks) VC_TRY(pair_masks(arena, desc, &images));
  if (desc->unlabelled) VC_TRY_CTX(list_entries(arena, desc->unlabelled, true, &extra), "unlabelled images");
  out->n = images.n + extra.n;
  VC_TRY(VC_NEW(arena, out->n, &out->entries));
  if (images.n > 0) memcpy(out->entries, images.entries, images.n * sizeof *out->entries);
  if (extra.n > 0) memcpy(out->entries + images.n, extra.entries, extra.n * sizeof *out->entries);
  return VC_OK;
}

// The paths of the samples live as long as the arena, the rest of the entries until the set is open.
static vc_status open_entries(vc_arena *arena, vc_arena *scratch, int n_threads, vc_dataset *d) {
  struct entry_list list;
  VC_TRY(collect_entries(arena, &d->desc, &list));
  struct header_job job = {.desc = &d->desc, .entries = list.entries};
  vc_status status = vc_parallel_for(n_threads, list.n, read_header, &job);
  for (size_t i = 0; i < list.n && status == VC_OK; i++) {
    if (list.entries[i].problem) vc_log(VC_LOG_WARNING, "left out: %s", list.entries[i].problem);
  }
  if (status == VC_OK) status = make_samples(arena, scratch, &list, d);
  for (size_t i = 0; i < list.n; i++) {
    free(list.entries[i].infos);
    free(list.entries[i].problem);
  }
  return status;
}

vc_status vc_dataset_open(vc_arena *arena, const struct vc_dataset_desc *desc, int n_threads, vc_dataset **out) {
  vc_dataset *d;
  vc_arena *scratch;
  if (desc->masks) VC_TRY(check_classes(desc));
  if (desc->channels == 0) return VC_FAIL(VC_E_CONFIG, "data.channels: 0; an image has at least one");
  VC_TRY(VC_NEW(arena, 1, &d));
  VC_TRY(copy_desc(arena, desc, &d->desc));
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = open_entries(arena, scratch, n_threads, d);
  vc_arena_destroy(scratch);
  VC_TRY(status);
  *out = d;
  return VC_OK;
}

// ---- pixels ----

vc_status vc_dataset_image(const vc_dataset *d, uint32_t sample, vc_arena *arena, struct vc_image *out) {
  VC_ASSERT(sample < d->n_samples);
  const struct vc_sample *s = &d->samples[sample];
  struct vc_image image;
  VC_TRY(vc_image_read(arena, s->image_path, s->page, d->desc.channels, &image));
  if (image.width != s->width || image.height != s->height || image.format != s->format) {
    return VC_FAIL(VC_E_INPUT, "%s: changed since the data set was opened; leave the files alone meanwhile",
                   s->image_path);
  }
  *out = image;
  return VC_OK;
}

vc_status vc_dataset_labels(const vc_dataset *d, uint32_t sample, vc_arena *arena, uint32_t **out_labels) {
  VC_ASSERT(sample < d->n_samples);
  const struct vc_sample *s = &d->samples[sample];
  uint32_t width, height, *labels;
  if (!s->mask_path) return VC_FAIL(VC_E_INTERNAL, "%s: has no mask, yet it was asked for", s->image_path);
  VC_TRY(vc_mask_read(arena, s->mask_path, s->page, d->desc.mask_channel, &width, &height, &labels));
  if (width != s->width || height != s->height) {
    return VC_FAIL(VC_E_INPUT, "%s: the mask has %u x %u pixels, its image %s has %u x %u; use the mask of this image",
                   s->mask_path, width, height, s->image_path, s->width, s->height);
  }
  *out_labels = labels;
  return VC_OK;
}

struct label_class {
  uint32_t label, class_index;
};

static int compare_labels(const void *a, const void *b) {
  uint32_t x = ((const struct label_class *)a)->label, y = ((const struct label_class *)b)->label;
  return x < y ? -1 : x > y;
}

struct class_map {
  struct label_class *entries; // sorted by label
  size_t n;
  uint32_t rest; // VC_IGNORE: none
};

static vc_status make_class_map(vc_arena *arena, const struct vc_dataset_desc *desc, struct class_map *out) {
  size_t n = 0;
  out->rest = VC_IGNORE;
  for (uint32_t i = 0; i < desc->n_classes; i++) n += desc->classes[i].n_values;
  VC_TRY(VC_NEW(arena, n, &out->entries));
  out->n = 0;
  for (uint32_t i = 0; i < desc->n_classes; i++) {
    if (desc->classes[i].rest) out->rest = i;
    for (uint32_t k = 0; k < desc->classes[i].n_values; k++) {
      out->entries[out->n++] = (struct label_class){desc->classes[i].values[k], i};
    }
  }
  if (n > 1) qsort(out->entries, n, sizeof *out->entries, compare_labels);
  return VC_OK;
}

static bool find_class(const struct class_map *map, uint32_t label, uint32_t *out) {
  struct label_class key = {.label = label};
  const struct label_class *found = map->n > 0 ? bsearch(&key, map->entries, map->n, sizeof key, compare_labels) : NULL;
  *out = found ? found->class_index : map->rest;
  return found || map->rest != VC_IGNORE;
}

static vc_status map_labels(const vc_dataset *d, uint32_t sample, vc_arena *scratch, uint8_t *classes) {
  const struct vc_sample *s = &d->samples[sample];
  struct class_map map;
  uint32_t *labels, class_index = VC_IGNORE_U8;
  size_t n = (size_t)s->width * s->height;
  VC_TRY(vc_dataset_labels(d, sample, scratch, &labels));
  VC_TRY(make_class_map(scratch, &d->desc, &map));
  for (size_t i = 0; i < n; i++) {
    if (labels[i] == VC_IGNORE) {
      classes[i] = VC_IGNORE_U8;
      continue;
    }
    bool is_run = i > 0 && labels[i] == labels[i - 1];
    if (!is_run && !find_class(&map, labels[i], &class_index)) {
      return VC_FAIL(VC_E_INPUT,
                     "%s: the label %u at column %u, row %u belongs to no class; name it in data.classes, or give one "
                     "class the values \"rest\"",
                     s->mask_path, labels[i], (uint32_t)(i % s->width), (uint32_t)(i / s->width));
    }
    classes[i] = (uint8_t)class_index;
  }
  return VC_OK;
}

vc_status vc_dataset_classes(const vc_dataset *d, uint32_t sample, vc_arena *arena, uint8_t **out_classes) {
  VC_ASSERT(sample < d->n_samples);
  const struct vc_sample *s = &d->samples[sample];
  vc_arena *scratch;
  uint8_t *classes;
  VC_TRY(VC_NEW(arena, (size_t)s->width * s->height, &classes));
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = map_labels(d, sample, scratch, classes);
  vc_arena_destroy(scratch);
  VC_TRY(status);
  *out_classes = classes;
  return VC_OK;
}

// ---- range ----

struct range_job {
  const vc_dataset *d;
  const uint32_t *samples;
  double *lows, *highs; // of each sample and channel
};

static void image_range(const struct vc_image *image, double *low, double *high) {
  size_t n = (size_t)image->width * image->height;
  for (uint32_t c = 0; c < image->channels; c++) {
    double lo = vc_image_value(image, c), hi = lo;
    for (size_t p = 1; p < n; p++) {
      double value = vc_image_value(image, p * image->channels + c);
      lo = value < lo ? value : lo;
      hi = value > hi ? value : hi;
    }
    low[c] = lo;
    high[c] = hi;
  }
}

static vc_status sample_range(void *context, size_t i) {
  struct range_job *job = context;
  size_t at = i * job->d->desc.channels;
  vc_arena *arena;
  struct vc_image image;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = vc_dataset_image(job->d, job->samples[i], arena, &image);
  if (status == VC_OK) image_range(&image, job->lows + at, job->highs + at);
  vc_arena_destroy(arena);
  return status;
}

vc_status vc_dataset_range(const vc_dataset *d, const uint32_t *samples, uint32_t n, int n_threads, double *out_min,
                           double *out_max) {
  struct range_job job = {.d = d, .samples = samples};
  uint32_t n_channels = d->desc.channels;
  vc_arena *arena;
  VC_ASSERT(n > 0);
  VC_TRY(vc_arena_create(&arena));
  vc_status status = VC_NEW(arena, (size_t)n * n_channels, &job.lows);
  if (status == VC_OK) status = VC_NEW(arena, (size_t)n * n_channels, &job.highs);
  if (status == VC_OK) status = vc_parallel_for(n_threads, n, sample_range, &job);
  for (uint32_t c = 0; c < n_channels && status == VC_OK; c++) {
    out_min[c] = job.lows[c];
    out_max[c] = job.highs[c];
    for (size_t i = 1; i < n; i++) {
      out_min[c] = VC_MIN(out_min[c], job.lows[i * n_channels + c]);
      out_max[c] = VC_MAX(out_max[c], job.highs[i * n_channels + c]);
    }
  }
  vc_arena_destroy(arena);
  return status;
}
