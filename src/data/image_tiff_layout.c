// Pages, channels and stacks by the descriptions that ImageJ and OME writers leave in the first directory.
#include "image_tiff_layout.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_PLANES = 1 << 24, MAX_VALUE_BYTES = 64 };

// Pages of one plane each, or of n_channels neighbouring ones.
static vc_status plain_layout(vc_arena *arena, uint32_t n_planes, uint32_t n_channels, struct tiff_layout *out) {
  out->n_pages = n_planes / n_channels;
  VC_TRY(VC_NEW(arena, out->n_pages, &out->pages));
  VC_TRY(VC_NEW(arena, n_planes, &out->planes));
  for (uint32_t i = 0; i < n_planes; i++) out->planes[i] = i;
  for (uint32_t i = 0; i < out->n_pages; i++) out->pages[i] = (struct tiff_page){i * n_channels, n_channels};
  return VC_OK;
}

static uint32_t parse_count(const char *text, uint32_t absent) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  if (end == text || *text == '-') return absent;
  return (uint32_t)VC_MIN(value, MAX_PLANES);
}

// ---- ImageJ: lines of key=value, the planes ordered by channel, then slice, then frame ----

static uint32_t imagej_value(const char *description, const char *key) {
  size_t n = strlen(key);
  for (const char *line = description; line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncmp(line, key, n) == 0 && line[n] == '=') return VC_MAX(parse_count(line + n + 1, 1), 1);
  }
  return 1;
}

static vc_status imagej_layout(vc_arena *arena, const char *path, const char *description, uint32_t n_directories,
                               uint64_t n_frames, uint32_t n_samples, struct tiff_layout *out) {
  uint32_t n_images = imagej_value(description, "images"), n_channels = imagej_value(description, "channels");
  uint32_t n_planes = n_directories;
  if (n_directories == 1 && n_images > 1) {
    if (n_images > n_frames) {
      return VC_FAIL(
          VC_E_FORMAT,
          "%s: its ImageJ description tells of %u images, but it holds %llu; cut short? copy or save it again", path,
          n_images, (unsigned long long)n_frames);
    }
    out->is_contiguous = true;
    n_planes = n_images;
  }
  if (n_samples > 1) n_channels = 1; // the channels are the samples of each pixel
  if (n_planes % n_channels != 0) {
    return VC_FAIL(VC_E_FORMAT,
                   "%s: its ImageJ description tells of %u channels, but it holds %u planes; save it again from ImageJ",
                   path, n_channels, n_planes);
  }
  return plain_layout(arena, n_planes, n_channels, out);
}

// ---- OME: XML, of which Pixels, Channel and TiffData elements matter ----

struct xml_tag {
  const char *name; // in the text, without its prefix
  size_t n_name;
  const char *attributes, *end;
};

// The next opening tag after *text, which moves past it. Comments and instructions are stepped over.
static bool xml_next(const char **text, struct xml_tag *out) {
  for (const char *open = *text; (open = strchr(open, '<')) != NULL;) {
    if (strncmp(open, "<!--", 4) == 0) {
      open = strstr(open, "-->");
      if (!open) return false;
      continue;
    }
    const char *end = strchr(open, '>');
    if (!end) return false;
    if (open[1] != '/' && open[1] != '?' && open[1] != '!') {
      const char *name = open + 1;
      size_t n = strcspn(name, " \t\r\n/>"), n_prefix = 0;
      for (size_t i = 0; i < n; i++) {
        if (name[i] == ':') n_prefix = i + 1;
      }
      *out = (struct xml_tag){name + n_prefix, n - n_prefix, name + n, end};
      *text = end + 1;
      return true;
    }
    open = end;
  }
  return false;
}

static bool xml_is(const struct xml_tag *tag, const char *name) {
  return strlen(name) == tag->n_name && strncmp(tag->name, name, tag->n_name) == 0;
}

// Copies an attribute's value, cut to the buffer; false if it is absent.
static bool xml_attribute(const struct xml_tag *tag, const char *key, char out[MAX_VALUE_BYTES]) {
  size_t n_key = strlen(key);
  for (const char *c = tag->attributes; c < tag->end; c++) {
    bool is_start = strchr(" \t\r\n", *c) != NULL;
    if (!is_start || strncmp(c + 1, key, n_key) != 0 || c[1 + n_key] != '=') continue;
    const char *quote = c + 2 + n_key;
    if (*quote != '"' && *quote != '\'') return false;
    const char *close = strchr(quote + 1, *quote);
    if (!close || close > tag->end) return false;
    size_t n = VC_MIN((size_t)(close - quote - 1), (size_t)MAX_VALUE_BYTES - 1);
    memcpy(out, quote + 1, n);
    out[n] = '\0';
    return true;
  }
  return false;
}

static uint32_t xml_count(const struct xml_tag *tag, const char *key, uint32_t absent) {
  char value[MAX_VALUE_BYTES];
  return xml_attribute(tag, key, value) ? parse_count(value, absent) : absent;
}

// One Pixels element: its planes are numbered along DimensionOrder, the first of them fastest.
struct ome_image {
  uint32_t n_channels, n_slices, n_frames; // n_channels: planes, so 1 where the samples of a pixel are the channels
  uint32_t n_colours;                      // channels in a plane
  uint32_t channel_stride, slice_stride, frame_stride;
  uint32_t first; // of ome_file.planes
  bool is_mapped; // by TiffData, else in order
};
struct ome_file {
  uint32_t n_directories, n_planes, n_images;
  uint32_t *planes; // directory of each plane; UINT32_MAX: not known
  struct ome_image *images;
};

static bool begin_image(const struct xml_tag *tag, uint32_t n_samples, struct ome_image *out) {
  char order[MAX_VALUE_BYTES];
  if (!xml_attribute(tag, "DimensionOrder", order) || strlen(order) != 5) memcpy(order, "XYCZT", 6);
  struct ome_image image = {.n_colours = 1};
  image.n_channels = VC_MAX(xml_count(tag, "SizeC", 1), 1);
  image.n_slices = VC_MAX(xml_count(tag, "SizeZ", 1), 1);
  image.n_frames = VC_MAX(xml_count(tag, "SizeT", 1), 1);
  if (n_samples > 1 && image.n_channels % n_samples == 0) {
    image.n_colours = n_samples;
    image.n_channels /= n_samples;
  }
  uint32_t stride = 1;
  for (int i = 2; i < 5; i++) {
    if (order[i] == 'C') {
      image.channel_stride = stride;
      stride *= image.n_channels;
    } else if (order[i] == 'Z') {
      image.slice_stride = stride;
      stride *= image.n_slices;
    } else {
      image.frame_stride = stride;
      stride *= image.n_frames;
    }
  }
  *out = image;
  return image.channel_stride && image.slice_stride && image.frame_stride;
}

static uint64_t plane_count(const struct ome_image *image) {
  uint64_t n = (uint64_t)image->n_channels * image->n_slices; // each factor at most MAX_PLANES = 2^24
  return n > MAX_PLANES ? n : n * image->n_frames;
}

static void map_planes(const struct xml_tag *tag, const struct ome_image *image, struct ome_file *file) {
  char value[MAX_VALUE_BYTES];
  bool is_all = !xml_attribute(tag, "IFD", value) && !xml_attribute(tag, "PlaneCount", value);
  uint64_t n_planes = plane_count(image);
  uint32_t directory = xml_count(tag, "IFD", 0);
  uint64_t first = (uint64_t)(xml_count(tag, "FirstC", 0) / image->n_colours) * image->channel_stride +
                   (uint64_t)xml_count(tag, "FirstZ", 0) * image->slice_stride +
                   (uint64_t)xml_count(tag, "FirstT", 0) * image->frame_stride;
  uint64_t n = is_all ? n_planes : xml_count(tag, "PlaneCount", 1);
  for (uint64_t i = 0; i < n && first + i < n_planes; i++) {
    file->planes[image->first + first + i] = directory + (uint32_t)i;
  }
}

// Fills file from the XML; false where it makes no sense or tells of more planes than directories.
static vc_status read_ome(vc_arena *arena, const char *text, uint32_t n_samples, struct ome_file *file,
                          bool *out_fits) {
  struct xml_tag tag;
  struct ome_image *image = NULL;
  VC_TRY(VC_NEW(arena, file->n_directories, &file->planes));
  VC_TRY(VC_NEW(arena, file->n_directories, &file->images)); // an image has a plane at least
  *out_fits = false;
  while (xml_next(&text, &tag)) {
    if (xml_is(&tag, "Pixels")) {
      struct ome_image next;
      if (file->n_images == file->n_directories || !begin_image(&tag, n_samples, &next)) return VC_OK;
      if (plane_count(&next) > file->n_directories - file->n_planes) return VC_OK;
      next.first = file->n_planes;
      for (uint32_t i = 0; i < plane_count(&next); i++) file->planes[next.first + i] = next.first + i;
      file->n_planes += (uint32_t)plane_count(&next);
      image = &file->images[file->n_images++];
      *image = next;
    } else if (xml_is(&tag, "TiffData") && image) {
      if (!image->is_mapped) {
        for (uint32_t i = 0; i < plane_count(image); i++) file->planes[image->first + i] = UINT32_MAX;
      }
      image->is_mapped = true;
      map_planes(&tag, image, file);
    }
  }
  *out_fits = file->n_planes == file->n_directories;
  return VC_OK;
}

// Each directory belongs to exactly one plane.
static vc_status is_one_to_one(vc_arena *arena, const struct ome_file *file, bool *out) {
  bool *is_used;
  VC_TRY(VC_NEW(arena, file->n_directories, &is_used));
  *out = true;
  for (uint32_t i = 0; i < file->n_planes; i++) {
    uint32_t directory = file->planes[i];
    if (directory >= file->n_directories || is_used[directory]) {
      *out = false;
      return VC_OK;
    }
    is_used[directory] = true;
  }
  return VC_OK;
}

static vc_status ome_pages(vc_arena *arena, const struct ome_file *file, struct tiff_layout *out) {
  uint32_t n_planes = 0;
  VC_TRY(VC_NEW(arena, file->n_planes, &out->pages)); // a page has a plane at least
  VC_TRY(VC_NEW(arena, file->n_planes, &out->planes));
  out->n_pages = 0;
  for (uint32_t i = 0; i < file->n_images; i++) {
    const struct ome_image *image = &file->images[i];
    for (uint32_t t = 0; t < image->n_frames; t++) {
      for (uint32_t z = 0; z < image->n_slices; z++) {
        out->pages[out->n_pages++] = (struct tiff_page){n_planes, image->n_channels};
        uint32_t first = image->first + z * image->slice_stride + t * image->frame_stride;
        for (uint32_t c = 0; c < image->n_channels; c++) {
          out->planes[n_planes++] = file->planes[first + c * image->channel_stride];
        }
      }
    }
  }
  return VC_OK;
}

static bool has_channel_planes(const char *text, uint32_t n_samples) {
  struct xml_tag tag;
  struct ome_image image;
  while (xml_next(&text, &tag)) {
    if (xml_is(&tag, "Pixels") && begin_image(&tag, n_samples, &image) && image.n_channels > 1) return true;
  }
  return false;
}

static vc_status ome_layout(vc_arena *arena, const char *path, const char *description, uint32_t n_directories,
                            uint32_t n_samples, struct tiff_layout *out) {
  struct ome_file file = {.n_directories = n_directories};
  bool fits;
  VC_TRY(read_ome(arena, description, n_samples, &file, &fits));
  if (fits) VC_TRY(is_one_to_one(arena, &file, &fits));
  if (fits) return ome_pages(arena, &file, out);
  if (!has_channel_planes(description, n_samples)) return plain_layout(arena, n_directories, 1, out);
  return VC_FAIL(VC_E_FORMAT,
                 "%s: its OME description does not fit the %u planes in the file (one of a set of several files?), so "
                 "its channels cannot be told; export each image to a file of its own",
                 path, n_directories);
}

vc_status tiff_layout_make(vc_arena *arena, const char *path, const char *description, uint32_t n_directories,
                           uint64_t n_frames, uint32_t n_samples, struct tiff_layout *out) {
  *out = (struct tiff_layout){0};
  if (description && strncmp(description, "ImageJ=", 7) == 0) {
    return imagej_layout(arena, path, description, n_directories, n_frames, n_samples, out);
  }
  bool is_ome = description && (strstr(description, "<OME") != NULL || strstr(description, ":OME") != NULL);
  if (is_ome) return ome_layout(arena, path, description, n_directories, n_samples, out);
  return plain_layout(arena, n_directories, 1, out);
}
