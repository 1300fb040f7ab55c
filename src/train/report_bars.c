// Bars of the report: groups of bars from 0 to 1 with their spread, in SVG.
#include "report.h"

#include <math.h>

enum { WIDTH = 640, HEIGHT = 280, LEFT = 44, RIGHT = 8, TOP = 18, BOTTOM = 32 };

static double y_of(double value) {
  return HEIGHT - BOTTOM - fmin(fmax(value, 0), 1) * (HEIGHT - TOP - BOTTOM);
}

static void draw_axis(struct page *p) {
  for (int i = 0; i <= 5; i++) {
    const double y = y_of(i / 5.0);
    page_format(p, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, WIDTH - RIGHT, y, y);
    page_format(p, "<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n", LEFT - 6, y + 5,
                i / 5.0);
  }
}

// The value stands upright in the foot of the bar, or on top of a short one.
static void draw_bar(struct page *p, const struct bar *bar, const char *colour, double left, double width) {
  const double middle = left + width / 2;
  const bool is_short = bar->mean < 0.25;
  if (!isfinite(bar->mean)) return;
  page_format(p, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>", left, y_of(bar->mean),
              width, HEIGHT - BOTTOM - y_of(bar->mean), colour);
  if (isfinite(bar->sd)) {
    const double top = y_of(bar->mean + bar->sd), bottom = y_of(bar->mean - bar->sd);
    page_format(p, "<path class=\"spread\" d=\"M%.1f %.1fV%.1fM%.1f %.1fh8M%.1f %.1fh8\"/>", middle, top, bottom,
                middle - 4, top, middle - 4, bottom);
  }
  if (isfinite(bar->mark))
    page_format(p, "<path class=\"study\" d=\"M%.1f %.1fl5 5-5 5-5-5z\"/>", middle, y_of(bar->mark) - 5);
  page_format(
      p,
      "<text class=\"%s\" transform=\"translate(%.1f %.1f) rotate(-90)\" dominant-baseline=\"central\">%.3f</text>\n",
      is_short              ? "value"
      : colour == page_blue ? "value light"
                            : "value inside",
      middle, is_short ? y_of(bar->mean + (isfinite(bar->sd) ? bar->sd : 0)) - 4 : HEIGHT - BOTTOM - 5.0, bar->mean);
}

static void draw_legend(struct page *p, const struct bars *bars) {
  bool has_line = false, has_mark = false;
  for (uint32_t g = 0; g < bars->n_groups; g++) has_line = has_line || (bars->lines && isfinite(bars->lines[g]));
  for (uint32_t i = 0; i < bars->n_groups * bars->n_series; i++) has_mark = has_mark || isfinite(bars->bars[i].mark);
  page_raw(p, "<span class=\"legend\">");
  for (uint32_t s = 0; s < bars->n_series; s++) {
    page_format(p, "<span class=\"key\"><i style=\"background:%s\"></i>", bars->colours[s]);
    page_text(p, bars->names[s]);
    page_raw(p, "</span>");
  }
  if (has_line) {
    page_raw(p, "<span><svg width=\"26\" height=\"8\" aria-hidden=\"true\"><path class=\"otsu\" d=\"M1 4h24\"/></svg>");
    page_text(p, bars->line_name);
    page_raw(p, "</span>");
  }
  if (has_mark) {
    page_raw(p, "<span><svg width=\"14\" height=\"12\" aria-hidden=\"true\"><path class=\"study\" d=\"M7 1l5 5-5 "
                "5-5-5z\"/></svg>");
    page_text(p, bars->mark_name);
    page_raw(p, "</span>");
  }
  page_raw(p, "</span>");
}

void bars_draw(struct page *p, const struct bars *bars) {
  const double group = (double)(WIDTH - LEFT - RIGHT) / VC_MAX(bars->n_groups, 1u);
  const double width = fmin(group / (bars->n_series + 1.0), 44);
  page_raw(p, "<figure class=\"chart\"><figcaption>");
  page_text(p, bars->title);
  draw_legend(p, bars);
  page_format(p, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
  page_text(p, bars->title);
  page_raw(p, ": bars; the same numbers are in the table above\">\n");
  draw_axis(p);
  for (uint32_t g = 0; g < bars->n_groups; g++) {
    const double middle = LEFT + (g + 0.5) * group, left = middle - bars->n_series * width / 2;
    for (uint32_t s = 0; s < bars->n_series; s++)
      draw_bar(p, &bars->bars[g * bars->n_series + s], bars->colours[s], left + s * width + 1, width - 2);
    if (bars->lines && isfinite(bars->lines[g]))
      page_format(p, "<path class=\"otsu\" d=\"M%.1f %.1fH%.1f\"/>", left - 4, y_of(bars->lines[g]),
                  left + bars->n_series * width + 4);
    page_format(p, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", middle, HEIGHT - 10);
    page_text(p, bars->groups[g]);
    page_raw(p, "</text>\n");
  }
  page_raw(p, "</svg></figure>\n");
}
