// vulcyte/sweep.h: a grid of trainings as one piece of work: its runs, their states, the tables of their scores.
#ifndef VULCYTE_SWEEP_H
#define VULCYTE_SWEEP_H

#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vc_sweep_state { VC_SWEEP_OPEN, VC_SWEEP_BEGUN, VC_SWEEP_DONE, VC_SWEEP_FAILED };

// One training: a folder of its own, named by those values of the grid that make a difference to it.
struct vc_sweep_run {
  const char *name, *dir;     // dir: OUT/NAME
  const char *set, *labelled; // "bbbc039"; "25 %", "2 images"
  const char *settings;       // further values of the grid: "base 8, weight 0.1"; "" if none
  struct vc_config config;
  enum vc_sweep_state state;
  const char *message;                                                   // why it failed
  double mean_iou[2], image_mean_iou[2], foreground_iou[2], accuracy[2]; // test; best-supervised, best-final; NaN: none
  double head_iou[2]; // test mean IoU of best-final's main and auxiliary head; NaN: the method has none
  double otsu;        // mean IoU of Otsu's threshold on the same test images; NaN: not known
};

// The columns of the table. P1 to P4 are the pipelines of the study: KL or IID loss, best-supervised or best-final
// state. Otsu: every test image cut at a threshold of its own, without training; each seed's split counts once. The
// last two are the heads of IIC, with a table of their own.
enum vc_sweep_column {
  VC_SWEEP_SUPERVISED,
  VC_SWEEP_P1,
  VC_SWEEP_P2,
  VC_SWEEP_P3,
  VC_SWEEP_P4,
  VC_SWEEP_OTSU,
  VC_SWEEP_IIC_MAIN,
  VC_SWEEP_IIC_AUX,
  VC_SWEEP_COLUMNS
};

struct vc_sweep_row {
  const char *set, *labelled, *settings;
  const double *study;     // the study's P1 to P4 on that set and ratio; NULL: none
  const double *study_iic; // its main and auxiliary head on that set; NULL: none
  const char *study_set;   // its name there
};

struct vc_sweep {
  vc_arena *arena;
  const char *out_dir;
  struct vc_sweep_run *runs;
  uint32_t n_runs;
  struct vc_sweep_row *rows;
  uint32_t n_rows;
  struct vc_sweep_member {
    uint32_t row, run;
  } *members; // which runs a row is made of; a run may stand in several rows
  uint32_t n_members;
  uint32_t n_combinations, n_left_out; // left out: uda where every training image is labelled
};

// Reads GRID.json and spans its runs. Combinations that train the same are one run. Mistakes are VC_E_CONFIG with file,
// line and key. overrides: as vc_config_load's, for every run. The sweep is owned by the arena.
vc_status vc_sweep_load(vc_arena *arena, const char *path, const char *const *overrides, uint32_t n_overrides,
                        const char *out_dir, struct vc_sweep *out);
// Reads what the folders hold: sets the states and scores. VC_E_CONFIG where a run was made with other settings.
vc_status vc_sweep_look(struct vc_sweep *sweep);
// Makes the run's folder and writes config.json, from which it can be trained with resume.
vc_status vc_sweep_run_begin(struct vc_sweep *sweep, uint32_t run);
// Takes in how a run ended: its scores, or, where status is a failure, the message.
vc_status vc_sweep_run_end(struct vc_sweep *sweep, uint32_t run, vc_status status, const char *message);
// results.json, results.csv and results.md of what is known so far; the same scores give the same bytes.
vc_status vc_sweep_write(const struct vc_sweep *sweep);
// The page about the sweep, from the results that vc_sweep_write wrote and the folders of the finished runs.
vc_status vc_sweep_write_report(const struct vc_sweep *sweep, const char *path);

// Mean and standard deviation (of a sample; NaN for fewer than two) of a cell's test IoU; *out_n: of how many runs.
void vc_sweep_cell(const struct vc_sweep *sweep, uint32_t row, enum vc_sweep_column column, double *out_mean,
                   double *out_sd, uint32_t *out_n);
// What the study of Horlava et al. reports for that set (by its name there or the public set's) and share of labels: P1
// to P4.
const double *vc_sweep_study(const char *set, double labelled, const char **out_name);
const double *vc_sweep_study_iic(const char *set, const char **out_name); // main and auxiliary head

#ifdef __cplusplus
}
#endif
#endif
