// A model as a package of the BioImage Model Zoo: its description (JSON, which is YAML too), an ONNX file, what goes in
// and what comes out of it on one small image.
#include "vulcyte/export.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/npy.h"
#include "train/zip.h"

enum { TEST_SIDE = 128, CROP_SIDE = 256 };

struct package {
  vc_arena *arena;
  const struct vc_export_bioimageio_desc *desc;
  const char *dir; // where its files are made
  vc_predictor *predictor;
  const struct vc_config *config;
  struct vc_export_sides sides; // as described
  uint32_t halo;
  struct vc_image image; // of the test: F32
  float *probabilities;  // [C,H,W]
};

// ---- the image of the test ------------------------------------------------------------------------------------------

// The largest side of at most `limit` that the network takes, but not below its smallest.
static uint32_t side_up_to(const struct package *p, uint32_t limit) {
  if (limit <= p->sides.min) return p->sides.min;
  return p->sides.min + (limit - p->sides.min) / p->sides.step * p->sides.step;
}

// Round spots on a grainy ground, between the least and the greatest value that the model knows.
static void draw_pattern(const struct package *p, const struct vc_model_info *info) {
  const uint32_t n = p->image.channels;
  float *pixels = p->image.pixels;
  vc_rng rng = vc_rng_at(0, VC_RNG_SYNTH, 0, 0);
  for (uint32_t y = 0; y < p->image.height; y++) {
    for (uint32_t x = 0; x < p->image.width; x++) {
      const double spots = fmax(sin(x * 0.26) * sin(y * 0.21 + 0.004 * x), 0);
      for (uint32_t c = 0; c < n; c++) {
        const double lo = info->has_range ? info->min[c] : 0, hi = info->has_range ? info->max[c] : 255;
        pixels[((size_t)y * p->image.width + x) * n + c] =
            (float)(lo + (hi - lo) * (0.6 * spots + vc_rng_uniform(&rng, 0, 0.2)));
      }
    }
  }
}

static vc_status crop_image(struct package *p) {
  struct vc_image all;
  VC_TRY(vc_image_read(p->arena, p->desc->image, 0, p->image.channels, &all));
  if (all.width < p->sides.min || all.height < p->sides.min) {
    return VC_FAIL(VC_E_INPUT, "%s: %u x %u pixels are too few for the test image; this model needs %u a side",
                   p->desc->image, all.width, all.height, p->sides.min);
  }
  p->image.width = side_up_to(p, VC_MIN(all.width, CROP_SIDE));
  p->image.height = side_up_to(p, VC_MIN(all.height, CROP_SIDE));
  const uint32_t left = (all.width - p->image.width) / 2, top = (all.height - p->image.height) / 2;
  const size_t row = (size_t)p->image.width * all.channels;
  float *pixels;
  VC_TRY(VC_NEW(p->arena, row * p->image.height, &pixels));
  for (size_t y = 0; y < p->image.height; y++)
    for (size_t i = 0; i < row; i++)
      pixels[y * row + i] = (float)vc_image_value(&all, ((top + y) * all.width + left) * (size_t)all.channels + i);
  p->image.pixels = pixels;
  return VC_OK;
}

static vc_status make_test(struct package *p, const struct vc_model_info *info) {
  p->image = (struct vc_image){.channels = p->config->data.channels, .format = VC_PIXEL_F32};
  if (p->desc->image) {
    VC_TRY(crop_image(p));
  } else {
    p->image.width = p->image.height = side_up_to(p, TEST_SIDE);
    const size_t n = (size_t)p->image.width * p->image.height * p->image.channels;
    VC_TRY(vc_arena_alloc(p->arena, n, sizeof(float), &p->image.pixels));
    draw_pattern(p, info);
  }
  const size_t n_pixels = (size_t)p->image.width * p->image.height;
  VC_TRY(VC_NEW(p->arena, n_pixels * vc_predictor_classes(p->predictor), &p->probabilities));
  return vc_predictor_run(p->predictor, &p->image, 0, p->probabilities);
}

// ---- its files ------------------------------------------------------------------------------------------------------

static vc_status path_of(const struct package *p, const char *name, char **out) {
  return vc_path_join(p->arena, p->dir, name, out);
}

static vc_status write_npy(const struct package *p, const char *name, const float *values, uint32_t n_channels) {
  const uint32_t shape[4] = {1, n_channels, p->image.height, p->image.width};
  char head[VC_NPY_HEAD_BYTES], *path;
  const size_t n_head = vc_npy_head(shape, 4, head);
  const size_t n_values = sizeof(float) * n_channels * p->image.height * p->image.width;
  uint8_t *file;
  VC_TRY(VC_NEW(p->arena, n_head + n_values, &file));
  memcpy(file, head, n_head);
  memcpy(file + n_head, values, n_values);
  VC_TRY(path_of(p, name, &path));
  return vc_file_write(path, file, n_head + n_values);
}

static vc_status write_tensors(const struct package *p) {
  const size_t n_pixels = (size_t)p->image.width * p->image.height;
  const uint32_t n = p->image.channels;
  float *planes;
  VC_TRY(VC_NEW(p->arena, n * n_pixels, &planes));
  for (size_t i = 0; i < n_pixels; i++)
    for (uint32_t c = 0; c < n; c++) planes[c * n_pixels + i] = ((const float *)p->image.pixels)[i * n + c];
  VC_TRY(write_npy(p, "test_input.npy", planes, n));
  return write_npy(p, "test_output.npy", p->probabilities, vc_predictor_classes(p->predictor));
}

static vc_status write_cover(const struct package *p) {
  const size_t n_pixels = (size_t)p->image.width * p->image.height;
  const uint32_t n_classes = vc_predictor_classes(p->predictor);
  uint8_t *classes;
  char *path;
  VC_TRY(VC_NEW(p->arena, n_pixels, &classes));
  for (size_t i = 0; i < n_pixels; i++) {
    for (uint32_t c = 1; c < n_classes; c++)
      if (p->probabilities[c * n_pixels + i] > p->probabilities[classes[i] * n_pixels + i]) classes[i] = (uint8_t)c;
  }
  VC_TRY(path_of(p, "cover.png", &path));
  return vc_overlay_write(path, &p->image, NULL, classes, n_classes);
}

static vc_status write_readme(const struct package *p, const char *name) {
  char *text, *path;
  const struct vc_export_sides s = p->sides;
  VC_TRY(vc_arena_printf(
      p->arena, &text,
      "# %s\n\nA U-Net (base %u, depth %u) trained with vulcyte %s for the segmentation of microscopy images.\n\n"
      "`model.onnx` takes `image`, float32 [N, %u, H, W] in the units of the image files (it normalises by itself), "
      "and "
      "gives\n`probabilities`, float32 [N, %u, H, W]. H and W are %u, %u, %u and so on.\n\n"
      "## Validation\n\nRun on `test_input.npy`, the model must give `test_output.npy` within 1e-4.\n",
      name, p->config->model.base, p->config->model.depth, VC_VERSION, p->config->data.channels,
      vc_predictor_classes(p->predictor), s.min, s.min + s.step, s.min + 2 * s.step));
  VC_TRY(path_of(p, "README.md", &path));
  return vc_file_write(path, text, strlen(text));
}

// ---- its description ------------------------------------------------------------------------------------------------

// Names of channels there are identifiers, all different.
static void put_channel(vc_json_writer *w, const char *name, uint32_t i) {
  char text[64];
  int n = snprintf(text, sizeof text, "c%u_%.40s", i, name);
  for (int k = 0; k < n; k++)
    if (!isalnum((unsigned char)text[k])) text[k] = '_';
  vc_json_put_string(w, NULL, text);
}

static void put_space(const struct package *p, vc_json_writer *w, const char *axis, bool is_output) {
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "type", "space");
  vc_json_put_string(w, "id", axis);
  vc_json_begin_object(w, "size");
  if (is_output) {
    vc_json_put_string(w, "tensor_id", "image");
    vc_json_put_string(w, "axis_id", axis);
  } else {
    vc_json_put_number(w, "min", p->sides.min);
    vc_json_put_number(w, "step", p->sides.step);
  }
  vc_json_end_object(w);
  if (is_output) vc_json_put_number(w, "halo", p->halo);
  vc_json_end_object(w);
}

static void put_tensor(const struct package *p, vc_json_writer *w, bool is_output) {
  const uint32_t n = is_output ? vc_predictor_classes(p->predictor) : p->config->data.channels;
  const bool is_named = vc_predictor_is_matched(p->predictor);
  vc_json_begin_array(w, is_output ? "outputs" : "inputs");
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "id", is_output ? "probabilities" : "image");
  vc_json_put_string(w, "description",
                     is_output ? "The probability of each class at each pixel." : "Pixels in the units of the file.");
  vc_json_begin_array(w, "axes");
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "type", "batch");
  vc_json_end_object(w);
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "type", "channel");
  vc_json_begin_array(w, "channel_names");
  for (uint32_t i = 0; i < n; i++)
    put_channel(w, !is_output ? "intensity" : is_named ? p->config->data.classes[i].name : "cluster", i);
  vc_json_end_array(w);
  vc_json_end_object(w);
  put_space(p, w, "y", is_output);
  put_space(p, w, "x", is_output);
  vc_json_end_array(w);
  vc_json_begin_object(w, "data");
  vc_json_put_string(w, "type", "float32");
  vc_json_end_object(w);
  vc_json_begin_object(w, "test_tensor");
  vc_json_put_string(w, "source", is_output ? "test_output.npy" : "test_input.npy");
  vc_json_end_object(w);
  vc_json_end_object(w);
  vc_json_end_array(w);
}

static void put_list(vc_json_writer *w, const char *key, const char *const *texts, uint32_t n) {
  vc_json_begin_array(w, key);
  for (uint32_t i = 0; i < n; i++) vc_json_put_string(w, NULL, texts[i]);
  vc_json_end_array(w);
}

static void put_description(const struct package *p, vc_json_writer *w, const char *name) {
  static const char *const tags[] = {"unet", "semantic-segmentation", "2d", "vulcyte"}, *const cover = "cover.png";
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "type", "model");
  vc_json_put_string(w, "format_version", "0.5.4");
  vc_json_put_string(w, "name", name);
  vc_json_put_string(w, "description", "A U-Net for the segmentation of microscopy images, trained with vulcyte.");
  if (p->desc->author) {
    vc_json_begin_array(w, "authors");
    vc_json_begin_object(w, NULL);
    vc_json_put_string(w, "name", p->desc->author);
    vc_json_end_object(w);
    vc_json_end_array(w);
  }
  if (p->desc->license) vc_json_put_string(w, "license", p->desc->license);
  vc_json_put_string(w, "documentation", "README.md");
  put_list(w, "covers", &cover, 1);
  put_list(w, "tags", tags, VC_COUNT_OF(tags));
  put_tensor(p, w, false);
  put_tensor(p, w, true);
  vc_json_begin_object(w, "weights");
  vc_json_begin_object(w, "onnx");
  vc_json_put_string(w, "source", "model.onnx");
  vc_json_put_number(w, "opset_version", 17);
  vc_json_end_object(w);
  vc_json_end_object(w);
  vc_json_end_object(w);
}

static vc_status write_description(const struct package *p, const char *name) {
  vc_json_writer *w;
  const char *text;
  char *path;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(p->arena, 2, &w));
  put_description(p, w, name);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  VC_TRY(path_of(p, "rdf.yaml", &path));
  return vc_file_write(path, text, n_bytes);
}

// ---- all of it ------------------------------------------------------------------------------------------------------

// Letters, digits, "_", "-", blanks and parentheses, five of them or more: what the format allows.
static vc_status make_name(const struct package *p, char **out) {
  if (p->desc->name)
    VC_TRY(vc_arena_strdup(p->arena, p->desc->name, out));
  else
    VC_TRY(vc_arena_printf(p->arena, out, "%.100s (U-Net)", p->config->name));
  for (char *c = *out; *c; c++)
    if (!isalnum((unsigned char)*c) && !strchr("_- ()", *c)) *c = '_';
  if (strlen(*out) >= 5 && strlen(*out) <= 128) return VC_OK;
  return VC_FAIL(VC_E_USAGE, "export: --name %.140s: a model's name there has 5 to 128 characters", p->desc->name);
}

static vc_status write_package(struct package *p) {
  static const char *const files[] = {"rdf.yaml",       "README.md",       "cover.png",
                                      "test_input.npy", "test_output.npy", "model.onnx"};
  char *onnx, *name;
  VC_TRY(make_name(p, &name));
  VC_TRY(path_of(p, "model.onnx", &onnx));
  VC_TRY(vc_export_onnx(p->desc->model_path, onnx));
  VC_TRY(write_tensors(p));
  VC_TRY(write_cover(p));
  VC_TRY(write_readme(p, name));
  VC_TRY(write_description(p, name));
  return vc_zip_write(p->desc->out_path, p->dir, files, VC_COUNT_OF(files));
}

static vc_status export_package(struct package *p, struct vc_gpu *gpu) {
  struct vc_model_info info;
  struct vc_unet_desc unet;
  vc_model *model;
  float *block;
  char *dir;
  VC_TRY(vc_checkpoint_read(p->arena, p->desc->model_path, &info, &model, &block));
  VC_TRY(vc_predictor_create(p->arena, gpu, p->desc->model_path, NULL, &p->predictor));
  p->config = vc_predictor_config(p->predictor);
  vc_config_unet(p->config, &unet);
  // Tiles of other programs overlap by what most of an answer depends on, and keep something in their middle.
  p->halo = 4u << unet.depth;
  p->sides = vc_export_sides(&unet);
  while (p->sides.min <= 2 * p->halo) p->sides.min += p->sides.step;
  VC_TRY(make_test(p, &info));
  vc_folder_writer *folder;
  VC_TRY(vc_arena_printf(p->arena, &dir, "%s.parts", p->desc->out_path));
  VC_TRY(vc_folder_writer_open(dir, &folder));
  p->dir = vc_folder_writer_path(folder);
  const vc_status status = write_package(p);
  vc_folder_writer_discard(folder); // only the archive of it stays
  return status;
}

vc_status vc_export_bioimageio(struct vc_gpu *gpu, const struct vc_export_bioimageio_desc *desc) {
  struct package p = {.desc = desc};
  VC_TRY(vc_arena_create(&p.arena));
  vc_status status = export_package(&p, gpu);
  vc_arena_destroy(p.arena);
  return status;
}
