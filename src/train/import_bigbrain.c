// A volume and its classes become images and masks: random plane sections, those with too little tissue drawn again.
// The classes go first: they decide which planes are taken, and intensities are then cut for these only.
#include "sections.h"

#include "data/import.h"

#include <math.h>
#include <string.h>

enum { MAX_DRAWS_EACH = 100 }; // of planes for one slice; more means that the share is not to be had
static const uint64_t host_bytes = (uint64_t)1 << 30; // of pixels at a time

struct job {
  const struct vc_import_bigbrain_desc *desc;
  struct vc_gpu *gpu;
  vc_arena *arena;
  const char *dir;
  vc_volume *image, *classes;
  uint32_t width, height, n_pixels;
  double spacing;
  uint32_t outside_label;
  float outside_value;
  struct vc_section *taken; // [desc->n_slices]
  uint32_t n_taken, n_drawn, n_images;
  bool is_label[65536]; // labels of the masks
  // The sections under way.
  uint16_t *labels;
  uint32_t bad_label; // one that a mask cannot hold; 0: none
  float *values;
};

static bool show(void *context) {
  const struct job *j = context;
  struct vc_progress p = {.phase = "cut",
                          .done = (uint64_t)j->n_taken + j->n_images,
                          .total = 2 * (uint64_t)j->desc->n_slices,
                          .loss_supervised = NAN,
                          .loss_unsupervised = NAN,
                          .mean_iou = NAN};
  return !j->desc->progress || j->desc->progress(j->desc->context, &p);
}

static uint32_t sections_at_once(const struct job *j, uint32_t pixel_bytes) {
  return (uint32_t)VC_MAX(VC_MIN(host_bytes / ((uint64_t)j->n_pixels * pixel_bytes), (uint64_t)UINT16_MAX), 1);
}

// ---- masks ----

static uint32_t class_of(const struct job *j, uint32_t label) {
  if (j->desc->n_keep == 0) return label;
  for (uint32_t i = 0; i < j->desc->n_keep; i++) {
    if (j->desc->keep[i] == label) return i + 1;
  }
  return 0;
}

static void take_label(void *context, uint32_t section, uint32_t pixel, uint32_t word) {
  struct job *j = context;
  uint32_t label = class_of(j, word);
  if (label > UINT16_MAX) j->bad_label = label;
  j->labels[(size_t)section * j->n_pixels + pixel] = (uint16_t)label;
}

static bool has_tissue(const struct job *j, const uint16_t *labels) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < j->n_pixels; i++) n += labels[i] != j->outside_label;
  return n > 0 && n >= j->desc->min_tissue * j->n_pixels;
}

static vc_status write_picture(const struct job *j, const char *folder, uint32_t number, const struct vc_image *image) {
  vc_arena *arena;
  char *path;
  VC_TRY(vc_arena_create(&arena));
  bool is_float = image->format == VC_PIXEL_F32;
  vc_status status =
      vc_arena_printf(arena, &path, "%s/%s/slice_%05u.%s", j->dir, folder, number, is_float ? "tif" : "png");
  if (status == VC_OK) status = is_float ? vc_tiff_write(path, image) : vc_png_write(path, image, NULL);
  vc_arena_destroy(arena);
  return status;
}

static vc_status keep_section(struct job *j, const struct vc_section *section, uint16_t *labels) {
  struct vc_image mask = {.width = j->width, .height = j->height, .channels = 1, .format = VC_PIXEL_U8};
  uint32_t largest = 0;
  for (uint32_t i = 0; i < j->n_pixels; i++) {
    largest = VC_MAX(largest, labels[i]);
    j->is_label[labels[i]] = true;
  }
  mask.pixels = labels;
  if (largest > UINT8_MAX) {
    mask.format = VC_PIXEL_U16;
  } else { // narrowed in place: a byte never overtakes the word it comes from
    for (uint32_t i = 0; i < j->n_pixels; i++) ((uint8_t *)labels)[i] = (uint8_t)labels[i];
  }
  VC_TRY(write_picture(j, "masks", j->n_taken, &mask));
  j->taken[j->n_taken++] = *section;
  return VC_OK;
}

// One reading of the class volume: draws planes, keeps those with tissue, in the order of their numbers.
static vc_status draw_masks(struct job *j, struct vc_section *sections, uint32_t n) {
  struct sections_desc cut = {.gpu = j->gpu,
                              .volume = j->classes,
                              .name = j->desc->classes,
                              .as_labels = true,
                              .width = j->width,
                              .height = j->height,
                              .slab_bytes = j->desc->slab_bytes,
                              .go_on = show,
                              .take = take_label,
                              .context = j};
  for (uint32_t i = 0; i < n; i++) {
    sections[i] = vc_section_draw(vc_volume_info_of(j->classes), j->spacing, j->desc->seed, j->n_drawn + i);
  }
  for (size_t i = 0; i < (size_t)n * j->n_pixels; i++) j->labels[i] = (uint16_t)j->outside_label;
  VC_TRY(sections_cut(&cut, sections, n));
  if (j->bad_label > 0) {
    return VC_FAIL(VC_E_INPUT, "%s: the label %u is over 65535; name the labels to keep", j->desc->classes,
                   j->bad_label);
  }
  for (uint32_t i = 0; i < n && j->n_taken < j->desc->n_slices; i++, j->n_drawn++) {
    uint16_t *labels = j->labels + (size_t)i * j->n_pixels;
    if (has_tissue(j, labels)) VC_TRY(keep_section(j, &sections[i], labels));
  }
  return VC_OK;
}

static vc_status make_masks(struct job *j) {
  const struct vc_import_bigbrain_desc *d = j->desc;
  uint32_t most = VC_MIN(sections_at_once(j, sizeof *j->labels), d->n_slices + d->n_slices / 4 + 4);
  struct vc_section *sections;
  VC_TRY(VC_NEW(j->arena, most, &sections));
  VC_TRY(VC_NEW(j->arena, (size_t)most * j->n_pixels, &j->labels));
  while (j->n_taken < d->n_slices) {
    uint32_t n_missing = d->n_slices - j->n_taken;
    VC_TRY(draw_masks(j, sections, VC_MIN(most, n_missing + n_missing / 4 + 4)));
    if (j->n_taken < d->n_slices && j->n_drawn / MAX_DRAWS_EACH > j->n_taken + 1) {
      return VC_FAIL(VC_E_INPUT,
                     "%s: only %u of %u planes have tissue on %g of their area; lower the share, make the slices "
                     "smaller, or check the labels to keep",
                     d->classes, j->n_taken, j->n_drawn, d->min_tissue);
    }
  }
  return VC_OK;
}

// ---- images ----

static void take_value(void *context, uint32_t section, uint32_t pixel, uint32_t word) {
  struct job *j = context;
  memcpy(&j->values[(size_t)section * j->n_pixels + pixel], &word, sizeof word);
}

struct job_part {
  const struct job *job;
  uint32_t first;
};

// Integers are rounded to the nearest, halves upwards; interpolation does not leave their range.
static vc_status write_image(void *context, size_t i) {
  const struct job_part *part = context;
  const struct job *j = part->job;
  float *values = j->values + i * j->n_pixels;
  struct vc_image image = {
      .width = j->width, .height = j->height, .channels = 1, .format = vc_volume_info_of(j->image)->format};
  image.pixels = values;
  for (uint32_t k = 0; k < j->n_pixels; k++) { // narrowed in place, as the masks are
    if (image.format == VC_PIXEL_U8) ((uint8_t *)image.pixels)[k] = (uint8_t)(values[k] + 0.5f);
    if (image.format == VC_PIXEL_U16) ((uint16_t *)image.pixels)[k] = (uint16_t)(values[k] + 0.5f);
  }
  return write_picture(j, "images", part->first + (uint32_t)i, &image);
}

static vc_status make_images(struct job *j) {
  struct sections_desc cut = {.gpu = j->gpu,
                              .volume = j->image,
                              .name = j->desc->image,
                              .width = j->width,
                              .height = j->height,
                              .slab_bytes = j->desc->slab_bytes,
                              .go_on = show,
                              .take = take_value,
                              .context = j};
  uint32_t most = VC_MIN(sections_at_once(j, sizeof *j->values), j->n_taken);
  VC_TRY(VC_NEW(j->arena, (size_t)most * j->n_pixels, &j->values));
  while (j->n_images < j->n_taken) {
    uint32_t n = VC_MIN(most, j->n_taken - j->n_images);
    struct job_part part = {.job = j, .first = j->n_images};
    for (size_t i = 0; i < (size_t)n * j->n_pixels; i++) j->values[i] = j->outside_value;
    VC_TRY(sections_cut(&cut, j->taken + j->n_images, n));
    VC_TRY(vc_parallel_for(vc_cpu_count(), n, write_image, &part));
    j->n_images += n;
  }
  return VC_OK;
}

// ---- descriptions ----

static void put_vector(vc_json_writer *w, const char *key, const double v[3]) {
  vc_json_begin_array(w, key);
  for (int i = 0; i < 3; i++) vc_json_put_number(w, NULL, v[i]);
  vc_json_end_array(w);
}

static vc_status write_sections(const struct job *j) {
  vc_json_writer *w;
  const char *text;
  char *path, *name;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(j->arena, 1, &w));
  vc_json_begin_object(w, NULL);
  vc_json_put_number(w, "width", j->width);
  vc_json_put_number(w, "height", j->height);
  vc_json_begin_array(w, "sections");
  for (uint32_t i = 0; i < j->n_taken; i++) {
    VC_TRY(vc_arena_printf(j->arena, &name, "slice_%05u", i));
    vc_json_begin_object(w, NULL);
    vc_json_put_string(w, "name", name);
    put_vector(w, "centre", j->taken[i].centre);
    put_vector(w, "u", j->taken[i].u);
    put_vector(w, "v", j->taken[i].v);
    vc_json_end_object(w);
  }
  vc_json_end_array(w);
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  VC_TRY(vc_path_join(j->arena, j->dir, "sections.json", &path));
  return vc_file_write(path, text, n_bytes);
}

// Classes for training: of the labels that were kept, or of all that occur, if they are not too many.
static vc_status list_classes(const struct job *j, struct import_class out[VC_MAX_CLASSES], uint32_t *out_n) {
  static const char *const names[] = {[2] = "grey matter", [3] = "white matter", [5] = "layer 1"};
  uint32_t n = 1;
  out[0] = (struct import_class){"background", j->outside_label};
  for (uint32_t i = 0; i < j->desc->n_keep; i++) {
    uint32_t label = j->desc->keep[i];
    char *name;
    VC_TRY(vc_arena_printf(j->arena, &name, "label %u", label));
    out[n++] = (struct import_class){label < VC_COUNT_OF(names) && names[label] ? names[label] : name, i + 1};
  }
  for (uint32_t label = 0; j->desc->n_keep == 0 && label <= UINT16_MAX && n < VC_MAX_CLASSES; label++) {
    char *name;
    if (!j->is_label[label] || label == j->outside_label) continue;
    VC_TRY(vc_arena_printf(j->arena, &name, "label %u", label));
    out[n++] = (struct import_class){name, label};
  }
  *out_n = n;
  return VC_OK;
}

static vc_status write_description(const struct job *j) {
  const struct vc_import_bigbrain_desc *d = j->desc;
  struct import_class classes[VC_MAX_CLASSES];
  uint32_t n_classes;
  vc_json_writer *w;
  char *name;
  VC_TRY(list_classes(j, classes, &n_classes));
  VC_TRY(vc_path_stem(j->arena, d->image, &name));
  VC_TRY(import_describe(j->arena, name, "bigbrain", 1, true, false, classes, n_classes, true, &w));
  vc_json_put_number(w, "labelled", j->n_taken);
  vc_json_put_number(w, "drawn", j->n_drawn);
  vc_json_put_number(w, "seed", (double)d->seed);
  vc_json_put_number(w, "spacing", j->spacing);
  vc_json_put_number(w, "min_tissue", d->min_tissue);
  vc_json_begin_array(w, "kept_labels");
  for (uint32_t i = 0; i < d->n_keep; i++) vc_json_put_number(w, NULL, d->keep[i]);
  vc_json_end_array(w);
  return import_describe_end(j->arena, w, j->dir);
}

// ---- the whole ----

static double voxel_side(const struct vc_volume_info *v, int axis) {
  const double *m = v->to_world;
  return sqrt(m[axis] * m[axis] + m[4 + axis] * m[4 + axis] + m[8 + axis] * m[8 + axis]);
}

static vc_status check_space(const struct job *j) {
  const struct vc_volume_info *a = vc_volume_info_of(j->image), *b = vc_volume_info_of(j->classes);
  struct vc_section middle = {{0}, {0}, {0}};
  float at[9];
  for (int i = 0; i < 3; i++) {
    middle.centre[i] = b->to_world[4 * i + 3];
    for (int k = 0; k < 3; k++) middle.centre[i] += b->to_world[4 * i + k] * (b->size[k] - 1) / 2;
  }
  vc_section_sampler(&middle, a, at);
  for (int i = 0; i < 3; i++) {
    if (at[6 + i] >= 0 && at[6 + i] <= (float)(a->size[i] - 1)) continue;
    return VC_FAIL(VC_E_INPUT, "%s and %s: the second's middle does not lie in the first; check their sform or qform",
                   j->desc->image, j->desc->classes);
  }
  bool is_same = memcmp(a->size, b->size, sizeof a->size) == 0;
  for (int i = 0; i < 3; i++) {
    double away = fabs((double)at[6 + i] - (a->size[i] - 1) / 2.0);
    if (is_same && away > 0.5) {
      vc_log(VC_LOG_WARNING, "%s and %s: equal sizes, but shifted by %.3g voxels along axis %d", j->desc->image,
             j->desc->classes, away, i);
    }
  }
  return VC_OK;
}

static vc_status open_volumes(struct job *j) {
  const struct vc_import_bigbrain_desc *d = j->desc;
  uint32_t outside;
  VC_TRY(vc_volume_open(j->arena, d->image, &j->image));
  VC_TRY(vc_volume_open(j->arena, d->classes, &j->classes));
  VC_TRY(check_space(j));
  const struct vc_volume_info *info = vc_volume_info_of(j->classes);
  double least = INFINITY, longest = 0;
  for (int i = 0; i < 3; i++) least = VC_MIN(least, voxel_side(info, i));
  j->spacing = d->spacing > 0 ? d->spacing : least;
  for (int i = 0; i < 3; i++) longest = VC_MAX(longest, voxel_side(info, i) * info->size[i] / j->spacing);
  if (!(longest < 65536) && (d->width == 0 || d->height == 0)) {
    return VC_FAIL(VC_E_INPUT, "%s: slices of %.0f pixels a side at a spacing of %g mm; give a size", d->classes,
                   longest, j->spacing);
  }
  j->width = d->width ? d->width : (uint32_t)ceil(longest - 1e-6);
  j->height = d->height ? d->height : (uint32_t)ceil(longest - 1e-6);
  j->n_pixels = j->width * j->height;
  VC_TRY(sections_first_voxel(j->image, false, &outside));
  memcpy(&j->outside_value, &outside, sizeof outside);
  VC_TRY(sections_first_voxel(j->classes, true, &outside));
  j->outside_label = d->n_keep > 0 ? 0 : outside;
  if (j->outside_label > UINT16_MAX) {
    return VC_FAIL(VC_E_INPUT, "%s: the label %u is over 65535; name the labels to keep", d->classes, outside);
  }
  return VC_OK;
}

static vc_status fill(struct job *j) {
  static const char *const folders[] = {"images", "masks"};
  char *path;
  for (size_t i = 0; i < VC_COUNT_OF(folders); i++) {
    VC_TRY(vc_path_join(j->arena, j->dir, folders[i], &path));
    VC_TRY(vc_path_make_dirs(path));
  }
  VC_TRY(VC_NEW(j->arena, j->desc->n_slices, &j->taken));
  VC_TRY(make_masks(j));
  VC_TRY(make_images(j));
  show(j);
  VC_TRY(write_sections(j));
  return write_description(j);
}

static vc_status run(struct job *j) {
  vc_folder_writer *w;
  VC_TRY(open_volumes(j));
  VC_TRY(vc_folder_writer_open(j->desc->out_dir, &w));
  j->dir = vc_folder_writer_path(w);
  vc_status status = fill(j);
  if (status != VC_OK) {
    vc_folder_writer_discard(w);
    return status;
  }
  return vc_folder_writer_commit(w);
}

static vc_status check(const struct vc_import_bigbrain_desc *d) {
  enum { MAX_SIDE = 16384 };
  if (d->n_slices == 0) return VC_FAIL(VC_E_USAGE, "slices: 0; ask for one at least");
  if (d->width > MAX_SIDE || d->height > MAX_SIDE) {
    return VC_FAIL(VC_E_USAGE, "size: %u x %u pixels; at most %d a side are possible", d->width, d->height, MAX_SIDE);
  }
  if (d->n_keep >= VC_MAX_CLASSES) {
    return VC_FAIL(VC_E_USAGE, "keep: %u labels; at most %d are possible", d->n_keep, VC_MAX_CLASSES - 1);
  }
  if (!(d->min_tissue >= 0 && d->min_tissue <= 1)) {
    return VC_FAIL(VC_E_USAGE, "min-tissue: %g; give a share from 0 to 1", d->min_tissue);
  }
  return VC_OK;
}

vc_status vc_import_bigbrain(struct vc_gpu *gpu, const struct vc_import_bigbrain_desc *desc,
                             struct vc_import_bigbrain_result *out) {
  vc_arena *arena;
  struct job *job;
  VC_TRY(check(desc));
  VC_TRY(vc_arena_create(&arena));
  vc_status status = VC_NEW(arena, 1, &job);
  if (status == VC_OK) {
    job->desc = desc;
    job->gpu = gpu;
    job->arena = arena;
    status = run(job);
  }
  if (status == VC_OK) *out = (struct vc_import_bigbrain_result){job->n_taken, job->n_drawn};
  vc_arena_destroy(arena);
  return status;
}
