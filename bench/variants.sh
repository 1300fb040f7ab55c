#!/usr/bin/env bash
# Whether every fast kernel trains as well as the definitions do: the same run with each variant forced in turn, twice. Prints
# the IoU on the test images, the seconds, and whether both runs ended with the same bits. Where a variant
# cannot run the naive kernel does, and where it does not pay the one that would be chosen.
#
#   bench/variants.sh [build/vulcyte [VARIANT...]]
#
# CONFIG (configs/quickstart.json), SET (a small supervised network, 30 epochs), DEVICE (auto); VARIANTs: those of the convolutions, and
# what is chosen without force. One named mixed:VARIANT runs with activations of 16 bits.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
vulcyte=$(realpath "${1:-build/vulcyte}")
variants=("${@:2}")
[ ${#variants[@]} -gt 0 ] || variants=(chosen naive simd winograd tiled blocked_64x64 mixed:chosen \
  mixed:coop_emulated mixed:coop2_emulated)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
options=(--quiet --device "${DEVICE:-auto}")
for pair in ${SET:-method=supervised data.labelled=1 data.crop=64 model.base=4 train.epochs=30}; do options+=(--set "$pair"); done

train() { # variant out
  local name=${1#mixed:} more=()
  [ "$name" = "$1" ] || more+=(--set precision=mixed)
  [ "$name" = chosen ] || more+=(--variant "*=$name")
  "$vulcyte" train "${CONFIG:-$root/configs/quickstart.json}" --out "$2" "${options[@]}" "${more[@]}" 2>>"$work/log"
}
iou() { # state
  awk -v state="\"$1\"" 'index($1, state) {inside = 1} inside && /"mean_iou"/ {gsub(/[",]/, ""); print $2; exit}' \
    "$work/a/evaluation.json"
}

printf '%-22s %10s %10s %9s  %s\n' variant supervised final seconds "twice the same"
for variant in "${variants[@]}"; do
  rm -rf "$work/a" "$work/b"
  start=$(date +%s)
  if ! train "$variant" "$work/a" || ! train "$variant" "$work/b"; then
    printf '%-22s %s\n' "$variant" "$(tail -n 1 "$work/log")"
    continue
  fi
  seconds=$((($(date +%s) - start) / 2))
  same=yes
  cmp -s "$work"/{a,b}/checkpoints/last.safetensors || same=NO
  printf '%-22s %10.4f %10.4f %9d  %s\n' "$variant" "$(iou best-supervised)" "$(iou best-final)" "$seconds" "$same"
done
