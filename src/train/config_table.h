// The table of configuration keys, from config.def, and what the config files share.
#ifndef VC_TRAIN_CONFIG_TABLE_H
#define VC_TRAIN_CONFIG_TABLE_H

#include "vulcyte/train.h"

// What a reader of values knows when it fails.
struct config_reader {
  vc_arena *arena;
  const char *name; // of the file, for messages
  const vc_json *root;
  struct vc_config *config;
};

struct config_row;

// How a key that is no plain number, text or word is read, written and described.
struct config_codec {
  vc_status (*read)(const struct config_reader *r, const struct config_row *row, const vc_json *value);
  void (*write)(vc_json_writer *w, const char *key, const struct vc_config *config);
  const char *schema; // members of the key's JSON schema, as the text of an object
};

// One word of a choice. A word without `is_here` belongs to the product but not to this version.
struct config_word {
  const char *word;
  int value;
  bool is_here;
};

enum config_kind {
  CONFIG_TEXT,   // const char *; null where the initial value is null
  CONFIG_PATH,   // the same, a file or folder, resolved against the folder of the file; or one of `words`, where there
                 // are some
  CONFIG_COUNT,  // uint32_t; null stands for 0 where `nullable`
  CONFIG_SEED,   // uint64_t up to 2^53
  CONFIG_NUMBER, // double
  CONFIG_SWITCH, // bool
  CONFIG_WORD,   // int-sized enum
  CONFIG_CODEC,
  CONFIG_FIXED, // no field: known to the product, in this version only with its initial value
};

struct config_row {
  const char *path;
  size_t offset;                   // of the field in struct vc_config
  const char *initial;             // the default, as JSON
  const char *initial_iic;         // the default where the method is "iic"; NULL: the same
  double lo, hi;                   // allowed range, both ends included
  const struct config_word *words; // of CONFIG_WORD, and of a CONFIG_TEXT of few values; ends with a NULL word
  const struct config_codec *codec;
  const char *off; // its value, as JSON, when its group is `false`
  const char *help;
  enum config_kind kind;
  bool nullable;
  bool takes_number; // a text that may be written as a number (a device's index)
  bool free;         // may change when a run is resumed: it has no part in what a run computes
  bool host;         // says where and how a run is computed, not what: left out of checkpoints, so that they stay equal
};

extern const struct config_row config_rows[];
extern const uint32_t config_n_rows;

// An inner object of the configuration.
struct config_group {
  const char *path, *help;
  bool can_be_off; // `false` is allowed
};
extern const struct config_group config_groups[];
extern const uint32_t config_n_groups;

const struct config_row *config_find_row(const char *path, size_t n_bytes);     // NULL if there is none
const struct config_group *config_find_group(const char *path, size_t n_bytes); // the same
// Words for the hint after an unknown key: the nearest known key, or the keys of its object where none is near.
void config_suggest(const char *path, char *out, size_t n_bytes);

// VC_E_CONFIG "FILE:LINE: PATH: MESSAGE" or, for a value from an override, "--set PATH: MESSAGE".
vc_status config_fail(const struct config_reader *r, const vc_json *value, const char *path, const char *fmt, ...)
    VC_PRINTF(4, 5);
const char *config_type_name(const vc_json *value); // "a number", "an object", ... for messages
// A number within the row's range, whole if asked.
vc_status config_read_number(const struct config_reader *r, const struct config_row *row, const vc_json *value,
                             double lo, double hi, bool whole, double *out);
// The resolved text for a checkpoint: without the rows of the host.
vc_status config_checkpoint_text(vc_arena *arena, const struct vc_config *config, const char **out_text);
const char *config_op_name(enum vc_augment_op op); // "rotate", as augment.strong.ops has it; not of VC_AUG_NONE
void config_write_row(vc_json_writer *w, const struct config_row *row, const struct vc_config *config);

// Compares two resolved configurations in the keys that decide what a run computes. VC_E_CONFIG naming the first that
// differs; name stands in the message.
vc_status config_check_resumable(const char *name, const char *old_text, const char *new_text);

extern const struct config_codec config_classes, config_labelled, config_mask_channel, config_split, config_workers,
    config_scale, config_ops, config_memory;

#endif
