// What the study reports: mean test IoU of its pipelines P1 to P4.
#include "vulcyte/sweep.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

struct study_row {
  const char *set;
  double labelled, iou[4];
};
static const struct study_row study[] = {
    {"PhC", 0.10, {0.9410, 0.9380, 0.8841, 0.9252}},         {"PhC", 0.25, {0.9295, 0.9416, 0.9303, 0.8635}},
    {"PhC", 0.50, {0.9358, 0.9192, 0.9436, 0.9418}},         {"FluoGFP", 0.10, {0.8777, 0.8788, 0.8727, 0.8364}},
    {"FluoGFP", 0.25, {0.9189, 0.8525, 0.9308, 0.8482}},     {"FluoGFP", 0.50, {0.9281, 0.8844, 0.9150, 0.9083}},
    {"BigBrain", 0.10, {0.6504, 0.6616, 0.6733, 0.6137}},    {"BigBrain", 0.25, {0.6991, 0.6591, 0.6895, 0.6643}},
    {"BigBrain", 0.50, {0.6805, 0.6887, 0.6927, 0.6862}},    {"FluoHoechst", 0.10, {0.9273, 0.9273, 0.9516, 0.9350}},
    {"FluoHoechst", 0.25, {0.9427, 0.9043, 0.9340, 0.9340}}, {"FluoHoechst", 0.50, {0.9377, 0.8930, 0.9343, 0.8114}},
};

// Main and auxiliary head of IIC.
static const struct {
  const char *set;
  double iou[2];
} study_iic[] = {{"PhC", {0.2409, 0.3475}}, {"FluoGFP", {0.2133, 0.6983}}, {"FluoHoechst", {0.4631, 0.7110}}};

// Names under which the public sets go, in small letters and digits only.
static const struct {
  const char *name, *set;
} names[] = {
    {"phc", "PhC"},           {"fluogfp", "FluoGFP"},     {"fluon2dhgowt1", "FluoGFP"},
    {"bigbrain", "BigBrain"}, {"bbbc039", "FluoHoechst"}, {"fluohoechst", "FluoHoechst"},
};

// Its name in the study; NULL where it is none of the study's sets.
static const char *study_set(const char *set) {
  char plain[32];
  size_t n = 0;
  for (const char *at = set; *at; at++) {
    if (!isalnum((unsigned char)*at)) continue;
    if (n == sizeof plain - 1) return NULL;
    plain[n++] = (char)tolower((unsigned char)*at);
  }
  plain[n] = '\0';
  for (size_t i = 0; i < VC_COUNT_OF(names); i++) {
    if (strcmp(names[i].name, plain) == 0) return names[i].set;
  }
  return NULL;
}

const double *vc_sweep_study(const char *set, double labelled, const char **out_name) {
  const char *name = study_set(set);
  for (size_t k = 0; name && k < VC_COUNT_OF(study); k++) {
    if (strcmp(study[k].set, name) != 0 || fabs(study[k].labelled - labelled) > 1e-9) continue;
    *out_name = name;
    return study[k].iou;
  }
  return NULL;
}

const double *vc_sweep_study_iic(const char *set, const char **out_name) {
  const char *name = study_set(set);
  for (size_t k = 0; name && k < VC_COUNT_OF(study_iic); k++) {
    if (strcmp(study_iic[k].set, name) != 0) continue;
    *out_name = name;
    return study_iic[k].iou;
  }
  return NULL;
}
