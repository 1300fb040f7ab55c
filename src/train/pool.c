#include "train/pool.h"

#include <math.h>
#include <string.h>

enum { RING_SLOTS = 4 };

struct place {
  uint64_t image_word, label_word; // resident: where the sample stands
  bool wanted, labelled;           // its pixels, its mask are needed
};

struct vc_pool {
  struct vc_pool_desc desc;
  vc_arena *arena;
  bool resident;
  vc_slot *images, *labels;
  struct place *places; // [n_samples]
  double min[4], max[4];
  double *sample_min, *sample_max;    // [n_samples * channels]
  uint8_t *image_bytes, *label_bytes; // resident: host copies while reading; streaming: the mapped slots
  uint64_t region_image_words, region_label_words;
  vc_arena *loader_arena; // of the loader, which goes when the steps begin anew
  vc_loader *loader;
  uint32_t slot; // of the current step in the ring
};

static uint32_t n_channels(const struct vc_pool *p) {
  return p->desc.dataset->desc.channels;
}

static uint64_t image_words(const struct vc_pool *p, uint32_t sample) {
  const struct vc_sample *s = &p->desc.dataset->samples[sample];
  return vc_div_up((uint64_t)s->width * s->height * n_channels(p) * vc_pixel_bytes(s->format), 4);
}

static uint64_t label_words(const struct vc_pool *p, uint32_t sample) {
  const struct vc_sample *s = &p->desc.dataset->samples[sample];
  return vc_div_up((uint64_t)s->width * s->height, 4);
}

static void want(struct vc_pool *p, const uint32_t *samples, uint32_t n, bool labelled) {
  for (uint32_t i = 0; i < n; i++) p->places[samples[i]] = (struct place){.wanted = true, .labelled = labelled};
}

static void measure_range(const struct vc_image *image, double *out_min, double *out_max) {
  for (uint32_t c = 0; c < image->channels; c++) {
    double lo = INFINITY, hi = -INFINITY;
    const uint64_t count = (uint64_t)image->width * image->height * image->channels;
    for (uint64_t i = c; i < count; i += image->channels) {
      const double v = vc_image_value(image, i);
      lo = VC_MIN(lo, v);
      hi = VC_MAX(hi, v);
    }
    out_min[c] = lo;
    out_max[c] = hi;
  }
}

static vc_status decode(const struct vc_pool *p, uint32_t sample, vc_arena *arena, struct vc_image *out,
                        uint8_t **out_classes) {
  if (p->desc.read) return p->desc.read(p->desc.context, sample, arena, out, out_classes);
  VC_TRY(vc_dataset_image(p->desc.dataset, sample, arena, out));
  return out_classes ? vc_dataset_classes(p->desc.dataset, sample, arena, out_classes) : VC_OK;
}

// Decodes a sample's image to `image_word` and, for labelled ones, its class map to `label_word` of the host bytes.
static vc_status read_sample(struct vc_pool *p, uint32_t sample, uint64_t image_word, uint64_t label_word,
                             bool measure) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  struct vc_image image;
  uint8_t *classes = NULL;
  const vc_status status = decode(p, sample, arena, &image, p->places[sample].labelled ? &classes : NULL);
  if (status == VC_OK) {
    memcpy(p->image_bytes + 4 * image_word, image.pixels,
           (size_t)image.width * image.height * image.channels * vc_pixel_bytes(image.format));
    if (measure) measure_range(&image, &p->sample_min[sample * n_channels(p)], &p->sample_max[sample * n_channels(p)]);
    if (classes) memcpy(p->label_bytes + 4 * label_word, classes, (size_t)image.width * image.height);
  }
  vc_arena_destroy(arena);
  return status;
}

static vc_status read_resident(void *context, size_t i) {
  struct vc_pool *p = context;
  if (!p->places[i].wanted) return VC_OK;
  return read_sample(p, (uint32_t)i, p->places[i].image_word, p->places[i].label_word, true);
}

static void merge_range(struct vc_pool *p, const uint32_t *samples, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t c = 0; c < n_channels(p); c++) {
      p->min[c] = VC_MIN(p->min[c], p->sample_min[samples[i] * n_channels(p) + c]);
      p->max[c] = VC_MAX(p->max[c], p->sample_max[samples[i] * n_channels(p) + c]);
    }
}

static vc_status make_resident(vc_arena *arena, struct vc_pool *p, uint64_t n_image_words, uint64_t n_label_words) {
  vc_arena *host;
  VC_TRY(vc_arena_create(&host));
  vc_status status = VC_NEW(host, 4 * n_image_words, &p->image_bytes);
  if (status == VC_OK) status = VC_NEW(host, 4 * n_label_words, &p->label_bytes);
  if (status == VC_OK) status = vc_parallel_for(p->desc.n_workers, p->desc.dataset->n_samples, read_resident, p);
  if (status == VC_OK)
    status = vc_slot_create(arena, p->desc.gpu, 4 * n_image_words, VC_SLOT_DEVICE, "images", &p->images);
  if (status == VC_OK)
    status = vc_slot_create(arena, p->desc.gpu, 4 * n_label_words, VC_SLOT_DEVICE, "masks", &p->labels);
  if (status == VC_OK) status = vc_slot_write(p->images, 0, p->image_bytes, 4 * n_image_words);
  if (status == VC_OK) status = vc_slot_write(p->labels, 0, p->label_bytes, 4 * n_label_words);
  vc_arena_destroy(host);
  p->image_bytes = p->label_bytes = NULL;
  merge_range(p, p->desc.split->train_labelled, p->desc.split->n_labelled);
  merge_range(p, p->desc.split->train_unlabelled, p->desc.split->n_unlabelled);
  return status;
}

static uint32_t entries_per_step(const struct vc_pool *p) {
  return p->desc.batch * p->desc.n_streams;
}

static vc_status make_ring(vc_arena *arena, struct vc_pool *p) {
  const uint64_t regions = (uint64_t)RING_SLOTS * entries_per_step(p) + p->desc.n_staged;
  const uint64_t image_bytes = 4 * regions * p->region_image_words, label_bytes = 4 * regions * p->region_label_words;
  if (image_bytes / 4 > UINT32_MAX || image_bytes > p->desc.caps->max_buffer_range)
    return VC_FAIL(
        VC_E_NOMEM,
        "images too large to stream: a ring needs %llu MiB; reduce train.batch or cut the images into smaller files",
        (unsigned long long)(image_bytes >> 20));
  VC_TRY(vc_slot_create(arena, p->desc.gpu, image_bytes, VC_SLOT_HOST_VISIBLE, "image ring", &p->images));
  VC_TRY(vc_slot_create(arena, p->desc.gpu, label_bytes, VC_SLOT_HOST_VISIBLE, "mask ring", &p->labels));
  p->image_bytes = vc_slot_host(p->images);
  p->label_bytes = vc_slot_host(p->labels);

  const struct vc_split *s = p->desc.split;
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  uint32_t *train;
  vc_status status = VC_NEW(scratch, s->n_labelled + s->n_unlabelled, &train);
  if (status == VC_OK) {
    memcpy(train, s->train_labelled, s->n_labelled * sizeof *train);
    memcpy(train + s->n_labelled, s->train_unlabelled, s->n_unlabelled * sizeof *train);
    status =
        vc_dataset_range(p->desc.dataset, train, s->n_labelled + s->n_unlabelled, p->desc.n_workers, p->min, p->max);
  }
  vc_arena_destroy(scratch);
  return status;
}

static bool choose_resident(const struct vc_pool *p, uint64_t n_image_words, uint64_t n_label_words) {
  const struct vc_caps *caps = p->desc.caps;
  const uint64_t bytes = 4 * n_image_words, memory = p->desc.memory ? p->desc.memory : caps->heap_bytes;
  const uint64_t largest = VC_MIN(caps->max_buffer_range, caps->max_allocation_bytes);
  if (bytes > largest || n_image_words > UINT32_MAX || 4 * n_label_words > largest) return false;
  // Half of the device's memory stays for the network.
  return strcmp(p->desc.residence, "device") == 0 || bytes + 4 * n_label_words <= memory / 2;
}

static void destroy_loader(void *object) {
  struct vc_pool *p = object;
  vc_arena_destroy(p->loader_arena);
}

vc_status vc_pool_create(vc_arena *arena, const struct vc_pool_desc *desc, struct vc_pool **out) {
  struct vc_pool *p;
  VC_TRY(VC_NEW(arena, 1, &p));
  p->desc = *desc;
  p->arena = arena;
  const uint32_t n = desc->dataset->n_samples;
  VC_TRY(VC_NEW(arena, n, &p->places));
  VC_TRY(VC_NEW(arena, (size_t)n * n_channels(p), &p->sample_min));
  VC_TRY(VC_NEW(arena, (size_t)n * n_channels(p), &p->sample_max));
  for (uint32_t c = 0; c < 4; c++) p->min[c] = INFINITY, p->max[c] = -INFINITY;
  want(p, desc->split->train_labelled, desc->split->n_labelled, true);
  want(p, desc->split->train_unlabelled, desc->split->n_unlabelled, false);
  want(p, desc->split->val, desc->split->n_val, desc->dataset->n_paired > 0);

  uint64_t n_image_words = 0, n_label_words = 0;
  for (uint32_t i = 0; i < n; i++) {
    if (!p->places[i].wanted) continue;
    p->places[i].image_word = n_image_words;
    p->places[i].label_word = n_label_words;
    n_image_words += image_words(p, i);
    p->region_image_words = VC_MAX(p->region_image_words, image_words(p, i));
    if (!p->places[i].labelled) continue;
    n_label_words += label_words(p, i);
    p->region_label_words = VC_MAX(p->region_label_words, label_words(p, i));
  }
  p->resident = strcmp(desc->residence, "stream") != 0 && choose_resident(p, n_image_words, n_label_words);
  if (!p->resident && strcmp(desc->residence, "device") == 0)
    return VC_FAIL(VC_E_NOMEM,
                   "data.residence: the images need %llu MiB on the device, more than it can bind; use \"auto\"",
                   (unsigned long long)(n_image_words >> 18));
  VC_TRY(p->resident ? make_resident(arena, p, n_image_words, n_label_words) : make_ring(arena, p));
  VC_TRY(vc_arena_defer(arena, destroy_loader, p));
  *out = p;
  return VC_OK;
}

void vc_pool_range(const struct vc_pool *p, double *out_min, double *out_max) {
  memcpy(out_min, p->min, n_channels(p) * sizeof *out_min);
  memcpy(out_max, p->max, n_channels(p) * sizeof *out_max);
}

bool vc_pool_resident(const struct vc_pool *p) {
  return p->resident;
}
vc_slot *vc_pool_images(struct vc_pool *p) {
  return p->images;
}
vc_slot *vc_pool_labels(struct vc_pool *p) {
  return p->labels;
}

static uint64_t region(const struct vc_pool *p, uint32_t slot, uint32_t entry) {
  return entry >= VC_POOL_STAGED ? (uint64_t)RING_SLOTS * entries_per_step(p) + (entry - VC_POOL_STAGED)
                                 : (uint64_t)slot * entries_per_step(p) + entry;
}

static vc_status fetch_step(void *context, uint64_t step, uint32_t slot) {
  struct vc_pool *p = context;
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  uint32_t *samples = NULL;
  vc_status status = VC_NEW(scratch, entries_per_step(p), &samples);
  if (status == VC_OK) status = p->desc.samples_of_step(p->desc.context, step, scratch, samples);
  for (uint32_t i = 0; i < entries_per_step(p) && status == VC_OK; i++) {
    const uint64_t r = region(p, slot, i);
    status = read_sample(p, samples[i], r * p->region_image_words, r * p->region_label_words, false);
  }
  vc_arena_destroy(scratch);
  return status;
}

vc_status vc_pool_start(struct vc_pool *p, uint64_t first_step) {
  if (p->resident) return VC_OK;
  vc_arena_destroy(p->loader_arena);
  p->loader_arena = NULL;
  VC_TRY(vc_arena_create(&p->loader_arena));
  return vc_loader_create(p->loader_arena, fetch_step, p, RING_SLOTS, p->desc.n_workers, first_step, &p->loader);
}

vc_status vc_pool_next(struct vc_pool *p) {
  if (p->resident) return VC_OK;
  uint64_t step;
  return vc_loader_next(p->loader, &step, &p->slot);
}

void vc_pool_release(struct vc_pool *p, uint64_t step) {
  if (!p->resident) vc_loader_release(p->loader, step);
}

vc_status vc_pool_stage(struct vc_pool *p, uint32_t sample, uint32_t place) {
  VC_ASSERT(place < p->desc.n_staged);
  if (p->resident) return VC_OK;
  const uint64_t r = region(p, 0, VC_POOL_STAGED + place);
  return read_sample(p, sample, r * p->region_image_words, r * p->region_label_words, false);
}

static struct vc_window whole_window(const struct vc_pool *p, uint32_t sample, uint64_t word,
                                     enum vc_pixel_format format, uint32_t channels) {
  const struct vc_sample *s = &p->desc.dataset->samples[sample];
  return (struct vc_window){
      .word = (uint32_t)word, .width = s->width, .height = s->height, .format = format, .channels = channels};
}

struct vc_window vc_pool_image_window(const struct vc_pool *p, uint32_t entry, uint32_t sample) {
  const uint64_t word = p->resident ? p->places[sample].image_word : region(p, p->slot, entry) * p->region_image_words;
  return whole_window(p, sample, word, p->desc.dataset->samples[sample].format, n_channels(p));
}

struct vc_window vc_pool_label_window(const struct vc_pool *p, uint32_t entry, uint32_t sample) {
  const uint64_t word = p->resident ? p->places[sample].label_word : region(p, p->slot, entry) * p->region_label_words;
  return whole_window(p, sample, word, VC_PIXEL_U8, 1);
}
