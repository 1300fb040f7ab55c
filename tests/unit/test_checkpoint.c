// Model files: round trip with metadata, bare state dicts, other number formats, misfits.
#include <math.h>

#include "scratch.h"
#include "vulcyte/train.h"

static const struct vc_unet_desc small = {.channels = 2, .classes = 3, .base = 4, .depth = 2};

static float *filled_block(vc_arena *arena, const vc_model *model) {
  float *block;
  ASSERT_OK(VC_NEW(arena, model->block_elements, &block));
  vc_model_init(model, 3, block);
  for (uint32_t i = 0; i < model->n_params; i++) block[model->params[i].offset] = (float)i + 0.5f; // biases too
  return block;
}

static void parse_config(vc_arena *arena, struct vc_config *out) {
  static const char text[] =
      "{\"data\": {\"channels\": 2, \"classes\": [{\"name\": \"none\", \"values\": [0]}, {\"name\": "
      "\"wall\", \"values\": [1]}, {\"name\": \"cell\", \"values\": \"rest\"}]}, \"model\": "
      "{\"base\": 4, \"depth\": 2}}";
  ASSERT_OK(vc_config_parse(arena, "c.json", "/d", text, strlen(text), NULL, 0, out));
}

static void a_checkpoint_reads_back(void **state) {
  vc_model *model, *back;
  struct vc_config config;
  struct vc_model_info info;
  float *block_back;
  ASSERT_OK(vc_unet_model(*state, &small, &model));
  float *block = filled_block(*state, model);
  parse_config(*state, &config);
  static const double min[2] = {-1.5, -100}, max[2] = {65535, 1e-7};
  ASSERT_OK(vc_checkpoint_write("m.safetensors", model, block, &config, min, max, NULL, "{\"epoch\":3}"));
  ASSERT_OK(vc_checkpoint_read(*state, "m.safetensors", &info, &back, &block_back));
  assert_true(info.has_config && info.has_range);
  for (int c = 0; c < 2; c++) assert_true(info.min[c] == min[c] && info.max[c] == max[c]);
  assert_int_equal(info.config.data.n_classes, 3);
  assert_string_equal(info.config.data.classes[1].name, "wall");
  assert_int_equal(back->block_elements, model->block_elements);
  assert_memory_equal(block, block_back, model->block_elements * sizeof *block);

  struct vc_safetensors s;
  ASSERT_OK(vc_safetensors_read(*state, "m.safetensors", &s));
  assert_string_equal(vc_safetensors_metadata(&s, "classes"), "[\"none\",\"wall\",\"cell\"]");
  assert_string_equal(vc_safetensors_metadata(&s, "normalisation"), "{\"min\":[-1.5,-100],\"max\":[65535,1e-7]}");
  assert_string_equal(vc_safetensors_metadata(&s, "metrics"), "{\"epoch\":3}");
  assert_string_equal(vc_safetensors_metadata(&s, "version"), VC_VERSION);
  assert_int_equal(s.n_tensors, model->n_params);
  ASSERT_OK(vc_checkpoint_write("none.safetensors", model, block, &config, max, min, NULL, NULL));
  assert_int_equal(vc_checkpoint_read(*state, "none.safetensors", &info, &back, &block_back), VC_E_FORMAT);
}

// The names and shapes that PyTorch's side relies on.
static void names_and_shapes_are_the_documented_ones(void **state) {
  static const struct {
    const char *name;
    uint32_t n_dims;
    uint64_t dims[4];
  } wanted[] = {{"enc0.conv0.weight", 4, {4, 2, 3, 3}},
                {"enc0.conv1.bias", 1, {4}},
                {"enc2.conv0.weight", 4, {16, 8, 3, 3}},
                {"up1.weight", 4, {16, 8, 2, 2}},
                {"up0.bias", 1, {4}},
                {"dec1.conv0.weight", 4, {8, 16, 3, 3}},
                {"dec0.conv1.weight", 4, {4, 4, 3, 3}},
                {"head.weight", 4, {3, 4, 1, 1}},
                {"head.bias", 1, {3}}};
  vc_model *model;
  struct vc_config config;
  struct vc_safetensors s;
  ASSERT_OK(vc_unet_model(*state, &small, &model));
  parse_config(*state, &config);
  ASSERT_OK(vc_checkpoint_write("m.safetensors", model, filled_block(*state, model), &config, NULL, NULL, NULL, NULL));
  ASSERT_OK(vc_safetensors_read(*state, "m.safetensors", &s));
  for (size_t i = 0; i < VC_COUNT_OF(wanted); i++) {
    const struct vc_named_tensor *t = NULL;
    for (uint32_t k = 0; k < s.n_tensors; k++) {
      if (strcmp(s.tensors[k].name, wanted[i].name) == 0) t = &s.tensors[k];
    }
    if (!t) fail_msg("no tensor %s", wanted[i].name);
    assert_int_equal(t->n_dims, wanted[i].n_dims);
    for (uint32_t d = 0; d < t->n_dims; d++) assert_int_equal(t->dims[d], wanted[i].dims[d]);
  }
  assert_int_equal(s.n_tensors, 2 * (2 * 3 + 2 + 2 * 2 + 1));
}

// Batch norm: running statistics are kept, the count as a whole number of no dimension that begins at a multiple of 8.
static void norms_read_back(void **state) {
  static const char config_text[] = "{\"data\": {}, \"model\": {\"base\": 8, \"depth\": 1, \"norm\": \"batch\"}}";
  struct vc_unet_desc desc;
  struct vc_config config;
  struct vc_model_info info;
  struct vc_safetensors s;
  vc_model *model, *back;
  float *block, *block_back;
  ASSERT_OK(vc_config_parse(*state, "c.json", "/d", config_text, strlen(config_text), NULL, 0, &config));
  vc_config_unet(&config, &desc);
  ASSERT_OK(vc_unet_model(*state, &desc, &model));
  ASSERT_OK(VC_NEW(*state, model->block_elements, &block));
  vc_model_init(model, 3, block);
  for (uint32_t i = 0; i < model->n_params; i++) {
    if (model->params[i].is_state) block[model->params[i].offset] = (float)(1000 + i);
  }
  ASSERT_OK(vc_checkpoint_write("m.safetensors", model, block, &config, NULL, NULL, NULL, NULL));
  ASSERT_OK(vc_checkpoint_read(*state, "m.safetensors", &info, &back, &block_back));
  assert_int_equal(back->desc.norm, VC_NORM_BATCH);
  assert_memory_equal(block, block_back, model->block_elements * sizeof *block);

  ASSERT_OK(vc_safetensors_read(*state, "m.safetensors", &s));
  uint32_t n_counts = 0;
  for (uint32_t i = 0; i < s.n_tensors; i++) {
    const struct vc_named_tensor *t = &s.tensors[i];
    if (!strstr(t->name, "num_batches_tracked")) continue;
    n_counts++;
    assert_string_equal(t->dtype, "I64");
    assert_int_equal(t->n_dims, 0);
    assert_int_equal(((const uint8_t *)t->data - (const uint8_t *)s.tensors[0].data) % 8, 0);
  }
  assert_int_equal(n_counts, 6);
  // Without metadata the names tell the kind.
  s.n_metadata = 0;
  ASSERT_OK(vc_safetensors_write("bare.safetensors", &s));
  ASSERT_OK(vc_checkpoint_read(*state, "bare.safetensors", &info, &back, &block_back));
  assert_true(back->desc.norm == VC_NORM_BATCH && info.config.model.norm == VC_NORM_BATCH);
  assert_memory_equal(block, block_back, model->block_elements * sizeof *block);
}

// Rewrites a checkpoint as a bare state dict of another number format.
static void write_bare(vc_arena *arena, const char *from, const char *to, const char *dtype) {
  struct vc_safetensors s;
  ASSERT_OK(vc_safetensors_read(arena, from, &s));
  s.n_metadata = 0;
  for (uint32_t i = 0; i < s.n_tensors; i++) {
    struct vc_named_tensor *t = &s.tensors[i];
    uint64_t n = t->n_bytes / 4;
    uint8_t *data;
    ASSERT_OK(VC_NEW(arena, 8 * n, &data));
    for (uint64_t k = 0; k < n; k++) {
      float value;
      memcpy(&value, (const uint8_t *)t->data + 4 * k, 4);
      if (strcmp(dtype, "F64") == 0) {
        double wide = value;
        memcpy(data + 8 * k, &wide, 8);
      } else { // BF16: the upper half of the word
        memcpy(data + 2 * k, (const uint8_t *)t->data + 4 * k + 2, 2);
      }
    }
    t->dtype = dtype;
    t->data = data;
    t->n_bytes = n * (strcmp(dtype, "F64") == 0 ? 8 : 2);
  }
  ASSERT_OK(vc_safetensors_write(to, &s));
}

static void a_bare_state_dict_tells_its_network(void **state) {
  vc_model *model, *back;
  struct vc_config config;
  struct vc_model_info info;
  float *block_back;
  ASSERT_OK(vc_unet_model(*state, &small, &model));
  float *block = filled_block(*state, model);
  parse_config(*state, &config);
  ASSERT_OK(vc_checkpoint_write("m.safetensors", model, block, &config, NULL, NULL, NULL, NULL));
  write_bare(*state, "m.safetensors", "wide.safetensors", "F64");
  ASSERT_OK(vc_checkpoint_read(*state, "wide.safetensors", &info, &back, &block_back));
  assert_false(info.has_config || info.has_range);
  assert_true(back->desc.channels == 2 && back->desc.classes == 3 && back->desc.base == 4 && back->desc.depth == 2);
  assert_true(info.config.data.n_classes == 3 && info.config.data.channels == 2);
  assert_memory_equal(block, block_back, model->block_elements * sizeof *block);
  write_bare(*state, "m.safetensors", "brief.safetensors", "BF16");
  ASSERT_OK(vc_checkpoint_read(*state, "brief.safetensors", &info, &back, &block_back));
  for (uint64_t i = 0; i < model->block_elements; i++)
    assert_true(fabsf(block_back[i] - block[i]) <= fabsf(block[i]) / 128);
}

static void halves_are_exact(void **state) {
  static const uint16_t bits[] = {0x3C00, 0xC000, 0x0001, 0x83FF, 0x7BFF, 0x0000, 0x3555, 0x0400};
  static const float values[] = {1.0f,     -2.0f, 5.9604645e-8f, -6.0975552e-5f,
                                 65504.0f, 0.0f,  0.33325195f,   6.1035156e-5f};
  struct vc_param param = {.name = "p", .n_dims = 1, .dims = {8}, .shape = {1, 8, 1, 1}};
  vc_model model = {.params = &param, .n_params = 1, .n_weights = 8, .block_elements = 64};
  struct vc_named_tensor tensor = {.name = "p", .dtype = "F16", .n_dims = 1, .dims = {8}, .data = bits, .n_bytes = 16};
  struct vc_safetensors s = {.tensors = &tensor, .n_tensors = 1};
  float block[64] = {0};
  (void)state;
  ASSERT_OK(vc_safetensors_write("h.safetensors", &s));
  ASSERT_OK(vc_checkpoint_load_weights("h.safetensors", &model, block, true));
  for (int i = 0; i < 8; i++) assert_true(block[i] == values[i]);
}

static void misfits_are_named(void **state) {
  vc_model *model, *other;
  struct vc_config config;
  struct vc_unet_desc wider = small;
  wider.classes = 5;
  ASSERT_OK(vc_unet_model(*state, &small, &model));
  ASSERT_OK(vc_unet_model(*state, &wider, &other));
  parse_config(*state, &config);
  float *block = filled_block(*state, model), *target = filled_block(*state, other);
  ASSERT_OK(vc_checkpoint_write("m.safetensors", model, block, &config, NULL, NULL, NULL, NULL));
  ASSERT_FAILS(vc_checkpoint_load_weights("m.safetensors", other, target, true), VC_E_SHAPE,
               "the tensor \"head.weight\" has shape [3,4,1,1], the network wants [5,4,1,1]");
  memset(target, 0, other->block_elements * sizeof *target);
  ASSERT_OK(vc_checkpoint_load_weights("m.safetensors", other, target, false));
  assert_true(target[0] == block[0]);                                  // the shared part came over
  assert_true(target[other->params[other->n_params - 1].offset] == 0); // the head stayed

  block[model->params[2].offset] = NAN;
  ASSERT_OK(vc_checkpoint_write("nan.safetensors", model, block, &config, NULL, NULL, NULL, NULL));
  ASSERT_FAILS(vc_checkpoint_load_weights("nan.safetensors", model, target, true), VC_E_FORMAT,
               "holds NaN or infinity");

  struct vc_named_tensor stray = {
      .name = "stray", .dtype = "F32", .n_dims = 1, .dims = {1}, .data = block, .n_bytes = 4};
  struct vc_safetensors s = {.tensors = &stray, .n_tensors = 1};
  struct vc_model_info info;
  ASSERT_OK(vc_safetensors_write("stray.safetensors", &s));
  ASSERT_FAILS(vc_checkpoint_load_weights("stray.safetensors", model, target, false), VC_E_SHAPE,
               "none of its tensors fits");
  ASSERT_FAILS(vc_checkpoint_read(*state, "stray.safetensors", &info, &other, &target), VC_E_SHAPE,
               "enc0.conv0.weight");
}

static void gather(void *context, enum vc_log_level level, const char *line) {
  (void)level;
  strcat(strcat(context, line), "\n");
}

// Loading into another network says what came over, what begins anew and why, and what was of no use.
static void a_transfer_is_told(void **state) {
  static char text[4096];
  vc_model *model, *other;
  struct vc_config config;
  struct vc_unet_desc two_heads = small, changed = small;
  two_heads.aux_classes = 4;
  changed.classes = 5;
  changed.norm = VC_NORM_INSTANCE;
  ASSERT_OK(vc_unet_model(*state, &two_heads, &model));
  ASSERT_OK(vc_unet_model(*state, &changed, &other));
  parse_config(*state, &config);
  float *block = filled_block(*state, model), *target = filled_block(*state, other);
  ASSERT_OK(vc_checkpoint_write("m.safetensors", model, block, &config, NULL, NULL, NULL, NULL));
  text[0] = '\0';
  vc_log_set_sink(gather, text);
  const vc_status status = vc_checkpoint_load_weights("m.safetensors", other, target, false);
  vc_log_set_sink(NULL, NULL);
  ASSERT_OK(status);
  static const char *const wanted[] = {
      "m.safetensors: 24 of the network's 46 tensors are loaded\n", // of 26, less the head's two
      "shapes differ (2): head.weight ([3,4,1,1] there, [5,4,1,1] here), head.bias ([3] there",
      "re-initialised, for the file lacks them (20): enc0.norm0.weight, enc0.norm0.bias, enc0.norm1.weight, ",
      "skipped, for the network has no place for them (2): head_aux.weight, head_aux.bias\n"};
  for (size_t i = 0; i < VC_COUNT_OF(wanted); i++) {
    if (!strstr(text, wanted[i])) fail_msg("'%s' is not in:\n%s", wanted[i], text);
  }
}

// Metadata that promises a huge network must fail by the missing tensors, not by allocating it.
static void metadata_are_not_believed(void **state) {
  static const float zero = 0;
  static const char *const configs[] = {"{\"data\": {}, \"model\": {\"base\": 1024, \"depth\": 4}}", "{\"data\": 3}",
                                        "[", ""};
  for (size_t i = 0; i < VC_COUNT_OF(configs); i++) {
    struct vc_named_tensor t = {
        .name = "head.bias", .dtype = "F32", .n_dims = 1, .dims = {1}, .data = &zero, .n_bytes = 4};
    const char *key = "config", *value = configs[i];
    struct vc_safetensors s = {.tensors = &t, .n_tensors = 1, .keys = &key, .values = &value, .n_metadata = 1};
    struct vc_model_info info;
    vc_model *model;
    float *block;
    ASSERT_OK(vc_safetensors_write("m.safetensors", &s));
    ASSERT_FAILS(vc_checkpoint_read(*state, "m.safetensors", &info, &model, &block), i == 0 ? VC_E_SHAPE : VC_E_FORMAT,
                 "m.safetensors: ");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {SCRATCH_TEST(a_checkpoint_reads_back),
                                     SCRATCH_TEST(norms_read_back),
                                     SCRATCH_TEST(names_and_shapes_are_the_documented_ones),
                                     SCRATCH_TEST(a_bare_state_dict_tells_its_network),
                                     SCRATCH_TEST(halves_are_exact),
                                     SCRATCH_TEST(a_transfer_is_told),
                                     SCRATCH_TEST(misfits_are_named),
                                     SCRATCH_TEST(metadata_are_not_believed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
