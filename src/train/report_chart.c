// Charts of the report: lines in SVG, coloured by the page's style sheet.
#include "report.h"

#include <math.h>
#include <stdio.h>

enum { WIDTH = 640, HEIGHT = 320, LEFT = 72, RIGHT = 14, TOP = 40, BOTTOM = 48, MAX_TICKS = 12 };

struct axis {
  double lo, hi;
  bool is_log;
  double ticks[MAX_TICKS];
  uint32_t n_ticks;
};

struct frame {
  struct page *page;
  const struct chart *chart;
  struct axis x, y;
};

static double place(const struct axis *a, double value) { // 0..1
  return a->is_log ? (log10(value) - log10(a->lo)) / (log10(a->hi) - log10(a->lo)) : (value - a->lo) / (a->hi - a->lo);
}

static double x_of(const struct frame *f, double value) {
  return LEFT + place(&f->x, value) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct frame *f, double value) {
  return HEIGHT - BOTTOM - place(&f->y, value) * (HEIGHT - TOP - BOTTOM);
}

// Widens lo..hi to round values 1, 2 or 5 times a power of ten apart, and lists these.
static void round_axis(struct axis *a, bool whole) {
  if (a->is_log) {
    double lo = floor(log10(a->lo)), hi = VC_MAX(ceil(log10(a->hi)), lo + 1);
    double step = ceil((hi - lo) / 8);
    for (double e = lo; e <= hi && a->n_ticks < MAX_TICKS; e += step) a->ticks[a->n_ticks++] = pow(10, e);
    a->lo = pow(10, lo);
    a->hi = pow(10, hi);
    return;
  }
  if (!(a->hi > a->lo)) {
    double middle = a->lo;
    a->lo = middle - (whole ? 1 : fabs(middle) / 2 + 0.5);
    a->hi = middle + (whole ? 1 : fabs(middle) / 2 + 0.5);
  }
  double rough = (a->hi - a->lo) / 6, power = pow(10, floor(log10(rough))), ratio = rough / power;
  double step = power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
  if (whole) step = VC_MAX(step, 1);
  double first = whole ? ceil(a->lo / step) : floor(a->lo / step);
  double last = whole ? floor(a->hi / step) : ceil(a->hi / step);
  for (double k = first; k <= last && a->n_ticks < MAX_TICKS; k++) a->ticks[a->n_ticks++] = k * step;
  if (!whole) {
    a->lo = first * step;
    a->hi = last * step;
  }
}

static bool find_range(const struct chart *chart, struct axis *x, struct axis *y) {
  x->lo = y->lo = INFINITY;
  x->hi = y->hi = -INFINITY;
  for (uint32_t s = 0; s < chart->n_series; s++) {
    const struct series *one = &chart->series[s];
    for (uint32_t i = 0; i < one->n; i++) {
      if (!isfinite(one->y[i]) || !isfinite(one->x[i])) continue;
      x->lo = fmin(x->lo, one->x[i]);
      x->hi = fmax(x->hi, one->x[i]);
      y->lo = fmin(y->lo, one->y[i]);
      y->hi = fmax(y->hi, one->y[i]);
    }
  }
  return x->hi >= x->lo;
}

static void draw_axes(const struct frame *f) {
  struct page *p = f->page;
  for (uint32_t i = 0; i < f->y.n_ticks; i++) {
    double y = y_of(f, f->y.ticks[i]);
    page_format(p, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, WIDTH - RIGHT, y, y);
    page_format(p, "<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n", LEFT - 8, y + 5,
                fabs(f->y.ticks[i]) < 1e-12 ? 0.0 : f->y.ticks[i]);
  }
  for (uint32_t i = 0; i < f->x.n_ticks; i++) {
    double x = x_of(f, f->x.ticks[i]);
    page_format(p, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", x, x, HEIGHT - BOTTOM,
                HEIGHT - BOTTOM + 4);
    page_format(p, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.7g</text>\n", x,
                HEIGHT - BOTTOM + 20, f->x.ticks[i]);
  }
  page_format(p, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM,
              HEIGHT - BOTTOM);
  page_format(p, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2,
              HEIGHT - 4);
  page_text(p, f->chart->x_label);
  page_raw(p, "</text>\n");
}

static void draw_marks(const struct frame *f) {
  for (uint32_t i = 0; i < f->chart->n_marks; i++) {
    const struct chart_mark *mark = &f->chart->marks[i];
    if (!isfinite(mark->x) || mark->x < f->x.lo || mark->x > f->x.hi) continue;
    double x = x_of(f, mark->x);
    bool is_right = x > (LEFT + WIDTH - RIGHT) / 2.0;
    page_format(f->page, "<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", x, x,
                TOP - 22 + 16 * (int)(i % 2), HEIGHT - BOTTOM);
    page_format(f->page, "<text class=\"label\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">", x + (is_right ? -4 : 4),
                TOP - 22 + 16 * (int)(i % 2), is_right ? "end" : "start");
    page_text(f->page, mark->label);
    page_raw(f->page, "</text>\n");
  }
}

// Points without a value are stepped over: validation may come only every few epochs.
static void draw_series(const struct frame *f, const struct series *s) {
  struct page *p = f->page;
  uint32_t n_points = 0, last = 0;
  page_format(p, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-linejoin=\"round\"%s d=\"", s->colour,
              s->is_dashed ? " stroke-dasharray=\"6 4\"" : "");
  for (uint32_t i = 0; i < s->n; i++) {
    if (!isfinite(s->y[i]) || !isfinite(s->x[i])) continue;
    page_format(p, "%s%.1f %.1f ", n_points ? "L" : "M", x_of(f, s->x[i]), y_of(f, s->y[i]));
    n_points++;
    last = i;
  }
  page_raw(p, "\"/>\n");
  if (n_points == 1) {
    page_format(p, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x_of(f, s->x[last]), y_of(f, s->y[last]),
                s->colour);
  }
}

static bool has_points(const struct series *s) {
  for (uint32_t i = 0; i < s->n; i++) {
    if (isfinite(s->y[i])) return true;
  }
  return false;
}

void chart_draw(struct page *p, const struct chart *chart) {
  struct frame f = {.page = p, .chart = chart};
  if (!find_range(chart, &f.x, &f.y)) return;
  f.y.is_log = chart->is_log && f.y.lo > 0;
  if (!f.y.is_log && !chart->is_free) f.y.lo = fmin(f.y.lo, 0);
  if (chart->is_unit) f.y.hi = fmax(f.y.hi, 1);
  round_axis(&f.x, true);
  round_axis(&f.y, false);
  page_raw(p, "<figure class=\"chart\"><figcaption>");
  page_text(p, chart->title);
  page_raw(p, "<span class=\"legend\">");
  for (uint32_t s = 0; s < chart->n_series; s++) {
    const struct series *one = &chart->series[s];
    if (!one->name || !has_points(one)) continue;
    page_format(p,
                "<span><svg width=\"26\" height=\"8\" aria-hidden=\"true\"><line x1=\"1\" x2=\"25\" y1=\"4\" y2=\"4\" "
                "stroke=\"%s\" stroke-width=\"3\"%s/></svg>",
                one->colour, one->is_dashed ? " stroke-dasharray=\"6 4\"" : "");
    page_text(p, one->name);
    page_raw(p, "</span>");
  }
  page_format(p, "</span></figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
  page_text(p, chart->title);
  page_raw(p, "\">\n");
  draw_axes(&f);
  draw_marks(&f);
  for (uint32_t s = 0; s < chart->n_series; s++) {
    if (has_points(&chart->series[s])) draw_series(&f, &chart->series[s]);
  }
  page_raw(p, "</svg></figure>\n");
}
