#!/usr/bin/env bash
# Sets up, builds and runs every test: the release build's on both CPU drivers, then unit and fuzz tests and a short
# training under AddressSanitizer and UBSan. Usage: scripts/test.sh [CTEST-ARGUMENT]...   passed to the release run
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs=$(getconf _NPROCESSORS_ONLN)

scripts/setup.sh --tests

configure_and_build() {
  cmake --preset "$1" -DVULCYTE_TESTS=ON >"build-$1.log" 2>&1 || { cat "build-$1.log" >&2 && return 1; }
  rm -f "build-$1.log"
  cmake --build --preset "$1" -j "$jobs"
}

echo "test: release build"
configure_and_build release
echo "test: sanitizer build"
configure_and_build asan

failed=0
echo "test: unit, fuzz and sanitize tests under AddressSanitizer and UBSan"
ctest --preset asan --no-tests=error -j "$jobs" -L 'unit|fuzz|sanitize' || failed=1
echo "test: all tests"
ctest --preset release --no-tests=error -j "$jobs" "$@" || failed=1
if [ "$failed" = 0 ]; then
  echo "test: all passed"
else
  echo "test: FAILED, see above" >&2
fi
exit "$failed"
