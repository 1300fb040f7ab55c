// What lies in a folder that is to be imported.
#include "import.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static vc_status collect_folders(vc_arena *arena, const char *dir, DIR *handle, char ***out_names, size_t *out_n) {
  size_t n = 0, capacity = 0;
  char **names = NULL, *path;
  for (const struct dirent *entry; (entry = readdir(handle));) {
    if (entry->d_name[0] == '.') continue;
    VC_TRY(vc_path_join(arena, dir, entry->d_name, &path));
    if (!vc_path_is_dir(path)) continue;
    if (n == capacity) {
      char **grown;
      capacity = capacity ? 2 * capacity : 16;
      VC_TRY(VC_NEW(arena, capacity, &grown));
      if (n > 0) memcpy(grown, names, n * sizeof *names);
      names = grown;
    }
    VC_TRY(vc_arena_strdup(arena, entry->d_name, &names[n++]));
  }
  if (n > 1) qsort(names, n, sizeof *names, compare_names);
  *out_names = names;
  *out_n = n;
  return VC_OK;
}

vc_status import_folders(vc_arena *arena, const char *dir, char ***out_names, size_t *out_n) {
  DIR *handle = opendir(dir);
  if (!handle) {
    return VC_FAIL(vc_path_is_dir(dir) ? VC_E_IO : VC_E_INPUT, "%s: is no folder that can be read; check the path",
                   dir);
  }
  vc_status status = collect_folders(arena, dir, handle, out_names, out_n);
  closedir(handle);
  return status;
}

vc_status import_images(vc_arena *arena, const char *dir, const char *name, struct import_files *out) {
  static const char *const endings[] = {".png", ".tif", ".tiff"};
  struct import_files files = {0};
  char *folder, **paths;
  size_t n;
  *out = files;
  VC_TRY(vc_path_join(arena, dir, name, &folder));
  if (!vc_path_is_dir(folder)) return VC_OK;
  VC_TRY(vc_path_list(arena, folder, &paths, &n));
  VC_TRY(VC_NEW(arena, n, &files.stems));
  files.paths = paths;
  for (size_t i = 0; i < n; i++) {
    const char *dot = strrchr(vc_path_base(paths[i]), '.');
    bool is_image = false;
    for (size_t k = 0; dot && k < VC_COUNT_OF(endings); k++) is_image = is_image || strcasecmp(dot, endings[k]) == 0;
    if (!is_image) continue;
    VC_TRY(vc_path_stem(arena, paths[i], &files.stems[files.n]));
    paths[files.n++] = paths[i];
  }
  *out = files;
  return VC_OK;
}

bool import_has_folder(const char *dir, const char *name) {
  vc_arena *arena;
  char *path;
  if (vc_arena_create(&arena) != VC_OK) return false;
  bool is_there = vc_path_join(arena, dir, name, &path) == VC_OK && vc_path_is_dir(path);
  vc_arena_destroy(arena);
  return is_there;
}

vc_status import_root(vc_arena *arena, const char *source, bool (*is_root)(const char *dir), const char **out) {
  char **names;
  size_t n;
  VC_TRY(import_folders(arena, source, &names, &n));
  *out = is_root(source) ? source : NULL;
  for (size_t i = 0, n_found = 0; !is_root(source) && i < n; i++) {
    char *path;
    VC_TRY(vc_path_join(arena, source, names[i], &path));
    if (!is_root(path)) continue;
    *out = n_found++ == 0 ? path : NULL; // of several, none is the one that was meant
  }
  return VC_OK;
}
