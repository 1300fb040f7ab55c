// Hands lines to the program's sink, one at a time.
#include "vulcyte/base.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static vc_log_sink log_sink;
static void *log_context;

void vc_log_set_sink(vc_log_sink sink, void *context) {
  pthread_mutex_lock(&log_mutex);
  log_sink = sink;
  log_context = context;
  pthread_mutex_unlock(&log_mutex);
}

void vc_log(enum vc_log_level level, const char *fmt, ...) {
  pthread_mutex_lock(&log_mutex);
  if (log_sink) {
    char line[1024];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(line, sizeof line, fmt, args);
    char *longer = n >= (int)sizeof line ? malloc((size_t)n + 1) : NULL; // without memory the line is cut
    if (longer) vsnprintf(longer, (size_t)n + 1, fmt, again);
    if (n >= 0) log_sink(log_context, level, longer ? longer : line);
    free(longer);
    va_end(again);
    va_end(args);
  }
  pthread_mutex_unlock(&log_mutex);
}
