// Host tool of the build: writes one C file that holds every compiled shader.
// Usage: embed LIST OUT.c, where LIST has one "name path.spv" a line, sorted by name.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHADERS = 4096, MAX_NAME = 128, SPIRV_MAGIC = 0x07230203 };

struct entry {
  char name[MAX_NAME];
  size_t n_words;
};

static struct entry entries[MAX_SHADERS];

static void die(const char *what, const char *path) {
  fprintf(stderr, "embed: %s: %s\n", path, what);
  exit(1);
}

static size_t write_words(FILE *out, const char *path, size_t index) {
  FILE *in = fopen(path, "rb");
  if (!in) die(strerror(errno), path);
  fprintf(out, "static const uint32_t words_%zu[] = {", index);
  size_t n = 0;
  uint32_t word;
  while (fread(&word, sizeof word, 1, in) == 1) {
    if (n == 0 && word != SPIRV_MAGIC) die("not SPIR-V of this machine's byte order", path);
    fprintf(out, "%s0x%x,", n % 16 ? "" : "\n", (unsigned)word);
    n++;
  }
  if (ferror(in) || n == 0) die("cannot be read", path);
  fclose(in);
  fputs("};\n", out);
  return n;
}

int main(int argc, char **argv) {
  if (argc != 3) die("usage: embed LIST OUT.c", "arguments");
  FILE *list = fopen(argv[1], "r");
  if (!list) die(strerror(errno), argv[1]);
  FILE *out = fopen(argv[2], "w");
  if (!out) die(strerror(errno), argv[2]);
  fputs("#include \"gpu/shader_blobs.h\"\n", out);

  size_t n = 0;
  char line[8192];
  while (fgets(line, sizeof line, list)) {
    line[strcspn(line, "\n")] = 0;
    char *space = strchr(line, ' ');
    if (!space) continue;
    *space = 0;
    if (n == MAX_SHADERS || strlen(line) >= MAX_NAME) die("too many shaders or too long a name", line);
    if (n && strcmp(entries[n - 1].name, line) >= 0) die("list not sorted, or a name given twice", line);
    strcpy(entries[n].name, line);
    entries[n].n_words = write_words(out, space + 1, n);
    n++;
  }
  fprintf(out, "const size_t vc_n_shader_blobs = %zu;\nconst struct vc_shader_blob vc_shader_blobs[] = {\n", n);
  for (size_t i = 0; i < n; i++) {
    fprintf(out, "  {\"%s\", words_%zu, %zu},\n", entries[i].name, i, entries[i].n_words);
  }
  fputs("  {0, 0, 0},\n};\n", out);
  fclose(list);
  if (ferror(out) | (fclose(out) != 0)) die("cannot be written", argv[2]);
  return 0;
}
