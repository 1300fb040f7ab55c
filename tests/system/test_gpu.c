// Devices, memory, kernels and command lists, on whatever device is there; validation, where it is on, must stay
// silent.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shaders/shared/copy_words.h"
#include "vulcyte/gpu.h"

static vc_arena *root;
static vc_gpu *gpu;
static int n_layer_missing; // warnings that validation was wanted and is not installed

#define OK(call)                                                        \
  do {                                                                  \
    if ((call) != VC_OK) fail_msg("%s: %s", #call, vc_error_message()); \
  } while (0)

static void fails(vc_status status, vc_status want, const char *what) {
  assert_int_equal(status, want);
  if (!strstr(vc_error_message(), what)) fail_msg("\"%s\" does not say \"%s\"", vc_error_message(), what);
}

static void show(void *context, enum vc_log_level level, const char *line) {
  (void)context;
  if (level < VC_LOG_WARNING) return;
  n_layer_missing += strstr(line, "is not installed") != NULL;
  print_message("%s\n", line);
}
static void hush(void *context, enum vc_log_level level, const char *line) {
  (void)context, (void)level, (void)line;
}

static int open_device(void **state) {
  (void)state;
  vc_log_set_sink(show, NULL);
  if (vc_arena_create(&root) != VC_OK) return -1;
  if (vc_gpu_open(root, NULL, &gpu) == VC_OK) return 0;
  print_message("%s\n", vc_error_message());
  return -1;
}

static int close_device(void **state) {
  (void)state;
  uint64_t n = gpu ? vc_gpu_validation_messages(gpu) : 0;
  vc_arena_destroy(root);
  if (n) print_message("%llu validation messages\n", (unsigned long long)n);
  return n ? -1 : 0;
}

static vc_arena *arena; // of the running test
static int begin(void **state) {
  (void)state;
  return vc_arena_create(&arena) == VC_OK ? 0 : -1;
}
static int end(void **state) {
  (void)state;
  vc_arena_destroy(arena);
  return 0;
}

static vc_buffer *make(uint64_t n_bytes, enum vc_memory memory, const char *label) {
  vc_buffer *buffer = NULL;
  OK(vc_buffer_create(arena, gpu, n_bytes, memory, label, &buffer));
  return buffer;
}

static uint8_t *noise(size_t n_bytes, uint32_t seed) {
  uint8_t *data;
  OK(VC_NEW(arena, n_bytes, &data));
  for (size_t i = 0; i < n_bytes; i++) data[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
  return data;
}

// ---- devices --------------------------------------------------------------------------------------------------

static void opens(const char *selector, const struct vc_device_info *want) {
  vc_gpu *other;
  OK(vc_gpu_open(arena, selector, &other));
  assert_memory_equal(vc_gpu_info(other)->uuid, want->uuid, 16);
  assert_string_equal(vc_gpu_info(other)->name, want->name);
}

static void devices_are_listed_and_chosen(void **state) {
  (void)state;
  struct vc_device_info *list;
  size_t n;
  OK(vc_gpu_list(arena, &list, &n));
  assert_true(n >= 1);
  assert_true(list[0].usable && list[0].is_default && list[0].reason[0]);
  for (size_t i = 0; i < n; i++) {
    assert_true(list[i].name[0] && list[i].driver[0]);
    if (i > 0) assert_false(list[i].is_default);
    if (!list[i].usable) assert_true(list[i].reason[0]);
  }
  assert_string_equal(vc_gpu_info(gpu)->name, list[0].name);
  char uuid[64] = "", part[8];
  for (int i = 0; i < 16; i++) sprintf(uuid + strlen(uuid), i == 4 ? "-%02X" : "%02x", list[0].uuid[i]);
  for (size_t i = 0; i < 5; i++) part[i] = (char)(list[0].name[i] ^ (list[0].name[i] >= 'A' ? 0x20 : 0)); // other case
  part[5] = 0;
  opens("auto", &list[0]);
  opens("", &list[0]);
  opens("0", &list[0]);
  opens(uuid, &list[0]);
  if (n == 1) opens(part, &list[0]);
  vc_gpu *other;
  fails(vc_gpu_open(arena, "999", &other), VC_E_NO_DEVICE, list[0].name);
  fails(vc_gpu_open(arena, "no such card", &other), VC_E_NO_DEVICE, list[0].name);
  fails(vc_gpu_open(arena, "00000000000000000000000000000001", &other), VC_E_NO_DEVICE, "no such device");
}

// Writes a manifest that names the same driver as the one in use; false where that cannot be done.
static bool second_manifest(const char *path) {
  const char *icd = getenv("VK_DRIVER_FILES");
  uint8_t *text;
  size_t n;
  if (!icd || strchr(icd, ':') || vc_file_read(arena, icd, 1 << 16, &text, &n) != VC_OK) return false;
  if (strstr((char *)text, "\"./")) return false; // relative to its own place
  return vc_file_write(path, text, n) == VC_OK;
}

static void duplicates_are_removed(void **state) {
  (void)state;
  char folder[] = "/tmp/vulcyte-test-XXXXXX", *path, *both;
  assert_non_null(mkdtemp(folder));
  OK(vc_path_join(arena, folder, "again.json", &path));
  bool can = second_manifest(path);
  if (can) {
    const char *icd = getenv("VK_DRIVER_FILES");
    struct vc_device_info *list;
    size_t n_once = 0, n_twice = 0;
    OK(vc_gpu_list(arena, &list, &n_once));
    OK(vc_arena_printf(arena, &both, "%s:%s", icd, path));
    setenv("VK_DRIVER_FILES", both, 1);
    vc_status status = vc_gpu_list(arena, &list, &n_twice);
    both[strlen(icd)] = 0;
    setenv("VK_DRIVER_FILES", both, 1);
    assert_int_equal(status, VC_OK);
    assert_int_equal(n_twice, n_once);
  }
  unlink(path);
  rmdir(folder);
  if (!can) skip();
}

static void a_machine_without_drivers_says_so(void **state) {
  (void)state;
  char *before = NULL;
  if (getenv("VK_DRIVER_FILES")) OK(vc_arena_strdup(arena, getenv("VK_DRIVER_FILES"), &before));
  setenv("VK_DRIVER_FILES", "/nowhere/none.json", 1);
  struct vc_device_info *list;
  size_t n;
  vc_status status = vc_gpu_list(arena, &list, &n);
  if (before)
    setenv("VK_DRIVER_FILES", before, 1);
  else
    unsetenv("VK_DRIVER_FILES");
  fails(status, VC_E_NO_DEVICE, "mesa-vulkan-drivers");
}

// ---- narrowed capabilities ------------------------------------------------------------------------------------

static vc_status open_masked(const char *mask, vc_gpu **out) {
  setenv("VULCYTE_CAPS", mask, 1);
  vc_status status = vc_gpu_open(arena, NULL, out);
  unsetenv("VULCYTE_CAPS");
  return status;
}

static void capabilities_narrow(void **state) {
  (void)state;
  const struct vc_caps *native = vc_gpu_caps(gpu);
  vc_gpu *other;
  OK(open_masked("{\"max_shared_bytes\": 16384, \"type\": \"integrated\", \"int64\": false, \"buffer_align\": 1024,"
                 " \"max_workgroup_count\": [100, 200, 300], \"api_version\": \"1.2\", \"max_buffer_range\": 1048576}",
                 &other));
  const struct vc_caps *caps = vc_gpu_caps(other);
  assert_int_equal(caps->max_shared_bytes, 16384);
  assert_int_equal(caps->type, VC_DEVICE_INTEGRATED);
  assert_false(caps->int64);
  assert_int_equal(caps->buffer_align, 1024);
  assert_int_equal(caps->max_workgroup_count[1], 200);
  assert_int_equal(caps->api_version >> 12 & 0x3ff, 2);
  assert_int_equal(caps->max_buffer_range, 1048576);
  assert_int_equal(caps->max_push_bytes, native->max_push_bytes);
}

static void capabilities_never_widen(void **state) {
  (void)state;
  vc_gpu *other;
  OK(open_masked(
      "{\"max_shared_bytes\": 4e9, \"heap_bytes\": 9e15, \"coop_matrix\": true, \"fp16\": true, \"buffer_align\": 1,"
      " \"api_version\": \"9.9\", \"min_subgroup_size\": 1, \"max_subgroup_size\": 1024}",
      &other));
  assert_memory_equal(vc_gpu_caps(other), vc_gpu_caps(gpu), sizeof(struct vc_caps));
}

static void a_mask_may_stand_in_a_file(void **state) {
  (void)state;
  char path[] = "/tmp/vulcyte-test-XXXXXX", mask[64];
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  static const char text[] = "{\n // a phone\n \"max_workgroup_invocations\": 128 }";
  assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
  close(fd);
  snprintf(mask, sizeof mask, "@%s", path);
  vc_gpu *other;
  vc_status status = open_masked(mask, &other);
  unlink(path);
  OK(status);
  assert_int_equal(vc_gpu_caps(other)->max_workgroup_invocations, 128);
  fails(open_masked(mask, &other), VC_E_INPUT, path);
}

static void wrong_masks_are_refused(void **state) {
  (void)state;
  static const char *const wrong[][2] = {
      {"{\"max_shared_byte\": 1}", "max_shared_byte"},
      {"{\"fp16\": 1}", "true or false"},
      {"{\"max_push_bytes\": -1}", "not negative"},
      {"{\"max_push_bytes\": 1.5}", "whole"},
      {"{\"max_push_bytes\": \"128\"}", "whole"},
      {"{\"max_workgroup_count\": [1, 2]}", "three"},
      {"{\"max_workgroup_count\": [1, 2, null]}", "whole"},
      {"{\"buffer_align\": 48}", "power of two"},
      {"{\"type\": \"toaster\"}", "discrete"},
      {"{\"api_version\": 1.2}", "version"},
      {"{\"subgroup_size\": 7}", "power of two"},
      {"[]", "object"},
      {"{\"min_subgroup_size\": 64, \"max_subgroup_size\": 8}", "min_subgroup_size"},
  };
  for (size_t i = 0; i < VC_COUNT_OF(wrong); i++) {
    vc_gpu *other;
    fails(open_masked(wrong[i][0], &other), VC_E_CONFIG, wrong[i][1]);
  }
  vc_gpu *other;
  fails(open_masked("{\"api_version\": \"1.1\"}", &other), VC_E_NO_DEVICE, "1.2");
}

static void narrowed_limits_are_kept(void **state) {
  (void)state;
  vc_gpu *other;
  vc_kernel *kernel;
  vc_buffer *buffer;
  OK(open_masked("{\"buffer_address\": false, \"max_allocation_bytes\": 65536, \"heap_bytes\": 100000}", &other));
  OK(vc_kernel_get(other, "copy_words", NULL, 0, 0, &kernel));
  fails(vc_kernel_get(other, "copy_words_addr", NULL, 0, 0, &kernel), VC_E_UNSUPPORTED, "buffer addresses");
  fails(vc_buffer_create(arena, other, 65537, VC_MEM_DEVICE, "weights", &buffer), VC_E_NOMEM, "weights: 65537 bytes");
  OK(vc_buffer_create(arena, other, 65536, VC_MEM_DEVICE, "weights", &buffer));
  fails(vc_buffer_create(arena, other, 65536, VC_MEM_DEVICE, "more", &buffer), VC_E_NOMEM, "the device has 100000");
  OK(vc_buffer_create(arena, other, 16384, VC_MEM_DEVICE, "less", &buffer));
  OK(open_masked("{\"max_workgroup_invocations\": 32}", &other));
  fails(vc_kernel_get(other, "copy_words", NULL, 0, 0, &kernel), VC_E_UNSUPPORTED, "64 invocations in a workgroup");
  OK(open_masked("{\"max_push_bytes\": 16}", &other));
  OK(vc_kernel_get(other, "copy_words", NULL, 0, 0, &kernel));
  if (!vc_gpu_caps(gpu)->buffer_address) return;
  fails(vc_kernel_get(other, "copy_words_addr", NULL, 0, 0, &kernel), VC_E_UNSUPPORTED, "20 bytes of push constants");
}

// ---- memory ---------------------------------------------------------------------------------------------------

static void bytes_go_up_and_come_down(void **state) {
  (void)state;
  static const size_t cases[][2] = {
      {0, 1}, {1, 1}, {3, 5}, {7, 4096}, {4099, 17}, {13, 0}, {5, ((size_t)16 << 20) + 11}};
  const size_t n_bytes = ((size_t)16 << 20) + 4096;
  vc_buffer *buffer = make(n_bytes, VC_MEM_DEVICE, "bytes");
  uint8_t *all = noise(n_bytes, 1), *back = noise(n_bytes, 2);
  assert_int_equal(vc_buffer_bytes(buffer), n_bytes);
  assert_null(vc_buffer_host(buffer));
  OK(vc_gpu_upload(gpu, buffer, 0, all, n_bytes));
  for (size_t i = 0; i < VC_COUNT_OF(cases); i++) {
    size_t offset = cases[i][0], n = cases[i][1];
    uint8_t *data = noise(n + 1, 3 + (uint32_t)i);
    OK(vc_gpu_upload(gpu, buffer, offset, data, n));
    memcpy(all + offset, data, n);
    memset(back, 0xee, n + 2);
    OK(vc_gpu_download(gpu, buffer, offset, back + 1, n));
    assert_memory_equal(back + 1, data, n);
    assert_true(back[0] == 0xee && back[n + 1] == 0xee);
  }
  OK(vc_gpu_clear(gpu, buffer, 8, 100));
  memset(all + 8, 0, 100);
  OK(vc_gpu_download(gpu, buffer, 0, back, n_bytes));
  assert_memory_equal(back, all, n_bytes);
}

static void ranges_are_checked(void **state) {
  (void)state;
  vc_buffer *buffer = make(100, VC_MEM_DEVICE, "small");
  uint8_t data[128] = {0};
  fails(vc_gpu_upload(gpu, buffer, 1, data, 100), VC_E_INTERNAL, "the buffer has 100");
  fails(vc_gpu_download(gpu, buffer, 101, data, 0), VC_E_INTERNAL, "the buffer has 100");
  fails(vc_gpu_download(gpu, buffer, UINT64_MAX, data, 2), VC_E_INTERNAL, "the buffer has 100");
  fails(vc_gpu_clear(gpu, buffer, 2, 4), VC_E_INTERNAL, "multiples of 4");
  fails(vc_gpu_clear(gpu, buffer, 0, 104), VC_E_INTERNAL, "the buffer has 100");
  vc_cmd *cmd;
  OK(vc_cmd_create(arena, gpu, &cmd));
  fails(vc_cmd_copy(cmd, buffer, 0, buffer, 50, 51), VC_E_INTERNAL, "outside");
}

static void the_host_sees_mapped_memory(void **state) {
  (void)state;
  vc_buffer *up = make(1001, VC_MEM_UPLOAD, "up"), *down = make(1001, VC_MEM_READBACK, "down");
  const uint8_t *data = noise(1001, 9);
  vc_cmd *cmd;
  uint64_t ticket;
  OK(vc_cmd_create(arena, gpu, &cmd));
  OK(vc_cmd_copy(cmd, up, 1, down, 2, 999));
  OK(vc_cmd_finish(cmd));
  memset(vc_buffer_host(down), 7, 1001);
  OK(vc_buffer_flush(down, 0, 1001));
  for (int round = 0; round < 3; round++) {
    memcpy(vc_buffer_host(up), data + round, 1000);
    OK(vc_buffer_flush(up, 0, 1001));
    OK(vc_gpu_submit(gpu, &cmd, 1, &ticket));
    OK(vc_gpu_wait(gpu, ticket));
    OK(vc_buffer_invalidate(down, 2, 999));
    const uint8_t *host = vc_buffer_host(down);
    assert_memory_equal(host + 2, data + round + 1, 999);
    assert_true(host[0] == 7 && host[1] == 7);
  }
}

static void memory_is_counted(void **state) {
  (void)state;
  uint64_t before, with, after, free_bytes;
  vc_arena *inner;
  vc_buffer *buffer;
  vc_gpu_memory(gpu, &before, &free_bytes);
  OK(vc_arena_create(&inner));
  OK(vc_buffer_create(inner, gpu, 1 << 20, VC_MEM_DEVICE, "counted", &buffer));
  vc_gpu_memory(gpu, &with, &free_bytes);
  vc_arena_destroy(inner);
  vc_gpu_memory(gpu, &after, &free_bytes);
  assert_true(with >= before + (1 << 20));
  assert_int_equal(after, before);
  uint64_t too_much = vc_gpu_caps(gpu)->max_allocation_bytes;
  if (too_much < UINT64_MAX) {
    fails(vc_buffer_create(arena, gpu, too_much + 1, VC_MEM_DEVICE, "huge", &buffer), VC_E_NOMEM, "huge: ");
  }
}

// ---- kernels and command lists --------------------------------------------------------------------------------

static vc_kernel *copy_kernel(bool addressed) {
  vc_kernel *kernel, *again;
  const char *name = addressed ? "copy_words_addr" : "copy_words";
  OK(vc_kernel_get(gpu, name, NULL, 0, 0, &kernel));
  OK(vc_kernel_get(gpu, name, NULL, 0, 0, &again));
  assert_ptr_equal(kernel, again);
  assert_string_equal(vc_kernel_info_of(kernel)->name, name);
  return kernel;
}

static void record_copy(vc_cmd *cmd, vc_kernel *kernel, vc_buffer *src, vc_buffer *dst, uint64_t offset,
                        uint32_t n_words, const uint32_t groups[3]) {
  struct vc_binding bindings[2] = {{src, offset, n_words * 4}, {dst, offset, n_words * 4}};
  vc_copy_words_push push = {n_words};
  OK(vc_cmd_dispatch(cmd, kernel, bindings, 2, &push, sizeof push, groups));
}

// Copies at an offset, leaves all else alone, over one, two and three axes of workgroups.
static void check_copies(bool addressed) {
  static const uint32_t cases[][4] = {{1, 1, 1, 1},     {3, 1, 1, 1},     {4, 1, 1, 1},    {7, 1, 1, 1},
                                      {256, 2, 1, 1},   {255, 1, 1, 1},   {1023, 2, 2, 1}, {4097, 3, 2, 3},
                                      {4097, 1, 1, 17}, {20000, 2, 20, 2}};
  vc_kernel *kernel = copy_kernel(addressed);
  uint64_t offset = vc_gpu_caps(gpu)->buffer_align, n_bytes = offset + 20000 * 4 + 64;
  vc_buffer *src = make(n_bytes, VC_MEM_DEVICE, "src"), *dst = make(n_bytes, VC_MEM_DEVICE, "dst");
  uint8_t *data = noise(n_bytes, 5), *back = noise(n_bytes, 6);
  OK(vc_gpu_upload(gpu, src, 0, data, n_bytes));
  for (size_t i = 0; i < VC_COUNT_OF(cases); i++) {
    vc_cmd *cmd;
    uint64_t ticket, n = cases[i][0] * 4;
    OK(vc_cmd_create(arena, gpu, &cmd));
    vc_cmd_label(cmd, "clear");
    vc_cmd_fill_zero(cmd, dst, 0, n_bytes / 4 * 4);
    vc_cmd_barrier(cmd);
    vc_cmd_label(cmd, "copy");
    record_copy(cmd, kernel, src, dst, offset, cases[i][0], &cases[i][1]);
    OK(vc_cmd_finish(cmd));
    OK(vc_gpu_submit(gpu, &cmd, 1, &ticket));
    OK(vc_gpu_download(gpu, dst, 0, back, n_bytes / 4 * 4));
    assert_memory_equal(back + offset, data + offset, n);
    for (uint64_t k = 0; k < n_bytes / 4 * 4; k++) {
      if (k < offset || k >= offset + n) assert_int_equal(back[k], 0);
    }
  }
}

static void kernels_take_buffers_by_descriptor(void **state) {
  (void)state;
  check_copies(false);
}
static void kernels_take_buffers_by_address(void **state) {
  (void)state;
  if (!vc_gpu_caps(gpu)->buffer_address) skip();
  check_copies(true);
}

// Kernels that are prepared serve vc_kernel_get, each made once; those that cannot be made fail there only.
static void kernels_are_prepared_together(void **state) {
  (void)state;
  enum { N = 12 };
  uint32_t modes[N];
  struct vc_kernel_want wants[N + 3];
  vc_kernel *kernel, *again;
  for (uint32_t i = 0; i < N; i++) {
    modes[i] = i % (N - 2); // the last two are asked for twice
    wants[i] = (struct vc_kernel_want){"pointwise_fwd", &modes[i], 1, 0};
  }
  wants[N] = (struct vc_kernel_want){"no_such_kernel", NULL, 0, 0};
  wants[N + 1] = (struct vc_kernel_want){"copy_words", NULL, 0, 512};
  wants[N + 2] = (struct vc_kernel_want){"copy_words", NULL, 0, 0};
  vc_gpu_prepare(gpu, wants, VC_COUNT_OF(wants));
  for (uint32_t i = 0; i < N; i++) {
    OK(vc_kernel_get(gpu, wants[i].name, wants[i].spec, 1, 0, &kernel));
    OK(vc_kernel_get(gpu, wants[i % (N - 2)].name, wants[i % (N - 2)].spec, 1, 0, &again));
    assert_ptr_equal(kernel, again);
  }
  fails(vc_kernel_get(gpu, "no_such_kernel", NULL, 0, 0, &kernel), VC_E_INTERNAL, "no_such_kernel");
  fails(vc_kernel_get(gpu, "copy_words", NULL, 0, 512, &kernel), VC_E_UNSUPPORTED, "subgroups of 512");
  check_copies(false);
}

static void wrong_dispatches_are_refused(void **state) {
  (void)state;
  vc_kernel *kernel = copy_kernel(false), *other;
  vc_buffer *buffer = make(4096, VC_MEM_DEVICE, "buffer");
  struct vc_binding good[2] = {{buffer, 0, 16}, {buffer, 2048, 16}}, bad[2];
  uint32_t push = 4, groups[3] = {1, 1, 1}, spec[VC_MAX_SPEC + 1] = {0};
  vc_cmd *cmd;
  OK(vc_cmd_create(arena, gpu, &cmd));
  fails(vc_cmd_dispatch(cmd, kernel, good, 1, &push, 4, groups), VC_E_INTERNAL, "1 buffers");
  fails(vc_cmd_dispatch(cmd, kernel, good, 2, &push, 8, groups), VC_E_INTERNAL, "8 parameter bytes");
  memcpy(bad, good, sizeof bad), bad[1].offset = 4;
  fails(vc_cmd_dispatch(cmd, kernel, bad, 2, &push, 4, groups), VC_E_INTERNAL, "binding 1");
  memcpy(bad, good, sizeof bad), bad[0].n_bytes = 4097;
  fails(vc_cmd_dispatch(cmd, kernel, bad, 2, &push, 4, groups), VC_E_INTERNAL, "binding 0");
  memcpy(bad, good, sizeof bad), bad[0].n_bytes = 0;
  fails(vc_cmd_dispatch(cmd, kernel, bad, 2, &push, 4, groups), VC_E_INTERNAL, "binding 0");
  if (vc_gpu_caps(gpu)->max_workgroup_count[1] < UINT32_MAX) {
    groups[1] = vc_gpu_caps(gpu)->max_workgroup_count[1] + 1;
    fails(vc_cmd_dispatch(cmd, kernel, good, 2, &push, 4, groups), VC_E_INTERNAL, "axis 1");
  }
  fails(vc_kernel_get(gpu, "no_such_kernel", NULL, 0, 0, &other), VC_E_INTERNAL, "no_such_kernel");
  fails(vc_kernel_get(gpu, "copy_words", spec, 1, 0, &other), VC_E_INTERNAL, "1 constants");
  fails(vc_kernel_get(gpu, "copy_words", spec, VC_MAX_SPEC + 1, 0, &other), VC_E_INTERNAL, "constants");
  fails(vc_kernel_get(gpu, "copy_words", NULL, 0, 512, &other), VC_E_UNSUPPORTED, "subgroups of 512");
}

static void a_subgroup_size_can_be_required(void **state) {
  (void)state;
  const struct vc_caps *caps = vc_gpu_caps(gpu);
  if (!caps->subgroup_size_control || caps->max_subgroup_size > 64) skip();
  for (uint32_t size = caps->min_subgroup_size; size <= caps->max_subgroup_size; size *= 2) {
    vc_kernel *kernel, *any;
    OK(vc_kernel_get(gpu, "copy_words", NULL, 0, size, &kernel));
    OK(vc_kernel_get(gpu, "copy_words", NULL, 0, 0, &any));
    assert_ptr_not_equal(kernel, any);
    vc_buffer *src = make(256, VC_MEM_DEVICE, "src"), *dst = make(256, VC_MEM_DEVICE, "dst");
    uint8_t *data = noise(256, size), back[256];
    vc_cmd *cmd;
    uint64_t ticket;
    OK(vc_gpu_upload(gpu, src, 0, data, 256));
    OK(vc_cmd_create(arena, gpu, &cmd));
    record_copy(cmd, kernel, src, dst, 0, 64, (const uint32_t[3]){1, 1, 1});
    OK(vc_cmd_finish(cmd));
    OK(vc_gpu_submit(gpu, &cmd, 1, &ticket));
    OK(vc_gpu_download(gpu, dst, 0, back, 256));
    assert_memory_equal(back, data, 256);
  }
}

// Each run of the list moves the words one place on, so a run lost, doubled or overlapping with another shows.
static void lists_replay_while_in_flight(void **state) {
  (void)state;
  enum { WORDS = 3000, RUNS = 60 };
  vc_buffer *a = make(WORDS * 4, VC_MEM_DEVICE, "a"), *b = make(WORDS * 4, VC_MEM_DEVICE, "b");
  vc_kernel *kernel = copy_kernel(false);
  uint32_t data[WORDS], back[WORDS];
  for (uint32_t i = 0; i < WORDS; i++) data[i] = i + 1;
  OK(vc_gpu_upload(gpu, a, 0, data, sizeof data));
  vc_cmd *on, *home;
  OK(vc_cmd_create(arena, gpu, &on));
  OK(vc_cmd_copy(on, a, 0, b, 4, WORDS * 4 - 4)); // b = a moved by one
  OK(vc_cmd_copy(on, a, 0, b, 0, 4));
  OK(vc_cmd_finish(on));
  OK(vc_cmd_create(arena, gpu, &home));
  record_copy(home, kernel, b, a, 0, WORDS, (const uint32_t[3]){12, 1, 1});
  OK(vc_cmd_finish(home));
  uint64_t last = 0, ticket;
  vc_cmd *pair[2] = {on, home};
  for (int run = 0; run < RUNS; run++) {
    if (run % 2) { // both in one batch, or one after the other
      OK(vc_gpu_submit(gpu, pair, 2, &ticket));
    } else {
      OK(vc_gpu_submit(gpu, &on, 1, &ticket));
      assert_true(ticket > last);
      last = ticket;
      OK(vc_gpu_submit(gpu, &home, 1, &ticket));
    }
    assert_true(ticket > last);
    last = ticket;
  }
  OK(vc_gpu_wait(gpu, last));
  assert_true(vc_gpu_done(gpu, last) && vc_gpu_done(gpu, 1));
  OK(vc_gpu_download(gpu, a, 0, back, sizeof back));
  for (uint32_t i = 0; i < WORDS; i++) assert_int_equal(back[i], i < RUNS ? 1 : i + 1 - RUNS);
}

static void things_in_flight_may_be_freed(void **state) {
  (void)state;
  for (int round = 0; round < 5; round++) {
    vc_arena *inner;
    vc_buffer *src, *dst;
    vc_cmd *cmd;
    uint64_t ticket;
    OK(vc_arena_create(&inner));
    OK(vc_buffer_create(inner, gpu, 4 << 20, VC_MEM_DEVICE, "src", &src));
    OK(vc_buffer_create(inner, gpu, 4 << 20, VC_MEM_DEVICE, "dst", &dst));
    OK(vc_cmd_create(inner, gpu, &cmd));
    vc_cmd_fill_zero(cmd, src, 0, 4 << 20);
    vc_cmd_barrier(cmd);
    OK(vc_cmd_copy(cmd, src, 0, dst, 0, 4 << 20));
    OK(vc_cmd_finish(cmd));
    OK(vc_gpu_submit(gpu, &cmd, 1, &ticket));
    vc_arena_destroy(inner);
    assert_true(vc_gpu_done(gpu, ticket));
  }
  vc_cmd *unfinished;
  OK(vc_cmd_create(arena, gpu, &unfinished)); // never ended, never submitted
}

static void many_dispatches_fit_one_list(void **state) {
  (void)state;
  enum { N = 700 };
  uint64_t align = vc_gpu_caps(gpu)->buffer_align;
  vc_kernel *kernel = copy_kernel(false);
  vc_buffer *buffer = make((N + 1) * align, VC_MEM_DEVICE, "chain");
  uint8_t *data = noise(16, 77), back[16];
  vc_cmd *cmd;
  uint64_t ticket;
  OK(vc_gpu_upload(gpu, buffer, 0, data, 16));
  OK(vc_cmd_create(arena, gpu, &cmd));
  for (uint64_t i = 0; i < N; i++) {
    struct vc_binding bindings[2] = {{buffer, i * align, 16}, {buffer, (i + 1) * align, 16}};
    vc_copy_words_push push = {4};
    OK(vc_cmd_dispatch(cmd, kernel, bindings, 2, &push, sizeof push, (const uint32_t[3]){1, 1, 1}));
    vc_cmd_barrier(cmd);
  }
  OK(vc_cmd_finish(cmd));
  OK(vc_gpu_submit(gpu, &cmd, 1, &ticket));
  OK(vc_gpu_download(gpu, buffer, N * align, back, 16));
  assert_memory_equal(back, data, 16);
}

static void marks_tell_time(void **state) {
  (void)state;
  enum { MARKS = 600 };
  vc_buffer *src = make(1 << 16, VC_MEM_DEVICE, "src"), *dst = make(1 << 16, VC_MEM_DEVICE, "dst");
  double ns[MARKS];
  vc_cmd *cmd;
  uint64_t ticket;
  OK(vc_gpu_clear(gpu, src, 0, 1 << 16));
  OK(vc_cmd_create(arena, gpu, &cmd));
  for (int i = 0; i < MARKS; i++) {
    vc_status status = vc_cmd_mark(cmd);
    if (status == VC_E_UNSUPPORTED) skip();
    OK(status);
    OK(vc_cmd_copy(cmd, src, 0, dst, 0, 1 << 16));
    vc_cmd_barrier(cmd);
  }
  OK(vc_cmd_finish(cmd));
  fails(vc_cmd_times(cmd, ns, 2), VC_E_INTERNAL, "never run");
  for (int run = 0; run < 2; run++) {
    double started = vc_time_seconds();
    OK(vc_gpu_submit(gpu, &cmd, 1, &ticket));
    OK(vc_cmd_times(cmd, ns, MARKS));
    double wall_ns = (vc_time_seconds() - started) * 1e9;
    assert_true(ns[0] == 0);
    for (int i = 1; i < MARKS; i++) assert_true(ns[i] >= ns[i - 1]);
    assert_true(ns[MARKS - 1] > 0 && ns[MARKS - 1] < 1.1 * wall_ns + 1e6); // clocks of two kinds
  }
  fails(vc_cmd_times(cmd, ns, MARKS + 1), VC_E_INTERNAL, "601 times");
}

// ---- the pipeline cache ---------------------------------------------------------------------------------------

static void close_and_open(uint8_t **out_file, size_t *out_n, char ***paths) {
  vc_arena *inner;
  vc_gpu *other;
  vc_kernel *kernel;
  size_t n_files;
  OK(vc_arena_create(&inner));
  OK(vc_gpu_open(inner, NULL, &other));
  OK(vc_kernel_get(other, "copy_words", NULL, 0, 0, &kernel));
  vc_arena_destroy(inner);
  OK(vc_path_list(arena, getenv("VULCYTE_CACHE"), paths, &n_files));
  assert_int_equal(n_files, 1);
  OK(vc_file_read(arena, (*paths)[0], 0, out_file, out_n));
}

static void a_damaged_cache_is_made_anew(void **state) {
  (void)state;
  char folder[] = "/tmp/vulcyte-test-XXXXXX", *before = NULL, **paths;
  uint8_t *sound, *file;
  size_t n_sound, n;
  assert_non_null(mkdtemp(folder));
  if (getenv("VULCYTE_CACHE")) OK(vc_arena_strdup(arena, getenv("VULCYTE_CACHE"), &before));
  setenv("VULCYTE_CACHE", folder, 1);
  close_and_open(&sound, &n_sound, &paths);
  assert_true(n_sound >= 24 + 32); // our header and Vulkan's
  const size_t flips[] = {0, 9, 20, 24 + 4, n_sound - 1};
  for (size_t i = 0; i < VC_COUNT_OF(flips); i++) {
    OK(VC_NEW(arena, n_sound, &file));
    memcpy(file, sound, n_sound);
    file[flips[i]] ^= 0x40;
    OK(vc_file_write(paths[0], file, n_sound));
    close_and_open(&file, &n, &paths);
    assert_int_equal(n, n_sound);
    assert_memory_equal(file, sound, 24); // sound again
  }
  OK(vc_file_write(paths[0], sound, 10));
  close_and_open(&file, &n, &paths);
  assert_int_equal(n, n_sound);
  unlink(paths[0]);
  rmdir(folder);
  if (before)
    setenv("VULCYTE_CACHE", before, 1);
  else
    unsetenv("VULCYTE_CACHE");
}

// ---- validation -----------------------------------------------------------------------------------------------

// Proves that the silence demanded elsewhere means something: a barrier left out must be reported.
static void a_missing_barrier_is_reported(void **state) {
  (void)state;
  const char *wanted = getenv("VULCYTE_VALIDATION");
  if (!wanted || strcmp(wanted, "1") != 0 || n_layer_missing) skip();
  vc_gpu *other;
  vc_buffer *a, *b, *c;
  vc_cmd *cmd;
  uint64_t ticket;
  OK(vc_gpu_open(arena, NULL, &other));
  OK(vc_buffer_create(arena, other, 64, VC_MEM_DEVICE, "a", &a));
  OK(vc_buffer_create(arena, other, 64, VC_MEM_DEVICE, "b", &b));
  OK(vc_buffer_create(arena, other, 64, VC_MEM_DEVICE, "c", &c));
  OK(vc_gpu_clear(other, a, 0, 64));
  OK(vc_cmd_create(arena, other, &cmd));
  OK(vc_cmd_copy(cmd, a, 0, b, 0, 64));
  vc_cmd_barrier(cmd);
  OK(vc_cmd_copy(cmd, b, 0, c, 0, 64));
  assert_int_equal(vc_gpu_validation_messages(other), 0);
  vc_log_set_sink(hush, NULL);
  OK(vc_cmd_copy(cmd, c, 0, a, 0, 64)); // reads what the line before may still be writing
  OK(vc_cmd_finish(cmd));
  OK(vc_gpu_submit(other, &cmd, 1, &ticket));
  OK(vc_gpu_wait(other, ticket));
  vc_log_set_sink(show, NULL);
  assert_true(vc_gpu_validation_messages(other) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(devices_are_listed_and_chosen),
      TEST(duplicates_are_removed),
      TEST(a_machine_without_drivers_says_so),
      TEST(capabilities_narrow),
      TEST(capabilities_never_widen),
      TEST(a_mask_may_stand_in_a_file),
      TEST(wrong_masks_are_refused),
      TEST(narrowed_limits_are_kept),
      TEST(bytes_go_up_and_come_down),
      TEST(ranges_are_checked),
      TEST(the_host_sees_mapped_memory),
      TEST(memory_is_counted),
      TEST(kernels_take_buffers_by_descriptor),
      TEST(kernels_take_buffers_by_address),
      TEST(kernels_are_prepared_together),
      TEST(wrong_dispatches_are_refused),
      TEST(a_subgroup_size_can_be_required),
      TEST(lists_replay_while_in_flight),
      TEST(things_in_flight_may_be_freed),
      TEST(many_dispatches_fit_one_list),
      TEST(marks_tell_time),
      TEST(a_damaged_cache_is_made_anew),
      TEST(a_missing_barrier_is_reported),
  };
  return cmocka_run_group_tests(tests, open_device, close_device);
}
