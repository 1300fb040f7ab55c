// Volumes in and out. The files of tests/fuzz/corpus/nifti/ were written by another program
// (support/make_volumes.py); their voxels are known by formula.
#include "vulcyte/data.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NX = 5, NY = 4, NZ = 3, COUNT = NX * NY * NZ, PATH_BYTES = 512 };

static vc_arena *arena;
static char folder[] = "/tmp/vulcyte-volume-XXXXXX";

static int set_up(void **state) {
  (void)state;
  return mkdtemp(folder) && vc_arena_create(&arena) == VC_OK ? 0 : -1;
}

static int tear_down(void **state) {
  char command[PATH_BYTES];
  (void)state;
  vc_arena_destroy(arena);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static const char *corpus(const char *name) {
  static char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/fuzz/corpus/nifti/%s", VC_TEST_DIR, name);
  return path;
}

static const char *scratch(const char *name) {
  static char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void expect_message(const char *part) {
  if (!strstr(vc_error_message(), part)) fail_msg("'%s' does not tell '%s'", vc_error_message(), part);
  assert_null(strchr(vc_error_message(), '\n'));
}

static vc_volume *open_volume(const char *path) {
  vc_volume *v;
  if (vc_volume_open(arena, path, &v) != VC_OK) fail_msg("%s", vc_error_message());
  return v;
}

static double value_at(const void *voxels, enum vc_pixel_format format, size_t i) {
  switch (format) {
  case VC_PIXEL_U8: return ((const uint8_t *)voxels)[i];
  case VC_PIXEL_U16: return ((const uint16_t *)voxels)[i];
  default: return ((const float *)voxels)[i];
  }
}

static uint32_t label_at(const void *labels, uint32_t n_bytes, size_t i) {
  return n_bytes == 1   ? ((const uint8_t *)labels)[i]
         : n_bytes == 2 ? ((const uint16_t *)labels)[i]
                        : ((const uint32_t *)labels)[i];
}

// ---- reading ----

enum content { BYTE, WORD, SIGNED, FLOAT, SCALED };
enum space { FULL, SPACING };

struct file_case {
  const char *name;
  enum content content;
  enum vc_pixel_format format;
  uint32_t label_bytes;
  enum space space;
};

static const struct file_case cases[] = {
    {"uint8.nii", BYTE, VC_PIXEL_U8, 1, FULL},
    {"int8.nii", SIGNED, VC_PIXEL_F32, 1, FULL},
    {"uint16.nii", WORD, VC_PIXEL_U16, 2, FULL},
    {"int16.nii", SIGNED, VC_PIXEL_F32, 2, FULL},
    {"uint32.nii", WORD, VC_PIXEL_F32, 4, FULL},
    {"int32.nii", SIGNED, VC_PIXEL_F32, 4, FULL},
    {"uint64.nii", WORD, VC_PIXEL_F32, 4, FULL},
    {"int64.nii", SIGNED, VC_PIXEL_F32, 4, FULL},
    {"float32.nii", FLOAT, VC_PIXEL_F32, 4, FULL},
    {"float64.nii", FLOAT, VC_PIXEL_F32, 4, FULL},
    {"uint16_big_endian.nii", WORD, VC_PIXEL_U16, 2, FULL},
    {"float64_big_endian_2.nii", FLOAT, VC_PIXEL_F32, 4, FULL},
    {"int32_2.nii.gz", SIGNED, VC_PIXEL_F32, 4, FULL},
    {"uint8.nii.gz", BYTE, VC_PIXEL_U8, 1, FULL},
    {"uint8_streams.nii.gz", BYTE, VC_PIXEL_U8, 1, FULL},
    {"uint8_scaled.nii", SCALED, VC_PIXEL_F32, 4, FULL},
    {"int16_slope_0.nii", SIGNED, VC_PIXEL_F32, 2, FULL},
    {"uint8_qform.nii", BYTE, VC_PIXEL_U8, 1, FULL},
    {"uint8_spacing.nii", BYTE, VC_PIXEL_U8, 1, SPACING},
    {"uint8_four.nii", BYTE, VC_PIXEL_U8, 1, FULL},
};

static double expected(enum content content, size_t i) {
  int x = (int)(i % NX), y = (int)(i / NX % NY), z = (int)(i / NX / NY);
  switch (content) {
  case BYTE: return (37 * x + 11 * y + 101 * z) & 255;
  case WORD: return (401 * x + 257 * y + 9001 * z) & 65535;
  case SIGNED: return 3 * x - 10 * y + 7 * z;
  case FLOAT: return 1.5 * x - 0.25 * y + 10 * z;
  default: return 0.5 * ((37 * x + 11 * y + 101 * z) & 255) - 3;
  }
}

static const double full_space[12] = {0, -0.5, 0, 10, 2, 0, 0, -20, 0, 0, 3, 5};
static const double spacing_space[12] = {2, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 3, 0};

static void reads_every_type(void **state) {
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(cases); i++) {
    const struct file_case *c = &cases[i];
    vc_volume *v = open_volume(corpus(c->name));
    const struct vc_volume_info *info = vc_volume_info_of(v);
    const double *space = c->space == FULL ? full_space : spacing_space;
    float voxels[COUNT + 1];
    assert_int_equal(info->size[0], NX);
    assert_int_equal(info->size[1], NY);
    assert_int_equal(info->size[2], NZ);
    assert_int_equal(info->format, c->format);
    assert_int_equal(info->label_bytes, c->label_bytes);
    for (size_t k = 0; k < 12; k++) {
      if (fabs(info->to_world[k] - space[k]) > 1e-5) fail_msg("%s: to_world[%zu] %g", c->name, k, info->to_world[k]);
    }
    memset(voxels, 0x5A, sizeof voxels);
    if (vc_volume_read(v, 0, NZ, voxels) != VC_OK) fail_msg("%s: %s", c->name, vc_error_message());
    for (size_t k = 0; k < COUNT; k++) {
      double got = value_at(voxels, c->format, k), want = expected(c->content, k);
      if (got != want) fail_msg("%s: voxel %zu is %g, not %g", c->name, k, got, want);
    }
    assert_memory_equal((uint8_t *)voxels + COUNT * vc_pixel_bytes(c->format), "ZZZZ", 4);
  }
}

// In any order, also behind the end of a compressed file.
static void reads_planes_alone(void **state) {
  static const char *const names[] = {"uint8.nii", "uint8.nii.gz", "uint8_streams.nii.gz", "uint8_scaled.nii"};
  static const uint32_t order[] = {2, 0, 1, 2, 2, 1, 0};
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(names); i++) {
    vc_volume *v = open_volume(corpus(names[i]));
    const struct vc_volume_info *info = vc_volume_info_of(v);
    for (size_t k = 0; k < VC_COUNT_OF(order); k++) {
      float plane[NX * NY];
      assert_int_equal(vc_volume_read(v, order[k], 1, plane), VC_OK);
      for (size_t at = 0; at < NX * NY; at++) {
        double want = expected(i == 3 ? SCALED : BYTE, order[k] * NX * NY + at);
        assert_true(value_at(plane, info->format, at) == want);
      }
    }
  }
}

static void reads_labels(void **state) {
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(cases); i++) {
    const struct file_case *c = &cases[i];
    vc_volume *v = open_volume(corpus(c->name));
    uint32_t labels[COUNT];
    vc_status status = vc_volume_read_labels(v, 0, NZ, labels);
    if (c->content == BYTE || c->content == WORD) {
      assert_int_equal(status, VC_OK);
      for (size_t k = 0; k < COUNT; k++) {
        assert_true(label_at(labels, c->label_bytes, k) == expected(c->content, k));
      }
      continue;
    }
    assert_int_equal(status, VC_E_INPUT);
    expect_message(c->name);
    expect_message(c->content == SIGNED   ? "-10 at voxel 0, 1, 0 is not a label"
                   : c->content == SCALED ? "-3 at voxel 0, 0, 0 is not a label"
                                          : "1.5 at voxel 1, 0, 0 is not a label");
  }
}

// ---- odd headers ----

static uint8_t bytes[4096];

static size_t load(const char *name) {
  uint8_t *data;
  size_t n;
  assert_int_equal(vc_file_read(arena, corpus(name), sizeof bytes, &data, &n), VC_OK);
  memcpy(bytes, data, n);
  return n;
}

static void save(const char *name, size_t n) {
  FILE *file = fopen(scratch(name), "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, n, file), n);
  assert_int_equal(fclose(file), 0);
}

struct edit {
  const char *file;
  size_t at, n;
  const char *data;    // NULL: zeros
  const char *message; // NULL: it must open
};

#define FLOAT_NAN      "\0\0\xC0\x7F"
#define FLOAT_INFINITY "\0\0\x80\x7F"

static const struct edit edits[] = {
    {"uint8.nii", 40, 2, "\0", "0 dimensions"},
    {"uint8.nii", 40, 2, "\x08", "8 dimensions"},
    {"uint8.nii", 40, 2, "\xFF\xFF", "-1 dimensions"},
    {"uint8.nii", 40, 2, "\x02", "2 dimensions; a volume has three"},
    {"uint8.nii", 42, 2, "\0", "0 voxels along dimension 1"},
    {"uint8.nii", 46, 2, "\xFF\xFF", "-1 voxels along dimension 3"},
    {"uint8.nii", 42, 6, "\xFF\x7F\xFF\x7F\xFF\x7F", "larger than can be read"},
    {"uint8.nii", 42, 6, "\xFF\x7F\xFF\x03\xFF\x7F", "too short for 32767 x 1023 x 32767 voxels"},
    {"uint8_four.nii", 48, 2, "\x02", "4 dimensions (dimension 4 has 2 entries)"},
    {"uint8_four.nii", 40, 12, "\x05\0\x05\0\x04\0\x03\0\x01\0\x03", "5 dimensions (dimension 5 has 3 entries)"},
    {"uint8.nii", 70, 2, "\x80", "RGB colours"},
    {"uint8.nii", 70, 2, "\x20", "complex numbers"},
    {"uint8.nii", 70, 2, "\0\x06", "128-bit floats"},
    {"uint8.nii", 70, 2, "\x63", "NIfTI type 99 (an unknown type)"},
    {"uint8.nii", 72, 2, "\x10", "have 8 bits, the header says 16"},
    {"uint8.nii", 108, 4, FLOAT_NAN, "begin at byte nan"},
    {"uint8.nii", 108, 4, "\0\0\x80\x3F", "begin at byte 1;"},
    {"uint8.nii", 108, 4, "\0\0\xB0\xC3", "begin at byte -352"},
    {"uint8.nii", 108, 4, "\0\0\x80\x7E", "that cannot be"},
    {"uint8.nii", 108, 4, "\0\0\x80\x44", "too short for"}, // byte 1024
    {"uint8.nii", 108, 4, "\0\0\0\0", NULL},
    {"uint8_scaled.nii", 116, 4, FLOAT_INFINITY, "scl_inter is not a finite number"},
    {"uint8_scaled.nii", 112, 4, FLOAT_NAN, NULL}, // some programs mean no scaling by it
    {"uint8.nii", 280, 4, FLOAT_NAN, "degenerate"},
    {"uint8.nii", 280, 16, NULL, "degenerate"},
    {"uint8_qform.nii", 268, 4, FLOAT_INFINITY, "degenerate"},
    {"uint8_qform.nii", 264, 4, FLOAT_NAN, "degenerate"},
    {"uint8_spacing.nii", 84, 4, FLOAT_INFINITY, "degenerate"},
    {"uint8.nii", 0, 4, "\x5D\x01\0\0", "not a NIfTI file"},
    {"uint8.nii", 344, 4, "ni1", "a pair of files"},
    {"uint8.nii", 344, 4, "\0\0\0", "no NIfTI file (perhaps of the older Analyze format)"},
    {"uint8.nii", 0, 4, "\x89HDF", "is a MINC file"},
    {"float64_big_endian_2.nii", 24, 8, "\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "9223372036854775807 voxels"},
    {"float64_big_endian_2.nii", 168, 8, "\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "that cannot be"},
    {"float64_big_endian_2.nii", 400, 8, "\x7F\xF0\0\0\0\0\0\0", "degenerate"},
};

static void refuses_odd_headers(void **state) {
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(edits); i++) {
    const struct edit *e = &edits[i];
    vc_volume *v;
    size_t n = load(e->file);
    memset(bytes + e->at, 0, e->n);
    if (e->data) memcpy(bytes + e->at, e->data, e->n);
    save("odd.nii", n);
    vc_status status = vc_volume_open(arena, scratch("odd.nii"), &v);
    if (!e->message) {
      if (status != VC_OK) fail_msg("edit %zu: %s", i, vc_error_message());
      continue;
    }
    if (status != VC_E_FORMAT) fail_msg("edit %zu: status %d", i, status);
    expect_message("/odd.nii");
    expect_message(e->message);
  }
  vc_volume *v;
  assert_int_equal(vc_volume_open(arena, scratch("none.nii"), &v), VC_E_INPUT);
  expect_message("none.nii: cannot be opened");
  assert_int_equal(vc_volume_open(arena, folder, &v), VC_E_INPUT);
}

static vc_status read_whole(const char *path, void *out) {
  vc_arena *inner;
  vc_volume *v;
  assert_int_equal(vc_arena_create(&inner), VC_OK);
  vc_status status = vc_volume_open(inner, path, &v);
  if (status == VC_OK) status = vc_volume_read(v, 0, vc_volume_info_of(v)->size[2], out);
  vc_arena_destroy(inner);
  return status;
}

static void refuses_cut_and_damaged_files(void **state) {
  static const char *const names[] = {"uint8.nii", "uint8.nii.gz", "int32_2.nii.gz"};
  (void)state;
  for (size_t i = 0; i < VC_COUNT_OF(names); i++) {
    size_t n = load(names[i]);
    float voxels[COUNT];
    for (size_t cut = 0; cut < n; cut++) {
      save("cut.nii", cut);
      if (read_whole(scratch("cut.nii"), voxels) != VC_E_FORMAT) fail_msg("%s cut to %zu was read", names[i], cut);
      expect_message("/cut.nii");
    }
    save("cut.nii", n);
    assert_int_equal(read_whole(scratch("cut.nii"), voxels), VC_OK);
  }
  // Any wrong byte of the compressed data or of its checksum; the first ten are a header that holds little.
  size_t n = load("uint8.nii.gz"), n_refused = 0;
  for (size_t at = 10; at < n; at++) {
    float voxels[COUNT];
    bytes[at] ^= 0x10;
    save("wrong.nii.gz", n);
    vc_status status = read_whole(scratch("wrong.nii.gz"), voxels);
    n_refused += status == VC_E_FORMAT;
    for (size_t k = 0; status == VC_OK && k < COUNT; k++) { // another way of coding the same bytes
      assert_true(value_at(voxels, VC_PIXEL_U8, k) == expected(BYTE, k));
    }
    bytes[at] ^= 0x10;
  }
  assert_true(n_refused > n - 30);
}

static void refuses_numbers_that_are_not_finite(void **state) {
  float voxels[COUNT];
  size_t n = load("float32.nii");
  (void)state;
  memcpy(bytes + n - 4 * NX * NY, FLOAT_NAN, 4);
  save("nan.nii", n);
  assert_int_equal(read_whole(scratch("nan.nii"), voxels), VC_E_INPUT);
  expect_message("nan.nii: voxel 0, 0, 2 is not a finite number");
}

// ---- writing ----

static void writes_what_it_reads_back(void **state) {
  static const char *const names[] = {"w.nii", "w.nii.gz"};
  struct vc_volume_info info = {.size = {NX, NY, NZ}};
  (void)state;
  memcpy(info.to_world, full_space, sizeof full_space);
  for (size_t i = 0; i < 6; i++) {
    float stored[COUNT], voxels[COUNT];
    info.format = (enum vc_pixel_format)(i / 2);
    for (size_t k = 0; k < COUNT; k++) {
      if (info.format == VC_PIXEL_U8) ((uint8_t *)stored)[k] = (uint8_t)expected(BYTE, k);
      if (info.format == VC_PIXEL_U16) ((uint16_t *)stored)[k] = (uint16_t)expected(WORD, k);
      if (info.format == VC_PIXEL_F32) stored[k] = (float)expected(FLOAT, k);
    }
    assert_int_equal(vc_volume_write(scratch(names[i % 2]), &info, stored), VC_OK);
    vc_volume *v = open_volume(scratch(names[i % 2]));
    assert_int_equal(vc_volume_info_of(v)->format, info.format);
    assert_memory_equal(vc_volume_info_of(v)->to_world, full_space, sizeof full_space);
    assert_int_equal(vc_volume_read(v, 0, NZ, voxels), VC_OK);
    assert_memory_equal(voxels, stored, COUNT * vc_pixel_bytes(info.format));
  }
  info.size[1] = 40000;
  assert_int_equal(vc_volume_write(scratch("w.nii"), &info, NULL), VC_E_INPUT);
  expect_message("40000 voxels along an axis");
}

// ---- sections ----

static double dot(const double a[3], const double b[3]) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

// Right angles, the wanted spacing, within the volume, and no direction preferred.
static void draws_sections(void **state) {
  enum { N = 20000 };
  struct vc_volume_info info = {.size = {40, 20, 10}};
  const double middle[3] = {10 - 0.5 * 9.5, -20 + 2 * 19.5, 5 + 3 * 4.5};
  double sum[3] = {0}, squares[3] = {0}, farthest = 0, angles = 0;
  (void)state;
  memcpy(info.to_world, full_space, sizeof full_space);
  for (uint32_t i = 0; i < N; i++) {
    struct vc_section s = vc_section_draw(&info, 0.5, 7, i), again = vc_section_draw(&info, 0.5, 7, i);
    const double n[3] = {4 * (s.u[1] * s.v[2] - s.u[2] * s.v[1]), 4 * (s.u[2] * s.v[0] - s.u[0] * s.v[2]),
                         4 * (s.u[0] * s.v[1] - s.u[1] * s.v[0])};
    double away[3];
    assert_memory_equal(&s, &again, sizeof s);
    assert_true(fabs(dot(s.u, s.u) - 0.25) < 1e-12 && fabs(dot(s.v, s.v) - 0.25) < 1e-12);
    assert_true(fabs(dot(s.u, s.v)) < 1e-12);
    for (int k = 0; k < 3; k++) {
      away[k] = s.centre[k] - middle[k];
      sum[k] += n[k];
      squares[k] += n[k] * n[k];
    }
    double reach = 10 * 0.5 * fabs(n[0]) + 20 * 2 * fabs(n[1]) + 5 * 3 * fabs(n[2]), offset = dot(away, n);
    assert_true(fabs(sqrt(dot(away, away)) - fabs(offset)) < 1e-9); // along the normal
    assert_true(fabs(offset) <= reach);
    farthest = VC_MAX(farthest, fabs(offset) / reach);
    double angle = acos((s.u[0] * 2 + s.v[1] * 2 + n[2] - 1) / 2); // of the rotation: density (1 - cos) / pi
    angles += angle;
  }
  for (int k = 0; k < 3; k++) {
    assert_true(fabs(sum[k] / N) < 0.02);
    assert_true(fabs(squares[k] / N - 1.0 / 3) < 0.01);
  }
  assert_true(farthest > 0.99);
  assert_true(fabs(angles / N - (3.14159265 / 2 + 2 / 3.14159265)) < 0.02);
}

static void finds_the_voxels_of_a_section(void **state) {
  struct vc_volume_info info = {.size = {NX, NY, NZ}};
  (void)state;
  memcpy(info.to_world, full_space, sizeof full_space);
  struct vc_section section = vc_section_draw(&info, 1.5, 3, 4);
  float sampler[9];
  vc_section_sampler(&section, &info, sampler);
  for (int part = 0; part < 3; part++) {
    const double *want = part == 0 ? section.u : part == 1 ? section.v : section.centre;
    for (int i = 0; i < 3; i++) {
      double world = part == 2 ? full_space[4 * i + 3] : 0;
      for (int k = 0; k < 3; k++) world += full_space[4 * i + k] * (double)sampler[3 * part + k];
      assert_true(fabs(world - want[i]) < 1e-5);
    }
  }
}

// ---- synthetic volumes ----

static uint8_t *read_bytes_of(const char *path) {
  enum { SIDE = 48 };
  vc_volume *v = open_volume(path);
  const struct vc_volume_info *info = vc_volume_info_of(v);
  uint8_t *voxels;
  assert_int_equal(info->size[0] * info->size[1] * info->size[2], SIDE * SIDE * SIDE);
  assert_int_equal(info->format, VC_PIXEL_U8);
  assert_true(info->to_world[3] == -23.5);
  assert_int_equal(VC_NEW(arena, SIDE * SIDE * SIDE, &voxels), VC_OK);
  assert_int_equal(vc_volume_read(v, 0, SIDE, voxels), VC_OK);
  return voxels;
}

// Layers in order from outside in, none without voxels, and intensities that tell them apart.
static void makes_layered_volumes(void **state) {
  enum { SIDE = 48, COUNT_3 = SIDE * SIDE * SIDE };
  static const double mean[] = {6, 28, 92, 186, 0, 148, 116};
  size_t n[7] = {0}, n_jumps = 0;
  double sum[7] = {0};
  (void)state;
  assert_int_equal(vc_synth_write(VC_SYNTH_VOLUME, 2, SIDE, 5, scratch("set"), 2), VC_OK);
  assert_int_equal(vc_synth_write(VC_SYNTH_VOLUME, 2, SIDE, 5, scratch("again"), 0), VC_OK);
  uint8_t *voxels = read_bytes_of(scratch("set/images/volume_0001.nii.gz"));
  uint8_t *classes = read_bytes_of(scratch("set/masks/volume_0001.nii.gz"));
  assert_memory_equal(voxels, read_bytes_of(scratch("again/images/volume_0001.nii.gz")), COUNT_3);
  assert_memory_not_equal(voxels, read_bytes_of(scratch("set/images/volume_0000.nii.gz")), COUNT_3);
  for (size_t i = 0; i < COUNT_3; i++) {
    assert_true(classes[i] < 7 && classes[i] != 4);
    n[classes[i]]++;
    sum[classes[i]] += voxels[i];
    bool is_edge = i % SIDE > 0 && (classes[i] == 0) != (classes[i - 1] == 0);
    n_jumps += is_edge && (classes[i] == 3 || classes[i - 1] == 3); // from outside to white matter
  }
  assert_int_equal(n_jumps, 0);
  for (size_t c = 0; c < 7; c++) {
    if (c == 4) continue;
    assert_true(n[c] > 100);
    assert_true(fabs(sum[c] / (double)n[c] - mean[c]) < 10);
  }
  assert_int_equal(vc_synth_write(VC_SYNTH_VOLUME, 1, 4096, 5, scratch("big"), 0), VC_E_USAGE);
  expect_message("32 to 1024");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_every_type),
      cmocka_unit_test(reads_planes_alone),
      cmocka_unit_test(reads_labels),
      cmocka_unit_test(refuses_odd_headers),
      cmocka_unit_test(refuses_cut_and_damaged_files),
      cmocka_unit_test(refuses_numbers_that_are_not_finite),
      cmocka_unit_test(writes_what_it_reads_back),
      cmocka_unit_test(draws_sections),
      cmocka_unit_test(finds_the_voxels_of_a_section),
      cmocka_unit_test(makes_layered_volumes),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
