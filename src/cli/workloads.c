// What bench and tune work on, and how they and doctor begin and end their JSON.
#include "cli.h"

#include <stdio.h>

static const char default_config[] = "{\"data\": {\"images\": \"none\", \"masks\": \"none\", "
                                     "\"crop\": 256}, \"model\": {\"base\": 16}}";

static void add(struct cli_workloads *w, const struct vc_config *config, enum vc_bench_work work) {
  w->configs[w->n] = *config;
  w->work[w->n++] = work;
}

vc_status cli_workloads(vc_arena *arena, const char *command, const struct cli_args *args, struct cli_workloads *out) {
  static const enum vc_method methods[] = {VC_METHOD_SUPERVISED, VC_METHOD_UDA};
  const char **sets, *path = cli_value(args, "config"), *variants;
  uint32_t n_sets;
  struct vc_config config;
  VC_TRY(cli_values(arena, args, "set", &sets, &n_sets));
  VC_TRY(cli_variants(arena, args, &variants));
  VC_TRY(path ? vc_config_load(arena, path, sets, n_sets, &config)
              : vc_config_parse(arena, command, ".", default_config, sizeof default_config - 1, sets, n_sets, &config));
  config.variants = variants;
  if (cli_value(args, "device")) config.device = cli_value(args, "device");
  *out = (struct cli_workloads){0};
  const bool is_one = path || config.method == VC_METHOD_IIC;
  if (is_one) add(out, &config, VC_BENCH_TRAIN);
  for (size_t i = 0; !is_one && i < VC_COUNT_OF(methods); i++) {
    config.method = methods[i];
    add(out, &config, VC_BENCH_TRAIN);
  }
  add(out, &config, VC_BENCH_PREDICT);
  return VC_OK;
}

vc_status cli_json_begin(vc_arena *arena, const struct vc_device_info *device, vc_json_writer **out) {
  VC_TRY(vc_json_writer_create(arena, 2, out));
  vc_json_begin_object(*out, NULL);
  vc_json_put_string(*out, "version", VC_VERSION);
  vc_json_begin_object(*out, "device");
  vc_json_put_string(*out, "name", device->name);
  vc_json_put_string(*out, "driver", device->driver);
  return VC_OK;
}

vc_status cli_json_print(vc_json_writer *w) {
  const char *text;
  size_t n_bytes;
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  printf("%s\n", text);
  return VC_OK;
}
