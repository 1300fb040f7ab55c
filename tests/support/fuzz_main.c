// Stands in for libFuzzer where the compiler has none: replays a corpus, then a fixed sequence of mutations of it.
// Usage: fuzz_x [-runs=N] [-max_total_time=SECONDS] [-only=I] [FOLDER...]
// Input I depends on I and the corpus alone, so "-only=I" repeats the one that a crash message names.
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);
// Defined by the sanitizers' runtime, where one is linked.
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

enum { MAX_SEEDS = 4096, MAX_BYTES = 1 << 18 };

struct seed {
  uint8_t *data;
  size_t n_bytes;
};

static struct seed seeds[MAX_SEEDS];
static size_t n_seeds;
static long current; // iteration; corpus files count as -1, -2, ...

static uint64_t next_random(uint64_t *state) { // SplitMix64
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static size_t pick(uint64_t *state, size_t n) {
  return n ? (size_t)(next_random(state) % n) : 0;
}

static void report(void) {
  char text[64];
  int n = snprintf(text, sizeof text, "fuzz_main: died at input %ld (-only=%ld)\n", current, current);
  if (write(2, text, (size_t)n) < 0) _exit(1);
}

static void on_signal(int number) {
  report();
  signal(number, SIG_DFL);
  raise(number);
}

static void add_seed(const void *data, size_t n_bytes) {
  if (n_seeds == MAX_SEEDS) return;
  struct seed *s = &seeds[n_seeds];
  s->data = malloc(n_bytes + 1);
  if (!s->data) exit(1);
  memcpy(s->data, data, n_bytes);
  s->n_bytes = n_bytes;
  n_seeds++;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_folder(const char *folder) {
  char *names[MAX_SEEDS];
  size_t n = 0;
  DIR *dir = opendir(folder);
  if (!dir) return;
  for (struct dirent *e; n < MAX_SEEDS && (e = readdir(dir));) {
    if (e->d_name[0] == '.') continue;
    names[n] = malloc(strlen(folder) + strlen(e->d_name) + 2);
    if (!names[n]) exit(1);
    sprintf(names[n++], "%s/%s", folder, e->d_name);
  }
  closedir(dir);
  qsort(names, n, sizeof names[0], by_name);
  static uint8_t buffer[MAX_BYTES];
  for (size_t i = 0; i < n; i++) {
    FILE *f = fopen(names[i], "rb");
    if (f) {
      add_seed(buffer, fread(buffer, 1, sizeof buffer, f));
      fclose(f);
    }
    free(names[i]);
  }
}

// One random edit of data[0..n), which has room for MAX_BYTES; returns the new length.
static size_t edit(uint8_t *data, size_t n, uint64_t *rng) {
  static const uint32_t odd_values[] = {0,      1,      0x7f,       0x80,       0xff,      0x7fff,
                                        0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
  size_t at = pick(rng, n), length = 1 + pick(rng, 16);
  switch (pick(rng, 8)) {
  case 0:
    if (n) data[at] ^= (uint8_t)(1u << pick(rng, 8));
    return n;
  case 1:
    if (n) data[at] = (uint8_t)next_random(rng);
    return n;
  case 2: { // a number that tends to overflow something, of 1, 2 or 4 bytes, in either byte order
    uint32_t value = odd_values[pick(rng, sizeof odd_values / sizeof odd_values[0])];
    size_t width = (size_t)1 << pick(rng, 3);
    size_t swap = pick(rng, 2);
    for (size_t i = 0; i < width && at + i < n; i++) data[at + i] = (uint8_t)(value >> 8 * (swap ? width - 1 - i : i));
    return n;
  }
  case 3: return at; // cut off
  case 4:            // remove a stretch
    if (at + length > n) return n;
    memmove(data + at, data + at + length, n - at - length);
    return n - length;
  case 5: // repeat a stretch
    if (at + length > n || n + length > MAX_BYTES) return n;
    memmove(data + at + length, data + at, n - at);
    return n + length;
  case 6: { // copy a stretch elsewhere
    size_t to = pick(rng, n);
    if (at + length <= n && to + length <= n) memmove(data + to, data + at, length);
    return n;
  }
  default: { // continue as another seed does
    const struct seed *other = &seeds[pick(rng, n_seeds)];
    if (at >= other->n_bytes || other->n_bytes > MAX_BYTES) return n;
    memcpy(data + at, other->data + at, other->n_bytes - at);
    return other->n_bytes;
  }
  }
}

// Runs one input from an allocation of its exact size, so that a sanitizer sees the first byte read beyond it.
static void run_one(const uint8_t *data, size_t n_bytes) {
  uint8_t *copy = malloc(n_bytes ? n_bytes : 1);
  if (!copy) exit(1);
  memcpy(copy, data, n_bytes);
  LLVMFuzzerTestOneInput(copy, n_bytes);
  free(copy);
}

static void run_mutation(long i) {
  static uint8_t data[MAX_BYTES];
  uint64_t rng = (uint64_t)i;
  const struct seed *s = &seeds[pick(&rng, n_seeds)];
  size_t n = s->n_bytes;
  memcpy(data, s->data, n);
  for (size_t edits = 1 + pick(&rng, 4); edits; edits--) n = edit(data, n, &rng);
  current = i;
  run_one(data, n);
}

int main(int argc, char **argv) {
  long runs = 10000, seconds = 60, only = -1;
  for (int a = 1; a < argc; a++) {
    if (sscanf(argv[a], "-runs=%ld", &runs) == 1 || sscanf(argv[a], "-max_total_time=%ld", &seconds) == 1 ||
        sscanf(argv[a], "-only=%ld", &only) == 1) {
      continue;
    }
    if (argv[a][0] != '-') add_folder(argv[a]);
  }
  size_t n_files = n_seeds;
  add_seed("", 0);
  add_seed("0000000000000000", 16);
  if (__sanitizer_set_death_callback) {
    __sanitizer_set_death_callback(report);
  } else {
    int fatal[] = {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL};
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) signal(fatal[i], on_signal);
  }

  long done = 0;
  time_t start = time(NULL);
  if (only >= 0) {
    run_mutation(only);
  } else {
    for (size_t i = 0; i < n_seeds; i++) {
      current = -1 - (long)i;
      run_one(seeds[i].data, seeds[i].n_bytes);
    }
    for (; done < runs && time(NULL) - start < seconds; done++) run_mutation(done);
  }
  printf("%zu corpus files, %ld mutations, no crash\n", n_files, done);
  for (size_t i = 0; i < n_seeds; i++) free(seeds[i].data);
  return 0;
}
