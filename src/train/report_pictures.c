// Pictures of the report: the panels of a PNG, cut apart, made small enough for a page and embedded.
#include "report.h"

#include "evaluate.h"
#include "panels.h"

#include <string.h>

enum { MAX_SIDE = 520 };

// A panel of the picture, made smaller by a whole factor: each pixel the mean of a block.
static vc_status shrink(vc_arena *arena, const struct vc_image *whole, uint32_t left, uint32_t width,
                        struct vc_image *out) {
  const uint32_t side = (uint32_t)vc_div_up(VC_MAX(width, whole->height), MAX_SIDE), c = whole->channels;
  VC_ASSERT(side > 0 && c > 0);
  *out = (struct vc_image){.width = VC_MAX(width / side, 1u),
                           .height = VC_MAX(whole->height / side, 1u),
                           .channels = c,
                           .format = VC_PIXEL_U8};
  const uint8_t *from = whole->pixels;
  uint8_t *pixels;
  VC_TRY(VC_NEW(arena, (size_t)out->width * out->height * c, &pixels));
  for (size_t i = 0; i < (size_t)out->width * out->height * c; i++) {
    const uint32_t channel = (uint32_t)(i % c), x = (uint32_t)(i / c % out->width), y = (uint32_t)(i / c / out->width);
    uint32_t sum = 0;
    for (uint32_t k = 0; k < side * side; k++) {
      const size_t row = (size_t)y * side + k / side, column = (size_t)left + (size_t)x * side + k % side;
      sum += from[(row * whole->width + column) * c + channel];
    }
    pixels[i] = (uint8_t)((sum + side * side / 2) / (side * side));
  }
  out->pixels = pixels;
  return VC_OK;
}

static void put_panel(struct page *p, const struct panels *panels, uint32_t i, const uint8_t *data, size_t n_bytes) {
  page_raw(p, "<div><img alt=\"");
  page_text(p, panels->what);
  page_raw(p, ": ");
  page_text(p, panels->labels[i]);
  page_raw(p, "\" src=\"data:image/png;base64,");
  page_base64(p, data, n_bytes);
  page_raw(p, "\"><span>");
  page_text(p, panels->labels[i]);
  page_raw(p, "</span></div>\n");
}

static vc_status draw(vc_arena *arena, struct page *p, const struct panels *panels, size_t *inout_bytes,
                      uint32_t *inout_left_out) {
  struct vc_image whole, one;
  uint8_t *data[4];
  size_t n_bytes[4], sum = 0;
  VC_ASSERT(panels->n >= 1 && panels->n <= VC_COUNT_OF(data));
  VC_TRY(vc_image_read(arena, panels->path, 0, 0, &whole));
  const uint32_t gaps = (panels->n - 1) * VC_PANEL_GAP;
  if (whole.format != VC_PIXEL_U8 || whole.width <= gaps || (whole.width - gaps) % panels->n != 0)
    return VC_FAIL(VC_E_FORMAT, "%s: is no picture of %u panels; remove it", panels->path, panels->n);
  const uint32_t width = (whole.width - gaps) / panels->n;
  for (uint32_t i = 0; i < panels->n; i++) {
    VC_TRY(shrink(arena, &whole, i * (width + VC_PANEL_GAP), width, &one));
    VC_TRY(vc_png_encode(arena, &one, &data[i], &n_bytes[i]));
    sum += n_bytes[i];
  }
  if (sum > *inout_bytes) {
    ++*inout_left_out;
    return VC_OK;
  }
  *inout_bytes -= sum;
  page_raw(p, "<figure class=\"panels\"><figcaption>");
  page_text(p, panels->caption);
  page_format(p, "</figcaption><div class=\"row row%u\">\n", panels->n);
  for (uint32_t i = 0; i < panels->n; i++) put_panel(p, panels, i, data[i], n_bytes[i]);
  page_raw(p, "</div></figure>\n");
  return VC_OK;
}

vc_status panels_draw(struct page *p, const struct panels *panels, size_t *inout_bytes, uint32_t *inout_left_out) {
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = draw(scratch, p, panels, inout_bytes, inout_left_out);
  vc_arena_destroy(scratch);
  if (vc_is_bad_input(status)) { // a picture more or less: the report is about the numbers
    ++*inout_left_out;
    status = VC_OK;
  }
  return status;
}
