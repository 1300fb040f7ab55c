// last.state: round trip, every single damaged byte, another configuration.
#include <math.h>

#include "scratch.h"
#include "vulcyte/train.h"

static const char config[] = "{\"data\": {}, \"train\": {\"epochs\": 5}}";
enum { N = 37 };
static float params[N], moment1[N], moment2[N];

static struct vc_train_state make_state(void) {
  struct vc_train_state s = {.step = 123456789012345u,
                             .epoch = 7,
                             .step_in_epoch = 3,
                             .n_block = N,
                             .blocks = {params, moment1, moment2},
                             .best_supervised = 0.25,
                             .best_final = INFINITY,
                             .best_supervised_epoch = 6,
                             .best_final_epoch = 0,
                             .loss_scale = {1024, 7, 2, 2048},
                             .best_start_loss = -0.5,
                             .start = 3,
                             .best_start = 2,
                             .log_bytes = 987654321};
  for (int i = 0; i < N; i++) {
    params[i] = (float)i / 3;
    moment1[i] = -(float)i;
    moment2[i] = 1e-30f * (float)i;
  }
  for (int i = 0; i < 8; i++) s.sums[i] = 0.1 * i;
  return s;
}

static vc_status fetch(void *context, enum vc_state_block block, uint64_t first, uint64_t n, const float **out) {
  (void)n;
  *out = ((const struct vc_train_state *)context)->blocks[block] + first;
  return VC_OK;
}

static void a_state_reads_back(void **state) {
  struct vc_train_state s = make_state(), back;
  ASSERT_OK(vc_train_state_write("last.state", &s, config, fetch, &s));
  ASSERT_OK(vc_train_state_read(*state, "last.state", config, &back));
  assert_true(back.step == s.step && back.epoch == 7 && back.step_in_epoch == 3 && back.n_block == N);
  assert_true(back.best_supervised == 0.25 && isinf(back.best_final) && back.best_supervised_epoch == 6);
  assert_true(back.best_start_loss == -0.5 && back.start == 3 && back.best_start == 2);
  assert_true(back.log_bytes == s.log_bytes);
  assert_memory_equal(back.sums, s.sums, sizeof s.sums);
  assert_memory_equal(back.loss_scale, s.loss_scale, sizeof s.loss_scale);
  assert_memory_equal(back.blocks[0], params, sizeof params);
  assert_memory_equal(back.blocks[1], moment1, sizeof moment1);
  assert_memory_equal(back.blocks[2], moment2, sizeof moment2);
  struct vc_train_state again = back;
  uint8_t *first, *second;
  size_t n_first, n_second;
  ASSERT_OK(vc_train_state_write("again.state", &again, config, fetch, &again));
  ASSERT_OK(vc_file_read(*state, "last.state", 0, &first, &n_first));
  ASSERT_OK(vc_file_read(*state, "again.state", 0, &second, &n_second));
  assert_int_equal(n_first, n_second);
  assert_memory_equal(first, second, n_first);
}

static void every_damaged_byte_is_seen(void **state) {
  struct vc_train_state s = make_state(), back;
  uint8_t *file;
  size_t n;
  ASSERT_OK(vc_train_state_write("last.state", &s, config, fetch, &s));
  ASSERT_OK(vc_file_read(*state, "last.state", 0, &file, &n));
  for (size_t i = 0; i < n; i++) {
    file[i] ^= 0x10;
    FILE *f = fopen("bad.state", "wb"); // vc_file_write would flush each to the disk
    assert_true(f && fwrite(file, 1, n, f) == n && fclose(f) == 0);
    ASSERT_FAILS(vc_train_state_read(*state, "bad.state", config, &back), VC_E_FORMAT, "bad.state: ");
    file[i] ^= 0x10;
  }
  for (size_t cut = 0; cut < n; cut += 7) {
    FILE *f = fopen("cut.state", "wb");
    assert_true(f && fwrite(file, 1, cut, f) == cut && fclose(f) == 0);
    ASSERT_FAILS(vc_train_state_read(*state, "cut.state", config, &back), VC_E_FORMAT, "cut.state: ");
  }
}

static void another_configuration_is_named(void **state) {
  struct vc_train_state s = make_state(), back;
  ASSERT_OK(vc_train_state_write("last.state", &s, config, fetch, &s));
  ASSERT_OK(vc_train_state_read(*state, "last.state", "{\"data\": {}, \"train\": {\"epochs\": 9}}", &back));
  ASSERT_FAILS(
      vc_train_state_read(*state, "last.state", "{\"data\": {}, \"train\": {\"epochs\": 5, \"batch\": 2}}", &back),
      VC_E_CONFIG, "last.state: train.batch: the run began with");
  ASSERT_FAILS(vc_train_state_read(*state, "none.state", config, &back), VC_E_INPUT, "none.state");
}

// The checksum is XXH64: the file of an empty block ends with a value worked out by the reference implementation's
// rules, so that a change of the function cannot pass unseen.
static void the_checksum_does_not_change(void **state) {
  struct vc_train_state s = {.blocks = {params, moment1, moment2}};
  uint8_t *file;
  size_t n;
  uint64_t checksum;
  ASSERT_OK(vc_train_state_write("empty.state", &s, "", fetch, &s));
  ASSERT_OK(vc_file_read(*state, "empty.state", 0, &file, &n));
  assert_int_equal(n, 176 + 8);
  memcpy(&checksum, file + 176, 8);
  assert_true(checksum == 0xde39e6ad3d7ea41bu);
}

int main(void) {
  const struct CMUnitTest tests[] = {SCRATCH_TEST(a_state_reads_back), SCRATCH_TEST(every_damaged_byte_is_seen),
                                     SCRATCH_TEST(another_configuration_is_named),
                                     SCRATCH_TEST(the_checksum_does_not_change)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
