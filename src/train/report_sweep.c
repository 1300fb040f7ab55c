// The page about a sweep, from its results.json: what was compared, and what came out.
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_ROWS = 4096, MAX_GROUPS = 8, MAX_LABELS = 16, MAX_LABEL_BYTES = 96, MAX_EXAMPLES = 4, MAX_LINES = 64 };

bool sweep_is_folder(vc_arena *arena, const char *dir) {
  char *results, *config;
  if (vc_path_join(arena, dir, "results.json", &results) != VC_OK) return false;
  if (vc_path_join(arena, dir, "config.json", &config) != VC_OK) return false;
  return vc_path_exists(results) && !vc_path_exists(config);
}

struct sweep {
  vc_arena *arena;
  const char *dir, *out_path;
  const vc_json *table, *runs;
  size_t n_rows, n_runs;
  double n_seeds; // of every cell that has a spread; NaN: they differ
};

// The columns of the semi-supervised table and of the self-supervised one.
struct column {
  const char *key, *title, *short_title, *colour;
};
static const struct column uda_columns[] = {
    {"supervised", "Supervised only", "supervised only", page_grey},
    {"p1", "P1: KL, best-supervised", "P1", page_blue},
    {"p2", "P2: KL, best-final", "P2", page_sky},
    {"p3", "P3: IID, best-supervised", "P3", page_orange},
    {"p4", "P4: IID, best-final", "P4", page_gold},
};
static const struct column iic_columns[] = {
    {"iic_main", "Main head", "main head", page_green},
    {"iic_aux", "Auxiliary head", "auxiliary head", page_pink},
};

struct cell {
  double mean, sd, n, study;
};
static struct cell cell_of(const vc_json *row, const char *key) {
  const vc_json *c = json_find(row, key);
  return (struct cell){json_number(c, "mean"), json_number(c, "sd"), json_number(c, "runs"), json_number(c, "study")};
}

static bool has_any(const struct sweep *s, const struct column *columns, size_t n, size_t row) {
  for (size_t i = 0; i < n; i++) {
    if (isfinite(cell_of(vc_json_at(s->table, row), columns[i].key).mean)) return true;
  }
  return false;
}

static const vc_json *row_at(const struct sweep *s, size_t i) {
  return vc_json_at(s->table, i);
}

static bool is_same(const vc_json *a, const vc_json *b, const char *key) {
  return strcmp(json_text(a, key), json_text(b, key)) == 0;
}

// ---- head ---------------------------------------------------------------------------------------------------------

static size_t count_state(const struct sweep *s, const char *state) {
  size_t n = 0;
  for (size_t i = 0; i < s->n_runs; i++) n += strcmp(json_text(vc_json_at(s->runs, i), "state"), state) == 0;
  return n;
}

static void put_failures(struct page *p, const struct sweep *s) {
  for (size_t i = 0; i < s->n_runs; i++) {
    const vc_json *run = vc_json_at(s->runs, i);
    if (strcmp(json_text(run, "state"), "failed") != 0) continue;
    page_raw(p, "<p class=\"note\"><b>Failed:</b> ");
    page_text(p, json_text(run, "name"));
    page_raw(p, ": ");
    page_text(p, json_text(run, "message"));
    page_raw(p, "</p>\n");
  }
}

static void put_head(struct page *p, const struct sweep *s) {
  page_raw(p, "<h1>Sweep ");
  page_text(p, vc_path_base(s->dir));
  page_format(p, "</h1>\n<p>%zu trainings, of which %zu are done", s->n_runs, count_state(s, "done"));
  if (count_state(s, "failed") > 0) page_format(p, " and %zu failed", count_state(s, "failed"));
  page_raw(p, ". Every score is the mean IoU on test images that the network had not seen: 1 is perfect.</p>\n");
  put_failures(p, s);
  page_raw(p,
           "<details><summary>What the words mean</summary>\n<p><b>IoU</b> (intersection over union): the area that "
           "prediction and reference share, divided by the area that either covers; the mean is over the classes, "
           "background included.</p>\n<p><b>Labelled</b>: how many of the training images were used with their masks."
           "</p>\n<p><b>Supervised only</b>: the other images were not used. <b>P1 to P4</b>: they were, by demanding "
           "that the network "
           "says the same of an image however it is changed; by the KL or the IID loss, and in the state with the "
           "lowest validation loss on masks (best-supervised) or with the lowest sum of both losses "
           "(best-final).</p>\n<p><b>Otsu</b>: each test image cut at a threshold of its own brightness, without any "
           "training.</p>\n<p><b>The study</b>: Horlava et al. 2020, at their settings, which are larger than "
           "most.</p></details>\n");
  page_raw(p,
           "<p class=\"links\"><a href=\"#table\">Table</a><a href=\"#bars\">Bars</a><a href=\"#examples\">Examples</a>"
           "<a href=\"#curves\">Curves</a><a href=\"#runs\">All runs</a></p>\n");
}

// ---- tables -------------------------------------------------------------------------------------------------------

// Where all cells have as many seeds, the text above the table says how many.
static double common_seeds(const struct sweep *s) {
  const size_t n_uda = VC_COUNT_OF(uda_columns), n_all = n_uda + VC_COUNT_OF(iic_columns);
  double common = (double)NAN;
  for (size_t i = 0; i < s->n_rows * n_all; i++) {
    const size_t k = i % n_all;
    const double n =
        cell_of(vc_json_at(s->table, i / n_all), (k < n_uda ? &uda_columns[k] : &iic_columns[k - n_uda])->key).n;
    if (!(n > 1)) continue;
    if (isfinite(common) && n != common) return (double)NAN;
    common = n;
  }
  return common;
}

static void put_mean_cell(struct page *p, const struct sweep *s, const struct cell *c, bool is_best) {
  if (!isfinite(c->mean)) {
    page_raw(p, "<td>&ndash;</td>");
    return;
  }
  page_format(p, "<td>%s%.3f%s", is_best ? "<b>" : "", c->mean, is_best ? "</b>" : "");
  if (isfinite(c->sd)) page_format(p, "<small> &plusmn;&nbsp;%.3f", c->sd);
  if (isfinite(c->sd) && c->n != s->n_seeds) page_format(p, "&nbsp;(%.0f)", c->n);
  if (isfinite(c->sd)) page_raw(p, "</small>");
  page_raw(p, "</td>");
}

static void put_row_head(struct page *p, const vc_json *row, bool with_labelled, bool with_settings) {
  page_raw(p, "<tr><td>");
  page_text(p, json_text(row, "set"));
  if (with_labelled) {
    page_raw(p, "</td><td>");
    page_text(p, json_text(row, "labelled"));
  }
  if (with_settings) {
    page_raw(p, "</td><td class=\"text short\">");
    page_text(p, json_text(row, "settings"));
  }
  page_raw(p, "</td>");
}

static void put_row(struct page *p, const struct sweep *s, const vc_json *row, const struct column *columns, size_t n,
                    bool with_labelled, bool with_settings, bool with_otsu) {
  struct cell cells[8];
  double best = -1;
  bool has_study = false;
  for (size_t i = 0; i < n; i++) {
    cells[i] = cell_of(row, columns[i].key);
    best = fmax(best, cells[i].mean);
    has_study = has_study || isfinite(cells[i].study);
  }
  put_row_head(p, row, with_labelled, with_settings);
  for (size_t i = 0; i < n; i++) put_mean_cell(p, s, &cells[i], cells[i].mean == best);
  if (with_otsu) {
    const struct cell otsu = cell_of(row, "otsu");
    put_mean_cell(p, s, &otsu, false);
  }
  page_raw(p, "</tr>\n");
  if (!has_study) return;
  page_format(p, "<tr class=\"study-row\"><td colspan=\"%d\">the study</td>", 1 + with_labelled + with_settings);
  for (size_t i = 0; i < n; i++) {
    page_raw(p, "<td>");
    if (isfinite(cells[i].study)) page_format(p, "%.3f", cells[i].study);
    page_raw(p, "</td>");
  }
  page_raw(p, with_otsu ? "<td></td></tr>\n" : "</tr>\n");
}

static bool any_setting(const struct sweep *s) {
  for (size_t i = 0; i < s->n_rows; i++) {
    if (*json_text(row_at(s, i), "settings")) return true;
  }
  return false;
}

static bool any_otsu(const struct sweep *s) {
  for (size_t i = 0; i < s->n_rows; i++) {
    if (isfinite(cell_of(row_at(s, i), "otsu").mean)) return true;
  }
  return false;
}

static void begin_table(struct page *p, const struct column *columns, size_t n, bool with_labelled, bool with_settings,
                        bool with_otsu) {
  page_format(p, "<div class=\"wide\"><table><tr><th>Set</th>%s%s", with_labelled ? "<th>Labelled</th>" : "",
              with_settings ? "<th class=\"text\">Settings</th>" : "");
  for (size_t i = 0; i < n; i++) page_format(p, "<th class=\"head\">%s</th>", columns[i].title);
  page_format(p, "%s</tr>\n", with_otsu ? "<th>Otsu</th>" : "");
}

// Rows without a finished run are left out.
static void put_tables(struct page *p, const struct sweep *s) {
  const bool with_settings = any_setting(s), with_otsu = any_otsu(s);
  const vc_json *last = NULL;
  bool has_iic = false;
  page_raw(p, "<h2 id=\"table\">Table</h2>\n<p class=\"soft\">Mean and standard deviation over ");
  if (isfinite(s->n_seeds))
    page_format(p, "%.0f seeds", s->n_seeds);
  else
    page_raw(p, "the seeds (their number in brackets)");
  page_raw(p, "; bold is the best of a row. Differences within the spread mean nothing.</p>\n");
  begin_table(p, uda_columns, VC_COUNT_OF(uda_columns), true, with_settings, with_otsu);
  for (size_t i = 0; i < s->n_rows; i++) {
    if (has_any(s, uda_columns, VC_COUNT_OF(uda_columns), i))
      put_row(p, s, row_at(s, i), uda_columns, VC_COUNT_OF(uda_columns), true, with_settings, with_otsu);
    has_iic = has_iic || has_any(s, iic_columns, VC_COUNT_OF(iic_columns), i);
  }
  page_raw(p, "</table></div>\n");
  if (!has_iic) return;
  page_raw(p,
           "<h3>Self-supervised (IIC)</h3>\n<p class=\"soft\">No mask was used in training; masks of validation images "
           "say which cluster is which class.</p>\n");
  begin_table(p, iic_columns, VC_COUNT_OF(iic_columns), false, with_settings, with_otsu);
  for (size_t i = 0; i < s->n_rows; i++) { // the share of labels makes no difference
    const vc_json *row = row_at(s, i);
    if (!has_any(s, iic_columns, VC_COUNT_OF(iic_columns), i)) continue;
    if (last && is_same(last, row, "set") && is_same(last, row, "settings")) continue;
    put_row(p, s, row, iic_columns, VC_COUNT_OF(iic_columns), false, with_settings, with_otsu);
    last = row;
  }
  page_raw(p, "</table></div>\n");
}

// ---- bars ---------------------------------------------------------------------------------------------------------

struct groups {
  const char *labels[MAX_GROUPS];
  struct bar bars[MAX_GROUPS * VC_COUNT_OF(uda_columns)];
  double otsu[MAX_GROUPS];
  uint32_t n;
};

static void add_group(struct groups *g, const vc_json *row, const struct column *columns, size_t n, const char *label) {
  if (g->n == MAX_GROUPS) return;
  for (size_t i = 0; i < n; i++) {
    const struct cell c = cell_of(row, columns[i].key);
    g->bars[g->n * n + i] = (struct bar){c.mean, c.sd, c.study};
  }
  g->otsu[g->n] = cell_of(row, "otsu").mean;
  g->labels[g->n++] = label;
}

static void draw_groups(struct page *p, const struct groups *g, const struct column *columns, size_t n,
                        const char *title) {
  const char *names[8], *colours[8];
  for (size_t i = 0; i < n; i++) {
    names[i] = columns[i].short_title;
    colours[i] = columns[i].colour;
  }
  bars_draw(p, &(struct bars){.title = title,
                              .groups = g->labels,
                              .n_groups = g->n,
                              .names = names,
                              .colours = colours,
                              .n_series = (uint32_t)n,
                              .bars = g->bars,
                              .lines = g->otsu,
                              .line_name = "Otsu, no training",
                              .mark_name = "the study"});
}

// One chart for each set and settings: groups by share of labels.
static vc_status put_uda_bars(struct page *p, const struct sweep *s) {
  const size_t n = VC_COUNT_OF(uda_columns);
  for (size_t i = 0; i < s->n_rows; i++) {
    const vc_json *row = row_at(s, i);
    struct groups g = {.n = 0};
    bool is_first = has_any(s, uda_columns, n, i);
    for (size_t k = 0; k < i && is_first; k++)
      is_first = !(is_same(row_at(s, k), row, "set") && is_same(row_at(s, k), row, "settings") &&
                   has_any(s, uda_columns, n, k));
    if (!is_first) continue;
    for (size_t k = i; k < s->n_rows; k++) {
      const vc_json *other = row_at(s, k);
      if (is_same(other, row, "set") && is_same(other, row, "settings") && has_any(s, uda_columns, n, k))
        add_group(&g, other, uda_columns, n, json_text(other, "labelled"));
    }
    char *title;
    VC_TRY(vc_arena_printf(s->arena, &title, "%s%s%s", json_text(row, "set"), *json_text(row, "settings") ? ", " : "",
                           json_text(row, "settings")));
    draw_groups(p, &g, uda_columns, n, title);
  }
  return VC_OK;
}

static void put_iic_bars(struct page *p, const struct sweep *s) {
  const size_t n = VC_COUNT_OF(iic_columns);
  struct groups g = {.n = 0};
  const vc_json *last = NULL;
  for (size_t i = 0; i < s->n_rows; i++) {
    const vc_json *row = row_at(s, i);
    if (!has_any(s, iic_columns, n, i) || (last && is_same(last, row, "set"))) continue;
    add_group(&g, row, iic_columns, n, json_text(row, "set"));
    last = row;
  }
  if (g.n > 0) draw_groups(p, &g, iic_columns, n, "Self-supervised (IIC)");
}

static vc_status put_bars(struct page *p, const struct sweep *s) {
  page_raw(
      p, "<h2 id=\"bars\">Bars</h2>\n<p class=\"soft\">Mean IoU by share of labelled images. Thin lines: one standard "
         "deviation over the seeds to either side.</p>\n<div class=\"charts\">\n");
  VC_TRY(put_uda_bars(p, s));
  put_iic_bars(p, s);
  page_raw(p, "</div>\n");
  return VC_OK;
}

// ---- runs ---------------------------------------------------------------------------------------------------------

// "supervised", "uda kl, weight 0.1": what tells the runs of one set and share of labels apart, but for the seed.
static void label_of(const vc_json *run, char out[MAX_LABEL_BYTES]) {
  const char *loss = json_text(run, "loss"), *settings = json_text(run, "settings");
  const bool is_uda = strcmp(json_text(run, "method"), "uda") == 0;
  const char *word = is_uda                                         ? (strcmp(loss, "iid") == 0 ? "IID" : "KL")
                     : strcmp(json_text(run, "method"), "iic") == 0 ? "IIC"
                                                                    : "supervised only";
  snprintf(out, MAX_LABEL_BYTES, "%.20s%s%.60s", word, *settings ? ", " : "", settings);
}

static bool is_done(const vc_json *run) {
  return strcmp(json_text(run, "state"), "done") == 0;
}

static vc_status dir_of(const struct sweep *s, const vc_json *run, const char **out) {
  char *dir;
  VC_TRY(vc_path_join(s->arena, s->dir, vc_path_base(json_text(run, "name")), &dir));
  *out = dir;
  return VC_OK;
}

// Whether an earlier run has the same set, share of labels and (with_label) label.
static bool is_repeated(const struct sweep *s, size_t run, bool with_label) {
  const vc_json *this = vc_json_at(s->runs, run);
  char mine[MAX_LABEL_BYTES], other[MAX_LABEL_BYTES];
  label_of(this, mine);
  for (size_t i = 0; i < run; i++) {
    const vc_json *earlier = vc_json_at(s->runs, i);
    label_of(earlier, other);
    if (is_done(earlier) && is_same(earlier, this, "set") && is_same(earlier, this, "labelled") &&
        (!with_label || strcmp(mine, other) == 0))
      return true;
  }
  return false;
}

// ---- examples -----------------------------------------------------------------------------------------------------

static vc_status put_example(struct page *p, const struct sweep *s, const vc_json *run, size_t *inout_bytes) {
  char *dir, **paths, *caption, label[MAX_LABEL_BYTES];
  const char *run_dir;
  size_t n;
  uint32_t n_left_out = 0;
  VC_TRY(dir_of(s, run, &run_dir));
  VC_TRY(vc_path_join(s->arena, run_dir, "overlays", &dir));
  if (!vc_path_is_dir(dir)) return VC_OK;
  VC_TRY(vc_path_list(s->arena, dir, &paths, &n));
  if (n == 0) return VC_OK;
  label_of(run, label);
  VC_TRY(vc_arena_printf(s->arena, &caption, "%s, %s labelled: %s (seed %.0f)", json_text(run, "set"),
                         json_text(run, "labelled"), label, json_number(run, "seed")));
  return run_put_overlay(s->arena, p, paths[0], caption, inout_bytes, &n_left_out);
}

// The first test image of a set as each method segments it, at the first share of labels that has a finished run.
static vc_status put_examples(struct page *p, const struct sweep *s, size_t *inout_bytes) {
  page_raw(
      p, "<h2 id=\"examples\">Examples</h2>\n<p class=\"soft\">Of each set one test image, as each method segments it "
         "with the first share of labels in the table.</p>\n");
  run_put_overlay_key(p);
  for (size_t i = 0; i < s->n_runs; i++) {
    const vc_json *first = vc_json_at(s->runs, i);
    bool is_first = is_done(first);
    for (size_t k = 0; k < i && is_first; k++)
      is_first = !(is_done(vc_json_at(s->runs, k)) && is_same(vc_json_at(s->runs, k), first, "set"));
    if (!is_first) continue;
    uint32_t n_shown = 0;
    for (size_t k = i; k < s->n_runs && n_shown < MAX_EXAMPLES; k++) {
      const vc_json *run = vc_json_at(s->runs, k);
      if (!is_done(run) || !is_same(run, first, "set") || !is_same(run, first, "labelled") || is_repeated(s, k, true))
        continue;
      VC_TRY(put_example(p, s, run, inout_bytes));
      n_shown++;
    }
  }
  return VC_OK;
}

// ---- curves -------------------------------------------------------------------------------------------------------

static const char *const palette[] = {page_grey, page_blue, page_orange, page_sky, page_gold, page_green, page_pink};

struct lines {
  struct series series[MAX_LINES];
  char labels[MAX_LABELS][MAX_LABEL_BYTES];
  uint32_t n, n_labels;
};

static vc_status add_line(const struct sweep *s, const vc_json *run, struct lines *l) {
  char label[MAX_LABEL_BYTES], *path;
  const char *dir;
  struct run_log log;
  uint32_t i = 0;
  label_of(run, label);
  while (i < l->n_labels && strcmp(l->labels[i], label) != 0) i++;
  if (i == MAX_LABELS || l->n == MAX_LINES) return VC_OK;
  VC_TRY(dir_of(s, run, &dir));
  VC_TRY(vc_path_join(s->arena, dir, "log.jsonl", &path));
  VC_TRY(run_log_read(s->arena, path, &log));
  if (log.by_step) return VC_OK;
  const bool is_new = i == l->n_labels;
  if (is_new) snprintf(l->labels[l->n_labels++], MAX_LABEL_BYTES, "%s", label);
  l->series[l->n++] = (struct series){.name = is_new ? l->labels[i] : NULL,
                                      .colour = palette[i % VC_COUNT_OF(palette)],
                                      .x = log.columns[RUN_X],
                                      .y = log.columns[RUN_VAL_IOU],
                                      .n = log.n,
                                      .is_dashed = i >= VC_COUNT_OF(palette)};
  return VC_OK;
}

// One chart for each set and share of labels, a line a run.
static vc_status put_curves(struct page *p, const struct sweep *s) {
  struct lines *l;
  VC_TRY(VC_NEW(s->arena, 1, &l));
  page_raw(
      p,
      "<h2 id=\"curves\">Curves</h2>\n<p class=\"soft\">Mean IoU on the validation images by epoch; a line is a run, "
      "the seeds of one method have one colour.</p>\n<div class=\"charts\">\n");
  for (size_t i = 0; i < s->n_runs; i++) {
    const vc_json *first = vc_json_at(s->runs, i);
    char *title;
    if (!is_done(first) || is_repeated(s, i, false)) continue;
    *l = (struct lines){.n = 0};
    for (size_t k = i; k < s->n_runs; k++) {
      const vc_json *run = vc_json_at(s->runs, k);
      if (is_done(run) && is_same(run, first, "set") && is_same(run, first, "labelled")) VC_TRY(add_line(s, run, l));
    }
    VC_TRY(vc_arena_printf(s->arena, &title, "%s, %s labelled", json_text(first, "set"), json_text(first, "labelled")));
    chart_draw(
        p, &(struct chart){.title = title, .x_label = "epoch", .series = l->series, .n_series = l->n, .is_free = true});
  }
  page_raw(p, "</div>\n");
  return VC_OK;
}

// ---- the list of runs ---------------------------------------------------------------------------------------------

// Links lead to the runs' own pages where this page lies in the sweep's folder, as sweep writes it.
static bool is_at_home(const struct sweep *s) {
  char *dir;
  if (vc_path_dir(s->arena, s->out_path, &dir) != VC_OK) return false;
  size_t n = strlen(s->dir);
  while (n > 1 && s->dir[n - 1] == '/') n--;
  return strlen(dir) == n && strncmp(dir, s->dir, n) == 0;
}

static void put_run_name(struct page *p, const vc_json *run, bool is_linked) {
  const char *name = json_text(run, "name");
  if (is_linked && is_done(run)) { // names are made of letters, digits, dots, dashes, plus and underscores
    page_raw(p, "<a href=\"");
    page_text(p, name);
    page_raw(p, "/report.html\">");
    page_text(p, name);
    page_raw(p, "</a>");
  } else {
    page_text(p, name);
  }
}

static void put_runs(struct page *p, const struct sweep *s) {
  const bool is_linked = is_at_home(s);
  page_format(p,
              "<h2 id=\"runs\">All runs</h2>\n<p class=\"soft\">%s</p>\n<div class=\"wide\"><table><tr><th>Run</th>"
              "<th>State</th><th>best-supervised</th><th>best-final</th></tr>\n",
              is_linked ? "Each has a page of its own, in its folder beside this one."
                        : "Each has a page of its own, report.html in its folder.");
  for (size_t i = 0; i < s->n_runs; i++) {
    const vc_json *run = vc_json_at(s->runs, i);
    page_raw(p, "<tr><td class=\"name\">");
    put_run_name(p, run, is_linked);
    page_raw(p, "</td><td class=\"text\">");
    page_text(p, json_text(run, "state"));
    page_raw(p, "</td>");
    page_cell(p, json_number(json_find(run, "best-supervised"), "mean_iou"));
    page_cell(p, json_number(json_find(run, "best-final"), "mean_iou"));
    page_raw(p, "</tr>\n");
  }
  page_raw(p, "</table></div>\n");
}

// ---- the whole ----------------------------------------------------------------------------------------------------

vc_status sweep_put(vc_arena *arena, struct page *p, const char *dir, const char *out_path, size_t *inout_bytes) {
  const vc_json *results;
  VC_TRY(json_read(arena, dir, "results.json", &results, NULL));
  struct sweep s = {.arena = arena,
                    .dir = dir,
                    .out_path = out_path,
                    .table = json_list(results, "table"),
                    .runs = json_list(results, "runs")};
  if (!s.table || !s.runs)
    return VC_FAIL(VC_E_FORMAT, "%s/results.json: holds no table and runs; start the sweep again with --resume", dir);
  s.n_rows = vc_json_size(s.table);
  s.n_runs = vc_json_size(s.runs);
  s.n_seeds = common_seeds(&s);
  put_head(p, &s);
  put_tables(p, &s);
  VC_TRY(put_bars(p, &s));
  VC_TRY(put_examples(p, &s, inout_bytes));
  VC_TRY(put_curves(p, &s));
  put_runs(p, &s);
  return VC_OK;
}
