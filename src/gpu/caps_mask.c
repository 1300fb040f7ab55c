// Narrowing capabilities by a JSON object, so that what a lesser device would choose can be tried on a greater one.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu_private.h"

enum field_kind {
  FIELD_U32,
  FIELD_U64,
  FIELD_BOOL,
  FIELD_TRIPLE,
  FIELD_ALIGN,
  FIELD_SUBGROUP,
  FIELD_TYPE,
  FIELD_VERSION
};

struct field {
  const char *name;
  size_t offset;
  enum field_kind kind;
};
#define FIELD(name, kind) {#name, offsetof(struct vc_caps, name), kind}
static const struct field fields[] = {
    FIELD(type, FIELD_TYPE),
    FIELD(api_version, FIELD_VERSION),
    FIELD(subgroup_size, FIELD_SUBGROUP),
    FIELD(min_subgroup_size, FIELD_SUBGROUP),
    FIELD(max_subgroup_size, FIELD_SUBGROUP),
    FIELD(max_workgroup_invocations, FIELD_U32),
    FIELD(max_workgroup_size, FIELD_TRIPLE),
    FIELD(max_workgroup_count, FIELD_TRIPLE),
    FIELD(max_shared_bytes, FIELD_U32),
    FIELD(max_push_bytes, FIELD_U32),
    FIELD(max_stage_buffers, FIELD_U32),
    FIELD(buffer_align, FIELD_ALIGN),
    FIELD(max_buffer_range, FIELD_U64),
    FIELD(max_allocation_bytes, FIELD_U64),
    FIELD(heap_bytes, FIELD_U64),
    FIELD(subgroup_size_control, FIELD_BOOL),
    FIELD(subgroup_shuffle, FIELD_BOOL),
    FIELD(subgroup_arithmetic, FIELD_BOOL),
    FIELD(subgroup_ballot, FIELD_BOOL),
    FIELD(buffer_address, FIELD_BOOL),
    FIELD(fp16, FIELD_BOOL),
    FIELD(fp16_storage, FIELD_BOOL),
    FIELD(int8, FIELD_BOOL),
    FIELD(int16, FIELD_BOOL),
    FIELD(int64, FIELD_BOOL),
    FIELD(coop_matrix, FIELD_BOOL),
    FIELD(coop_matrix2, FIELD_BOOL),
};

static vc_status bad(const vc_json *value, const char *what) {
  return VC_FAIL(VC_E_CONFIG, "VULCYTE_CAPS:%d: \"%s\": must be %s", vc_json_line(value), vc_json_key(value), what);
}

static vc_status want_count(const vc_json *value, const vc_json *named, uint64_t max, uint64_t *out) {
  double number = vc_json_type_of(value) == VC_JSON_NUMBER ? vc_json_number(value) : -1;
  if (!(number >= 0) || number > 9007199254740992.0 || number != floor(number))
    return bad(named, "whole and not negative");
  *out = number > (double)max ? max : (uint64_t)number;
  return VC_OK;
}

static vc_status narrow_type(enum vc_device_type *type, const vc_json *value) {
  static const char *const names[] = {"discrete", "integrated", "cpu", "other"}; // in the order of the enum
  const char *text = vc_json_type_of(value) == VC_JSON_STRING ? vc_json_string(value) : "";
  for (size_t i = 0; i < VC_COUNT_OF(names); i++) {
    if (strcmp(text, names[i]) != 0) continue;
    *type = (enum vc_device_type)i;
    return VC_OK;
  }
  return bad(value, "\"discrete\", \"integrated\", \"cpu\" or \"other\"");
}

static vc_status narrow_version(uint32_t *version, const vc_json *value) {
  const char *text = vc_json_type_of(value) == VC_JSON_STRING ? vc_json_string(value) : "";
  unsigned major, minor;
  char rest;
  if (sscanf(text, "%3u.%3u%c", &major, &minor, &rest) != 2 || major > 127)
    return bad(value, "a version such as \"1.2\"");
  *version = VC_MIN(*version, VK_MAKE_API_VERSION(0, major, minor, 0xfff));
  return VC_OK;
}

static vc_status narrow(struct vc_caps *caps, const struct field *field, const vc_json *value) {
  void *at = (char *)caps + field->offset;
  uint32_t *u32 = at;
  uint64_t *u64 = at, number;
  switch (field->kind) {
  case FIELD_TYPE: return narrow_type(at, value);
  case FIELD_VERSION: return narrow_version(u32, value);
  case FIELD_BOOL:
    if (vc_json_type_of(value) != VC_JSON_BOOL) return bad(value, "true or false");
    *(bool *)at = *(bool *)at && vc_json_bool(value);
    return VC_OK;
  case FIELD_TRIPLE:
    if (vc_json_type_of(value) != VC_JSON_ARRAY || vc_json_size(value) != 3)
      return bad(value, "a list of three numbers");
    for (size_t i = 0; i < 3; i++) {
      VC_TRY(want_count(vc_json_at(value, i), value, UINT32_MAX, &number));
      u32[i] = VC_MIN(u32[i], (uint32_t)number);
    }
    return VC_OK;
  case FIELD_U32:
    VC_TRY(want_count(value, value, UINT32_MAX, &number));
    *u32 = VC_MIN(*u32, (uint32_t)number);
    return VC_OK;
  case FIELD_U64:
    VC_TRY(want_count(value, value, UINT64_MAX, &number));
    *u64 = VC_MIN(*u64, number);
    return VC_OK;
  case FIELD_ALIGN: // coarser is narrower
    VC_TRY(want_count(value, value, UINT32_MAX, &number));
    if (number == 0 || (number & (number - 1)) || number > 1 << 20) return bad(value, "a power of two up to 2^20");
    *u32 = VC_MAX(*u32, (uint32_t)number);
    return VC_OK;
  case FIELD_SUBGROUP: break; // all three at once, in narrow_subgroups
  }
  return VC_OK;
}

static uint32_t clamp(uint64_t value, uint32_t lo, uint32_t hi) {
  return (uint32_t)VC_MIN(VC_MAX(value, lo), hi);
}

// A profile of another device may name sizes that this one lacks: each moves to the nearest that there is.
static vc_status narrow_subgroups(struct vc_caps *caps, const vc_json *mask) {
  static const char *const keys[] = {"min_subgroup_size", "max_subgroup_size", "subgroup_size"};
  uint64_t value[3] = {caps->min_subgroup_size, caps->max_subgroup_size, caps->subgroup_size};
  for (size_t i = 0; i < 3; i++) {
    const vc_json *item = vc_json_get(mask, keys[i]);
    if (!item) continue;
    VC_TRY(want_count(item, item, UINT32_MAX, &value[i]));
    if (value[i] == 0 || (value[i] & (value[i] - 1))) return bad(item, "a power of two");
    if (value[0] > value[1] && vc_json_get(mask, keys[0]) && i > 0) return bad(item, "at least min_subgroup_size");
  }
  if (!caps->subgroup_size_control) return VC_OK; // nothing to choose
  caps->min_subgroup_size = clamp(value[0], caps->min_subgroup_size, caps->max_subgroup_size);
  caps->max_subgroup_size = clamp(value[1], caps->min_subgroup_size, caps->max_subgroup_size);
  caps->subgroup_size = clamp(value[2], caps->min_subgroup_size, caps->max_subgroup_size);
  return VC_OK;
}

vc_status gpu_caps_mask(struct vc_caps *caps, const vc_json *mask) {
  if (vc_json_type_of(mask) != VC_JSON_OBJECT) {
    return VC_FAIL(VC_E_CONFIG, "VULCYTE_CAPS: must be a JSON object such as {\"max_shared_bytes\": 32768}");
  }
  struct vc_caps narrowed = *caps;
  for (size_t i = 0; i < vc_json_size(mask); i++) {
    const vc_json *value = vc_json_at(mask, i);
    const struct field *field = NULL;
    for (size_t k = 0; k < VC_COUNT_OF(fields) && !field; k++) {
      if (strcmp(fields[k].name, vc_json_key(value)) == 0) field = &fields[k];
    }
    if (!field) return bad(value, "one of the fields of struct vc_caps (vulcyte/caps.h)");
    VC_TRY(narrow(&narrowed, field, value));
  }
  VC_TRY(narrow_subgroups(&narrowed, mask));
  // It builds on the other, and its kernels are of Vulkan 1.3.
  narrowed.coop_matrix2 &= narrowed.coop_matrix && narrowed.api_version >= VK_API_VERSION_1_3;
  *caps = narrowed;
  return VC_OK;
}

vc_status gpu_caps_environment(vc_arena *arena, vc_json **out_mask) {
  const char *text = getenv("VULCYTE_CAPS");
  uint8_t *data = NULL;
  size_t n_bytes = text ? strlen(text) : 0;
  *out_mask = NULL;
  if (n_bytes == 0) return VC_OK;
  if (text[0] == '@') {
    VC_TRY_CTX(vc_file_read(arena, text + 1, 1 << 20, &data, &n_bytes), "VULCYTE_CAPS");
    text = (const char *)data;
  }
  return vc_json_parse(arena, "VULCYTE_CAPS", text, n_bytes, out_mask);
}
