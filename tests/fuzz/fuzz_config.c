// Any text is read as a configuration or refused with a message; what is read can be written and read again to the
// same.
#include <string.h>

#include "vulcyte/train.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void check_round_trip(vc_arena *arena, const struct vc_config *config) {
  const char *first, *again;
  struct vc_config back;
  VC_ASSERT(vc_config_text(arena, config, 2, &first) == VC_OK);
  VC_ASSERT(vc_config_parse(arena, "again", "/dir", first, strlen(first), NULL, 0, &back) == VC_OK);
  VC_ASSERT(vc_config_text(arena, &back, 2, &again) == VC_OK);
  VC_ASSERT(strcmp(first, again) == 0);
  VC_ASSERT(config->train.epochs >= 1 && config->train.batch >= 1 && config->model.depth >= 1 &&
            config->model.depth <= 8);
  VC_ASSERT(config->data.n_classes >= 2 && config->data.n_classes <= VC_MAX_CLASSES);
  VC_ASSERT(config->data.labelled_count > 0 ||
            (config->data.labelled_fraction > 0 && config->data.labelled_fraction <= 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  vc_arena *arena;
  struct vc_config config;
  VC_ASSERT(vc_arena_create(&arena) == VC_OK);
  vc_status status = vc_config_parse(arena, "fuzz.json", "/dir", (const char *)data, n_bytes, NULL, 0, &config);
  if (status == VC_OK) {
    check_round_trip(arena, &config);
  } else {
    VC_ASSERT(status == VC_E_CONFIG && strncmp(vc_error_message(), "fuzz.json:", 10) == 0);
  }
  // The same bytes as an override.
  char *text;
  VC_ASSERT(vc_arena_printf(arena, &text, "%.*s", (int)VC_MIN(n_bytes, (size_t)4096), (const char *)data) == VC_OK);
  const char *const set = text;
  status = vc_config_parse(arena, "fuzz.json", "/dir", "{\"data\":{}}", 11, &set, 1, &config);
  if (status == VC_OK)
    check_round_trip(arena, &config);
  else
    VC_ASSERT(status == VC_E_CONFIG);
  vc_arena_destroy(arena);
  return 0;
}
