// Pictures of a segmentation over its image: for people, so colours are chosen to be told apart, also by the
// colour-blind.
#include "overlay.h"

#include <math.h>
#include <string.h>

#include "train/panels.h"

// The colours of classes 1, 2, ...: Okabe and Ito's, repeated.
static const uint8_t colours[][3] = {{230, 159, 0}, {86, 180, 233}, {0, 158, 115},  {240, 228, 66},
                                     {0, 114, 178}, {213, 94, 0},   {204, 121, 167}};
static const uint8_t missed[3] = {213, 94, 0}, invented[3] = {86, 180, 233}, confused[3] = {240, 228, 66};

struct canvas {
  uint32_t width, height, left; // left: of the panel being drawn
  uint8_t *rgb;
};

// The image as 8-bit RGB, lo black and hi white: one channel is grey, two are red and green, of more the first three
// count.
static void stretch(const struct vc_image *image, float lo, float hi, uint8_t *out) {
  size_t n_pixels = (size_t)image->width * image->height;
  uint32_t shown = VC_MIN(image->channels, 3u);
  float scale = hi > lo ? 255.0f / (hi - lo) : 0.0f;
  for (size_t i = 0; i < n_pixels; i++) {
    for (uint32_t c = 0; c < 3; c++) {
      uint32_t from = shown == 1 ? 0 : c;
      float value = 0;
      if (from < shown) value = ((float)vc_image_value(image, i * image->channels + from) - lo) * scale;
      out[3 * i + c] = (uint8_t)(fminf(fmaxf(value, 0.0f), 255.0f) + 0.5f);
    }
  }
}

static void find_range(const struct vc_image *image, float *out_lo, float *out_hi) {
  size_t n_pixels = (size_t)image->width * image->height;
  float lo = INFINITY, hi = -INFINITY;
  for (size_t i = 0; i < n_pixels; i++) {
    for (uint32_t c = 0; c < VC_MIN(image->channels, 3u); c++) {
      float value = (float)vc_image_value(image, i * image->channels + c);
      lo = fminf(lo, value);
      hi = fmaxf(hi, value);
    }
  }
  *out_lo = lo;
  *out_hi = hi;
}

// Narrows the range to where all but a fifth of a percent of the values on either side lie: a speck of dust shall not
// leave everything else in the dark.
static void leave_out_few(const struct vc_image *image, float *inout_lo, float *inout_hi) {
  enum { N_BINS = 4096, PARTS_LEFT_OUT = 500 };
  const uint32_t shown = VC_MIN(image->channels, 3u);
  const size_t n = (size_t)image->width * image->height * shown, few = n / PARTS_LEFT_OUT;
  const float lo = *inout_lo;
  const double per_unit = N_BINS / ((double)*inout_hi - lo);
  size_t counts[N_BINS] = {0}, n_below = 0, n_above = 0;
  uint32_t first = 0, last = N_BINS;
  if (!(*inout_hi > lo)) return;
  for (size_t i = 0; i < n; i++) {
    const double value = vc_image_value(image, i / shown * image->channels + i % shown);
    counts[VC_MIN((uint32_t)((value - lo) * per_unit), N_BINS - 1u)]++;
  }
  while (first + 1 < last && (n_below += counts[first]) <= few) first++;
  while (last > first + 1 && (n_above += counts[last - 1]) <= few) last--;
  *inout_lo = (float)(lo + first / per_unit);
  *inout_hi = (float)(lo + last / per_unit);
}

static void mix(uint8_t *pixel, const uint8_t *colour, uint32_t parts_of_256) {
  for (int c = 0; c < 3; c++) {
    pixel[c] = (uint8_t)((pixel[c] * (256 - parts_of_256) + colour[c] * parts_of_256) >> 8);
  }
}

static uint8_t *pixel_of(const struct canvas *canvas, uint32_t x, uint32_t y) {
  return canvas->rgb + 3 * ((size_t)y * canvas->width + canvas->left + x);
}

static void draw_image(const struct canvas *canvas, const uint8_t *rgb, uint32_t w, uint32_t h) {
  for (uint32_t y = 0; y < h; y++) memcpy(pixel_of(canvas, 0, y), rgb + 3 * (size_t)y * w, 3 * (size_t)w);
}

// True for a pixel of a class whose left, right, upper or lower neighbour belongs to another.
static bool is_outline(const uint8_t *mask, uint32_t w, uint32_t h, uint32_t x, uint32_t y) {
  const uint8_t *p = mask + (size_t)y * w + x;
  return (x > 0 && p[-1] != *p) || (x + 1 < w && p[1] != *p) || (y > 0 && p[-(ptrdiff_t)w] != *p) ||
         (y + 1 < h && p[w] != *p);
}

static void draw_classes(const struct canvas *canvas, const uint8_t *mask, uint32_t w, uint32_t h) {
  static const uint8_t black[3] = {0, 0, 0};
  for (uint32_t y = 0; y < h; y++) {
    for (uint32_t x = 0; x < w; x++) {
      uint8_t class = mask[(size_t)y * w + x];
      uint8_t *pixel = pixel_of(canvas, x, y);
      if (class == VC_IGNORE_U8)
        mix(pixel, black, 128);
      else if (class > 0)
        mix(pixel, colours[(class - 1u) % VC_COUNT_OF(colours)], is_outline(mask, w, h, x, y) ? 230 : 70);
    }
  }
}

// Where prediction and reference differ: missed (reference has a class, prediction background), invented, confused.
static void draw_differences(const struct canvas *canvas, const uint8_t *reference, const uint8_t *prediction,
                             uint32_t w, uint32_t h) {
  static const uint8_t black[3] = {0, 0, 0};
  for (uint32_t y = 0; y < h; y++) {
    for (uint32_t x = 0; x < w; x++) {
      uint8_t wanted = reference[(size_t)y * w + x], got = prediction[(size_t)y * w + x];
      uint8_t *pixel = pixel_of(canvas, x, y);
      mix(pixel, black, 128);
      if (wanted == got || wanted == VC_IGNORE_U8) continue;
      mix(pixel, got == 0 ? missed : wanted == 0 ? invented : confused, 230);
    }
  }
}

static vc_status draw(vc_arena *arena, const char *path, const struct vc_image *image, const uint8_t *reference,
                      const uint8_t *prediction) {
  uint32_t w = image->width, h = image->height, n_panels = reference ? 4 : 1;
  struct canvas canvas = {.width = n_panels * w + (n_panels - 1) * VC_PANEL_GAP, .height = h};
  size_t n_bytes = 3 * (size_t)canvas.width * h;
  uint8_t *rgb;
  VC_TRY_CTX(VC_NEW(arena, n_bytes, &canvas.rgb), "%s", path);
  VC_TRY_CTX(VC_NEW(arena, 3 * (size_t)w * h, &rgb), "%s", path);
  memset(canvas.rgb, 255, n_bytes);
  float lo, hi;
  find_range(image, &lo, &hi);
  if (reference) leave_out_few(image, &lo, &hi); // else as overlay_rows draws it, which sees the image by rows
  stretch(image, lo, hi, rgb);
  for (uint32_t panel = 0; panel < n_panels; panel++) {
    canvas.left = panel * (w + VC_PANEL_GAP);
    draw_image(&canvas, rgb, w, h);
    if (panel == 1) draw_classes(&canvas, reference, w, h);
    if (panel == 2 || !reference) draw_classes(&canvas, prediction, w, h);
    if (panel == 3) draw_differences(&canvas, reference, prediction, w, h);
  }
  struct vc_image picture = {
      .width = canvas.width, .height = h, .channels = 3, .format = VC_PIXEL_U8, .pixels = canvas.rgb};
  return vc_png_write(path, &picture, NULL);
}

vc_status vc_overlay_write(const char *path, const struct vc_image *image, const uint8_t *reference,
                           const uint8_t *prediction, uint32_t n_classes) {
  (void)n_classes; // colours repeat, so any number can be drawn
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = draw(arena, path, image, reference, prediction);
  vc_arena_destroy(arena);
  return status;
}

// ---- by rows --------------------------------------------------------------------------------------------------------

enum { SLICE = 64, KEPT = 2 }; // rows drawn together; of the rows before, one for outlines and one not yet written

struct overlay_rows {
  struct vc_image image; // KEPT + SLICE rows
  uint8_t *classes, *rgb;
  size_t row_bytes;
  float lo, hi;
  uint32_t height, n_done, n_kept; // rows of the whole; written; at the top of the buffers
  vc_image_writer *file;
};

static void close_overlay(void *object) {
  struct overlay_rows *o = object;
  vc_image_writer_discard(o->file);
}

vc_status overlay_rows_open(vc_arena *arena, const char *path, vc_image_rows *image, struct overlay_rows **out) {
  struct overlay_rows *o;
  const struct vc_image_info *info = vc_image_rows_info(image);
  double min[VC_OVERLAY_CHANNELS], max[VC_OVERLAY_CHANNELS];
  if (info->channels > VC_OVERLAY_CHANNELS)
    return VC_FAIL(VC_E_UNSUPPORTED, "%s: an overlay of %u channels; leave it out", path, info->channels);
  VC_TRY(vc_image_rows_range(image, min, max));
  VC_TRY(VC_NEW(arena, 1, &o));
  o->image = (struct vc_image){.width = info->width, .channels = info->channels, .format = info->format};
  o->row_bytes = (size_t)info->width * info->channels * vc_pixel_bytes(info->format);
  o->height = info->height;
  o->lo = (float)min[0];
  o->hi = (float)max[0];
  for (uint32_t c = 1; c < VC_MIN(info->channels, 3u); c++) {
    o->lo = fminf(o->lo, (float)min[c]);
    o->hi = fmaxf(o->hi, (float)max[c]);
  }
  VC_TRY(vc_arena_alloc(arena, KEPT + SLICE, o->row_bytes, &o->image.pixels));
  VC_TRY(VC_NEW(arena, (size_t)(KEPT + SLICE) * info->width, &o->classes));
  VC_TRY(VC_NEW(arena, (size_t)3 * (KEPT + SLICE) * info->width, &o->rgb));
  const struct vc_image shape = {.width = info->width, .height = info->height, .channels = 3};
  VC_TRY(vc_arena_defer(arena, close_overlay, o));
  VC_TRY(vc_png_writer_open(path, &shape, NULL, &o->file));
  *out = o;
  return VC_OK;
}

static vc_status add_slice(struct overlay_rows *o, const uint8_t *pixels, const uint8_t *classes, uint32_t n_new) {
  const uint32_t w = o->image.width, n = o->n_kept + n_new, first = o->n_kept == KEPT ? 1 : 0;
  uint8_t *image = o->image.pixels;
  memcpy(image + o->n_kept * o->row_bytes, pixels, n_new * o->row_bytes);
  memcpy(o->classes + (size_t)o->n_kept * w, classes, (size_t)n_new * w);
  o->image.height = n;
  stretch(&o->image, o->lo, o->hi, o->rgb);
  const struct canvas canvas = {.width = w, .height = n, .rgb = o->rgb};
  draw_classes(&canvas, o->classes, w, n);
  const uint32_t end = o->n_done + n - first == o->height ? n : n - 1; // the last row waits for the one below
  VC_TRY(vc_image_writer_append(o->file, o->rgb + (size_t)3 * first * w, end - first));
  o->n_done += end - first;
  o->n_kept = VC_MIN(n, KEPT);
  memmove(image, image + (n - o->n_kept) * o->row_bytes, o->n_kept * o->row_bytes);
  memmove(o->classes, o->classes + (size_t)(n - o->n_kept) * w, (size_t)o->n_kept * w);
  return VC_OK;
}

vc_status overlay_rows_add(struct overlay_rows *o, const void *pixels, const uint8_t *classes, uint32_t n) {
  for (uint32_t y = 0; y < n; y += SLICE) {
    VC_TRY(add_slice(o, (const uint8_t *)pixels + y * o->row_bytes, classes + (size_t)y * o->image.width,
                     VC_MIN(SLICE, n - y)));
  }
  return VC_OK;
}

vc_status overlay_rows_commit(struct overlay_rows *o) {
  vc_image_writer *file = o->file;
  o->file = NULL;
  return vc_image_writer_commit(file);
}
