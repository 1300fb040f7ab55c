// The log of a run, read for its report.
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_WARNINGS = 20, MAX_POINTS = 2000 };

static double number_of(const vc_json *object, const char *key) {
  const vc_json *value = vc_json_get(object, key);
  return value && vc_json_type_of(value) == VC_JSON_NUMBER ? vc_json_number(value) : NAN;
}

static const char *text_of(const vc_json *object, const char *key) {
  const vc_json *value = vc_json_get(object, key);
  return value && vc_json_type_of(value) == VC_JSON_STRING ? vc_json_string(value) : NULL;
}

static bool is_event(const char *line, size_t n_bytes, const char *event) {
  char start[48];
  snprintf(start, sizeof start, "{\"event\":\"%s\"", event);
  return n_bytes >= strlen(start) && memcmp(line, start, strlen(start)) == 0;
}

static const char *const column_keys[RUN_COLUMNS] = {[RUN_LOSS_SUPERVISED] = "loss_supervised",
                                                     [RUN_LOSS_UNSUPERVISED] = "loss_unsupervised",
                                                     [RUN_VAL_SUPERVISED] = "val_loss_supervised",
                                                     [RUN_VAL_UNSUPERVISED] = "val_loss_unsupervised",
                                                     [RUN_VAL_IOU] = "val_mean_iou",
                                                     [RUN_LR] = "lr",
                                                     [RUN_LOSS_MAIN] = "loss_main",
                                                     [RUN_LOSS_AUX] = "loss_aux",
                                                     [RUN_VAL_MAIN] = "val_loss_main",
                                                     [RUN_VAL_AUX] = "val_loss_aux",
                                                     [RUN_ENTROPY_MAIN] = "val_entropy_main",
                                                     [RUN_ENTROPY_AUX] = "val_entropy_aux",
                                                     [RUN_IOU_MAIN] = "val_mean_iou_main",
                                                     [RUN_IOU_AUX] = "val_mean_iou_aux"};

static void add_point(struct run_log *log, const vc_json *line, const char *x_key) {
  const uint32_t i = log->n++;
  for (int c = 0; c < RUN_COLUMNS; c++) log->columns[c][i] = number_of(line, column_keys[c] ? column_keys[c] : x_key);
}

static vc_status add_warning(vc_arena *arena, struct run_log *log, const vc_json *line) {
  const char *text = text_of(line, "text");
  if (!text || log->n_warnings == MAX_WARNINGS) return VC_OK;
  char *copy;
  VC_TRY(vc_arena_strdup(arena, text, &copy));
  log->warnings[log->n_warnings++] = copy;
  return VC_OK;
}

static vc_status add_line(vc_arena *arena, struct run_log *log, const vc_json *line) {
  const char *event = text_of(line, "event"), *state = text_of(line, "state"), *device = text_of(line, "device");
  if (!event) return VC_OK;
  if (device && !log->device) {
    char *copy;
    VC_TRY(vc_arena_strdup(arena, device, &copy));
    log->device = copy;
  }
  if (strcmp(event, "epoch") == 0 || strcmp(event, "end") == 0) {
    log->steps = number_of(line, "step");
    log->seconds = number_of(line, "seconds");
  }
  if (strcmp(event, "epoch") == 0 && !log->by_step) add_point(log, line, "epoch");
  if (strcmp(event, "step") == 0 && log->by_step) add_point(log, line, "step");
  if (strcmp(event, "warning") == 0) return add_warning(arena, log, line);
  if (strcmp(event, "end") == 0) log->has_ended = true;
  if (strcmp(event, "best") == 0 && state) {
    double *epoch = strstr(state, "final") ? &log->best_final_epoch : &log->best_supervised_epoch;
    *epoch = number_of(line, "epoch");
  }
  return VC_OK;
}

// Calls add_line for the lines that count: of very many steps only every k-th.
static vc_status read_lines(vc_arena *arena, struct run_log *log, const char *text, size_t n_bytes, uint32_t every) {
  uint32_t n_steps = 0;
  for (const char *line = text, *end = text + n_bytes, *next; line < end; line = next + 1) {
    next = memchr(line, '\n', (size_t)(end - line));
    if (!next) break; // cut off while it was written
    size_t n = (size_t)(next - line);
    if (is_event(line, n, "step") && (!log->by_step || n_steps++ % every != 0)) continue;
    vc_arena *scratch;
    vc_json *value;
    VC_TRY(vc_arena_create(&scratch));
    vc_status status = vc_json_parse(scratch, "log.jsonl", line, n, &value);
    if (status == VC_OK)
      status = add_line(arena, log, value);
    else if (status == VC_E_FORMAT)
      status = VC_OK; // a damaged line is left out
    vc_arena_destroy(scratch);
    VC_TRY(status);
  }
  return VC_OK;
}

static uint32_t count_events(const char *text, size_t n_bytes, const char *event) {
  uint32_t n = 0;
  for (const char *line = text, *end = text + n_bytes, *next; line < end; line = next + 1) {
    next = memchr(line, '\n', (size_t)(end - line));
    if (!next) break;
    n += is_event(line, (size_t)(next - line), event);
  }
  return n;
}

vc_status run_log_read(vc_arena *arena, const char *path, struct run_log *out) {
  struct run_log log = {.best_supervised_epoch = NAN, .best_final_epoch = NAN, .steps = NAN, .seconds = NAN};
  uint8_t *data = NULL;
  size_t n_bytes = 0;
  if (vc_path_exists(path)) VC_TRY(vc_file_read(arena, path, 0, &data, &n_bytes));
  const char *text = (const char *)data;
  uint32_t n_epochs = text ? count_events(text, n_bytes, "epoch") : 0, n_points = n_epochs, every = 1;
  if (text && n_epochs == 0) {
    log.by_step = true;
    n_points = count_events(text, n_bytes, "step");
    every = n_points / MAX_POINTS + 1;
  }
  for (int c = 0; c < RUN_COLUMNS; c++) VC_TRY(VC_NEW(arena, n_points + 1u, &log.columns[c]));
  VC_TRY(VC_NEW(arena, MAX_WARNINGS, &log.warnings));
  if (text) VC_TRY(read_lines(arena, &log, text, n_bytes, every));
  *out = log;
  return VC_OK;
}
