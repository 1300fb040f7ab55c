// The page of a report: growing text, escapes, base64.
#include "report.h"

#include "report_style.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void destroy_page(void *object) {
  free(((struct page *)object)->text);
}

vc_status page_create(vc_arena *arena, struct page **out) {
  VC_TRY(VC_NEW(arena, 1, out));
  return vc_arena_defer(arena, destroy_page, *out);
}

// Makes room for n_bytes more and a zero byte.
static bool reserve(struct page *p, size_t n_bytes) {
  if (p->is_failed) return false;
  if (n_bytes < p->capacity - p->n) return true;
  size_t capacity = VC_MAX(2 * p->capacity, p->n + n_bytes + 4096);
  char *grown = realloc(p->text, capacity);
  if (!grown) {
    p->is_failed = true;
    return false;
  }
  p->text = grown;
  p->capacity = capacity;
  return true;
}

static void append(struct page *p, const char *data, size_t n_bytes) {
  if (!reserve(p, n_bytes)) return;
  memcpy(p->text + p->n, data, n_bytes);
  p->n += n_bytes;
}

void page_raw(struct page *p, const char *html) {
  append(p, html, strlen(html));
}

void page_format(struct page *p, const char *fmt, ...) {
  char text[1024];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  VC_ASSERT(n >= 0 && (size_t)n < sizeof text);
  append(p, text, (size_t)n);
}

void page_text(struct page *p, const char *text) {
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    switch (c) {
    case '&': page_raw(p, "&amp;"); break;
    case '<': page_raw(p, "&lt;"); break;
    case '>': page_raw(p, "&gt;"); break;
    case '"': page_raw(p, "&quot;"); break;
    case '\'': page_raw(p, "&#39;"); break;
    default:
      if (c >= 0x20 || c == '\n' || c == '\t') append(p, text, 1);
    }
  }
}

void page_base64(struct page *p, const uint8_t *data, size_t n_bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (!reserve(p, (n_bytes + 2) / 3 * 4)) return;
  char *out = p->text + p->n;
  for (size_t i = 0; i < n_bytes; i += 3) {
    size_t n = VC_MIN(n_bytes - i, (size_t)3);
    uint32_t bits = (uint32_t)data[i] << 16;
    if (n > 1) bits |= (uint32_t)data[i + 1] << 8;
    if (n > 2) bits |= data[i + 2];
    *out++ = digits[bits >> 18];
    *out++ = digits[bits >> 12 & 63];
    *out++ = n > 1 ? digits[bits >> 6 & 63] : '=';
    *out++ = n > 2 ? digits[bits & 63] : '=';
  }
  p->n = (size_t)(out - p->text);
}

const char page_blue[] = "#0072b2", page_orange[] = "#d55e00", page_sky[] = "#56b4e9", page_gold[] = "#e69f00",
           page_green[] = "#009e73", page_pink[] = "#cc79a7", page_grey[] = "#7d8794";

void page_score(struct page *p, double value) {
  if (isfinite(value))
    page_format(p, "%.3f", value);
  else
    page_raw(p, "&ndash;");
}

void page_whole(struct page *p, double value) {
  if (isfinite(value))
    page_format(p, "%.0f", value);
  else
    page_raw(p, "&ndash;");
}

void page_duration(struct page *p, double seconds) {
  if (!isfinite(seconds)) {
    page_raw(p, "&ndash;");
  } else if (seconds < 120) {
    page_format(p, "%.0f s", seconds);
  } else if (seconds < 7200) {
    page_format(p, "%.0f min", seconds / 60);
  } else {
    page_format(p, "%.1f h", seconds / 3600);
  }
}

void page_cell(struct page *p, double value) {
  page_raw(p, "<td>");
  page_score(p, value);
  page_raw(p, "</td>");
}

void page_begin(struct page *p, const char *title) {
  page_raw(p, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
              "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
  page_text(p, title);
  page_raw(p, " - vulcyte</title>\n<style>\n");
  page_raw(p, report_style);
  page_raw(p, "</style></head><body>\n");
}

vc_status page_end(struct page *p, const char *path) {
  page_raw(p, "<p class=\"soft\">Written by vulcyte " VC_VERSION ".</p>\n</body></html>\n");
  if (p->is_failed) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", path);
  return vc_file_write(path, p->text, p->n);
}
