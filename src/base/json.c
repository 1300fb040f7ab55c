// Documents: cJSON builds the tree, which is copied into the caller's arena with the line of every value.
#include "vulcyte/base.h"

#include "json_scan.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

struct vc_json {
  enum vc_json_type type;
  int line;
  bool boolean;
  double number;
  const char *string;
  const char *key;
  vc_json **children;
  size_t n, capacity;
  vc_arena *arena; // borrowed: what vc_json_set_path adds lives here
};

struct conversion {
  vc_arena *arena, *scratch;
  const char *name;
  const struct json_mark *mark; // of the next value
};

struct key_place {
  const char *key;
  size_t place;
};

static int compare_key_places(const void *a, const void *b) {
  const struct key_place *left = a, *right = b;
  int order = strcmp(left->key, right->key);
  return order != 0 ? order : (left->place > right->place) - (left->place < right->place);
}

static vc_status check_duplicates(const struct conversion *c, const vc_json *object) {
  if (object->n < 2) return VC_OK;
  struct key_place *keys;
  VC_TRY(VC_NEW(c->scratch, object->n, &keys));
  for (size_t i = 0; i < object->n; i++) keys[i] = (struct key_place){object->children[i]->key, i};
  qsort(keys, object->n, sizeof *keys, compare_key_places);
  const struct key_place *second = NULL; // of the earliest repeated key
  for (size_t i = 1; i < object->n; i++) {
    if (strcmp(keys[i - 1].key, keys[i].key) == 0 && (!second || keys[i].place < second->place)) second = &keys[i];
  }
  if (!second) return VC_OK;
  const vc_json *again = object->children[second->place], *first = object->children[second[-1].place];
  return VC_FAIL(VC_E_FORMAT, "%s:%d: the key \"%s\" stands a second time (first on line %d); remove one", c->name,
                 again->line, again->key, first->line);
}

static vc_status convert(struct conversion *c, const cJSON *from, vc_json **out) {
  vc_json *value;
  VC_TRY(VC_NEW(c->arena, 1, &value));
  value->arena = c->arena;
  value->key = "";
  value->line = c->mark->line;
  value->number = c->mark->number;
  c->mark++;
  if (cJSON_IsString(from)) {
    char *text;
    VC_TRY(vc_arena_strdup(c->arena, from->valuestring, &text));
    value->type = VC_JSON_STRING;
    value->string = text;
  } else if (cJSON_IsNumber(from)) {
    value->type = VC_JSON_NUMBER;
  } else if (cJSON_IsBool(from)) {
    value->type = VC_JSON_BOOL;
    value->boolean = cJSON_IsTrue(from);
  } else if (cJSON_IsArray(from) || cJSON_IsObject(from)) {
    value->type = cJSON_IsArray(from) ? VC_JSON_ARRAY : VC_JSON_OBJECT;
    for (const cJSON *child = from->child; child; child = child->next) value->capacity++;
    VC_TRY(VC_NEW(c->arena, value->capacity, &value->children));
    for (const cJSON *child = from->child; child; child = child->next) {
      vc_json *copy;
      VC_TRY(convert(c, child, &copy));
      if (value->type == VC_JSON_OBJECT) {
        char *key;
        VC_TRY(vc_arena_strdup(c->arena, child->string, &key));
        copy->key = key;
      }
      value->children[value->n++] = copy;
    }
    if (value->type == VC_JSON_OBJECT) VC_TRY(check_duplicates(c, value));
  }
  *out = value;
  return VC_OK;
}

static void delete_tree(void *tree) {
  cJSON_Delete(tree);
}

static vc_status parse(vc_arena *arena, vc_arena *scratch, const char *name, const char *text, size_t n_bytes,
                       vc_json **out) {
  char *copy;
  if (n_bytes == SIZE_MAX) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", name);
  VC_TRY_CTX(VC_NEW(scratch, n_bytes + 1, &copy), "%s", name);
  if (n_bytes > 0) memcpy(copy, text, n_bytes);
  struct json_mark *marks;
  VC_TRY(json_scan(scratch, name, copy, n_bytes, &marks));
  cJSON *tree = cJSON_ParseWithLength(copy, n_bytes + 1);
  if (!tree) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", name); // the scan left nothing else that could fail
  VC_TRY(vc_arena_defer(scratch, delete_tree, tree));
  struct conversion c = {.arena = arena, .scratch = scratch, .name = name, .mark = marks};
  return convert(&c, tree, out);
}

vc_status vc_json_parse(vc_arena *arena, const char *name, const char *text, size_t n_bytes, vc_json **out) {
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = parse(arena, scratch, name, text, n_bytes, out);
  vc_arena_destroy(scratch);
  return status;
}

enum vc_json_type vc_json_type_of(const vc_json *value) {
  return value->type;
}

bool vc_json_bool(const vc_json *value) {
  VC_ASSERT(value->type == VC_JSON_BOOL);
  return value->boolean;
}

double vc_json_number(const vc_json *value) {
  VC_ASSERT(value->type == VC_JSON_NUMBER);
  return value->number;
}

const char *vc_json_string(const vc_json *value) {
  VC_ASSERT(value->type == VC_JSON_STRING);
  return value->string;
}

size_t vc_json_size(const vc_json *value) {
  return value->n;
}

const vc_json *vc_json_at(const vc_json *value, size_t index) {
  VC_ASSERT(index < value->n);
  return value->children[index];
}

static size_t find_key(const vc_json *object, const char *key) {
  size_t i = 0;
  while (i < object->n && strcmp(object->children[i]->key, key) != 0) i++;
  return i;
}

const vc_json *vc_json_get(const vc_json *object, const char *key) {
  if (object->type != VC_JSON_OBJECT) return NULL;
  size_t i = find_key(object, key);
  return i < object->n ? object->children[i] : NULL;
}

const char *vc_json_key(const vc_json *value) {
  return value->key;
}

int vc_json_line(const vc_json *value) {
  return value->line;
}

static void clear_lines(vc_json *value) {
  value->line = 0;
  for (size_t i = 0; i < value->n; i++) clear_lines(value->children[i]);
}

static vc_status make_value(vc_arena *arena, enum vc_json_type type, vc_json **out) {
  vc_json *value;
  VC_TRY(VC_NEW(arena, 1, &value));
  value->type = type;
  value->key = "";
  value->arena = arena;
  *out = value;
  return VC_OK;
}

static vc_status parse_or_take_as_string(vc_arena *arena, const char *text, vc_json **out) {
  vc_status status = vc_json_parse(arena, "value", text, strlen(text), out);
  if (status == VC_OK) clear_lines(*out);
  if (status != VC_E_FORMAT) return status;
  char *copy;
  VC_TRY(make_value(arena, VC_JSON_STRING, out));
  VC_TRY(vc_arena_strdup(arena, text, &copy));
  (*out)->string = copy;
  return VC_OK;
}

// Replaces the child of that key or adds it at the end.
static vc_status put_child(vc_json *object, char *key, vc_json *child) {
  child->key = key;
  size_t i = find_key(object, key);
  if (i == object->capacity) {
    vc_json **grown;
    size_t capacity = 2 * object->capacity + 4;
    VC_TRY(VC_NEW(object->arena, capacity, &grown));
    if (object->n > 0) memcpy(grown, object->children, object->n * sizeof *grown);
    object->children = grown;
    object->capacity = capacity;
  }
  object->children[i] = child;
  if (i == object->n) object->n++;
  return VC_OK;
}

vc_status vc_json_set_path(vc_json *root, const char *path, const char *text) {
  vc_arena *arena = root->arena;
  size_t n_names = 1;
  for (const char *c = path; *c; c++) n_names += *c == '.';
  if (n_names > JSON_MAX_DEPTH) return VC_FAIL(VC_E_CONFIG, "%s: more than %d names in one path", path, JSON_MAX_DEPTH);
  vc_json *value, *object = root;
  char *names;
  VC_TRY(parse_or_take_as_string(arena, text, &value));
  VC_TRY(vc_arena_strdup(arena, path, &names));
  for (char *name = names;;) {
    char *dot = strchr(name, '.');
    if (dot) *dot = '\0';
    if (*name == '\0') return VC_FAIL(VC_E_CONFIG, "%s: an empty name in the path; write it like a.b.c", path);
    if (object->type != VC_JSON_OBJECT) {
      return VC_FAIL(VC_E_CONFIG, "%s: \"%s\" has no keys to set: what holds it is not an object", path, name);
    }
    if (!dot) return put_child(object, name, value);
    size_t i = find_key(object, name);
    if (i == object->n) {
      vc_json *created;
      VC_TRY(make_value(arena, VC_JSON_OBJECT, &created));
      VC_TRY(put_child(object, name, created));
    }
    object = object->children[i];
    name = dot + 1;
  }
}
