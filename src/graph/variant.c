// Choosing among several kernels for one job.
#include "internal.h"

#include <stdio.h>
#include <string.h>

// The naive kernel comes into question for work as little as this.
static const double NAIVE_FLOPS_CPU = 5e6, NAIVE_FLOPS = 1e8;

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

static bool pays(const struct vc_variant *v, const vc_emitter *e, const vc_tensor *out) {
  return !v->pays || v->pays(e->caps, out);
}

static float rank_of(const struct vc_variant *v, const struct vc_caps *caps) {
  return caps->type == VC_DEVICE_CPU ? v->rank_cpu : v->rank_gpu;
}

// The rows besides row 0 that may be chosen; bit i: row i.
static uint32_t rows_allowed(const vc_emitter *e, const char *job, const struct vc_variant *table, size_t n_rows,
                             const vc_tensor *out) {
  uint32_t rows = 0;
  VC_ASSERT(n_rows <= 32);
  for (size_t i = 1; i < n_rows; i++) {
    const bool is_fatal = e->choosing.choices && choices_is_fatal(e->choosing.choices, job, table[i].name);
    if (!is_fatal && runs_on(&table[i], e, out) && pays(&table[i], e, out) &&
        !is_excluded(e->choosing.variants, job, &table[i]) && !is_excluded(e->choosing.env, job, &table[i]))
      rows |= 1u << i;
  }
  return rows;
}

static size_t best_ranked(const struct vc_caps *caps, const struct vc_variant *table, size_t n_rows, uint32_t rows) {
  size_t best = 0;
  float best_rank = 0;
  for (size_t i = 0; i < n_rows; i++) {
    if (i > 0 && (!(rows >> i & 1) || rank_of(&table[i], caps) <= best_rank)) continue;
    best = i;
    best_rank = rank_of(&table[i], caps);
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

// Sets use->key where measuring could tell what rank does not: rows of a rank that promises something, and row 0 for
// little work.
static vc_status find_key(const vc_emitter *e, uint32_t rows, const vc_tensor *out, struct vc_variant_use *use) {
  struct sample sample;
  bool is_cpu = e->caps->type == VC_DEVICE_CPU;
  for (size_t i = 1; i < use->n_rows; i++) {
    if (rank_of(&use->table[i], e->caps) < rank_of(&use->table[0], e->caps)) rows &= ~(1u << i);
  }
  if (rows == 0 || !sample_of(out, e->caps, &sample)) return VC_OK;
  if (sample.flops <= (is_cpu ? NAIVE_FLOPS_CPU : NAIVE_FLOPS)) rows |= 1;
  use->rows = rows;
  return sample_key(e->arena, use->job, use->table, use->n_rows, rows, out, &sample, &use->key);
}

static vc_status choose(const vc_emitter *e, const vc_tensor *out, struct vc_variant_use *use) {
  const struct emit_choosing *by = &e->choosing;
  const char *job = use->job, *remembered;
  struct entry forced = forcing_entry(by->variants, job);
  size_t row = use->n_rows;
  VC_TRY(check_excluded(by->variants, job, use->table, use->n_rows));
  VC_TRY(check_excluded(by->env, job, use->table, use->n_rows));
  if (forced.rank == NO_RANK) forced = forcing_entry(by->env, job);
  if (forced.rank > NO_RANK) VC_TRY(find_row(job, use->table, use->n_rows, &forced, &row));
  uint32_t rows = rows_allowed(e, job, use->table, use->n_rows, out);
  if (by->choices) VC_TRY(find_key(e, rows, out, use));
  if (row < use->n_rows) {
    const bool runs = runs_on(&use->table[row], e, out);
    use->chosen = runs ? row : 0;
    if (!runs || by->any_size || pays(&use->table[row], e, out)) return VC_OK;
  }
  use->chosen = best_ranked(e->caps, use->table, use->n_rows, rows);
  if (!use->key) return VC_OK;
  remembered = vc_choices_variant(by->choices, use->key);
  for (row = 0; remembered && row < use->n_rows; row++) {
    if ((row == 0 || rows >> row & 1) && strcmp(use->table[row].name, remembered) == 0) use->chosen = row;
  }
  use->undecided = !remembered && choices_seconds(by->choices) > 0;
  return VC_OK;
}

const void *vc_emit_data(const vc_emitter *e) {
  VC_ASSERT(e->row);
  return e->row->data;
}

vc_status vc_emit_variant(vc_emitter *e, const char *job, const struct vc_variant *table, size_t n_rows,
                          const vc_tensor *out) {
  struct program *p = e->program;
  struct vc_variant_use use = {.job = job, .path = out->path, .table = table, .n_rows = n_rows, .node = out};
  VC_TRY(choose(e, out, &use));
  VC_TRY(grow(e->arena, (void **)&p->uses, sizeof *p->uses, p->n_uses, &p->uses_capacity));
  p->uses[p->n_uses++] = use;
  e->job = job;
  e->row = &table[use.chosen];
  vc_status status = e->row->emit(e, out);
  e->job = NULL;
  e->row = NULL;
  return status;
}
