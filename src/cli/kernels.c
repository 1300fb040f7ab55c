// Which kernels there are to choose among.
#include "cli.h"

#include <stdio.h>
#include <string.h>

vc_status cli_plan_step(vc_arena *arena, const struct vc_caps *caps, vc_exec **out) {
  const struct vc_unet_desc desc = {.channels = 1, .classes = 2, .base = 16, .depth = 2};
  vc_model *model;
  vc_graph *g;
  vc_slot *block_slot, *grad_slot;
  vc_tensor **params, **grads;
  VC_TRY(vc_unet_model(arena, &desc, &model));
  VC_TRY(vc_graph_create(arena, &g));
  VC_TRY(vc_slot_create(arena, NULL, 4 * model->block_elements, VC_SLOT_DEVICE, "params", &block_slot));
  VC_TRY(vc_slot_create(arena, NULL, 4 * model->block_elements, VC_SLOT_DEVICE, "gradients", &grad_slot));
  VC_TRY(VC_NEW(arena, model->n_params, &params));
  VC_TRY(VC_NEW(arena, model->n_params, &grads));
  const struct vc_shape block_shape = {1, (uint32_t)model->block_elements, 1, 1}, image = {1, 1, 128, 128};
  vc_slot *image_slot;
  VC_TRY(vc_slot_create(arena, NULL, 4 * vc_shape_count(image), VC_SLOT_DEVICE, "image", &image_slot));
  vc_model_bind(g, model, vc_bind(g, "params", block_shape, VC_F32, block_slot, 0), params);
  vc_tensor *x = vc_bind(g, "image", image, VC_F32, image_slot, 0);
  vc_tensor *loss = vc_mean(g, vc_unet(g, model, params, x, NULL).logits);
  vc_grad(g, loss, NULL, params, model->n_params, grads);
  vc_tensor *block = vc_bind(g, "gradients", block_shape, VC_F32, grad_slot, 0);
  for (uint32_t i = 0; i < model->n_params; i++) {
    if (grads[i]) vc_place(g, grads[i], block, model->params[i].offset);
  }
  return vc_exec_create(arena, NULL, g, &(struct vc_exec_options){.caps = caps}, out);
}

// Whether "JOB" of an entry means this job: by its name, its family (conv2d: conv2d_fwd ...) or "*".
static bool means(const char *entry, size_t n_key, const char *job) {
  if (n_key == 1 && entry[0] == '*') return true;
  return strncmp(entry, job, n_key) == 0 && (job[n_key] == '\0' || job[n_key] == '_');
}

// The names of a job's kernels; of all jobs where job is NULL.
static void print_names(const struct vc_variant_use *uses, size_t n, const struct vc_variant_use *job, char *out,
                        size_t n_bytes) {
  size_t used = 0;
  const size_t n_names = job ? job->n_rows : n;
  out[0] = '\0';
  for (size_t i = 0; i < n_names && used < n_bytes; i++) {
    size_t k = 0; // the first use of the same job
    while (!job && strcmp(uses[k].job, uses[i].job) != 0) k++;
    if (!job && k < i) continue;
    int more = snprintf(out + used, n_bytes - used, "%s%s", used ? ", " : "", job ? job->table[i].name : uses[i].job);
    used += more > 0 ? (size_t)more : 0;
  }
}

static vc_status check_entry(const char *command, const char *entry, const struct vc_variant_use *uses, size_t n_uses) {
  const size_t n_key = strcspn(entry, "=");
  const bool excludes = entry[n_key + 1] == '-';
  const char *name = entry + n_key + 1 + excludes;
  const struct vc_variant_use *use = NULL;
  char names[512];
  for (size_t i = 0; i < n_uses; i++) {
    if (!means(entry, n_key, uses[i].job)) continue;
    use = &uses[i];
    for (size_t k = 0; k < use->n_rows; k++) {
      if (strcmp(use->table[k].name, name) != 0) continue;
      if (k > 0 || !excludes) return VC_OK;
      return VC_FAIL(VC_E_USAGE, "%s: --variant %.100s: the definition of %s cannot be excluded; name another kernel",
                     command, entry, use->job);
    }
  }
  print_names(uses, n_uses, use, names, sizeof names);
  if (!use) return VC_FAIL(VC_E_USAGE, "%s: --variant %.100s: no such job; use one of %s", command, entry, names);
  return VC_FAIL(VC_E_USAGE, "%s: --variant %.100s: there is none of that name; %s has %s", command, entry, use->job,
                 names);
}

vc_status cli_check_variants(const char *command, const char *const *entries, uint32_t n) {
  // Nothing runs: the plan of any device names every job and all its kernels.
  static const struct vc_caps any = {.type = VC_DEVICE_CPU,
                                     .subgroup_size = 8,
                                     .max_workgroup_invocations = 128,
                                     .max_workgroup_size = {128, 128, 64},
                                     .max_workgroup_count = {65535, 65535, 65535},
                                     .max_shared_bytes = 16384,
                                     .max_push_bytes = 128,
                                     .max_stage_buffers = 16,
                                     .buffer_align = 16,
                                     .max_buffer_range = 1 << 27,
                                     .max_allocation_bytes = 1 << 30,
                                     .heap_bytes = 1 << 30};
  vc_arena *scratch;
  vc_exec *plan;
  if (n == 0) return VC_OK;
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = cli_plan_step(scratch, &any, &plan);
  if (status == VC_OK) {
    const struct vc_variant_use *uses;
    size_t n_uses;
    vc_exec_variants(plan, &uses, &n_uses);
    for (uint32_t i = 0; i < n && status == VC_OK; i++) status = check_entry(command, entries[i], uses, n_uses);
  }
  vc_arena_destroy(scratch);
  return status;
}
