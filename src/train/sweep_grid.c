// Reading a grid and spanning its runs.
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // realpath
#endif
#include "sweep.h"

#include "config_table.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  MAX_GRID_BYTES = 16 << 20,
  MAX_AXES = 32,
  MAX_GRIDS = 64,
  MAX_COMBINATIONS = 4096,
  MAX_BUNDLE_KEYS = 64,
  MAX_NAME_BYTES = 160
};

// One key of the grid, or "set", whose values are bundles of keys.
struct axis {
  const char *key;
  const vc_json *values;
  bool is_set;
};

struct grid {
  vc_arena *arena;
  const char *path, *dir;          // the file, and its folder, absolute
  const vc_json *grids[MAX_GRIDS]; // the members of "grid", spanned one after the other
  uint32_t n_grids;
  struct axis axes[MAX_AXES]; // of the one being spanned
  uint32_t n_axes;
  const char *base_name, *base_dir, *base_text; // of the configuration under all runs
  size_t base_bytes;
  const char *const *overrides;
  uint32_t n_overrides;
};

static vc_status grid_fail(const struct grid *g, const vc_json *at, const char *key, const char *fmt, ...)
    VC_PRINTF(4, 5);
static vc_status grid_fail(const struct grid *g, const vc_json *at, const char *key, const char *fmt, ...) {
  char text[1200];
  va_list args;
  va_start(args, fmt);
  if (vsnprintf(text, sizeof text, fmt, args) < 0) text[0] = '\0';
  va_end(args);
  return VC_FAIL(VC_E_CONFIG, "%s:%d: %.200s: %s", g->path, vc_json_line(at), key, text);
}

static vc_status json_text(vc_arena *arena, const vc_json *value, const char **out) {
  vc_json_writer *w;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(arena, 0, &w));
  vc_json_put_value(w, NULL, value);
  return vc_json_writer_text(w, out, &n_bytes);
}

// ---- reading ------------------------------------------------------------------------------------------------------

// Writes a value so that each part stands in the line where it stood: messages about the text then fit the file.
static vc_status emit_in_place(vc_arena *arena, FILE *file, int *line, const vc_json *value) {
  enum vc_json_type type = vc_json_type_of(value);
  const char *text;
  for (; *line < vc_json_line(value); ++*line) fputc('\n', file);
  if (type != VC_JSON_OBJECT && type != VC_JSON_ARRAY) {
    VC_TRY(json_text(arena, value, &text));
    fputs(text, file);
    return VC_OK;
  }
  fputc(type == VC_JSON_OBJECT ? '{' : '[', file);
  for (size_t i = 0; i < vc_json_size(value); i++) {
    const vc_json *child = vc_json_at(value, i);
    if (i > 0) fputc(',', file);
    for (; *line < vc_json_line(child); ++*line) fputc('\n', file);
    if (type == VC_JSON_OBJECT) {
      vc_json_writer *w;
      size_t n_bytes;
      VC_TRY(vc_json_writer_create(arena, 0, &w));
      vc_json_put_string(w, NULL, vc_json_key(child));
      VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
      fprintf(file, "%s:", text);
    }
    VC_TRY(emit_in_place(arena, file, line, child));
  }
  fputc(type == VC_JSON_OBJECT ? '}' : ']', file);
  return VC_OK;
}

static vc_status take_base(struct grid *g, const vc_json *base) {
  char *text = NULL, *copy;
  size_t n_bytes = 0;
  int line = 1;
  if (vc_json_type_of(base) != VC_JSON_OBJECT)
    return grid_fail(g, base, "base", "a configuration as an object is wanted; for a file write \"config\": \"FILE\"");
  FILE *file = open_memstream(&text, &n_bytes);
  if (!file) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", g->path);
  vc_status status = emit_in_place(g->arena, file, &line, base);
  if (fclose(file) != 0 && status == VC_OK) status = VC_FAIL(VC_E_NOMEM, "%s: out of memory", g->path);
  if (status == VC_OK) status = vc_arena_strdup(g->arena, text, &copy);
  free(text);
  VC_TRY(status);
  g->base_name = g->path;
  g->base_dir = g->dir;
  g->base_text = copy;
  g->base_bytes = n_bytes;
  return VC_OK;
}

static vc_status absolute_dir(vc_arena *arena, const char *path, const char **out) {
  char *dir, *copy;
  VC_TRY(vc_path_dir(arena, path, &dir));
  char *absolute = realpath(dir, NULL);
  vc_status status = vc_arena_strdup(arena, absolute ? absolute : dir, &copy);
  free(absolute);
  *out = copy;
  return status;
}

static vc_status take_config(struct grid *g, const vc_json *config) {
  char *path;
  uint8_t *text;
  if (vc_json_type_of(config) != VC_JSON_STRING)
    return grid_fail(g, config, "config", "the name of a configuration file is wanted, in double quotes");
  char *dir;
  VC_TRY(vc_path_dir(g->arena, g->path, &dir));
  VC_TRY(vc_path_join(g->arena, dir, vc_json_string(config), &path));
  VC_TRY_CTX(vc_file_read(g->arena, path, MAX_GRID_BYTES, &text, &g->base_bytes), "%s:%d: config", g->path,
             vc_json_line(config));
  g->base_name = path;
  g->base_text = (const char *)text;
  return absolute_dir(g->arena, path, &g->base_dir);
}

static vc_status check_key(const struct grid *g, const vc_json *at, const char *where, const char *key) {
  const struct config_row *row = config_find_row(key, strlen(key));
  if (!row && !config_find_group(key, strlen(key))) {
    char hint[512];
    config_suggest(key, hint, sizeof hint);
    return grid_fail(g, at, where, "unknown key; %s", hint);
  }
  if (strcmp(key, "name") == 0 || (row && row->host))
    return grid_fail(g, at, where, "has no part in what a run computes; take it out of the grid");
  for (uint32_t i = 0; i < g->n_overrides; i++) {
    size_t n = strlen(key);
    if (strncmp(g->overrides[i], key, n) == 0 && g->overrides[i][n] == '=')
      return VC_FAIL(VC_E_USAGE, "--set %.100s: is a key of the grid (%s:%d); change it there", key, g->path,
                     vc_json_line(at));
  }
  return VC_OK;
}

static vc_status check_bundle(const struct grid *g, const struct axis *axis, size_t index) {
  const vc_json *bundle = vc_json_at(axis->values, index), *name = vc_json_get(bundle, "name");
  if (vc_json_type_of(bundle) != VC_JSON_OBJECT || !name || vc_json_type_of(name) != VC_JSON_STRING ||
      !*vc_json_string(name)) {
    return grid_fail(g, bundle, "grid.set",
                     "each set is an object with a name: {\"name\": \"nuclei\", \"data.images\": ...}");
  }
  for (size_t i = 0; i < index; i++) {
    const vc_json *other = vc_json_get(vc_json_at(axis->values, i), "name");
    if (strcmp(vc_json_string(other), vc_json_string(name)) == 0)
      return grid_fail(g, bundle, "grid.set", "the name \"%.100s\" is there twice", vc_json_string(name));
  }
  if (vc_json_size(bundle) > MAX_BUNDLE_KEYS)
    return grid_fail(g, bundle, "grid.set", "more than %d keys in a set", MAX_BUNDLE_KEYS);
  for (size_t i = 0; i < vc_json_size(bundle); i++) {
    const vc_json *value = vc_json_at(bundle, i);
    const char *key = vc_json_key(value);
    char *where;
    if (value == name) continue;
    VC_TRY(vc_arena_printf(g->arena, &where, "grid.set[%s].%s", vc_json_string(name), key));
    VC_TRY(check_key(g, value, where, key));
    for (uint32_t k = 0; k < g->n_axes; k++) {
      if (strcmp(g->axes[k].key, key) == 0)
        return grid_fail(g, value, where, "is a key of the grid as well; keep one of them");
    }
  }
  return VC_OK;
}

static vc_status take_axes(struct grid *g, const vc_json *grid, uint64_t *inout_combinations) {
  uint64_t n_combinations = 1;
  g->n_axes = 0;
  if (vc_json_type_of(grid) != VC_JSON_OBJECT || vc_json_size(grid) == 0)
    return grid_fail(g, grid, "grid", "an object of keys with their values is wanted: {\"seed\": [0, 1]}");
  if (vc_json_size(grid) > MAX_AXES) return grid_fail(g, grid, "grid", "more than %d keys", MAX_AXES);
  for (size_t i = 0; i < vc_json_size(grid); i++) {
    const vc_json *values = vc_json_at(grid, i);
    struct axis *axis = &g->axes[g->n_axes++];
    char *where;
    *axis = (struct axis){.key = vc_json_key(values), .values = values, .is_set = !strcmp(vc_json_key(values), "set")};
    VC_TRY(vc_arena_printf(g->arena, &where, "grid.%s", axis->key));
    if (!axis->is_set) VC_TRY(check_key(g, values, where, axis->key));
    if (vc_json_type_of(values) != VC_JSON_ARRAY || vc_json_size(values) == 0)
      return grid_fail(g, values, where, "a list of values is wanted: [first, second]");
    n_combinations *= vc_json_size(values);
    if (*inout_combinations + n_combinations > MAX_COMBINATIONS)
      return grid_fail(g, grid, "grid", "more than %d combinations; split it into several sweeps", MAX_COMBINATIONS);
  }
  for (uint32_t i = 0; i < g->n_axes; i++) {
    for (size_t k = 0; g->axes[i].is_set && k < vc_json_size(g->axes[i].values); k++)
      VC_TRY(check_bundle(g, &g->axes[i], k));
  }
  *inout_combinations += n_combinations;
  return VC_OK;
}

// "grid" is one object of keys, or a list of such.
static vc_status take_grids(struct grid *g, const vc_json *grid) {
  if (vc_json_type_of(grid) != VC_JSON_ARRAY) {
    g->grids[g->n_grids++] = grid;
    return VC_OK;
  }
  if (vc_json_size(grid) == 0 || vc_json_size(grid) > MAX_GRIDS)
    return grid_fail(g, grid, "grid",
                     "an object of keys with their values is wanted, or a list of 1 to %d such objects", MAX_GRIDS);
  for (size_t i = 0; i < vc_json_size(grid); i++) g->grids[g->n_grids++] = vc_json_at(grid, i);
  return VC_OK;
}

static vc_status read_grid(struct grid *g) {
  static const char *const known[] = {"$schema", "base", "config", "grid"};
  uint8_t *text;
  size_t n_bytes;
  vc_json *root;
  VC_TRY(absolute_dir(g->arena, g->path, &g->dir));
  VC_TRY(vc_file_read(g->arena, g->path, MAX_GRID_BYTES, &text, &n_bytes));
  vc_status status = vc_json_parse(g->arena, g->path, (const char *)text, n_bytes, &root);
  if (status == VC_E_FORMAT) return vc_fail(VC_E_CONFIG, "%s", vc_error_message());
  VC_TRY(status);
  if (vc_json_type_of(root) != VC_JSON_OBJECT)
    return VC_FAIL(VC_E_CONFIG, "%s:%d: a grid is an object; write {\"base\": {...}, \"grid\": {...}}", g->path,
                   vc_json_line(root));
  for (size_t i = 0; i < vc_json_size(root); i++) {
    const vc_json *value = vc_json_at(root, i);
    bool is_known = false;
    for (size_t k = 0; k < VC_COUNT_OF(known); k++) is_known = is_known || !strcmp(known[k], vc_json_key(value));
    if (!is_known) return grid_fail(g, value, vc_json_key(value), "unknown key; known keys here: base, config, grid");
  }
  const vc_json *base = vc_json_get(root, "base"), *config = vc_json_get(root, "config");
  if (!base == !config)
    return grid_fail(g, config ? config : root, config ? "config" : "base",
                     config ? "stands beside \"base\"; keep one of them"
                            : "missing; give the keys that all runs share, or \"config\": \"FILE.json\"");
  if (!vc_json_get(root, "grid"))
    return grid_fail(g, root, "grid", "missing; name the keys to vary: \"grid\": {\"seed\": [0, 1]}");
  VC_TRY(base ? take_base(g, base) : take_config(g, config));
  return take_grids(g, vc_json_get(root, "grid"));
}

// ---- one combination ------------------------------------------------------------------------------------------------

// A key with its value in a combination, as an override.
struct choice {
  const char *key, *where;
  const vc_json *value;
};

static vc_status choice_text(const struct grid *g, const struct choice *c, const char **out) {
  const struct config_row *row = config_find_row(c->key, strlen(c->key));
  const char *text;
  char *whole, *joined;
  VC_TRY(json_text(g->arena, c->value, &text));
  bool is_path = row && row->kind == CONFIG_PATH && vc_json_type_of(c->value) == VC_JSON_STRING;
  for (const struct config_word *w = is_path ? row->words : NULL; w && w->word; w++)
    is_path = is_path && strcmp(w->word, vc_json_string(c->value)) != 0;
  if (is_path && *vc_json_string(c->value) && g->base_dir != g->dir) { // the grid's paths are relative to the grid
    vc_json_writer *w;
    size_t n_bytes;
    VC_TRY(vc_path_join(g->arena, g->dir, vc_json_string(c->value), &joined));
    VC_TRY(vc_json_writer_create(g->arena, 0, &w));
    vc_json_put_string(w, NULL, joined);
    VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  }
  VC_TRY(vc_arena_printf(g->arena, &whole, "%s=%s", c->key, text));
  *out = whole;
  return VC_OK;
}

// Turns "--set KEY: ..." about a value of the grid into its place in the file.
static vc_status fail_choice(const struct grid *g, vc_status status, const struct choice *choices, uint32_t n) {
  char message[2048];
  snprintf(message, sizeof message, "%s", vc_error_message());
  for (uint32_t i = 0; i < n; i++) {
    size_t n_key = strlen(choices[i].key);
    if (strncmp(message, "--set ", 6) != 0 || strncmp(message + 6, choices[i].key, n_key) != 0) continue;
    const char *rest = message + 6 + n_key;
    if (*rest != ':' && *rest != '.') continue;
    return VC_FAIL(status, "%s:%d: %s%s", g->path, vc_json_line(choices[i].value), choices[i].where, rest);
  }
  return status;
}

static vc_status resolve(const struct grid *g, const struct choice *choices, uint32_t n, struct vc_config *out) {
  const char **texts;
  VC_TRY(VC_NEW(g->arena, g->n_overrides + n, &texts));
  for (uint32_t i = 0; i < g->n_overrides; i++) texts[i] = g->overrides[i];
  for (uint32_t i = 0; i < n; i++) VC_TRY(choice_text(g, &choices[i], &texts[g->n_overrides + i]));
  vc_status status =
      vc_config_parse(g->arena, g->base_name, g->base_dir, g->base_text, g->base_bytes, texts, g->n_overrides + n, out);
  return status == VC_OK ? VC_OK : fail_choice(g, status, choices, n);
}

// ---- names --------------------------------------------------------------------------------------------------------

static const char *last_name(const char *key) {
  const char *dot = strrchr(key, '.');
  return dot ? dot + 1 : key;
}

static vc_status value_label(vc_arena *arena, const vc_json *value, const char **out) {
  char *text;
  switch (vc_json_type_of(value)) {
  case VC_JSON_STRING: *out = vc_path_base(vc_json_string(value)); return VC_OK;
  case VC_JSON_NUMBER: VC_TRY(vc_arena_printf(arena, &text, "%.10g", vc_json_number(value))); break;
  default: return json_text(arena, value, out);
  }
  *out = text;
  return VC_OK;
}

// The part of a run's name that an axis gives: "bbbc039", "labelled-0.1", "2-images", "kl", "seed-0", "base-8".
static vc_status name_part(vc_arena *arena, const struct axis *axis, const vc_json *value, char **out) {
  const char *label;
  const vc_json *count = vc_json_get(value, "count");
  if (axis->is_set) return vc_arena_strdup(arena, vc_json_string(vc_json_get(value, "name")), out);
  if (strcmp(axis->key, "data.labelled") == 0 && count && vc_json_type_of(count) == VC_JSON_NUMBER)
    return vc_arena_printf(arena, out, "%.10g-images", vc_json_number(count));
  VC_TRY(value_label(arena, value, &label));
  if (strcmp(axis->key, "method") == 0 || strcmp(axis->key, "uda.loss") == 0) return vc_arena_strdup(arena, label, out);
  return vc_arena_printf(arena, out, "%s-%s", last_name(axis->key), label);
}

static uint32_t hash_text(const char *text) { // FNV-1a
  uint32_t hash = 2166136261u;
  for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 16777619u;
  return hash;
}

static const vc_json *axis_value(const struct grid *g, uint32_t axis, const size_t *at) {
  return vc_json_at(g->axes[axis].values, at[axis]);
}

// Does any key of the axis matter to the configuration?
static bool axis_matters(const struct grid *g, uint32_t axis, const struct vc_config *config) {
  return g->axes[axis].is_set || sweep_key_matters(config, g->axes[axis].key);
}

static vc_status name_run(const struct grid *g, const struct vc_sweep *s, const size_t *at, const char *identity,
                          struct vc_sweep_run *run) {
  char *name, *part;
  VC_TRY(vc_arena_strdup(g->arena, "", &name));
  for (uint32_t i = 0; i < g->n_axes; i++) {
    if (!axis_matters(g, i, &run->config)) continue;
    VC_TRY(name_part(g->arena, &g->axes[i], axis_value(g, i, at), &part));
    for (char *c = part; *c; c++) {
      bool is_plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
      if (!is_plain && *c != '.' && *c != '+') *c = '-';
    }
    VC_TRY(vc_arena_printf(g->arena, &name, "%s%s%s", name, *name ? "_" : "", part));
  }
  if (name[0] == '.' || name[0] == '-' || name[0] == '\0') VC_TRY(vc_arena_printf(g->arena, &name, "run%s", name));
  bool is_taken = strlen(name) > MAX_NAME_BYTES;
  for (uint32_t i = 0; i < s->n_runs; i++) is_taken = is_taken || strcmp(s->runs[i].name, name) == 0;
  if (is_taken)
    VC_TRY(vc_arena_printf(g->arena, &name, "%.*s_%08x", MAX_NAME_BYTES, name, (unsigned)hash_text(identity)));
  char *dir;
  VC_TRY(vc_path_join(g->arena, s->out_dir, name, &dir));
  run->name = run->config.name = name;
  run->dir = dir;
  return VC_OK;
}

// ---- rows of the table ----------------------------------------------------------------------------------------------

static bool is_column_or_seed(const char *key) {
  return strcmp(key, "method") == 0 || strcmp(key, "uda.loss") == 0 || strcmp(key, "seed") == 0;
}

static vc_status describe(const struct grid *g, const size_t *at, struct vc_sweep_run *run, const char **out_all) {
  char *all, *mine, *labelled, *set = NULL;
  const char *label;
  const struct vc_config *c = &run->config;
  VC_TRY(vc_arena_strdup(g->arena, "", &all));
  mine = all;
  for (uint32_t i = 0; i < g->n_axes; i++) {
    const struct axis *axis = &g->axes[i];
    if (axis->is_set)
      VC_TRY(vc_arena_strdup(g->arena, vc_json_string(vc_json_get(axis_value(g, i, at), "name")), &set));
    if (axis->is_set || is_column_or_seed(axis->key) || strcmp(axis->key, "data.labelled") == 0) continue;
    VC_TRY(value_label(g->arena, axis_value(g, i, at), &label));
    VC_TRY(vc_arena_printf(g->arena, &all, "%s%s%s %s", all, *all ? ", " : "", last_name(axis->key), label));
    if (axis_matters(g, i, c))
      VC_TRY(vc_arena_printf(g->arena, &mine, "%s%s%s %s", mine, *mine ? ", " : "", last_name(axis->key), label));
  }
  if (c->data.labelled_count > 0)
    VC_TRY(vc_arena_printf(g->arena, &labelled, "%u image%s", c->data.labelled_count,
                           c->data.labelled_count == 1 ? "" : "s"));
  else
    VC_TRY(vc_arena_printf(g->arena, &labelled, "%.10g %%", c->data.labelled_fraction * 100));
  run->set = set ? set : c->name;
  run->labelled = labelled;
  run->settings = mine;
  *out_all = all;
  return VC_OK;
}

static void find_row(struct vc_sweep *s, const struct vc_sweep_run *run, const char *settings, uint32_t *out_row) {
  for (uint32_t i = 0; i < s->n_rows; i++) {
    const struct vc_sweep_row *row = &s->rows[i];
    *out_row = i;
    if (!strcmp(row->set, run->set) && !strcmp(row->labelled, run->labelled) && !strcmp(row->settings, settings))
      return;
  }
  struct vc_sweep_row *row = &s->rows[s->n_rows];
  *out_row = s->n_rows++;
  *row = (struct vc_sweep_row){.set = run->set, .labelled = run->labelled, .settings = settings};
  if (run->config.data.labelled_count == 0)
    row->study = vc_sweep_study(run->set, run->config.data.labelled_fraction, &row->study_set);
  row->study_iic = vc_sweep_study_iic(run->set, &row->study_set);
}

// ---- spanning -----------------------------------------------------------------------------------------------------

// Nothing is left for the consistency loss to learn from.
static bool is_left_out(const struct vc_config *c) {
  return c->method == VC_METHOD_UDA && c->data.labelled_count == 0 && c->data.labelled_fraction == 1 &&
         !c->data.unlabelled && !c->data.split_file;
}

static vc_status add_combination(const struct grid *g, const size_t *at, const char **identities, struct vc_sweep *s) {
  struct choice choices[MAX_AXES + MAX_BUNDLE_KEYS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_axes; i++) {
    const vc_json *value = axis_value(g, i, at), *name = g->axes[i].is_set ? vc_json_get(value, "name") : NULL;
    char *where;
    for (size_t k = 0; name && k < vc_json_size(value); k++) {
      const vc_json *v = vc_json_at(value, k);
      if (v == name) continue;
      VC_TRY(vc_arena_printf(g->arena, &where, "grid.set[%s].%s", vc_json_string(name), vc_json_key(v)));
      choices[n++] = (struct choice){vc_json_key(v), where, v};
    }
    if (name) continue;
    VC_TRY(vc_arena_printf(g->arena, &where, "grid.%s", g->axes[i].key));
    choices[n++] = (struct choice){g->axes[i].key, where, value};
  }
  struct vc_sweep_run run = {.state = VC_SWEEP_OPEN};
  const char *identity, *settings;
  VC_TRY(resolve(g, choices, n, &run.config));
  s->n_combinations++;
  if (is_left_out(&run.config)) {
    s->n_left_out++;
    return VC_OK;
  }
  VC_TRY(sweep_identity(g->arena, &run.config, &identity));
  VC_TRY(describe(g, at, &run, &settings));
  uint32_t index = 0;
  while (index < s->n_runs && strcmp(identities[index], identity) != 0) index++;
  if (index == s->n_runs) {
    for (int i = 0; i < 2; i++)
      run.mean_iou[i] = run.image_mean_iou[i] = run.foreground_iou[i] = run.accuracy[i] = run.head_iou[i] = (double)NAN;
    run.otsu = (double)NAN;
    VC_TRY(name_run(g, s, at, identity, &run));
    identities[index] = identity;
    s->runs[s->n_runs++] = run;
  }
  struct vc_sweep_member member = {.run = index};
  find_row(s, &run, settings, &member.row);
  for (uint32_t i = 0; i < s->n_members; i++) {
    if (s->members[i].row == member.row && s->members[i].run == index) return VC_OK;
  }
  s->members[s->n_members++] = member;
  return VC_OK;
}

static vc_status span(const struct grid *g, const char **identities, struct vc_sweep *s) {
  size_t at[MAX_AXES] = {0}, n = 1;
  for (uint32_t i = 0; i < g->n_axes; i++) n *= vc_json_size(g->axes[i].values);
  for (size_t i = 0; i < n; i++) { // the last axis turns fastest
    size_t rest = i;
    for (uint32_t k = g->n_axes; k-- > 0;) {
      at[k] = rest % vc_json_size(g->axes[k].values);
      rest /= vc_json_size(g->axes[k].values);
    }
    VC_TRY(add_combination(g, at, identities, s));
  }
  return VC_OK;
}

// All are read before the first is spanned: a mistake in the last grid shows at once, and the room needed is known.
static vc_status span_all(struct grid *g, struct vc_sweep *s) {
  uint64_t n = 0;
  const char **identities;
  for (uint32_t i = 0; i < g->n_grids; i++) VC_TRY(take_axes(g, g->grids[i], &n));
  VC_TRY(VC_NEW(g->arena, n, &s->runs));
  VC_TRY(VC_NEW(g->arena, n, &s->rows));
  VC_TRY(VC_NEW(g->arena, n, &s->members));
  VC_TRY(VC_NEW(g->arena, n, &identities));
  for (uint32_t i = 0; i < g->n_grids; i++) {
    uint64_t n_again = 0;
    VC_TRY(take_axes(g, g->grids[i], &n_again));
    VC_TRY(span(g, identities, s));
  }
  if (s->n_runs == 0)
    return VC_FAIL(VC_E_CONFIG, "%s: every combination is method \"uda\" with all images labelled; lower data.labelled",
                   g->path);
  return VC_OK;
}

vc_status vc_sweep_load(vc_arena *arena, const char *path, const char *const *overrides, uint32_t n_overrides,
                        const char *out_dir, struct vc_sweep *out) {
  struct vc_sweep sweep = {.arena = arena, .out_dir = out_dir};
  struct grid *g;
  VC_TRY(VC_NEW(arena, 1, &g));
  *g = (struct grid){.arena = arena, .path = path, .overrides = overrides, .n_overrides = n_overrides};
  VC_TRY(read_grid(g));
  VC_TRY(span_all(g, &sweep));
  *out = sweep;
  return VC_OK;
}
