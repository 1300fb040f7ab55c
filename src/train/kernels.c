// The choices among kernels for a device, and those of a run.
#include "train/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "vulcyte/gpu.h"

enum { MAX_FILE_BYTES = 16 << 20 };
static const double FIRST_USE_SECONDS = 5;

// All that changes which kernel is the fastest.
static vc_status describe_device(vc_arena *arena, const struct vc_gpu *gpu, char **out) {
  const struct vc_device_info *info = vc_gpu_info(gpu);
  char uuid[33];
  for (int i = 0; i < 16; i++) snprintf(uuid + (size_t)2 * i, 3, "%02x", info->uuid[i]);
  return vc_arena_printf(arena, out, "%s, %s, uuid %s, driver %08x, subgroups of %u, kernels %016llx", info->name,
                         info->driver, uuid, info->driver_version, info->caps.subgroup_size,
                         (unsigned long long)vc_shader_hash());
}

vc_status vc_kernels_open(vc_arena *arena, const struct vc_gpu *gpu, enum vc_tuning tuning, vc_choices **out) {
  const char *wish = getenv("VULCYTE_TUNE");
  struct vc_choices_desc desc = {.seconds = tuning == VC_TUNE_FIRST_USE ? FIRST_USE_SECONDS : (double)INFINITY,
                                 .again = tuning == VC_TUNE_AGAIN};
  char *device, *dir, *name, *path;
  if (wish && strcmp(wish, "on") != 0 && strcmp(wish, "off") != 0)
    return VC_FAIL(VC_E_USAGE, "VULCYTE_TUNE=%.100s: set it to on or off", wish);
  VC_TRY(describe_device(arena, gpu, &device));
  desc.device = device;
  if (tuning == VC_TUNE_FIRST_USE && wish && strcmp(wish, "off") == 0) {
    desc.seconds = 0;
    return vc_choices_create(arena, &desc, out);
  }
  if (vc_path_cache_dir(arena, &dir) == VC_OK) {
    VC_TRY(vc_arena_printf(arena, &name, "kernels-%016llx.json",
                           (unsigned long long)hash_bytes_fnv(device, strlen(device))));
    VC_TRY(vc_path_join(arena, dir, name, &path));
    desc.path = path;
  } else if (tuning == VC_TUNE_FIRST_USE) {
    // Measured each time anew, the choices and with them the last bits would differ from run to run.
    vc_log(VC_LOG_WARNING, "kernels are chosen without measuring, as that could not be remembered: %s",
           vc_error_message());
    desc.seconds = 0;
  } else {
    return VC_FAIL_CONTEXT(VC_E_IO, "what is measured could not be remembered");
  }
  return vc_choices_create(arena, &desc, out);
}

// ---- of a run -----------------------------------------------------------------------------------------------------

static vc_status write_json(vc_arena *arena, vc_exec *const *execs, uint32_t n_execs, const char *path) {
  vc_json_writer *w;
  vc_choices *seen;
  const char *text;
  size_t n_bytes, n_uses;
  const struct vc_variant_use *uses;
  VC_TRY(vc_json_writer_create(arena, 2, &w));
  VC_TRY(vc_choices_create(arena, &(struct vc_choices_desc){.device = ""}, &seen));
  vc_json_begin_object(w, NULL);
  for (uint32_t i = 0; i < n_execs; i++) {
    vc_exec_variants(execs[i], &uses, &n_uses);
    for (size_t k = 0; k < n_uses; k++) {
      if (!uses[k].key || vc_choices_variant(seen, uses[k].key)) continue;
      VC_TRY(vc_choices_pin(seen, uses[k].key, uses[k].table[uses[k].chosen].name));
      vc_json_put_string(w, uses[k].key, uses[k].table[uses[k].chosen].name);
    }
  }
  vc_json_end_object(w);
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  return vc_file_write(path, text, n_bytes);
}

vc_status vc_kernels_write(vc_exec *const *execs, uint32_t n_execs, const char *path) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = write_json(arena, execs, n_execs, path);
  vc_arena_destroy(arena);
  return status;
}

static vc_status pin_all(vc_arena *arena, vc_choices *choices, const char *path) {
  uint8_t *text;
  size_t n_bytes;
  vc_json *json;
  VC_TRY(vc_file_read(arena, path, MAX_FILE_BYTES, &text, &n_bytes));
  VC_TRY(vc_json_parse(arena, path, (const char *)text, n_bytes, &json));
  for (size_t i = 0; i < vc_json_size(json); i++) {
    const vc_json *variant = vc_json_at(json, i);
    if (vc_json_type_of(variant) != VC_JSON_STRING)
      return VC_FAIL(VC_E_FORMAT, "%s:%d: the name of a kernel is wanted", path, vc_json_line(variant));
    VC_TRY(vc_choices_pin(choices, vc_json_key(variant), vc_json_string(variant)));
  }
  return VC_OK;
}

vc_status vc_kernels_pin(vc_choices *choices, const char *path) {
  if (!vc_path_exists(path)) return VC_OK;
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = pin_all(arena, choices, path);
  vc_arena_destroy(arena);
  return status;
}
