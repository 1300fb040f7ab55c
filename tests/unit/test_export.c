// Exported files, taken apart by their formats' own rules.
#include "scratch.h"
#include "train/npy.h"
#include "train/protobuf.h"
#include "train/zip.h"
#include "vulcyte/export.h"

// ---- protobuf -------------------------------------------------------------------------------------------------------

struct field {
  uint32_t number, type;
  uint64_t value;      // of varints
  const uint8_t *data; // of bytes and 32-bit numbers
  size_t n_bytes;
};

static uint64_t read_varint(const uint8_t **at, const uint8_t *end) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    assert_true(*at < end && shift < 64);
    value |= (uint64_t)(**at & 127) << shift;
    if (!(*(*at)++ & 128)) return value;
  }
}

// The next field of a message; false at its end.
static bool next_field(const uint8_t **at, const uint8_t *end, struct field *out) {
  if (*at == end) return false;
  const uint64_t key = read_varint(at, end);
  *out = (struct field){.number = (uint32_t)(key >> 3), .type = key & 7};
  assert_true(out->type == 0 || out->type == 2 || out->type == 5);
  if (out->type == 0) {
    out->value = read_varint(at, end);
    return true;
  }
  out->n_bytes = out->type == 5 ? 4 : (size_t)read_varint(at, end);
  assert_true(out->n_bytes <= (size_t)(end - *at));
  out->data = *at;
  *at += out->n_bytes;
  return true;
}

static bool is_text(const struct field *f, const char *text) {
  return f->n_bytes == strlen(text) && memcmp(f->data, text, f->n_bytes) == 0;
}

static void test_wire_format(void **state) {
  (void)state;
  static const uint8_t want[] = {0x08, 0x96, 0x01, 0x12, 0x83, 0x80, 0x80, 0x80, 0x00,
                                 0x0a, 0x01, 'x',  0x1d, 0,    0,    0x80, 0x3f};
  struct protobuf p = {0};
  protobuf_int(&p, 1, 150);
  const size_t begin = protobuf_begin(&p, 2);
  protobuf_text(&p, 1, "x");
  protobuf_end(&p, begin);
  protobuf_float(&p, 3, 1);
  assert_int_equal(p.n_bytes, sizeof want);
  assert_memory_equal(p.data, want, sizeof want);
  protobuf_int(&p, 1, -1); // ten bytes, as all negative numbers
  assert_int_equal(p.n_bytes, sizeof want + 11);
  free(p.data);
}

// ---- ONNX -----------------------------------------------------------------------------------------------------------

static void write_model(vc_arena *arena, const char *path, const char *options, uint32_t channels, bool has_range) {
  struct vc_unet_desc desc;
  vc_model *model;
  float *block;
  struct vc_config config;
  char *text;
  const double min[4] = {10, 20, 30, 40}, max[4] = {250, 251, 252, 253};
  ASSERT_OK(vc_arena_printf(arena, &text, "{\"data\": {\"channels\": %u}, \"model\": {\"base\": 8, \"depth\": 2%s}}",
                            channels, options));
  ASSERT_OK(vc_config_parse(arena, "test", "/tmp", text, strlen(text), NULL, 0, &config));
  vc_config_unet(&config, &desc);
  ASSERT_OK(vc_unet_model(arena, &desc, &model));
  ASSERT_OK(VC_NEW(arena, model->block_elements, &block));
  vc_model_init(model, 3, block);
  ASSERT_OK(vc_checkpoint_write(path, model, block, &config, has_range ? min : NULL, max, NULL, NULL));
}

struct graph {
  char values[256][64]; // what has been defined: the input, initializers, results of nodes
  uint32_t n_values, n_nodes, n_initializers, n_inputs, n_outputs;
  uint64_t n_weights; // numbers in float initializers
  char operators[2048];
};

static bool is_defined(const struct graph *g, const struct field *name) {
  for (uint32_t i = 0; i < g->n_values; i++)
    if (is_text(name, g->values[i])) return true;
  return false;
}

static void define(struct graph *g, const struct field *name) {
  if (is_defined(g, name)) fail_msg("%.*s is defined twice", (int)name->n_bytes, (const char *)name->data);
  assert_true(g->n_values < 256 && name->n_bytes > 0 && name->n_bytes < 64);
  memcpy(g->values[g->n_values++], name->data, name->n_bytes);
}

static void read_initializer(struct graph *g, const struct field *message) {
  const uint8_t *at = message->data, *end = at + message->n_bytes;
  struct field f;
  uint64_t count = 1, type = 0, n_bytes = 0;
  while (next_field(&at, end, &f)) {
    if (f.number == 1) count *= f.value;
    if (f.number == 2) type = f.value;
    if (f.number == 8) define(g, &f);
    if (f.number == 9) n_bytes = f.n_bytes;
  }
  assert_true(type == 1 || type == 7);
  assert_int_equal(n_bytes, count * (type == 1 ? 4 : 8));
  if (type == 1) g->n_weights += count;
  g->n_initializers++;
}

// Nodes stand in the order in which they can run, but for initializers, which stand before their use too.
static void read_node(struct graph *g, const struct field *message) {
  const uint8_t *at = message->data, *end = at + message->n_bytes;
  struct field f;
  while (next_field(&at, end, &f)) {
    if (f.number == 1 && !is_defined(g, &f)) fail_msg("%.*s is not defined", (int)f.n_bytes, (const char *)f.data);
    if (f.number == 2) define(g, &f);
    if (f.number == 4) {
      const size_t n = strlen(g->operators);
      assert_true(n + f.n_bytes + 2 < sizeof g->operators);
      snprintf(g->operators + n, sizeof g->operators - n, "%.*s ", (int)f.n_bytes, (const char *)f.data);
    }
  }
  g->n_nodes++;
}

static void read_graph(struct graph *g, const struct field *message) {
  const uint8_t *at = message->data, *end = at + message->n_bytes;
  struct field f;
  while (next_field(&at, end, &f)) {
    if (f.number == 5) read_initializer(g, &f);
    if (f.number == 1) read_node(g, &f);
    if (f.number == 12) g->n_outputs++;
    if (f.number == 11) {
      struct field name;
      const uint8_t *first = f.data;
      assert_true(next_field(&first, f.data + f.n_bytes, &name) && name.number == 1);
      define(g, &name);
      g->n_inputs++;
    }
  }
}

static struct graph read_onnx(vc_arena *arena, const char *path) {
  static struct graph g;
  uint8_t *file;
  size_t n;
  struct field f;
  uint32_t n_graphs = 0, n_opsets = 0, n_versions = 0;
  ASSERT_OK(vc_file_read(arena, path, 0, &file, &n));
  memset(&g, 0, sizeof g);
  for (const uint8_t *at = file, *end = file + n; next_field(&at, end, &f);) {
    n_versions += f.number == 1 && f.value == 8;
    n_opsets += f.number == 8;
    n_graphs += f.number == 7;
    if (f.number == 7) read_graph(&g, &f);
  }
  assert_true(n_graphs == 1 && n_opsets == 1 && n_versions == 1);
  return g;
}

static void test_onnx_graphs(void **state) {
  // Of depth 2: ten 3x3 convolutions, two up-convolutions, the head.
  static const struct {
    const char *options;
    bool has_range;
    uint32_t n_nodes, n_initializers;
    uint64_t n_more; // numbers besides the weights: normalisation, groups of ones and zeros, running statistics
    const char *operators;
  } cases[] = {
      {"", true, 30, 28, 6, "Sub Mul Conv Relu Conv Relu MaxPool "},
      {", \"norm\": \"batch\"", true, 40, 68, 6 + 2 * 160, "Sub Mul Conv BatchNormalization Relu "},
      {", \"norm\": \"instance\"", true, 40, 48, 6, "Sub Mul Conv InstanceNormalization Relu "},
      {", \"norm\": \"group\"", true, 90, 78, 6 + 160,
       "Sub Mul Conv Shape Reshape InstanceNormalization Reshape Mul Add Relu "},
      {", \"padding\": \"valid\"", true, 33, 35, 6, "Sub Mul Pad Conv Relu Conv Relu MaxPool "},
      {", \"edges\": true", true, 38, 31, 6 + 2 * 9 * 3, "Sub Mul Pad Conv Mul Conv Mul Add Sqrt Concat Conv Relu "},
      {"", false, 35, 27, 1, "ReduceMin ReduceMax Sub Max Reciprocal Sub Mul Conv "},
  };
  for (size_t i = 0; i < VC_COUNT_OF(cases); i++) {
    struct vc_model_info info;
    vc_model *model;
    float *block;
    write_model(*state, "model.safetensors", cases[i].options, 3, cases[i].has_range);
    ASSERT_OK(vc_checkpoint_read(*state, "model.safetensors", &info, &model, &block));
    ASSERT_OK(vc_export_onnx("model.safetensors", "model.onnx"));
    const struct graph g = read_onnx(*state, "model.onnx");
    if (strncmp(g.operators, cases[i].operators, strlen(cases[i].operators)) != 0) fail_msg("%s", g.operators);
    const char *tail = "Relu Conv Softmax ";
    assert_string_equal(g.operators + strlen(g.operators) - strlen(tail), tail);
    assert_int_equal(g.n_inputs, 1);
    assert_int_equal(g.n_outputs, 1);
    assert_int_equal(g.n_nodes, cases[i].n_nodes);
    assert_int_equal(g.n_initializers, cases[i].n_initializers);
    assert_int_equal(g.n_weights, model->n_weights + cases[i].n_more);
  }
}

static void test_sides(void **state) {
  (void)state;
  struct vc_unet_desc desc = {.depth = 4, .padding = VC_PAD_SAME};
  assert_int_equal(vc_export_sides(&desc).min, 16);
  desc.padding = VC_PAD_VALID;
  assert_int_equal(vc_export_sides(&desc).min, 100); // over 92, the margin
  assert_int_equal(vc_export_sides(&desc).step, 16);
}

// ---- safetensors, NumPy, ZIP ----------------------------------------------------------------------------------------

static void test_plain_weights(void **state) {
  struct vc_safetensors before, after;
  write_model(*state, "model.safetensors", "", 1, true);
  ASSERT_OK(vc_export_safetensors("model.safetensors", "plain.safetensors"));
  ASSERT_OK(vc_safetensors_read(*state, "model.safetensors", &before));
  ASSERT_OK(vc_safetensors_read(*state, "plain.safetensors", &after));
  assert_null(vc_safetensors_metadata(&after, "config"));
  assert_string_equal(vc_safetensors_metadata(&after, "normalisation"), "{\"min\":10,\"max\":250}");
  assert_non_null(vc_safetensors_metadata(&after, "classes"));
  assert_int_equal(after.n_tensors, before.n_tensors);
  for (uint32_t i = 0; i < after.n_tensors; i++) {
    assert_string_equal(after.tensors[i].name, before.tensors[i].name);
    assert_memory_equal(after.tensors[i].data, before.tensors[i].data, before.tensors[i].n_bytes);
  }
  scratch_text("no.safetensors", "{}");
  ASSERT_FAILS(vc_export_safetensors("no.safetensors", "out.safetensors"), VC_E_FORMAT, "no.safetensors: ");
  ASSERT_FAILS(vc_export_onnx("no.safetensors", "out.onnx"), VC_E_FORMAT, "no.safetensors: ");
  assert_false(vc_path_exists("out.safetensors") || vc_path_exists("out.onnx"));
}

static void test_npy_head(void **state) {
  (void)state;
  const uint32_t shape[4] = {1, 2, 300, 4000};
  char head[VC_NPY_HEAD_BYTES];
  const size_t n = vc_npy_head(shape, 4, head);
  static const char dict[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 300, 4000), }";
  assert_int_equal(n, 128);
  assert_memory_equal(head, "\x93NUMPY\x01\x00\x76\x00", 10); // 118 bytes follow
  assert_memory_equal(head + 10, dict, sizeof dict - 1);
  assert_int_equal(head[n - 1], '\n');
}

static uint32_t u32_at(const uint8_t *p) {
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void test_zip(void **state) {
  const char *const names[] = {"one.txt", "two.bin"};
  uint8_t *file;
  size_t n;
  assert_int_equal(vc_crc32("123456789", 9), 0xCBF43926u); // the check value of the CRC's definition
  scratch_text("one.txt", "first");
  scratch_put("two.bin", "", 0);
  ASSERT_OK(vc_zip_write("a.zip", ".", names, 2));
  ASSERT_OK(vc_file_read(*state, "a.zip", 0, &file, &n));
  const size_t local = 30 + 7, directory = 2 * local + 5;
  assert_int_equal(n, directory + 2 * (46 + 7) + 22);
  assert_int_equal(u32_at(file), 0x04034b50);
  assert_int_equal(u32_at(file + 14), vc_crc32("first", 5));
  assert_int_equal(u32_at(file + 18), 5);
  assert_memory_equal(file + 30, "one.txtfirst", 12);
  assert_int_equal(u32_at(file + directory), 0x02014b50);
  assert_int_equal(u32_at(file + directory + 46 + 7 + 42), local + 5); // where the second file begins
  const uint8_t *end = file + n - 22;
  assert_int_equal(u32_at(end), 0x06054b50);
  assert_int_equal(u32_at(end + 12), 2 * (46 + 7));
  assert_int_equal(u32_at(end + 16), directory);
  const char *const missing[] = {"three.txt"};
  ASSERT_FAILS(vc_zip_write("b.zip", ".", missing, 1), VC_E_INPUT, "three.txt");
  assert_false(vc_path_exists("b.zip"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SCRATCH_TEST(test_wire_format),   SCRATCH_TEST(test_onnx_graphs), SCRATCH_TEST(test_sides),
      SCRATCH_TEST(test_plain_weights), SCRATCH_TEST(test_npy_head),    SCRATCH_TEST(test_zip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
