#include "train/gallery.h"

#include <math.h>
#include <string.h>

#include "train/config_table.h"
#include "train/panels.h"
#include "vulcyte/gpu.h"

// A picture of a window beyond this side is made smaller by a whole factor; whole images (crop null) are cut to a
// window of it.
enum { N_VISITS = 6, MAX_SIDE = 320, WHOLE_SIDE = 512, MAX_PANELS = 3 };
static const double brightening = 0.6; // lifts the dark, where fluorescence has most of its pixels
static const char *const panel_names[MAX_PANELS] = {"window", "weak", "strong"};

struct gallery {
  vc_arena *arena;
  struct vc_run view; // the run, its arena replaced by the gallery's
  struct vc_train_step step;
  uint32_t sample, stream;
  struct vc_size size;
  vc_tensor *panels[MAX_PANELS];
  uint32_t n_panels;
  float *values[MAX_PANELS]; // channels-last
  const char *dir;
};

// ---- rendering ----------------------------------------------------------------------------------------------------

static vc_status build(struct gallery *g) {
  struct vc_train_step *step = &g->step;
  *step = (struct vc_train_step){.labelled = g->size, .unlabelled = g->size, .batch = 1, .staged = true};
  VC_TRY(vc_step_begin(&g->view, step, false));
  if (g->stream == VC_STREAM_LABELLED) {
    const struct vc_labelled_batch b = vc_supervised_inputs(&g->view, step, true);
    g->panels[g->n_panels++] = b.window;
    g->panels[g->n_panels++] = b.x;
    vc_output(step->graph, b.labels);
  } else {
    const struct vc_unlabelled_pair pair = vc_uda_inputs(&g->view, step);
    g->panels[g->n_panels++] = pair.window;
    g->panels[g->n_panels++] = pair.weak;
    g->panels[g->n_panels++] = pair.strong;
    vc_output(step->graph, pair.valid);
  }
  for (uint32_t i = 0; i < g->n_panels; i++) vc_output(step->graph, g->panels[i]);
  const struct vc_exec_options options = {.variants = g->view.config->variants};
  VC_TRY(vc_exec_create(g->arena, g->view.gpu, step->graph, &options, &step->exec));
  return vc_exec_bind(g->arena, &step->exec, 1);
}

static vc_status render(struct gallery *g, struct vc_visit visit) {
  const size_t n = (size_t)g->size.w * g->size.h * g->view.config->data.channels;
  uint64_t ticket;
  VC_TRY(g->stream == VC_STREAM_LABELLED ? vc_supervised_feed(&g->view, &g->step, &visit)
                                         : vc_uda_feed(&g->view, &g->step, &visit));
  VC_TRY(vc_exec_feed(g->step.exec, g->step.range, g->view.range, 2 * g->view.config->data.channels * sizeof(float)));
  VC_TRY(vc_exec_run(g->step.exec, &ticket));
  for (uint32_t i = 0; i < g->n_panels; i++)
    VC_TRY(vc_exec_read(g->step.exec, g->panels[i], g->values[i], n * sizeof(float)));
  return VC_OK;
}

// ---- pictures -----------------------------------------------------------------------------------------------------

// The mean of a block of a panel's pixels.
static double block_mean(const struct gallery *g, const float *values, uint32_t left, uint32_t top, uint32_t side,
                         uint32_t channel) {
  const uint32_t n_channels = g->view.config->data.channels;
  double sum = 0;
  for (uint32_t y = top; y < top + side; y++)
    for (uint32_t x = left; x < left + side; x++)
      sum += (double)values[((size_t)y * g->size.w + x) * n_channels + channel];
  return sum / ((double)side * side);
}

// One scale for all panels, so that a darker view looks darker.
static void find_scale(const struct gallery *g, double *out_lo, double *out_hi) {
  const size_t n = (size_t)g->size.w * g->size.h * g->view.config->data.channels;
  *out_lo = INFINITY;
  *out_hi = -INFINITY;
  for (uint32_t i = 0; i < g->n_panels; i++) {
    for (size_t k = 0; k < n; k++) {
      *out_lo = fmin(*out_lo, (double)g->values[i][k]);
      *out_hi = fmax(*out_hi, (double)g->values[i][k]);
    }
  }
  if (!(*out_hi > *out_lo)) *out_hi = *out_lo + 1;
}

static vc_status draw(const struct gallery *g, const char *path) {
  vc_arena *scratch;
  const uint32_t n_channels = g->view.config->data.channels;
  const uint32_t side = (uint32_t)vc_div_up(VC_MAX(g->size.w, g->size.h), MAX_SIDE);
  const uint32_t w = VC_MAX(g->size.w / side, 1), h = VC_MAX(g->size.h / side, 1);
  struct vc_image picture = {.width = g->n_panels * w + (g->n_panels - 1) * VC_PANEL_GAP,
                             .height = h,
                             .channels = n_channels == 1 ? 1 : 3,
                             .format = VC_PIXEL_U8};
  const size_t n_bytes = (size_t)picture.width * h * picture.channels;
  double lo, hi;
  uint8_t *pixels;
  find_scale(g, &lo, &hi);
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = VC_NEW(scratch, n_bytes, &pixels);
  if (status == VC_OK) {
    memset(pixels, 255, n_bytes);
    for (size_t i = 0; i < (size_t)g->n_panels * w * h * picture.channels; i++) {
      const uint32_t c = (uint32_t)(i % picture.channels), x = (uint32_t)(i / picture.channels % w);
      const uint32_t y = (uint32_t)(i / picture.channels / w % h), panel = (uint32_t)(i / picture.channels / w / h);
      const double value = c < n_channels ? block_mean(g, g->values[panel], x * side, y * side, side, c) : lo;
      const size_t at = (size_t)y * picture.width + (size_t)panel * (w + VC_PANEL_GAP) + x;
      pixels[at * picture.channels + c] = (uint8_t)(pow((value - lo) / (hi - lo), brightening) * 255 + 0.5);
    }
    picture.pixels = pixels;
    status = vc_png_write(path, &picture, NULL);
  }
  vc_arena_destroy(scratch);
  return status;
}

// ---- telling ------------------------------------------------------------------------------------------------------

// W = rotation · scale · flip, taken apart again: the second column is what the flip leaves alone.
static void put_weak(vc_json_writer *w, vc_affine map) {
  const double *m = map.m, degrees = 180 / 3.14159265358979323846;
  vc_json_begin_object(w, "weak");
  vc_json_put_number(w, "scale", hypot(m[1], m[4]));
  vc_json_put_number(w, "rotate", atan2(-m[1], m[4]) * degrees);
  vc_json_put_bool(w, "flip", m[0] * m[4] - m[1] * m[3] < 0);
  vc_json_end_object(w);
}

static void put_strong(vc_json_writer *w, const struct vc_strong *strong) {
  vc_json_begin_array(w, "strong");
  for (uint32_t i = 0; i < strong->n_ops; i++) {
    vc_json_begin_object(w, NULL);
    vc_json_put_string(w, "op", config_op_name(strong->op[i]));
    if (strong->magnitude[i] != 0) vc_json_put_number(w, "magnitude", (double)strong->magnitude[i]);
    vc_json_end_object(w);
  }
  vc_json_end_array(w);
}

static void put_view(vc_json_writer *w, const struct gallery *g, const char *file, struct vc_visit visit) {
  const struct vc_config *c = g->view.config;
  const struct vc_strong strong = vc_strong_draw(&c->augment.strong, c->seed, visit);
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "file", file);
  put_weak(w, vc_weak_draw(&c->augment.weak, c->seed, g->stream, visit));
  if (g->n_panels == MAX_PANELS) put_strong(w, &strong);
  vc_json_end_object(w);
}

static vc_status write_views(struct gallery *g) {
  vc_json_writer *w;
  const char *text;
  size_t n_bytes;
  char *path;
  VC_TRY(vc_json_writer_create(g->arena, 2, &w));
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "image", g->view.dataset->samples[g->sample].stem);
  vc_json_begin_array(w, "panels");
  for (uint32_t i = 0; i < g->n_panels; i++) vc_json_put_string(w, NULL, panel_names[i]);
  vc_json_end_array(w);
  vc_json_begin_array(w, "views");
  for (uint32_t i = 0; i < N_VISITS; i++) {
    const struct vc_visit visit = {.sample = g->sample, .walk = i};
    char *file;
    VC_TRY(vc_arena_printf(g->arena, &file, "%02u.png", i + 1));
    VC_TRY(vc_path_join(g->arena, g->dir, file, &path));
    VC_TRY(render(g, visit));
    VC_TRY(draw(g, path));
    put_view(w, g, file, visit);
  }
  vc_json_end_array(w);
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  VC_TRY(vc_path_join(g->arena, g->dir, "views.json", &path));
  return vc_file_write(path, text, n_bytes);
}

// ---- the whole ----------------------------------------------------------------------------------------------------

static bool weak_is_on(const struct vc_weak_desc *w) {
  return w->scale_lo != 1 || w->scale_hi != 1 || w->rotate_deg != 0 || w->flip != 0;
}

static vc_status write_gallery(struct gallery *g) {
  const struct vc_config *c = g->view.config;
  const struct vc_sample *s = &g->view.dataset->samples[g->sample];
  char *dir;
  g->size = (struct vc_size){c->data.crop ? c->data.crop : VC_MIN(s->width, (uint32_t)WHOLE_SIDE),
                             c->data.crop ? c->data.crop : VC_MIN(s->height, (uint32_t)WHOLE_SIDE)};
  VC_TRY(vc_keep_path(&g->view, "augmentation", &dir));
  VC_TRY(vc_path_make_dirs(dir));
  g->dir = dir;
  VC_TRY(build(g));
  for (uint32_t i = 0; i < g->n_panels; i++)
    VC_TRY(VC_NEW(g->arena, (size_t)g->size.w * g->size.h * c->data.channels, &g->values[i]));
  VC_TRY(vc_pool_stage(g->view.pool, g->sample, 0));
  return write_views(g);
}

vc_status vc_gallery_write(struct vc_run *run) {
  struct gallery g = {.view = *run};
  const bool is_uda = vc_run_is_uda(run);
  if (vc_run_is_iic(run)) return VC_OK; // the views differ by a rotation alone
  if (!weak_is_on(&run->config->augment.weak) && !(is_uda && run->config->augment.strong.num_ops > 0)) return VC_OK;
  g.stream = is_uda ? VC_STREAM_UNLABELLED : VC_STREAM_LABELLED;
  g.sample = is_uda ? run->split.train_unlabelled[0] : run->split.train_labelled[0];
  VC_TRY(vc_arena_create(&g.arena));
  g.view.arena = g.arena;
  const vc_status status = write_gallery(&g);
  vc_arena_destroy(g.arena);
  return status;
}
