// The keys of the configuration that have a form of their own.
#include "config_table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- data.classes -------------------------------------------------------------------------------------------------

static vc_status read_class_values(const struct config_reader *r, const struct config_row *row, const vc_json *value,
                                   struct vc_class *out) {
  if (vc_json_type_of(value) == VC_JSON_STRING && strcmp(vc_json_string(value), "rest") == 0) {
    out->rest = true;
    return VC_OK;
  }
  if (vc_json_type_of(value) != VC_JSON_ARRAY || vc_json_size(value) == 0) {
    return config_fail(r, value, row->path, "the values of \"%.100s\" must be a list of mask values or \"rest\"",
                       out->name);
  }
  uint32_t *values;
  VC_TRY(VC_NEW(r->arena, vc_json_size(value), &values));
  for (size_t i = 0; i < vc_json_size(value); i++) {
    double number;
    VC_TRY(config_read_number(r, row, vc_json_at(value, i), 0, 4294967294.0, true, &number));
    values[i] = (uint32_t)number;
  }
  out->values = values;
  out->n_values = (uint32_t)vc_json_size(value);
  return VC_OK;
}

static vc_status read_class(const struct config_reader *r, const struct config_row *row, const vc_json *value,
                            struct vc_class *out) {
  const vc_json *name = vc_json_get(value, "name"), *values = vc_json_get(value, "values");
  if (!name || !values || vc_json_type_of(name) != VC_JSON_STRING || !*vc_json_string(name)) {
    return config_fail(r, value, row->path, "each class is an object like {\"name\": \"cell\", \"values\": [1, 2]}");
  }
  for (size_t i = 0; i < vc_json_size(value); i++) {
    const vc_json *child = vc_json_at(value, i);
    if (child != name && child != values) {
      return config_fail(r, child, row->path, "unknown key \"%.100s\" in a class; a class has \"name\" and \"values\"",
                         vc_json_key(child));
    }
  }
  char *copy;
  VC_TRY(vc_arena_strdup(r->arena, vc_json_string(name), &copy));
  out->name = copy;
  return read_class_values(r, row, values, out);
}

static bool has_value(const struct vc_class *c, uint32_t value) {
  for (uint32_t i = 0; i < c->n_values; i++) {
    if (c->values[i] == value) return true;
  }
  return false;
}

static vc_status check_distinct(const struct config_reader *r, const struct config_row *row, const vc_json *value,
                                const struct vc_class *a, const struct vc_class *b) {
  if (strcmp(a->name, b->name) == 0) {
    return config_fail(r, value, row->path, "two classes have the name \"%.100s\"; rename one", a->name);
  }
  if (a->rest && b->rest) {
    return config_fail(r, value, row->path, "\"%.100s\" and \"%.100s\" both take the \"rest\"; only one can", a->name,
                       b->name);
  }
  for (uint32_t i = 0; i < b->n_values; i++) {
    if (!has_value(a, b->values[i])) continue;
    return config_fail(r, value, row->path, "value %u belongs to both \"%.100s\" and \"%.100s\"; remove it from one",
                       b->values[i], a->name, b->name);
  }
  return VC_OK;
}

static vc_status read_classes(const struct config_reader *r, const struct config_row *row, const vc_json *value) {
  size_t n = vc_json_size(value);
  if (vc_json_type_of(value) != VC_JSON_ARRAY || n < 2 || n > VC_MAX_CLASSES) {
    return config_fail(r, value, row->path, "a list of 2 to %d classes is wanted, like %s", (int)VC_MAX_CLASSES,
                       row->initial);
  }
  struct vc_class *classes;
  VC_TRY(VC_NEW(r->arena, n, &classes));
  for (size_t i = 0; i < n; i++) {
    const vc_json *one = vc_json_at(value, i);
    VC_TRY(read_class(r, row, one, &classes[i]));
    for (size_t j = 0; j < i; j++) VC_TRY(check_distinct(r, row, one, &classes[j], &classes[i]));
  }
  r->config->data.classes = classes;
  r->config->data.n_classes = (uint32_t)n;
  return VC_OK;
}

static void write_classes(vc_json_writer *w, const char *key, const struct vc_config *config) {
  vc_json_begin_array(w, key);
  for (uint32_t i = 0; i < config->data.n_classes; i++) {
    const struct vc_class *c = &config->data.classes[i];
    vc_json_begin_object(w, NULL);
    vc_json_put_string(w, "name", c->name);
    if (c->rest) {
      vc_json_put_string(w, "values", "rest");
    } else {
      vc_json_begin_array(w, "values");
      for (uint32_t j = 0; j < c->n_values; j++) vc_json_put_number(w, NULL, c->values[j]);
      vc_json_end_array(w);
    }
    vc_json_end_object(w);
  }
  vc_json_end_array(w);
}

const struct config_codec config_classes = {
    read_classes, write_classes,
    "{\"type\": \"array\", \"minItems\": 2, \"maxItems\": 64, \"items\": {\"type\": \"object\", \"required\": "
    "[\"name\", "
    "\"values\"], \"additionalProperties\": false, \"properties\": {\"name\": {\"type\": \"string\", \"minLength\": "
    "1}, "
    "\"values\": {\"anyOf\": [{\"const\": \"rest\"}, {\"type\": \"array\", \"minItems\": 1, \"items\": {\"type\": "
    "\"integer\", \"minimum\": 0, \"maximum\": 4294967294}}]}}}}"};

// ---- memory -------------------------------------------------------------------------------------------------------

// "6GiB", "800 MB": a number and a unit of 1024 or (without the i) 1000. 0: not such a text.
static double bytes_of(const char *text) {
  static const char units[] = "KMGT";
  char *unit;
  const double number = strtod(text, &unit);
  while (*unit == ' ') unit++;
  const char *prefix = *unit ? strchr(units, *unit) : NULL;
  if (!prefix || !isdigit((unsigned char)text[0])) return 0;
  const bool binary = unit[1] == 'i';
  if (strcmp(unit + 1 + binary, "B") != 0) return 0;
  double factor = 1;
  for (const char *p = units; p <= prefix; p++) factor *= binary ? 1024 : 1000;
  return number * factor;
}

static vc_status read_memory(const struct config_reader *r, const struct config_row *row, const vc_json *value) {
  const enum vc_json_type type = vc_json_type_of(value);
  if (type == VC_JSON_STRING && strcmp(vc_json_string(value), "auto") == 0) {
    r->config->memory = 0;
    return VC_OK;
  }
  const double n = type == VC_JSON_STRING   ? bytes_of(vc_json_string(value))
                   : type == VC_JSON_NUMBER ? vc_json_number(value)
                                            : 0;
  if (!(n >= 1 << 20 && n <= 0x1p50))
    return config_fail(
        r, value, row->path,
        "\"auto\", a number of bytes (1048576 and more), or a text like \"6GiB\" or \"800MiB\" is wanted");
  r->config->memory = (uint64_t)n;
  return VC_OK;
}

static void write_memory(vc_json_writer *w, const char *key, const struct vc_config *config) {
  if (config->memory == 0)
    vc_json_put_string(w, key, "auto");
  else
    vc_json_put_number(w, key, (double)config->memory);
}

const struct config_codec config_memory = {
    read_memory, write_memory,
    "{\"anyOf\": [{\"const\": \"auto\"}, {\"type\": \"integer\", \"minimum\": 1048576}, {\"type\": \"string\", "
    "\"pattern\": \"^[0-9]+([.][0-9]+)? *[KMGT]i?B$\"}]}"};

// ---- data.labelled ------------------------------------------------------------------------------------------------

static vc_status read_labelled(const struct config_reader *r, const struct config_row *row, const vc_json *value) {
  enum vc_json_type type = vc_json_type_of(value);
  if (type == VC_JSON_NUMBER) {
    double share = vc_json_number(value);
    if (!(share > 0 && share <= 1)) {
      return config_fail(r, value, row->path,
                         "%.10g is not a fraction above 0 and up to 1; for a number of images write {\"count\": n}",
                         share);
    }
    r->config->data.labelled_fraction = share;
    return VC_OK;
  }
  const vc_json *count = vc_json_get(value, "count");
  if (type != VC_JSON_OBJECT || vc_json_size(value) != 1 || !count) {
    return config_fail(r, value, row->path, "a fraction above 0 and up to 1, or {\"count\": n}, is wanted");
  }
  double number;
  VC_TRY(config_read_number(r, row, count, 1, 1e9, true, &number));
  r->config->data.labelled_count = (uint32_t)number;
  return VC_OK;
}

static void write_labelled(vc_json_writer *w, const char *key, const struct vc_config *config) {
  if (config->data.labelled_count == 0) {
    vc_json_put_number(w, key, config->data.labelled_fraction);
    return;
  }
  vc_json_begin_object(w, key);
  vc_json_put_number(w, "count", config->data.labelled_count);
  vc_json_end_object(w);
}

const struct config_codec config_labelled = {
    read_labelled, write_labelled,
    "{\"anyOf\": [{\"type\": \"number\", \"exclusiveMinimum\": 0, \"maximum\": 1}, {\"type\": \"object\", "
    "\"required\": "
    "[\"count\"], \"additionalProperties\": false, \"properties\": {\"count\": {\"type\": \"integer\", \"minimum\": 1, "
    "\"maximum\": 1000000000}}}]}"};

// ---- data.mask_channel --------------------------------------------------------------------------------------------

static vc_status read_mask_channel(const struct config_reader *r, const struct config_row *row, const vc_json *value) {
  static const char *const names[] = {"auto", "red", "green", "blue", "alpha"};
  if (vc_json_type_of(value) == VC_JSON_STRING) {
    for (int i = 0; i < (int)VC_COUNT_OF(names); i++) {
      if (strcmp(vc_json_string(value), names[i]) != 0) continue;
      r->config->data.mask_channel = i - 1;
      return VC_OK;
    }
  }
  double number = vc_json_type_of(value) == VC_JSON_NUMBER ? vc_json_number(value) : -1;
  if (number != 0 && number != 1 && number != 2 && number != 3) {
    return config_fail(r, value, row->path,
                       "no such channel; use \"auto\", 0 to 3, \"red\", \"green\", \"blue\" or \"alpha\"");
  }
  r->config->data.mask_channel = (int)number;
  return VC_OK;
}

static void write_mask_channel(vc_json_writer *w, const char *key, const struct vc_config *config) {
  if (config->data.mask_channel < 0)
    vc_json_put_string(w, key, "auto");
  else
    vc_json_put_number(w, key, config->data.mask_channel);
}

const struct config_codec config_mask_channel = {
    read_mask_channel, write_mask_channel,
    "{\"enum\": [\"auto\", 0, 1, 2, 3, \"red\", \"green\", \"blue\", \"alpha\"]}"};

// ---- data.split ---------------------------------------------------------------------------------------------------

static vc_status read_split(const struct config_reader *r, const struct config_row *row, const vc_json *value) {
  if (vc_json_type_of(value) != VC_JSON_ARRAY || vc_json_size(value) != 3) {
    return config_fail(r, value, row->path, "three shares are wanted, [training, validation, test], like %s",
                       row->initial);
  }
  double sum = 0;
  for (size_t i = 0; i < 3; i++) {
    VC_TRY(config_read_number(r, row, vc_json_at(value, i), 0, 1e6, false, &r->config->data.split[i]));
    sum += r->config->data.split[i];
  }
  if (!(r->config->data.split[0] / sum > 0)) { // also where all are 0
    return config_fail(r, value, row->path, "the share of training is 0; give it some, like %s", row->initial);
  }
  return VC_OK;
}

static void write_split(vc_json_writer *w, const char *key, const struct vc_config *config) {
  vc_json_begin_array(w, key);
  for (size_t i = 0; i < 3; i++) vc_json_put_number(w, NULL, config->data.split[i]);
  vc_json_end_array(w);
}

const struct config_codec config_split = {
    read_split, write_split,
    "{\"type\": \"array\", \"minItems\": 3, \"maxItems\": 3, \"items\": {\"type\": \"number\", \"minimum\": 0, "
    "\"maximum\": 1000000}}"};

// ---- data.workers -------------------------------------------------------------------------------------------------

static vc_status read_workers(const struct config_reader *r, const struct config_row *row, const vc_json *value) {
  if (vc_json_type_of(value) == VC_JSON_STRING && strcmp(vc_json_string(value), "auto") == 0) {
    r->config->data.workers = -1;
    return VC_OK;
  }
  double number;
  VC_TRY(config_read_number(r, row, value, row->lo, row->hi, true, &number));
  r->config->data.workers = (int)number;
  return VC_OK;
}

static void write_workers(vc_json_writer *w, const char *key, const struct vc_config *config) {
  if (config->data.workers < 0)
    vc_json_put_string(w, key, "auto");
  else
    vc_json_put_number(w, key, config->data.workers);
}

const struct config_codec config_workers = {
    read_workers, write_workers,
    "{\"anyOf\": [{\"const\": \"auto\"}, {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 256}]}"};

// ---- augment.weak.scale -------------------------------------------------------------------------------------------

static vc_status read_scale(const struct config_reader *r, const struct config_row *row, const vc_json *value) {
  if (vc_json_type_of(value) != VC_JSON_ARRAY || vc_json_size(value) != 2) {
    return config_fail(r, value, row->path, "two numbers are wanted, [smallest, largest], like %s", row->initial);
  }
  struct vc_weak_desc *weak = &r->config->augment.weak;
  VC_TRY(config_read_number(r, row, vc_json_at(value, 0), row->lo, row->hi, false, &weak->scale_lo));
  VC_TRY(config_read_number(r, row, vc_json_at(value, 1), row->lo, row->hi, false, &weak->scale_hi));
  if (weak->scale_lo > weak->scale_hi) {
    return config_fail(r, value, row->path, "%.10g is above %.10g; give the smaller one first", weak->scale_lo,
                       weak->scale_hi);
  }
  return VC_OK;
}

static void write_scale(vc_json_writer *w, const char *key, const struct vc_config *config) {
  vc_json_begin_array(w, key);
  vc_json_put_number(w, NULL, config->augment.weak.scale_lo);
  vc_json_put_number(w, NULL, config->augment.weak.scale_hi);
  vc_json_end_array(w);
}

const struct config_codec config_scale = {
    read_scale, write_scale,
    "{\"type\": \"array\", \"minItems\": 2, \"maxItems\": 2, \"items\": {\"type\": \"number\", \"minimum\": 0.1, "
    "\"maximum\": 10}}"};

// ---- augment.strong.ops -------------------------------------------------------------------------------------------

static const char *const op_names[VC_AUG_COUNT] = {
    [VC_AUG_ROTATE] = "rotate",     [VC_AUG_AUTOCONTRAST] = "autocontrast", [VC_AUG_INVERT] = "invert",
    [VC_AUG_EQUALIZE] = "equalize", [VC_AUG_SOLARIZE] = "solarize",         [VC_AUG_CONTRAST] = "contrast",
    [VC_AUG_COLOR] = "color",       [VC_AUG_BRIGHTNESS] = "brightness",     [VC_AUG_SHARPNESS] = "sharpness"};
enum { ALL_OPS = (1 << VC_AUG_COUNT) - (1 << VC_AUG_ROTATE) };

const char *config_op_name(enum vc_augment_op op) {
  return op_names[op];
}

static vc_status read_ops(const struct config_reader *r, const struct config_row *row, const vc_json *value) {
  static const char *const known =
      "rotate, autocontrast, invert, equalize, solarize, contrast, color, brightness, sharpness";
  uint32_t mask = 0;
  if (vc_json_type_of(value) == VC_JSON_STRING && strcmp(vc_json_string(value), "all") == 0) {
    r->config->augment.strong.op_mask = ALL_OPS;
    return VC_OK;
  }
  if (vc_json_type_of(value) != VC_JSON_ARRAY || vc_json_size(value) == 0) {
    return config_fail(r, value, row->path, "\"all\" or a list of names is wanted; names: %s", known);
  }
  for (size_t i = 0; i < vc_json_size(value); i++) {
    const vc_json *name = vc_json_at(value, i);
    uint32_t op = VC_AUG_ROTATE;
    if (vc_json_type_of(name) != VC_JSON_STRING)
      return config_fail(r, name, row->path, "each name is a text; names: %s", known);
    while (op < VC_AUG_COUNT && strcasecmp(vc_json_string(name), op_names[op]) != 0) op++;
    if (op == VC_AUG_COUNT) {
      return config_fail(r, name, row->path, "unknown transformation \"%.100s\"; names: %s", vc_json_string(name),
                         known);
    }
    mask |= 1u << op;
  }
  r->config->augment.strong.op_mask = mask;
  return VC_OK;
}

static void write_ops(vc_json_writer *w, const char *key, const struct vc_config *config) {
  if (config->augment.strong.op_mask == ALL_OPS) {
    vc_json_put_string(w, key, "all");
    return;
  }
  vc_json_begin_array(w, key);
  for (uint32_t op = VC_AUG_ROTATE; op < VC_AUG_COUNT; op++) {
    if ((config->augment.strong.op_mask >> op) & 1) vc_json_put_string(w, NULL, op_names[op]);
  }
  vc_json_end_array(w);
}

const struct config_codec config_ops = {
    read_ops, write_ops,
    "{\"anyOf\": [{\"const\": \"all\"}, {\"type\": \"array\", \"minItems\": 1, \"items\": {\"enum\": [\"rotate\", "
    "\"autocontrast\", \"invert\", \"equalize\", \"solarize\", \"contrast\", \"color\", \"brightness\", "
    "\"sharpness\"]}}]}"};
