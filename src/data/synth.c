// Sets of synthetic images on disk.
#include "synth.h"

struct kind {
  const char *name;
  vc_status (*make)(vc_arena *arena, vc_rng *rng, uint32_t size, struct vc_image *out_image, struct vc_image *out_mask);
  uint32_t n_channels;
  const char *classes[4]; // class i has label i; the last one also takes the labels above
};

static const struct kind kinds[] = {
    [VC_SYNTH_FLUO] = {"fluo", synth_fluo, 1, {"background", "nucleus"}},
    [VC_SYNTH_PHASE] = {"phase", synth_phase, 1, {"background", "cell"}},
    [VC_SYNTH_TISSUE] = {"tissue", synth_tissue, 3, {"background", "stroma", "epithelium", "nucleus"}},
};

struct job {
  enum vc_synth_kind kind;
  uint32_t size;
  uint64_t seed;
  const char *dir;
};

static vc_status write_pair(vc_arena *arena, const struct job *job, uint32_t index) {
  const struct kind *kind = &kinds[job->kind];
  vc_rng rng = vc_rng_at(job->seed, VC_RNG_SYNTH, (uint32_t)job->kind, index);
  struct vc_image image, mask;
  char *path;
  VC_TRY(kind->make(arena, &rng, job->size, &image, &mask));
  VC_TRY(vc_arena_printf(arena, &path, "%s/images/%s_%04u.png", job->dir, kind->name, index));
  VC_TRY(vc_png_write(path, &image, NULL));
  VC_TRY(vc_arena_printf(arena, &path, "%s/masks/%s_%04u.png", job->dir, kind->name, index));
  return vc_png_write(path, &mask, NULL);
}

static vc_status write_volume_pair(vc_arena *arena, const struct job *job, uint32_t index) {
  vc_rng rng = vc_rng_at(job->seed, VC_RNG_SYNTH, (uint32_t)job->kind, index);
  struct vc_volume_info info;
  uint8_t *voxels, *classes;
  char *path;
  VC_TRY(synth_volume(arena, &rng, job->size, &info, &voxels, &classes));
  VC_TRY(vc_arena_printf(arena, &path, "%s/images/volume_%04u.nii.gz", job->dir, index));
  VC_TRY(vc_volume_write(path, &info, voxels));
  VC_TRY(vc_arena_printf(arena, &path, "%s/masks/volume_%04u.nii.gz", job->dir, index));
  return vc_volume_write(path, &info, classes);
}

static vc_status run_job(void *context, size_t i) {
  vc_arena *arena;
  const struct job *job = context;
  VC_TRY(vc_arena_create(&arena));
  vc_status status =
      job->kind == VC_SYNTH_VOLUME ? write_volume_pair(arena, job, (uint32_t)i) : write_pair(arena, job, (uint32_t)i);
  vc_arena_destroy(arena);
  return status;
}

// What a configuration's "data" needs to say of this set.
static vc_status write_description(vc_arena *arena, const struct job *job, uint32_t count) {
  const struct kind *kind = &kinds[job->kind];
  vc_json_writer *w;
  const char *text;
  char *path;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(arena, 2, &w));
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "name", kind->name);
  vc_json_put_string(w, "source", "synthetic");
  vc_json_put_number(w, "count", count);
  vc_json_put_number(w, "size", job->size);
  vc_json_put_number(w, "seed", (double)job->seed);
  vc_json_put_string(w, "images", "images");
  vc_json_put_string(w, "masks", "masks");
  vc_json_put_number(w, "channels", kind->n_channels);
  vc_json_begin_array(w, "classes");
  for (uint32_t i = 0; i < VC_COUNT_OF(kind->classes) && kind->classes[i]; i++) {
    bool is_last = i + 1 == VC_COUNT_OF(kind->classes) || !kind->classes[i + 1];
    vc_json_begin_object(w, NULL);
    vc_json_put_string(w, "name", kind->classes[i]);
    if (is_last) {
      vc_json_put_string(w, "values", "rest");
    } else {
      vc_json_begin_array(w, "values");
      vc_json_put_number(w, NULL, i);
      vc_json_end_array(w);
    }
    vc_json_end_object(w);
  }
  vc_json_end_array(w);
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  VC_TRY(vc_path_join(arena, job->dir, "dataset.json", &path));
  return vc_file_write(path, text, n_bytes);
}

static vc_status write_set(vc_arena *arena, struct job *job, uint32_t count, int n_threads) {
  char *path;
  VC_TRY(vc_path_join(arena, job->dir, "images", &path));
  VC_TRY(vc_path_make_dirs(path));
  VC_TRY(vc_path_join(arena, job->dir, "masks", &path));
  VC_TRY(vc_path_make_dirs(path));
  VC_TRY(vc_parallel_for(n_threads, count, run_job, job));
  if (job->kind == VC_SYNTH_VOLUME) return synth_volume_describe(arena, count, job->size, job->seed, job->dir);
  return write_description(arena, job, count);
}

vc_status vc_synth_write(enum vc_synth_kind kind, uint32_t count, uint32_t size, uint64_t seed, const char *dir,
                         int n_threads) {
  enum { MIN_SIZE = 32, MAX_SIZE = 8192, MAX_VOLUME_SIZE = 1024 };
  uint32_t max = kind == VC_SYNTH_VOLUME ? MAX_VOLUME_SIZE : MAX_SIZE;
  if (size < MIN_SIZE || size > max) {
    return VC_FAIL(VC_E_USAGE, "size: %u pixels; %d to %u are possible", size, MIN_SIZE, max);
  }
  if (count == 0) return VC_FAIL(VC_E_USAGE, "count: 0 images; ask for one at least");
  struct job job = {.kind = kind, .size = size, .seed = seed, .dir = dir};
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = write_set(arena, &job, count, n_threads);
  vc_arena_destroy(arena);
  return status;
}
