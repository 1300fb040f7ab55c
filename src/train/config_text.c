// Writing a configuration: its resolved text, its schema, and the comparison before a run is resumed.
#include "config_table.h"

#include <stdio.h>
#include <string.h>

// ---- objects around flat rows -------------------------------------------------------------------------------------

// Opens and closes the objects that stand between one row's path and the next one's.
struct nesting {
  vc_json_writer *w;
  const char *path; // of the last row
  size_t n_open;    // bytes of path that name open objects, with their dots
  void (*begin)(vc_json_writer *w, const char *key, const struct config_group *group);
  void (*end)(vc_json_writer *w);
};

static size_t prefix_bytes(const char *path, size_t n) { // up to and with the last dot within n bytes
  while (n > 0 && path[n - 1] != '.') n--;
  return n;
}

static void move_to(struct nesting *s, const char *path) {
  while (s->n_open > 0 && strncmp(s->path, path, s->n_open) != 0) {
    s->end(s->w);
    s->n_open = prefix_bytes(s->path, s->n_open - 1);
  }
  size_t n_prefix = prefix_bytes(path, strlen(path));
  while (s->n_open < n_prefix) {
    const char *name = path + s->n_open;
    size_t n_name = (size_t)(strchr(name, '.') - name);
    char key[64];
    snprintf(key, sizeof key, "%.*s", (int)n_name, name);
    const struct config_group *group = config_find_group(path, s->n_open + n_name);
    VC_ASSERT(group);
    s->begin(s->w, key, group);
    s->n_open += n_name + 1;
  }
  s->path = path;
}

static const char *key_of(const char *path) {
  return path + prefix_bytes(path, strlen(path));
}

// ---- resolved text ------------------------------------------------------------------------------------------------

static const char *word_of(const struct config_row *row, int value) {
  for (const struct config_word *w = row->words; w->word; w++) {
    if (w->is_here && w->value == value) return w->word;
  }
  return NULL;
}

// The JSON text of a scalar, as initial values are.
static void write_scalar(vc_json_writer *w, const char *key, const char *json) {
  double number;
  if (json[0] != '"' && sscanf(json, "%lf", &number) == 1) {
    vc_json_put_number(w, key, number);
    return;
  }
  char text[64];
  snprintf(text, sizeof text, "%.*s", (int)(strlen(json) - 2), json + 1);
  vc_json_put_string(w, key, text);
}

void config_write_row(vc_json_writer *w, const struct config_row *row, const struct vc_config *config) {
  const void *field = (const char *)config + row->offset;
  const char *key = key_of(row->path), *text;
  uint32_t count;
  int value;
  switch (row->kind) {
  case CONFIG_TEXT:
  case CONFIG_PATH:
    text = *(const char *const *)field;
    if (!text)
      vc_json_put_null(w, key);
    else
      vc_json_put_string(w, key, text);
    return;
  case CONFIG_COUNT:
    count = *(const uint32_t *)field;
    if (count == 0 && row->nullable)
      vc_json_put_null(w, key);
    else
      vc_json_put_number(w, key, count);
    return;
  case CONFIG_SEED: vc_json_put_number(w, key, (double)*(const uint64_t *)field); return;
  case CONFIG_NUMBER: vc_json_put_number(w, key, *(const double *)field); return;
  case CONFIG_SWITCH: vc_json_put_bool(w, key, *(const bool *)field); return;
  case CONFIG_WORD:
    memcpy(&value, field, sizeof value);
    text = word_of(row, value);
    VC_ASSERT(text);
    vc_json_put_string(w, key, text);
    return;
  case CONFIG_CODEC: row->codec->write(w, key, config); return;
  case CONFIG_FIXED: write_scalar(w, key, row->initial); return;
  }
}

static void begin_object(vc_json_writer *w, const char *key, const struct config_group *group) {
  (void)group;
  vc_json_begin_object(w, key);
}

static vc_status write_text(vc_arena *arena, const struct vc_config *config, int indent, bool with_host,
                            const char **out_text) {
  vc_json_writer *w;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(arena, indent, &w));
  struct nesting s = {.w = w, .path = "", .begin = begin_object, .end = vc_json_end_object};
  vc_json_begin_object(w, NULL);
  for (uint32_t i = 0; i < config_n_rows; i++) {
    if (config_rows[i].host && !with_host) continue;
    move_to(&s, config_rows[i].path);
    config_write_row(w, &config_rows[i], config);
  }
  move_to(&s, "");
  vc_json_end_object(w);
  return vc_json_writer_text(w, out_text, &n_bytes);
}

vc_status vc_config_text(vc_arena *arena, const struct vc_config *config, int indent, const char **out_text) {
  return write_text(arena, config, indent, true, out_text);
}

vc_status config_checkpoint_text(vc_arena *arena, const struct vc_config *config, const char **out_text) {
  return write_text(arena, config, 0, false, out_text);
}

// ---- schema -------------------------------------------------------------------------------------------------------

static void begin_schema_object(vc_json_writer *w, const char *key, const struct config_group *group) {
  vc_json_begin_object(w, key);
  vc_json_put_string(w, "description", group->help);
  if (group->can_be_off) {
    vc_json_begin_array(w, "type");
    vc_json_put_string(w, NULL, "object");
    vc_json_put_string(w, NULL, "boolean");
    vc_json_end_array(w);
    vc_json_begin_object(w, "not");
    vc_json_put_bool(w, "const", true);
    vc_json_end_object(w);
  } else {
    vc_json_put_string(w, "type", "object");
  }
  vc_json_put_bool(w, "additionalProperties", false);
  vc_json_begin_object(w, "properties");
}

static void end_schema_object(vc_json_writer *w) {
  vc_json_end_object(w);
  vc_json_end_object(w);
}

static void put_type(vc_json_writer *w, const char *type, const char *other) {
  if (!other) {
    vc_json_put_string(w, "type", type);
    return;
  }
  vc_json_begin_array(w, "type");
  vc_json_put_string(w, NULL, type);
  vc_json_put_string(w, NULL, other);
  vc_json_end_array(w);
}

static void put_words(vc_json_writer *w, const struct config_row *row) {
  vc_json_begin_array(w, "enum");
  for (const struct config_word *word = row->words; word->word; word++) {
    if (word->is_here) vc_json_put_string(w, NULL, word->word);
  }
  vc_json_end_array(w);
}

static void put_codec(vc_json_writer *w, const vc_json *members) {
  for (size_t i = 0; i < vc_json_size(members); i++) {
    vc_json_put_value(w, vc_json_key(vc_json_at(members, i)), vc_json_at(members, i));
  }
}

static vc_status write_row_schema(vc_arena *arena, vc_json_writer *w, const struct config_row *row) {
  vc_json *initial, *members;
  VC_TRY(vc_json_parse(arena, row->path, row->initial, strlen(row->initial), &initial));
  vc_json_begin_object(w, key_of(row->path));
  char *help;
  VC_TRY(vc_arena_strdup(arena, row->help, &help));
  if (row->initial_iic)
    VC_TRY(vc_arena_printf(arena, &help, "%s With method iic the default is %s.", row->help, row->initial_iic));
  vc_json_put_string(w, "description", help);
  switch (row->kind) {
  case CONFIG_TEXT:
  case CONFIG_PATH:
    if (row->kind == CONFIG_TEXT && row->words)
      put_words(w, row);
    else
      put_type(w, "string",
               row->nullable || vc_json_type_of(initial) == VC_JSON_NULL ? "null"
               : row->takes_number                                       ? "integer"
                                                                         : NULL);
    break;
  case CONFIG_COUNT:
  case CONFIG_NUMBER:
    put_type(w, row->kind == CONFIG_COUNT ? "integer" : "number", row->nullable ? "null" : NULL);
    vc_json_put_number(w, "minimum", row->lo);
    vc_json_put_number(w, "maximum", row->hi);
    break;
  case CONFIG_SEED:
    put_type(w, "integer", NULL);
    vc_json_put_number(w, "minimum", 0);
    vc_json_put_number(w, "maximum", 9007199254740992.0);
    break;
  case CONFIG_SWITCH: put_type(w, "boolean", NULL); break;
  case CONFIG_WORD: put_words(w, row); break;
  case CONFIG_CODEC:
    VC_TRY(vc_json_parse(arena, row->path, row->codec->schema, strlen(row->codec->schema), &members));
    put_codec(w, members);
    break;
  case CONFIG_FIXED: vc_json_put_value(w, "const", initial); break;
  }
  vc_json_put_value(w, "default", initial);
  vc_json_end_object(w);
  return VC_OK;
}

vc_status vc_config_schema(vc_arena *arena, const char **out_text) {
  vc_json_writer *w;
  const char *text;
  char *ended;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(arena, 2, &w));
  struct nesting s = {.w = w, .path = "", .begin = begin_schema_object, .end = end_schema_object};
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "$schema", "http://json-schema.org/draft-07/schema#");
  vc_json_put_string(w, "title", "Configuration of a vulcyte training run");
  vc_json_put_string(w, "type", "object");
  vc_json_begin_array(w, "required");
  vc_json_put_string(w, NULL, "data");
  vc_json_end_array(w);
  vc_json_put_bool(w, "additionalProperties", false);
  vc_json_begin_object(w, "properties");
  vc_json_begin_object(w, "$schema");
  vc_json_put_string(w, "type", "string");
  vc_json_end_object(w);
  for (uint32_t i = 0; i < config_n_rows; i++) {
    move_to(&s, config_rows[i].path);
    VC_TRY(write_row_schema(arena, w, &config_rows[i]));
  }
  move_to(&s, "");
  vc_json_end_object(w);
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  VC_TRY(vc_arena_printf(arena, &ended, "%s\n", text));
  *out_text = ended;
  return VC_OK;
}

// ---- comparison -----------------------------------------------------------------------------------------------------

static vc_status row_text(vc_arena *arena, const struct config_row *row, const struct vc_config *config,
                          const char **out) {
  vc_json_writer *w;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(arena, 0, &w));
  vc_json_begin_object(w, NULL);
  config_write_row(w, row, config);
  vc_json_end_object(w);
  return vc_json_writer_text(w, out, &n_bytes);
}

// Whether a resumed run may have another value: a schedule over the whole run holds its length fast.
static bool is_free(const struct config_row *row, const struct vc_config *config) {
  const bool is_epochs = strcmp(row->path, "train.epochs") == 0;
  const bool is_length = is_epochs || strcmp(row->path, "train.max_steps") == 0;
  if (is_epochs && config->optimizer.schedule.name == VC_SCHEDULE_COSINE) return false;
  if (is_length && config->method == VC_METHOD_UDA && config->uda.tsa != VC_TSA_NONE) return false;
  return row->free;
}

static vc_status check_rows(vc_arena *arena, const char *name, const char *old_text, const char *new_text) {
  struct vc_config was, is;
  VC_TRY_CTX(vc_config_parse(arena, "saved configuration", ".", old_text, strlen(old_text), NULL, 0, &was), "%s", name);
  VC_TRY(vc_config_parse(arena, "configuration", ".", new_text, strlen(new_text), NULL, 0, &is));
  for (uint32_t i = 0; i < config_n_rows; i++) {
    const struct config_row *row = &config_rows[i];
    const char *before, *after;
    if (is_free(row, &is)) continue;
    VC_TRY(row_text(arena, row, &was, &before));
    VC_TRY(row_text(arena, row, &is, &after));
    if (strcmp(before, after) == 0) continue;
    return VC_FAIL(VC_E_CONFIG,
                   "%s: %s: the run began with %.200s and cannot go on with %.200s; "
                   "restore the value, or train into another folder",
                   name, row->path, before, after);
  }
  return VC_OK;
}

vc_status config_check_resumable(const char *name, const char *old_text, const char *new_text) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = check_rows(arena, name, old_text, new_text);
  vc_arena_destroy(arena);
  return status;
}
