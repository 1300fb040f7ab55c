// Reading a configuration: every value of the file, an override or a default goes through its row of the table.
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // realpath
#endif
#include "config_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CONFIG_BYTES = 16 << 20, MAX_TEXT_BYTES = 4000, MAX_BOTTOM_MAPS = 16384 };

vc_status config_fail(const struct config_reader *r, const vc_json *value, const char *path, const char *fmt, ...) {
  char text[1200];
  va_list args;
  va_start(args, fmt);
  if (vsnprintf(text, sizeof text, fmt, args) < 0) text[0] = '\0';
  va_end(args);
  if (!value) return VC_FAIL(VC_E_CONFIG, "%s: %.200s: %s", r->name, path, text);
  if (vc_json_line(value) == 0) return VC_FAIL(VC_E_CONFIG, "--set %.200s: %s", path, text);
  return VC_FAIL(VC_E_CONFIG, "%s:%d: %.200s: %s", r->name, vc_json_line(value), path, text);
}

const char *config_type_name(const vc_json *value) {
  switch (vc_json_type_of(value)) {
  case VC_JSON_NULL: return "null";
  case VC_JSON_BOOL: return vc_json_bool(value) ? "true" : "false";
  case VC_JSON_NUMBER: return "a number";
  case VC_JSON_STRING: return "a text";
  case VC_JSON_ARRAY: return "a list";
  case VC_JSON_OBJECT: break;
  }
  return "an object";
}

vc_status config_read_number(const struct config_reader *r, const struct config_row *row, const vc_json *value,
                             double lo, double hi, bool whole, double *out) {
  if (vc_json_type_of(value) != VC_JSON_NUMBER) {
    return config_fail(r, value, row->path, "a number is wanted, not %s; give one from %.10g to %.10g%s",
                       config_type_name(value), lo, hi, row->nullable ? ", or null" : "");
  }
  double number = vc_json_number(value);
  if (!(number >= lo && number <= hi) || (whole && number != floor(number))) {
    return config_fail(r, value, row->path, "%.10g is not allowed; give a%s number from %.10g to %.10g%s", number,
                       whole ? " whole" : "", lo, hi, row->nullable ? ", or null" : "");
  }
  *out = number;
  return VC_OK;
}

static vc_status read_text(const struct config_reader *r, const struct config_row *row, const vc_json *value,
                           const char **out) {
  enum vc_json_type type = vc_json_type_of(value);
  bool takes_null = row->nullable || strcmp(row->initial, "null") == 0;
  if (type == VC_JSON_NULL && takes_null) {
    *out = NULL;
    return VC_OK;
  }
  char *copy;
  if (type == VC_JSON_NUMBER && row->takes_number) {
    VC_TRY(vc_arena_printf(r->arena, &copy, "%.17g", vc_json_number(value)));
  } else if (type != VC_JSON_STRING) {
    return config_fail(r, value, row->path, "a text is wanted, not %s; write it in double quotes%s",
                       config_type_name(value), takes_null ? ", or null" : "");
  } else {
    const char *text = vc_json_string(value);
    if (*text == '\0')
      return config_fail(r, value, row->path, "the text is empty; give one%s", takes_null ? " or null" : "");
    if (strlen(text) > MAX_TEXT_BYTES) {
      return config_fail(r, value, row->path, "the text is longer than %d bytes; shorten it", MAX_TEXT_BYTES);
    }
    VC_TRY(vc_arena_strdup(r->arena, text, &copy));
  }
  *out = copy;
  return VC_OK;
}

static vc_status find_word(const struct config_reader *r, const struct config_row *row, const vc_json *value,
                           const struct config_word **out) {
  char list[256] = "";
  size_t n = 0;
  for (const struct config_word *w = row->words; w->word; w++) {
    if (w->is_here) n += (size_t)snprintf(list + n, sizeof list - n, "%s\"%s\"", n ? ", " : "", w->word);
  }
  const char *text = vc_json_type_of(value) == VC_JSON_STRING ? vc_json_string(value) : NULL;
  for (const struct config_word *w = row->words; text && w->word; w++) {
    if (strcmp(w->word, text) != 0) continue;
    if (!w->is_here)
      return config_fail(r, value, row->path, "\"%s\" is not available in this version; use %s", text, list);
    *out = w;
    return VC_OK;
  }
  if (!text)
    return config_fail(r, value, row->path, "a text is wanted, not %s; use one of %s", config_type_name(value), list);
  return config_fail(r, value, row->path, "unknown value \"%.100s\"; use one of %s", text, list);
}

// Resolves a path against the file's folder; a word of the row stays as it is. "../" is taken off by name: the folder's
// name has no links in it.
static vc_status resolve_path(const struct config_reader *r, const struct config_row *row, const char **inout) {
  const char *path = *inout;
  if (!path || path[0] == '/') return VC_OK;
  for (const struct config_word *w = row->words; w && w->word; w++) {
    if (strcmp(w->word, path) == 0) return VC_OK;
  }
  char *dir, *joined;
  VC_TRY(vc_arena_strdup(r->arena, r->config->dir, &dir));
  for (;;) {
    char *slash = strrchr(dir, '/');
    if (strncmp(path, "./", 2) == 0) {
      path += 2;
    } else if (strncmp(path, "../", 3) == 0 && dir[0] == '/' && slash) {
      slash[slash == dir] = '\0';
      path += 3;
    } else {
      break;
    }
  }
  if (strcmp(dir, ".") == 0)
    *inout = path;
  else {
    VC_TRY(vc_path_join(r->arena, dir, path, &joined));
    *inout = joined;
  }
  return VC_OK;
}

static vc_status read_fixed(const struct config_reader *r, const struct config_row *row, const vc_json *value,
                            const vc_json *initial) {
  enum vc_json_type type = vc_json_type_of(value);
  bool is_equal = type == vc_json_type_of(initial) &&
                  (type == VC_JSON_NUMBER   ? vc_json_number(value) == vc_json_number(initial)
                   : type == VC_JSON_STRING ? strcmp(vc_json_string(value), vc_json_string(initial)) == 0
                                            : false);
  if (is_equal) return VC_OK;
  return config_fail(r, value, row->path, "not available in this version; leave it out or at %s", row->initial);
}

static vc_status read_row(const struct config_reader *r, const struct config_row *row, const vc_json *value,
                          const vc_json *initial) {
  void *field = (char *)r->config + row->offset;
  const struct config_word *word = NULL;
  double number = 0;
  switch (row->kind) {
  case CONFIG_TEXT:
    if (row->words) VC_TRY(find_word(r, row, value, &word));
    return read_text(r, row, value, field);
  case CONFIG_PATH: VC_TRY(read_text(r, row, value, field)); return resolve_path(r, row, field);
  case CONFIG_COUNT:
    if (vc_json_type_of(value) != VC_JSON_NULL || !row->nullable)
      VC_TRY(config_read_number(r, row, value, row->lo, row->hi, true, &number));
    *(uint32_t *)field = (uint32_t)number;
    return VC_OK;
  case CONFIG_SEED:
    VC_TRY(config_read_number(r, row, value, 0, 9007199254740992.0, true, &number));
    *(uint64_t *)field = (uint64_t)number;
    return VC_OK;
  case CONFIG_NUMBER: return config_read_number(r, row, value, row->lo, row->hi, false, field);
  case CONFIG_SWITCH:
    if (vc_json_type_of(value) != VC_JSON_BOOL) {
      return config_fail(r, value, row->path, "true or false is wanted, not %s", config_type_name(value));
    }
    *(bool *)field = vc_json_bool(value);
    return VC_OK;
  case CONFIG_WORD:
    VC_TRY(find_word(r, row, value, &word));
    VC_ASSERT(word);
    memcpy(field, &word->value, sizeof word->value);
    return VC_OK;
  case CONFIG_CODEC: return row->codec->read(r, row, value);
  case CONFIG_FIXED: break;
  }
  return read_fixed(r, row, value, initial);
}

// ---- keys -------------------------------------------------------------------------------------------------------

static vc_status fail_unknown(const struct config_reader *r, const vc_json *value, const char *path) {
  char hint[512];
  config_suggest(path, hint, sizeof hint);
  return config_fail(r, value, path, "unknown key; %s", hint);
}

// Checks the keys of an object and of those in it. path: of the object, "" for the root.
static vc_status check_keys(const struct config_reader *r, const vc_json *object, const char *path) {
  for (size_t i = 0; i < vc_json_size(object); i++) {
    const vc_json *value = vc_json_at(object, i);
    const char *key = vc_json_key(value);
    char *full;
    VC_TRY(vc_arena_printf(r->arena, &full, "%s%s%s", path, *path ? "." : "", key));
    if (!*path && strcmp(key, "$schema") == 0) continue; // what editors look for
    if (strchr(key, '.')) {
      return config_fail(r, value, full, "unknown key; write a.b as an object in an object: \"a\": {\"b\": ...}");
    }
    if (config_find_row(full, strlen(full))) continue;
    const struct config_group *group = config_find_group(full, strlen(full));
    if (!group) return fail_unknown(r, value, full);
    enum vc_json_type type = vc_json_type_of(value);
    if (type == VC_JSON_BOOL && group->can_be_off && !vc_json_bool(value)) continue;
    if (type != VC_JSON_OBJECT) {
      return config_fail(r, value, full, "an object%s is wanted, not %s; write {\"key\": value, ...}",
                         group->can_be_off ? " or false" : "", config_type_name(value));
    }
    VC_TRY(check_keys(r, value, full));
  }
  return VC_OK;
}

// The user's value of a path, NULL if there is none; *out_off: a group above it is false.
static const vc_json *find_value(const vc_json *root, const char *path, bool *out_off) {
  const vc_json *value = root;
  *out_off = false;
  for (const char *name = path; value;) {
    const char *dot = strchr(name, '.');
    char key[64];
    snprintf(key, sizeof key, "%.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
    if (vc_json_type_of(value) == VC_JSON_BOOL) {
      *out_off = true;
      return NULL;
    }
    value = vc_json_get(value, key);
    if (!dot) return value;
    name = dot + 1;
  }
  return NULL;
}

static const vc_json *users_value(const struct config_reader *r, const char *path) {
  bool is_off;
  return find_value(r->root, path, &is_off);
}

// ---- what concerns several keys -----------------------------------------------------------------------------------

static vc_status check_texts(const struct config_reader *r) {
  const struct vc_config *c = r->config;
  VC_ASSERT(c->name && c->model.init);
  if (strlen(c->name) > 200 || strpbrk(c->name, "/\\\n\r\t") || c->name[0] == '.' || c->name[0] == '-') {
    return config_fail(
        r, users_value(r, "name"), "name",
        "cannot name a folder; use at most 200 letters, digits and dashes, no '/' and no leading dot or dash");
  }
  const char *init = c->model.init, *ending = ".safetensors";
  size_t n_init = strlen(init), n_ending = strlen(ending);
  if (strcmp(init, "he") != 0 && (n_init <= n_ending || strcmp(init + n_init - n_ending, ending) != 0)) {
    return config_fail(r, users_value(r, "model.init"), "model.init",
                       "\"%.200s\" is neither \"he\" nor a .safetensors file; use one of these", init);
  }
  if (c->data.mask_pattern && !strstr(c->data.mask_pattern, "{stem}")) {
    return config_fail(r, users_value(r, "data.mask_pattern"), "data.mask_pattern",
                       "has no {stem} for the image's name; write it like \"{stem}_mask\"");
  }
  return VC_OK;
}

static vc_status check_together(const struct config_reader *r) {
  const struct vc_config *c = r->config;
  VC_TRY(check_texts(r));
  uint32_t halvings = 1u << c->model.depth;
  if ((uint64_t)c->model.base * halvings > MAX_BOTTOM_MAPS) {
    return config_fail(r, users_value(r, "model.base"), "model.base",
                       "%u at depth %u makes %llu feature maps at the bottom, more than %d; lower base or depth",
                       c->model.base, c->model.depth, (unsigned long long)c->model.base * halvings, MAX_BOTTOM_MAPS);
  }
  if (c->model.norm == VC_NORM_GROUP && c->model.base % VC_NORM_GROUPS != 0) {
    return config_fail(r, users_value(r, "model.norm"), "model.norm",
                       "\"group\" makes %d groups of equally many feature maps, which base %u does not; give a "
                       "multiple of %d, or another norm",
                       VC_NORM_GROUPS, c->model.base, VC_NORM_GROUPS);
  }
  if (c->data.crop > 0 && c->data.crop < halvings) {
    return config_fail(r, users_value(r, "data.crop"), "data.crop",
                       "%u pixels cannot be halved %u times; give at least %u, or lower model.depth", c->data.crop,
                       c->model.depth, halvings);
  }
  if (!c->data.masks && c->method != VC_METHOD_IIC) {
    return config_fail(r, users_value(r, "data.masks"), "data.masks",
                       "null, but this method learns from masks; name their folder, or choose method \"iic\"");
  }
  uint32_t n_ops = 0;
  for (uint32_t op = VC_AUG_ROTATE; op < VC_AUG_COUNT; op++) n_ops += (c->augment.strong.op_mask >> op) & 1;
  if (c->augment.strong.num_ops > n_ops) {
    const vc_json *value = users_value(r, "augment.strong.num_ops");
    return config_fail(r, value ? value : users_value(r, "augment.strong.ops"), "augment.strong.num_ops",
                       "%u transformations cannot be drawn from the %u of augment.strong.ops; lower it to %u",
                       c->augment.strong.num_ops, n_ops, n_ops);
  }
  return VC_OK;
}

// ---- documents ----------------------------------------------------------------------------------------------------

static vc_status apply_override(const struct config_reader *r, vc_json *root, const char *text) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text) {
    return VC_FAIL(VC_E_CONFIG, "--set %.200s: no value given; write it as key.name=value", text);
  }
  char *path;
  VC_TRY(vc_arena_printf(r->arena, &path, "%.*s", (int)VC_MIN(equals - text, 4096), text));
  // Before the tree is changed, so that the message names the key as it was typed.
  bool is_known = config_find_row(path, strlen(path)) || config_find_group(path, strlen(path));
  if (!is_known && !strstr(path, "..") && path[0] != '.') {
    char hint[512];
    config_suggest(path, hint, sizeof hint);
    return VC_FAIL(VC_E_CONFIG, "--set %.200s: unknown key; %s", path, hint);
  }
  if (vc_json_set_path(root, path, equals + 1) == VC_OK) return VC_OK;
  return vc_fail(VC_E_CONFIG, "--set %s", vc_error_message());
}

static vc_status read_all(struct config_reader *r, const vc_json *root) {
  r->root = root;
  VC_TRY(check_keys(r, root, ""));
  if (!vc_json_get(root, "data")) {
    return config_fail(r, root, "data",
                       "missing; name the folders: \"data\": {\"images\": \"images\", \"masks\": \"masks\"}");
  }
  const vc_json *method = vc_json_get(root, "method");
  const bool is_iic = method && vc_json_type_of(method) == VC_JSON_STRING && strcmp(vc_json_string(method), "iic") == 0;
  for (uint32_t i = 0; i < config_n_rows; i++) {
    const struct config_row *row = &config_rows[i];
    bool is_off;
    const vc_json *value = find_value(root, row->path, &is_off);
    const char *text = is_off ? row->off : is_iic && row->initial_iic ? row->initial_iic : row->initial;
    vc_json *initial;
    VC_TRY(vc_json_parse(r->arena, row->path, text, strlen(text), &initial));
    VC_TRY(read_row(r, row, value ? value : initial, initial));
  }
  if (!r->config->name) {
    char *stem;
    VC_TRY(vc_path_stem(r->arena, r->name, &stem));
    r->config->name = stem;
  }
  struct vc_config *c = r->config;
  if (c->iic.clusters == 0) c->iic.clusters = c->data.n_classes;
  if (c->iic.aux_clusters == 0) c->iic.aux_clusters = VC_MIN(2 * c->iic.clusters, (uint32_t)VC_MAX_CLASSES);
  return check_together(r);
}

vc_status vc_config_parse(vc_arena *arena, const char *name, const char *dir, const char *text, size_t n_bytes,
                          const char *const *overrides, uint32_t n_overrides, struct vc_config *out) {
  struct vc_config config = {0};
  struct config_reader r = {.arena = arena, .name = name, .config = &config};
  char *copy;
  VC_TRY(vc_arena_strdup(arena, dir ? dir : ".", &copy));
  config.dir = copy;
  vc_json *root;
  vc_status status = vc_json_parse(arena, name, text, n_bytes, &root);
  if (status == VC_E_FORMAT) return vc_fail(VC_E_CONFIG, "%s", vc_error_message());
  VC_TRY(status);
  if (vc_json_type_of(root) != VC_JSON_OBJECT) {
    return VC_FAIL(VC_E_CONFIG, "%s:%d: a configuration is an object, not %s; write {\"data\": {...}}", name,
                   vc_json_line(root), config_type_name(root));
  }
  for (uint32_t i = 0; i < n_overrides; i++) VC_TRY(apply_override(&r, root, overrides[i]));
  VC_TRY(read_all(&r, root));
  *out = config;
  return VC_OK;
}

vc_status vc_config_load(vc_arena *arena, const char *path, const char *const *overrides, uint32_t n_overrides,
                         struct vc_config *out) {
  uint8_t *text;
  size_t n_bytes;
  char *dir;
  VC_TRY(vc_file_read(arena, path, MAX_CONFIG_BYTES, &text, &n_bytes));
  VC_TRY(vc_path_dir(arena, path, &dir));
  char *absolute = realpath(dir, NULL);
  vc_status status =
      vc_config_parse(arena, path, absolute ? absolute : dir, (const char *)text, n_bytes, overrides, n_overrides, out);
  free(absolute);
  return status;
}

void vc_config_unet(const struct vc_config *config, struct vc_unet_desc *out) {
  const bool is_iic = config->method == VC_METHOD_IIC;
  *out = (struct vc_unet_desc){.channels = config->data.channels,
                               .classes = is_iic ? config->iic.clusters : config->data.n_classes,
                               .aux_classes = is_iic ? config->iic.aux_clusters : 0,
                               .base = config->model.base,
                               .depth = config->model.depth,
                               .padding = config->model.padding,
                               .norm = config->model.norm,
                               .edges = config->model.edges,
                               .dropout = (float)config->model.dropout};
}
