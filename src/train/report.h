// What the files of the report share: the page under construction, charts, pictures, and runs as their folders tell
// them.
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
void page_whole(struct page *p, double value); // no digits; a dash for NaN
void page_duration(struct page *p, double seconds);
void page_cell(struct page *p, double value);         // a table's cell with a score
void page_begin(struct page *p, const char *title);   // to </head><body>
vc_status page_end(struct page *p, const char *path); // closes and writes it

// Colours that the colour-blind can tell apart (Okabe and Ito), readable on white and on black.
extern const char page_blue[], page_orange[], page_sky[], page_gold[], page_green[], page_pink[], page_grey[];

// ---- charts -------------------------------------------------------------------------------------------------------

struct series {
  const char *name, *colour; // name NULL: not in the legend
  const double *x, *y;       // NaN in y: a gap
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
  bool is_free; // y need not reach down to 0
};
// Appends the chart as a figure with inline SVG; nothing where no series has a finite point.
void chart_draw(struct page *p, const struct chart *chart);

// Bars from 0 to 1 in groups, one colour a series.
struct bar {
  double mean, sd; // NaN: none
  double mark;     // a value to compare with; NaN: none
};
struct bars {
  const char *title;
  const char *const *groups; // [n_groups] texts under the axis
  uint32_t n_groups;
  const char *const *names, *const *colours; // [n_series]
  uint32_t n_series;
  const struct bar *bars; // [n_groups * n_series], a group's side by side
  const double *lines;    // [n_groups] dashed lines across the groups; NaN: none; NULL: none at all
  const char *line_name, *mark_name;
};
void bars_draw(struct page *p, const struct bars *bars);

// ---- pictures -----------------------------------------------------------------------------------------------------

// Appends the panels of a PNG (panels.h) side by side, each with its label and made smaller where it is large. The file
// is left out, and counted, where *inout_bytes of the page are used up or it cannot be read. `what` begins the texts
// for those who do not see the pictures.
struct panels {
  const char *path, *caption, *what;
  const char *const *labels;
  uint32_t n;
};
vc_status panels_draw(struct page *p, const struct panels *panels, size_t *inout_bytes, uint32_t *inout_left_out);

// ---- a run --------------------------------------------------------------------------------------------------------

// The curves of log.jsonl, a point for each epoch, or for each step where no epoch has ended. Columns without a value
// are all NaN.
enum run_column {
  RUN_X, // epoch or step
  RUN_LOSS_SUPERVISED,
  RUN_LOSS_UNSUPERVISED,
  RUN_VAL_SUPERVISED,
  RUN_VAL_UNSUPERVISED,
  RUN_VAL_IOU,
  RUN_LR,
  RUN_LOSS_MAIN, // from here on of the two heads of IIC
  RUN_LOSS_AUX,
  RUN_VAL_MAIN,
  RUN_VAL_AUX,
  RUN_ENTROPY_MAIN,
  RUN_ENTROPY_AUX,
  RUN_IOU_MAIN,
  RUN_IOU_AUX,
  RUN_COLUMNS
};
struct run_log {
  uint32_t n;
  bool by_step;
  double *columns[RUN_COLUMNS];
  double best_supervised_epoch, best_final_epoch; // NaN: none
  const char **warnings;
  uint32_t n_warnings;
  bool has_ended;
  double steps, seconds; // NaN: not known
  const char *device;    // NULL: not known
};
// A log that is missing, empty or cut off within a line gives what there is.
vc_status run_log_read(vc_arena *arena, const char *path, struct run_log *out);

struct run {
  const char *dir;
  const vc_json *config, *evaluation, *split, *baselines, *views; // all but the first NULL where there is none
  const char *config_text;
  struct run_log log;
};
vc_status run_read(vc_arena *arena, const char *dir, struct run *out);
const char *run_name(const struct run *run);
// Everything about one run. Pictures take at most *inout_bytes of the page.
vc_status run_put(vc_arena *arena, struct page *p, const struct run *run, bool is_alone, size_t *inout_bytes);
vc_status run_put_overlay(vc_arena *arena, struct page *p, const char *path, const char *caption, size_t *inout_bytes,
                          uint32_t *inout_left_out);
void run_put_overlay_key(struct page *p); // what the colours of overlays mean

// ---- a sweep ------------------------------------------------------------------------------------------------------

bool sweep_is_folder(vc_arena *arena, const char *dir); // whether it holds a sweep's results
// The page about a sweep: tables, bars, curves, examples and a line for every run.
vc_status sweep_put(vc_arena *arena, struct page *p, const char *dir, const char *out_path, size_t *inout_bytes);

// ---- reading ------------------------------------------------------------------------------------------------------

// *out NULL where the file is not there.
vc_status json_read(vc_arena *arena, const char *dir, const char *file, const vc_json **out, const char **out_text);
// The member of a path "a.b", NULL if there is none; number: NaN, text: "".
const vc_json *json_find(const vc_json *root, const char *path);
double json_number(const vc_json *root, const char *path);
const char *json_text(const vc_json *root, const char *path);
const vc_json *json_list(const vc_json *root, const char *path); // NULL where it is no list
double json_item(const vc_json *list, size_t i);                 // a number of a list

#endif
