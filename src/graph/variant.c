// Choosing among several kernels for one job.
#include "internal.h"

#include <stdio.h>
#include <string.h>

// The name that a list "job=name,job=name" gives a job; NULL if none. The job itself counts more than its family
// ("conv2d" of conv2d_fwd), that more than "*"; among equals the later entry. out_for_all: it was not the job itself.
static const char *forced_name(const char *list, const char *job, size_t *out_bytes, bool *out_for_all) {
  enum { ALL = 1, FAMILY, JOB };
  const char *found = NULL;
  int found_rank = 0;
  while (list && *list) {
    size_t entry = strcspn(list, ","), key = strcspn(list, "=");
    if (key < entry) {
      bool is_start = strncmp(list, job, key) == 0;
      int rank = is_start && job[key] == '\0'  ? JOB
                 : is_start && job[key] == '_' ? FAMILY
                 : key == 1 && list[0] == '*'  ? ALL
                                               : 0;
      if (rank > 0 && rank >= found_rank) {
        found = list + key + 1;
        *out_bytes = entry - key - 1;
        found_rank = rank;
      }
    }
    list += entry + (list[entry] == ',');
  }
  *out_for_all = found_rank < JOB;
  return found;
}

static bool runs_on(const struct vc_variant *v, const struct vc_caps *caps, const vc_tensor *out) {
  uint32_t subgroup = caps->subgroup_size;
  return (!v->min_subgroup || subgroup >= v->min_subgroup) && (!v->max_subgroup || subgroup <= v->max_subgroup) &&
         v->shared_bytes <= caps->max_shared_bytes && (!v->needs_address || caps->buffer_address) &&
         (!v->needs_shuffle || caps->subgroup_shuffle) && (!v->needs_fp16 || (caps->fp16 && caps->fp16_storage)) &&
         (!v->needs_coop_matrix || caps->coop_matrix) && (!v->fits || v->fits(caps, out));
}

static size_t best_ranked(const struct vc_variant *table, size_t n_rows, const struct vc_caps *caps,
                          const vc_tensor *out) {
  size_t best = 0;
  float best_rank = 0;
  for (size_t i = 0; i < n_rows; i++) {
    float rank = caps->type == VC_DEVICE_CPU ? table[i].rank_cpu : table[i].rank_gpu;
    if (i > 0 && (rank <= best_rank || !runs_on(&table[i], caps, out))) continue;
    best = i;
    best_rank = rank;
  }
  return best;
}

static vc_status unknown_name(const char *job, const struct vc_variant *table, size_t n_rows, const char *name,
                              size_t name_bytes) {
  char names[256];
  size_t used = 0;
  for (size_t i = 0; i < n_rows && used < sizeof names; i++) {
    int n = snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", table[i].name);
    used += n > 0 ? (size_t)n : 0;
  }
  return VC_FAIL(VC_E_USAGE, "variant %s=%.*s: there is none of that name; %s has %s", job, (int)name_bytes, name, job,
                 names);
}

vc_status vc_emit_variant(vc_emitter *e, const char *job, const struct vc_variant *table, size_t n_rows,
                          const vc_tensor *out) {
  size_t name_bytes = 0, chosen = n_rows;
  bool for_all = false;
  const char *name = forced_name(e->variants, job, &name_bytes, &for_all);
  if (!name) name = forced_name(e->env, job, &name_bytes, &for_all);
  for (size_t i = 0; name && i < n_rows; i++) {
    if (strlen(table[i].name) == name_bytes && strncmp(table[i].name, name, name_bytes) == 0) chosen = i;
  }
  if (chosen < n_rows) {
    if (!runs_on(&table[chosen], e->caps, out)) chosen = 0;
  } else if (name && !for_all) {
    return unknown_name(job, table, n_rows, name, name_bytes);
  } else {
    chosen = best_ranked(table, n_rows, e->caps, out);
  }
  struct program *p = e->program;
  VC_TRY(grow(e->arena, (void **)&p->uses, sizeof *p->uses, p->n_uses, &p->uses_capacity));
  p->uses[p->n_uses++] = (struct vc_variant_use){job, out->path, table, n_rows, chosen};
  e->job = job;
  e->variant = table[chosen].name;
  vc_status status = table[chosen].emit(e, out);
  e->job = e->variant = NULL;
  return status;
}
