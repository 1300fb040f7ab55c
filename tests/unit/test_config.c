// Configurations: defaults, every kind of mistake with its line and key, the resolved text, the schema, resuming.
#include "scratch.h"
#include "train/config_table.h"

static vc_status parse(vc_arena *arena, const char *text, struct vc_config *out) {
  return vc_config_parse(arena, "c.json", "/data/set", text, strlen(text), NULL, 0, out);
}

static vc_status parse_set(vc_arena *arena, const char *set, struct vc_config *out) {
  return vc_config_parse(arena, "c.json", "/data/set", "{\"data\": {}}", 12, &set, 1, out);
}

static void defaults_are_those_of_the_documents(void **state) {
  struct vc_config c;
  ASSERT_OK(parse(*state, "{\"data\": {}}", &c));
  assert_string_equal(c.name, "c");
  assert_string_equal(c.data.images, "/data/set/images");
  assert_string_equal(c.data.masks, "/data/set/masks");
  assert_null(c.data.unlabelled);
  assert_int_equal(c.data.crop, 256);
  assert_int_equal(c.data.n_classes, 2);
  assert_string_equal(c.data.classes[0].name, "background");
  assert_int_equal(c.data.classes[0].values[0], 0);
  assert_true(c.data.classes[1].rest);
  assert_true(c.data.shuffle && c.data.mask_channel == -1 && c.data.workers == -1);
  assert_true(c.data.split[0] == 0.7 && c.data.split[1] == 0.15 && c.data.split[2] == 0.15);
  assert_true(c.data.labelled_fraction == 0.25 && c.data.labelled_count == 0);
  assert_true(c.model.base == 64 && c.model.depth == 4 && c.model.dropout == 0.5);
  assert_int_equal(c.method, VC_METHOD_UDA);
  assert_true(c.uda.loss == VC_UDA_KL && c.uda.weight == 1 && c.uda.tsa == VC_TSA_NONE);
  assert_true(c.uda.confidence == 0 && c.uda.temperature == 1);
  assert_true(c.uda.lambda == 1 && c.uda.displacement == 0 && !c.uda.collapsed);
  assert_true(c.augment.weak.scale_lo == 0.95 && c.augment.weak.scale_hi == 1.05 && c.augment.weak.rotate_deg == 15);
  assert_int_equal(c.augment.strong.num_ops, 2);
  assert_int_equal(c.augment.strong.op_mask, 0x3FE);
  assert_int_equal(c.supervised_loss.dice.denominator, VC_DICE_SQUARES);
  assert_true(c.optimizer.lr == 0.001 && c.optimizer.schedule.every == 30 && c.optimizer.schedule.gamma == 0.1);
  assert_true(c.train.epochs == 100 && c.train.batch == 1 && c.train.max_steps == 0);
}

static void every_form_is_read(void **state) {
  struct vc_config c;
  ASSERT_OK(parse(
      *state,
      "{\"$schema\": \"x\", \"name\": \"n\", \"device\": 1, // comment\n"
      "\"data\": {\"images\": \"/abs/*.tif\", \"masks\": \"../m\", \"crop\": null, \"labelled\": {\"count\": 3},\n"
      "\"mask_channel\": \"green\", \"workers\": 7, \"classes\": [{\"name\": \"a\", \"values\": [0, 5]},\n"
      "{\"name\": \"b\", \"values\": [7]}, {\"name\": \"c\", \"values\": \"rest\"}]},\n"
      "\"model\": {\"init\": \"w.safetensors\"}, \"method\": \"supervised\",\n"
      "\"augment\": {\"weak\": false, \"strong\": {\"num_ops\": 1, \"ops\": [\"invert\", \"rotate\"]}},\n"
      "\"optimizer\": {\"name\": \"rmsprop\", \"schedule\": {\"name\": \"cosine\"}},\n"
      "\"train\": {\"max_steps\": 5}}",
      &c));
  assert_string_equal(c.device, "1");
  assert_string_equal(c.data.images, "/abs/*.tif");
  assert_string_equal(c.data.masks, "/data/m");
  assert_string_equal(c.model.init, "/data/set/w.safetensors");
  assert_true(c.data.crop == 0 && c.data.labelled_count == 3 && c.data.mask_channel == 1 && c.data.workers == 7);
  assert_true(c.data.n_classes == 3 && c.data.classes[0].n_values == 2 && c.data.classes[0].values[1] == 5);
  assert_true(c.augment.weak.scale_lo == 1 && c.augment.weak.scale_hi == 1);
  assert_true(c.augment.weak.rotate_deg == 0 && c.augment.weak.flip == 0);
  assert_int_equal(c.augment.strong.op_mask, 1u << VC_AUG_ROTATE | 1u << VC_AUG_INVERT);
  assert_int_equal(c.optimizer.name, VC_OPTIMIZER_RMSPROP);
  assert_int_equal(c.optimizer.schedule.name, VC_SCHEDULE_COSINE);
  assert_int_equal(c.train.max_steps, 5);
  ASSERT_OK(parse(*state, "{\"data\": {}, \"uda\": {\"loss\": \"iid\", \"displacement\": 2, \"tsa\": \"exp\"}}", &c));
  assert_true(c.uda.loss == VC_UDA_IID && c.uda.displacement == 2 && c.uda.tsa == VC_TSA_EXP);
  ASSERT_OK(parse(*state, "{\"data\": {}, \"augment\": false}", &c));
  assert_true(c.augment.strong.num_ops == 0 && c.augment.weak.flip == 0);
}

static void mistakes_name_file_line_and_key(void **state) {
  static const struct {
    const char *text, *want;
  } cases[] = {
      {"{}", "c.json:1: data: missing"},
      {"[]", "c.json:1: a configuration is an object"},
      {"", "c.json:1: "},
      {"{\"data\": {},\n\"trian\": {}}", "c.json:2: trian: unknown key; did you mean train?"},
      {"{\"data\": {},\n\"train\": {\n\"epoch\": 3}}",
       "c.json:3: train.epoch: unknown key; did you mean train.epochs?"},
      {"{\"data\": {\"labeled\": 1}}", "c.json:1: data.labeled: unknown key; did you mean data.labelled?"},
      {"{\"data\": {}, \"crop\": 3}", "c.json:1: crop: unknown key; did you mean data.crop?"},
      {"{\"data\": {}, \"data.crop\": 3}", "c.json:1: data.crop: unknown key; write a.b as an object"},
      {"{\"data\": {}, \"zzzzzzzzzzz\": 3}", "c.json:1: zzzzzzzzzzz: unknown key; known keys here: data"},
      {"{\"data\": {},\n\n\"optimizer\": {\"lr\": -1}}",
       "c.json:3: optimizer.lr: -1 is not allowed; give a number from 1e-12 to 10"},
      {"{\"data\": {\"crop\": 0}}", "data.crop: 0 is not allowed"},
      {"{\"data\": {\"crop\": 20000}}",
       "data.crop: 20000 is not allowed; give a whole number from 1 to 16384, or null"},
      {"{\"data\": {\"crop\": 8}}", "data.crop: 8 pixels cannot be halved 4 times"},
      {"{\"data\": {\"crop\": 1e400}}", "c.json:1: a number beyond"},
      {"{\"data\": {\"labelled\": 1.5}}", "data.labelled: 1.5 is not a fraction"},
      {"{\"data\": {\"labelled\": 0}}", "data.labelled: 0 is not a fraction"},
      {"{\"data\": {\"labelled\": {\"count\": 0}}}", "data.labelled: 0 is not allowed"},
      {"{\"data\": {\"split\": [0, 1, 1]}}", "data.split: the share of training is 0"},
      {"{\"data\": {\"split\": [1, 1]}}", "data.split: three shares"},
      {"{\"data\": {\"classes\": []}}", "data.classes: a list of 2 to 64 classes"},
      {"{\"data\": {\"mask_channel\": 4}}", "data.mask_channel: no such channel"},
      {"{\"data\": {\"mask_pattern\": \"x\"}}", "data.mask_pattern: has no {stem}"},
      {"{\"data\": {}, \"train\": {\"epochs\": 0}}", "train.epochs: 0 is not allowed"},
      {"{\"data\": {}, \"model\": {\"base\": 12,\n\"norm\": \"group\"}}",
       "c.json:2: model.norm: \"group\" makes 8 groups"},
      {"{\"data\": {}, \"train\": {\"batch\": 0}}", "train.batch: 0 is not allowed"},
      {"{\"data\": {}, \"train\": {\"batch\": 1.5}}", "train.batch: 1.5 is not allowed; give a whole number"},
      {"{\"data\": {}, \"train\": 3}", "train: an object is wanted, not a number"},
      {"{\"data\": {}, \"augment\": true}", "augment: an object or false is wanted, not true"},
      {"{\"data\": {}, \"seed\": \"1\"}", "seed: a number is wanted, not a text"},
      {"{\"data\": {}, \"model\": {\"base\": 1025}}", "model.base: 1025 is not allowed"},
      {"{\"data\": {}, \"model\": {\"depth\": 9}}", "model.depth: 9 is not allowed"},
      {"{\"data\": {}, \"model\": {\"base\": 1024, \"depth\": 6}}", "model.base: 1024 at depth 6"},
      {"{\"data\": {}, \"model\": {\"init\": \"xavier\"}}", "model.init: \""},
      {"{\"data\": {}, \"name\": \"a/b\"}", "name: cannot name a folder"},
      {"{\"data\": {}, \"method\": \"Uda\"}", "method: unknown value \"Uda\"; use one of \"supervised\", \"uda\""},
      {"{\"data\": {}, \"augment\": {\"strong\": {\"ops\": [\"blur\"]}}}",
       "augment.strong.ops: unknown transformation"},
      {"{\"data\": {}, \"augment\": {\"weak\": {\"scale\": [2, 1]}}}", "augment.weak.scale: 2 is above 1"},
      {"{\"data\": {}, \"data\": {}}", "stands a second time"},
  };
  for (size_t i = 0; i < VC_COUNT_OF(cases); i++) {
    struct vc_config c;
    ASSERT_FAILS(parse(*state, cases[i].text, &c), VC_E_CONFIG, cases[i].want);
  }
}

static void classes_do_not_overlap(void **state) {
  struct vc_config c;
  ASSERT_FAILS(
      parse(*state,
            "{\"data\": {\"classes\": [{\"name\": \"a\", \"values\": [1]}, {\"name\": \"b\", \"values\": [2, 1]}]}}",
            &c),
      VC_E_CONFIG, "value 1 belongs to both \"a\" and \"b\"");
  ASSERT_FAILS(parse(*state,
                     "{\"data\": {\"classes\": [{\"name\": \"a\", \"values\": \"rest\"}, {\"name\": \"b\", \"values\": "
                     "\"rest\"}]}}",
                     &c),
               VC_E_CONFIG, "both take the \"rest\"");
  ASSERT_FAILS(
      parse(*state,
            "{\"data\": {\"classes\": [{\"name\": \"a\", \"values\": [1]}, {\"name\": \"a\", \"values\": [2]}]}}", &c),
      VC_E_CONFIG, "two classes have the name \"a\"");
  ASSERT_FAILS(parse(*state,
                     "{\"data\": {\"classes\": [{\"name\": \"a\", \"values\": [1]}, {\"name\": \"b\", \"value\": 2}]}}",
                     &c),
               VC_E_CONFIG, "each class is an object like");
}

static void later_options_are_refused_clearly(void **state) {
  static const char *const sets[] = {"model.arch=\"net\""};
  struct vc_config c;
  for (size_t i = 0; i < VC_COUNT_OF(sets); i++) {
    ASSERT_FAILS(parse_set(*state, sets[i], &c), VC_E_CONFIG, "not available in this version");
  }
  ASSERT_OK(parse(*state, "{\"data\": {}, \"model\": {\"arch\": \"unet\"}}", &c));
}

static void iic_has_defaults_of_its_own(void **state) {
  struct vc_config c;
  struct vc_unet_desc d;
  ASSERT_OK(parse(*state, "{\"data\": {}, \"method\": \"iic\"}", &c));
  assert_true(c.method == VC_METHOD_IIC && c.model.norm == VC_NORM_BATCH);
  assert_true(c.optimizer.name == VC_OPTIMIZER_RMSPROP && c.optimizer.lr == 0.01);
  assert_true(c.train.batch == 10 && c.train.epochs == 10);
  assert_true(c.iic.clusters == 2 && c.iic.aux_clusters == 4 && c.iic.lambda == 1 && c.iic.restarts == 1);
  assert_true(c.iic.heads == VC_HEADS_JOINT && c.iic.displacement == 0 && !c.iic.collapsed && !c.iic.strong);
  vc_config_unet(&c, &d);
  assert_true(d.classes == 2 && d.aux_classes == 4);
  // What the user says counts; the literal setting of the study can be had.
  ASSERT_OK(parse(*state,
                  "{\"data\": {\"masks\": null}, \"method\": \"iic\", \"model\": {\"norm\": \"none\"},"
                  "\"iic\": {\"clusters\": 3, \"heads\": \"alternate\"}, \"train\": {\"batch\": 2}}",
                  &c));
  assert_true(c.model.norm == VC_NORM_NONE && c.train.batch == 2 && c.train.epochs == 10);
  assert_true(c.iic.clusters == 3 && c.iic.aux_clusters == 6 && c.iic.heads == VC_HEADS_ALTERNATE && !c.data.masks);
  ASSERT_OK(parse_set(*state, "model.base=8", &c));
  assert_true(c.model.norm == VC_NORM_NONE && c.optimizer.name == VC_OPTIMIZER_ADAM && c.train.batch == 1);
  ASSERT_FAILS(parse_set(*state, "data.masks=null", &c), VC_E_CONFIG, "data.masks: null, but this method learns from");
}

static void memory_is_bytes_or_a_text_with_a_unit(void **state) {
  static const struct {
    const char *text;
    uint64_t n_bytes;
  } good[] = {{"\"auto\"", 0},
              {"2097152", 2097152},
              {"\"2GiB\"", (uint64_t)2 << 30},
              {"\"1.5 GiB\"", (uint64_t)3 << 29},
              {"\"800MB\"", 800000000}};
  static const char *const bad[] = {"\"much\"", "-1",          "1000",        "\"2\"", "\"2 giB\"",
                                    "\"GiB\"",  "\"nan GiB\"", "\"1e99GiB\"", "true"};
  struct vc_config c;
  char text[96];
  for (size_t i = 0; i < VC_COUNT_OF(good); i++) {
    snprintf(text, sizeof text, "{\"data\": {}, \"memory\": %s}", good[i].text);
    ASSERT_OK(parse(*state, text, &c));
    assert_int_equal(c.memory, good[i].n_bytes);
  }
  for (size_t i = 0; i < VC_COUNT_OF(bad); i++) {
    snprintf(text, sizeof text, "{\"data\": {}, \"memory\": %s}", bad[i]);
    ASSERT_FAILS(parse(*state, text, &c), VC_E_CONFIG, "\"6GiB\" or \"800MiB\" is wanted");
  }
}

static void overrides_count_last(void **state) {
  const char *const sets[] = {"train.epochs=7", "augment.weak=false", "device=2", "name=x y", "train.epochs=8"};
  struct vc_config c;
  static const char text[] = "{\"data\": {}, \"train\": {\"epochs\": 2}}";
  ASSERT_OK(vc_config_parse(*state, "c.json", "/d", text, strlen(text), sets, 5, &c));
  assert_int_equal(c.train.epochs, 8);
  assert_true(c.augment.weak.rotate_deg == 0);
  assert_string_equal(c.device, "2");
  assert_string_equal(c.name, "x y");
  ASSERT_FAILS(parse_set(*state, "train.epohcs=3", &c), VC_E_CONFIG,
               "--set train.epohcs: unknown key; did you mean train.epochs?");
  ASSERT_FAILS(parse_set(*state, "train.epochs=-3", &c), VC_E_CONFIG, "--set train.epochs: -3 is not allowed");
  ASSERT_FAILS(parse_set(*state, "train.epochs=nan", &c), VC_E_CONFIG, "--set train.epochs: a number is wanted");
  ASSERT_FAILS(parse_set(*state, "train.epochs", &c), VC_E_CONFIG, "write it as key.name=value");
  ASSERT_FAILS(parse_set(*state, "train..epochs=3", &c), VC_E_CONFIG, "--set train..epochs");
}

static void resolved_text_reads_back_the_same(void **state) {
  struct vc_config c, back;
  const char *text, *again;
  ASSERT_OK(parse(*state,
                  "{\"data\": {\"crop\": null, \"labelled\": {\"count\": 2}, \"mask_channel\": 2}, \"augment\": "
                  "{\"strong\": false},"
                  " \"train\": {\"max_steps\": 9}, \"seed\": 9007199254740992}",
                  &c));
  ASSERT_OK(vc_config_text(*state, &c, 2, &text));
  ASSERT_OK(vc_config_parse(*state, "c.json", "/elsewhere", text, strlen(text), NULL, 0, &back));
  ASSERT_OK(vc_config_text(*state, &back, 2, &again));
  assert_string_equal(text, again);
  assert_string_equal(back.data.images, "/data/set/images");
  assert_true(back.seed == 9007199254740992u && back.data.crop == 0);
  ASSERT_OK(config_checkpoint_text(*state, &c, &text));
  assert_null(strstr(text, "workers"));
  assert_non_null(strstr(text, "\"crop\":null"));
}

static void loading_resolves_against_the_files_folder(void **state) {
  struct vc_config c;
  ASSERT_OK(vc_path_make_dirs("sub"));
  scratch_text("sub/run-1.json", "{\"data\": {}}");
  ASSERT_OK(vc_config_load(*state, "sub/run-1.json", NULL, 0, &c));
  assert_string_equal(c.name, "run-1");
  assert_true(c.data.images[0] == '/');
  assert_non_null(strstr(c.data.images, "/sub/images"));
  ASSERT_FAILS(vc_config_load(*state, "none.json", NULL, 0, &c), VC_E_INPUT, "none.json");
  ASSERT_FAILS(vc_config_load(*state, "sub", NULL, 0, &c), VC_E_INPUT, "sub");
}

// With VULCYTE_WRITE_SCHEMA=1 the file is written instead of compared.
static void the_schema_file_is_current(void **state) {
  const char *schema;
  uint8_t *file;
  size_t n_bytes;
  ASSERT_OK(vc_config_schema(*state, &schema));
  if (getenv("VULCYTE_WRITE_SCHEMA")) scratch_text(VC_SOURCE_DIR "/configs/schema.json", schema);
  ASSERT_OK(vc_file_read(*state, VC_SOURCE_DIR "/configs/schema.json", 0, &file, &n_bytes));
  if (strcmp(schema, (const char *)file) != 0) {
    fail_msg("configs/schema.json differs from the table of keys (src/train/config.def): run unit_config with "
             "VULCYTE_WRITE_SCHEMA=1");
  }
}

static vc_status resume(const char *before, const char *after) {
  return config_check_resumable("last.state", before, after);
}

static void resuming_allows_what_changes_no_result(void **state) {
  (void)state;
  ASSERT_OK(resume("{\"data\": {\"workers\": 1}}",
                   "{\"data\": {\"workers\": 7}, \"name\": \"other\", \"train\": {\"epochs\": 300}}"));
  ASSERT_OK(
      resume("{\"data\": {}}", "{\"data\": {\"residence\": \"stream\", \"images\": \"/moved\"}, \"device\": \"1\"}"));
  ASSERT_FAILS(resume("{\"data\": {}}", "{\"data\": {}, \"optimizer\": {\"lr\": 0.01}}"), VC_E_CONFIG,
               "last.state: optimizer.lr");
  ASSERT_FAILS(
      resume("{\"data\": {}}",
             "{\"data\": {\"classes\": [{\"name\": \"a\", \"values\": [0]}, {\"name\": \"b\", \"values\": [1]}]}}"),
      VC_E_CONFIG, "data.classes");
  ASSERT_FAILS(
      resume("{\"data\": {}, \"optimizer\": {\"schedule\": {\"name\": \"cosine\"}}}",
             "{\"data\": {}, \"train\": {\"epochs\": 3}, \"optimizer\": {\"schedule\": {\"name\": \"cosine\"}}}"),
      VC_E_CONFIG, "train.epochs");
  ASSERT_FAILS(resume("{\"data\": {}, \"uda\": {\"tsa\": \"log\"}}",
                      "{\"data\": {}, \"uda\": {\"tsa\": \"log\"}, \"train\": {\"max_steps\": 9}}"),
               VC_E_CONFIG, "train.max_steps");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SCRATCH_TEST(defaults_are_those_of_the_documents),
      SCRATCH_TEST(every_form_is_read),
      SCRATCH_TEST(mistakes_name_file_line_and_key),
      SCRATCH_TEST(classes_do_not_overlap),
      SCRATCH_TEST(iic_has_defaults_of_its_own),
      SCRATCH_TEST(later_options_are_refused_clearly),
      SCRATCH_TEST(memory_is_bytes_or_a_text_with_a_unit),
      SCRATCH_TEST(overrides_count_last),
      SCRATCH_TEST(resolved_text_reads_back_the_same),
      SCRATCH_TEST(loading_resolves_against_the_files_folder),
      SCRATCH_TEST(the_schema_file_is_current),
      SCRATCH_TEST(resuming_allows_what_changes_no_result),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
