// Sweeps: spanning a grid, merging, names, mistakes, the table. Nothing is trained: scores are written by hand.
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // realpath
#endif
#include "scratch.h"
#include "vulcyte/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static vc_status load(vc_arena *arena, const char *text, struct vc_sweep *out) {
  scratch_text("grid.json", text);
  return vc_sweep_load(arena, "grid.json", NULL, 0, "out", out);
}

static const struct vc_sweep_run *find(const struct vc_sweep *s, const char *name) {
  for (uint32_t i = 0; i < s->n_runs; i++) {
    if (strcmp(s->runs[i].name, name) == 0) return &s->runs[i];
  }
  fail_msg("no run %s", name);
  return NULL;
}

#define BASE "\"base\": {\"data\": {\"images\": \"i\", \"masks\": \"m\"}}"

static void every_combination_is_a_run(void **state) {
  struct vc_sweep s;
  ASSERT_OK(load(*state,
                 "{" BASE ", // comment\n\"grid\": {\"set\": [{\"name\": \"bbbc039\", \"data.images\": \"b/i\"},\n"
                 "{\"name\": \"my cells\", \"data.images\": \"/c/i\", \"data.crop\": 64}], \"data.labelled\": [0.1, "
                 "{\"count\": 2}],\n"
                 "\"seed\": [0, 1, 1]}}",
                 &s));
  assert_int_equal(s.n_combinations, 12);
  assert_int_equal(s.n_runs, 8); // the repeated seed is no further run
  assert_int_equal(s.n_rows, 4);
  assert_string_equal(s.runs[0].name, "bbbc039_labelled-0.1_seed-0");
  const struct vc_sweep_run *run = find(&s, "my-cells_2-images_seed-1");
  assert_string_equal(run->dir, "out/my-cells_2-images_seed-1");
  assert_string_equal(run->config.name, run->name);
  assert_string_equal(run->set, "my cells");
  assert_string_equal(run->labelled, "2 images");
  assert_string_equal(run->config.data.images, "/c/i");
  assert_true(run->config.data.crop == 64 && run->config.data.labelled_count == 2 && run->config.seed == 1);
  const char *images = s.runs[0].config.data.images;
  assert_true(images[0] == '/' && strcmp(images + strlen(images) - 4, "/b/i") == 0);
  assert_int_equal(s.runs[0].config.data.crop, 256);
}

static void what_makes_no_difference_is_merged(void **state) {
  struct vc_sweep s;
  ASSERT_OK(load(*state,
                 "{" BASE ", \"grid\": {\"method\": [\"supervised\", \"uda\"], \"uda.loss\": [\"kl\", \"iid\"],\n"
                 "\"uda.weight\": [0.1, 1], \"uda.lambda\": [1, 2], \"augment.strong.num_ops\": [2]}}",
                 &s));
  assert_int_equal(s.n_combinations, 16);
  assert_int_equal(s.n_runs, 1 + 2 + 4); // supervised; kl by weight; iid by weight and lambda
  find(&s, "supervised");
  find(&s, "uda_kl_weight-0.1_num-ops-2");
}

static void names_hold_what_matters(void **state) {
  struct vc_sweep s;
  ASSERT_OK(load(*state,
                 "{" BASE ", \"grid\": {\"method\": [\"supervised\", \"uda\"], \"uda.loss\": [\"kl\", \"iid\"],\n"
                 "\"uda.lambda\": [1, 2], \"model.base\": [8]}}",
                 &s));
  assert_int_equal(s.n_runs, 4);
  find(&s, "supervised_base-8");
  find(&s, "uda_kl_base-8");
  find(&s, "uda_iid_lambda-2_base-8");
  assert_int_equal(s.n_rows, 2); // by lambda; the others stand in both
  assert_string_equal(s.rows[1].settings, "lambda 2, base 8");
  assert_string_equal(find(&s, "uda_kl_base-8")->settings, "base 8");
}

static void names_differ(void **state) {
  struct vc_sweep s;
  ASSERT_OK(load(*state,
                 "{" BASE
                 ", \"grid\": {\"data.images\": [\"a/x\", \"b/x\", \"a-x\"], \"optimizer.schedule.name\": [\"step\", "
                 "\"cosine\"], \"optimizer.schedule.gamma\": [0.1, 0.2]}}",
                 &s));
  assert_int_equal(s.n_runs, 9);
  for (uint32_t i = 0; i < s.n_runs; i++) {
    assert_null(strchr(s.runs[i].name, '/'));
    for (uint32_t k = 0; k < i; k++) assert_string_not_equal(s.runs[i].name, s.runs[k].name);
  }
}

static void uda_without_unlabelled_images_is_left_out(void **state) {
  struct vc_sweep s;
  ASSERT_OK(
      load(*state, "{" BASE ", \"grid\": {\"method\": [\"supervised\", \"uda\"], \"data.labelled\": [0.5, 1]}}", &s));
  assert_int_equal(s.n_runs, 3);
  assert_int_equal(s.n_left_out, 1);
  ASSERT_FAILS(load(*state, "{" BASE ", \"grid\": {\"data.labelled\": [1]}}", &s), VC_E_CONFIG, "lower data.labelled");
}

// What several grids ask for in common is one run, and one row of the table.
static void several_grids_are_one_sweep(void **state) {
  struct vc_sweep s;
  ASSERT_OK(load(*state,
                 "{" BASE ", \"grid\": [{\"method\": [\"supervised\", \"uda\"], \"seed\": [0, 1]},\n"
                 "{\"method\": [\"supervised\"], \"seed\": [1, 2]},\n"
                 "{\"set\": [{\"name\": \"wide\", \"model.base\": 8}]}]}",
                 &s));
  assert_int_equal(s.n_combinations, 7);
  assert_int_equal(s.n_runs, 6);
  find(&s, "supervised_seed-2");
  assert_int_equal(find(&s, "wide")->config.model.base, 8);
  assert_int_equal(s.n_rows, 2);
}

static void a_configuration_file_can_be_the_base(void **state) {
  struct vc_sweep s;
  assert_int_equal(system("mkdir sub"), 0);
  scratch_text("sub/c.json", "{\"data\": {\"images\": \"i\", \"masks\": \"m\"}, \"train\": {\"epochs\": 7}}");
  ASSERT_OK(load(*state, "{\"config\": \"sub/c.json\", \"grid\": {\"data.masks\": [\"n\"]}}", &s));
  assert_int_equal(s.runs[0].config.train.epochs, 7);
  assert_non_null(strstr(s.runs[0].config.data.images, "/sub/i"));
  assert_null(strstr(s.runs[0].config.data.masks, "/sub/")); // paths of the grid are relative to the grid
  scratch_text("sub/c.json", "{\"data\": {},\n\"train\": {\"epoch\": 7}}");
  ASSERT_FAILS(load(*state, "{\"config\": \"sub/c.json\", \"grid\": {\"seed\": [0]}}", &s), VC_E_CONFIG,
               "sub/c.json:2: train.epoch: unknown key");
  assert_int_equal(load(*state, "{\"config\": \"none.json\", \"grid\": {\"seed\": [0]}}", &s), VC_E_INPUT);
}

static void mistakes_have_file_line_and_key(void **state) {
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"[]", "grid.json:1: a grid is an object"},
      {"{\"base\": {},\n}", "grid.json:2"},
      {"{" BASE "}", "grid.json:1: grid: missing"},
      {"{\"grid\": {\"seed\": [0]}}", "grid.json:1: base: missing"},
      {"{" BASE ",\n\"config\": \"x\", \"grid\": {\"seed\": [0]}}", "grid.json:2: config: stands beside"},
      {"{" BASE ",\n\"gird\": {}}", "grid.json:2: gird: unknown key"},
      {"{" BASE ",\n\"grid\": []}", "grid.json:2: grid: an object"},
      {"{" BASE ", \"grid\": [{\"seed\": [0]},\n[]]}", "grid.json:2: grid: an object"},
      {"{" BASE ", \"grid\": [{\"seed\": [0]}, {\n\"seed\": [0], \"lr\": [1]}]}", "grid.json:2: grid.lr: unknown key"},
      {"{" BASE ", \"grid\": {\n\"seed\": 3}}", "grid.json:2: grid.seed: a list"},
      {"{" BASE ", \"grid\": {\n\"seed\": []}}", "grid.json:2: grid.seed: a list"},
      {"{" BASE ", \"grid\": {\n\"seeds\": [1]}}", "grid.json:2: grid.seeds: unknown key; did you mean seed?"},
      {"{" BASE ", \"grid\": {\n\"name\": [\"a\"]}}", "grid.json:2: grid.name: has no part"},
      {"{" BASE ", \"grid\": {\n\"device\": [0, 1]}}", "grid.json:2: grid.device: has no part"},
      {"{" BASE ", \"grid\": {\"uda.loss\": [\"kl\",\n\"kk\"]}}", "grid.json:2: grid.uda.loss: unknown value \"kk\""},
      {"{" BASE ", \"grid\": {\"data.labelled\": [0.1,\n\n{\"n\": 2}]}}", "grid.json:3: grid.data.labelled: "},
      {"{\"base\": {\"data\": {},\n\"train\": {\n\"batch\": 0}}, \"grid\": {\"seed\": [0]}}",
       "grid.json:3: train.batch: 0 is not"},
      {"{" BASE ", \"grid\": {\"set\": [\n{\"data.crop\": 8}]}}", "grid.json:2: grid.set: each set"},
      {"{" BASE ", \"grid\": {\"set\": [{\"name\": \"a\"},\n{\"name\": \"a\"}]}}",
       "grid.json:2: grid.set: the name \"a\""},
      {"{" BASE ", \"grid\": {\"set\": [{\"name\": \"a\",\n\"crop\": 8}]}}",
       "grid.json:2: grid.set[a].crop: unknown key"},
      {"{" BASE ", \"grid\": {\"set\": [{\"name\": \"a\",\n\"data.crop\": -8}]}}",
       "grid.json:2: grid.set[a].data.crop: -8"},
      {"{" BASE ", \"grid\": {\"seed\": [1], \"set\": [{\"name\": \"a\",\n\"seed\": 8}]}}",
       "grid.json:2: grid.set[a].seed: is a key"},
  };
  for (size_t i = 0; i < VC_COUNT_OF(cases); i++) {
    struct vc_sweep s;
    ASSERT_FAILS(load(*state, cases[i].text, &s), VC_E_CONFIG, cases[i].message);
  }
}

static void overrides_reach_every_run(void **state) {
  struct vc_sweep s;
  const char *sets[] = {"train.epochs=3", "seed=5"};
  scratch_text("grid.json", "{" BASE ", \"grid\": {\"seed\": [0, 1]}}");
  ASSERT_OK(vc_sweep_load(*state, "grid.json", sets, 1, "out", &s));
  assert_true(s.runs[0].config.train.epochs == 3 && s.runs[1].config.train.epochs == 3);
  ASSERT_FAILS(vc_sweep_load(*state, "grid.json", sets, 2, "out", &s), VC_E_USAGE, "--set seed: is a key of the grid");
}

// ---- the files in configs/ ------------------------------------------------------------------------------------------

// Images are bundled, put where configs/README.md says, or beside a template.
static void check_paths(const struct vc_config *c, const char *file) {
  static const char *const homes[] = {"/assets/sample/", "/data/phc/",          "/data/gowt1/", "/data/bbbc039/",
                                      "/data/bigbrain/", "/data/bigbrain-200/", "/configs/own/"};
  char *resolved = realpath(VC_SOURCE_DIR, NULL), start[1024];
  bool is_known = false;
  for (size_t i = 0; i < VC_COUNT_OF(homes); i++) {
    snprintf(start, sizeof start, "%s%s", resolved, homes[i]);
    is_known = is_known || strncmp(c->data.images, start, strlen(start)) == 0;
  }
  if (!is_known) fail_msg("%s: images in %s", file, c->data.images);
  free(resolved);
}

// Returns how many trainings the file holds.
static uint32_t check_file(vc_arena *arena, const char *path) {
  uint8_t *text;
  size_t n_bytes;
  vc_json *root;
  ASSERT_OK(vc_file_read(arena, path, 0, &text, &n_bytes));
  ASSERT_OK(vc_json_parse(arena, path, (const char *)text, n_bytes, &root));
  if (vc_json_get(root, "grid")) {
    struct vc_sweep s;
    ASSERT_OK(vc_sweep_load(arena, path, NULL, 0, "out", &s));
    for (uint32_t i = 0; i < s.n_runs; i++) check_paths(&s.runs[i].config, path);
    return s.n_runs;
  }
  struct vc_config c;
  ASSERT_OK(vc_config_load(arena, path, NULL, 0, &c));
  check_paths(&c, path);
  return 1;
}

static void every_configuration_is_valid(void **state) {
  static const struct {
    const char *folder;
    uint32_t n_files, n_runs; // at least
  } folders[] = {{"", 1, 1}, {"/own", 5, 16}, {"/study", 12, 117 + 11}, {"/laptop", 13, 166 + 11 + 12}};
  for (size_t i = 0; i < VC_COUNT_OF(folders); i++) {
    char dir[1024], **paths;
    size_t n;
    uint32_t n_files = 0, n_runs = 0;
    snprintf(dir, sizeof dir, "%s/configs%s", VC_SOURCE_DIR, folders[i].folder);
    ASSERT_OK(vc_path_list(*state, dir, &paths, &n));
    for (size_t k = 0; k < n; k++) {
      size_t length = strlen(paths[k]);
      if (length < 5 || strcmp(paths[k] + length - 5, ".json") != 0 || strstr(paths[k], "/schema.json")) continue;
      n_files++;
      n_runs += check_file(*state, paths[k]);
    }
    if (n_files < folders[i].n_files || n_runs < folders[i].n_runs)
      fail_msg("%s: %u files with %u runs", dir, n_files, n_runs);
  }
}

// ---- states and tables ----------------------------------------------------------------------------------------------

static void finish(struct vc_sweep *s, const char *name, double supervised, double final) {
  char path[512], text[512];
  uint32_t i = (uint32_t)(find(s, name) - s->runs);
  ASSERT_OK(vc_sweep_run_begin(s, i));
  snprintf(path, sizeof path, "%s/evaluation.json", s->runs[i].dir);
  snprintf(text, sizeof text, "{\"best-supervised\": {\"mean_iou\": %g}, \"best-final\": {\"mean_iou\": %g}}",
           supervised, final);
  scratch_text(path, text);
  snprintf(path, sizeof path, "%s/baselines.json", s->runs[i].dir);
  scratch_text(path,
               s->runs[i].config.seed == 0 ? "{\"otsu\": {\"mean_iou\": 0.25}}" : "{\"otsu\": {\"mean_iou\": 0.5}}");
  snprintf(path, sizeof path, "%s/report.html", s->runs[i].dir);
  scratch_text(path, "");
  ASSERT_OK(vc_sweep_run_end(s, i, VC_OK, ""));
  assert_int_equal(s->runs[i].state, VC_SWEEP_DONE);
}

static const char study_grid[] =
    "{" BASE ", \"grid\": {\"set\": [{\"name\": \"BBBC039\"}], \"data.labelled\": [0.25, 0.05],\n"
    "\"method\": [\"supervised\", \"uda\"], \"uda.loss\": [\"kl\", \"iid\"], \"seed\": [0, 1]}}";

static void the_table_has_mean_and_spread(void **state) {
  struct vc_sweep s;
  double mean, sd;
  uint32_t n;
  ASSERT_OK(load(*state, study_grid, &s));
  assert_int_equal(s.n_runs, 12);
  finish(&s, "BBBC039_labelled-0.25_supervised_seed-0", 0.5, 0.25);
  finish(&s, "BBBC039_labelled-0.25_uda_kl_seed-0", 0.5, 0.75);
  finish(&s, "BBBC039_labelled-0.25_uda_kl_seed-1", 0.75, 0.75);
  vc_sweep_cell(&s, 0, VC_SWEEP_SUPERVISED, &mean, &sd, &n);
  assert_true(n == 1 && mean == 0.5 && isnan(sd));
  vc_sweep_cell(&s, 0, VC_SWEEP_P1, &mean, &sd, &n);
  assert_true(n == 2 && mean == 0.625 && fabs(sd - 0.1767767) < 1e-6);
  vc_sweep_cell(&s, 0, VC_SWEEP_P2, &mean, &sd, &n);
  assert_true(n == 2 && mean == 0.75 && sd == 0);
  vc_sweep_cell(&s, 0, VC_SWEEP_P3, &mean, &sd, &n);
  assert_true(n == 0 && isnan(mean));
  vc_sweep_cell(&s, 0, VC_SWEEP_OTSU, &mean, &sd, &n); // of two runs, seed 0's test images are the same
  assert_true(n == 2 && mean == 0.375);
  assert_true(s.rows[0].study && s.rows[0].study[0] == 0.9427 && s.rows[0].study[3] == 0.9340);
  assert_null(s.rows[1].study);

  ASSERT_OK(vc_sweep_run_end(&s, 11, VC_E_DIVERGED, "it, \"diverged\""));
  ASSERT_OK(vc_sweep_write(&s));
  uint8_t *text;
  size_t n_bytes;
  ASSERT_OK(vc_file_read(*state, "out/results.md", 0, &text, &n_bytes));
  assert_non_null(
      strstr((char *)text,
             "| BBBC039 | 25 % | 0.5000 | 0.6250 ± 0.1768 (2) | 0.7500 ± 0.0000 (2) | – | – | 0.3750 ± 0.1768 (2) |\n"
             "| *study: FluoHoechst* | *25 %* | | *0.9427* | *0.9043* | *0.9340* | *0.9340* | |\n"
             "| BBBC039 | 5 % | – |"));
  assert_non_null(strstr((char *)text, "3 of 12 runs are done, 1 failed"));
  ASSERT_OK(vc_file_read(*state, "out/results.csv", 0, &text, &n_bytes));
  assert_non_null(
      strstr((char *)text, "\nBBBC039_labelled-0.25_uda_kl_seed-0,BBBC039,25 %,,uda,kl,0,done,0.500000,0.750000,"));
  assert_non_null(strstr((char *)text, ",failed,,,,,,,,,,,,\"it, \"\"diverged\"\"\"\n"));
  vc_json *json;
  ASSERT_OK(vc_file_read(*state, "out/results.json", 0, &text, &n_bytes));
  ASSERT_OK(vc_json_parse(*state, "results.json", (char *)text, n_bytes, &json));
  const vc_json *p1 = vc_json_get(vc_json_at(vc_json_get(json, "table"), 0), "p1");
  assert_true(vc_json_number(vc_json_get(p1, "mean")) == 0.625 && vc_json_number(vc_json_get(p1, "study")) == 0.9427);
  assert_int_equal(vc_json_size(vc_json_get(json, "runs")), 12);
}

static uint32_t count(const char *text, const char *what) {
  uint32_t n = 0;
  for (const char *at = text; (at = strstr(at, what)); at++) n++;
  return n;
}

// Seven bars for seven cells, spreads where there are two seeds, the study's marks beside its share of labels.
static void the_page_shows_what_the_table_holds(void **state) {
  struct vc_sweep s;
  ASSERT_OK(load(*state, study_grid, &s));
  finish(&s, "BBBC039_labelled-0.25_supervised_seed-0", 0.5, 0.25);
  finish(&s, "BBBC039_labelled-0.25_uda_kl_seed-0", 0.5, 0.75);
  finish(&s, "BBBC039_labelled-0.25_uda_kl_seed-1", 0.75, 0.75);
  finish(&s, "BBBC039_labelled-0.05_uda_iid_seed-1", 0.75, 0.875);
  finish(&s, "BBBC039_labelled-0.05_supervised_seed-0", 0.125, 0.125);
  finish(&s, "BBBC039_labelled-0.05_supervised_seed-1", 0.125, 0.125);
  ASSERT_OK(vc_sweep_run_end(&s, 1, VC_E_DIVERGED, "it <b>diverged</b>"));
  ASSERT_OK(vc_sweep_write(&s));
  ASSERT_OK(vc_sweep_write_report(&s, "out/report.html"));
  uint8_t *text;
  size_t n_bytes;
  ASSERT_OK(vc_file_read(*state, "out/report.html", 0, &text, &n_bytes));
  const char *page = (const char *)text;
  assert_int_equal(count(page, "<rect "), 3 + 3);
  assert_int_equal(count(page, "class=\"spread\""), 2 + 1);
  assert_int_equal(count(page, "<path class=\"study\""), 2 + 1); // and one in the legend
  assert_non_null(strstr(page, "<td>0.625<small> &plusmn;&nbsp;0.177</small></td><td><b>0.750</b><small> &plusmn;"));
  assert_non_null(strstr(page, "over 2 seeds"));
  assert_non_null(strstr(page, "it &lt;b&gt;diverged&lt;/b&gt;"));
  assert_non_null(strstr(page, "<a href=\"BBBC039_labelled-0.25_uda_kl_seed-0/report.html\">"));
  assert_true(!strstr(page, "\"nan") && !strstr(page, ">nan") && !strstr(page, " nan") && !strstr(page, "http") &&
              !strstr(page, "<b>diverged"));
  ASSERT_OK(vc_report_write("out", "elsewhere.html")); // as `vulcyte report` makes it: links would lead nowhere
  ASSERT_OK(vc_file_read(*state, "elsewhere.html", 0, &text, &n_bytes));
  assert_int_equal(count((const char *)text, "<rect "), 6);
  assert_null(strstr((const char *)text, "seed-0/report.html"));
}

// Written by hand, as a run with two heads leaves it; the study's heads stand below.
static void heads_have_a_table_of_their_own(void **state) {
  struct vc_sweep s;
  uint8_t *text;
  size_t n_bytes;
  double mean, sd;
  uint32_t n;
  ASSERT_OK(load(*state, study_grid, &s));
  finish(&s, "BBBC039_labelled-0.25_uda_kl_seed-0", 0.5, 0.75);
  scratch_text("out/BBBC039_labelled-0.25_uda_kl_seed-0/evaluation.json",
               "{\"best-supervised\": {}, \"best-final\": {\"mean_iou\": 0.75, \"heads\": {\"main\": {\"mean_iou\": "
               "0.25}, \"aux\": {\"mean_iou\": 0.75}}}}");
  ASSERT_OK(vc_sweep_look(&s));
  vc_sweep_cell(&s, 0, VC_SWEEP_IIC_MAIN, &mean, &sd, &n);
  assert_true(n == 1 && mean == 0.25);
  vc_sweep_cell(&s, 0, VC_SWEEP_IIC_AUX, &mean, &sd, &n);
  assert_true(n == 1 && mean == 0.75);
  assert_true(s.rows[1].study_iic && s.rows[1].study_iic[1] == 0.7110);
  ASSERT_OK(vc_sweep_write(&s));
  ASSERT_OK(vc_sweep_write_report(&s, "out/report.html"));
  ASSERT_OK(vc_file_read(*state, "out/report.html", 0, &text, &n_bytes));
  assert_non_null(strstr((char *)text, "<td>0.250</td><td><b>0.750</b></td>"));
  assert_non_null(strstr((char *)text, "<td>0.463</td><td>0.711</td>"));
}

static void folders_tell_the_states(void **state) {
  struct vc_sweep s;
  ASSERT_OK(load(*state, study_grid, &s));
  finish(&s, "BBBC039_labelled-0.25_uda_kl_seed-0", 0.5, 0.75);
  ASSERT_OK(vc_sweep_run_begin(&s, 0));
  ASSERT_OK(load(*state, study_grid, &s));
  ASSERT_OK(vc_sweep_look(&s));
  assert_int_equal(s.runs[0].state, VC_SWEEP_BEGUN);
  assert_int_equal(find(&s, "BBBC039_labelled-0.25_uda_kl_seed-0")->state, VC_SWEEP_DONE);
  assert_true(find(&s, "BBBC039_labelled-0.25_uda_kl_seed-0")->mean_iou[1] == 0.75);
  assert_int_equal(s.runs[11].state, VC_SWEEP_OPEN);
  const char *set = "optimizer.lr=0.5";
  ASSERT_OK(vc_sweep_load(*state, "grid.json", &set, 1, "out", &s));
  ASSERT_FAILS(vc_sweep_look(&s), VC_E_CONFIG, "was made with another optimizer.lr");
  ASSERT_OK(load(*state, study_grid, &s));
  ASSERT_OK(vc_sweep_run_end(&s, 1, VC_OK, "")); // nothing is there
  assert_int_equal(s.runs[1].state, VC_SWEEP_FAILED);
}

static void the_studys_sets_go_by_several_names(void **state) {
  (void)state;
  const char *name;
  assert_true(vc_sweep_study("Fluo-N2DH-GOWT1", 0.5, &name)[1] == 0.8844);
  assert_string_equal(name, "FluoGFP");
  assert_true(vc_sweep_study("PhC", 0.1, &name)[0] == 0.9410);
  assert_true(vc_sweep_study("bigbrain", 0.1, &name)[2] == 0.6733);
  assert_null(vc_sweep_study("bbbc039", 0.2, &name));
  assert_null(vc_sweep_study("my cells", 0.1, &name));
  assert_null(vc_sweep_study("a name that is far longer than that of any of the study's sets", 0.1, &name));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SCRATCH_TEST(every_combination_is_a_run),
      SCRATCH_TEST(what_makes_no_difference_is_merged),
      SCRATCH_TEST(names_hold_what_matters),
      SCRATCH_TEST(names_differ),
      SCRATCH_TEST(uda_without_unlabelled_images_is_left_out),
      SCRATCH_TEST(several_grids_are_one_sweep),
      SCRATCH_TEST(a_configuration_file_can_be_the_base),
      SCRATCH_TEST(mistakes_have_file_line_and_key),
      SCRATCH_TEST(overrides_reach_every_run),
      SCRATCH_TEST(every_configuration_is_valid),
      SCRATCH_TEST(the_table_has_mean_and_spread),
      SCRATCH_TEST(the_page_shows_what_the_table_holds),
      SCRATCH_TEST(heads_have_a_table_of_their_own),
      SCRATCH_TEST(folders_tell_the_states),
      SCRATCH_TEST(the_studys_sets_go_by_several_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
