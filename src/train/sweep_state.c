// What the folders of a sweep hold: which runs are done, and their scores.
#include "sweep.h"

#include <math.h>
#include <string.h>

enum { MAX_EVALUATION_BYTES = 16 << 20 };
static const char *const states[] = {"best-supervised", "best-final"};

static double number_of(const vc_json *object, const char *key) {
  const vc_json *value = object ? vc_json_get(object, key) : NULL;
  return value && vc_json_type_of(value) == VC_JSON_NUMBER ? vc_json_number(value) : (double)NAN;
}

// Runs of other sets than one channel and two classes have none.
static vc_status read_otsu(vc_arena *arena, struct vc_sweep_run *run) {
  char *path;
  uint8_t *text;
  size_t n_bytes;
  vc_json *root;
  run->otsu = (double)NAN;
  VC_TRY(vc_path_join(arena, run->dir, "baselines.json", &path));
  if (!vc_path_exists(path)) return VC_OK;
  VC_TRY(vc_file_read(arena, path, MAX_EVALUATION_BYTES, &text, &n_bytes));
  VC_TRY(vc_json_parse(arena, path, (const char *)text, n_bytes, &root));
  if (vc_json_type_of(root) == VC_JSON_OBJECT) run->otsu = number_of(vc_json_get(root, "otsu"), "mean_iou");
  return VC_OK;
}

static vc_status read_scores(vc_arena *arena, const char *path, struct vc_sweep_run *run) {
  uint8_t *text;
  size_t n_bytes;
  vc_json *root;
  VC_TRY(vc_file_read(arena, path, MAX_EVALUATION_BYTES, &text, &n_bytes));
  VC_TRY(vc_json_parse(arena, path, (const char *)text, n_bytes, &root));
  for (int i = 0; i < 2; i++) {
    const vc_json *scores = vc_json_type_of(root) == VC_JSON_OBJECT ? vc_json_get(root, states[i]) : NULL;
    if (!scores || vc_json_type_of(scores) != VC_JSON_OBJECT)
      return VC_FAIL(VC_E_FORMAT, "%s: holds no scores of %s; remove it, then run again", path, states[i]);
    run->mean_iou[i] = number_of(scores, "mean_iou");
    run->image_mean_iou[i] = number_of(scores, "image_mean_iou");
    run->foreground_iou[i] = number_of(scores, "foreground_iou");
    run->accuracy[i] = number_of(scores, "accuracy");
  }
  const vc_json *final = vc_json_get(root, "best-final"), *heads = vc_json_get(final, "heads");
  const bool has_heads = heads && vc_json_type_of(heads) == VC_JSON_OBJECT;
  run->head_iou[0] = number_of(has_heads ? vc_json_get(heads, "main") : NULL, "mean_iou");
  run->head_iou[1] = number_of(has_heads ? vc_json_get(heads, "aux") : NULL, "mean_iou");
  run->state = VC_SWEEP_DONE;
  run->message = NULL;
  return read_otsu(arena, run);
}

// The report is the last that a run writes: without it the end was cut off, and going on is a matter of seconds.
static vc_status look_at(vc_arena *arena, struct vc_sweep_run *run) {
  char *config_path, *evaluation, *report;
  struct vc_config config;
  const char *key;
  VC_TRY(vc_path_join(arena, run->dir, "config.json", &config_path));
  VC_TRY(vc_path_join(arena, run->dir, "evaluation.json", &evaluation));
  VC_TRY(vc_path_join(arena, run->dir, "report.html", &report));
  run->state = VC_SWEEP_OPEN;
  if (!vc_path_exists(config_path)) return VC_OK;
  VC_TRY(vc_config_load(arena, config_path, NULL, 0, &config));
  VC_TRY(sweep_difference(arena, &config, &run->config, &key));
  if (key)
    return VC_FAIL(VC_E_CONFIG,
                   "%s: was made with another %s than the grid now asks for; remove the folder, or name another --out",
                   run->dir, key);
  run->state = VC_SWEEP_BEGUN;
  if (!vc_path_exists(evaluation) || !vc_path_exists(report)) return VC_OK;
  return read_scores(arena, evaluation, run);
}

static vc_status look_in_scratch(struct vc_sweep_run *run) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = look_at(arena, run);
  vc_arena_destroy(arena);
  return status;
}

vc_status vc_sweep_look(struct vc_sweep *sweep) {
  for (uint32_t i = 0; i < sweep->n_runs; i++) VC_TRY(look_in_scratch(&sweep->runs[i]));
  return VC_OK;
}

vc_status vc_sweep_run_begin(struct vc_sweep *sweep, uint32_t run) {
  const struct vc_sweep_run *r = &sweep->runs[run];
  char *path;
  const char *text;
  VC_TRY(vc_path_make_dirs(r->dir));
  VC_TRY(vc_path_join(sweep->arena, r->dir, "config.json", &path));
  VC_TRY(vc_config_text(sweep->arena, &r->config, 2, &text));
  return vc_file_write(path, text, strlen(text));
}

vc_status vc_sweep_run_end(struct vc_sweep *sweep, uint32_t run, vc_status status, const char *message) {
  struct vc_sweep_run *r = &sweep->runs[run];
  if (status == VC_OK) {
    status = look_in_scratch(r);
    if (status == VC_OK && r->state == VC_SWEEP_DONE) return VC_OK;
    message = status == VC_OK ? "ended without scores" : vc_error_message();
  }
  char *copy;
  VC_TRY(vc_arena_strdup(sweep->arena, message, &copy));
  r->state = status == VC_E_INTERRUPTED ? VC_SWEEP_BEGUN : VC_SWEEP_FAILED;
  r->message = status == VC_E_INTERRUPTED ? NULL : copy;
  return VC_OK;
}

vc_status vc_sweep_write_report(const struct vc_sweep *sweep, const char *path) {
  return vc_report_write_runs(&sweep->out_dir, 1, path);
}
