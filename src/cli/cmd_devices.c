// vulcyte devices
#include "cli.h"

#include "vulcyte/gpu.h"

#include <stdio.h>
#include <string.h>

static const char *type_name(enum vc_device_type type) {
  switch (type) {
  case VC_DEVICE_DISCRETE: return "discrete";
  case VC_DEVICE_INTEGRATED: return "integrated";
  case VC_DEVICE_CPU: return "cpu";
  case VC_DEVICE_OTHER: break;
  }
  return "other";
}

static void print_uuid(const uint8_t uuid[16], char out[33]) {
  for (int i = 0; i < 16; i++) snprintf(out + 2 * i, 3, "%02x", uuid[i]);
}

// ---- kernels ------------------------------------------------------------------------------------------------------

static bool is_listed(const struct vc_variant_use *uses, size_t n, const struct vc_variant_use *use) {
  for (size_t i = 0; i < n; i++) {
    if (strcmp(uses[i].job, use->job) == 0 && uses[i].chosen == use->chosen) return true;
  }
  return false;
}

static void put_kernels(vc_json_writer *w, const struct vc_variant_use *uses, size_t n) {
  vc_json_begin_array(w, "kernels");
  for (size_t i = 0; i < n; i++) {
    if (is_listed(uses, i, &uses[i])) continue;
    vc_json_begin_object(w, NULL);
    vc_json_put_string(w, "job", uses[i].job);
    vc_json_put_string(w, "variant", uses[i].table[uses[i].chosen].name);
    vc_json_end_object(w);
  }
  vc_json_end_array(w);
}

static void print_kernels(const struct vc_variant_use *uses, size_t n) {
  printf("   kernels:");
  for (size_t i = 0; i < n; i++) {
    if (!is_listed(uses, i, &uses[i])) printf(" %s=%s", uses[i].job, uses[i].table[uses[i].chosen].name);
  }
  printf("\n");
}

// ---- output -------------------------------------------------------------------------------------------------------

static void put_caps(vc_json_writer *w, const struct vc_caps *c) {
  vc_json_begin_object(w, "caps");
  vc_json_put_number(w, "subgroup_size", c->subgroup_size);
  vc_json_put_number(w, "min_subgroup_size", c->min_subgroup_size);
  vc_json_put_number(w, "max_subgroup_size", c->max_subgroup_size);
  vc_json_put_number(w, "max_workgroup_invocations", c->max_workgroup_invocations);
  vc_json_put_number(w, "max_shared_bytes", c->max_shared_bytes);
  vc_json_put_number(w, "max_push_bytes", c->max_push_bytes);
  vc_json_put_number(w, "max_buffer_range", (double)c->max_buffer_range);
  vc_json_put_number(w, "max_allocation_bytes", (double)c->max_allocation_bytes);
  vc_json_put_bool(w, "subgroup_size_control", c->subgroup_size_control);
  vc_json_put_bool(w, "subgroup_shuffle", c->subgroup_shuffle);
  vc_json_put_bool(w, "subgroup_arithmetic", c->subgroup_arithmetic);
  vc_json_put_bool(w, "buffer_address", c->buffer_address);
  vc_json_put_bool(w, "fp16", c->fp16);
  vc_json_put_bool(w, "fp16_storage", c->fp16_storage);
  vc_json_put_bool(w, "int64", c->int64);
  vc_json_put_bool(w, "coop_matrix", c->coop_matrix);
  vc_json_begin_array(w, "coop_shapes"); // m x n x k
  for (uint32_t i = 0; i < c->n_coop_shapes; i++) {
    vc_json_begin_array(w, NULL);
    vc_json_put_number(w, NULL, c->coop_shapes[i].m);
    vc_json_put_number(w, NULL, c->coop_shapes[i].n);
    vc_json_put_number(w, NULL, c->coop_shapes[i].k);
    vc_json_end_array(w);
  }
  vc_json_end_array(w);
  vc_json_put_bool(w, "coop_matrix2", c->coop_matrix2);
  vc_json_begin_array(w, "coop_grains"); // invocations, m x n x k
  for (uint32_t i = 0; i < c->n_coop_grains; i++) {
    vc_json_begin_array(w, NULL);
    vc_json_put_number(w, NULL, c->coop_grains[i].invocations);
    vc_json_put_number(w, NULL, c->coop_grains[i].m);
    vc_json_put_number(w, NULL, c->coop_grains[i].n);
    vc_json_put_number(w, NULL, c->coop_grains[i].k);
    vc_json_end_array(w);
  }
  vc_json_end_array(w);
  vc_json_end_object(w);
}

static void put_device(vc_json_writer *w, size_t index, const struct vc_device_info *d,
                       const struct vc_variant_use *uses, size_t n_uses) {
  char uuid[33], version[32];
  uint32_t api = d->caps.api_version;
  print_uuid(d->uuid, uuid);
  snprintf(version, sizeof version, "%u.%u.%u", api >> 22 & 127, api >> 12 & 1023, api & 4095);
  vc_json_begin_object(w, NULL);
  vc_json_put_number(w, "index", (double)index);
  vc_json_put_string(w, "name", d->name);
  vc_json_put_string(w, "driver", d->driver);
  vc_json_put_string(w, "type", type_name(d->caps.type));
  vc_json_put_string(w, "uuid", uuid);
  vc_json_put_string(w, "vulkan", version);
  vc_json_put_number(w, "memory_bytes", (double)d->caps.heap_bytes);
  vc_json_put_bool(w, "usable", d->usable);
  vc_json_put_bool(w, "default", d->is_default);
  vc_json_put_string(w, "reason", d->reason);
  put_caps(w, &d->caps);
  put_kernels(w, uses, n_uses);
  vc_json_end_object(w);
}

static void print_device(size_t index, const struct vc_device_info *d, const struct vc_variant_use *uses,
                         size_t n_uses) {
  const struct vc_caps *c = &d->caps;
  char uuid[33];
  print_uuid(d->uuid, uuid);
  printf("%zu  %s%s\n", index, d->name, d->is_default ? "  (default)" : d->usable ? "" : "  (not usable)");
  if (*d->reason) printf("   %s\n", d->reason);
  printf("   %s, %.1f GiB, Vulkan %u.%u, %s\n", type_name(c->type), (double)c->heap_bytes / (1u << 30),
         c->api_version >> 22 & 127, c->api_version >> 12 & 1023, d->driver);
  printf("   subgroups of %u, %u invocations and %u KiB shared memory a workgroup%s%s%s\n", c->subgroup_size,
         c->max_workgroup_invocations, c->max_shared_bytes / 1024, c->buffer_address ? ", buffer addresses" : "",
         c->fp16 && c->fp16_storage ? ", fp16" : "",
         c->coop_matrix2  ? ", matrix units (also by workgroups)"
         : c->coop_matrix ? ", matrix units"
                          : "");
  if (n_uses > 0) print_kernels(uses, n_uses);
  printf("   uuid %s\n", uuid);
}

static vc_status devices(vc_arena *arena, const struct cli_args *args) {
  struct vc_device_info *list;
  size_t n;
  vc_json_writer *w;
  const char *text;
  size_t n_bytes;
  bool is_json = cli_has(args, "json");
  VC_TRY(vc_gpu_list(arena, &list, &n));
  VC_TRY(vc_json_writer_create(arena, 2, &w));
  vc_json_begin_object(w, NULL);
  vc_json_begin_array(w, "devices");
  for (size_t i = 0; i < n; i++) {
    const struct vc_variant_use *uses = NULL;
    size_t n_uses = 0;
    if (list[i].usable) {
      vc_exec *exec;
      VC_TRY_CTX(cli_plan_step(arena, &list[i].caps, &exec), "%s", list[i].name);
      vc_exec_variants(exec, &uses, &n_uses);
    }
    if (is_json)
      put_device(w, i, &list[i], uses, n_uses);
    else
      print_device(i, &list[i], uses, n_uses);
  }
  vc_json_end_array(w);
  vc_json_end_object(w);
  if (!is_json) return VC_OK;
  VC_TRY(vc_json_writer_text(w, &text, &n_bytes));
  printf("%s\n", text);
  return VC_OK;
}

const struct cli_command cmd_devices = {.name = "devices",
                                        .arguments = "",
                                        .summary = "List the Vulkan devices, which one is the default and why.",
                                        .notes = "The index, the UUID or a part of the name is what --device takes.",
                                        .options = {{.name = "json", .help = "Print one JSON object"}},
                                        .run = devices};
