// The log of a run, log.jsonl: one JSON object a line, on the disk as soon as it is written.
//
//   vc_json_writer *w = vc_runlog_begin(log, "epoch");
//   vc_json_put_number(w, "epoch", epoch);
//   VC_TRY(vc_runlog_end(log));
#ifndef VC_TRAIN_RUNLOG_H
#define VC_TRAIN_RUNLOG_H

#include "vulcyte/base.h"

typedef struct vc_runlog vc_runlog;

// Opens path for appending; the file is closed with the arena. VC_E_IO while another process has it open so.
// resume_bytes 0: the log starts empty. Else it is cut to that length; a log that is shorter by now is cut behind its
// last whole line, with a warning.
vc_status vc_runlog_open(vc_arena *arena, const char *path, uint64_t resume_bytes, vc_runlog **out);
// Begins a line with its "event" ("step", "epoch", "best", "warning" or "end") and gives the writer for the rest of the
// object, which vc_runlog_end closes. Lines do not nest.
vc_json_writer *vc_runlog_begin(vc_runlog *log, const char *event);
// Appends the line, at once. After a failure nothing of it is left in the file (unless the disk refuses that too).
vc_status vc_runlog_end(vc_runlog *log);
// {"event":"warning","text":...}, which also goes to vc_log.
vc_status vc_runlog_warn(vc_runlog *log, const char *fmt, ...) VC_PRINTF(2, 3);
// The length of the file now: what vc_train_state.log_bytes keeps.
uint64_t vc_runlog_bytes(const vc_runlog *log);

#endif
