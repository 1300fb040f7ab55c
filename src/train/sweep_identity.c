// When two configurations are the same training.
#include "sweep.h"

#include "config_table.h"

#include <string.h>

static bool is_of(const char *key, const char *group) {
  size_t n = strlen(group);
  return strncmp(key, group, n) == 0 && (key[n] == '\0' || key[n] == '.');
}

bool sweep_key_matters(const struct vc_config *c, const char *key) {
  const struct config_row *row = config_find_row(key, strlen(key));
  if ((row && row->host) || strcmp(key, "name") == 0) return false;
  bool is_uda = c->method == VC_METHOD_UDA, is_iic = c->method == VC_METHOD_IIC;
  if (is_of(key, "iic.restart_epochs")) return is_iic && c->iic.restarts > 1;
  if (is_of(key, "iic")) return is_iic;
  if (is_iic && is_of(key, "augment.strong")) return c->iic.strong;
  if (is_iic && (is_of(key, "augment.weak") || is_of(key, "supervised_loss") || is_of(key, "data.labelled")))
    return false;
  if (is_of(key, "uda") || is_of(key, "augment.strong")) {
    bool is_of_iid = is_of(key, "uda.lambda") || is_of(key, "uda.displacement") || is_of(key, "uda.collapsed");
    return is_uda && (!is_of_iid || c->uda.loss == VC_UDA_IID);
  }
  if (is_of(key, "optimizer.schedule.every") || is_of(key, "optimizer.schedule.gamma"))
    return c->optimizer.schedule.name == VC_SCHEDULE_STEP;
  if (is_of(key, "supervised_loss.denominator") || is_of(key, "supervised_loss.weights"))
    return c->supervised_loss.name != VC_LOSS_CROSS_ENTROPY;
  return true;
}

vc_status sweep_identity(vc_arena *arena, const struct vc_config *config, const char **out) {
  vc_json_writer *w;
  size_t n_bytes;
  VC_TRY(vc_json_writer_create(arena, 0, &w));
  vc_json_begin_object(w, NULL);
  for (uint32_t i = 0; i < config_n_rows; i++) {
    if (!sweep_key_matters(config, config_rows[i].path)) continue;
    vc_json_begin_object(w, config_rows[i].path);
    config_write_row(w, &config_rows[i], config);
    vc_json_end_object(w);
  }
  vc_json_end_object(w);
  return vc_json_writer_text(w, out, &n_bytes);
}

vc_status sweep_difference(vc_arena *arena, const struct vc_config *a, const struct vc_config *b,
                           const char **out_key) {
  *out_key = NULL;
  for (uint32_t i = 0; i < config_n_rows && !*out_key; i++) {
    const char *path = config_rows[i].path, *text[2];
    bool in_a = sweep_key_matters(a, path), in_b = sweep_key_matters(b, path);
    if (in_a != in_b) *out_key = path;
    if (!in_a || !in_b) continue;
    for (int k = 0; k < 2; k++) {
      vc_json_writer *w;
      size_t n_bytes;
      VC_TRY(vc_json_writer_create(arena, 0, &w));
      vc_json_begin_object(w, NULL);
      config_write_row(w, &config_rows[i], k ? b : a);
      vc_json_end_object(w);
      VC_TRY(vc_json_writer_text(w, &text[k], &n_bytes));
    }
    if (strcmp(text[0], text[1]) != 0) *out_key = path;
  }
  return VC_OK;
}
