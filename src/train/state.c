// last.state: what an interrupted run needs to go on with the same bits. docs/formats.md has the layout.
#include "vulcyte/train.h"

#include "config_table.h"
#include "train/checksum.h"

#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "states are read and written as they stand in memory: a little-endian processor is needed"
#endif

static const char magic[8] = "VCSTATE";
enum { STATE_VERSION = 4, MAX_CONFIG_BYTES = 16 << 20 };

// The file begins with this, then the configuration's text, padded with zeros to a multiple of 8, then the blocks, then
// the checksum of all that.
struct header {
  char magic[8];
  uint32_t version, header_bytes;
  uint64_t config_bytes, n_block, step;
  uint32_t epoch, step_in_epoch;
  double best_supervised, best_final;
  uint32_t best_supervised_epoch, best_final_epoch;
  double best_start_loss;
  uint32_t start, best_start;
  double sums[8];
  uint64_t log_bytes;
  float loss_scale[4];
};
_Static_assert(sizeof(struct header) == 176, "the header has no padding");

// ---- writing --------------------------------------------------------------------------------------------------------

// Appends a part; its checksum starts from that of the parts before.
static vc_status put(vc_file_writer *file, uint64_t *checksum, const void *data, uint64_t n_bytes) {
  *checksum = checksum_bytes(data, n_bytes, *checksum);
  return vc_file_writer_append(file, data, (size_t)n_bytes);
}

static vc_status write_parts(vc_file_writer *file, const struct vc_train_state *state, const char *config_text,
                             vc_fetch_block_fn fetch, void *context) {
  static const char zeros[8] = {0};
  uint64_t checksum = 0, n_config = strlen(config_text);
  struct header h = {.version = STATE_VERSION,
                     .header_bytes = sizeof h,
                     .config_bytes = n_config,
                     .n_block = state->n_block,
                     .step = state->step,
                     .epoch = state->epoch,
                     .step_in_epoch = state->step_in_epoch,
                     .best_supervised = state->best_supervised,
                     .best_final = state->best_final,
                     .best_supervised_epoch = state->best_supervised_epoch,
                     .best_final_epoch = state->best_final_epoch,
                     .best_start_loss = state->best_start_loss,
                     .start = state->start,
                     .best_start = state->best_start,
                     .log_bytes = state->log_bytes};
  memcpy(h.magic, magic, sizeof magic);
  memcpy(h.sums, state->sums, sizeof h.sums);
  memcpy(h.loss_scale, state->loss_scale, sizeof h.loss_scale);
  VC_TRY(put(file, &checksum, &h, sizeof h));
  VC_TRY(put(file, &checksum, config_text, n_config));
  VC_TRY(put(file, &checksum, zeros, vc_round_up(n_config, 8) - n_config));
  for (uint32_t b = 0; b < VC_N_STATE_BLOCKS; b++) {
    for (uint64_t first = 0; first < state->n_block; first += VC_STATE_PART) {
      const uint64_t n = VC_MIN(VC_STATE_PART, state->n_block - first);
      const float *part;
      VC_TRY(fetch(context, b, first, n, &part));
      VC_TRY(put(file, &checksum, part, 4 * n));
    }
  }
  return vc_file_writer_append(file, &checksum, sizeof checksum);
}

vc_status vc_train_state_write(const char *path, const struct vc_train_state *state, const char *config_text,
                               vc_fetch_block_fn fetch, void *context) {
  vc_file_writer *file;
  VC_TRY(vc_file_writer_open(path, &file));
  vc_status status = write_parts(file, state, config_text, fetch, context);
  if (status == VC_OK) return vc_file_writer_commit(file);
  vc_file_writer_discard(file);
  return status;
}

// ---- reading --------------------------------------------------------------------------------------------------------

static vc_status fail_damaged(const char *path) {
  return VC_FAIL(VC_E_FORMAT,
                 "%s: the file is damaged; start the run anew in another folder, or from last.safetensors "
                 "with model.init",
                 path);
}

// Checks everything of the file but its configuration.
static vc_status check_file(const char *path, const uint8_t *file, size_t n_file, struct header *h) {
  if (n_file < sizeof *h + 8 || memcmp(file, magic, sizeof magic) != 0) return fail_damaged(path);
  memcpy(h, file, sizeof *h);
  if (h->version != STATE_VERSION || h->header_bytes != sizeof *h) {
    return VC_FAIL(VC_E_FORMAT,
                   "%s: version %u of the format; this program reads version %d: use the one that wrote it", path,
                   h->version, STATE_VERSION);
  }
  uint64_t n_rest = n_file - sizeof *h - 8;
  if (h->config_bytes > MAX_CONFIG_BYTES || h->config_bytes > n_rest || h->n_block > n_rest / 12)
    return fail_damaged(path);
  uint64_t n_config = vc_round_up(h->config_bytes, 8);
  if (n_config + 12 * h->n_block != n_rest) return fail_damaged(path);
  const uint8_t *p = file;
  const uint64_t sizes[] = {sizeof *h, h->config_bytes, n_config - h->config_bytes};
  uint64_t checksum = 0;
  for (size_t i = 0; i < VC_COUNT_OF(sizes); i++) {
    checksum = checksum_bytes(p, sizes[i], checksum);
    p += sizes[i];
  }
  for (uint32_t b = 0; b < VC_N_STATE_BLOCKS; b++) {
    for (uint64_t first = 0; first < h->n_block; first += VC_STATE_PART) {
      const uint64_t n = VC_MIN(VC_STATE_PART, h->n_block - first);
      checksum = checksum_bytes(p, 4 * n, checksum);
      p += 4 * n;
    }
  }
  return memcmp(p, &checksum, sizeof checksum) == 0 ? VC_OK : fail_damaged(path);
}

vc_status vc_train_state_read(vc_arena *arena, const char *path, const char *config_text, struct vc_train_state *out) {
  uint8_t *file;
  size_t n_file;
  struct header h;
  char *saved;
  VC_TRY(vc_file_read(arena, path, 0, &file, &n_file));
  VC_TRY(check_file(path, file, n_file, &h));
  VC_TRY(vc_arena_printf(arena, &saved, "%.*s", (int)h.config_bytes, (const char *)file + sizeof h));
  VC_TRY(config_check_resumable(path, saved, config_text));
  void *behind_text = file + sizeof h + vc_round_up(h.config_bytes, 8);
  float *blocks = behind_text;
  struct vc_train_state state = {.step = h.step,
                                 .epoch = h.epoch,
                                 .step_in_epoch = h.step_in_epoch,
                                 .n_block = h.n_block,
                                 .best_supervised = h.best_supervised,
                                 .best_final = h.best_final,
                                 .best_supervised_epoch = h.best_supervised_epoch,
                                 .best_final_epoch = h.best_final_epoch,
                                 .best_start_loss = h.best_start_loss,
                                 .start = h.start,
                                 .best_start = h.best_start,
                                 .log_bytes = h.log_bytes};
  memcpy(state.sums, h.sums, sizeof state.sums);
  memcpy(state.loss_scale, h.loss_scale, sizeof state.loss_scale);
  for (uint32_t b = 0; b < VC_N_STATE_BLOCKS; b++) state.blocks[b] = blocks + b * h.n_block;
  *out = state;
  return VC_OK;
}
