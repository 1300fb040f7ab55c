// Private to the files that use libtiff.
#ifndef VC_DATA_IMAGE_TIFF_STREAM_H
#define VC_DATA_IMAGE_TIFF_STREAM_H

#include "image.h"

#include <tiffio.h>

#if TIFFLIB_VERSION < 20221213
#error "libtiff 4.5 or newer is needed: older ones report errors through one global handler"
#endif

enum { TIFF_MESSAGE_BYTES = 200 };

// What libtiff's callbacks see: a file to read or one to write, and the first error told.
struct tiff_stream {
  const struct image_file *file; // NULL when writing
  vc_file_writer *writer;
  uint64_t n_bytes, position;
  vc_status write_status; // of the writer, whose message stands
  char message[TIFF_MESSAGE_BYTES];
};

// mode as TIFFOpen's; NULL on failure. TIFFClose leaves the stream's files open.
TIFF *tiff_stream_open(struct tiff_stream *s, const char *path, const char *mode);

#endif
