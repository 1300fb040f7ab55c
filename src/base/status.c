// The calling thread's last failure, and what the program returns for it.
#include "vulcyte/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES = 2048 };

static _Thread_local char last_message[MESSAGE_BYTES];

// One line, whatever stood in a file name: control characters become spaces, and a cut never splits a UTF-8 sequence.
static void store_message(const char *text) {
  size_t n = strlen(text);
  if (n == MESSAGE_BYTES - 1) {
    size_t start = n;
    while (start > 0 && n - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xC0) {
      unsigned char lead = (unsigned char)text[start - 1];
      size_t n_want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
      if (n - start + 1 < n_want) n = start - 1;
    }
  }
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)text[i];
    last_message[i] = c < 0x20 || c == 0x7F ? ' ' : (char)c;
  }
  last_message[n] = '\0';
}

const char *vc_error_message(void) {
  return last_message;
}

vc_status vc_fail(vc_status status, const char *fmt, ...) {
  char text[MESSAGE_BYTES]; // the arguments may point into last_message
  va_list args;
  va_start(args, fmt);
  if (vsnprintf(text, sizeof text, fmt, args) < 0) text[0] = '\0';
  va_end(args);
  store_message(text);
  return status;
}

vc_status vc_fail_context(vc_status status, const char *fmt, ...) {
  char text[MESSAGE_BYTES];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  size_t n_used = n < 0 ? 0 : VC_MIN((size_t)n, sizeof text - 1);
  int n_rest = snprintf(text + n_used, sizeof text - n_used, ": %s", last_message);
  if (n_rest < 0) text[n_used] = '\0';
  store_message(text);
  return status;
}

int vc_status_exit_code(vc_status status) {
  switch (status) {
  case VC_OK: return 0;
  case VC_E_USAGE:
  case VC_E_CONFIG:
  case VC_E_INPUT:
  case VC_E_FORMAT:
  case VC_E_SHAPE: return 2;
  case VC_E_NO_DEVICE: return 3;
  case VC_E_INTERRUPTED: return 130;
  case VC_E_IO:
  case VC_E_NOMEM:
  case VC_E_DEVICE_LOST:
  case VC_E_UNSUPPORTED:
  case VC_E_DIVERGED:
  case VC_E_PARTIAL:
  case VC_E_INTERNAL: break;
  }
  return 1;
}

void vc_assert_failed(const char *cond, const char *file, int line) {
  fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, cond);
  abort();
}
