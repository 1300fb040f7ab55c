// The same two passes over runs of pixels instead of pixels: one row of runs is held, the others wait in a file.
#include "components.h"

#include "base/forest.h"
#include "base/scratch.h"
#include "vulcyte/terms.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LABELS = 1 << 25 };

struct run {
  uint32_t begin, end; // columns
  uint32_t label;      // provisional
};

struct component_rows {
  uint32_t width;
  vc_scratch *scratch;
  struct run *above, *here; // of the last row added; of the one being added or given back
  uint32_t n_above, n_here;
  uint32_t *parent; // malloc'd: the union-find forest; after the last row the number of each provisional label
  uint32_t n_labels, capacity;
};

static void free_forest(void *object) {
  struct component_rows *c = object;
  free(c->parent);
}

vc_status component_rows_create(vc_arena *arena, const char *dir, uint32_t width, struct component_rows **out) {
  struct component_rows *c;
  VC_TRY(VC_NEW(arena, 1, &c));
  c->width = width;
  c->n_labels = 1; // 0 is no object
  VC_TRY(VC_NEW(arena, (size_t)width / 2 + 1, &c->above));
  VC_TRY(VC_NEW(arena, (size_t)width / 2 + 1, &c->here));
  VC_TRY(vc_scratch_open(arena, dir, &c->scratch));
  *out = c;
  return vc_arena_defer(arena, free_forest, c);
}

static vc_status new_label(struct component_rows *c, uint32_t *out) {
  if (c->n_labels >= MAX_LABELS) {
    return VC_FAIL(VC_E_INPUT,
                   "its objects fall into more than %d pieces, which cannot be numbered; save masks instead",
                   MAX_LABELS);
  }
  if (c->n_labels >= c->capacity) {
    const uint32_t capacity = 2 * c->capacity + 1024;
    uint32_t *grown = realloc(c->parent, capacity * sizeof *grown);
    if (!grown) return VC_FAIL(VC_E_NOMEM, "no memory to number %u objects", c->n_labels);
    c->parent = grown;
    c->capacity = capacity;
  }
  c->parent[c->n_labels] = c->n_labels;
  *out = c->n_labels++;
  return VC_OK;
}

static void find_runs(struct component_rows *c, const uint8_t *classes) {
  c->n_here = 0;
  for (uint32_t x = 0; x < c->width; x++) {
    if (classes[x] == 0 || classes[x] == VC_IGNORE_U8) continue;
    const uint32_t begin = x;
    while (x < c->width && classes[x] != 0 && classes[x] != VC_IGNORE_U8) x++;
    c->here[c->n_here++] = (struct run){.begin = begin, .end = x};
  }
}

static vc_status add_row(struct component_rows *c, const uint8_t *classes) {
  find_runs(c, classes);
  for (uint32_t i = 0, k = 0; i < c->n_here; i++) {
    struct run *run = &c->here[i];
    while (k < c->n_above && c->above[k].end <= run->begin) k++;
    for (uint32_t m = k; m < c->n_above && c->above[m].begin < run->end; m++)
      run->label = run->label ? forest_join(c->parent, run->label, c->above[m].label) : c->above[m].label;
    if (!run->label) VC_TRY(new_label(c, &run->label));
  }
  VC_TRY(vc_scratch_append(c->scratch, &c->n_here, sizeof c->n_here));
  VC_TRY(vc_scratch_append(c->scratch, c->here, c->n_here * sizeof *c->here));
  struct run *free_row = c->above;
  c->above = c->here;
  c->n_above = c->n_here;
  c->here = free_row;
  return VC_OK;
}

vc_status component_rows_add(struct component_rows *c, const uint8_t *classes, uint32_t n_rows) {
  for (uint32_t y = 0; y < n_rows; y++) VC_TRY(add_row(c, classes + (size_t)y * c->width));
  return VC_OK;
}

vc_status component_rows_finish(struct component_rows *c, uint32_t *out_n) {
  uint32_t n = 0;
  for (uint32_t label = 1; label < c->n_labels; label++) { // roots come before what hangs on them
    const uint32_t up = c->parent[label];
    c->parent[label] = up == label ? ++n : c->parent[up];
  }
  *out_n = n;
  return vc_scratch_rewind(c->scratch);
}

vc_status component_rows_next(struct component_rows *c, uint32_t *out_labels) {
  VC_TRY(vc_scratch_read(c->scratch, &c->n_here, sizeof c->n_here));
  VC_TRY(vc_scratch_read(c->scratch, c->here, c->n_here * sizeof *c->here));
  memset(out_labels, 0, c->width * sizeof *out_labels);
  for (uint32_t i = 0; i < c->n_here; i++) {
    const uint32_t number = c->parent[c->here[i].label];
    for (uint32_t x = c->here[i].begin; x < c->here[i].end; x++) out_labels[x] = number;
  }
  return VC_OK;
}
