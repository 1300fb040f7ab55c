// Prediction: an image of any size through a trained network, whole or in overlapping tiles.
#include "train/predict.h"

#include <math.h>
#include <string.h>

#include "train/kernels.h"
#include "vulcyte/gpu.h"

#define MAX_HELD_BYTES ((uint64_t)512 << 20) // of host memory for rows under way, where smaller tiles can keep to it

struct vc_predictor {
  struct vc_gpu *gpu;
  const char *variants;
  vc_choices *choices;
  struct vc_model_info info;
  vc_model *model;
  vc_slot *params;
  enum vc_head head;
  struct vc_forward forward; // made anew when the tile's size or the head changes (its kernels stay compiled)
};

static void destroy_predictor(void *object) {
  struct vc_predictor *p = object;
  vc_arena_destroy(p->forward.arena);
}

vc_status vc_predictor_create(vc_arena *arena, struct vc_gpu *gpu, const char *model_path, const char *variants,
                              vc_predictor **out) {
  struct vc_predictor *p;
  VC_TRY(VC_NEW(arena, 1, &p));
  p->gpu = gpu;
  p->variants = variants;
  VC_TRY(vc_kernels_open(arena, gpu, VC_TUNE_FIRST_USE, &p->choices));
  float *block;
  VC_TRY(vc_checkpoint_read(arena, model_path, &p->info, &p->model, &block));
  p->head = p->info.heads.chosen;
  const uint64_t n_bytes = p->model->block_elements * sizeof(float);
  VC_TRY(vc_slot_create(arena, gpu, n_bytes, VC_SLOT_DEVICE, "params", &p->params));
  VC_TRY(vc_slot_write(p->params, 0, block, n_bytes));
  VC_TRY(vc_arena_defer(arena, destroy_predictor, p));
  *out = p;
  return VC_OK;
}

vc_status vc_predictor_pin(vc_predictor *p, const char *kernels_path) {
  return vc_kernels_pin(p->choices, kernels_path);
}
const struct vc_config *vc_predictor_config(const vc_predictor *p) {
  return &p->info.config;
}
const struct vc_heads *vc_predictor_heads(const vc_predictor *p) {
  return &p->info.heads;
}
vc_status vc_predictor_use_head(vc_predictor *p, enum vc_head head) {
  if (head == VC_HEAD_AUX && p->model->desc.aux_classes == 0)
    return VC_FAIL(VC_E_USAGE, "--head aux: the model has one head only; leave the option out");
  p->head = head;
  return VC_OK;
}
void vc_predictor_use_clusters(vc_predictor *p) {
  p->info.heads.matched[p->head] = false;
}
bool vc_predictor_is_matched(const vc_predictor *p) {
  // Of other methods the channels are the classes.
  return p->info.heads.matched[p->head] || (p->info.config.method != VC_METHOD_IIC && p->head == VC_HEAD_MAIN);
}
static uint32_t n_channels_out(const vc_predictor *p) {
  return p->head == VC_HEAD_MAIN ? p->model->desc.classes : p->model->desc.aux_classes;
}
uint32_t vc_predictor_classes(const vc_predictor *p) {
  return p->info.heads.matched[p->head] ? p->info.config.data.n_classes : n_channels_out(p);
}

// ---- the graph of a tile
// ------------------------------------------------------------------------------------------------

vc_status vc_forward_build(struct vc_gpu *gpu, const vc_model *model, uint32_t channels, vc_slot *params_slot,
                           const struct vc_exec_options *options, struct vc_forward *f) {
  vc_graph *g;
  VC_TRY(vc_graph_create(f->arena, &g));
  const uint64_t n_words = (uint64_t)f->w * f->h * channels; // enough for the widest pixels
  if (n_words > UINT32_MAX) return VC_FAIL(VC_E_NOMEM, "an image of %ux%u pixels is too large at once", f->w, f->h);
  VC_TRY(vc_slot_create(f->arena, gpu, 4 * n_words, VC_SLOT_DEVICE, "image", &f->words));
  vc_tensor *words = vc_bind(g, "image", (struct vc_shape){1, (uint32_t)n_words, 1, 1}, VC_U32, f->words, 0);
  vc_tensor *block =
      vc_bind(g, "params", (struct vc_shape){1, (uint32_t)model->block_elements, 1, 1}, VC_F32, params_slot, 0);
  vc_tensor **params;
  VC_TRY(VC_NEW(f->arena, model->n_params, &params));
  vc_model_bind(g, model, block, params);
  f->window = vc_feed(g, "window", VC_U32, sizeof(struct vc_window) / 4);
  f->range = vc_feed(g, "range", VC_F32, 2 * channels);
  vc_tensor *x = vc_crop_images(g, words, f->window, f->range, (struct vc_shape){1, channels, f->h, f->w});
  const struct vc_unet_out z = vc_unet(g, model, params, x, NULL);
  f->probabilities = vc_softmax(g, f->head == VC_HEAD_MAIN ? z.logits : z.aux_logits);
  vc_output(g, f->probabilities);
  struct vc_exec_options with_constant = *options;
  with_constant.constant = params_slot;
  return vc_exec_create(f->arena, gpu, g, &with_constant, &f->exec);
}

// Makes p->forward fit tiles of w x h. VC_E_NOMEM when the device cannot hold one.
static vc_status prepare(struct vc_predictor *p, uint32_t w, uint32_t h) {
  struct vc_forward *f = &p->forward;
  if (f->arena && f->w == w && f->h == h && f->head == p->head) return VC_OK;
  vc_arena_destroy(f->arena);
  *f = (struct vc_forward){.w = w, .h = h, .head = p->head};
  VC_TRY(vc_arena_create(&f->arena));
  const struct vc_exec_options options = {.variants = p->variants, .choices = p->choices};
  vc_status status = vc_forward_build(p->gpu, p->model, p->info.config.data.channels, p->params, &options, f);
  if (status == VC_OK && vc_exec_work_bytes(f->exec) > vc_gpu_budget(p->gpu))
    status = VC_FAIL(VC_E_NOMEM, "%ux%u pixels need %llu MiB of device memory", w, h,
                     (unsigned long long)(vc_exec_work_bytes(f->exec) >> 20));
  if (status == VC_OK) status = vc_exec_bind(f->arena, &f->exec, 1);
  if (status != VC_OK) {
    vc_arena_destroy(f->arena);
    *f = (struct vc_forward){0};
  }
  return status;
}

// ---- tiles
// --------------------------------------------------------------------------------------------------------------

// Tiles along one axis. Starts are multiples of 2^depth, as the poolings are; the first and last tile end at the
// borders of the padded image, so that they see the same there as the whole image would.
struct axis {
  uint32_t image, padded, tile; // sides
  uint32_t margin, blend;       // pixels of a tile's inner edge that are not used; half-width of the ramp behind them
  uint32_t n, step, multiple;
};

static struct axis axis_make(uint32_t image, uint32_t tile, const struct vc_unet_desc *d) {
  struct axis a = {.image = image, .multiple = 1u << d->depth, .n = 1};
  // Unpadded convolutions: the network extends what it gets about its border, so the last tile ends with the image.
  const bool is_exact = d->padding == VC_PAD_VALID;
  a.padded = is_exact ? image : (uint32_t)vc_round_up(image, a.multiple);
  const uint32_t rest = a.padded % a.multiple, side = (uint32_t)vc_round_up(tile, a.multiple);
  a.tile = VC_MIN(a.padded, VC_MAX(rest ? side - a.multiple : side, 4 * a.multiple) + rest);
  if (a.tile == a.padded) return a;
  // The receptive field of a depth-d U-Net reaches less than 8 * 2^d pixels: with that margin a tile's core is exact.
  const uint32_t exact = 9 * a.multiple;
  a.margin = VC_MIN(exact, a.tile / 4 / a.multiple * a.multiple);
  a.blend = VC_MIN(a.multiple / 2, a.margin / 2);
  a.step = (a.tile - 2 * a.margin) / a.multiple * a.multiple;
  a.n = 1 + (uint32_t)vc_div_up(a.padded - a.tile, a.step);
  return a;
}

static uint32_t tile_start(const struct axis *a, uint32_t i) {
  return i + 1 == a->n ? a->padded - a->tile : i * a->step;
}

// The weight of pixel x of tile i: 0 near inner edges, 1 inside, a linear ramp between.
static float tile_weight(const struct axis *a, uint32_t i, uint32_t x) {
  const uint32_t start = tile_start(a, i);
  if (x < start || x >= start + a->tile) return 0;
  float w = 1;
  const float ramp = 2.0f * (float)VC_MAX(a->blend, 1u), from = (float)a->margin - (float)a->blend;
  if (start > 0) w = fminf(w, ((float)(x - start) + 0.5f - from) / ramp);
  if (start + a->tile < a->padded) w = fminf(w, ((float)(start + a->tile - 1 - x) + 0.5f - from) / ramp);
  return fmaxf(w, 0);
}

// Weights of tile i over its own pixels, divided by the sum over all tiles.
static void tile_weights(const struct axis *a, uint32_t i, float *out) {
  const uint32_t start = tile_start(a, i);
  for (uint32_t x = 0; x < a->tile; x++) {
    float sum = 0;
    for (uint32_t k = i > 1 ? i - 2 : 0; k < VC_MIN(a->n, i + 3); k++) sum += tile_weight(a, k, start + x);
    const float w = tile_weight(a, i, start + x);
    out[x] = w > 0 ? w / sum : 0;
  }
}

// The first row that no tile below row i of tiles adds to.
static uint32_t rows_done(const struct axis *a, uint32_t i) {
  return i + 1 == a->n ? a->image : tile_start(a, i + 1) + a->margin - a->blend;
}

// The most rows that are under way at once.
static uint32_t rows_held(const struct axis *a) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < a->n; i++) {
    const uint32_t used = tile_start(a, i) + a->tile - (i + 1 < a->n ? a->margin - a->blend : 0);
    const uint32_t end = VC_MIN(used, a->image);
    most = VC_MAX(most, end - (i > 0 ? rows_done(a, i - 1) : 0));
  }
  return most;
}

// Sums of probabilities under way, [C][n_rows][W], from the image's row `first` on.
struct band {
  float *sums;
  uint32_t first, n_rows;
};

struct job {
  struct vc_predictor *p;
  const struct vc_predict_rows *desc;
  const struct vc_image_info *image;
  struct axis x, y;
  float *weights_x, *weights_y, *tile; // of the current tile; its probabilities, channels-last
  uint8_t *pixels;
  struct band band;
  double start; // seconds
};

// rows: the image's from `top` on.
static vc_status run_tile(struct job *j, const uint8_t *rows, uint32_t left, uint32_t top) {
  struct vc_forward *f = &j->p->forward;
  const struct vc_image_info *image = j->image;
  const uint32_t w = VC_MIN(f->w, image->width - left), h = VC_MIN(f->h, image->height - top);
  const size_t pixel_bytes = (size_t)image->channels * vc_pixel_bytes(image->format);
  for (uint32_t y = 0; y < h; y++)
    memcpy(j->pixels + y * w * pixel_bytes, rows + ((size_t)y * image->width + left) * pixel_bytes, w * pixel_bytes);
  VC_TRY(vc_slot_write(f->words, 0, j->pixels, (size_t)w * h * pixel_bytes));
  const struct vc_window window = {
      .width = w, .height = h, .format = (uint32_t)image->format, .channels = image->channels};
  VC_TRY(vc_exec_feed(f->exec, f->window, &window, sizeof window));
  uint64_t step;
  VC_TRY(vc_exec_run(f->exec, &step));
  return vc_exec_read(f->exec, f->probabilities, j->tile, (size_t)f->w * f->h * n_channels_out(j->p) * sizeof(float));
}

// A class's probability is the sum over the clusters that stand for it.
static void add_tile(struct job *j, uint32_t left, uint32_t top) {
  const struct vc_forward *f = &j->p->forward;
  const struct vc_heads *heads = &j->p->info.heads;
  const uint32_t n_clusters = n_channels_out(j->p);
  const struct vc_image_info *image = j->image;
  for (uint32_t y = 0; y < f->h && top + y < image->height; y++)
    for (uint32_t x = 0; x < f->w && left + x < image->width; x++) {
      const float weight = j->weights_y[y] * j->weights_x[x];
      if (weight == 0) continue;
      const float *p = &j->tile[((size_t)y * f->w + x) * n_clusters];
      const size_t row = top + y - j->band.first;
      for (uint32_t k = 0; k < n_clusters; k++) {
        const size_t c = heads->matched[j->p->head] ? heads->class_of[j->p->head][k] : k;
        j->band.sums[(c * j->band.n_rows + row) * image->width + left + x] += weight * p[k];
      }
    }
}

static vc_status check_finite(const float *values, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(values[i]))
      return VC_FAIL(VC_E_INPUT, "the network's answer holds NaN; its weights are damaged, or the image's values lie "
                                 "far beyond those it was trained on");
  }
  return VC_OK;
}

// Hands on the rows above `end`, whose pixels are `rows`, and moves the others up.
static vc_status hand_on(struct job *j, uint32_t end, const uint8_t *rows) {
  struct band *b = &j->band;
  const uint32_t n_classes = vc_predictor_classes(j->p), n_done = end - b->first;
  const size_t w = j->image->width, plane = b->n_rows * w;
  for (uint32_t c = 0; c < n_classes; c++) VC_TRY(check_finite(b->sums + c * plane, n_done * w));
  VC_TRY(j->desc->take(j->desc->context, b->first, n_done, b->sums, plane, rows));
  b->first = end;
  if (end == j->image->height) return VC_OK;
  for (uint32_t c = 0; c < n_classes; c++) {
    float *sums = b->sums + c * plane;
    memmove(sums, sums + n_done * w, (plane - n_done * w) * sizeof *sums);
    memset(sums + plane - n_done * w, 0, n_done * w * sizeof *sums);
  }
  return VC_OK;
}

static bool show_progress(const struct job *j, uint32_t n_done) {
  const uint32_t n_tiles = j->x.n * j->y.n;
  if (!j->desc->progress || n_tiles == 1) return true;
  const double rate = n_done / VC_MAX(vc_time_seconds() - j->start, 1e-6);
  const struct vc_progress progress = {.phase = "tile",
                                       .done = n_done,
                                       .total = n_tiles,
                                       .steps_per_second = rate,
                                       .seconds_left = (n_tiles - n_done) / rate,
                                       .loss_supervised = (double)NAN,
                                       .loss_unsupervised = (double)NAN,
                                       .mean_iou = (double)NAN};
  return j->desc->progress(j->desc->progress_context, &progress);
}

static vc_status run_tiles(struct job *j, vc_arena *scratch) {
  const struct vc_forward *f = &j->p->forward;
  const size_t row_bytes = (size_t)j->image->width * j->image->channels * vc_pixel_bytes(j->image->format);
  VC_TRY(VC_NEW(scratch, f->w, &j->weights_x));
  VC_TRY(VC_NEW(scratch, f->h, &j->weights_y));
  VC_TRY(VC_NEW(scratch, (size_t)f->w * f->h * n_channels_out(j->p), &j->tile));
  VC_TRY(VC_NEW(scratch, (size_t)f->w * f->h * j->image->channels * 4, &j->pixels));
  for (uint32_t i = 0; i < j->y.n; i++) {
    const uint32_t top = tile_start(&j->y, i);
    const void *rows;
    VC_TRY(vc_image_rows_get(j->desc->image, top, VC_MIN(f->h, j->image->height - top), &rows));
    tile_weights(&j->y, i, j->weights_y);
    for (uint32_t k = 0; k < j->x.n; k++) {
      tile_weights(&j->x, k, j->weights_x);
      VC_TRY(run_tile(j, rows, tile_start(&j->x, k), top));
      add_tile(j, tile_start(&j->x, k), top);
      if (!show_progress(j, i * j->x.n + k + 1))
        return VC_FAIL(VC_E_INTERRUPTED, "interrupted; nothing of this image was written");
    }
    VC_TRY(hand_on(j, rows_done(&j->y, i), (const uint8_t *)rows + (j->band.first - top) * row_bytes));
  }
  return VC_OK;
}

// ---- whole images
// ---------------------------------------------------------------------------------------------------------

// lo, scale per channel: the model's, or for a model that carries none the image's own range.
static vc_status range_of(const struct vc_predictor *p, vc_image_rows *image, float *out_range) {
  double min[4], max[4];
  memcpy(min, p->info.min, sizeof min);
  memcpy(max, p->info.max, sizeof max);
  if (!p->info.has_range) VC_TRY(vc_image_rows_range(image, min, max));
  for (uint32_t c = 0; c < p->info.config.data.channels; c++) {
    out_range[2 * c] = (float)min[c];
    out_range[2 * c + 1] = max[c] > min[c] ? (float)(1.0 / (max[c] - min[c])) : 1.0f;
  }
  return VC_OK;
}

// Host memory for the rows under way, in whole and in part.
static uint64_t held_bytes(const struct job *j) {
  const uint64_t pixel_bytes = (uint64_t)j->image->channels * vc_pixel_bytes(j->image->format);
  return (uint64_t)j->image->width * (rows_held(&j->y) * 4ull * vc_predictor_classes(j->p) + j->y.tile * pixel_bytes);
}

// Whether kernels can bind the first level's feature maps at once. They could take larger ones in parts; but larger
// tiles take much more memory, and hardly less time.
static bool is_handy(const struct job *j) {
  const uint64_t map_bytes = (uint64_t)j->x.tile * j->y.tile * j->p->model->desc.base * sizeof(float);
  return map_bytes <= vc_gpu_caps(j->p->gpu)->max_buffer_range;
}

// Chooses the largest tile that device and host hold: the whole image, else halving from 4096.
static vc_status prepare_tiles(struct job *j, uint32_t tile) {
  uint32_t side = tile ? tile : VC_MAX(j->image->width, j->image->height);
  for (;;) {
    j->x = axis_make(j->image->width, side, &j->p->model->desc);
    j->y = axis_make(j->image->height, side, &j->p->model->desc);
    const bool fits = tile || side <= 64 || (held_bytes(j) <= MAX_HELD_BYTES && is_handy(j));
    const vc_status status = fits ? prepare(j->p, j->x.tile, j->y.tile) : VC_E_NOMEM;
    if (status != VC_E_NOMEM || tile || side <= 64) return status;
    side = VC_MIN(side / 2, 4096u);
  }
}

static vc_status start_job(struct job *j) {
  const uint32_t channels = j->p->info.config.data.channels;
  if (j->image->channels != channels)
    return VC_FAIL(VC_E_SHAPE, "the image has %u channels, the model takes %u", j->image->channels, channels);
  float range[8];
  VC_TRY(prepare_tiles(j, j->desc->tile));
  VC_TRY(range_of(j->p, j->desc->image, range));
  j->start = vc_time_seconds();
  return vc_exec_feed(j->p->forward.exec, j->p->forward.range, range, 2 * channels * sizeof(float));
}

vc_status vc_predictor_run_rows(vc_predictor *p, const struct vc_predict_rows *desc) {
  struct job j = {.p = p, .desc = desc, .image = vc_image_rows_info(desc->image)};
  VC_TRY(start_job(&j));
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  j.band.n_rows = rows_held(&j.y);
  vc_status status = VC_NEW(scratch, (size_t)vc_predictor_classes(p) * j.band.n_rows * j.image->width, &j.band.sums);
  if (status == VC_OK) status = run_tiles(&j, scratch);
  vc_arena_destroy(scratch);
  return status;
}

struct whole {
  float *out; // [C,H,W]
  uint32_t n_classes, width, height;
};

static vc_status take_whole(void *context, uint32_t first, uint32_t n, const float *probabilities, size_t plane,
                            const void *pixels) {
  const struct whole *w = context;
  (void)pixels;
  for (uint32_t c = 0; c < w->n_classes; c++)
    memcpy(w->out + ((size_t)c * w->height + first) * w->width, probabilities + c * plane,
           (size_t)n * w->width * sizeof(float));
  return VC_OK;
}

vc_status vc_predictor_run(vc_predictor *p, const struct vc_image *image, uint32_t tile, float *out_probabilities) {
  struct whole whole = {out_probabilities, vc_predictor_classes(p), image->width, image->height};
  struct vc_predict_rows desc = {.tile = tile, .take = take_whole, .context = &whole};
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = vc_image_rows_of(arena, image, &desc.image);
  if (status == VC_OK) status = vc_predictor_run_rows(p, &desc);
  vc_arena_destroy(arena);
  return status;
}
