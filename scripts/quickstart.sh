#!/usr/bin/env bash
# From a fresh checkout to a trained model: installs what is missing, builds, trains on the bundled sample images and
# says how well it went and where to look. The run is left in runs/quickstart; an earlier one is renamed, not lost.
# Usage: scripts/quickstart.sh [TRAIN-ARGUMENT]...   for example --device 0, --set train.epochs=5 or --resume
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=runs/quickstart

scripts/setup.sh
if [ ! -f build/build.ninja ]; then
  cmake --preset release
fi
cmake --build build --target vulcyte_cli -j "$(getconf _NPROCESSORS_ONLN)"

if [ -e "$out" ] && [[ " $* " != *" --resume "* ]]; then
  n=1
  while [ -e "$out-$n" ]; do n=$((n + 1)); done
  mv "$out" "$out-$n"
  echo "quickstart: the earlier run is now $out-$n"
fi
build/vulcyte train configs/quickstart.json --out "$out" "$@"

# evaluation.json holds one object a state, and a state's own "mean_iou" once; null where the test set is empty.
iou_of() {
  local value
  value=$(tr -d ' \n' <"$out/evaluation.json" | sed -nE "s/.*\"$1\":\{([^{}]*,)?\"mean_iou\":([^,}]*).*/\2/p")
  case "$value" in
    [0-9]*) LC_ALL=C printf '%.4f' "$value" ;;
    *) printf 'none' ;;
  esac
}
echo
echo "test IoU, best supervised state: $(iou_of best-supervised)"
echo "test IoU, best final state:      $(iou_of best-final)"
echo "report:   $out/report.html"
echo "overlays: $out/overlays/"
