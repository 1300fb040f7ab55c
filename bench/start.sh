#!/usr/bin/env bash
# The start: --help, the size of the program, and the time from launch to the end of the first training step on the
# bundled sample, with cold caches (the driver's and vulcyte's own empty) and with warm ones. Prints a table.
#
#   bench/start.sh [build/vulcyte [ROUNDS]]
#
# Times are medians over ROUNDS (3). Mesa's cache is moved by MESA_SHADER_CACHE_DIR; other drivers keep theirs elsewhere,
# so "cold" is cold for Mesa only. VULCYTE_DEVICE_NAME (llvmpipe) chooses the device.
set -euo pipefail
vulcyte=$(realpath "${1:-build/vulcyte}") rounds=${2:-3} device=${VULCYTE_DEVICE_NAME:-llvmpipe}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/own MESA_SHADER_CACHE_DIR=$work/mesa

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN {printf "%.3f\n", b - a}'; }
median() { sort -n | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'; }

# Seconds until the log tells of the first step; the run is stopped then.
first_step() {
  local out=$work/run start pid
  rm -rf "$out"
  start=$(now)
  "$vulcyte" train "$root/configs/quickstart.json" --out "$out" --device "$device" --quiet &
  pid=$!
  until grep -qs '"event":"step"' "$out/log.jsonl"; do
    kill -0 "$pid" 2>/dev/null || { wait "$pid" || true; echo "the run ended early" >&2; return 1; }
    sleep 0.01
  done
  since "$start"
  kill -INT "$pid"
  wait "$pid" || true
}

for ((i = 0; i < rounds; i++)); do
  start=$(now)
  "$vulcyte" --help >/dev/null
  since "$start" >>"$work/help"
  rm -rf "$XDG_CACHE_HOME" "$MESA_SHADER_CACHE_DIR"
  mkdir -p "$XDG_CACHE_HOME" "$MESA_SHADER_CACHE_DIR"
  first_step >>"$work/cold" 2>"$work/errors" || { cat "$work/errors" >&2; exit 1; }
  first_step >>"$work/warm" 2>"$work/errors" || { cat "$work/errors" >&2; exit 1; }
done
cp "$vulcyte" "$work/stripped"
strip "$work/stripped"
printf '%-44s %s\n' "help, seconds" "$(median <"$work/help")" \
  "launch to the first step, warm, seconds" "$(median <"$work/warm")" \
  "launch to the first step, cold, seconds" "$(median <"$work/cold")" \
  "stripped program, MB" "$(awk -v n="$(stat -c %s "$work/stripped")" 'BEGIN {printf "%.2f", n / 1e6}')"
