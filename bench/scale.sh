#!/usr/bin/env bash
# How the time of a supervised step grows with pixels and batch: a table of seconds a step, and nanoseconds a pixel,
# which would be constant if time were linear. Sizes that the device cannot bind are told with vulcyte's own words.
#
#   bench/scale.sh [build/vulcyte [STEPS]]
#
# SIDES ("128 256 512 1024 2048"), BATCHES ("1 2 4 8", at 128x128), BASE (8), METHOD (supervised), DEVICE (auto).
set -euo pipefail
vulcyte=${1:-build/vulcyte} steps=${2:-3}
read -ra sides <<<"${SIDES:-128 256 512 1024 2048}"
read -ra batches <<<"${BATCHES:-1 2 4 8}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '{"name": "scale", "data": {"images": "none", "masks": "none"}}' >"$work/config.json"

row() { # side batch
  if ! "$vulcyte" bench --config "$work/config.json" --set "method=${METHOD:-supervised}" --set "model.base=${BASE:-8}" \
    --set "data.crop=$1" --set "train.batch=$2" --steps "$steps" --device "${DEVICE:-auto}" --json --quiet \
    >"$work/out.json" 2>"$work/errors"; then
    printf '%5s %5s   %s\n' "$1" "$2" "$(tail -n 1 "$work/errors")"
    return
  fi
  # The first result is the training step.
  awk -v side="$1" -v batch="$2" -F'[:,]' '
    /"seconds"/ && !s {s = $2} /"work_bytes"/ && !w {w = $2}
    END {printf "%5d %5d %10.4f %10.1f %10.0f\n", side, batch, s, s * 1e9 / (side * side * batch), w / 1048576}' \
    "$work/out.json"
}

printf '%5s %5s %10s %10s %10s\n' side batch "s a step" "ns a pixel" "work MiB"
for side in "${sides[@]}"; do row "$side" 1; done
for batch in "${batches[@]}"; do
  if [ "$batch" != 1 ]; then row "${sides[0]}" "$batch"; fi
done
