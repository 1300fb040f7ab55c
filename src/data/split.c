// Who trains, who validates, who tests; and whose masks training may see.
#include "vulcyte/data.h"

#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

// ---- groups ----

// What keeps together: samples of one key. Without a pattern each sample is its own group.
struct groups {
  uint32_t n;
  uint32_t *of_sample; // group of each paired sample
};
struct keyed_sample {
  const char *key;
  uint32_t sample;
};

static int compare_keys(const void *a, const void *b) {
  const struct keyed_sample *x = a, *y = b;
  int order = strcmp(x->key, y->key);
  if (order != 0) return order;
  return x->sample < y->sample ? -1 : x->sample > y->sample;
}

static vc_status key_of(vc_arena *arena, const regex_t *regex, const char *pattern, const char *stem,
                        const char **out) {
  regmatch_t match[2];
  char *key;
  if (regexec(regex, stem, 2, match, 0) != 0 || match[1].rm_so < 0) {
    return VC_FAIL(VC_E_INPUT, "%s: does not fit the group pattern '%s'; change the pattern or the name", stem,
                   pattern);
  }
  int n = (int)(match[1].rm_eo - match[1].rm_so);
  VC_TRY(vc_arena_printf(arena, &key, "%.*s", n, stem + match[1].rm_so));
  *out = key;
  return VC_OK;
}

static vc_status group_by_key(vc_arena *arena, const vc_dataset *d, const regex_t *regex, const char *pattern,
                              struct groups *out) {
  struct keyed_sample *keyed;
  VC_TRY(VC_NEW(arena, d->n_own, &keyed));
  for (uint32_t i = 0; i < d->n_own; i++) {
    keyed[i].sample = i;
    VC_TRY(key_of(arena, regex, pattern, d->samples[i].stem, &keyed[i].key));
  }
  if (d->n_own > 1) qsort(keyed, d->n_own, sizeof *keyed, compare_keys);
  out->n = 0;
  for (uint32_t i = 0; i < d->n_own; i++) {
    bool is_new = i == 0 || strcmp(keyed[i - 1].key, keyed[i].key) != 0;
    out->n += is_new;
    out->of_sample[keyed[i].sample] = out->n - 1;
  }
  return VC_OK;
}

static vc_status find_groups(vc_arena *arena, const vc_dataset *d, const char *pattern, struct groups *out) {
  regex_t regex;
  VC_TRY(VC_NEW(arena, d->n_own, &out->of_sample));
  out->n = d->n_own;
  for (uint32_t i = 0; i < d->n_own; i++) out->of_sample[i] = i;
  if (!pattern) return VC_OK;
  int error = regcomp(&regex, pattern, REG_EXTENDED);
  if (error != 0) {
    char reason[160];
    regerror(error, &regex, reason, sizeof reason);
    return VC_FAIL(VC_E_CONFIG, "group pattern '%s': %s", pattern, reason);
  }
  vc_status status = regex.re_nsub > 0 ? group_by_key(arena, d, &regex, pattern, out)
                                       : VC_FAIL(VC_E_CONFIG,
                                                 "group pattern '%s': needs a part in parentheses, which names the "
                                                 "group (as in '^(seq[0-9]+)_')",
                                                 pattern);
  regfree(&regex);
  return status;
}

// ---- making ----

enum part { PART_TRAIN, PART_VAL, PART_TEST, PART_COUNT };

static vc_status check_shares(const struct vc_split_desc *desc, double out_shares[PART_COUNT]) {
  double sum = desc->train + desc->val + desc->test;
  bool is_sound = desc->train > 0 && desc->val >= 0 && desc->test >= 0 && isfinite(sum);
  if (!is_sound) {
    return VC_FAIL(VC_E_CONFIG, "data.split: [%g, %g, %g] are no shares; none may be negative, the first not 0",
                   desc->train, desc->val, desc->test);
  }
  if (desc->labelled_count == 0 && !(desc->labelled_fraction > 0 && desc->labelled_fraction <= 1)) {
    return VC_FAIL(VC_E_CONFIG, "data.labelled: %g is not a share; over 0, at most 1, or {\"count\": N}",
                   desc->labelled_fraction);
  }
  out_shares[PART_TRAIN] = desc->train / sum;
  out_shares[PART_VAL] = desc->val / sum;
  out_shares[PART_TEST] = desc->test / sum;
  return VC_OK;
}

// Whether n samples and n_more are nearer to the wanted number than n alone; halves go up. Single samples thus add up
// to the wanted number rounded half up.
static bool is_nearer(uint32_t n, uint32_t n_more, double wanted) {
  return n + 0.5 * n_more <= wanted + 1e-9 * (wanted + 1);
}

// Gives each group a part: groups in shuffled order fill the training share, then validation; the others test.
static vc_status deal_groups(vc_arena *arena, uint64_t seed, const struct groups *groups, uint32_t n_samples,
                             const double shares[PART_COUNT], uint8_t **out_parts) {
  uint32_t *order, *n_members, n_train = 0, n_val = 0;
  VC_TRY(VC_NEW(arena, groups->n, &order));
  VC_TRY(VC_NEW(arena, groups->n, &n_members));
  VC_TRY(VC_NEW(arena, groups->n, out_parts));
  for (uint32_t i = 0; i < n_samples; i++) n_members[groups->of_sample[i]]++;
  vc_rng rng = vc_rng_at(seed, VC_RNG_SPLIT, 0, 0);
  vc_rng_permutation(&rng, groups->n, order);
  uint32_t i = 0;
  for (; i < groups->n; i++) {
    uint32_t n = n_members[order[i]];
    bool is_train = n_train == 0 || is_nearer(n_train, n, shares[PART_TRAIN] * n_samples);
    if (!is_train && (shares[PART_VAL] > 0 || shares[PART_TEST] > 0)) break;
    n_train += n;
    (*out_parts)[order[i]] = PART_TRAIN;
  }
  for (; i < groups->n; i++) {
    uint32_t n = n_members[order[i]];
    if (shares[PART_TEST] > 0 && !is_nearer(n_val, n, shares[PART_VAL] * n_samples)) break;
    n_val += n;
    (*out_parts)[order[i]] = PART_VAL;
  }
  for (; i < groups->n; i++) (*out_parts)[order[i]] = PART_TEST;
  return VC_OK;
}

// Picks the labelled ones: the first of a shuffled order that depends on the seed alone, so that subsets are nested.
static vc_status choose_labelled(vc_arena *arena, const struct vc_split_desc *desc, uint32_t n_train,
                                 bool **out_is_labelled) {
  uint32_t *order, n = desc->labelled_count;
  if (n > n_train) {
    return VC_FAIL(VC_E_CONFIG, "data.labelled: a count of %u, but only %u images with masks are for training", n,
                   n_train);
  }
  if (n == 0) {
    n = (uint32_t)floor(desc->labelled_fraction * n_train + 0.5 + 1e-9);
    n = VC_MIN(VC_MAX(n, 1), n_train);
  }
  VC_TRY(VC_NEW(arena, n_train, &order));
  VC_TRY(VC_NEW(arena, n_train, out_is_labelled));
  vc_rng rng = vc_rng_at(desc->seed, VC_RNG_SPLIT, 1, 0);
  vc_rng_permutation(&rng, n_train, order);
  for (uint32_t i = 0; i < n; i++) (*out_is_labelled)[order[i]] = true;
  return VC_OK;
}

static vc_status alloc_lists(vc_arena *arena, uint32_t n_samples, struct vc_split *out) {
  *out = (struct vc_split){0};
  VC_TRY(VC_NEW(arena, n_samples, &out->train_labelled));
  VC_TRY(VC_NEW(arena, n_samples, &out->train_unlabelled));
  VC_TRY(VC_NEW(arena, n_samples, &out->val));
  return VC_NEW(arena, n_samples, &out->test);
}

vc_status vc_split_make(vc_arena *arena, const vc_dataset *d, const struct vc_split_desc *desc, struct vc_split *out) {
  struct vc_split split;
  struct groups groups;
  double shares[PART_COUNT] = {0};
  uint8_t *parts;
  bool *is_labelled;
  uint32_t n_train = 0, k_train = 0;
  VC_TRY(check_shares(desc, shares));
  VC_TRY(alloc_lists(arena, d->n_samples, &split));
  VC_TRY(find_groups(arena, d, desc->group, &groups));
  VC_TRY(deal_groups(arena, desc->seed, &groups, d->n_own, shares, &parts));
  for (uint32_t i = 0; i < d->n_paired; i++) n_train += parts[groups.of_sample[i]] == PART_TRAIN;
  VC_TRY(choose_labelled(arena, desc, n_train, &is_labelled));
  for (uint32_t i = 0; i < d->n_samples; i++) {
    uint8_t part = i < d->n_own ? parts[groups.of_sample[i]] : PART_TRAIN;
    if (part == PART_VAL) {
      split.val[split.n_val++] = i;
    } else if (part == PART_TEST) {
      split.test[split.n_test++] = i;
    } else if (i < d->n_paired && is_labelled[k_train++]) {
      split.train_labelled[split.n_labelled++] = i;
    } else {
      split.train_unlabelled[split.n_unlabelled++] = i;
    }
  }
  *out = split;
  return VC_OK;
}

// ---- files ----

struct split_list {
  const char *name;
  uint32_t **samples, *n;
  bool needs_masks;
};
enum { LIST_COUNT = 4 };

static void name_lists(struct vc_split *split, struct split_list out[LIST_COUNT]) {
  out[0] = (struct split_list){"train_labelled", &split->train_labelled, &split->n_labelled, true};
  out[1] = (struct split_list){"train_unlabelled", &split->train_unlabelled, &split->n_unlabelled, false};
  out[2] = (struct split_list){"val", &split->val, &split->n_val, true};
  out[3] = (struct split_list){"test", &split->test, &split->n_test, true};
}

static int compare_sample_stem(const void *key, const void *element) {
  return strcmp(key, ((const struct vc_sample *)element)->stem);
}

// Samples are sorted by stem in two runs: those of `images`, those of `unlabelled`.
static bool find_sample(const vc_dataset *d, const char *stem, uint32_t *out) {
  const uint32_t n_first = d->n_own;
  const struct vc_sample *found = bsearch(stem, d->samples, n_first, sizeof *d->samples, compare_sample_stem);
  if (!found) {
    found = bsearch(stem, d->samples + n_first, d->n_samples - n_first, sizeof *d->samples, compare_sample_stem);
  }
  if (found) *out = (uint32_t)(found - d->samples);
  return found != NULL;
}

static int compare_u32(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static vc_status read_list(const vc_dataset *d, const char *path, const vc_json *json, const struct split_list *list,
                           bool *is_named) {
  if (vc_json_type_of(json) != VC_JSON_ARRAY) {
    return VC_FAIL(VC_E_INPUT, "%s:%d: '%s' must be an array of stems", path, vc_json_line(json), list->name);
  }
  for (size_t i = 0; i < vc_json_size(json); i++) {
    const vc_json *item = vc_json_at(json, i);
    uint32_t sample;
    int line = vc_json_line(item);
    if (vc_json_type_of(item) != VC_JSON_STRING) {
      return VC_FAIL(VC_E_INPUT, "%s:%d: '%s' holds something that is not a stem in quotes", path, line, list->name);
    }
    const char *stem = vc_json_string(item);
    if (!find_sample(d, stem, &sample)) {
      return VC_FAIL(VC_E_INPUT, "%s:%d: no image of the stem '%s' (list '%s'); remove it or check data.images", path,
                     line, stem, list->name);
    }
    if (is_named[sample]) {
      return VC_FAIL(VC_E_INPUT, "%s:%d: '%s' is named a second time (list '%s'); an image belongs to one list once",
                     path, line, stem, list->name);
    }
    if (list->needs_masks && d->desc.masks && !d->samples[sample].mask_path) {
      return VC_FAIL(VC_E_INPUT, "%s:%d: '%s' has no mask, which the list '%s' needs; move it to train_unlabelled",
                     path, line, stem, list->name);
    }
    is_named[sample] = true;
    (*list->samples)[(*list->n)++] = sample;
  }
  if (*list->n > 1) qsort(*list->samples, *list->n, sizeof **list->samples, compare_u32);
  return VC_OK;
}

static vc_status read_lists(const vc_dataset *d, const char *path, const vc_json *json, bool *is_named,
                            struct vc_split *split) {
  struct split_list lists[LIST_COUNT];
  name_lists(split, lists);
  if (vc_json_type_of(json) != VC_JSON_OBJECT) return VC_FAIL(VC_E_INPUT, "%s: must hold a JSON object", path);
  for (size_t i = 0; i < vc_json_size(json); i++) {
    const vc_json *item = vc_json_at(json, i);
    bool is_known = false;
    for (int k = 0; k < LIST_COUNT; k++) is_known = is_known || strcmp(vc_json_key(item), lists[k].name) == 0;
    if (!is_known) {
      return VC_FAIL(VC_E_INPUT,
                     "%s:%d: unknown list '%s'; the lists are train_labelled, train_unlabelled, val and test", path,
                     vc_json_line(item), vc_json_key(item));
    }
  }
  for (int k = 0; k < LIST_COUNT; k++) {
    const vc_json *item = vc_json_get(json, lists[k].name);
    if (!item)
      return VC_FAIL(VC_E_INPUT, "%s: the list '%s' is missing; add it, empty if need be", path, lists[k].name);
    VC_TRY(read_list(d, path, item, &lists[k], is_named));
  }
  return VC_OK;
}

vc_status vc_split_read(vc_arena *arena, const vc_dataset *d, const char *path, struct vc_split *out) {
  enum { MAX_FILE_BYTES = 1 << 28 };
  struct vc_split split;
  uint8_t *text;
  size_t n_bytes;
  vc_json *json;
  bool *is_named;
  VC_TRY(alloc_lists(arena, d->n_samples, &split));
  VC_TRY(VC_NEW(arena, d->n_samples, &is_named));
  VC_TRY(vc_file_read(arena, path, MAX_FILE_BYTES, &text, &n_bytes));
  VC_TRY(vc_json_parse(arena, path, (const char *)text, n_bytes, &json));
  VC_TRY(read_lists(d, path, json, is_named, &split));
  *out = split;
  return VC_OK;
}

vc_status vc_split_text(vc_arena *arena, const vc_dataset *d, const struct vc_split *split, const char **out_text) {
  struct vc_split copy = *split;
  struct split_list lists[LIST_COUNT];
  vc_json_writer *w;
  size_t n_bytes;
  name_lists(&copy, lists);
  VC_TRY(vc_json_writer_create(arena, 2, &w));
  vc_json_begin_object(w, NULL);
  for (int k = 0; k < LIST_COUNT; k++) {
    vc_json_begin_array(w, lists[k].name);
    for (uint32_t i = 0; i < *lists[k].n; i++) {
      vc_json_put_string(w, NULL, d->samples[(*lists[k].samples)[i]].stem);
    }
    vc_json_end_array(w);
  }
  vc_json_end_object(w);
  return vc_json_writer_text(w, out_text, &n_bytes);
}

vc_status vc_split_write(const vc_dataset *d, const struct vc_split *split, const char *path) {
  vc_arena *arena;
  VC_TRY(vc_arena_create(&arena));
  const char *text;
  vc_status status = vc_split_text(arena, d, split, &text);
  if (status == VC_OK) status = vc_file_write(path, text, strlen(text));
  vc_arena_destroy(arena);
  return status;
}
