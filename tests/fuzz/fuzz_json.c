// Any text is parsed or refused with a message; what is parsed can be written, and read again to the same text.
#include <stdlib.h>
#include <string.h>

#include "vulcyte/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void touch(const vc_json *value, int last_line) {
  VC_ASSERT(vc_json_line(value) >= 1 && vc_json_line(value) <= last_line);
  for (size_t i = 0; i < vc_json_size(value); i++) {
    const vc_json *child = vc_json_at(value, i);
    if (vc_json_type_of(value) == VC_JSON_OBJECT) VC_ASSERT(vc_json_get(value, vc_json_key(child)) == child);
    touch(child, last_line);
  }
}

static const char *print(vc_arena *arena, int indent, const vc_json *value, size_t *out_n) {
  vc_json_writer *w;
  const char *text = NULL;
  VC_ASSERT(vc_json_writer_create(arena, indent, &w) == VC_OK);
  vc_json_put_value(w, NULL, value);
  VC_ASSERT(vc_json_writer_text(w, &text, out_n) == VC_OK);
  return text;
}

static void check_round_trip(vc_arena *arena, const vc_json *root) {
  for (int indent = 0; indent <= 2; indent += 2) {
    size_t n_first, n_again;
    vc_json *back;
    const char *first = print(arena, indent, root, &n_first);
    VC_ASSERT(vc_json_parse(arena, "again", first, n_first, &back) == VC_OK);
    const char *again = print(arena, indent, back, &n_again);
    VC_ASSERT(n_first == n_again && memcmp(first, again, n_first) == 0);
  }
}

// The first line of the input is a path, the rest the value to set there.
static void check_set_path(vc_arena *arena, const uint8_t *data, size_t n_bytes) {
  char *path, *value;
  vc_json *root;
  static const char base[] = "{\"a\":{\"b\":1},\"l\":[]}";
  VC_ASSERT(vc_json_parse(arena, "base", base, strlen(base), &root) == VC_OK);
  VC_ASSERT(VC_NEW(arena, n_bytes + 1, &path) == VC_OK);
  memcpy(path, data, n_bytes);
  value = strchr(path, '\n');
  if (!value) return;
  *value++ = '\0';
  if (vc_json_set_path(root, path, value) != VC_OK) return;
  size_t n;
  print(arena, 0, root, &n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  vc_arena *arena;
  vc_json *root;
  VC_ASSERT(vc_arena_create(&arena) == VC_OK);
  int last_line = 1;
  for (size_t i = 0; i < n_bytes; i++) last_line += data[i] == '\n';
  vc_status status = vc_json_parse(arena, "fuzz", (const char *)data, n_bytes, &root);
  if (status == VC_OK) {
    touch(root, last_line);
    check_round_trip(arena, root);
  } else {
    VC_ASSERT(status == VC_E_FORMAT && strncmp(vc_error_message(), "fuzz:", 5) == 0);
  }
  if (n_bytes > 0) check_set_path(arena, data, n_bytes);
  vc_arena_destroy(arena);
  return 0;
}
