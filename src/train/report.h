// What the files of the report share: the page under construction, charts, and a run as its folder tells it.
#ifndef VC_TRAIN_REPORT_H
#define VC_TRAIN_REPORT_H

#include "vulcyte/train.h"

// ---- the page -----------------------------------------------------------------------------------------------------

// An append-only text; a failed append sticks. Owned by the arena.
struct page {
  char *text;
  size_t n, capacity;
  bool is_failed;
};
vc_status page_create(vc_arena *arena, struct page **out);
void page_raw(struct page *p, const char *html);
void page_format(struct page *p, const char *fmt, ...) VC_PRINTF(2, 3); // arguments must need no escaping
void page_text(struct page *p, const char *text);                       // escaped
void page_base64(struct page *p, const uint8_t *data, size_t n_bytes);
void page_score(struct page *p, double value); // three digits; a dash for NaN

// ---- charts -------------------------------------------------------------------------------------------------------

struct series {
  const char *name, *colour;
  const double *x, *y; // NaN in y: a gap
  uint32_t n;
  bool is_dashed;
};
// A vertical line with a label.
struct chart_mark {
  double x;
  const char *label;
};
struct chart {
  const char *title, *x_label;
  const struct series *series;
  uint32_t n_series;
  const struct chart_mark *marks;
  uint32_t n_marks;
  bool is_log;  // y, where all values are above 0
  bool is_unit; // y reaches from at most 0 to at least 1
};
// Appends the chart as a figure with inline SVG; nothing where no series has a finite point.
void chart_draw(struct page *p, const struct chart *chart);

// ---- a run --------------------------------------------------------------------------------------------------------

// The curves of log.jsonl, a point for each epoch, or for each step where no epoch has ended.
struct run_log {
  uint32_t n;
  bool by_step;
  double *x, *loss_supervised, *loss_unsupervised, *val_supervised, *val_unsupervised, *val_iou, *lr;
  double best_supervised_epoch, best_final_epoch; // NaN: none
  const char **warnings;
  uint32_t n_warnings;
  bool has_ended;
  double steps, seconds; // NaN: not known
  const char *device;    // NULL: not known
};
// A log that is missing, empty or cut off within a line gives what there is.
vc_status run_log_read(vc_arena *arena, const char *path, struct run_log *out);

#endif
