// The table of configuration keys and the search in it.
#include "config_table.h"

#include <stdio.h>
#include <string.h>

enum { LATER = -1 }; // the value of words that this version does not know

#define WORD_HERE(word_, value_) {.word = word_, .value = (value_), .is_here = true}
#define WORD_LATER(word_)        {.word = word_, .value = LATER}
#define WORDS(name_, ...)        static const struct config_word name_[] = {__VA_ARGS__, {.word = NULL}}
WORDS(words_precision, WORD_HERE("auto", VC_PRECISION_AUTO), WORD_HERE("fp32", VC_PRECISION_FP32),
      WORD_HERE("mixed", VC_PRECISION_MIXED));
WORDS(words_residence, WORD_HERE("auto", 0), WORD_HERE("device", 1), WORD_HERE("stream", 2));
WORDS(words_init, WORD_HERE("he", 0));
WORDS(words_padding, WORD_HERE("same", VC_PAD_SAME), WORD_HERE("valid", VC_PAD_VALID));
WORDS(words_norm, WORD_HERE("none", VC_NORM_NONE), WORD_HERE("batch", VC_NORM_BATCH), WORD_HERE("group", VC_NORM_GROUP),
      WORD_HERE("instance", VC_NORM_INSTANCE));
WORDS(words_method, WORD_HERE("supervised", VC_METHOD_SUPERVISED), WORD_HERE("uda", VC_METHOD_UDA),
      WORD_HERE("iic", VC_METHOD_IIC));
WORDS(words_uda_loss, WORD_HERE("kl", VC_UDA_KL), WORD_HERE("iid", VC_UDA_IID));
WORDS(words_heads, WORD_HERE("joint", VC_HEADS_JOINT), WORD_HERE("alternate", VC_HEADS_ALTERNATE));
WORDS(words_tsa, WORD_HERE("none", VC_TSA_NONE), WORD_HERE("linear", VC_TSA_LINEAR), WORD_HERE("log", VC_TSA_LOG),
      WORD_HERE("exp", VC_TSA_EXP));
WORDS(words_loss, WORD_HERE("dice", VC_LOSS_DICE), WORD_HERE("cross_entropy", VC_LOSS_CROSS_ENTROPY),
      WORD_HERE("dice_cross_entropy", VC_LOSS_DICE_CROSS_ENTROPY));
WORDS(words_denominator, WORD_HERE("squares", VC_DICE_SQUARES), WORD_HERE("sum", VC_DICE_SUM));
WORDS(words_weights, WORD_HERE("uniform", VC_DICE_UNIFORM), WORD_HERE("generalised", VC_DICE_GENERALISED));
WORDS(words_optimizer, WORD_HERE("adam", VC_OPTIMIZER_ADAM), WORD_HERE("rmsprop", VC_OPTIMIZER_RMSPROP));
WORDS(words_schedule, WORD_HERE("constant", VC_SCHEDULE_CONSTANT), WORD_HERE("step", VC_SCHEDULE_STEP),
      WORD_HERE("cosine", VC_SCHEDULE_COSINE));

// The last argument of a row begins with its help; designated initialisers may follow it.
#define FIELD(field_)                        .offset = offsetof(struct vc_config, field_)
#define ROW(path_, kind_, initial_, ...)     {.path = path_, .kind = kind_, .initial = initial_, __VA_ARGS__},
#define TEXT(path_, field_, initial_, ...)   ROW(path_, CONFIG_TEXT, initial_, FIELD(field_), .help = __VA_ARGS__)
#define PATH(path_, field_, initial_, ...)   ROW(path_, CONFIG_PATH, initial_, FIELD(field_), .help = __VA_ARGS__)
#define SEED(path_, field_, initial_, ...)   ROW(path_, CONFIG_SEED, initial_, FIELD(field_), .help = __VA_ARGS__)
#define SWITCH(path_, field_, initial_, ...) ROW(path_, CONFIG_SWITCH, initial_, FIELD(field_), .help = __VA_ARGS__)
#define COUNT(path_, field_, initial_, lo_, hi_, ...) \
  ROW(path_, CONFIG_COUNT, initial_, FIELD(field_), .lo = lo_, .hi = hi_, .help = __VA_ARGS__)
#define NUMBER(path_, field_, initial_, lo_, hi_, ...) \
  ROW(path_, CONFIG_NUMBER, initial_, FIELD(field_), .lo = lo_, .hi = hi_, .help = __VA_ARGS__)
#define WORD(path_, field_, words_, initial_, ...) \
  ROW(path_, CONFIG_WORD, initial_, FIELD(field_), .words = words_, .help = __VA_ARGS__)
#define CODEC(path_, codec_, initial_, ...) ROW(path_, CONFIG_CODEC, initial_, .codec = &(codec_), .help = __VA_ARGS__)
#define FIXED(path_, initial_, ...)         ROW(path_, CONFIG_FIXED, initial_, .help = __VA_ARGS__)
const struct config_row config_rows[] = {
#include "config.def"
};
const uint32_t config_n_rows = (uint32_t)VC_COUNT_OF(config_rows);

const struct config_group config_groups[] = {
    {"data", "The images, their masks, and how they are split.", false},
    {"model", "The network.", false},
    {"uda", "Options of the method \"uda\".", false},
    {"iic", "Options of the method \"iic\".", false},
    {"augment", "Random changes of the training images; false: none.", true},
    {"augment.weak", "Changes of an image together with its mask; false: none.", true},
    {"augment.strong", "Changes of unlabelled images that the network shall not mind; false: none.", true},
    {"supervised_loss", "The loss of labelled images.", false},
    {"optimizer", "How the weights are updated.", false},
    {"optimizer.schedule", "How the learning rate changes.", false},
    {"train", "Length of the training.", false},
};
const uint32_t config_n_groups = (uint32_t)VC_COUNT_OF(config_groups);

static bool is_same(const char *known, const char *path, size_t n_bytes) {
  return strlen(known) == n_bytes && memcmp(known, path, n_bytes) == 0;
}

const struct config_row *config_find_row(const char *path, size_t n_bytes) {
  for (uint32_t i = 0; i < config_n_rows; i++) {
    if (is_same(config_rows[i].path, path, n_bytes)) return &config_rows[i];
  }
  return NULL;
}

const struct config_group *config_find_group(const char *path, size_t n_bytes) {
  for (uint32_t i = 0; i < config_n_groups; i++) {
    if (is_same(config_groups[i].path, path, n_bytes)) return &config_groups[i];
  }
  return NULL;
}

static const char *last_name(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot ? dot + 1 : path;
}

// How far a known path is from the wanted one: keys of the same object are nearer than equal names elsewhere.
static uint32_t path_distance(const char *known, const char *wanted) {
  const char *known_name = last_name(known), *wanted_name = last_name(wanted);
  bool same_object =
      known_name - known == wanted_name - wanted && memcmp(known, wanted, (size_t)(known_name - known)) == 0;
  return 2 * vc_edit_distance(known_name, wanted_name) + (same_object ? 0 : 1);
}

static const char *known_path(uint32_t i) {
  return i < config_n_groups ? config_groups[i].path : config_rows[i - config_n_groups].path;
}

// "known keys: a, b, c" of the object in which path stands, or of the root where there is no such object.
static void list_keys(const char *path, char *out, size_t n_bytes) {
  size_t n_prefix = (size_t)(last_name(path) - path);
  if (n_prefix > 0 && !config_find_group(path, n_prefix - 1)) n_prefix = 0;
  size_t n = (size_t)snprintf(out, n_bytes, "known keys here:");
  const char *separator = " ";
  for (uint32_t i = 0; i < config_n_groups + config_n_rows && n < n_bytes; i++) {
    const char *known = known_path(i);
    if ((size_t)(last_name(known) - known) != n_prefix || memcmp(known, path, n_prefix) != 0) continue;
    n += (size_t)snprintf(out + n, n_bytes - n, "%s%s", separator, last_name(known));
    separator = ", ";
  }
}

void config_suggest(const char *path, char *out, size_t n_bytes) {
  uint32_t best = UINT32_MAX;
  const char *nearest = "";
  for (uint32_t i = 0; i < config_n_groups + config_n_rows; i++) {
    uint32_t distance = path_distance(known_path(i), path);
    if (distance >= best) continue;
    best = distance;
    nearest = known_path(i);
  }
  size_t n_name = VC_MIN(strlen(last_name(path)), strlen(last_name(nearest)));
  if (best <= VC_MAX(n_name, (size_t)2)) // up to half of the letters
    snprintf(out, n_bytes, "did you mean %s?", nearest);
  else
    list_keys(path, out, n_bytes);
}
