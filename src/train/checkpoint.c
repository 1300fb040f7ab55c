// Model files: safetensors with PyTorch's names and shapes, and what vulcyte knows of the model in the metadata.
#include "vulcyte/train.h"

#include "config_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#ifndef VC_VERSION
#error "VC_VERSION is set by the build"
#endif

static const char *const head_names[VC_N_HEADS] = {[VC_HEAD_MAIN] = "main", [VC_HEAD_AUX] = "aux"};

static uint32_t n_clusters(const struct vc_unet_desc *d, enum vc_head head) {
  return head == VC_HEAD_MAIN ? d->classes : d->aux_classes;
}

// ---- numbers of other widths ----------------------------------------------------------------------------------------

static float from_half(uint16_t bits) {
  uint32_t sign = (uint32_t)(bits >> 15) << 31, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent == 0) return (sign ? -1.0f : 1.0f) * ldexpf((float)fraction, -24);
  uint32_t word = sign | (exponent == 31 ? 255u << 23 : (exponent + 112) << 23) | fraction << 13;
  float value;
  memcpy(&value, &word, 4);
  return value;
}

// dtype is one of F32, F64, F16, BF16, I64; source need not be aligned.
static void convert(const char *dtype, const uint8_t *source, uint64_t n, float *out) {
  if (strcmp(dtype, "F32") == 0) {
    memcpy(out, source, n * 4);
    return;
  }
  for (uint64_t i = 0; i < n; i++) {
    uint16_t half;
    double wide;
    if (strcmp(dtype, "F64") == 0) {
      memcpy(&wide, source + 8 * i, 8);
      out[i] = (float)wide;
      continue;
    }
    if (strcmp(dtype, "I64") == 0) {
      int64_t whole;
      memcpy(&whole, source + 8 * i, 8);
      out[i] = (float)whole;
      continue;
    }
    memcpy(&half, source + 2 * i, 2);
    if (strcmp(dtype, "F16") == 0) {
      out[i] = from_half(half);
    } else {
      uint32_t word = (uint32_t)half << 16;
      memcpy(&out[i], &word, 4);
    }
  }
}

static bool is_float(const char *dtype) {
  return strcmp(dtype, "F32") == 0 || strcmp(dtype, "F16") == 0 || strcmp(dtype, "BF16") == 0 ||
         strcmp(dtype, "F64") == 0;
}

// ---- tensors and parameters -----------------------------------------------------------------------------------------

static const struct vc_named_tensor *find_tensor(const struct vc_safetensors *s, const char *name) {
  for (uint32_t i = 0; i < s->n_tensors; i++) {
    if (strcmp(s->tensors[i].name, name) == 0) return &s->tensors[i];
  }
  return NULL;
}

static uint64_t param_count(const struct vc_param *p) {
  uint64_t n = 1;
  for (uint32_t d = 0; d < p->n_dims; d++) n *= p->dims[d];
  return n;
}

static void print_dims(const struct vc_named_tensor *t, char *out, size_t n_bytes) {
  size_t n = (size_t)snprintf(out, n_bytes, "[");
  for (uint32_t d = 0; d < t->n_dims && n < n_bytes; d++) {
    n += (size_t)snprintf(out + n, n_bytes - n, "%s%llu", d ? "," : "", (unsigned long long)t->dims[d]);
  }
  if (n < n_bytes) snprintf(out + n, n_bytes - n, "]");
}

static vc_status check_fit(const char *path, const struct vc_param *p, const struct vc_named_tensor *t) {
  if (!t)
    return VC_FAIL(VC_E_SHAPE, "%s: the tensor \"%s\" is missing; it is a model of another network", path, p->name);
  bool is_equal = t->n_dims == p->n_dims;
  for (uint32_t d = 0; is_equal && d < p->n_dims; d++) is_equal = t->dims[d] == p->dims[d];
  if (!is_equal) {
    char is[160], wanted[160];
    struct vc_named_tensor want = {.n_dims = p->n_dims};
    for (uint32_t d = 0; d < p->n_dims; d++) want.dims[d] = p->dims[d];
    print_dims(t, is, sizeof is);
    print_dims(&want, wanted, sizeof wanted);
    return VC_FAIL(VC_E_SHAPE,
                   "%s: the tensor \"%s\" has shape %s, the network wants %s; it is a model of another network", path,
                   p->name, is, wanted);
  }
  if (p->is_integer && strcmp(t->dtype, "I64") != 0)
    return VC_FAIL(VC_E_SHAPE, "%s: the tensor \"%s\" holds %s; it must be I64", path, p->name, t->dtype);
  if (!p->is_integer && !is_float(t->dtype)) {
    return VC_FAIL(VC_E_SHAPE, "%s: the tensor \"%s\" holds %s; weights are F32, F16, BF16 or F64", path, p->name,
                   t->dtype);
  }
  return VC_OK;
}

static bool is_param(const vc_model *model, const char *name) {
  for (uint32_t i = 0; i < model->n_params; i++) {
    if (strcmp(model->params[i].name, name) == 0) return true;
  }
  return false;
}

// All that can be wrong about names, shapes and types, before a byte of weights is allocated.
static vc_status check_all_fit(const char *path, const struct vc_safetensors *s, const vc_model *model) {
  for (uint32_t i = 0; i < model->n_params; i++) {
    VC_TRY(check_fit(path, &model->params[i], find_tensor(s, model->params[i].name)));
  }
  for (uint32_t i = 0; i < s->n_tensors; i++) {
    if (is_param(model, s->tensors[i].name)) continue;
    return VC_FAIL(VC_E_SHAPE,
                   "%s: the tensor \"%.100s\" has no place in the network; it is a model of another network", path,
                   s->tensors[i].name);
  }
  return VC_OK;
}

static vc_status load_param(vc_arena *arena, const char *path, const struct vc_param *p,
                            const struct vc_named_tensor *t, float *block) {
  uint64_t n = param_count(p);
  float *values;
  VC_TRY_CTX(VC_NEW(arena, n, &values), "%s", path);
  convert(t->dtype, t->data, n, values);
  for (uint64_t i = 0; i < n; i++) {
    if (isfinite(values[i])) continue;
    return VC_FAIL(VC_E_FORMAT, "%s: the tensor \"%s\" holds NaN or infinity; use another checkpoint", path, p->name);
  }
  const bool is_variance = p->is_state && p->initial > 0;
  for (uint64_t i = 0; is_variance && i < n; i++) {
    if (values[i] < 0)
      return VC_FAIL(VC_E_FORMAT, "%s: the tensor \"%s\" holds a variance below 0; use another checkpoint", path,
                     p->name);
  }
  vc_param_to_block(p, values, block);
  return VC_OK;
}

// Names for one message: the first few, and how many there are.
struct names {
  char text[600];
  size_t n_bytes;
  uint32_t n;
};

static void add_name(struct names *names, const char *fmt, ...) VC_PRINTF(2, 3);
static void add_name(struct names *names, const char *fmt, ...) {
  enum { SHOWN = 4 };
  if (names->n++ >= SHOWN) return;
  size_t room = sizeof names->text - names->n_bytes;
  if (names->n > 1) names->n_bytes += VC_MIN((size_t)snprintf(names->text + names->n_bytes, room, ", "), room - 1);
  room = sizeof names->text - names->n_bytes;
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(names->text + names->n_bytes, room, fmt, args);
  va_end(args);
  names->n_bytes += VC_MIN((size_t)VC_MAX(n, 0), room - 1);
  if (names->n == SHOWN) snprintf(names->text + names->n_bytes, sizeof names->text - names->n_bytes, ", ...");
}

// What became of a file's tensors in another network.
struct transfer {
  uint32_t n_loaded;
  struct names missing, of_other_shape, of_other_type, extra;
};

static void note_misfit(struct transfer *out, const struct vc_param *p, const struct vc_named_tensor *t) {
  char is[160], wanted[160];
  struct vc_named_tensor want = {.n_dims = p->n_dims};
  if (!t) {
    add_name(&out->missing, "%s", p->name);
    return;
  }
  for (uint32_t d = 0; d < p->n_dims; d++) want.dims[d] = p->dims[d];
  print_dims(t, is, sizeof is);
  print_dims(&want, wanted, sizeof wanted);
  if (strcmp(is, wanted) == 0)
    add_name(&out->of_other_type, "%s (%s)", p->name, t->dtype);
  else
    add_name(&out->of_other_shape, "%s (%s there, %s here)", p->name, is, wanted);
}

// Loads what fits; the scratch memory of one tensor at a time.
static vc_status load_fitting(const char *path, const struct vc_safetensors *s, const vc_model *model, float *block,
                              struct transfer *out) {
  for (uint32_t i = 0; i < model->n_params; i++) {
    const struct vc_param *p = &model->params[i];
    const struct vc_named_tensor *t = find_tensor(s, p->name);
    if (check_fit(path, p, t) != VC_OK) {
      note_misfit(out, p, t);
      continue;
    }
    vc_arena *scratch;
    VC_TRY(vc_arena_create(&scratch));
    vc_status status = load_param(scratch, path, p, t, block);
    vc_arena_destroy(scratch);
    VC_TRY(status);
    out->n_loaded++;
  }
  for (uint32_t i = 0; i < s->n_tensors; i++) {
    if (!is_param(model, s->tensors[i].name)) add_name(&out->extra, "%.100s", s->tensors[i].name);
  }
  return VC_OK;
}

static void log_names(const char *path, const char *what, const struct names *names) {
  if (names->n > 0) vc_log(VC_LOG_WARNING, "%s: %s (%u): %s", path, what, names->n, names->text);
}

static vc_status load_weights(vc_arena *arena, const char *path, const vc_model *model, float *block, bool strict) {
  struct vc_safetensors s;
  struct transfer t = {0};
  VC_TRY(vc_safetensors_read(arena, path, &s));
  if (strict) VC_TRY(check_all_fit(path, &s, model));
  VC_TRY(load_fitting(path, &s, model, block, &t));
  if (t.n_loaded == 0)
    return VC_FAIL(VC_E_SHAPE, "%s: none of its tensors fits the network; it is a model of another network", path);
  vc_log(VC_LOG_INFO, "%s: %u of the network's %u tensors are loaded", path, t.n_loaded, model->n_params);
  log_names(path, "re-initialised, for their shapes differ", &t.of_other_shape);
  log_names(path, "re-initialised, for the file lacks them", &t.missing);
  log_names(path, "re-initialised, for they do not hold what weights are made of", &t.of_other_type);
  log_names(path, "skipped, for the network has no place for them", &t.extra);
  return VC_OK;
}

vc_status vc_checkpoint_load_weights(const char *path, const vc_model *model, float *block, bool strict) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = load_weights(arena, path, model, block, strict);
  vc_arena_destroy(arena);
  return status;
}

// ---- reading --------------------------------------------------------------------------------------------------------

static vc_status read_range_value(const char *path, const vc_json *value, uint32_t channels, double *out) {
  bool is_list = value && vc_json_type_of(value) == VC_JSON_ARRAY;
  size_t n = is_list ? vc_json_size(value) : 1;
  if (!value || n != channels)
    return VC_FAIL(VC_E_FORMAT, "%s: its normalisation does not have one value per channel", path);
  for (size_t i = 0; i < n; i++) {
    const vc_json *number = is_list ? vc_json_at(value, i) : value;
    if (vc_json_type_of(number) != VC_JSON_NUMBER) {
      return VC_FAIL(VC_E_FORMAT, "%s: its normalisation holds something other than numbers", path);
    }
    out[i] = vc_json_number(number);
  }
  return VC_OK;
}

static vc_status read_range(vc_arena *arena, const char *path, const char *text, uint32_t channels,
                            struct vc_model_info *info) {
  char *name;
  vc_json *range;
  VC_TRY(vc_arena_printf(arena, &name, "%s (normalisation)", path));
  VC_TRY(vc_json_parse(arena, name, text, strlen(text), &range));
  VC_TRY(read_range_value(path, vc_json_get(range, "min"), channels, info->min));
  VC_TRY(read_range_value(path, vc_json_get(range, "max"), channels, info->max));
  for (uint32_t c = 0; c < channels; c++) {
    if (info->max[c] > info->min[c] && isnormal((float)(1.0 / (info->max[c] - info->min[c])))) continue;
    return VC_FAIL(VC_E_FORMAT, "%s: its normalisation, %g to %g, is no range; use another checkpoint", path,
                   info->min[c], info->max[c]);
  }
  info->has_range = true;
  return VC_OK;
}

static vc_status require(const char *path, const struct vc_safetensors *s, const char *name, uint32_t n_dims,
                         const struct vc_named_tensor **out) {
  *out = find_tensor(s, name);
  if (*out && (*out)->n_dims == n_dims) return VC_OK;
  return VC_FAIL(VC_E_SHAPE,
                 "%s: no tensor \"%s\" of %u dimensions; a model has the names enc0.conv0.weight to head.bias", path,
                 name, n_dims);
}

static enum vc_norm infer_norm(const char *path, const struct vc_safetensors *s, uint32_t base) {
  if (find_tensor(s, "enc0.norm0.running_mean")) return VC_NORM_BATCH;
  if (!find_tensor(s, "enc0.norm0.weight")) return VC_NORM_NONE;
  const bool is_group = base % VC_NORM_GROUPS == 0;
  vc_log(VC_LOG_WARNING, "%s: group and instance norm have the same tensors; taken for %s norm", path,
         is_group ? "group" : "instance");
  return is_group ? VC_NORM_GROUP : VC_NORM_INSTANCE;
}

// The network of a bare state dict.
static vc_status infer_desc(const char *path, const struct vc_safetensors *s, struct vc_unet_desc *out) {
  const struct vc_named_tensor *first, *head;
  VC_TRY(require(path, s, "enc0.conv0.weight", 4, &first));
  VC_TRY(require(path, s, "head.weight", 4, &head));
  uint32_t n_levels = 0;
  char name[64];
  do {
    snprintf(name, sizeof name, "enc%u.conv0.weight", ++n_levels);
  } while (find_tensor(s, name) && n_levels < 64);
  const struct vc_named_tensor *aux = find_tensor(s, "head_aux.weight");
  uint64_t sizes[] = {first->dims[0], first->dims[1], head->dims[0], aux && aux->n_dims > 0 ? aux->dims[0] : 0};
  for (size_t i = 0; i < VC_COUNT_OF(sizes); i++) {
    if (sizes[i] > 65536)
      return VC_FAIL(VC_E_SHAPE, "%s: %llu feature maps are too many", path, (unsigned long long)sizes[i]);
  }
  *out = (struct vc_unet_desc){.channels = (uint32_t)sizes[1],
                               .classes = (uint32_t)sizes[2],
                               .aux_classes = (uint32_t)sizes[3],
                               .base = (uint32_t)sizes[0],
                               .depth = n_levels - 1,
                               .padding = VC_PAD_SAME,
                               .norm = infer_norm(path, s, (uint32_t)sizes[0])};
  return VC_OK;
}

// A configuration with the defaults and the network that the shapes tell.
static vc_status default_config(vc_arena *arena, const char *path, const struct vc_unet_desc *desc,
                                struct vc_config *out) {
  static const char *const norms[] = {
      [VC_NORM_NONE] = "none", [VC_NORM_BATCH] = "batch", [VC_NORM_GROUP] = "group", [VC_NORM_INSTANCE] = "instance"};
  vc_json_writer *w;
  const char *text;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(arena, 0, &w));
  vc_json_begin_object(w, NULL);
  vc_json_begin_object(w, "data");
  vc_json_put_number(w, "channels", desc->channels);
  vc_json_put_null(w, "crop");
  if (desc->classes != 2) {
    vc_json_begin_array(w, "classes");
    for (uint32_t c = 0; c < desc->classes; c++) {
      char name[32];
      snprintf(name, sizeof name, c == 0 ? "background" : "class %u", c);
      vc_json_begin_object(w, NULL);
      vc_json_put_string(w, "name", name);
      vc_json_begin_array(w, "values");
      vc_json_put_number(w, NULL, c);
      vc_json_end_array(w);
      vc_json_end_object(w);
    }
    vc_json_end_array(w);
  }
  vc_json_end_object(w);
  vc_json_begin_object(w, "model");
  vc_json_put_number(w, "base", desc->base);
  vc_json_put_number(w, "depth", desc->depth);
  vc_json_put_string(w, "norm", norms[desc->norm]);
  vc_json_end_object(w);
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  if (vc_config_parse(arena, "model", ".", text, n_bytes, NULL, 0, out) == VC_OK) return VC_OK;
  return VC_FAIL(VC_E_SHAPE,
                 "%s: its shapes are no network of this program (%u channels, %u classes, base %u, depth %u)", path,
                 desc->channels, desc->classes, desc->base, desc->depth);
}

static const char *text_of(const vc_json *value) {
  return value && vc_json_type_of(value) == VC_JSON_STRING ? vc_json_string(value) : "";
}

// The classes of each head's clusters; a head that is null is not matched.
static vc_status read_heads(vc_arena *arena, const char *path, const char *text, const struct vc_unet_desc *desc,
                            struct vc_model_info *info) {
  char *name;
  vc_json *json;
  VC_TRY(vc_arena_printf(arena, &name, "%s (heads)", path));
  VC_TRY(vc_json_parse(arena, name, text, strlen(text), &json));
  const char *chosen = text_of(vc_json_get(json, "chosen"));
  if (strcmp(chosen, head_names[VC_HEAD_AUX]) == 0 && desc->aux_classes > 0) info->heads.chosen = VC_HEAD_AUX;
  for (uint32_t h = 0; h < VC_N_HEADS; h++) {
    const vc_json *list = vc_json_get(json, head_names[h]);
    if (!list || vc_json_type_of(list) == VC_JSON_NULL) continue;
    bool is_sound = vc_json_type_of(list) == VC_JSON_ARRAY && vc_json_size(list) == n_clusters(desc, h);
    for (size_t k = 0; is_sound && k < vc_json_size(list); k++) {
      const vc_json *item = vc_json_at(list, k);
      const double number = vc_json_type_of(item) == VC_JSON_NUMBER ? vc_json_number(item) : -1;
      is_sound = number >= 0 && number < info->config.data.n_classes && number == floor(number);
      if (is_sound) info->heads.class_of[h][k] = (uint8_t)number;
    }
    if (!is_sound)
      return VC_FAIL(VC_E_FORMAT, "%s: the classes of its %s head's clusters are damaged; use another checkpoint", path,
                     head_names[h]);
    info->heads.matched[h] = true;
  }
  return VC_OK;
}

static vc_status read_info(vc_arena *arena, const char *path, const struct vc_safetensors *s,
                           struct vc_model_info *info, struct vc_unet_desc *out_desc) {
  const char *config = vc_safetensors_metadata(s, "config"), *range = vc_safetensors_metadata(s, "normalisation");
  if (config) {
    vc_status status = vc_config_parse(arena, "its configuration", ".", config, strlen(config), NULL, 0, &info->config);
    if (status == VC_E_CONFIG) status = VC_E_FORMAT;
    VC_TRY_CTX(status, "%s", path);
    vc_config_unet(&info->config, out_desc);
    info->has_config = true;
  } else {
    VC_TRY(infer_desc(path, s, out_desc));
    VC_TRY(default_config(arena, path, out_desc, &info->config));
  }
  const char *heads = vc_safetensors_metadata(s, "heads");
  if (heads) VC_TRY(read_heads(arena, path, heads, out_desc, info));
  return range ? read_range(arena, path, range, out_desc->channels, info) : VC_OK;
}

static vc_status read_checkpoint(vc_arena *arena, vc_arena *scratch, const char *path, struct vc_model_info *out_info,
                                 vc_model **out_model, float **out_block) {
  struct vc_safetensors s;
  struct vc_model_info info = {0};
  struct vc_unet_desc desc;
  vc_model *model;
  float *block;
  struct transfer transfer = {0};
  VC_TRY(vc_safetensors_read(scratch, path, &s));
  VC_TRY(read_info(arena, path, &s, &info, &desc));
  VC_TRY_CTX(vc_unet_model(arena, &desc, &model), "%s", path);
  VC_TRY(check_all_fit(path, &s, model));
  VC_TRY_CTX(VC_NEW(arena, model->block_elements, &block), "%s", path);
  VC_TRY(load_fitting(path, &s, model, block, &transfer));
  *out_info = info;
  *out_model = model;
  *out_block = block;
  return VC_OK;
}

vc_status vc_checkpoint_read(vc_arena *arena, const char *path, struct vc_model_info *out_info, vc_model **out_model,
                             float **out_block) {
  vc_arena *scratch; // the file itself
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = read_checkpoint(arena, scratch, path, out_info, out_model, out_block);
  vc_arena_destroy(scratch);
  return status;
}

// ---- writing --------------------------------------------------------------------------------------------------------

static void put_range_values(vc_json_writer *w, const char *key, const double *values, uint32_t n) {
  if (n == 1) {
    vc_json_put_number(w, key, values[0]);
    return;
  }
  vc_json_begin_array(w, key);
  for (uint32_t i = 0; i < n; i++) vc_json_put_number(w, NULL, values[i]);
  vc_json_end_array(w);
}

vc_status vc_checkpoint_range_text(vc_arena *arena, const double *min, const double *max, uint32_t n,
                                   const char **out) {
  vc_json_writer *w;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(arena, 0, &w));
  vc_json_begin_object(w, NULL);
  put_range_values(w, "min", min, n);
  put_range_values(w, "max", max, n);
  vc_json_end_object(w);
  return vc_json_writer_text(w, out, &n_bytes);
}

vc_status vc_checkpoint_classes_text(vc_arena *arena, const struct vc_config *config, const char **out) {
  vc_json_writer *w;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(arena, 0, &w));
  vc_json_begin_array(w, NULL);
  for (uint32_t c = 0; c < config->data.n_classes; c++) vc_json_put_string(w, NULL, config->data.classes[c].name);
  vc_json_end_array(w);
  return vc_json_writer_text(w, out, &n_bytes);
}

static vc_status heads_text(vc_arena *arena, const struct vc_unet_desc *d, const struct vc_heads *heads,
                            const char **out) {
  vc_json_writer *w;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(arena, 0, &w));
  vc_json_begin_object(w, NULL);
  vc_json_put_string(w, "chosen", head_names[heads->chosen]);
  for (uint32_t h = 0; h < VC_N_HEADS; h++) {
    if (!heads->matched[h]) {
      vc_json_put_null(w, head_names[h]);
      continue;
    }
    vc_json_begin_array(w, head_names[h]);
    for (uint32_t k = 0; k < n_clusters(d, h); k++) vc_json_put_number(w, NULL, heads->class_of[h][k]);
    vc_json_end_array(w);
  }
  vc_json_end_object(w);
  return vc_json_writer_text(w, out, &n_bytes);
}

// A model's tensors, one at a time in memory in PyTorch's order.
struct source {
  vc_fetch_params_fn fetch;
  void *context;
  const struct vc_param **params; // of the file's tensors
  float *values;                  // of the tensor at hand
  int64_t *wholes;
};

static vc_status fetch_tensor(void *context, uint32_t tensor, const void **out) {
  const struct source *from = context;
  struct vc_param p = *from->params[tensor];
  const float *values;
  VC_TRY(from->fetch(from->context, p.offset, param_count(&p), &values));
  p.offset = 0;
  vc_param_from_block(&p, values, from->values);
  *out = from->values;
  if (!p.is_integer) return VC_OK;
  for (uint64_t k = 0; k < param_count(&p); k++) from->wholes[k] = (int64_t)from->values[k];
  *out = from->wholes;
  return VC_OK;
}

static struct vc_named_tensor tensor_of(const struct vc_param *p) {
  struct vc_named_tensor t = {.name = p->name,
                              .dtype = p->is_integer ? "I64" : "F32",
                              .n_dims = p->n_dims,
                              .n_bytes = param_count(p) * (p->is_integer ? 8 : 4)};
  for (uint32_t d = 0; d < p->n_dims; d++) t.dims[d] = p->dims[d];
  return t;
}

// The wider ones first: readers that map the file want every tensor at a multiple of its elements' size.
static vc_status list_tensors(vc_arena *arena, const vc_model *model, vc_fetch_params_fn fetch, void *context,
                              struct vc_safetensors *s) {
  struct source *from;
  uint64_t n_most[2] = {0}; // floats, whole numbers
  VC_TRY(VC_NEW(arena, 1, &from));
  VC_TRY(VC_NEW(arena, model->n_params, &from->params));
  VC_TRY(VC_NEW(arena, model->n_params, &s->tensors));
  for (int wide = 1; wide >= 0; wide--) {
    for (uint32_t i = 0; i < model->n_params; i++) {
      const struct vc_param *p = &model->params[i];
      if (p->is_integer != (wide == 1)) continue;
      n_most[0] = VC_MAX(n_most[0], param_count(p));
      n_most[wide] = VC_MAX(n_most[wide], param_count(p));
      from->params[s->n_tensors] = p;
      s->tensors[s->n_tensors++] = tensor_of(p);
    }
  }
  from->fetch = fetch;
  from->context = context;
  VC_TRY(VC_NEW(arena, n_most[0], &from->values));
  VC_TRY(VC_NEW(arena, n_most[1], &from->wholes));
  s->fetch = fetch_tensor;
  s->context = from;
  return VC_OK;
}

static vc_status write_checkpoint(vc_arena *arena, const char *path, const vc_model *model, vc_fetch_params_fn fetch,
                                  void *context, const struct vc_config *config, const double *min, const double *max,
                                  const struct vc_heads *heads, const char *metrics_json) {
  const char *keys[6], *values[6];
  struct vc_safetensors s = {.keys = keys, .values = values};
  keys[s.n_metadata] = "config";
  VC_TRY(config_checkpoint_text(arena, config, &values[s.n_metadata++]));
  keys[s.n_metadata] = "classes";
  VC_TRY(vc_checkpoint_classes_text(arena, config, &values[s.n_metadata++]));
  if (min && max) {
    keys[s.n_metadata] = "normalisation";
    VC_TRY(vc_checkpoint_range_text(arena, min, max, model->desc.channels, &values[s.n_metadata++]));
  }
  if (heads) {
    keys[s.n_metadata] = "heads";
    VC_TRY(heads_text(arena, &model->desc, heads, &values[s.n_metadata++]));
  }
  if (metrics_json) {
    keys[s.n_metadata] = "metrics";
    values[s.n_metadata++] = metrics_json;
  }
  keys[s.n_metadata] = "version";
  values[s.n_metadata++] = VC_VERSION;
  VC_TRY(list_tensors(arena, model, fetch, context, &s));
  return vc_safetensors_write(path, &s);
}

vc_status vc_checkpoint_write_from(const char *path, const vc_model *model, vc_fetch_params_fn fetch, void *context,
                                   const struct vc_config *config, const double *min, const double *max,
                                   const struct vc_heads *heads, const char *metrics_json) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = write_checkpoint(arena, path, model, fetch, context, config, min, max, heads, metrics_json);
  vc_arena_destroy(arena);
  return status;
}

static vc_status fetch_from_block(void *context, uint64_t first, uint64_t n, const float **out) {
  const float *const *block = context;
  (void)n;
  *out = *block + first;
  return VC_OK;
}

vc_status vc_checkpoint_write(const char *path, const vc_model *model, const float *block,
                              const struct vc_config *config, const double *min, const double *max,
                              const struct vc_heads *heads, const char *metrics_json) {
  return vc_checkpoint_write_from(path, model, fetch_from_block, &block, config, min, max, heads, metrics_json);
}
