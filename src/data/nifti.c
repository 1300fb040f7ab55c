// The header of NIfTI-1 and NIfTI-2 files. A parser of our own, as each field has to be checked before it is used: the
// files come from many programs, and a wrong one must end in a message, not in a crash or in other voxels.
#include "nifti.h"

#include <math.h>
#include <string.h>

// Where the fields stand, and how wide they are.
struct layout {
  uint32_t dim, dim_bytes, datatype, bitpix, pixdim, real_bytes, offset, slope, intercept, units, qform, sform,
      code_bytes, quaternion, q_offset, s_rows;
};
static const struct layout layouts[2] = {
    {.dim = 40,
     .dim_bytes = 2,
     .datatype = 70,
     .bitpix = 72,
     .pixdim = 76,
     .real_bytes = 4,
     .offset = 108,
     .slope = 112,
     .intercept = 116,
     .units = 123,
     .qform = 252,
     .sform = 254,
     .code_bytes = 2,
     .quaternion = 256,
     .q_offset = 268,
     .s_rows = 280},
    {.dim = 16,
     .dim_bytes = 8,
     .datatype = 12,
     .bitpix = 14,
     .pixdim = 104,
     .real_bytes = 8,
     .offset = 168,
     .slope = 176,
     .intercept = 184,
     .units = 500,
     .qform = 344,
     .sform = 348,
     .code_bytes = 4,
     .quaternion = 352,
     .q_offset = 376,
     .s_rows = 400},
};
enum { MAGIC_1_AT = 344, MAGIC_2_AT = 4 };

struct fields {
  const char *path;
  const uint8_t *bytes;
  bool is_swapped;
  const struct layout *at;
};

// ---- bytes ----

static bool is_big_endian_host(void) {
  const uint16_t one = 1;
  uint8_t first;
  memcpy(&first, &one, 1);
  return first == 0;
}

static void copy_field(const struct fields *f, uint32_t at, uint32_t n, void *out) {
  uint8_t *to = out;
  for (uint32_t i = 0; i < n; i++) to[i] = f->bytes[at + (f->is_swapped ? n - 1 - i : i)];
}

static int64_t integer(const struct fields *f, uint32_t at, uint32_t n) {
  int16_t i2;
  int32_t i4;
  int64_t i8;
  switch (n) {
  case 1: return f->bytes[at];
  case 2: copy_field(f, at, 2, &i2); return i2;
  case 4: copy_field(f, at, 4, &i4); return i4;
  default: copy_field(f, at, 8, &i8); return i8;
  }
}

static double real(const struct fields *f, uint32_t at, uint32_t i) {
  float f4;
  double f8;
  if (f->at->real_bytes == 4) {
    copy_field(f, at + 4 * i, 4, &f4);
    return (double)f4;
  }
  copy_field(f, at + 8 * i, 8, &f8);
  return f8;
}

// ---- checks ----

static uint32_t header_bytes(const uint8_t first[4], bool *out_swapped) {
  uint32_t little = (uint32_t)first[0] | (uint32_t)first[1] << 8 | (uint32_t)first[2] << 16 | (uint32_t)first[3] << 24;
  uint32_t big = (uint32_t)first[3] | (uint32_t)first[2] << 8 | (uint32_t)first[1] << 16 | (uint32_t)first[0] << 24;
  bool is_little = little == NIFTI_1_BYTES || little == NIFTI_2_BYTES;
  bool is_big = big == NIFTI_1_BYTES || big == NIFTI_2_BYTES;
  *out_swapped = is_big != is_big_endian_host();
  return is_little ? little : is_big ? big : 0;
}

uint32_t nifti_header_bytes(const uint8_t first[4]) {
  bool is_swapped;
  return header_bytes(first, &is_swapped);
}

static vc_status check_magic(const char *path, const uint8_t *bytes, uint32_t n_bytes) {
  bool is_second = n_bytes == NIFTI_2_BYTES;
  const uint8_t *magic = bytes + (is_second ? MAGIC_2_AT : MAGIC_1_AT);
  if (memcmp(magic, is_second ? "n+2" : "n+1", 4) == 0) return VC_OK;
  if (memcmp(magic, is_second ? "ni2" : "ni1", 4) == 0) {
    return VC_FAIL(VC_E_FORMAT, "%s: the header of a pair of files (.hdr and .img); convert it to one .nii.gz file",
                   path);
  }
  return VC_FAIL(VC_E_FORMAT, "%s: no NIfTI file (perhaps of the older Analyze format); convert it to .nii.gz", path);
}

static vc_status parse_size(const struct fields *f, struct nifti_header *out) {
  int64_t dim[8], n_dims = integer(f, f->at->dim, f->at->dim_bytes);
  if (n_dims < 1 || n_dims > 7) {
    return VC_FAIL(VC_E_FORMAT, "%s: the header tells of %lld dimensions; 1 to 7 are possible: the file is damaged",
                   f->path, (long long)n_dims);
  }
  for (uint32_t i = 1; i <= n_dims; i++) {
    dim[i] = integer(f, f->at->dim + i * f->at->dim_bytes, f->at->dim_bytes);
    if (dim[i] >= 1 && dim[i] <= IMAGE_MAX_SIDE) continue;
    return VC_FAIL(VC_E_FORMAT, "%s: %lld voxels along dimension %u; 1 to %d can be read", f->path, (long long)dim[i],
                   i, IMAGE_MAX_SIDE);
  }
  for (uint32_t i = 4; i <= n_dims; i++) {
    if (dim[i] == 1) continue;
    return VC_FAIL(VC_E_FORMAT,
                   "%s: %u dimensions (dimension %u has %lld entries); extract one three-dimensional volume", f->path,
                   (unsigned)n_dims, i, (long long)dim[i]);
  }
  if (n_dims < 3) {
    return VC_FAIL(VC_E_FORMAT, "%s: %u dimensions; a volume has three", f->path, (unsigned)n_dims);
  }
  for (uint32_t i = 0; i < 3; i++) out->size[i] = (uint32_t)dim[i + 1];
  if ((uint64_t)out->size[0] * out->size[1] > IMAGE_MAX_BYTES / 8) {
    return VC_FAIL(VC_E_FORMAT, "%s: planes of %u x %u voxels are larger than can be read", f->path, out->size[0],
                   out->size[1]);
  }
  return VC_OK;
}

static vc_status parse_type(const struct fields *f, struct nifti_header *out) {
  static const struct {
    int code;
    uint32_t bits;
    enum raster_kind kind;
  } types[] = {{2, 8, RASTER_UINT},    {4, 16, RASTER_INT},    {8, 32, RASTER_INT},    {16, 32, RASTER_FLOAT},
               {64, 64, RASTER_FLOAT}, {256, 8, RASTER_INT},   {512, 16, RASTER_UINT}, {768, 32, RASTER_UINT},
               {1024, 64, RASTER_INT}, {1280, 64, RASTER_UINT}};
  static const struct {
    int code;
    const char *name;
  } others[] = {{1, "single bits"},        {32, "complex numbers"},   {128, "RGB colours"},  {1536, "128-bit floats"},
                {1792, "complex numbers"}, {2048, "complex numbers"}, {2304, "RGBA colours"}};
  int64_t code = integer(f, f->at->datatype, 2), bits = integer(f, f->at->bitpix, 2);
  for (size_t i = 0; i < VC_COUNT_OF(types); i++) {
    if (types[i].code != code) continue;
    if (types[i].bits != bits) {
      return VC_FAIL(VC_E_FORMAT, "%s: voxels of NIfTI type %lld have %u bits, the header says %lld: it is damaged",
                     f->path, (long long)code, types[i].bits, (long long)bits);
    }
    out->kind = types[i].kind;
    out->bits = types[i].bits;
    return VC_OK;
  }
  const char *name = "an unknown type";
  for (size_t i = 0; i < VC_COUNT_OF(others); i++) name = others[i].code == code ? others[i].name : name;
  return VC_FAIL(VC_E_FORMAT,
                 "%s: voxels of NIfTI type %lld (%s); convert them to integers, or floats of 32 or 64 bits", f->path,
                 (long long)code, name);
}

static vc_status parse_offset(const struct fields *f, uint32_t n_bytes, struct nifti_header *out) {
  double offset = f->at->real_bytes == 4 ? real(f, f->at->offset, 0) : (double)integer(f, f->at->offset, 8);
  const uint32_t least = n_bytes + 4; // four bytes say whether extensions follow
  if (offset == 0) offset = least;    // some programs leave it out
  if (!(offset >= n_bytes && offset <= (double)((uint64_t)1 << 40) && offset == floor(offset))) {
    return VC_FAIL(VC_E_FORMAT, "%s: the header says that the voxels begin at byte %g; that cannot be: it is damaged",
                   f->path, offset);
  }
  out->data_offset = (uint64_t)offset;
  return VC_OK;
}

static vc_status parse_scaling(const struct fields *f, struct nifti_header *out) {
  out->slope = real(f, f->at->slope, 0);
  out->intercept = real(f, f->at->intercept, 0);
  if (!isfinite(out->slope) || out->slope == 0) return VC_OK; // by the standard a slope of 0 means none
  if (!isfinite(out->intercept)) {
    return VC_FAIL(VC_E_FORMAT, "%s: scl_inter is not a finite number; the header is damaged", f->path);
  }
  out->is_scaled = out->slope != 1 || out->intercept != 0;
  return VC_OK;
}

// ---- where the voxels lie ----

static void from_rows(const struct fields *f, double out[12]) {
  for (uint32_t i = 0; i < 12; i++) out[i] = real(f, f->at->s_rows, i);
}

static void from_quaternion(const struct fields *f, const double spacing[3], double out[12]) {
  double b = real(f, f->at->quaternion, 0), c = real(f, f->at->quaternion, 1), d = real(f, f->at->quaternion, 2);
  double rest = 1 - (b * b + c * c + d * d), a = rest > 0 ? sqrt(rest) : 0;
  double length = sqrt(a * a + b * b + c * c + d * d); // over 1 only by rounding, or where the header is odd
  a /= length, b /= length, c /= length, d /= length;
  const double rotation[9] = {
      a * a + b * b - c * c - d * d, 2 * (b * c - a * d),           2 * (b * d + a * c),
      2 * (b * c + a * d),           a * a + c * c - b * b - d * d, 2 * (c * d - a * b),
      2 * (b * d - a * c),           2 * (c * d + a * b),           a * a + d * d - c * c - b * b};
  double handedness = real(f, f->at->pixdim, 0) < 0 ? -1 : 1;
  for (uint32_t i = 0; i < 3; i++) {
    for (uint32_t j = 0; j < 3; j++) out[4 * i + j] = rotation[3 * i + j] * spacing[j] * (j == 2 ? handedness : 1);
    out[4 * i + 3] = real(f, f->at->q_offset, i);
  }
}

static double millimetres(const struct fields *f) {
  switch (integer(f, f->at->units, f->at->code_bytes == 2 ? 1 : 4) & 7) {
  case 1: return 1000;
  case 3: return 0.001;
  default: return 1; // millimetres, or not said
  }
}

static vc_status parse_space(const struct fields *f, struct nifti_header *out) {
  double *m = out->to_world, spacing[3], unit = millimetres(f), longest = 1;
  for (uint32_t i = 0; i < 3; i++) {
    spacing[i] = fabs(real(f, f->at->pixdim, i + 1));
    if (spacing[i] == 0) spacing[i] = 1;
  }
  if (integer(f, f->at->sform, f->at->code_bytes) > 0) {
    from_rows(f, m);
  } else if (integer(f, f->at->qform, f->at->code_bytes) > 0) {
    from_quaternion(f, spacing, m);
  } else {
    for (uint32_t i = 0; i < 3; i++) m[5 * i] = spacing[i];
  }
  bool is_sound = true;
  for (uint32_t i = 0; i < 12; i++) is_sound = is_sound && fabs(m[i] *= unit) < 1e12; // false for NaN, too
  for (uint32_t j = 0; j < 3; j++) longest *= sqrt(m[j] * m[j] + m[4 + j] * m[4 + j] + m[8 + j] * m[8 + j]);
  double determinant =
      m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) + m[2] * (m[4] * m[9] - m[5] * m[8]);
  if (is_sound && longest > 1e-30 && fabs(determinant) > 1e-6 * longest) return VC_OK;
  return VC_FAIL(VC_E_FORMAT,
                 "%s: the map from voxels to millimetres (sform, qform or pixdim) is degenerate; repair the header",
                 f->path);
}

vc_status nifti_parse(const char *path, const uint8_t *bytes, struct nifti_header *out) {
  struct fields f = {.path = path, .bytes = bytes};
  uint32_t n_bytes = header_bytes(bytes, &f.is_swapped);
  VC_ASSERT(n_bytes > 0);
  f.at = &layouts[n_bytes == NIFTI_2_BYTES];
  struct nifti_header header = {.is_swapped = f.is_swapped};
  VC_TRY(check_magic(path, bytes, n_bytes));
  VC_TRY(parse_size(&f, &header));
  VC_TRY(parse_type(&f, &header));
  VC_TRY(parse_offset(&f, n_bytes, &header));
  VC_TRY(parse_scaling(&f, &header));
  VC_TRY(parse_space(&f, &header));
  *out = header;
  return VC_OK;
}

// ---- writing ----

static void put(uint8_t *header, uint32_t at, const void *value, size_t n) {
  memcpy(header + at, value, n);
}

vc_status nifti_make(const char *path, const struct vc_volume_info *info, uint8_t out[NIFTI_FILE_BYTES]) {
  static const int16_t codes[] = {[VC_PIXEL_U8] = 2, [VC_PIXEL_U16] = 512, [VC_PIXEL_F32] = 16};
  const struct layout *at = &layouts[0];
  const int32_t n_bytes = NIFTI_1_BYTES;
  const int16_t bits = (int16_t)(8 * vc_pixel_bytes(info->format)), aligned = 2;
  const float offset = NIFTI_FILE_BYTES, slope = 1;
  const uint8_t units = 2; // millimetres
  int16_t dim[8] = {3, 1, 1, 1, 1, 1, 1, 1};
  float pixdim[8] = {1, 1, 1, 1, 1, 1, 1, 1}, rows[12];
  for (uint32_t i = 0; i < 3; i++) {
    if (info->size[i] == 0 || info->size[i] > INT16_MAX) {
      return VC_FAIL(VC_E_INPUT, "%s: %u voxels along an axis; a NIfTI-1 file holds 1 to %d", path, info->size[i],
                     INT16_MAX);
    }
    const double *m = info->to_world;
    dim[i + 1] = (int16_t)info->size[i];
    pixdim[i + 1] = (float)sqrt(m[i] * m[i] + m[4 + i] * m[4 + i] + m[8 + i] * m[8 + i]);
  }
  for (uint32_t i = 0; i < 12; i++) rows[i] = (float)info->to_world[i];
  memset(out, 0, NIFTI_FILE_BYTES);
  put(out, 0, &n_bytes, sizeof n_bytes);
  put(out, at->dim, dim, sizeof dim);
  put(out, at->datatype, &codes[info->format], sizeof codes[0]);
  put(out, at->bitpix, &bits, sizeof bits);
  put(out, at->pixdim, pixdim, sizeof pixdim);
  put(out, at->offset, &offset, sizeof offset);
  put(out, at->slope, &slope, sizeof slope);
  put(out, at->units, &units, sizeof units);
  put(out, at->sform, &aligned, sizeof aligned);
  put(out, at->s_rows, rows, sizeof rows);
  put(out, MAGIC_1_AT, "n+1", 4);
  return VC_OK;
}
