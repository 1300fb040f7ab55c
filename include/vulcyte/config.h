// vulcyte/config.h: the configuration of a training run.
#ifndef VULCYTE_CONFIG_H
#define VULCYTE_CONFIG_H

#include "data.h"
#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vc_precision { VC_PRECISION_AUTO, VC_PRECISION_FP32, VC_PRECISION_MIXED };
enum vc_method { VC_METHOD_SUPERVISED, VC_METHOD_UDA, VC_METHOD_IIC };
enum vc_uda_loss { VC_UDA_KL, VC_UDA_IID };
enum vc_iic_heads { VC_HEADS_JOINT, VC_HEADS_ALTERNATE };
enum vc_optimizer_name { VC_OPTIMIZER_ADAM, VC_OPTIMIZER_RMSPROP };
enum vc_supervised_loss { VC_LOSS_DICE, VC_LOSS_CROSS_ENTROPY, VC_LOSS_DICE_CROSS_ENTROPY };

// The resolved configuration: every key of the JSON has its field here and its row in src/train/config.def (path, type,
// range, default, help). Strings and arrays are owned by the arena it was loaded into.
struct vc_config {
  const char *name;
  uint64_t seed;
  const char *device;
  enum vc_precision precision;
  uint64_t memory; // bytes that training may take on the device; 0: auto
  struct {
    const char *images, *masks,
        *unlabelled;                  // resolved against dir, as all paths here; masks and unlabelled may be NULL
    const char *mask_pattern, *group; // NULL: default
    struct vc_class *classes;
    uint32_t n_classes;
    uint32_t channels;
    uint32_t crop; // 0: whole images (null)
    bool shuffle;
    int mask_channel; // -1 auto, 0..3
    double split[3];
    const char *split_file; // NULL: none
    double labelled_fraction;
    uint32_t labelled_count; // 0: by fraction
    int workers;             // loader threads; -1: the number of processors
    const char *residence;   // "auto" | "device" | "stream"
  } data;
  struct {
    uint32_t base, depth;
    enum vc_padding padding;
    enum vc_norm norm;
    bool edges;
    double dropout;
    const char *init; // "he" or a .safetensors file
  } model;
  enum vc_method method;
  struct {
    enum vc_uda_loss loss;
    double weight;
    double lambda; // of IID, as the next two
    uint32_t displacement;
    bool collapsed;
    double confidence, temperature; // 0 and 1: off
    double ramp;                    // epochs; 0: off
    enum vc_tsa tsa;
  } uda;
  struct {
    uint32_t clusters, aux_clusters; // of the main and of the auxiliary head
    double lambda;
    uint32_t displacement;
    bool collapsed;
    enum vc_iic_heads heads;
    uint32_t aux_epochs;               // at the start, of the auxiliary head alone
    uint32_t restarts, restart_epochs; // short starts to choose from, and their length; 1: none
    bool strong;                       // augment.strong's intensity operations on the second view
    double min_entropy;                // of the marginals, share of the largest possible: below it a head is degenerate
  } iic;
  struct {
    struct vc_weak_desc weak;     // identity when off
    struct vc_strong_desc strong; // num_ops 0 when off
  } augment;
  struct {
    enum vc_supervised_loss name;
    struct vc_dice_desc dice;
  } supervised_loss;
  struct {
    enum vc_optimizer_name name;
    double lr;
    struct vc_schedule schedule;
  } optimizer;
  struct {
    uint32_t epochs, batch, max_steps, validate_every; // max_steps 0: none
  } train;
  const char *dir;      // of the config file, absolute where it was loaded from one
  const char *variants; // kernel choices forced by --variant; not part of the file
};
// Reads path, applies overrides ("a.b=value") and defaults, checks everything. Errors are VC_E_CONFIG with file, line,
// key and, for an unknown key, the nearest right one. Paths inside are resolved against the file's folder.
vc_status vc_config_load(vc_arena *arena, const char *path, const char *const *overrides, uint32_t n_overrides,
                         struct vc_config *out);
// The same from text already in memory (a checkpoint's metadata, a run's config.json).
vc_status vc_config_parse(vc_arena *arena, const char *name, const char *dir, const char *text, size_t n_bytes,
                          const char *const *overrides, uint32_t n_overrides, struct vc_config *out);
vc_status vc_config_text(vc_arena *arena, const struct vc_config *config, int indent,
                         const char **out_text);                    // resolved, as JSON
vc_status vc_config_schema(vc_arena *arena, const char **out_text); // configs/schema.json is this text
void vc_config_unet(const struct vc_config *config, struct vc_unet_desc *out);

#ifdef __cplusplus
}
#endif
#endif
