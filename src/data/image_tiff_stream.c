// Files as libtiff reads and writes them: through callbacks, with errors kept instead of printed.
#include "image_tiff_stream.h"

#include <stdio.h>

static tmsize_t on_read(thandle_t handle, void *out, tmsize_t n) {
  struct tiff_stream *s = (struct tiff_stream *)handle;
  if (n <= 0 || s->position >= s->n_bytes) return 0;
  if (!s->file) return 0;
  size_t n_done = image_file_read(s->file, s->position, out, (size_t)VC_MIN((uint64_t)n, s->n_bytes - s->position));
  s->position += n_done;
  return (tmsize_t)n_done;
}

static tmsize_t on_write(thandle_t handle, void *data, tmsize_t n) {
  struct tiff_stream *s = (struct tiff_stream *)handle;
  if (s->file || n <= 0 || s->write_status != VC_OK) return 0;
  s->write_status = vc_file_writer_write_at(s->writer, s->position, data, (size_t)n);
  if (s->write_status != VC_OK) return 0;
  s->position += (uint64_t)n;
  s->n_bytes = VC_MAX(s->n_bytes, s->position);
  return n;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  struct tiff_stream *s = (struct tiff_stream *)handle;
  uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s->position : s->n_bytes;
  s->position = base + offset;
  return s->position;
}

static toff_t on_size(thandle_t handle) {
  return ((struct tiff_stream *)handle)->n_bytes;
}

static int on_close(thandle_t handle) {
  (void)handle;
  return 0;
}

static int on_error(TIFF *tif, void *user, const char *module, const char *fmt, va_list args) {
  struct tiff_stream *s = user;
  (void)tif;
  (void)module;
  if (s->message[0] == '\0' && vsnprintf(s->message, TIFF_MESSAGE_BYTES, fmt, args) < 0) s->message[0] = '\0';
  return 1; // told: no other handler is to print it
}

static int on_warning(TIFF *tif, void *user, const char *module, const char *fmt, va_list args) {
  (void)tif;
  (void)user;
  (void)module;
  (void)fmt;
  (void)args;
  return 1;
}

TIFF *tiff_stream_open(struct tiff_stream *s, const char *path, const char *mode) {
  TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
  if (!options) return NULL;
  TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, s);
  TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, s);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)IMAGE_MAX_BYTES);
  TIFF *tif =
      TIFFClientOpenExt(path, mode, (thandle_t)s, on_read, on_write, on_seek, on_close, on_size, NULL, NULL, options);
  TIFFOpenOptionsFree(options);
  return tif;
}
