// vulcyte/base.h: what every room uses: status, arenas, random streams, logging, JSON, files, threads.
//
// Rules that hold in all public headers:
//  - Functions that can fail return vc_status and leave a message for vc_error_message() (one per thread).
//    On failure no out_ parameter is written unless its comment says so.
//  - "owns / borrows / copies / takes" say who frees. Objects made in an arena are freed with it.
//  - Functions are not thread-safe on one object unless said; different objects may be used on different threads.
//  - Lengths in bytes are named _bytes, counts n_, angles _rad. Strings are UTF-8 and zero-terminated.
#ifndef VULCYTE_BASE_H
#define VULCYTE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define VC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define VC_NORETURN          __attribute__((noreturn))
#else
#define VC_PRINTF(fmt, args)
#define VC_NORETURN
#endif

// ---- status ---------------------------------------------------------------------------------------------------

// What went wrong, seen by the user: each value has one remedy.
typedef enum vc_status {
  VC_OK = 0,
  VC_E_USAGE,       // a wrong command line
  VC_E_CONFIG,      // a wrong configuration key or value
  VC_E_INPUT,       // input data that does not fit together (sizes, pairs, classes)
  VC_E_FORMAT,      // a file that is damaged or of an unsupported format
  VC_E_IO,          // a file that cannot be read or written
  VC_E_SHAPE,       // tensors that do not fit (a model for another number of channels, ...)
  VC_E_NOMEM,       // host or device memory exhausted
  VC_E_NO_DEVICE,   // no usable Vulkan device
  VC_E_DEVICE_LOST, // the device stopped answering
  VC_E_UNSUPPORTED, // the device or this build cannot do it
  VC_E_DIVERGED,    // NaN or infinite loss
  VC_E_INTERRUPTED, // stopped by a signal, state saved
  VC_E_PARTIAL,     // some of several pieces of work failed, each with its own message; the others are done
  VC_E_INTERNAL,    // a bug in vulcyte
} vc_status;

// The message of the calling thread's last failure ("WHERE: WHAT; HINT", no newline). Valid until its next failure.
const char *vc_error_message(void);
// Stores a message and returns status. Use VC_FAIL. Messages longer than 2047 bytes are cut.
vc_status vc_fail(vc_status status, const char *fmt, ...) VC_PRINTF(2, 3);
// Prefixes the current message with "fmt: " and returns status. Use VC_TRY_CTX.
vc_status vc_fail_context(vc_status status, const char *fmt, ...) VC_PRINTF(2, 3);
// The exit code of the program for a status: 0, 1 (failed), 2 (usage, config, input, format, shape), 3 (no device),
// 130.
int vc_status_exit_code(vc_status status);

// The status comes back through a function that compilers and analyzers see into: they know then which one it is.
static inline vc_status vc_status_itself(vc_status status) {
  return status;
}
#define VC_FAIL(status, ...)         ((void)vc_fail((status), __VA_ARGS__), vc_status_itself(status))
#define VC_FAIL_CONTEXT(status, ...) ((void)vc_fail_context((status), __VA_ARGS__), vc_status_itself(status))
#define VC_TRY(expr)                                    \
  do {                                                  \
    vc_status vc_try_status_ = (expr);                  \
    if (vc_try_status_ != VC_OK) return vc_try_status_; \
  } while (0)
#define VC_TRY_CTX(expr, ...)                                                         \
  do {                                                                                \
    vc_status vc_try_status_ = (expr);                                                \
    if (vc_try_status_ != VC_OK) return VC_FAIL_CONTEXT(vc_try_status_, __VA_ARGS__); \
  } while (0)

// Aborts with file and line when a programmer's assumption is false; on in release builds.
#define VC_ASSERT(cond) ((cond) ? (void)0 : vc_assert_failed(#cond, __FILE__, __LINE__))
VC_NORETURN void vc_assert_failed(const char *cond, const char *file, int line);

#define VC_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define VC_MIN(a, b)       ((a) < (b) ? (a) : (b))
#define VC_MAX(a, b)       ((a) > (b) ? (a) : (b))
static inline uint64_t vc_div_up(uint64_t a, uint64_t b) {
  return (a + b - 1) / b;
}
static inline uint64_t vc_round_up(uint64_t a, uint64_t b) {
  return vc_div_up(a, b) * b;
}

// ---- arena ----------------------------------------------------------------------------------------------------

// A region that owns memory and objects. Destroying it runs the registered destructors in reverse order, then frees
// all memory; an early return therefore cannot leak.
typedef struct vc_arena vc_arena;
vc_status vc_arena_create(vc_arena **out_arena);
void vc_arena_destroy(vc_arena *arena); // NULL is allowed
// n * size zeroed bytes aligned to 16; VC_E_NOMEM on exhaustion or overflow. n = 0 gives a valid pointer.
vc_status vc_arena_alloc(vc_arena *arena, size_t n, size_t size, void **out);
#define VC_NEW(arena, n, out_ptr) vc_arena_alloc((arena), (n), sizeof **(out_ptr), (void **)(out_ptr))
// Calls destroy(object) when the arena is destroyed. On failure destroy(object) has been called already.
vc_status vc_arena_defer(vc_arena *arena, void (*destroy)(void *object), void *object);
vc_status vc_arena_strdup(vc_arena *arena, const char *text, char **out);
vc_status vc_arena_printf(vc_arena *arena, char **out, const char *fmt, ...) VC_PRINTF(3, 4);

// ---- random streams -------------------------------------------------------------------------------------------

// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a pure function of key and
// counter.
void vc_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

// What a stream is for; part of the address, so streams of different purposes never overlap. Append only.
enum vc_rng_purpose {
  VC_RNG_INIT = 1, // initial weights: sample = parameter index
  VC_RNG_SPLIT,    // train/val/test split and labelled subset
  VC_RNG_SHUFFLE,  // order of an epoch
  VC_RNG_CROP,     // crop window
  VC_RNG_WEAK,     // weak augmentation
  VC_RNG_STRONG,   // strong augmentation
  VC_RNG_DROPOUT,  // dropout keys
  VC_RNG_SYNTH,    // synthetic images
  VC_RNG_TEST,     // tests
  VC_RNG_SECTION,  // plane sections of volumes
  VC_RNG_TURN,     // the rotation between two views (IIC)
};
// A stream addressed by (seed, purpose, epoch, sample): the same address gives the same draws, whatever was drawn
// elsewhere.
typedef struct vc_rng {
  uint32_t key[2];
  uint32_t counter[4];
  uint32_t block[4];
  uint32_t n_used;
} vc_rng;
vc_rng vc_rng_at(uint64_t seed, enum vc_rng_purpose purpose, uint32_t epoch, uint32_t sample);
uint32_t vc_rng_u32(vc_rng *rng);
double vc_rng_uniform(vc_rng *rng, double lo, double hi);        // 32 random bits, in [lo, hi)
double vc_rng_normal(vc_rng *rng);                               // mean 0, variance 1 (Box-Muller)
uint32_t vc_rng_below(vc_rng *rng, uint32_t n);                  // unbiased in [0, n), n > 0
void vc_rng_permutation(vc_rng *rng, uint32_t n, uint32_t *out); // Fisher-Yates of 0..n-1

// ---- logging --------------------------------------------------------------------------------------------------

enum vc_log_level { VC_LOG_DEBUG, VC_LOG_INFO, VC_LOG_WARNING };
// The library never prints: it hands lines to this sink (NULL, the default, drops them), one call at a time whatever
// the thread. A sink must not log.
typedef void (*vc_log_sink)(void *context, enum vc_log_level level, const char *line);
void vc_log_set_sink(vc_log_sink sink, void *context);
void vc_log(enum vc_log_level level, const char *fmt, ...) VC_PRINTF(2, 3);

// ---- JSON -----------------------------------------------------------------------------------------------------

// A parsed document; // and /* */ comments are allowed, duplicate keys are errors. Values are borrowed from their
// document.
typedef struct vc_json vc_json;
enum vc_json_type { VC_JSON_NULL, VC_JSON_BOOL, VC_JSON_NUMBER, VC_JSON_STRING, VC_JSON_ARRAY, VC_JSON_OBJECT };
// Parses text (n_bytes, need not be terminated); name stands in messages ("config.json:12: expected ',' ...").
// VC_E_FORMAT for a text that is not such JSON, or nested more than 64 deep.
vc_status vc_json_parse(vc_arena *arena, const char *name, const char *text, size_t n_bytes, vc_json **out);
enum vc_json_type vc_json_type_of(const vc_json *value);
bool vc_json_bool(const vc_json *value); // VC_ASSERTs the type, as the next two
double vc_json_number(const vc_json *value);
const char *vc_json_string(const vc_json *value);
size_t vc_json_size(const vc_json *value);                          // children of an array or object, else 0
const vc_json *vc_json_at(const vc_json *value, size_t index);      // child by position, of arrays and objects
const vc_json *vc_json_get(const vc_json *object, const char *key); // NULL if absent
const char *vc_json_key(const vc_json *value); // the key under which an object's child stands, else ""
int vc_json_line(const vc_json *value);        // 1-based line in the source text; 0 for values made by set
// Replaces or adds object[key] for a dotted path ("augment.weak.scale"), parsing `text` as JSON and, where that fails,
// taking it as a string. Intermediate objects are created; VC_E_CONFIG where something else stands in their place.
vc_status vc_json_set_path(vc_json *root, const char *path, const char *text);

// Writing: an append-only buffer that produces valid JSON (commas, escapes, shortest round-trip numbers; NaN → null).
typedef struct vc_json_writer vc_json_writer;
vc_status vc_json_writer_create(vc_arena *arena, int indent, vc_json_writer **out); // indent 0: one line
void vc_json_begin_object(vc_json_writer *w, const char *key); // key NULL inside arrays and at the root
void vc_json_end_object(vc_json_writer *w);
void vc_json_begin_array(vc_json_writer *w, const char *key);
void vc_json_end_array(vc_json_writer *w);
void vc_json_put_number(vc_json_writer *w, const char *key, double value); // integers up to 2^53 without exponent
void vc_json_put_string(vc_json_writer *w, const char *key, const char *value);
void vc_json_put_bool(vc_json_writer *w, const char *key, bool value);
void vc_json_put_null(vc_json_writer *w, const char *key);
void vc_json_put_value(vc_json_writer *w, const char *key, const vc_json *value); // a copy of a parsed value
// The text so far (owned by the arena); VC_E_NOMEM if any append failed.
vc_status vc_json_writer_text(vc_json_writer *w, const char **out_text, size_t *out_bytes);
void vc_json_writer_reset(vc_json_writer *w); // empties it for another document; its memory stays

// ---- files ----------------------------------------------------------------------------------------------------

// Everywhere here: VC_E_INPUT where the path itself is wrong (missing, a folder for a file, a file for a folder),
// VC_E_IO for what the system refuses (permissions, full disk, ...); the message has the path and the system's reason.
// Reads a whole regular file into the arena, plus one zero byte beyond *out_bytes. Over max_bytes (0: no limit):
// VC_E_INPUT.
vc_status vc_file_read(vc_arena *arena, const char *path, size_t max_bytes, uint8_t **out_data, size_t *out_bytes);
// Writes to a temporary sibling, flushes it to the disk and renames it over path: the file appears whole or not at all.
vc_status vc_file_write(const char *path, const void *data, size_t n_bytes);
// The same for a file written in pieces.
typedef struct vc_file_writer vc_file_writer;
vc_status vc_file_writer_open(const char *path, vc_file_writer **out);
vc_status vc_file_writer_append(vc_file_writer *w, const void *data, size_t n_bytes);
// Anywhere in the file, over what is there or beyond its end; where append goes on does not change. Not for pipes.
vc_status vc_file_writer_write_at(vc_file_writer *w, uint64_t offset, const void *data, size_t n_bytes);
vc_status vc_file_writer_commit(vc_file_writer *w); // renames into place and frees w, also on failure
void vc_file_writer_discard(vc_file_writer *w);     // removes the temporary and frees w
// The same for a folder: fill the hidden sibling that vc_folder_writer_path names, then commit renames it to path. What
// an earlier, killed writer of this path left behind is removed. VC_E_INPUT where path exists and is not an empty
// folder.
typedef struct vc_folder_writer vc_folder_writer;
vc_status vc_folder_writer_open(const char *path, vc_folder_writer **out);
const char *vc_folder_writer_path(const vc_folder_writer *w);
vc_status vc_folder_writer_commit(vc_folder_writer *w); // frees w, also on failure
void vc_folder_writer_discard(vc_folder_writer *w);     // removes what was written and frees w
// Waits up to so many seconds for a lock on a file, made if need be. It is held until the arena is destroyed, and by
// children of this process while they live.
vc_status vc_file_lock(vc_arena *arena, const char *path, double seconds, bool *out_locked);
bool vc_path_exists(const char *path);
bool vc_path_is_dir(const char *path);
vc_status vc_path_make_dirs(const char *path); // like mkdir -p
// Fails as vc_path_make_dirs would, and where no file can be made in the folder; makes nothing.
vc_status vc_path_check_dirs(const char *path);
vc_status vc_path_join(vc_arena *arena, const char *dir, const char *name, char **out); // an absolute name is kept
const char *vc_path_base(const char *path);                                             // the part after the last '/'
vc_status vc_path_stem(vc_arena *arena, const char *path,
                       char **out); // base name up to its last '.'; .nii.gz, .ome.tif as one
vc_status vc_path_dir(vc_arena *arena, const char *path, char **out); // "." when there is none
// The files of a folder (not its sub-folders, no names starting with '.'), or of a glob; sorted bytewise, each
// beginning with the folder as given. An empty folder or a wildcard without match gives *out_n = 0.
vc_status vc_path_list(vc_arena *arena, const char *dir_or_glob, char ***out_paths, size_t *out_n);
// $XDG_CACHE_HOME/vulcyte or ~/.cache/vulcyte, created; VULCYTE_CACHE overrides.
vc_status vc_path_cache_dir(vc_arena *arena, char **out);

// ---- texts ----------------------------------------------------------------------------------------------------

// Levenshtein distance, for naming the nearest right word; only the first 48 letters count.
uint32_t vc_edit_distance(const char *a, const char *b);

// ---- threads and time -----------------------------------------------------------------------------------------

double vc_time_seconds(void); // monotonic
int vc_cpu_count(void);       // processors this process may use
// Runs fn(context, i) for i in [0, n) on n_threads workers (0: on the caller alone); returns the failure of the lowest
// i, with its message. Which thread runs an i never changes results.
vc_status vc_parallel_for(int n_threads, size_t n, vc_status (*fn)(void *context, size_t i), void *context);

#ifdef __cplusplus
}
#endif
#endif
