// Making the steps of a run fit the device's memory, the cheapest way first: everything kept; some feature maps
// computed again (the executor sees to that); the images of a step one kind after the other, then in ever smaller
// parts.
#include "train/run.h"

#include <stdio.h>
#include <string.h>

#include "vulcyte/gpu.h"

enum { EVERY_SAMPLE = UINT32_MAX };

static void memory_text(uint64_t n_bytes, char out_text[24]) {
  if (n_bytes >= (uint64_t)1 << 30)
    snprintf(out_text, 24, "%.2f GiB", (double)n_bytes / (1 << 30));
  else
    snprintf(out_text, 24, "%.0f MiB", (double)n_bytes / (1 << 20));
}

static uint64_t allocated_bytes(const struct vc_run *run) {
  uint64_t allocated, available;
  vc_gpu_memory(run->gpu, &allocated, &available);
  return allocated;
}

uint64_t vc_run_work_budget(const struct vc_run *run) {
  const uint64_t limit = run->config->memory;
  if (limit == 0) return vc_gpu_budget(run->gpu) + run->spared_bytes;
  const uint64_t taken = allocated_bytes(run) - run->spared_bytes;
  return VC_MAX(limit - VC_MIN(limit, taken), 1);
}

// Builds the step for passes of at most n samples.
static vc_status build(struct vc_run *run, struct vc_size l, struct vc_size u, uint32_t n, struct vc_train_step *out) {
  *out = (struct vc_train_step){.labelled = l, .unlabelled = u, .batch = run->config->train.batch, .pass_samples = n};
  return vc_run_is_iic(run)   ? vc_iic_build(run, out)
         : vc_run_is_uda(run) ? vc_uda_build(run, out)
                              : vc_supervised_build(run, out);
}

// The next smaller passes; 0: there are none. The statistics of batch norm need the whole batch; IIC's graph takes it
// whole.
static uint32_t fewer_samples(const struct vc_run *run, uint32_t n) {
  const uint32_t batch = run->config->train.batch;
  if (run->model->desc.norm == VC_NORM_BATCH || vc_run_is_iic(run) || n == 1) return 0;
  return n > batch ? batch : (uint32_t)vc_div_up(n, 2);
}

// The first plan within the budget. Else VC_E_NOMEM, with *out_least what the smallest needs.
static vc_status try_plans(struct vc_run *run, struct vc_size l, struct vc_size u, struct vc_train_step *out,
                           uint64_t *out_least) {
  const uint64_t budget = vc_run_work_budget(run);
  vc_status status = VC_OK;
  *out_least = UINT64_MAX;
  for (uint32_t n = EVERY_SAMPLE; n; n = fewer_samples(run, n)) {
    status = build(run, l, u, n, out);
    if (status == VC_E_NOMEM) continue; // a tensor of so many samples is more than the device can bind
    VC_TRY(status);
    *out_least = VC_MIN(*out_least, vc_exec_work_bytes(out->exec));
    if (*out_least <= budget) return VC_OK;
  }
  return status == VC_OK ? VC_E_NOMEM : status;
}

// ---- what would fit -------------------------------------------------------------------------------------------------

static bool crop_fits(struct vc_run *run, uint32_t crop, struct vc_size l, struct vc_size u) {
  const struct vc_size size = {crop, crop};
  struct vc_train_step step;
  uint64_t least;
  return try_plans(run, l.w ? size : l, u.w ? size : u, &step, &least) == VC_OK;
}

static uint32_t find_crop(struct vc_run *run, struct vc_size l, struct vc_size u) {
  const uint32_t multiple = 1u << run->model->desc.depth, crop = run->config->data.crop;
  for (uint32_t eighths = 7; eighths > 0; eighths--) {
    const uint32_t c = (uint32_t)((uint64_t)crop * eighths / 8 / multiple * multiple);
    if (c && crop_fits(run, c, l, u)) return c;
  }
  return 0;
}

// Of a copy of the run with a network of this base, whose parameters are no memory but a plan.
static bool base_fits(const struct vc_run *run, uint32_t base, struct vc_size l, struct vc_size u) {
  struct vc_run trial = *run;
  struct vc_unet_desc desc = run->model->desc;
  desc.base = base;
  uint64_t n_bytes, least;
  struct vc_train_step step;
  vc_slot **const slots[] = {&trial.params, &trial.gradients, &trial.moment2, &trial.moment1};
  if (vc_unet_model(run->arena, &desc, &trial.model) != VC_OK) return false;
  n_bytes = trial.model->block_elements * sizeof(float);
  for (uint32_t i = 0; i < VC_COUNT_OF(slots); i++) {
    if (!*slots[i]) continue;
    trial.spared_bytes += vc_slot_bytes(*slots[i]) - n_bytes;
    if (vc_slot_create(run->arena, NULL, n_bytes, VC_SLOT_DEVICE, "trial", slots[i]) != VC_OK) return false;
  }
  return try_plans(&trial, l, u, &step, &least) == VC_OK;
}

static uint32_t find_base(const struct vc_run *run, struct vc_size l, struct vc_size u) {
  for (uint32_t base = run->config->model.base / 2; base > 0; base /= 2)
    if (base_fits(run, base, l, u)) return base;
  return 0;
}

// Appends to a list of alternatives.
static void add_way(char *text, size_t room, const char *way) {
  const size_t n = strlen(text);
  snprintf(text + n, room - n, "%s%s", n ? ", or " : "", way);
}

static vc_status fail(struct vc_run *run, struct vc_size l, struct vc_size u, uint64_t least) {
  char ways[160] = "", way[48], needed[24], had[24], reason[256];
  const uint64_t fixed = allocated_bytes(run);
  snprintf(reason, sizeof reason, "%s", vc_error_message());
  const uint32_t crop = find_crop(run, l, u), base = find_base(run, l, u);
  if (crop) {
    snprintf(way, sizeof way, "data.crop %u", crop);
    add_way(ways, sizeof ways, way);
  }
  if (base) {
    snprintf(way, sizeof way, "model.base %u", base);
    add_way(ways, sizeof ways, way);
  }
  if (least == UINT64_MAX) return VC_FAIL(VC_E_NOMEM, "%s; would fit: %s", reason, *ways ? ways : "nothing was found");
  memory_text(fixed + least, needed);
  memory_text(fixed + vc_run_work_budget(run), had);
  if (run->config->memory) {
    snprintf(way, sizeof way, "memory %lluMiB", (unsigned long long)((fixed + least) >> 20) + 1);
    add_way(ways, sizeof ways, way);
  }
  return VC_FAIL(VC_E_NOMEM, "memory: training needs %s at the least, %s; would fit: %s", needed, had,
                 *ways ? ways : "a device with more memory");
}

vc_status vc_run_fit_step(struct vc_run *run, struct vc_size l, struct vc_size u, struct vc_train_step *out) {
  uint64_t least;
  const vc_status status = try_plans(run, l, u, out, &least);
  return status == VC_E_NOMEM ? fail(run, l, u, least) : status;
}

// ---- telling --------------------------------------------------------------------------------------------------------

void vc_run_tell_memory(const struct vc_run *run, uint64_t work_bytes) {
  char all[24], network[24], work[24], again[64] = "", parts[64] = "";
  const uint64_t fixed = allocated_bytes(run), network_bytes = vc_slot_bytes(run->params) * (run->moment1 ? 4 : 3);
  const struct vc_train_step *step = &run->steps[0];
  const double repeated = vc_exec_repeated_work(step->exec);
  memory_text(fixed + work_bytes, all);
  memory_text(network_bytes, network);
  memory_text(work_bytes, work);
  if (repeated > 0) snprintf(again, sizeof again, "; %.0f%% more work to compute maps again", 100 * repeated);
  if (step->pass_samples < step->batch) snprintf(parts, sizeof parts, "; %u images at a time", step->pass_samples);
  vc_log(VC_LOG_INFO,
         "memory: %s on the device: %s for the network with gradients and optimiser, %s for the feature maps "
         "of a step, images %s%s%s",
         all, network, work, vc_pool_resident(run->pool) ? "included" : "streamed", again, parts);
}
