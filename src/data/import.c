// Public sets become images/, masks/, unlabelled/ and dataset.json.
#include "import.h"

#include <string.h>

struct outcome {
  bool is_bad, is_colour;
};

struct job {
  const struct vc_import_desc *desc;
  const struct import_set *set;
  const char *dir;        // the folder under way
  const char *unlabelled; // sub-folder of the images without a mask
  struct outcome *outcomes;
};

vc_status import_add(struct import_set *set, struct import_item item) {
  if (set->n_items == set->capacity) {
    struct import_item *grown;
    size_t capacity = set->capacity ? 2 * set->capacity : 64;
    VC_TRY(VC_NEW(set->arena, capacity, &grown));
    if (set->n_items > 0) memcpy(grown, set->items, set->n_items * sizeof *grown);
    set->items = grown;
    set->capacity = capacity;
  }
  set->items[set->n_items++] = item;
  return VC_OK;
}

// ---- one image ----

static bool is_colour(const struct vc_image *image) {
  if (image->channels != 3) return false;
  size_t n = (size_t)image->width * image->height, bytes = vc_pixel_bytes(image->format);
  const uint8_t *p = image->pixels;
  for (size_t i = 0; i < n; i++, p += 3 * bytes) {
    if (memcmp(p, p + bytes, bytes) != 0 || memcmp(p, p + 2 * bytes, bytes) != 0) return true;
  }
  return false;
}

static vc_status copy_file(vc_arena *arena, const char *from, const char *dir, const char *folder, const char *stem) {
  char *own_stem, *to;
  uint8_t *bytes;
  size_t n_bytes;
  VC_TRY(vc_path_stem(arena, from, &own_stem));
  VC_TRY(vc_arena_printf(arena, &to, "%s/%s/%s%s", dir, folder, stem, vc_path_base(from) + strlen(own_stem)));
  VC_TRY(vc_file_read(arena, from, 0, &bytes, &n_bytes));
  return vc_file_write(to, bytes, n_bytes);
}

static vc_status check_image(vc_arena *arena, const struct job *job, const struct import_item *item,
                             struct vc_image_info *out_info, struct outcome *out) {
  VC_TRY(vc_image_info_read(item->image, out_info));
  if (job->set->is_flat && out_info->pages > 1) {
    return VC_FAIL(VC_E_INPUT,
                   "%s: a stack of %u planes; only two-dimensional sequences are imported: save the planes and their "
                   "masks under one name in images/ and masks/, and use import folder",
                   item->image, out_info->pages);
  }
  for (uint32_t page = 0; page < out_info->pages; page++) {
    struct vc_image image;
    VC_TRY(vc_image_read(arena, item->image, page, 0, &image));
    if (image.channels != 1 && image.channels != 3) {
      return VC_FAIL(VC_E_INPUT, "%s: %u channels; save the one that shows the cells as a grey image", item->image,
                     image.channels);
    }
    out->is_colour = out->is_colour || is_colour(&image);
  }
  return VC_OK;
}

static vc_status check_size(const struct vc_image_info *info, const char *path, uint32_t width, uint32_t height) {
  if (width == info->width && height == info->height) return VC_OK;
  return VC_FAIL(VC_E_INPUT, "%s: %u x %u pixels where the image has %u x %u", path, width, height, info->width,
                 info->height);
}

static vc_status write_ids(vc_arena *arena, const struct job *job, const struct import_item *item,
                           const struct vc_image_info *info, const uint32_t *ids, uint32_t n_ids) {
  if (n_ids > UINT16_MAX) {
    return VC_FAIL(VC_E_INPUT, "%s: %u instances; a mask of 16 bits numbers %d", item->image, n_ids, UINT16_MAX);
  }
  size_t n_pixels = (size_t)info->width * info->height;
  struct vc_image mask = {.width = info->width, .height = info->height, .channels = 1, .format = VC_PIXEL_U16};
  uint16_t *pixels;
  char *path;
  VC_TRY(VC_NEW(arena, n_pixels, &pixels));
  for (size_t i = 0; i < n_pixels; i++) pixels[i] = (uint16_t)ids[i];
  mask.pixels = pixels;
  VC_TRY(vc_arena_printf(arena, &path, "%s/masks/%s.png", job->dir, item->stem));
  return vc_png_write(path, &mask, NULL);
}

static vc_status copy_mask(vc_arena *arena, const struct job *job, const struct import_item *item,
                           const struct vc_image_info *info) {
  const char *path = item->masks[0];
  struct vc_image_info mask_info;
  VC_TRY(vc_image_info_read(path, &mask_info));
  if (mask_info.pages != info->pages) {
    return VC_FAIL(VC_E_INPUT, "%s: %u pages where the image has %u", path, mask_info.pages, info->pages);
  }
  for (uint32_t page = 0; page < info->pages; page++) {
    uint32_t width, height, *labels;
    VC_TRY(vc_mask_read(arena, path, page, -1, &width, &height, &labels));
    if (page == 0) VC_TRY(check_size(info, path, width, height));
  }
  return copy_file(arena, path, job->dir, "masks", item->stem);
}

static vc_status write_mask(vc_arena *arena, const struct job *job, const struct import_item *item,
                            const struct vc_image_info *info) {
  uint32_t width, height, n_ids, *labels, *ids;
  if (item->mask == IMPORT_MASK_COPY) return copy_mask(arena, job, item, info);
  if (info->pages > 1) {
    return VC_FAIL(VC_E_INPUT, "%s: %u pages with masks of a single page", item->image, info->pages);
  }
  if (item->mask == IMPORT_MASK_COMPONENTS) {
    VC_TRY(vc_mask_read(arena, item->masks[0], 0, -1, &width, &height, &labels));
    VC_TRY(check_size(info, item->masks[0], width, height));
    VC_TRY_CTX(import_components(arena, labels, width, height, &ids, &n_ids), "%s", item->masks[0]);
  } else {
    VC_TRY(import_merge(arena, item->masks, item->n_masks, info->width, info->height, &ids, &n_ids));
  }
  return write_ids(arena, job, item, info, ids, n_ids);
}

static vc_status import_item(vc_arena *arena, const struct job *job, const struct import_item *item,
                             struct outcome *out) {
  struct vc_image_info info;
  VC_TRY(check_image(arena, job, item, &info, out));
  if (item->mask == IMPORT_MASK_NONE) return copy_file(arena, item->image, job->dir, job->unlabelled, item->stem);
  VC_TRY(write_mask(arena, job, item, &info)); // before the image: a bad mask leaves none of the pair
  return copy_file(arena, item->image, job->dir, "images", item->stem);
}

static bool is_of_the_file(vc_status status) {
  return status == VC_E_FORMAT || status == VC_E_INPUT;
}

static vc_status run_item(void *context, size_t i) {
  struct job *job = context;
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = import_item(arena, job, &job->set->items[i], &job->outcomes[i]);
  vc_arena_destroy(arena);
  if (job->desc->skip_bad && is_of_the_file(status)) {
    vc_log(VC_LOG_WARNING, "%s; left out", vc_error_message());
    job->outcomes[i].is_bad = true;
    status = VC_OK;
  }
  return status;
}

static vc_status run_items(struct job *job) {
  enum { BATCH = 64 }; // items between two looks at the progress
  const struct vc_import_desc *desc = job->desc;
  size_t n = job->set->n_items;
  struct job part = *job;
  struct import_set set = *job->set;
  part.set = &set;
  for (size_t first = 0; first < n; first += BATCH) {
    if (desc->progress && !desc->progress(desc->context, first, n)) {
      return VC_FAIL(VC_E_INTERRUPTED, "%s: interrupted; nothing was written", desc->out_dir);
    }
    set.items = job->set->items + first;
    part.outcomes = job->outcomes + first;
    VC_TRY(vc_parallel_for(desc->n_threads, VC_MIN(n - first, (size_t)BATCH), run_item, &part));
  }
  if (desc->progress) desc->progress(desc->context, n, n);
  return VC_OK;
}

// ---- dataset.json and split.json ----

vc_status import_describe(vc_arena *arena, const char *name, const char *source, uint32_t channels, bool has_masks,
                          bool has_unlabelled, const struct import_class *classes, uint32_t n_classes,
                          bool rest_is_first, vc_json_writer **out) {
  vc_json_writer *w;
  VC_TRY(vc_json_writer_create(arena, 2, &w));
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "name", name);
  vc_json_put_string(w, "source", source);
  vc_json_put_string(w, "images", "images");
  if (has_masks) vc_json_put_string(w, "masks", "masks");
  if (has_unlabelled) vc_json_put_string(w, "unlabelled", "unlabelled");
  vc_json_put_number(w, "channels", channels);
  vc_json_begin_array(w, "classes");
  for (uint32_t i = 0; i < n_classes; i++) {
    vc_json_begin_object(w, NULL);
    vc_json_put_string(w, "name", classes[i].name);
    if (i == (rest_is_first ? 0 : n_classes - 1)) {
      vc_json_put_string(w, "values", "rest");
    } else {
      vc_json_begin_array(w, "values");
      vc_json_put_number(w, NULL, classes[i].value);
      vc_json_end_array(w);
    }
    vc_json_end_object(w);
  }
  vc_json_end_array(w);
  *out = w;
  return VC_OK;
}

vc_status import_describe_end(vc_arena *arena, vc_json_writer *w, const char *dir) {
  const char *text;
  size_t n_bytes;
  char *path;
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  VC_TRY(vc_path_join(arena, dir, "dataset.json", &path));
  return vc_file_write(path, text, n_bytes);
}

static vc_status write_description(const struct job *job, const struct vc_import_result *result) {
  const struct import_set *set = job->set;
  const struct import_class classes[] = {{"background", 0}, {set->object, 1}};
  vc_json_writer *w;
  char *source, *name;
  uint32_t channels = 1;
  for (size_t i = 0; i < set->n_items; i++) {
    if (job->outcomes[i].is_colour && !job->outcomes[i].is_bad) channels = 3;
  }
  VC_TRY(vc_arena_strdup(set->arena, job->desc->source, &source));
  for (size_t n = strlen(source); n > 1 && source[n - 1] == '/';) source[--n] = '\0';
  VC_TRY(vc_arena_strdup(set->arena, vc_path_base(source), &name));
  VC_TRY(import_describe(set->arena, name, set->source, channels, result->n_labelled > 0,
                         result->n_unlabelled > 0 && strcmp(job->unlabelled, "unlabelled") == 0, classes,
                         VC_COUNT_OF(classes), false, &w));
  if (set->group) vc_json_put_string(w, "group", set->group);
  if (set->has_parts) vc_json_put_string(w, "split_file", "split.json");
  vc_json_put_number(w, "labelled", result->n_labelled);
  vc_json_put_number(w, "unlabelled_count", result->n_unlabelled);
  return import_describe_end(set->arena, w, job->dir);
}

static vc_status write_parts(const struct job *job) {
  static const char *const parts[] = {"train_labelled", "train_unlabelled", "val", "test"};
  const struct import_set *set = job->set;
  vc_json_writer *w;
  const char *text;
  char *path;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(set->arena, 2, &w));
  vc_json_begin_object(w, NULL);
  for (size_t p = 0; p < VC_COUNT_OF(parts); p++) {
    vc_json_begin_array(w, parts[p]);
    for (size_t i = 0; i < set->n_items; i++) {
      const struct import_item *item = &set->items[i];
      const char *part = item->mask == IMPORT_MASK_NONE ? "train_unlabelled" : item->part;
      if (part && strcmp(part, parts[p]) == 0 && !job->outcomes[i].is_bad) vc_json_put_string(w, NULL, item->stem);
    }
    vc_json_end_array(w);
  }
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  VC_TRY(vc_path_join(set->arena, job->dir, "split.json", &path));
  return vc_file_write(path, text, n_bytes);
}

// ---- the whole ----

static vc_status make_folder(const struct job *job, const char *name) {
  char *path;
  VC_TRY(vc_path_join(job->set->arena, job->dir, name, &path));
  return vc_path_make_dirs(path);
}

// Where nothing has a mask, the images are the set; else those without stand apart.
static vc_status make_folders(struct job *job) {
  size_t n_labelled = 0;
  for (size_t i = 0; i < job->set->n_items; i++) n_labelled += job->set->items[i].mask != IMPORT_MASK_NONE;
  job->unlabelled = n_labelled > 0 ? "unlabelled" : "images";
  VC_TRY(make_folder(job, "images"));
  if (n_labelled > 0) VC_TRY(make_folder(job, "masks"));
  if (n_labelled > 0 && n_labelled < job->set->n_items) VC_TRY(make_folder(job, "unlabelled"));
  return VC_OK;
}

static vc_status fill(struct job *job, struct vc_import_result *out) {
  struct vc_import_result result = {0};
  VC_TRY(VC_NEW(job->set->arena, job->set->n_items, &job->outcomes));
  VC_TRY(make_folders(job));
  VC_TRY(run_items(job));
  for (size_t i = 0; i < job->set->n_items; i++) {
    if (job->outcomes[i].is_bad)
      result.n_skipped++;
    else if (job->set->items[i].mask == IMPORT_MASK_NONE)
      result.n_unlabelled++;
    else
      result.n_labelled++;
  }
  if (result.n_labelled + result.n_unlabelled == 0) {
    return VC_FAIL(VC_E_INPUT, "%s: no image could be read", job->desc->source);
  }
  if (job->set->has_parts) VC_TRY(write_parts(job));
  VC_TRY(write_description(job, &result));
  *out = result;
  return VC_OK;
}

static vc_status check_stems(const struct import_set *set) {
  for (size_t i = 0; i < set->n_items; i++) {
    for (size_t k = 0; k < i; k++) {
      if (strcmp(set->items[i].stem, set->items[k].stem) != 0) continue;
      return VC_FAIL(VC_E_INPUT, "%s and %s: two images of one name; rename one", set->items[k].image,
                     set->items[i].image);
    }
  }
  return VC_OK;
}

static vc_status run(vc_arena *arena, enum vc_import_kind kind, const struct vc_import_desc *desc,
                     struct vc_import_result *out) {
  struct import_set set = {.arena = arena};
  struct job job = {.desc = desc, .set = &set};
  vc_folder_writer *w;
  switch (kind) {
  case VC_IMPORT_CTC: VC_TRY(import_list_ctc(&set, desc->source, desc->truth)); break;
  case VC_IMPORT_BBBC039: VC_TRY(import_list_bbbc039(&set, desc->source)); break;
  case VC_IMPORT_FOLDER: VC_TRY(import_list_folder(&set, desc->source)); break;
  }
  if (set.n_items == 0) return VC_FAIL(VC_E_INPUT, "%s: no image found; check the folder", desc->source);
  VC_TRY(check_stems(&set));
  VC_TRY(vc_folder_writer_open(desc->out_dir, &w));
  job.dir = vc_folder_writer_path(w);
  vc_status status = fill(&job, out);
  if (status != VC_OK) {
    vc_folder_writer_discard(w);
    return status;
  }
  return vc_folder_writer_commit(w);
}

vc_status vc_import(enum vc_import_kind kind, const struct vc_import_desc *desc, struct vc_import_result *out) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = run(arena, kind, desc, out);
  vc_arena_destroy(arena);
  return status;
}
