#!/usr/bin/env bash
# Formatting (clang-format) and static checks (clang-tidy) of the C sources; a tool that is absent is left out, and said.
# Usage: scripts/check_style.sh [BUILD-FOLDER]   the folder with compile_commands.json, default build
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build}

mapfile -t sources < <(git ls-files '*.c' '*.h' ':!shaders') # the shaders' headers are GLSL as well
mapfile -t units < <(git ls-files 'src/*.c')
bad=0
if command -v clang-format >/dev/null; then
  clang-format --dry-run -Werror "${sources[@]}" || bad=1
else
  echo "check_style: no clang-format, formatting not checked" >&2
fi
if command -v shellcheck >/dev/null; then
  mapfile -t shell_scripts < <(git ls-files '*.sh' .ci/run)
  shellcheck -x -P SCRIPTDIR "${shell_scripts[@]}" || bad=1
else
  echo "check_style: no shellcheck, scripts not checked" >&2
fi
if command -v clang-tidy >/dev/null && [ -f "$build/compile_commands.json" ]; then
  printf '%s\0' "${units[@]}" | xargs -0 -n 4 -P "$(getconf _NPROCESSORS_ONLN)" clang-tidy --quiet \
    --extra-arg=-Wno-unknown-warning-option -p "$build" || bad=1
else
  echo "check_style: no clang-tidy or no $build/compile_commands.json, static checks not made" >&2
fi
exit "$bad"
