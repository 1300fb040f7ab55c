// Running a graph: slots, memory of the plan, command lists recorded once, and one submission a step.
//
// A step is: prologue (feeds of its ring place → device), the main lists, epilogue (reports → its ring place). Lists
// run in the order of their submission, so steps and executables that share memory follow each other without the host.
#include <vulcyte/gpu.h>

#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { N_RING = 2, REPORT_ALIGN = 16, POISON_CHUNK = 1 << 20 };
// A NaN as a 32-bit float and as two 16-bit ones.
static const uint32_t POISON_WORD = 0x7fc17fc1;
// What a slow integrated GPU manages at the least; bounds the length of one submission.
static const double SLOW_FLOPS = 1e11, SLOW_BYTES = 1e10, MAX_SUBMIT_SECONDS = 0.1;

struct main_list {
  vc_cmd *cmd;
  uint32_t first, end; // dispatches
};

struct vc_exec {
  vc_arena *arena;
  vc_gpu *gpu; // NULL: only planned
  const vc_graph *graph;
  struct vc_caps caps;
  bool timestamps, poison;
  bool shares; // its workspace with others, from vc_exec_bind on
  struct program *program;
  struct vc_plan *plan;
  uint8_t *feed_values; // what the next step uploads
  uint64_t feed_bytes, report_bytes;
  uint64_t *report_offset; // [graph->n_reports]
  // From vc_exec_bind on.
  bool bound;
  vc_buffer **slabs;
  uint32_t n_slabs;
  vc_buffer *feeds, *upload[N_RING], *readback[N_RING];
  vc_cmd *prologue[N_RING], *epilogue[N_RING]; // NULL where there is nothing to do
  struct main_list *lists;
  uint32_t n_lists, n_once_lists; // once: the first ones, of which the first run is enough
  uint32_t *poison_words;
  uint64_t ticket[N_RING];
  uint64_t n_steps;
  struct vc_timing *timings;
  double *times_ns;
};

// ---- slots ----------------------------------------------------------------------------------------------------

vc_status vc_slot_create(vc_arena *arena, struct vc_gpu *gpu, uint64_t n_bytes, enum vc_slot_memory memory,
                         const char *label, vc_slot **out) {
  vc_slot *slot;
  char *copy;
  VC_TRY(VC_NEW(arena, 1, &slot));
  VC_TRY(vc_arena_strdup(arena, label, &copy));
  slot->gpu = gpu;
  slot->n_bytes = n_bytes;
  slot->label = copy;
  if (gpu) {
    uint64_t rounded = vc_round_up(VC_MAX(n_bytes, 1), BIND_ALIGN);
    enum vc_memory kind = memory == VC_SLOT_HOST_VISIBLE ? VC_MEM_UPLOAD : VC_MEM_DEVICE;
    VC_TRY_CTX(vc_buffer_create(arena, gpu, rounded, kind, label, &slot->buffer), "%s", label);
    VC_TRY_CTX(vc_gpu_clear(gpu, slot->buffer, 0, rounded), "%s", label);
  }
  *out = slot;
  return VC_OK;
}

uint64_t vc_slot_bytes(const vc_slot *slot) {
  return slot->n_bytes;
}

void *vc_slot_host(vc_slot *slot) {
  return slot->buffer ? vc_buffer_host(slot->buffer) : NULL;
}

static vc_status check_slot_range(const vc_slot *slot, uint64_t offset, uint64_t n_bytes) {
  if (!slot->gpu) return VC_FAIL(VC_E_INTERNAL, "slot %s has no memory", slot->label);
  if (offset > slot->n_bytes || n_bytes > slot->n_bytes - offset) {
    return VC_FAIL(VC_E_INTERNAL, "bytes %llu to %llu of slot %s, which has %llu", (unsigned long long)offset,
                   (unsigned long long)(offset + n_bytes), slot->label, (unsigned long long)slot->n_bytes);
  }
  return VC_OK;
}

vc_status vc_slot_write(vc_slot *slot, uint64_t offset, const void *data, uint64_t n_bytes) {
  VC_TRY(check_slot_range(slot, offset, n_bytes));
  return n_bytes ? vc_gpu_upload(slot->gpu, slot->buffer, offset, data, n_bytes) : VC_OK;
}

vc_status vc_slot_read(vc_slot *slot, uint64_t offset, void *out_data, uint64_t n_bytes) {
  VC_TRY(check_slot_range(slot, offset, n_bytes));
  return n_bytes ? vc_gpu_download(slot->gpu, slot->buffer, offset, out_data, n_bytes) : VC_OK;
}

// ---- planning -------------------------------------------------------------------------------------------------

// The embedded shader NAME_h, NULL if there is none.
static const char *half_name(const char *name) {
  size_t n_bytes = strlen(name);
  for (size_t i = 0; i < vc_shader_count(); i++) {
    const char *other = vc_shader_name(i);
    if (strncmp(other, name, n_bytes) == 0 && strcmp(other + n_bytes, "_h") == 0) return other;
  }
  return NULL;
}

static vc_status lookup_kernel(const char *name, struct emit_kernel *out) {
  const struct vc_kernel_info *info;
  VC_TRY(vc_shader_info(name, &info));
  *out = (struct emit_kernel){.n_bindings = info->n_bindings,
                              .push_bytes = info->push_bytes,
                              .n_spec = info->n_spec,
                              .by_address = info->by_address,
                              .half = half_name(name)};
  memcpy(out->access, info->access, sizeof info->access);
  return VC_OK;
}

static vc_status lay_out_reports(struct vc_exec *x) {
  VC_TRY(VC_NEW(x->arena, x->graph->n_reports, &x->report_offset));
  for (uint32_t i = 0; i < x->graph->n_reports; i++) {
    const vc_tensor *t = x->graph->reports[i];
    x->report_offset[i] = x->report_bytes;
    x->report_bytes += vc_round_up(vc_shape_count(t->shape) * vc_dtype_bytes(t->dtype), REPORT_ALIGN);
  }
  return VC_OK;
}

static vc_status list_dispatches(struct vc_exec *x) {
  VC_TRY(VC_NEW(x->arena, x->program->n_dispatches, &x->timings));
  for (uint32_t i = 0; i < x->program->n_dispatches; i++) {
    const struct program_dispatch *d = &x->program->dispatches[i];
    x->timings[i] = (struct vc_timing){.path = d->node->path,
                                       .op = d->node->op->name,
                                       .kernel = d->d.kernel,
                                       .job = d->job,
                                       .variant = d->variant,
                                       .flops = d->d.flops,
                                       .bytes = d->d.bytes};
  }
  return VC_OK;
}

const struct program *exec_program(const vc_exec *exec) {
  return exec->program;
}

vc_status exec_prepare(struct vc_gpu *gpu, const struct program *const *programs, size_t n_programs) {
  struct vc_kernel_want *wants;
  vc_arena *scratch;
  size_t n = 0, capacity = 0;
  for (size_t i = 0; i < n_programs; i++) capacity += programs[i]->n_dispatches;
  VC_TRY(vc_arena_create(&scratch));
  vc_status status = VC_NEW(scratch, VC_MAX(capacity, 1), &wants);
  for (size_t i = 0; status == VC_OK && i < n_programs; i++) {
    for (uint32_t k = 0; k < programs[i]->n_dispatches; k++) {
      const struct vc_dispatch *d = &programs[i]->dispatches[k].d;
      wants[n++] = (struct vc_kernel_want){d->kernel, d->spec, d->n_spec, d->required_subgroup};
    }
  }
  if (status == VC_OK) vc_gpu_prepare(gpu, wants, n);
  vc_arena_destroy(scratch);
  return status;
}

static vc_status make_program(struct vc_exec *x, const struct vc_exec_options *options) {
  const struct emit_choosing choosing = {options->variants, getenv("VULCYTE_VARIANTS"), options->choices,
                                         options->any_size};
  bool changed = false;
  VC_TRY(program_make(x->arena, x->graph, &x->caps, &choosing, lookup_kernel, &x->program));
  if (x->gpu && options->choices) VC_TRY(tune_program(x->gpu, &x->caps, x->program, options->choices, &changed));
  return changed ? program_make(x->arena, x->graph, &x->caps, &choosing, lookup_kernel, &x->program) : VC_OK;
}

vc_status vc_exec_create(vc_arena *arena, struct vc_gpu *gpu, vc_graph *graph, const struct vc_exec_options *options,
                         vc_exec **out) {
  const struct vc_exec_options none = {0};
  if (!options) options = &none;
  VC_ASSERT(gpu || options->caps);
  vc_exec *x;
  VC_TRY(vc_graph_status(graph));
  VC_TRY(VC_NEW(arena, 1, &x));
  x->arena = arena;
  x->gpu = gpu;
  x->graph = graph;
  x->caps = options->caps ? *options->caps : *vc_gpu_caps(gpu);
  x->timestamps = options->timestamps;
  x->poison = options->poison;
  if (options->mixed && !x->caps.fp16_storage) {
    return VC_FAIL(VC_E_UNSUPPORTED, "the device's kernels cannot store 16-bit floats; use precision \"fp32\"");
  }
  if (options->mixed) VC_TRY(graph_use_half(graph, options->all_mixed));
  VC_TRY(make_program(x, options));
  if (options->constant) VC_TRY(program_once(arena, x->program, options->constant));
  x->feed_bytes = x->program->resources[0].n_bytes;
  const uint64_t budget = options->memory ? options->memory - VC_MIN(options->memory, x->feed_bytes) : UINT64_MAX;
  VC_TRY(program_fit(arena, x->program, &x->caps, budget, &x->program, &x->plan));
  VC_TRY(VC_NEW(arena, x->feed_bytes, &x->feed_values));
  VC_TRY(lay_out_reports(x));
  VC_TRY(list_dispatches(x));
  *out = x;
  return VC_OK;
}

uint64_t vc_exec_work_bytes(const vc_exec *exec) {
  return exec->plan->peak_bytes + exec->feed_bytes;
}

double vc_exec_repeated_work(const vc_exec *exec) {
  return program_repeated_work(exec->program);
}

vc_status vc_exec_print_plan(const vc_exec *exec, vc_arena *arena, char **out_text) {
  return program_print(arena, exec->program, exec->plan, out_text);
}

void vc_exec_variants(const vc_exec *exec, const struct vc_variant_use **out, size_t *out_n) {
  *out = exec->program->uses;
  *out_n = exec->program->n_uses;
}

bool vc_exec_is_mixed(const vc_exec *exec) {
  for (uint32_t i = 0; i < exec->graph->n_tensors; i++) {
    if (exec->graph->tensors[i]->dtype == VC_F16) return true;
  }
  return false;
}

// ---- recording ------------------------------------------------------------------------------------------------

static struct vc_binding binding_of(const vc_exec *x, vc_region r) {
  const struct program_resource *resource = &x->program->resources[r.resource];
  switch (resource->kind) {
  case PROGRAM_FEEDS: return (struct vc_binding){x->feeds, r.offset, r.n_bytes};
  case PROGRAM_SLOT: return (struct vc_binding){resource->slot->buffer, r.offset, r.n_bytes};
  case PROGRAM_NODE:
  case PROGRAM_SCRATCH: break;
  }
  uint32_t slab = x->plan->slab[r.resource];
  VC_ASSERT(slab < x->n_slabs); // used by a dispatch or kept, hence planned
  return (struct vc_binding){x->slabs[slab], x->plan->offset[r.resource] + r.offset, r.n_bytes};
}

static vc_status record_dispatch(vc_exec *x, vc_cmd *cmd, uint32_t i, const char **last_path) {
  const struct program_dispatch *d = &x->program->dispatches[i];
  struct vc_binding bindings[VC_EMIT_MAX_BINDINGS];
  vc_kernel *kernel;
  for (uint32_t j = 0; j < d->d.n_bindings; j++) bindings[j] = binding_of(x, d->d.bindings[j]);
  VC_TRY(vc_kernel_get(x->gpu, d->d.kernel, d->d.spec, d->d.n_spec, d->d.required_subgroup, &kernel));
  if (x->plan->barrier_before[i]) vc_cmd_barrier(cmd);
  if (d->node->path != *last_path) vc_cmd_label(cmd, d->node->path);
  *last_path = d->node->path;
  if (x->timestamps) VC_TRY(vc_cmd_mark(cmd));
  return vc_cmd_dispatch(cmd, kernel, bindings, d->d.n_bindings, d->d.push, d->d.push_bytes, d->d.groups);
}

static double slow_seconds(const vc_exec *x, uint32_t i) {
  const struct vc_dispatch *d = &x->program->dispatches[i].d;
  return d->flops / SLOW_FLOPS + d->bytes / SLOW_BYTES;
}

// The end of the list that starts at dispatch `first`: GPUs with a watchdog get short ones.
static uint32_t list_end(const vc_exec *x, uint32_t first) {
  const uint32_t n = first < x->program->n_once ? x->program->n_once : x->program->n_dispatches;
  uint32_t end = first + 1;
  if (x->caps.type == VC_DEVICE_CPU) return n;
  double seconds = slow_seconds(x, first);
  while (end < n && seconds + slow_seconds(x, end) <= MAX_SUBMIT_SECONDS) seconds += slow_seconds(x, end++);
  return end;
}

static vc_status record_main(vc_exec *x) {
  uint32_t n = x->program->n_dispatches;
  VC_TRY(VC_NEW(x->arena, VC_MAX(n, 1), &x->lists));
  const char *last_path = NULL;
  for (uint32_t first = 0; first < n;) {
    struct main_list *list = &x->lists[x->n_lists];
    *list = (struct main_list){.first = first, .end = list_end(x, first)};
    VC_TRY(vc_cmd_create(x->arena, x->gpu, &list->cmd));
    for (uint32_t i = first; i < list->end; i++) {
      const struct program_dispatch *d = &x->program->dispatches[i];
      VC_TRY_CTX(record_dispatch(x, list->cmd, i, &last_path), "%s: %s", d->node->path, d->node->op->name);
    }
    if (x->timestamps) VC_TRY(vc_cmd_mark(list->cmd));
    VC_TRY(vc_cmd_finish(list->cmd));
    first = list->end;
    x->n_lists++;
    if (first <= x->program->n_once) x->n_once_lists = x->n_lists;
  }
  return VC_OK;
}

static vc_status record_ring(vc_exec *x, uint32_t ring) {
  if (x->feed_bytes) {
    vc_cmd **cmd = &x->prologue[ring];
    VC_TRY(vc_cmd_create(x->arena, x->gpu, cmd));
    vc_cmd_label(*cmd, "feeds");
    VC_TRY(vc_cmd_copy(*cmd, x->upload[ring], 0, x->feeds, 0, x->feed_bytes));
    VC_TRY(vc_cmd_finish(*cmd));
  }
  if (x->report_bytes) {
    vc_cmd **cmd = &x->epilogue[ring];
    VC_TRY(vc_cmd_create(x->arena, x->gpu, cmd));
    vc_cmd_label(*cmd, "reports");
    for (uint32_t i = 0; i < x->graph->n_reports; i++) {
      vc_region r = program_region(x->program, x->graph->reports[i]);
      struct vc_binding b = binding_of(x, r);
      VC_TRY(vc_cmd_copy(*cmd, b.buffer, b.offset, x->readback[ring], x->report_offset[i], r.n_bytes));
    }
    VC_TRY(vc_cmd_finish(*cmd));
  }
  return VC_OK;
}

// ---- memory ---------------------------------------------------------------------------------------------------

static vc_status make_slabs(vc_arena *arena, vc_exec *const *execs, uint32_t n_execs, vc_buffer ***out_slabs,
                            uint32_t *out_n) {
  uint32_t n_slabs = 0;
  vc_buffer **slabs;
  for (uint32_t i = 0; i < n_execs; i++) n_slabs = VC_MAX(n_slabs, execs[i]->plan->n_slabs);
  VC_TRY(VC_NEW(arena, n_slabs, &slabs));
  for (uint32_t s = 0; s < n_slabs; s++) {
    uint64_t n_bytes = 0;
    char label[32] = "work memory";
    for (uint32_t i = 0; i < n_execs; i++) {
      const struct vc_plan *plan = execs[i]->plan;
      if (s < plan->n_slabs) n_bytes = VC_MAX(n_bytes, plan->slab_bytes[s]);
    }
    VC_TRY_CTX(vc_buffer_create(arena, execs[0]->gpu, n_bytes, VC_MEM_DEVICE, label, &slabs[s]),
               "%.0f MiB of work memory (a smaller crop, batch or model.base needs less)", (double)n_bytes / 1048576.0);
  }
  *out_slabs = slabs;
  *out_n = n_slabs;
  return VC_OK;
}

static vc_status make_transfers(vc_exec *x) {
  if (x->feed_bytes) {
    VC_TRY(vc_buffer_create(x->arena, x->gpu, x->feed_bytes, VC_MEM_DEVICE, "feeds", &x->feeds));
  }
  for (uint32_t i = 0; i < N_RING; i++) {
    if (x->feed_bytes) {
      VC_TRY(vc_buffer_create(x->arena, x->gpu, x->feed_bytes, VC_MEM_UPLOAD, "feed upload", &x->upload[i]));
    }
    if (x->report_bytes) {
      VC_TRY(vc_buffer_create(x->arena, x->gpu, x->report_bytes, VC_MEM_READBACK, "reports", &x->readback[i]));
    }
  }
  if (x->poison) {
    VC_TRY(VC_NEW(x->arena, POISON_CHUNK / sizeof POISON_WORD, &x->poison_words));
    for (size_t i = 0; i < POISON_CHUNK / sizeof POISON_WORD; i++) x->poison_words[i] = POISON_WORD;
  }
  if (x->timestamps) VC_TRY(VC_NEW(x->arena, (size_t)x->program->n_dispatches + 1, &x->times_ns));
  return VC_OK;
}

static vc_status prepare_all(vc_arena *arena, vc_exec *const *execs, uint32_t n_execs) {
  const struct program **programs;
  VC_TRY(VC_NEW(arena, n_execs, &programs));
  for (uint32_t i = 0; i < n_execs; i++) programs[i] = execs[i]->program;
  return exec_prepare(execs[0]->gpu, programs, n_execs);
}

vc_status vc_exec_bind(vc_arena *arena, vc_exec *const *execs, uint32_t n_execs) {
  vc_buffer **slabs = NULL;
  uint32_t n_slabs = 0;
  for (uint32_t i = 0; i < n_execs; i++) VC_ASSERT(execs[i]->gpu && !execs[i]->bound);
  VC_TRY(make_slabs(arena, execs, n_execs, &slabs, &n_slabs));
  VC_TRY(prepare_all(arena, execs, n_execs));
  for (uint32_t i = 0; i < n_execs; i++) {
    vc_exec *x = execs[i];
    x->slabs = slabs;
    x->n_slabs = n_slabs;
    x->shares = n_execs > 1;
    VC_TRY(make_transfers(x));
    VC_TRY(record_main(x));
    for (uint32_t ring = 0; ring < N_RING; ring++) VC_TRY(record_ring(x, ring));
    x->bound = true;
  }
  return VC_OK;
}

// ---- steps ----------------------------------------------------------------------------------------------------

vc_status vc_exec_feed(vc_exec *exec, const vc_tensor *feed, const void *data, size_t n_bytes) {
  VC_ASSERT(graph_owns(exec->graph, feed) && feed->kind == VC_KIND_FEED);
  if (n_bytes != vc_shape_count(feed->shape) * vc_dtype_bytes(feed->dtype)) {
    return VC_FAIL(VC_E_INTERNAL, "feed %s takes %llu elements, not %zu bytes", feed->path,
                   (unsigned long long)vc_shape_count(feed->shape), n_bytes);
  }
  memcpy(exec->feed_values + exec->program->feed_offset[feed->id], data, n_bytes);
  return VC_OK;
}

static vc_status fill_with_poison(vc_exec *x) {
  for (uint32_t s = 0; s < x->plan->n_slabs; s++) {
    uint64_t n_bytes = vc_buffer_bytes(x->slabs[s]);
    for (uint64_t at = 0; at < n_bytes; at += POISON_CHUNK) {
      VC_TRY(vc_gpu_upload(x->gpu, x->slabs[s], at, x->poison_words, VC_MIN(n_bytes - at, POISON_CHUNK)));
    }
  }
  return VC_OK;
}

// Whether the first run's results are still there in the others.
static bool keeps_results(const vc_exec *x) {
  return !x->shares && !x->poison;
}

vc_status vc_exec_run(vc_exec *exec, uint64_t *out_step) {
  VC_ASSERT(exec->bound);
  uint32_t ring = exec->n_steps % N_RING;
  if (exec->ticket[ring]) VC_TRY(vc_gpu_wait(exec->gpu, exec->ticket[ring]));
  if (exec->poison) VC_TRY(fill_with_poison(exec));
  if (exec->feed_bytes) {
    memcpy(vc_buffer_host(exec->upload[ring]), exec->feed_values, exec->feed_bytes);
    VC_TRY(vc_buffer_flush(exec->upload[ring], 0, exec->feed_bytes));
  }
  const uint32_t first = exec->n_steps > 0 && keeps_results(exec) ? exec->n_once_lists : 0;
  for (uint32_t i = first; i < VC_MAX(exec->n_lists, first + 1); i++) {
    vc_cmd *batch[3];
    uint32_t n = 0;
    if (i == first && exec->prologue[ring]) batch[n++] = exec->prologue[ring];
    if (i < exec->n_lists) batch[n++] = exec->lists[i].cmd;
    if (i + 1 >= exec->n_lists && exec->epilogue[ring]) batch[n++] = exec->epilogue[ring];
    VC_TRY(vc_gpu_submit(exec->gpu, batch, n, &exec->ticket[ring]));
  }
  exec->n_steps++;
  if (exec->poison) VC_TRY(vc_exec_wait(exec));
  if (out_step) *out_step = exec->n_steps;
  return VC_OK;
}

vc_status vc_exec_report(vc_exec *exec, uint64_t step, const vc_tensor *t, void *out_data, size_t n_bytes) {
  uint32_t i = 0;
  while (i < exec->graph->n_reports && exec->graph->reports[i] != t) i++;
  VC_ASSERT(i < exec->graph->n_reports);
  if (step == 0 || step > exec->n_steps || step + N_RING <= exec->n_steps) {
    return VC_FAIL(VC_E_INTERNAL, "report %s of step %llu is gone; step %llu has been started", t->path,
                   (unsigned long long)step, (unsigned long long)exec->n_steps);
  }
  if (n_bytes > vc_shape_count(t->shape) * vc_dtype_bytes(t->dtype)) {
    return VC_FAIL(VC_E_INTERNAL, "report %s has fewer than %zu bytes", t->path, n_bytes);
  }
  uint32_t ring = (uint32_t)((step - 1) % N_RING);
  VC_TRY(vc_gpu_wait(exec->gpu, exec->ticket[ring]));
  VC_TRY(vc_buffer_invalidate(exec->readback[ring], 0, exec->report_bytes));
  const uint8_t *host = vc_buffer_host(exec->readback[ring]);
  memcpy(out_data, host + exec->report_offset[i], n_bytes);
  return VC_OK;
}

vc_status vc_exec_read(vc_exec *exec, const vc_tensor *t, void *out_data, size_t n_bytes) {
  VC_ASSERT(exec->bound && graph_owns(exec->graph, t));
  vc_region r = program_region(exec->program, t);
  if (!t->keep && t->kind != VC_KIND_SLOT) {
    return VC_FAIL(VC_E_INTERNAL, "%s is no output of its graph", t->path);
  }
  if (n_bytes > r.n_bytes) return VC_FAIL(VC_E_INTERNAL, "%s has fewer than %zu bytes", t->path, n_bytes);
  VC_TRY(vc_exec_wait(exec));
  struct vc_binding b = binding_of(exec, r);
  return vc_gpu_download(exec->gpu, b.buffer, b.offset, out_data, n_bytes);
}

vc_status vc_exec_wait(vc_exec *exec) {
  uint64_t last = 0;
  for (uint32_t i = 0; i < N_RING; i++) last = VC_MAX(last, exec->ticket[i]);
  return last ? vc_gpu_wait(exec->gpu, last) : VC_OK;
}

// Timestamps are counted from the start of each list.
static vc_status read_times(vc_exec *x) {
  VC_TRY(vc_exec_wait(x));
  for (uint32_t l = keeps_results(x) ? x->n_once_lists : 0; l < x->n_lists; l++) {
    const struct main_list *list = &x->lists[l];
    VC_TRY(vc_cmd_times(list->cmd, x->times_ns, list->end - list->first + 1));
    for (uint32_t i = list->first; i < list->end; i++) {
      const double *at = &x->times_ns[i - list->first];
      x->timings[i].seconds = (at[1] - at[0]) * 1e-9;
    }
  }
  return VC_OK;
}

vc_status vc_exec_timing(vc_exec *exec, const struct vc_timing **out, size_t *out_n) {
  if (exec->timestamps && exec->n_steps > 0) VC_TRY(read_times(exec));
  const uint32_t n_left_out = keeps_results(exec) ? exec->program->n_once : 0;
  *out = exec->timings + n_left_out;
  *out_n = exec->program->n_dispatches - n_left_out;
  return VC_OK;
}
