// Choosing among several kernels for one job.
#include "internal.h"

#include <stdio.h>
#include <string.h>

enum { NO_RANK, ALL_RANK, FAMILY_RANK, JOB_RANK };

// One entry "KEY=NAME" or "KEY=-NAME" of a list, and how closely its key means a job.
struct entry {
  const char *name;
  size_t name_bytes;
  bool excludes;
  int rank;
};

// Takes the next entry off the list; false at its end.
static bool next_entry(const char **inout_list, const char *job, struct entry *out) {
  const char *list = *inout_list;
  if (!list || !*list) return false;
  size_t n = strcspn(list, ","), key = strcspn(list, "=");
  *inout_list = list + n + (list[n] == ',');
  *out = (struct entry){0};
  if (key >= n) return true;
  bool is_start = strncmp(list, job, key) == 0;
  out->rank = is_start && job[key] == '\0'  ? JOB_RANK
              : is_start && job[key] == '_' ? FAMILY_RANK
              : key == 1 && list[0] == '*'  ? ALL_RANK
                                            : NO_RANK;
  out->excludes = list[key + 1] == '-';
  out->name = list + key + 1 + out->excludes;
  out->name_bytes = (size_t)(list + n - out->name);
  return true;
}

static bool has_name(const struct vc_variant *v, const struct entry *e) {
  return strlen(v->name) == e->name_bytes && strncmp(v->name, e->name, e->name_bytes) == 0;
}

static bool is_excluded(const char *list, const char *job, const struct vc_variant *v) {
  struct entry e;
  while (next_entry(&list, job, &e)) {
    if (e.rank > NO_RANK && e.excludes && has_name(v, &e)) return true;
  }
  return false;
}

// The entry that forces a kernel of the job; rank NO_RANK if none does. Among equals the later one counts.
static struct entry forcing_entry(const char *list, const char *job) {
  struct entry e, found = {0};
  while (next_entry(&list, job, &e)) {
    if (!e.excludes && e.rank > NO_RANK && e.rank >= found.rank) found = e;
  }
  return found;
}

static bool runs_on(const struct vc_variant *v, const vc_emitter *e, const vc_tensor *out) {
  const struct vc_caps *caps = e->caps;
  uint32_t subgroup = caps->subgroup_size;
  return (!v->min_subgroup || subgroup >= v->min_subgroup) && (!v->max_subgroup || subgroup <= v->max_subgroup) &&
         v->shared_bytes <= caps->max_shared_bytes && (!v->needs_address || caps->buffer_address) &&
         (!v->needs_shuffle || caps->subgroup_shuffle) && (!v->needs_fp16 || (caps->fp16 && caps->fp16_storage)) &&
         (!v->needs_coop_matrix || caps->coop_matrix) && (!e->half || v->takes_half) &&
         (!v->fits || v->fits(caps, out));
}

static size_t best_ranked(const vc_emitter *e, const char *job, const struct vc_variant *table, size_t n_rows,
                          const vc_tensor *out) {
  size_t best = 0;
  float best_rank = 0;
  for (size_t i = 0; i < n_rows; i++) {
    float rank = e->caps->type == VC_DEVICE_CPU ? table[i].rank_cpu : table[i].rank_gpu;
    if (i > 0 && (rank <= best_rank || !runs_on(&table[i], e, out))) continue;
    if (i > 0 && (is_excluded(e->variants, job, &table[i]) || is_excluded(e->env, job, &table[i]))) continue;
    best = i;
    best_rank = rank;
  }
  return best;
}

static vc_status fail_unknown(const char *job, const struct vc_variant *table, size_t n_rows, const struct entry *e) {
  char names[256];
  size_t used = 0;
  for (size_t i = 0; i < n_rows && used < sizeof names; i++) {
    int n = snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", table[i].name);
    used += n > 0 ? (size_t)n : 0;
  }
  return VC_FAIL(VC_E_USAGE, "variant %s=%s%.*s: there is none of that name; %s has %s", job, e->excludes ? "-" : "",
                 (int)e->name_bytes, e->name, job, names);
}

// The row of a name, n_rows if the job has none such: an error where the entry names the job itself.
static vc_status find_row(const char *job, const struct vc_variant *table, size_t n_rows, const struct entry *e,
                          size_t *out) {
  size_t i = 0;
  while (i < n_rows && !has_name(&table[i], e)) i++;
  if (i == n_rows && e->rank == JOB_RANK) return fail_unknown(job, table, n_rows, e);
  *out = i;
  return VC_OK;
}

static vc_status check_excluded(const char *list, const char *job, const struct vc_variant *table, size_t n_rows) {
  struct entry e;
  while (next_entry(&list, job, &e)) {
    size_t row;
    if (e.rank == NO_RANK || !e.excludes) continue;
    VC_TRY(find_row(job, table, n_rows, &e, &row));
    if (row == 0) {
      return VC_FAIL(VC_E_USAGE, "variant %s=-%s: the definition of the job cannot be excluded; name another kernel",
                     job, table[0].name);
    }
  }
  return VC_OK;
}

static vc_status choose(const vc_emitter *e, const char *job, const struct vc_variant *table, size_t n_rows,
                        const vc_tensor *out, size_t *out_row) {
  struct entry forced = forcing_entry(e->variants, job);
  size_t row = n_rows;
  VC_TRY(check_excluded(e->variants, job, table, n_rows));
  VC_TRY(check_excluded(e->env, job, table, n_rows));
  if (forced.rank == NO_RANK) forced = forcing_entry(e->env, job);
  if (forced.rank > NO_RANK) VC_TRY(find_row(job, table, n_rows, &forced, &row));
  if (row < n_rows)
    *out_row = runs_on(&table[row], e, out) ? row : 0;
  else
    *out_row = best_ranked(e, job, table, n_rows, out);
  return VC_OK;
}

const void *vc_emit_data(const vc_emitter *e) {
  VC_ASSERT(e->row);
  return e->row->data;
}

vc_status vc_emit_variant(vc_emitter *e, const char *job, const struct vc_variant *table, size_t n_rows,
                          const vc_tensor *out) {
  struct program *p = e->program;
  size_t row;
  VC_TRY(choose(e, job, table, n_rows, out, &row));
  VC_TRY(grow(e->arena, (void **)&p->uses, sizeof *p->uses, p->n_uses, &p->uses_capacity));
  p->uses[p->n_uses++] = (struct vc_variant_use){job, out->path, table, n_rows, row};
  e->job = job;
  e->row = &table[row];
  vc_status status = table[row].emit(e, out);
  e->job = NULL;
  e->row = NULL;
  return status;
}
