// vulcyte/data.h: images, masks, data sets, splits, the order of samples and the draws of augmentation. Sees no device.
#ifndef VULCYTE_DATA_H
#define VULCYTE_DATA_H

#include "base.h"
#include "terms.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- images -----------------------------------------------------------------------------------------------------

// Pixels channels-last, rows top to bottom. 32-bit integers and doubles of files arrive as F32.
struct vc_image {
  uint32_t width, height, channels; // channels: colour and other samples; alpha has been dropped
  enum vc_pixel_format format;
  void *pixels; // owned by the arena it was read into
};
// Element i of the pixels, channels interleaved.
double vc_image_value(const struct vc_image *image, size_t i);
struct vc_image_info {
  uint32_t width, height, channels, pages;
  enum vc_pixel_format format;
};
// PNG (1..16 bit, grey, grey-alpha, RGB, RGBA, palette) and TIFF (8/16/32-bit integers, 16/32/64-bit floats, strips or
// tiles, contiguous or separate planes, none/LZW/deflate/PackBits, multi-page, ImageJ, OME, BigTIFF), told apart by
// content. Errors name the file and page. Sides over 2^20, more pixels than fit 2^31 bytes a page, and NaN or infinite
// pixels are refused.
vc_status vc_image_info_read(const char *path, struct vc_image_info *out);
// n_channels 0: as stored; 1: colour becomes luma (ITU-R 601: 0.299 R + 0.587 G + 0.114 B, rounded for integers); 3:
// grey is repeated; any other mismatch is VC_E_INPUT.
vc_status vc_image_read(vc_arena *arena, const char *path, uint32_t page, uint32_t n_channels, struct vc_image *out);
// The label of each pixel of a mask. Grey and palette images: their value (palette: the index). Colour, channel -1
// ("auto"): R where G = B = 0 everywhere in the image, else R*65536 + G*256 + B; alpha is not looked at. channel 0..3:
// that channel's value.
vc_status vc_mask_read(vc_arena *arena, const char *path, uint32_t page, int channel, uint32_t *out_width,
                       uint32_t *out_height, uint32_t **out_labels);
vc_status vc_png_write(const char *path, const struct vc_image *image,
                       const uint8_t *palette_rgb); // palette: 256*3 or NULL; U8/U16; 1..4 channels (2, 4: with alpha)
// The file in memory, owned by the arena. U8; 1 or 3 channels.
vc_status vc_png_encode(vc_arena *arena, const struct vc_image *image, uint8_t **out_data, size_t *out_n_bytes);
vc_status vc_tiff_write(const char *path, const struct vc_image *image); // deflate; any format

// ---- volumes ----------------------------------------------------------------------------------------------------

// A three-dimensional grid of a NIfTI-1 or NIfTI-2 file (.nii, .nii.gz, told apart by content).
struct vc_volume_info {
  uint32_t size[3];            // voxels along x (fastest in the file), y and z
  enum vc_pixel_format format; // of intensities: U8 and U16 where the file has such voxels unscaled, else F32
  uint32_t label_bytes;        // 1, 2 or 4: of a label
  double to_world[12];         // rows of the 3 x 4 map from voxel indices (centres at whole numbers) to millimetres
};
typedef struct vc_volume vc_volume;
// Reads the header. All integer types and floats of 32 and 64 bits, both byte orders; sform before qform before voxel
// sizes for to_world. Pairs of files (.hdr, .img), more than three dimensions longer than 1, complex and colour voxels
// are VC_E_FORMAT. The file stays open until the arena goes.
vc_status vc_volume_open(vc_arena *arena, const char *path, vc_volume **out);
const struct vc_volume_info *vc_volume_info_of(const vc_volume *v);
// Planes z = first .. first + n - 1 as intensities (scl_slope and scl_inter applied) in info.format. Planes are best
// read in ascending order: a compressed file is unpacked from its start where an earlier one is wanted. NaN and
// infinite voxels are refused.
vc_status vc_volume_read(vc_volume *v, uint32_t first, uint32_t n, void *out_voxels);
// The same as labels, unsigned integers of info.label_bytes; negative, fractional and too large values are refused.
vc_status vc_volume_read_labels(vc_volume *v, uint32_t first, uint32_t n, void *out_labels);
// NIfTI-1, compressed where the path ends in .gz. voxels: info->format, x fastest; label_bytes is not looked at.
vc_status vc_volume_write(const char *path, const struct vc_volume_info *info, const void *voxels);

// A plane through a volume: pixel (x, y) of a W x H section lies at centre + (x - (W-1)/2) u + (y - (H-1)/2) v, in
// millimetres.
struct vc_section {
  double centre[3], u[3], v[3];
};
// The volume is turned about its centre by a uniformly random rotation (a unit quaternion as Shoemake 1992 draws it),
// then cut by a plane of constant z, uniformly placed within the turned volume's extent; spacing: millimetres between
// pixels.
struct vc_section vc_section_draw(const struct vc_volume_info *volume, double spacing, uint64_t seed, uint32_t number);
// The voxel position of the section's centre, and its change by one pixel along u and v: a, b, c of vc_slice_volume.
void vc_section_sampler(const struct vc_section *section, const struct vc_volume_info *volume, float out[9]);

// ---- data sets --------------------------------------------------------------------------------------------------

enum { VC_MAX_CLASSES = 64 };
// Which labels of a mask belong to an output class. rest: every label that no other class names.
struct vc_class {
  const char *name;
  const uint32_t *values;
  uint32_t n_values;
  bool rest;
};
struct vc_dataset_desc {
  const char *images, *masks; // folders or globs; masks NULL: nothing is labelled
  const char *unlabelled;     // a further folder or glob without masks, or NULL
  const char *mask_pattern;   // the mask's stem, with {stem} for the image's; NULL: "{stem}"
  const struct vc_class *classes;
  uint32_t n_classes;
  uint32_t channels; // wanted
  int mask_channel;  // -1 auto
  bool skip_bad;     // leave bad files out with a warning instead of failing
};
struct vc_sample {
  const char *stem; // of the image; "#2" and so on appended for the further pages of a multi-page file
  const char *image_path, *mask_path; // mask_path NULL: unlabelled for good
  uint32_t page;
  uint32_t width, height;
  enum vc_pixel_format format;
};
typedef struct vc_dataset {
  struct vc_sample *samples; // sorted bytewise by stem, those of `unlabelled` last
  uint32_t n_samples;
  uint32_t n_own, n_paired;    // the first ones, of `images`; the same, or 0 where there are no masks
  struct vc_dataset_desc desc; // strings and classes copied
} vc_dataset;
// Lists and pairs the files and reads the images' headers (in parallel on n_threads); opens no mask. Nothing found, an
// image without a mask, two of one stem: VC_E_INPUT naming it. Masks without an image are a warning.
vc_status vc_dataset_open(vc_arena *arena, const struct vc_dataset_desc *desc, int n_threads, vc_dataset **out);
vc_status vc_dataset_image(const vc_dataset *d, uint32_t sample, vc_arena *arena, struct vc_image *out);
// Class indices, 8 bit, width*height as the image (else VC_E_INPUT with both sizes). A label of no class: VC_E_INPUT
// with the value. This is the only function that opens masks.
vc_status vc_dataset_classes(const vc_dataset *d, uint32_t sample, vc_arena *arena, uint8_t **out_classes);
// The mask's labels before the class mapping (instance ids where it has them).
vc_status vc_dataset_labels(const vc_dataset *d, uint32_t sample, vc_arena *arena, uint32_t **out_labels);
// Minimum and maximum of each channel over the listed samples, in the file's units, computed on n_threads.
vc_status vc_dataset_range(const vc_dataset *d, const uint32_t *samples, uint32_t n, int n_threads, double *out_min,
                           double *out_max);

// ---- imports ----------------------------------------------------------------------------------------------------

// Public sets as their sites ship them. docs/formats.md tells the folders that each kind expects.
enum vc_import_kind { VC_IMPORT_CTC, VC_IMPORT_BBBC039, VC_IMPORT_FOLDER };
enum vc_import_truth { VC_TRUTH_ANY, VC_TRUTH_GOLD, VC_TRUTH_SILVER }; // ANY: gold, and silver for frames without it
struct vc_import_desc {
  const char *source;
  const char *out_dir;        // new, or empty
  enum vc_import_truth truth; // of VC_IMPORT_CTC
  bool skip_bad;              // leave unreadable files out with a warning instead of failing
  int n_threads;
  bool (*progress)(void *context, uint64_t done, uint64_t total); // NULL: none; false stops (VC_E_INTERRUPTED)
  void *context;
};
struct vc_import_result {
  uint32_t n_labelled, n_unlabelled, n_skipped;
};
// Writes images/, masks/, unlabelled/ (images without a mask) and dataset.json, and split.json where the set has lists
// of its own. Every file is decoded once, so a damaged one shows here. out_dir appears whole or not at all.
vc_status vc_import(enum vc_import_kind kind, const struct vc_import_desc *desc, struct vc_import_result *out);

// ---- splits -----------------------------------------------------------------------------------------------------

struct vc_split {
  uint32_t *train_labelled, *train_unlabelled, *val, *test; // sample numbers, ascending
  uint32_t n_labelled, n_unlabelled, n_val, n_test;
};
struct vc_split_desc {
  uint64_t seed;
  double train, val, test;  // shares; they are divided by their sum
  double labelled_fraction; // of the paired training samples, used where labelled_count is 0
  uint32_t labelled_count;
  const char *group; // POSIX extended regex on stems; samples of equal first sub-match stay together; NULL
};
// The samples of `images` are shuffled by (seed, VC_RNG_SPLIT) and cut; counts round half up, at least one labelled (if
// there are masks); labelled subsets of one seed are nested. Those of `unlabelled` all go to train_unlabelled.
vc_status vc_split_make(vc_arena *arena, const vc_dataset *d, const struct vc_split_desc *desc, struct vc_split *out);
// A file as vc_split_write makes it: {"train_labelled": [stems], "train_unlabelled": [...], "val": [...], "test":
// [...]}. Unknown, repeated or missing lists and stems are VC_E_INPUT; samples it does not name are unused.
vc_status vc_split_read(vc_arena *arena, const vc_dataset *d, const char *path, struct vc_split *out);
// What vc_split_write writes: the same split, the same text.
vc_status vc_split_text(vc_arena *arena, const vc_dataset *d, const struct vc_split *split, const char **out_text);
vc_status vc_split_write(const vc_dataset *d, const struct vc_split *split, const char *path);

// ---- order ------------------------------------------------------------------------------------------------------

// Where a sample is met: which one, and in which walk over its list (the key of its draws).
struct vc_visit {
  uint32_t sample, walk;
};
// One epoch walks the longer list once (ceil(longest/batch) steps, the last batch filled up from its front) and goes
// round and round the shorter one, continuing over epochs. `n_other`: the other list's length (0: none).
uint32_t vc_steps_per_epoch(uint32_t n, uint32_t n_other, uint32_t batch);
// One of the two lists of a run: how it is walked.
struct vc_order_desc {
  uint64_t seed;
  uint32_t stream;      // 0 labelled, 1 unlabelled
  bool shuffle;         // each walk in its own order, by (seed, VC_RNG_SHUFFLE, walk, stream); else list order
  const uint32_t *list; // borrowed, not empty
  uint32_t n, n_other, batch;
};
typedef struct vc_order vc_order;
vc_status vc_order_create(vc_arena *arena, const struct vc_order_desc *desc, vc_order **out);
// The visits of a step (0-based within its epoch, epochs 0-based): a function of the desc alone. Keeps the latest
// walk's order, so that steps asked for in sequence are quick; allocates nothing.
void vc_order_visits(vc_order *order, uint32_t epoch, uint32_t step, struct vc_visit *out_visits);

// ---- augmentation draws (pure; METHOD section 4) -------------------------------------------------------------------

// x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y + m[5], about the image's centre. Acts on content.
typedef struct vc_affine {
  double m[6];
} vc_affine;
vc_affine vc_affine_identity(void);
vc_affine vc_affine_multiply(vc_affine a, vc_affine b); // first b, then a
vc_affine vc_affine_inverse(vc_affine a);
vc_affine vc_affine_rotation(double angle_rad);
struct vc_weak_desc {
  double scale_lo, scale_hi, rotate_deg, flip; // scale 1..1, 0, 0: identity
};
vc_affine vc_weak_draw(const struct vc_weak_desc *desc, uint64_t seed, uint32_t stream, struct vc_visit visit);

enum { VC_MAX_STRONG_OPS = 9 };
struct vc_strong_desc {
  uint32_t num_ops; // 0: off
  uint32_t op_mask; // bit i: enum vc_augment_op i may be drawn
};
struct vc_strong {
  uint32_t n_ops;
  enum vc_augment_op op[VC_MAX_STRONG_OPS];
  float magnitude[VC_MAX_STRONG_OPS]; // factor in [0.1,1.9], threshold in [0,1], angle in degrees; 0 where unused
  bool rotates;
  vc_affine rotation; // R, the identity if !rotates
};
struct vc_strong vc_strong_draw(const struct vc_strong_desc *desc, uint64_t seed, struct vc_visit visit);
vc_affine vc_turn_draw(uint64_t seed, uint32_t stream, struct vc_visit visit); // IIC's rotation, by U(0°, 360°)
// The corner of a w x h window, uniform over the places inside the image; a side shorter than the window is centred.
void vc_crop_draw(uint64_t seed, uint32_t stream, struct vc_visit visit, uint32_t width, uint32_t height, uint32_t w,
                  uint32_t h, int32_t *out_left, int32_t *out_top);

// ---- loading ahead ------------------------------------------------------------------------------------------------

// Runs fetch(context, step, slot) on worker threads for step = first, first+1, ... with slot = step mod n_slots, never
// more than n_slots ahead of what was released; with 0 workers fetch runs inside vc_loader_next. What a step holds may
// depend on its number only.
typedef struct vc_loader vc_loader;
vc_status vc_loader_create(vc_arena *arena, vc_status (*fetch)(void *context, uint64_t step, uint32_t slot),
                           void *context, uint32_t n_slots, int n_workers, uint64_t first_step, vc_loader **out);
vc_status vc_loader_next(vc_loader *l, uint64_t *out_step,
                         uint32_t *out_slot);        // in order; blocks; a fetch's failure shows at its step
void vc_loader_release(vc_loader *l, uint64_t step); // its slot may be filled again

// ---- synthetic microscopy -----------------------------------------------------------------------------------------

enum vc_synth_kind { VC_SYNTH_FLUO, VC_SYNTH_PHASE, VC_SYNTH_TISSUE, VC_SYNTH_VOLUME };
// Writes images/STEM.png (16-bit for fluo and phase, 8-bit RGB for tissue) and masks/STEM.png (instance ids, 16-bit;
// tissue: class values) plus dataset.json under dir. VOLUME: images/STEM.nii.gz (8-bit intensities) and
// masks/STEM.nii.gz (class values). Same (kind, size, seed, index): same bytes.
vc_status vc_synth_write(enum vc_synth_kind kind, uint32_t count, uint32_t size, uint64_t seed, const char *dir,
                         int n_threads);

#ifdef __cplusplus
}
#endif
#endif
