// Private to the JSON files: a strict walk over the text before the parser sees it.
#ifndef VC_BASE_JSON_SCAN_H
#define VC_BASE_JSON_SCAN_H

#include "vulcyte/base.h"

enum { JSON_MAX_DEPTH = 64 };

// What the parser does not keep about a value. Marks stand in the order in which values begin in the text.
struct json_mark {
  int line;
  double number; // of numbers, else 0
};

// Checks text (n_bytes, then a zero byte) against RFC 8259 plus comments, and leaves in it what the parser shall read:
// comments become spaces, numbers become 0 (their values are in the marks). Marks are allocated in arena.
vc_status json_scan(vc_arena *arena, const char *name, char *text, size_t n_bytes, struct json_mark **out_marks);

#endif
