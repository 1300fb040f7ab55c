// safetensors: what is written reads back; every kind of damage is refused.
#include "scratch.h"
#include "vulcyte/train.h"

// A file of this header text and n_data zero bytes.
static void put_file(const char *path, const char *header, size_t n_data) {
  static uint8_t file[4096];
  uint64_t n_header = strlen(header);
  assert_true(8 + n_header + n_data <= sizeof file);
  memset(file, 0, sizeof file);
  memcpy(file, &n_header, 8);
  memcpy(file + 8, header, n_header);
  scratch_put(path, file, 8 + n_header + n_data);
}

static void what_is_written_reads_back(void **state) {
  static const float weights[6] = {1, 2, 3, 4, 5, 6};
  static const int64_t count = -7;
  static const uint8_t bytes[3] = {9, 8, 7};
  struct vc_named_tensor tensors[] = {
      {.name = "enc0.\"odd\" \xC3\xA9/name",
       .dtype = "F32",
       .n_dims = 2,
       .dims = {2, 3},
       .data = weights,
       .n_bytes = 24},
      {.name = "scalar", .dtype = "I64", .n_dims = 0, .data = &count, .n_bytes = 8},
      {.name = "empty", .dtype = "F32", .n_dims = 1, .dims = {0}, .data = bytes, .n_bytes = 0},
      {.name = "bytes", .dtype = "U8", .n_dims = 1, .dims = {3}, .data = bytes, .n_bytes = 3}};
  const char *keys[] = {"config", "note"}, *values[] = {"{\"a\": \"b\"}", "line\nbreak \\ \"quote\""};
  struct vc_safetensors content = {.tensors = tensors, .n_tensors = 4, .keys = keys, .values = values, .n_metadata = 2};
  struct vc_safetensors back;
  ASSERT_OK(vc_safetensors_write("m.safetensors", &content));
  ASSERT_OK(vc_safetensors_read(*state, "m.safetensors", &back));
  assert_int_equal(back.n_tensors, 4);
  for (uint32_t i = 0; i < 4; i++) {
    assert_string_equal(back.tensors[i].name, tensors[i].name);
    assert_string_equal(back.tensors[i].dtype, tensors[i].dtype);
    assert_int_equal(back.tensors[i].n_dims, tensors[i].n_dims);
    for (uint32_t d = 0; d < tensors[i].n_dims; d++) assert_int_equal(back.tensors[i].dims[d], tensors[i].dims[d]);
    assert_int_equal(back.tensors[i].n_bytes, tensors[i].n_bytes);
    assert_memory_equal(back.tensors[i].data, tensors[i].data, tensors[i].n_bytes);
  }
  assert_string_equal(vc_safetensors_metadata(&back, "config"), values[0]);
  assert_string_equal(vc_safetensors_metadata(&back, "note"), values[1]);
  assert_null(vc_safetensors_metadata(&back, "none"));
}

static void the_layout_is_the_public_one(void **state) {
  static const float one = 1;
  struct vc_named_tensor tensor = {.name = "a", .dtype = "F32", .n_dims = 1, .dims = {1}, .data = &one, .n_bytes = 4};
  struct vc_safetensors content = {.tensors = &tensor, .n_tensors = 1};
  uint8_t *file;
  size_t n;
  ASSERT_OK(vc_safetensors_write("m.safetensors", &content));
  ASSERT_OK(vc_file_read(*state, "m.safetensors", 0, &file, &n));
  uint64_t n_header;
  memcpy(&n_header, file, 8);
  assert_int_equal(n_header % 8, 0);
  assert_int_equal(n, 8 + n_header + 4);
  static const char want[] =
      "{\"__metadata__\":{\"xxh64\":\"878f6ff747443c277b54265d12bf1ccd\"},\"a\":{\"dtype\":\"F32\","
      "\"shape\":[1],\"data_offsets\":[0,4]}}";
  assert_memory_equal(file + 8, want, strlen(want));
  for (size_t i = 8 + strlen(want); i < 8 + n_header; i++) assert_int_equal(file[i], ' ');
}

// Of the tensors.
static void every_damaged_byte_is_seen(void **state) {
  static const float weights[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  struct vc_named_tensor tensors[] = {
      {.name = "a", .dtype = "F32", .n_dims = 1, .dims = {8}, .data = weights, .n_bytes = 32},
      {.name = "b", .dtype = "F32", .n_dims = 1, .dims = {2}, .data = weights + 8, .n_bytes = 8}};
  struct vc_safetensors content = {.tensors = tensors, .n_tensors = 2}, s;
  uint8_t *file;
  size_t n;
  ASSERT_OK(vc_safetensors_write("m.safetensors", &content));
  ASSERT_OK(vc_file_read(*state, "m.safetensors", 0, &file, &n));
  for (size_t i = n - 40; i < n; i++) {
    file[i] ^= 4;
    scratch_put("flipped.safetensors", file, n);
    ASSERT_FAILS(vc_safetensors_read(*state, "flipped.safetensors", &s), VC_E_FORMAT,
                 "flipped.safetensors: the tensors do not agree with the checksum");
    file[i] ^= 4;
  }
}

// A program that changes weights writes a header of its own, with the old metadata.
static void what_another_program_writes_is_believed(void **state) {
  static const float weights[2] = {1, 2};
  struct vc_named_tensor tensors[] = {
      {.name = "a", .dtype = "F32", .n_dims = 1, .dims = {2}, .data = weights, .n_bytes = 8}};
  struct vc_safetensors content = {.tensors = tensors, .n_tensors = 1}, s;
  uint8_t *file;
  size_t n;
  char *again;
  ASSERT_OK(vc_safetensors_write("m", &content));
  ASSERT_OK(vc_file_read(*state, "m", 0, &file, &n));
  const char *header = (const char *)file + 8, *end = strchr(header, '}');
  ASSERT_OK(vc_arena_printf(*state, &again, "%.*s, \"a\":{\"shape\":[2],\"dtype\":\"F32\",\"data_offsets\":[0,8]}}",
                            (int)(end + 1 - header), header));
  put_file("changed", again, 8);
  ASSERT_OK(vc_safetensors_read(*state, "changed", &s));
  assert_memory_not_equal(s.tensors[0].data, weights, 8);
}

static void tensors_in_any_order_are_read(void **state) {
  struct vc_safetensors s;
  put_file("m",
           "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]},\"a\":{\"dtype\":\"F16\",\"shape\":[2,1],"
           "\"data_offsets\":[0,4]}}  ",
           8);
  ASSERT_OK(vc_safetensors_read(*state, "m", &s));
  assert_int_equal(s.n_tensors, 2);
}

static void damage_is_refused(void **state) {
  static const struct {
    const char *header;
    size_t n_data;
    const char *want;
  } cases[] = {
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "outside the file"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 12, "belong to no tensor"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "differ in size"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "outside the file"},
      {"{\"a\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "unknown dtype"},
      {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "no dtype"},
      {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "no shape"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "no data_offsets"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "no whole number"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0.5],\"data_offsets\":[0,2]}}", 2, "no whole number"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[9007199254740992,9007199254740992,4],\"data_offsets\":[0,8]}}", 8,
       "overflows"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1, "more than 8 dimensions"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
       "offsets\":[2,6]}}",
       6, "overlaps"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_"
       "offsets\":[5,6]}}",
       6, "a gap"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_"
       "offsets\":[0,1]}}",
       1, "second time"},
      {"{\"__metadata__\":{\"a\":1}}", 0, "is no string"},
      {"{\"__metadata__\":3}", 0, "is no object"},
      {"[]", 0, "no safetensors header"},
      {"{\"a\":", 0, "expected a value"},
      {"{\"a\":3}", 0, "no dtype"},
  };
  for (size_t i = 0; i < VC_COUNT_OF(cases); i++) {
    struct vc_safetensors s;
    put_file("bad.safetensors", cases[i].header, cases[i].n_data);
    ASSERT_FAILS(vc_safetensors_read(*state, "bad.safetensors", &s), VC_E_FORMAT, cases[i].want);
    assert_non_null(strstr(vc_error_message(), "bad.safetensors"));
  }
}

static void short_files_and_wild_lengths_are_refused(void **state) {
  struct vc_safetensors s;
  static const uint8_t wild[16] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, '{', '}'};
  for (size_t n = 0; n < 8; n++) {
    scratch_put("short", wild, n);
    ASSERT_FAILS(vc_safetensors_read(*state, "short", &s), VC_E_FORMAT, "short: only");
  }
  scratch_put("wild", wild, sizeof wild);
  ASSERT_FAILS(vc_safetensors_read(*state, "wild", &s), VC_E_FORMAT, "wild: no safetensors header");
  ASSERT_FAILS(vc_safetensors_read(*state, "none", &s), VC_E_INPUT, "none");
}

int main(void) {
  const struct CMUnitTest tests[] = {SCRATCH_TEST(what_is_written_reads_back),
                                     SCRATCH_TEST(the_layout_is_the_public_one),
                                     SCRATCH_TEST(every_damaged_byte_is_seen),
                                     SCRATCH_TEST(what_another_program_writes_is_believed),
                                     SCRATCH_TEST(tensors_in_any_order_are_read),
                                     SCRATCH_TEST(damage_is_refused),
                                     SCRATCH_TEST(short_files_and_wild_lengths_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
