// The JSON writer: a growing buffer; a failed append sticks until the text is asked for.
#include "vulcyte/base.h"

#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LEVELS = 256, LINE_COLUMNS = 100 };

struct level {
  bool is_object, is_filled, is_broken; // broken: a child stands on a line of its own
};

struct vc_json_writer {
  char *text; // from malloc, freed with the arena
  size_t n, capacity, line_start;
  int indent, depth; // depth: open levels
  bool has_root, is_failed;
  struct level levels[MAX_LEVELS];
};

static void destroy_writer(void *object) {
  free(((vc_json_writer *)object)->text);
}

vc_status vc_json_writer_create(vc_arena *arena, int indent, vc_json_writer **out) {
  vc_json_writer *w;
  VC_TRY(VC_NEW(arena, 1, &w));
  VC_TRY(vc_arena_defer(arena, destroy_writer, w));
  w->indent = indent;
  *out = w;
  return VC_OK;
}

// Keeps a zero byte behind the text.
static void append(vc_json_writer *w, const char *data, size_t n_bytes) {
  if (w->is_failed) return;
  if (n_bytes >= w->capacity - w->n) {
    size_t capacity = VC_MAX(2 * w->capacity, (size_t)256);
    while (capacity - w->n <= n_bytes && capacity <= SIZE_MAX / 4) capacity *= 2;
    char *grown = realloc(w->text, capacity);
    if (!grown) {
      w->is_failed = true;
      return;
    }
    w->text = grown;
    w->capacity = capacity;
  }
  memcpy(w->text + w->n, data, n_bytes);
  w->n += n_bytes;
  w->text[w->n] = '\0';
}

static void append_text(vc_json_writer *w, const char *text) {
  append(w, text, strlen(text));
}

static void append_string(vc_json_writer *w, const char *text) {
  append(w, "\"", 1);
  for (size_t n = strlen(text); n > 0;) {
    size_t length = text_utf8_length(text, n);
    unsigned char c = (unsigned char)*text;
    char escape[8] = {'\\', (char)c};
    if (length == 0) {
      append_text(w, "\xEF\xBF\xBD"); // U+FFFD for what is not UTF-8, such as a file name in another encoding
      length = 1;
    } else if (c == '"' || c == '\\') {
      append(w, escape, 2);
    } else if (c == '\n' || c == '\t' || c == '\r') {
      escape[1] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
      append(w, escape, 2);
    } else if (c < 0x20 || c == 0x7F) {
      snprintf(escape, sizeof escape, "\\u%04x", c);
      append_text(w, escape);
    } else {
      append(w, text, length);
    }
    text += length;
    n -= length;
  }
  append(w, "\"", 1);
}

static void break_line(vc_json_writer *w) {
  append(w, "\n", 1);
  w->line_start = w->n;
  for (int i = 0; i < w->depth * w->indent; i++) append(w, " ", 1);
}

// What stands before a value: comma, line break, key. Scalars of an array share lines; all else gets its own.
static void begin_value(vc_json_writer *w, const char *key, bool is_container) {
  if (w->depth == 0) {
    VC_ASSERT(!w->has_root && !key);
    w->has_root = true;
    return;
  }
  struct level *level = &w->levels[w->depth - 1];
  VC_ASSERT(level->is_object == (key != NULL));
  if (level->is_filled) append(w, ",", 1);
  if (w->indent > 0) {
    if (level->is_object || is_container || w->n - w->line_start > LINE_COLUMNS) {
      break_line(w);
      level->is_broken = true;
    } else if (level->is_filled) {
      append(w, " ", 1);
    }
  }
  level->is_filled = true;
  if (key) {
    append_string(w, key);
    append_text(w, w->indent > 0 ? ": " : ":");
  }
}

static void begin_container(vc_json_writer *w, const char *key, bool is_object) {
  VC_ASSERT(w->depth < MAX_LEVELS);
  begin_value(w, key, true);
  append(w, is_object ? "{" : "[", 1);
  w->levels[w->depth++] = (struct level){.is_object = is_object};
}

static void end_container(vc_json_writer *w, bool is_object) {
  VC_ASSERT(w->depth > 0 && w->levels[w->depth - 1].is_object == is_object);
  bool is_broken = w->levels[--w->depth].is_broken;
  if (is_broken) break_line(w);
  append(w, is_object ? "}" : "]", 1);
}

void vc_json_begin_object(vc_json_writer *w, const char *key) {
  begin_container(w, key, true);
}

void vc_json_end_object(vc_json_writer *w) {
  end_container(w, true);
}

void vc_json_begin_array(vc_json_writer *w, const char *key) {
  begin_container(w, key, false);
}

void vc_json_end_array(vc_json_writer *w) {
  end_container(w, false);
}

void vc_json_put_number(vc_json_writer *w, const char *key, double value) {
  char text[TEXT_NUMBER_BYTES] = "null";
  if (isfinite(value)) text_print_number(value, text);
  begin_value(w, key, false);
  append_text(w, text);
}

void vc_json_put_string(vc_json_writer *w, const char *key, const char *value) {
  begin_value(w, key, false);
  append_string(w, value);
}

void vc_json_put_bool(vc_json_writer *w, const char *key, bool value) {
  begin_value(w, key, false);
  append_text(w, value ? "true" : "false");
}

void vc_json_put_null(vc_json_writer *w, const char *key) {
  begin_value(w, key, false);
  append_text(w, "null");
}

void vc_json_put_value(vc_json_writer *w, const char *key, const vc_json *value) {
  enum vc_json_type type = vc_json_type_of(value);
  switch (type) {
  case VC_JSON_NULL: vc_json_put_null(w, key); break;
  case VC_JSON_BOOL: vc_json_put_bool(w, key, vc_json_bool(value)); break;
  case VC_JSON_NUMBER: vc_json_put_number(w, key, vc_json_number(value)); break;
  case VC_JSON_STRING: vc_json_put_string(w, key, vc_json_string(value)); break;
  case VC_JSON_ARRAY:
  case VC_JSON_OBJECT:
    begin_container(w, key, type == VC_JSON_OBJECT);
    for (size_t i = 0; i < vc_json_size(value); i++) {
      const vc_json *child = vc_json_at(value, i);
      vc_json_put_value(w, type == VC_JSON_OBJECT ? vc_json_key(child) : NULL, child);
    }
    end_container(w, type == VC_JSON_OBJECT);
  }
}

vc_status vc_json_writer_text(vc_json_writer *w, const char **out_text, size_t *out_bytes) {
  if (w->is_failed) return VC_FAIL(VC_E_NOMEM, "out of memory while writing JSON");
  *out_text = w->text ? w->text : "";
  *out_bytes = w->n;
  return VC_OK;
}

void vc_json_writer_reset(vc_json_writer *w) {
  w->n = w->line_start = 0;
  w->depth = 0;
  w->has_root = w->is_failed = false;
  if (w->text) w->text[0] = '\0';
}
