// Reflection of modules written by hand here, of damaged ones, and of every shader in the library.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/shader_blobs.h"
#include "gpu/spirv.h"

// ---- an assembler ---------------------------------------------------------------------------------------------

struct code {
  uint32_t words[1024];
  size_t n;
};

static void emit(struct code *c, uint32_t op, uint32_t n_operands, const uint32_t *operands) {
  assert_true(c->n + n_operands + 1 <= 1024);
  c->words[c->n++] = (n_operands + 1) << 16 | op;
  for (uint32_t i = 0; i < n_operands; i++) c->words[c->n++] = operands[i];
}
#define OP(code, op, ...) \
  emit(code, op, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (const uint32_t[]){__VA_ARGS__})

enum { // opcodes
  ENTRY = 15,
  MODE = 16,
  CAPABILITY = 17,
  VOID = 19,
  BOOL = 20,
  INT = 21,
  FLOAT = 22,
  VECTOR = 23,
  IMAGE = 25,
  ARRAY = 28,
  RUNTIME_ARRAY = 29,
  STRUCT = 30,
  POINTER = 32,
  FORWARD = 39,
  CONSTANT = 43,
  SPEC = 50,
  SPEC_COMPOSITE = 51,
  SPEC_OP = 52,
  FUNCTION = 54,
  VARIABLE = 59,
  DECORATE = 71,
  MEMBER_DECORATE = 72,
  MUL = 132,
  MODE_ID = 331,
};
enum { SPEC_ID = 1, BUILT_IN = 11, NON_WRITABLE = 24, NON_READABLE = 25, BINDING = 33, SET = 34, OFFSET = 35 };
enum { UNIFORM = 2, WORKGROUP = 4, PUSH = 9, STORAGE = 12, PHYSICAL = 5349 };
enum { MAIN = 0x6e69616d };

enum { // ids
  ID_MAIN = 1,
  ID_VOID,
  ID_UINT,
  ID_FLOAT,
  ID_VEC4,
  ID_U64,
  ID_FLOATS,
  ID_BLOCK_A,
  ID_BLOCK_B,
  ID_BLOCK_C,
  ID_PTR_A,
  ID_PTR_B,
  ID_PTR_C,
  ID_VAR_A,
  ID_VAR_B,
  ID_VAR_C,
  ID_PARAMS,
  ID_PUSH,
  ID_PTR_PUSH,
  ID_VAR_PUSH,
  ID_TWO,
  ID_TILE,
  ID_TWO_TILES,
  ID_SHARED,
  ID_PTR_SHARED,
  ID_VAR_SHARED,
  ID_WIDTH,
  ID_HEIGHT,
  ID_WORKGROUP_SIZE,
  ID_UVEC3,
  ID_BOUND = 64,
};

static void begin(struct code *c) {
  *c = (struct code){.words = {0x07230203, 0x00010500, 0, ID_BOUND, 0}, .n = 5};
  OP(c, CAPABILITY, 1);
}
static void entry(struct code *c) {
  OP(c, ENTRY, 5, ID_MAIN, MAIN, 0);
  OP(c, MODE, ID_MAIN, 17, 64, 2, 1);
}
static void scalar_types(struct code *c) {
  OP(c, VOID, ID_VOID);
  OP(c, INT, ID_UINT, 32, 0);
  OP(c, INT, ID_U64, 64, 0);
  OP(c, FLOAT, ID_FLOAT, 32);
  OP(c, VECTOR, ID_VEC4, ID_FLOAT, 4);
  OP(c, RUNTIME_ARRAY, ID_FLOATS, ID_FLOAT);
}

// Three bindings: a by its member readonly, b by its variable writeonly, c free. Parameters {uint, float, uint64} in a
// struct.
static void by_binding(struct code *c) {
  begin(c);
  entry(c);
  OP(c, MEMBER_DECORATE, ID_BLOCK_A, 0, NON_WRITABLE);
  OP(c, MEMBER_DECORATE, ID_BLOCK_A, 1, NON_WRITABLE);
  OP(c, MEMBER_DECORATE, ID_BLOCK_C, 0, NON_WRITABLE); // one of its two members only
  OP(c, DECORATE, ID_VAR_B, NON_READABLE);
  for (uint32_t i = 0; i < 3; i++) {
    OP(c, DECORATE, ID_VAR_A + i, SET, 0);
    OP(c, DECORATE, ID_VAR_A + i, BINDING, i);
  }
  OP(c, MEMBER_DECORATE, ID_PARAMS, 0, OFFSET, 0);
  OP(c, MEMBER_DECORATE, ID_PARAMS, 1, OFFSET, 4);
  OP(c, MEMBER_DECORATE, ID_PARAMS, 2, OFFSET, 8);
  OP(c, MEMBER_DECORATE, ID_PUSH, 0, OFFSET, 0);
  scalar_types(c);
  OP(c, STRUCT, ID_BLOCK_A, ID_UINT, ID_FLOATS);
  OP(c, STRUCT, ID_BLOCK_B, ID_FLOATS);
  OP(c, STRUCT, ID_BLOCK_C, ID_UINT, ID_FLOATS);
  for (uint32_t i = 0; i < 3; i++) {
    OP(c, POINTER, ID_PTR_A + i, STORAGE, ID_BLOCK_A + i);
    OP(c, VARIABLE, ID_PTR_A + i, ID_VAR_A + i, STORAGE);
  }
  OP(c, STRUCT, ID_PARAMS, ID_UINT, ID_FLOAT, ID_U64);
  OP(c, STRUCT, ID_PUSH, ID_PARAMS);
  OP(c, POINTER, ID_PTR_PUSH, PUSH, ID_PUSH);
  OP(c, VARIABLE, ID_PTR_PUSH, ID_VAR_PUSH, PUSH);
  OP(c, FUNCTION, ID_VOID, 60, 0, 61);
}

// Two addresses, of a readonly and of a writeonly block, then `param_offset`: {uint, float}.
static void by_address(struct code *c, uint32_t second_offset, uint32_t param_offset) {
  begin(c);
  OP(c, CAPABILITY, 5347);
  entry(c);
  OP(c, MEMBER_DECORATE, ID_BLOCK_A, 0, NON_WRITABLE);
  OP(c, MEMBER_DECORATE, ID_BLOCK_B, 0, NON_READABLE);
  OP(c, MEMBER_DECORATE, ID_PARAMS, 0, OFFSET, 0);
  OP(c, MEMBER_DECORATE, ID_PARAMS, 1, OFFSET, 4);
  OP(c, MEMBER_DECORATE, ID_PUSH, 0, OFFSET, 0);
  OP(c, MEMBER_DECORATE, ID_PUSH, 1, OFFSET, second_offset);
  OP(c, MEMBER_DECORATE, ID_PUSH, 2, OFFSET, param_offset);
  scalar_types(c);
  OP(c, FORWARD, ID_PTR_A, PHYSICAL);
  OP(c, FORWARD, ID_PTR_B, PHYSICAL);
  OP(c, STRUCT, ID_PARAMS, ID_UINT, ID_FLOAT);
  OP(c, STRUCT, ID_PUSH, ID_PTR_A, ID_PTR_B, ID_PARAMS);
  OP(c, STRUCT, ID_BLOCK_A, ID_FLOATS);
  OP(c, STRUCT, ID_BLOCK_B, ID_FLOATS);
  OP(c, POINTER, ID_PTR_A, PHYSICAL, ID_BLOCK_A);
  OP(c, POINTER, ID_PTR_B, PHYSICAL, ID_BLOCK_B);
  OP(c, POINTER, ID_PTR_PUSH, PUSH, ID_PUSH);
  OP(c, VARIABLE, ID_PTR_PUSH, ID_VAR_PUSH, PUSH);
}

// A workgroup of {SC 0, SC 3, 1} invocations and a shared float[2 * SC 3]; defaults 32 and 8.
static void specialised(struct code *c) {
  begin(c);
  OP(c, ENTRY, 5, ID_MAIN, MAIN, 0);
  OP(c, MODE, ID_MAIN, 17, 1, 1, 1);
  OP(c, DECORATE, ID_WIDTH, SPEC_ID, 0);
  OP(c, DECORATE, ID_TILE, SPEC_ID, 3);
  OP(c, DECORATE, ID_WORKGROUP_SIZE, BUILT_IN, 25);
  scalar_types(c);
  OP(c, VECTOR, ID_UVEC3, ID_UINT, 3);
  OP(c, CONSTANT, ID_UINT, ID_TWO, 2);
  OP(c, CONSTANT, ID_UINT, ID_HEIGHT, 1);
  OP(c, SPEC, ID_UINT, ID_WIDTH, 32);
  OP(c, SPEC, ID_UINT, ID_TILE, 8);
  OP(c, SPEC_COMPOSITE, ID_UVEC3, ID_WORKGROUP_SIZE, ID_WIDTH, ID_TILE, ID_HEIGHT);
  OP(c, SPEC_OP, ID_UINT, ID_TWO_TILES, MUL, ID_TWO, ID_TILE);
  OP(c, ARRAY, ID_SHARED, ID_FLOAT, ID_TWO_TILES);
  OP(c, POINTER, ID_PTR_SHARED, WORKGROUP, ID_SHARED);
  OP(c, VARIABLE, ID_PTR_SHARED, ID_VAR_SHARED, WORKGROUP);
}

static struct vc_kernel_info read_ok(const struct code *c) {
  struct vc_kernel_info info;
  vc_status status = gpu_spirv_reflect("hand", c->words, c->n, NULL, 0, &info);
  if (status != VC_OK) fail_msg("%s", vc_error_message());
  return info;
}

static void refused(const struct code *c, const char *why) {
  struct vc_kernel_info info = {.name = "untouched"};
  assert_int_equal(gpu_spirv_reflect("hand", c->words, c->n, NULL, 0, &info), VC_E_FORMAT);
  assert_string_equal(info.name, "untouched");
  if (strncmp(vc_error_message(), "shader hand: ", 13) != 0 || !strstr(vc_error_message(), why)) {
    fail_msg("\"%s\" does not say \"%s\"", vc_error_message(), why);
  }
}

// Replaces the operand at `index` of the nth instruction of that opcode.
static void patch(struct code *c, uint32_t op, int nth, uint32_t index, uint32_t value) {
  for (size_t at = 5; at < c->n; at += c->words[at] >> 16) {
    if ((c->words[at] & 0xffff) != op || nth-- > 0) continue;
    c->words[at + index] = value;
    return;
  }
  fail_msg("no instruction %u to patch", op);
}

// ---- what is read ---------------------------------------------------------------------------------------------

static void bindings_are_read(void **state) {
  (void)state;
  struct code c;
  by_binding(&c);
  struct vc_kernel_info info = read_ok(&c);
  assert_string_equal(info.name, "hand");
  assert_int_equal(info.n_bindings, 3);
  assert_int_equal(info.access[0], VC_READ);
  assert_int_equal(info.access[1], VC_WRITE);
  assert_int_equal(info.access[2], VC_READ_WRITE);
  assert_false(info.by_address);
  assert_int_equal(info.push_bytes, 16);
  assert_int_equal(info.n_spec, 0);
  assert_int_equal(info.local_size[0], 64);
  assert_int_equal(info.local_size[1], 2);
  assert_int_equal(info.local_size[2], 1);
  assert_int_equal(info.shared_bytes, 0);
  assert_int_equal(info.capabilities, 0);
}

static void one_binding_may_have_two_views(void **state) {
  (void)state;
  struct code c;
  by_binding(&c);
  patch(&c, DECORATE, 6, 3, 0); // c's binding becomes 0, which a reads
  patch(&c, DECORATE, 4, 3, 1);
  struct vc_kernel_info info = read_ok(&c);
  assert_int_equal(info.n_bindings, 2);
  assert_int_equal(info.access[0], VC_READ_WRITE);
}

static void addresses_are_read(void **state) {
  (void)state;
  struct code c;
  by_address(&c, 8, 16);
  struct vc_kernel_info info = read_ok(&c);
  assert_true(info.by_address);
  assert_int_equal(info.n_bindings, 2);
  assert_int_equal(info.access[0], VC_READ);
  assert_int_equal(info.access[1], VC_WRITE);
  assert_int_equal(info.push_bytes, 8);
  assert_int_equal(info.capabilities, VC_NEEDS_ADDRESS);
}

static void constants_decide_sizes(void **state) {
  (void)state;
  struct code c;
  struct vc_kernel_info info;
  specialised(&c);
  info = read_ok(&c);
  assert_int_equal(info.n_spec, 4);
  assert_int_equal(info.local_size[0], 32);
  assert_int_equal(info.local_size[1], 8);
  assert_int_equal(info.local_size[2], 1);
  assert_int_equal(info.shared_bytes, 64);
  const uint32_t spec[] = {128, 0, 0, 16};
  assert_int_equal(gpu_spirv_reflect("hand", c.words, c.n, spec, 4, &info), VC_OK);
  assert_int_equal(info.local_size[0], 128);
  assert_int_equal(info.local_size[1], 16);
  assert_int_equal(info.shared_bytes, 128);
  assert_int_equal(gpu_spirv_reflect("hand", c.words, c.n, spec, 1, &info), VC_OK); // the rest stays as declared
  assert_int_equal(info.local_size[0], 128);
  assert_int_equal(info.local_size[1], 8);
}

static void needs_are_read(void **state) {
  (void)state;
  static const struct {
    uint32_t capability, need;
  } cases[] = {{9, VC_NEEDS_FP16},
               {4433, VC_NEEDS_FP16_STORAGE},
               {11, VC_NEEDS_INT64},
               {22, VC_NEEDS_INT16},
               {39, VC_NEEDS_INT8},
               {4448, VC_NEEDS_INT8},
               {61, 0},
               {63, VC_NEEDS_ARITHMETIC},
               {64, VC_NEEDS_BALLOT},
               {65, VC_NEEDS_SHUFFLE},
               {66, VC_NEEDS_SHUFFLE},
               {6022, VC_NEEDS_COOP_MATRIX},
               {5432, VC_NEEDS_COOP_MATRIX2},
               {5433, VC_NEEDS_COOP_MATRIX2},
               {5347, VC_NEEDS_ADDRESS}};
  for (size_t i = 0; i < VC_COUNT_OF(cases); i++) {
    struct code c;
    begin(&c);
    OP(&c, CAPABILITY, cases[i].capability);
    entry(&c);
    assert_int_equal(read_ok(&c).capabilities, cases[i].need);
  }
}

// ---- what is refused ------------------------------------------------------------------------------------------

static void broken_rules_are_refused(void **state) {
  (void)state;
  struct code c;
  by_binding(&c), patch(&c, DECORATE, 6, 3, 5), refused(&c, "binding 2 is missing");
  by_binding(&c), patch(&c, DECORATE, 6, 3, VC_MAX_BINDINGS), refused(&c, "binding");
  by_binding(&c), patch(&c, DECORATE, 5, 3, 1), refused(&c, "set 0");
  by_binding(&c), patch(&c, DECORATE, 0, 1, ID_VAR_A), patch(&c, DECORATE, 0, 2, NON_READABLE);
  refused(&c, "neither read nor written");
  by_binding(&c), patch(&c, POINTER, 0, 2, UNIFORM), patch(&c, VARIABLE, 0, 3, UNIFORM), refused(&c, "storage buffer");
  by_binding(&c), patch(&c, MEMBER_DECORATE, 5, 4, 124), refused(&c, "too large");
  by_binding(&c), patch(&c, ENTRY, 0, 3, MAIN + 1), refused(&c, "not called main");
  by_binding(&c), patch(&c, ENTRY, 0, 1, 0), refused(&c, "compute");
  by_binding(&c), patch(&c, MODE, 0, 4, 0), refused(&c, "no invocation");
  by_binding(&c), patch(&c, CAPABILITY, 0, 1, 10), refused(&c, "capability 10");
  by_address(&c, 16, 24), refused(&c, "addresses must stand first");
  by_address(&c, 8, 32), refused(&c, "do not follow the addresses");
  by_address(&c, 8, 12), refused(&c, "do not follow the addresses");
  by_address(&c, 8, 16), patch(&c, STRUCT, 1, 2, ID_PARAMS), refused(&c, "addresses must stand first");
  specialised(&c), patch(&c, DECORATE, 1, 3, VC_MAX_SPEC), refused(&c, "constant_id");
  specialised(&c), patch(&c, SPEC, 0, 1, ID_U64), refused(&c, "32 bits");
  specialised(&c), patch(&c, SPEC_OP, 0, 3, 999), refused(&c, "shared array");
  specialised(&c), patch(&c, SPEC_COMPOSITE, 0, 3, 63), refused(&c, "workgroup size");
}

static void damaged_modules_are_refused(void **state) {
  (void)state;
  struct code c;
  by_binding(&c), c.words[0] = 0x03022307, refused(&c, "no SPIR-V");
  by_binding(&c), c.n = 4, refused(&c, "no SPIR-V");
  by_binding(&c), c.words[3] = UINT32_MAX, refused(&c, "ids");
  by_binding(&c), c.words[3] = 4, refused(&c, "out of bounds");
  by_binding(&c), patch(&c, INT, 0, 1, ID_VOID), refused(&c, "twice");
  by_binding(&c), c.words[5] = 1 << 16 | CAPABILITY, refused(&c, "cut short");
  by_binding(&c), c.words[5] = 0, refused(&c, "cut short");
  by_binding(&c), c.words[5] = 0xffff0000u | CAPABILITY, refused(&c, "cut short");
  begin(&c), refused(&c, "entry point");
}

static void types_that_hold_themselves_end(void **state) {
  (void)state;
  struct code c;
  specialised(&c), patch(&c, ARRAY, 0, 2, ID_SHARED), refused(&c, "shared array"); // an array of itself
  specialised(&c), patch(&c, SPEC_OP, 0, 4, ID_TWO_TILES), patch(&c, SPEC_OP, 0, 5, ID_TWO_TILES);
  refused(&c, "shared array");
  by_binding(&c), patch(&c, STRUCT, 3, 2, ID_PARAMS), refused(&c, "layout"); // a struct within itself
  begin(&c);
  entry(&c);
  OP(&c, INT, ID_UINT, 32, 0);
  for (uint32_t id = 10; id < 60; id++) { // each struct holds eight of the one before: 8^50 members
    uint32_t in = id == 10 ? (uint32_t)ID_UINT : id - 1;
    OP(&c, STRUCT, id, in, in, in, in, in, in, in, in);
  }
  OP(&c, POINTER, 60, WORKGROUP, 22);
  OP(&c, VARIABLE, 60, 61, WORKGROUP);
  refused(&c, "shared array");
}

static void try_all(const struct code *original) {
  const uint32_t *exact = original->words;
  size_t n = original->n;
  static const uint32_t hostile[] = {0, 1, 2, 63, 64, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff};
  struct vc_kernel_info info;
  for (size_t i = 0; i <= n; i++) {
    uint32_t *cut = malloc((i + 1) * sizeof *cut); // exact size, so that a read beyond shows under a sanitizer
    assert_non_null(cut);
    uint32_t *end = cut + 1;
    memcpy(end, exact, i * sizeof *cut);
    vc_status status = gpu_spirv_reflect("cut", end, i, NULL, 0, &info);
    assert_true(status == VC_OK || status == VC_E_FORMAT);
    free(cut);
  }
  struct code c = {.n = n};
  memcpy(c.words, exact, n * sizeof *exact);
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < VC_COUNT_OF(hostile) + 32; k++) {
      uint32_t flipped = k < VC_COUNT_OF(hostile) ? hostile[k] : exact[i] ^ (1u << (k - VC_COUNT_OF(hostile)));
      c.words[i] = flipped;
      vc_status status = gpu_spirv_reflect("hostile", c.words, n, NULL, 0, &info);
      assert_true(status == VC_OK || status == VC_E_FORMAT);
      if (status != VC_OK) continue;
      assert_true(info.n_bindings <= VC_MAX_BINDINGS && info.n_spec <= VC_MAX_SPEC);
      assert_true(info.push_bytes + (info.by_address ? 8 * info.n_bindings : 0) <= VC_MAX_PUSH_BYTES);
    }
    c.words[i] = exact[i];
  }
}

static void hostile_words_do_no_harm(void **state) {
  (void)state;
  struct code c;
  by_binding(&c), try_all(&c);
  by_address(&c, 8, 16), try_all(&c);
  specialised(&c), try_all(&c);
}

// ---- the library's own ----------------------------------------------------------------------------------------

static void every_embedded_shader_is_understood(void **state) {
  (void)state;
  const struct vc_kernel_info *info;
  assert_true(vc_shader_count() >= 2);
  for (size_t i = 0; i < vc_shader_count(); i++) {
    if (vc_shader_info(vc_shader_name(i), &info) != VC_OK) fail_msg("%s", vc_error_message());
    assert_string_equal(info->name, vc_shader_name(i));
    assert_true(info->n_bindings > 0);
    if (i > 0) assert_true(strcmp(vc_shader_name(i - 1), vc_shader_name(i)) < 0);
  }
  assert_int_equal(vc_shader_info("no_such_shader", &info), VC_E_INTERNAL);
  assert_non_null(strstr(vc_error_message(), "no_such_shader"));
}

static void compiled_shaders_read_as_their_source_says(void **state) {
  (void)state;
  for (int addressed = 0; addressed < 2; addressed++) {
    const struct vc_kernel_info *info;
    assert_int_equal(vc_shader_info(addressed ? "copy_words_addr" : "copy_words", &info), VC_OK);
    assert_int_equal(info->n_bindings, 2);
    assert_int_equal(info->access[0], VC_READ);
    assert_int_equal(info->access[1], VC_WRITE);
    assert_int_equal(info->by_address, addressed);
    assert_int_equal(info->push_bytes, 4);
    assert_int_equal(info->local_size[0], 64);
    assert_int_equal(info->capabilities, addressed ? VC_NEEDS_ADDRESS : 0);
  }
}

// Whether a word of the module is the opcode's with that operand.
static bool has(const struct gpu_spirv_code *code, uint32_t op, uint32_t operand, uint32_t value) {
  for (size_t at = 5; at < code->n_words; at += code->words[at] >> 16) {
    if ((code->words[at] & 0xffff) == op && code->words[at + operand] == value) return true;
  }
  return false;
}

static void numbers_only_read_load_by_address(void **state) {
  (void)state;
  const struct vc_shader_blob *found = NULL;
  struct vc_kernel_info info;
  struct gpu_spirv_code code;
  for (size_t i = 0; i < vc_n_shader_blobs; i++) {
    const struct vc_shader_blob *blob = &vc_shader_blobs[i];
    assert_int_equal(gpu_spirv_reflect(blob->name, blob->words, blob->n_words, NULL, 0, &info), VC_OK);
    if (info.by_address) continue;
    assert_int_equal(gpu_spirv_load_by_address(blob->words, blob->n_words, &info, &code), VC_OK);
    if (strcmp(blob->name, "affine_fwd") == 0) found = blob; // images and maps are read, the result is written
    size_t at = 5;
    while (code.words && at < code.n_words) {
      assert_true(code.words[at] >> 16 > 0);
      at += code.words[at] >> 16;
    }
    assert_true(!code.words || at == code.n_words);
    for (uint32_t k = 0; k < code.n_addresses; k++) assert_int_equal(info.access[code.binding[k]], VC_READ);
    if (found == blob) {
      assert_int_equal(code.n_addresses, 2);
      assert_true(has(&code, CAPABILITY, 1, 5347) && has(&code, POINTER, 2, PHYSICAL));
      assert_true(has(&code, VARIABLE, 3, STORAGE)); // what it writes
      for (uint32_t binding = 0; binding < 3; binding++) {
        bool declared = false;
        for (size_t d = 5; d < code.n_words; d += code.words[d] >> 16)
          declared |=
              (code.words[d] & 0xffff) == DECORATE && code.words[d + 2] == BINDING && code.words[d + 3] == binding;
        assert_int_equal(declared, info.access[binding] != VC_READ);
      }
    }
    free(code.words);
  }
  assert_non_null(found);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bindings_are_read),
      cmocka_unit_test(one_binding_may_have_two_views),
      cmocka_unit_test(addresses_are_read),
      cmocka_unit_test(constants_decide_sizes),
      cmocka_unit_test(needs_are_read),
      cmocka_unit_test(broken_rules_are_refused),
      cmocka_unit_test(damaged_modules_are_refused),
      cmocka_unit_test(types_that_hold_themselves_end),
      cmocka_unit_test(hostile_words_do_no_harm),
      cmocka_unit_test(every_embedded_shader_is_understood),
      cmocka_unit_test(numbers_only_read_load_by_address),
      cmocka_unit_test(compiled_shaders_read_as_their_source_says),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
