// Names of files and folders.
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include "vulcyte/base.h"

#include "file_error.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

bool vc_path_exists(const char *path) {
  struct stat info;
  return stat(path, &info) == 0;
}

bool vc_path_is_dir(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static vc_status make_dir(const char *path) {
  if (mkdir(path, 0777) == 0) return VC_OK;
  int error = errno;
  if (vc_path_is_dir(path)) return VC_OK; // there already, or made by another process just now
  return file_fail(path, "the folder cannot be made", error == EEXIST ? ENOTDIR : error);
}

vc_status vc_path_make_dirs(const char *path) {
  if (*path == '\0') return VC_FAIL(VC_E_INPUT, "the name of a folder is empty; give one");
  char *partial = strdup(path);
  if (!partial) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", path);
  vc_status status = VC_OK;
  for (char *c = partial + 1; *c && status == VC_OK; c++) {
    if (*c != '/' || c[-1] == '/') continue;
    *c = '\0';
    status = make_dir(partial);
    *c = '/';
  }
  if (status == VC_OK) status = make_dir(partial);
  free(partial);
  return status;
}

vc_status vc_path_check_dirs(const char *path) {
  if (*path == '\0') return VC_FAIL(VC_E_INPUT, "the name of a folder is empty; give one");
  char *partial = strdup(path);
  if (!partial) return VC_FAIL(VC_E_NOMEM, "%s: out of memory", path);
  int error;
  for (;;) { // up to the first part that is there
    struct stat info;
    error = stat(partial, &info) != 0 ? errno : !S_ISDIR(info.st_mode) ? ENOTDIR : 0;
    if (error == 0 && access(partial, W_OK | X_OK) != 0) error = errno;
    if (error != ENOENT || strcmp(partial, ".") == 0 || strcmp(partial, "/") == 0) break;
    size_t n = (size_t)(vc_path_base(partial) - partial);
    while (n > 1 && partial[n - 1] == '/') n--;
    if (n == 0) partial[n++] = '.';
    partial[n] = '\0';
  }
  vc_status status = error ? file_fail(path, "the folder cannot be made or written to", error) : VC_OK;
  free(partial);
  return status;
}

vc_status vc_path_join(vc_arena *arena, const char *dir, const char *name, char **out) {
  size_t n_dir = strlen(dir);
  if (*name == '/' || n_dir == 0) return vc_arena_strdup(arena, name, out);
  return vc_arena_printf(arena, out, "%s%s%s", dir, dir[n_dir - 1] == '/' ? "" : "/", name);
}

const char *vc_path_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

vc_status vc_path_stem(vc_arena *arena, const char *path, char **out) {
  static const char *const doubles[] = {".nii.gz", ".ome.tif", ".ome.tiff"};
  const char *base = vc_path_base(path);
  size_t n_base = strlen(base), n_stem = n_base;
  const char *dot = strrchr(base, '.');
  if (dot && dot > base) n_stem = (size_t)(dot - base);
  for (size_t i = 0; i < VC_COUNT_OF(doubles); i++) {
    size_t n = strlen(doubles[i]);
    if (n_base > n && strcasecmp(base + n_base - n, doubles[i]) == 0) n_stem = n_base - n;
  }
  char *stem;
  VC_TRY(vc_arena_strdup(arena, base, &stem));
  stem[n_stem] = '\0';
  *out = stem;
  return VC_OK;
}

vc_status vc_path_dir(vc_arena *arena, const char *path, char **out) {
  size_t n = (size_t)(vc_path_base(path) - path);
  if (n == 0) return vc_arena_strdup(arena, ".", out);
  while (n > 1 && path[n - 1] == '/') n--;
  char *dir;
  VC_TRY(vc_arena_strdup(arena, path, &dir));
  dir[n] = '\0';
  *out = dir;
  return VC_OK;
}

struct path_list {
  vc_arena *arena;
  char **paths;
  size_t n, capacity;
};

static vc_status add_path(struct path_list *list, char *path) {
  if (list->n == list->capacity) {
    char **grown;
    size_t capacity = list->capacity ? 2 * list->capacity : 64;
    VC_TRY(VC_NEW(list->arena, capacity, &grown));
    if (list->n > 0) memcpy(grown, list->paths, list->n * sizeof *grown);
    list->paths = grown;
    list->capacity = capacity;
  }
  list->paths[list->n++] = path;
  return VC_OK;
}

static vc_status list_folder(struct path_list *list, const char *folder, DIR *dir) {
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(dir);
    if (!entry && errno != 0) return file_fail(folder, "the folder cannot be read", errno);
    if (!entry) return VC_OK;
    if (entry->d_name[0] == '.') continue;
    char *path;
    VC_TRY(vc_path_join(list->arena, folder, entry->d_name, &path));
    if (!vc_path_is_dir(path)) VC_TRY(add_path(list, path));
  }
}

static vc_status list_matches(struct path_list *list, const glob_t *matches) {
  for (size_t i = 0; i < matches->gl_pathc; i++) {
    const char *match = matches->gl_pathv[i];
    char *path;
    if (vc_path_base(match)[0] == '.' || vc_path_is_dir(match)) continue;
    VC_TRY(vc_arena_strdup(list->arena, match, &path));
    VC_TRY(add_path(list, path));
  }
  return VC_OK;
}

static vc_status list_glob(struct path_list *list, const char *pattern) {
  glob_t matches = {0};
  vc_status status;
  int result = glob(pattern, GLOB_NOSORT, NULL, &matches);
  if (result == GLOB_NOSPACE) {
    status = VC_FAIL(VC_E_NOMEM, "%s: out of memory", pattern);
  } else if (result == GLOB_NOMATCH) {
    status = strpbrk(pattern, "*?[") ? VC_OK : file_fail(pattern, "cannot be listed", ENOENT);
  } else if (result != 0) {
    status = VC_FAIL(VC_E_IO, "%s: a folder of this pattern cannot be read; check the permissions", pattern);
  } else {
    status = list_matches(list, &matches);
  }
  globfree(&matches);
  return status;
}

static int compare_paths(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

vc_status vc_path_list(vc_arena *arena, const char *dir_or_glob, char ***out_paths, size_t *out_n) {
  struct path_list list = {.arena = arena};
  DIR *dir = opendir(dir_or_glob);
  if (dir) {
    vc_status status = list_folder(&list, dir_or_glob, dir);
    closedir(dir);
    VC_TRY(status);
  } else if (vc_path_is_dir(dir_or_glob)) {
    return file_fail(dir_or_glob, "the folder cannot be read", errno);
  } else {
    VC_TRY(list_glob(&list, dir_or_glob));
  }
  if (list.n > 1) qsort(list.paths, list.n, sizeof *list.paths, compare_paths);
  *out_paths = list.paths;
  *out_n = list.n;
  return VC_OK;
}

vc_status vc_path_cache_dir(vc_arena *arena, char **out) {
  const char *chosen = getenv("VULCYTE_CACHE"), *shared = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  char *path;
  if (chosen && *chosen) {
    VC_TRY(vc_arena_strdup(arena, chosen, &path));
  } else if (shared && *shared == '/') { // relative values are void by the XDG rules
    VC_TRY(vc_arena_printf(arena, &path, "%s/vulcyte", shared));
  } else if (home && *home) {
    VC_TRY(vc_arena_printf(arena, &path, "%s/.cache/vulcyte", home));
  } else {
    return VC_FAIL(VC_E_IO, "no folder for the cache: HOME is not set; set VULCYTE_CACHE to a folder");
  }
  VC_TRY_CTX(vc_path_make_dirs(path), "cache (VULCYTE_CACHE sets another folder)");
  *out = path;
  return VC_OK;
}
