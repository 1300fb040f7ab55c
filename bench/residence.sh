#!/usr/bin/env bash
# Images a second of training with the images on the device and streamed to it, in turn, on a set made here: medians over
# the steps but the first five of a run, then over the rounds; the ratio is that of rounds side by side.
#
#   bench/residence.sh [build/vulcyte [ROUNDS]]
#
# COUNT (300) images of SIDE (256), BASES ("4 16"), BATCH (1), METHOD (supervised), STEPS (60), DEVICE (auto).
set -euo pipefail
vulcyte=$(realpath "${1:-build/vulcyte}") rounds=${2:-3}
side=${SIDE:-256} batch=${BATCH:-1}
read -ra bases <<<"${BASES:-4 16}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$vulcyte" synth fluo --count "${COUNT:-300}" --size "$side" --seed 1 --out "$work/data" >"$work/log"
cat >"$work/config.json" <<END
{"name": "residence", "method": "${METHOD:-supervised}", "device": "${DEVICE:-auto}",
 "data": {"images": "data/images", "masks": "data/masks", "crop": $side, "labelled": 0.5, "split": [1, 0, 0]},
 "train": {"epochs": 1000, "batch": $batch, "max_steps": ${STEPS:-60}}}
END

median() {
  sort -g | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'
}
seconds() { # base residence
  rm -rf "$work/run"
  "$vulcyte" train "$work/config.json" --out "$work/run" --quiet --set "model.base=$1" --set "data.residence=$2" \
    >"$work/log" 2>&1 || { tail -n 1 "$work/log" >&2 && exit 1; }
  sed -n '/"event":"step"/ s/.*"seconds":\([0-9.e-]*\).*/\1/p' "$work/run/log.jsonl" | tail -n +6 | median
}

printf '%5s %12s %12s %16s\n' base "on device" streamed "streamed/device"
for base in "${bases[@]}"; do
  : >"$work/device" && : >"$work/stream" && : >"$work/ratios"
  for ((round = 0; round < rounds; round++)); do
    d=$(seconds "$base" device) s=$(seconds "$base" stream)
    echo "$d" >>"$work/device" && echo "$s" >>"$work/stream"
    awk "BEGIN {print $d / $s}" >>"$work/ratios"
  done
  awk -v base="$base" -v n="$batch" -v d="$(median <"$work/device")" -v s="$(median <"$work/stream")" \
    -v r="$(median <"$work/ratios")" 'BEGIN {printf "%5d %8.2f im/s %7.2f im/s %16.3f\n", base, n / d, n / s, r}'
done
