// The command line: one table of options a command.
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *cli_nearest(const char *name, const char *const *names, uint32_t n) {
  const char *best = NULL;
  uint32_t best_distance = (uint32_t)VC_MAX(strlen(name) / 2, (size_t)1) + 1;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t d = vc_edit_distance(name, names[i]);
    if (d >= best_distance) continue;
    best_distance = d;
    best = names[i];
  }
  return best;
}

static const struct cli_option *find_option(const struct cli_command *command, const char *name, size_t n_bytes) {
  for (const struct cli_option *o = command->options; o->name; o++) {
    if (strlen(o->name) == n_bytes && memcmp(o->name, name, n_bytes) == 0) return o;
  }
  return NULL;
}

static vc_status fail_unknown(const struct cli_command *command, const char *word) {
  const char *names[CLI_MAX_OPTIONS + 1] = {"help"};
  uint32_t n = 1;
  char bare[64];
  snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "="), word);
  for (const struct cli_option *o = command->options; o->name; o++) names[n++] = o->name;
  const char *nearest = cli_nearest(bare + strspn(bare, "-"), names, n);
  if (nearest) return VC_FAIL(VC_E_USAGE, "%s: unknown option %s; did you mean --%s?", command->name, bare, nearest);
  return VC_FAIL(VC_E_USAGE, "%s: unknown option %s; see vulcyte %s --help", command->name, bare, command->name);
}

static vc_status parse_option(const struct cli_command *command, int n, const char *const *words, int *inout_at,
                              struct cli_args *out) {
  const char *word = words[*inout_at], *name = word + 2, *equals = strchr(name, '=');
  size_t n_name = equals ? (size_t)(equals - name) : strlen(name);
  const struct cli_option *option = word[1] == '-' ? find_option(command, name, n_name) : NULL;
  if (!option) return fail_unknown(command, word);
  const char *value = equals ? equals + 1 : NULL;
  if (!option->value && value) return VC_FAIL(VC_E_USAGE, "%s: --%s takes no value", command->name, option->name);
  if (option->value && !value) {
    if (*inout_at + 1 >= n) {
      return VC_FAIL(VC_E_USAGE, "%s: --%s needs a value: --%s %s", command->name, option->name, option->name,
                     option->value);
    }
    value = words[++*inout_at];
  }
  if (option->value && *value == '\0') {
    return VC_FAIL(VC_E_USAGE, "%s: the value of --%s is empty", command->name, option->name);
  }
  out->given[out->n_given] = option;
  out->values[out->n_given++] = value;
  return VC_OK;
}

static vc_status check(const struct cli_args *args) {
  const struct cli_command *c = args->command;
  for (uint32_t i = 0; i < args->n_given; i++) {
    for (uint32_t k = 0; k < i; k++) {
      if (args->given[i] != args->given[k] || args->given[i]->repeats || !args->given[i]->value) continue;
      return VC_FAIL(VC_E_USAGE, "%s: --%s is given twice; give it once", c->name, args->given[i]->name);
    }
  }
  for (uint32_t i = 0; i < args->n_arguments; i++) {
    if (*args->arguments[i]) continue;
    return VC_FAIL(VC_E_USAGE, "%s: an argument is empty; usage: vulcyte %s %s [OPTIONS]", c->name, c->name,
                   c->arguments);
  }
  if (args->n_arguments < c->min_arguments) {
    return VC_FAIL(VC_E_USAGE, "%s: %s is missing; usage: vulcyte %s %s [OPTIONS]", c->name, c->arguments, c->name,
                   c->arguments);
  }
  if (args->n_arguments > c->max_arguments) {
    return VC_FAIL(VC_E_USAGE, "%s: unexpected argument \"%.200s\"; usage: vulcyte %s %s%s[OPTIONS]", c->name,
                   args->arguments[c->max_arguments], c->name, c->arguments, *c->arguments ? " " : "");
  }
  return VC_OK;
}

vc_status cli_parse(vc_arena *arena, const struct cli_command *command, int n, const char *const *words,
                    struct cli_args *out) {
  struct cli_args args = {.command = command};
  VC_TRY(VC_NEW(arena, (size_t)n + 1, &args.arguments));
  VC_TRY(VC_NEW(arena, (size_t)n + 1, &args.given));
  VC_TRY(VC_NEW(arena, (size_t)n + 1, &args.values));
  bool only_arguments = false;
  for (int i = 0; i < n; i++) {
    const char *word = words[i];
    if (only_arguments || word[0] != '-' || word[1] == '\0') {
      args.arguments[args.n_arguments++] = word;
    } else if (strcmp(word, "--") == 0) {
      only_arguments = true;
    } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
      args.wants_help = true;
    } else {
      VC_TRY(parse_option(command, n, words, &i, &args));
    }
  }
  if (!args.wants_help) VC_TRY(check(&args));
  *out = args;
  return VC_OK;
}

// The position of the last occurrence, -1 if the option was not given. Asking for an option that the table lacks is a
// mistake in the command.
static int find_given(const struct cli_args *args, const char *name) {
  VC_ASSERT(find_option(args->command, name, strlen(name)));
  for (uint32_t i = args->n_given; i > 0; i--) {
    if (strcmp(args->given[i - 1]->name, name) == 0) return (int)i - 1;
  }
  return -1;
}

bool cli_has(const struct cli_args *args, const char *name) {
  return find_given(args, name) >= 0;
}

const char *cli_value(const struct cli_args *args, const char *name) {
  int i = find_given(args, name);
  return i < 0 ? NULL : args->values[i];
}

vc_status cli_values(vc_arena *arena, const struct cli_args *args, const char *name, const char ***out,
                     uint32_t *out_n) {
  const char **values;
  uint32_t n = 0;
  VC_TRY(VC_NEW(arena, args->n_given + 1u, &values));
  for (uint32_t i = 0; i < args->n_given; i++) {
    if (strcmp(args->given[i]->name, name) == 0) values[n++] = args->values[i];
  }
  *out = values;
  *out_n = n;
  return VC_OK;
}

vc_status cli_whole(const struct cli_args *args, const char *name, uint64_t lo, uint64_t hi, uint64_t *out) {
  const char *text = cli_value(args, name);
  if (!text) return VC_OK;
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < lo || value > hi) {
    return VC_FAIL(VC_E_USAGE, "%s: --%s %.100s: give a whole number from %llu to %llu", args->command->name, name,
                   text, (unsigned long long)lo, (unsigned long long)hi);
  }
  *out = value;
  return VC_OK;
}

vc_status cli_required(const struct cli_args *args, const char *name, const char **out) {
  const char *value = cli_value(args, name);
  if (!value) {
    const struct cli_option *o = find_option(args->command, name, strlen(name));
    return VC_FAIL(VC_E_USAGE, "%s: --%s is missing; give --%s %s", args->command->name, name, name, o->value);
  }
  *out = value;
  return VC_OK;
}

void cli_print_help(const struct cli_command *command) {
  printf("Usage: vulcyte %s%s%s [OPTIONS]\n\n%s\n\nOptions:\n", command->name, *command->arguments ? " " : "",
         command->arguments, command->summary);
  for (const struct cli_option *o = command->options; o->name; o++) {
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    printf("  %-24s %s%s\n", left, o->help, o->repeats ? " (may be repeated)" : "");
  }
  printf("  %-24s %s\n", "--help", "Show this text");
  if (command->notes) printf("\n%s\n", command->notes);
}

vc_status cli_variants(vc_arena *arena, const struct cli_args *args, const char **out) {
  const char **values;
  uint32_t n;
  char *list = NULL;
  VC_TRY(cli_values(arena, args, "variant", &values, &n));
  for (uint32_t i = 0; i < n; i++) {
    const char *equals = strchr(values[i], '=');
    if (!equals || equals == values[i] || equals[1] == '\0') {
      return VC_FAIL(VC_E_USAGE, "%s: --variant %.100s: write it as JOB=NAME, like conv2d_fwd=naive",
                     args->command->name, values[i]);
    }
    VC_TRY(vc_arena_printf(arena, &list, "%s%s%s", list ? list : "", list ? "," : "", values[i]));
  }
  VC_TRY(cli_check_variants(args->command->name, values, n));
  *out = list;
  return VC_OK;
}

// The validation IoU that a checkpoint's metadata tell, -1 where they tell none.
static double validation_iou(vc_arena *arena, const char *path) {
  struct vc_safetensors s;
  vc_json *metrics;
  if (vc_safetensors_read(arena, path, &s) != VC_OK) return -1;
  const char *text = vc_safetensors_metadata(&s, "metrics");
  if (!text || vc_json_parse(arena, path, text, strlen(text), &metrics) != VC_OK) return -1;
  const vc_json *iou = vc_json_get(metrics, "val_mean_iou");
  return iou && vc_json_type_of(iou) == VC_JSON_NUMBER ? vc_json_number(iou) : -1;
}

vc_status cli_model_path(vc_arena *arena, const char *argument, char **out) {
  if (!vc_path_is_dir(argument)) return vc_arena_strdup(arena, argument, out);
  char *paths[2];
  double iou[2] = {-2, -2};
  VC_TRY(vc_path_join(arena, argument, "checkpoints/best-final.safetensors", &paths[0]));
  VC_TRY(vc_path_join(arena, argument, "checkpoints/best-supervised.safetensors", &paths[1]));
  for (int i = 0; i < 2; i++) {
    vc_arena *scratch;
    VC_TRY(vc_arena_create(&scratch));
    if (vc_path_exists(paths[i])) iou[i] = validation_iou(scratch, paths[i]);
    vc_arena_destroy(scratch);
  }
  if (VC_MAX(iou[0], iou[1]) == -2) {
    return VC_FAIL(VC_E_INPUT,
                   "%s: a folder without checkpoints/best-final.safetensors; name a model file, or the folder "
                   "of a run that has come that far",
                   argument);
  }
  *out = iou[1] > iou[0] ? paths[1] : paths[0];
  return VC_OK;
}

vc_status cli_use_head(const struct cli_args *args, vc_predictor *predictor) {
  const char *head = cli_value(args, "head");
  if (!head) return VC_OK;
  if (strcmp(head, "main") == 0) return vc_predictor_use_head(predictor, VC_HEAD_MAIN);
  if (strcmp(head, "aux") == 0) return vc_predictor_use_head(predictor, VC_HEAD_AUX);
  return VC_FAIL(VC_E_USAGE, "--head %.60s: no such head; use main or aux", head);
}

vc_status cli_check_model(const char *path) {
  struct vc_model_info info;
  vc_arena *arena;
  vc_model *model;
  float *block;
  VC_TRY(vc_arena_create(&arena));
  vc_status status = vc_checkpoint_read(arena, path, &info, &model, &block);
  vc_arena_destroy(arena);
  return status;
}
