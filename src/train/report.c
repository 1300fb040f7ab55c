// The report of one or several runs: one HTML page that needs no other file and no network.
#include "report.h"
#include "report_style.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_JSON_BYTES = 64 << 20, MAX_PICTURE_BYTES = 24 << 20 };
static const char blue[] = "#0072b2", orange[] = "#d55e00", sky[] = "#56b4e9", gold[] = "#e69f00", green[] = "#009e73";

struct run {
  const char *dir;
  const vc_json *config, *evaluation, *split; // the last two NULL where there is none
  const char *config_text;
  struct run_log log;
};

static const char *const state_names[] = {"best-supervised", "best-final"};

// ---- reading ------------------------------------------------------------------------------------------------------

// *out NULL where the file is not there.
static vc_status read_json(vc_arena *arena, const char *dir, const char *file, const vc_json **out,
                           const char **out_text) {
  char *path;
  uint8_t *text;
  size_t n_bytes;
  vc_json *document;
  *out = NULL;
  VC_TRY(vc_path_join(arena, dir, file, &path));
  if (!vc_path_exists(path)) return VC_OK;
  VC_TRY(vc_file_read(arena, path, MAX_JSON_BYTES, &text, &n_bytes));
  VC_TRY(vc_json_parse(arena, path, (const char *)text, n_bytes, &document));
  *out = document;
  if (out_text) *out_text = (const char *)text;
  return VC_OK;
}

static vc_status read_run(vc_arena *arena, const char *dir, struct run *out) {
  char *path;
  *out = (struct run){.dir = dir};
  VC_TRY(read_json(arena, dir, "config.json", &out->config, &out->config_text));
  if (!out->config)
    return VC_FAIL(VC_E_INPUT, "%s: no run folder (it has no config.json); name the folder of a training run", dir);
  VC_TRY(read_json(arena, dir, "evaluation.json", &out->evaluation, NULL));
  VC_TRY(read_json(arena, dir, "split.json", &out->split, NULL));
  VC_TRY(vc_path_join(arena, dir, "log.jsonl", &path));
  return run_log_read(arena, path, &out->log);
}

// The member of a path "a.b", NULL if there is none.
static const vc_json *find(const vc_json *root, const char *path) {
  char key[64];
  while (root && *path) {
    size_t n = strcspn(path, ".");
    snprintf(key, sizeof key, "%.*s", (int)n, path);
    root = vc_json_get(root, key);
    path += n + (path[n] == '.');
  }
  return root;
}

static double number_at(const vc_json *root, const char *path) {
  const vc_json *value = find(root, path);
  return value && vc_json_type_of(value) == VC_JSON_NUMBER ? vc_json_number(value) : NAN;
}

static const char *text_at(const vc_json *root, const char *path) {
  const vc_json *value = find(root, path);
  return value && vc_json_type_of(value) == VC_JSON_STRING ? vc_json_string(value) : "";
}

static double item_number(const vc_json *list, size_t i) {
  if (!list || i >= vc_json_size(list) || vc_json_type_of(vc_json_at(list, i)) != VC_JSON_NUMBER) return NAN;
  return vc_json_number(vc_json_at(list, i));
}

static const char *run_name(const struct run *run) {
  const char *name = text_at(run->config, "name");
  return *name ? name : vc_path_base(run->dir);
}

// ---- summary ------------------------------------------------------------------------------------------------------

static void put_duration(struct page *p, double seconds) {
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

static void put_score_tile(struct page *p, const struct run *run, const char *state, const char *label) {
  page_raw(p, "<div class=\"tile\"><b>");
  page_score(p, number_at(find(run->evaluation, state), "mean_iou"));
  page_format(p, "</b><span>test IoU, %s</span></div>\n", label);
}

static void put_summary(struct page *p, const struct run *run) {
  const char *device = run->log.device ? run->log.device : text_at(run->config, "device");
  page_raw(p, "<h1>");
  page_text(p, run_name(run));
  page_raw(p, "</h1>\n<p class=\"soft\">Method ");
  page_text(p, text_at(run->config, "method"));
  page_raw(p, " on device ");
  page_text(p, device);
  page_format(p, ". %s</p>\n<div class=\"tiles\">\n",
              run->log.has_ended ? "The run is complete." : "The run has not ended: this is how far it has come.");
  put_score_tile(p, run, state_names[0], "best supervised");
  put_score_tile(p, run, state_names[1], "best final");
  if (!run->log.by_step) page_format(p, "<div class=\"tile\"><b>%u</b><span>epochs</span></div>\n", run->log.n);
  if (isfinite(run->log.steps)) {
    page_format(p, "<div class=\"tile\"><b>%.0f</b><span>steps</span></div>\n", run->log.steps);
  }
  page_raw(p, "<div class=\"tile\"><b>");
  put_duration(p, run->log.seconds);
  page_raw(p, "</b><span>of training</span></div>\n</div>\n");
  for (uint32_t i = 0; i < run->log.n_warnings; i++) {
    page_raw(p, "<p class=\"note\">");
    page_text(p, run->log.warnings[i]);
    page_raw(p, "</p>\n");
  }
}

// ---- evaluation ---------------------------------------------------------------------------------------------------

static void put_cell(struct page *p, double value) {
  page_raw(p, "<td>");
  page_score(p, value);
  page_raw(p, "</td>");
}

static void put_whole_cell(struct page *p, double value) {
  if (isfinite(value))
    page_format(p, "<td>%.0f</td>", value);
  else
    page_raw(p, "<td>&ndash;</td>");
}

static const char *class_name(const vc_json *state, size_t i, char fallback[32]) {
  const vc_json *names = vc_json_get(state, "classes");
  if (names && i < vc_json_size(names) && vc_json_type_of(vc_json_at(names, i)) == VC_JSON_STRING) {
    return vc_json_string(vc_json_at(names, i));
  }
  snprintf(fallback, 32, "class %zu", i);
  return fallback;
}

static const char *const instance_scores[][2] = {{"instances.ap50", "AP 0.5"},
                                                 {"instances.ap75", "AP 0.75"},
                                                 {"instances.map", "AP 0.5&hellip;0.95"},
                                                 {"instances.seg", "SEG"},
                                                 {"instances.objects", "Objects"}};

// Sets of more than two classes have none.
static bool has_instances(const vc_json *evaluation) {
  for (size_t s = 0; s < VC_COUNT_OF(state_names); s++)
    if (find(find(evaluation, state_names[s]), "instances")) return true;
  return false;
}

static void put_instances(struct page *p, const vc_json *evaluation) {
  const size_t n = VC_COUNT_OF(instance_scores);
  page_raw(p, "<h3>By object</h3>\n<div class=\"wide\"><table><tr><th>State</th>");
  for (size_t i = 0; i < n; i++) page_format(p, "<th>%s</th>", instance_scores[i][1]);
  page_raw(p, "</tr>\n");
  for (size_t s = 0; s < VC_COUNT_OF(state_names); s++) {
    const vc_json *state = vc_json_get(evaluation, state_names[s]);
    page_format(p, "<tr><td>%s</td>", state_names[s]);
    for (size_t i = 0; i + 1 < n; i++) put_cell(p, number_at(state, instance_scores[i][0]));
    put_whole_cell(p, number_at(state, instance_scores[n - 1][0]));
    page_raw(p, "</tr>\n");
  }
  page_raw(p, "</table></div>\n");
}

static void put_state_row(struct page *p, const char *name, const vc_json *state) {
  page_raw(p, "<tr><td>");
  page_text(p, name);
  page_raw(p, "</td>");
  put_cell(p, number_at(state, "mean_iou"));
  page_raw(p, "<td>");
  page_score(p, number_at(state, "image_mean_iou"));
  page_raw(p, " &plusmn; ");
  page_score(p, number_at(state, "image_mean_iou_sd"));
  page_raw(p, "</td>");
  put_cell(p, number_at(state, "foreground_iou"));
  put_cell(p, number_at(state, "accuracy"));
  put_whole_cell(p, number_at(state, "epoch"));
  put_whole_cell(p, number_at(state, "images"));
  page_raw(p, "</tr>\n");
}

static void put_classes(struct page *p, const vc_json *evaluation) {
  page_raw(p, "<h3>By class</h3>\n<div class=\"wide\"><table><tr><th>Class</th>");
  for (size_t s = 0; s < VC_COUNT_OF(state_names); s++) {
    page_format(p, "<th>IoU, %s</th><th>Dice, %s</th>", state_names[s], state_names[s]);
  }
  page_raw(p, "</tr>\n");
  const vc_json *first = find(evaluation, state_names[0]), *list = first ? vc_json_get(first, "iou") : NULL;
  for (size_t i = 0; list && i < vc_json_size(list); i++) {
    char fallback[32];
    page_raw(p, "<tr><td>");
    page_text(p, class_name(first, i, fallback));
    page_raw(p, "</td>");
    for (size_t s = 0; s < VC_COUNT_OF(state_names); s++) {
      const vc_json *state = vc_json_get(evaluation, state_names[s]);
      put_cell(p, item_number(state ? vc_json_get(state, "iou") : NULL, i));
      put_cell(p, item_number(state ? vc_json_get(state, "dice") : NULL, i));
    }
    page_raw(p, "</tr>\n");
  }
  page_raw(p, "</table></div>\n");
}

// Rows: the reference's classes; cells: the share of their pixels that was predicted as each class.
static void put_confusion(struct page *p, const vc_json *state) {
  const vc_json *rows = state ? vc_json_get(state, "confusion") : NULL;
  if (!rows || vc_json_type_of(rows) != VC_JSON_ARRAY || vc_json_size(rows) == 0) return;
  char fallback[32];
  page_raw(p, "<h3>Confusion, best-final</h3>\n<div class=\"wide\"><table><tr><th>Reference \\ predicted</th>");
  for (size_t i = 0; i < vc_json_size(rows); i++) {
    page_raw(p, "<th>");
    page_text(p, class_name(state, i, fallback));
    page_raw(p, "</th>");
  }
  page_raw(p, "</tr>\n");
  for (size_t i = 0; i < vc_json_size(rows); i++) {
    const vc_json *row = vc_json_at(rows, i);
    double sum = 0;
    for (size_t k = 0; k < vc_json_size(row); k++) sum += item_number(row, k);
    page_raw(p, "<tr><td>");
    page_text(p, class_name(state, i, fallback));
    page_raw(p, "</td>");
    for (size_t k = 0; k < vc_json_size(row); k++) {
      double share = item_number(row, k) / sum;
      if (isfinite(share))
        page_format(p, "<td class=\"heat\" style=\"--p:%.0f%%\">%.1f %%</td>", 60 * share, 100 * share);
      else
        page_raw(p, "<td>&ndash;</td>");
    }
    page_raw(p, "</tr>\n");
  }
  page_raw(p, "</table></div>\n");
}

static void put_evaluation(struct page *p, const struct run *run) {
  if (!run->evaluation) return;
  page_raw(p, "<h2>Test images</h2>\n<div class=\"wide\"><table><tr><th>State</th><th>Mean IoU</th><th>Mean IoU of an "
              "image</th><th>Foreground IoU</th><th>Accuracy</th><th>Epoch</th><th>Images</th></tr>\n");
  for (size_t s = 0; s < VC_COUNT_OF(state_names); s++) {
    const vc_json *state = vc_json_get(run->evaluation, state_names[s]);
    if (state) put_state_row(p, state_names[s], state);
  }
  page_raw(p, "</table></div>\n");
  if (has_instances(run->evaluation)) put_instances(p, run->evaluation);
  put_classes(p, run->evaluation);
  put_confusion(p, vc_json_get(run->evaluation, state_names[1]));
}

// ---- curves -------------------------------------------------------------------------------------------------------

static void put_curves(struct page *p, const struct run *run) {
  const struct run_log *l = &run->log;
  if (l->n == 0) return;
  const struct chart_mark marks[] = {{l->best_supervised_epoch, "best-supervised"},
                                     {l->best_final_epoch, "best-final"}};
  const struct series losses[] = {{"supervised, training", blue, l->x, l->loss_supervised, l->n, false},
                                  {"supervised, validation", orange, l->x, l->val_supervised, l->n, false},
                                  {"unsupervised, training", sky, l->x, l->loss_unsupervised, l->n, true},
                                  {"unsupervised, validation", gold, l->x, l->val_unsupervised, l->n, true}};
  const struct series iou[] = {{"validation", green, l->x, l->val_iou, l->n, false}};
  const struct series lr[] = {{"learning rate", blue, l->x, l->lr, l->n, false}};
  const char *x_label = l->by_step ? "step" : "epoch";
  uint32_t n_marks = l->by_step ? 0 : (uint32_t)VC_COUNT_OF(marks);
  page_raw(p, "<h2>Curves</h2>\n<div class=\"charts\">\n");
  chart_draw(
      p,
      &(struct chart){
          .title = "Losses", .x_label = x_label, .series = losses, .n_series = 4, .marks = marks, .n_marks = n_marks});
  chart_draw(p, &(struct chart){.title = "Mean IoU",
                                .x_label = x_label,
                                .series = iou,
                                .n_series = 1,
                                .marks = marks,
                                .n_marks = n_marks,
                                .is_unit = true});
  chart_draw(
      p, &(struct chart){.title = "Learning rate", .x_label = x_label, .series = lr, .n_series = 1, .is_log = true});
  page_raw(p, "</div>\n");
}

// ---- pictures -----------------------------------------------------------------------------------------------------

static bool is_png(const char *path) {
  size_t n = strlen(path);
  return n > 4 && strcmp(path + n - 4, ".png") == 0;
}

static vc_status put_picture(struct page *p, const char *path, size_t *inout_bytes, uint32_t *inout_left_out) {
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  uint8_t *data;
  size_t n_bytes;
  char *stem = NULL;
  vc_status status = vc_file_read(scratch, path, 0, &data, &n_bytes);
  if (status == VC_OK) status = vc_path_stem(scratch, path, &stem);
  if (status == VC_OK && n_bytes > *inout_bytes) {
    ++*inout_left_out;
  } else if (status == VC_OK) {
    *inout_bytes -= n_bytes;
    page_raw(p, "<figure class=\"overlay\"><figcaption>");
    page_text(p, stem);
    page_raw(p, "</figcaption><img alt=\"segmentation of ");
    page_text(p, stem);
    page_raw(p, "\" src=\"data:image/png;base64,");
    page_base64(p, data, n_bytes);
    page_raw(p, "\"></figure>\n");
  }
  vc_arena_destroy(scratch);
  return status;
}

static vc_status put_pictures(vc_arena *arena, struct page *p, const struct run *run) {
  char *dir, **paths;
  size_t n, n_bytes = MAX_PICTURE_BYTES;
  uint32_t n_left_out = 0;
  VC_TRY(vc_path_join(arena, run->dir, "overlays", &dir));
  if (!vc_path_is_dir(dir)) return VC_OK;
  VC_TRY(vc_path_list(arena, dir, &paths, &n));
  if (n == 0) return VC_OK;
  page_raw(p,
           "<h2>Test images, segmented</h2>\n<p class=\"soft\">Image, reference, prediction, and where they differ:"
           "<span class=\"key\"><i style=\"background:#d55e00\"></i>missed<i style=\"background:#56b4e9\"></i>invented"
           "<i style=\"background:#f0e442\"></i>another class</span></p>\n");
  for (size_t i = 0; i < n; i++) {
    if (is_png(paths[i])) VC_TRY(put_picture(p, paths[i], &n_bytes, &n_left_out));
  }
  if (n_left_out > 0) {
    page_format(p, "<p class=\"soft\">%u larger pictures are in the folder only: ", n_left_out);
    page_text(p, dir);
    page_raw(p, "</p>\n");
  }
  return VC_OK;
}

// ---- settings -----------------------------------------------------------------------------------------------------

static void put_settings(struct page *p, const struct run *run) {
  static const struct {
    const char *list, *label;
  } lists[] = {{"train_labelled", "training, labelled"},
               {"train_unlabelled", "training, unlabelled"},
               {"val", "validation"},
               {"test", "test"}};
  page_raw(p, "<h2>Settings</h2>\n");
  if (run->split) {
    page_raw(p, "<div class=\"wide\"><table><tr><th>Images</th><th>Number</th></tr>\n");
    for (size_t i = 0; i < VC_COUNT_OF(lists); i++) {
      const vc_json *list = vc_json_get(run->split, lists[i].list);
      page_format(p, "<tr><td>%s</td><td>%zu</td></tr>\n", lists[i].label, list ? vc_json_size(list) : 0);
    }
    page_raw(p, "</table></div>\n");
  }
  page_raw(p, "<details><summary>Configuration</summary><pre>");
  page_text(p, run->config_text);
  page_raw(p, "</pre></details>\n<p class=\"soft\">Folder: ");
  page_text(p, run->dir);
  page_raw(p, "</p>\n");
}

// ---- the whole ----------------------------------------------------------------------------------------------------

static vc_status put_run(vc_arena *arena, struct page *p, const struct run *run) {
  put_summary(p, run);
  put_evaluation(p, run);
  put_curves(p, run);
  VC_TRY(put_pictures(arena, p, run));
  put_settings(p, run);
  return VC_OK;
}

static void put_comparison(struct page *p, const struct run *runs, uint32_t n) {
  page_raw(p, "<h1>Runs</h1>\n<div class=\"wide\"><table><tr><th>Run</th><th>Folder</th><th>Method</th><th>Test IoU, "
              "best-supervised</th>"
              "<th>Test IoU, best-final</th><th>Epochs</th></tr>\n");
  for (uint32_t i = 0; i < n; i++) {
    page_raw(p, "<tr><td>");
    page_text(p, run_name(&runs[i]));
    page_raw(p, "</td><td>");
    page_text(p, runs[i].dir);
    page_raw(p, "</td><td>");
    page_text(p, text_at(runs[i].config, "method"));
    page_raw(p, "</td>");
    for (size_t s = 0; s < VC_COUNT_OF(state_names); s++) {
      put_cell(p, number_at(find(runs[i].evaluation, state_names[s]), "mean_iou"));
    }
    put_whole_cell(p, runs[i].log.by_step ? 0 : runs[i].log.n);
    page_raw(p, "</tr>\n");
  }
  page_raw(p, "</table></div>\n");
}

static vc_status write_page(vc_arena *arena, const char *const *run_dirs, uint32_t n, const char *out_path) {
  struct run *runs;
  struct page *p;
  VC_TRY(VC_NEW(arena, n, &runs));
  for (uint32_t i = 0; i < n; i++) VC_TRY(read_run(arena, run_dirs[i], &runs[i]));
  VC_TRY(page_create(arena, &p));
  page_raw(p, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
              "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
  page_text(p, n == 1 ? run_name(&runs[0]) : "Runs");
  page_raw(p, " - vulcyte</title>\n<style>\n");
  page_raw(p, report_style);
  page_raw(p, "</style></head><body>\n");
  if (n > 1) put_comparison(p, runs, n);
  for (uint32_t i = 0; i < n; i++) {
    if (n > 1) page_raw(p, "<hr>\n");
    VC_TRY(put_run(arena, p, &runs[i]));
  }
  page_raw(p, "<p class=\"soft\">Written by vulcyte " VC_VERSION ".</p>\n</body></html>\n");
  if (p->is_failed) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", out_path);
  return vc_file_write(out_path, p->text, p->n);
}

vc_status vc_report_write_runs(const char *const *run_dirs, uint32_t n, const char *out_path) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = write_page(arena, run_dirs, n, out_path);
  vc_arena_destroy(arena);
  return status;
}

vc_status vc_report_write(const char *run_dir, const char *out_path) {
  return vc_report_write_runs(&run_dir, 1, out_path);
}
