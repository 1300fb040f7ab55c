#!/usr/bin/env bash
# check_package.sh BUILD-FOLDER: installs into a scratch folder and builds a small program against the result, once
# through the CMake package and once through pkg-config.
set -euo pipefail

build=$(cd "$1" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$build" --prefix "$scratch/prefix" >/dev/null
[ -x "$scratch/prefix/bin/vulcyte" ] || {
  echo "check_package: bin/vulcyte was not installed" >&2
  exit 1
}

cat >"$scratch/user.c" <<'END'
#include <stdio.h>
#include <vulcyte/base.h>
#include <vulcyte/gpu.h>
int main(void) {
  vc_arena *arena = NULL;
  if (vc_arena_create(&arena)) return 1;
  struct vc_device_info *devices = NULL;
  size_t n = 0;
  vc_status status = vc_gpu_list(arena, &devices, &n); /* pulls in volk; no device is fine here */
  printf("%zu devices, status %d\n", n, (int)status);
  vc_arena_destroy(arena);
  return 0;
}
END
cat >"$scratch/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(user C)
find_package(vulcyte 0.1 REQUIRED)
add_executable(user user.c)
target_link_libraries(user PRIVATE vulcyte::vulcyte)
END
if ! { cmake -S "$scratch" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/prefix" &&
  cmake --build "$scratch/build"; } >"$scratch/log" 2>&1; then
  cat "$scratch/log" >&2
  exit 1
fi
"$scratch/build/user"

pc=$(find "$scratch/prefix" -name vulcyte.pc)
export PKG_CONFIG_PATH=${pc%/*}
read -ra flags <<<"$(pkg-config --static --cflags --libs vulcyte)"
"${CC:-cc}" "$scratch/user.c" -o "$scratch/user" "${flags[@]}"
"$scratch/user"
