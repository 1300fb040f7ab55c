// Everything about one run, for people who did not make it.
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_OVERLAYS = 8, MAX_NAMES = 200 };
static const char *const state_names[] = {"best-supervised", "best-final"};

static bool is_method(const struct run *run, const char *method) {
  return strcmp(json_text(run->config, "method"), method) == 0;
}

static size_t count_of(const struct run *run, const char *list) {
  const vc_json *names = json_list(run->split, list);
  return names ? vc_json_size(names) : 0;
}

// ---- summary ------------------------------------------------------------------------------------------------------

static void put_tile(struct page *p, double score, const char *label) {
  page_raw(p, "<div class=\"tile\"><b>");
  page_score(p, score);
  page_format(p, "</b><span>%s</span></div>\n", label);
}

static void put_tiles(struct page *p, const struct run *run) {
  const double otsu = json_number(run->baselines, "otsu.mean_iou");
  page_raw(p, "<div class=\"tiles\">\n");
  for (size_t s = 0; s < VC_COUNT_OF(state_names); s++) {
    char label[64];
    snprintf(label, sizeof label, "test IoU, %s", state_names[s]);
    put_tile(p, json_number(json_find(run->evaluation, state_names[s]), "mean_iou"), label);
  }
  if (isfinite(otsu)) put_tile(p, otsu, "test IoU of a simple threshold (Otsu)");
  if (!run->log.by_step) page_format(p, "<div class=\"tile\"><b>%u</b><span>epochs</span></div>\n", run->log.n);
  page_raw(p, "<div class=\"tile\"><b>");
  page_duration(p, run->log.seconds);
  page_raw(p, "</b><span>of training</span></div>\n</div>\n");
}

// "cell", or "grey matter, white matter and layer 1".
static void put_targets(struct page *p, const struct run *run) {
  const vc_json *classes = json_list(run->config, "data.classes");
  const size_t n = classes ? vc_json_size(classes) : 0;
  for (size_t i = 1; i < n; i++) {
    page_raw(p, i == 1 ? "" : i + 1 == n ? " and " : ", ");
    page_raw(p, "<b>");
    page_text(p, json_text(vc_json_at(classes, i), "name"));
    page_raw(p, "</b>");
  }
}

static void put_method(struct page *p, const struct run *run) {
  if (is_method(run, "uda")) {
    page_format(p, "semi-supervised (UDA), %s loss",
                strcmp(json_text(run->config, "uda.loss"), "iid") == 0 ? "IID" : "KL");
    const double weight = json_number(run->config, "uda.weight");
    if (isfinite(weight)) page_format(p, " with weight %g", weight);
  } else if (is_method(run, "iic")) {
    page_raw(p, "self-supervised (IIC)");
  } else {
    page_raw(p, "supervised, on the images with masks alone");
  }
}

static void put_story(struct page *p, const struct run *run) {
  page_raw(p, "<p>A network learnt to find ");
  put_targets(p, run);
  if (is_method(run, "iic"))
    page_format(p, " in %zu images, without looking at any mask",
                count_of(run, "train_labelled") + count_of(run, "train_unlabelled"));
  else if (is_method(run, "uda"))
    page_format(p, " from %zu images with masks and %zu without", count_of(run, "train_labelled"),
                count_of(run, "train_unlabelled"));
  else
    page_format(p, " from %zu images with masks", count_of(run, "train_labelled"));
  if (run->evaluation) page_format(p, ", and was tested on %zu images that it had not seen", count_of(run, "test"));
  page_raw(p, ". Method: ");
  put_method(p, run);
  page_raw(p, ".</p>\n");
}

static void put_words(struct page *p, const struct run *run) {
  page_raw(p, "<details><summary>What the words mean</summary>\n<p><b>IoU</b> (intersection over union): the area that "
              "prediction and reference share, divided by the area that either covers. 1 is perfect. The mean is over "
              "the classes, background included.</p>\n");
  if (is_method(run, "iic"))
    page_raw(p, "<p><b>Main head, auxiliary head</b>: two ways in which the network divides pixels into clusters, the "
                "second into more of them. <b>Matching</b>: which class each cluster stands for. It is found on the "
                "masks of the validation images; found on the test images instead, as some studies do, scores look "
                "better than they are.</p>\n");
  page_raw(p, "<p><b>best-supervised, best-final</b>: two states of the network that were kept. ");
  page_raw(p, is_method(run, "iic")
                  ? "The first had the highest IoU on the validation images' masks, the second the lowest loss, which "
                    "knows no masks.</p>\n"
                  : "The first had the lowest loss on the validation images' masks, the second the lowest sum of that "
                    "and the weighted loss on images without masks. Of a supervised run they are the same.</p>\n");
  page_raw(
      p, "<p><b>Epoch</b>: one walk over the training images. <b>Loss</b>: what training makes small.</p></details>\n");
}

static void put_warnings(struct page *p, const struct run *run) {
  for (uint32_t i = 0; i < run->log.n_warnings; i++) {
    page_raw(p, "<p class=\"note\"><b>Warning:</b> ");
    page_text(p, run->log.warnings[i]);
    page_raw(p, "</p>\n");
  }
}

static void put_summary(struct page *p, const struct run *run, bool is_alone) {
  page_format(p, "<h1>");
  page_text(p, run_name(run));
  page_raw(p, "</h1>\n");
  put_story(p, run);
  if (!run->log.has_ended) page_raw(p, "<p class=\"note\">The run has not ended: this is how far it has come.</p>\n");
  put_warnings(p, run);
  put_tiles(p, run);
  put_words(p, run);
  if (is_alone)
    page_format(p,
                "<p class=\"links\">%s%s<a href=\"#curves\">Curves</a>%s<a href=\"#settings\">Images and "
                "settings</a></p>\n",
                run->evaluation ? "<a href=\"#pictures\">Test images</a>" : "",
                run->evaluation ? "<a href=\"#scores\">Scores</a>" : "",
                run->views ? "<a href=\"#augmentation\">Augmentation</a>" : "");
}

// ---- scores -------------------------------------------------------------------------------------------------------

static void put_whole_cell(struct page *p, double value) {
  page_raw(p, "<td>");
  page_whole(p, value);
  page_raw(p, "</td>");
}

static const char *class_name(const vc_json *state, size_t i, char fallback[32]) {
  const vc_json *names = json_list(state, "classes");
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

// What the rows of the tables are: the states, and Otsu's threshold where it applies.
struct scored {
  const char *name;
  const vc_json *scores;
};

static size_t list_scored(const struct run *run, struct scored out[3]) {
  size_t n = 0;
  for (size_t s = 0; s < VC_COUNT_OF(state_names); s++) {
    const vc_json *scores = json_find(run->evaluation, state_names[s]);
    if (scores) out[n++] = (struct scored){state_names[s], scores};
  }
  const vc_json *otsu = json_find(run->baselines, "otsu");
  if (otsu) out[n++] = (struct scored){"Otsu's threshold, no training", otsu};
  return n;
}

// Sets of more than two classes have none.
static void put_instances(struct page *p, const struct scored *rows, size_t n_rows) {
  const size_t n = VC_COUNT_OF(instance_scores);
  bool has_any = false;
  for (size_t s = 0; s < n_rows; s++) has_any = has_any || json_find(rows[s].scores, "instances");
  if (!has_any) return;
  page_raw(p,
           "<h3>By object</h3>\n<p class=\"soft\">AP: the objects found, divided by all that were found, missed or "
           "invented; an object is found where prediction and reference overlap by more than the IoU in the heading. "
           "SEG: mean IoU of the reference's objects.</p>\n<div class=\"wide\"><table><tr><th>State</th>");
  for (size_t i = 0; i < n; i++) page_format(p, "<th>%s</th>", instance_scores[i][1]);
  page_raw(p, "</tr>\n");
  for (size_t s = 0; s < n_rows; s++) {
    page_format(p, "<tr><td>%s</td>", rows[s].name);
    for (size_t i = 0; i + 1 < n; i++) page_cell(p, json_number(rows[s].scores, instance_scores[i][0]));
    put_whole_cell(p, json_number(rows[s].scores, instance_scores[n - 1][0]));
    page_raw(p, "</tr>\n");
  }
  page_raw(p, "</table></div>\n");
}

static void put_score_row(struct page *p, const struct scored *row) {
  page_raw(p, "<tr><td>");
  page_text(p, row->name);
  page_raw(p, "</td>");
  page_cell(p, json_number(row->scores, "mean_iou"));
  page_raw(p, "<td>");
  page_score(p, json_number(row->scores, "image_mean_iou"));
  page_raw(p, " &plusmn; ");
  page_score(p, json_number(row->scores, "image_mean_iou_sd"));
  page_raw(p, "</td>");
  page_cell(p, json_number(row->scores, "foreground_iou"));
  page_cell(p, json_number(row->scores, "accuracy"));
  put_whole_cell(p, json_number(row->scores, "epoch"));
  page_raw(p, "</tr>\n");
}

static void put_classes(struct page *p, const struct scored *rows, size_t n_rows) {
  const vc_json *list = json_list(rows[0].scores, "iou");
  page_raw(p, "<h3>By class</h3>\n<div class=\"wide\"><table><tr><th>State</th>");
  for (size_t i = 0; list && i < vc_json_size(list); i++) {
    char fallback[32];
    page_raw(p, "<th>");
    page_text(p, class_name(rows[0].scores, i, fallback));
    page_raw(p, ": IoU, Dice</th>");
  }
  page_raw(p, "</tr>\n");
  for (size_t s = 0; s < n_rows; s++) {
    page_format(p, "<tr><td>%s</td>", rows[s].name);
    for (size_t i = 0; list && i < vc_json_size(list); i++) {
      page_raw(p, "<td>");
      page_score(p, json_item(json_list(rows[s].scores, "iou"), i));
      page_raw(p, ", ");
      page_score(p, json_item(json_list(rows[s].scores, "dice"), i));
      page_raw(p, "</td>");
    }
    page_raw(p, "</tr>\n");
  }
  page_raw(p, "</table></div>\n");
}

// Rows: the reference's classes; cells: the share of their pixels that was predicted as each class.
static void put_confusion(struct page *p, const vc_json *state) {
  const vc_json *rows = json_list(state, "confusion");
  if (!rows || vc_json_size(rows) == 0) return;
  char fallback[32];
  page_raw(p, "<h3>Confusion, best-final</h3>\n<p class=\"soft\">Each row is a class of the reference and adds up to "
              "100&nbsp;%: what its pixels were taken for.</p>\n<div class=\"wide\"><table><tr><th>Reference</th>");
  for (size_t i = 0; i < vc_json_size(rows); i++) {
    page_raw(p, "<th>predicted ");
    page_text(p, class_name(state, i, fallback));
    page_raw(p, "</th>");
  }
  page_raw(p, "</tr>\n");
  for (size_t i = 0; i < vc_json_size(rows); i++) {
    const vc_json *row = vc_json_at(rows, i);
    double sum = 0;
    if (vc_json_type_of(row) != VC_JSON_ARRAY) continue;
    for (size_t k = 0; k < vc_json_size(row); k++) sum += json_item(row, k);
    page_raw(p, "<tr><td>");
    page_text(p, class_name(state, i, fallback));
    page_raw(p, "</td>");
    for (size_t k = 0; k < vc_json_size(row); k++) {
      const double share = json_item(row, k) / sum;
      if (isfinite(share))
        page_format(p, "<td class=\"heat\" style=\"--p:%.0f%%\">%.1f&nbsp;%%</td>", 60 * share, 100 * share);
      else
        page_raw(p, "<td>&ndash;</td>");
    }
    page_raw(p, "</tr>\n");
  }
  page_raw(p, "</table></div>\n");
}

// ---- the heads of IIC ---------------------------------------------------------------------------------------------

static const char *const head_names[][2] = {{"main", "main"}, {"aux", "auxiliary"}};

// "0 -> background, 1 -> cell"
static void put_matching(struct page *p, const vc_json *state, const vc_json *head) {
  const vc_json *matching = json_list(head, "matching");
  char fallback[32];
  for (size_t i = 0; matching && i < vc_json_size(matching); i++) {
    const double class = json_item(matching, i);
    page_format(p, "%s%zu&nbsp;&rarr;&nbsp;", i ? ", " : "", i + 1);
    if (class >= 0 && class < 64)
      page_text(p, class_name(state, (size_t)class, fallback));
    else
      page_raw(p, "none");
  }
}

static void put_heads(struct page *p, const struct run *run) {
  page_raw(p, "<h3>The two heads</h3>\n<p class=\"soft\">A cluster stands for the class that it is matched with. What "
              "counts is the matching found on the validation images; the one found on the test images themselves is "
              "shown to compare with studies that do so.</p>\n<div class=\"wide\"><table><tr><th>State, head</th>"
              "<th>Mean IoU</th><th>Matched on the test images</th><th>Clusters and classes</th></tr>\n");
  for (size_t s = 0; s < VC_COUNT_OF(state_names); s++) {
    const vc_json *state = json_find(run->evaluation, state_names[s]);
    for (size_t h = 0; h < VC_COUNT_OF(head_names); h++) {
      const vc_json *head = json_find(json_find(state, "heads"), head_names[h][0]);
      if (!head) continue;
      const bool is_chosen = strcmp(json_text(state, "head"), head_names[h][0]) == 0;
      page_format(p, "<tr><td>%s, %s%s</td>", state_names[s], head_names[h][1], is_chosen ? " (used)" : "");
      page_cell(p, json_number(head, "mean_iou"));
      page_cell(p, json_number(json_find(json_find(state, "matched_on_test"), head_names[h][0]), "mean_iou"));
      page_raw(p, "<td class=\"text\">");
      put_matching(p, state, head);
      page_raw(p, "</td></tr>\n");
    }
  }
  page_raw(p, "</table></div>\n");
}

static void put_scores(struct page *p, const struct run *run) {
  struct scored rows[3];
  if (!run->evaluation) return;
  const size_t n = list_scored(run, rows);
  page_raw(p, "<h2 id=\"scores\">Scores on the test images</h2>\n<div class=\"wide\"><table><tr><th>State</th><th>Mean "
              "IoU</th><th>Mean IoU of an image</th><th>Foreground IoU</th><th>Pixels right</th><th>Epoch</th></tr>\n");
  for (size_t i = 0; i < n; i++) put_score_row(p, &rows[i]);
  page_raw(p, "</table></div>\n");
  if (n == 0) return;
  if (is_method(run, "iic")) put_heads(p, run);
  put_instances(p, rows, n);
  put_classes(p, rows, n);
  put_confusion(p, json_find(run->evaluation, state_names[1]));
}

// ---- curves -------------------------------------------------------------------------------------------------------

static struct series column(const struct run_log *l, enum run_column c, const char *name, const char *colour,
                            bool is_dashed) {
  return (struct series){name, colour, l->columns[RUN_X], l->columns[c], l->n, is_dashed};
}

static void put_curves(struct page *p, const struct run *run) {
  const struct run_log *l = &run->log;
  if (l->n == 0) return;
  const struct chart_mark marks[] = {{l->best_supervised_epoch, "best-supervised"},
                                     {l->best_final_epoch, "best-final"}};
  const bool is_iic = is_method(run, "iic");
  const struct series losses[] = {
      column(l, RUN_LOSS_SUPERVISED, "on masks, training", page_blue, false),
      column(l, RUN_VAL_SUPERVISED, "on masks, validation", page_orange, false),
      column(l, RUN_LOSS_UNSUPERVISED, is_iic ? "training" : "without masks, training", page_sky, true),
      column(l, RUN_VAL_UNSUPERVISED, is_iic ? "validation" : "without masks, validation", page_gold, true)};
  const struct series head_losses[] = {column(l, RUN_LOSS_MAIN, "main, training", page_blue, false),
                                       column(l, RUN_VAL_MAIN, "main, validation", page_orange, false),
                                       column(l, RUN_LOSS_AUX, "auxiliary, training", page_sky, true),
                                       column(l, RUN_VAL_AUX, "auxiliary, validation", page_gold, true)};
  const struct series iou[] = {column(l, RUN_VAL_IOU, is_iic ? "head in use" : "validation images", page_green, false),
                               column(l, RUN_IOU_MAIN, "main head", page_blue, true),
                               column(l, RUN_IOU_AUX, "auxiliary head", page_orange, true)};
  const struct series entropy[] = {column(l, RUN_ENTROPY_MAIN, "main head", page_blue, false),
                                   column(l, RUN_ENTROPY_AUX, "auxiliary head", page_orange, true)};
  const struct series lr[] = {column(l, RUN_LR, "learning rate", page_blue, false)};
  const struct chart charts[] = {
      {.title = "Loss", .series = losses, .n_series = 4, .is_free = is_iic},
      {.title = "Mean IoU on the validation images", .series = iou, .n_series = 3, .is_unit = true},
      {.title = "Loss of the heads", .series = head_losses, .n_series = 4, .is_free = true},
      {.title = "Entropy of the clusters' shares (0: every pixel in one)", .series = entropy, .n_series = 2},
      {.title = "Learning rate", .series = lr, .n_series = 1, .is_log = true},
  };
  page_format(p,
              "<h2 id=\"curves\">Curves</h2>\n<p class=\"soft\">By %s of the training. The dotted lines mark the "
              "states that were kept.</p>\n<div class=\"charts\">\n",
              l->by_step ? "step" : "epoch");
  for (size_t i = 0; i < VC_COUNT_OF(charts); i++) {
    struct chart chart = charts[i];
    chart.x_label = l->by_step ? "step" : "epoch";
    chart.marks = marks;
    chart.n_marks = l->by_step ? 0 : (uint32_t)VC_COUNT_OF(marks);
    chart_draw(p, &chart);
  }
  page_raw(p, "</div>\n");
}

// ---- pictures -----------------------------------------------------------------------------------------------------

void run_put_overlay_key(struct page *p) {
  page_raw(p, "<p class=\"soft\">Outlined is what the reference and the network call the classes. In the last picture: "
              "<span class=\"key\"><i style=\"background:#d55e00\"></i>missed,</span> <span class=\"key\"><i "
              "style=\"background:#56b4e9\"></i>found where there is none,</span> <span class=\"key\"><i "
              "style=\"background:#f0e442\"></i>taken for another class.</span></p>\n");
}

vc_status run_put_overlay(vc_arena *arena, struct page *p, const char *path, const char *caption, size_t *inout_bytes,
                          uint32_t *inout_left_out) {
  static const char *const labels[] = {"image", "reference", "prediction", "difference"};
  char *stem;
  VC_TRY(vc_path_stem(arena, path, &stem));
  const struct panels panels = {
      .path = path, .caption = caption ? caption : stem, .what = stem, .labels = labels, .n = VC_COUNT_OF(labels)};
  return panels_draw(p, &panels, inout_bytes, inout_left_out);
}

static bool is_png(const char *path) {
  const size_t n = strlen(path);
  return n > 4 && strcmp(path + n - 4, ".png") == 0;
}

static vc_status put_pictures(vc_arena *arena, struct page *p, const struct run *run, size_t *inout_bytes) {
  char *dir, **paths;
  size_t n;
  uint32_t n_shown = 0, n_left_out = 0;
  VC_TRY(vc_path_join(arena, run->dir, "overlays", &dir));
  if (!vc_path_is_dir(dir)) return VC_OK;
  VC_TRY(vc_path_list(arena, dir, &paths, &n));
  if (n == 0) return VC_OK;
  page_raw(p, "<h2 id=\"pictures\">Test images, segmented by best-final</h2>\n");
  run_put_overlay_key(p);
  for (size_t i = 0; i < n; i++) {
    if (!is_png(paths[i])) continue;
    if (n_shown++ < MAX_OVERLAYS)
      VC_TRY(run_put_overlay(arena, p, paths[i], NULL, inout_bytes, &n_left_out));
    else
      n_left_out++;
  }
  if (n_left_out > 0) {
    page_format(p, "<p class=\"soft\">%u more, and these at full size, are in the folder ", n_left_out);
    page_text(p, dir);
    page_raw(p, "</p>\n");
  }
  return VC_OK;
}

// ---- augmentation -------------------------------------------------------------------------------------------------

// "turned by -7 degrees, 1.03 times the size, mirrored"
static vc_status tell_weak(vc_arena *arena, const vc_json *view, char **out) {
  const vc_json *flip = json_find(view, "weak.flip");
  return vc_arena_printf(arena, out, "turned by %.0f\xC2\xB0, %.2f times the size%s", json_number(view, "weak.rotate"),
                         json_number(view, "weak.scale"),
                         flip && vc_json_type_of(flip) == VC_JSON_BOOL && vc_json_bool(flip) ? ", mirrored" : "");
}

// "invert, contrast 1.3"
static vc_status tell_strong(vc_arena *arena, const vc_json *view, char **out) {
  const vc_json *ops = json_list(view, "strong");
  VC_TRY(vc_arena_strdup(arena, "", out));
  for (size_t i = 0; ops && i < vc_json_size(ops); i++) {
    const vc_json *op = vc_json_at(ops, i);
    const double magnitude = json_number(op, "magnitude");
    const bool is_angle = strcmp(json_text(op, "op"), "rotate") == 0;
    char value[32] = "";
    if (isfinite(magnitude)) snprintf(value, sizeof value, is_angle ? " %.0f\xC2\xB0" : " %.2f", magnitude);
    VC_TRY(vc_arena_printf(arena, out, "%s%s%s%s", *out, i ? ", " : "", json_text(op, "op"), value));
  }
  return VC_OK;
}

static vc_status put_view(vc_arena *arena, struct page *p, const struct run *run, const vc_json *view,
                          size_t *inout_bytes) {
  const vc_json *names = json_list(run->views, "panels");
  const char *labels[4] = {NULL};
  char *path, *weak, *strong, *caption;
  uint32_t n_left_out = 0;
  const size_t n = names ? vc_json_size(names) : 0;
  if (n < 1 || n > VC_COUNT_OF(labels)) return VC_OK;
  VC_TRY(vc_path_join(arena, run->dir, "augmentation", &path));
  VC_TRY(vc_path_join(arena, path, json_text(view, "file"), &path));
  if (!vc_path_exists(path)) return VC_OK;
  VC_TRY(tell_weak(arena, view, &weak));
  VC_TRY(tell_strong(arena, view, &strong));
  for (size_t i = 0; i < n; i++) {
    labels[i] = vc_json_type_of(vc_json_at(names, i)) == VC_JSON_STRING ? vc_json_string(vc_json_at(names, i)) : "";
    if (strcmp(labels[i], "window") == 0) labels[i] = "as it is";
  }
  VC_TRY(vc_arena_printf(arena, &caption, "Weak: %s.%s%s%s", weak, *strong ? " Strong: " : "", strong,
                         *strong ? "." : ""));
  const struct panels panels = {
      .path = path, .caption = caption, .what = "augmented training image", .labels = labels, .n = (uint32_t)n};
  return panels_draw(p, &panels, inout_bytes, &n_left_out);
}

static vc_status put_augmentation(vc_arena *arena, struct page *p, const struct run *run, size_t *inout_bytes) {
  const vc_json *views = json_list(run->views, "views");
  if (!views) return VC_OK;
  page_raw(p,
           "<h2 id=\"augmentation\">Augmentation</h2>\n<p class=\"soft\">What the network was shown when it first met "
           "the training image <i>");
  page_text(p, json_text(run->views, "image"));
  page_raw(p, "</i>: a window of it as it is, ");
  page_raw(p, is_method(run, "uda") ? "changed weakly, and changed strongly. It learns to say the same of both.</p>\n"
                                    : "and changed at random.</p>\n");
  page_raw(p, "<div class=\"charts gallery\">\n");
  for (size_t i = 0; i < vc_json_size(views); i++) VC_TRY(put_view(arena, p, run, vc_json_at(views, i), inout_bytes));
  page_raw(p, "</div>\n");
  return VC_OK;
}

// ---- settings -----------------------------------------------------------------------------------------------------

static void put_names(struct page *p, const vc_json *list) {
  const size_t n = list ? vc_json_size(list) : 0;
  for (size_t i = 0; i < n && i < MAX_NAMES; i++) {
    if (vc_json_type_of(vc_json_at(list, i)) != VC_JSON_STRING) continue;
    page_raw(p, i ? ", " : "");
    page_text(p, vc_json_string(vc_json_at(list, i)));
  }
  if (n > MAX_NAMES) page_format(p, " and %zu more", n - MAX_NAMES);
}

static void put_split(struct page *p, const struct run *run) {
  static const struct {
    const char *list, *label;
  } lists[] = {{"train_labelled", "training, with masks"},
               {"train_unlabelled", "training, masks not used"},
               {"val", "validation: decides which states are kept"},
               {"test", "test: looked at once, at the end"}};
  if (!run->split) return;
  page_raw(p, "<div class=\"wide\"><table><tr><th>Images for</th><th>Number</th></tr>\n");
  for (size_t i = 0; i < VC_COUNT_OF(lists); i++)
    page_format(p, "<tr><td>%s</td><td>%zu</td></tr>\n", lists[i].label, count_of(run, lists[i].list));
  page_raw(p, "</table></div>\n<details><summary>Their names</summary>\n");
  for (size_t i = 0; i < VC_COUNT_OF(lists); i++) {
    page_format(p, "<p class=\"names\"><b>%s:</b> ", lists[i].label);
    put_names(p, json_list(run->split, lists[i].list));
    page_raw(p, "</p>\n");
  }
  page_raw(p, "</details>\n");
}

static void put_setting(struct page *p, const char *label, const char *value) {
  page_format(p, "<tr><td>%s</td><td class=\"text\">", label);
  page_text(p, value);
  page_raw(p, "</td></tr>\n");
}

// The value of a key as a text; "?" where there is none.
static const char *value_text(const vc_json *config, const char *key, char out[32]) {
  const double number = json_number(config, key);
  if (*json_text(config, key)) return json_text(config, key);
  snprintf(out, 32, isfinite(number) ? "%.10g" : "?", number);
  return out;
}

static void put_network(struct page *p, const vc_json *c) {
  char text[256], base[32], depth[32], norm[32], lr[32], batch[32], crop[32];
  const char *init = json_text(c, "model.init");
  snprintf(text, sizeof text, "U-Net, base %s, depth %s, norm %s, begun %s%.100s", value_text(c, "model.base", base),
           value_text(c, "model.depth", depth), value_text(c, "model.norm", norm),
           strcmp(init, "he") == 0 ? "at random" : "from ", strcmp(init, "he") == 0 ? "" : vc_path_base(init));
  put_setting(p, "Network", text);
  snprintf(text, sizeof text, "%s, learning rate %s, schedule %s", json_text(c, "optimizer.name"),
           value_text(c, "optimizer.lr", lr), json_text(c, "optimizer.schedule.name"));
  put_setting(p, "Optimiser", text);
  const bool is_cropped = isfinite(json_number(c, "data.crop"));
  snprintf(text, sizeof text, "%s of each kind, %s%s%s", value_text(c, "train.batch", batch),
           is_cropped ? "in windows of " : "whole", is_cropped ? value_text(c, "data.crop", crop) : "",
           is_cropped ? " pixels" : "");
  put_setting(p, "Images in a step", text);
}

static void put_settings(struct page *p, const struct run *run) {
  char text[32];
  page_raw(p, "<h2 id=\"settings\">Images and settings</h2>\n");
  put_split(p, run);
  page_raw(p, "<div class=\"wide\"><table>\n");
  put_setting(p, "Device", run->log.device ? run->log.device : json_text(run->config, "device"));
  put_network(p, run->config);
  if (isfinite(run->log.steps)) {
    snprintf(text, sizeof text, "%.0f", run->log.steps);
    put_setting(p, "Steps", text);
  }
  put_setting(p, "Seed", value_text(run->config, "seed", text));
  put_setting(p, "Folder", run->dir);
  page_raw(p, "</table></div>\n<details><summary>The whole configuration</summary><pre>");
  page_text(p, run->config_text);
  page_raw(p, "</pre></details>\n");
}

// ---- the whole ----------------------------------------------------------------------------------------------------

vc_status run_put(vc_arena *arena, struct page *p, const struct run *run, bool is_alone, size_t *inout_bytes) {
  put_summary(p, run, is_alone);
  VC_TRY(put_pictures(arena, p, run, inout_bytes));
  put_scores(p, run);
  put_curves(p, run);
  VC_TRY(put_augmentation(arena, p, run, inout_bytes));
  put_settings(p, run);
  return VC_OK;
}
