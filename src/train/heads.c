// The test of a model with two heads, whose clusters stand for classes.
#include "train/heads.h"

#include <string.h>

#include "train/evaluate.h"
#include "train/matching.h"
#include "train/predict.h"

static const char *const names[VC_N_HEADS] = {[VC_HEAD_MAIN] = "main", [VC_HEAD_AUX] = "aux"};

struct tested {
  uint32_t n_clusters;
  uint8_t class_of[VC_MAX_CLASSES];
  struct vc_metrics metrics;
};

static vc_status score(struct vc_run *run, vc_predictor *p, const struct vc_evaluate_options *options,
                       uint64_t *overlaps, struct tested *out) {
  const struct vc_split *s = &run->split;
  const struct vc_clusters clusters = {
      .n = out->n_clusters, .n_classes = run->config->data.n_classes, .class_of = out->class_of, .overlaps = overlaps};
  return vc_evaluate_samples(p, run->dataset, s->test, s->n_test, options, VC_MAX_OVERLAYS, &clusters, &out->metrics);
}

// Both ways to name one head's clusters: as validation found, and as the test images would have it.
static vc_status test_head(struct vc_run *run, vc_predictor *p, const uint8_t *found, enum vc_head head,
                           const struct vc_evaluate_options *options, struct tested *out, struct tested *out_on_test) {
  uint64_t overlaps[VC_MAX_CLASSES * VC_MAX_CLASSES] = {0}, again[VC_MAX_CLASSES * VC_MAX_CLASSES] = {0};
  VC_TRY(vc_predictor_use_head(p, head));
  vc_predictor_use_clusters(p);
  out->n_clusters = out_on_test->n_clusters = vc_predictor_classes(p);
  memcpy(out->class_of, found, sizeof out->class_of);
  VC_TRY(score(run, p, options, overlaps, out));
  vc_match(vc_match_rule_of(head), overlaps, run->config->data.n_classes, out->n_clusters, out_on_test->class_of);
  if (memcmp(out_on_test->class_of, out->class_of, out->n_clusters) == 0) {
    out_on_test->metrics = out->metrics;
    return VC_OK;
  }
  struct vc_evaluate_options without_overlays = *options;
  without_overlays.out_dir = NULL;
  return score(run, p, &without_overlays, again, out_on_test);
}

static void put_head(vc_json_writer *w, const char *key, const struct tested *t) {
  vc_json_begin_object(w, key);
  vc_json_begin_array(w, "matching");
  for (uint32_t k = 0; k < t->n_clusters; k++) vc_json_put_number(w, NULL, t->class_of[k]);
  vc_json_end_array(w);
  vc_metrics_json_members(w, &t->metrics, NULL, -1);
  vc_json_end_object(w);
}

static void put_unmatched(vc_json_writer *w, enum vc_head chosen, uint32_t epoch) {
  vc_json_put_number(w, "epoch", epoch);
  vc_json_put_number(w, "images", 0);
  vc_json_put_string(w, "head", names[chosen]);
}

vc_status vc_test_heads(struct vc_run *run, vc_predictor *p, const char *key, uint32_t epoch,
                        const struct vc_evaluate_options *options, vc_json_writer *w) {
  const struct vc_heads found = *vc_predictor_heads(p);
  vc_json_begin_object(w, key);
  if (!found.matched[VC_HEAD_MAIN] || !found.matched[VC_HEAD_AUX]) {
    put_unmatched(w, found.chosen, epoch);
    vc_json_end_object(w);
    return VC_OK;
  }
  struct tested tested[VC_N_HEADS], on_test[VC_N_HEADS];
  for (uint32_t h = 0; h < VC_N_HEADS; h++) {
    struct vc_evaluate_options of_head = *options;
    if (h != found.chosen) of_head.out_dir = NULL;
    VC_TRY(test_head(run, p, found.class_of[h], h, &of_head, &tested[h], &on_test[h]));
  }
  const char *class_names[VC_MAX_CLASSES];
  for (uint32_t i = 0; i < run->config->data.n_classes; i++) class_names[i] = run->config->data.classes[i].name;
  vc_metrics_json_members(w, &tested[found.chosen].metrics, class_names, epoch);
  vc_json_put_string(w, "head", names[found.chosen]);
  vc_json_begin_object(w, "heads");
  for (uint32_t h = 0; h < VC_N_HEADS; h++) put_head(w, names[h], &tested[h]);
  vc_json_end_object(w);
  vc_json_begin_object(w, "matched_on_test");
  for (uint32_t h = 0; h < VC_N_HEADS; h++) put_head(w, names[h], &on_test[h]);
  vc_json_end_object(w);
  vc_json_end_object(w);
  return VC_OK;
}
