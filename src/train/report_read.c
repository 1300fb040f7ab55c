// What a run's folder holds, read for its report.
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_JSON_BYTES = 64 << 20 };

vc_status json_read(vc_arena *arena, const char *dir, const char *file, const vc_json **out, const char **out_text) {
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

const vc_json *json_find(const vc_json *root, const char *path) {
  char key[64];
  while (root && *path) {
    size_t n = strcspn(path, ".");
    snprintf(key, sizeof key, "%.*s", (int)n, path);
    root = vc_json_type_of(root) == VC_JSON_OBJECT ? vc_json_get(root, key) : NULL;
    path += n + (path[n] == '.');
  }
  return root;
}

double json_number(const vc_json *root, const char *path) {
  const vc_json *value = json_find(root, path);
  return value && vc_json_type_of(value) == VC_JSON_NUMBER ? vc_json_number(value) : (double)NAN;
}

const char *json_text(const vc_json *root, const char *path) {
  const vc_json *value = json_find(root, path);
  return value && vc_json_type_of(value) == VC_JSON_STRING ? vc_json_string(value) : "";
}

const vc_json *json_list(const vc_json *root, const char *path) {
  const vc_json *value = json_find(root, path);
  return value && vc_json_type_of(value) == VC_JSON_ARRAY ? value : NULL;
}

double json_item(const vc_json *list, size_t i) {
  if (!list || i >= vc_json_size(list) || vc_json_type_of(vc_json_at(list, i)) != VC_JSON_NUMBER) return (double)NAN;
  return vc_json_number(vc_json_at(list, i));
}

vc_status run_read(vc_arena *arena, const char *dir, struct run *out) {
  char *path;
  *out = (struct run){.dir = dir};
  VC_TRY(json_read(arena, dir, "config.json", &out->config, &out->config_text));
  if (!out->config)
    return VC_FAIL(VC_E_INPUT,
                   "%s: neither a run (it has no config.json) nor a sweep (no results.json); name such a folder", dir);
  VC_TRY(json_read(arena, dir, "evaluation.json", &out->evaluation, NULL));
  VC_TRY(json_read(arena, dir, "split.json", &out->split, NULL));
  VC_TRY(json_read(arena, dir, "baselines.json", &out->baselines, NULL));
  VC_TRY(json_read(arena, dir, "augmentation/views.json", &out->views, NULL));
  VC_TRY(vc_path_join(arena, dir, "log.jsonl", &path));
  return run_log_read(arena, path, &out->log);
}

const char *run_name(const struct run *run) {
  const char *name = json_text(run->config, "name");
  return *name ? name : vc_path_base(run->dir);
}
