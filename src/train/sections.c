// Sections of a volume on the device. A slab of planes stands there at a time, with the one plane behind it that
// interpolation needs; sections go through in batches. Each pixel comes from exactly one slab.
#include "sections.h"

#include "vulcyte/gpu.h"
#include "vulcyte/ops.h"

#include <string.h>

enum { MAX_BATCH = 64 * 1024 / (9 * 4) };      // samplers that a feed holds
static const uint64_t result_bytes = 64 << 20; // of a batch, at most

struct cutter {
  const struct sections_desc *desc;
  const struct vc_volume_info *info;
  enum vc_pixel_format format; // of the voxels on the device; labels of 32 bits are F32 to the kernel
  uint64_t plane_bytes;
  uint32_t n_planes; // that the slot holds
  uint32_t n_batch;  // sections
  vc_slot *slot;
  vc_exec *exec;
  vc_tensor *slab, *samplers, *result;
  uint8_t *host;              // n_planes planes, of which
  uint32_t first, n_resident; // planes first .. first + n_resident - 1 are read
  float *vectors;             // 9 of each section, up to a whole batch
  uint32_t *words;            // of a batch's pixels
};

static uint32_t voxel_bytes(const struct cutter *c) {
  return vc_pixel_bytes(c->format);
}

// ---- memory ----

static vc_status choose_slab(struct cutter *c) {
  const struct vc_caps *caps = vc_gpu_caps(c->desc->gpu);
  uint64_t allocated, available, budget = c->desc->slab_bytes, depth = c->info->size[2];
  uint64_t least = VC_MIN(depth, c->desc->as_labels ? 1 : 2);
  vc_gpu_memory(c->desc->gpu, &allocated, &available);
  if (budget == 0) budget = (available ? available : caps->heap_bytes) / 2;
  budget = VC_MIN(budget, VC_MIN(caps->max_buffer_range, caps->max_allocation_bytes));
  budget = VC_MIN(budget, (uint64_t)UINT32_MAX * voxel_bytes(c)); // voxels are counted in 32 bits
  budget -= budget % 4;
  uint64_t n = budget / c->plane_bytes;
  if (n < least) {
    return VC_FAIL(VC_E_NOMEM, "%s: %llu planes of %u x %u voxels need %llu MiB, more than the device can hold at once",
                   c->desc->name, (unsigned long long)least, c->info->size[0], c->info->size[1],
                   (unsigned long long)(least * c->plane_bytes >> 20));
  }
  c->n_planes = (uint32_t)VC_MIN(n, depth);
  return VC_OK;
}

static vc_status make_graph(vc_arena *arena, struct cutter *c) {
  const struct sections_desc *d = c->desc;
  uint64_t slot_bytes = vc_round_up(c->n_planes * c->plane_bytes, 4);
  struct vc_shape shape = {c->n_batch, 1, d->height, d->width};
  vc_graph *g;
  VC_TRY(vc_graph_create(arena, &g));
  VC_TRY(vc_slot_create(arena, d->gpu, slot_bytes, VC_SLOT_DEVICE, "volume", &c->slot));
  VC_TRY(vc_arena_alloc(arena, slot_bytes, 1, (void **)&c->host));
  vc_tensor *pool = vc_bind(g, "volume", (struct vc_shape){1, (uint32_t)(slot_bytes / 4), 1, 1}, VC_U32, c->slot, 0);
  c->slab = vc_feed(g, "slab", VC_U32, sizeof(struct vc_slab) / 4);
  c->samplers = vc_feed(g, "samplers", VC_F32, 9 * c->n_batch);
  c->result = vc_slice_volume(g, pool, c->slab, c->samplers, shape, !d->as_labels);
  vc_output(g, c->result);
  VC_TRY(vc_exec_create(arena, d->gpu, g, NULL, &c->exec));
  return vc_exec_bind(arena, &c->exec, 1);
}

static vc_status prepare(vc_arena *arena, struct cutter *c, const struct vc_section *sections, uint32_t n) {
  const struct sections_desc *d = c->desc;
  uint64_t pixels = (uint64_t)d->width * d->height;
  c->info = vc_volume_info_of(d->volume);
  if (d->as_labels)
    c->format = c->info->label_bytes == 1 ? VC_PIXEL_U8 : c->info->label_bytes == 2 ? VC_PIXEL_U16 : VC_PIXEL_F32;
  else
    c->format = c->info->format;
  c->plane_bytes = (uint64_t)c->info->size[0] * c->info->size[1] * voxel_bytes(c);
  const struct vc_caps *caps = vc_gpu_caps(d->gpu);
  uint64_t most_bytes = VC_MIN(result_bytes, VC_MIN(caps->max_buffer_range, caps->max_allocation_bytes));
  c->n_batch = (uint32_t)VC_MAX(VC_MIN(VC_MIN(most_bytes / (4 * pixels), n), MAX_BATCH), 1);
  VC_TRY(choose_slab(c));
  VC_TRY(make_graph(arena, c));
  uint32_t n_padded = (uint32_t)vc_round_up(n, c->n_batch);
  VC_TRY(VC_NEW(arena, (size_t)9 * n_padded, &c->vectors));
  VC_TRY(VC_NEW(arena, pixels * c->n_batch, &c->words));
  for (uint32_t i = 0; i < n_padded; i++) {
    vc_section_sampler(&sections[VC_MIN(i, n - 1)], c->info, c->vectors + (size_t)9 * i);
  }
  return VC_OK;
}

// ---- cutting ----

// Brings planes first .. first + n - 1 to the device; those that were there for the slab before are not read again.
static vc_status load(struct cutter *c, uint32_t first, uint32_t n) {
  uint32_t end = c->first + c->n_resident, n_kept = first < end ? end - first : 0;
  VC_ASSERT(first >= c->first && n_kept <= n);
  memmove(c->host, c->host + (first - c->first) * c->plane_bytes, n_kept * c->plane_bytes);
  void *to = c->host + n_kept * c->plane_bytes;
  VC_TRY(c->desc->as_labels ? vc_volume_read_labels(c->desc->volume, first + n_kept, n - n_kept, to)
                            : vc_volume_read(c->desc->volume, first + n_kept, n - n_kept, to));
  c->first = first;
  c->n_resident = n;
  return vc_slot_write(c->slot, 0, c->host, vc_round_up(n * c->plane_bytes, 4));
}

static vc_status cut_batch(struct cutter *c, uint32_t first_section, uint32_t n) {
  const struct sections_desc *d = c->desc;
  uint32_t pixels = d->width * d->height;
  uint64_t step;
  VC_TRY(vc_exec_feed(c->exec, c->samplers, c->vectors + (size_t)9 * first_section, (size_t)36 * c->n_batch));
  VC_TRY(vc_exec_run(c->exec, &step));
  VC_TRY(vc_exec_read(c->exec, c->result, c->words, (size_t)4 * pixels * c->n_batch));
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t *words = c->words + (size_t)i * pixels;
    for (uint32_t k = 0; k < pixels; k++) {
      if (words[k] != VC_IGNORE) d->take(d->context, first_section + i, k, words[k]);
    }
  }
  return VC_OK;
}

static vc_status cut(vc_arena *arena, const struct sections_desc *d, const struct vc_section *sections, uint32_t n) {
  struct cutter c = {.desc = d};
  VC_TRY(prepare(arena, &c, sections, n));
  uint32_t depth = c.info->size[2];
  for (uint32_t first = 0, end; first < depth; first = end) {
    bool is_last = first + c.n_planes >= depth;
    end = is_last ? depth : first + c.n_planes - (d->as_labels ? 0 : 1);
    const struct vc_slab slab = {.width = c.info->size[0],
                                 .height = c.info->size[1],
                                 .depth = depth,
                                 .first = first,
                                 .end = end,
                                 .format = (uint32_t)c.format};
    VC_TRY(load(&c, first, is_last ? depth - first : c.n_planes));
    VC_TRY(vc_exec_feed(c.exec, c.slab, &slab, sizeof slab));
    for (uint32_t i = 0; i < n; i += c.n_batch) {
      if (d->go_on && !d->go_on(d->context))
        return VC_FAIL(VC_E_INTERRUPTED, "%s: interrupted; nothing was written", d->name);
      VC_TRY(cut_batch(&c, i, VC_MIN(c.n_batch, n - i)));
    }
  }
  return VC_OK;
}

vc_status sections_cut(const struct sections_desc *desc, const struct vc_section *sections, uint32_t n) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = cut(arena, desc, sections, n);
  vc_arena_destroy(arena);
  return status;
}

// ---- the first voxel ----

static vc_status first_voxel(vc_arena *arena, vc_volume *volume, bool as_labels, uint32_t *out_word) {
  const struct vc_volume_info *info = vc_volume_info_of(volume);
  void *plane;
  VC_TRY(vc_arena_alloc(arena, (size_t)info->size[0] * info->size[1], 4, &plane));
  VC_TRY(as_labels ? vc_volume_read_labels(volume, 0, 1, plane) : vc_volume_read(volume, 0, 1, plane));
  uint32_t n_bytes = as_labels ? info->label_bytes : vc_pixel_bytes(info->format);
  uint32_t word = n_bytes == 1   ? *(const uint8_t *)plane
                  : n_bytes == 2 ? *(const uint16_t *)plane
                                 : *(const uint32_t *)plane;
  if (!as_labels && n_bytes < 4) {
    float value = (float)word;
    memcpy(&word, &value, sizeof word);
  }
  *out_word = word;
  return VC_OK;
}

vc_status sections_first_voxel(vc_volume *volume, bool as_labels, uint32_t *out_word) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = first_voxel(arena, volume, as_labels, out_word);
  vc_arena_destroy(arena);
  return status;
}
