// results.json, results.csv, results.md.
#include "sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_words[] = {"open", "begun", "done", "failed"};
static const struct {
  const char *key, *title;
} columns[VC_SWEEP_COLUMNS] = {{"supervised", "supervised only"}, {"p1", "P1: KL, best-supervised"},
                               {"p2", "P2: KL, best-final"},      {"p3", "P3: IID, best-supervised"},
                               {"p4", "P4: IID, best-final"},     {"otsu", "Otsu"},
                               {"iic_main", "main head"},         {"iic_aux", "auxiliary head"}};

static const char *method_word(const struct vc_config *c) {
  return c->method == VC_METHOD_UDA ? "uda" : c->method == VC_METHOD_IIC ? "iic" : "supervised";
}

static const char *loss_word(const struct vc_config *c) {
  if (c->method != VC_METHOD_UDA) return "";
  return c->uda.loss == VC_UDA_IID ? "iid" : "kl";
}

// The score that a run gives to a column; NaN where it has none.
static double score(const struct vc_sweep_run *run, enum vc_sweep_column column) {
  const struct vc_config *c = &run->config;
  const bool is_final = column == VC_SWEEP_P2 || column == VC_SWEEP_P4;
  if (run->state != VC_SWEEP_DONE) return (double)NAN;
  if (column == VC_SWEEP_OTSU) return run->otsu;
  if (column >= VC_SWEEP_IIC_MAIN) return run->head_iou[column - VC_SWEEP_IIC_MAIN];
  const bool fits = column == VC_SWEEP_SUPERVISED
                        ? c->method == VC_METHOD_SUPERVISED
                        : c->method == VC_METHOD_UDA && c->uda.loss == (column >= VC_SWEEP_P3 ? VC_UDA_IID : VC_UDA_KL);
  return fits ? run->mean_iou[is_final] : (double)NAN;
}

// Whether a member of the row before this one has the same seed, and so the same test images.
static bool repeats_seed(const struct vc_sweep *s, uint32_t member) {
  const struct vc_sweep_run *run = &s->runs[s->members[member].run];
  for (uint32_t i = 0; i < member; i++) {
    const struct vc_sweep_run *other = &s->runs[s->members[i].run];
    if (s->members[i].row == s->members[member].row && other->config.seed == run->config.seed && !isnan(other->otsu))
      return true;
  }
  return false;
}

void vc_sweep_cell(const struct vc_sweep *sweep, uint32_t row, enum vc_sweep_column column, double *out_mean,
                   double *out_sd, uint32_t *out_n) {
  double mean = 0, sum = 0;
  uint32_t n = 0;
  for (int pass = 0; pass < 2; pass++) {
    for (uint32_t i = 0; i < sweep->n_members; i++) {
      if (sweep->members[i].row != row) continue;
      const double x = score(&sweep->runs[sweep->members[i].run], column);
      if (isnan(x) || (column == VC_SWEEP_OTSU && repeats_seed(sweep, i))) continue;
      if (pass == 0)
        mean += x;
      else
        sum += (x - mean) * (x - mean);
      n += pass == 0;
    }
    if (pass == 0) mean = n > 0 ? mean / n : (double)NAN;
  }
  *out_mean = mean;
  *out_sd = n > 1 ? sqrt(sum / (n - 1)) : (double)NAN;
  *out_n = n;
}

static vc_status put(const struct vc_sweep *s, const char *name, const char *text, size_t n_bytes) {
  char *path;
  VC_TRY(vc_path_join(s->arena, s->out_dir, name, &path));
  return vc_file_write(path, text, n_bytes);
}

// ---- JSON ---------------------------------------------------------------------------------------------------------

static void put_run(vc_json_writer *w, const struct vc_sweep_run *run) {
  static const char *const tested[] = {"best-supervised", "best-final"};
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "name", run->name);
  vc_json_put_string(w, "set", run->set);
  vc_json_put_string(w, "labelled", run->labelled);
  vc_json_put_string(w, "settings", run->settings);
  vc_json_put_string(w, "method", method_word(&run->config));
  if (*loss_word(&run->config)) vc_json_put_string(w, "loss", loss_word(&run->config));
  vc_json_put_number(w, "seed", (double)run->config.seed);
  vc_json_put_string(w, "state", state_words[run->state]);
  if (run->message) vc_json_put_string(w, "message", run->message);
  for (int i = 0; i < 2 && run->state == VC_SWEEP_DONE; i++) {
    vc_json_begin_object(w, tested[i]);
    vc_json_put_number(w, "mean_iou", run->mean_iou[i]);
    vc_json_put_number(w, "image_mean_iou", run->image_mean_iou[i]);
    vc_json_put_number(w, "foreground_iou", run->foreground_iou[i]);
    vc_json_put_number(w, "accuracy", run->accuracy[i]);
    vc_json_end_object(w);
  }
  if (run->state == VC_SWEEP_DONE && !isnan(run->head_iou[0])) vc_json_put_number(w, "iic_main", run->head_iou[0]);
  if (run->state == VC_SWEEP_DONE && !isnan(run->head_iou[1])) vc_json_put_number(w, "iic_aux", run->head_iou[1]);
  if (run->state == VC_SWEEP_DONE) vc_json_put_number(w, "otsu", run->otsu);
  vc_json_end_object(w);
}

static void put_row(vc_json_writer *w, const struct vc_sweep *s, uint32_t row) {
  const struct vc_sweep_row *r = &s->rows[row];
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "set", r->set);
  vc_json_put_string(w, "labelled", r->labelled);
  vc_json_put_string(w, "settings", r->settings);
  for (int c = 0; c < VC_SWEEP_COLUMNS; c++) {
    double mean, sd;
    uint32_t n;
    vc_sweep_cell(s, row, (enum vc_sweep_column)c, &mean, &sd, &n);
    vc_json_begin_object(w, columns[c].key);
    vc_json_put_number(w, "mean", mean);
    vc_json_put_number(w, "sd", sd);
    vc_json_put_number(w, "runs", n);
    if (r->study && c >= VC_SWEEP_P1 && c <= VC_SWEEP_P4) vc_json_put_number(w, "study", r->study[c - VC_SWEEP_P1]);
    if (r->study_iic && c >= VC_SWEEP_IIC_MAIN) vc_json_put_number(w, "study", r->study_iic[c - VC_SWEEP_IIC_MAIN]);
    vc_json_end_object(w);
  }
  vc_json_end_object(w);
}

static vc_status write_json(const struct vc_sweep *s) {
  vc_json_writer *w;
  const char *text;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(s->arena, 2, &w));
  vc_json_begin_object(w, NULL);
  vc_json_begin_array(w, "table");
  for (uint32_t i = 0; i < s->n_rows; i++) put_row(w, s, i);
  vc_json_end_array(w);
  vc_json_begin_array(w, "runs");
  for (uint32_t i = 0; i < s->n_runs; i++) put_run(w, &s->runs[i]);
  vc_json_end_array(w);
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  return put(s, "results.json", text, n_bytes);
}

// ---- CSV ----------------------------------------------------------------------------------------------------------

static void csv_text(FILE *f, const char *text, char end) {
  bool is_plain = !strpbrk(text, ",\"\r\n");
  if (!is_plain) fputc('"', f);
  for (; *text; text++) {
    if (*text == '"') fputc('"', f);
    fputc(*text, f);
  }
  if (!is_plain) fputc('"', f);
  fputc(end, f);
}

static void csv_number(FILE *f, double value) {
  if (isfinite(value)) fprintf(f, "%.6f", value);
  fputc(',', f);
}

static void print_csv(FILE *f, const struct vc_sweep *s) {
  fputs("name,set,labelled,settings,method,loss,seed,state,mean_iou_best_supervised,mean_iou_best_final,"
        "image_mean_iou_best_supervised,image_mean_iou_best_final,foreground_iou_best_supervised,"
        "foreground_iou_best_final,accuracy_best_supervised,accuracy_best_final,iic_main,iic_aux,otsu,message\n",
        f);
  for (uint32_t i = 0; i < s->n_runs; i++) {
    const struct vc_sweep_run *r = &s->runs[i];
    const char *const texts[] = {
        r->name, r->set, r->labelled, r->settings, method_word(&r->config), loss_word(&r->config)};
    const double *const scores[] = {r->mean_iou, r->image_mean_iou, r->foreground_iou, r->accuracy};
    for (size_t k = 0; k < VC_COUNT_OF(texts); k++) csv_text(f, texts[k], ',');
    fprintf(f, "%llu,%s,", (unsigned long long)r->config.seed, state_words[r->state]);
    for (size_t k = 0; k < 2 * VC_COUNT_OF(scores); k++)
      csv_number(f, r->state == VC_SWEEP_DONE ? scores[k / 2][k % 2] : (double)NAN);
    for (int k = 0; k < 2; k++) csv_number(f, r->state == VC_SWEEP_DONE ? r->head_iou[k] : (double)NAN);
    csv_number(f, r->state == VC_SWEEP_DONE ? r->otsu : (double)NAN);
    csv_text(f, r->message ? r->message : "", '\n');
  }
}

// ---- Markdown -----------------------------------------------------------------------------------------------------

static void md_text(FILE *f, const char *text) {
  for (; *text; text++) {
    if (*text == '|' || *text == '\\') fputc('\\', f);
    fputc(*text == '\n' ? ' ' : *text, f);
  }
}

static void md_cell(FILE *f, const struct vc_sweep *s, uint32_t row, enum vc_sweep_column column) {
  double mean, sd;
  uint32_t n;
  vc_sweep_cell(s, row, column, &mean, &sd, &n);
  if (n == 0)
    fputs(" – |", f);
  else if (n == 1)
    fprintf(f, " %.4f |", mean);
  else
    fprintf(f, " %.4f ± %.4f (%u) |", mean, sd, n);
}

static void md_settings(FILE *f, const struct vc_sweep_row *r, bool with_settings) {
  if (!with_settings) return;
  fputc(' ', f);
  md_text(f, r->settings);
  fputs(" |", f);
}

static void md_row(FILE *f, const struct vc_sweep *s, uint32_t row, bool with_settings) {
  const struct vc_sweep_row *r = &s->rows[row];
  fputs("| ", f);
  md_text(f, r->set);
  fprintf(f, " | %s |", r->labelled);
  md_settings(f, r, with_settings);
  for (int c = 0; c < VC_SWEEP_IIC_MAIN; c++) md_cell(f, s, row, (enum vc_sweep_column)c);
  fputc('\n', f);
  if (!r->study) return;
  fprintf(f, "| *study: %s* | *%s* |%s |", r->study_set, r->labelled, with_settings ? " |" : "");
  for (int i = 0; i < 4; i++) fprintf(f, " *%.4f* |", r->study[i]);
  fputs(" |\n", f);
}

static void md_iic_row(FILE *f, const struct vc_sweep *s, uint32_t row, bool with_settings) {
  const struct vc_sweep_row *r = &s->rows[row];
  fputs("| ", f);
  md_text(f, r->set);
  fputs(" |", f);
  md_settings(f, r, with_settings);
  md_cell(f, s, row, VC_SWEEP_IIC_MAIN);
  md_cell(f, s, row, VC_SWEEP_IIC_AUX);
  md_cell(f, s, row, VC_SWEEP_OTSU);
  fputc('\n', f);
  if (r->study_iic)
    fprintf(f, "| *study: %s* |%s *%.4f* | *%.4f* | |\n", r->study_set, with_settings ? " |" : "", r->study_iic[0],
            r->study_iic[1]);
}

// Whether runs of IIC, or others, are members of the row.
static bool has_member(const struct vc_sweep *s, uint32_t row, bool of_iic) {
  for (uint32_t i = 0; i < s->n_members; i++) {
    const enum vc_method method = s->runs[s->members[i].run].config.method;
    const bool is_iic = method != VC_METHOD_SUPERVISED && method != VC_METHOD_UDA;
    if (s->members[i].row == row && is_iic == of_iic) return true;
  }
  return false;
}

// Shares of labels make no difference to IIC: one row for each set and settings.
static bool is_iic_row(const struct vc_sweep *s, uint32_t row) {
  if (!has_member(s, row, true)) return false;
  for (uint32_t i = 0; i < row; i++) {
    if (has_member(s, i, true) && !strcmp(s->rows[i].set, s->rows[row].set) &&
        !strcmp(s->rows[i].settings, s->rows[row].settings))
      return false;
  }
  return true;
}

static void md_table(FILE *f, const struct vc_sweep *s, bool with_settings) {
  bool is_begun = false;
  for (uint32_t i = 0; i < s->n_rows; i++) {
    if (!has_member(s, i, false)) continue;
    if (!is_begun) {
      fprintf(f, "| set | labelled |%s", with_settings ? " settings |" : "");
      for (int c = 0; c < VC_SWEEP_IIC_MAIN; c++) fprintf(f, " %s |", columns[c].title);
      fprintf(f, "\n|---|---|%s---|---|---|---|---|---|\n", with_settings ? "---|" : "");
    }
    is_begun = true;
    md_row(f, s, i, with_settings);
  }
  if (is_begun) fputc('\n', f);
}

static void md_iic_table(FILE *f, const struct vc_sweep *s, bool with_settings) {
  bool is_begun = false;
  for (uint32_t i = 0; i < s->n_rows; i++) {
    if (!is_iic_row(s, i)) continue;
    if (!is_begun)
      fprintf(
          f,
          "Self-supervised (IIC), state best-final, clusters matched on the validation images:\n\n| set |%s main head "
          "| auxiliary head | Otsu |\n|---|%s---|---|---|\n",
          with_settings ? " settings |" : "", with_settings ? "---|" : "");
    is_begun = true;
    md_iic_row(f, s, i, with_settings);
  }
  if (is_begun) fputc('\n', f);
}

static void print_md(FILE *f, const struct vc_sweep *s) {
  bool with_settings = false, with_study = false;
  uint32_t n[4] = {0};
  for (uint32_t i = 0; i < s->n_rows; i++) {
    with_settings = with_settings || *s->rows[i].settings;
    with_study = with_study || s->rows[i].study || (s->rows[i].study_iic && has_member(s, i, true));
  }
  for (uint32_t i = 0; i < s->n_runs; i++) n[s->runs[i].state]++;
  md_table(f, s, with_settings);
  md_iic_table(f, s, with_settings);
  fputs("Mean IoU on the test images: mean over the seeds ± standard deviation of a sample (number of seeds).\n"
        "Otsu: each test image cut at its own threshold, without any training.\n",
        f);
  if (with_study) fputs("In italics what Horlava et al. report for that set and share of labels.\n", f);
  fprintf(f, "\n%u of %u runs are done, %u failed.\n", n[VC_SWEEP_DONE], s->n_runs, n[VC_SWEEP_FAILED]);
  if (n[VC_SWEEP_FAILED] > 0) fputs("\nFailed:\n\n", f);
  for (uint32_t i = 0; i < s->n_runs; i++) {
    if (s->runs[i].state != VC_SWEEP_FAILED) continue;
    fprintf(f, "- `%s`: ", s->runs[i].name);
    md_text(f, s->runs[i].message);
    fputc('\n', f);
  }
}

static vc_status print_file(const struct vc_sweep *s, const char *name,
                            void (*print)(FILE *f, const struct vc_sweep *s)) {
  char *text = NULL;
  size_t n_bytes = 0;
  FILE *f = open_memstream(&text, &n_bytes);
  if (!f) return VC_FAIL(VC_E_NOMEM, "%s/%s: out of memory", s->out_dir, name);
  print(f, s);
  vc_status status =
      fclose(f) == 0 ? put(s, name, text, n_bytes) : VC_FAIL(VC_E_NOMEM, "%s/%s: out of memory", s->out_dir, name);
  free(text);
  return status;
}

vc_status vc_sweep_write(const struct vc_sweep *sweep) {
  struct vc_sweep s = *sweep; // with an arena that goes with the texts
  VC_TRY(vc_path_make_dirs(s.out_dir));
  VC_TRY(vc_arena_create(&s.arena));
  vc_status status = write_json(&s);
  if (status == VC_OK) status = print_file(&s, "results.csv", print_csv);
  if (status == VC_OK) status = print_file(&s, "results.md", print_md);
  vc_arena_destroy(s.arena);
  return status;
}
