// Weights without the training around them.
#include "vulcyte/export.h"

#include <string.h>

static vc_status keep_metadata(vc_arena *arena, const struct vc_model_info *info, struct vc_safetensors *s) {
  static const char *const kept[] = {"normalisation", "heads", "version", "config"};
  // Shapes do not tell these from another network, so its configuration goes along.
  const bool is_told_by_shapes = !info->config.model.edges && info->config.model.padding == VC_PAD_SAME;
  const size_t n_kept = VC_COUNT_OF(kept) - is_told_by_shapes;
  const char **keys, **values;
  VC_TRY(VC_NEW(arena, VC_COUNT_OF(kept) + 1, &keys));
  VC_TRY(VC_NEW(arena, VC_COUNT_OF(kept) + 1, &values));
  keys[0] = "classes";
  VC_TRY(vc_checkpoint_classes_text(arena, &info->config, &values[0]));
  uint32_t n = 1;
  for (size_t i = 0; i < n_kept; i++) {
    const char *value = vc_safetensors_metadata(s, kept[i]);
    if (!value) continue;
    keys[n] = kept[i];
    values[n++] = value;
  }
  s->keys = keys;
  s->values = values;
  s->n_metadata = n;
  return VC_OK;
}

static vc_status export_safetensors(vc_arena *arena, const char *model_path, const char *out_path) {
  struct vc_model_info info;
  vc_model *model;
  float *block;
  struct vc_safetensors s;
  VC_TRY(vc_checkpoint_read(arena, model_path, &info, &model, &block)); // refuses what is no model
  VC_TRY(vc_safetensors_read(arena, model_path, &s));
  VC_TRY(keep_metadata(arena, &info, &s));
  return vc_safetensors_write(out_path, &s);
}

vc_status vc_export_safetensors(const char *model_path, const char *out_path) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = export_safetensors(arena, model_path, out_path);
  vc_arena_destroy(arena);
  return status;
}
