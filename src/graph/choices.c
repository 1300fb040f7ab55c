// Measured choices: a table in memory and, beside it, a file for the runs to come.
#include "internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FORMAT_VERSION = 1, MAX_FILE_BYTES = 16 << 20, NAME_BYTES = 128, MAX_FATAL = 32 };
static const char format_name[] = "vulcyte kernel choices";
static const double LOCK_SECONDS = 120; // for which another process may measure

struct entry {
  struct vc_choice choice;
  bool is_old; // from the file, to be measured again
};
struct pin {
  const char *key, *variant;
};
struct vc_choices {
  vc_arena *arena;
  struct vc_choices_desc desc;
  struct entry *entries;
  uint32_t n_entries, capacity;
  struct pin *pins;
  uint32_t n_pins, pins_capacity;
  const char *trial_path;            // of the file that names the kernel being tried; NULL: none
  char died_of[NAME_BYTES];          // the kernel whose trial the process before this one did not survive, or ""
  char fatal[MAX_FATAL][NAME_BYTES]; // JOB=NAME
  uint32_t n_fatal;
  bool cut_off;
  struct vc_choice *list; // what vc_choices_list gave last
};

// ---- the table ------------------------------------------------------------------------------------------------

static struct entry *find(const vc_choices *c, const char *key) {
  for (uint32_t i = 0; i < c->n_entries; i++) {
    if (strcmp(c->entries[i].choice.key, key) == 0) return &c->entries[i];
  }
  return NULL;
}

const char *vc_choices_variant(const vc_choices *c, const char *key) {
  for (uint32_t i = 0; i < c->n_pins; i++) {
    if (strcmp(c->pins[i].key, key) == 0) return c->pins[i].variant;
  }
  const struct entry *e = find(c, key);
  bool is_enough = e && !e->is_old && (e->choice.n_times > 0 || isfinite(c->desc.seconds));
  return is_enough ? e->choice.variant : NULL;
}

double choices_seconds(const vc_choices *c) {
  return c->desc.seconds;
}

static vc_status copy_choice(vc_arena *arena, const struct vc_choice *from, struct vc_choice *out) {
  struct vc_choice c = {.n_times = from->n_times};
  char *text;
  VC_TRY(vc_arena_strdup(arena, from->key, &text));
  c.key = text;
  VC_TRY(vc_arena_strdup(arena, from->variant, &text));
  c.variant = text;
  for (uint32_t i = 0; i < from->n_times; i++) {
    VC_TRY(vc_arena_strdup(arena, from->times[i].variant, &text));
    c.times[i] = (struct vc_choice_time){text, from->times[i].seconds};
  }
  *out = c;
  return VC_OK;
}

static vc_status put(vc_choices *c, const struct vc_choice *choice, bool is_old) {
  struct entry *e = find(c, choice->key);
  if (!e) {
    VC_TRY(grow(c->arena, (void **)&c->entries, sizeof *c->entries, c->n_entries, &c->capacity));
    e = &c->entries[c->n_entries];
  }
  VC_TRY(copy_choice(c->arena, choice, &e->choice));
  e->is_old = is_old;
  if (e == &c->entries[c->n_entries]) c->n_entries++;
  return VC_OK;
}

vc_status choices_put(vc_choices *c, const struct vc_choice *choice) {
  return put(c, choice, false);
}

vc_status vc_choices_pin(vc_choices *c, const char *key, const char *variant) {
  struct pin pin;
  char *text;
  VC_TRY(vc_arena_strdup(c->arena, key, &text));
  pin.key = text;
  VC_TRY(vc_arena_strdup(c->arena, variant, &text));
  pin.variant = text;
  VC_TRY(grow(c->arena, (void **)&c->pins, sizeof pin, c->n_pins, &c->pins_capacity));
  c->pins[c->n_pins++] = pin;
  return VC_OK;
}

vc_status vc_choices_list(vc_choices *c, const struct vc_choice **out, size_t *out_n) {
  VC_TRY(VC_NEW(c->arena, c->n_entries, &c->list));
  for (uint32_t i = 0; i < c->n_entries; i++) c->list[i] = c->entries[i].choice;
  *out = c->list;
  *out_n = c->n_entries;
  return VC_OK;
}

// ---- kernels that drivers die of ------------------------------------------------------------------------------

static const char again[] = " again"; // ends the name of a kernel that the process before had died of

bool choices_is_fatal(const vc_choices *c, const char *job, const char *variant) {
  char name[NAME_BYTES];
  snprintf(name, sizeof name, "%s=%s", job, variant);
  for (uint32_t i = 0; i < c->n_fatal; i++) {
    if (strcmp(c->fatal[i], name) == 0) return true;
  }
  return false;
}

bool choices_cut_off(const vc_choices *c) {
  return c->cut_off;
}

// What cannot be written protects nothing, and fails nothing.
void choices_try(vc_choices *c, const char *job, const char *variant) {
  char name[NAME_BYTES];
  FILE *file = c->trial_path ? fopen(c->trial_path, "w") : NULL;
  if (!file) return;
  snprintf(name, sizeof name, "%s=%s", job, variant);
  fprintf(file, "%s%s", name, strcmp(name, c->died_of) == 0 ? again : "");
  fclose(file);
}

void choices_tried(vc_choices *c) {
  if (c->trial_path) (void)remove(c->trial_path);
}

static void add_fatal(vc_choices *c, const char *name) {
  if (c->n_fatal < MAX_FATAL) snprintf(c->fatal[c->n_fatal++], NAME_BYTES, "%s", name);
}

// Reads what a process that died while it had the lock was trying. *out_changed: there is a fatal kernel more.
static void look_back(vc_choices *c, bool *out_changed) {
  char text[NAME_BYTES + sizeof again];
  FILE *file = c->trial_path ? fopen(c->trial_path, "r") : NULL;
  *out_changed = false;
  if (!file) return;
  const size_t n = fread(text, 1, sizeof text - 1, file), n_again = sizeof again - 1;
  fclose(file);
  choices_tried(c);
  c->cut_off = true;
  text[n] = '\0';
  if (n <= n_again || strcmp(text + n - n_again, again) != 0) {
    snprintf(c->died_of, sizeof c->died_of, "%.*s", NAME_BYTES - 1, text);
    return;
  }
  text[n - n_again] = '\0';
  vc_log(
      VC_LOG_WARNING,
      "two processes in a row ended while the driver made or ran kernel %.100s for the first time; it is not used on "
      "this device any more (vulcyte tune --again tries it anew)",
      text);
  add_fatal(c, text);
  *out_changed = true;
}

// ---- the file -------------------------------------------------------------------------------------------------

static bool is_text(const vc_json *value) {
  return value && vc_json_type_of(value) == VC_JSON_STRING;
}

// False for what was not written here.
static bool parse_choice(const vc_json *value, struct vc_choice *out) {
  const vc_json *key = vc_json_get(value, "key"), *variant = vc_json_get(value, "variant"),
                *seconds = vc_json_get(value, "seconds");
  if (!is_text(key) || !is_text(variant) || !seconds || vc_json_size(seconds) > VC_MAX_TIMES) return false;
  *out = (struct vc_choice){.key = vc_json_string(key), .variant = vc_json_string(variant)};
  for (size_t i = 0; i < vc_json_size(seconds); i++) {
    const vc_json *t = vc_json_at(seconds, i);
    double number = vc_json_type_of(t) == VC_JSON_NUMBER ? vc_json_number(t) : (double)NAN;
    out->times[out->n_times++] = (struct vc_choice_time){vc_json_key(t), number};
  }
  return true;
}

static bool is_of_device(const vc_choices *c, const vc_json *file) {
  if (vc_json_type_of(file) != VC_JSON_OBJECT) return false;
  const vc_json *format = vc_json_get(file, "format"), *version = vc_json_get(file, "version"),
                *device = vc_json_get(file, "device"), *list = vc_json_get(file, "choices");
  return is_text(format) && strcmp(vc_json_string(format), format_name) == 0 && version &&
         vc_json_type_of(version) == VC_JSON_NUMBER && (int)vc_json_number(version) == FORMAT_VERSION &&
         is_text(device) && strcmp(vc_json_string(device), c->desc.device) == 0 && list &&
         vc_json_type_of(list) == VC_JSON_ARRAY;
}

// Adds what the file holds and the table lacks.
static vc_status read_file(vc_choices *c, vc_arena *scratch) {
  uint8_t *text;
  size_t n_bytes;
  vc_json *file;
  if (!c->desc.path || !vc_path_exists(c->desc.path)) return VC_OK;
  if (vc_file_read(scratch, c->desc.path, MAX_FILE_BYTES, &text, &n_bytes) != VC_OK ||
      vc_json_parse(scratch, c->desc.path, (const char *)text, n_bytes, &file) != VC_OK || !is_of_device(c, file)) {
    vc_log(VC_LOG_DEBUG, "%s: damaged or of another device; made anew", c->desc.path);
    return VC_OK;
  }
  const vc_json *fatal = vc_json_get(file, "fatal"), *list = vc_json_get(file, "choices");
  const bool keeps_fatal = fatal && vc_json_type_of(fatal) == VC_JSON_ARRAY && !c->desc.again;
  c->n_fatal = 0;
  for (size_t i = 0; keeps_fatal && i < vc_json_size(fatal); i++) {
    if (is_text(vc_json_at(fatal, i))) add_fatal(c, vc_json_string(vc_json_at(fatal, i)));
  }
  for (size_t i = 0; i < vc_json_size(list); i++) {
    struct vc_choice choice;
    if (parse_choice(vc_json_at(list, i), &choice) && !find(c, choice.key)) VC_TRY(put(c, &choice, c->desc.again));
  }
  return VC_OK;
}

static vc_status read_again(vc_choices *c) {
  vc_arena *scratch;
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = read_file(c, scratch);
  vc_arena_destroy(scratch);
  return status;
}

static void put_json(vc_json_writer *w, const struct vc_choice *choice) {
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "key", choice->key);
  vc_json_put_string(w, "variant", choice->variant);
  vc_json_begin_object(w, "seconds");
  for (uint32_t i = 0; i < choice->n_times; i++)
    vc_json_put_number(w, choice->times[i].variant, choice->times[i].seconds);
  vc_json_end_object(w);
  vc_json_end_object(w);
}

static vc_status write_file(const vc_choices *c, vc_arena *scratch) {
  vc_json_writer *w;
  const char *text;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(scratch, 1, &w));
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "format", format_name);
  vc_json_put_number(w, "version", FORMAT_VERSION);
  vc_json_put_string(w, "device", c->desc.device);
  vc_json_begin_array(w, "choices");
  for (uint32_t i = 0; i < c->n_entries; i++) put_json(w, &c->entries[i].choice);
  vc_json_end_array(w);
  vc_json_begin_array(w, "fatal");
  for (uint32_t i = 0; i < c->n_fatal; i++) vc_json_put_string(w, NULL, c->fatal[i]);
  vc_json_end_array(w);
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  return vc_file_write(c->desc.path, text, n_bytes);
}

vc_status choices_end(vc_choices *c) {
  vc_arena *scratch;
  if (!c->desc.path) return VC_OK;
  VC_TRY(vc_arena_create(&scratch));
  if (write_file(c, scratch) != VC_OK) {
    vc_log(VC_LOG_WARNING, "what was measured is not remembered, and the next run may choose otherwise: %s",
           vc_error_message());
  }
  vc_arena_destroy(scratch);
  return VC_OK;
}

vc_status choices_begin(vc_choices *c, vc_arena *lock_arena, bool *out_locked) {
  char *lock;
  bool is_fatal;
  *out_locked = true;
  if (!c->desc.path) return VC_OK;
  VC_TRY(vc_arena_printf(lock_arena, &lock, "%s.lock", c->desc.path));
  vc_status status = vc_file_lock(lock_arena, lock, LOCK_SECONDS, out_locked);
  if (status == VC_E_NOMEM) return status;
  if (status == VC_OK && *out_locked) {
    VC_TRY(read_again(c));
    look_back(c, &is_fatal);
    return is_fatal ? choices_end(c) : VC_OK;
  }
  if (status == VC_OK) (void)VC_FAIL(VC_E_IO, "%s: another process holds it", lock);
  // Measured each time anew, the choices and with them the last bits would differ from run to run.
  vc_log(VC_LOG_WARNING, "kernels are chosen without measuring, as that could not be remembered: %s",
         vc_error_message());
  c->desc.seconds = 0;
  *out_locked = false;
  return VC_OK;
}

vc_status vc_choices_create(vc_arena *arena, const struct vc_choices_desc *desc, vc_choices **out) {
  vc_choices *c;
  char *text;
  VC_TRY(VC_NEW(arena, 1, &c));
  c->arena = arena;
  c->desc = *desc;
  VC_TRY(vc_arena_strdup(arena, desc->device, &text));
  c->desc.device = text;
  if (desc->path) {
    VC_TRY(vc_arena_strdup(arena, desc->path, &text));
    c->desc.path = text;
    VC_TRY(vc_arena_printf(arena, &text, "%s.trial", desc->path));
    c->trial_path = text;
  }
  VC_TRY(read_again(c));
  *out = c;
  return VC_OK;
}
