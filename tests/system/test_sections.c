// Sections of volumes whose value at every point of space is known: intensities are a linear function of the position,
// which interpolation gives back exactly whatever the grid; labels are half-spaces, told apart except near their
// borders.
#include "support/optest.h"

#include <vulcyte/train.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 256, N_SLICES = 6, WIDTH = 60, HEIGHT = 44 };

static vc_arena *arena;
static struct vc_gpu *gpu;

static double intensity(const double p[3]) {
  return 300 + 3 * p[0] - 2 * p[1] + 5 * p[2];
}

// The two label borders lie at p[0] = 3 and p[1] = -4.
static uint32_t label(const double p[3]) {
  return p[1] < -4 ? 1 : p[0] < 3 ? 300 : 7;
}

static void world(const double m[12], double x, double y, double z, double out[3]) {
  for (int i = 0; i < 3; i++) out[i] = m[4 * i] * x + m[4 * i + 1] * y + m[4 * i + 2] * z + m[4 * i + 3];
}

// The image is finer than the classes, turned and mirrored.
static const struct vc_volume_info image_info = {
    .size = {50, 41, 30}, .format = VC_PIXEL_F32, .to_world = {0.8, -0.6, 0, -8, 0.6, 0.8, 0, -28, 0, 0, -1.5, 23}};
static const struct vc_volume_info class_info = {
    .size = {30, 36, 17}, .format = VC_PIXEL_U16, .to_world = {2, 0, 0, -29, 0, 1.5, 0, -25, 0, 0, 2.5, -20}};

static void write_volumes(void) {
  float *voxels;
  uint16_t *labels;
  double p[3];
  size_t at = 0;
  const uint32_t *n = image_info.size;
  if (!OPTEST_OK(VC_NEW(arena, (size_t)n[0] * n[1] * n[2], &voxels))) return;
  for (uint32_t i = 0; i < n[0] * n[1] * n[2]; i++) {
    world(image_info.to_world, i % n[0], i / n[0] % n[1], i / n[0] / n[1], p);
    voxels[at++] = (float)intensity(p);
  }
  OPTEST_OK(vc_volume_write("image.nii.gz", &image_info, voxels));
  n = class_info.size;
  at = 0;
  if (!OPTEST_OK(VC_NEW(arena, (size_t)n[0] * n[1] * n[2], &labels))) return;
  for (uint32_t i = 0; i < n[0] * n[1] * n[2]; i++) {
    world(class_info.to_world, i % n[0], i / n[0] % n[1], i / n[0] / n[1], p);
    labels[at++] = (uint16_t)label(p);
  }
  OPTEST_OK(vc_volume_write("classes.nii.gz", &class_info, labels));
}

// How far, in voxels, a point lies within the volume (negative: outside it), by the axis where it is least.
static double depth(const struct vc_volume_info *info, const struct vc_section *s, double x, double y) {
  float sampler[9];
  double least = INFINITY;
  vc_section_sampler(s, info, sampler);
  for (int i = 0; i < 3; i++) {
    double at = x * (double)sampler[i] + y * (double)sampler[3 + i] + (double)sampler[6 + i];
    least = VC_MIN(least, VC_MIN(at + 0.5, info->size[i] - 0.5 - at));
  }
  return least;
}

static void read_vector(const vc_json *object, const char *key, double out[3]) {
  const vc_json *list = vc_json_get(object, key);
  for (size_t i = 0; i < 3; i++) out[i] = vc_json_number(vc_json_at(list, i));
}

struct counts {
  uint32_t inside, labels;
};

static void check_slice(const vc_json *entry, const char *dir, uint32_t kept, struct counts *counts) {
  struct vc_section s;
  struct vc_image image;
  uint32_t width, height, *labels, n_tissue = 0;
  char *path;
  read_vector(entry, "centre", s.centre);
  read_vector(entry, "u", s.u);
  read_vector(entry, "v", s.v);
  OPTEST_OK(vc_arena_printf(arena, &path, "%s/images/%s.tif", dir, vc_json_string(vc_json_get(entry, "name"))));
  if (!OPTEST_OK(vc_image_read(arena, path, 0, 1, &image))) return;
  OPTEST_OK(vc_arena_printf(arena, &path, "%s/masks/%s.png", dir, vc_json_string(vc_json_get(entry, "name"))));
  if (!OPTEST_OK(vc_mask_read(arena, path, 0, -1, &width, &height, &labels))) return;
  OPTEST_CHECK(image.width == WIDTH && image.height == HEIGHT && width == WIDTH && height == HEIGHT);
  double corner[3];
  world(image_info.to_world, 0, 0, 0, corner);
  for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
    double x = i % WIDTH - (WIDTH - 1) / 2.0, y = i / WIDTH - (HEIGHT - 1) / 2.0, p[3];
    for (int k = 0; k < 3; k++) p[k] = s.centre[k] + x * s.u[k] + y * s.v[k];
    double in_image = depth(&image_info, &s, x, y), in_classes = depth(&class_info, &s, x, y);
    double got = (double)((const float *)image.pixels)[i];
    if (in_image > 0.501) { // within the outermost voxels' centres, so between voxels
      OPTEST_CHECK(fabs(got - intensity(p)) < 2e-3);
      counts->inside++;
    } else if (in_image < -1e-3) {
      OPTEST_CHECK(fabs(got - intensity(corner)) < 1e-4);
    }
    n_tissue += labels[i] != (kept ? 0 : 1);
    uint32_t want = in_classes < 0 ? (kept ? 0 : 1) : kept == 0 ? label(p) : label(p) == kept;
    bool is_clear = fabs(p[0] - 3) > 1.01 && fabs(p[1] + 4) > 0.76 && fabs(in_classes) > 1e-3;
    if (!is_clear) continue;
    OPTEST_CHECK(labels[i] == want);
    counts->labels += labels[i] > 1;
  }
  OPTEST_CHECK(n_tissue >= 0.25 * WIDTH * HEIGHT);
}

static const vc_json *read_json(const char *path) {
  uint8_t *text;
  size_t n;
  vc_json *json = NULL;
  if (OPTEST_OK(vc_file_read(arena, path, 0, &text, &n))) {
    OPTEST_OK(vc_json_parse(arena, path, (const char *)text, n, &json));
  }
  return json;
}

static struct vc_import_bigbrain_desc description(const char *out_dir) {
  return (struct vc_import_bigbrain_desc){.image = "image.nii.gz",
                                          .classes = "classes.nii.gz",
                                          .out_dir = out_dir,
                                          .n_slices = N_SLICES,
                                          .width = WIDTH,
                                          .height = HEIGHT,
                                          .spacing = 0.9,
                                          .min_tissue = 0.25,
                                          .seed = 11};
}

static void check_geometry(const char *dir, uint32_t kept) {
  struct vc_import_bigbrain_desc desc = description(dir);
  struct vc_import_bigbrain_result result;
  struct counts counts = {0};
  char path[PATH_BYTES];
  desc.keep = &kept;
  desc.n_keep = kept > 0;
  if (!OPTEST_OK(vc_import_bigbrain(gpu, &desc, &result))) return;
  OPTEST_CHECK(result.n_slices == N_SLICES && result.n_drawn > N_SLICES);
  snprintf(path, sizeof path, "%s/sections.json", dir);
  const vc_json *json = read_json(path);
  if (!json) return;
  const vc_json *sections = vc_json_get(json, "sections");
  OPTEST_CHECK(vc_json_size(sections) == N_SLICES);
  for (size_t i = 0; i < N_SLICES; i++) check_slice(vc_json_at(sections, i), dir, kept, &counts);
  OPTEST_CHECK(counts.inside > N_SLICES * WIDTH * HEIGHT / 4);
  OPTEST_CHECK(kept > 0 || counts.labels > 500);
}

// In one piece, or two planes at a time: not a bit may differ.
static void check_slabs(void) {
  static const uint64_t slab_bytes[] = {2 * 50 * 41 * 4, 5 * 50 * 41 * 4 + 3};
  struct vc_import_bigbrain_result result;
  for (size_t i = 0; i < VC_COUNT_OF(slab_bytes); i++) {
    struct vc_import_bigbrain_desc desc = description("slabs");
    desc.slab_bytes = slab_bytes[i];
    OPTEST_OK(vc_import_bigbrain(gpu, &desc, &result));
    OPTEST_CHECK(system("diff -r all slabs && rm -r slabs") == 0);
  }
}

static void expect(const struct vc_import_bigbrain_desc *desc, vc_status status, const char *part) {
  struct vc_import_bigbrain_result result;
  vc_status got = vc_import_bigbrain(gpu, desc, &result);
  if (!OPTEST_CHECK(got == status) || !OPTEST_CHECK(strstr(vc_error_message(), part))) {
    printf("%d: %s\n", got, vc_error_message());
  }
  OPTEST_CHECK(!vc_path_exists("bad") && !vc_path_exists(".bad.tmp"));
}

static bool stop(void *context, const struct vc_progress *progress) {
  (void)context;
  return progress->done == 0;
}

static void check_errors(void) {
  struct vc_import_bigbrain_desc desc = description("bad");
  struct vc_volume_info away = class_info;
  const uint32_t nobody = 99;
  uint16_t voxel[8] = {0};
  desc.progress = stop;
  expect(&desc, VC_E_INTERRUPTED, "image.nii.gz: interrupted");
  desc = description("bad");
  desc.slab_bytes = 50 * 41 * 4;
  expect(&desc, VC_E_NOMEM, "image.nii.gz: 2 planes of 50 x 41 voxels");
  desc = description("bad");
  desc.keep = &nobody;
  desc.n_keep = 1;
  expect(&desc, VC_E_INPUT, "classes.nii.gz: only 0 of");
  desc = description("all");
  expect(&desc, VC_E_INPUT, "all: exists already");
  desc = description("bad");
  desc.image = "none.nii";
  expect(&desc, VC_E_INPUT, "none.nii");
  away.to_world[3] = 500;
  memcpy(away.size, (uint32_t[3]){2, 2, 2}, sizeof away.size);
  OPTEST_OK(vc_volume_write("away.nii", &away, voxel));
  desc.image = "image.nii.gz";
  desc.classes = "away.nii";
  expect(&desc, VC_E_INPUT, "does not lie in the first");
}

int main(void) {
  char folder[] = "/tmp/vulcyte-sections-XXXXXX", command[PATH_BYTES];
  if (vc_arena_create(&arena) != VC_OK) return 1;
  gpu = optest_gpu(arena);
  if (!OPTEST_CHECK(mkdtemp(folder) && chdir(folder) == 0)) return 1;
  write_volumes();
  check_geometry("all", 0);
  check_geometry("kept", 300);
  check_slabs();
  check_errors();
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  OPTEST_CHECK(chdir("/") == 0 && system(command) == 0);
  int result = optest_finish(gpu, optest_failures());
  vc_arena_destroy(arena);
  return result;
}
